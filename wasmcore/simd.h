/* simd.h - 128-bit values: their lane types, and what the expressions of simd.def are made of. */
#ifndef WASMCORE_SIMD_H
#define WASMCORE_SIMD_H

#include "wasmcore/numeric.h"

/*
 * Vectors are gcc's, so each expression means the same at any optimisation level and on any host
 * of little-endian lanes; unsigned lanes wrap. NaNs that wasm leaves open are the canonical one, as
 * in numeric.h.
 */
#define LANE_TYPES(X)                                                                              \
    X(s8, int8_t)                                                                                  \
    X(u8, uint8_t)                                                                                 \
    X(s16, int16_t)                                                                                \
    X(u16, uint16_t)                                                                               \
    X(s32, int32_t)                                                                                \
    X(u32, uint32_t)                                                                               \
    X(s64, int64_t)                                                                                \
    X(u64, uint64_t)                                                                               \
    X(f32, float)                                                                                  \
    X(f64, double)
#define X(L, C)                                                                                    \
    typedef C lane_##L;                                                                            \
    typedef C v_##L __attribute__((vector_size(16)));
LANE_TYPES(X)
#undef X
typedef int8_t v_s8x8 __attribute__((vector_size(8)));
typedef uint8_t v_u8x8 __attribute__((vector_size(8)));
typedef int16_t v_s16x4 __attribute__((vector_size(8)));
typedef uint16_t v_u16x4 __attribute__((vector_size(8)));
typedef int32_t v_s32x2 __attribute__((vector_size(8)));
typedef uint32_t v_u32x2 __attribute__((vector_size(8)));

#define LANES(v) ((unsigned)(sizeof(v) / sizeof((v)[0])))

/* A v128 in memory or in two slots of a frame. */
static inline v_u64 v128_get(const void *p)
{
    v_u64 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void v128_put(void *p, v_u64 v)
{
    memcpy(p, &v, sizeof v);
}

/* Bits of x where m has ones, of y elsewhere. */
#define PICK(m, x, y) (((v_u64)(x) & (v_u64)(m)) | ((v_u64)(y) & ~(v_u64)(m)))

/* fn of each lane, in lanes L. */
#define EACH(L, fn, a)                                                                             \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++)                                                \
            r_[i_] = fn((a)[i_]);                                                                  \
        r_;                                                                                        \
    })
#define EACH2(L, fn, a, b)                                                                         \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++)                                                \
            r_[i_] = fn((a)[i_], (b)[i_]);                                                         \
        r_;                                                                                        \
    })
/* fn of the two low lanes; the rest is zero. */
#define LOW2(L, fn, a) ((v_##L){fn((a)[0]), fn((a)[1])})
#define SPLAT(L, x)                                                                                \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++)                                                \
            r_[i_] = (lane_##L)(x);                                                                \
        r_;                                                                                        \
    })
/* Lanes `from` on, as the wider lanes L. */
#define WIDEN(L, a, from)                                                                          \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++)                                                \
            r_[i_] = (lane_##L)(a)[(from) + i_];                                                   \
        r_;                                                                                        \
    })
/* Lanes of a, then of b, each clamped to an end of the narrower lanes L. */
#define CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))
#define NARROW(L, a, b, lo, hi)                                                                    \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(a); i_++) {                                               \
            r_[i_] = (lane_##L)CLAMP((a)[i_], lo, hi);                                             \
            r_[LANES(a) + i_] = (lane_##L)CLAMP((b)[i_], lo, hi);                                  \
        }                                                                                          \
        r_;                                                                                        \
    })
/* Sums of neighbours; sums of products of neighbours, modulo the bits of L. */
#define PAIRS(L, a)                                                                                \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++)                                                \
            r_[i_] = (lane_##L)((lane_##L)(a)[2 * i_] + (lane_##L)(a)[2 * i_ + 1]);                \
        r_;                                                                                        \
    })
#define DOT(L, C, a, b)                                                                            \
    ({                                                                                             \
        v_##L r_ = {0};                                                                            \
        for (unsigned i_ = 0; i_ < LANES(r_); i_++) {                                              \
            uint32_t x_ = (uint32_t)((C)(a)[2 * i_] * (b)[2 * i_]);                                \
            uint32_t y_ = (uint32_t)((C)(a)[2 * i_ + 1] * (b)[2 * i_ + 1]);                        \
            r_[i_] = (lane_##L)(x_ + y_);                                                          \
        }                                                                                          \
        r_;                                                                                        \
    })
/* One bit from each lane's sign. */
#define BITMASK(a)                                                                                 \
    ({                                                                                             \
        uint32_t r_ = 0;                                                                           \
        for (unsigned i_ = 0; i_ < LANES(a); i_++)                                                 \
            r_ |= (uint32_t)((a)[i_] < 0) << i_;                                                   \
        r_;                                                                                        \
    })

static inline uint32_t any_bit(v_u64 a)
{
    return (a[0] | a[1]) != 0;
}

static inline v_u8 swizzle(v_u8 a, v_u8 b)
{
    v_u8 r = {0};
    for (unsigned i = 0; i < 16; i++)
        r[i] = b[i] < 16 ? a[b[i] & 15] : 0;
    return r;
}

static inline v_u8 popcnt8(v_u8 a)
{
    a -= (a >> 1) & 0x55;
    a = (a & 0x33) + ((a >> 2) & 0x33);
    return (a + (a >> 4)) & 0x0f;
}

static inline v_s16 q15mulr(v_s16 a, v_s16 b)
{
    v_s16 r = {0};
    for (unsigned i = 0; i < 8; i++) {
        int32_t x = (a[i] * b[i] + 0x4000) >> 15;
        r[i] = (int16_t)(x > INT16_MAX ? INT16_MAX : x);
    }
    return r;
}

static inline v_u32 dot_add(v_s8 a, v_s8 b, v_u32 c)
{
    v_s16 d = (v_s16)DOT(u16, int32_t, a, b);
    return (v_u32)PAIRS(s32, d) + c;
}

/* On overflow the end on the side of a's sign. */
#define DEFINE_SATURATING(bits)                                                                    \
    static inline v_u64 add_sat_s##bits(v_u##bits a, v_u##bits b)                                  \
    {                                                                                              \
        v_u##bits r = a + b, end = (v_u##bits)((v_s##bits)a >> (bits - 1)) ^ INT##bits##_MAX;      \
        return PICK((v_s##bits)(~(a ^ b) & (a ^ r)) < 0, end, r);                                  \
    }                                                                                              \
    static inline v_u64 sub_sat_s##bits(v_u##bits a, v_u##bits b)                                  \
    {                                                                                              \
        v_u##bits r = a - b, end = (v_u##bits)((v_s##bits)a >> (bits - 1)) ^ INT##bits##_MAX;      \
        return PICK((v_s##bits)((a ^ b) & (a ^ r)) < 0, end, r);                                   \
    }
DEFINE_SATURATING(8)
DEFINE_SATURATING(16)

static inline v_u64 canon32(v_f32 a)
{
    return PICK(a == a, a, SPLAT(u32, 0x7fc00000u));
}

static inline v_u64 canon64(v_f64 a)
{
    return PICK(a == a, a, SPLAT(u64, UINT64_C(0x7ff8000000000000)));
}

#endif
