/* ait.c - the buffer of the address indirection table: a hash index and a list in order of use. */
#include "nvdimm/ait.h"

#include <stdlib.h>

#include "memhier/archive.h"
#include "nvdimm/index.h"

#define BLOCK_LINE_BITS (AIT_BLOCK_SHIFT - 8u)

struct entry {
    uint64_t block;
    uint32_t newer, older; /* INDEX_NONE at the ends */
};

struct ait {
    struct ait_config cfg;
    struct entry *entries;
    uint32_t used, newest, oldest;
    struct index index;
    struct ait_counters *counters;
};

struct ait *ait_new(const struct ait_config *cfg, struct ait_counters *counters)
{
    struct ait *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->cfg = *cfg;
    t->counters = counters;
    t->newest = t->oldest = INDEX_NONE;
    t->entries = calloc(cfg->entries, sizeof *t->entries);
    if (t->entries && index_init(&t->index, cfg->entries) == 0)
        return t;
    ait_free(t);
    return NULL;
}

void ait_free(struct ait *t)
{
    if (!t)
        return;
    free(t->entries);
    index_free(&t->index);
    free(t);
}

static void unlink_entry(struct ait *t, uint32_t i)
{
    const struct entry *e = &t->entries[i];
    *(e->newer == INDEX_NONE ? &t->newest : &t->entries[e->newer].older) = e->older;
    *(e->older == INDEX_NONE ? &t->oldest : &t->entries[e->older].newer) = e->newer;
}

static void link_newest(struct ait *t, uint32_t i)
{
    struct entry *e = &t->entries[i];
    e->newer = INDEX_NONE;
    e->older = t->newest;
    *(t->newest == INDEX_NONE ? &t->oldest : &t->entries[t->newest].newer) = i;
    t->newest = i;
}

static void add(struct ait *t, uint64_t block)
{
    uint32_t i = t->used;
    if (t->used < t->cfg.entries) {
        t->used++;
    } else {
        i = t->oldest;
        unlink_entry(t, i);
        index_remove(&t->index, t->entries[i].block, i);
    }
    t->entries[i].block = block;
    index_add(&t->index, block, i);
    link_newest(t, i);
}

ps_t ait_lookup(struct ait *t, uint64_t xpline, ps_t at)
{
    const uint64_t block = xpline >> BLOCK_LINE_BITS;
    uint32_t i = t->newest;
    if (i == INDEX_NONE || t->entries[i].block != block) {
        i = index_first(&t->index, block);
        while (i != INDEX_NONE && t->entries[i].block != block)
            i = index_next(&t->index, i);
    }
    if (i == INDEX_NONE) {
        t->counters->misses++;
        add(t, block);
        return at + t->cfg.lookup + t->cfg.miss;
    }
    t->counters->hits++;
    if (i != t->newest) {
        unlink_entry(t, i);
        link_newest(t, i);
    }
    return at + t->cfg.lookup;
}

void ait_archive(struct ait *t, struct archive *a)
{
    uint32_t n = t->used;
    archive_count(a, &n, t->cfg.entries, 8);
    uint32_t i = t->oldest;
    for (uint32_t k = 0; k < n && !a->failed; k++) {
        uint64_t block = a->writing ? t->entries[i].block : 0;
        archive_u64(a, &block);
        if (a->writing)
            i = t->entries[i].newer;
        else
            add(t, block);
    }
}
