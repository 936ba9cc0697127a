/* cache.c - one set-associative cache: making, filling, cleaning. */
#include "memhier/cache.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static uint32_t slices_of(const struct cache_config *cfg)
{
    return cfg->slices ? cfg->slices : 1;
}

static int config_check(const struct cache_config *cfg, char *err, size_t errlen)
{
    if (cfg->ways < 1 || cfg->ways > 16) {
        snprintf(err, errlen, "%u ways; 1 to 16 are possible", cfg->ways);
        return -1;
    }
    if (cfg->slices > CACHE_SLICES) {
        snprintf(err, errlen, "%u slices; 1 to %u are possible", cfg->slices, CACHE_SLICES);
        return -1;
    }
    const uint64_t row = slices_of(cfg) * cfg->ways * (uint64_t)LINE_BYTES, sets = cfg->bytes / row;
    if (cfg->bytes % row || !sets || (sets & (sets - 1))) {
        snprintf(
            err, errlen,
            slices_of(cfg) == 1
                ? "%llu bytes are not a power of two of sets of %u ways of %u bytes"
                : "%llu bytes are not a power of two of sets of %u ways of %u bytes in each of "
                  "%u slices",
            (unsigned long long)cfg->bytes, cfg->ways, LINE_BYTES, slices_of(cfg));
        return -1;
    }
    if (sets < CACHE_MIN_SETS || sets * slices_of(cfg) > CACHE_MAX_SETS) {
        snprintf(err, errlen, "%llu sets (bytes / ways / %u); %u to %u are possible",
                 (unsigned long long)sets, LINE_BYTES, CACHE_MIN_SETS, CACHE_MAX_SETS);
        return -1;
    }
    if (cfg->mshrs > MSHR_MAX) {
        snprintf(err, errlen, "%u MSHRs; up to %u are possible", cfg->mshrs, MSHR_MAX);
        return -1;
    }
    return 0;
}

static int attach_policy(struct cache *c, const struct policy *policy, uint64_t seed, char *err,
                         size_t errlen)
{
    struct policy_config pc = {.seed = seed, .sets = 1u << c->policy_bits, .ways = c->ways};
    if (!policy)
        return 0;
    if (policy->abi != POLICY_ABI) {
        snprintf(err, errlen, "a policy built for interface %u; this is %u", policy->abi,
                 POLICY_ABI);
        return -1;
    }
    snprintf(err, errlen, "the policy refuses, and gives no reason");
    c->state = policy->make(&pc, err, errlen);
    if (!c->state)
        return -1;
    c->policy = policy;
    c->slow = 1;
    return 0;
}

struct cache *cache_new(const struct cache_config *cfg, const struct policy *policy, uint64_t seed,
                        char *err, size_t errlen)
{
    return cache_new_ported(cfg, 1, policy, seed, err, errlen);
}

static int attach_prefetcher(struct cache *c, const struct cache_config *cfg, char *err,
                             size_t errlen)
{
    const uint64_t page = cfg->page >> LINE_SHIFT;
    const struct prefetcher_config pc = {.degree = cfg->degree,
                                         .distance = cfg->distance,
                                         .page_shift = page ? (uint32_t)__builtin_ctzll(page) : 0};
    if (!cfg->prefetch || strcmp(cfg->prefetch, "none") == 0)
        return 0;
    const struct prefetcher_ops *ops = prefetcher_find(cfg->prefetch);
    if (!ops || pc.degree < 1 || pc.degree > PREFETCH_MOST) {
        snprintf(err, errlen,
                 ops ? "\"%s\" is to fetch %u lines for one access; 1 to %u are possible"
                     : "no prefetcher is called \"%s\"",
                 cfg->prefetch, pc.degree, PREFETCH_MOST);
        return -1;
    }
    const uint32_t most = ops == &prefetcher_ip_stride ? PREFETCH_MOST : PREFETCH_DISTANCE;
    if (pc.distance > most || (page & (page - 1)) ||
        prefetch_page_shift(&pc) < PREFETCH_PAGE_SHIFT) {
        snprintf(err, errlen,
                 "%s: a distance is %u at most, and pages are 4 KiB or a larger power of two",
                 ops->name, most);
        return -1;
    }
    c->prefetch_page_shift = prefetch_page_shift(&pc);
    c->prefetch_filter = calloc(PREFETCH_FILTER / 64, sizeof *c->prefetch_filter);
    if (!c->prefetch_filter) {
        snprintf(err, errlen, "out of memory");
        return -1;
    }
    c->prefetch_state = ops->make(&pc, err, errlen);
    if (!c->prefetch_state)
        return -1;
    c->prefetcher = ops;
    if (ops == &prefetcher_ip_stride && !c->slow)
        c->strides = c->prefetch_state;
    c->slow = 1;
    return 0;
}

