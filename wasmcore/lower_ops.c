/* lower_ops.c - lowering of everything but control: arithmetic, locals, globals, memory, tables. */
#include "wasmcore/builder.h"
#include "wasmcore/lower.h"
#include "wasmcore/ops.h"

/* ---- rows of ops.def as lowering needs them ---- */

struct row {
    uint16_t insn; /* first form */
    uint8_t class; /* enum uop_class */
    uint8_t bytes; /* LOAD, STORE: in memory */
};

#define FC_ROWS   64u
#define ROW(code) ((code) < 0x100 ? (code) : 0x100u + ((code)-0xfc00u))

static const struct row rows[0x100 + FC_ROWS] = {
#define UN(code, id, name, tr, ta, class, expr) [ROW(code)] = {IN_##id, UOP_##class, 0},
#define UNT(code, id, name, tr, ta, class, fn)  [ROW(code)] = {IN_##id, UOP_##class, 0},
#define BIN(code, id, name, tr, t, class, expr) [ROW(code)] = {IN_##id##_rr, UOP_##class, 0},
#define BINT(code, id, name, t, class, fn)      [ROW(code)] = {IN_##id##_rr, UOP_##class, 0},
#define CMP(code, id, name, t, class, expr)     [ROW(code)] = {IN_##id##_rr, UOP_##class, 0},
#define LOAD(code, id, name, tr, mt, align)     [ROW(code)] = {IN_##id, UOP_LOAD, sizeof(mt)},
#define STORE(code, id, name, t, mt, align)     [ROW(code)] = {IN_##id, UOP_STORE, sizeof(mt)},
#include "wasmcore/ops.def"
};

/* The compare that an instruction is: its operator, or 0. */
static const uint16_t compare_of[INSN_COUNT] = {
#define CMP(code, id, ...) [IN_##id##_rr] = code, [IN_##id##_ri] = code,
#include "wasmcore/ops.def"
};

static int commutes(uint32_t op)
{
    switch (op) {
    case WOP_i32_add:
    case WOP_i32_mul:
    case WOP_i32_and:
    case WOP_i32_or:
    case WOP_i32_xor:
    case WOP_i64_add:
    case WOP_i64_mul:
    case WOP_i64_and:
    case WOP_i64_or:
    case WOP_i64_xor:
    case WOP_f32_add:
    case WOP_f32_mul:
    case WOP_f64_add:
    case WOP_f64_mul:
        return 1;
    default:
        return 0;
    }
}

/* The compare with its operands exchanged. */
static uint32_t mirrored(uint32_t op)
{
#define PAIR(x, y)                                                                                 \
    case WOP_##x:                                                                                  \
        return WOP_##y;                                                                            \
    case WOP_##y:                                                                                  \
        return WOP_##x;
    switch (op) {
        PAIR(i32_lt_s, i32_gt_s)
        PAIR(i32_lt_u, i32_gt_u)
        PAIR(i32_le_s, i32_ge_s)
        PAIR(i32_le_u, i32_ge_u)
        PAIR(i64_lt_s, i64_gt_s)
        PAIR(i64_lt_u, i64_gt_u)
        PAIR(i64_le_s, i64_ge_s)
        PAIR(i64_le_u, i64_ge_u)
        PAIR(f32_lt, f32_gt)
        PAIR(f32_le, f32_ge)
        PAIR(f64_lt, f64_gt)
        PAIR(f64_le, f64_ge)
    default:
        return op;
    }
}

/* The compare that is true when op is not, or 0: floats have none, for NaN. */
static uint32_t negated(uint32_t op)
{
    switch (op) {
        PAIR(i32_eq, i32_ne)
        PAIR(i32_lt_s, i32_ge_s)
        PAIR(i32_lt_u, i32_ge_u)
        PAIR(i32_gt_s, i32_le_s)
        PAIR(i32_gt_u, i32_le_u)
        PAIR(i64_eq, i64_ne)
        PAIR(i64_lt_s, i64_ge_s)
        PAIR(i64_lt_u, i64_ge_u)
        PAIR(i64_gt_s, i64_le_s)
        PAIR(i64_gt_u, i64_le_u)
    default:
        return 0;
    }
#undef PAIR
}

static unsigned files(uint8_t result, uint8_t x, uint8_t y)
{
    return (is_vector(result) ? FILE_DST : 0) | (is_vector(x) ? FILE_A : 0) |
           (is_vector(y) ? FILE_B : 0);
}

/* ---- arithmetic ---- */

