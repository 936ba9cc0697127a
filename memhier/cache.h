/* cache.h - one set-associative, write-back cache; who is evicted is the policy's choice. */
#ifndef MEMHIER_CACHE_H
#define MEMHIER_CACHE_H

#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "memhier/hierarchy.h"
#include "memhier/lru.h"
#include "memhier/policy.h"

/*
 * A cache holds line numbers (physical address / 64) and dirty bits, no data. It knows nothing of
 * other levels: hierarchy.c looks up, fills, and carries victims down.
 *
 * Laid out for the host: the tags of a set are 4, 8 or 16 contiguous 32-bit words (one host cache
 * line for 16 ways), compared at once; recency, valid and dirty bits are 16 bytes beside them. The
 * struct is open because the L1 hit is inlined into hierarchy_access; only memhier/ touches it.
 *
 * The built-in policy LRU is called inline (policy NULL); every other one through its table.
 *
 * Tags are 32 bits: line numbers below CACHE_LINE_LIMIT fit with CACHE_MIN_SETS sets or more.
 */
#define CACHE_MIN_SETS   8u
#define CACHE_MAX_SETS   (1u << 20)
#define CACHE_LINE_LIMIT (HIERARCHY_ADDR_LIMIT >> LINE_SHIFT)
#define CACHE_FLIGHTS    64u /* power of two */

struct cache_set {
    uint64_t order;        /* lru.h; only when LRU is built in */
    uint16_t valid, dirty; /* a bit a way; dirty is a subset of valid */
};

/* A line that was filled and whose data is still under way. Indexed by the line's low bits, so a
 * younger fill may displace an older one, which then counts as arrived. */
struct cache_flight {
    uint64_t line;
    ps_t ready;
    uint32_t source; /* enum mem_source */
};

struct cache {
    uint32_t *tags;
    struct cache_set *sets;
    const struct policy *policy; /* NULL: LRU, built in */
    void *state;                 /* the policy's */
    uint32_t set_bits, set_mask;
    uint32_t ways, full;   /* full: a bit for each way */
    uint32_t stride_shift; /* log2 of the tags a set takes up */
    ps_t latency;
    ps_t flight_until; /* no fill is under way from then on */
    struct cache_counters counters;
    struct cache_flight flight[CACHE_FLIGHTS];
};

/* What a fill pushed out. */
struct cache_victim {
    uint64_t line;
    uint8_t valid, dirty;
    uint8_t bypassed; /* the policy kept the new line out; nothing was pushed out */
};

/* policy NULL: the built-in LRU. NULL and a message (without the cache's name) in err. */
struct cache *cache_new(const struct cache_config *cfg, const struct policy *policy, uint64_t seed,
                        char *err, size_t errlen);
void cache_free(struct cache *c);

/* Put an absent line into its set. req gives the policy the requester; kind is this cache's own
 * view of the access (MEM_WRITEBACK for a victim from above). */
struct cache_victim cache_fill(struct cache *c, uint64_t line, unsigned kind, int dirty,
                               const struct mem_req *req);

/* A flush or non-temporal store passes: 0 absent, 1 found clean, 3 found dirty. The line is clean
 * afterwards, and gone when drop is set. */
int cache_clean(struct cache *c, uint64_t line, int drop, const struct mem_req *req);

/* To or from a checkpoint (memhier/archive.h). Lines in it have numbers below `lines`. */
struct archive;
void cache_archive(struct cache *c, uint64_t lines, struct archive *a);

/* Tell a policy that is not built in about a hit. */
void cache_policy_hit(struct cache *c, uint64_t line, uint32_t way, unsigned kind,
                      const struct mem_req *req);

/* Bit w is set when tag w of the set equals tag; bits past the ways may be set too. */
static inline uint32_t cache_match(const uint32_t *tags, uint32_t stride_shift, uint32_t tag)
{
#ifdef __SSE2__
    const __m128i *t = (const __m128i *)(const void *)tags;
    __m128i key = _mm_set1_epi32((int)tag);
    __m128i a = _mm_cmpeq_epi32(t[0], key);
    if (stride_shift == 2)
        return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(a));
    __m128i ab = _mm_packs_epi32(a, _mm_cmpeq_epi32(t[1], key));
    if (stride_shift == 3)
        return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(ab, _mm_setzero_si128()));
    __m128i cd = _mm_packs_epi32(_mm_cmpeq_epi32(t[2], key), _mm_cmpeq_epi32(t[3], key));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(ab, cd));
#else
    uint32_t bits = 0;
    for (uint32_t w = 0; w < 1u << stride_shift; w++)
        bits |= (uint32_t)(tags[w] == tag) << w;
    return bits;
#endif
}

static inline uint32_t cache_set_of(const struct cache *c, uint64_t line)
{
    return (uint32_t)line & c->set_mask;
}

/* The way that holds the line, or -1. */
static inline int cache_find(const struct cache *c, uint64_t line)
{
    uint32_t set = cache_set_of(c, line);
    const uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    uint32_t hit = cache_match(tags, c->stride_shift, (uint32_t)(line >> c->set_bits));
    hit &= c->sets[set].valid;
    return hit ? __builtin_ctz(hit) : -1;
}

/* One access: counted, and on a hit told to the policy. The way, or -1. Forced inline: it is the
 * L1 hit, which must not save registers. */
static inline __attribute__((always_inline)) int
cache_lookup(struct cache *c, uint64_t line, unsigned kind, const struct mem_req *req)
{
    int way = cache_find(c, line);
    c->counters.accesses[kind]++;
    if (way < 0) {
        c->counters.misses[kind]++;
        return -1;
    }
    struct cache_set *s = &c->sets[cache_set_of(c, line)];
    if (!c->policy)
        s->order = lru_on_hit(s->order, (uint32_t)way, kind);
    else
        cache_policy_hit(c, line, (uint32_t)way, kind, req);
    return way;
}

/* The line in `way` is dirty from now on if `dirty`, and as it was if not. */
static inline void cache_set_dirty(struct cache *c, uint64_t line, int way, int dirty)
{
    struct cache_set *s = &c->sets[cache_set_of(c, line)];
    s->dirty = (uint16_t)(s->dirty | (uint32_t)dirty << way);
}

/* The line's data arrives at `ready` from `source`. */
static inline void cache_note_flight(struct cache *c, uint64_t line, ps_t ready, uint32_t source)
{
    struct cache_flight *f = &c->flight[line & (CACHE_FLIGHTS - 1)];
    f->line = line;
    f->ready = ready;
    f->source = source;
    if (ready > c->flight_until)
        c->flight_until = ready;
}

/* A hit that would be served by `reply`, unless the line is still under way then. */
static inline struct mem_reply cache_await(const struct cache *c, uint64_t line,
                                           struct mem_reply reply)
{
    if (reply.done >= c->flight_until)
        return reply;
    const struct cache_flight *f = &c->flight[line & (CACHE_FLIGHTS - 1)];
    if (f->line == line && f->ready > reply.done) {
        reply.done = f->ready;
        reply.source = f->source;
    }
    return reply;
}

#endif
