/* ooo.c - the out-of-order core: making, the limits of the window, crossings. */
#include "cpu/ooo.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- making ---- */

static const struct core_model model;

static void ooo_drop(struct core *core)
{
    struct ooo *c = ooo_of(core);
    if (!c)
        return;
    core_release(core);
    free(c->stores);
    free(c->loads);
    free(c->marks);
    free(c);
}

static void set_window(struct ooo *c, const struct core_config *cfg)
{
    const struct window_config *w = &cfg->window;
    c->fetch_width = c->fetch_left = w->fetch_width;
    c->fetch_queue = w->fetch_queue;
    c->width = c->dispatch_left = cfg->width;
    c->rob = w->rob;
    c->scheduler = w->scheduler;
    c->retire_width = c->retire_left = w->retire_width;
    c->store_queue = cfg->store_buffer;
    c->load_queue = w->load_queue;
    c->forward_cycles = w->forward_cycles;
    c->nwalkers = w->walkers;
    c->fuse_loads = w->fuse_loads;
    c->fuse_branches = w->fuse_branches;
    c->divide_busy[UOP_DIV] = w->div_busy;
    c->divide_busy[UOP_FDIV] = w->fdiv_busy;
    c->divide_busy[UOP_FSQRT] = w->fsqrt_busy;
    c->mispredict_cycles = cfg->branch.mispredict_cycles;
    c->indirect_cycles = cfg->branch.indirect_cycles ? cfg->branch.indirect_cycles
                                                     : c->mispredict_cycles;
    c->btb_cycles = cfg->branch.btb_cycles;
    for (unsigned i = 0; i < UOP_CLASSES; i++) {
        c->latency[i] = cfg->latency[i];
        c->ports[i] = w->ports[i];
    }
    c->ports[OOO_SHIFTS] = w->ports_shift ? w->ports_shift : w->ports[UOP_ALU];
    c->ports[OOO_VECTOR_LOADS] = w->ports_vector_load ? w->ports_vector_load : w->ports[UOP_LOAD];
    c->ports[OOO_VECTOR_STORES] = w->ports_vector_store ? w->ports_vector_store
                                                        : w->ports[UOP_STORE];
    c->line_commits = w->line_commits ? w->line_commits : 1;
    c->store_line = NO_LINE;
    c->fetch_lines = w->fetch_lines;
    c->scale_add = w->scale_add;
    c->vector_load = w->vector_load;
    c->rename_copies = w->rename_copies;
    c->rename_sums = w->rename_sums;
    for (uint32_t i = 0; i < OOO_CYCLES; i++)
        c->slots[i].cycle = i;
}

static struct core *ooo_make(const struct core_config *cfg, const struct core_env *env, char *err,
                             size_t errlen)
{
    if (core_config_check(cfg, err, errlen) || core_window_check(cfg, err, errlen))
        return NULL;
    struct ooo *c = calloc(1, sizeof *c);
    if (!c)
        goto no_memory;
    set_window(c, cfg);
    inflight_init(&c->misses, cfg->load_misses);
    c->stores = calloc(c->store_queue, sizeof *c->stores);
    c->loads = calloc(c->load_queue, sizeof *c->loads);
    if (core_init(&c->core, cfg, env, &model) || !c->stores || !c->loads)
        goto no_memory;
    return &c->core;

no_memory:
    ooo_drop(c ? &c->core : NULL);
    snprintf(err, errlen, "out of memory");
    return NULL;
}

/* ---- the window's slow ways (ooo.h) ---- */

/* What leaves the scheduler at `cycle`, which dispatch has reached, has left; if its place has been
 * taken by another cycle, that was counted then. */
static inline void leave(struct ooo *c, uint64_t cycle, uint64_t now)
{
    struct ooo_slot *s = &c->slots[cycle & (OOO_CYCLES - 1)];
    if (!s->leaving || s->cycle - (uint32_t)now - 1 < OOO_CYCLES - 1) /* one of those to come */
        return;
    c->waiting -= s->leaving;
    s->leaving = 0;
}

