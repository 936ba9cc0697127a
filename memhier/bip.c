/* bip.c - bimodal insertion: at the LRU position, and once in 32 at the MRU position. */
/*
 * Source: Qureshi et al., ISCA 2007, section 3.2, with epsilon = 1/32 by one counter for the cache:
 * each 32nd demand or prefetch fill enters at the MRU position.
 * Write-backs and prefetches: their hits change nothing. A write-back fill enters at the LRU
 * position and is not counted; a prefetch fill is as a demand fill.
 */
#include "memhier/archive.h"
#include "memhier/lru.h"
#include "memhier/once.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct bip {
    uint32_t ways;
    uint32_t fills;   /* once.h */
    uint64_t order[]; /* lru.h */
};

static void *bip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct bip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->order[0], err, errlen);
    if (!p)
        return NULL;
    p->ways = cfg->ways;
    for (uint32_t set = 0; set < cfg->sets; set++)
        p->order[set] = LRU_START;
    return p;
}

static void bip_hit(void *state, const struct policy_access *a)
{
    struct bip *p = state;
    p->order[a->set] = lru_on_hit(p->order[a->set], a->way, a->kind);
}

static void bip_fill(void *state, const struct policy_access *a)
{
    struct bip *p = state;
    uint64_t *order = &p->order[a->set];
    if (once_in_32(&p->fills, a->kind != MEM_WRITEBACK))
        *order = lru_promote(*order, a->way);
    else
        *order = lru_demote(*order, a->way, p->ways);
}

static uint32_t bip_victim(void *state, const struct policy_access *a)
{
    const struct bip *p = state;
    return lru_victim(p->order[a->set], p->ways);
}

static void bip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct bip *p = state;
    archive_section(a, "PBIP", 1);
    archive_u32_below(a, &p->fills, ONCE_IN);
    lru_archive_orders(a, p->order, cfg->sets, cfg->ways);
}

const struct policy policy_bip = {
    .abi = POLICY_ABI,
    .name = "bip",
    .meaning = "bimodal insertion: as lip, but as the most recent once in 32 fills",
    .make = bip_make,
    .drop = free,
    .hit = bip_hit,
    .fill = bip_fill,
    .victim = bip_victim,
    .evict = policy_evict_nothing,
    .archive = bip_archive,
};

STREAM_INLINED uint32_t bip_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_bip, v, n, NULL);
}
