/* ooo_timing.h - the time of a trace on a machine's window and memories, its LLC worked out before.
 */
#ifndef SIM_OOO_TIMING_H
#define SIM_OOO_TIMING_H

#include <stddef.h>

#include "memhier/dram.h"
#include "nvdimm/nvdimm.h"
#include "sim/config.h"
#include "traces/ooo_replay.h"

/* All of the trace's memory is of one tier: DRAM or NVDIMM, whatever it was when recorded. */
enum ooo_tier { OOO_DRAM, OOO_NVDIMM, OOO_TIERS };

struct ooo_timing {
    struct ooo_replay_result core;
    struct dram_counters dram;     /* of that tier */
    struct nvdimm_counters nvdimm; /* what the buffers still held at the end is written, too */
};

/*
 * traces/ooo_replay.h with the widths, sizes, latencies and registers of cfg's core, L1D and L2,
 * the latency of its LLC, and its memories. The config must have an NVDIMM. 0, or -1 and a message.
 */
int ooo_timing(const struct config *cfg, enum ooo_tier tier, const struct llc_stream *s,
               const uint64_t *outcome, struct ooo_timing *out, char *err, size_t errlen);

#endif
