/* ooo_replay.h - an out-of-order core in place of a real one: a trace's gaps and dependences in
 * time.
 */
#ifndef TRACES_OOO_REPLAY_H
#define TRACES_OOO_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/hierarchy.h"
#include "traces/llc_stream.h"

/*
 * What the out-of-order core (cpu/ooo.h) does with the accesses of a trace, as far as the trace
 * knows: which instruction made one, and on which load it waits. Instructions in between take a
 * place of the width and of the ROB for one cycle each.
 *
 *   dispatch  `width` instructions a cycle, in order, each with a place in the ROB; a store with
 *             one of `stores` places, too; behind a fetch that missed the L1I
 *   loads     and page walks start in the cycle after dispatch, and after the load that they depend
 *             on; they retire when the data is there
 *   stores    retire when what they depend on is there, ask for their line then, and commit in
 * order flushes   and non-temporal stores start at retirement; a fence retires when older stores
 * have committed and flushes are accepted retire    in order, `width` a cycle
 *
 * An access takes the latency of each level that it looks at. What misses the L1 holds one of its
 * registers until it is done, what misses the L2 one of the L2's. What an LLC does was worked out
 * before, by stream_run: so any policy can be timed, also one that foresees, and all count what
 * they count alone. Victims leave when the line that pushes them out has come; those of the LLC
 * wait for one of 16 buffers, as in hierarchy_levels.c.
 */
#define OOO_REPLAY_MOST 1024u /* places in the ROB, and for stores */

struct ooo_replay_config {
    ps_t period;
    uint32_t width;                /* 1 to 64 */
    uint32_t rob;                  /* 2 * width to OOO_REPLAY_MOST */
    uint32_t stores;               /* 1 to OOO_REPLAY_MOST */
    uint32_t l1_misses, l2_misses; /* at once; 0: no limit; at most MSHR_MAX */
    ps_t l1, l2, llc;              /* of a lookup */
    /* Where a line of the trace lies: base + address modulo bytes, which are whole lines. */
    uint64_t base, bytes;
    struct mem_port memory;
};

struct ooo_replay_result {
    uint64_t instructions, cycles;
    uint64_t reads, writes; /* lines asked of the memory; also by non-temporal stores */
    uint64_t read_cycles;   /* from asking until the line was back, all reads together */
};

/*
 * All steps of s (llc_stream_options.keep_steps) with the outcomes of stream_run, from an idle
 * machine on. 0, or -1 and a message: a value out of range, or no memory.
 */
int ooo_replay_run(const struct ooo_replay_config *cfg, const struct llc_stream *s,
                   const uint64_t *outcome, struct ooo_replay_result *result, char *err,
                   size_t errlen);

#endif
