/* hostthread.c - the kernel's calls about guest threads: making them, running them, and what brings
 * a hart back to its boot thread. */
#include "sim/hostcall.h"

#include <stdlib.h>
#include <string.h>

/* An export of an instance that is a function of so many i32 and no results, or NULL. */
static struct func *entry(const struct machine *m, const uint64_t *a, uint32_t nparams,
                          struct instance **in, int64_t *bad)
{
    const uint8_t *name = kernel_bytes(m, a[1], (uint32_t)a[2]);
    struct external ext;
    char text[256];

    *in = store_instance(m->store, (uint32_t)a[0]);
    *bad = name ? -E_INVAL : -E_FAULT;
    if (!name || !*in || *in == m->kernel || (uint32_t)a[2] >= sizeof text)
        return NULL;
    memcpy(text, name, (uint32_t)a[2]);
    text[(uint32_t)a[2]] = 0;
    *bad = -E_NOENT;
    if (instance_export(*in, text, &ext) || ext.kind != EXT_FUNC)
        return NULL;
    const struct functype *type = func_type(ext.func);
    if (type->nparams != nparams || type->nresults)
        return NULL;
    for (uint32_t i = 0; i < nparams; i++)
        if (type->types[i] != VT_I32)
            return NULL;
    return ext.func;
}

static int64_t thread_of(struct machine *m, const uint64_t *a, uint32_t nparams,
                         const uint32_t args[2])
{
    struct instance *in;
    int64_t bad;
    struct func *f = entry(m, a, nparams, &in, &bad);
    if (!f) {
        if (bad == -E_NOENT && m->ports.log)
            fprintf(m->ports.log, "pwsim: %s: it exports no function %.*s with %s\n",
                    instance_module_name(in), (int)(uint32_t)a[2], kernel_bytes(m, a[1], 1),
                    nparams ? "two i32 parameters and no results" : "no parameters and results");
        return bad;
    }
    const int32_t handle = machine_thread_new(m, in, f, args, (uint32_t)a[3], (uint32_t)a[4]);
    return handle < 0 ? -E_NOMEM : handle;
}

int64_t hostcall_thread_new(struct machine *m, const uint64_t *a)
{
    return thread_of(m, a, 0, (const uint32_t[2]){0, 0});
}

int64_t hostcall_thread_new_with(struct machine *m, const uint64_t *a)
{
    return thread_of(m, a, 2, (const uint32_t[2]){(uint32_t)a[5], (uint32_t)a[6]});
}

/* What the thread begins with, a start function or its entry, is called anew below the limit. */
int64_t hostcall_thread_stack(struct machine *m, const uint64_t *a)
{
    struct guest_thread *g = guest(m, (uint32_t)a[0]);
    if (!g || g->busy || g->boots || thread_instructions(g->thread))
        return -E_INVAL;
    thread_limit_stack(g->thread, (uint32_t)a[1] / (uint32_t)sizeof(uint64_t));
    return 0;
}

int64_t hostcall_thread_drop(struct machine *m, const uint64_t *a)
{
    const struct guest_thread *g = guest(m, (uint32_t)a[0]);
    if (!g || g->busy || g->boots)
        return -E_INVAL;
    machine_thread_drop(m, (uint32_t)a[0]);
    return 0;
}

/* The hart leaves its thread for another; each keeps its own kernel stack pointer. */
static void switch_to(struct machine *m, uint32_t handle)
{
    struct guest_thread *from = &m->threads[m->hart->current], *to = &m->threads[handle];
    from->kernel_sp = (uint32_t)gcell_get(m->kernel_sp);
    from->busy = 0;
    to->busy = 1;
    m->hart->current = handle;
    m->hart->counted = thread_instructions(to->thread);
    gcell_set(m->kernel_sp, to->kernel_sp);
    machine_event(m, EV_THREAD, thread_id(to->thread));
    machine_event(m, EV_INSTANCE, to->instance);
}

/* Back to the boot thread, whose resume call returns `why`. */
static void give_up(struct machine *m, enum machine_why why, int32_t value)
{
    m->threads[m->hart->current].value = value;
    m->threads[m->hart->current].over = why == MACHINE_EXITED || why == MACHINE_TRAPPED;
    switch_to(m, m->hart->boot);
    hart_slice(m, HART_FOR_EVER);
    m->hart->interrupt = HART_FOR_EVER;
    thread_host_slots(m->threads[m->hart->boot].thread)[0] = (uint64_t)why;
}

