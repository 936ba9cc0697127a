/* functions.h - the CPI stack and the mispredictions of each guest function, user and kernel apart.
 */
#ifndef CPU_FUNCTIONS_H
#define CPU_FUNCTIONS_H

#include <stdint.h>

#include "cpu/core.h"

/*
 * A core counts cycles straight into the part of the function that runs; what has been counted
 * since they were last settled is added to the hart's counters then. So both always agree, and a
 * call costs a few additions. Instructions, micro-ops, branches and mispredictions are taken from
 * the hart's counters when another function runs.
 */
#define NO_FUNCTION UINT32_MAX /* nothing has run yet */

struct functions;

struct functions *functions_new(void); /* NULL: no memory */
void functions_free(struct functions *f);
/* From now on `func` runs, on the user's or kernel's side: where its cycles are counted, a CPI
 * stack. Good until the next call. Without memory for one more it counts for NO_FUNCTION. */
uint64_t *functions_enter(struct functions *f, const struct core_counters *n, uint32_t func,
                          int kernel);
/* Add what was counted since the last time to n->user_cycles and kernel_cycles. */
void functions_settle(struct functions *f, struct core_counters *n);
/*
 * Lines "module`function,user|kernel,cycles,PARTS...,instructions,uops,branches,mispredictions\n",
 * most cycles first, ties by name: of all that have any. The caller frees; NULL: no memory. n: the
 * hart's counters, settled.
 */
char *functions_csv(struct functions *f, const struct core_counters *n, char *const *names,
                    uint32_t nnames);
/* The columns of these lines. */
extern const char functions_header[];
/* To or from a checkpoint (memhier/archive.h), settled. */
void functions_archive(struct functions *f, const struct core_counters *n, struct archive *a);

#endif
