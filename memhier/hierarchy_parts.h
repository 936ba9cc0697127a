/* hierarchy_parts.h - what the files of the hierarchy share: its parts, and how they call each
 * other. */
#ifndef MEMHIER_HIERARCHY_PARTS_H
#define MEMHIER_HIERARCHY_PARTS_H

#include <assert.h>

#include "memhier/cache.h"
#include "memhier/directory.h"
#include "memhier/hierarchy.h"
#include "memhier/router.h"

/*
 *   hierarchy.c           making, the way in, the L1s
 *   hierarchy_levels.c    L2 and LLC: reads, fills, victims, writes on their way down
 *   hierarchy_share.c     what one hart's requests do to the others, the directory, flushes
 *   hierarchy_prefetch.c  what the prefetchers are told, and what they want
 *   hierarchy_check.c     the invariants, for tests
 *   hierarchy_dirty.c     which lines are dirty
 *   hierarchy_counters.c  what is counted
 */
#define WRITEBACK_SLOTS 16u /* power of two */

#define unlikely(x)     __builtin_expect(!!(x), 0)
/* Kept out of hierarchy_access, whose L1 hits then need no registers saved. */
#define NOINLINE __attribute__((noinline))

struct hart_caches {
    struct cache *l1[2]; /* [0] fetches, [1] everything else */
    struct cache *l2;
    struct coherence_counters n;
};

/* A line that a prefetcher wants, to be fetched once the access that it learned from is over. */
struct prefetch_wish {
    uint64_t line, pc;
    ps_t at;
    uint8_t level; /* CACHE_L1D or CACHE_L2 */
    uint8_t hart, side;
};
#define PREFETCH_WISHES 64u /* the most at once: an L1D's, and each of them an L2's */

#define FLUSHES_KNOWN   64u /* power of two; an older one is over long since */

struct hierarchy {
    struct mem_tap *tap;
    struct cache *llc;
    struct directory *dir; /* NULL: one hart and no snoop filter; all lines are its own then */
    struct router router;
    enum llc_inclusion inclusion;
    ps_t lookups;                    /* of a flush: L1D, L2 and LLC, one after the other */
    ps_t snoop;                      /* of the config */
    ps_t home, probe;                /* of the config */
    uint64_t flushed[FLUSHES_KNOWN]; /* lines that were flushed last, by their low bits */
    ps_t flushed_at[FLUSHES_KNOWN];  /* when that was over */
    ps_t slot[WRITEBACK_SLOTS];      /* when each write-back buffer is free again */
    uint32_t next_slot;
    uint32_t harts;
    uint8_t used;        /* some private cache has had a line */
    uint8_t clwb_to_llc; /* of the config */
    uint8_t llc_slow;    /* an access to the LLC alone is more than lookup, LRU and the dirty bit */
    uint32_t nwishes;    /* 0 between accesses */
    struct prefetch_wish wishes[PREFETCH_WISHES];
    struct hart_caches hart[];
};

/* What a read brings. */
struct answer {
    ps_t done;
    uint8_t source; /* enum mem_source */
    uint8_t own;    /* the hart may write the line */
    uint8_t dirty;  /* the line moves up dirty (out of an exclusive LLC) */
};

static inline uint64_t line_of(const struct mem_req *req)
{
    return req->addr >> LINE_SHIFT;
}

static inline ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

static inline struct mem_reply reply_of(struct answer a)
{
    return (struct mem_reply){.done = a.done, .source = a.source};
}

#define KIND(k) (1u << MEM_##k)
#define DEMANDS (KIND(FETCH) | KIND(LOAD) | KIND(STORE) | KIND(WALK))

static inline void check_request(const struct hierarchy *h, const struct mem_req *req)
{
    assert(req->hart < h->harts && req->kind < MEM_KINDS);
    assert((req->addr & (LINE_BYTES - 1)) + req->bytes <= LINE_BYTES);
    assert(req->addr < HIERARCHY_ADDR_LIMIT);
}

void hierarchy_record(struct mem_tap *tap, const struct mem_req *req);

/* ---- hierarchy_levels.c; `at` of writes and victims: what waits for them may go on then ---- */

/* A read by the hart's L1s; with the kind MEM_STORE, for ownership. */
struct answer level_read_l2(struct hierarchy *h, ps_t at, const struct mem_req *req);
/* A prefetch by the hart's L2 or into it. */
struct answer level_prefetch_l2(struct hierarchy *h, ps_t at, const struct mem_req *req);
/* The line that the hart's L1 has not got; filled into it. start: a register is free. */
struct answer level_read_l1(struct hierarchy *h, struct cache *l1, ps_t start,
                            const struct mem_req *req, struct cache_victim *v);
