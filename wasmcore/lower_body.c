/* lower_body.c - a function body, operator by operator: decoded, validated and lowered. */
#include "wasmcore/lower.h"
#include "wasmcore/lower_ops.h"
#include "wasmcore/validate.h"
#include "wasmcore/validate_common.h"
#include "wasmcore/validate_ops.h"

/* ---- any operator ---- */

void watch_point(struct builder *b, uint32_t offset)
{
    if (b->open && !b->failed && b->blocks[b->block].insn + 1 == b->ninsns)
        b->see(b->see_arg, b, offset);
}

/* Code that is never reached: only the else or end of the innermost control counts. */
static void lower_dead(struct builder *b, const struct op *o)
{
    if (o->code == WOP_block || o->code == WOP_loop || o->code == WOP_op_if)
        b->dead++;
    else if (o->code == WOP_end && b->dead > 0)
        b->dead--;
    else if (b->dead == 0 && (o->code == WOP_end || o->code == WOP_op_else))
        lower_handler(o)(b, o);
}

static inline int counts(uint32_t op)
{
    return op > WOP_end || (op != WOP_block && op != WOP_loop && op != WOP_end &&
                            op != WOP_op_else && op != WOP_nop);
}

/* Before an operator, unless it is where code that was never reached ends. */
static void watch(struct builder *b, uint32_t offset)
{
    if (b->at_point)
        watch_point(b, offset);
    b->at_point = b->open;
}

/* Room for all operands that validation has seen so far. */
static inline void make_operands(struct builder *b)
{
    const uint32_t operands = b->fn->max_height << b->module->has_v128;
    if (operands > b->most_operands)
        builder_operands(b, operands);
}

/* One that has been found valid. */
static void lower_op(struct builder *b, const struct op *o)
{
    make_operands(b);
    if (b->failed)
        return;
    if ((b->ops >= BLOCK_OPS || b->logged >= BLOCK_OPS) && b->open)
        code_begin_block(b);
    b->at = o->at;
    if (b->see)
        watch(b, o->at);
    if (!b->open) {
        lower_dead(b, o);
        return;
    }
    b->ops += (uint32_t)counts(o->code);
    lower_handler(o)(b, o);
}

/* ---- the commonest ---- */

/*
 * Most operators are one of a few, with a short immediate, in the midst of code that is reached.
 * These are done here one after the other, by the same functions that check and lower them
 * elsewhere, but without looking for those functions, nor at whatever else may be the case.
 */

/* Is nothing to be looked at but the operator itself? */
static inline int is_plain(const struct builder *b)
{
    return b->open && !b->failed && b->ops + b->logged < BLOCK_OPS;
}

/* The operand stack has been higher than it is, so that there is room for one more. */
static inline int was_higher(const struct validator *v)
{
    return v->nvals < v->f->max_height;
}

/* An operator that counts and has been found to be one of these ends at next. */
static inline void take(struct builder *b, struct validator *v, const uint8_t *next)
{
    v->r.at = next;
    b->ops++;
}

/* An operator has been checked. */
static inline int lower_now(struct builder *b, const struct op *o, lower_fn *lower)
{
    lower(b, o);
    return 1;
}

/* One that may have pushed more than one value. */
static inline int lower_pushing(struct builder *b, const struct op *o, lower_fn *lower)
{
    make_operands(b);
    if (!b->failed)
        lower(b, o);
    return 1;
}

/* The operator at v->r.at: 1: validated and lowered. 0: not one of them, nothing has been done. -1:
 * it is not valid. */
