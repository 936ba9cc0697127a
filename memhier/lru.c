/* lru.c - least recently used, behind the policy seam; its rules are those of lru.h. */
#include "memhier/archive.h"
#include "memhier/lru.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/policy.h"
#include "memhier/stream_loop.h"

struct lru {
    uint32_t ways;
    uint64_t order[]; /* one a set */
};

static void *lru_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct lru *l = malloc(sizeof *l + cfg->sets * sizeof l->order[0]);
    if (!l) {
        snprintf(err, errlen, "out of memory for the LRU order of %u sets", cfg->sets);
        return NULL;
    }
    l->ways = cfg->ways;
    for (uint32_t set = 0; set < cfg->sets; set++)
        l->order[set] = LRU_START;
    return l;
}

static void lru_hit(void *state, const struct policy_access *a)
{
    struct lru *l = state;
    l->order[a->set] = lru_on_hit(l->order[a->set], a->way, a->kind);
}

static void lru_fill(void *state, const struct policy_access *a)
{
    struct lru *l = state;
    l->order[a->set] = lru_on_fill(l->order[a->set], a->way);
}

static uint32_t lru_choose(void *state, const struct policy_access *a)
{
    const struct lru *l = state;
    return lru_victim(l->order[a->set], l->ways);
}

static void lru_evict(void *state, const struct policy_access *a)
{
    (void)state; /* an invalid way keeps its place; its next fill makes it the most recent */
    (void)a;
}

static void lru_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct lru *l = state;
    archive_section(a, "PLRU", 1);
    lru_archive_orders(a, l->order, cfg->sets, cfg->ways);
}

const struct policy policy_lru = {
    .abi = POLICY_ABI,
    .name = "lru",
    .meaning = "least recently used; write-back and prefetch hits do not promote",
    .make = lru_make,
    .drop = free,
    .hit = lru_hit,
    .fill = lru_fill,
    .victim = lru_choose,
    .evict = lru_evict,
    .archive = lru_archive,
};

STREAM_INLINED uint32_t lru_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_lru, v, n, NULL);
}
