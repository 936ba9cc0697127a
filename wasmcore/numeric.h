/* numeric.h - arithmetic of wasm where C has none of its own: what the expressions of ops.def name.
 */
#ifndef WASMCORE_NUMERIC_H
#define WASMCORE_NUMERIC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "wasmcore/engine.h"

/*
 * Where the specification leaves the bits of a NaN open the result is the canonical one (positive,
 * quiet, rest zero), so that results do not depend on the host. Functions that can trap return an
 * enum trap_kind and leave the result through a pointer.
 */

static inline uint32_t f32_bits(float a)
{
    uint32_t u;
    memcpy(&u, &a, sizeof(u));
    return u;
}

static inline uint64_t f64_bits(double a)
{
    uint64_t u;
    memcpy(&u, &a, sizeof(u));
    return u;
}

static inline float f32_from(uint32_t u)
{
    float a;
    memcpy(&a, &u, sizeof(a));
    return a;
}

static inline double f64_from(uint64_t u)
{
    double a;
    memcpy(&a, &u, sizeof(a));
    return a;
}

static inline float f32_canon(float a)
{
    return __builtin_expect(a != a, 0) ? f32_from(0x7fc00000u) : a;
}

static inline double f64_canon(double a)
{
    return __builtin_expect(a != a, 0) ? f64_from(UINT64_C(0x7ff8000000000000)) : a;
}

/* ---- integers ---- */

static inline uint32_t clz32(uint32_t a)
{
    return a ? (uint32_t)__builtin_clz(a) : 32;
}

static inline uint32_t ctz32(uint32_t a)
{
    return a ? (uint32_t)__builtin_ctz(a) : 32;
}

static inline uint32_t popcnt32(uint32_t a)
{
    return (uint32_t)__builtin_popcount(a);
}

static inline uint64_t clz64(uint64_t a)
{
    return a ? (uint64_t)__builtin_clzll(a) : 64;
}

static inline uint64_t ctz64(uint64_t a)
{
    return a ? (uint64_t)__builtin_ctzll(a) : 64;
}

static inline uint64_t popcnt64(uint64_t a)
{
    return (uint64_t)__builtin_popcountll(a);
}

static inline uint32_t rotl32(uint32_t a, uint32_t b)
{
    return a << (b & 31) | a >> (-b & 31);
}

static inline uint32_t rotr32(uint32_t a, uint32_t b)
{
    return a >> (b & 31) | a << (-b & 31);
}

static inline uint64_t rotl64(uint64_t a, uint64_t b)
{
    return a << (b & 63) | a >> (-b & 63);
}

static inline uint64_t rotr64(uint64_t a, uint64_t b)
{
    return a >> (b & 63) | a << (-b & 63);
}

#define DEFINE_DIVISION(t, U, S, MIN)                                                              \
    static inline enum trap_kind t##_div_s(U a, U b, U *r)                                         \
    {                                                                                              \
        if (b == 0)                                                                                \
            return TRAP_DIVIDE;                                                                    \
        if (a == (U)MIN && b == (U)-1)                                                             \
            return TRAP_OVERFLOW;                                                                  \
        *r = (U)((S)a / (S)b);                                                                     \
        return TRAP_NONE;                                                                          \
    }                                                                                              \
    static inline enum trap_kind t##_div_u(U a, U b, U *r)                                         \
    {                                                                                              \
        if (b == 0)                                                                                \
            return TRAP_DIVIDE;                                                                    \
        *r = a / b;                                                                                \
        return TRAP_NONE;                                                                          \
    }                                                                                              \
    static inline enum trap_kind t##_rem_s(U a, U b, U *r)                                         \
    {                                                                                              \
        if (b == 0)                                                                                \
            return TRAP_DIVIDE;                                                                    \
        *r = b == (U)-1 ? 0 : (U)((S)a % (S)b);                                                    \
        return TRAP_NONE;                                                                          \
    }                                                                                              \
    static inline enum trap_kind t##_rem_u(U a, U b, U *r)                                         \
    {                                                                                              \
        if (b == 0)                                                                                \
            return TRAP_DIVIDE;                                                                    \
        *r = a % b;                                                                                \
        return TRAP_NONE;                                                                          \
    }

DEFINE_DIVISION(i32, uint32_t, int32_t, INT32_MIN)
DEFINE_DIVISION(i64, uint64_t, int64_t, INT64_MIN)

/* ---- floats ---- */

#define SIGN32 0x80000000u
#define SIGN64 UINT64_C(0x8000000000000000)

static inline float f32_abs(float a)
{
    return f32_from(f32_bits(a) & ~SIGN32);
}

static inline float f32_neg(float a)
{
    return f32_from(f32_bits(a) ^ SIGN32);
}

static inline float f32_copysign(float a, float b)
{
    return f32_from((f32_bits(a) & ~SIGN32) | (f32_bits(b) & SIGN32));
}

static inline double f64_abs(double a)
{
    return f64_from(f64_bits(a) & ~SIGN64);
}

