/* lower.c - lowering: the pass over a function's body, control, and putting units together. */
#include "wasmcore/lower.h"

#include <stdio.h>
#include <stdlib.h>

#include "wasmcore/builder.h"
#include "wasmcore/ops.h"
#include "wasmcore/slots.h"
#include "wasmcore/stackmap.h"

/* ---- control: values that a label takes ---- */

static struct functype block_type(const struct builder *b, struct control *c, int64_t bt)
{
    if (bt >= 0)
        return b->unit->slot_types[bt];
    if (bt == BLOCK_EMPTY)
        return (struct functype){0, 0, c->one};
    c->one[0] = BLOCK_VALUE_TYPE(bt);
    c->one[1] = VT_HIGH;
    return (struct functype){0, slot_width(c->one[0]), c->one};
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

static void emit_return(struct builder *b)
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
            code_alu(b, e->kind == E_TEMP ? RAW_USE : UOP_ALU, v, REG_NONE, a, REG_NONE);
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
    code_end_block(b, END_RETURN, 0, 0);
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
    code_end_block(b, END_JUMP, 0, c->height + n);
}

static struct control *label(struct builder *b, uint32_t depth)
{
    return &b->controls[b->ncontrols - 1 - depth];
}

/* ---- control operators ---- */

static void op_br_if(struct builder *b, struct control *c)
{
    uint32_t n = label_arity(c), live = b->height - 1, carried = c->height + n;
    int direct = c->kind != C_FUNC && in_place(b, c, n, live);
    struct condition k = lower_condition(b, direct);
    struct control skip = {.kind = C_BLOCK};
    uint32_t at = code_condition(b, &k);
    label_refer(b, direct ? c : &skip, at, b->block);
    code_end_block(b, END_COND, 1, live > carried ? live : carried);
    code_begin_block(b);
    if (direct)
        return;
    emit_branch(b, c); /* around which the opposite condition goes */
    code_begin_block(b);
    label_bind(b, skip.refs);
}