/* Is it the boot thread that runs on the hart at work? */
static int boots(const struct machine *m)
{
    return m->hart->current == m->hart->boot;
}

static ps_t slice_ps(uint64_t ns)
{
    const uint64_t day_ns = UINT64_C(86400000000000);
    return (ns < day_ns ? ns : day_ns) * 1000;
}

int64_t hostcall_resume(struct machine *m, const uint64_t *a)
{
    const struct guest_thread *g = guest(m, (uint32_t)a[0]);
    if (!boots(m) || !g || g->over || g->busy || g->boots)
        return -E_INVAL;
    switch_to(m, (uint32_t)a[0]);
    hart_slice(m, a[1] ? machine_now(m) + slice_ps(a[1]) : HART_FOR_EVER);
    return 0;
}

int64_t hostcall_slice(struct machine *m, const uint64_t *a)
{
    if (!boots(m))
        hart_slice(m, machine_now(m) + slice_ps(a[0]));
    return 0;
}

int64_t hostcall_yield(struct machine *m, const uint64_t *a)
{
    if (!boots(m))
        give_up(m, MACHINE_YIELDED, (int32_t)a[0]);
    return 0;
}

int64_t hostcall_thread_exit(struct machine *m, const uint64_t *a)
{
    if (!boots(m))
        give_up(m, MACHINE_EXITED, (int32_t)a[0]);
    return 0;
}

int64_t hostcall_thread_value(struct machine *m, const uint64_t *a)
{
    const struct guest_thread *g = guest(m, (uint32_t)a[0]);
    return g ? g->value : -E_INVAL;
}

int64_t hostcall_cookie(struct machine *m, const uint64_t *a)
{
    (void)a;
    return m->threads[m->hart->current].cookie;
}

int64_t hostcall_caller(struct machine *m, const uint64_t *a)
{
    (void)a;
    return m->threads[m->hart->current].instance;
}

void hostcall_thread_done(struct machine *m)
{
    struct guest_thread *g = &m->threads[m->hart->current];
    if (g->next) {
        struct func *f = g->next;
        const uint64_t args[2] = {g->args[0], g->args[1]};
        g->next = NULL;
        thread_call(g->thread, f, args);
    } else if (boots(m)) {
        m->state = STATE_HALTED; /* the kernel returned from boot: power off */
    } else {
        give_up(m, MACHINE_EXITED, 0);
    }
}

void hostcall_thread_trapped(struct machine *m)
{
    struct trap_frame at;
    struct guest_thread *g = &m->threads[m->hart->current];
    const int in_kernel = thread_backtrace(g->thread, &at, 1) &&
                          at.module == store_module_name(m->store, m->kernel_module);
    if (in_kernel || boots(m)) {
        machine_report_trap(m, g, "the kernel");
        m->state = STATE_FAULT;
    } else {
        give_up(m, MACHINE_TRAPPED, 0);
    }
}

int64_t hostcall_trap_report(struct machine *m, const uint64_t *a)
{
    const struct guest_thread *g = guest(m, (uint32_t)a[0]);
    if (!g || thread_trap(g->thread) == TRAP_NONE)
        return -E_INVAL;
    machine_report_trap(m, g, NULL);
    return 0;
}

void hostthread_preempt(struct machine *m)
{
    if (!boots(m))
        give_up(m, MACHINE_PREEMPTED, 0);
}

/* ---- memory.atomic.wait and notify ---- */

void hostthread_hand_over(struct machine *m, enum machine_why why)
{
    if (boots(m))
        thread_fail(m->threads[m->hart->current].thread, TRAP_DEADLOCK);
    else
        give_up(m, why, 0);
}

/* The thread's pending wait or notify: its slots, or NULL. */
static uint64_t *waiting(struct machine *m, uint64_t handle, uint32_t *number)
{
    const struct guest_thread *g = guest(m, (uint32_t)handle);
    if (!g || g->busy || g->over || !thread_in_host(g->thread))
        return NULL;
    *number = thread_host(g->thread);
    if (*number != HOST_WAIT && *number != HOST_NOTIFY)
        return NULL;
    return thread_host_slots(g->thread);
}

