/* lower_compute.c - lowering of arithmetic, compares, conditions and select. */
#include "wasmcore/lower_ops.h"

#define V_i32 0
#define V_i64 0
#define V_f32 1
#define V_f64 1

/* What an operator of UOP_ALU is (enum alu_kind), if no operand is a constant. */
#define IS(code, id) ((code) == WOP_i32_##id || (code) == WOP_i64_##id)
#define ALU_KIND(code)                                                                             \
    (IS(code, add) ? ALU_ADD                                                                       \
     : IS(code, shl) || IS(code, shr_s) || IS(code, shr_u) || IS(code, rotl) || IS(code, rotr)     \
         ? ALU_SHIFT                                                                               \
     : (code) == WOP_i32_wrap_i64 ? ALU_COPY                                                       \
                                  : ALU_USUAL)

#define T_i32 VT_I32
#define T_i64 VT_I64
#define T_f32 VT_F32
#define T_f64 VT_F64

#define COMPUTED(code, form, tr, of_files, class_of)                                               \
    [OP_ROW(code)] = {.insn = form,                                                                \
                      .result = T_##tr,                                                            \
                      .files = of_files,                                                           \
                      .class = UOP_##class_of,                                                     \
                      .flags = (of_files) ? UOP_VECTOR : 0,                                        \
                      .info = ALU_KIND(code)},
