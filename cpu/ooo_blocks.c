/* ooo_blocks.c - blocks of the log through the out-of-order window: where they led, which of their
 * micro-ops are one, each of them. */
#include <string.h>

#include "cpu/follow.h"
#include "cpu/log.h"
#include "cpu/ooo.h"
#include "memhier/hostmem.h"

/* ---- blocks begin ---- */

static int is_direct(const struct ending *e)
{
    return e->end == END_COND || e->end == END_JUMP || e->end == END_CALL || e->end == END_TAIL;
}

static void redirect(struct ooo *c, enum follow f)
{
    enum cpi_part part;
    const uint32_t cycles = follow_refill(&c->core, f, c->mispredict_cycles, c->indirect_cycles,
                                          &part);
    ooo_redirect(c, cycles, part);
}

static inline void begin(struct core *core, uint32_t id, const struct block *b)
{
    struct ooo *c = ooo_of(core);
    const uint64_t end = b->code_addr + b->code_bytes;
    const enum follow f = core_follow(core, id, b);
    if (unlikely(f != FOLLOW_RIGHT))
        redirect(c, f);
    else if (follow_taken(&core->ending, id))
        ooo_taken(c, core->ending.pc, !core->ending.crossed && is_direct(&core->ending));
    for (uint64_t line = line_of(b->code_addr); line < end; line += LINE_BYTES)
        if (line != core->fetched)
            ooo_fetch_line(c, line);
    ooo_hold_fetch(c, c->code_line);
}

/* ---- micro-ops ---- */

static inline uint64_t source(const struct ooo *c, uint32_t fp, uint16_t slot)
{
    return c->ready[core_source(fp, slot)];
}

static inline int divides(unsigned class)
{
    return class == UOP_DIV || class == UOP_FDIV || class == UOP_FSQRT;
}

/* A divider takes the next when it is done with this one. A younger division goes in front of an
 * older one that is not ready yet, if it does not hold it up. */
static __attribute__((noinline)) uint64_t divide(struct ooo *c, unsigned class, uint64_t ready)
{
    struct calendar *d = &c->divider[class != UOP_DIV];
    const uint32_t busy = c->divide_busy[class];
    uint64_t t = calendar_when(d, ready, busy);
    while (t - c->dispatch < OOO_CYCLES - 1 && !(c->ports[class] & ~ooo_slot(c, t)->busy))
        t = calendar_when(d, t + 1, busy);
    t = ooo_issue(c, class, t);
    return calendar_reserve(d, t, busy);
}

static inline uint64_t compute(struct ooo *c, unsigned class, uint64_t ready)
{
    return unlikely(divides(class)) ? divide(c, class, ready) : ooo_issue(c, class, ready);
}

static inline void arithmetic(struct ooo *c, uint32_t fp, const struct uop *u)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    const uint64_t ready = later(source(c, fp, u->a), source(c, fp, u->b));
    op.issue = compute(c, u->class, later(op.dispatch + 1, ready));
    const uint64_t done = op.issue + c->latency[u->class];
    op.complete = WHEN(done, CPI_BASE);
    c->ready[core_destination(fp, u->dst)] = done;
    if (u->class == UOP_BRANCH)
        c->branch_done = done;
    ooo_retire(c, &op);
}

/* A copy, or as good as one: whoever needs it needs what was copied. */
static void copy(struct ooo *c, uint32_t fp, const struct uop *u)
{
    struct ooo_op op = {.dispatch = ooo_enter(c, 0)};
    op.issue = op.dispatch;
    op.complete = WHEN(op.dispatch + 1, CPI_BASE);
    c->ready[core_destination(fp, u->dst)] = source(c, fp, u->a);
    ooo_retire(c, &op);
}

/* A shift or rotation. */
static void shift(struct ooo *c, uint32_t fp, const struct uop *u)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    const uint64_t ready = later(source(c, fp, u->a), source(c, fp, u->b));
    op.issue = ooo_issue(c, OOO_SHIFTS, later(op.dispatch + 1, ready));
    op.complete = WHEN(op.issue + c->latency[UOP_ALU], CPI_BASE);
    c->ready[core_destination(fp, u->dst)] = WHEN_CYCLE(op.complete);
    ooo_retire(c, &op);
}

