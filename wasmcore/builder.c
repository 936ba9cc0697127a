/* builder.c - a function while it is lowered: code, blocks, labels and the stack of descriptors. */
#include "wasmcore/builder.h"

#include <assert.h>
#include <stdlib.h>

#include "wasmcore/lower.h"
#include "wasmcore/slots.h"

static const char no_memory[] = "out of memory";

/* ---- set-up ---- */

/* Types of all locals by slot, and the slot of each. */
static int place_locals(struct builder *b)
{
    const struct functype *type = &b->module->types[b->fn->type];
    uint32_t n = type->nparams + b->fn->nlocals, local = 0, at = 0;
    if (GROW(b->local_slots, b->local_slots_cap, 0, n + 1))
        return -1;
    for (; local < type->nparams; local++) {
        b->local_slots[local] = at;
        at += slot_width(type->types[local]);
    }
    for (uint32_t i = 0; i < b->fn->nruns; i++) {
        const struct local_run *run = &b->fn->runs[i];
        for (uint32_t k = 0; k < run->count; k++) {
            b->local_slots[local++] = at;
            b->local_types[at++] = run->type;
            if (run->type == VT_V128)
                b->local_types[at++] = VT_HIGH;
        }
    }
    return 0;
}

static int prepare_locals(struct builder *b)
{
    uint32_t n = b->nlocals, at = b->type->nparams;
    if (GROW(b->heads, b->heads_cap, 0, n + 1) || GROW(b->local_types, b->types_cap, 0, n + 1))
        return -1;
    memset(b->heads, 0, (n + 1) * sizeof(*b->heads));
    memcpy(b->local_types, b->type->types, at);
    if (b->wide_locals)
        return place_locals(b);
    for (uint32_t i = 0; i < b->fn->nruns; i++) {
        memset(b->local_types + at, b->fn->runs[i].type, b->fn->runs[i].count);
        at += b->fn->runs[i].count;
    }
    return 0;
}

void builder_operands(struct builder *b, uint32_t slots)
{
    b->most_operands = slots;
    if (b->temps + (uint64_t)slots + 1 > MAX_SLOTS || b->type->nresults > MAX_SLOTS)
        builder_fail(b, "it needs more than 65000 locals and operands");
    else if (GROW(b->stack, b->stack_cap, b->height, slots + 1 - b->height))
        builder_fail(b, no_memory);
}

void builder_start(struct builder *b, const struct function *fn, const struct functype *type)
{
    b->fn = fn;
    b->type = type;
    b->at = 0; /* before its first operator */
    b->ninsns = b->nuops = b->nfree = b->nblocks = b->npending = 0;
    b->height = b->flushed = b->most_height = 0;
    b->spare = 0;
    b->ncontrols = b->tables = b->depth = 0;
    b->ops = b->logged = 0;
    b->producer = NO_INSN;
    b->open = 0;
    b->calls = b->vectors = 0;
    b->dead = 0;
    b->at_point = 1;
    b->failed = NULL;
    b->nlocals = type->nparams + slots_of_locals(fn);
    b->temps = b->nlocals + FRAME_SAVE;
    b->wide_locals = *b->wide;
    b->most_operands = 0;
    builder_operands(b, fn->max_height << b->wide_locals);
    if (!b->failed && prepare_locals(b))
        builder_fail(b, no_memory);
}

void builder_free(struct builder *b)
{
    free(b->insns);
    free(b->pos);
    free(b->uops);
    free(b->blocks);
    free(b->pending);
    free(b->registers);
    free(b->stack);
    free(b->heads);
    free(b->local_types);
    free(b->local_slots);
    free(b->controls);
}

/* ---- code ---- */

/* Room is made for ROOM_AHEAD more of each at once, so that most checks are of one number; but of
 * each one where positions are noted. It ends where the code may have become too large. */
#define ROOM_AHEAD 64u

