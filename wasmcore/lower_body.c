/* lower_body.c - a function body, operator by operator: decoded, validated and lowered. */
#include "wasmcore/lower.h"
#include "wasmcore/lower_ops.h"
#include "wasmcore/validate.h"
#include "wasmcore/validate_common.h"
#include "wasmcore/validate_ops.h"

/* ---- any operator ---- */

void watch_point(struct builder *b, uint32_t offset)
{
    if (b->open && b->blocks[b->block].insn + 1 == b->ninsns)
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
    b->at_point = b->open != 0;
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
    b->at = (uint32_t)(o->at - b->module->bytes);
    if (b->see)
        watch(b, b->at);
    if (!b->open) {
        lower_dead(b, o);
        return;
    }
    b->ops += (uint32_t)counts(o->code);
    lower_handler(o)(b, o);
}

/* ---- the commonest ---- */

/* Is nothing to be looked at but the operator itself? Where code is not reached, that is so of an
 * end only. */
static inline int is_plain(const struct builder *b, uint32_t code)
{
    return b->ops < b->open || (code == WOP_end && !b->open && b->dead == 0 && !b->failed);
}

/* Validate a push and make room for it. -1: it is not valid, or the builder has failed. */
static inline int check_push(struct builder *b, struct validator *v, uint8_t type)
{
    if (v->nvals < v->f->max_height) { /* the stack was as high before */
        v->vals[v->nvals++] = type;
        return 0;
    }
    if (ts_push_n(v, &type, 1))
        return -1;
    make_operands(b);
    return b->failed ? -1 : 0;
}

/* Where an operator has been found valid that may have pushed values. */
static inline void lower_pushing(struct builder *b, const struct op *o, lower_fn *lower)
{
    make_operands(b);
    if (!b->failed)
        lower(b, o);
}

/*
 * Most operators are one of a few, with a short immediate, in the midst of code that is reached.
 * As many of them as there are are done here one after the other, by the same functions that check
 * and lower them elsewhere, but without looking for those functions, nor at whatever else may be
 * the case. 0, or -1: one is not valid. By jumps, which take fewer host instructions than a call in
 * a loop; gcc makes one of those to the next operator. An immediate may be read past the end of the
 * body, but not of the module: an operator that does not end in the body was the last one, and
 * validate_next is shown it again to say so.
 */
