/* operator.h - one operator of a function body, decoded: what validation and lowering share. */
#ifndef WASMCORE_OPERATOR_H
#define WASMCORE_OPERATOR_H

#include "wasmcore/memarg.h"
#include "wasmcore/ops.h"

/*
 * Immediates by enum op_imm. Whether there is what an index names is for validation to see.
 *
 *   LABEL, FUNC, LOCAL, GLOBAL, TABLE, DATA, ELEM, MEMORY   x
 *   CALL_INDIRECT                        x: type, y: table
 *   *_INIT, *_COPY                       x, y: indices, in the order of the binary
 *   BLOCK                                block
 *   BR_TABLE                             x: labels but the last, bytes: where they are. They have
 *                                        not been looked at: there may be fewer
 *   SELECT_T                             x: number of types, type: the first of them
 *   REF_TYPE                             type
 *   I32, I64, F32, F64                   bits; the high half of 32 bits is zero
 *   MEMARG, MEMARG_LANE                  memarg
 *   LANE, MEMARG_LANE                    lane
 *   V128, SHUFFLE                        bytes: 16 of them
 *   FENCE                                x: its byte
 */
struct op {
    uint32_t code;     /* as reader_op */
    const uint8_t *at; /* where it begins in the module's bytes */
    const struct op_info *info;
    uint8_t lane, type;
    union {
        struct memarg memarg;
        struct {
            uint32_t x, y;
            union {
                uint64_t bits;
                int64_t block; /* as reader_block_type */
                const uint8_t *bytes;
            };
        };
    };
};

/* The next operator of a body, whatever it is; the reader says whether it is there. An unknown one
 * has no immediate. */
void op_read(struct op *o, struct reader *r, const struct module *m);

/*
 * Short immediates: integers of at most five bytes, read eight at a time, which need no check of
 * bounds where SHORT_BYTES are left for the operator. Each function yields what follows the
 * immediate at p, or NULL: it is not short, or not right.
 */
#define SHORT_BYTES 10 /* with a code and an alignment before it */

/* operator.c: of more than one byte. */
const uint8_t *short_u_more(const uint8_t *p, uint32_t *x);
const uint8_t *short_s_more(const uint8_t *p, int64_t *x);

static inline const uint8_t *short_u(const uint8_t *p, uint32_t *x)
{
    *x = *p;
    return *p < 0x80 ? p + 1 : short_u_more(p, x);
}

static inline const uint8_t *short_s(const uint8_t *p, int64_t *x)
{
    *x = (int64_t)(*p ^ 0x40) - 0x40;
    return *p < 0x80 ? p + 1 : short_s_more(p, x);
}

static inline const uint8_t *short_block(const uint8_t *p, int64_t *x)
{
    *x = (int64_t)(*p ^ 0x40) - 0x40;
    return *p < 0x80 ? p + 1 : NULL;
}

static inline const uint8_t *short_i32(const uint8_t *p, uint64_t *bits)
{
    int64_t x;
    p = short_s(p, &x);
    *bits = (uint32_t)x;
    return x == (int32_t)x ? p : NULL;
}

static inline const uint8_t *short_i64(const uint8_t *p, uint64_t *bits)
{
    int64_t x;
    p = short_s(p, &x);
    *bits = (uint64_t)x;
    return p;
}

/* Of memory 0, whose addresses may have 64 bits. */
static inline const uint8_t *short_memarg(const uint8_t *p, struct memarg *a)
{
    uint32_t offset;
    const uint8_t *next = short_u(p + 1, &offset);
    *a = (struct memarg){*p, 0, offset};
    return *p < 32 ? next : NULL;
}

/* The next operator if its code is one byte and its immediate is short: what follows it, or NULL:
 * it is anything else, for op_read. */
static inline const uint8_t *op_read_short(struct op *o, const uint8_t *p)
{
    const struct op_info *info = &op_rows[*p];
    o->code = *p++;
    o->info = info;
    switch (info->imm) {
    case IMM_NONE:
        return info->kind != OPK_NO_OP ? p : NULL; /* a prefix, too, is none */
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
        return short_u(p, &o->x);
    case IMM_I32:
        return short_i32(p, &o->bits);
    case IMM_I64:
        return short_i64(p, &o->bits);
    case IMM_BLOCK:
        return short_block(p, &o->block);
    case IMM_MEMARG:
        return short_memarg(p, &o->memarg);
    default:
        return NULL;
    }
}

/* The results of a block of one value type: that type, with VT_HIGH after it where it takes two
 * slots. NULL: there is no such type. */
const uint8_t *op_block_result(uint8_t type);
/* Those of a block of none: an array all the same, which may be added to. */
extern const uint8_t op_block_empty[];

#endif
