/* tlb.h - translation look-aside buffers and the addresses that page walks read. */
#ifndef CPU_TLB_H
#define CPU_TLB_H

#include <stdint.h>

#include "cpu/core.h"

/*
 * An entry is found by a 64-bit key:
 *
 *   bits 62..47 address-space tag (the PCID), 0: global, found in every address space
 *   bits 46..30 number of the wasm memory; TLB_PHYSICAL: the address is physical
 *   bits 29..0  page number: 64 KiB pages (usual under call), 4 KiB (usual under trap) or 2 MiB
 *
 * All memories of the machine lie side by side in one virtual address space, hence the number in
 * the key. What has no linear address is found by its physical one, as in a kernel's direct map:
 * frames of calls, code, bulk copies, the machine's own data.
 *
 * A first level for instructions and one for data, of the same size; but for 64 KiB pages a second
 * level for both and a page-walk cache. Sets are kept in order of use, the most recent first, so
 * that a repeated hit is one comparison and replacement is exact LRU.
 */
#define TLB_PHYSICAL    0x1ffffu
#define TLB_ASID_SHIFT  47u
#define TLB_SPACE_SHIFT 30u
#define TLB_PAGE_MASK   ((UINT64_C(1) << TLB_SPACE_SHIFT) - 1)
#define TLB_NO_KEY      UINT64_MAX

/* With 2 MiB pages the walk ends a level earlier, and memory counts as mapped by such pages
 * throughout. */
/* Upper levels of the walk are cached as in the PDE cache of recent x86 cores: 32 entries of 2 MiB,
 * 4 ways; a hit leaves the read of the last level. */
#define TLB_WALK_CACHE_ENTRIES 32u
#define TLB_WALK_CACHE_WAYS    4u

/*
 * Where tables lie. A memory has 16 MiB from table_addr on: under `call` its frame table, 8 bytes a
 * 64 KiB page; under `trap` four levels, each as one array (so that neighbouring pages share
 * lines). The tables of physical addresses lie at TLB_PHYSICAL_TABLES, past those of 16,384
 * memories.
 */
#define TLB_PHYSICAL_TABLES (PAGE_TABLE_BASE + (UINT64_C(1) << 38))
#define TLB_LEVELS          4u

struct tlb_level {
    uint64_t *keys; /* set s at s << stride_shift, most recently used first */
    uint32_t ways, set_mask, stride_shift;
};

struct tlb {
    struct tlb_level code, data, l2, upper;
    uint32_t page_shift, l2_cycles;
    uint8_t four_levels, has_l2, none; /* none: nothing is translated */
};

/* 0, or -1 when there is no memory. The configuration has been checked. */
int tlb_init(struct tlb *t, const struct tlb_config *cfg, enum boundary_kind kind);
void tlb_free(struct tlb *t);

static inline uint64_t tlb_tag(uint32_t asid, uint32_t space)
{
    return (uint64_t)(asid & 0xffffu) << TLB_ASID_SHIFT | (uint64_t)(space & TLB_PHYSICAL)
                                                              << TLB_SPACE_SHIFT;
}

static inline uint64_t tlb_key(const struct tlb *t, uint64_t tag, uint64_t addr)
{
    return tag | (addr >> t->page_shift & TLB_PAGE_MASK);
}

static inline uint64_t *tlb_set(const struct tlb_level *l, uint64_t key)
{
    const uint32_t set = (uint32_t)(key ^ key >> TLB_SPACE_SHIFT) & l->set_mask;
    return l->keys + ((size_t)set << l->stride_shift);
}

/* Is it the entry that its set used last? Then nothing else needs to be done. */
static inline int tlb_again(const struct tlb_level *l, uint64_t key)
{
    return *tlb_set(l, key) == key;
}

enum tlb_found { TLB_L1, TLB_L2, TLB_MISS };

/* Look a key up in a first level (of this TLB) and the second; afterwards it is in both. */
enum tlb_found tlb_lookup(struct tlb *t, struct tlb_level *first, uint64_t key);

/* The reads of the walk for a key that missed, in order, each depending on the one before: how
 * many. table_addr: of its memory, ignored for physical addresses. Learns the upper levels. */
uint32_t tlb_walk(struct tlb *t, uint64_t key, uint64_t table_addr, uint64_t reads[TLB_LEVELS]);

/* To or from a checkpoint (memhier/archive.h). */
void tlb_archive(struct tlb *t, struct archive *a);

/* Drop the entries of one page of 64 KiB of a memory, in all address spaces. */
void tlb_drop(struct tlb *t, uint32_t space, uint32_t page);
/* Drop all entries, or all that are not global. */
void tlb_flush(struct tlb *t, int global_too);

#endif
