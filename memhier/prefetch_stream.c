/* prefetch_stream.c - runs of lines, up or down, kept a distance ahead of the program. */
/*
 * The stream prefetcher of IBM's POWER4 in the form of Srinath, Mutlu, Kim & Patt, "Feedback
 * directed prefetching", HPCA 2007, section 2.1: 64 tracked streams. A miss opens one; two further
 * misses within 16 lines of the first, both in one direction, train it. It then watches the region
 * between `start` and `end`: an access there fetches the `degree` lines after the end and moves the
 * end, and once the region is `distance` long the start, by as many. The distance is the paper's
 * "middle of the road", 16 lines, unless the configuration says otherwise (32 with a degree of 4 is
 * its "aggressive" one); its degree there is 2. The least recently used stream makes room.
 *
 * The paper's lines are longer than those of the level above, so that a line is asked for more than
 * once and a stream meets its region. Here they are not: the miss that trains a stream counts as an
 * access to its region, too. A stream ends with its page: what follows need not be its neighbour.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "memhier/prefetcher.h"

#define STREAMS 64u /* one bit each */
#define NEAR    16
#define USUAL   16  /* distance */
#define PAGES   64u /* power of two */

struct stream {
    uint64_t first;      /* the miss that opened it */
    uint64_t start, end; /* in the direction of the stream */
    uint64_t used;       /* 0: free */
    int32_t direction;   /* +1, -1; 0: not known */
    uint32_t misses;     /* 3: trained */
};

/*
 * A stream cares for a stretch of lines that is shorter than 4 KiB, so that it lies in one piece of
 * 64 lines or in two: `cares` has its bit for these, and only streams that care for a line's piece
 * (or one with the same low bits) are looked at. The order of use is a ring through `head`.
 */
struct streams {
    uint32_t degree;
    int64_t distance;
    uint32_t page_shift;
    uint64_t clock;
    struct stream s[STREAMS];
    uint64_t cares[PAGES];                        /* by the low bits of the piece */
    uint8_t next[STREAMS + 1], prev[STREAMS + 1]; /* from the least recently used on */
};
#define HEAD STREAMS
_Static_assert(2 * NEAR < 64 && PREFETCH_DISTANCE + PREFETCH_MOST < 64,
               "a stretch lies in two pieces");

/* How far `line` lies after `from` in the direction of the stream. */
static int64_t ahead(const struct stream *s, uint64_t from, uint64_t line)
{
    return (int64_t)(line - from) * s->direction;
}

static int watches(const struct stream *s, uint64_t line)
{
    return s->used && s->misses == 3 && ahead(s, s->start, line) >= 0 &&
           ahead(s, s->end, line) <= 0;
}

static int near(const struct stream *s, uint64_t line)
{
    const int64_t d = (int64_t)(line - s->first);
    return s->used && s->misses < 3 && d >= -NEAR && d <= NEAR;
}

/* ---- who cares for a line, who was used last ---- */

static uint64_t *piece_of(struct streams *p, uint64_t line)
{
    return &p->cares[line >> PREFETCH_PAGE_SHIFT & (PAGES - 1)];
}

static void care(struct streams *p, const struct stream *s, int x)
{
    const uint64_t bit = UINT64_C(1) << (s - p->s);
    const int trained = s->misses == 3;
    uint64_t *const ends[] = {piece_of(p, trained ? s->start : s->first - NEAR),
                              piece_of(p, trained ? s->end : s->first + NEAR)};
    for (int i = 0; i < 2; i++)
        *ends[i] = x ? *ends[i] | bit : *ends[i] & ~bit;
}

static void link_last(struct streams *p, uint32_t i)
{
    const uint8_t last = p->prev[HEAD];
    p->next[last] = p->prev[HEAD] = (uint8_t)i;
    p->next[i] = HEAD;
    p->prev[i] = last;
}

static void use(struct streams *p, struct stream *s)
{
    const uint32_t i = (uint32_t)(s - p->s);
    s->used = ++p->clock;
    p->next[p->prev[i]] = p->next[i];
    p->prev[p->next[i]] = p->prev[i];
    link_last(p, i);
}

