/* callcosts.h - measured costs of calls, traps and flushes against what a machine takes for them.
 */
#ifndef SIM_CALLCOSTS_H
#define SIM_CALLCOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "sim/config.h"

/*
 * A file of comma-separated text with the header line
 *
 *   group,event,value,unit,machine,source
 *
 * whose rows are measurements of real machines. Those of the group "host", one machine, are known
 * here by how their event begins: the boot image's programs `events` and `syscalls` do the same
 * operation in the simulated machine, behind the boundary `trap`. Other rows are left out.
 *
 * Values are a number or a range, in TSC cycles or core cycles. "(net ~N)" says what is left
 * without the harness around it; a row of the same harness that does not has the last difference
 * that was told taken off. "(base N)" says what the harness alone took, which is added to the
 * simulated figure. On that machine the TSC counts
 * CALLCOSTS_TSC_PERCENT times in 100 core cycles.
 */
#define CALLCOSTS_TSC_PERCENT 72u

/* HARDWARE: an event of the machine, parameters can reproduce it. KERNEL: a path of a kernel, here
 * this one's and there Linux's: for comparison. */
enum callcost_kind { CALLCOST_HARDWARE, CALLCOST_KERNEL };

struct callcost {
    unsigned line; /* of the file */
    enum callcost_kind kind;
    char event[80], value[48], unit[48];
    const char *why;  /* KERNEL: where a difference comes from */
    double low, high; /* core cycles; equal unless it is a range */
    double base;      /* of the row's harness, in `simulated` */
    double simulated; /* core cycles */
    double error;     /* 0 inside the range, else relative to its nearer end, signed */
    uint16_t known;   /* number of the operation, private */
};

struct callcosts {
    struct callcost *v;
    size_t n;
    size_t others; /* rows left out */
    double walk;   /* core cycles of a page walk, which no row tells */
};

/* Is this such a file, by its header? */
int callcosts_is(const char *path);
/* 0, or -1 with a message "FILE:LINE: …". Free it in any case. */
int callcosts_read(const char *path, struct callcosts *c, char *err, size_t errlen);
void callcosts_free(struct callcosts *c);
/* Run what row i needs on a machine. 0, or -1 with a message. */
int callcosts_run_walk(struct callcosts *c, const struct config *cfg, char *err, size_t errlen);
int callcosts_run(struct callcosts *c, size_t i, const struct config *cfg, char *err,
                  size_t errlen);

#endif
