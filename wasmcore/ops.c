/* ops.c - the rows of ops.def as a table to look codes up in, and names of what is not in it. */
#include "wasmcore/ops.h"

#include <stddef.h>

#include "wasmcore/module.h"

/*
 * One-byte codes have their own place in the table; prefixed codes 0xfcNN with NN < 64 follow them.
 * ops.def has none past that; the static assertions below see to it that it stays so.
 */
#define FC_ROWS   64u
#define ROW(code) ((code) < 0x100 ? (code) : 0x100u + ((code)-0xfc00u))

#define t_i32     VT_I32
#define t_i64     VT_I64
#define t_f32     VT_F32
#define t_f64     VT_F64

static const struct op_info rows[0x100 + FC_ROWS] = {
#define CTL(code, id, name, imm) [ROW(code)] = {name, OPK_CTL, IMM_##imm, VT_NONE, VT_NONE, 0, 0},
#define UN(code, id, name, tr, ta, class, expr)                                                    \
    [ROW(code)] = {name, OPK_UN, IMM_NONE, t_##tr, t_##ta, 1, 0},
#define BIN(code, id, name, tr, t, class, expr)                                                    \
    [ROW(code)] = {name, OPK_BIN, IMM_NONE, t_##tr, t_##t, 2, 0},
#define CMP(code, id, name, t, class, expr)                                                        \
    [ROW(code)] = {name, OPK_CMP, IMM_NONE, VT_I32, t_##t, 2, 0},
#define UNT(code, id, name, tr, ta, class, fn)                                                     \
    [ROW(code)] = {name, OPK_UNT, IMM_NONE, t_##tr, t_##ta, 1, 0},
#define BINT(code, id, name, t, class, fn)                                                         \
    [ROW(code)] = {name, OPK_BINT, IMM_NONE, t_##t, t_##t, 2, 0},
#define LOAD(code, id, name, tr, mt, align)                                                        \
    [ROW(code)] = {name, OPK_LOAD, IMM_MEMARG, t_##tr, VT_I32, 1, align},
#define STORE(code, id, name, t, mt, align)                                                        \
    [ROW(code)] = {name, OPK_STORE, IMM_MEMARG, VT_NONE, t_##t, 2, align},
#include "wasmcore/ops.def"
};

#define FITS(code, ...)                                                                            \
    _Static_assert((code) < 0x100 || ((code) >= 0xfc00 && (code) < 0xfc00 + FC_ROWS),              \
                   "a code of ops.def has no place in the table");
#define CTL   FITS
#define UN    FITS
#define BIN   FITS
#define CMP   FITS
#define UNT   FITS
#define BINT  FITS
#define LOAD  FITS
#define STORE FITS
#include "wasmcore/ops.def"

const struct op_info *op_lookup(uint32_t code)
{
    static const struct op_info none;
    if (code < 0x100)
        return &rows[code];
    if (code >= 0xfc00 && code < 0xfc00 + FC_ROWS)
        return &rows[ROW(code)];
    return &none;
}

const char *op_name(uint32_t code)
{
    return op_lookup(code)->name;
}

const char *op_feature(uint32_t code)
{
    switch (code) {
    case 0x06: /* try */
    case 0x07: /* catch */
    case 0x08: /* throw */
    case 0x09: /* rethrow */
    case 0x0a: /* throw_ref */
    case 0x18: /* delegate */
    case 0x19: /* catch_all */
    case 0x1f: /* try_table */
        return "exception handling";
    case 0x12: /* return_call */
    case 0x13: /* return_call_indirect */
        return "tail calls";
    case 0x14: /* call_ref */
    case 0x15: /* return_call_ref */
    case 0xd4: /* ref.as_non_null */
    case 0xd5: /* br_on_null */
    case 0xd6: /* br_on_non_null */
        return "typed function references";
    case 0xd3: /* ref.eq */
    case 0xfb:
        return "garbage collection";
    case 0xfd:
        return "SIMD";
    case 0xfe:
        return "threads";
    default:
        return NULL;
    }
}
