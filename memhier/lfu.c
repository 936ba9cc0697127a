/* lfu.c - least frequently used, since the line came in. */
/*
 * Source: textbook (in-cache LFU: what was evicted is forgotten). A fill counts 1, each demand hit
 * 1 more, up to 65535. The victim has the lowest count; among equals, the least recently used.
 *
 * Write-backs and prefetches: their hits count nothing and change no recency. A write-back fill
 * counts 0, as nobody has used the line; a prefetch fill counts as a demand fill. Every fill
 * becomes the most recent.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/lru.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

#define WAYS 16u

struct lfu_set {
    uint64_t order; /* lru.h */
    uint16_t count[WAYS];
};

struct lfu {
    uint32_t ways;
    struct lfu_set set[];
};

static void *lfu_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct lfu *l = policy_alloc(sizeof *l + cfg->sets * sizeof l->set[0], err, errlen);
    if (!l)
        return NULL;
    l->ways = cfg->ways;
    for (uint32_t set = 0; set < cfg->sets; set++)
        l->set[set].order = LRU_START;
    return l;
}

static void lfu_hit(void *state, const struct policy_access *a)
{
    struct lfu_set *s = &((struct lfu *)state)->set[a->set];
    if (!kind_is_demand(a->kind))
        return;
    s->count[a->way] = (uint16_t)(s->count[a->way] + (s->count[a->way] < UINT16_MAX));
    s->order = lru_promote(s->order, a->way);
}

static void lfu_fill(void *state, const struct policy_access *a)
{
    struct lfu_set *s = &((struct lfu *)state)->set[a->set];
    s->count[a->way] = a->kind != MEM_WRITEBACK;
    s->order = lru_promote(s->order, a->way);
}

static uint32_t lfu_victim(void *state, const struct policy_access *a)
{
    const struct lfu *l = state;
    const struct lfu_set *s = &l->set[a->set];
    uint32_t best = lru_victim(s->order, l->ways);
    for (uint32_t i = l->ways - 1; i-- > 0;) { /* from old to new; only fewer uses displace */
        const uint32_t way = (uint32_t)(s->order >> (4 * i)) & 15;
        best = s->count[way] < s->count[best] ? way : best;
    }
    return best;
}

static void lfu_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct lfu *l = state;
    archive_section(a, "PLFU", 1);
    for (uint32_t i = 0; i < cfg->sets; i++) {
        lru_archive_orders(a, &l->set[i].order, 1, cfg->ways);
        archive_u16s(a, l->set[i].count, WAYS, 1u << 16);
    }
}

const struct policy policy_lfu = {
    .abi = POLICY_ABI,
    .name = "lfu",
    .meaning = "least frequently used since its fill; among equals the least recent",
    .make = lfu_make,
    .drop = free,
    .hit = lfu_hit,
    .fill = lfu_fill,
    .victim = lfu_victim,
    .evict = policy_evict_nothing,
    .archive = lfu_archive,
};

STREAM_INLINED uint32_t lfu_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_lfu, v, n, NULL);
}
