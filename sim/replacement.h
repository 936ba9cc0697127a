/* replacement.h - `pwsim replacement`: policies x traces x sizes, with means and how sure they are.
 */
#ifndef SIM_REPLACEMENT_H
#define SIM_REPLACEMENT_H

#include <stddef.h>

/*
 * Reads a config such as sim/configs/replacement.cfg, works out every policy alone on every trace
 * of one split of the corpus and every size, and prints
 *
 *   for each size   a policy a row: misses against LRU (geometric mean over traces, with the middle
 *                   95 % of bootstrap resamples), the share of the gap from LRU to OPT with bypass
 *                   that it closes (arithmetic mean, same), write-backs against LRU (as misses),
 * and on how many traces it misses more than LRU for each size   a trace a row: MPKI, miss ratio
 * and write-backs of LRU, then misses against LRU of each timed, too      a policy a row: IPC
 * against LRU, all memory in DRAM and all in the NVDIMM, and 256-byte lines that the NVDIMM's media
 * write (as misses), and on how many traces it is slower than LRU; a trace a row: IPC of LRU, then
 * IPC against LRU the questions   A against B: geometric mean of the ratio of misses and of IPC,
 * and the traces where A misses more
 *
 * With the key `warm`, a list of numbers, each size comes once for each of them: so many passes of
 * the trace go before what is counted, through caches and policies alike.
 *
 * "lru" and "opt-bypass" must be among the policies. Timing (sim/ooo_timing.h) needs the key
 * `machine`, and is left out unless `timed`; counts are the same either way. Results depend on the
 * files and the seed only; `workers` threads. 0, or -1 and a message.
 */
int replacement_table(const char *path, unsigned workers, int timed, char *err, size_t errlen);

#endif
