/* cache.h - one set-associative cache; who is evicted is the policy's choice. */
#ifndef MEMHIER_CACHE_H
#define MEMHIER_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/calendar.h"
#include "memhier/hierarchy.h"
#include "memhier/lru.h"
#include "memhier/match.h"
#include "memhier/mshr.h"
#include "memhier/policy.h"
#include "memhier/prefetcher.h"

/*
 * A cache holds line numbers (physical address / 64) and dirty bits, no data. It knows nothing of
 * other levels: hierarchy.c looks up, fills, and carries victims down.
 *
 * Laid out for the host: the tags of a set are 4, 8 or 16 contiguous 32-bit words (one host cache
 * line for 16 ways), compared at once; recency and a word of bits are 16 bytes beside them. The
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
#define FLIGHT_WAYS      2u
#define PREFETCH_FILTER  4096u
#define CACHE_SLICES     64u /* at most */

/* In `state`, a bit a way each. What is set for an invalid way says nothing. */
enum cache_bits {
    CACHE_VALID = 0,
    CACHE_DIRTY = 16,
    CACHE_OWN = 32,       /* may be written without asking (private caches of several harts) */
    CACHE_PREFETCHED = 48 /* fetched by this cache's prefetcher, not asked for since */
};

struct cache_set {
    uint64_t order; /* lru.h; only when LRU is built in */
    uint64_t state;
};

static inline uint32_t set_ways(const struct cache_set *s, enum cache_bits what)
{
    return (uint32_t)(s->state >> what) & 0xffff;
}

static inline int set_get(const struct cache_set *s, enum cache_bits what, uint32_t way)
{
    return (int)(s->state >> ((uint32_t)what + way) & 1);
}

static inline void set_put(struct cache_set *s, enum cache_bits what, uint32_t way, int x)
{
    const uint32_t at = (uint32_t)what + way;
    s->state = (s->state & ~(UINT64_C(1) << at)) | (uint64_t)(x != 0) << at;
}

/* Lines that were filled and whose data is still under way. Indexed by the line's low bits; where
 * three are under way, the one that arrives first counts as arrived. */
struct cache_flights {
    uint64_t line[FLIGHT_WAYS];
    ps_t ready[FLIGHT_WAYS];
    uint8_t source[FLIGHT_WAYS]; /* enum mem_source */
};

struct cache {
    uint32_t *tags;
    struct cache_set *sets;
    const struct policy *policy; /* NULL: LRU, built in */
    void *state;                 /* the policy's */
    uint32_t set_bits, set_mask; /* of a slice */
    uint32_t ways, full;         /* full: a bit for each way */
    uint32_t stride_shift;       /* log2 of the tags a set takes up */
    ps_t latency;
    ps_t flight_until; /* no fill is under way from then on */
    uint8_t slow;      /* an access is more than lookup, LRU and the dirty bit: see demand_slowly */
    uint8_t through, no_allocate; /* of the config */
    uint8_t keeps_all;            /* the policy may not keep lines out: inclusion rests on it */
    uint32_t turn;                /* next way to take when it wants to */
    uint32_t sets_in_all, slices;
    uint32_t policy_bits; /* the policy knows a power of two of sets, if not all of them are there,
                             and numbers lines so that these bits are the set */
    struct cache_counters counters;
    struct mshr_file mshrs;
    ps_t interval;
    struct calendar *ports; /* NULL when interval is 0 */
    uint32_t port_mask;     /* that many are there, unless the cache is in slices */
    const struct prefetcher_ops *prefetcher; /* NULL: none */
    void *prefetch_state;
    uint32_t prefetch_page_shift; /* log2 of the lines of a page that it stays in */
    struct ip_stride *strides;    /* of an ip-stride prefetcher, where nothing else makes the cache
                                     slow: an L1D's hits train it inline; else NULL */
    /* A bit for each of PREFETCH_FILTER hashes of lines: a prefetched line pushed it out (Srinath
     * et al., HPCA 2007, section 3.1.3). With a prefetcher only. */
    uint64_t *prefetch_filter;
    struct cache_flights flights[CACHE_FLIGHTS];
};

