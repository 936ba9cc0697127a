/* run.h - one point of an experiment: machine, progress, run directory. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/checkpoint.h"
#include "sim/config.h"
#include "sim/image.h"
#include "sim/machine.h"
#include "sim/progress.h"

/* What all points of a command share. */
struct run_options {
    const char *root;    /* where run directories go; NULL: none is made */
    const char *command; /* "run", "exec" … */
    const char *const *arguments;
    size_t n_arguments;
    FILE *console[2];          /* guest output and errors; console.txt gets both anyway */
    int input;                 /* descriptor that the guest reads from; -1: none */
    struct terminal *terminal; /* somebody types at input; NULL: it is there for whoever asks */
    struct hosttree *tree;     /* gets the trees at `exports` when the guest halts; NULL: nothing */
    struct strs exports;
    FILE *log; /* reports of guest faults */
    enum progress_mode progress;
    uint8_t program_valid;      /* the image's program has been validated within machine_limits */
    uint64_t fuel;              /* operators, the kernel's too; 0: no limit */
    const char *from;           /* checkpoint to go on from; NULL: power-on */
    struct machine_point point; /* write a checkpoint there, to this file; then go on */
    const char *checkpoint;
    enum checkpoint_kind kind;
    struct mem_tap *tap; /* with drain: called whenever the tap holds requests; 1: stop, -1: bad */
    int (*drain)(void *arg, struct mem_tap *tap);
    void *drain_arg;
};

struct run_result {
    enum machine_state state;
    int exit_code;
    int enough;   /* drain stopped the run */
    int recovery; /* STATE_CUT: 1 when a program of power.recovery failed */
    uint64_t instructions, cycles;
    uint64_t host_ns; /* CPU time of the simulation */
    char path[512];   /* of the run directory, "" when none was made */
    /* The machine, halted; the caller reads its counters, then machine_free. */
    struct machine *machine;
};

/* Open the boot image of a config: boot.image, or boot.elf beside the binary. */
struct image *run_open_image(const struct config *cfg, char *err, size_t errlen);

/* Run one point from power-on to halt. -1 and a message when it could not be built, or when what it
 * found could not be written; a guest that traps is a result, not an error. */
int run_point(const struct config *cfg, const char *label, const struct image *image,
              const struct run_options *opt, struct run_result *out, char *err, size_t errlen);

/* The machine in one line, for titles. Returns buf. */
const char *run_machine_line(const struct config *cfg, char *buf, size_t n);
/* The first lines of a run: what was built. */
void run_describe(const struct config *cfg, FILE *to);
/* The last line: instructions, cycles, IPC, host MIPS, directory. */
void run_summary(const struct run_result *r, FILE *to);

#endif
