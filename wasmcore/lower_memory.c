/* lower_memory.c - lowering of what accesses memories: loads, stores, bulk operations, growth. */
#include "wasmcore/lower_ops.h"

/* ---- memory that is near: see regalloc.h ---- */

void near_memory(struct builder *b, unsigned class, uint8_t type, uint16_t dst, uint16_t from)
{
    unsigned f = is_vector(type) ? (class == UOP_LOAD ? FILE_DST : FILE_B) : 0;
    code_uop(b, (struct raw_uop){.class = (uint8_t) class,
                                 .flags = UOP_ON_FRAME,
                                 .bytes = 8,
                                 .files = (uint8_t)f,
                                 .dst = dst,
                                 .a = REG_NONE,
                                 .b = from,
                                 .slot = (uint16_t)b->nlocals});
}

/* ---- memories other than a 32-bit memory 0 ---- */

/*
 * What these cost: a micro-op for the check of bounds, which the host's MMU does not do here and
 * nothing waits for, and for a memory other than memory 0 a load of its base and size from memory
 * that is near (see regalloc.h).
 */
static void far_cost(struct builder *b, uint32_t memory)
{
    code_alu(b, UOP_ALU, 0, REG_NONE, REG_NONE, REG_NONE);
    if (memory > 0)
        code_uop(b, (struct raw_uop){.class = UOP_LOAD,
                                     .flags = UOP_ON_FRAME,
                                     .bytes = 8,
                                     .dst = REG_NONE,
                                     .a = REG_NONE,
                                     .b = REG_NONE,
                                     .slot = (uint16_t)b->nlocals});
}

/* An access of which the depth-th operand is the address. An instruction has 32 bits for the
 * offset: a larger one is added beforehand. */
struct insn far_insn(struct builder *b, uint16_t op, uint32_t depth, const struct memarg *arg)
{
    uint32_t pos = b->height - 1 - depth;
    struct insn in = {.op = op, .a = stack_slot(b, pos), .y = arg->memory << 16};
    far_cost(b, arg->memory);
    if (arg->offset <= UINT32_MAX) {
        in.x = (uint32_t)arg->offset;
        return in;
    }
    uint16_t sum = stack_temp_slot(b, pos);
    code_emit(b, (struct insn){.op = IN_ADDRESS, .dst = sum, .a = in.a, .imm = arg->offset});
    code_alu(b, UOP_ALU, 0, sum, in.a, REG_NONE);
    in.a = sum;
    return in;
}

static void access_uop(struct builder *b, enum uop_class class, uint8_t bytes, unsigned files,
                       const struct insn *in)
{
    code_uop(b, (struct raw_uop){.class = (uint8_t) class,
                                 .bytes = bytes,
                                 .files = (uint8_t)files,
                                 .dst = class == UOP_LOAD ? in->dst : REG_NONE,
                                 .a = in->a,
                                 .b = class == UOP_STORE ? in->b : REG_NONE,
                                 .slot = REG_NONE});
    b->logged++;
}

static void far_load(struct builder *b, uint8_t type, uint16_t op, uint8_t bytes,
                     const struct memarg *arg)
{
    struct insn in = far_insn(b, op, 0, arg);
    stack_pop(b, 1);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    access_uop(b, UOP_LOAD, bytes, is_vector(type) ? FILE_DST : 0, &in);
    stack_push_result(b, type);
}

static void far_store(struct builder *b, uint8_t type, uint16_t op, uint8_t bytes,
                      const struct memarg *arg)
{
    uint16_t value = stack_top_slot(b, 0);
    struct insn in = far_insn(b, op, 1, arg);
    in.b = value;
    stack_pop(b, 2);
    code_emit(b, in);
    access_uop(b, UOP_STORE, bytes, is_vector(type) ? FILE_B : 0, &in);
}

/* ---- memory 0 ---- */

/* The operand whose slot is `sum` is the sum that the last instruction made: let the access add,
 * which `in` is. The addition's micro-op stays. */
static int take_sum(struct builder *b, uint16_t sum, uint32_t offset, struct insn *in)
{
    if (b->producer == NO_INSN)
        return 0;
    const struct insn *p = &b->insns[b->producer];
    if (p->dst != sum || (p->op != IN_i32_add_rr && p->op != IN_i32_add_ri))
        return 0;
    in->a = p->a;
    if (p->op == IN_i32_add_rr) {
        in->op += FORM_INDEXED;
        in->b = p->b;
    } else {
        in->op += FORM_ADDED;
        in->x = (uint32_t)p->imm;
        in->y = offset;
    }
    code_undo_insn(b);
    return 1;
}

