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

static APART void far_load(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    struct insn in = far_insn(b, (uint16_t)(row->insn + FORM_FAR), 0, &o->memarg);
    stack_pop(b, 1);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    access_uop(b, UOP_LOAD, row->bytes, row->files, &in);
    stack_push_result(b, row->result);
}

static APART void far_store(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    uint16_t value = stack_top_slot(b, 0);
    struct insn in = far_insn(b, (uint16_t)(row->insn + FORM_FAR), 1, &o->memarg);
    in.b = value;
    stack_pop(b, 2);
    code_emit(b, in);
    access_uop(b, UOP_STORE, row->bytes, row->files, &in);
}

/* ---- memory 0 ---- */

/* How an access is addressed: its form and fields of its instruction. */
struct address {
    uint32_t form;
    uint16_t a, b;
    uint64_t imm;
};

/* The operand whose slot is `sum` is the sum that the last instruction made: let the access add.
 * The addition's micro-op stays. */
static inline int take_sum(struct builder *b, uint16_t sum, uint32_t offset, struct address *to)
{
    if (b->producer == NO_INSN)
        return 0;
    const struct insn *p = &b->insns[b->producer];
    if (p->dst != sum)
        return 0;
    if (p->op == IN_i32_add_rr)
        *to = (struct address){FORM_INDEXED, p->a, p->b, offset};
    else if (p->op == IN_i32_add_ri)
        *to = (struct address){FORM_ADDED, p->a, 0, (struct insn){.x = p->x, .y = offset}.imm};
    else
        return 0;
    code_undo_insn(b);
    return 1;
}

void lower_load(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    const uint32_t offset = (uint32_t)o->memarg.offset, at = b->height - 1;
    if (memory_is_far(b->module, o->memarg.memory)) {
        far_load(b, o);
        return;
    }
    const struct entry *e = &b->stack[at];
    const uint16_t temp = stack_temp_slot(b, at);
    struct address how = {FORM_MEM, temp, 0, offset};
    uint16_t waits_for = temp; /* the micro-op */
    if (e->kind == E_LOCAL) {
        waits_for = how.a = take_operand(b, e, temp);
    } else if (e->kind == E_CONST) {
        how = (struct address){FORM_CONST_ADDRESS, 0, 0, (uint64_t)(uint32_t)e->bits + offset};
        waits_for = REG_NONE;
    } else {
        take_sum(b, temp, offset, &how);
    }
    if (!code_room(b))
        return;
    push_at(b, at, row->result);
    struct insn *to = put_row(b, row, 0, temp, waits_for, REG_NONE);
    b->logged++;
    to->op = (uint16_t)(row->insn + how.form);
    to->dst = temp;
    to->a = how.a;
    to->b = how.b;
    to->imm = how.imm;
}

/* A value that fits into the instruction is none of the micro-op's. */
static void store_constant(struct builder *b, const struct lower_row *row, uint32_t offset,
                           uint32_t value)
{
    const uint16_t address = stack_top_slot(b, 1);
    if (!code_room(b))
        return;
    stack_pop(b, 2);
    *put_row(b, row, 0, REG_NONE, address, REG_NONE) = (struct insn){
        .op = (uint16_t)(row->insn + FORM_CONST_VALUE), .a = address, .x = offset, .y = value};
}

static void store_at_constant(struct builder *b, const struct lower_row *row, uint64_t address)
{
    const uint16_t stored = stack_top_slot(b, 0);
    if (!code_room(b))
        return;
    stack_pop(b, 2);
    *put_row(b, row, 0, REG_NONE, REG_NONE, stored) = (struct insn){
        .op = (uint16_t)(row->insn + FORM_CONST_ADDRESS), .b = stored, .imm = address};
}

static inline void store_usual(struct builder *b, const struct lower_row *row, uint32_t offset,
                               const struct entry *value)
{
    const uint32_t at = b->height - 2;
    const uint16_t temp = stack_temp_slot(b, at), stored = stack_slot(b, at + 1);
    struct address how = {FORM_MEM, temp, 0, offset};
    uint16_t waits_for = temp; /* the micro-op */
    if (value->kind == E_LOCAL)
        b->heads[value->local] = value->below;
    if ((value - 1)->kind == E_LOCAL)
        waits_for = how.a = take_operand(b, value - 1, temp);
    else if (value->kind == E_LOCAL)
        take_sum(b, temp, offset, &how);
    if (!code_room(b))
        return;
    b->height = at;
    if (b->flushed > at)
        b->flushed = at;
    struct insn *to = put_row(b, row, 0, REG_NONE, waits_for, stored);
    to->op = (uint16_t)(row->insn + how.form);
    to->dst = how.form == FORM_INDEXED ? stored : 0;
    to->a = how.a;
    to->b = how.form == FORM_INDEXED ? how.b : stored;
    to->imm = how.imm;
}

void lower_store(struct builder *b, const struct op *o)
{
    const struct lower_row *row = &lower_rows[o->code];
    const struct entry *value = stack_top(b, 0), *at = value - 1;
    const uint32_t offset = (uint32_t)o->memarg.offset;
    uint32_t x;
    if (memory_is_far(b->module, o->memarg.memory)) {
        far_store(b, o);
        return;
    }
    if (at->kind == E_CONST)
        store_at_constant(b, row, (uint64_t)(uint32_t)at->bits + offset);
    else if (value->kind == E_CONST && fits_32(row->result, value->bits, &x))
        store_constant(b, row, offset, x);
    else
        store_usual(b, row, offset, value);
    b->producer = NO_INSN;
    b->logged++;
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