/* 0, or -1 when memory runs out. */
static int make_ports(struct cache *c, const struct cache_config *cfg, uint32_t ports)
{
    c->port_mask = ports - 1;
    c->interval = cfg->interval;
    if (cfg->interval)
        c->ports = calloc(cache_ports(c), sizeof *c->ports);
    return cfg->interval && !c->ports ? -1 : mshr_init(&c->mshrs, cfg->mshrs);
}

struct cache *cache_new_ported(const struct cache_config *cfg, uint32_t ports,
                               const struct policy *policy, uint64_t seed, char *err, size_t errlen)
{
    if (config_check(cfg, err, errlen))
        return NULL;
    const uint32_t sets = (uint32_t)(cfg->bytes / (cfg->ways * LINE_BYTES));
    const uint32_t in_slice = sets / slices_of(cfg);
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        goto out_of_memory;
    c->ways = cfg->ways;
    c->full = (1u << cfg->ways) - 1;
    c->stride_shift = cfg->ways <= 4 ? 2 : cfg->ways <= 8 ? 3 : 4;
    c->slices = slices_of(cfg);
    c->sets_in_all = sets;
    c->set_mask = in_slice - 1;
    c->set_bits = (uint32_t)__builtin_ctz(in_slice);
    c->policy_bits = 32 - (uint32_t)__builtin_clz(sets - 1);
    c->latency = cfg->latency;
    c->through = cfg->through;
    c->no_allocate = cfg->no_allocate;
    c->slow = cfg->through;
    size_t bytes = ((size_t)sets << c->stride_shift) * sizeof *c->tags;
    c->tags = aligned_alloc(LINE_BYTES, bytes);
    c->sets = calloc(sets, sizeof *c->sets);
    if (!c->tags || !c->sets || make_ports(c, cfg, ports))
        goto out_of_memory;
    memset(c->tags, 0, bytes);
    for (uint32_t s = 0; s < sets; s++)
        c->sets[s].order = LRU_START;
    if (attach_policy(c, policy, seed, err, errlen) || attach_prefetcher(c, cfg, err, errlen)) {
        cache_free(c);
        return NULL;
    }
    return c;
out_of_memory:
    snprintf(err, errlen, "out of memory for %u sets", sets);
    cache_free(c);
    return NULL;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    if (c->policy)
        c->policy->drop(c->state);
    free(c->tags);
    free(c->sets);
    if (c->prefetcher)
        c->prefetcher->drop(c->prefetch_state);
    free(c->prefetch_filter);
    free(c->ports);
    mshr_drop(&c->mshrs);
    free(c);
}

uint32_t cache_sliced_set(const struct cache *c, uint64_t line)
{
    return cache_slice_of(c, line) << c->set_bits | cache_plain_set(c, line);
}

/* ---- talking to a policy that is not built in ---- */

static struct policy_access describe(const struct cache *c, uint64_t line, unsigned kind,
                                     const struct mem_req *req)
{
    const uint32_t set = cache_set_of(c, line);
    /* A victim from above has no code address: it is nobody's access. */
    return (struct policy_access){
        .line = c->slices == 1 ? line : line >> c->set_bits << c->policy_bits | set,
        .pc = kind == MEM_WRITEBACK ? 0 : req->pc,
        .set = set,
        .kind = (uint8_t)kind,
        .hart = req->hart,
        .offset = kind == MEM_WRITEBACK ? 0 : (uint8_t)(req->addr & (LINE_BYTES - 1))};
}

void cache_policy_hit(struct cache *c, uint64_t line, uint32_t way, unsigned kind,
                      const struct mem_req *req)
{
    struct policy_access a = describe(c, line, kind, req);
    a.way = way;
    c->policy->hit(c->state, &a);
}

/* A way or POLICY_BYPASS. A policy's wrong answer must not harm the cache: it is counted, and way 0
 * is taken. Where the line has to come in, ways are taken in turn when it wants to keep it out. */