/* A store that the L1D does not allocate for. */
struct answer level_store_l2(struct hierarchy *h, ps_t at, const struct mem_req *req);
/* A write to a line of which this hart is the owner goes down. */
ps_t level_write_l2(struct hierarchy *h, uint64_t line, ps_t at, const struct mem_req *req);
/* dirty 0: a clean victim that an exclusive LLC takes in. */
ps_t level_write_llc(struct hierarchy *h, uint64_t line, int dirty, ps_t at,
                     const struct mem_req *req);
ps_t level_write_memory(struct hierarchy *h, uint64_t line, ps_t at, const struct mem_req *req);
/* A victim of one of the hart's L1s. */
ps_t level_evict_l1(struct hierarchy *h, struct cache_victim v, ps_t at, const struct mem_req *req);
/* The line of a store to the NVDIMM is in the cache: a write-back carries the store from here on.
 */
void level_visible(struct hierarchy *h, const struct mem_req *req, ps_t at);

/* ---- hierarchy_prefetch.c ---- */

/* A request from above has been looked up in c, a cache of its hart at that level. */
void prefetch_learn_from(struct hierarchy *h, struct cache *c, enum cache_level level,
                         const struct mem_req *req, ps_t at, int hit, int first_use);
static inline void prefetch_learn(struct hierarchy *h, struct cache *c, enum cache_level level,
                                  const struct mem_req *req, ps_t at, int hit, int first_use)
{
    if (unlikely(c->prefetcher != NULL))
        prefetch_learn_from(h, c, level, req, at, hit, first_use);
}
/* A hit in c, an L1D with strides, has told that `stride` is to be fetched ahead. */
void prefetch_wish_stride(struct hierarchy *h, const struct cache *c, const struct mem_req *req,
                          ps_t at, int64_t stride);
/* A line has come into c; v: for it. */
void prefetch_came_in(struct cache *c, uint64_t line, int prefetched, struct cache_victim v,
                      ps_t ready);
static inline void prefetch_came(struct cache *c, uint64_t line, int prefetched,
                                 struct cache_victim v, ps_t ready)
{
    if (unlikely(c->prefetcher != NULL))
        prefetch_came_in(c, line, prefetched, v, ready);
}
/* The access is over: fetch what is wished for. */
void prefetch_fetch_all(struct hierarchy *h);
static inline void prefetch_fetch(struct hierarchy *h)
{
    if (unlikely(h->nwishes != 0))
        prefetch_fetch_all(h);
}

/* ---- hierarchy_share.c ---- */

/* What a request has met at the other harts. */
struct sharing {
    struct dir_entry *entry; /* NULL: no directory */
    ps_t at;                 /* the request may go on: the directory has answered, others, too */
    uint8_t own;             /* the requester owns the line now */
    uint8_t snooped;         /* others had to be asked */
    uint8_t dirty;           /* and one of them had a dirty copy, which it has no more */
    uint8_t moved;           /* a victim of the directory was written to the LLC: look again */
};

/* A request has reached the directory at `at`. want_own: to write. in_llc: the LLC has the line, so
 * that a clean copy need not be fetched from another hart. Makes the requester a sharer. */
struct sharing share_ask_others(struct hierarchy *h, const struct mem_req *req, int want_own,
                                int in_llc, ps_t at);
static inline struct sharing share_ask(struct hierarchy *h, const struct mem_req *req, int want_own,
                                       int in_llc, ps_t at)
{
    if (!h->dir)
        return (struct sharing){.at = at, .own = 1};
    return share_ask_others(h, req, want_own, in_llc, at);
}
/* The request's data arrives at `done`: who asks next waits until then, if the owner changed. */
void share_settle(const struct sharing *s, ps_t done);
/* A store hit a line in S; `at`: the private caches have been looked up. When it may go on. */
ps_t share_upgrade(struct hierarchy *h, const struct mem_req *req, ps_t at);
/* A copy of the line has left this hart, or has not come: the directory may have to know. */
void share_left_for_good(struct hierarchy *h, uint32_t hart, uint64_t line);
static inline void share_left(struct hierarchy *h, uint32_t hart, uint64_t line)
{
    if (h->dir)
        share_left_for_good(h, hart, line);
}
/* Whether the hart is the only one with a copy. */
int share_is_last(struct hierarchy *h, uint32_t hart, uint64_t line);
/* Drop all copies of all harts, for an inclusive LLC's victim. Whether one was dirty. */
int share_drop_included(struct hierarchy *h, uint64_t line);
/* Drop the hart's copies in its L1s. Whether one was dirty. */
int share_drop_l1s(struct hierarchy *h, uint32_t hart, uint64_t line);
/* Whether some private cache holds newer data than the LLC. */
int share_newer_above(struct hierarchy *h, uint64_t line);
/* clwb, clflushopt, clflush; and a non-temporal store. */
struct mem_reply share_flush(struct hierarchy *h, const struct mem_req *req);
struct mem_reply share_store_non_temporal(struct hierarchy *h, const struct mem_req *req);

#endif
