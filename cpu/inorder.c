/* inorder.c - the in-order core: a scoreboard that issues micro-ops of blocks in program order. */
/*
 * Each cycle issues up to `width` micro-ops in order, of each class as many as there are units. A
 * micro-op issues when its sources are ready; its result is ready after its latency. The cycles
 * between two issues belong to what was waited for, but a cycle in which something issued is BASE:
 * so the parts of the CPI stack add up to the time, exactly and always.
 *
 * What a block's end led to is known from the next block word, which may come in a later log. So
 * may the rest of a block whose bulk operation filled the log.
 */
#include "cpu/inorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static void set_limits(struct core *c, const struct core_config *cfg)
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

static void set_inflight(struct inflight *f, uint32_t size)
{
    f->size = size;
    for (uint32_t i = 0; i < MOST_INFLIGHT; i++)
        f->line[i] = NO_LINE;
}

static void inorder_drop(struct core *c)
{
    if (!c)
        return;
    branch_free(&c->branch);
    tlb_free(&c->tlb);
    profile_free(c->profile);
    free(c->stores);
    free(c->pasts);
    free(c);
}

static struct core *inorder_make(const struct core_config *cfg, const struct core_env *env,
                                 char *err, size_t errlen)
{
    if (core_config_check(cfg, err, errlen))
        return NULL;
    const int trap = cfg->boundary.kind == BOUNDARY_TRAP;
    struct core *c = calloc(1, sizeof *c);
    if (!c)
        goto no_memory;
    set_limits(c, cfg);
    set_inflight(&c->flushes, cfg->flushes);
    set_inflight(&c->misses, cfg->load_misses);
    c->env = *env;
    c->hierarchy = env->hierarchy;
    c->domain = env->domain;
    c->boundary = cfg->boundary;
    c->mispredict_cycles = cfg->branch.mispredict_cycles;
    c->period = cfg->period;
    c->hit_ps = UINT64_MAX;
    c->bounds_check = trap ? 0 : cfg->boundary.bounds_check_cycles;
    c->req.hart = env->hart;
    c->cpi = c->n.user_cycles;
    c->fetched = NO_LINE;
    c->combining.line = NO_LINE;
    c->ending.end = END_UNKNOWN;
    c->instance = c->process = NO_INSTANCE;
    c->store_buffer = cfg->store_buffer;
    c->stores = calloc(cfg->store_buffer, sizeof *c->stores);
    c->profile = profile_new();
    c->tag_physical = tlb_tag(0, TLB_PHYSICAL);
    if (!c->stores || !c->profile || branch_init(&c->branch, &cfg->branch) ||
        tlb_init(&c->tlb, trap ? &cfg->tlb_trap : &cfg->tlb_call, cfg->boundary.kind))
        goto no_memory;
    return c;

no_memory:
    inorder_drop(c);
    snprintf(err, errlen, "out of memory");
    return NULL;
}

/* ---- how the last block ended ---- */

/* The pipeline refills from when the branch was resolved on. */
static void refill(struct core *c, uint32_t cycles, enum cpi_part part)
{
    const uint64_t from = c->branch_done > c->cycle ? c->branch_done : c->cycle;
    core_stall(c, from + cycles, part);
}

static void predicted(struct core *c, int wrong)
{
    c->n.branches++;
    if (wrong) {
        c->n.mispredictions++;
        refill(c, c->mispredict_cycles, CPI_BRANCH);
    }
}

static void indirect(struct core *c, const struct ending *e, uint32_t to)
{
    if (e->kernel_side && c->boundary.retpoline && c->boundary.kind == BOUNDARY_TRAP)
        refill(c, c->boundary.retpoline_cycles, CPI_BOUNDARY);
    else
        predicted(c, branch_indirect(&c->branch, e->pc, to));
}

static void follow_call(struct core *c, const struct ending *e, uint32_t id, const struct block *b)
{
    profile_call(c->profile, b->func, c->cycle);
    if (e->crossed)
        return;
    if (e->end == END_CALL_INDIRECT)
        indirect(c, e, id);
    branch_call(&c->branch, e->next);
}

