/* nru.c - not recently used: one bit a line. */
/*
 * Source: as in Jaleel et al., ISCA 2010, section 2. A use clears the line's bit (used recently).
 * The victim is the lowest way whose bit is set; when there is none, the bits of all ways are set
 * first.
 *
 * Write-backs and prefetches: their hits change nothing. A write-back fill enters as not recently
 * used, the only distant position that there is; a prefetch fill as recently used.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct nru {
    uint32_t full;
    uint16_t old[]; /* a bit a way: not recently used */
};

static void *nru_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct nru *n = policy_alloc(sizeof *n + cfg->sets * sizeof n->old[0], err, errlen);
    if (!n)
        return NULL;
    n->full = (1u << cfg->ways) - 1;
    for (uint32_t set = 0; set < cfg->sets; set++)
        n->old[set] = (uint16_t)n->full;
    return n;
}

static void nru_hit(void *state, const struct policy_access *a)
{
    struct nru *n = state;
    if (kind_is_demand(a->kind))
        n->old[a->set] = (uint16_t)(n->old[a->set] & ~(1u << a->way));
}

static void nru_fill(void *state, const struct policy_access *a)
{
    struct nru *n = state;
    const uint32_t others = n->old[a->set] & ~(1u << a->way);
    n->old[a->set] = (uint16_t)(others | (uint32_t)(a->kind == MEM_WRITEBACK) << a->way);
}

static uint32_t nru_victim(void *state, const struct policy_access *a)
{
    struct nru *n = state;
    if (!n->old[a->set])
        n->old[a->set] = (uint16_t)n->full;
    return (uint32_t)__builtin_ctz(n->old[a->set]);
}

static void nru_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct nru *n = state;
    archive_section(a, "PNRU", 1);
    archive_u16s(a, n->old, cfg->sets, n->full + 1);
}

const struct policy policy_nru = {
    .abi = POLICY_ABI,
    .name = "nru",
    .meaning = "not recently used: one bit a line, all set anew when none is left",
    .make = nru_make,
    .drop = free,
    .hit = nru_hit,
    .fill = nru_fill,
    .victim = nru_victim,
    .evict = policy_evict_nothing,
    .archive = nru_archive,
};

STREAM_INLINED uint32_t nru_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_nru, v, n, NULL);
}
