/* constant.c - constant expressions: reading and checking them, and their values in an instance. */
#include <assert.h>
#include "wasmcore/ops.h"
#include "wasmcore/pieces.h"
#include "wasmcore/state.h"

/*
 * Nearly all are one instruction, and a struct const_expr holds that. One with arithmetic (extended
 * constant expressions: add, sub and mul of integers) stays where it is in the module's bytes and
 * is gone through again for its value. Its operand stack is limited, so that both need only a fixed
 * amount of the host's.
 */
#define CONST_OPERANDS 1000u

static int bad_const_op(struct decoder *d, uint32_t at, uint32_t op)
{
    const char *name = op_name(op), *feature = op_feature(op, d->r.base + at, d->r.end);
    if (name)
        return FAIL(d, at, "constant expression required: %s is not one", name);
    if (feature)
        return FAIL(d, at, "illegal opcode 0x%02x (%s): not supported", op, feature);
    return FAIL(d, at, "illegal opcode 0x%02x", op);
}

static int read_const_global(struct decoder *d, struct const_expr *out)
{
    uint32_t at = here(d);
    out->kind = CONST_GLOBAL;
    out->index = reader_u32(&d->r);
    if (d->r.error || out->index >= d->m->nimported[EXT_GLOBAL])
        return FAIL(d, at, "unknown global %u: a constant expression may use the %u imported ones",
                    out->index, d->m->nimported[EXT_GLOBAL]);
    if (d->m->globals[out->index].type.mutable)
        return FAIL(d, at, "constant expression required: global %u is mutable", out->index);
    out->type = d->m->globals[out->index].type.type;
    return 0;
}

/* One instruction of a constant expression. */
static int read_const_op(struct decoder *d, uint32_t op, uint32_t at, struct const_expr *out)
{
    *out = (struct const_expr){.kind = CONST_VALUE};
    switch (op) {
    case WOP_i32_const:
        out->type = VT_I32;
        out->bits = (uint32_t)reader_s32(&d->r);
        return 0;
    case WOP_i64_const:
        out->type = VT_I64;
        out->bits = (uint64_t)reader_s64(&d->r);
        return 0;
    case WOP_f32_const:
        out->type = VT_F32;
        out->bits = reader_f32(&d->r);
        return 0;
    case WOP_f64_const:
        out->type = VT_F64;
        out->bits = reader_f64(&d->r);
        return 0;
    case WOP_v128_const:
        out->type = VT_V128;
        out->bits = reader_f64(&d->r);
        out->high = reader_f64(&d->r);
        return 0;
    case WOP_global_get:
        return read_const_global(d, out);
    case WOP_ref_null:
        out->kind = CONST_NULL;
        out->type = reader_u8(&d->r);
        return reftype_known(out->type) ? 0 : wasm_bad_null(d->err, &d->r, at + 1, out->type);
    case WOP_ref_func:
        out->kind = CONST_FUNC;
        out->type = VT_FUNCREF;
        return piece_func_ref(d, &out->index);
    default:
        return bad_const_op(d, at, op);
    }
}

/* The type that an operator of extended constant expressions takes twice and yields, or VT_NONE. */
static uint8_t arithmetic(uint32_t op)
{
    switch (op) {
    case WOP_i32_add:
    case WOP_i32_sub:
    case WOP_i32_mul:
        return VT_I32;
    case WOP_i64_add:
    case WOP_i64_sub:
    case WOP_i64_mul:
        return VT_I64;
    default:
        return VT_NONE;
    }
}

struct operands {
    uint8_t types[CONST_OPERANDS];
    uint32_t n;
};

static int read_arithmetic(struct decoder *d, uint32_t op, uint32_t at, struct operands *s)
{
    uint8_t type = arithmetic(op);
    if (s->n < 2 || s->types[s->n - 1] != type || s->types[s->n - 2] != type)
        return FAIL(d, at, "type mismatch: %s needs two operands of type %s", op_name(op),
                    valtype_name(type));
    s->n--;
    return 0;
}

