/* inorder.c - the in-order core: a scoreboard that issues micro-ops of blocks in program order. */
/*
 * Each cycle issues up to `width` micro-ops in order, of each class as many as there are units. A
 * micro-op issues when its sources are ready; its result is ready after its latency. The cycles
 * between two issues belong to what was waited for, but a cycle in which something issued is BASE:
 * so the parts of the CPI stack add up to the time, exactly and always.
 */
#include "cpu/inorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "cpu/follow.h"
#include "cpu/log.h"

/* ---- making ---- */

static void set_limits(struct inorder *c, const struct core_config *cfg)
{
    const uint64_t width_one = UINT64_C(1) << 4 * UOP_CLASSES;
    c->fresh = (8 - cfg->width) * width_one;
    for (unsigned i = 0; i < UOP_CLASSES; i++) {
        const uint64_t one = UINT64_C(1) << 4 * i;
        c->fresh += (8 - cfg->units[i]) * one;
        c->one[i] = one + width_one;
        c->full[i] = 8 * (one + width_one);
        c->latency[i] = cfg->latency[i];
    }
    c->used = c->fresh;
}
_Static_assert(4 * (UOP_CLASSES + 1) <= 64, "counts of all classes and the width fit a word");

static const struct core_model model;

static void inorder_drop(struct core *core)
{
    struct inorder *c = inorder_of(core);
    if (!c)
        return;
    core_release(core);
    free(c->stores);
    free(c);
}

static struct core *inorder_make(const struct core_config *cfg, const struct core_env *env,
                                 char *err, size_t errlen)
{
    if (core_config_check(cfg, err, errlen))
        return NULL;
    struct inorder *c = calloc(1, sizeof *c);
    if (!c)
        goto no_memory;
    set_limits(c, cfg);
    inflight_init(&c->misses, cfg->load_misses);
    c->mispredict_cycles = cfg->branch.mispredict_cycles;
    c->indirect_cycles = cfg->branch.indirect_cycles ? cfg->branch.indirect_cycles
                                                     : c->mispredict_cycles;
    c->store_buffer = cfg->store_buffer;
    c->stores = calloc(cfg->store_buffer, sizeof *c->stores);
    if (core_init(&c->core, cfg, env, &model) || !c->stores)
        goto no_memory;
    return &c->core;

no_memory:
    inorder_drop(c ? &c->core : NULL);
    snprintf(err, errlen, "out of memory");
    return NULL;
}

/* ---- blocks begin ---- */

/* The pipeline refills from when the branch was resolved on. */
static void refill(struct inorder *c, enum follow f)
{
    enum cpi_part part;
    const uint32_t cycles = follow_refill(&c->core, f, c->mispredict_cycles, c->indirect_cycles,
                                          &part);
    inorder_stall(c, later(c->branch_done, c->core.cycle) + cycles, part);
}

static inline void begin(struct core *core, uint32_t id, const struct block *b)
{
    struct inorder *c = inorder_of(core);
    const enum follow f = core_follow(core, id, b);
    if (unlikely(f != FOLLOW_RIGHT))
        refill(c, f);
    inorder_fetch(c, b);
}

/* ---- micro-ops ---- */

static inline when_t sources(const struct inorder *c, uint32_t fp, const struct uop *u)
{
    const when_t a = c->ready[core_source(fp, u->a)], b = c->ready[core_source(fp, u->b)];
    return a > b ? a : b;
}

/* A store issues when its sources are ready and the store buffer has room. */
static inline when_t store_sources(const struct inorder *c, uint32_t fp, const struct uop *u)
{
    const when_t w = sources(c, fp, u), room = c->stores[c->store_at];
    return w > room ? w : room;
}

static void frame_access(struct inorder *c, uint32_t fp, const struct uop *u, uint64_t pc)
{
    const uint64_t addr = core_frame_word(&c->core, fp, u);
    if (u->class == UOP_STORE) {
        inorder_issue(c, UOP_STORE, store_sources(c, fp, u));
        c->core.n.frame_stores++;
        inorder_store_physical(c, addr, u->bytes, pc);
        return;
    }
    inorder_issue(c, UOP_LOAD, sources(c, fp, u));
    c->core.n.frame_loads++;
    inorder_translate(c, c->core.tag_physical, addr);
    inorder_result(c, core_destination(fp, u->dst),
                   inorder_load_line(c, addr, u->bytes, pc, c->core.cycle));
}

