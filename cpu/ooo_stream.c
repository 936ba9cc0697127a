/* ooo_stream.c - instructions of a trace through the out-of-order window. */
#include "cpu/ooo.h"
#include "cpu/stream.h"

static uint32_t access_bytes(uint64_t addr)
{
    const uint32_t left = left_in_line(addr);
    return left < STREAM_BYTES ? left : STREAM_BYTES;
}

static int computes(const struct stream_op *s)
{
    return s->branch != STREAM_NONE || (s->loads != 0) == (s->stores != 0);
}

/* Issue the arithmetic or branch: its result is ready at the value. */
static uint64_t compute(struct ooo *c, const struct stream_op *s, uint64_t ready)
{
    const unsigned class = s->branch ? UOP_BRANCH : UOP_ALU;
    const uint64_t done = ooo_issue(c, class, ready) + c->latency[class];
    c->core.n.uops++;
    if (s->branch)
        c->branch_done = done;
    return done;
}

/* The last load may be one with the arithmetic. All results are ready at the value. */
static uint64_t loads(struct ooo *c, const struct stream_op *s, uint64_t ready, int fused)
{
    uint64_t data = 0;
    for (uint32_t i = 0; i < s->loads; i++) {
        struct ooo_op op = {0};
        ooo_take_load(c);
        op.dispatch = ooo_dispatch(c);
        ooo_load_physical(c, &op, UOP_LOAD, s->load[i], access_bytes(s->load[i]), s->pc,
                          later(op.dispatch + 1, ready));
        data = later(data, WHEN_CYCLE(op.complete));
        c->core.n.loads++;
        c->core.n.uops++;
        if (fused && i + 1 == s->loads) {
            ooo_schedule(c);
            data = compute(c, s, later(c->dispatch + 1, later(data, ready)));
            op.fused = op.complete;
            op.complete = WHEN(data, CPI_BASE);
            c->core.n.fused++;
        }
        ooo_retire_load(c, &op);
    }
    return data;
}

static uint64_t alone(struct ooo *c, const struct stream_op *s, uint64_t ready)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    op.issue = later(op.dispatch + 1, ready);
    const uint64_t done = compute(c, s, op.issue);
    op.complete = WHEN(done, CPI_BASE);
    ooo_retire(c, &op);
    return done;
}

static void execute(struct ooo *c, const struct stream_op *s)
{
    uint64_t ready = 0;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < STREAM_SOURCES; i++)
        ready = later(ready, s->source[i] ? c->ready[s->source[i]] : 0);
    const int arithmetic = computes(s), fused = arithmetic && s->loads && c->fuse_loads;
    uint64_t done = later(ready, s->loads ? loads(c, s, ready, fused) : 0);
    if (arithmetic && !fused)
        done = alone(c, s, done);
    for (uint32_t i = 0; i < s->stores; i++) {
        c->core.n.stores++;
        c->core.n.uops++;
        ooo_store_physical(c, UOP_STORE, s->store[i], access_bytes(s->store[i]), s->pc, ready,
                           done);
    }
#pragma GCC unroll 2
    for (uint32_t i = 0; i < STREAM_RESULTS; i++)
        if (s->result[i])
            c->ready[s->result[i]] = done;
}

static int predict(struct ooo *c, const struct stream_op *s)
{
    struct branch *b = &c->core.branch;
    const uint32_t to = (uint32_t)(s->next ^ s->next >> 32);
    int wrong = 0;
    switch ((enum stream_branch)s->branch) {
    case STREAM_NONE:
    case STREAM_JUMP:
        return 0;
    case STREAM_CALL:
        branch_call(b, (uint32_t)s->pc);
        return 0;
    case STREAM_COND:
        wrong = branch_cond(b, s->pc, s->taken && s->next <= s->pc, s->taken);
        break;
    case STREAM_CALL_INDIRECT:
        branch_call(b, (uint32_t)s->pc);
        /* fall through */
    case STREAM_INDIRECT:
        wrong = branch_indirect(b, s->pc, to);
        break;
    case STREAM_RETURN: /* where exactly a call ends is not known */
        wrong = (uint32_t)s->next - branch_pop(b) - 1 >= STREAM_RETURN_TO;
        break;
    }
    c->core.n.branches++;
    c->core.n.mispredictions += (uint64_t)wrong;
    return wrong;
}

static void follow(struct ooo *c, const struct stream_op *s)
{
    const int indirect = s->branch == STREAM_INDIRECT || s->branch == STREAM_CALL_INDIRECT;
    const int wrong = predict(c, s);
    if (s->taken)
        branch_passed(&c->core.branch, s->pc);
    if (wrong)
        ooo_redirect(c, indirect ? c->indirect_cycles : c->mispredict_cycles, CPI_BRANCH);
    else if (s->taken)
        ooo_taken(c, s->pc,
                  s->branch == STREAM_COND || s->branch == STREAM_JUMP || s->branch == STREAM_CALL);
}

void ooo_stream(struct core *core, const struct stream_op *ops, uint32_t n)
{
    struct ooo *c = ooo_of(core);
    for (const struct stream_op *s = ops; s < ops + n; s++) {
        if (line_of(s->pc) != core->fetched) {
            ooo_fetch_line(c, line_of(s->pc));
            if (c->fetch_lines)
                ooo_next_line(c);
            ooo_hold_fetch(c, c->code_line);
        }
        execute(c, s);
        core->n.instructions++;
        if (s->branch)
            follow(c, s);
    }
    core_settle(core);
}
