/* hierarchy.c - making the hierarchy, and the way of a request into it: the L1s. */
/*
 *   fetch                L1I -> L2 -> LLC -> memory
 *   load, store, walk    L1D -> L2 -> LLC -> memory (page walks as on Intel: through the L1D); a
 *                        store is a read for ownership below the L1D, and leaves the line dirty
 *                        there, or goes on as a write if the L1D is write-through
 *   prefetch             L2 -> LLC -> memory
 *   clwb                 looks in L1D, L2 and LLC, and at other harts; if any copy is dirty, one
 *                        line goes to memory with this kind, and all copies are clean
 *   clflush(opt)         the same and in the L1I; all copies are dropped
 *   ntstore              all copies are dropped, a dirty one is written back first; then the store
 *                        itself goes to memory
 *
 * A flush of a line that is still under way waits for it.
 */
#include "memhier/hierarchy.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "memhier/hierarchy_parts.h"
#include "memhier/ip_stride.h"

/* ---- making ---- */

static struct cache *make_level(const struct hierarchy_config *cfg, enum cache_level level,
                                uint32_t hart, char *err, size_t errlen)
{
    static const char *const names[CACHE_LEVELS] = {"l1i", "l1d", "l2", "llc"};
    const struct cache_config *cc = &cfg->level[level];
    const struct policy *policy = cc->loaded ? cc->loaded : policy_find(cc->policy);
    uint32_t ports = 1;
    if (cc->slices > 1 && level != CACHE_LLC) {
        snprintf(err, errlen, "%s: %u slices; only the llc is in slices", names[level], cc->slices);
        return NULL;
    }
    if (!policy) {
        snprintf(err, errlen, "%s: no replacement policy is called \"%s\"", names[level],
                 cc->policy);
        return NULL;
    }
    while (level == CACHE_LLC && ports < cfg->harts)
        ports *= 2;
    char why[200];
    struct cache *c = cache_new_ported(cc, ports, policy == &policy_lru ? NULL : policy,
                                       cfg->seed + level + (uint64_t)hart * CACHE_LEVELS, why,
                                       sizeof why);
    if (!c)
        snprintf(err, errlen, "%s: %s", names[level], why);
    if (c && c->prefetcher && level != CACHE_L1D && level != CACHE_L2) {
        snprintf(err, errlen, "%s: prefetchers go with the l1d and the l2", names[level]);
        cache_free(c);
        return NULL;
    }
    return c;
}

static int make_caches(struct hierarchy *h, const struct hierarchy_config *cfg, char *err,
                       size_t errlen)
{
    h->llc = make_level(cfg, CACHE_LLC, 0, err, errlen);
    int failed = !h->llc;
    for (uint32_t i = 0; i < h->harts && !failed; i++) {
        struct hart_caches *hc = &h->hart[i];
        failed = !(hc->l1[0] = make_level(cfg, CACHE_L1I, i, err, errlen)) ||
                 !(hc->l1[1] = make_level(cfg, CACHE_L1D, i, err, errlen)) ||
                 !(hc->l2 = make_level(cfg, CACHE_L2, i, err, errlen));
        if (!failed)
            hc->l2->keeps_all = cfg->inclusion == LLC_EXCLUSIVE;
    }
    if (failed)
        return -1;
    h->llc->keeps_all = cfg->inclusion == LLC_INCLUSIVE;
    h->llc_slow = h->llc->slow | h->llc->no_allocate | (h->llc->interval != 0) |
                  (cfg->inclusion == LLC_EXCLUSIVE) | (h->llc->slices != 1);
    return 0;
}

static uint64_t lines(const struct cache_config *cc)
{
    return cc->bytes / LINE_BYTES;
}

