/* list.h - `pwsim list`: what there is, one aligned line each. */
#ifndef SIM_LIST_H
#define SIM_LIST_H

#include <stddef.h>
#include <stdio.h>

struct list_row {
    const char *name, *meaning;
};

/* policies, cores, programs: whatever the caller has. */
void list_rows(const struct list_row *rows, size_t n, FILE *f);
/* Every configuration key: path, type or choices, default, unit, meaning. */
void list_keys(FILE *f);
/* (Counters: stats_list in stats.h.) */

#endif
