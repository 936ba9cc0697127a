/* hierarchy.c - how a request finds its line, where fills go, and what becomes of victims. */
/*
 * The caches are neither inclusive nor exclusive: a miss fills every level that it went through, in
 * the order LLC, L2, L1, and each fill may push out a victim. A clean victim is dropped. A dirty
 * one is written back to the next level: there it marks the copy dirty, or is allocated without a
 * fetch (which may push out the next). The LLC's dirty victims go to memory through WRITEBACK_SLOTS
 * buffers: when all wait for a memory to accept their line, the fill waits too, and so writers are
 * held to the speed of the memory.
 *
 *   fetch                L1I -> L2 -> LLC -> memory
 *   load, store, walk    L1D -> L2 -> LLC -> memory (page walks as on Intel: through the L1D); a
 *                        store is a read for ownership below the L1D, and leaves the line dirty
 * there prefetch                    L2 -> LLC -> memory clwb                 looks in L1D, L2 and
 * LLC; if any copy is dirty, one line goes to memory with this kind, and all copies are clean
 *   clflush(opt)         the same and in the L1I; all copies are dropped
 *   ntstore              all copies are dropped, a dirty one is written back first; then the store
 *                        itself goes to memory
 *
 * A flush of a line that is still under way waits for it. Numbers of MSHRs are not limited.
 */
#include "memhier/hierarchy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/cache.h"
#include "memhier/router.h"

#define WRITEBACK_SLOTS 16u /* power of two */

#define unlikely(x)     __builtin_expect(!!(x), 0)
/* Kept out of hierarchy_access, whose L1 hits then need no registers saved. */
#define NOINLINE __attribute__((noinline))

struct hart_caches {
    struct cache *l1[2]; /* [0] fetches, [1] everything else */
    struct cache *l2;
};

struct hierarchy {
    struct mem_tap *tap;
    struct cache *llc;
    struct router router;
    ps_t lookups;               /* of a flush: L1D, L2 and LLC, one after the other */
    ps_t slot[WRITEBACK_SLOTS]; /* when each write-back buffer is free again */
    uint32_t next_slot;
    uint32_t harts;
    struct hart_caches hart[];
};

static inline uint64_t line_of(const struct mem_req *req)
{
    return req->addr >> LINE_SHIFT;
}

static inline ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

/* ---- making ---- */

static struct cache *make_level(const struct hierarchy_config *cfg, enum cache_level level,
                                const char *name, char *err, size_t errlen)
{
    const struct cache_config *cc = &cfg->level[level];
    const struct policy *policy = cc->loaded ? cc->loaded : policy_find(cc->policy);
    if (!policy) {
        snprintf(err, errlen, "%s: no replacement policy is called \"%s\"", name, cc->policy);
        return NULL;
    }
    char why[200];
    struct cache *c = cache_new(cc, policy == &policy_lru ? NULL : policy, cfg->seed + level, why,
                                sizeof why);
    if (!c)
        snprintf(err, errlen, "%s: %s", name, why);
    return c;
}

struct hierarchy *hierarchy_new(const struct hierarchy_config *cfg, char *err, size_t errlen)
{
    if (cfg->harts != 1) {
        snprintf(err, errlen, "%u harts; caches of several harts are not kept coherent yet, so 1",
                 cfg->harts);
        return NULL;
    }
    if (!cfg->dram.access) {
        snprintf(err, errlen, "a hierarchy needs a DRAM port");
        return NULL;
    }
    struct hierarchy *h = calloc(1, sizeof *h + cfg->harts * sizeof h->hart[0]);
    if (!h) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    h->harts = cfg->harts;
    h->router.dram = cfg->dram;
    h->router.nvdimm = cfg->nvdimm;
    h->lookups = cfg->level[CACHE_L1D].latency + cfg->level[CACHE_L2].latency +
                 cfg->level[CACHE_LLC].latency;
    h->llc = make_level(cfg, CACHE_LLC, "llc", err, errlen);
    int failed = !h->llc;
    for (uint32_t i = 0; i < h->harts && !failed; i++) {
        struct hart_caches *hc = &h->hart[i];
        failed = !(hc->l1[0] = make_level(cfg, CACHE_L1I, "l1i", err, errlen)) ||
                 !(hc->l1[1] = make_level(cfg, CACHE_L1D, "l1d", err, errlen)) ||
                 !(hc->l2 = make_level(cfg, CACHE_L2, "l2", err, errlen));
    }
    if (failed) {
        hierarchy_free(h);
        return NULL;
    }
    return h;
}

