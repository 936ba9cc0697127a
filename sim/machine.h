/* machine.h - the whole simulated computer: builds it from a config, owns it, runs it. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cpu/core.h"
#include "sim/config.h"
#include "sim/image.h"
#include "sim/memside.h"
#include "sim/series.h"
#include "sim/stats.h"
#include "wasmcore/module.h"

struct machine;

/* What the machine is connected to. All borrowed; NULL where there is nothing. */
struct machine_ports {
    const struct image *image;
    FILE *console[2];          /* what the guest writes to its output and its error stream */
    FILE *transcript;          /* gets both, too */
    int input;                 /* descriptor of what the guest reads; -1: nothing */
    struct terminal *terminal; /* input is somebody who types; NULL: it is there for whoever asks */
    struct hosttree *tree;     /* what the kernel exports at halt; NULL: nothing */
    struct strs exports;       /* paths of that */
    FILE *log;                 /* reports of guest faults */
    struct mem_tap *tap;       /* every request of the core; the caller empties it between steps */
    uint64_t fuel;             /* operators, all threads together; 0: no limit */
    const char *nvdimm_out;    /* file for what the NVDIMM durably holds at halt; NULL: none */
    struct pm_record *record;  /* gets all events on persistent memory (sim/pmcheck.h) */
    uint8_t record_loads;      /* loads from the NVDIMM, too */
    uint8_t program_valid;     /* whoever made the image has validated it within machine_limits */
    uint8_t hold_nvdimm; /* machine_step returns when the guest is about to map NVDIMM frames */
};

enum machine_state {
    STATE_RUNNING,
    STATE_HALTED,  /* in good order: machine_exit_code is the program's */
    STATE_TRAPPED, /* the program trapped and the kernel gave up; reported on the log */
    STATE_REFUSED, /* the kernel could not start the program; the reason is on the log */
    STATE_FAULT,   /* the kernel itself trapped; reported on the log */
    STATE_CUT,     /* the power failed: power.fail_at */
    STATE_FUEL     /* ports.fuel operators have been executed; reported on the log */
};

/* Loads the kernel and readies the boot thread. NULL and a message when the config is impossible,
 * the image has no valid kernel, the program does not exist, or the NVDIMM image is refused. */
struct machine *machine_new(const struct config *cfg, const struct machine_ports *ports, char *err,
                            size_t errlen);
void machine_free(struct machine *m);
/* What the machine's store lets modules have: the keys wasm.*. */
struct wasm_limits machine_limits(const struct config *cfg);
/* The machine's config is its own from now on: machine_free frees it. */
void machine_own_config(struct machine *m, struct config *cfg);

/*
 * A point of a run: the guest's `instructions` operators, the hart's `cycles` cycles since
 * power-on, or the first pwk.mark(n). What follows a checkpoint counts on from what it says.
 */
enum point_kind { POINT_NONE, POINT_INSTRUCTIONS, POINT_CYCLES, POINT_MARK };
struct machine_point {
    enum point_kind kind;
    uint64_t n;
};
/* Let machine_step return at the first place after the point where the machine can be put into a
 * checkpoint: a call, a taken branch, or where the hart left the guest. */
void machine_stop_at(struct machine *m, struct machine_point p);
/* Does it lie behind the machine as it stands? Never a mark: that is the next one. */
int machine_is_past(const struct machine *m, struct machine_point p);
/* Is it there now? (It goes on with the next step.) */
int machine_at_point(const struct machine *m);

/* ports.hold_nvdimm: is it there now? Until machine_release it stays there. */
int machine_holds(const struct machine *m);
void machine_release(struct machine *m);

/* Sample the counters into a series at the end of each epoch from now on. Borrowed. After a full
 * checkpoint what the series had then comes first: -1 when that was not rows of such a series. */
int machine_sample(struct machine *m, struct series *series);

/* Run until about `instructions` more have been executed, an epoch has been sampled or
 * the machine stops. Where a step ends changes nothing of what is simulated or sampled. */
enum machine_state machine_step(struct machine *m, uint64_t instructions);
/* After the last step: waits for what is under way and writes nvdimm_out; without that, commits
 * what is durable when the config says so. 0, or -1 with a message (the given NVDIMM image is then
 * as it was). */
int machine_finish(struct machine *m, char *err, size_t errlen);
/* When everything else that a run leaves has been written: if the config says so, the given NVDIMM
 * image becomes a copy of this file, which was nvdimm_out. The same. */
int machine_commit(struct machine *m, const char *path, char *err, size_t errlen);

/* STATE_CUT: the cycle, since this process began; with power.restore, at which it began to suspend.
 */
uint64_t machine_cut_cycle(const struct machine *m);
/* power.restore with power.fail_at: is it to be suspended? */
int machine_suspends(const struct machine *m);
/* Then: where to stop (machine_stop_at) to suspend it; POINT_NONE: it stops by itself. */
struct machine_point machine_fail_point(const struct machine *m);
int machine_exit_code(const struct machine *m);
uint64_t machine_instructions(const struct machine *m);
uint64_t machine_cycles(const struct machine *m);
const struct stats *machine_stats(const struct machine *m);
/* Cycles by guest call stack; the caller frees. NULL with the functional model. */
char *machine_folded(const struct machine *m);
/* The CPI stack and the mispredictions of each function, as CSV with a header; the same. */
char *machine_functions(const struct machine *m);
/* Where a hart's own counts are. core NULL: the functional model. */
struct hart_counts {
    const uint64_t *cycles, *executed;
    const struct core_counters *core;
};
/* Register everything that a machine counts, with the ratios that follow from it. */
void machine_register_stats(struct stats *stats, const struct config *cfg,
                            const struct hart_counts *harts, uint32_t nharts,
                            const struct memside *side);

#endif
