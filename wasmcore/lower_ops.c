/* lower_ops.c - who lowers which operator; locals, globals and constants. */
#include "wasmcore/lower_ops.h"

/* ---- locals and globals ---- */

/* By whether they are in the vector file: what copies a value, or puts a constant into a slot. */
#define COPIES(to_files)                                                                           \
    {                                                                                              \
        .insn = IN_MOVE, .files = to_files, .class = UOP_ALU,                                      \
        .flags = (to_files) ? UOP_VECTOR : 0, .info = ALU_COPY                                     \
    }
static const struct lower_row copies[] = {COPIES(0), COPIES(FILE_DST | FILE_A)};
static const struct lower_row constants[] = {
    {.insn = IN_CONST, .class = UOP_ALU},
    {.insn = IN_CONST, .files = FILE_DST, .class = UOP_ALU, .flags = UOP_VECTOR}};

/* As code_move and code_const, for values of one slot. */
static APART void put_copy(struct builder *b, uint8_t type, uint16_t dst, uint16_t from)
{
    const struct lower_row *row = &copies[is_vector(type) != 0];
    if (!code_room(b))
        return;
    struct insn *const in = put_row(b, row, ALU_COPY, dst, from, REG_NONE);
    b->producer = NO_INSN;
    in->op = IN_MOVE;
    in->dst = dst;
    in->a = from;
    in->b = 0;
    in->imm = 0;
}

static APART void put_constant(struct builder *b, uint8_t type, uint16_t dst, uint64_t bits)
{
    const struct lower_row *row = &constants[is_vector(type) != 0];
    if (!code_room(b))
        return;
    struct insn *const in = put_row(b, row, ALU_USUAL, dst, REG_NONE, REG_NONE);
    b->producer = NO_INSN;
    in->op = IN_CONST;
    in->dst = dst;
    in->a = 0;
    in->b = 0;
    in->imm = bits;
}

void settle_arguments(struct builder *b, uint32_t n)
{
    if (*b->wide) {
        stack_settle_top(b, n);
        return;
    }
    struct entry *e = &b->stack[b->height];
    for (uint16_t slot = stack_temp_slot(b, b->height); n > 0; n--) {
        e--;
        slot--;
        if (e->kind == E_TEMP)
            continue;
        if (e->kind == E_LOCAL)
            put_copy(b, e->type, slot, take_operand(b, e, slot));
        else
            put_constant(b, e->type, slot, e->bits);
        e->kind = E_TEMP;
    }
}

/* The instruction that made the topmost value, entry `at`, writes it to the local instead. 0: there
 * is none, or it cannot. */
static inline int made_in_local(struct builder *b, uint16_t local, uint32_t at)
{
    if (b->producer == NO_INSN || b->heads[local]) /* some of this local lie below */
        return 0;
    struct insn *const p = &b->insns[b->producer];
    const uint16_t temp = stack_temp_slot(b, at);
    if (p->dst != temp)
        return 0;
    if (b->nuops - b->producer_uop != 1) {
        code_redirect(b, local);
        return 1;
    }
    struct raw_uop *const u = &b->uops[b->producer_uop];
    b->producer = NO_INSN;
    p->dst = local;
    if (u->dst == temp)
        u->dst = local;
    return 1;
}

/* Take a value, entry `at`, off the stack into the slot of a local; the height stays. */
static inline __attribute__((always_inline)) void local_set(struct builder *b, uint16_t local,
                                                            uint32_t at)
{
    const struct entry *const e = &b->stack[at];
    if (e->kind == E_LOCAL) {
        b->heads[e->local] = e->below;
        if (e->local != local) {
            stack_save_local(b, local);
            put_copy(b, e->type, local, e->local);
        }
    } else if (e->kind == E_CONST) {
        stack_save_local(b, local);
        put_constant(b, e->type, local, e->bits);
    } else if (!made_in_local(b, local, at)) {
        stack_save_local(b, local);
        put_copy(b, e->type, local, stack_temp_slot(b, at));
    }
    if (b->flushed > at)
        b->flushed = at;
}

static inline int is_wide_local(const struct builder *b, uint32_t slot)
{
    return b->wide_locals && b->local_types[slot] == VT_V128;
}

void lower_local_set(struct builder *b, const struct op *o)
{
    const uint32_t slot = local_slot(b, o->x), at = b->height - 1;
    if (is_wide_local(b, slot)) {
        v128_local_set(b, slot);
        return;
    }
    local_set(b, (uint16_t)slot, at);
    b->height = at;
}