/* What a fill pushed out. */
struct cache_victim {
    uint64_t line;
    uint8_t valid, dirty;
    uint8_t bypassed; /* the policy kept the new line out; nothing was pushed out */
    uint8_t way;      /* of the new line */
};

/* policy NULL: the built-in LRU. ports: a power of two; a cache in slices has one for each. NULL
 * and a message (without the cache's name) in err. */
struct cache *cache_new_ported(const struct cache_config *cfg, uint32_t ports,
                               const struct policy *policy, uint64_t seed, char *err,
                               size_t errlen);
struct cache *cache_new(const struct cache_config *cfg, const struct policy *policy, uint64_t seed,
                        char *err, size_t errlen);
void cache_free(struct cache *c);

struct cache_victim cache_fill_by_policy(struct cache *c, uint64_t line, unsigned kind, int dirty,
                                         const struct mem_req *req);

/* A flush or non-temporal store passes: 0 absent, 1 found clean, 3 found dirty. The line is clean
 * afterwards, and gone when drop is set. */
int cache_clean(struct cache *c, uint64_t line, int drop, const struct mem_req *req);

/* To or from a checkpoint (memhier/archive.h). Lines in it have numbers below `lines`. */
struct archive;
void cache_archive(struct cache *c, uint64_t lines, struct archive *a);

/* The line leaves for another reason than a flush or a fill: another hart or level takes it. The
 * policy is told as of a flush. 0 absent, 1 it was clean, 3 it was dirty. */
int cache_take(struct cache *c, uint64_t line);

/* Tell a policy that is not built in about a hit. */
void cache_policy_hit(struct cache *c, uint64_t line, uint32_t way, unsigned kind,
                      const struct mem_req *req);

/*
 * Which of the slices holds a line. As in processors whose LLC is in pieces beside the cores: a
 * hash that is linear over XOR spreads all bits of the line's number, also those that are the index
 * in the slice, and is then brought into the range, which need not be a power of two. So
 * consecutive lines lie in different slices, and lines that have one set in common at one place of
 * a page are spread otherwise at the next.
 */
#define SLICE_HASH_BITS 12u

static inline uint32_t cache_slice_of(const struct cache *c, uint64_t line)
{
    uint64_t x = line;
    x ^= x >> 8;
    x ^= x << 13;
    x ^= x >> 10;
    x ^= x << 3;
    x ^= x >> 8;
    return (uint32_t)((x & ((1u << SLICE_HASH_BITS) - 1)) * c->slices >> SLICE_HASH_BITS);
}

/* The set of a cache that is in one piece, as private caches are. What is called plain below, and
 * the marks of prefetching, are for these only. */
static inline uint32_t cache_plain_set(const struct cache *c, uint64_t line)
{
    return (uint32_t)line & c->set_mask;
}

/* That of one in slices: out of line, so that the others stay short. */
__attribute__((pure, cold)) uint32_t cache_sliced_set(const struct cache *c, uint64_t line);

static inline uint32_t cache_set_of(const struct cache *c, uint64_t line)
{
    return __builtin_expect(c->slices != 1, 0) ? cache_sliced_set(c, line)
                                               : cache_plain_set(c, line);
}

static inline uint64_t cache_line_in(const struct cache *c, uint32_t set, uint32_t way)
{
    return (uint64_t)c->tags[((size_t)set << c->stride_shift) + way] << c->set_bits |
           (set & c->set_mask);
}

/* The line will be looked up in c soon: have the host fetch its set. */
static inline void cache_expect(const struct cache *c, uint64_t line)
{
    const uint32_t set = cache_set_of(c, line);
    __builtin_prefetch(&c->sets[set], 1);
    __builtin_prefetch(c->tags + ((size_t)set << c->stride_shift), 1);
}

/* Put the line into the way, owned and not prefetched. */
static inline void cache_enter(struct cache *c, struct cache_set *s, uint32_t *tags, uint64_t line,
                               uint32_t way, int dirty)
{
    const uint64_t ways = UINT64_C(0x0001000100010001) << way;
    tags[way] = (uint32_t)(line >> c->set_bits);
    s->state =
        (s->state & ~ways) |
        (UINT64_C(1) << CACHE_VALID | (uint64_t)dirty << CACHE_DIRTY | UINT64_C(1) << CACHE_OWN)
            << way;
    c->counters.fills++;
}