void hierarchy_free(struct hierarchy *h)
{
    if (!h)
        return;
    for (uint32_t i = 0; i < h->harts; i++) {
        cache_free(h->hart[i].l1[0]);
        cache_free(h->hart[i].l1[1]);
        cache_free(h->hart[i].l2);
    }
    cache_free(h->llc);
    free(h);
}

int hierarchy_has_nvdimm(const struct hierarchy *h)
{
    return h->router.nvdimm.access != NULL;
}

uint32_t hierarchy_harts(const struct hierarchy *h)
{
    return h->harts;
}

/* ---- victims on their way down; each returns when the fill that pushed them out may go on ---- */

static ps_t write_back_to_memory(struct hierarchy *h, uint64_t line, ps_t at,
                                 const struct mem_req *req)
{
    ps_t *slot = &h->slot[h->next_slot++ & (WRITEBACK_SLOTS - 1)];
    ps_t start = later(at, *slot);
    *slot = router_write(&h->router, line << LINE_SHIFT, start, MEM_WRITEBACK, req).done;
    return start;
}

static ps_t write_back_to_llc(struct hierarchy *h, uint64_t line, ps_t at,
                              const struct mem_req *req)
{
    int way = cache_lookup(h->llc, line, MEM_WRITEBACK, req);
    if (way >= 0) {
        cache_set_dirty(h->llc, line, way, 1);
        return at;
    }
    struct cache_victim v = cache_fill(h->llc, line, MEM_WRITEBACK, 1, req);
    return v.dirty ? write_back_to_memory(h, v.line, at, req) : at;
}

static ps_t write_back_to_l2(struct hierarchy *h, uint64_t line, ps_t at, const struct mem_req *req)
{
    struct cache *l2 = h->hart[req->hart].l2;
    int way = cache_lookup(l2, line, MEM_WRITEBACK, req);
    if (way >= 0) {
        cache_set_dirty(l2, line, way, 1);
        return at;
    }
    struct cache_victim v = cache_fill(l2, line, MEM_WRITEBACK, 1, req);
    return v.dirty ? write_back_to_llc(h, v.line, at, req) : at;
}

/* ---- reads ---- */

static struct mem_reply read_llc(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->llc;
    uint64_t line = line_of(req);
    struct mem_reply reply = {.done = at + c->latency, .source = SRC_LLC};
    if (cache_lookup(c, line, req->kind, req) >= 0)
        return cache_await(c, line, reply);
    reply = router_read(&h->router, req->addr, reply.done, req);
    struct cache_victim v = cache_fill(c, line, req->kind, 0, req);
    if (v.dirty)
        reply.done = write_back_to_memory(h, v.line, reply.done, req);
    if (!v.bypassed)
        cache_note_flight(c, line, reply.done, reply.source);
    return reply;
}

static struct mem_reply read_l2(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->hart[req->hart].l2;
    uint64_t line = line_of(req);
    struct mem_reply reply = {.done = at + c->latency, .source = SRC_L2};
    if (cache_lookup(c, line, req->kind, req) >= 0)
        return cache_await(c, line, reply);
    reply = read_llc(h, reply.done, req);
    struct cache_victim v = cache_fill(c, line, req->kind, 0, req);
    if (v.dirty)
        reply.done = write_back_to_llc(h, v.line, reply.done, req);
    if (!v.bypassed)
        cache_note_flight(c, line, reply.done, reply.source);
    return reply;
}

/* The line of a store to the NVDIMM is in the cache: a write-back carries the store from here on.
 */
static NOINLINE struct mem_reply make_visible(struct hierarchy *h, const struct mem_req *req,
                                              struct mem_reply reply)
{
    (void)router_pass(&h->router, req, reply.done, MEM_VISIBLE);
    return reply;
}

static NOINLINE struct mem_reply miss_l1(struct hierarchy *h, struct cache *l1,
                                         const struct mem_req *req)
{
    uint64_t line = line_of(req);
    int dirty = req->kind == MEM_STORE;
    struct mem_reply reply = read_l2(h, req->at + l1->latency, req);
    struct cache_victim v = cache_fill(l1, line, req->kind, dirty, req);
    if (v.dirty)
        reply.done = write_back_to_l2(h, v.line, reply.done, req);
    if (!v.bypassed)
        cache_note_flight(l1, line, reply.done, reply.source);
    if (dirty && addr_is_nvdimm(req->addr))
        (void)make_visible(h, req, reply);
    if (dirty && v.bypassed)
        reply.done = write_back_to_l2(h, line, reply.done, req);
    return reply;
}

/* ---- flushes and non-temporal stores ---- */

