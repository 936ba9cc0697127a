/* hart.h - the harts of the machine, and the lock that one of them holds while it is in the kernel.
 */
#ifndef KERNEL_HART_H
#define KERNEL_HART_H

#include <stdint.h>

#include "proc.h"

/*
 * All of the kernel's state stands under one lock. A hart takes it where a program enters
 * (KERNEL_CALL) and where a thread comes back to its boot thread, and lets it go where a program is
 * left or resumed, and while it idles. A thread that blocks in the kernel hands the lock on to its
 * hart's boot thread, and gets it back when it is resumed: thread.in_kernel says so. With one hart
 * there is nobody to keep out, and it costs the look at `many`.
 *
 * The lock is a ticket lock: harts get it in the order in which they came.
 */
#define HARTS_MAX 64u

/* Threads that are ready to run, by priority. Invariant: bit i of `ready`: at[i] has a thread. */
struct run_queue {
    struct wait_queue at[PRIORITIES];
    uint32_t ready;
};

struct hart {
    uint32_t number;
    struct thread *running; /* NULL: its boot thread is at work, or it idles */
    uint8_t level;          /* priority of that */
    uint8_t unlimited;      /* that was alone when it was resumed: it has no time slice */
    uint8_t coming;         /* it was called and has not looked yet */
    uint64_t now_ns;        /* when its boot thread looked last */
    uint64_t idle_ns;
    struct run_queue own;                        /* threads that may run only here */
    struct thread *first_sleeper, *last_sleeper; /* in order of wake_ns, then of arrival */
};

/* Static: there is one machine. Invariant: bit i of `idle`: hart i waits, or is about to. */
struct harts {
    uint8_t many; /* there is more than one */
    uint32_t count;
    uint64_t idle;
    struct hart all[HARTS_MAX];
};
extern struct harts harts;

/* By the boot thread of hart 0, which holds the lock from then on. */
void harts_init(void);
/* The others begin in boot_hart; they need the lock. */
void harts_start(void);

/* The one that this code runs on. */
static inline struct hart *hart_self(void)
{
    return &harts.all[harts.many ? (uint32_t)machine_hart() : 0];
}

/* Both do nothing with one hart. */
void kernel_lock(void);
void kernel_unlock(void);

/* With many harts: take the lock for a program's thread, which ends here if its process has ended
 * meanwhile. */
void kernel_enter_many(void);

static inline int kernel_enter(void)
{
    if (!harts.many)
        return 0;
    kernel_enter_many();
    return 1;
}

static inline void kernel_leave(const int *locked)
{
    if (*locked)
        kernel_unlock();
}

/* The first line of each function that programs call: the lock is held until its end. What reads
 * only what never changes, and the caller's memory, can do without. */
#define KERNEL_CALL()                                                                              \
    __attribute__((cleanup(kernel_leave))) const int kernel_call_ = kernel_enter();                \
    (void)kernel_call_

#endif