/* The predictor's stack of return addresses stays as it is. */
static void follow_tail(struct core *c, const struct ending *e, uint32_t id, const struct block *b)
{
    profile_tail(c->profile, b->func, c->cycle);
    if (e->end == END_TAIL_INDIRECT && !e->crossed)
        indirect(c, e, id);
}

static void follow_return(struct core *c, const struct ending *e, uint32_t id,
                          const struct block *b)
{
    profile_return(c->profile, b->func, c->cycle);
    if (!e->crossed)
        predicted(c, branch_return(&c->branch, id));
}

/* The current thread's next block. */
static inline void follow(struct core *c, uint32_t id, const struct block *b)
{
    const struct ending *e = &c->ending;
    switch (e->end) {
    case END_COND:
        predicted(c, branch_cond(&c->branch, e->pc, id == e->taken));
        break;
    case END_TABLE:
        indirect(c, e, id);
        break;
    case END_CALL:
    case END_CALL_INDIRECT:
        follow_call(c, e, id, b);
        return;
    case END_RETURN:
        follow_return(c, e, id, b);
        return;
    case END_TAIL:
    case END_TAIL_INDIRECT:
        follow_tail(c, e, id, b);
        return;
    case END_TRAP:
    case END_UNKNOWN:
        profile_start(c->profile, b->func, c->cycle);
        return;
    default:
        break;
    }
    if (unlikely(b->func != e->func))
        profile_start(c->profile, b->func, c->cycle);
}

/* ---- micro-ops ---- */

static inline unsigned source(uint32_t fp, uint16_t slot)
{
    return slot == REG_NONE ? NO_REGISTER : (fp + slot) & (REGISTERS - 1);
}

static inline unsigned destination(uint32_t fp, uint16_t slot)
{
    return slot == REG_NONE ? SINK : (fp + slot) & (REGISTERS - 1);
}

static inline when_t sources(const struct core *c, uint32_t fp, const struct uop *u)
{
    const when_t a = c->ready[source(fp, u->a)], b = c->ready[source(fp, u->b)];
    return a > b ? a : b;
}

/* Note on which load a micro-op depends; its requests say so (mem_req.depends). */
static inline void trace_sources(struct core *c, uint32_t fp, const struct uop *u)
{
    const uint64_t a = c->origins[source(fp, u->a)], b = c->origins[source(fp, u->b)];
    c->origin = a > b ? a : b;
}

/* Its result depends on what it depends on; a load's, on the load. */
static inline void trace_result(struct core *c, uint32_t fp, const struct uop *u)
{
    c->origins[destination(fp, u->dst)] = u->class == UOP_LOAD ? c->requests : c->origin;
    c->origin = 0;
}

static inline uint64_t frame_word(const struct core *c, uint32_t fp, const struct uop *u)
{
    return c->frame_addr + ((uint64_t)fp + u->slot) * 8;
}

/* The next word of the log, after marks, which may stand anywhere. */
static inline const uint64_t *past_marks(struct core *c, const uint64_t *p, const uint64_t *end)
{
    while (p < end && LOG_TAG(*p) == LOG_EVENT &&
           (LOG_EVENT_CODE(*p) == EV_ROI || LOG_EVENT_CODE(*p) == EV_MARK))
        core_event(c, *p++);
    return p;
}

static inline int is_address(const uint64_t *p, const uint64_t *end)
{
    return p < end && LOG_TAG(*p) == LOG_ADDR && (!(*p & LOG_NV) || end - p >= 3);
}

/* A store issues when its sources are ready and the store buffer has room. */
static inline when_t store_sources(const struct core *c, uint32_t fp, const struct uop *u)
{
    const when_t w = sources(c, fp, u), room = c->stores[c->store_at];
    return w > room ? w : room;
}

static void frame_access(struct core *c, uint32_t fp, const struct uop *u, uint64_t pc)
{
    const uint64_t addr = frame_word(c, fp, u);
    if (u->class == UOP_STORE) {
        core_issue(c, UOP_STORE, store_sources(c, fp, u));
        c->n.frame_stores++;
        core_store_physical(c, addr, u->bytes, pc);
        return;
    }
    core_issue(c, UOP_LOAD, sources(c, fp, u));
    c->n.frame_loads++;
    core_translate(c, c->tag_physical, addr);
    core_result(c, destination(fp, u->dst), core_load_line(c, addr, u->bytes, pc, c->cycle));
}

