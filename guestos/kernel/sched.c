/* sched.c - the scheduler: which thread runs next, and what is done when it gives up the hart. */
#include <stddef.h>

#include "sched.h"
#include "machine_import.h"

/* Static: one hart, one queue. tail is only meaningful while head is not NULL. */
static struct {
    struct thread *head, *tail;
} queue;

void sched_enqueue(struct thread *t)
{
    t->state = THREAD_RUNNABLE;
    t->next = NULL;
    if (queue.head)
        queue.tail->next = t;
    else
        queue.head = t;
    queue.tail = t;
}

static struct thread *dequeue(void)
{
    struct thread *t = queue.head;
    if (t)
        queue.head = t->next;
    return t;
}

/* Run t until it gives up, and account for the time. */
static enum machine_why run_slice(struct thread *t)
{
    enum machine_why why;
    uint64_t used;
    t->state = THREAD_RUNNING;
    t->slice_from_ns = (uint64_t)machine_clock(0);
    t->slice_idle_ns = 0;
    why = (enum machine_why)machine_resume(t->machine);
    used = (uint64_t)machine_clock(0) - t->slice_from_ns - t->slice_idle_ns;
    t->state = THREAD_ENDED;
    t->cpu_ns += used;
    t->process->cpu_ns += used;
    return why;
}

void sched_run(void)
{
    struct thread *t;
    while ((t = dequeue())) {
        switch (run_slice(t)) {
        case MACHINE_YIELDED:
            sched_enqueue(t);
            break;
        case MACHINE_EXITED:
            process_end(t, PROCESS_EXITED, machine_thread_value(t->machine));
            break;
        case MACHINE_TRAPPED:
            machine_trap_report(t->machine);
            process_end(t, PROCESS_TRAPPED, 0);
            break;
        }
    }
}

void sched_yield(void)
{
    machine_yield(0);
}

void sched_sleep(uint64_t nanoseconds)
{
    uint64_t from = (uint64_t)machine_clock(0), now = from;
    while (now - from < nanoseconds) { /* the machine may wake a long sleeper early */
        machine_sleep((int64_t)(nanoseconds - (now - from)));
        now = (uint64_t)machine_clock(0);
    }
    thread_self()->slice_idle_ns += now - from;
}
