/* sched.c - the scheduler: the loop of the boot thread, and the queues that it works on. */
#include <stddef.h>

#include "sched.h"
#include "console.h"
#include "futex.h"
#include "param.h"

#define SLICE_USUAL_NS 1000000u
#define SLICE_MIN_NS   1000u
#define SLICE_MAX_NS   1000000000u

/* Static: one hart. Invariants: bit i of `ready` says whether queue i has a thread; sleepers are in
 * order of wake_ns, those of the same time in order of arrival. */
static struct {
    struct wait_queue run[PRIORITIES];
    uint32_t ready;
    struct thread *first_sleeper, *last_sleeper;
    uint64_t now_ns, slice_ns, idle_ns, switches;
    uint8_t unlimited; /* a thread runs that was alone when it was resumed */
} sched;

void sched_init(void)
{
    sched.slice_ns = param_number(PARAM_SLICE_NS, SLICE_USUAL_NS, SLICE_MIN_NS, SLICE_MAX_NS);
}

uint64_t sched_idle_ns(void)
{
    return sched.idle_ns;
}

uint64_t sched_switches(void)
{
    return sched.switches;
}

/* ---- queues ---- */

static void queue_put(struct wait_queue *q, struct thread *t)
{
    t->queue = q;
    t->next = NULL;
    t->prev = q->head ? q->tail : NULL;
    if (q->head)
        q->tail->next = t;
    else
        q->head = t;
    q->tail = t;
}

static void queue_take(struct thread *t)
{
    struct wait_queue *q = t->queue;
    if (!q)
        return;
    if (t->next)
        t->next->prev = t->prev;
    else
        q->tail = t->prev;
    if (t->prev)
        t->prev->next = t->next;
    else
        q->head = t->next;
    t->queue = NULL;
}

void sched_enqueue(struct thread *t)
{
    uint32_t level = t->process->priority;
    t->state = THREAD_RUNNABLE;
    queue_put(&sched.run[level], t);
    sched.ready |= 1u << level;
    if (sched.unlimited) { /* not alone any more */
        sched.unlimited = 0;
        machine_slice((int64_t)sched.slice_ns);
    }
}

static void run_queue_take(struct thread *t)
{
    const struct wait_queue *q = t->queue;
    queue_take(t);
    if (q && !q->head)
        sched.ready &= ~(1u << (uint32_t)(q - sched.run));
}

static struct thread *dequeue(void)
{
    struct thread *t;
    if (!sched.ready)
        return NULL;
    t = sched.run[31 - (uint32_t)__builtin_clz(sched.ready)].head;
    run_queue_take(t);
    return t;
}

void sched_requeue(struct thread *t)
{
    if (t->state != THREAD_RUNNABLE)
        return;
    run_queue_take(t);
    sched_enqueue(t);
}

/* ---- sleeping ---- */

static void sleeper_put(struct thread *t, uint64_t until)
{
    struct thread *after = sched.last_sleeper;
    t->wake_ns = until;
    if (until == SCHED_FOREVER)
        return;
    while (after && after->wake_ns > until)
        after = after->sooner;
    t->sooner = after;
    t->later = after ? after->later : sched.first_sleeper;
    if (t->later)
        t->later->sooner = t;
    else
        sched.last_sleeper = t;
    if (after)
        after->later = t;
    else
        sched.first_sleeper = t;
}

static void sleeper_take(struct thread *t)
{
    if (t->wake_ns == SCHED_FOREVER)
        return;
    if (t->later)
        t->later->sooner = t->sooner;
    else
        sched.last_sleeper = t->sooner;
    if (t->sooner)
        t->sooner->later = t->later;
    else
        sched.first_sleeper = t->later;
    t->wake_ns = SCHED_FOREVER;
}

/* ---- waiting ---- */

/* Put a thread aside; it runs no more until it is woken. */
void sched_suspend(struct thread *t, struct wait_queue *q, uint64_t until_ns)
{
    t->state = THREAD_BLOCKED;
    t->wait_result = 0;
    if (q)
        queue_put(q, t);
    sleeper_put(t, until_ns);
}