/* A micro-op with an address from the log. */
static inline void memory_uop(struct core *c, uint32_t fp, const struct uop *u, uint64_t pc,
                              const uint64_t *word)
{
    const uint64_t addr = LOG_ARG(*word);
    const uint64_t *words = *word & LOG_NV ? word + 1 : NULL;
    switch (u->class) {
    case UOP_LOAD:
        core_issue(c, UOP_LOAD, sources(c, fp, u));
        c->n.loads++;
        core_result(c, destination(fp, u->dst), core_load_linear(c, addr, u->bytes, pc));
        break;
    case UOP_STORE:
        core_issue(c, UOP_STORE, store_sources(c, fp, u));
        c->n.stores++;
        core_store(c, addr, u->bytes, pc, words);
        break;
    case UOP_FLUSH:
        core_wait(c, core_flush_room(c));
        core_issue(c, UOP_FLUSH, sources(c, fp, u));
        c->n.flushes++;
        core_flush(c, u->info, addr, pc);
        break;
    default:
        core_issue(c, UOP_NTSTORE, sources(c, fp, u));
        c->n.nt_stores++;
        core_store_nontemporal(c, addr, u->bytes, pc, words);
        break;
    }
}

static void far_uop(struct core *c, uint32_t fp, const struct uop *u, uint64_t pc,
                    const uint64_t *word)
{
    core_use_memory(c, LOG_MEMORY(*word));
    memory_uop(c, fp, u, pc, word);
    core_use_memory(c, 0);
}

/* All pieces of a bulk operation that the log holds. */
static const uint64_t *bulk_uop(struct core *c, uint64_t pc, const uint64_t *p, const uint64_t *end)
{
    if (!c->bulk_issued)
        core_issue(c, UOP_BULK, 0);
    c->bulk_issued = 1;
    for (;;) {
        p = past_marks(c, p, end);
        if (p == end || LOG_TAG(*p) != LOG_BULK)
            return p;
        const uint32_t n = core_bulk(c, p, (uint32_t)(end - p), pc);
        if (n == 0)
            return end;
        p += n;
    }
}

/* ---- blocks ---- */

static inline uint64_t pc_of(const struct core *c, const struct block *b, uint32_t uop)
{
    return b->code_addr + (uint64_t)uop * c->uop_bytes;
}

static const uint64_t *leave_block(struct core *c, const uint64_t *p, const uint64_t *end,
                                   uint32_t at)
{
    c->origin = 0;
    c->next_uop = at;
    if (p < end) { /* something else follows: the block trapped here */
        c->block = 0;
        c->ending.end = END_UNKNOWN;
    }
    return p;
}

/* The micro-ops of the current block from next_uop on, with their addresses: what is left of the
 * log. If the log ends first, the block stays current. */