/* Nothing leaves in the eight cycles from s on. */
static inline int none_leaves(const struct ooo_slot *s)
{
    return !(s[0].leaving | s[1].leaving | s[2].leaving | s[3].leaving | s[4].leaving |
             s[5].leaving | s[6].leaving | s[7].leaving);
}

/* The first cycle from `at` on in which something may leave, or `end` when that is earlier. */
static inline uint64_t next_leaving(const struct ooo *c, uint64_t at, uint64_t end)
{
    while (at < end) {
        const struct ooo_slot *s = &c->slots[at & (OOO_CYCLES - 1)];
        if (s->leaving)
            return at;
        at += at % 8 == 0 && none_leaves(s) ? 8 : 1;
    }
    return end;
}

void ooo_wait_for_scheduler(struct ooo *c)
{
    uint64_t now = c->dispatch;
    const uint64_t end = now + 1, n = now - c->swept < OOO_CYCLES ? now - c->swept : OOO_CYCLES;
    for (uint64_t t = next_leaving(c, end - n, end); t < end; t = next_leaving(c, t + 1, end))
        leave(c, t, now);
    while (c->waiting >= c->scheduler) {
        do
            now++;
        while (!c->slots[now & (OOO_CYCLES - 1)].leaving);
        leave(c, now, now);
    }
    ooo_hold_dispatch(c, now);
    c->swept = now;
}

uint64_t ooo_issue_later(struct ooo *c, unsigned class, uint64_t ready)
{
    const uint64_t horizon = c->dispatch + OOO_CYCLES - 1;
    struct ooo_full *full = &c->full[class];
    uint64_t t = ready >= full->from && ready < full->to ? full->to : ready;
    for (; t < horizon; t++) {
        struct ooo_slot *s = ooo_slot(c, t);
        const uint32_t free_ports = c->ports[class] & ~(uint32_t)s->busy;
        if (free_ports) {
            s->busy = (uint16_t)(s->busy | 0x80000000u >> __builtin_clz(free_ports));
            s->leaving++;
            if (ready > full->to || ready < full->from)
                full->from = ready;
            full->to = t;
            return t;
        }
    }
    ooo_slot(c, horizon)->leaving++; /* so far ahead nothing is contended */
    return later(ready, horizon);
}

static void give(struct ooo *c, uint64_t *pos, uint64_t cycle, uint64_t to, unsigned part)
{
    const uint64_t end = cycle < to ? cycle : to;
    if (end > *pos) {
        c->core.cpi[part] += end - *pos;
        *pos = end;
    }
}

void ooo_charge(struct ooo *c, const struct ooo_op *op, uint64_t to)
{
    const when_t steps[] = {c->redirect,
                            WHEN(c->code_page, CPI_TRANSLATION),
                            WHEN(c->code_line, CPI_FRONTEND),
                            op->held,
                            WHEN(op->issue, CPI_BASE),
                            WHEN(op->paged, CPI_TRANSLATION),
                            op->fused,
                            op->complete,
                            op->full};
    uint64_t pos = c->core.cycle;
    if (c->core.no_stack) {
        c->core.cpi[CPI_BASE] += to - pos;
        return;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        give(c, &pos, WHEN_CYCLE(steps[i]), to, WHEN_PART(steps[i]));
    give(c, &pos, to, to, CPI_BASE);
}

void ooo_redirect(struct ooo *c, uint64_t cycles, enum cpi_part part)
{
    c->redirect = WHEN(later(c->branch_done, c->fetch) + cycles, part);
    ooo_hold_fetch(c, WHEN_CYCLE(c->redirect));
}

void ooo_unknown_target(struct ooo *c)
{
    c->core.n.btb_misses++;
    ooo_hold_fetch(c, c->fetch + c->btb_cycles);
    c->code_line = later(c->code_line, c->fetch);
}

/* ---- crossings ---- */

static void close_cycle(struct core *core)
{
    ooo_of(core)->retire_left = 0;
}

static void stall(struct core *core, uint64_t cycles, enum cpi_part part)
{
    ooo_stall(ooo_of(core), core->cycle + cycles, part);
    ooo_serialise(ooo_of(core));
}

static void step_loads(struct ooo *c, const struct boundary_step *s, uint64_t *last)
{
    const uint64_t ready = c->step_ready;
    for (uint32_t i = 0; i < s->n; i++) {
        struct ooo_op op = {0};
        ooo_take_load(c);
        op.dispatch = ooo_dispatch(c);
        ooo_load_physical(c, &op, UOP_LOAD, s->addr + (uint64_t)i * s->stride, 8, 0,
                          later(op.dispatch + 1, ready));
        *last = later(*last, WHEN_CYCLE(op.complete));
        ooo_retire_load(c, &op);
    }
}

static void step_alus(struct ooo *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct ooo_op op = {.dispatch = ooo_dispatch(c)};
        op.issue = ooo_issue(c, UOP_ALU, later(op.dispatch + 1, c->step_ready));
        op.complete = WHEN(op.issue + c->latency[UOP_ALU], CPI_BASE);
        ooo_retire(c, &op);
    }
}