static int push_operand(struct decoder *d, uint32_t at, uint8_t type, struct operands *s)
{
    if (s->n == CONST_OPERANDS)
        return FAIL(d, at, "too many operands in a constant expression, the limit is %u",
                    CONST_OPERANDS);
    s->types[s->n++] = type;
    return 0;
}

int piece_const(struct decoder *d, uint8_t type, struct const_expr *out)
{
    struct operands s = {.n = 0};
    uint32_t start = here(d), ops = 0;
    for (;; ops++) {
        assert(d->r.at); /* it stands in the module's bytes, or at their end */
        uint32_t at = here(d), op = reader_op(&d->r);
        if (d->r.error)
            return FAIL(d, at, "unexpected end of section or function");
        if (op == WOP_end)
            break;
        if (arithmetic(op) ? read_arithmetic(d, op, at, &s)
                           : read_const_op(d, op, at, out) || push_operand(d, at, out->type, &s))
            return -1;
    }
    if (s.n != 1)
        return FAIL(d, start, "type mismatch: a constant expression of %u values, not 1", s.n);
    if (s.types[0] != type)
        return FAIL(d, start, "type mismatch: a constant expression of type %s, expected %s",
                    valtype_name(s.types[0]), valtype_name(type));
    if (ops > 1)
        *out = (struct const_expr){.kind = CONST_CODE, .type = type, .index = start};
    return 0;
}

/* ---- values ---- */

static const struct gcell *cell(const struct instance *in, uint32_t index)
{
    uint32_t imported = in->unit->module->nimported[EXT_GLOBAL];
    return index < imported ? in->imported_globals[index] : &in->globals[index - imported];
}

static uint64_t compute(uint32_t op, uint64_t a, uint64_t b)
{
    switch (op) {
    case WOP_i32_add:
        return (uint32_t)(a + b);
    case WOP_i32_sub:
        return (uint32_t)(a - b);
    case WOP_i32_mul:
        return (uint32_t)(a * b);
    case WOP_i64_add:
        return a + b;
    case WOP_i64_sub:
        return a - b;
    default:
        return a * b;
    }
}

/* The bytes have been checked: only integers, no operand is missing, and an end follows. */
static uint64_t run(const struct instance *in, uint32_t at)
{
    const struct module *m = in->unit->module;
    struct reader r = reader_of(m->bytes, at, m->nbytes);
    uint64_t stack[CONST_OPERANDS] = {0};
    for (uint32_t n = 0;;) {
        uint32_t op = reader_op(&r);
        switch (op) {
        case WOP_i32_const:
            stack[n++] = (uint32_t)reader_s32(&r);
            break;
        case WOP_i64_const:
            stack[n++] = (uint64_t)reader_s64(&r);
            break;
        case WOP_global_get:
            stack[n++] = cell(in, reader_u32(&r))->bits;
            break;
        case WOP_end:
            return stack[0];
        default:
            n--;
            stack[n - 1] = compute(op, stack[n - 1], stack[n]);
            break;
        }
    }
}

uint64_t instance_const(const struct instance *in, const struct const_expr *e)
{
    switch (e->kind) {
    case CONST_VALUE:
        return e->type == VT_I32 || e->type == VT_F32 ? (uint32_t)e->bits : e->bits;
    case CONST_GLOBAL:
        return cell(in, e->index)->bits;
    case CONST_FUNC:
        return func_ref(in->funcs[e->index]);
    case CONST_CODE:
        return run(in, e->index);
    default:
        return REF_NULL;
    }
}

uint64_t instance_const_high(const struct instance *in, const struct const_expr *e)
{
    if (e->kind == CONST_GLOBAL)
        return cell(in, e->index)->high;
    return e->kind == CONST_VALUE ? e->high : 0;
}
