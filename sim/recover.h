/* recover.h - runs recovery programs on crash images, many a second. */
#ifndef SIM_RECOVER_H
#define SIM_RECOVER_H

#include <stddef.h>
#include <stdint.h>

#include "nvdimm/crash.h"
#include "sim/config.h"
#include "sim/image.h"

/*
 * Each program of power.recovery has a machine of its own, booted until it is about to touch the
 * NVDIMM for the first time. A crash image is tried in a forked process: it gets the rest of the
 * simulator by copy on write; guest memory, which is in shared files, is put back afterwards.
 */
struct recover;

enum recover_end {
    RECOVER_GOOD,  /* exit code 0 */
    RECOVER_EXIT,  /* another one */
    RECOVER_TRAP,  /* the program or the kernel trapped, or the program could not be started */
    RECOVER_HANG,  /* it did not end within crash.fuel */
    RECOVER_LARGE, /* it stored to more than 16 MiB, and another program is to follow */
    RECOVER_CRASH  /* the simulator itself failed: a bug of ours */
};

struct recover_read {
    uint64_t line;
    uint8_t words; /* bit i: word i was read before it was written */
};

/* What became of one image. Arrays are valid until the next try. */
struct recover_result {
    enum recover_end end; /* of the first program that did not end well, or of the last */
    uint32_t program;
    int exit_code;
    const char *text;                 /* what that program printed */
    const struct recover_read *reads; /* of all programs, of the NVDIMM as the power cut left it */
    size_t nreads;
    const struct pm_event *events; /* of the first program */
    size_t nevents;
    int complete; /* reads and events are all there; else they were too many */
};

/* Boots a machine for each program. NULL and a message. cfg is borrowed. */
struct recover *recover_new(const struct config *cfg, const struct image *image, char *err,
                            size_t errlen);
void recover_free(struct recover *r);
size_t recover_programs(const struct recover *r);
const char *recover_name(const struct recover *r, size_t program);

/* Run all programs, one after the other, each on what the one before left. */
void recover_try(struct recover *r, const struct crash_line *lines, size_t n,
                 struct recover_result *out);

/* The place of an event of the first program: "function (module+0x12)", into buf. */
const char *recover_place(const struct recover *r, const struct pm_event *e, char *buf, size_t n);

#endif
