/* lower_calls.c - lowering of calls, and of imports that are instructions. */
#include <stdlib.h>

#include "memhier/port.h"
#include "wasmcore/lower_ops.h"

#define INT_ARGS    6u
#define VECTOR_ARGS 8u

/* What an argument and a result are, but for their slots: copied from here as words. */
static const struct raw_uop use_int = {
    .class = RAW_USE, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE, .slot = REG_NONE};
static const struct raw_uop def_int = {
    .class = RAW_DEF, .dst = REG_NONE, .a = REG_NONE, .b = REG_NONE, .slot = REG_NONE};

/* One that costs nothing, of one of these or of the vector file, for the caller to name the slot.
 * NULL: the builder has failed. */
static inline struct raw_uop *pass(struct builder *b, const struct raw_uop *of, uint8_t type,
                                   unsigned bit)
{
    if (!code_room(b))
        return NULL;
    struct raw_uop *const to = &b->uops[b->nuops++];
    b->nfree++;
    *to = *of;
    if (is_vector(type)) {
        to->flags = UOP_VECTOR;
        to->files = (uint8_t)file_bits(type, bit);
        b->vectors |= to->files;
    }
    return to;
}

static void use_argument(struct builder *b, uint8_t type, uint16_t slot)
{
    struct raw_uop *const to = pass(b, &use_int, type, FILE_A);
    if (to)
        to->a = slot;
}

static void define_result(struct builder *b, uint8_t type, uint16_t slot)
{
    struct raw_uop *const to = pass(b, &def_int, type, FILE_DST);
    if (to)
        to->dst = slot;
}

/* Arguments past those that travel in registers are stored to the callee's frame, which begins at
 * slot `frame`. */
static APART void pass_many(struct builder *b, const struct functype *type, uint32_t base,
                            uint16_t frame)
{
    uint32_t ints = 0, vectors = 0;
    int fits = 1; /* of a v128 both halves or none */
    for (uint32_t i = 0; i < type->nparams; i++) {
        uint8_t t = type->types[i];
        uint16_t slot = stack_temp_slot(b, base + i);
        if (t != VT_HIGH)
            fits = is_vector(t) ? vectors++ < VECTOR_ARGS : ints++ < INT_ARGS;
        if (fits && t == VT_HIGH)
            continue;
        if (fits)
            use_argument(b, t, slot);
        else
            code_uop(b, (struct raw_uop){.class = UOP_STORE,
                                         .flags = UOP_ON_FRAME,
                                         .bytes = 8,
                                         .files = is_vector(t) || t == VT_HIGH ? FILE_B : 0,
                                         .dst = REG_NONE,
                                         .a = REG_NONE,
                                         .b = t == VT_HIGH ? REG_NONE : slot,
                                         .slot = (uint16_t)(frame + i)});
    }
}

/* Most functions have few. */
static inline void pass_arguments(struct builder *b, const struct functype *type, uint16_t frame)
{
    const uint32_t n = type->nparams, base = b->height - n;
    if (n > INT_ARGS) {
        pass_many(b, type, base, frame);
        return;
    }
    const uint8_t *const types = type->types;
    for (uint32_t i = 0; i < n; i++) {
        if (types[i] != VT_HIGH)
            use_argument(b, types[i], stack_temp_slot(b, base + i));
    }
}

/* The arguments, which are in their temporaries, are taken off. target: where the branch goes, from
 * a register, or REG_NONE. */
static inline __attribute__((always_inline)) void
finish_call_to(struct builder *b, const struct functype *type, enum block_end how, uint16_t target)
{
    const uint32_t base = b->height - type->nparams;
    code_alu(b, UOP_BRANCH, 0, REG_NONE, target, REG_NONE);
    b->calls = 1;
    b->height = base;
    if (b->flushed > base)
        b->flushed = base;
    code_next_block(b, how, base);
    const uint8_t *const results = type->types + type->nparams;
    for (uint32_t i = 0, n = type->nresults; i < n; i++) {
        if (results[i] != VT_HIGH)
            define_result(b, results[i], stack_temp_slot(b, base + i));
        stack_push_temp(b, results[i]);
    }
}

void finish_call(struct builder *b, const struct functype *type, enum block_end how)
{
    finish_call_to(b, type, how, REG_NONE);
}

static void note_import_call(struct builder *b, uint32_t import)
{
    struct unit *u = b->unit;
    if (GROW(u->import_calls, u->import_calls_cap, u->nimport_calls, 1))
        builder_fail(b, "out of memory");
    else
        u->import_calls[u->nimport_calls++] = (struct import_call){import, b->block};
}