/* A micro-op with an address from the log. */
static inline void memory_uop(struct inorder *c, uint32_t fp, const struct uop *u, uint64_t pc,
                              const uint64_t *word)
{
    const uint64_t addr = LOG_ARG(*word);
    const uint64_t *words = *word & LOG_NV ? word + 1 : NULL;
    switch (u->class) {
    case UOP_LOAD:
        inorder_issue(c, UOP_LOAD, sources(c, fp, u));
        c->core.n.loads++;
        inorder_result(c, core_destination(fp, u->dst), inorder_load_linear(c, addr, u->bytes, pc));
        break;
    case UOP_STORE:
        inorder_issue(c, UOP_STORE, store_sources(c, fp, u));
        c->core.n.stores++;
        inorder_store(c, addr, u->bytes, pc, words);
        break;
    case UOP_FLUSH:
        inorder_wait(c, inorder_flush_room(c));
        inorder_issue(c, UOP_FLUSH, sources(c, fp, u));
        c->core.n.flushes++;
        inorder_flush(c, u->info, addr, pc);
        break;
    default:
        inorder_issue(c, UOP_NTSTORE, sources(c, fp, u));
        c->core.n.nt_stores++;
        inorder_store_nontemporal(c, addr, u->bytes, pc, words);
        break;
    }
}

static void far_uop(struct inorder *c, uint32_t fp, const struct uop *u, uint64_t pc,
                    const uint64_t *word)
{
    core_use_memory(&c->core, LOG_MEMORY(*word));
    memory_uop(c, fp, u, pc, word);
    core_use_memory(&c->core, 0);
}

/* It issues once, however many logs its pieces come in. */
static const uint64_t *bulk_uop(struct inorder *c, uint64_t pc, const uint64_t *p,
                                const uint64_t *end)
{
    if (!c->bulk_issued)
        inorder_issue(c, UOP_BULK, 0);
    c->bulk_issued = 1;
    return log_bulk(&c->core, p, end, pc, inorder_bulk);
}

/* The extra micro-ops of a block that is from wasm; words of its frame are their addresses. */
static __attribute__((noinline)) void pay_penalty(struct inorder *c, uint32_t fp,
                                                  const struct block *b)
{
    struct core *core = &c->core;
    const struct penalty_uops x = penalty_block(&core->penalty, core->code.uops + b->uops,
                                                b->nuops);
    const struct uop load = {
        .class = UOP_LOAD, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE, .bytes = 8};
    struct uop store = load;
    store.class = UOP_STORE;
    for (uint32_t i = 0; i < x.alus; i++)
        inorder_issue(c, UOP_ALU, 0);
    for (uint32_t i = 0; i < x.loads; i++)
        frame_access(c, fp, &load, b->code_addr);
    for (uint32_t i = 0; i < x.stores; i++)
        frame_access(c, fp, &store, b->code_addr);
    for (uint32_t i = 0; i < x.branches; i++)
        inorder_issue(c, UOP_BRANCH, 0);
    core->n.penalty_uops += x.alus + x.loads + x.stores + x.branches;
}

/* ---- blocks ---- */

static const uint64_t *walk(struct core *core, const uint64_t *p, const uint64_t *end)
{
    struct inorder *c = inorder_of(core);
    const struct block *b = &c->core.code.blocks[c->core.block];
    const struct uop *uops = c->core.code.uops + b->uops;
    const uint32_t fp = c->core.fp, n = b->nuops;
    const uint32_t first = c->core.next_uop;
    const int dependences = c->core.env.dependences;

    for (uint32_t i = first; i < n; i++) {
        const struct uop *u = &uops[i];
        if (unlikely(dependences))
            core_trace_sources(core, fp, u);
        switch (u->class) {
        case UOP_LOAD:
        case UOP_STORE:
            if (u->flags & UOP_ON_FRAME) {
                frame_access(c, fp, u, log_pc(core, b, i));
                break;
            }
            /* fall through */
        case UOP_FLUSH:
        case UOP_NTSTORE:
            p = log_to_address(core, p, end);
            if (unlikely(!log_is_address(p, end)))
                return log_leave_block(core, p, end, i);
            if (unlikely(LOG_MEMORY(*p)))
                far_uop(c, fp, u, log_pc(core, b, i), p);
            else
                memory_uop(c, fp, u, log_pc(core, b, i), p);
            p += log_address_words(*p);
            break;
        case UOP_FENCE:
            inorder_issue(c, UOP_FENCE, 0);
            inorder_fence(c, log_pc(core, b, i));
            break;
        case UOP_BULK:
            p = bulk_uop(c, log_pc(core, b, i), p, end);
            if (p == end)
                return log_leave_block(core, p, end, i);
            c->bulk_issued = 0;
            break;
        case UOP_BRANCH:
            inorder_issue(c, UOP_BRANCH, sources(c, fp, u));
            c->branch_done = c->core.cycle + c->latency[UOP_BRANCH];
            inorder_result(c, core_destination(fp, u->dst), WHEN(c->branch_done, CPI_BASE));
            break;
        default:
            inorder_issue(c, u->class, sources(c, fp, u));
            inorder_result(c, core_destination(fp, u->dst),
                           WHEN(c->core.cycle + c->latency[u->class], CPI_BASE));
            break;
        }
        if (unlikely(dependences))
            core_trace_result(core, fp, u);
    }
    if (unlikely(penalty_is_on(&core->penalty)))
        pay_penalty(c, fp, b);
    log_end_block(core, b);
    return p;
}