static int make_directory(struct hierarchy *h, const struct hierarchy_config *cfg, char *err,
                          size_t errlen)
{
    const uint32_t sets = cfg->directory_sets, ways = cfg->directory_ways;
    const struct cache_config *cc = cfg->level;
    if (sets && ((sets & (sets - 1)) || !ways || ways > 64 || sets > CACHE_MAX_SETS)) {
        snprintf(err, errlen,
                 "llc: a directory of %u sets of %u ways; a power of two of sets up to %u, "
                 "of 1 to 64 ways, are possible",
                 sets, ways, CACHE_MAX_SETS);
        return -1;
    }
    if (sets && cfg->inclusion == LLC_INCLUSIVE) {
        snprintf(err, errlen,
                 "llc: an inclusive one is its own directory: no sets of one go with it");
        return -1;
    }
    if (h->harts == 1 && !sets)
        return 0;
    /* the line that comes in is in the directory before the one that leaves for it is out */
    const uint64_t most = h->harts * (lines(&cc[CACHE_L1I]) + lines(&cc[CACHE_L1D]) +
                                      lines(&cc[CACHE_L2])) +
                          8;
    h->dir = directory_new(most, sets, ways);
    if (!h->dir)
        snprintf(err, errlen, "out of memory for the directory");
    return h->dir ? 0 : -1;
}

static int config_check(const struct hierarchy_config *cfg, char *err, size_t errlen)
{
    if (cfg->harts < 1 || cfg->harts > HIERARCHY_HARTS) {
        snprintf(err, errlen, "%u harts; 1 to %u are possible", cfg->harts, HIERARCHY_HARTS);
        return -1;
    }
    if (!cfg->dram.access) {
        snprintf(err, errlen, "a hierarchy needs a DRAM port");
        return -1;
    }
    if (cfg->inclusion == LLC_EXCLUSIVE && cfg->level[CACHE_L2].through) {
        snprintf(err, errlen,
                 "llc: an exclusive one needs an L2 that writes back: what it writes "
                 "through would be in both");
        return -1;
    }
    return 0;
}