/* Where entry k of a br_table goes: straight to the label, or to a stub that moves values. */
static void op_br_table(struct builder *b)
{
    uint32_t n = reader_u32(&b->in), number = ++b->tables;
    uint16_t index = stack_top_slot(b, 0);
    stack_pop(b, 1);
    uint32_t at = code_emit(b, (struct insn){.op = IN_TABLE, .a = index, .x = n});
    uint32_t first = at + 1;
    const uint8_t *entries = b->in.at;
    for (uint32_t i = 0; i <= n && !b->failed; i++) {
        struct control *c = label(b, reader_u32(&b->in));
        uint32_t k = code_emit(b, (struct insn){.op = IN_JUMP});
        if (c->kind != C_FUNC && in_place(b, c, label_arity(c), b->height))
            label_refer(b, c, k, NO_BLOCK);
    }
    /* a check of bounds, the target from a table in memory that is near, the jump */
    const uint16_t target = stack_temp_slot(b, b->height);
    code_alu(b, UOP_ALU, 0, REG_NONE, index, REG_NONE);
    code_uop(b, near_load(b, target, index));
    code_alu(b, UOP_BRANCH, 0, REG_NONE, target, REG_NONE);
    code_end_block(b, END_TABLE, 0, b->height);
    b->in.at = entries;
    for (uint32_t i = 0; i <= n && !b->failed; i++) {
        struct control *c = label(b, reader_u32(&b->in));
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

static struct control *push_control(struct builder *b, uint8_t kind)
{
    struct control *c = &b->controls[b->ncontrols++];
    *c = (struct control){.kind = kind};
    return c;
}

/* block, loop, if: afterwards nothing below the label's base is a local, and the parameters are in
 * their temporaries. An if's condition has been taken off, and is branched upon after that. */
static void op_enter(struct builder *b, uint32_t op)
{
    struct condition k = {.b = REG_NONE};
    struct control *c = push_control(b, op == WOP_loop ? C_LOOP : op == WOP_op_if ? C_IF : C_BLOCK);
    c->type = block_type(b, c, reader_block_type(&b->in));
    if (op == WOP_op_if)
        k = lower_condition(b, 0);
    stack_settle_top(b, c->type.nparams);
    stack_flush_locals(b);
    c->height = b->height - c->type.nparams;
    if (op == WOP_loop) {
        b->depth++;
        c->block = code_begin_block(b);
        if (b->failed)
            return;
        b->blocks[c->block].loop_head = 1;
        c->insn = b->blocks[c->block].insn;
    } else if (op == WOP_op_if) {
        struct control skip = {.kind = C_BLOCK};
        label_refer(b, &skip, code_condition(b, &k), b->block);
        c->if_false = skip.refs;
        code_end_block(b, END_COND, 1, b->height);
        code_begin_block(b);
    } else {
        b->producer = NO_INSN;
    }
}

/* The stack becomes what it is at a label's base, with these values on it in their temporaries. */
static void reset_stack(struct builder *b, const struct control *c, uint32_t n,
                        const uint8_t *types)
{
    stack_pop(b, b->height - c->height);
    for (uint32_t i = 0; i < n; i++)
        stack_push_temp(b, types[i]);
}

static void op_else(struct builder *b)
{
    struct control *c = label(b, 0);
    if (b->open)
        emit_branch(b, c);
    reset_stack(b, c, c->type.nparams, c->type.types);
    code_begin_block(b);
    label_bind(b, c->if_false);
    c->if_false = 0;
    c->kind = C_ELSE;
}

/* The end of an if without else: its false way carries the parameters, which are the results. */
static void op_end(struct builder *b)
{
    struct control *c = label(b, 0);
    uint32_t n = c->type.nresults;
    b->ncontrols--;
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
    if (!c->refs && !c->if_false) {
        if (!b->open)
            stack_pop(b, b->height - c->height);
        return; /* values stay as they are described */
    }
    if (b->open)
        stack_settle_top(b, n);
    reset_stack(b, c, n, result_types(c));
    code_begin_block(b);
    label_bind(b, c->refs);
    label_bind(b, c->if_false);
}

/* ---- code that is never reached ---- */

static void skip_immediate(struct builder *b, uint32_t op)
{
    struct reader *r = &b->in;
    switch (op_lookup(op)->imm) {
    case IMM_BLOCK:
        reader_block_type(r);
        break;
    case IMM_BR_TABLE:
        for (uint32_t n = reader_u32(r) + 1; n > 0; n--)
            reader_u32(r);
        break;
    case IMM_SELECT_T:
        reader_bytes(r, reader_u32(r));
        break;
    case IMM_MEMARG:
        memarg_read(r, b->unit->module);
        break;
    case IMM_I32:
        reader_s32(r);
        break;
    case IMM_I64:
        reader_s64(r);
        break;
    case IMM_F32:
        reader_f32(r);
        break;
    case IMM_F64:
        reader_f64(r);
        break;
    case IMM_LANE:
        reader_u8(r);
        break;
    case IMM_MEMARG_LANE:
        memarg_read(r, b->unit->module);
        reader_u8(r);
        break;
    case IMM_V128:
    case IMM_SHUFFLE:
        reader_bytes(r, 16);
        break;
    case IMM_CALL_INDIRECT:
    case IMM_MEMORY_INIT:
    case IMM_MEMORY_COPY:
    case IMM_TABLE_INIT:
    case IMM_TABLE_COPY:
        reader_u32(r);
        reader_u32(r);
        break;
    case IMM_FENCE:
        reader_u8(r);
        break;
    case IMM_NONE:
        break;
    default: /* one index */
        reader_u32(r);
        break;
    }
}

/* Skip up to the else or end that belongs to the innermost control; that operator. */
static uint32_t skip_dead(struct builder *b)
{
    uint32_t nested = 0;
    while (b->in.at != b->in.end) {
        b->at = reader_offset(&b->in);
        uint32_t op = reader_op(&b->in);
        if (nested == 0 && (op == WOP_end || op == WOP_op_else))
            return op;
        if (op == WOP_block || op == WOP_loop || op == WOP_op_if)
            nested++;
        else if (op == WOP_end)
            nested--;
        skip_immediate(b, op);
    }
    return WOP_end;
}

/* ---- the pass ---- */

static int counts(uint32_t op)
{
    return op != WOP_block && op != WOP_loop && op != WOP_end && op != WOP_op_else && op != WOP_nop;
}

static void lower_operator(struct builder *b, uint32_t op)
{
    uint32_t x;
    if (op > WOP_return_call_indirect) { /* most of them */
        b->ops++;
        lower_plain(b, op);
        return;
    }
    b->ops += (uint32_t)counts(op);
    switch (op) {
    case WOP_nop:
        break;
    case WOP_unreachable:
        code_emit(b, (struct insn){.op = IN_UNREACHABLE});
        code_end_block(b, END_TRAP, 0, 0);
        break;
    case WOP_block:
    case WOP_loop:
    case WOP_op_if:
        op_enter(b, op);
        break;
    case WOP_op_else:
        op_else(b);
        break;
    case WOP_end:
        op_end(b);
        break;
    case WOP_br:
        emit_branch(b, label(b, reader_u32(&b->in)));
        break;
    case WOP_br_if:
        op_br_if(b, label(b, reader_u32(&b->in)));
        break;
    case WOP_br_table:
        op_br_table(b);
        break;
    case WOP_op_return:
        emit_return(b);
        break;
    case WOP_call:
        lower_call(b, reader_u32(&b->in));
        break;
    case WOP_call_indirect:
        x = reader_u32(&b->in);
        lower_call_indirect(b, x, reader_u32(&b->in));
        break;
    case WOP_return_call:
        if (lower_tail_call(b, reader_u32(&b->in)))
            emit_return(b);
        break;
    case WOP_return_call_indirect:
        x = reader_u32(&b->in);
        lower_tail_call_indirect(b, x, reader_u32(&b->in));
        emit_return(b);
        break;
    default: /* validation lets no other through */
        break;
    }
}

/* Between two operators. If nothing but an IN_BLOCK has been emitted for what comes, this is a
 * point: see stackmap.h. */
static void watch_point(struct builder *b, uint32_t offset)
{
    if (b->see && b->open && !b->failed && b->blocks[b->block].insn + 1 == b->ninsns)
        b->see(b->see_arg, b, offset);
}

static void lower_body(struct builder *b)
{
    struct control *c = push_control(b, C_FUNC);
    c->type = *b->type;
    code_begin_block(b);
    watch_point(b, reader_offset(&b->in));
    while (b->ncontrols > 0 && !b->failed) {
        if (!b->open) {
            lower_operator(b, skip_dead(b));
            continue;
        }
        b->at = reader_offset(&b->in);
        lower_operator(b, reader_op(&b->in));
        if (b->open && (b->ops >= BLOCK_OPS || b->logged >= BLOCK_OPS) && !b->failed)
            code_begin_block(b);
        watch_point(b, reader_offset(&b->in));
    }
}

/* ---- into the store ---- */

static void place_blocks(struct builder *b, struct block *out, uint32_t first, uint32_t func)
{
    for (uint32_t i = 0; i < b->nblocks; i++) {
        const struct raw_block *k = &b->blocks[i];
        out[i].nops = k->nops;
        out[i].func = func;
        out[i].taken = k->taken ? first + k->taken - 1 : 0;
        out[i].next = k->next ? first + k->next - 1 : 0;
        out[i].end = k->end;
        out[i].loop_head = k->loop_head;
        b->insns[k->insn].imm = LOG_WORD(LOG_BLOCK, (uint64_t)(first + i) << 32);
    }
}

/* Hand the finished instructions over, with their positions behind them. */
static int take_code(const struct builder *b, struct code *code)
{
    const size_t insns = b->ninsns * sizeof(*b->insns), pos = b->ninsns * sizeof(*b->pos);
    uint8_t *to = unit_code_room(b->unit, insns + pos);
    if (!to)
        return -1;
    memcpy(to, b->insns, insns);
    memcpy(to + insns, b->pos, pos);
    code->insns = (struct insn *)to;
    code->pos = (struct insn_pos *)(to + insns);
    code->ninsns = b->ninsns;
    return 0;
}

static int finish_function(struct builder *b, struct code *code)
{
    struct store *st = b->st;
    uint32_t first = st->nblocks, frame = b->temps + b->most_height;
    struct regalloc ra = {.uops = b->uops,
                          .nuops = b->nuops,
                          .blocks = b->blocks,
                          .nblocks = b->nblocks,
                          .type = b->type,
                          .nlocals = b->nlocals,
                          .temps = b->temps,
                          .nslots = b->temps + b->most_operands + 2,
                          .leaf = !b->calls,
                          .vectors = b->vectors,
                          .room = b->registers};
    if (GROW(st->blocks, st->blocks_cap, st->nblocks, b->nblocks) ||
        first + (uint64_t)b->nblocks > 0x0fffffffu)
        return -1;
    memset(&st->blocks[first], 0, b->nblocks * sizeof(*st->blocks));
    if (regalloc_run(st, &ra, &st->blocks[first]))
        return -1;
    place_blocks(b, &st->blocks[first], first, code->func);
    st->nblocks += b->nblocks;
    code->frame_slots = frame > b->type->nresults ? frame : b->type->nresults;
    code->zero_at = b->type->nparams;
    code->zero_n = b->nlocals - b->type->nparams;
    st->funcs[code->func].first_block = first;
    st->funcs[code->func].nblocks = b->nblocks;
    st->funcs[code->func].frame_slots = code->frame_slots;
    st->funcs[code->func].temps = b->temps;
    return take_code(b, code);
}

/* The code of an import that is an instruction, as if its body were a call of itself: for tables
 * and exports. */
static void lower_wrapper(struct builder *b, uint32_t index)
{
    push_control(b, C_FUNC)->type = *b->type;
    code_begin_block(b);
    watch_point(b, 0);
    for (uint32_t i = 0; i < b->type->nparams; i++)
        stack_push_local(b, i);
    b->at = 0;
    lower_call(b, index);
    if (b->block > 0)
        watch_point(b, 1);
    if (!b->failed)
        emit_return(b);
}

/* All of a function's code into the builder. */
static const char *build_function(struct builder *b, uint32_t index)
{
    const struct module *m = b->unit->module;
    const struct function *fn = &m->funcs[index];
    const struct functype *type = &b->unit->slot_types[fn->type];
    int builtin = index < m->nimported[EXT_FUNC];
    if (builtin) {
        b->wrapper = (struct function){
            .type = fn->type, .max_height = type->nparams + type->nresults, .max_depth = 1};
        fn = &b->wrapper;
    }
    builder_start(b, fn, type);
    if (b->failed)
        return b->failed;
    if (builtin) {
        lower_wrapper(b, index);
    } else {
        b->in = reader_of(m->bytes, fn->body, fn->body_end);
        lower_body(b);
    }
    return b->failed;
}

static const char *lower_function(struct builder *b, uint32_t index)
{
    struct unit *u = b->unit;
    uint32_t first_call = u->nimport_calls, first_block = b->st->nblocks;
    const char *failed = build_function(b, index);
    if (failed)
        return failed;
    for (uint32_t i = first_call; i < u->nimport_calls; i++)
        u->import_calls[i].block += first_block;
    b->code_left -= b->ninsns + b->nuops;
    return finish_function(b, &u->codes[index]) ? "out of memory" : NULL;
}

/* A branch with many values is a few bytes in the module and many copies here, so the size of the
 * code is limited too. What compilers make takes about 1 for each byte. */
#define CODE_LEAST    (UINT64_C(1) << 20)
#define CODE_PER_BYTE UINT64_C(24)

/* Locals are declared by the run, in a few bytes; their sum is limited so that time and memory
 * remain in proportion to the module. */
static int too_many_locals(const struct module *m)
{
    uint64_t n = 0;
    for (uint32_t i = m->nimported[EXT_FUNC]; i < m->nfuncs; i++)
        n += m->funcs[i].nlocals;
    return n > (UINT64_C(16) << 20) + UINT64_C(16) * m->nbytes;
}

/* What compilers make takes less, so that the store's arrays do not move again and again. */
#define BYTES_PER_UOP   3u
#define BYTES_PER_BLOCK 12u

int lower_unit(struct store *st, struct unit *u, struct wasm_error *err)
{
    const struct module *m = u->module;
    struct builder b = {.st = st, .unit = u, .code_left = CODE_LEAST + CODE_PER_BYTE * m->nbytes};
    const char *failed = NULL;
    uint32_t i = 0;
    if (too_many_locals(m)) {
        *err = (struct wasm_error){0, "the functions declare too many locals"};
        return -1;
    }
    if (GROW(st->uops, st->uops_cap, st->nuops, m->nbytes / BYTES_PER_UOP) ||
        GROW(st->blocks, st->blocks_cap, st->nblocks, m->nbytes / BYTES_PER_BLOCK) ||
        !(b.registers = malloc(sizeof(*b.registers))))
        return -1; /* err says that there is no memory */
    for (; i < m->nfuncs && !failed; i++) {
        struct code *code = &u->codes[i];
        code->func = u->first_func + i;
        code->index = i;
        if (i >= m->nimported[EXT_FUNC] || u->builtin[i] != BI_NONE)
            failed = lower_function(&b, i);
    }
    if (failed) {
        err->offset = m->funcs[i - 1].body;
        snprintf(err->text, sizeof(err->text), "function %u cannot be lowered: %s", i - 1, failed);
    }
    builder_free(&b);
    return failed ? -1 : 0;
}

int lower_again(struct store *st, struct unit *u, uint32_t func, map_see *see, void *arg)
{
    struct builder b = {.st = st, .unit = u, .code_left = UINT64_MAX, .see = see, .see_arg = arg};
    uint32_t calls = u->nimport_calls;
    const char *failed = build_function(&b, func);
    u->nimport_calls = calls; /* its calls through imports were noted the first time */
    builder_free(&b);
    return failed ? -1 : 0;
}
