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
    const uint32_t operands = b->fn->max_height << *b->wide;
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
enum common {
    RARE,
    LOCAL_GET,
    LOCAL_SET,
    LOCAL_TEE,
    I32_CONST,
    I64_CONST,
    UNARY,
    BINARY,
    LOAD_ANY,
    STORE_ANY,
    ENTER,
    END,
    BR,
    BR_IF,
    CALL
};

static const uint8_t common_of[0x100 + OP_ROWS_FC] = {
#define UN(code, ...)    [OP_ROW(code)] = UNARY,
#define BIN(code, ...)   [OP_ROW(code)] = BINARY,
#define CMP(code, ...)   [OP_ROW(code)] = BINARY,
#define LOAD(code, ...)  [OP_ROW(code)] = LOAD_ANY,
#define STORE(code, ...) [OP_ROW(code)] = STORE_ANY,
#include "wasmcore/ops.def"
    [WOP_local_get] = LOCAL_GET,
    [WOP_local_set] = LOCAL_SET,
    [WOP_local_tee] = LOCAL_TEE,
    [WOP_i32_const] = I32_CONST,
    [WOP_i64_const] = I64_CONST,
    [WOP_block] = ENTER,
    [WOP_loop] = ENTER,
    [WOP_end] = END,
    [WOP_br] = BR,
    [WOP_br_if] = BR_IF,
    [WOP_call] = CALL,
};

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

/* Checked, it may be lowered; wrong is what the check has said. */
static inline int lower_checked(struct builder *b, const struct op *o, int wrong, lower_fn *lower)
{
    if (wrong)
        return -1;
    b->ops++;
    lower(b, o);
    return 0;
}

/* The same for one that may have pushed more than one value, and for one that does not count. */
static inline int lower_pushing(struct builder *b, const struct op *o, int wrong, lower_fn *lower)
{
    if (wrong)
        return -1;
    make_operands(b);
    if (!b->failed)
        lower(b, o);
    return 0;
}

/*
 * Validate and lower v->op, whose immediate is at p, if it is common. What follows it, or NULL if
 * it is not: nothing has been done. *rc: -1 if it is not valid. Its info is there only where it is
 * needed.
 */
static inline const uint8_t *common_op(struct builder *b, struct validator *v, const uint8_t *p,
                                       int *rc)
{
    struct op *const o = &v->op;
    switch ((enum common)common_of[o->code]) {
    case RARE:
        return NULL;
    case LOCAL_GET:
        if ((p = short_u(p, &o->x)) && was_higher(v))
            *rc = lower_checked(b, o, check_local_get(v), lower_local_get);
        else
            p = NULL;
        return p;
    case LOCAL_SET:
        if ((p = short_u(p, &o->x)))
            *rc = lower_checked(b, o, check_local_set(v), lower_local_set);
        return p;
    case LOCAL_TEE:
        if ((p = short_u(p, &o->x)))
            *rc = lower_checked(b, o, check_local_tee(v), lower_local_tee);
        return p;
    case I32_CONST:
        if ((p = short_i32(p, &o->bits)) && was_higher(v))
            *rc = lower_checked(b, o, check_i32_const(v), lower_i32_const);
        else
            p = NULL;
        return p;
    case I64_CONST:
        if ((p = short_i64(p, &o->bits)) && was_higher(v))
            *rc = lower_checked(b, o, check_i64_const(v), lower_i64_const);
        else
            p = NULL;
        return p;
    case UNARY:
        o->info = &op_rows[o->code];
        *rc = lower_checked(b, o, check_unary(v), lower_handlers[o->code]);
        return p;
    case BINARY:
        o->info = &op_rows[o->code];
        *rc = lower_checked(b, o, check_binary(v), lower_binary);
        return p;
    case LOAD_ANY:
        o->info = &op_rows[o->code];
        if ((p = short_memarg(p, &o->memarg)))
            *rc = lower_checked(b, o, check_load(v), lower_load);
        return p;
    case STORE_ANY:
        o->info = &op_rows[o->code];
        if ((p = short_memarg(p, &o->memarg)))
            *rc = lower_checked(b, o, check_store(v), lower_store);
        return p;
    case ENTER:
        if ((p = short_block(p, &o->block)))
            *rc = lower_pushing(b, o, check_block(v), lower_enter);
        return p;
    case END:
        if (v->nframes == 1) /* the last one of the body */
            return NULL;
        *rc = lower_pushing(b, o, check_end(v), lower_end);
        return p;
    case BR:
        if ((p = short_u(p, &o->x)))
            *rc = lower_checked(b, o, check_br(v), lower_br);
        return p;
    case BR_IF:
        if ((p = short_u(p, &o->x)))
            *rc = lower_checked(b, o, check_br(v), lower_br_if);
        return p;
    case CALL:
        if ((p = short_u(p, &o->x))) {
            b->ops++;
            *rc = lower_pushing(b, o, check_call(v), lower_call);
        }
        return p;
    }
    __builtin_unreachable();
}

/* As many of them as there are, one after the other. 0, or -1: one is not valid. */
static int common_ops(struct builder *b, struct validator *v)
{
    const uint8_t *at = v->r.at, *const end = v->r.end;
    int rc = 0;
    while (is_plain(b) && end - at >= SHORT_BYTES) {
        v->op.code = *at;
        v->op.at = (uint32_t)(at - v->r.base);
        const uint8_t *next = common_op(b, v, at + 1, &rc);
        if (!next)
            break;
        if (rc)
            return -1;
        at = next;
    }
    v->r.at = at;
    return 0;
}

/* ---- all ---- */

int lower_body(struct builder *b, struct validator *v, struct function *fn)
{
    const int seen = b->see || b->keeps_pos; /* at each operator */
    if (validate_begin(v, fn))
        return -1;
    while (validate_is_open(v)) {
        if (!seen && common_ops(b, v))
            return -1;
        if (validate_next(v))
            return -1;
        lower_op(b, validator_op(v));
    }
    return validate_finish(v);
}