struct hierarchy *hierarchy_new(const struct hierarchy_config *cfg, char *err, size_t errlen)
{
    if (config_check(cfg, err, errlen))
        return NULL;
    struct hierarchy *h = calloc(1, sizeof *h + cfg->harts * sizeof h->hart[0]);
    if (!h) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    h->harts = cfg->harts;
    h->router.dram = cfg->dram;
    h->router.nvdimm = cfg->nvdimm;
    h->inclusion = cfg->inclusion;
    h->snoop = cfg->snoop;
    h->home = cfg->home;
    h->probe = cfg->probe;
    h->clwb_to_llc = cfg->clwb_to_llc;
    h->lookups = cfg->level[CACHE_L1D].latency + cfg->level[CACHE_L2].latency +
                 cfg->level[CACHE_LLC].latency;
    if (make_caches(h, cfg, err, errlen) || make_directory(h, cfg, err, errlen)) {
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
    directory_free(h->dir);
    free(h);
}

int hierarchy_has_nvdimm(const struct hierarchy *h)
{
    return h->router.nvdimm.access != NULL;
}

void hierarchy_geometry(const struct hierarchy *h, enum cache_level level, uint32_t *sets,
                        uint32_t *ways)
{
    const struct hart_caches *hc = &h->hart[0];
    const struct cache *c = level == CACHE_LLC  ? h->llc
                            : level == CACHE_L2 ? hc->l2
                                                : hc->l1[level == CACHE_L1D];
    *sets = c->set_mask + 1;
    *ways = c->ways;
}

uint32_t hierarchy_harts(const struct hierarchy *h)
{
    return h->harts;
}

/* ---- the L1s ---- */

/* A store that the L1D does not allocate for. */
static struct mem_reply store_around(struct hierarchy *h, struct cache *l1,
                                     const struct mem_req *req)
{
    const ps_t found = req->at + l1->latency, start = cache_miss(l1, found);
    const struct answer a = level_store_l2(h, start, req);
    mshr_hold(&l1->mshrs, found, start, a.done);
    prefetch_fetch(h);
    return reply_of(a);
}

static NOINLINE struct mem_reply miss_l1(struct hierarchy *h, struct cache *l1,
                                         const struct mem_req *req)
{
    const uint64_t line = line_of(req);
    const int store = req->kind == MEM_STORE;
    l1->counters.accesses[req->kind]++;
    l1->counters.misses[req->kind]++;
    cache_expect(h->llc, line);
    if (store && unlikely(l1->no_allocate))
        return store_around(h, l1, req);
    const ps_t found = req->at + l1->latency, start = cache_miss(l1, found);
    struct cache_victim v;
    struct answer a = level_read_l1(h, l1, start, req, &v);
    prefetch_came(l1, line, 0, v, a.done);
    mshr_hold(&l1->mshrs, found, start, a.done);
    if (store && addr_is_nvdimm(req->addr))
        level_visible(h, req, a.done);
    if (store && unlikely(l1->through | v.bypassed))
        a.done = level_write_l2(h, line, a.done, req);
    if (unlikely(v.bypassed))
        share_left(h, req->hart, line);
    prefetch_fetch(h);
    return reply_of(a);
}

/* What is left of a hit: a line under way, the NVDIMM, a write-through L1D. */
static inline struct mem_reply finish_hit(struct hierarchy *h, struct cache *l1,
                                          const struct mem_req *req, struct mem_reply reply)
{
    const uint64_t line = line_of(req);
    reply = cache_await(l1, line, reply);
    if (req->kind == MEM_STORE && addr_is_nvdimm(req->addr))
        level_visible(h, req, reply.done);
    if (req->kind == MEM_STORE && l1->through)
        reply.done = level_write_l2(h, line, reply.done, req);
    return reply;
}

static NOINLINE struct mem_reply finish_late_hit(struct hierarchy *h, struct cache *l1,
                                                 const struct mem_req *req)
{
    return finish_hit(h, l1, req,
                      (struct mem_reply){.done = req->at + l1->latency, .source = SRC_L1});
}

/* Most are on lines that have arrived: while misses overlap, some other is always under way. */
static NOINLINE struct mem_reply late_hit(struct hierarchy *h, struct cache *l1,
                                          const struct mem_req *req)
{
    const ps_t done = req->at + l1->latency;
    if (cache_under_way(l1, line_of(req), done) || req->kind == MEM_STORE)
        return finish_late_hit(h, l1, req);
    return (struct mem_reply){.done = done, .source = SRC_L1};
}

/* A store hit a line that other harts may have, too. */
static NOINLINE struct mem_reply upgrade(struct hierarchy *h, struct cache *l1,
                                         const struct mem_req *req)
{
    const uint64_t line = line_of(req);
    const ps_t found = req->at + l1->latency, start = cache_miss(l1, found);
    struct mem_reply reply = {.source = SRC_COHERENCE};
    reply.done = share_upgrade(h, req, start + h->hart[req->hart].l2->latency);
    mshr_hold(&l1->mshrs, found, start, reply.done);
    cache_set_dirty(l1, line, cache_find(l1, line), !l1->through);
    return finish_hit(h, l1, req, reply);
}

/* ---- the way in ---- */

void hierarchy_record(struct mem_tap *tap, const struct mem_req *req)
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

static struct mem_reply demand_hit(struct hierarchy *h, struct cache *l1, int way,
                                   const struct mem_req *req)
{
    const uint64_t line = line_of(req);
    if (req->kind == MEM_STORE && !cache_plain_is(l1, line, way, CACHE_OWN))
        return upgrade(h, l1, req);
    cache_set_dirty(l1, line, way, req->kind == MEM_STORE && !l1->through);
    return late_hit(h, l1, req);
}

/* As demand, where a policy behind the seam, a prefetcher or a write-through cache has more to do.
 */
static NOINLINE struct mem_reply demand_slowly(struct hierarchy *h, struct cache *l1,
                                               const struct mem_req *req)
{
    const uint64_t line = line_of(req);
    const ps_t found = req->at + l1->latency;
    const int way = cache_plain_lookup(l1, line, req->kind, req);
    const int first = way >= 0 && cache_first_use(l1, line, way, found);
    struct mem_reply reply;
    prefetch_learn(h, l1, CACHE_L1D, req, found, way >= 0, first);
    if (way < 0) {
        l1->counters.accesses[req->kind]--; /* miss_l1 counts it */
        l1->counters.misses[req->kind]--;
        return miss_l1(h, l1, req);
    }
    reply = demand_hit(h, l1, way, req);
    prefetch_fetch(h);
    return reply;
}

/* A hit that has told a stride to fetch ahead by. */
static NOINLINE struct mem_reply stride_hit(struct hierarchy *h, struct cache *l1,
                                            const struct mem_req *req, int64_t stride)
{
    prefetch_wish_stride(h, l1, req, req->at + l1->latency, stride);
    const struct mem_reply reply = late_hit(h, l1, req);
    prefetch_fetch(h);
    return reply;
}

/* A hit in `way` is the first on a line that was prefetched, or has to ask for ownership. */
static inline int needs_more(const struct cache_set *s, uint32_t way, uint64_t store)
{
    const uint64_t state = s->state >> way;
    return (int)((state >> CACHE_PREFETCHED | (store & ~(state >> CACHE_OWN))) & 1);
}

/* LRU, write-back: every case that is not the usual one is left to a function that is called last.
 * learns: hits train the ip-stride prefetcher, but for those that demand_slowly sees to. */
static inline __attribute__((always_inline)) struct mem_reply
demand_any(struct hierarchy *h, struct cache *l1, const struct mem_req *req, const int learns)
{
    const uint64_t line = line_of(req), store = req->kind == MEM_STORE;
    const uint32_t set = cache_plain_set(l1, line);
    struct cache_set *s = &l1->sets[set];
    const uint32_t hit = match_tags(l1->tags + ((size_t)set << l1->stride_shift), l1->stride_shift,
                                    (uint32_t)(line >> l1->set_bits)) &
                         set_ways(s, CACHE_VALID);
    if (unlikely(!hit))
        return learns ? demand_slowly(h, l1, req) : miss_l1(h, l1, req);
    const uint32_t way = (uint32_t)__builtin_ctz(hit);
    if (learns && unlikely(needs_more(s, way, store)))
        return demand_slowly(h, l1, req);
    l1->counters.accesses[req->kind]++;
    s->order = lru_promote(s->order, way);
    if (!learns && unlikely(store & ~(s->state >> (CACHE_OWN + way))))
        return upgrade(h, l1, req);
    s->state |= store << (CACHE_DIRTY + way);
    const int64_t stride = learns ? ip_stride_learn(l1->strides, req->pc, line) : 0;
    if (unlikely(stride != 0))
        return stride_hit(h, l1, req, stride);
    const ps_t done = req->at + l1->latency;
    if (unlikely((done < l1->flight_until) | (store & (uint64_t)addr_is_nvdimm(req->addr))))
        return late_hit(h, l1, req);
    return (struct mem_reply){.done = done, .source = SRC_L1};
}

static NOINLINE struct mem_reply demand(struct hierarchy *h, struct cache *l1,
                                        const struct mem_req *req)
{
    return demand_any(h, l1, req, 0);
}

static NOINLINE struct mem_reply demand_by_stride(struct hierarchy *h, struct cache *l1,
                                                  const struct mem_req *req)
{
    return demand_any(h, l1, req, 1);
}

static NOINLINE struct mem_reply no_demand(struct hierarchy *h, const struct mem_req *req)
{
    switch ((enum mem_kind)req->kind) {
    case MEM_PREFETCH:
        return reply_of(level_prefetch_l2(h, req->at, req));
    case MEM_CLWB:
    case MEM_CLFLUSHOPT:
    case MEM_CLFLUSH:
        return share_flush(h, req);
    case MEM_NTSTORE:
        return share_store_non_temporal(h, req);
    case MEM_FENCE:
        return (struct mem_reply){.done = req->at, .source = SRC_L1};
    default:
        assert(!"a request that no hart makes");
        return (struct mem_reply){.done = req->at, .source = SRC_L1};
    }
}

static inline __attribute__((always_inline)) struct mem_reply access_any(struct hierarchy *h,
                                                                         const struct mem_req *req)
{
    if (unlikely(!(DEMANDS >> req->kind & 1)))
        return no_demand(h, req);
    struct cache *l1 = h->hart[req->hart].l1[req->kind != MEM_FETCH];
    if (l1->strides)
        return demand_by_stride(h, l1, req);
    if (unlikely(l1->slow))
        return demand_slowly(h, l1, req);
    return demand(h, l1, req); /* nearly all requests; of them, an L1 hit calls nothing */
}

static NOINLINE struct mem_reply access_recorded(struct hierarchy *h, const struct mem_req *req)
{
    hierarchy_record(h->tap, req);
    return access_any(h, req);
}

struct mem_reply hierarchy_access(struct hierarchy *h, const struct mem_req *req)
{
    check_request(h, req);
    return unlikely(h->tap != NULL) ? access_recorded(h, req) : access_any(h, req);
}

void hierarchy_tap(struct hierarchy *h, struct mem_tap *tap)
{
    h->tap = tap;
}
