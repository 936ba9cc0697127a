/* rundir.h - the directory that holds what one run was and what it found. */
#ifndef SIM_RUNDIR_H
#define SIM_RUNDIR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/config.h"
#include "sim/digest.h"
#include "sim/stats.h"

/*
 * ROOT/NAME-HASH/ holds resolved.cfg and run.json, written here, and whatever the machine adds:
 * stats.json, series.csv.gz, flame.folded, functions.csv, console.txt, nvdimm.img. HASH is the
 * first 12 hex digits of the XXH3-128 of the config's hashed text (config_write_hashed: every key;
 * paths of files cut to their last part, so that the folder does not matter) followed by a line
 * "NAME HEXDIGEST" for each input, in the order given.
 *
 * All is written into a hidden directory beside it (ROOT/.NAME-HASH.XXXXXX) that takes its place in
 * one rename: nobody ever sees half a run. An older run of the same name is replaced in that
 * same step. A killed process leaves only the hidden directory.
 */
struct rundir;

struct rundir_input {
    const char *name; /* what it is to the run: "boot.image", "program wordcount", "binary" */
    struct digest digest;
    uint64_t bytes;
};

/* What run.json says beside the name, the hash, the seed and the inputs. NULL strings are left out.
 */
struct rundir_facts {
    const char *command;          /* "run", "exec" … */
    const char *const *arguments; /* of the command line, n_arguments of them */
    size_t n_arguments;
    const char *label;    /* of the point */
    const char *version;  /* of pwsim */
    const char *compiler; /* that built it */
    const char *outcome;  /* "exit 0", "trap …" */
};

/* Make ROOT (and its parents) and the hidden directory, write resolved.cfg. NULL and a message. */
struct rundir *rundir_begin(const char *root, const struct config *cfg,
                            const struct rundir_input *inputs, size_t n, char *err, size_t errlen);
const char *rundir_hash(const struct rundir *r); /* 12 hex digits */
const char *rundir_path(const struct rundir *r); /* ROOT/NAME-HASH, where it will be */
/* Where a file of that plain name is to be written now. Valid until the next call. */
const char *rundir_file(struct rundir *r, const char *name);
/* Open such a file for writing; NULL and a message. Close it by rundir_close. */
FILE *rundir_create(struct rundir *r, const char *name, char *err, size_t errlen);
/* fclose that reports every earlier write error. */
int rundir_close(struct rundir *r, FILE *f, char *err, size_t errlen);
/* stats.json. */
int rundir_write_stats(struct rundir *r, const struct stats *stats, char *err, size_t errlen);
/* Write run.json and let the run appear; r is gone either way, and on error so are its files. */
int rundir_commit(struct rundir *r, const struct rundir_facts *facts, char *err, size_t errlen);
/* Remove everything that was written. NULL is fine. */
void rundir_abandon(struct rundir *r);

#endif
