/* explore.h - power-failure exploration: all crash images of a run, each with a recovery. */
#ifndef SIM_EXPLORE_H
#define SIM_EXPLORE_H

#include <stdio.h>

#include "sim/config.h"
#include "sim/image.h"

/*
 * The workload runs once, functionally, and its events are recorded. At each fence (and clflush,
 * and at the end; under eADR before each store) the images that the power could leave are tried on
 * the programs of power.recovery. Not tried are images that are equal to an earlier one, or differ
 * from it only in words that its recovery did not read; moments whose epoch did the same in the
 * same places as crash.symmetry earlier ones; and what happened before the program's own first
 * store to the NVDIMM (the kernel's making of objects) unless crash.kernel is set.
 *
 * If recovery writes, a crash in the midst of it is tried too, once for each way that it goes.
 *
 * Work is cut into chunks of consecutive moments. Which chunks there are and what comes of each
 * does not depend on how many processes share them. What is done is kept in a state file, from
 * which an exploration that was stopped goes on.
 */
struct explore_options {
    const char *state; /* path of the state file; NULL: none */
    const char *cores; /* folder for an ELF core of each distinct failure; NULL: none */
    uint32_t jobs;
    FILE *progress; /* NULL: quiet */
    FILE *console;  /* what the workload prints; NULL: nowhere */
    int json;
};

/* Explore and print the report. 0: nothing fails; 1: something does; -1 with a message. */
int explore(const struct config *cfg, const struct image *image, const struct explore_options *opt,
            FILE *out, char *err, size_t errlen);

#endif