static int common_ops(struct builder *b, struct validator *v)
{
#define TO(label) (const void *)&&label
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
    static const void *const places[0x100 + OP_ROWS_FC] = {
        /* by OP_ROW */
        [0 ... 0x100 + OP_ROWS_FC - 1] = TO(rare),
#define UN(code, ...)    [OP_ROW(code)] = TO(unary),
#define UNT(code, ...)   [OP_ROW(code)] = TO(unary),
#define BIN(code, ...)   [OP_ROW(code)] = TO(binary),
#define BINT(code, ...)  [OP_ROW(code)] = TO(binary),
#define CMP(code, ...)   [OP_ROW(code)] = TO(binary),
#define LOAD(code, ...)  [OP_ROW(code)] = TO(load),
#define STORE(code, ...) [OP_ROW(code)] = TO(store),
#include "wasmcore/ops.def"
        [WOP_local_get] = TO(local_get),
        [WOP_local_set] = TO(local_set),
        [WOP_local_tee] = TO(local_tee),
        [WOP_i32_const] = TO(i32_const),
        [WOP_i64_const] = TO(i64_const),
        [WOP_block] = TO(enter),
        [WOP_loop] = TO(enter),
        [WOP_end] = TO(end),
        [WOP_br] = TO(br),
        [WOP_br_if] = TO(br_if),
        [WOP_call] = TO(call),
    };
#pragma GCC diagnostic pop
#undef TO
    struct op *const o = &v->op;
    const uint8_t *at = v->r.at, *const end = v->r.end, *next;
    const uint8_t *const readable = v->r.base + v->m->nbytes - (SHORT_BYTES - 1);
    const uint8_t *const stop = end < readable ? end : readable;
    uint32_t code;
    uint8_t type;

    /* Validate and lower the operator at `at`: its info is there only where it is needed. */
#define BEGIN                                                                                      \
    do {                                                                                           \
        if (at >= stop)                                                                            \
            goto last;                                                                             \
        code = *at;                                                                                \
        if (!is_plain(b, code))                                                                    \
            goto rare;                                                                             \
        o->code = code;                                                                            \
        o->at = at;                                                                                \
        goto *places[code];                                                                        \
    } while (0)
    /* Done: the one after it. */
#define NEXT                                                                                       \
    do {                                                                                           \
        at = next;                                                                                 \
        BEGIN;                                                                                     \
    } while (0)
    /* Its immediate has been read, or is not short: nothing has been done. */
#define READ(immediate)                                                                            \
    do {                                                                                           \
        if (!(next = (immediate)))                                                                 \
            goto rare;                                                                             \
    } while (0)
#define CHECK(check)                                                                               \
    do {                                                                                           \
        if (check)                                                                                 \
            goto wrong;                                                                            \
    } while (0)
    /* One that pushes something new: validated and counted. */
#define PUSH(type)                                                                                 \
    do {                                                                                           \
        if (check_push(b, v, type))                                                                \
            goto not_pushed;                                                                       \
        b->ops++;                                                                                  \
    } while (0)
    /* One that counts and pushes nothing new. */
#define LOWER(check, lower)                                                                        \
    do {                                                                                           \
        CHECK(check(v));                                                                           \
        b->ops++;                                                                                  \
        (lower)(b, o);                                                                             \
        NEXT;                                                                                      \
    } while (0)

    BEGIN;
local_get:
    READ(short_u(at + 1, &o->x));
    CHECK(take_local(v, &type));
    PUSH(type);
    push_local_of(b, o->x, type);
    NEXT;
local_set:
    READ(short_u(at + 1, &o->x));
    LOWER(check_local_set, lower_local_set);
local_tee:
    READ(short_u(at + 1, &o->x));
    LOWER(check_local_tee, lower_local_tee);
i32_const:
    READ(short_i32(at + 1, &o->bits));
    PUSH(VT_I32);
    stack_push_const(b, VT_I32, o->bits);
    NEXT;
i64_const:
    READ(short_i64(at + 1, &o->bits));
    PUSH(VT_I64);
    stack_push_const(b, VT_I64, o->bits);
    NEXT;
unary:
    next = at + 1;
    o->info = &op_rows[o->code];
    LOWER(check_unary, lower_handlers[o->code]);
binary:
    next = at + 1;
    o->info = &op_rows[o->code];
    LOWER(check_binary, lower_binary);
load:
    o->info = &op_rows[o->code];
    READ(short_memarg(at + 1, &o->memarg));
    LOWER(check_load, lower_load);
store:
    o->info = &op_rows[o->code];
    READ(short_memarg(at + 1, &o->memarg));
    LOWER(check_store, lower_store);
enter:
    READ(short_block(at + 1, &o->block));
    CHECK(check_block(v));
    lower_pushing(b, o, lower_enter);
    NEXT;
end:
    next = at + 1;
    CHECK(check_end(v));
    lower_pushing(b, o, lower_end);
    if (v->nframes > 0)
        NEXT;
    at = next;
    goto rare;
br:
    READ(short_u(at + 1, &o->x));
    LOWER(check_br, lower_br);
br_if:
    READ(short_u(at + 1, &o->x));
    LOWER(check_br, lower_br_if);
call:
    READ(short_u(at + 1, &o->x));
    CHECK(check_call(v));
    b->ops++;
    lower_pushing(b, o, lower_call);
    NEXT;
#undef BEGIN
#undef NEXT
#undef READ
#undef CHECK
#undef PUSH
#undef LOWER

not_pushed:
    if (b->failed) {
        at = next;
        goto last;
    }
wrong:
    v->r.at = at;
    return next > end ? 0 : -1;
last:
    at = at > end ? o->at : at;
rare:
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
        if (!validate_is_open(v))
            break;
        if (validate_next(v))
            return -1;
        lower_op(b, validator_op(v));
    }
    return validate_finish(v);
}
