/* drrip.c - dynamic re-reference interval prediction: SRRIP or BRRIP by set duelling. */
/*
 * Source: Jaleel et al., ISCA 2010, section 4.3: policy 0 SRRIP, policy 1 BRRIP with 1/32 by one
 * counter for the cache; 32 leader sets each, PSEL of 10 bits from the middle (duel.h).
 * Write-backs and prefetches: their hits change nothing, and their misses do not vote. A write-back
 * fill gets 2 and is not counted; a prefetch fill is as a demand fill.
 */
#include "memhier/archive.h"
#include "memhier/duel.h"
#include "memhier/kind.h"
#include "memhier/once.h"
#include "memhier/policy.h"
#include "memhier/rrip.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct drrip {
    uint32_t full;  /* a bit for each way */
    uint32_t fills; /* once.h: those of BRRIP */
    struct duel duel;
    struct rrip_set set[];
};

static void *drrip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct drrip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->set[0], err, errlen);
    if (!p)
        return NULL;
    p->full = (1u << cfg->ways) - 1;
    duel_start(&p->duel, cfg->sets);
    rrip_start(p->set, cfg->sets);
    return p;
}

static void drrip_hit(void *state, const struct policy_access *a)
{
    struct drrip *p = state;
    rrip_near(&p->set[a->set], (uint32_t)kind_is_demand(a->kind) << a->way);
}

static void drrip_fill(void *state, const struct policy_access *a)
{
    struct drrip *p = state;
    const uint32_t brrip = duel_policy(&p->duel, a->set, kind_is_demand(a->kind));
    const uint32_t counts = brrip & (a->kind != MEM_WRITEBACK);
    const uint32_t far = counts & ~once_in_32(&p->fills, counts);
    rrip_put(&p->set[a->set], a->way, RRIP_LONG + far);
}

static uint32_t drrip_victim(void *state, const struct policy_access *a)
{
    struct drrip *p = state;
    return rrip_victim(&p->set[a->set], p->full);
}

static void drrip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct drrip *p = state;
    archive_section(a, "DRRI", 1);
    archive_u32_below(a, &p->fills, ONCE_IN);
    archive_u32_below(a, &p->duel.psel, DUEL_MAX + 1);
    for (uint32_t i = 0; i < cfg->sets; i++)
        rrip_archive(a, &p->set[i]);
}

const struct policy policy_drrip = {
    .abi = POLICY_ABI,
    .name = "drrip",
    .meaning = "dynamic RRIP: SRRIP against BRRIP by set duelling",
    .make = drrip_make,
    .drop = free,
    .hit = drrip_hit,
    .fill = drrip_fill,
    .victim = drrip_victim,
    .evict = policy_evict_nothing,
    .archive = drrip_archive,
};

STREAM_INLINED uint32_t drrip_stream(struct stream_store *s, const struct stream_access *v,
                                     uint32_t n)
{
    return stream_loop(s, &policy_drrip, v, n, NULL);
}