static inline struct cache_victim cache_push_out(struct cache *c, const struct cache_set *s,
                                                 uint32_t set, uint32_t tag, uint32_t way)
{
    const int dirty = set_get(s, CACHE_DIRTY, way);
    c->counters.evictions++;
    c->counters.writebacks += (uint64_t)dirty;
    c->counters.prefetch.useless += (uint64_t)set_get(s, CACHE_PREFETCHED, way);
    return (struct cache_victim){.line = (uint64_t)tag << c->set_bits | (set & c->set_mask),
                                 .valid = 1,
                                 .dirty = (uint8_t)dirty,
                                 .way = (uint8_t)way};
}

/* cache_fill where LRU is built in. */
static inline __attribute__((always_inline)) struct cache_victim
cache_fill_lru(struct cache *c, uint32_t set, uint64_t line, int dirty)
{
    struct cache_set *s = &c->sets[set];
    uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    const uint32_t invalid = ~set_ways(s, CACHE_VALID) & c->full;
    struct cache_victim v = {0};
    if (__builtin_expect(invalid != 0, 0)) {
        v.way = (uint8_t)__builtin_ctz(invalid);
    } else {
        const uint32_t way = lru_victim(s->order, c->ways);
        v = cache_push_out(c, s, set, tags[way], way);
    }
    cache_enter(c, s, tags, line, v.way, dirty);
    s->order = lru_on_fill(s->order, v.way);
    return v;
}

/* Put an absent line into its set, owned and not prefetched. req gives the policy the requester;
 * kind is this cache's own view of the access (MEM_WRITEBACK for a victim from above). */
static inline struct cache_victim cache_fill(struct cache *c, uint64_t line, unsigned kind,
                                             int dirty, const struct mem_req *req)
{
    if (__builtin_expect(c->policy != NULL, 0))
        return cache_fill_by_policy(c, line, kind, dirty, req);
    return cache_fill_lru(c, cache_set_of(c, line), line, dirty);
}

static inline struct cache_victim cache_plain_fill(struct cache *c, uint64_t line, unsigned kind,
                                                   int dirty, const struct mem_req *req)
{
    if (__builtin_expect(c->policy != NULL, 0))
        return cache_fill_by_policy(c, line, kind, dirty, req);
    return cache_fill_lru(c, cache_plain_set(c, line), line, dirty);
}

/* The way that holds the line, or -1. */
static inline int cache_find_in(const struct cache *c, uint32_t set, uint64_t line)
{
    const uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    uint32_t hit = match_tags(tags, c->stride_shift, (uint32_t)(line >> c->set_bits));
    hit &= set_ways(&c->sets[set], CACHE_VALID);
    return hit ? __builtin_ctz(hit) : -1;
}

/* The line will be asked for soon: bring its set near. */
static inline void cache_plain_prefetch(const struct cache *c, uint64_t line)
{
    const uint32_t set = cache_plain_set(c, line);
    __builtin_prefetch(c->tags + ((size_t)set << c->stride_shift));
    __builtin_prefetch(&c->sets[set], 1);
}

static inline int cache_find(const struct cache *c, uint64_t line)
{
    return cache_find_in(c, cache_set_of(c, line), line);
}

/* One access: counted, and on a hit told to the policy. The way, or -1. Forced inline: it is the
 * L1 hit, which must not save registers. */
static inline __attribute__((always_inline)) int cache_lookup_in(struct cache *c, uint32_t set,
                                                                 uint64_t line, unsigned kind,
                                                                 const struct mem_req *req)
{
    const int way = cache_find_in(c, set, line);
    c->counters.accesses[kind]++;
    if (way < 0) {
        c->counters.misses[kind]++;
        return -1;
    }
    struct cache_set *s = &c->sets[set];
    if (!c->policy)
        s->order = lru_on_hit(s->order, (uint32_t)way, kind);
    else
        cache_policy_hit(c, line, (uint32_t)way, kind, req);
    return way;
}

