/* validate_control.c - are blocks, branches and calls well-typed? */
#include "wasmcore/validate_ops.h"

#include <string.h>

/* ---- blocks ---- */

static struct open_block *label(struct validator *v, uint32_t depth)
{
    if (v->r.error || depth >= v->nframes) {
        (void)FAIL(v, "unknown label %u: %u blocks are open", depth, v->nframes);
        return NULL;
    }
    return &v->frames[v->nframes - 1 - depth];
}

static int block_type(struct validator *v, struct functype *t)
{
    int64_t b = v->op.block;
    if (b >= 0) {
        if (b >= v->m->ntypes)
            return FAIL(v, "unknown type %lld of a block: there are %u", (long long)b,
                        v->m->ntypes);
        *t = v->m->types[b];
        return 0;
    }
    *t = (struct functype){0, 0, op_block_empty};
    if (b == BLOCK_EMPTY)
        return 0;
    const uint8_t type = BLOCK_VALUE_TYPE(b), *result = op_block_result(type);
    if (!result)
        return wasm_bad_type(v->err, &v->r, validator_at(v) + 1, type, "value");
    if (type == VT_V128)
        v->m->has_v128 = 1;
    *t = (struct functype){0, 1, result};
    return 0;
}

static __attribute__((noinline)) int enter(struct validator *v)
{
    const uint32_t op = v->op.code;
    struct functype t;
    if (block_type(v, &t))
        return -1;
    if (op == WOP_op_if && ts_pop(v, VT_I32))
        return -1;
    if (t.nparams == 0)
        return ts_push_frame(v, op, &t);
    if (ts_pop_n(v, t.types, t.nparams) || ts_push_frame(v, op, &t))
        return -1;
    return ts_push_n(v, t.types, t.nparams);
}

/* Most blocks have neither parameters nor results. */
int check_block(struct validator *v)
{
    static const struct functype none = {0, 0, op_block_empty};
    if (v->op.block == BLOCK_EMPTY && v->op.code != WOP_op_if)
        return ts_push_frame(v, v->op.code, &none);
    return enter(v);
}

int check_else(struct validator *v)
{
    struct open_block f = *ts_top_frame(v);
    if (f.op != WOP_op_if)
        return FAIL(v, "END opcode expected: an else without an if");
    if (ts_pop_frame(v))
        return -1;
    v->nframes++; /* it is still there, to be used again */
    struct open_block *top = ts_top_frame(v);
    top->op = WOP_op_else;
    top->unreachable = 0;
    top->seen = 0;
    v->floor = top->height;
    return ts_push_n(v, f.params, f.nparams);
}

static __attribute__((noinline)) int end(struct validator *v)
{
    const struct open_block *const f = ts_top_frame(v); /* stays what it is when it is popped */
    if (ts_pop_frame(v))
        return -1;
    if (f->op == WOP_op_if &&
        (f->nparams != f->nresults || memcmp(f->params, f->results, f->nparams) != 0))
        return FAIL(v, "type mismatch: an if without else must return the values that it takes");
    return v->nframes > 0 ? ts_push_few(v, f->results, f->nresults) : 0;
}

int check_end(struct validator *v)
{
    const struct open_block *const f = ts_top_frame(v);
    if (f->nparams + f->nresults != 0 || v->nvals != f->height || v->nframes == 1)
        return end(v);
    v->nframes--;
    v->floor = (f - 1)->height;
    return 0;
}

/* ---- branches and calls ---- */

static __attribute__((noinline)) int branch(struct validator *v)
{
    const int may_stay = v->op.code == WOP_br_if;
    const struct open_block *to = label(v, v->op.x);
    const uint8_t *types;
    uint32_t n;
    if (!to || (may_stay && ts_pop(v, VT_I32)))
        return -1;
    ts_label_types(to, &types, &n);
    if (ts_pop_few(v, types, n))
        return -1;
    if (may_stay)
        return ts_push_few(v, types, n);
    ts_set_unreachable(v);
    return 0;
}