/* ---- imports that are instructions ---- */

static void flush_op(struct builder *b, enum mem_kind kind)
{
    uint16_t a = stack_top_slot(b, 0);
    stack_pop(b, 1);
    code_emit(b, (struct insn){.op = IN_FLUSH, .a = a});
    code_uop(b, (struct raw_uop){.class = UOP_FLUSH,
                                 .bytes = LINE_BYTES,
                                 .info = (uint8_t)kind,
                                 .dst = REG_NONE,
                                 .a = a,
                                 .b = REG_NONE,
                                 .slot = REG_NONE});
    b->logged++;
}

static void ntstore(struct builder *b, uint16_t op, uint8_t bytes)
{
    uint16_t v = stack_top_slot(b, 0), a = stack_top_slot(b, 1);
    stack_pop(b, 2);
    code_emit(b, (struct insn){.op = op, .a = a, .b = v});
    code_uop(b, (struct raw_uop){.class = UOP_NTSTORE,
                                 .bytes = bytes,
                                 .dst = REG_NONE,
                                 .a = a,
                                 .b = v,
                                 .slot = REG_NONE});
    b->logged++;
}

/* Costs nothing. Ends its block: an event in the log stands behind the addresses of a block, not
 * among them. */
static void event(struct builder *b, enum log_event code)
{
    uint32_t uops = b->nuops;
    uint16_t a = stack_top_slot(b, 0);
    b->nuops = uops; /* nor does putting a constant into a slot cost anything */
    stack_pop(b, 1);
    code_emit(b, (struct insn){.op = IN_EVENT, .a = a, .x = code});
    code_begin_block(b);
}

/* pwk.tx: an event for each argument. */
static void annotation(struct builder *b)
{
    const uint32_t uops = b->nuops;
    const uint16_t bytes = stack_top_slot(b, 0), addr = stack_top_slot(b, 1),
                   what = stack_top_slot(b, 2);
    b->nuops = uops;
    stack_pop(b, 3);
    code_emit(b, (struct insn){.op = IN_EVENT, .a = what, .x = EV_TX});
    b->logged++;
    code_emit(b, (struct insn){.op = IN_EVENT, .a = addr, .x = EV_TX_ADDR});
    b->logged++;
    code_emit(b, (struct insn){.op = IN_EVENT, .a = bytes, .x = EV_TX_BYTES});
    code_begin_block(b);
}

static void cycles(struct builder *b)
{
    static const uint8_t result[1] = {VT_I64};
    static const struct functype type = {0, 1, result};
    code_emit(b,
              (struct insn){.op = IN_HOST, .dst = stack_temp_slot(b, b->height), .x = HOST_CYCLES});
    finish_call(b, &type, END_HOST);
}

static void lower_builtin(struct builder *b, enum builtin what)
{
    switch (what) {
    case BI_CLWB:
        flush_op(b, MEM_CLWB);
        break;
    case BI_CLFLUSHOPT:
        flush_op(b, MEM_CLFLUSHOPT);
        break;
    case BI_CLFLUSH:
        flush_op(b, MEM_CLFLUSH);
        break;
    case BI_SFENCE:
        code_emit(b, (struct insn){.op = IN_FENCE});
        code_alu(b, UOP_FENCE, 0, REG_NONE, REG_NONE, REG_NONE);
        break;
    case BI_NTSTORE32:
        ntstore(b, IN_NTSTORE32, 4);
        break;
    case BI_NTSTORE64:
        ntstore(b, IN_NTSTORE64, 8);
        break;
    case BI_CYCLES:
        cycles(b);
        break;
    case BI_ROI:
        event(b, EV_ROI);
        break;
    case BI_MARK:
        event(b, EV_MARK);
        break;
    case BI_TX:
        annotation(b);
        break;
    case BI_NONE:
        break;
    }
}

/* ---- calls ---- */

static APART void call_import(struct builder *b, const struct functype *type, uint32_t func)
{
    if (b->unit->builtin[func] != BI_NONE) {
        lower_builtin(b, b->unit->builtin[func]);
        return;
    }
    settle_arguments(b, type->nparams);
    const uint16_t base = stack_temp_slot(b, b->height - type->nparams);
    code_emit(b, (struct insn){.op = IN_CALL_IMPORT, .dst = base, .x = func});
    pass_arguments(b, type, base);
    note_import_call(b, func);
    finish_call(b, type, END_CALL_INDIRECT);
}

