/* heap.c - the kernel's heap, and runs of frames mapped into the kernel. */
#include "heap.h"
#include "console.h"
#include "kstring.h"
#include "wasi.h"
#include "machine_import.h"

#define ORDER_MIN 5u  /* 32 bytes: 16 of header, 16 for the caller */
#define ORDER_MAX 20u /* 1 MiB with its header */
#define HEADER    HEAP_HEADER

/* In front of each block; keeps the caller's part aligned to 16 bytes. */
struct block {
    uint32_t order;
    struct block *next; /* while free */
    uint32_t unused[2];
};
_Static_assert(sizeof(struct block) == HEADER, "the header keeps blocks aligned");

/* Static: the kernel has one heap. Invariant: [chunk, chunk + left) is memory that was never handed
 * out and reads as zero. */
static struct {
    struct block *free[ORDER_MAX + 1];
    uint8_t *chunk;
    uint32_t left;
} heap;

int frames_map(int32_t tier, uint32_t first, uint32_t n, void **address)
{
    int32_t at = machine_map(0, tier, first, n);
    if (machine_map_failed(at))
        return at;
    *address = (void *)(uintptr_t)(uint32_t)at;
    return 0;
}

int32_t frames_map_new(uint32_t n, void **address)
{
    int32_t first = machine_frames_alloc(n);
    int err;
    if (first < 0)
        return first;
    err = frames_map(MACHINE_DRAM, (uint32_t)first, n, address);
    if (err < 0) {
        machine_frames_free((uint32_t)first, n);
        return err;
    }
    return first;
}

/* Bring fresh memory for at least `bytes`. What is left of the old chunk is lost, less than one
 * block of the size now asked for. */
static int heap_extend(uint32_t bytes)
{
    void *address;
    uint32_t pages = (uint32_t)pages_for(bytes);
    int32_t first = frames_map_new(pages, &address);
    if (first < 0)
        return first;
    if (address == heap.chunk + heap.left) {
        heap.left += pages << PAGE_SHIFT;
    } else {
        heap.chunk = address;
        heap.left = pages << PAGE_SHIFT;
    }
    return 0;
}

static struct block *heap_carve(uint32_t order)
{
    uint32_t bytes = 1u << order;
    struct block *b;
    if (heap.left < bytes && heap_extend(bytes) < 0)
        return NULL;
    b = (struct block *)heap.chunk;
    heap.chunk += bytes;
    heap.left -= bytes;
    b->order = order;
    return b;
}

void *kalloc(size_t bytes)
{
    uint32_t order = ORDER_MIN;
    struct block *b;
    if (bytes > (1u << ORDER_MAX) - HEADER)
        return NULL;
    while ((1u << order) < bytes + HEADER)
        order++;
    b = heap.free[order];
    if (!b) {
        b = heap_carve(order);
        return b ? b + 1 : NULL;
    }
    heap.free[order] = b->next;
    memset(b + 1, 0, bytes);
    return b + 1;
}

void kfree(void *block)
{
    struct block *b = block;
    if (!b)
        return;
    b--;
    b->next = heap.free[b->order];
    heap.free[b->order] = b;
}

void *kalloc_boot(size_t bytes)
{
    void *p = kalloc(bytes);
    if (!p)
        kernel_refuse_text("out of memory while booting");
    return p;
}
