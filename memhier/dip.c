/* dip.c - dynamic insertion: LRU or BIP, whichever misses less in its leader sets. */
/*
 * Source: Qureshi et al., ISCA 2007, section 4: set duelling (duel.h: 32 leaders each, PSEL of 10
 * bits), policy 0 LRU, policy 1 BIP with 1/32 by one counter for the cache.
 * Write-backs and prefetches: their hits change nothing, and their misses do not vote. A write-back
 * fill enters at the MRU position where the set follows LRU and at the LRU position where it
 * follows BIP, and is not counted there; a prefetch fill enters as a demand fill.
 */
#include "memhier/archive.h"
#include "memhier/duel.h"
#include "memhier/kind.h"
#include "memhier/lru.h"
#include "memhier/once.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct dip {
    uint32_t ways;
    uint32_t fills; /* once.h: those of BIP */
    struct duel duel;
    uint64_t order[]; /* lru.h */
};

static void *dip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct dip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->order[0], err, errlen);
    if (!p)
        return NULL;
    p->ways = cfg->ways;
    duel_start(&p->duel, cfg->sets);
    for (uint32_t set = 0; set < cfg->sets; set++)
        p->order[set] = LRU_START;
    return p;
}

static void dip_hit(void *state, const struct policy_access *a)
{
    struct dip *p = state;
    p->order[a->set] = lru_on_hit(p->order[a->set], a->way, a->kind);
}

static void dip_fill(void *state, const struct policy_access *a)
{
    struct dip *p = state;
    uint64_t *order = &p->order[a->set];
    const uint32_t bip = duel_policy(&p->duel, a->set, kind_is_demand(a->kind));
    if (!bip || once_in_32(&p->fills, a->kind != MEM_WRITEBACK))
        *order = lru_promote(*order, a->way);
    else
        *order = lru_demote(*order, a->way, p->ways);
}

static uint32_t dip_victim(void *state, const struct policy_access *a)
{
    const struct dip *p = state;
    return lru_victim(p->order[a->set], p->ways);
}

static void dip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct dip *p = state;
    archive_section(a, "PDIP", 1);
    archive_u32_below(a, &p->fills, ONCE_IN);
    archive_u32_below(a, &p->duel.psel, DUEL_MAX + 1);
    lru_archive_orders(a, p->order, cfg->sets, cfg->ways);
}

const struct policy policy_dip = {
    .abi = POLICY_ABI,
    .name = "dip",
    .meaning = "dynamic insertion: LRU against BIP by set duelling",
    .make = dip_make,
    .drop = free,
    .hit = dip_hit,
    .fill = dip_fill,
    .victim = dip_victim,
    .evict = policy_evict_nothing,
    .archive = dip_archive,
};

STREAM_INLINED uint32_t dip_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_dip, v, n, NULL);
}
