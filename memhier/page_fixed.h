/* page_fixed.h - numbers between 0 and 1 in 32 binary places, and seeded draws, for learning. */
#ifndef MEMHIER_PAGE_FIXED_H
#define MEMHIER_PAGE_FIXED_H

#include <stdint.h>

/* Integers throughout, so that what is learned is the same on every machine and at every -O. */
#define FIXED_ONE (UINT64_C(1) << 32)

/* 2^-e, e with 32 binary places; off by less than 2^-27. */
uint64_t fixed_exp2_neg(uint64_t e);

/* Floor of the square root. */
uint64_t fixed_sqrt(uint64_t x);

/* w of two weights with the sum 1, after the first was multiplied by factor (0 to 1) and both
 * divided by their sum; held within 0.01 to 0.99. */
uint64_t fixed_punish(uint64_t w, uint64_t factor);

/* The next of a sequence of 64-bit draws (Steele et al., SplitMix64, 2014). */
static inline uint64_t page_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
