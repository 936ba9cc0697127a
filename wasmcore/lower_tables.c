/* lower_tables.c - lowering of what tables and references are for. */
#include "wasmcore/lower_ops.h"

/* table.get, .grow and .size */
void lower_table_value(struct builder *b, const struct op *o)
{
    const uint32_t op = o->code, table = o->x;
    struct insn in = {.y = table, .a = REG_NONE, .b = REG_NONE};
    uint8_t type = VT_I32;
    unsigned pops = 0;
    if (op == WOP_table_get) {
        in.op = IN_TABLE_GET;
        in.a = stack_top_slot(b, 0);
        type = b->module->tables[table].elem;
        pops = 1;
    } else if (op == WOP_table_grow) {
        in.op = IN_TABLE_GROW;
        in.b = stack_top_slot(b, 0);
        in.a = stack_top_slot(b, 1);
        pops = 2;
    } else {
        in.op = IN_TABLE_SIZE;
    }
    stack_pop(b, pops);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    code_alu(b, UOP_ALU, 0, op == WOP_table_get ? REG_NONE : in.dst, in.a, in.b);
    if (op == WOP_table_get)
        near_memory(b, UOP_LOAD, type, in.dst, REG_NONE);
    stack_push_result(b, type);
}

void lower_table_set(struct builder *b, const struct op *o)
{
    struct insn in = {.op = IN_TABLE_SET, .y = o->x};
    in.b = stack_top_slot(b, 0);
    in.a = stack_top_slot(b, 1);
    stack_pop(b, 2);
    code_emit(b, in);
    code_alu(b, UOP_ALU, 0, REG_NONE, in.a, REG_NONE);
    near_memory(b, UOP_STORE, VT_I64, REG_NONE, in.b);
}

/* table.fill, .init and .copy */
void lower_table_bulk(struct builder *b, const struct op *o)
{
    struct insn in;
    if (o->code == WOP_table_fill)
        in = three_operands(b, IN_TABLE_FILL, 0, o->x);
    else if (o->code == WOP_table_init)
        in = three_operands(b, IN_TABLE_INIT, o->x, o->y);
    else /* the destination comes first */
        in = three_operands(b, IN_TABLE_COPY, o->y, o->x);
    code_emit(b, in);
    code_alu(b, UOP_ALU, 0, REG_NONE, in.dst, in.b);
}

void lower_elem_drop(struct builder *b, const struct op *o)
{
    code_emit(b, (struct insn){.op = IN_ELEM_DROP, .x = o->x});
}

void lower_ref_null(struct builder *b, const struct op *o)
{
    stack_push_const(b, o->type, REF_NULL);
}

void lower_ref_func(struct builder *b, const struct op *o)
{
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(b, (struct insn){.op = IN_REF_FUNC, .dst = dst, .x = o->x});
    code_alu(b, UOP_ALU, 0, dst, REG_NONE, REG_NONE);
    stack_push_result(b, VT_FUNCREF);
}
