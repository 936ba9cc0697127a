/* sched.c - the scheduler: the loop of each hart's boot thread, and the queues that it works on. */
#include <stddef.h>

#include "sched.h"
#include "console.h"
#include "futex.h"
#include "hart.h"
#include "param.h"
#include "tier.h"

#define SLICE_USUAL_NS 1000000u
#define SLICE_MIN_NS   1000u
#define SLICE_MAX_NS   1000000000u
#define AT_ONCE_NS     1

/* Static: one scheduler. Threads that may run anywhere wait in `any`, the others in their hart's
 * own queue. Invariants: `waiting` threads are in `any`; `coming` harts were called and have not
 * looked yet; at_level[i] harts run a thread of priority i, and bit i of `levels` says whether
 * there are any. */
static struct {
    struct run_queue any;
    uint32_t waiting, coming, sleeping;
    uint32_t arrivals;
    uint32_t levels, at_level[PRIORITIES];
    uint64_t slice_ns, switches;
} sched;

void sched_init(void)
{
    sched.slice_ns = param_number(PARAM_SLICE_NS, SLICE_USUAL_NS, SLICE_MIN_NS, SLICE_MAX_NS);
}

uint64_t sched_idle_ns(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < harts.count; i++)
        sum += harts.all[i].idle_ns;
    return sum / harts.count;
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

static uint32_t top_level(uint32_t ready)
{
    return 31 - (uint32_t)__builtin_clz(ready);
}

/* NULL: any hart will do. */
static struct hart *hart_of(const struct thread *t)
{
    int32_t pinned = t->process->pinned;
    return pinned < 0 ? NULL : &harts.all[pinned];
}

static void run_queue_put(struct thread *t)
{
    struct hart *h = hart_of(t);
    struct run_queue *r = h ? &h->own : &sched.any;
    uint32_t level = t->process->priority;
    t->state = THREAD_RUNNABLE;
    t->run = r;
    t->level = (uint8_t)level;
    t->arrival = sched.arrivals++;
    queue_put(&r->at[level], t);
    r->ready |= 1u << level;
    sched.waiting += !h;
}

static void run_queue_take(struct thread *t)
{
    struct run_queue *r = t->run;
    queue_take(t);
    if (!r->at[t->level].head)
        r->ready &= ~(1u << t->level);
    sched.waiting -= r == &sched.any;
}

/* Who of the highest priority came first. */
static struct thread *dequeue(struct hart *h)
{
    uint32_t ready = sched.any.ready | h->own.ready, level;
    struct thread *t, *own;
    if (!ready)
        return NULL;
    level = top_level(ready);
    t = sched.any.at[level].head;
    own = h->own.at[level].head;
    if (!t || (own && (int32_t)(own->arrival - t->arrival) < 0))
        t = own;
    run_queue_take(t);
    return t;
}

/* ---- harts that should come ---- */

static void hart_call(struct hart *h)
{
    if (h->coming)
        return;
    h->coming = 1;
    sched.coming++;
    if (harts.idle >> h->number & 1) {
        harts.idle &= ~(1ull << h->number);
        machine_wake((int32_t)h->number);
    } else if (h == hart_self()) {
        machine_slice(AT_ONCE_NS);
    } else {
        machine_interrupt((int32_t)h->number);
    }
}

static struct hart *hart_at_level(uint32_t level)
{
    for (uint32_t i = 0; i < harts.count; i++) {
        struct hart *h = &harts.all[i];
        if (h->running && h->level == level && !h->coming)
            return h;
    }
    return NULL;
}

/* A hart that could do better than what it does: the one where the thread was last, or any that is
 * idle, or one that runs a thread of lower priority. */
static struct hart *hart_for(const struct thread *t)
{
    uint32_t lowest;
    if (harts.idle >> t->hart & 1)
        return &harts.all[t->hart];
    if (harts.idle)
        return &harts.all[__builtin_ctzll(harts.idle)];
    if (!sched.levels)
        return NULL;
    lowest = (uint32_t)__builtin_ctz(sched.levels);
    return lowest < t->level ? hart_at_level(lowest) : NULL;
}

/* Threads wait: harts that have nothing better to do shall look. */
static void call_harts(void)
{
    while (sched.waiting > sched.coming) {
        struct hart *h = hart_for(sched.any.at[top_level(sched.any.ready)].head);
        if (!h)
            return;
        hart_call(h);
    }
}

