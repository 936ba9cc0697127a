/* hotness.h - hardware that samples which frames are asked for below the caches. */
#ifndef MEMHIER_HOTNESS_H
#define MEMHIER_HOTNESS_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"

/*
 * Stands between the caches and the two memories and costs no time. Every `sample`-th request for
 * data (loads, reads for ownership, prefetches, non-temporal stores; not write-backs, fetches and
 * page walks) adds one to the count of its frame of 64 KiB, as sampling on misses of the last level
 * does in real cores. Addresses beyond the sizes given (page tables) are not counted.
 */
struct hotness_config {
    uint64_t dram_bytes, nvdimm_bytes;
    uint32_t sample; /* at least 1 */
    struct mem_port dram, nvdimm;
};

struct hotness_counters {
    uint64_t dram, nvdimm; /* requests for data, by memory */
    uint64_t samples;
};

struct hotness;

/* NULL: out of memory. */
struct hotness *hotness_new(const struct hotness_config *cfg);
void hotness_free(struct hotness *h); /* NULL is fine */

/* For both memories: sends each request on by its address. */
struct mem_port hotness_port(struct hotness *h);

/* The count of the frame that holds a physical address, which begins anew. */
uint32_t hotness_take(struct hotness *h, uint64_t addr);

const struct hotness_counters *hotness_counters(const struct hotness *h);
extern const struct counter hotness_counter_table[];

#endif