/* Most labels take nothing. */
int check_br(struct validator *v)
{
    if (v->op.x >= v->nframes || v->r.error)
        return branch(v);
    const struct open_block *to = ts_top_frame(v) - v->op.x;
    if ((to->op == WOP_loop ? to->nparams : to->nresults) != 0)
        return branch(v);
    if (v->op.code == WOP_br_if) {
        if (!ts_is_top(v, VT_I32))
            return branch(v);
        v->nvals--;
        return 0;
    }
    ts_set_unreachable(v);
    return 0;
}

/* The labels of a br_table all take the same number of values; a label is checked once however
 * often it is named. */
int check_br_table(struct validator *v)
{
    uint32_t count = v->op.x, arity = 0;
    if (count > reader_left(&v->r))
        return FAIL(v, "unexpected end of section or function: br_table with %u labels", count);
    if (count > v->lim->br_table)
        return FAIL(v, "too many labels of br_table: %u, the limit is %u", count, v->lim->br_table);
    if (ts_pop(v, VT_I32))
        return -1;
    v->br_tables++;
    for (uint32_t i = 0; i <= count; i++) {
        struct open_block *to = label(v, reader_u32(&v->r));
        const uint8_t *types;
        uint32_t n;
        if (!to)
            return -1;
        if (to->seen == v->br_tables)
            continue;
        to->seen = v->br_tables;
        ts_label_types(to, &types, &n);
        if (i > 0 && n != arity)
            return FAIL(v, "type mismatch: labels of br_table take %u and %u values", arity, n);
        arity = n;
        if (ts_check_top(v, types, n))
            return -1;
    }
    ts_set_unreachable(v);
    return 0;
}

int check_unreachable(struct validator *v)
{
    ts_set_unreachable(v);
    return 0;
}

int check_return(struct validator *v)
{
    const struct open_block *f = &v->frames[0];
    if (ts_pop_n(v, f->results, f->nresults))
        return -1;
    ts_set_unreachable(v);
    return 0;
}

static inline int call_type(struct validator *v, const struct functype *t)
{
    if (ts_pop_few(v, t->types, t->nparams))
        return -1;
    return ts_push_few(v, t->types + t->nparams, t->nresults);
}

/* A tail call: the callee's results are the function's own. */
static int tail_call_type(struct validator *v, const struct functype *t)
{
    const struct open_block *f = &v->frames[0];
    if (t->nresults != f->nresults || memcmp(t->types + t->nparams, f->results, t->nresults) != 0)
        return FAIL(v, "type mismatch: %s of a function with other results", v->op.info->name);
    if (ts_pop_n(v, t->types, t->nparams))
        return -1;
    ts_set_unreachable(v);
    return 0;
}

int check_call(struct validator *v)
{
    uint32_t index = v->op.x;
    if (index >= v->m->nfuncs)
        return FAIL(v, "unknown function %u: there are %u", index, v->m->nfuncs);
    const struct functype *t = &v->m->types[v->m->funcs[index].type];
    return v->op.code == WOP_call ? call_type(v, t) : tail_call_type(v, t);
}

int check_call_indirect(struct validator *v)
{
    uint32_t index = v->op.x;
    uint8_t elem;
    if (table_type(v, v->op.y, &elem))
        return -1;
    if (index >= v->m->ntypes)
        return FAIL(v, "unknown type %u: there are %u", index, v->m->ntypes);
    if (elem != VT_FUNCREF)
        return FAIL(v, "type mismatch: %s through a table of %s", v->op.info->name,
                    valtype_name(elem));
    if (ts_pop(v, VT_I32))
        return -1;
    const struct functype *t = &v->m->types[index];
    return v->op.code == WOP_call_indirect ? call_type(v, t) : tail_call_type(v, t);
}