/* A thread was put into a queue while programs run. On its own hart the boot thread will look. */
static void offer(const struct thread *t)
{
    struct hart *self = hart_self(), *h = hart_of(t);
    if (!harts.many) {
        if (self->unlimited) { /* not alone any more */
            self->unlimited = 0;
            machine_slice((int64_t)sched.slice_ns);
        }
        if (self->running && self->level < t->level)
            machine_slice(AT_ONCE_NS);
    } else if (h) {
        if (harts.idle >> h->number & 1 || (h->running && h->level < t->level))
            hart_call(h);
    } else if (self->running) {
        call_harts();
    }
}

void sched_enqueue(struct thread *t)
{
    run_queue_put(t);
    offer(t);
}

static void level_enter(struct hart *h, const struct thread *t)
{
    h->level = t->process->priority;
    h->running = (struct thread *)t;
    if (sched.at_level[h->level]++ == 0)
        sched.levels |= 1u << h->level;
}

static void level_leave(struct hart *h)
{
    if (--sched.at_level[h->level] == 0)
        sched.levels &= ~(1u << h->level);
    h->running = NULL;
}

void sched_requeue(struct thread *t)
{
    if (t->state == THREAD_RUNNABLE) {
        run_queue_take(t);
        sched_enqueue(t);
    } else if (t->state == THREAD_RUNNING) {
        struct hart *h = &harts.all[t->hart];
        level_leave(h);
        level_enter(h, t);
        if (hart_of(t) && hart_of(t) != h)
            hart_call(h);
        if (harts.many)
            call_harts();
    }
}

void sched_stop(const struct thread *t)
{
    hart_call(&harts.all[t->hart]);
}

/* ---- sleeping: each hart wakes those that went to sleep on it ---- */

static void sleeper_put(struct thread *t, uint64_t until)
{
    struct hart *h = hart_self();
    struct thread *after = h->last_sleeper;
    t->wake_ns = until;
    if (until == SCHED_FOREVER)
        return;
    while (after && after->wake_ns > until)
        after = after->sooner;
    t->sooner = after;
    t->later = after ? after->later : h->first_sleeper;
    if (t->later)
        t->later->sooner = t;
    else
        h->last_sleeper = t;
    if (after)
        after->later = t;
    else
        h->first_sleeper = t;
    t->sleeps_on = h;
    sched.sleeping++;
}