static const uint64_t *walk(struct core *c, const uint64_t *p, const uint64_t *end)
{
    const struct block *b = &c->code.blocks[c->block];
    const struct uop *uops = c->code.uops + b->uops;
    const uint32_t fp = c->fp, n = b->nuops;
    const uint32_t first = c->next_uop;
    const int dependences = c->env.dependences;

    for (uint32_t i = first; i < n; i++) {
        const struct uop *u = &uops[i];
        if (unlikely(dependences))
            trace_sources(c, fp, u);
        switch (u->class) {
        case UOP_LOAD:
        case UOP_STORE:
            if (u->flags & UOP_ON_FRAME) {
                frame_access(c, fp, u, pc_of(c, b, i));
                break;
            }
            /* fall through */
        case UOP_FLUSH:
        case UOP_NTSTORE:
            if (unlikely(!is_address(p, end))) {
                p = past_marks(c, p, end);
                if (!is_address(p, end))
                    return leave_block(c, p, end, i);
            }
            if (unlikely(LOG_MEMORY(*p)))
                far_uop(c, fp, u, pc_of(c, b, i), p);
            else
                memory_uop(c, fp, u, pc_of(c, b, i), p);
            p += *p & LOG_NV ? 3 : 1;
            break;
        case UOP_FENCE:
            core_issue(c, UOP_FENCE, 0);
            core_fence(c, pc_of(c, b, i));
            break;
        case UOP_BULK:
            p = bulk_uop(c, pc_of(c, b, i), p, end);
            if (p == end)
                return leave_block(c, p, end, i);
            c->bulk_issued = 0;
            break;
        case UOP_BRANCH:
            core_issue(c, UOP_BRANCH, sources(c, fp, u));
            c->branch_done = c->cycle + c->latency[UOP_BRANCH];
            core_result(c, destination(fp, u->dst), WHEN(c->branch_done, CPI_BASE));
            break;
        default:
            core_issue(c, u->class, sources(c, fp, u));
            core_result(c, destination(fp, u->dst),
                        WHEN(c->cycle + c->latency[u->class], CPI_BASE));
            break;
        }
        if (unlikely(dependences))
            trace_result(c, fp, u);
    }
    c->n.uops += n;
    c->block = 0;
    c->ending = (struct ending){.pc = b->code_addr + b->code_bytes,
                                .taken = b->taken,
                                .next = b->next,
                                .func = b->func,
                                .end = b->end,
                                .kernel_side = c->kernel_side};
    return p;
}

static const uint64_t *start_block(struct core *c, const uint64_t *p, const uint64_t *end)
{
    const uint32_t id = LOG_BLOCK_ID(*p);
    if (id == 0 || id >= c->code.nblocks)
        return p + 1;
    const struct block *b = &c->code.blocks[id];
    follow(c, id, b);
    core_fetch(c, b);
    c->n.blocks++;
    c->n.instructions += b->nops;
    c->block = id;
    c->fp = LOG_BLOCK_FP(*p);
    c->next_uop = 0;
    return walk(c, p + 1, end);
}

/* ---- the core ---- */

static void look_at_code(struct core *c)
{
    c->code = c->env.view ? c->env.view->code : store_code(c->env.store);
    for (uint32_t i = 1; !c->uop_bytes && i < c->code.nblocks; i++)
        if (c->code.blocks[i].nuops)
            c->uop_bytes = c->code.blocks[i].code_bytes / c->code.blocks[i].nuops;
}

static void inorder_consume(struct core *c, const uint64_t *words, uint32_t n)
{
    const uint64_t *p = words, *const end = words + n;
    look_at_code(c);
    if (c->block && n)
        p = walk(c, p, end);
    while (p < end) {
        switch (LOG_TAG(*p)) {
        case LOG_BLOCK:
            p = start_block(c, p, end);
            break;
        case LOG_EVENT:
            core_event(c, *p++);
            break;
        case LOG_BULK: { /* the machine's own copies */
            const uint32_t used = core_bulk(c, p, (uint32_t)(end - p), 0);
            p = used ? p + used : end;
            break;
        }
        default: /* an address that no micro-op asked for */
            p += *p & LOG_NV && end - p >= 3 ? 3 : 1;
            break;
        }
    }
    core_settle(c);
}

static ps_t inorder_now(const struct core *c)
{
    return c->cycle * c->period;
}

static void inorder_drain(struct core *c)
{
    core_close_combining(c);
    core_wait(c, c->last);
    core_wait(c, c->store_last);
    for (uint32_t i = 0; i < c->flushes.size; i++)
        core_wait(c, c->flushes.until[i]);
    core_settle(c);
}

static const struct core_counters *inorder_counters(const struct core *c)
{
    return &c->n;
}

static char *inorder_folded(const struct core *c)
{
    uint32_t n;
    char **names = core_function_names(&c->env, &n);
    char *text = names ? profile_folded(c->profile, c->cycle, names, n) : NULL;
    free(names);
    return text;
}

const struct core_ops core_inorder = {
    .name = "inorder",
    .meaning = "in-order scoreboard: width, units and latencies, waits at the first use of a load",
    .make = inorder_make,
    .drop = inorder_drop,
    .consume = inorder_consume,
    .now = inorder_now,
    .drain = inorder_drain,
    .counters = inorder_counters,
    .folded = inorder_folded,
};