void call_function(struct builder *b, uint32_t func)
{
    const struct module *m = b->module;
    const struct functype *type = &b->unit->slot_types[m->funcs[func].type];
    if (func < m->nimported[EXT_FUNC]) {
        call_import(b, type, func);
        return;
    }
    settle_arguments(b, type->nparams);
    const uint16_t base = stack_temp_slot(b, b->height - type->nparams);
    code_emit(b,
              (struct insn){.op = IN_CALL, .dst = base, .imm = (uintptr_t)&b->unit->codes[func]});
    pass_arguments(b, type, base);
    finish_call_to(b, type, END_CALL, REG_NONE);
}

/* A table's bounds, its entry's type (a compare that is fused with its branch), and where it leads,
 * which is left in `where`, a register that is free. */
static void check_entry(struct builder *b, uint16_t index, uint16_t where)
{
    code_alu(b, UOP_ALU, 0, REG_NONE, index, REG_NONE);
    code_uop(b, near_load(b, where, index));
    code_alu(b, UOP_BRANCH, 0, REG_NONE, where, REG_NONE);
    code_uop(b, near_load(b, where, index));
}

void lower_call(struct builder *b, const struct op *o)
{
    call_function(b, o->x);
}

void lower_call_indirect(struct builder *b, const struct op *o)
{
    const uint32_t type_index = o->x, table = o->y;
    const struct functype *type = &b->unit->slot_types[type_index];
    uint16_t index = stack_top_slot(b, 0);
    stack_pop(b, 1);
    uint16_t where = stack_temp_slot(b, b->height); /* a register that is free now */
    settle_arguments(b, type->nparams);
    uint16_t base = stack_temp_slot(b, b->height - type->nparams);
    code_emit(b, (struct insn){.op = IN_CALL_INDIRECT,
                               .dst = base,
                               .a = index,
                               .x = b->unit->type_ids[type_index],
                               .y = table});
    pass_arguments(b, type, base);
    check_entry(b, index, where);
    finish_call_to(b, type, END_CALL_INDIRECT, where);
}

/* ---- tail calls: the arguments are settled as for a call, and the engine moves them ---- */

/* 1: the callee may come back here, its results are on the stack and a return must follow. */
static int tail_call(struct builder *b, uint32_t func)
{
    const struct module *m = b->module;
    const struct functype *type = &b->unit->slot_types[m->funcs[func].type];
    int imported = func < m->nimported[EXT_FUNC];
    if (imported && b->unit->builtin[func] != BI_NONE) {
        lower_builtin(b, b->unit->builtin[func]);
        return 1;
    }
    settle_arguments(b, type->nparams);
    struct insn in = {.dst = stack_temp_slot(b, b->height - type->nparams),
                      .b = (uint16_t)type->nparams};
    if (imported) {
        in.op = IN_TAIL_CALL_IMPORT;
        in.x = func;
    } else {
        in.op = IN_TAIL_CALL;
        in.imm = (uintptr_t)&b->unit->codes[func];
    }
    code_emit(b, in);
    pass_arguments(b, type, 0);
    if (imported) {
        note_import_call(b, func);
        finish_call(b, type, END_TAIL_INDIRECT);
        return 1;
    }
    code_alu(b, UOP_BRANCH, 0, REG_NONE, REG_NONE, REG_NONE);
    code_end_block(b, END_TAIL, 0);
    return 0;
}

void lower_return_call(struct builder *b, const struct op *o)
{
    if (tail_call(b, o->x))
        emit_return(b);
}

void lower_return_call_indirect(struct builder *b, const struct op *o)
{
    const uint32_t type_index = o->x, table = o->y;
    const struct functype *type = &b->unit->slot_types[type_index];
    uint16_t index = stack_top_slot(b, 0);
    stack_pop(b, 1);
    uint16_t where = stack_temp_slot(b, b->height);
    settle_arguments(b, type->nparams);
    code_emit(b, (struct insn){.op = IN_TAIL_CALL_INDIRECT,
                               .dst = stack_temp_slot(b, b->height - type->nparams),
                               .a = index,
                               .b = (uint16_t)type->nparams,
                               .x = b->unit->type_ids[type_index],
                               .y = table});
    pass_arguments(b, type, 0);
    check_entry(b, index, where);
    finish_call_to(b, type, END_TAIL_INDIRECT, where);
    emit_return(b);
}
