/* sched.h - the scheduler: who runs, who waits for what, who sleeps. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdint.h>

#include "proc.h"

/*
 * Threads run in turns, round robin among those of the highest priority, for a time slice each
 * (boot parameter "slice_ns"); a thread that is alone runs on. User code is preempted anywhere,
 * kernel code never: it gives the hart up only in sched_block and sched_yield, so a kernel call is
 * one piece from its entry to there, and from there to its end. That is also where a lock of the
 * whole kernel would be let go, if there were more than one hart.
 *
 * Whoever blocks must be ready to be killed there, and never come back: what it holds then is
 * thread.held, and nothing else.
 */
#define SCHED_FOREVER UINT64_MAX

void sched_init(void);
void sched_enqueue(struct thread *t);

/* Run threads until the first process is over. Called once, by the boot thread. */
void sched_run(void);

/* The calling thread waits in a queue (NULL: in none) until it is woken, or until a time since
 * power-on: 0 or -ETIMEDOUT. */
int sched_block(struct wait_queue *q, uint64_t until_ns);
/* The boot thread puts one aside so; its next resume is its wake. */
void sched_suspend(struct thread *t, struct wait_queue *q, uint64_t until_ns);
void sched_wake(struct thread *t, int32_t result);
void sched_wake_all(struct wait_queue *q);
/* Let others of the same or a higher priority run. */
void sched_yield(void);

/* Take a thread out of every queue: it is about to end. */
void sched_forget(struct thread *t);
/* Its process's priority has changed. */
void sched_requeue(struct thread *t);

/* Nanoseconds since power-on that no thread wanted to run. */
uint64_t sched_idle_ns(void);
/* How often a thread was resumed. */
uint64_t sched_switches(void);

#endif
