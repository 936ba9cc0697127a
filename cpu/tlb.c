/* tlb.c - translation look-aside buffers and the addresses that page walks read. */
#include "cpu/tlb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES 8u
#define INDEX_BITS  9u /* of each level of the tables */

static int level_init(struct tlb_level *l, uint32_t entries, uint32_t ways)
{
    uint32_t shift = 0;
    while (1u << shift < ways)
        shift++;
    const uint32_t sets = entries / ways;
    assert(sets > 0 && (sets & (sets - 1)) == 0);
    const size_t n = (size_t)sets << shift;
    *l = (struct tlb_level){malloc(n * sizeof *l->keys), ways, sets - 1, shift};
    if (!l->keys)
        return -1;
    memset(l->keys, 0xff, n * sizeof *l->keys);
    return 0;
}

int tlb_init(struct tlb *t, const struct tlb_config *cfg, enum boundary_kind kind)
{
    const int large = cfg->page == TLB_PAGE_2M, usual = cfg->page == TLB_PAGE_USUAL;
    const int trap = (usual && kind == BOUNDARY_TRAP) || cfg->page == TLB_PAGE_4K || large;
    *t = (struct tlb){.page_shift = large  ? 21
                                    : trap ? 12
                                           : 16,
                      .none = cfg->page == TLB_PAGE_NONE,
                      .l2_cycles = cfg->l2_cycles,
                      .four_levels = (uint8_t)trap,
                      .has_l2 = trap && cfg->l2_entries > 0};
    if (level_init(&t->code, cfg->l1_entries, cfg->l1_ways) ||
        level_init(&t->data, cfg->l1_entries, cfg->l1_ways) ||
        (trap && level_init(&t->upper, TLB_WALK_CACHE_ENTRIES, TLB_WALK_CACHE_WAYS)) ||
        (t->has_l2 && level_init(&t->l2, cfg->l2_entries, cfg->l2_ways))) {
        tlb_free(t);
        return -1;
    }
    return 0;
}

void tlb_free(struct tlb *t)
{
    free(t->code.keys);
    free(t->data.keys);
    free(t->l2.keys);
    free(t->upper.keys);
    *t = (struct tlb){0};
}

/* Make key the most recent of its set; 1 when it was there, else the least recent is dropped. */
static int level_touch(struct tlb_level *l, uint64_t key)
{
    uint64_t *set = tlb_set(l, key);
    uint32_t i = 0;
    while (i < l->ways - 1 && set[i] != key)
        i++;
    const int found = set[i] == key;
    memmove(set + 1, set, i * sizeof *set);
    set[0] = key;
    return found;
}

enum tlb_found tlb_lookup(struct tlb *t, struct tlb_level *first, uint64_t key)
{
    if (level_touch(first, key))
        return TLB_L1;
    return t->has_l2 && level_touch(&t->l2, key) ? TLB_L2 : TLB_MISS;
}

uint32_t tlb_walk(struct tlb *t, uint64_t key, uint64_t table_addr, uint64_t reads[TLB_LEVELS])
{
    /* Offsets of the level tables, the last level first. A memory has 2^20 pages of 4 KiB; there
     * are 2^30 physical ones. */
    static const uint64_t of_memory[] = {0, 0x800000, 0x804000, 0x805000};
    static const uint64_t of_physical[] = {0, UINT64_C(1) << 33, UINT64_C(1) << 34,
                                           (UINT64_C(1) << 34) + (UINT64_C(1) << 25)};
    const uint64_t page = key & TLB_PAGE_MASK;
    const int physical = (key >> TLB_SPACE_SHIFT & TLB_PHYSICAL) == TLB_PHYSICAL;
    const uint64_t base = physical ? TLB_PHYSICAL_TABLES : table_addr;
    const uint64_t *offset = physical ? of_physical : of_memory;
    const uint32_t last = t->page_shift == 21; /* level whose entries map pages */
    uint32_t n = 0;

    if (t->four_levels) {
        const uint64_t upper = (key & ~TLB_PAGE_MASK) | page >> INDEX_BITS;
        if (!level_touch(&t->upper, upper))
            for (uint32_t level = TLB_LEVELS - 1; level > last; level--)
                reads[n++] = base + offset[level] +
                             (page >> (INDEX_BITS * (level - last))) * ENTRY_BYTES;
    }
    reads[n++] = base + (t->four_levels ? offset[last] : 0) + page * ENTRY_BYTES;
    return n;
}

static void level_flush(struct tlb_level *l, int global_too)
{
    if (!l->keys)
        return;
    for (uint32_t s = 0; s <= l->set_mask; s++) {
        uint64_t *set = l->keys + ((size_t)s << l->stride_shift);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < l->ways; i++)
            if (!global_too && set[i] >> TLB_ASID_SHIFT == 0)
                set[kept++] = set[i];
        while (kept < l->ways)
            set[kept++] = TLB_NO_KEY;
    }
}

/* Of the keys of a memory those whose addresses lie in [from, to), in pages of this TLB. */
static void level_drop(struct tlb_level *l, uint32_t space, uint64_t from, uint64_t to)
{
    for (uint32_t s = 0; l->keys && s <= l->set_mask; s++) {
        uint64_t *set = l->keys + ((size_t)s << l->stride_shift);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < l->ways; i++) {
            const uint64_t page = set[i] & TLB_PAGE_MASK;
            if (set[i] == TLB_NO_KEY || (set[i] >> TLB_SPACE_SHIFT & TLB_PHYSICAL) != space ||
                page < from || page >= to)
                set[kept++] = set[i];
        }
        while (kept < l->ways)
            set[kept++] = TLB_NO_KEY;
    }
}

void tlb_drop(struct tlb *t, uint32_t space, uint32_t page)
{
    const uint64_t at = (uint64_t)page << 16, size = UINT64_C(1) << t->page_shift;
    const uint64_t from = at >> t->page_shift, to = (at + 65536 + size - 1) >> t->page_shift;
    if (t->none)
        return;
    level_drop(&t->code, space, from, to);
    level_drop(&t->data, space, from, to);
    level_drop(&t->l2, space, from, to);
}

void tlb_flush(struct tlb *t, int global_too)
{
    level_flush(&t->code, global_too);
    level_flush(&t->data, global_too);
    level_flush(&t->l2, global_too);
    level_flush(&t->upper, global_too);
}

static void level_archive(struct tlb_level *l, struct archive *a)
{
    const size_t n = l->keys ? ((size_t)l->set_mask + 1) << l->stride_shift : 0;
    archive_same(a, n);
    archive_u64s(a, l->keys, n);
}

void tlb_archive(struct tlb *t, struct archive *a)
{
    archive_section(a, "TLB ", 1);
    level_archive(&t->code, a);
    level_archive(&t->data, a);
    level_archive(&t->l2, a);
    level_archive(&t->upper, a);
}
