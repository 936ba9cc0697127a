/* heap.h - the kernel's heap, and runs of frames mapped into the kernel. */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Blocks of powers of two, 16 bytes to 1 MiB, aligned to 16 bytes; freed blocks go to a list of
 * their size and are never merged or given back. kalloc zeroes; NULL when memory is out or the
 * request too large. There is no locking: kernel code gives the hart up only where it says so.
 */
void *kalloc(size_t bytes);
void kfree(void *block); /* NULL is fine */

/* A block of 2^n - HEAP_HEADER bytes fills 2^n. */
#define HEAP_HEADER 16u

/* kalloc for what the kernel cannot boot without: powers off with a message instead of failing. */
void *kalloc_boot(size_t bytes);

/*
 * n fresh zeroed DRAM frames, mapped into the kernel: *address, and the first frame's number or
 * -ENOMEM. The kernel's memory only ever grows; there is no undoing it.
 */
int32_t frames_map_new(uint32_t n, void **address);

/* Map frames that exist into the kernel: 0 and *address, or -ENOMEM. */
int frames_map(int32_t tier, uint32_t first, uint32_t n, void **address);

#define PAGE_SHIFT 16u
#define PAGE_BYTES (1u << PAGE_SHIFT)

/* Pages that hold so many bytes. */
static inline uint64_t pages_for(uint64_t bytes)
{
    return (bytes >> PAGE_SHIFT) + ((bytes & (PAGE_BYTES - 1)) != 0);
}

#endif
