/* lower_control.c - lowering of blocks and branches, and of the values that labels take. */
#include "wasmcore/lower_ops.h"
#include "wasmcore/slots.h"

/* ---- values that a label takes ---- */

static struct functype block_type(const struct builder *b, int64_t bt)
{
    if (bt >= 0)
        return b->unit->slot_types[bt];
    if (bt == BLOCK_EMPTY)
        return (struct functype){0, 0, op_block_empty};
    const uint8_t type = BLOCK_VALUE_TYPE(bt);
    return (struct functype){0, slot_width(type), op_block_result(type)};
}

static uint32_t label_arity(const struct control *c)
{
    return c->kind == C_LOOP ? c->type.nparams : c->type.nresults;
}

static const uint8_t *result_types(const struct control *c)
{
    return c->type.types + c->type.nparams;
}

/* Are the n values below `height` where the label wants them? */
static int in_place(const struct builder *b, const struct control *c, uint32_t n, uint32_t height)
{
    if (n > 0 && height != c->height + n)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        if (b->stack[c->height + i].kind != E_TEMP)
            return 0;
    }
    return 1;
}

/* Copy the topmost n values to slots from dst on. Ascending: each goes to a slot at or below its
 * own, so none is overwritten before it is read. The descriptors stay as they are. */
static void copy_values(struct builder *b, uint32_t n, uint32_t dst)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pos = b->height - n + i;
        const struct entry *e = &b->stack[pos];
        uint16_t to = (uint16_t)(dst + i);
        if (e->kind == E_CONST)
            code_const(b, e->type, to, e->bits);
        else if (e->kind == E_LOCAL)
            code_move(b, e->type, to, e->local);
        else if (to != stack_temp_slot(b, pos))
            code_move(b, e->type, to, stack_temp_slot(b, pos));
    }
}

void emit_return(struct builder *b)
{
    uint32_t n = b->type->nresults;
    if (n == 0) {
        code_emit(b, (struct insn){.op = IN_RETURN});
    } else if (n == 1) {
        const struct entry *e = stack_top(b, 0);
        if (e->kind == E_CONST) {
            code_emit(b, (struct insn){.op = IN_RETURN_I, .imm = e->bits});
            code_alu(b, UOP_ALU, 0, REG_NONE, REG_NONE, REG_NONE);
        } else {
            uint16_t a = stack_top_slot(b, 0);
            unsigned v = is_vector(e->type) ? FILE_A : 0;
            code_emit(b, (struct insn){.op = IN_RETURN_R, .a = a});
            if (e->kind == E_TEMP)
                code_free(b, RAW_USE, v, REG_NONE, a);
            else
                code_alu(b, UOP_ALU, v, REG_NONE, a, REG_NONE);
        }
    } else {
        /* locals are overwritten by results, so they are copied to their temporaries first */
        for (uint32_t i = 0; i < n; i++) {
            uint32_t pos = b->height - n + i;
            if (b->stack[pos].kind == E_LOCAL)
                code_move(b, b->stack[pos].type, stack_temp_slot(b, pos), b->stack[pos].local);
        }
        for (uint32_t i = 0; i < n; i++) {
            uint32_t pos = b->height - n + i;
            const struct entry *e = &b->stack[pos];
            if (e->kind == E_CONST)
                code_const(b, e->type, (uint16_t)i, e->bits);
            else
                code_move(b, e->type, (uint16_t)i, stack_temp_slot(b, pos));
        }
        code_emit(b, (struct insn){.op = IN_RETURN});
    }
    code_alu(b, UOP_BRANCH, 0, REG_NONE, REG_NONE, REG_NONE);
    code_end_block(b, END_RETURN, 0);
}

