/* cache.c - one set-associative, write-back cache: making, filling, cleaning. */
#include "memhier/cache.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static int config_check(const struct cache_config *cfg, char *err, size_t errlen)
{
    if (cfg->ways < 1 || cfg->ways > 16) {
        snprintf(err, errlen, "%u ways; 1 to 16 are possible", cfg->ways);
        return -1;
    }
    uint64_t sets = cfg->bytes / (cfg->ways * (uint64_t)LINE_BYTES);
    if (cfg->bytes % (cfg->ways * (uint64_t)LINE_BYTES) || !sets || (sets & (sets - 1))) {
        snprintf(err, errlen, "%llu bytes are not a power of two of sets of %u ways of %u bytes",
                 (unsigned long long)cfg->bytes, cfg->ways, LINE_BYTES);
        return -1;
    }
    if (sets < CACHE_MIN_SETS || sets > CACHE_MAX_SETS) {
        snprintf(err, errlen, "%llu sets (bytes / ways / %u); %u to %u are possible",
                 (unsigned long long)sets, LINE_BYTES, CACHE_MIN_SETS, CACHE_MAX_SETS);
        return -1;
    }
    return 0;
}

static int attach_policy(struct cache *c, const struct policy *policy, uint64_t seed, char *err,
                         size_t errlen)
{
    struct policy_config pc = {.seed = seed, .sets = c->set_mask + 1, .ways = c->ways};
    if (!policy)
        return 0;
    if (policy->abi != POLICY_ABI) {
        snprintf(err, errlen, "a policy built for interface %u; this is %u", policy->abi,
                 POLICY_ABI);
        return -1;
    }
    c->state = policy->make(&pc, err, errlen);
    if (!c->state)
        return -1;
    c->policy = policy;
    return 0;
}

struct cache *cache_new(const struct cache_config *cfg, const struct policy *policy, uint64_t seed,
                        char *err, size_t errlen)
{
    if (config_check(cfg, err, errlen))
        return NULL;
    uint32_t sets = (uint32_t)(cfg->bytes / (cfg->ways * LINE_BYTES));
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        goto out_of_memory;
    c->ways = cfg->ways;
    c->full = (1u << cfg->ways) - 1;
    c->stride_shift = cfg->ways <= 4 ? 2 : cfg->ways <= 8 ? 3 : 4;
    c->set_mask = sets - 1;
    c->set_bits = (uint32_t)__builtin_ctz(sets);
    c->latency = cfg->latency;
    size_t bytes = ((size_t)sets << c->stride_shift) * sizeof *c->tags;
    c->tags = aligned_alloc(LINE_BYTES, bytes);
    c->sets = calloc(sets, sizeof *c->sets);
    if (!c->tags || !c->sets)
        goto out_of_memory;
    memset(c->tags, 0, bytes);
    for (uint32_t s = 0; s < sets; s++)
        c->sets[s].order = LRU_START;
    if (attach_policy(c, policy, seed, err, errlen)) {
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
    free(c);
}

/* ---- talking to a policy that is not built in ---- */

static struct policy_access describe(const struct cache *c, uint64_t line, unsigned kind,
                                     const struct mem_req *req)
{
    /* A victim from above has no code address: it is nobody's access. */
    return (struct policy_access){
        .line = line,
        .pc = kind == MEM_WRITEBACK ? 0 : req->pc,
        .set = cache_set_of(c, line),
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
 * is taken. */
static uint32_t ask_victim(struct cache *c, uint64_t line, unsigned kind, const struct mem_req *req)
{
    struct policy_access a = describe(c, line, kind, req);
    uint32_t way = c->policy->victim(c->state, &a);
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

static void count_victim(struct cache *c, const struct cache_victim *v)
{
    c->counters.evictions++;
    c->counters.writebacks += v->dirty;
}

struct cache_victim cache_fill(struct cache *c, uint64_t line, unsigned kind, int dirty,
                               const struct mem_req *req)
{
    uint32_t set = cache_set_of(c, line);
    struct cache_set *s = &c->sets[set];
    uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    uint32_t invalid = ~(uint32_t)s->valid & c->full;
    struct cache_victim v = {0};
    uint32_t way;

    if (invalid) {
        way = (uint32_t)__builtin_ctz(invalid);
    } else {
        way = c->policy ? ask_victim(c, line, kind, req) : lru_victim(s->order, c->ways);
        if (way == POLICY_BYPASS) {
            c->counters.bypasses++;
            v.bypassed = 1;
            return v;
        }
        v.line = (uint64_t)tags[way] << c->set_bits | set;
        v.valid = 1;
        v.dirty = s->dirty >> way & 1;
        count_victim(c, &v);
        if (c->policy)
            tell_evict(c, v.line, way, v.dirty, kind, req);
    }
    tags[way] = (uint32_t)(line >> c->set_bits);
    s->valid = (uint16_t)(s->valid | 1u << way);
    s->dirty = (uint16_t)((s->dirty & ~(1u << way)) | (uint32_t)dirty << way);
    c->counters.fills++;
    if (c->policy)
        tell_fill(c, line, way, dirty, kind, req);
    else
        s->order = lru_on_fill(s->order, way);
    return v;
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
    uint32_t bit = 1u << way;
    int dirty = (s->dirty & bit) != 0;
    s->dirty = (uint16_t)(s->dirty & ~bit);
    if (drop) {
        s->valid = (uint16_t)(s->valid & ~bit);
        c->counters.invalidations++;
        if (c->policy)
            tell_evict(c, line, (uint32_t)way, dirty, req->kind, req);
    }
    return dirty ? 3 : 1;
}
