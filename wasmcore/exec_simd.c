/* exec_simd.c - what SIMD instructions compute: simd.def as one function for each. */
#include "wasmcore/exec_simd.h"

#include "wasmcore/simd.h"

/*
 * They are functions, not code in the engine's loop, so that 260 of them take no part in how the
 * compiler lays out the loop and gives it registers; both builds of the engine share them. Operands
 * are read before the result is written: slots may overlap.
 */
#define SCALAR_i32(bits) ((uint32_t)(bits))
#define SCALAR_i64(bits) ((uint64_t)(bits))
#define SCALAR_f32(bits) f32_from((uint32_t)(bits))
#define SCALAR_f64(bits) f64_from(bits)
#define SLOT_i32(v)      ((uint64_t)(uint32_t)(v))
#define SLOT_i64(v)      ((uint64_t)(v))
#define SLOT_f32(v)      ((uint64_t)f32_bits(v))
#define SLOT_f64(v)      f64_bits(v)

#define COMPUTES(id)     static void simd_##id(uint64_t *fp, const struct insn *ip)
#define OPERAND(L, slot) ((v_##L)v128_get(fp + (slot)))
#define RESULT(v)        v128_put(fp + ip->dst, (v_u64)(v))

#define V1(code, id, name, class, L, expr)                                                         \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a);                                                               \
        RESULT(expr);                                                                              \
    }
#define V2(code, id, name, class, L, expr)                                                         \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a), b = OPERAND(L, ip->b);                                        \
        RESULT(expr);                                                                              \
    }
#define V3(code, id, name, class, L, expr)                                                         \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a), b = OPERAND(L, ip->b), c = OPERAND(L, ip->x);                 \
        RESULT(expr);                                                                              \
    }
#define VSHIFT(code, id, name, L, expr)                                                            \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a);                                                               \
        lane_##L n = (lane_##L)(fp[ip->b] & (8 * sizeof(lane_##L) - 1));                           \
        RESULT(expr);                                                                              \
    }
#define VTEST(code, id, name, L, expr)                                                             \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a);                                                               \
        fp[ip->dst] = (uint64_t)(expr);                                                            \
    }
#define VSPLAT(code, id, name, T, L)                                                               \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        lane_##L s = (lane_##L)SCALAR_##T(fp[ip->a]);                                              \
        RESULT(SPLAT(L, s));                                                                       \
    }
#define VEXTRACT(code, id, name, T, L)                                                             \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a);                                                               \
        fp[ip->dst] = SLOT_##T(a[ip->y]);                                                          \
    }
#define VREPLACE(code, id, name, T, L)                                                             \
    COMPUTES(id)                                                                                   \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->a);                                                               \
        a[ip->y] = (lane_##L)SCALAR_##T(fp[ip->b]);                                                \
        RESULT(a);                                                                                 \
    }
#include "wasmcore/simd.def"

void (*const simd_functions[])(uint64_t *fp, const struct insn *ip) = {
#define ROW(code, id, ...) [IN_##id - INSN_SIMD] = simd_##id,
#define V1                 ROW
#define V2                 ROW
#define V3                 ROW
#define VSHIFT             ROW
#define VTEST              ROW
#define VSPLAT             ROW
#define VEXTRACT           ROW
#define VREPLACE           ROW
#include "wasmcore/simd.def"
#undef ROW
};

void simd_shuffle(uint64_t *fp, const struct insn *ip)
{
    uint8_t from[32], lanes[16], r[16];
    memcpy(from, fp + ip->a, 16);
    memcpy(from + 16, fp + ip->b, 16);
    memcpy(lanes, &ip[0].imm, 8);
    memcpy(lanes + 8, &ip[1].imm, 8);
    for (unsigned i = 0; i < 16; i++)
        r[i] = from[lanes[i] & 31];
    memcpy(fp + ip->dst, r, 16);
}

/* ---- loads ---- */

#define LOADS(id) static void load_##id(uint64_t *fp, const struct insn *ip, const uint8_t *at)
#define VLOAD(code, id, name, MT, align, expr)                                                     \
    LOADS(id)                                                                                      \
    {                                                                                              \
        MT m;                                                                                      \
        memcpy(&m, at, sizeof m);                                                                  \
        RESULT(expr);                                                                              \
    }
#define VLOADLANE(code, id, name, L, align)                                                        \
    LOADS(id)                                                                                      \
    {                                                                                              \
        v_##L a = OPERAND(L, ip->b);                                                               \
        lane_##L m;                                                                                \
        memcpy(&m, at, sizeof m);                                                                  \
        a[ip->y] = m;                                                                              \
        RESULT(a);                                                                                 \
    }
#include "wasmcore/simd.def"

void (*const simd_loads[])(uint64_t *fp, const struct insn *ip, const uint8_t *at) = {
#define VLOAD(code, id, ...)     [IN_##id - INSN_SIMD_LOADS] = load_##id,
#define VLOADLANE(code, id, ...) [IN_##id - INSN_SIMD_LOADS] = load_##id,
#include "wasmcore/simd.def"
};