static void drain_stores(struct ooo *c)
{
    ooo_stall(c, WHEN_CYCLE(c->store_last), WHEN_PART(c->store_last));
    ooo_stall(c, ooo_close_combining(c, c->core.cycle), CPI_FLUSH);
    ooo_serialise(c);
}

static void steps(struct core *core, const struct boundary_step *s, uint32_t n)
{
    struct ooo *c = ooo_of(core);
    uint64_t loads = 0;
    c->step_ready = 0;
    for (const struct boundary_step *end = s + n; s < end; s++) {
        switch ((enum boundary_step_kind)s->kind) {
        case STEP_DRAIN:
            ooo_serialise(c);
            break;
        case STEP_DRAIN_STORES:
            drain_stores(c);
            break;
        case STEP_CYCLES:
            stall(core, s->n, CPI_BOUNDARY);
            break;
        case STEP_ALU:
            step_alus(c, s->n);
            break;
        case STEP_STORES:
            for (uint32_t i = 0; i < s->n; i++)
                ooo_store_physical(c, UOP_STORE, s->addr + (uint64_t)i * s->stride, 8, 0, 0,
                                   c->step_ready);
            break;
        case STEP_LOADS:
            step_loads(c, s, &loads);
            break;
        case STEP_WAIT:
            c->step_ready = loads;
            break;
        case STEP_FLUSH_TLB:
            tlb_flush(&core->tlb, (int)s->n);
            core->fetched = NO_LINE;
            break;
        case STEP_BARRIER:
            branch_barrier(&core->branch);
            break;
        }
    }
}

static const struct core_model model = {.close = close_cycle, .stall = stall, .steps = steps};

/* ---- the core ---- */

static ps_t ooo_now(const struct core *core)
{
    return core->cycle * core->period;
}

static void ooo_drain(struct core *core)
{
    struct ooo *c = ooo_of(core);
    drain_stores(c);
    for (uint32_t i = 0; i < core->flushes.size; i++)
        ooo_stall(c, WHEN_CYCLE(core->flushes.until[i]), WHEN_PART(core->flushes.until[i]));
    ooo_serialise(c);
    core_settle(core);
}

static const struct core_counters *ooo_counters(const struct core *core)
{
    return &core->n;
}

const struct core_ops core_ooo = {
    .name = "ooo",
    .meaning = "out-of-order window: ROB, queues, scheduler, ports, forwarding, fusion",
    .make = ooo_make,
    .drop = ooo_drop,
    .consume = ooo_consume,
    .now = ooo_now,
    .drain = ooo_drain,
    .counters = ooo_counters,
    .folded = core_folded,
    .functions = core_functions,
    .archive = ooo_archive,
    .stream = ooo_stream,
};
