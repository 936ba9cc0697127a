/* lip.c - LRU insertion: a line must be used once more to get away from the LRU position. */
/*
 * Source: Qureshi et al., "Adaptive insertion policies for high performance caching", ISCA 2007,
 * section 3.1. Every fill enters at the LRU position; a demand hit moves to the MRU position.
 * Write-backs and prefetches: their hits change nothing; their fills enter at the LRU position,
 * too.
 */
#include "memhier/archive.h"
#include "memhier/lru.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct lip {
    uint32_t ways;
    uint64_t order[]; /* lru.h */
};

static void *lip_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct lip *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->order[0], err, errlen);
    if (!p)
        return NULL;
    p->ways = cfg->ways;
    for (uint32_t set = 0; set < cfg->sets; set++)
        p->order[set] = LRU_START;
    return p;
}

static void lip_hit(void *state, const struct policy_access *a)
{
    struct lip *p = state;
    p->order[a->set] = lru_on_hit(p->order[a->set], a->way, a->kind);
}

static void lip_fill(void *state, const struct policy_access *a)
{
    struct lip *p = state;
    p->order[a->set] = lru_demote(p->order[a->set], a->way, p->ways);
}

static uint32_t lip_victim(void *state, const struct policy_access *a)
{
    const struct lip *p = state;
    return lru_victim(p->order[a->set], p->ways);
}

static void lip_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct lip *p = state;
    archive_section(a, "PLIP", 1);
    lru_archive_orders(a, p->order, cfg->sets, cfg->ways);
}

const struct policy policy_lip = {
    .abi = POLICY_ABI,
    .name = "lip",
    .meaning = "LRU insertion: fills enter as the next victim",
    .make = lip_make,
    .drop = free,
    .hit = lip_hit,
    .fill = lip_fill,
    .victim = lip_victim,
    .evict = policy_evict_nothing,
    .archive = lip_archive,
};

STREAM_INLINED uint32_t lip_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_lip, v, n, NULL);
}
