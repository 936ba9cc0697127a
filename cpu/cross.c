/* cross.c - events of a hart, for all core models: crossings, switches of thread, devices. */
/*
 * A side is that of the instance that runs: the kernel's, or any other's. Crossings are paid when
 * the side changes, by a call (EV_ENTER, EV_LEAVE) or with the thread (an interrupted one enters
 * the kernel, a fresh one leaves it). All cycles of a crossing, with those of its cache and TLB
 * misses, are BOUNDARY on the kernel side.
 *
 * Threads of the kernel itself borrow the address space of the process that ran last; the switch to
 * another one is paid on the way out to it.
 */
#include "cpu/hart.h"

#include <stdlib.h>
#include <string.h>

#define MOST_THREADS (1u << 20) /* of which the last block is remembered */

/* ---- what the store knows ---- */

static const struct space *space_of(const struct core *c, uint32_t instance)
{
    const struct core_view *v = c->env.view;
    if (v)
        return instance < v->nspaces ? v->spaces[instance] : NULL;
    const struct instance *in = store_instance(c->env.store, instance);
    return in ? instance_space(in) : NULL;
}

static uint64_t frame_addr_of(const struct core *c, uint32_t thread)
{
    const struct core_view *v = c->env.view;
    if (v)
        return thread < v->nthreads ? v->frame_addrs[thread] : 0;
    const struct thread *t = store_thread(c->env.store, thread);
    return t ? thread_frame_addr(t) : 0;
}

static const struct space *memory_of(const struct core *c, uint32_t instance, uint32_t memory)
{
    if (c->env.view) /* made by hand: the next instances' spaces */
        return space_of(c, instance + memory);
    const struct instance *in = store_instance(c->env.store, instance);
    return in ? instance_memory(in, memory) : NULL;
}

/* ---- counters ---- */

static void settle_side(struct core *c)
{
    const uint64_t n = c->n.instructions - c->side_instructions;
    *(c->kernel_side ? &c->n.kernel_instructions : &c->n.user_instructions) += n;
    c->side_instructions = c->n.instructions;
}

/* The totals of what a ROI counts. */
static void roi_totals(const struct core *c, uint64_t t[ROI_COUNT])
{
    const struct core_counters *n = &c->n;
    uint64_t user = 0, kernel = 0;
    for (unsigned i = 0; i < CPI_COUNT; i++) {
        user += n->user_cycles[i];
        kernel += n->kernel_cycles[i];
    }
    t[ROI_CYCLES] = c->cycle;
    t[ROI_INSTRUCTIONS] = n->instructions;
    t[ROI_BOUNDARY_CYCLES] = n->user_cycles[CPI_BOUNDARY] + n->kernel_cycles[CPI_BOUNDARY];
    t[ROI_IDLE_CYCLES] = n->user_cycles[CPI_IDLE] + n->kernel_cycles[CPI_IDLE];
    t[ROI_USER_CYCLES] = user - n->user_cycles[CPI_BOUNDARY] - n->user_cycles[CPI_IDLE];
    t[ROI_KERNEL_CYCLES] = kernel - n->kernel_cycles[CPI_BOUNDARY] - n->kernel_cycles[CPI_IDLE];
    t[ROI_USER_INSTRUCTIONS] = n->user_instructions;
    t[ROI_KERNEL_INSTRUCTIONS] = n->kernel_instructions;
    t[ROI_KERNEL_CALLS] = n->kernel_calls;
    t[ROI_THREAD_SWITCHES] = n->thread_switches;
    t[ROI_MISPREDICTIONS] = n->mispredictions;
    t[ROI_TLB_MISSES] = n->tlb_misses;
    t[ROI_WALK_LOADS] = n->walk_loads;
    t[ROI_MARKS] = c->marks;
}

static void settle_roi(struct core *c)
{
    uint64_t now[ROI_COUNT];
    functions_settle(c->functions, &c->n);
    settle_side(c);
    roi_totals(c, now);
    for (unsigned i = 0; i < ROI_COUNT; i++) {
        c->n.roi[i] += c->roi ? now[i] - c->roi_from[i] : 0;
        c->roi_from[i] = now[i];
    }
}

static void settle_call(struct core *c)
{
    if (c->in_call)
        c->n.call_cycles += c->cycle - c->call_cycle;
    c->call_cycle = c->cycle;
}

void core_settle(struct core *c)
{
    static const uint8_t persist[] = {CPI_WPQ, CPI_FLUSH, CPI_FENCE};
    settle_roi(c);
    settle_call(c);
    c->n.persist_cycles = 0;
    for (unsigned i = 0; i < sizeof persist; i++)
        c->n.persist_cycles += c->n.user_cycles[persist[i]] + c->n.kernel_cycles[persist[i]];
}

/* ---- carrying out a crossing ---- */

/* On the kernel side; whatever the steps waited for, it is the boundary's cost. */
static void carry_out(struct core *c, const struct boundary_step *steps, uint32_t n)
{
    uint64_t before[CPI_COUNT];
    const uint64_t start = c->cycle;
    memcpy(before, c->cpi, sizeof before);
    c->model->steps(c, steps, n);
    c->model->close(c);
    memcpy(c->cpi, before, sizeof before);
    c->cpi[CPI_BOUNDARY] += c->cycle - start;
}

/* ---- sides and instances ---- */

static void retag(struct core *c)
{
    const uint32_t asid = boundary_asid(&c->boundary, c->process, c->kernel_side);
    c->tag_physical = tlb_tag(asid, TLB_PHYSICAL);
    c->tag_linear = tlb_tag(asid, c->space ? c->space->id : 0);
}

