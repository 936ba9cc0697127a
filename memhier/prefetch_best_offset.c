/* prefetch_best_offset.c - one offset for all, chosen by what would have been in time. */
/*
 * Michaud, "Best-offset hardware prefetching", HPCA 2016. Constants of its table 1: 52 offsets (1
 * to 256 with no prime factor above 5), SCOREMAX 31, ROUNDMAX 100, BADSCORE 1, a table of 256
 * recent requests with 12-bit tags.
 *
 * The recent-requests table holds X - D for each prefetched line X that has arrived, and while
 * prefetching is off each line that has. Each miss or first use of a prefetched line X tests one
 * offset d: when X - d is in the table, a prefetch by d would have been in time, and d scores. A
 * phase ends when an offset reaches SCOREMAX, or after ROUNDMAX rounds over all; the best becomes
 * D, and if its score is not above BADSCORE nothing is fetched in the next phase.
 *
 * The paper has degree 1; more fetches X + 2D, and so on. Arrivals are kept in a ring until an
 * access is as late as they are; what overflows has arrived.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "memhier/prefetcher.h"

#define OFFSETS  52u
#define SCOREMAX 31u
#define ROUNDMAX 100u
#define BADSCORE 1u
#define RECENT   256u
#define ARRIVALS 64u

struct arrival {
    uint64_t line;
    ps_t ready;
};

struct best_offset {
    uint32_t degree;
    uint32_t offset; /* D */
    uint32_t on;     /* D is used */
    uint32_t test;   /* index of the offset to be tested next */
    uint32_t round;
    uint32_t arrivals, first; /* ring */
    uint16_t offsets[OFFSETS];
    uint16_t scores[OFFSETS];
    uint16_t recent[RECENT]; /* tag + 1, 0: empty */
    struct arrival ring[ARRIVALS];
};

static int only_small_factors(uint32_t n)
{
    for (uint32_t f = 2; f <= 5; f++)
        while (n % f == 0)
            n /= f;
    return n == 1;
}

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct best_offset *p = calloc(1, sizeof *p);
    uint32_t n = 0;
    if (!p) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    for (uint32_t d = 1; d <= 256; d++)
        if (only_small_factors(d))
            p->offsets[n++] = (uint16_t)d;
    p->degree = cfg->degree;
    p->offset = 1;
    p->on = 1;
    return p;
}

static uint16_t *slot_of(struct best_offset *p, uint64_t line)
{
    return &p->recent[(line ^ line >> 8) % RECENT];
}

static uint16_t tag_of(uint64_t line)
{
    return (uint16_t)((line >> 8 & 0xfff) + 1);
}

static void take_arrival(struct best_offset *p)
{
    const uint64_t line = p->ring[p->first].line;
    *slot_of(p, line) = tag_of(line);
    p->first = (p->first + 1) % ARRIVALS;
    p->arrivals--;
}

/* What arrived before `at` goes into the table: in the order in which it was asked for. */
static void arrive(struct best_offset *p, ps_t at)
{
    while (p->arrivals && p->ring[p->first].ready <= at)
        take_arrival(p);
}

static void fill(void *state, uint64_t line, int prefetched, ps_t ready)
{
    struct best_offset *p = state;
    if (p->on && !prefetched)
        return;
    if (p->arrivals == ARRIVALS)
        take_arrival(p);
    p->ring[(p->first + p->arrivals++) % ARRIVALS] = (struct arrival){
        .line = p->on ? line - p->offset : line, .ready = ready};
}

static void end_phase(struct best_offset *p)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < OFFSETS; i++)
        best = p->scores[i] > p->scores[best] ? i : best;
    p->on = p->scores[best] > BADSCORE;
    p->offset = p->offsets[best];
    memset(p->scores, 0, sizeof p->scores);
    p->round = p->test = 0;
}

static void learn(struct best_offset *p, uint64_t line)
{
    const uint64_t base = line - p->offsets[p->test];
    int over = 0;
    if (*slot_of(p, base) == tag_of(base))
        over = ++p->scores[p->test] == SCOREMAX;
    if (++p->test == OFFSETS) {
        p->test = 0;
        over |= ++p->round == ROUNDMAX;
    }
    if (over)
        end_phase(p);
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    struct best_offset *p = state;
    arrive(p, a->at);
    if (!prefetch_would_miss(a))
        return 0;
    learn(p, a->line);
    if (!p->on)
        return 0;
    for (uint32_t i = 0; i < p->degree; i++)
        out[i] = a->line + (uint64_t)p->offset * (i + 1);
    return p->degree;
}

static void archive(void *state, struct archive *a)
{
    struct best_offset *p = state;
    archive_section(a, "PBOP", 1);
    archive_u32_below(a, &p->offset, 257);
    archive_u32_below(a, &p->on, 2);
    archive_u32_below(a, &p->test, OFFSETS);
    archive_u32_below(a, &p->round, ROUNDMAX);
    archive_u32_below(a, &p->arrivals, ARRIVALS + 1);
    archive_u32_below(a, &p->first, ARRIVALS);
    archive_u16s(a, p->scores, OFFSETS, SCOREMAX);
    archive_u16s(a, p->recent, RECENT, 0x1001);
    for (uint32_t i = 0; i < ARRIVALS; i++) {
        archive_u64(a, &p->ring[i].line);
        archive_time(a, &p->ring[i].ready);
    }
}

const struct prefetcher_ops prefetcher_best_offset = {
    .name = "best-offset",
    .meaning = "the offset that would have been in time most often (BO)",
    .make = make,
    .drop = free,
    .access = access,
    .fill = fill,
    .archive = archive};
