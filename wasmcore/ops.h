/* ops.h - numbers, names and immediates of the wasm instructions in ops.def. */
#ifndef WASMCORE_OPS_H
#define WASMCORE_OPS_H

#include <stdint.h>

/* What follows an instruction's code in the binary. */
enum op_imm {
    IMM_NONE,
    IMM_BLOCK, /* block type */
    IMM_LABEL,
    IMM_BR_TABLE,
    IMM_FUNC,
    IMM_CALL_INDIRECT, /* type, table */
    IMM_SELECT_T,      /* vector of types */
    IMM_LOCAL,
    IMM_GLOBAL,
    IMM_TABLE,
    IMM_REF_TYPE,
    IMM_MEMARG, /* of LOAD and STORE rows, and of atomics */
    IMM_MEMORY,
    IMM_I32,
    IMM_I64,
    IMM_F32,
    IMM_F64,
    IMM_MEMORY_INIT, /* data segment, memory */
    IMM_DATA,
    IMM_MEMORY_COPY, /* memory, memory */
    IMM_TABLE_INIT,  /* element segment, table */
    IMM_ELEM,
    IMM_TABLE_COPY, /* table, table */
    IMM_LANE,       /* one byte */
    IMM_MEMARG_LANE,
    IMM_V128,    /* 16 bytes */
    IMM_SHUFFLE, /* 16 lanes */
    IMM_FENCE    /* one byte, zero */
};

enum wasm_op {
#define CTL(code, id, name, imm) WOP_##id = code,
#define UN(code, id, ...)        WOP_##id = code,
#define BIN(code, id, ...)       WOP_##id = code,
#define CMP(code, id, ...)       WOP_##id = code,
#define UNT(code, id, ...)       WOP_##id = code,
#define BINT(code, id, ...)      WOP_##id = code,
#define LOAD(code, id, ...)      WOP_##id = code,
#define STORE(code, id, ...)     WOP_##id = code,
#define ALOAD(code, id, ...)     WOP_##id = code,
#define ASTORE(code, id, ...)    WOP_##id = code,
#define RMW(code, id, ...)       WOP_##id = code,
#define CMPXCHG(code, id, ...)   WOP_##id = code,
#include "wasmcore/ops.def"
#define V1(code, id, ...)         WOP_##id = code,
#define V2(code, id, ...)         WOP_##id = code,
#define V3(code, id, ...)         WOP_##id = code,
#define VSHIFT(code, id, ...)     WOP_##id = code,
#define VTEST(code, id, ...)      WOP_##id = code,
#define VSPLAT(code, id, ...)     WOP_##id = code,
#define VEXTRACT(code, id, ...)   WOP_##id = code,
#define VREPLACE(code, id, ...)   WOP_##id = code,
#define VLOAD(code, id, ...)      WOP_##id = code,
#define VSTORE(code, id, ...)     WOP_##id = code,
#define VLOADLANE(code, id, ...)  WOP_##id = code,
#define VSTORELANE(code, id, ...) WOP_##id = code,
#define VCTL(code, id, ...)       WOP_##id = code,
#include "wasmcore/simd.def"
};

/* Codes of simd.def: 0xfdNNN. */
#define OP_SIMD      0xfd000u
#define OP_SIMD_ROWS 0x120u

/* The macro of ops.def that an instruction's row uses. */
enum op_kind {
    OPK_NO_OP,
    OPK_CTL,
    OPK_UN,
    OPK_BIN,
    OPK_CMP,
    OPK_UNT,
    OPK_BINT,
    OPK_LOAD,
    OPK_STORE,
    OPK_ALOAD,
    OPK_ASTORE,
    OPK_RMW,
    OPK_CMPXCHG,
    OPK_SIMD /* any row of simd.def */
};

/* A row of ops.def or simd.def as data. All but CTL rows: pops nargs values of type `arg` (a STORE:
 * an i32 address, then a value of `arg`; a LOAD: an i32 address; atomics likewise, a CMPXCHG two
 * values of `arg`; an i64 address if the memory has such), pushes one of type `result` unless that
 * is VT_NONE. */
struct op_info {
    const char *name;    /* NULL: no such instruction */
    uint8_t kind;        /* enum op_kind */
    uint8_t imm;         /* enum op_imm */
    uint8_t result, arg; /* enum valtype */
    uint8_t nargs;
    uint8_t align; /* of accesses to memory: log2 of the natural alignment */
    uint8_t last;  /* SIMD: type of one more operand, above those; VT_NONE: there is none */
    uint8_t lanes; /* SIMD: how many there are, if one is named */
};

/* Where codes of one byte and with prefix 0xfc stand in tables by code. */
#define OP_ROWS_FC   64u
#define OP_ROW(code) ((code) < 0x100 ? (code) : 0x100u + ((code)-0xfc00u))

/* The row of a code as reader_op returns it; of an unknown code, one whose kind is OPK_NO_OP. The
 * rows of one-byte codes are op_rows[code]. */
extern const struct op_info op_rows[];
const struct op_info *op_lookup_prefixed(uint32_t code);
static inline const struct op_info *op_lookup(uint32_t code)
{
    return code < 0x100 ? &op_rows[code] : op_lookup_prefixed(code);
}

/* The text-format name of an instruction, or NULL when there is none of that code. */
const char *op_name(uint32_t code);
/* The proposal that an unknown code at this place belongs to ("threads", ...), or NULL when none
 * that is known. The bytes up to `end`: prefix 0xfb alone does not tell. */
const char *op_feature(uint32_t code, const uint8_t *at, const uint8_t *end);

#endif