/* Sums and differences alike. */
static enum alu_kind kind_of_sum(uint32_t op, uint32_t form, uint64_t imm)
{
    const int wide = op == WOP_i64_add || op == WOP_i64_sub;
    const uint64_t from_low = (wide ? imm : (uint64_t)(int64_t)(int32_t)imm) + 1024;
    return form == FORM_RI && from_low < 2048 ? ALU_ADD_SHORT : ALU_ADD;
}

/* imm: of the constant operand b, if form says that it is one. */
static enum alu_kind kind_of(uint32_t op, uint32_t form, uint64_t imm)
{
    switch (op) {
    case WOP_i32_wrap_i64:
        return ALU_COPY;
    case WOP_i32_add:
    case WOP_i64_add:
        return kind_of_sum(op, form, imm);
    case WOP_i32_sub:
    case WOP_i64_sub:
        return form == FORM_RI ? kind_of_sum(op, form, imm) : ALU_USUAL;
    case WOP_i32_shl:
    case WOP_i64_shl:
        return form == FORM_RI && imm >= 1 && imm <= 3 ? ALU_SCALE : ALU_SHIFT;
    case WOP_i32_shr_s:
    case WOP_i32_shr_u:
    case WOP_i32_rotl:
    case WOP_i32_rotr:
    case WOP_i64_shr_s:
    case WOP_i64_shr_u:
    case WOP_i64_rotl:
    case WOP_i64_rotr:
        return ALU_SHIFT;
    default:
        return ALU_USUAL;
    }
}

static void compute(struct builder *b, unsigned class, enum alu_kind kind, unsigned in_files,
                    uint16_t dst, uint16_t x, uint16_t y)
{
    if (class == UOP_ALU)
        code_alu_kind(b, kind, in_files, dst, x, y);
    else
        code_alu(b, class, in_files, dst, x, y);
}

static void unary(struct builder *b, uint32_t op, const struct op_info *info, const struct row *row)
{
    uint16_t a = stack_top_slot(b, 0);
    stack_pop(b, 1);
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(b, (struct insn){.op = row->insn, .dst = dst, .a = a});
    compute(b, row->class, kind_of(op, 0, 0), files(info->result, info->arg, 0), dst, a, REG_NONE);
    stack_push_result(b, info->result);
}

/* A test for zero of a compare is the opposite compare. */
static void test_zero(struct builder *b, uint32_t op)
{
    const struct insn *p = code_producer(b, 0);
    uint32_t not = p ? negated(compare_of[p->op]) : 0;
    if (op != WOP_i32_eqz || !not ) {
        unary(b, op, op_lookup(op), &rows[ROW(op)]);
        return;
    }
    uint32_t form = (uint32_t)p->op - rows[ROW(compare_of[p->op])].insn;
    b->insns[b->producer].op = (uint16_t)(rows[ROW(not )].insn + form);
    b->pos[b->producer].ops = (uint16_t)b->ops;
}

static void binary(struct builder *b, uint32_t op, const struct op_info *info)
{
    const struct entry *x = stack_top(b, 1), *y = stack_top(b, 0);
    uint32_t form = FORM_RR, first = 1, second = 0; /* depths of the operands */
    uint64_t imm = 0;
    if (x->kind == E_CONST && y->kind != E_CONST) {
        if (info->kind == OPK_CMP || commutes(op)) {
            op = mirrored(op);
            first = 0;
            second = 1;
        } else if (info->kind == OPK_BIN) {
            form = FORM_IR;
            imm = x->bits;
        }
    }
    if (form == FORM_RR && stack_top(b, second)->kind == E_CONST) {
        form = FORM_RI;
        imm = stack_top(b, second)->bits;
    }
    uint16_t a = form == FORM_IR ? REG_NONE : stack_top_slot(b, first);
    uint16_t c = form == FORM_RI ? REG_NONE : stack_top_slot(b, second);
    stack_pop(b, 2);
    const struct row *row = &rows[ROW(op)];
    uint16_t dst = stack_temp_slot(b, b->height);
    code_emit(b, (struct insn){
                     .op = (uint16_t)(row->insn + form), .dst = dst, .a = a, .b = c, .imm = imm});
    compute(b, row->class, kind_of(op, form, imm), files(info->result, info->arg, info->arg), dst,
            a, c);
    stack_push_result(b, info->result);
}

/* ---- conditions ---- */

