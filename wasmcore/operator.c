/* operator.c - operators with their immediates. */
#include "wasmcore/operator.h"

#include <string.h>

#include "wasmcore/regalloc.h"

/* An integer of one to five bytes: its bits, and how many bytes; 0 bytes: it has more. Lengths come
 * in no order that a host could predict, so there is no branch on them. */
static inline unsigned short_bits(const uint8_t *p, uint64_t *bits)
{
    uint64_t w;
    memcpy(&w, p, sizeof(w)); /* the host is little-endian */
    const uint64_t ends = ~w & UINT64_C(0x8080808080), v = w & (ends ^ (ends - 1));
    *bits = (v & 0x7f) | (v >> 1 & 0x3f80) | (v >> 2 & 0x1fc000) | (v >> 3 & 0xfe00000) |
            (v >> 4 & UINT64_C(0x7f0000000));
    return ends ? ((unsigned)__builtin_ctzll(ends) + 1) / 8 : 0;
}

const uint8_t *short_u_more(const uint8_t *p, uint32_t *x)
{
    uint64_t bits;
    const unsigned n = short_bits(p, &bits);
    *x = (uint32_t)bits;
    return n > 0 && bits <= UINT32_MAX ? p + n : NULL;
}

const uint8_t *short_s_more(const uint8_t *p, int64_t *x)
{
    uint64_t bits;
    const unsigned n = short_bits(p, &bits);
    if (n == 0)
        return NULL;
    const uint64_t sign = UINT64_C(1) << (7 * n - 1);
    *x = (int64_t)((bits ^ sign) - sign);
    return p + n;
}

/* The number of a memory. Where there is no choice it is one byte, as WebAssembly 2.0 has it. */
static uint32_t read_memory(struct reader *r, const struct module *m)
{
    return m->nmems > 1 ? reader_u32(r) : reader_u8(r);
}

static void read_two(struct op *o, struct reader *r)
{
    o->x = reader_u32(r);
    o->y = reader_u32(r);
}

void op_read(struct op *o, struct reader *r, const struct module *m)
{
    o->code = reader_op(r);
    o->info = op_lookup(o->code);
    switch (o->info->imm) {
    case IMM_NONE:
        break;
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
    case IMM_TABLE:
    case IMM_DATA:
    case IMM_ELEM:
        o->x = reader_u32(r);
        break;
    case IMM_CALL_INDIRECT:
    case IMM_TABLE_INIT:
    case IMM_TABLE_COPY:
        read_two(o, r);
        break;
    case IMM_MEMORY:
        o->x = read_memory(r, m);
        break;
    case IMM_MEMORY_INIT:
        o->x = reader_u32(r);
        o->y = read_memory(r, m);
        break;
    case IMM_MEMORY_COPY:
        o->x = read_memory(r, m);
        o->y = read_memory(r, m);
        break;
    case IMM_BR_TABLE:
        o->x = reader_u32(r);
        o->bytes = r->at;
        break;
    case IMM_SELECT_T:
        o->x = reader_u32(r);
        o->type = reader_u8(r);
        break;
    case IMM_REF_TYPE:
        o->type = reader_u8(r);
        break;
    case IMM_BLOCK:
        o->block = reader_block_type(r);
        break;
    case IMM_I32:
        o->bits = (uint32_t)reader_s32(r);
        break;
    case IMM_I64:
        o->bits = (uint64_t)reader_s64(r);
        break;
    case IMM_F32:
        o->bits = reader_f32(r);
        break;
    case IMM_F64:
        o->bits = reader_f64(r);
        break;
    case IMM_MEMARG:
        o->memarg = memarg_read(r, m);
        break;
    case IMM_LANE:
        o->lane = reader_u8(r);
        break;
    case IMM_MEMARG_LANE:
        o->memarg = memarg_read(r, m);
        o->lane = reader_u8(r);
        break;
    case IMM_V128:
    case IMM_SHUFFLE:
        o->bytes = reader_bytes(r, 16);
        break;
    case IMM_FENCE:
        o->x = reader_u8(r);
        break;
    }
}

const uint8_t op_block_empty[] = {VT_NONE};

const uint8_t *op_block_result(uint8_t type)
{
    static const uint8_t types[] = {VT_I32,     VT_I64,       VT_F32,  VT_F64,
                                    VT_FUNCREF, VT_EXTERNREF, VT_V128, VT_HIGH};
    return type == VT_HIGH ? NULL : memchr(types, type, sizeof types);
}
