/* space_map.h - where pages of spaces show at host addresses: for space.c and the fault handler. */
#ifndef WASMCORE_SPACE_MAP_H
#define WASMCORE_SPACE_MAP_H

#include "memhier/port.h"
#include "wasmcore/space.h"

/* Of a frame by its physical address. */
static inline enum tier tier_of(uint64_t addr)
{
    return addr_is_nvdimm(addr) ? TIER_NVDIMM : TIER_DRAM;
}

static inline uint32_t frame_of(uint64_t addr)
{
    return (uint32_t)((addr_is_nvdimm(addr) ? addr - NVDIMM_BASE : addr) >> FRAME_SHIFT);
}

/* Reserve the host addresses of a space with nothing in them, and set its base. 0, or -1: the host
 * has none left. */
int space_map_reserve(struct space *s);
/* Give them back, if there are any, with whatever they show. */
void space_map_release(struct space *s);

/*
 * Pages [page, page + n) lie in other frames now, or are new: s->frame says which. `runs`: how many
 * runs of contiguous frames the space has more than before. 0, or -1 when the contents of a frame
 * of the NVDIMM cannot be read from its backing file; nothing has changed on the host then.
 */
int space_map_show(struct space *s, uint32_t page, uint32_t n, int64_t runs);
/* The space shows nothing from now on and is to become empty. */
void space_map_empty(struct space *s);

#endif