/* u[0] shifts what u[1] adds to something. */
static void scale_add(struct ooo *c, uint32_t fp, const struct uop *u)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    const uint16_t other = u[1].a == u[0].dst ? u[1].b : u[1].a;
    const uint64_t ready = later(source(c, fp, u[0].a), source(c, fp, other));
    op.issue = ooo_issue(c, UOP_ALU, later(op.dispatch + 1, ready));
    op.complete = WHEN(op.issue + c->scale_add, CPI_BASE);
    c->ready[core_destination(fp, u[1].dst)] = WHEN_CYCLE(op.complete);
    c->core.n.fused++;
    ooo_retire(c, &op);
}

/* What has a mark and is no load: how many micro-ops it was. */
static uint32_t marked(struct ooo *c, uint32_t fp, const struct uop *u, unsigned mark)
{
    if (mark & OOO_SCALE) {
        scale_add(c, fp, u);
        if (unlikely(c->core.env.dependences)) {
            core_trace_result(&c->core, fp, u);
            core_trace_sources(&c->core, fp, u + 1);
        }
        return 2;
    }
    if (mark & OOO_COPY)
        copy(c, fp, u);
    else
        shift(c, fp, u);
    return 1;
}

/* A compare or test that is not one micro-op with its branch. */
static void lone_compare(struct ooo *c, uint32_t fp, const struct uop *u)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    op.issue = ooo_issue(c, UOP_ALU,
                         later(op.dispatch + 1, later(source(c, fp, u->a), source(c, fp, u->b))));
    op.complete = WHEN(op.issue + c->latency[UOP_ALU], CPI_BASE);
    c->ready[SINK] = WHEN_CYCLE(op.complete);
    ooo_retire(c, &op);
}

/* The micro-op that is one with the load in `op`. */
static void fused(struct ooo *c, uint32_t fp, struct ooo_op *op, const struct uop *u)
{
    const uint64_t ready = later(source(c, fp, u->a), source(c, fp, u->b));
    ooo_schedule(c);
    const uint64_t done = compute(c, u->class, later(c->dispatch + 1, ready)) +
                          c->latency[u->class];
    op->fused = op->complete;
    op->complete = WHEN(done, CPI_BASE);
    c->ready[core_destination(fp, u->dst)] = done;
    c->core.n.fused++;
}

/* word: its address in the log, or NULL: on the frame. next: fused with it, or NULL. */
static inline void load(struct ooo *c, uint32_t fp, const struct uop *u, uint64_t pc,
                        const uint64_t *word, const struct uop *next)
{
    struct ooo_op op = {0};
    ooo_take_load(c);
    op.dispatch = ooo_dispatch(c);
    const uint64_t ready = later(op.dispatch + 1, later(source(c, fp, u->a), source(c, fp, u->b)));
    if (word) {
        c->core.n.loads++;
        ooo_load(c, &op, ooo_load_class(u), LOG_ARG(*word), u->bytes, pc, ready);
    } else {
        c->core.n.frame_loads++;
        ooo_load_physical(c, &op, ooo_load_class(u), core_frame_word(&c->core, fp, u), u->bytes, pc,
                          ready);
    }
    if (u->flags & UOP_VECTOR)
        op.complete += WHEN(c->vector_load, 0);
    c->ready[core_destination(fp, u->dst)] = WHEN_CYCLE(op.complete);
    if (next) {
        if (unlikely(c->core.env.dependences)) {
            core_trace_result(&c->core, fp, u);
            core_trace_sources(&c->core, fp, next);
        }
        fused(c, fp, &op, next);
    }
    ooo_retire_load(c, &op);
}

static inline void frame_store(struct ooo *c, uint32_t fp, const struct uop *u, uint64_t pc)
{
    c->core.n.frame_stores++;
    ooo_store_physical(c, ooo_store_class(u), core_frame_word(&c->core, fp, u), u->bytes, pc,
                       source(c, fp, u->a), source(c, fp, u->b));
}

