/* page_streams.h - streams of page requests: random, scan, loop, zipf, phases, and one against LRU.
 */
#ifndef TESTS_PAGE_STREAMS_H
#define TESTS_PAGE_STREAMS_H

#include <stdint.h>
#include <stdlib.h>

enum stream_kind {
    STREAM_RANDOM,
    STREAM_SCAN,
    STREAM_LOOP,
    STREAM_ZIPF,
    STREAM_PHASES,
    STREAM_MIXED,
    STREAM_ADVERSARY,
    STREAM_KINDS
};

static inline uint64_t stream_draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Cumulative weights 1/rank over `pages` ranks, scaled to integers. */
struct zipf {
    uint64_t *upto;
    uint32_t pages;
};

static inline struct zipf zipf_new(uint32_t pages)
{
    struct zipf z = {calloc(pages, sizeof *z.upto), pages};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < pages; i++)
        z.upto[i] = sum += (UINT64_C(1) << 32) / (i + 1);
    return z;
}

static inline uint32_t zipf_draw(const struct zipf *z, uint64_t *rng)
{
    const uint64_t u = (stream_draw(rng) << 31 | stream_draw(rng)) % z->upto[z->pages - 1];
    uint32_t lo = 0, hi = z->pages - 1;
    while (lo < hi) {
        const uint32_t mid = (lo + hi) / 2;
        if (z->upto[mid] > u)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Page numbers far apart, some above 2^63. */
static inline uint64_t stream_page(uint64_t i)
{
    return i * UINT64_C(0x1000000010001);
}

static inline uint64_t stream_next(enum stream_kind kind, size_t i, uint32_t capacity,
                                   const struct zipf *z, uint64_t *rng)
{
    const uint64_t c = capacity;
    switch (kind) {
    case STREAM_RANDOM:
        return stream_draw(rng) % (2 * c + 3);
    case STREAM_SCAN:
        return i % 7 == 0 ? stream_draw(rng) % c : 1000 + i;
    case STREAM_LOOP:
        return i % (c + 1 + c / 3);
    case STREAM_ZIPF:
        return zipf_draw(z, rng);
    case STREAM_PHASES:
        return 50 * (i / 500) + stream_draw(rng) % (c + c / 2 + 1);
    case STREAM_MIXED: /* a hot set, a loop a little too long, and a scan now and then */
        if (i % 300 < 40)
            return 100000 + i;
        return stream_draw(rng) % 2 ? stream_draw(rng) % (c / 2 + 1) : 1000 + i / 2 % (c + 2);
    default: /* always the page that LRU has just lost, with a few uses twice */
        return stream_draw(rng) % 16 ? i % (c + 1) : (i + c) % (c + 1);
    }
}

static inline uint64_t *stream_make(enum stream_kind kind, size_t n, uint32_t capacity)
{
    uint64_t rng = 77 + (uint64_t)kind, *v = calloc(n, sizeof *v);
    struct zipf z = zipf_new(4 * capacity + 8);
    for (size_t i = 0; i < n; i++)
        v[i] = stream_page(stream_next(kind, i, capacity, &z, &rng));
    free(z.upto);
    return v;
}

#endif