static void set_side(struct core *c, int kernel)
{
    c->model->close(c);
    settle_side(c);
    c->kernel_side = (uint8_t)kernel;
    core_enter_function(c, c->func);
    c->req.side = (uint8_t)kernel;
    retag(c);
}

static void set_instance(struct core *c, uint32_t instance)
{
    c->instance = instance;
    c->space = space_of(c, instance);
    retag(c);
}

void core_use_memory(struct core *c, uint32_t memory)
{
    c->space = memory_of(c, c->instance, memory);
    retag(c);
}

static void enter(struct core *c)
{
    struct boundary_step steps[BOUNDARY_STEPS];
    set_side(c, 1);
    carry_out(c, steps,
              boundary_enter(&c->boundary, c->instance, c->env.kernel_instance, c->thread, steps));
}

static void leave(struct core *c, uint32_t instance)
{
    struct boundary_step steps[BOUNDARY_STEPS];
    c->model->close(c);
    if (c->process != instance) {
        if (c->process != NO_INSTANCE)
            carry_out(c, steps, boundary_process(&c->boundary, steps));
        c->process = instance;
        retag(c);
    }
    carry_out(c, steps, boundary_leave(&c->boundary, instance, c->thread, steps));
    set_side(c, 0);
}

/* What follows runs in `instance`, reached by a call or not. */
static void go(struct core *c, uint32_t instance, int called)
{
    const int kernel = instance == c->env.kernel_instance;
    if (c->instance == NO_INSTANCE) {
        if (!kernel)
            c->process = instance;
        set_side(c, kernel);
    } else if (kernel != c->kernel_side) {
        if (kernel)
            enter(c);
        else
            leave(c, instance);
        c->ending.crossed = called && c->boundary.kind == BOUNDARY_TRAP;
    }
    set_instance(c, instance);
}

void core_resume(struct core *c)
{
    core_enter_function(c, c->func);
    c->req.side = c->kernel_side;
    set_instance(c, c->instance);
    if (c->has_thread)
        c->frame_addr = frame_addr_of(c, c->thread);
}

/* ---- threads ---- */

static const struct past unknown = {.ending.end = END_UNKNOWN};

static void remember(struct core *c)
{
    if (c->thread >= c->npasts) {
        uint32_t n = c->npasts ? c->npasts : 16;
        while (n <= c->thread && n < MOST_THREADS)
            n *= 2;
        struct past *more = n > c->thread ? realloc(c->pasts, n * sizeof *more) : NULL;
        if (!more)
            return; /* its next branch will not be predicted, its call stack begins anew */
        for (uint32_t i = c->npasts; i < n; i++)
            more[i] = unknown;
        c->pasts = more;
        c->npasts = n;
    }
    c->pasts[c->thread] = (struct past){.ending = c->ending, .in_call = c->in_call};
}

static void switch_thread(struct core *c, uint32_t thread)
{
    struct boundary_step steps[BOUNDARY_STEPS];
    if (c->has_thread && thread == c->thread)
        return;
    settle_call(c);
    if (c->has_thread) {
        if (!c->kernel_side && c->env.kernel_instance != NO_INSTANCE)
            go(c, c->env.kernel_instance, 0);
        remember(c);
        c->model->close(c);
        carry_out(c, steps, boundary_thread(&c->boundary, c->thread, thread, steps));
        c->n.thread_switches++;
    }
    profile_thread(c->profile, thread, c->cycle);
    c->has_thread = 1;
    c->thread = thread;
    c->frame_addr = frame_addr_of(c, thread);
    const struct past past = thread < c->npasts ? c->pasts[thread] : unknown;
    c->ending = past.ending;
    c->call_cycle = c->cycle;
    c->in_call = past.in_call;
}

/* ---- the events ---- */

static void wait_for_device(struct core *c, uint64_t nanoseconds)
{
    const uint64_t cycles = (nanoseconds * 1000 + c->period - 1) / c->period;
    c->model->close(c);
    settle_call(c);
    c->model->stall(c, cycles, CPI_IDLE);
    c->call_cycle = c->cycle;
}

/* The kernel has moved a page: INVLPG and what goes with it. */
static void take_back(struct core *c, uint32_t space, uint32_t page)
{
    c->model->close(c);
    settle_call(c);
    tlb_drop(&c->tlb, space, page);
    if (c->shadow)
        tlb_drop(&c->shadow->tlb, space, page);
    c->model->stall(c, c->shootdown_cycles, CPI_TRANSLATION);
    c->call_cycle = c->cycle;
}

void core_event(struct core *c, uint64_t word)
{
    const uint64_t arg = LOG_ARG(word);
    switch (LOG_EVENT_CODE(word)) {
    case EV_ENTER:
        settle_call(c);
        c->in_call = (uint32_t)arg == c->env.kernel_instance;
        c->n.kernel_calls += c->in_call;
        go(c, (uint32_t)arg, 1);
        break;
    case EV_LEAVE:
        go(c, (uint32_t)arg, 1);
        settle_call(c);
        c->in_call = 0;
        break;
    case EV_INSTANCE:
        go(c, (uint32_t)arg, 0);
        break;
    case EV_THREAD:
        switch_thread(c, (uint32_t)arg);
        break;
    case EV_STALL:
        wait_for_device(c, arg);
        break;
    case EV_ROI:
        settle_roi(c);
        c->roi = arg != 0;
        break;
    case EV_SHOOTDOWN:
        take_back(c, (uint32_t)(arg >> 17), (uint32_t)arg & 0x1ffff);
        break;
    case EV_MARK: /* costs nothing */
        c->marks++;
        break;
    default:
        break;
    }
}