/* Go to a label, whatever that takes; the block ends. */
static void emit_branch(struct builder *b, struct control *c)
{
    if (c->kind == C_FUNC) {
        emit_return(b);
        return;
    }
    uint32_t n = label_arity(c);
    if (!in_place(b, c, n, b->height))
        copy_values(b, n, b->temps + c->height);
    uint32_t at = code_emit(b, (struct insn){.op = IN_JUMP});
    code_alu(b, UOP_BRANCH, 0, REG_NONE, REG_NONE, REG_NONE);
    label_refer(b, c, at, b->block);
    code_end_block(b, END_JUMP, c->height + n);
}

static struct control *label(struct builder *b, uint32_t depth)
{
    return &b->controls[b->ncontrols - 1 - depth];
}

/* ---- control operators ---- */

void lower_unreachable(struct builder *b, const struct op *o)
{
    (void)o;
    code_emit(b, (struct insn){.op = IN_UNREACHABLE});
    code_end_block(b, END_TRAP, 0);
}

void lower_return(struct builder *b, const struct op *o)
{
    (void)o;
    emit_return(b);
}

void lower_br(struct builder *b, const struct op *o)
{
    emit_branch(b, label(b, o->x));
}

/* Not straight to the label: around what goes there, by the opposite condition. */
static APART void br_if_around(struct builder *b, struct control *c, uint32_t live)
{
    struct control skip = {.kind = C_BLOCK};
    label_refer(b, &skip, code_branch_if(b, 0), b->block);
    code_next_block(b, END_COND, live);
    emit_branch(b, c);
    code_begin_block(b);
    label_bind(b, skip.refs);
}

void lower_br_if(struct builder *b, const struct op *o)
{
    struct control *c = label(b, o->x);
    uint32_t n = label_arity(c), live = b->height - 1;
    const uint32_t direct = c->kind != C_FUNC && (n == 0 || in_place(b, c, n, live));
    if (live < c->height + n)
        live = c->height + n;
    if (!direct) {
        br_if_around(b, c, live);
        return;
    }
    label_refer(b, c, code_branch_if(b, 1), b->block);
    code_next_block(b, END_COND, live);
}

/* Where entry k of a br_table goes: straight to the label, or to a stub that moves values. */
void lower_br_table(struct builder *b, const struct op *o)
{
    const struct module *m = b->module;
    struct reader labels = {m->bytes, o->bytes, m->bytes + b->fn->body_end, NULL, NULL};
    uint32_t n = o->x, number = ++b->tables;
    uint16_t index = stack_top_slot(b, 0);
    stack_pop(b, 1);
    uint32_t at = code_emit(b, (struct insn){.op = IN_TABLE, .a = index, .x = n});
    uint32_t first = at + 1;
    for (uint32_t i = 0; i <= n && !b->failed; i++) {
        struct control *c = label(b, reader_u32(&labels));
        uint32_t k = code_emit(b, (struct insn){.op = IN_JUMP});
        if (c->kind != C_FUNC && in_place(b, c, label_arity(c), b->height))
            label_refer(b, c, k, NO_BLOCK);
    }
    /* a check of bounds, the target from a table in memory that is near, the jump */
    const uint16_t target = stack_temp_slot(b, b->height);
    code_alu(b, UOP_ALU, 0, REG_NONE, index, REG_NONE);
    code_uop(b, near_load(b, target, index));
    code_alu(b, UOP_BRANCH, 0, REG_NONE, target, REG_NONE);
    code_end_block(b, END_TABLE, b->height);
    labels.at = o->bytes;
    for (uint32_t i = 0; i <= n && !b->failed; i++) {
        struct control *c = label(b, reader_u32(&labels));
        if (c->kind != C_FUNC && in_place(b, c, label_arity(c), b->height))
            continue;
        if (c->table != number) {
            c->table = number;
            code_begin_block(b);
            c->stub = b->blocks ? b->blocks[b->block].insn : 0;
            emit_branch(b, c);
        }
        if (!b->failed)
            b->insns[first + i].y = c->stub - (first + i);
    }
}

struct control *push_control(struct builder *b, uint8_t kind)
{
    if (GROW(b->controls, b->controls_cap, b->ncontrols, 1)) {
        builder_fail(b, "out of memory");
        return NULL;
    }
    struct control *c = &b->controls[b->ncontrols++];
    *c = (struct control){.kind = kind};
    return c;
}

