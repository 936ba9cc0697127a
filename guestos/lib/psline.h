/* psline.h - a process in one line, for ps and top. */
#ifndef GUEST_PSLINE_H
#define GUEST_PSLINE_H

#include <stdio.h>

#include "pwk.h"

static inline void ps_head(const char *last)
{
    printf("%6s %6s %3s %3s %4s %9s %10s %-7s %s\n", "PID", "PARENT", "PRI", "THR", "FDS",
           "MEM KiB", last, "STATE", "NAME");
}

/* value: what stands in the column named `last`, in thousandths. */
static inline void ps_line(const struct pwk_process *p, unsigned long long value)
{
    static const char *const states[] = {"alive", "exited", "trapped", "killed"};
    printf("%6u %6u %3u %3u %4u %9llu %6llu.%03llu %-7s %s\n", p->pid, p->parent, p->priority,
           p->threads, p->descriptors, (unsigned long long)p->memory / 1024, value / 1000,
           value % 1000, states[p->state & 3], p->name);
}

#endif
