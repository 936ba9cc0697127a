/* sched.h - the scheduler: which thread runs next, and what is done when it gives up the hart. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdint.h>

#include "proc.h"

/*
 * One queue, first come first served, in the boot thread. A thread runs until it yields, sleeps,
 * exits or traps: there is no preemption, so kernel code is only interleaved at sched_yield and
 * sched_sleep.
 */
void sched_enqueue(struct thread *t);

/* Run threads until there is none left. Called once, by the boot thread. */
void sched_run(void);

/* Let others run; from a kernel call. */
void sched_yield(void);

/* The calling thread sleeps so long. The hart idles: other threads wait too. */
void sched_sleep(uint64_t nanoseconds);

#endif