/* Can an instruction hold the constant in 32 bits? See insn.h. */
static int fits_32(uint8_t type, uint64_t bits, uint32_t *x)
{
    switch (type) {
    case VT_I64:
        *x = (uint32_t)bits;
        return (uint64_t)(int64_t)(int32_t)*x == bits;
    case VT_F64:
        *x = (uint32_t)(bits >> 32);
        return (uint32_t)bits == 0;
    default:
        *x = (uint32_t)bits;
        return 1;
    }
}

/* The compare that the topmost entry comes from, as a branch. 0 if it cannot be one. */
static int fuse_compare(struct builder *b, int sense, struct condition *c)
{
    const struct insn *p = code_producer(b, 0);
    uint32_t op = p ? compare_of[p->op] : 0, x = 0;
    if (!op)
        return 0;
    const struct row *row = &rows[ROW(op)];
    const struct op_info *info = op_lookup(op);
    uint32_t immediate = p->op - row->insn == FORM_RI;
    if (immediate && !fits_32(info->arg, p->imm, &x))
        return 0;
    uint32_t form = immediate;
    form += sense ? FORM_BT_RR : FORM_BF_RR;
    c->in = (struct insn){.op = (uint16_t)(row->insn + form), .a = p->a, .b = p->b, .x = x};
    c->a = p->a;
    c->b = p->b;
    if (is_vector(info->arg)) {
        c->compare = b->uops[b->producer_uop];
        c->a = c->compare.dst;
        c->b = REG_NONE;
    }
    code_undo(b);
    return 1;
}

struct condition lower_condition(struct builder *b, int sense)
{
    struct condition c = {.compare.class = UOP_CLASSES, .b = REG_NONE};
    const struct insn *p = code_producer(b, 0);
    if (fuse_compare(b, sense, &c)) {
        stack_pop(b, 1);
        return c;
    }
    if (p && (p->op == IN_i32_eqz || p->op == IN_i64_eqz)) {
        int wide = p->op == IN_i64_eqz;
        c.a = p->a;
        c.in.op = sense ? (wide ? IN_BZ64 : IN_BZ32) : (wide ? IN_BNZ64 : IN_BNZ32);
        code_undo(b);
    } else {
        c.a = stack_top_slot(b, 0);
        c.in.op = sense ? IN_BNZ32 : IN_BZ32;
    }
    c.in.a = c.a;
    stack_pop(b, 1);
    return c;
}

uint32_t code_condition(struct builder *b, const struct condition *c)
{
    uint32_t at = code_emit(b, c->in);
    if (c->compare.class < UOP_CLASSES)
        code_uop(b, c->compare);
    code_alu(b, UOP_BRANCH, 0, REG_NONE, c->a, c->b);
    return at;
}

/* Can a select hold it? */
static int short_const(const struct entry *e)
{
    return e->kind == E_CONST && e->bits <= UINT32_MAX;
}

static void select(struct builder *b)
{
    if (stack_top(b, 1)->type == VT_HIGH) {
        v128_select(b);
        return;
    }
    const struct entry *y = stack_top(b, 1), *x = stack_top(b, 2);
    uint8_t type = x->type;
    int v = is_vector(type);
    struct insn in = {.op = IN_SELECT, .a = REG_NONE, .b = REG_NONE, .x = stack_top_slot(b, 0)};
    if (short_const(y)) {
        in.op = IN_SELECT_RI;
        in.y = (uint32_t)y->bits;
        in.a = stack_top_slot(b, 2);
    } else if (short_const(x)) {
        in.op = IN_SELECT_IR;
        in.y = (uint32_t)x->bits;
        in.b = stack_top_slot(b, 1);
    } else {
        in.b = stack_top_slot(b, 1);
        in.a = stack_top_slot(b, 2);
    }
    stack_pop(b, 3);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    code_alu(b, UOP_ALU, v ? FILE_DST | FILE_A : 0, in.dst, in.a, (uint16_t)in.x);
    code_alu(b, UOP_ALU, v ? FILE_DST | FILE_A | FILE_B : 0, in.dst, in.dst, in.b);
    stack_push_result(b, type);
}

/* ---- locals and globals ---- */

static void local_set(struct builder *b, uint32_t local)
{
    const struct entry *e = stack_top(b, 0);
    uint8_t type = b->local_types[local];
    if (type == VT_V128) {
        v128_local_set(b, local);
        return;
    }
    if (e->kind == E_LOCAL && e->local == local) {
        stack_pop(b, 1);
        return;
    }
    /* others of this local lie below; the topmost entry is not one */
    if (!b->heads[local] && code_producer(b, 0)) {
        code_redirect(b, (uint16_t)local);
        stack_pop(b, 1);
        return;
    }
    stack_save_local(b, local);
    e = stack_top(b, 0);
    if (e->kind == E_CONST)
        code_const(b, type, (uint16_t)local, e->bits);
    else
        code_move(b, type, (uint16_t)local, stack_top_slot(b, 0));
    stack_pop(b, 1);
}

