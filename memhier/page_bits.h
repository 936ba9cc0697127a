/* page_bits.h - a set of numbers below a limit that finds its least and its greatest quickly. */
#ifndef MEMHIER_PAGE_BITS_H
#define MEMHIER_PAGE_BITS_H

#include <stdint.h>

/* Words of 64 bits in levels: bit i of a level says whether word i of the level below is not 0. */
#define BITS_LEVELS 6u

struct page_bits {
    uint64_t *level[BITS_LEVELS]; /* [0] holds the members; one allocation, at level[0] */
    unsigned levels;
};

int page_bits_init(struct page_bits *b, uint64_t limit); /* limit up to 2^36; -1: out of memory */
void page_bits_free(struct page_bits *b);

static inline int page_bits_test(const struct page_bits *b, uint64_t i)
{
    return b->level[0][i / 64] >> i % 64 & 1;
}

static inline void page_bits_set(struct page_bits *b, uint64_t i)
{
    for (unsigned l = 0; l < b->levels; l++, i /= 64) {
        const uint64_t old = b->level[l][i / 64];
        b->level[l][i / 64] = old | UINT64_C(1) << i % 64;
        if (old)
            return;
    }
}

static inline void page_bits_clear(struct page_bits *b, uint64_t i)
{
    for (unsigned l = 0; l < b->levels; l++, i /= 64)
        if (b->level[l][i / 64] &= ~(UINT64_C(1) << i % 64))
            return;
}

/* Of a set that is not empty. */
static inline uint64_t page_bits_least(const struct page_bits *b)
{
    uint64_t i = 0;
    for (unsigned l = b->levels; l--;)
        i = i * 64 + (unsigned)__builtin_ctzll(b->level[l][i]);
    return i;
}

static inline uint64_t page_bits_greatest(const struct page_bits *b)
{
    uint64_t i = 0;
    for (unsigned l = b->levels; l--;)
        i = i * 64 + 63 - (unsigned)__builtin_clzll(b->level[l][i]);
    return i;
}

#endif
