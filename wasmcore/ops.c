/* ops.c - the rows of ops.def as a table to look codes up in, and names of what is not in it. */
#include "wasmcore/ops.h"

#include <stddef.h>

#include "wasmcore/module.h"

/*
 * One-byte codes have their own place in the table; prefixed codes 0xfcNN with NN < 64 follow them.
 * ops.def has none past that; the static assertions below see to it that it stays so.
 */
#define FE_ROWS 80u
#define ROW(code)                                                                                  \
    ((code) < 0x100    ? (code)                                                                    \
     : (code) < 0xfe00 ? 0x100u + ((code)-0xfc00u)                                                 \
                       : 0x100u + OP_ROWS_FC + ((code)-0xfe00u))

#define t_i32 VT_I32
#define t_i64 VT_I64
#define t_f32 VT_F32
#define t_f64 VT_F64

const struct op_info op_rows[0x100 + OP_ROWS_FC + FE_ROWS] = {
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
#define ALOAD(code, id, name, tr, mt, align)                                                       \
    [ROW(code)] = {name, OPK_ALOAD, IMM_MEMARG, t_##tr, VT_I32, 1, align},
#define ASTORE(code, id, name, t, mt, align)                                                       \
    [ROW(code)] = {name, OPK_ASTORE, IMM_MEMARG, VT_NONE, t_##t, 2, align},
#define RMW(code, id, name, t, mt, align, expr)                                                    \
    [ROW(code)] = {name, OPK_RMW, IMM_MEMARG, t_##t, t_##t, 2, align},
#define CMPXCHG(code, id, name, t, mt, align)                                                      \
    [ROW(code)] = {name, OPK_CMPXCHG, IMM_MEMARG, t_##t, t_##t, 3, align},
#include "wasmcore/ops.def"
};

#define FITS(code, ...)                                                                            \
    _Static_assert((code) < 0x100 || ((code) >= 0xfc00 && (code) < 0xfc00 + OP_ROWS_FC) ||         \
                       ((code) >= 0xfe00 && (code) < 0xfe00 + FE_ROWS),                            \
                   "a code of ops.def has no place in the table");
#define CTL     FITS
#define UN      FITS
#define BIN     FITS
#define CMP     FITS
#define UNT     FITS
#define BINT    FITS
#define LOAD    FITS
#define STORE   FITS
#define ALOAD   FITS
#define ASTORE  FITS
#define RMW     FITS
#define CMPXCHG FITS
#include "wasmcore/ops.def"

#define lanes_of(L) (16 / sizeof(lane_##L))
#define lane_s8     uint8_t
#define lane_u8     uint8_t
#define lane_s16    uint16_t
#define lane_u16    uint16_t
#define lane_u32    uint32_t
#define lane_u64    uint64_t
#define lane_f32    float
#define lane_f64    double

#define SIMD(code, name, imm, result, arg, nargs, align, last, lanes)                              \
    [(code)-OP_SIMD] = {name, OPK_SIMD, imm, result, arg, nargs, align, last, lanes},
static const struct op_info simd_rows[OP_SIMD_ROWS] = {
#define V1(code, id, name, ...)      SIMD(code, name, IMM_NONE, VT_V128, VT_V128, 1, 0, VT_NONE, 0)
#define V2(code, id, name, ...)      SIMD(code, name, IMM_NONE, VT_V128, VT_V128, 2, 0, VT_NONE, 0)
#define V3(code, id, name, ...)      SIMD(code, name, IMM_NONE, VT_V128, VT_V128, 3, 0, VT_NONE, 0)
#define VSHIFT(code, id, name, ...)  SIMD(code, name, IMM_NONE, VT_V128, VT_V128, 1, 0, VT_I32, 0)
#define VTEST(code, id, name, ...)   SIMD(code, name, IMM_NONE, VT_I32, VT_V128, 1, 0, VT_NONE, 0)
#define VSPLAT(code, id, name, T, L) SIMD(code, name, IMM_NONE, VT_V128, t_##T, 1, 0, VT_NONE, 0)
#define VEXTRACT(code, id, name, T, L)                                                             \
    SIMD(code, name, IMM_LANE, t_##T, VT_V128, 1, 0, VT_NONE, lanes_of(L))
#define VREPLACE(code, id, name, T, L)                                                             \
    SIMD(code, name, IMM_LANE, VT_V128, VT_V128, 1, 0, t_##T, lanes_of(L))
#define VLOAD(code, id, name, mt, align, expr)                                                     \
    SIMD(code, name, IMM_MEMARG, VT_V128, VT_I32, 1, align, VT_NONE, 0)
#define VSTORE(code, id, name, align)                                                              \
    SIMD(code, name, IMM_MEMARG, VT_NONE, VT_I32, 1, align, VT_V128, 0)
#define VLOADLANE(code, id, name, L, align)                                                        \
    SIMD(code, name, IMM_MEMARG_LANE, VT_V128, VT_I32, 1, align, VT_V128, lanes_of(L))
#define VSTORELANE(code, id, name, L, mt, align)                                                   \
    SIMD(code, name, IMM_MEMARG_LANE, VT_NONE, VT_I32, 1, align, VT_V128, lanes_of(L))
#define VCTL(code, id, name, imm, nargs)                                                           \
    SIMD(code, name, IMM_##imm, VT_V128, VT_V128, nargs, 0, VT_NONE, 32)
#include "wasmcore/simd.def"
};

const struct op_info *op_lookup_prefixed(uint32_t code)
{
    static const struct op_info none;
    if ((code >= 0xfc00 && code < 0xfc00 + OP_ROWS_FC) ||
        (code >= 0xfe00 && code < 0xfe00 + FE_ROWS))
        return &op_rows[ROW(code)];
    if (code >= OP_SIMD && code < OP_SIMD + OP_SIMD_ROWS)
        return &simd_rows[code - OP_SIMD];
    return &none;
}

const char *op_name(uint32_t code)
{
    return op_lookup(code)->name;
}

/* Prefix 0xfb belongs to two proposals: strings have the numbers from 0x80 to 0xb7, in two bytes.
 */
static const char *feature_of_fb(const uint8_t *at, const uint8_t *end)
{
    const int is_string = end - at >= 3 && at[1] >= 0x80 && at[1] <= 0xb7 && at[2] == 1;
    return is_string ? "reference-typed strings" : "garbage collection";
}

const char *op_feature(uint32_t code, const uint8_t *at, const uint8_t *end)
{
    if (code == 0xfb)
        return feature_of_fb(at, end);
    if (code == 0xfc30 || code == 0xfc31 || (code >= 0xfd120 && code <= 0xfd14f))
        return "half precision";
    if (code == 0xfe04 || (code >= 0xfe4f && code <= 0xfe7f))
        return "shared-everything threads";
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
    case 0x14: /* call_ref */
    case 0x15: /* return_call_ref */
    case 0xd4: /* ref.as_non_null */
    case 0xd5: /* br_on_null */
    case 0xd6: /* br_on_non_null */
        return "typed function references";
    case 0xd3: /* ref.eq */
        return "garbage collection";
    case 0xe0: /* cont.new */
    case 0xe1: /* cont.bind */
    case 0xe2: /* suspend */
    case 0xe3: /* resume */
    case 0xe4: /* resume_throw */
    case 0xe5: /* resume_throw_ref */
    case 0xe6: /* switch */
        return "stack switching";
    case 0xfc12: /* memory.discard */
        return "memory control";
    case 0xfc13: /* i64.add128 */
    case 0xfc14: /* i64.sub128 */
    case 0xfc15: /* i64.mul_wide_s */
    case 0xfc16: /* i64.mul_wide_u */
        return "wide arithmetic";
    default:
        return NULL;
    }
}