static void global_op(struct builder *b, uint32_t op, uint32_t global)
{
    const struct module *m = b->unit->module;
    uint32_t imported = m->nimported[EXT_GLOBAL];
    int own = global >= imported;
    uint8_t type = m->globals[global].type.type;
    struct insn in = {.x = own ? global - imported : global};
    if (type == VT_V128) {
        in.op = own ? IN_GLOBAL_GET_V128 : IN_GLOBAL_GET_IMPORT_V128;
        if (op == WOP_global_set)
            in.op = own ? IN_GLOBAL_SET_V128 : IN_GLOBAL_SET_IMPORT_V128;
        v128_global_op(b, op, in);
        return;
    }
    if (op == WOP_global_get) {
        in.op = own ? IN_GLOBAL_GET : IN_GLOBAL_GET_IMPORT;
        in.dst = stack_temp_slot(b, b->height);
        code_emit(b, in);
        near_memory(b, UOP_LOAD, type, in.dst, REG_NONE);
        stack_push_result(b, type);
        return;
    }
    in.op = own ? IN_GLOBAL_SET : IN_GLOBAL_SET_IMPORT;
    in.a = stack_top_slot(b, 0);
    stack_pop(b, 1);
    code_emit(b, in);
    near_memory(b, UOP_STORE, type, REG_NONE, in.a);
}

/* ---- memory ---- */

/* The address is the sum that the last instruction made: let the access add. The addition's
 * micro-op stays. */
static int take_sum(struct builder *b, uint32_t depth, uint32_t offset, struct insn *in)
{
    const struct insn *p = code_producer(b, depth);
    if (!p || (p->op != IN_i32_add_rr && p->op != IN_i32_add_ri))
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

static void emit_access(struct builder *b, const struct row *row, struct insn in, struct raw_uop u)
{
    u.class = row->class;
    u.bytes = row->bytes;
    u.slot = REG_NONE;
    code_emit(b, in);
    code_uop(b, u);
    b->logged++;
}

static void load(struct builder *b, const struct op_info *info, const struct row *row)
{
    struct memarg arg = memarg_read(&b->in, b->unit->module);
    uint32_t offset = (uint32_t)arg.offset;
    if (memory_is_far(b->unit->module, arg.memory)) {
        lower_far_load(b, info->result, (uint16_t)(row->insn + FORM_FAR), row->bytes, &arg);
        return;
    }
    struct insn in = {.op = row->insn, .imm = offset};
    struct raw_uop u = {.a = stack_temp_slot(b, b->height - 1), .b = REG_NONE};
    const struct entry *e = stack_top(b, 0);
    if (e->kind == E_CONST) {
        in.op += FORM_CONST_ADDRESS;
        in.imm = (uint64_t)(uint32_t)e->bits + offset;
        u.a = REG_NONE;
    } else if (!take_sum(b, 0, offset, &in)) {
        u.a = in.a = stack_top_slot(b, 0);
    }
    stack_pop(b, 1);
    u.dst = in.dst = stack_temp_slot(b, b->height);
    u.files = is_vector(info->result) ? FILE_DST : 0;
    emit_access(b, row, in, u);
    stack_push_result(b, info->result);
}

static void store(struct builder *b, const struct op_info *info, const struct row *row)
{
    struct memarg arg = memarg_read(&b->in, b->unit->module);
    uint32_t offset = (uint32_t)arg.offset, y = 0;
    if (memory_is_far(b->unit->module, arg.memory)) {
        lower_far_store(b, info->arg, (uint16_t)(row->insn + FORM_FAR), row->bytes, &arg);
        return;
    }
    const struct entry *value = stack_top(b, 0), *address = stack_top(b, 1);
    struct insn in = {.op = row->insn, .imm = offset};
    struct raw_uop u = {.dst = REG_NONE, .a = stack_temp_slot(b, b->height - 2), .b = REG_NONE};
    if (address->kind == E_CONST) {
        in.op += FORM_CONST_ADDRESS;
        in.imm = (uint64_t)(uint32_t)address->bits + offset;
        u.a = REG_NONE;
        u.b = in.b = stack_top_slot(b, 0);
    } else if (value->kind == E_CONST && fits_32(info->arg, value->bits, &y)) {
        in.op += FORM_CONST_VALUE;
        u.a = in.a = stack_top_slot(b, 1);
        in.x = offset;
        in.y = y;
    } else {
        int sum = value->kind == E_LOCAL && take_sum(b, 1, offset, &in);
        u.b = stack_top_slot(b, 0);
        if (!sum)
            u.a = in.a = stack_top_slot(b, 1);
        if (in.op == row->insn + FORM_INDEXED)
            in.dst = u.b;
        else
            in.b = u.b;
    }
    u.files = is_vector(info->arg) ? FILE_B : 0;
    stack_pop(b, 2);
    emit_access(b, row, in, u);
}

/* Three operands in slots, no result. */
static struct insn three(struct builder *b, uint16_t op, uint32_t x, uint32_t y)
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
    struct insn in = three(b, op, x, y);
    code_emit(b, in);
    code_uop(b, (struct raw_uop){
                    .class = UOP_BULK, .dst = REG_NONE, .a = in.dst, .b = in.b, .slot = REG_NONE});
    code_begin_block(b);
}

