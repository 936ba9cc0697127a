/* plru.c - pseudo-LRU by a binary tree of bits over the ways. */
/*
 * Source: textbook; So and Rechtschaffen, "Cache operations by MRU change", IEEE TC 37(6), 1988.
 * Each inner node has a bit that points to the half that was used less recently: 0 left, 1 right. A
 * use of a way makes all nodes on its path point away from it; the victim is where the pointers
 * lead. With a number of ways that is not a power of two the tree is that of the next one, and a
 * node whose right half has no way points left.
 *
 * Write-backs and prefetches: as for LRU. Their hits change nothing, every fill is a use.
 *
 * Nodes are numbered as in a heap, from 1; bit n of a set's word is node n.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

#define LEAVES 16u

struct plru {
    uint32_t leaves;                     /* power of two, at least the ways */
    uint16_t missing;                    /* nodes whose right half has no way */
    uint16_t keep[LEAVES], away[LEAVES]; /* per way: nodes off its path; those that must be 1 */
    uint16_t tree[];
};

static void path_of(struct plru *p, uint32_t way)
{
    uint32_t on_path = 0, right = 0;
    for (uint32_t node = p->leaves + way; node > 1; node /= 2) {
        on_path |= 1u << node / 2;
        if (!(node & 1)) /* the way is on the left: point right */
            right |= 1u << node / 2;
    }
    p->keep[way] = (uint16_t)~on_path;
    p->away[way] = (uint16_t)right;
}

/* The lowest way under a node. */
static uint32_t first_way(const struct plru *p, uint32_t node)
{
    while (node < p->leaves)
        node *= 2;
    return node - p->leaves;
}

static void *plru_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct plru *p = policy_alloc(sizeof *p + cfg->sets * sizeof p->tree[0], err, errlen);
    if (!p)
        return NULL;
    for (p->leaves = 1; p->leaves < cfg->ways;)
        p->leaves *= 2;
    for (uint32_t node = 1; node < p->leaves; node++)
        if (first_way(p, 2 * node + 1) >= cfg->ways)
            p->missing = (uint16_t)(p->missing | 1u << node);
    for (uint32_t way = 0; way < cfg->ways; way++)
        path_of(p, way);
    return p;
}

static void plru_fill(void *state, const struct policy_access *a)
{
    struct plru *p = state;
    p->tree[a->set] = (uint16_t)((p->tree[a->set] & p->keep[a->way]) | p->away[a->way]);
}

static void plru_hit(void *state, const struct policy_access *a)
{
    if (kind_is_demand(a->kind))
        plru_fill(state, a);
}

static uint32_t plru_victim(void *state, const struct policy_access *a)
{
    const struct plru *p = state;
    const uint32_t tree = p->tree[a->set] & ~(uint32_t)p->missing;
    uint32_t node = 1;
    while (node < p->leaves)
        node = 2 * node + (tree >> node & 1);
    return node - p->leaves;
}

static void plru_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct plru *p = state;
    archive_section(a, "TREE", 1);
    archive_u16s(a, p->tree, cfg->sets, 1u << 16);
}

const struct policy policy_plru = {
    .abi = POLICY_ABI,
    .name = "plru",
    .meaning = "pseudo-LRU: a tree of bits that point away from the ways last used",
    .make = plru_make,
    .drop = free,
    .hit = plru_hit,
    .fill = plru_fill,
    .victim = plru_victim,
    .evict = policy_evict_nothing,
    .archive = plru_archive,
};

STREAM_INLINED uint32_t plru_stream(struct stream_store *s, const struct stream_access *v,
                                    uint32_t n)
{
    return stream_loop(s, &policy_plru, v, n, NULL);
}