/* Pass one cache. Returns whether its copy was dirty; *at moves to when the copy has arrived. */
static int clean_level(struct cache *c, const struct mem_req *req, int drop, ps_t *at)
{
    uint64_t line = line_of(req);
    int found = cache_clean(c, line, drop, req);
    if (found)
        *at = cache_await(c, line, (struct mem_reply){.done = *at}).done;
    return found == 3;
}

/* Clean or drop every copy. Returns whether one was dirty, which counts as a write-back of the
 * nearest such level; *end is when all have been looked at. */
static int clean_everywhere(struct hierarchy *h, const struct mem_req *req, ps_t *end)
{
    int drop = req->kind != MEM_CLWB;
    ps_t at = req->at;
    struct cache *dirty = NULL;

    for (uint32_t i = 0; i < h->harts; i++) {
        struct hart_caches *hc = &h->hart[i];
        if (drop)
            (void)clean_level(hc->l1[0], req, drop, &at);
        if (clean_level(hc->l1[1], req, drop, &at) && !dirty)
            dirty = hc->l1[1];
        if (clean_level(hc->l2, req, drop, &at) && !dirty)
            dirty = hc->l2;
    }
    if (clean_level(h->llc, req, drop, &at) && !dirty)
        dirty = h->llc;
    if (dirty)
        dirty->counters.writebacks++;
    *end = at + h->lookups;
    return dirty != NULL;
}

static struct mem_reply flush(struct hierarchy *h, const struct mem_req *req)
{
    ps_t at;
    if (!clean_everywhere(h, req, &at))
        return (struct mem_reply){.done = at, .source = SRC_LLC};
    return router_write(&h->router, req->addr, at, req->kind, req);
}

static struct mem_reply store_non_temporal(struct hierarchy *h, const struct mem_req *req)
{
    ps_t at;
    if (clean_everywhere(h, req, &at))
        at = router_write(&h->router, req->addr, at, MEM_WRITEBACK, req).done;
    return router_pass(&h->router, req, at, MEM_NTSTORE);
}

/* ---- checkpoints ---- */

void hierarchy_archive(struct hierarchy *h, struct archive *a)
{
    const uint64_t most = hierarchy_has_nvdimm(h) ? HIERARCHY_ADDR_LIMIT : NVDIMM_BASE;
    archive_section(a, "HIER", 1);
    archive_same(a, h->harts);
    archive_times(a, h->slot, WRITEBACK_SLOTS);
    archive_u32(a, &h->next_slot);
    for (uint32_t i = 0; i < h->harts; i++) {
        cache_archive(h->hart[i].l1[0], most >> LINE_SHIFT, a);
        cache_archive(h->hart[i].l1[1], most >> LINE_SHIFT, a);
        cache_archive(h->hart[i].l2, most >> LINE_SHIFT, a);
    }
    cache_archive(h->llc, most >> LINE_SHIFT, a);
}

/* ---- the way in ---- */

static NOINLINE void record(struct mem_tap *tap, const struct mem_req *req)
{
    if (tap->n == tap->cap) {
        size_t cap = tap->cap ? 2 * tap->cap : 4096;
        struct mem_req *reqs = realloc(tap->reqs, cap * sizeof *reqs);
        if (reqs)
            tap->reqs = reqs;
        uint64_t *counts = realloc(tap->counts, cap * sizeof *counts);
        if (counts)
            tap->counts = counts;
        if (!reqs || !counts) {
            tap->lost = 1;
            return;
        }
        tap->cap = cap;
    }
    tap->counts[tap->n] = tap->instructions ? *tap->instructions : 0;
    tap->reqs[tap->n++] = *req;
}

static inline void check_request(const struct hierarchy *h, const struct mem_req *req)
{
    assert(req->hart < h->harts && req->kind < MEM_KINDS);
    assert((req->addr & (LINE_BYTES - 1)) + req->bytes <= LINE_BYTES);
    assert(req->addr < HIERARCHY_ADDR_LIMIT);
}

static inline struct mem_reply demand(struct hierarchy *h, struct cache *l1,
                                      const struct mem_req *req)
{
    unsigned kind = req->kind;
    uint64_t line = line_of(req);
    int way = cache_lookup(l1, line, kind, req);
    if (unlikely(way < 0))
        return miss_l1(h, l1, req);
    cache_set_dirty(l1, line, way, kind == MEM_STORE);
    struct mem_reply reply = {.done = req->at + l1->latency, .source = SRC_L1};
    reply = cache_await(l1, line, reply);
    if (unlikely((kind == MEM_STORE) & addr_is_nvdimm(req->addr)))
        return make_visible(h, req, reply);
    return reply;
}

static NOINLINE struct mem_reply demand_by_policy(struct hierarchy *h, struct cache *l1,
                                                  const struct mem_req *req)
{
    return demand(h, l1, req);
}

