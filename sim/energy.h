/* energy.h - what follows from counters and time: DRAM's energy, how long the NVDIMM would live. */
#ifndef SIM_ENERGY_H
#define SIM_ENERGY_H

#include "sim/config.h"
#include "sim/memside.h"
#include "sim/stats.h"

/*
 * DRAM, for each memory that consists of it: activations, reads, writes by the accesses counted,
 * refresh and standby by the time of hart 0 and the number of ranks (dram.*_energy, *_power; in
 * nJ). The NVDIMM counts its media's energy itself.
 *
 * Lifetime of the NVDIMM, in seconds, if writes go on as in the run until now (nvdimm.endurance
 * writes wear a line out, and the first such line ends the module):
 *
 *   fixed     no line ever moves: by the line that was written most
 *   levelled  hot blocks move: by the line written most of those that stay, or by the mean over all
 *             lines of the modules, whichever ends first. A line stays whose block has not moved
 *             and that has no larger share of its module's writes than 1 / wear_cooling; it would
 *             move in a longer run. What lines that move write, and the moves, are in the mean:
 *             they wander over the whole module.
 *
 * The modules are as large as nvdimm.size and, in memory mode, machine.dram say.
 */

/* Register what can be derived. Time is hart 0's. */
void energy_stats(struct stats *stats, const struct config *cfg, const struct memside *side);
/* Bring side->life up to date; `now` since power-on. */
void energy_update(struct memside *side, const struct config *cfg, ps_t now);

/* Write nvdimm.wear_counts, if that names a file. 0, or -1 with a message. */
int energy_write_wear(const struct memside *side, const struct config *cfg, char *err,
                      size_t errlen);

/* Seconds until `endurance` writes of one unit are reached when there were `writes` of them, spread
 * over `units`, in `time`. Nothing written: ENERGY_FOR_EVER. */
uint64_t energy_seconds(uint64_t endurance, uint64_t writes, uint64_t units, ps_t time);
#define ENERGY_FOR_EVER (UINT64_MAX / 1000)

#endif