int code_more_room(struct builder *b)
{
    const uint64_t made = b->ninsns + (uint64_t)b->nuops;
    if (made > b->code_left)
        builder_fail(b, "the code becomes too large for a module of this size");
    if (GROW(b->insns, b->insns_cap, b->ninsns, ROOM_AHEAD) ||
        (b->keeps_pos && GROW(b->pos, b->pos_cap, b->ninsns, ROOM_AHEAD)) ||
        GROW(b->uops, b->uops_cap, b->nuops, ROOM_AHEAD) ||
        GROW(b->blocks, b->blocks_cap, b->nblocks, ROOM_AHEAD) ||
        GROW(b->pending, b->pending_cap, b->npending, ROOM_AHEAD))
        builder_fail(b, no_memory);
    if (b->failed)
        return 0;
    if (b->keeps_pos) {
        b->pos[b->ninsns] = code_pos(b);
        return 1;
    }
    const uint64_t left = b->code_left - made;
    b->spare = left < ROOM_AHEAD - 2 ? (uint32_t)left : ROOM_AHEAD - 2;
    return 1;
}

/* The two halves of a v128 are moved one after the other, in either order: make it one move. */
static int joins_move(struct builder *b, int half, uint16_t dst, uint16_t from)
{
    struct insn *p = b->ninsns > 0 ? &b->insns[b->ninsns - 1] : NULL;
    if (!p || p->op != IN_MOVE || p->dst != dst - half || p->a != from - half)
        return 0;
    *p = (struct insn){
        .op = IN_MOVE_V128, .dst = half > 0 ? p->dst : dst, .a = half > 0 ? p->a : from};
    b->producer = NO_INSN;
    return 1;
}

void code_move(struct builder *b, uint8_t type, uint16_t dst, uint16_t from)
{
    int half = type == VT_HIGH ? 1 : type == VT_V128 ? -1 : 0;
    const unsigned files = file_bits(type, FILE_DST | FILE_A);
    const struct insn in = {.op = IN_MOVE, .dst = dst, .a = from};
    if (!half)
        code_step(b, in, alu_uop(ALU_COPY, files, dst, from, REG_NONE));
    else if (!joins_move(b, half, dst, from))
        code_emit(b, in);
    if (half < 0)
        code_uop(b, alu_uop(ALU_COPY, files, dst, from, REG_NONE));
}

void code_const(struct builder *b, uint8_t type, uint16_t dst, uint64_t bits)
{
    const struct insn in = {.op = IN_CONST, .dst = dst, .imm = bits};
    if (type == VT_HIGH)
        code_emit(b, in);
    else
        code_step(b, in, alu_uop(ALU_USUAL, file_bits(type, FILE_DST), dst, REG_NONE, REG_NONE));
}

static void close_block(struct builder *b, enum block_end how, uint32_t live)
{
    struct raw_block *k = &b->blocks[b->block];
    k->end = (uint8_t)how;
    k->nops = (uint16_t)b->ops;
    k->live = b->temps + live;
    b->insns[k->insn].dst = (uint16_t)b->ops;
    if (how == END_RETURN || how == END_TAIL || how == END_TAIL_INDIRECT)
        b->uops[b->nuops - 1].files |= FILES_LEAVING;
    b->open = 0;
    b->producer = NO_INSN;
}

static inline uint8_t depth_of_block(const struct builder *b)
{
    return (uint8_t)(b->depth < 255 ? b->depth : 255);
}

/* Where there is room. */
static void open_block(struct builder *b)
{
    b->block = b->nblocks++;
    b->ops = b->logged = 0;
    if (b->keeps_pos)
        b->pos[b->ninsns] = code_pos(b);
    b->blocks[b->block] = (struct raw_block){
        .insn = b->ninsns, .uop = b->nuops, .free = b->nfree, .depth = depth_of_block(b)};
    put_insn(
        b, (struct insn){.op = IN_BLOCK,
                         .imm = LOG_WORD(LOG_BLOCK, (uint64_t)(b->first_block + b->block) << 32)});
    b->open = PLAIN_OPS;
}

/* Where there is room: the block under way ends and another one is its `next`. */
static void go_on(struct builder *b, enum block_end how, uint32_t live)
{
    close_block(b, how, live);
    b->blocks[b->block].next = b->first_block + b->nblocks;
    open_block(b);
}

