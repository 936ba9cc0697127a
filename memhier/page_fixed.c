/* page_fixed.c - numbers between 0 and 1 in 32 binary places. */
#include "memhier/page_fixed.h"

#define LEAST (FIXED_ONE / 100)

uint64_t fixed_exp2_neg(uint64_t e)
{
    /* 2^-(2^-k) for k = 1 to 32: a factor for each bit of e behind the point */
    static const uint32_t root[32] = {
        0xb504f334, 0xd744fccb, 0xeac0c6e8, 0xf5257d15, 0xfa83b2db, 0xfd3e0c0d, 0xfe9e115c,
        0xff4ecb59, 0xffa75652, 0xffd3a752, 0xffe9d2b3, 0xfff4e91c, 0xfffa747f, 0xfffd3a3b,
        0xfffe9d1d, 0xffff4e8e, 0xffffa747, 0xffffd3a3, 0xffffe9d2, 0xfffff4e9, 0xfffffa74,
        0xfffffd3a, 0xfffffe9d, 0xffffff4f, 0xffffffa7, 0xffffffd4, 0xffffffea, 0xfffffff5,
        0xfffffffa, 0xfffffffd, 0xffffffff, 0xffffffff};
    uint64_t x = FIXED_ONE;
    if (e >> 32 > 32)
        return 0;
    for (uint32_t rest = (uint32_t)e; rest;) {
        const unsigned k = (unsigned)__builtin_clz(rest);
        x = x * root[k] >> 32;
        rest &= ~(UINT32_C(0x80000000) >> k);
    }
    return x >> (e >> 32);
}

uint64_t fixed_sqrt(uint64_t x)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= x)
            root |= bit;
    return root;
}

uint64_t fixed_punish(uint64_t w, uint64_t factor)
{
    const uint64_t less = w * factor >> 32, sum = less + (FIXED_ONE - w);
    const uint64_t now = (less << 32) / sum;
    if (now < LEAST)
        return LEAST;
    return now > FIXED_ONE - LEAST ? FIXED_ONE - LEAST : now;
}