/* An if: its condition, which is taken off first, is branched upon last. */
static void enter_if(struct builder *b, struct control *c)
{
    struct control skip = {.kind = C_BLOCK};
    const struct condition k = lower_condition(b, 0);
    stack_settle_top(b, c->type.nparams);
    stack_flush_locals(b);
    c->height = b->height - c->type.nparams;
    label_refer(b, &skip, code_condition(b, &k), b->block);
    c->if_false = skip.refs;
    code_next_block(b, END_COND, b->height);
}

static void begin_loop(struct builder *b, struct control *c)
{
    b->depth++;
    c->block = code_begin_block(b);
    if (b->failed)
        return;
    b->blocks[c->block].loop_head = 1;
    c->insn = b->blocks[c->block].insn;
}

static APART void enter_any(struct builder *b, const struct op *o)
{
    const uint32_t op = o->code;
    struct control *c = push_control(b, op == WOP_loop ? C_LOOP : op == WOP_op_if ? C_IF : C_BLOCK);
    if (!c)
        return;
    c->type = block_type(b, o->block);
    if (op == WOP_op_if) {
        enter_if(b, c);
        return;
    }
    stack_settle_top(b, c->type.nparams);
    stack_flush_locals(b);
    c->height = b->height - c->type.nparams;
    if (op == WOP_loop)
        begin_loop(b, c);
    else
        b->producer = NO_INSN;
}

/* block, loop, if: afterwards nothing below the label's base is a local, and the parameters are in
 * their temporaries. Most are blocks without parameters and results. */
void lower_enter(struct builder *b, const struct op *o)
{
    if (o->code != WOP_block || o->block != BLOCK_EMPTY || b->ncontrols == b->controls_cap) {
        enter_any(b, o);
        return;
    }
    stack_flush_locals(b);
    b->producer = NO_INSN;
    b->controls[b->ncontrols++] = (struct control){
        .kind = C_BLOCK, .height = b->height, .type = {0, 0, op_block_empty}};
}

/* The stack becomes what it is at a label's base, with these values on it in their temporaries. */
static void reset_stack(struct builder *b, const struct control *c, uint32_t n,
                        const uint8_t *types)
{
    stack_pop(b, b->height - c->height);
    for (uint32_t i = 0; i < n; i++)
        stack_push_temp(b, types[i]);
}

void lower_else(struct builder *b, const struct op *o)
{
    (void)o;
    struct control *c = label(b, 0);
    if (b->open)
        emit_branch(b, c);
    reset_stack(b, c, c->type.nparams, c->type.types);
    code_begin_block(b);
    label_bind(b, c->if_false);
    c->if_false = 0;
    c->kind = C_ELSE;
}

/* Some branch goes to the end. An if without else goes there when it is false, with its parameters,
 * which are the results. */
static APART void end_with_label(struct builder *b, const struct control *c)
{
    const uint32_t n = c->type.nresults;
    if (b->open)
        stack_settle_top(b, n);
    reset_stack(b, c, n, result_types(c));
    code_begin_block(b);
    label_bind(b, c->refs);
    if (c->if_false)
        label_bind(b, c->if_false);
}

void lower_end(struct builder *b, const struct op *o)
{
    (void)o;
    const struct control *c = &b->controls[--b->ncontrols];
    if (c->kind == C_FUNC) {
        if (b->open)
            emit_return(b);
        return;
    }
    if (c->kind == C_LOOP) {
        b->depth--;
        if (b->open && b->ops == 0) /* begun by the loop's last branch, but no part of it */
            b->blocks[b->block].depth = (uint8_t)(b->depth < 255 ? b->depth : 255);
    }
    if (c->refs || c->if_false)
        end_with_label(b, c);
    else if (!b->open)
        stack_pop(b, b->height - c->height); /* else values stay as they are described */
}
