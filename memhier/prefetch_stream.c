/* prefetch_stream.c - runs of lines, up or down, kept a distance ahead of the program. */
/*
 * The stream prefetcher of IBM's POWER4 in the form of Srinath, Mutlu, Kim & Patt, "Feedback
 * directed prefetching", HPCA 2007, section 2.1: 64 tracked streams. A miss opens one; two further
 * misses within 16 lines of the first, both in one direction, train it. It then watches the region
 * between `start` and `end`: an access there fetches the `degree` lines after the end and moves the
 * end, and once the region is `distance` long the start, by as many. The distance is the paper's
 * "middle of the road", 16 lines; its degree there is 2. The least recently used stream makes room.
 *
 * The paper's lines are longer than those of the level above, so that a line is asked for more than
 * once and a stream meets its region. Here they are not: the miss that trains a stream counts as an
 * access to its region, too. A stream ends with its page: what follows need not be its neighbour.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/prefetcher.h"

#define STREAMS  64u
#define NEAR     16
#define DISTANCE 16

struct stream {
    uint64_t first;      /* the miss that opened it */
    uint64_t start, end; /* in the direction of the stream */
    uint64_t used;       /* 0: free */
    int32_t direction;   /* +1, -1; 0: not known */
    uint32_t misses;     /* 3: trained */
};

struct streams {
    uint32_t degree;
    uint64_t clock;
    struct stream s[STREAMS];
};

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct streams *p = calloc(1, sizeof *p);
    if (p)
        p->degree = cfg->degree;
    else
        snprintf(err, errlen, "out of memory");
    return p;
}

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

static int page_ends_at(const struct stream *s)
{
    const uint64_t next = s->end + (uint64_t)(int64_t)s->direction;
    return (s->end ^ next) >> PREFETCH_PAGE_SHIFT != 0;
}

static uint32_t advance(struct streams *p, struct stream *s, uint64_t *out)
{
    uint32_t n = 0;
    for (; n < p->degree && !page_ends_at(s); n++) {
        s->end += (uint64_t)(int64_t)s->direction;
        out[n] = s->end;
        if (ahead(s, s->start, s->end) > DISTANCE)
            s->start += (uint64_t)(int64_t)s->direction;
    }
    return n;
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    struct streams *p = state;
    struct stream *oldest = p->s, *found = NULL;
    for (struct stream *s = p->s; s < p->s + STREAMS; s++) {
        if (watches(s, a->line)) {
            s->used = ++p->clock;
            return advance(p, s, out);
        }
        found = !found && near(s, a->line) ? s : found;
        oldest = s->used < oldest->used ? s : oldest;
    }
    if (a->hit)
        return 0;
    if (!found)
        *(found = oldest) = (struct stream){.first = a->line, .misses = 1};
    found->used = ++p->clock;
    return found->misses < 3 && train(found, a->line) ? advance(p, found, out) : 0;
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
}

const struct prefetcher_ops prefetcher_stream = {
    .name = "stream",
    .meaning = "ahead of runs of misses, up or down (64 streams)",
    .make = make,
    .drop = free,
    .access = access,
    .archive = archive};
