/* lower_atomic.c - lowering of atomic accesses, waits and fences. */
#include "wasmcore/lower_ops.h"

/*
 * An access that stores is also a fence, as locked instructions are. Its micro-ops are a load, an
 * arithmetic one and a store, as far as it has them, and the fence.
 */
struct row {
    uint16_t insn;
    uint8_t bytes;
};
#define FIRST 0xfe00u
static const struct row rows[] = {
#define ALOAD(code, id, name, tr, mt, align)    [(code)-FIRST] = {IN_##id, sizeof(mt)},
#define ASTORE(code, id, name, t, mt, align)    [(code)-FIRST] = {IN_##id, sizeof(mt)},
#define RMW(code, id, name, t, mt, align, expr) [(code)-FIRST] = {IN_##id, sizeof(mt)},
#define CMPXCHG(code, id, name, t, mt, align)   [(code)-FIRST] = {IN_##id, sizeof(mt)},
#include "wasmcore/ops.def"
};

static void access_uop(struct builder *b, enum uop_class class, uint8_t bytes, uint16_t dst,
                       uint16_t address, uint16_t value)
{
    code_uop(b, (struct raw_uop){.class = (uint8_t) class,
                                 .bytes = bytes,
                                 .dst = dst,
                                 .a = address,
                                 .b = value,
                                 .slot = REG_NONE});
    b->logged++;
}

static void fence(struct builder *b)
{
    code_uop(b, (struct raw_uop){.class = UOP_FENCE,
                                 .info = 1,
                                 .dst = REG_NONE,
                                 .a = REG_NONE,
                                 .b = REG_NONE,
                                 .slot = REG_NONE});
}

static void atomic_load(struct builder *b, const struct op *o, const struct row *row)
{
    struct insn in = far_insn(b, row->insn, 0, &o->memarg);
    stack_pop(b, 1);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    access_uop(b, UOP_LOAD, row->bytes, in.dst, in.a, REG_NONE);
    stack_push_result(b, o->info->result);
}

static void atomic_store(struct builder *b, const struct op *o, const struct row *row)
{
    uint16_t value = stack_top_slot(b, 0);
    struct insn in = far_insn(b, row->insn, 1, &o->memarg);
    in.b = value;
    stack_pop(b, 2);
    code_emit(b, in);
    access_uop(b, UOP_STORE, row->bytes, REG_NONE, in.a, in.b);
    fence(b);
}

/* The result is not the last micro-op's, so the instruction must not be changed afterwards: its
 * result is pushed as any other temporary. */
static void atomic_rmw(struct builder *b, const struct op *o, const struct row *row)
{
    const struct op_info *info = o->info;
    int compares = info->kind == OPK_CMPXCHG;
    uint16_t value = stack_top_slot(b, 0), expected = REG_NONE;
    if (compares)
        expected = stack_top_slot(b, 1);
    struct insn in = far_insn(b, row->insn, info->nargs - 1u, &o->memarg);
    in.b = compares ? expected : value;
    if (compares)
        in.y |= value;
    stack_pop(b, info->nargs);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    access_uop(b, UOP_LOAD, row->bytes, in.dst, in.a, REG_NONE);
    code_alu(b, UOP_ALU, 0, REG_NONE, expected, REG_NONE);
    access_uop(b, UOP_STORE, row->bytes, REG_NONE, REG_NONE, value);
    fence(b);
    stack_push_temp(b, info->result);
}

/* Waits and notify may leave the engine, so they end their block as calls of the host do. */
static void wait(struct builder *b, const struct op *o)
{
    const uint32_t op = o->code;
    static const uint8_t types[] = {VT_I64, VT_I64, VT_I64, VT_I32};
    int notify = op == WOP_notify;
    const struct functype type = {notify ? 2 : 3, 1, notify ? types + 1 : types};
    stack_settle_top(b, type.nparams);
    uint16_t code = IN_NOTIFY;
    if (!notify)
        code = op == WOP_wait32 ? IN_WAIT32 : IN_WAIT64;
    struct insn in = far_insn(b, code, type.nparams - 1, &o->memarg);
    in.dst = in.a;
    code_emit(b, in);
    if (!notify)
        access_uop(b, UOP_LOAD, op == WOP_wait32 ? 4 : 8, REG_NONE, in.a, REG_NONE);
    finish_call(b, &type, END_HOST);
}

void lower_atomic(struct builder *b, const struct op *o)
{
    const struct row *row = &rows[o->code - FIRST];
    switch (o->info->kind) {
    case OPK_ALOAD:
        atomic_load(b, o, row);
        break;
    case OPK_ASTORE:
        atomic_store(b, o, row);
        break;
    case OPK_RMW:
    case OPK_CMPXCHG:
        atomic_rmw(b, o, row);
        break;
    default:
        if (o->code == WOP_atomic_fence) {
            code_emit(b, (struct insn){.op = IN_FENCE});
            fence(b);
        } else {
            wait(b, o);
        }
        break;
    }
}
