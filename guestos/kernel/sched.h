/* sched.h - the scheduler: who runs, who waits for what, who sleeps. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdint.h>

#include "proc.h"

/*
 * The threads of the highest priorities run, as many as there are harts, in turns with those of the
 * same priority: round robin, for a time slice each (boot parameter "slice_ns"). Of several harts
 * each looks at least that often; with one hart a thread that is alone runs on. A hart that has
 * nothing to do idles, and is called when a thread waits; so is the one with the lowest priority
 * when a thread of a higher one waits. User code is preempted anywhere, kernel code never: it gives
 * the hart up only in sched_block and sched_yield, so a kernel call is one piece from its entry to
 * there, and from there to its end. The lock of the whole kernel (hart.h) is let go there too.
 *
 * Whoever blocks must be ready to be killed there, and never come back: what it holds then is
 * thread.held, and nothing else.
 */
#define SCHED_FOREVER UINT64_MAX

void sched_init(void);
void sched_enqueue(struct thread *t);

/* Run threads until the first process is gone. Called by the boot thread of each hart, which has
 * the lock; one of them returns, still with the lock. */
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

/* The calling thread, whose process is over, or which is. */
_Noreturn void thread_leave(void);

/* Take a thread out of every queue: it is about to end. */
void sched_forget(struct thread *t);
/* It runs on another hart, and its process is over: have it come back there. */
void sched_stop(const struct thread *t);
/* Its process's priority, or the hart that it may run on, has changed. */
void sched_requeue(struct thread *t);

/* Nanoseconds since power-on that no thread wanted to run, the mean of all harts. */
uint64_t sched_idle_ns(void);
/* How often a thread was resumed. */
uint64_t sched_switches(void);

#endif