/* Nothing is in the block under way yet (the first has the function's prologue). */
static int is_empty(const struct builder *b)
{
    const struct raw_block *k = &b->blocks[b->block];
    return b->block > 0 && b->ops == 0 && b->ninsns == k->insn + 1 && b->nuops == k->uop;
}

uint32_t code_begin_block(struct builder *b)
{
    if (b->failed || !code_room(b))
        return 0;
    if (b->open && is_empty(b)) {
        b->blocks[b->block].depth = depth_of_block(b);
        return b->block;
    }
    if (b->open)
        go_on(b, END_FALL, b->height);
    else
        open_block(b);
    return b->block;
}

void code_end_block(struct builder *b, enum block_end how, uint32_t live)
{
    if (!b->failed)
        close_block(b, how, live);
}

void code_next_block(struct builder *b, enum block_end how, uint32_t live)
{
    if (!b->failed && code_room(b))
        go_on(b, how, live);
}

/* ---- labels ---- */

void label_refer(struct builder *b, struct control *c, uint32_t insn, uint32_t block)
{
    if (!code_room(b))
        return;
    if (c->kind == C_LOOP) {
        b->insns[insn].y = c->insn - insn;
        if (block != NO_BLOCK)
            b->blocks[block].taken = b->first_block + c->block;
        return;
    }
    b->pending[b->npending] = (struct pending){insn, block, c->refs};
    c->refs = ++b->npending;
}

void label_bind(struct builder *b, uint32_t list)
{
    if (b->failed)
        return;
    while (list) {
        const struct pending *p = &b->pending[list - 1];
        b->insns[p->insn].y = b->blocks[b->block].insn - p->insn;
        if (p->block != NO_BLOCK)
            b->blocks[p->block].taken = b->first_block + b->block;
        list = p->next;
    }
}

/* ---- the stack of descriptors ---- */

void stack_settle(struct builder *b, uint32_t pos)
{
    struct entry *e = &b->stack[pos];
    if (e->kind == E_LOCAL) {
        assert(b->heads[e->local] == pos + 1);
        b->heads[e->local] = e->below;
        code_move(b, e->type, stack_temp_slot(b, pos), e->local);
    } else if (e->kind == E_CONST) {
        code_const(b, e->type, stack_temp_slot(b, pos), e->bits);
    }
    e->kind = E_TEMP;
}

/* A block counts its micro-ops in 16 bits, and there may be as many operands as slots: where so
 * many of them are copied for one operator, the block ends and another takes over. A condition's
 * operands, which lie above the stack, may still be needed. */
#define COPIES_OF_A_BLOCK 4096u
#define CONDITION_SLOTS   2u

static void settle_one_of_many(struct builder *b, uint32_t pos, uint32_t *n)
{
    stack_settle(b, pos);
    if (++*n % COPIES_OF_A_BLOCK == 0) {
        code_next_block(b, END_FALL, b->height + CONDITION_SLOTS);
    }
}

void stack_flush_some(struct builder *b)
{
    uint32_t n = 0;
    for (uint32_t pos = b->height; pos > b->flushed; pos--) {
        if (b->stack[pos - 1].kind == E_LOCAL)
            settle_one_of_many(b, pos - 1, &n);
    }
    b->flushed = b->height;
}

void stack_save_some(struct builder *b, uint32_t local)
{
    uint32_t n = 0;
    while (b->heads[local])
        settle_one_of_many(b, b->heads[local] - 1, &n);
}

void code_undo_insn(struct builder *b)
{
    b->ninsns = b->producer;
    b->producer = NO_INSN;
}

void code_undo(struct builder *b)
{
    b->nuops = b->producer_uop;
    code_undo_insn(b);
}

void code_redirect(struct builder *b, uint16_t dst)
{
    uint16_t was = b->insns[b->producer].dst;
    b->insns[b->producer].dst = dst;
    for (uint32_t i = b->producer_uop; i < b->nuops; i++) {
        struct raw_uop *u = &b->uops[i];
        if (u->dst == was)
            u->dst = dst;
        if (i > b->producer_uop && u->a == was)
            u->a = dst; /* a result in between */
    }
    b->producer = NO_INSN;
}