#define UNARY(code, id, tr, ta, class)                                                             \
    COMPUTED(code, IN_##id, tr, V_##tr *FILE_DST | V_##ta * FILE_A, class)
#define BINARY(code, id, tr, t, class)                                                             \
    COMPUTED(code, IN_##id##_rr, tr, V_##tr *FILE_DST | V_##t * (FILE_A | FILE_B), class)
#define ACCESS(code, id, t, mt, of_files, class_of)                                                \
    [OP_ROW(code)] = {.insn = IN_##id,                                                             \
                      .result = T_##t,                                                             \
                      .files = of_files,                                                           \
                      .class = class_of,                                                           \
                      .flags = (of_files) ? UOP_VECTOR : 0,                                        \
                      .bytes = sizeof(mt)},
const struct lower_row lower_rows[0x100 + OP_ROWS_FC] = {
#define UN(code, id, name, tr, ta, class, expr) UNARY(code, id, tr, ta, class)
#define UNT(code, id, name, tr, ta, class, fn)  UNARY(code, id, tr, ta, class)
#define BIN(code, id, name, tr, t, class, expr) BINARY(code, id, tr, t, class)
#define BINT(code, id, name, t, class, fn)      BINARY(code, id, t, t, class)
#define CMP(code, id, name, t, class, expr)     BINARY(code, id, i32, t, class)
#define LOAD(code, id, name, tr, mt, align)     ACCESS(code, id, tr, mt, V_##tr *FILE_DST, UOP_LOAD)
#define STORE(code, id, name, t, mt, align)     ACCESS(code, id, t, mt, V_##t *FILE_B, UOP_STORE)
#include "wasmcore/ops.def"
};

/* The compare that an instruction is: its operator, or 0. */
static const uint16_t compare_of[INSN_COUNT] = {
#define CMP(code, id, ...) [IN_##id##_rr] = code, [IN_##id##_ri] = code,
#include "wasmcore/ops.def"
};

#define PAIR(x, y) [WOP_##x] = WOP_##y, [WOP_##y] = WOP_##x
#define SAME(x)    [WOP_##x] = WOP_##x
/* The operator that does the same with its operands exchanged, or 0. */
static const uint16_t exchanged[0x100] = {SAME(i32_add),
                                          SAME(i32_mul),
                                          SAME(i32_and),
                                          SAME(i32_or),
                                          SAME(i32_xor),
                                          SAME(i64_add),
                                          SAME(i64_mul),
                                          SAME(i64_and),
                                          SAME(i64_or),
                                          SAME(i64_xor),
                                          SAME(f32_add),
                                          SAME(f32_mul),
                                          SAME(f64_add),
                                          SAME(f64_mul),
                                          SAME(i32_eq),
                                          SAME(i32_ne),
                                          SAME(i64_eq),
                                          SAME(i64_ne),
                                          SAME(f32_eq),
                                          SAME(f32_ne),
                                          SAME(f64_eq),
                                          SAME(f64_ne),
                                          PAIR(i32_lt_s, i32_gt_s),
                                          PAIR(i32_lt_u, i32_gt_u),
                                          PAIR(i32_le_s, i32_ge_s),
                                          PAIR(i32_le_u, i32_ge_u),
                                          PAIR(i64_lt_s, i64_gt_s),
                                          PAIR(i64_lt_u, i64_gt_u),
                                          PAIR(i64_le_s, i64_ge_s),
                                          PAIR(i64_le_u, i64_ge_u),
                                          PAIR(f32_lt, f32_gt),
                                          PAIR(f32_le, f32_ge),
                                          PAIR(f64_lt, f64_gt),
                                          PAIR(f64_le, f64_ge)};

/* The compare that is true when this one is not, or 0: floats have none, for NaN. */
static const uint16_t negated[0x100] = {PAIR(i32_eq, i32_ne),     PAIR(i32_lt_s, i32_ge_s),
                                        PAIR(i32_lt_u, i32_ge_u), PAIR(i32_gt_s, i32_le_s),
                                        PAIR(i32_gt_u, i32_le_u), PAIR(i64_eq, i64_ne),
                                        PAIR(i64_lt_s, i64_ge_s), PAIR(i64_lt_u, i64_ge_u),
                                        PAIR(i64_gt_s, i64_le_s), PAIR(i64_gt_u, i64_le_u)};
#undef PAIR
#undef SAME

/* ---- arithmetic ---- */

/* What an operator of UOP_ALU is with the constant imm as its second operand. From tables, since a
 * host cannot predict which operators and constants come. */
enum { WITH_USUAL, WITH_SHIFT, WITH_SHL, WITH_SUM32, WITH_SUM64 };
static const uint8_t with_constant[0x100] = {
#define BOTH(id, what) [WOP_i32_##id] = what, [WOP_i64_##id] = what
    BOTH(shr_s, WITH_SHIFT),    BOTH(shr_u, WITH_SHIFT),    BOTH(rotl, WITH_SHIFT),
    BOTH(rotr, WITH_SHIFT),     BOTH(shl, WITH_SHL),        [WOP_i32_add] = WITH_SUM32,
    [WOP_i32_sub] = WITH_SUM32, [WOP_i64_add] = WITH_SUM64, [WOP_i64_sub] = WITH_SUM64,
#undef BOTH
};

static inline uint8_t kind_with_constant(uint32_t op, uint64_t imm)
{
    static const struct {
        uint64_t bits;    /* of the constant */
        uint8_t kinds[3]; /* it is large; from -1024 to 1023; from 1 to 3 */
    } table[] = {
        [WITH_USUAL] = {0, {ALU_USUAL, ALU_USUAL, ALU_USUAL}},
        [WITH_SHIFT] = {0, {ALU_SHIFT, ALU_SHIFT, ALU_SHIFT}},
        [WITH_SHL] = {UINT64_MAX, {ALU_SHIFT, ALU_SHIFT, ALU_SCALE}},
        [WITH_SUM32] = {UINT32_MAX, {ALU_ADD, ALU_ADD_SHORT, ALU_ADD_SHORT}},
        [WITH_SUM64] = {UINT64_MAX, {ALU_ADD, ALU_ADD_SHORT, ALU_ADD_SHORT}},
    };
    const uint32_t what = with_constant[op];
    const uint32_t is_short = ((imm + 1024) & table[what].bits) < 2048, scales = imm - 1 < 3;
    return table[what].kinds[is_short + scales];
}

static void unary(struct builder *b, uint32_t op)
{
    const struct lower_row *row = lower_row(op);
    const uint32_t at = b->height - 1;
    const uint16_t dst = stack_temp_slot(b, at), a = stack_slot(b, at);
    if (!code_room(b))
        return;
    take_operand(b, &b->stack[at], dst);
    push_at(b, at, row->result);
    struct insn *const in = put_row(b, row, row->info, dst, a, REG_NONE);
    in->op = row->insn;
    in->dst = dst;
    in->a = a;
    in->b = 0;
    in->imm = 0;
}

void lower_unary(struct builder *b, const struct op *o)
{
    unary(b, o->code);
}

/* REF_NULL is zero. */
void lower_is_null(struct builder *b, const struct op *o)
{
    (void)o;
    unary(b, WOP_i64_eqz);
}

/* Nothing to do: the high half of an i32's slot is zero. */
void lower_extend_u(struct builder *b, const struct op *o)
{
    (void)o;
    stack_top(b, 0)->type = VT_I64;
}

/* i32.eqz. A test for zero of a compare is the opposite compare. */
void lower_eqz(struct builder *b, const struct op *o)
{
    const struct insn *p = code_producer(b, 0);
    uint32_t not = p ? negated[compare_of[p->op]] : 0;
    if (!not ) {
        unary(b, o->code);
        return;
    }
    uint32_t form = (uint32_t)p->op - lower_row(compare_of[p->op])->insn;
    b->insns[b->producer].op = (uint16_t)(lower_row(not )->insn + form);
    if (b->keeps_pos)
        b->pos[b->producer].ops = (uint16_t)b->ops;
}

/* One with operands x and y, of which at most y is a constant, at these slots if they are
 * temporaries; the lower one is entry `at`. */
static inline __attribute__((always_inline)) void binary(struct builder *b, uint32_t op,
                                                         uint32_t at, const struct entry *x,
                                                         uint16_t a, const struct entry *y,
                                                         uint16_t c)
{
    const struct lower_row *const row = &lower_rows[op];
    const uint16_t dst = stack_temp_slot(b, at);
    uint32_t form = FORM_RR;
    uint64_t imm = 0;
    uint8_t kind = row->info;
    if (!code_room(b))
        return;
    if (y->kind == E_CONST) {
        form = FORM_RI;
        imm = y->bits;
        kind = kind_with_constant(op, imm);
        c = REG_NONE;
    } else {
        c = take_operand(b, y, c);
    }
    a = take_operand(b, x, a);
    push_at(b, at, row->result);
    struct insn *const in = put_row(b, row, kind, dst, a, c);
    in->op = (uint16_t)(row->insn + form);
    in->dst = dst;
    in->a = a;
    in->b = c;
    in->imm = imm;
}

/* The first operand is a constant, but not the second: there is a form for it. */
static void binary_ir(struct builder *b, uint32_t op, uint32_t at)
{
    const struct lower_row *const row = &lower_rows[op];
    const struct entry *x = &b->stack[at], *y = x + 1;
    const uint64_t imm = x->bits;
    if (!code_room(b))
        return;
    const uint16_t c = take_operand(b, y, stack_temp_slot(b, at + 1)), dst = stack_temp_slot(b, at);
    push_at(b, at, row->result);
    *put_row(b, row, row->info, dst, REG_NONE, c) = (struct insn){
        .op = (uint16_t)(row->insn + FORM_IR), .dst = dst, .a = REG_NONE, .b = c, .imm = imm};
}

/* The first operand is a constant: exchange them, or let the instruction have it, or put it where
 * an operand can be. */
static APART void binary_of_constant(struct builder *b, const struct op *o, uint32_t at)
{
    const struct entry *x = &b->stack[at], *y = x + 1;
    const uint16_t a = stack_temp_slot(b, at), c = stack_temp_slot(b, at + 1);
    if (y->kind != E_CONST && exchanged[o->code]) {
        binary(b, exchanged[o->code], at, y, c, x, a);
    } else if (y->kind != E_CONST && o->info->kind == OPK_BIN) {
        binary_ir(b, o->code, at);
    } else {
        stack_settle(b, at);
        binary(b, o->code, at, x, a, y, c);
    }
}

void lower_binary(struct builder *b, const struct op *o)
{
    const uint32_t at = b->height - 2;
    const struct entry *x = &b->stack[at], *y = x + 1;
    if (x->kind == E_CONST)
        binary_of_constant(b, o, at);
    else
        binary(b, o->code, at, x, stack_temp_slot(b, at), y, stack_temp_slot(b, at + 1));
}

/* ---- conditions ---- */

int fits_32(uint8_t type, uint64_t bits, uint32_t *x)
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

/* The branches that a compare or a test for zero can become, if it is true and if it is false, and
 * the type of what is compared. */
static const struct {
    uint16_t if_true, if_false;
    uint8_t type;
} branches[INSN_COUNT] = {
#define CMP(code, id, name, t, class, expr)                                                        \
    [IN_##id##_rr] = {BT_##id##_rr, BF_##id##_rr, T_##t},                                          \
    [IN_##id##_ri] = {BT_##id##_ri, BF_##id##_ri, T_##t},
#include "wasmcore/ops.def"
    [IN_i32_eqz] = {IN_BZ32, IN_BNZ32, VT_I32},
    [IN_i64_eqz] = {IN_BZ64, IN_BNZ64, VT_I64},
};

/* The instruction that branches as p says, or 0: it says nothing, or has a constant that does not
 * fit into *x. */
static inline uint32_t branch_of(const struct insn *p, int sense, uint32_t *x)
{
    const uint32_t branch = sense ? branches[p->op].if_true : branches[p->op].if_false;
    return branch && fits_32(branches[p->op].type, p->imm, x) ? branch : 0;
}

struct condition lower_condition(struct builder *b, int sense)
{
    struct condition c = {.compare.class = UOP_CLASSES, .b = REG_NONE};
    const struct insn *p = code_producer(b, 0);
    uint32_t x = 0, branch = p ? branch_of(p, sense, &x) : 0;
    if (branch) {
        c.in = (struct insn){.op = (uint16_t)branch, .a = p->a, .b = p->b, .x = x};
        const struct raw_uop *u = &b->uops[b->producer_uop];
        c.a = u->a;
        c.b = u->b;
        if (u->files) { /* of floats: the branch waits for the compare's result */
            c.compare = *u;
            c.a = u->dst;
            c.b = REG_NONE;
        }
        code_undo(b);
    } else {
        c.a = c.in.a = stack_top_slot(b, 0);
        c.in.op = sense ? IN_BNZ32 : IN_BZ32;
    }
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

/* It is no compare, or one of floats. */
static APART uint32_t branch_upon_value(struct builder *b, int sense)
{
    const struct condition c = lower_condition(b, sense);
    return code_condition(b, &c);
}

/* A compare of integers becomes the branch where it stands. */
uint32_t code_branch_if(struct builder *b, int sense)
{
    struct insn *const p = code_producer(b, 0);
    uint32_t x, branch = p ? branch_of(p, sense, &x) : 0;
    if (!branch)
        return branch_upon_value(b, sense);
    struct raw_uop *const u = &b->uops[b->producer_uop];
    if (u->files)
        return branch_upon_value(b, sense);
    const uint32_t at = b->producer;
    if (b->keeps_pos)
        b->pos[at] = code_pos(b);
    b->producer = NO_INSN;
    b->height--; /* a temporary */
    if (b->flushed > b->height)
        b->flushed = b->height;
    p->op = (uint16_t)branch;
    p->dst = 0;
    p->imm = x;
    u->class = UOP_BRANCH;
    u->dst = REG_NONE;
    return at;
}

/* Can a select hold it? */
static int short_const(const struct entry *e)
{
    return e->kind == E_CONST && e->bits <= UINT32_MAX;
}

void lower_select(struct builder *b, const struct op *o)
{
    (void)o;
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