void lower_load(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    uint32_t offset = (uint32_t)o->memarg.offset;
    if (memory_is_far(b->module, o->memarg.memory)) {
        far_load(b, row->result, (uint16_t)(row->insn + FORM_FAR), row->bytes, &o->memarg);
        return;
    }
    if (!code_room(b))
        return;
    struct insn in = {.op = row->insn, .imm = offset};
    const struct entry *e = stack_top(b, 0);
    const uint16_t temp = stack_temp_slot(b, b->height - 1);
    uint16_t address = temp; /* that the micro-op waits for */
    if (e->kind == E_LOCAL) {
        address = in.a = take_operand(b, e, temp);
    } else if (e->kind == E_CONST) {
        in.op += FORM_CONST_ADDRESS;
        in.imm = (uint64_t)(uint32_t)e->bits + offset;
        address = REG_NONE;
    } else if (!take_sum(b, temp, offset, &in)) {
        in.a = temp;
    }
    push_for(b, 1, row->result);
    struct insn *to = put_row(b, row, 0, temp, address, REG_NONE);
    b->logged++;
    to->op = in.op;
    to->dst = temp;
    to->a = in.a;
    to->b = in.b;
    to->imm = in.imm;
}

void lower_store(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    uint32_t offset = (uint32_t)o->memarg.offset, y = 0;
    if (memory_is_far(b->module, o->memarg.memory)) {
        far_store(b, row->result, (uint16_t)(row->insn + FORM_FAR), row->bytes, &o->memarg);
        return;
    }
    const struct entry *value = stack_top(b, 0), *at = value - 1;
    if (!code_room(b))
        return;
    struct insn in = {.op = row->insn, .imm = offset};
    /* that the micro-op waits for */
    uint16_t address = stack_temp_slot(b, b->height - 2), stored = REG_NONE;
    if (at->kind == E_CONST) {
        in.op += FORM_CONST_ADDRESS;
        in.imm = (uint64_t)(uint32_t)at->bits + offset;
        address = REG_NONE;
        stored = in.b = stack_top_slot(b, 0);
    } else if (value->kind == E_CONST && fits_32(row->result, value->bits, &y)) {
        in.op += FORM_CONST_VALUE;
        address = in.a = stack_top_slot(b, 1);
        in.x = offset;
        in.y = y;
    } else {
        int sum = value->kind == E_LOCAL && at->kind == E_TEMP && take_sum(b, address, offset, &in);
        stored = stack_top_slot(b, 0);
        if (!sum)
            address = in.a = stack_top_slot(b, 1);
        if (in.op == row->insn + FORM_INDEXED)
            in.dst = stored;
        else
            in.b = stored;
    }
    stack_pop(b, 2);
    struct insn *to = put_row(b, row, 0, REG_NONE, address, stored);
    b->producer = NO_INSN;
    b->logged++;
    to->op = in.op;
    to->dst = in.dst;
    to->a = in.a;
    to->b = in.b;
    to->imm = in.imm;
}

struct insn three_operands(struct builder *b, uint16_t op, uint32_t x, uint32_t y)
{
    struct insn in = {.op = op, .x = x, .y = y};
    in.b = stack_top_slot(b, 0);
    in.a = stack_top_slot(b, 1);
    in.dst = stack_top_slot(b, 2);
    stack_pop(b, 3);
    return in;
}

/* Bulk operations end their block: they may leave the engine in their midst. */
static void bulk(struct builder *b, uint16_t op, uint32_t x, uint32_t y)
{
    struct insn in = three_operands(b, op, x, y);
    code_emit(b, in);
    code_uop(b, (struct raw_uop){
                    .class = UOP_BULK, .dst = REG_NONE, .a = in.dst, .b = in.b, .slot = REG_NONE});
    code_begin_block(b);
}

void lower_memory_bulk(struct builder *b, const struct op *o)
{
    if (o->code == WOP_memory_fill)
        bulk(b, IN_MEMORY_FILL, o->x, 0);
    else
        bulk(b, o->code == WOP_memory_copy ? IN_MEMORY_COPY : IN_MEMORY_INIT, o->x, o->y);
}

/* Pages of a memory are counted in the type of its addresses. */
static uint8_t pages_type(const struct builder *b, uint32_t memory)
{
    return b->module->mems[memory].is64 ? VT_I64 : VT_I32;
}

void lower_memory_size(struct builder *b, const struct op *o)
{
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(b, (struct insn){.op = IN_MEMORY_SIZE, .dst = dst, .x = o->x});
    code_alu(b, UOP_ALU, 0, dst, REG_NONE, REG_NONE);
    stack_push_result(b, pages_type(b, o->x));
}

void lower_memory_grow(struct builder *b, const struct op *o)
{
    const uint8_t type = pages_type(b, o->x);
    uint16_t a = stack_top_slot(b, 0);
    code_emit(b, (struct insn){.op = IN_GROW_STOP});
    code_begin_block(b);
    stack_pop(b, 1);
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(
        b, (struct insn){.op = IN_MEMORY_GROW, .dst = dst, .a = a, .x = o->x, .y = type == VT_I64});
    code_alu(b, UOP_ALU, 0, dst, a, REG_NONE);
    stack_push_result(b, type);
}

void lower_data_drop(struct builder *b, const struct op *o)
{
    code_emit(b, (struct insn){.op = IN_DATA_DROP, .x = o->x});
}