static void memory_op(struct builder *b, uint32_t op)
{
    uint32_t x = reader_u32(&b->in); /* memory or segment */
    uint32_t y = op == WOP_memory_copy || op == WOP_memory_init ? reader_u32(&b->in) : 0;
    uint16_t a, dst;
    int wide = op != WOP_data_drop && b->unit->module->mems[op == WOP_memory_init ? y : x].is64;
    uint8_t type = wide ? VT_I64 : VT_I32;
    switch (op) {
    case WOP_memory_size:
        dst = stack_temp_slot(b, b->height);
        code_emit(b, (struct insn){.op = IN_MEMORY_SIZE, .dst = dst, .x = x});
        code_alu(b, UOP_ALU, 0, dst, REG_NONE, REG_NONE);
        stack_push_result(b, type);
        break;
    case WOP_memory_grow:
        a = stack_top_slot(b, 0);
        code_emit(b, (struct insn){.op = IN_GROW_STOP});
        code_begin_block(b);
        stack_pop(b, 1);
        dst = stack_temp_slot(b, b->height);
        code_emit(b, (struct insn){
                         .op = IN_MEMORY_GROW, .dst = dst, .a = a, .x = x, .y = (uint32_t)wide});
        code_alu(b, UOP_ALU, 0, dst, a, REG_NONE);
        stack_push_result(b, type);
        break;
    case WOP_memory_copy:
        bulk(b, IN_MEMORY_COPY, x, y);
        break;
    case WOP_memory_fill:
        bulk(b, IN_MEMORY_FILL, x, 0);
        break;
    case WOP_memory_init:
        bulk(b, IN_MEMORY_INIT, x, y);
        break;
    default:
        code_emit(b, (struct insn){.op = IN_DATA_DROP, .x = x});
        break;
    }
}

/* ---- tables and references ---- */

