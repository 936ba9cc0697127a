/* suspend.h - a machine goes into its NVDIMM when the power fails, and goes on from there. */
#ifndef SIM_SUSPEND_H
#define SIM_SUSPEND_H

#include <stdio.h>

#include "sim/machine.h"

/*
 * power.restore. When the power fails, all harts stop at the next place where their threads can be
 * described, and hart 0 stores the state of the machine to the end of the NVDIMM (power.area, which
 * the guest has no frames in), by timed loads and stores of 8 bytes
 * through its caches, and flushes and fences as nvdimm.domain asks for: none under eADR. Then a
 * mark of 8 bytes says that all is there. What reaches the image is what the persistence domain
 * says is durable when the hold-up energy is used up (power.holdup). After power-on hart 0 reads
 * the area by timed loads, stores the frames back into DRAM, takes the mark away and goes on. The
 * only other things that it is given are the config and the boot image, as at any power-on.
 *
 * The area, from its first byte; numbers are little endian:
 *
 *   0     u64  the mark, "pwsimSUS"; anything else: nobody is suspended here
 *   64    u64  version, 1
 *   72    u64  bytes of the machine's state
 *   80    u64  n, frames of DRAM that hold something else than zeros
 *   88    16 bytes, digest (digest_bytes) of the digests of state, list and each frame
 *   128   state: a checkpoint of kind CHECKPOINT_SUSPENDED (checkpoint.h): harts, guest threads,
 *         modules from memory, tables and globals, which frames are in use
 *   then  list: n x u32, numbers of the frames, ascending
 *   then  the frames, 64 KiB each
 *
 * State and list begin at multiples of 64, frames at multiples of 64 KiB. Under DOMAIN_NONE no
 * instruction tells that the media has a store: there the mark may become durable before what it
 * announces, and the digest tells.
 *
 * What is not modelled: energy that the hart itself takes, and the time of zeros that are told from
 * contents in frames which the guest has never touched.
 */
struct suspend_counters {
    uint64_t bytes, ps;         /* stored to the area; until the mark is durable */
    uint64_t read_pj, write_pj; /* of the media meanwhile */
    uint64_t restored_bytes, restored_ps, restored_pj;
};
extern const struct counter suspend_counter_table[];

/* Where the area begins; the end of the NVDIMM without power.restore. */
uint64_t suspend_area(const struct config *cfg);
/* Is there room for an area? 0, or -1 with a message. */
int suspend_check(const struct config *cfg, char *err, size_t errlen);

/* The power fails, and the machine is at a point (machine_at_point): it stores its state. Its state
 * is STATE_CUT then. 0; 1 when the hold-up time was over before the mark was durable; -1 with a
 * message: the area is too small, or the host's memory. */
int suspend_machine(struct machine *m, char *err, size_t errlen);

/* As machine_new, but to go on from what nvdimm.image holds. NULL and a message when nothing is
 * suspended there, or it is damaged, or of another guest. */
struct machine *suspend_resume(const struct config *cfg, const struct machine_ports *ports,
                               char *err, size_t errlen);

/* STATE_CUT: was the mark durable before the hold-up energy was used up? */
int suspend_is_whole(const struct machine *m);
/* What flush, suspending and restoring have cost, a line each, for people. */
void suspend_print(const struct machine *m, FILE *to);

#endif