/* Both, after the streams themselves. */
static void work_out(struct streams *p)
{
    uint64_t left = UINT64_MAX;
    memset(p->cares, 0, sizeof p->cares);
    p->next[HEAD] = p->prev[HEAD] = HEAD;
    while (left) {
        uint32_t oldest = (uint32_t)__builtin_ctzll(left);
        for (uint64_t rest = left; rest; rest &= rest - 1) {
            const uint32_t i = (uint32_t)__builtin_ctzll(rest);
            oldest = p->s[i].used < p->s[oldest].used ? i : oldest;
        }
        link_last(p, oldest);
        left &= ~(UINT64_C(1) << oldest);
        if (p->s[oldest].used)
            care(p, &p->s[oldest], 1);
    }
}

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct streams *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    p->degree = cfg->degree;
    p->distance = cfg->distance ? cfg->distance : USUAL;
    p->page_shift = prefetch_page_shift(cfg);
    work_out(p);
    return p;
}

/* ---- learning ---- */

/* Is it trained now? */
static int train(struct stream *s, uint64_t line)
{
    const int64_t d = (int64_t)(line - s->first);
    const int32_t direction = d > 0 ? 1 : -1;
    if (!d)
        return 0;
    if (direction != s->direction) { /* the first hint, or a change of mind */
        s->direction = direction;
        s->misses = 2;
        return 0;
    }
    s->misses = 3;
    s->start = s->first;
    s->end = line;
    return 1;
}

static int page_ends_at(const struct streams *p, const struct stream *s)
{
    const uint64_t next = s->end + (uint64_t)(int64_t)s->direction;
    return (s->end ^ next) >> p->page_shift != 0;
}

static uint32_t advance(struct streams *p, struct stream *s, uint64_t *out)
{
    uint32_t n = 0;
    care(p, s, 0);
    for (; n < p->degree && !page_ends_at(p, s); n++) {
        s->end += (uint64_t)(int64_t)s->direction;
        out[n] = s->end;
        if (ahead(s, s->start, s->end) > p->distance)
            s->start += (uint64_t)(int64_t)s->direction;
    }
    care(p, s, 1);
    use(p, s);
    return n;
}

/* A miss near the stream's first, or, where there is none such, the first of a new one. */
static uint32_t learn(struct streams *p, struct stream *s, uint64_t line, uint64_t *out)
{
    const int open = s != NULL;
    int trained = 0;
    if (!open)
        s = &p->s[p->next[HEAD]];
    if (s->used)
        care(p, s, 0);
    if (open)
        trained = train(s, line);
    else
        *s = (struct stream){.first = line, .misses = 1};
    care(p, s, 1);
    use(p, s);
    return trained ? advance(p, s, out) : 0;
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    struct streams *p = state;
    struct stream *open = NULL;
    for (uint64_t some = *piece_of(p, a->line); some; some &= some - 1) {
        struct stream *s = &p->s[__builtin_ctzll(some)];
        if (watches(s, a->line))
            return advance(p, s, out);
        open = !open && near(s, a->line) ? s : open;
    }
    return a->hit ? 0 : learn(p, open, a->line, out);
}

static void archive(void *state, struct archive *a)
{
    struct streams *p = state;
    archive_section(a, "PSTR", 1);
    archive_u64(a, &p->clock);
    for (struct stream *s = p->s; s < p->s + STREAMS; s++) {
        uint8_t direction = (uint8_t)(s->direction + 1);
        archive_u64(a, &s->first);
        archive_u64(a, &s->start);
        archive_u64(a, &s->end);
        archive_u64(a, &s->used);
        archive_u32_below(a, &s->misses, 4);
        archive_u8_below(a, &direction, 3);
        s->direction = direction - 1;
    }
    work_out(p);
}

const struct prefetcher_ops prefetcher_stream = {
    .name = "stream",
    .meaning = "ahead of runs of misses, up or down (64 streams)",
    .make = make,
    .drop = free,
    .access = access,
    .archive = archive};