static uint32_t ask_victim(struct cache *c, uint64_t line, unsigned kind, const struct mem_req *req)
{
    struct policy_access a = describe(c, line, kind, req);
    uint32_t way = c->policy->victim(c->state, &a);
    if (way == POLICY_BYPASS && c->keeps_all && kind != MEM_WRITEBACK)
        return c->turn++ % c->ways;
    if (way < c->ways || (way == POLICY_BYPASS && kind != MEM_WRITEBACK))
        return way;
    c->counters.policy_errors++;
    return 0;
}

static void tell_evict(struct cache *c, uint64_t line, uint32_t way, int dirty, unsigned kind,
                       const struct mem_req *req)
{
    struct policy_access a = describe(c, line, kind, req);
    a.way = way;
    a.dirty = (uint8_t)dirty;
    c->policy->evict(c->state, &a);
}

static void tell_fill(struct cache *c, uint64_t line, uint32_t way, int dirty, unsigned kind,
                      const struct mem_req *req)
{
    struct policy_access a = describe(c, line, kind, req);
    a.way = way;
    a.dirty = (uint8_t)dirty;
    c->policy->fill(c->state, &a);
}

/* ---- contents ---- */

struct cache_victim cache_fill_by_policy(struct cache *c, uint64_t line, unsigned kind, int dirty,
                                         const struct mem_req *req)
{
    const uint32_t set = cache_set_of(c, line);
    struct cache_set *s = &c->sets[set];
    uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    const uint32_t invalid = ~set_ways(s, CACHE_VALID) & c->full;
    struct cache_victim v = {0};

    if (invalid) {
        v.way = (uint8_t)__builtin_ctz(invalid);
    } else {
        const uint32_t way = ask_victim(c, line, kind, req);
        if (way == POLICY_BYPASS) {
            c->counters.bypasses++;
            v.bypassed = 1;
            return v;
        }
        v = cache_push_out(c, s, set, tags[way], way);
        tell_evict(c, v.line, way, v.dirty, kind, req);
    }
    cache_enter(c, s, tags, line, v.way, dirty);
    tell_fill(c, line, v.way, dirty, kind, req);
    return v;
}

/* A valid line leaves; not to make room. */
static void leave(struct cache *c, uint64_t line, uint32_t way, int dirty,
                  const struct mem_req *req)
{
    struct cache_set *s = &c->sets[cache_set_of(c, line)];
    set_put(s, CACHE_VALID, way, 0);
    c->counters.invalidations++;
    c->counters.prefetch.useless += (uint64_t)set_get(s, CACHE_PREFETCHED, way);
    set_put(s, CACHE_PREFETCHED, way, 0);
    if (c->policy)
        tell_evict(c, line, way, dirty, req->kind, req);
}

int cache_clean(struct cache *c, uint64_t line, int drop, const struct mem_req *req)
{
    int way = cache_find(c, line);
    c->counters.accesses[req->kind]++;
    if (way < 0) {
        c->counters.misses[req->kind]++;
        return 0;
    }
    struct cache_set *s = &c->sets[cache_set_of(c, line)];
    int dirty = set_get(s, CACHE_DIRTY, (uint32_t)way);
    set_put(s, CACHE_DIRTY, (uint32_t)way, 0);
    if (drop)
        leave(c, line, (uint32_t)way, dirty, req);
    return dirty ? 3 : 1;
}

int cache_take(struct cache *c, uint64_t line)
{
    static const struct mem_req nobody = {.kind = MEM_CLFLUSHOPT};
    int way = cache_find(c, line);
    if (way < 0)
        return 0;
    struct cache_set *s = &c->sets[cache_set_of(c, line)];
    int dirty = set_get(s, CACHE_DIRTY, (uint32_t)way);
    set_put(s, CACHE_DIRTY, (uint32_t)way, 0);
    leave(c, line, (uint32_t)way, dirty, &nobody);
    return dirty ? 3 : 1;
}

/* ---- lines under way ---- */

struct mem_reply cache_await_flight(struct cache *c, uint64_t line, struct mem_reply reply)
{
    const struct cache_flights *f = &c->flights[line & (CACHE_FLIGHTS - 1)];
    for (uint32_t i = 0; i < FLIGHT_WAYS; i++)
        if (f->line[i] == line && f->ready[i] > reply.done) {
            c->counters.merges++;
            return (struct mem_reply){.done = f->ready[i], .source = f->source[i]};
        }
    return reply;
}
