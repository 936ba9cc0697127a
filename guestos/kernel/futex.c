/* futex.c - memory.atomic.wait and notify: threads that sleep on an address. */
#include <stddef.h>

#include "futex.h"
#include "sched.h"

#define BUCKETS 64u

/* Static: waits of all memories. A thread is in the queue that its address and memory give. */
static struct {
    struct wait_queue queues[BUCKETS];
} futex;

static struct wait_queue *bucket(uint32_t space, uint64_t addr)
{
    return &futex.queues[((uint32_t)(addr >> 2) ^ space) % BUCKETS];
}

void futex_wait(struct thread *t)
{
    struct machine_wait w = {0};
    uint64_t until = SCHED_FOREVER;
    if (machine_wait_info(t->machine, &w)) { /* another hart has changed it meanwhile */
        machine_wait_done(t->machine, 1);
        sched_enqueue(t);
        return;
    }
    if (w.timeout_ns >= 0) {
        until = (uint64_t)machine_clock(0) + (uint64_t)w.timeout_ns;
        if (until < (uint64_t)w.timeout_ns)
            until = SCHED_FOREVER;
    }
    t->futex = 1;
    t->futex_addr = w.addr;
    t->futex_space = w.space;
    sched_suspend(t, bucket(w.space, w.addr), until);
}

void futex_notify(struct thread *t)
{
    struct machine_wait w = {0};
    struct thread *next, *o;
    uint32_t woken = 0;
    machine_wait_info(t->machine, &w);
    for (o = bucket(w.space, w.addr)->head; o && woken < w.count; o = next) {
        next = o->next;
        if (o->futex_addr != w.addr || o->futex_space != w.space)
            continue;
        sched_wake(o, 0);
        woken++;
    }
    machine_wait_done(t->machine, (int32_t)woken);
    sched_enqueue(t);
}

void futex_done(struct thread *t)
{
    t->futex = 0;
    if (t->wait_result != -EDEADLK)
        machine_wait_done(t->machine, t->wait_result < 0 ? 2 : 0);
}

int futex_fail_one(void)
{
    struct thread *found = NULL;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        struct thread *t = futex.queues[i].head;
        if (t && (!found || t->process->pid < found->process->pid ||
                  (t->process == found->process && t->tid < found->tid)))
            found = t;
    }
    if (!found)
        return 0;
    machine_wait_fail(found->machine);
    sched_wake(found, -EDEADLK);
    return 1;
}
