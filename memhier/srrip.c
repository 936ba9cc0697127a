/* srrip.c - static re-reference interval prediction, hit priority. */
/*
 * Source: Jaleel et al., "High performance cache replacement using re-reference interval prediction
 * (RRIP)", ISCA 2010, section 4.1. 2 bits, 3 at the start; a fill gets 2, a hit 0; the victim is
 * the first way at 3, and all age until there is one (rrip.h). Write-backs and prefetches: their
 * hits change nothing; their fills get 2, as those of demands.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/rrip.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct srrip {
    uint32_t full; /* a bit for each way */
    struct rrip_set set[];
};

static void *srrip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct srrip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->set[0], err, errlen);
    if (!p)
        return NULL;
    p->full = (1u << cfg->ways) - 1;
    rrip_start(p->set, cfg->sets);
    return p;
}

static void srrip_hit(void *state, const struct policy_access *a)
{
    struct srrip *p = state;
    rrip_near(&p->set[a->set], (uint32_t)kind_is_demand(a->kind) << a->way);
}

static void srrip_fill(void *state, const struct policy_access *a)
{
    struct srrip *p = state;
    rrip_put(&p->set[a->set], a->way, RRIP_LONG);
}

static uint32_t srrip_victim(void *state, const struct policy_access *a)
{
    struct srrip *p = state;
    return rrip_victim(&p->set[a->set], p->full);
}

static void srrip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct srrip *p = state;
    archive_section(a, "SRRI", 1);
    for (uint32_t i = 0; i < cfg->sets; i++)
        rrip_archive(a, &p->set[i]);
}

const struct policy policy_srrip = {
    .abi = POLICY_ABI,
    .name = "srrip",
    .meaning = "static re-reference interval prediction, 2 bits, hit priority",
    .make = srrip_make,
    .drop = free,
    .hit = srrip_hit,
    .fill = srrip_fill,
    .victim = srrip_victim,
    .evict = policy_evict_nothing,
    .archive = srrip_archive,
};

STREAM_INLINED uint32_t srrip_stream(struct stream_store *s, const struct stream_access *v,
                                     uint32_t n)
{
    return stream_loop(s, &policy_srrip, v, n, NULL);
}
