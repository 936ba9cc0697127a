/* space.h - one wasm linear memory: reserved host addresses with guard pages, backed by frames. */
#ifndef WASMCORE_SPACE_H
#define WASMCORE_SPACE_H

#include "wasmcore/physmem.h"

#define WASM_PAGE_BYTES 65536u
#define SPACE_MAX_PAGES 65536u

/* Page tables of one space: 2^20 entries of 8 bytes for 4 KiB pages are 8 MiB, upper levels above.
 */
#define SPACE_TABLE_BYTES (UINT64_C(16) << 20)

/*
 * Fields are read by the engine and by cores on their hot paths; only space.c and space_map.c write
 * them. base[0 .. pages*64 KiB) is accessible, if need be by way of space_fault; everything up to
 * base + 8 GiB + one page faults on the host, so that any 32-bit address plus any 32-bit offset
 * either hits or traps. base and frame stay where they are for the life of the space.
 */
struct space {
    uint8_t *base;
    uint32_t pages;     /* current size */
    uint32_t max_pages; /* the memory type's maximum, or the limit given at creation */
    uint64_t *frame;    /* physical address of each page, `pages` of them */
    /* linear addresses of NVDIMM-backed pages all lie in [nv_lo, nv_lo + nv_span); span 0: none */
    uint64_t nv_lo, nv_span;
    uint64_t
        table_addr; /* physical address of the frame table / page table root area of this space */
    uint32_t id;    /* its place in the store */
    struct physmem *pm;
    /* the memory's type, for linking; whoever makes the space sets it */
    uint64_t type_max; /* if has_max */
    uint8_t has_max, shared, is64;
    uint8_t foreign; /* has, or had, pages whose frames are not its own */
    uint64_t *owned; /* bit set: the page's frame was allocated by the space and is freed with it */
    /* space_map.c's */
    uint8_t on_demand; /* pages show when they are touched, else all of them do */
    int64_t mappings;  /* of the host, held for its pages */
    uint64_t *shown;   /* on_demand: bit set: the page shows */
};

/*
 * min pages are allocated from DRAM; max_pages above SPACE_MAX_PAGES counts as that. NULL when the
 * host or the machine is out of memory, or min_pages is above the maximum.
 * table_addr is the id'th slice of SPACE_TABLE_BYTES from PAGE_TABLE_BASE; ids 32768 apart share
 * one (tables have timing but no contents).
 */
struct space *space_new(struct physmem *pm, uint32_t min_pages, uint32_t max_pages, uint32_t id);
void space_free(struct space *s);

/* Grow by n zeroed DRAM pages: the old size in pages, or -1 (nothing changed). Frames that continue
 * the last page's are preferred. */
int64_t space_grow(struct space *s, uint32_t n);
/* Grow by n pages backed by the given frames (DAX when tier is NVDIMM): old size in pages or -1
 * (nothing changed). The frames stay the caller's: they are not released with the space. */
int64_t space_grow_map(struct space *s, enum tier tier, uint32_t first, uint32_t n);
/* Replace pages by zeroed DRAM pages (unmap). 0 or -1 (nothing changed). */
int space_unmap(struct space *s, uint32_t page, uint32_t n);

/* The page lies in this frame from now on, which has its contents already: a DRAM frame becomes the
 * space's own, one of the NVDIMM stays the caller's. The frame that the space owned before is
 * released. 0 or -1 (nothing changed). */
int space_move(struct space *s, uint32_t page, enum tier tier, uint32_t frame);

/* For checkpoints: give the space these pages in place of those that it has, which are released.
 * pages[i] is a frame's address, with bit 0 set when the frame is the space's own (and counts as
 * allocated; nothing is allocated here). 0, or -1: frames that are not there, more pages than the
 * maximum; the space is empty then. */
int space_restore(struct space *s, const uint64_t *pages, uint32_t n);
/* Is the page's frame released with the space? */
int space_owns(const struct space *s, uint32_t page);

/* Is [addr, addr + n) inside? */
static inline int space_holds(const struct space *s, uint64_t addr, uint64_t n)
{
    uint64_t size = (uint64_t)s->pages * WASM_PAGE_BYTES;
    return n <= size && addr <= size - n;
}

/* Physical address of a linear address that is inside. */
static inline uint64_t space_phys(const struct space *s, uint64_t addr)
{
    return s->frame[addr >> FRAME_SHIFT] + (addr & (FRAME_BYTES - 1));
}

/* Is a host address one of any space's reserved range, so that a fault there is a guest trap?
 * Called from the fault handler: async-signal-safe. */
int space_owns_host_address(const void *p);

/* For the fault handler: 1 when the address is inside of a space and was only not shown; it is now.
 * 0: a true fault. Async-signal-safe. */
int space_fault(const void *p);

/* Before the host's kernel is given [addr, addr + n), which is inside: it would take what does not
 * show for an error. */
void space_touch(struct space *s, uint64_t addr, uint64_t n);

#endif
