/* lower_simd.c - lowering of SIMD instructions, and what others do to a v128. */
#include "wasmcore/lower_ops.h"
#include "wasmcore/slots.h"

#define ROW(code, id, of_class, size)                                                              \
    [(code)-OP_SIMD] = {.insn = IN_##id, .class = UOP_##of_class, .bytes = size},
#define COMPUTES(code, id, name, class, ...) ROW(code, id, class, 0)
static const struct lower_row rows[OP_SIMD_ROWS] = {
#define V1                                    COMPUTES
#define V2                                    COMPUTES
#define V3                                    COMPUTES
#define VSHIFT(code, id, ...)                 ROW(code, id, ALU, 0)
#define VTEST(code, id, ...)                  ROW(code, id, FCVT, 0)
#define VSPLAT(code, id, ...)                 ROW(code, id, FCVT, 0)
#define VEXTRACT(code, id, ...)               ROW(code, id, FCVT, 0)
#define VREPLACE(code, id, ...)               ROW(code, id, FCVT, 0)
#define VLOAD(code, id, name, mt, ...)        ROW(code, id, LOAD, sizeof(mt))
#define VSTORE(code, id, ...)                 ROW(code, id, STORE, 8)
#define VLOADLANE(code, id, name, L, align)   ROW(code, id, LOAD, 1 << (align))
#define VSTORELANE(code, id, name, L, mt, al) ROW(code, id, STORE, sizeof(mt))
#define v_u64                                 uint64_t[2]
#define v_s8x8                                uint64_t
#define v_u8x8                                uint64_t
#define v_s16x4                               uint64_t
#define v_u16x4                               uint64_t
#define v_s32x2                               uint64_t
#define v_u32x2                               uint64_t
#include "wasmcore/simd.def"
};

/* ---- operands ---- */

uint16_t v128_slot(struct builder *b, uint32_t pos)
{
    stack_slot(b, pos + 1);
    return stack_slot(b, pos);
}

static uint16_t value_slot(struct builder *b, uint8_t type, uint32_t pos)
{
    return type == VT_V128 ? v128_slot(b, pos) : stack_slot(b, pos);
}

/* An instruction's operands, popped: their slots, and where the first was. */
struct operands {
    uint16_t slot[3];
    uint32_t base;
};

static struct operands take_operands(struct builder *b, const struct op_info *info)
{
    struct operands o = {{REG_NONE, REG_NONE, REG_NONE}, b->height};
    if (info->last != VT_NONE) {
        o.base -= slot_width(info->last);
        o.slot[info->nargs] = value_slot(b, info->last, o.base);
    }
    for (uint32_t i = info->nargs; i-- > 0;) {
        o.base -= slot_width(info->arg);
        o.slot[i] = value_slot(b, info->arg, o.base);
    }
    stack_pop(b, b->height - o.base);
    return o;
}

static unsigned files(uint8_t result, uint8_t x, uint8_t y)
{
    return file_bits(result, FILE_DST) | file_bits(x, FILE_A) | file_bits(y, FILE_B);
}

/* ---- instructions ---- */

static void compute(struct builder *b, const struct op *from, const struct lower_row *row)
{
    const struct op_info *info = from->info;
    uint32_t lane = info->imm == IMM_LANE ? from->lane : 0;
    struct operands o = take_operands(b, info);
    uint8_t second = info->nargs > 1 ? info->arg : info->last;
    struct insn in = {.op = row->insn,
                      .dst = stack_temp_slot(b, o.base),
                      .a = o.slot[0],
                      .b = o.slot[1],
                      .x = o.slot[2],
                      .y = lane};
    code_emit(b, in);
    code_alu(b, row->class, files(info->result, info->arg, second), in.dst, in.a, in.b);
    if (info->nargs == 3) /* micro-ops have two sources: the third one joins what they made */
        code_alu(b, UOP_ALU, files(VT_V128, VT_V128, VT_V128), in.dst, in.dst, o.slot[2]);
    stack_push_result(b, info->result);
}

/* The 16 bytes of an immediate, the lower half first. */
static void read_halves(const struct op *o, uint64_t half[2])
{
    struct reader r = {o->bytes, o->bytes, o->bytes + 16, NULL, NULL};
    half[0] = reader_f64(&r);
    half[1] = reader_f64(&r);
}

static void shuffle(struct builder *b, const struct op *from)
{
    uint64_t lanes[2];
    read_halves(from, lanes);
    struct operands o = take_operands(b, from->info);
    uint16_t dst = stack_temp_slot(b, o.base), x = o.slot[0], y = o.slot[1];
    code_emit(b, (struct insn){.op = IN_SHUFFLE, .dst = dst, .a = x, .b = y, .imm = lanes[0]});
    code_emit(b, (struct insn){.op = IN_SHUFFLE_HIGH, .imm = lanes[1]});
    code_alu(b, UOP_ALU, files(VT_V128, VT_V128, VT_V128), dst, x, y);
    stack_push_result(b, VT_V128);
    b->producer = NO_INSN; /* it is the one before */
}

static void v128_const(struct builder *b, const struct op *o)
{
    uint64_t half[2];
    read_halves(o, half);
    stack_push_const(b, VT_V128, half[0]);
    stack_push_const(b, VT_HIGH, half[1]);
}

/* Before the operands are taken: what a far access begins with, to be emitted before it. */
static struct insn begin_far(struct builder *b, const struct op_info *info, uint16_t op,
                             unsigned bytes, const struct memarg *arg)
{
    struct insn in = {.op = IN_BLOCK}; /* none */
    if (memory_is_far(b->module, arg->memory))
        in = far_insn(b, op, info->last == VT_NONE ? 0 : slot_width(info->last), arg);
    in.b = (uint16_t)bytes;
    return in;
}

static void load(struct builder *b, const struct op *from, const struct lower_row *row)
{
    const struct op_info *info = from->info;
    uint32_t offset = (uint32_t)from->memarg.offset;
    uint32_t lane = info->imm == IMM_MEMARG_LANE ? from->lane : 0;
    struct insn far = begin_far(b, info, IN_FAR_LOAD_V128, row->bytes, &from->memarg);
    struct operands o = take_operands(b, info);
    uint16_t dst = stack_temp_slot(b, o.base);
    if (far.op != IN_BLOCK)
        code_emit(b, far);
    code_emit(
        b,
        (struct insn){
            .op = row->insn, .dst = dst, .a = o.slot[0], .b = o.slot[1], .x = offset, .y = lane});
    code_uop(b, (struct raw_uop){.class = UOP_LOAD,
                                 .bytes = row->bytes,
                                 .files = (uint8_t)files(VT_V128, VT_I32, info->last),
                                 .dst = dst,
                                 .a = o.slot[0],
                                 .b = o.slot[1],
                                 .slot = REG_NONE});
    b->logged++;
    stack_push_result(b, VT_V128);
    if (far.op != IN_BLOCK)
        b->producer = NO_INSN; /* two instructions are not to be taken for one */
}

static void store(struct builder *b, const struct op *from, const struct lower_row *row)
{
    const struct op_info *info = from->info;
    uint32_t offset = (uint32_t)from->memarg.offset;
    uint32_t lane = info->imm == IMM_MEMARG_LANE ? from->lane : 0;
    int halves = info->imm == IMM_MEMARG_LANE ? 1 : 2;
    struct insn far = begin_far(b, info, IN_FAR_STORE_V128, (unsigned)halves * row->bytes,
                                &from->memarg);
    struct operands o = take_operands(b, info);
    struct raw_uop u = {.class = UOP_STORE,
                        .bytes = row->bytes,
                        .files = (uint8_t)files(VT_NONE, VT_I32, VT_V128),
                        .dst = REG_NONE,
                        .a = o.slot[0],
                        .b = o.slot[1],
                        .slot = REG_NONE};
    if (far.op != IN_BLOCK)
        code_emit(b, far);
    code_emit(
        b, (struct insn){.op = row->insn, .a = o.slot[0], .b = o.slot[1], .x = offset, .y = lane});
    for (; halves > 0; halves--) {
        code_uop(b, u);
        b->logged++;
    }
}

void lower_simd(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &rows[o->code - OP_SIMD];
    if (o->info->imm == IMM_V128)
        v128_const(b, o);
    else if (o->info->imm == IMM_SHUFFLE)
        shuffle(b, o);
    else if (row->class == UOP_LOAD)
        load(b, o, row);
    else if (row->class == UOP_STORE)
        store(b, o, row);
    else
        compute(b, o, row);
}

/* ---- what other operators do to a v128 ---- */

void v128_select(struct builder *b)
{
    uint16_t condition = stack_top_slot(b, 0);
    uint16_t y = v128_slot(b, b->height - 3), x = v128_slot(b, b->height - 5);
    stack_pop(b, 5);
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(b, (struct insn){.op = IN_SELECT_V128, .dst = dst, .a = x, .b = y, .x = condition});
    code_alu(b, UOP_ALU, files(VT_V128, VT_V128, VT_I32), dst, x, condition);
    code_alu(b, UOP_ALU, files(VT_V128, VT_V128, VT_V128), dst, dst, y);
    stack_push_result(b, VT_V128);
}

void v128_local_set(struct builder *b, uint32_t slot)
{
    const struct entry *low = stack_top(b, 1);
    if (low->kind == E_LOCAL && low->local == slot) {
        stack_pop(b, 2);
        return;
    }
    if (!b->heads[slot] && code_producer(b, 1)) {
        code_redirect(b, (uint16_t)slot);
        stack_pop(b, 2);
        return;
    }
    stack_save_local(b, slot + 1);
    stack_save_local(b, slot);
    for (uint32_t half = 0; half < 2; half++) {
        const struct entry *e = stack_top(b, 1 - half);
        uint16_t dst = (uint16_t)(slot + half);
        if (e->kind == E_CONST)
            code_const(b, e->type, dst, e->bits);
        else
            code_move(b, e->type, dst, stack_top_slot(b, 1 - half));
    }
    stack_pop(b, 2);
}

/* Globals are charged as regalloc.h says, by two accesses of 8 bytes. */
static void near_v128(struct builder *b, unsigned class, uint16_t dst, uint16_t from)
{
    for (int half = 0; half < 2; half++)
        code_uop(b, (struct raw_uop){.class = (uint8_t) class,
                                     .flags = UOP_ON_FRAME,
                                     .bytes = 8,
                                     .files = (uint8_t)files(dst == REG_NONE ? VT_NONE : VT_V128,
                                                             VT_NONE, VT_V128),
                                     .dst = dst,
                                     .a = REG_NONE,
                                     .b = from,
                                     .slot = (uint16_t)b->nlocals});
}

void v128_global_op(struct builder *b, uint32_t op, struct insn in)
{
    if (op == WOP_global_get) {
        in.dst = stack_temp_slot(b, b->height);
        code_emit(b, in);
        near_v128(b, UOP_LOAD, in.dst, REG_NONE);
        stack_push_result(b, VT_V128);
        return;
    }
    in.a = v128_slot(b, b->height - 2);
    stack_pop(b, 2);
    code_emit(b, in);
    near_v128(b, UOP_STORE, REG_NONE, in.a);
}