static inline double f64_neg(double a)
{
    return f64_from(f64_bits(a) ^ SIGN64);
}

static inline double f64_copysign(double a, double b)
{
    return f64_from((f64_bits(a) & ~SIGN64) | (f64_bits(b) & SIGN64));
}

/* min and max: a NaN if there is one, and -0 is less than +0. */
#define DEFINE_FLOAT(t, F, sfx)                                                                    \
    static inline F t##_ceil(F a)                                                                  \
    {                                                                                              \
        return t##_canon(__builtin_ceil##sfx(a));                                                  \
    }                                                                                              \
    static inline F t##_floor(F a)                                                                 \
    {                                                                                              \
        return t##_canon(__builtin_floor##sfx(a));                                                 \
    }                                                                                              \
    static inline F t##_trunc(F a)                                                                 \
    {                                                                                              \
        return t##_canon(__builtin_trunc##sfx(a));                                                 \
    }                                                                                              \
    static inline F t##_nearest(F a)                                                               \
    {                                                                                              \
        return t##_canon(__builtin_rint##sfx(a)); /* to even: the host's rounding mode is never */ \
    }                                             /* changed */                                    \
    static inline F t##_sqrt(F a)                                                                  \
    {                                                                                              \
        return t##_canon(__builtin_sqrt##sfx(a));                                                  \
    }                                                                                              \
    static inline F t##_min(F a, F b)                                                              \
    {                                                                                              \
        if (a != a || b != b)                                                                      \
            return t##_canon(a + b);                                                               \
        if (a == b)                                                                                \
            return t##_from(t##_bits(a) | t##_bits(b));                                            \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    static inline F t##_max(F a, F b)                                                              \
    {                                                                                              \
        if (a != a || b != b)                                                                      \
            return t##_canon(a + b);                                                               \
        if (a == b)                                                                                \
            return t##_from(t##_bits(a) & t##_bits(b));                                            \
        return a > b ? a : b;                                                                      \
    }

DEFINE_FLOAT(f32, float, f)
DEFINE_FLOAT(f64, double, )

/*
 * Truncation to an integer. A float f fits when lo < f < hi, or lo <= f < hi where lo - 1 is not a
 * float of that type (`ge` is then 1); out of that range the plain form traps and the _sat form
 * takes the nearest end; a NaN traps or is 0.
 */
#define DEFINE_TRUNC(name, sat, F, U, S, lo, ge, hi, least, most)                                  \
    static inline int name##_fits(F a)                                                             \
    {                                                                                              \
        return ((ge) ? a >= (lo) : a > (lo)) && a < (hi);                                          \
    }                                                                                              \
    static inline enum trap_kind name(F a, U *r)                                                   \
    {                                                                                              \
        if (a != a)                                                                                \
            return TRAP_CONVERSION;                                                                \
        if (!name##_fits(a))                                                                       \
            return TRAP_OVERFLOW;                                                                  \
        *r = (U)(S)a;                                                                              \
        return TRAP_NONE;                                                                          \
    }                                                                                              \
    static inline U sat(F a)                                                                       \
    {                                                                                              \
        if (a != a)                                                                                \
            return 0;                                                                              \
        if (!name##_fits(a))                                                                       \
            return a < 0 ? (U)(least) : (U)(most);                                                 \
        return (U)(S)a;                                                                            \
    }

DEFINE_TRUNC(i32_trunc_f32_s, i32_trunc_sat_f32_s, float, uint32_t, int32_t, -0x1p31f, 1, 0x1p31f,
             INT32_MIN, INT32_MAX)
DEFINE_TRUNC(i32_trunc_f32_u, i32_trunc_sat_f32_u, float, uint32_t, uint32_t, -1.0f, 0, 0x1p32f, 0,
             UINT32_MAX)
DEFINE_TRUNC(i32_trunc_f64_s, i32_trunc_sat_f64_s, double, uint32_t, int32_t, -2147483649.0, 0,
             0x1p31, INT32_MIN, INT32_MAX)
DEFINE_TRUNC(i32_trunc_f64_u, i32_trunc_sat_f64_u, double, uint32_t, uint32_t, -1.0, 0, 0x1p32, 0,
             UINT32_MAX)
DEFINE_TRUNC(i64_trunc_f32_s, i64_trunc_sat_f32_s, float, uint64_t, int64_t, -0x1p63f, 1, 0x1p63f,
             INT64_MIN, INT64_MAX)
DEFINE_TRUNC(i64_trunc_f32_u, i64_trunc_sat_f32_u, float, uint64_t, uint64_t, -1.0f, 0, 0x1p64f, 0,
             UINT64_MAX)
DEFINE_TRUNC(i64_trunc_f64_s, i64_trunc_sat_f64_s, double, uint64_t, int64_t, -0x1p63, 1, 0x1p63,
             INT64_MIN, INT64_MAX)
DEFINE_TRUNC(i64_trunc_f64_u, i64_trunc_sat_f64_u, double, uint64_t, uint64_t, -1.0, 0, 0x1p64, 0,
             UINT64_MAX)

#endif