static inline int common_control(struct builder *b, struct validator *v, uint32_t code,
                                 const uint8_t *next)
{
    struct op *const o = &v->op;
    switch (code) {
    case WOP_block:
    case WOP_loop:
        if (!(next = short_block(next, &o->block)))
            return 0;
        v->r.at = next;
        return check_block(v) ? -1 : lower_pushing(b, o, lower_enter);
    case WOP_end:
        if (v->nframes == 1)
            return 0;
        v->r.at = next;
        return check_end(v) ? -1 : lower_pushing(b, o, lower_end);
    case WOP_br:
        if (!(next = short_u(next, &o->x)))
            return 0;
        take(b, v, next);
        return check_br(v) ? -1 : lower_now(b, o, lower_br);
    case WOP_br_if:
        if (!(next = short_u(next, &o->x)))
            return 0;
        take(b, v, next);
        return check_br(v) ? -1 : lower_now(b, o, lower_br_if);
    case WOP_call:
        if (!(next = short_u(next, &o->x)))
            return 0;
        take(b, v, next);
        return check_call(v) ? -1 : lower_pushing(b, o, lower_call);
    default:
        return 0;
    }
}

static inline int common_op(struct builder *b, struct validator *v)
{
    struct op *const o = &v->op;
    const uint8_t *next = v->r.at;
    const uint32_t code = *next;
    b->at = o->at = (uint32_t)(next++ - v->r.base);
    o->code = code;
    o->info = &op_rows[code];
    switch (code) {
    case WOP_local_get:
        if (!(next = short_u(next, &o->x)) || !was_higher(v))
            return 0;
        take(b, v, next);
        return check_local_get(v) ? -1 : lower_now(b, o, lower_local_get);
    case WOP_local_set:
        if (!(next = short_u(next, &o->x)))
            return 0;
        take(b, v, next);
        return check_local_set(v) ? -1 : lower_now(b, o, lower_local_set);
    case WOP_local_tee:
        if (!(next = short_u(next, &o->x)))
            return 0;
        take(b, v, next);
        return check_local_tee(v) ? -1 : lower_now(b, o, lower_local_tee);
    case WOP_i32_const:
        if (!(next = short_i32(next, &o->bits)) || !was_higher(v))
            return 0;
        take(b, v, next);
        return check_i32_const(v) ? -1 : lower_now(b, o, lower_i32_const);
    case WOP_i64_const:
        if (!(next = short_i64(next, &o->bits)) || !was_higher(v))
            return 0;
        take(b, v, next);
        return check_i64_const(v) ? -1 : lower_now(b, o, lower_i64_const);
#define LOAD(row, ...) case row:
#include "wasmcore/ops.def"
        if (!(next = short_memarg(next, &o->memarg)))
            return 0;
        take(b, v, next);
        return check_load(v) ? -1 : lower_now(b, o, lower_load);
#define STORE(row, ...) case row:
#include "wasmcore/ops.def"
        if (!(next = short_memarg(next, &o->memarg)))
            return 0;
        take(b, v, next);
        return check_store(v) ? -1 : lower_now(b, o, lower_store);
#define UN(row, ...) case row:
#include "wasmcore/ops.def"
        take(b, v, next);
        return check_unary(v) ? -1 : lower_now(b, o, lower_handlers[code]);
#define BIN(row, ...) case row:
#define CMP(row, ...) case row:
#include "wasmcore/ops.def"
        take(b, v, next);
        return check_binary(v) ? -1 : lower_now(b, o, lower_binary);
    default:
        return common_control(b, v, code, next);
    }
}

/* As many of them as there are, one after the other. */
static int common_ops(struct builder *b, struct validator *v)
{
    int rc = 1;
    while (rc > 0 && is_plain(b) && v->r.end - v->r.at >= SHORT_BYTES)
        rc = common_op(b, v);
    return rc < 0 ? -1 : 0;
}

/* ---- all ---- */

int lower_body(struct builder *b, struct validator *v, struct function *fn)
{
    if (validate_begin(v, fn))
        return -1;
    while (validate_is_open(v)) {
        if (!b->see && common_ops(b, v))
            return -1;
        if (validate_next(v))
            return -1;
        lower_op(b, validator_op(v));
    }
    return validate_finish(v);
}