int sched_block(struct wait_queue *q, uint64_t until_ns)
{
    struct thread *t = thread_self();
    sched_suspend(t, q, until_ns);
    machine_yield(0);
    return t->wait_result;
}

void sched_wake(struct thread *t, int32_t result)
{
    if (t->state != THREAD_BLOCKED)
        return;
    queue_take(t);
    sleeper_take(t);
    t->wait_result = result;
    sched_enqueue(t);
}

void sched_wake_all(struct wait_queue *q)
{
    while (q->head)
        sched_wake(q->head, 0);
}

void sched_yield(void)
{
    if (sched.ready || sched.first_sleeper || console_wants_look())
        machine_yield(0);
}

void sched_forget(struct thread *t)
{
    if (t->state == THREAD_RUNNABLE)
        run_queue_take(t);
    else
        queue_take(t);
    sleeper_take(t);
    t->state = THREAD_ENDED;
}

/* ---- the loop ---- */

static void wake_sleepers(void)
{
    while (sched.first_sleeper && sched.first_sleeper->wake_ns <= sched.now_ns)
        sched_wake(sched.first_sleeper, -ETIMEDOUT);
}

/* How long the next thread may run: 0, as long as it likes, if nobody else could want to. */
static uint64_t next_slice(void)
{
    uint64_t slice = sched.slice_ns, left;
    if (!sched.ready && !sched.first_sleeper && !console_wants_look())
        return 0;
    if (sched.first_sleeper) {
        left = sched.first_sleeper->wake_ns - sched.now_ns;
        slice = left < slice ? left : slice;
    }
    return slice ? slice : 1;
}

static enum machine_why run_slice(struct thread *t)
{
    enum machine_why why;
    uint64_t used, slice;
    if (t->futex)
        futex_done(t);
    t->state = THREAD_RUNNING;
    t->slice_from_ns = sched.now_ns;
    sched.switches++;
    slice = next_slice();
    sched.unlimited = slice == 0;
    why = (enum machine_why)machine_resume(t->machine, (int64_t)slice);
    sched.unlimited = 0;
    sched.now_ns = (uint64_t)machine_clock(0);
    used = sched.now_ns - t->slice_from_ns;
    t->cpu_ns += used;
    t->process->cpu_ns += used;
    return why;
}

/* Nobody can run. 0 when that will stay so for ever. */
static int idle(void)
{
    uint64_t from = sched.now_ns;
    if (sched.first_sleeper)
        machine_sleep((int64_t)console_pace(sched.first_sleeper->wake_ns - from));
    else if (!console_wait() && !futex_fail_one())
        return 0;
    sched.now_ns = (uint64_t)machine_clock(0);
    sched.idle_ns += sched.now_ns - from;
    return 1;
}

static void run_thread(struct thread *t)
{
    switch (run_slice(t)) {
    case MACHINE_YIELDED: /* it has also put itself aside when it is blocked */
    case MACHINE_PREEMPTED:
        if (t->state == THREAD_RUNNING)
            sched_enqueue(t);
        break;
    case MACHINE_EXITED:
        thread_end(t, PROCESS_EXITED, machine_thread_value(t->machine));
        break;
    case MACHINE_TRAPPED:
        machine_trap_report(t->machine);
        thread_end(t, PROCESS_TRAPPED, 0);
        break;
    case MACHINE_WAITS:
        futex_wait(t);
        break;
    case MACHINE_NOTIFIES:
        futex_notify(t);
        break;
    }
}

void sched_run(void)
{
    const struct process *first = process_first();
    sched.now_ns = (uint64_t)machine_clock(0);
    while (first->state == PROCESS_ALIVE) {
        struct thread *t;
        wake_sleepers();
        console_look();
        t = dequeue();
        if (t) {
            run_thread(t);
        } else if (!idle()) {
            kernel_say("every program waits for ever: nothing can wake one of them");
            process_end(process_first(), PROCESS_TRAPPED, 0);
        }
    }
}
