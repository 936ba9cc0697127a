/* validate_quick.c - the common operators of a body, checked with little work. */
#include <string.h>

#include "wasmcore/typestack.h"

/*
 * Takes operators of which the plainest encoding finds just the operands that it wants, as many as
 * there are, and stops before the first that is anything else, wrong or only rare. validate.c does
 * that one, and is alone to say what is wrong. All of the state is in locals meanwhile.
 */
struct quick {
    const uint8_t *at;
    uint8_t *top;         /* the operand stack ends before it, */
    const uint8_t *floor; /* the block's part begins here, */
    uint8_t *most;        /* it has been this high, */
    uint8_t *room;        /* and may become so high */
};

/* Longest of the encodings that it takes: f64.const. */
#define QUICK_BYTES 9

/* Bytes of a LEB128 of at most 4 bytes, in which no bit can be wrong; 0: it is longer. */
static inline unsigned quick_leb(const uint8_t *at)
{
    unsigned n = 1;
    while (*at++ & 0x80)
        if (++n > 4)
            return 0;
    return n;
}

static inline int quick_push(struct quick *q, uint8_t type)
{
    if (q->top == q->most) {
        if (q->most == q->room)
            return 0;
        q->most++;
    }
    *q->top++ = type;
    return 1;
}

static inline int quick_has(const struct quick *q, uint8_t type)
{
    return q->top > q->floor && q->top[-1] == type;
}

static inline int quick_has_two(const struct quick *q, uint8_t below, uint8_t type)
{
    return q->top - q->floor >= 2 && q->top[-1] == type && q->top[-2] == below;
}

/* Length of a load's or store's immediate if it is of the only, 32-bit memory; or 0. */
static inline unsigned quick_memarg(const struct validator *v, const uint8_t *at, unsigned align)
{
    unsigned n = *at <= align && v->m->nmems == 1 && !v->m->mems[0].is64 ? quick_leb(at + 1) : 0;
    return n ? 1 + n : 0;
}

/* A constant: the type that is pushed and the length of the immediate, or 0. */
static inline unsigned quick_const(uint8_t op, const uint8_t *at, uint8_t *type)
{
    switch (op) {
    case WOP_i32_const:
        *type = VT_I32;
        return quick_leb(at);
    case WOP_i64_const:
        *type = VT_I64;
        return quick_leb(at);
    case WOP_f32_const:
        *type = VT_F32;
        return 4;
    default:
        *type = VT_F64;
        return 8;
    }
}

/* A row of ops.def with code of its own: bytes of its immediate + 1, or 0 where it is not taken. */
static inline unsigned quick_by_hand(const struct validator *v, struct quick *q, uint8_t op)
{
    const uint8_t x = q->at[1];
    uint8_t type;
    unsigned n;
    switch (op) {
    case WOP_local_get:
        return x < v->nnear && quick_push(q, v->near_locals[x]) ? 2 : 0;
    case WOP_local_set:
        if (x >= v->nnear || !quick_has(q, v->near_locals[x]))
            return 0;
        q->top--;
        return 2;
    case WOP_local_tee:
        return x < v->nnear && quick_has(q, v->near_locals[x]) ? 2 : 0;
    case WOP_i32_const:
    case WOP_i64_const:
    case WOP_f32_const:
    case WOP_f64_const:
        n = quick_const(op, q->at + 1, &type);
        return n && quick_push(q, type) ? 1 + n : 0;
    case WOP_br_if: /* that carries nothing; its depth is one byte */
        if (x >= 0x80 || x >= v->nframes || !quick_has(q, VT_I32))
            return 0;
        const struct open_block *label = &v->frames[v->nframes - 1 - x];
        if (label->op == WOP_loop ? label->nparams : label->nresults)
            return 0;
        q->top--;
        return 2;
    case WOP_drop:
        if (q->top == q->floor)
            return 0;
        q->top--;
        return 1;
    default:
        return 0;
    }
}

static inline unsigned quick_one(const struct validator *v, struct quick *q)
{
    const uint8_t op = *q->at;
    const struct op_info *info = &op_rows[op];
    unsigned n;
    switch (info->kind) {
    case OPK_CTL:
        return quick_by_hand(v, q, op);
    case OPK_UN:
    case OPK_UNT:
        if (!quick_has(q, info->arg))
            return 0;
        q->top[-1] = info->result;
        return 1;
    case OPK_BIN:
    case OPK_CMP:
    case OPK_BINT:
        if (!quick_has_two(q, info->arg, info->arg))
            return 0;
        q->top--;
        q->top[-1] = info->result;
        return 1;
    case OPK_LOAD:
        n = quick_memarg(v, q->at + 1, info->align);
        if (!n || !quick_has(q, VT_I32))
            return 0;
        q->top[-1] = info->result;
        return 1 + n;
    case OPK_STORE:
        n = quick_memarg(v, q->at + 1, info->align);
        if (!n || !quick_has_two(q, VT_I32, info->arg))
            return 0;
        q->top -= 2;
        return 1 + n;
    default:
        return 0;
    }
}

void validate_quick(struct validator *v)
{
    if (!v->vals) /* none has been needed yet */
        return;
    const uint32_t room = v->vals_cap < v->lim->operands ? v->vals_cap : v->lim->operands;
    struct quick q = {v->r.at, v->vals + v->nvals, v->vals + ts_top_frame(v)->height,
                      v->vals + v->f->max_height, v->vals + room};
    if (v->f->max_height > room)
        return;
    for (unsigned n = 1; n > 0 && v->r.end - q.at >= QUICK_BYTES;) {
        n = quick_one(v, &q);
        q.at += n;
    }
    v->r.at = q.at;
    v->nvals = (uint32_t)(q.top - v->vals);
    v->f->max_height = (uint32_t)(q.most - v->vals);
}

/* The types of the first locals once more, where the quick way finds them. */
void quick_locals(struct validator *v)
{
    const uint32_t most = sizeof(v->near_locals);
    uint32_t n = v->type->nparams < most ? v->type->nparams : most;
    if (n > 0)
        memcpy(v->near_locals, v->type->types, n);
    for (uint32_t i = 0; i < v->f->nruns && n < most; i++) {
        const struct local_run *run = &v->f->runs[i];
        const uint32_t more = run->count < most - n ? run->count : most - n;
        memset(v->near_locals + n, run->type, more);
        n += more;
    }
    v->nnear = n;
}