/* What is not a load, with its address from the log. */
static inline void memory_uop(struct ooo *c, uint32_t fp, const struct uop *u, uint64_t pc,
                              const uint64_t *word)
{
    const uint64_t addr = LOG_ARG(*word), a = source(c, fp, u->a), b = source(c, fp, u->b);
    const uint64_t *words = *word & LOG_NV ? word + 1 : NULL;
    switch (u->class) {
    case UOP_STORE:
        c->core.n.stores++;
        ooo_store(c, ooo_store_class(u), addr, u->bytes, pc, a, b, words);
        break;
    case UOP_FLUSH:
        c->core.n.flushes++;
        ooo_flush(c, u->info, addr, pc, a);
        break;
    default:
        c->core.n.nt_stores++;
        ooo_store_nontemporal(c, addr, u->bytes, pc, a, b, words);
        break;
    }
}

/* It issues once, however many logs its pieces come in. */
static const uint64_t *bulk_uop(struct ooo *c, uint32_t fp, const struct uop *u, uint64_t pc,
                                const uint64_t *p, const uint64_t *end)
{
    if (!c->bulk_begun)
        arithmetic(c, fp, u);
    c->bulk_begun = 1;
    return log_bulk(&c->core, p, end, pc, ooo_bulk);
}

/* The extra micro-ops of a block that is from wasm; words of its frame are their addresses. */
static __attribute__((noinline)) void pay_penalty(struct ooo *c, uint32_t fp, const struct block *b)
{
    struct core *core = &c->core;
    const struct penalty_uops x = penalty_block(&core->penalty, core->code.uops + b->uops,
                                                b->nuops);
    const struct uop alu = {.class = UOP_ALU, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE};
    const struct uop access = {
        .class = UOP_LOAD, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE, .bytes = 8};
    const uint64_t pc = b->code_addr, done = c->branch_done;
    const struct uop branch = {.class = UOP_BRANCH, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE};
    for (uint32_t i = 0; i < x.alus; i++)
        arithmetic(c, fp, &alu);
    for (uint32_t i = 0; i < x.loads; i++)
        load(c, fp, &access, pc, NULL, NULL);
    for (uint32_t i = 0; i < x.stores; i++)
        frame_store(c, fp, &access, pc);
    for (uint32_t i = 0; i < x.branches; i++)
        arithmetic(c, fp, &branch);
    c->branch_done = done; /* they lead nowhere: that of the block counts */
    core->n.penalty_uops += x.alus + x.loads + x.stores + x.branches;
}

static const uint64_t *walk(struct core *core, const uint64_t *p, const uint64_t *end)
{
    struct ooo *c = ooo_of(core);
    const struct block *b = &core->code.blocks[core->block];
    const struct uop *uops = core->code.uops + b->uops;
    const uint8_t *marks = c->marks + b->uops;
    const uint32_t fp = core->fp, n = b->nuops;
    const int dependences = core->env.dependences;

    for (uint32_t i = core->next_uop; i < n; i++) {
        const struct uop *u = &uops[i];
        const unsigned mark = marks[i] & ~OOO_LINE;
        if (unlikely(marks[i] & OOO_LINE))
            ooo_next_line(c);
        if (unlikely(dependences))
            core_trace_sources(core, fp, u);
        switch (u->class) {
        case UOP_LOAD:
        case UOP_STORE:
        case UOP_FLUSH:
        case UOP_NTSTORE: {
            const struct uop *next = mark & OOO_FUSE ? u + 1 : NULL;
            if (u->flags & UOP_ON_FRAME) {
                if (u->class == UOP_LOAD)
                    load(c, fp, u, log_pc(core, b, i), NULL, next);
                else
                    frame_store(c, fp, u, log_pc(core, b, i));
            } else {
                p = log_to_address(core, p, end);
                if (unlikely(!log_is_address(p, end)))
                    return log_leave_block(core, p, end, i);
                if (unlikely(LOG_MEMORY(*p)))
                    core_use_memory(core, LOG_MEMORY(*p));
                if (u->class == UOP_LOAD)
                    load(c, fp, u, log_pc(core, b, i), p, next);
                else
                    memory_uop(c, fp, u, log_pc(core, b, i), p);
                if (unlikely(LOG_MEMORY(*p)))
                    core_use_memory(core, 0);
                p += log_address_words(*p);
            }
            i += next != NULL && u->class == UOP_LOAD;
            break;
        }
        case UOP_FENCE:
            ooo_fence(c, log_pc(core, b, i), u->info);
            break;
        case UOP_BULK:
            p = bulk_uop(c, fp, u, log_pc(core, b, i), p, end);
            if (p == end)
                return log_leave_block(core, p, end, i);
            c->bulk_begun = 0;
            break;
        case UOP_BRANCH:
            if (unlikely(!c->fuse_branches && b->end == END_COND))
                lone_compare(c, fp, u);
            arithmetic(c, fp, u);
            break;
        default:
            if (mark)
                i += marked(c, fp, u, mark) - 1;
            else
                arithmetic(c, fp, u);
            break;
        }
        if (unlikely(dependences))
            core_trace_result(core, fp, &uops[i]);
    }
    if (unlikely(penalty_is_on(&core->penalty)))
        pay_penalty(c, fp, b);
    log_end_block(core, b);
    return p;
}

