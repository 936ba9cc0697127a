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
    uint32_t code; /* as reader_op */
    uint32_t at;   /* offset in the module's bytes */
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

/* The longest encoding that op_read_short takes. */
#define OP_SHORT_BYTES 3

/*
 * The next operator if its code is one byte and its immediate is short: none, or integers of one
 * byte each. *at is moved past it. 0: it is anything else, for op_read.
 */
static inline int op_read_short(struct op *o, const uint8_t **at)
{
    const uint8_t *p = *at;
    const struct op_info *info = &op_rows[*p];
    const int64_t s = (int64_t)(p[1] ^ 0x40) - 0x40; /* of a signed LEB128 of one byte */
    o->code = *p;
    o->info = info;
    switch (info->imm) {
    case IMM_NONE:
        *at = p + 1;
        return info->kind != OPK_NO_OP; /* a prefix, too, is none */
    case IMM_LABEL:
    case IMM_FUNC:
    case IMM_LOCAL:
    case IMM_GLOBAL:
        o->x = p[1];
        *at = p + 2;
        return p[1] < 0x80;
    case IMM_I32:
        o->bits = (uint32_t)s;
        *at = p + 2;
        return p[1] < 0x80;
    case IMM_BLOCK:
        o->block = s;
        *at = p + 2;
        return p[1] < 0x80;
    case IMM_MEMARG: /* of memory 0, whose addresses may have 64 bits */
        o->memarg = (struct memarg){p[1], 0, p[2]};
        *at = p + 3;
        return p[1] < 32 && p[2] < 0x80;
    default:
        return 0;
    }
}

/* The results of a block of one value type: that type, with VT_HIGH after it where it takes two
 * slots. NULL: there is no such type. */
const uint8_t *op_block_result(uint8_t type);
/* Those of a block of none: an array all the same, which may be added to. */
extern const uint8_t op_block_empty[];

#endif