static inline __attribute__((always_inline)) int
cache_lookup(struct cache *c, uint64_t line, unsigned kind, const struct mem_req *req)
{
    return cache_lookup_in(c, cache_set_of(c, line), line, kind, req);
}

static inline __attribute__((always_inline)) int
cache_plain_lookup(struct cache *c, uint64_t line, unsigned kind, const struct mem_req *req)
{
    return cache_lookup_in(c, cache_plain_set(c, line), line, kind, req);
}

/* The line in `way` is dirty from now on if `dirty`, and as it was if not. */
static inline void cache_set_dirty(struct cache *c, uint64_t line, int way, int dirty)
{
    c->sets[cache_set_of(c, line)].state |= (uint64_t)(dirty != 0) << (CACHE_DIRTY + way);
}

static inline int cache_is(const struct cache *c, uint64_t line, int way, enum cache_bits what)
{
    return set_get(&c->sets[cache_set_of(c, line)], what, (uint32_t)way);
}

static inline int cache_plain_is(const struct cache *c, uint64_t line, int way,
                                 enum cache_bits what)
{
    return set_get(&c->sets[cache_plain_set(c, line)], what, (uint32_t)way);
}

static inline void cache_put(struct cache *c, uint64_t line, int way, enum cache_bits what, int x)
{
    set_put(&c->sets[cache_set_of(c, line)], what, (uint32_t)way, x);
}

/* The line's data arrives at `ready` from `source`. */
static inline void cache_note_flight(struct cache *c, uint64_t line, ps_t ready, uint32_t source)
{
    struct cache_flights *f = &c->flights[line & (CACHE_FLIGHTS - 1)];
    const int second = (f->line[1] == line) | ((f->line[0] != line) & (f->ready[1] < f->ready[0]));
    f->line[second] = line;
    f->ready[second] = ready;
    f->source[second] = (uint8_t)source;
    if (ready > c->flight_until)
        c->flight_until = ready;
}

/* cache_await when some line is under way. */
struct mem_reply cache_await_flight(struct cache *c, uint64_t line, struct mem_reply reply);

/* A hit that would be served by `reply`, unless the line is still under way then. */
static inline struct mem_reply cache_await(struct cache *c, uint64_t line, struct mem_reply reply)
{
    return reply.done >= c->flight_until ? reply : cache_await_flight(c, line, reply);
}

/* Whether the line has not arrived by `at`. */
static inline int cache_under_way(const struct cache *c, uint64_t line, ps_t at)
{
    const struct cache_flights *f = &c->flights[line & (CACHE_FLIGHTS - 1)];
    return (f->line[0] == line && f->ready[0] > at) || (f->line[1] == line && f->ready[1] > at);
}

/* A hit at `at`: the first on a line that was prefetched? It counts as useful then,
 * and as late if it is still under way. */
static inline int cache_first_use(struct cache *c, uint64_t line, int way, ps_t at)
{
    struct cache_set *s = &c->sets[cache_plain_set(c, line)];
    if (__builtin_expect(!set_get(s, CACHE_PREFETCHED, (uint32_t)way), 1))
        return 0;
    set_put(s, CACHE_PREFETCHED, (uint32_t)way, 0);
    c->counters.prefetch.useful++;
    c->counters.prefetch.late += (uint64_t)cache_under_way(c, line, at);
    return 1;
}

static inline uint32_t cache_ports(const struct cache *c)
{
    return c->slices != 1 ? c->slices : c->port_mask + 1;
}

/* When a lookup that comes at `at` is done. */
static inline ps_t cache_port(struct cache *c, uint64_t line, ps_t at)
{
    if (c->ports)
        at = calendar_reserve(
            &c->ports[c->slices != 1 ? cache_slice_of(c, line) : line & c->port_mask], at,
            c->interval);
    return at + c->latency;
}

/* When a miss that is found out at `at` may go on: a register is free. */
static inline ps_t cache_miss(struct cache *c, ps_t at)
{
    const ps_t start = mshr_when(&c->mshrs, at);
    if (start != at) {
        c->counters.mshr_full++;
        c->counters.mshr_wait += start - at;
    }
    return start;
}

#endif