static NOINLINE struct mem_reply no_demand(struct hierarchy *h, const struct mem_req *req)
{
    switch ((enum mem_kind)req->kind) {
    case MEM_PREFETCH:
        return read_l2(h, req->at, req);
    case MEM_CLWB:
    case MEM_CLFLUSHOPT:
    case MEM_CLFLUSH:
        return flush(h, req);
    case MEM_NTSTORE:
        return store_non_temporal(h, req);
    case MEM_FENCE:
        return (struct mem_reply){.done = req->at, .source = SRC_L1};
    default:
        assert(!"a request that no hart makes");
        return (struct mem_reply){.done = req->at, .source = SRC_L1};
    }
}

#define KIND(k) (1u << MEM_##k)
#define DEMANDS (KIND(FETCH) | KIND(LOAD) | KIND(STORE) | KIND(WALK))

struct mem_reply hierarchy_access(struct hierarchy *h, const struct mem_req *req)
{
    check_request(h, req);
    if (unlikely(h->tap != NULL))
        record(h->tap, req);
    if (unlikely(!(DEMANDS >> req->kind & 1)))
        return no_demand(h, req);
    struct cache *l1 = h->hart[req->hart].l1[req->kind != MEM_FETCH];
    if (unlikely(l1->policy != NULL))
        return demand_by_policy(h, l1, req);
    return demand(h, l1, req); /* nearly all requests; of them, an L1 hit calls nothing */
}

struct mem_reply hierarchy_llc_access(struct hierarchy *h, const struct mem_req *req)
{
    const unsigned served = DEMANDS | KIND(PREFETCH) | KIND(WRITEBACK);
    if (!(served >> req->kind & 1))
        return hierarchy_access(h, req);
    check_request(h, req);
    if (unlikely(h->tap != NULL))
        record(h->tap, req);
    if (req->kind != MEM_WRITEBACK)
        return read_llc(h, req->at, req);
    return (struct mem_reply){.done = write_back_to_llc(h, line_of(req), req->at, req),
                              .source = SRC_LLC};
}

void hierarchy_tap(struct hierarchy *h, struct mem_tap *tap)
{
    h->tap = tap;
}

/* ---- counters ---- */

const void *hierarchy_counters(const struct hierarchy *h, enum cache_level level, uint32_t hart)
{
    assert(level < CACHE_LEVELS && hart < h->harts);
    const struct hart_caches *hc = &h->hart[hart];
    const struct cache *c = level == CACHE_LLC  ? h->llc
                            : level == CACHE_L2 ? hc->l2
                                                : hc->l1[level == CACHE_L1D];
    return &c->counters;
}

#define FIELD(f) offsetof(struct cache_counters, f)
#define BY_KIND(X)                                                                                 \
    X(FETCH, "fetch", "instruction fetches")                                                       \
    X(LOAD, "load", "loads")                                                                       \
    X(STORE, "store", "stores (below the L1D: reads for ownership)")                               \
    X(NTSTORE, "ntstore", "non-temporal stores passing by")                                        \
    X(CLWB, "clwb", "clwb")                                                                        \
    X(CLFLUSHOPT, "clflushopt", "clflushopt")                                                      \
    X(CLFLUSH, "clflush", "clflush")                                                               \
    X(WALK, "walk", "page walks")                                                                  \
    X(WRITEBACK, "writeback", "write-backs from the level above")                                  \
    X(PREFETCH, "prefetch", "prefetches")

const struct counter cache_counter_table[] = {
#define ACCESSES(id, text, what)                                                                   \
    {"accesses." text, "1", "lookups by " what, FIELD(accesses[MEM_##id])},
    BY_KIND(ACCESSES)
#undef ACCESSES
#define MISSES(id, text, what)                                                                     \
    {"misses." text, "1", "lookups that found no copy, by " what, FIELD(misses[MEM_##id])},
        BY_KIND(MISSES)
#undef MISSES
            {"writebacks", "lines", "dirty lines sent down: victims, flushes, non-temporal stores",
             FIELD(writebacks)},
    {"fills", "lines", "lines put into the cache", FIELD(fills)},
    {"evictions", "lines", "valid lines pushed out by fills", FIELD(evictions)},
    {"invalidations", "lines", "lines dropped by flushes and non-temporal stores",
     FIELD(invalidations)},
    {"bypasses", "lines", "lines that the replacement policy kept out", FIELD(bypasses)},
    {"policy_errors", "1", "answers of the replacement policy that were no way of the set",
     FIELD(policy_errors)},
    {NULL, NULL, NULL, 0},
};