/* ---- the core ---- */

static void inorder_consume(struct core *core, const uint64_t *words, uint32_t n)
{
    log_read(core, words, n, (struct log_reader){begin, walk, inorder_bulk});
}

static ps_t inorder_now(const struct core *core)
{
    return core->cycle * core->period;
}

static void inorder_drain(struct core *core)
{
    struct inorder *c = inorder_of(core);
    inorder_close_combining(c);
    inorder_wait(c, c->last);
    inorder_wait(c, c->store_last);
    for (uint32_t i = 0; i < core->flushes.size; i++)
        inorder_wait(c, core->flushes.until[i]);
    core_settle(core);
}

static const struct core_counters *inorder_counters(const struct core *core)
{
    return &core->n;
}

/* ---- crossings ---- */

static void close_cycle(struct core *core)
{
    struct inorder *c = inorder_of(core);
    if (c->used != c->fresh)
        inorder_stall(c, core->cycle + 1, CPI_BASE);
}

static void stall(struct core *core, uint64_t cycles, enum cpi_part part)
{
    inorder_stall(inorder_of(core), core->cycle + cycles, part);
}

static void step_stores(struct inorder *c, const struct boundary_step *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        inorder_issue(c, UOP_STORE, c->stores[c->store_at]);
        inorder_store_physical(c, s->addr + (uint64_t)i * s->stride, 8, 0);
    }
}

static when_t step_loads(struct inorder *c, const struct boundary_step *s)
{
    when_t last = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const uint64_t addr = s->addr + (uint64_t)i * s->stride;
        inorder_issue(c, UOP_LOAD, 0);
        inorder_translate(c, c->core.tag_physical, addr);
        const when_t w = inorder_load_line(c, addr, 8, 0, c->core.cycle);
        last = w > last ? w : last;
    }
    return last;
}

static void steps(struct core *core, const struct boundary_step *s, uint32_t n)
{
    struct inorder *c = inorder_of(core);
    when_t loads = 0;
    for (const struct boundary_step *end = s + n; s < end; s++) {
        switch ((enum boundary_step_kind)s->kind) {
        case STEP_DRAIN:
            inorder_wait(c, loads);
            inorder_wait(c, c->last);
            break;
        case STEP_DRAIN_STORES:
            inorder_close_combining(c);
            inorder_wait(c, c->store_last);
            break;
        case STEP_CYCLES:
            close_cycle(core);
            inorder_stall(c, c->core.cycle + s->n, CPI_BOUNDARY);
            break;
        case STEP_ALU:
            for (uint32_t i = 0; i < s->n; i++)
                inorder_issue(c, UOP_ALU, 0);
            break;
        case STEP_STORES:
            step_stores(c, s);
            break;
        case STEP_LOADS:
            loads = step_loads(c, s);
            break;
        case STEP_WAIT:
            inorder_wait(c, loads);
            break;
        case STEP_FLUSH_TLB:
            tlb_flush(&c->core.tlb, (int)s->n);
            c->core.fetched = NO_LINE;
            break;
        case STEP_BARRIER:
            branch_barrier(&c->core.branch);
            break;
        }
    }
}

static const struct core_model model = {.close = close_cycle, .stall = stall, .steps = steps};

const struct core_ops core_inorder = {
    .name = "inorder",
    .meaning = "in-order scoreboard: width, units and latencies, waits at the first use of a load",
    .make = inorder_make,
    .drop = inorder_drop,
    .consume = inorder_consume,
    .now = inorder_now,
    .drain = inorder_drain,
    .counters = inorder_counters,
    .folded = core_folded,
    .functions = core_functions,
    .archive = inorder_archive,
};
