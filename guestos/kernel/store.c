/* store.c - memory for the contents of files, in the tier that the machine keeps them in. */
#include <stddef.h>

#include "store.h"
#include "console.h"
#include "heap.h"
#include "nvdir.h"
#include "param.h"

#define EXTEND_PAGES   16u /* asked of the machine at a time */
#define FRAME_OF_PAGES 4u  /* 4 bytes for each of 65,536 pages */

/* At the start of a free block. */
struct free_block {
    struct free_block *next;
};

/* Static: there is one store. frame_of: by page of the kernel's memory, for pages of the store. */
static struct {
    enum machine_tier tier;
    struct free_block *free[STORE_ORDER_PAGE + 1];
    uint32_t pages, free_pages;
    uint32_t *frame_of;
} store;

void store_init(void)
{
    void *table;
    if (frames_map_new(FRAME_OF_PAGES, &table) < 0)
        kernel_refuse_text("out of memory while booting");
    store.frame_of = table;
    store.tier = MACHINE_DRAM;
    if (param_is(PARAM_DATA_TIER, "nvdimm"))
        store.tier = MACHINE_NVDIMM;
    else if (!param_is(PARAM_DATA_TIER, "dram"))
        kernel_refuse_text("boot parameter data_tier must be 'dram' or 'nvdimm'");
    if (store.tier == MACHINE_NVDIMM && machine_nvdimm_frames() < 2)
        kernel_refuse_text(
            "data_tier is 'nvdimm', but this machine has no NVDIMM of 128 KiB or more");
}

enum machine_tier data_tier(void)
{
    return store.tier;
}

uint32_t store_frame(const uint8_t *page)
{
    return store.frame_of[(uint32_t)(uintptr_t)page >> PAGE_SHIFT];
}

void store_usage(uint32_t *pages, uint32_t *free_pages)
{
    *pages = store.pages;
    *free_pages = store.free_pages;
}

void store_free(uint8_t *block, uint32_t order)
{
    struct free_block *b = (struct free_block *)block;
    b->next = store.free[order];
    store.free[order] = b;
    store.free_pages += order == STORE_ORDER_PAGE;
}

/* n frames of the tier, mapped: the first, or -errno. */
static int32_t frames_new(uint32_t n, void **address)
{
    int32_t first;
    int err;
    if (store.tier == MACHINE_DRAM)
        return frames_map_new(n, address);
    first = nvdir_cache_alloc(n);
    if (first < 0)
        return first;
    err = frames_map(MACHINE_NVDIMM, (uint32_t)first, n, address);
    return err < 0 ? err : first;
}

/* n more pages onto the free list, the lowest on top. */
static int store_extend(uint32_t n)
{
    void *address;
    uint32_t page;
    int32_t first = frames_new(n, &address);
    if (first < 0)
        return first;
    page = (uint32_t)(uintptr_t)address >> PAGE_SHIFT;
    store.pages += n;
    while (n--) {
        store.frame_of[page + n] = (uint32_t)first + n;
        store_free((uint8_t *)address + ((uint64_t)n << PAGE_SHIFT), STORE_ORDER_PAGE);
    }
    return 0;
}

void store_prepare(uint32_t n)
{
    if (n > 1 && store.free_pages < n)
        store_extend(n);
}

static uint8_t *block_pop(uint32_t order)
{
    struct free_block *b = store.free[order];
    if (!b)
        return NULL;
    store.free[order] = b->next;
    store.free_pages -= order == STORE_ORDER_PAGE;
    return (uint8_t *)b;
}

uint8_t *store_alloc(uint32_t order)
{
    uint32_t from = order;
    uint8_t *block;
    while (from < STORE_ORDER_PAGE && !store.free[from])
        from++;
    if (!store.free[from] && store_extend(EXTEND_PAGES) < 0 && store_extend(1) < 0)
        return NULL;
    block = block_pop(from);
    while (from > order) { /* halves of what is larger */
        from--;
        store_free(block + (1u << from), from);
    }
    return block;
}

uint32_t store_order(uint32_t bytes)
{
    uint32_t order = STORE_ORDER_MIN;
    while (order < STORE_ORDER_PAGE && (1u << order) < bytes)
        order++;
    return order;
}