static void table_value_op(struct builder *b, uint32_t op, uint32_t table)
{
    struct insn in = {.y = table, .a = REG_NONE, .b = REG_NONE};
    uint8_t type = VT_I32;
    unsigned pops = 0;
    if (op == WOP_table_get) {
        in.op = IN_TABLE_GET;
        in.a = stack_top_slot(b, 0);
        type = b->unit->module->tables[table].elem;
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

static void table_set(struct builder *b, uint32_t table)
{
    struct insn in = {.op = IN_TABLE_SET, .y = table};
    in.b = stack_top_slot(b, 0);
    in.a = stack_top_slot(b, 1);
    stack_pop(b, 2);
    code_emit(b, in);
    code_alu(b, UOP_ALU, 0, REG_NONE, in.a, REG_NONE);
    near_memory(b, UOP_STORE, VT_I64, REG_NONE, in.b);
}

static void table_op(struct builder *b, uint32_t op)
{
    uint32_t x = reader_u32(&b->in), y = x;
    struct insn in;
    switch (op) {
    case WOP_table_set:
        table_set(b, x);
        return;
    case WOP_elem_drop:
        code_emit(b, (struct insn){.op = IN_ELEM_DROP, .x = x});
        return;
    case WOP_table_fill:
        in = three(b, IN_TABLE_FILL, 0, x);
        break;
    case WOP_table_init:
        y = reader_u32(&b->in);
        in = three(b, IN_TABLE_INIT, x, y);
        break;
    case WOP_table_copy: /* the destination comes first */
        in = three(b, IN_TABLE_COPY, reader_u32(&b->in), y);
        break;
    default:
        table_value_op(b, op, x);
        return;
    }
    code_emit(b, in);
    code_alu(b, UOP_ALU, 0, REG_NONE, in.dst, in.b);
}

static void ref_op(struct builder *b, uint32_t op)
{
    if (op == WOP_ref_null) {
        stack_push_const(b, reader_u8(&b->in), REF_NULL);
    } else if (op == WOP_ref_func) {
        uint16_t dst = stack_temp_slot(b, b->height);
        code_emit(b, (struct insn){.op = IN_REF_FUNC, .dst = dst, .x = reader_u32(&b->in)});
        code_alu(b, UOP_ALU, 0, dst, REG_NONE, REG_NONE);
        stack_push_result(b, VT_FUNCREF);
    } else { /* ref.is_null: REF_NULL is zero */
        unary(b, WOP_i64_eqz, op_lookup(WOP_i64_eqz), &rows[ROW(WOP_i64_eqz)]);
    }
}

/* ---- all of them ---- */

static void lower_row(struct builder *b, uint32_t op)
{
    const struct op_info *info = op_lookup(op);
    const struct row *row = &rows[ROW(op)];
    switch (info->kind) {
    case OPK_UN:
    case OPK_UNT:
        if (op == WOP_i32_eqz)
            test_zero(b, op);
        else if (op == WOP_i64_extend_i32_u)
            stack_top(b, 0)->type = VT_I64; /* the high half of an i32's slot is zero */
        else
            unary(b, op, info, row);
        break;
    case OPK_LOAD:
        load(b, info, row);
        break;
    case OPK_STORE:
        store(b, info, row);
        break;
    default:
        binary(b, op, info);
        break;
    }
}

static void lower_const(struct builder *b, uint32_t op)
{
    switch (op) {
    case WOP_i32_const:
        stack_push_const(b, VT_I32, (uint32_t)reader_s32(&b->in));
        break;
    case WOP_i64_const:
        stack_push_const(b, VT_I64, (uint64_t)reader_s64(&b->in));
        break;
    case WOP_f32_const:
        stack_push_const(b, VT_F32, reader_f32(&b->in));
        break;
    default:
        stack_push_const(b, VT_F64, reader_f64(&b->in));
        break;
    }
}

static void lower_local(struct builder *b, uint32_t op)
{
    uint32_t local = local_slot(b, reader_u32(&b->in));
    if (op != WOP_local_get)
        local_set(b, local);
    if (op == WOP_local_set)
        return;
    stack_push_local(b, local);
    if (b->local_types[local] == VT_V128)
        stack_push_local(b, local + 1);
}

void lower_plain(struct builder *b, uint32_t op)
{
    if (op < 0x100 && op_lookup(op)->kind != OPK_CTL) {
        lower_row(b, op);
        return;
    }
    if (op >> 8 == 0xfe) {
        lower_atomic(b, op);
        return;
    }
    switch (op) {
    case WOP_drop:
        stack_pop(b, stack_top_width(b));
        b->producer = NO_INSN;
        break;
    case WOP_select_t:
        reader_u32(&b->in); /* one type */
        reader_u8(&b->in);
        select(b);
        break;
    case WOP_select:
        select(b);
        break;
    case WOP_local_get:
    case WOP_local_set:
    case WOP_local_tee:
        lower_local(b, op);
        break;
    case WOP_global_get:
    case WOP_global_set:
        global_op(b, op, reader_u32(&b->in));
        break;
    case WOP_i32_const:
    case WOP_i64_const:
    case WOP_f32_const:
    case WOP_f64_const:
        lower_const(b, op);
        break;
    case WOP_ref_null:
    case WOP_ref_is_null:
    case WOP_ref_func:
        ref_op(b, op);
        break;
    case WOP_memory_size:
    case WOP_memory_grow:
    case WOP_memory_init:
    case WOP_data_drop:
    case WOP_memory_copy:
    case WOP_memory_fill:
        memory_op(b, op);
        break;
    case WOP_table_get:
    case WOP_table_set:
    case WOP_table_init:
    case WOP_elem_drop:
    case WOP_table_copy:
    case WOP_table_grow:
    case WOP_table_size:
    case WOP_table_fill:
        table_op(b, op);
        break;
    default:
        if (op >= OP_SIMD)
            lower_simd(b, op);
        else
            lower_row(b, op);
        break;
    }
}