/* ---- fusion ---- */

static int computes(unsigned class)
{
    return class <= UOP_FCVT;
}

/* Its value is an operand temporary, which nobody uses but the micro-op behind it. */
static int feeds_next(const struct code_func *f, const struct uop *u)
{
    return u[0].dst != REG_NONE && u[0].dst >= f->temps &&
           (u[1].a == u[0].dst || u[1].b == u[0].dst);
}

/* A load and the arithmetic that uses its value. A copy is none: the load is its own. */
static int fuses(const struct code_func *f, const struct uop *u)
{
    return u[0].class == UOP_LOAD && feeds_next(f, u) && computes(u[1].class) &&
           !(u[1].class == UOP_ALU && u[1].info == ALU_COPY);
}

static int scales(const struct code_func *f, const struct uop *u)
{
    return u[0].info == ALU_SCALE && feeds_next(f, u) && u[1].class == UOP_ALU &&
           (u[1].info == ALU_ADD || u[1].info == ALU_ADD_SHORT) && u[1].a != u[1].b;
}

/* more: another micro-op follows in the block. */
static uint8_t mark_of(const struct ooo *c, const struct code_func *f, const struct uop *u,
                       int more)
{
    if (u->class == UOP_LOAD)
        return c->fuse_loads && more && fuses(f, u) ? OOO_FUSE : 0;
    if (u->class != UOP_ALU)
        return 0;
    if (u->info == ALU_COPY)
        return c->rename_copies ? OOO_COPY : 0;
    if (u->info == ALU_ADD_SHORT && c->rename_sums)
        return OOO_COPY;
    if (c->scale_add && more && scales(f, u))
        return OOO_SCALE;
    return u->info == ALU_SHIFT || u->info == ALU_SCALE ? OOO_SHIFT : 0;
}

/* A cycle of fetch takes what ends in one line of code; of two micro-ops that are one, the second.
 */
static void mark_lines(struct ooo *c, const struct block *b)
{
    const uint32_t bytes = c->core.uop_bytes;
    uint8_t *marks = &c->marks[b->uops];
    uint64_t before = line_of(b->code_addr - 1);
    for (uint32_t i = 0; i < b->nuops; i++) {
        const uint32_t next = i + 1 + ((marks[i] & (OOO_FUSE | OOO_SCALE)) != 0);
        const uint64_t line = line_of(b->code_addr + (uint64_t)next * bytes - 1);
        marks[i] |= line != before ? OOO_LINE : 0;
        before = line;
        i = next - 1;
    }
}

/* Mark the micro-ops of blocks that are new. */
static void mark_code(struct ooo *c)
{
    const struct code_view *code = &c->core.code;
    if (code->nuops > c->marks_cap) {
        const uint32_t cap = code->nuops + code->nuops / 2;
        c->marks = hostmem_resize(c->marks, cap, 1, "marks of micro-ops");
        memset(c->marks + c->marks_cap, 0, cap - c->marks_cap);
        c->marks_cap = cap;
    }
    for (uint32_t id = c->marked ? c->marked : 1; id < code->nblocks; id++) {
        const struct block *b = &code->blocks[id];
        for (uint32_t i = 0; i < b->nuops; i++)
            c->marks[b->uops + i] = mark_of(c, &code->funcs[b->func], &code->uops[b->uops + i],
                                            i + 1 < b->nuops);
        if (c->fetch_lines)
            mark_lines(c, b);
    }
    c->marked = code->nblocks;
}

/* ---- the log ---- */

void ooo_consume(struct core *core, const uint64_t *words, uint32_t n)
{
    core_look_at_code(core);
    mark_code(ooo_of(core));
    log_read(core, words, n, (struct log_reader){begin, walk, ooo_bulk});
}
