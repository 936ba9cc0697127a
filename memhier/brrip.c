/* brrip.c - bimodal re-reference interval prediction. */
/*
 * Source: Jaleel et al., ISCA 2010, section 4.2. As SRRIP, but a fill gets 3, and 2 once in 32
 * fills by one counter for the cache. Write-backs and prefetches: their hits change nothing. A
 * write-back fill gets 2 and is not counted; a prefetch fill is as a demand fill.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/once.h"
#include "memhier/policy.h"
#include "memhier/rrip.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct brrip {
    uint32_t full;  /* a bit for each way */
    uint32_t fills; /* once.h */
    struct rrip_set set[];
};

static void *brrip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct brrip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->set[0], err, errlen);
    if (!p)
        return NULL;
    p->full = (1u << cfg->ways) - 1;
    rrip_start(p->set, cfg->sets);
    return p;
}

static void brrip_hit(void *state, const struct policy_access *a)
{
    struct brrip *p = state;
    rrip_near(&p->set[a->set], (uint32_t)kind_is_demand(a->kind) << a->way);
}

static void brrip_fill(void *state, const struct policy_access *a)
{
    struct brrip *p = state;
    const uint32_t counts = a->kind != MEM_WRITEBACK;
    const uint32_t far = counts & ~once_in_32(&p->fills, counts);
    rrip_put(&p->set[a->set], a->way, RRIP_LONG + far);
}

static uint32_t brrip_victim(void *state, const struct policy_access *a)
{
    struct brrip *p = state;
    return rrip_victim(&p->set[a->set], p->full);
}

static void brrip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct brrip *p = state;
    archive_section(a, "BRRI", 1);
    archive_u32_below(a, &p->fills, ONCE_IN);
    for (uint32_t i = 0; i < cfg->sets; i++)
        rrip_archive(a, &p->set[i]);
}

const struct policy policy_brrip = {
    .abi = POLICY_ABI,
    .name = "brrip",
    .meaning = "bimodal RRIP: fills are distant, once in 32 less so",
    .make = brrip_make,
    .drop = free,
    .hit = brrip_hit,
    .fill = brrip_fill,
    .victim = brrip_victim,
    .evict = policy_evict_nothing,
    .archive = brrip_archive,
};

STREAM_INLINED uint32_t brrip_stream(struct stream_store *s, const struct stream_access *v,
                                     uint32_t n)
{
    return stream_loop(s, &policy_brrip, v, n, NULL);
}
