/* futex.h - memory.atomic.wait and notify: threads that sleep on an address. */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include "proc.h"

/* The machine hands both instructions to the boot thread (MACHINE_WAITS, MACHINE_NOTIFIES). The
 * value has been compared already, but without the lock: futex_wait does so again. */
void futex_wait(struct thread *t);
void futex_notify(struct thread *t);

/* Before a thread that waited goes on: tell the machine how the wait ended. */
void futex_done(struct thread *t);

/* Nothing can happen any more: the thread that has waited longest traps with "deadlock". 0 when
 * none waits. */
int futex_fail_one(void);

#endif
