/* experiment.h - an experiment: the points of a config file, and the columns of its result table.
 */
#ifndef SIM_EXPERIMENT_H
#define SIM_EXPERIMENT_H

#include <stddef.h>

#include "sim/config.h"
#include "sim/stats.h"
#include "sim/table.h"

/*
 * A config file may hold a group
 *
 *   experiment: {
 *       axes = ( ( { label = "wordcount"; set = [ "program.name=wordcount" ]; }, … ),   // 1st axis
 *                ( { label = "call"; set = [ "kernel.boundary=call" ]; }, … ) );        // 2nd
 *       baseline = "program.name";
 *       columns = ( { title = "cycles"; value = "hart0.cycles"; }, … );
 *   };
 *
 * Its points are the cross product of the axes, the last axis running fastest; a point is labelled
 * "wordcount/call" and its config is the file's with the assignments of its labels, first axis
 * first, and the command line's after them all. `needs = "NAME"` in a step
 * names a program of the boot image without which its points are not run. A file without the group
 * is one point whose label is the config's name.
 *
 * baseline says to which point the ratio columns compare: "first" (the default) is the first point
 * of all, the path of a key the first point with the same value of that key. Rules in the table
 * separate points of different baselines.
 *
 * A column has a title and either value = FORMULA (sim/formula.h) or ratio = FORMULA (its value
 * over that at the baseline); decimals = 0 to 6 (default 0; ratio 2), percent = true for shares.
 * Without `columns` they are cycles, instructions, IPC and the ratio of cycles.
 */
#define EXPERIMENT_MAX_POINTS 20000u

struct experiment_point {
    char *label;
    struct config *config;
    char *needs;     /* program of the boot image, NULL: nothing in particular */
    size_t baseline; /* number of the point that it is compared with; itself or an earlier one */
};

struct experiment {
    char *name; /* config's `name` */
    size_t n;   /* points, at least 1 */
    struct experiment_point *points;
    struct experiment_results *results; /* private */
};

/* As config_load: 0 and an experiment to free, or -1 and a message. Every point's config has been
 * checked key by key. */
int experiment_load(const char *path, const char *const *assignments, size_t n,
                    struct experiment **out, char *err, size_t errlen);
void experiment_free(struct experiment *x); /* NULL is fine */
/* Keep only the points whose labels match a pattern of the shell, and those that they are compared
 * with; before any has been recorded. -1 and a message when none does. */
int experiment_only(struct experiment *x, const char *pattern, char *err, size_t errlen);

/* Check that every column can be evaluated from these counters: before the first point runs. */
int experiment_check(const struct experiment *x, const struct stats *stats, char *err,
                     size_t errlen);
/* Keep the values of the columns for point i (its machine has run; stats may go afterwards). */
int experiment_record(struct experiment *x, size_t i, const struct stats *stats, char *err,
                      size_t errlen);
/* The table of all points; those not recorded have no values. Free it with table_free. */
struct table *experiment_table(const struct experiment *x);

#endif