static void sleeper_take(struct thread *t)
{
    struct hart *h = t->sleeps_on;
    if (t->wake_ns == SCHED_FOREVER)
        return;
    if (t->later)
        t->later->sooner = t->sooner;
    else
        h->last_sleeper = t->sooner;
    if (t->sooner)
        t->sooner->later = t->later;
    else
        h->first_sleeper = t->later;
    t->wake_ns = SCHED_FOREVER;
    sched.sleeping--;
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

/* Back to the boot thread, which has the lock then. */
static void leave_hart(struct thread *t)
{
    t->in_kernel = 1;
    machine_yield(0);
}

int sched_block(struct wait_queue *q, uint64_t until_ns)
{
    struct thread *t = thread_self();
    sched_suspend(t, q, until_ns);
    leave_hart(t);
    return t->wait_result;
}

void thread_leave(void)
{
    thread_self()->in_kernel = 1;
    machine_thread_exit(0);
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
    const struct hart *h = hart_self();
    if (sched.any.ready || h->own.ready || h->first_sleeper || console_wants_look())
        leave_hart(thread_self());
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

static void wake_sleepers(struct hart *h)
{
    while (h->first_sleeper && h->first_sleeper->wake_ns <= h->now_ns)
        sched_wake(h->first_sleeper, -ETIMEDOUT);
}

/* How long the next thread may run: 0, as long as it likes, if nobody else could want to. Of many
 * harts each looks now and then, so that who comes later need not be told. */
static uint64_t next_slice(const struct hart *h)
{
    uint64_t slice = sched.slice_ns, left;
    if (!harts.many && !sched.any.ready && !h->own.ready && !h->first_sleeper &&
        !console_wants_look())
        return 0;
    if (h->first_sleeper) {
        left = h->first_sleeper->wake_ns - h->now_ns;
        slice = left < slice ? left : slice;
    }
    return slice ? slice : 1;
}

/* The lock goes with a thread that was in the kernel, and comes back with one that is. */
static enum machine_why resume(struct thread *t, uint64_t slice)
{
    enum machine_why why;
    if (!t->in_kernel)
        kernel_unlock();
    t->in_kernel = 0;
    why = (enum machine_why)machine_resume(t->machine, (int64_t)slice);
    if (!t->in_kernel)
        kernel_lock();
    return why;
}

static enum machine_why run_slice(struct hart *h, struct thread *t)
{
    enum machine_why why;
    uint64_t used, slice;
    if (t->futex)
        futex_done(t);
    t->state = THREAD_RUNNING;
    t->hart = h->number;
    t->slice_from_ns = h->now_ns;
    sched.switches++;
    slice = tier_slice(next_slice(h), h->now_ns);
    h->unlimited = slice == 0;
    level_enter(h, t);
    why = resume(t, slice);
    level_leave(h);
    h->unlimited = 0;
    h->now_ns = (uint64_t)machine_clock(0);
    used = h->now_ns - t->slice_from_ns;
    t->cpu_ns += used;
    t->process->cpu_ns += used;
    return why;
}

static void run_thread(struct hart *h, struct thread *t)
{
    enum machine_why why = run_slice(h, t);
    if (t->process->state != PROCESS_ALIVE) { /* by itself, or from another hart */
        t->state = THREAD_ENDED;
        thread_end(t, PROCESS_EXITED, 0);
        return;
    }
    switch (why) {
    case MACHINE_YIELDED: /* it has also put itself aside when it is blocked */
    case MACHINE_PREEMPTED:
        if (t->state == THREAD_RUNNING)
            sched_enqueue(t);
        break;
    case MACHINE_EXITED:
        t->state = THREAD_ENDED;
        thread_end(t, PROCESS_EXITED, machine_thread_value(t->machine));
        break;
    case MACHINE_TRAPPED:
        t->state = THREAD_ENDED;
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

/* ---- idling ---- */

static uint64_t soonest(void)
{
    uint64_t ns = SCHED_FOREVER;
    for (uint32_t i = 0; i < harts.count; i++) {
        const struct thread *t = harts.all[i].first_sleeper;
        if (t && t->wake_ns < ns)
            ns = t->wake_ns;
    }
    return ns;
}

/* Until so late, or until another hart calls. */
static void wait_idle(struct hart *h, uint64_t ns)
{
    if (!harts.many) {
        machine_sleep((int64_t)ns);
        return;
    }
    harts.idle |= 1ull << h->number;
    kernel_unlock();
    machine_idle(ns > INT64_MAX ? -1 : (int64_t)ns);
    kernel_lock();
    harts.idle &= ~(1ull << h->number);
}

static int last_awake(void)
{
    return (uint32_t)__builtin_popcountll(harts.idle) == harts.count - 1;
}

/* Nobody can run here. 0 when nobody ever will anywhere. */
static int idle(struct hart *h)
{
    uint64_t from = h->now_ns, until = h->first_sleeper ? h->first_sleeper->wake_ns : SCHED_FOREVER;
    if (last_awake() && sched.sleeping == 0) {
        if (!console_wait() && !futex_fail_one())
            return 0;
    } else if (last_awake() && (console_is_terminal() || !harts.many)) {
        wait_idle(h, console_pace(soonest() - from)); /* the host's time passes too */
    } else {
        wait_idle(h, until == SCHED_FOREVER ? until : until - from);
    }
    h->now_ns = (uint64_t)machine_clock(0);
    h->idle_ns += h->now_ns - from;
    return 1;
}

/* It has been called, or was not busy: it looks now. */
static void hart_looks(struct hart *h)
{
    if (h->coming) {
        h->coming = 0;
        sched.coming--;
    }
    wake_sleepers(h);
    console_look();
}

void sched_run(void)
{
    struct hart *h = hart_self();
    h->now_ns = (uint64_t)machine_clock(0);
    while (!process_first()->gone) {
        struct thread *t;
        h->now_ns = tier_tick(h->now_ns);
        hart_looks(h);
        t = dequeue(h);
        if (harts.many)
            call_harts();
        if (t) {
            run_thread(h, t);
        } else if (!idle(h)) {
            kernel_say("every program waits for ever: nothing can wake one of them");
            process_end(process_first(), PROCESS_TRAPPED, 0);
        }
    }
}
