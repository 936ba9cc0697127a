/* layout.c - where branches would lie in compiled code. */
#include "cpu/layout.h"

#include <stdlib.h>

#include "memhier/hostmem.h"

#define ALIGNED 16u
#define MOST    10u /* bytes left out for it */
#define ELSE    8u

static uint32_t up_to(uint32_t at, uint32_t multiple)
{
    return (at + multiple - 1) / multiple * multiple;
}

static uint32_t aligned(uint32_t at)
{
    return up_to(at, ALIGNED) - at <= MOST ? up_to(at, ALIGNED) : up_to(at, ELSE);
}

/* The block behind it is not what comes next. */
static int goes_elsewhere(const struct block *b)
{
    switch (b->end) {
    case END_JUMP:
    case END_TABLE:
    case END_RETURN:
    case END_TRAP:
    case END_TAIL:
    case END_TAIL_INDIRECT:
        return 1;
    default:
        return 0;
    }
}

/* ---- lengths, in bytes ---- */

static uint32_t move(const struct uop *u, uint32_t bytes)
{
    return u->dst == u->a || u->dst == u->b ? 0 : bytes;
}

static uint32_t alu_length(const struct uop *u)
{
    const int constant = u->b == REG_NONE;
    if (u->a == REG_NONE && constant)
        return 5; /* mov of a constant */
    switch ((enum alu_kind)u->info) {
    case ALU_COPY:
        return 2;
    case ALU_ADD:
        return constant ? 6 : 2 + (move(u, 1) > 0); /* or lea */
    case ALU_ADD_SHORT:
        return 3;
    case ALU_SHIFT:
    case ALU_SCALE:
        return (constant ? 3 : 4) + move(u, 2);
    case ALU_USUAL:
        break;
    }
    return (constant ? 3 : 2) + move(u, 2);
}

/* With the compare in front of it. */
static uint32_t branch_length(const struct uop *u, uint8_t end)
{
    switch (end) {
    case END_RETURN:
        return 1;
    case END_COND:
        return (u->b == REG_NONE ? 3 : 2) + 2;
    case END_CALL:
    case END_TAIL:
        return 5;
    case END_TABLE:
        return 7;
    case END_JUMP:
        return 2;
    default:
        return 4;
    }
}

static uint32_t length(const struct uop *u, uint8_t end)
{
    switch (u->class) {
    case UOP_ALU:
        return alu_length(u);
    case UOP_MUL:
        return u->b == REG_NONE ? 6 : 3 + move(u, 2);
    case UOP_FADD:
    case UOP_FMUL:
    case UOP_FDIV:
        return 4 + move(u, 4);
    case UOP_LOAD:
    case UOP_STORE:
        return u->flags & UOP_ON_FRAME ? 5 : 4;
    case UOP_BRANCH:
        return branch_length(u, end);
    default:
        return 4;
    }
}

/* The store of the return address that a function begins with, and the load of it, are the call's
 * and the return's. */
static int is_return_address(const struct block *b, const struct uop *uops, uint32_t i, int first)
{
    if (!(uops[i].flags & UOP_ON_FRAME))
        return 0;
    if (uops[i].class == UOP_STORE)
        return first && i == 0;
    return b->end == END_RETURN && uops[i].class == UOP_LOAD && i + 2 == b->nuops;
}

static uint32_t block_length(const struct block *b, const struct uop *uops, int first)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->nuops; i++)
        n += is_return_address(b, uops, i, first) ? 0 : length(&uops[i], b->end);
    return n;
}

/* ---- addresses ---- */

/* b[-1]: the block before it. before: where that ends. */
static uint32_t begin_of(const struct block *b, int first, uint32_t before)
{
    if (first)
        return 0;
    return b->loop_head || goes_elsewhere(&b[-1]) ? aligned(before) : before;
}

void layout_look(struct layout *l, const struct code_view *code)
{
    if (code->nblocks > l->cap) {
        const uint32_t cap = code->nblocks + code->nblocks / 2;
        l->last = hostmem_resize(l->last, cap, 1, "the layout of code");
        l->cap = cap;
    }
    uint32_t id = l->seen ? l->seen : 1;
    for (uint32_t end = id > 1 ? l->last[id - 1] + 1u : 0; id < code->nblocks; id++) {
        const struct block *b = &code->blocks[id];
        const int first = id == 1 || b[-1].func != b->func;
        end = begin_of(b, first, end) + block_length(b, code->uops + b->uops, first);
        l->last[id] = (end - 1) & ((1u << LAYOUT_BITS) - 1);
    }
    l->seen = id;
}

void layout_free(struct layout *l)
{
    free(l->last);
    *l = (struct layout){0};
}
