/* lower_memory.c - lowering of accesses to memories other than a 32-bit memory 0. */
#include "wasmcore/builder.h"

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

void lower_far_load(struct builder *b, uint8_t type, uint16_t op, uint8_t bytes,
                    const struct memarg *arg)
{
    struct insn in = far_insn(b, op, 0, arg);
    stack_pop(b, 1);
    in.dst = stack_temp_slot(b, b->height);
    code_emit(b, in);
    access_uop(b, UOP_LOAD, bytes, is_vector(type) ? FILE_DST : 0, &in);
    stack_push_result(b, type);
}

void lower_far_store(struct builder *b, uint8_t type, uint16_t op, uint8_t bytes,
                     const struct memarg *arg)
{
    uint16_t value = stack_top_slot(b, 0);
    struct insn in = far_insn(b, op, 1, arg);
    in.b = value;
    stack_pop(b, 2);
    code_emit(b, in);
    access_uop(b, UOP_STORE, bytes, is_vector(type) ? FILE_B : 0, &in);
}