void lower_local_tee(struct builder *b, const struct op *o)
{
    const uint32_t slot = local_slot(b, o->x), at = b->height - 1;
    if (is_wide_local(b, slot)) {
        v128_local_set(b, slot);
        push_local(b, o->x);
        return;
    }
    local_set(b, (uint16_t)slot, at);
    struct entry *const e = &b->stack[at];
    e->kind = E_LOCAL;
    e->local = (uint16_t)slot;
    e->below = b->heads[slot];
    b->heads[slot] = at + 1;
}

void lower_local_get(struct builder *b, const struct op *o)
{
    push_local(b, o->x);
}

static void lower_global(struct builder *b, const struct op *o)
{
    const uint32_t op = o->code, global = o->x;
    const struct module *m = b->module;
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

/* ---- others that emit nothing ---- */

static void lower_nop(struct builder *b, const struct op *o)
{
    (void)b;
    (void)o;
}

static void lower_drop(struct builder *b, const struct op *o)
{
    (void)o;
    stack_pop(b, stack_top_width(b));
    b->producer = NO_INSN;
}

static void lower_i32_const(struct builder *b, const struct op *o)
{
    stack_push_const(b, VT_I32, o->bits);
}

static void lower_i64_const(struct builder *b, const struct op *o)
{
    stack_push_const(b, VT_I64, o->bits);
}

static void lower_f32_const(struct builder *b, const struct op *o)
{
    stack_push_const(b, VT_F32, o->bits);
}

static void lower_f64_const(struct builder *b, const struct op *o)
{
    stack_push_const(b, VT_F64, o->bits);
}

/* ---- all of them ---- */

/* Codes of one byte and with prefix 0xfc: rows of ops.def by their macro, CTL rows one by one. */
lower_fn *const lower_handlers[0x100 + OP_ROWS_FC] = {
#define UN(code, id, ...)                                                                          \
    [OP_ROW(code)] = (code) == WOP_i32_eqz            ? lower_eqz                                  \
                     : (code) == WOP_i64_extend_i32_u ? lower_extend_u                             \
                                                      : lower_unary,
#define UNT(code, id, ...)   [OP_ROW(code)] = lower_unary,
#define BIN(code, id, ...)   [OP_ROW(code)] = lower_binary,
#define BINT(code, id, ...)  [OP_ROW(code)] = lower_binary,
#define CMP(code, id, ...)   [OP_ROW(code)] = lower_binary,
#define LOAD(code, id, ...)  [OP_ROW(code)] = lower_load,
#define STORE(code, id, ...) [OP_ROW(code)] = lower_store,
#include "wasmcore/ops.def"
    [WOP_unreachable] = lower_unreachable,
    [WOP_nop] = lower_nop,
    [WOP_block] = lower_enter,
    [WOP_loop] = lower_enter,
    [WOP_op_if] = lower_enter,
    [WOP_op_else] = lower_else,
    [WOP_end] = lower_end,
    [WOP_br] = lower_br,
    [WOP_br_if] = lower_br_if,
    [WOP_br_table] = lower_br_table,
    [WOP_op_return] = lower_return,
    [WOP_call] = lower_call,
    [WOP_call_indirect] = lower_call_indirect,
    [WOP_return_call] = lower_return_call,
    [WOP_return_call_indirect] = lower_return_call_indirect,
    [WOP_drop] = lower_drop,
    [WOP_select] = lower_select,
    [WOP_select_t] = lower_select,
    [WOP_local_get] = lower_local_get,
    [WOP_local_set] = lower_local_set,
    [WOP_local_tee] = lower_local_tee,
    [WOP_global_get] = lower_global,
    [WOP_global_set] = lower_global,
    [WOP_i32_const] = lower_i32_const,
    [WOP_i64_const] = lower_i64_const,
    [WOP_f32_const] = lower_f32_const,
    [WOP_f64_const] = lower_f64_const,
    [WOP_ref_null] = lower_ref_null,
    [WOP_ref_is_null] = lower_is_null,
    [WOP_ref_func] = lower_ref_func,
    [WOP_memory_size] = lower_memory_size,
    [WOP_memory_grow] = lower_memory_grow,
    [OP_ROW(WOP_memory_init)] = lower_memory_bulk,
    [OP_ROW(WOP_memory_copy)] = lower_memory_bulk,
    [OP_ROW(WOP_memory_fill)] = lower_memory_bulk,
    [OP_ROW(WOP_data_drop)] = lower_data_drop,
    [WOP_table_get] = lower_table_value,
    [OP_ROW(WOP_table_grow)] = lower_table_value,
    [OP_ROW(WOP_table_size)] = lower_table_value,
    [WOP_table_set] = lower_table_set,
    [OP_ROW(WOP_table_init)] = lower_table_bulk,
    [OP_ROW(WOP_table_copy)] = lower_table_bulk,
    [OP_ROW(WOP_table_fill)] = lower_table_bulk,
    [OP_ROW(WOP_elem_drop)] = lower_elem_drop,
};