/* The memory of a wait, or NULL: a checkpoint may say anything. */
static struct space *space_of_wait(const struct thread *t, const uint64_t *slots)
{
    const uint64_t addr = HOST_WAIT_ADDR(slots[0]);
    const uint32_t bytes = HOST_WAIT_BYTES(slots[0]);
    struct space *s = instance_memory(thread_instance(t), HOST_WAIT_MEMORY(slots[0]));
    return s && space_holds(s, addr, bytes) ? s : NULL;
}

static int still_expected(const struct space *s, const uint64_t *slots)
{
    const uint32_t bytes = HOST_WAIT_BYTES(slots[0]);
    return memcmp(s->base + HOST_WAIT_ADDR(slots[0]), &slots[1], bytes) == 0;
}

int64_t hostcall_wait_info(struct machine *m, const uint64_t *a)
{
    uint32_t number;
    const uint64_t *slots = waiting(m, a[0], &number);
    struct machine_wait w = {0};
    uint8_t *to = kernel_bytes(m, a[1], sizeof w);
    int changed = 0;
    if (!slots || !to)
        return slots ? -E_FAULT : -E_INVAL;
    if (number == HOST_WAIT) {
        const struct space *s = space_of_wait(m->threads[(uint32_t)a[0]].thread, slots);
        if (!s)
            return -E_INVAL;
        changed = !still_expected(s, slots);
        w.addr = HOST_WAIT_ADDR(slots[0]);
        w.space = s->id;
        w.timeout_ns = (int64_t)slots[2];
    } else {
        w.addr = slots[0];
        w.space = (uint32_t)(slots[1] >> 32);
        w.count = (uint32_t)slots[1];
    }
    memcpy(to, &w, sizeof w);
    return changed;
}

int64_t hostcall_wait_done(struct machine *m, const uint64_t *a)
{
    uint32_t number;
    uint64_t *slots = waiting(m, a[0], &number);
    if (!slots)
        return -E_INVAL;
    slots[0] = (uint32_t)a[1];
    return 0;
}

int64_t hostcall_wait_fail(struct machine *m, const uint64_t *a)
{
    uint32_t number;
    if (!waiting(m, a[0], &number) || number != HOST_WAIT)
        return -E_INVAL;
    thread_fail(m->threads[(uint32_t)a[0]].thread, TRAP_DEADLOCK);
    return 0;
}

/* ---- harts ---- */

int64_t hostcall_hart(struct machine *m, const uint64_t *a)
{
    (void)a;
    return (int64_t)(m->hart - m->harts);
}

int64_t hostcall_harts(struct machine *m, const uint64_t *a)
{
    (void)a;
    return m->nharts;
}

int64_t hostcall_hart_start(struct machine *m, const uint64_t *a)
{
    struct external boot;
    struct hart *h = (uint32_t)a[0] < m->nharts ? &m->harts[(uint32_t)a[0]] : NULL;
    if (!h || h->boot != NO_THREAD || instance_export(m->kernel, "boot_hart", &boot) ||
        boot.kind != EXT_FUNC || func_type(boot.func)->nparams || func_type(boot.func)->nresults)
        return -E_INVAL;
    const int32_t place = machine_thread_new(m, m->kernel, boot.func, (const uint32_t[2]){0, 0},
                                             (uint32_t)a[1], 0);
    if (place < 0)
        return -E_NOMEM;
    hart_start(m, h, (uint32_t)place);
    return 0;
}

int64_t hostcall_idle(struct machine *m, const uint64_t *a)
{
    return hart_idle(m, (int64_t)a[0]);
}

int64_t hostcall_wake(struct machine *m, const uint64_t *a)
{
    if ((uint32_t)a[0] >= m->nharts)
        return -E_INVAL;
    hart_wake(m, (uint32_t)a[0]);
    return 0;
}

int64_t hostcall_interrupt(struct machine *m, const uint64_t *a)
{
    if ((uint32_t)a[0] >= m->nharts)
        return -E_INVAL;
    hart_interrupt(m, (uint32_t)a[0]);
    return 0;
}
