/* holdup.h - hold-up energy: the caches are flushed when the power fails, and what that costs. */
#ifndef SIM_HOLDUP_H
#define SIM_HOLDUP_H

#include <stdio.h>

#include "sim/machine.h"

/*
 * Under eADR the platform writes all dirty lines of the NVDIMM out of the caches before the power
 * is gone; a dirty line of the DRAM is lost with the DRAM, and is not written. Lines are written in
 * the order of their addresses, up to HOLDUP_LINES at once (as many as the caches have write-back
 * buffers), through the same ports as any flush. Energy: power.flush_cache and power.flush_move
 * for each byte, and what the media takes to write it.
 */
#define HOLDUP_LINES 16u

struct holdup_counters {
    uint64_t lines;
    uint64_t ps;       /* until the write pending queue has the last line */
    uint64_t media_ps; /* until the media has it */
    uint64_t move_pj;  /* out of the caches, to the module */
    uint64_t media_pj; /* reads and writes of the media */
};
extern const struct counter holdup_counter_table[];

/* Flush from time `at` on, and count it; when the last line is in the write pending queue. */
ps_t holdup_flush(struct machine *m, ps_t at);
/* What it has cost, one line. */
void holdup_print(const struct machine *m, FILE *to);

#endif
