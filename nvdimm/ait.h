/* ait.h - address indirection table: where a 4 KiB block of the module lies on the media. */
#ifndef NVDIMM_AIT_H
#define NVDIMM_AIT_H

#include <stdint.h>

#include "memhier/port.h"

/*
 * The table itself is on the media; the module keeps the entries that were used last in its own
 * DRAM, in order of use. Every access to the media looks its block up first. A lookup costs
 * `lookup`; when the entry is not in the buffer, `miss` more. Lookups overlap.
 */
#define AIT_BLOCK_SHIFT 12u

struct ait_config {
    uint32_t entries; /* 1 to 2^20 */
    ps_t lookup, miss;
};

struct ait_counters {
    uint64_t hits, misses;
};

struct ait;

/* NULL: out of memory. The counters are borrowed; several may share them. */
struct ait *ait_new(const struct ait_config *cfg, struct ait_counters *counters);
void ait_free(struct ait *t);

/* Look up the block that holds this 256-byte line, at time `at`: when the answer is there. */
ps_t ait_lookup(struct ait *t, uint64_t xpline, ps_t at);

struct archive;
void ait_archive(struct ait *t, struct archive *a); /* read into an empty one of the same size */

#endif
