/* bits.c - squares of a board: moves of SIZE thousand random positions of kings and knights as
 * masks of 64 bits, counted one by one. */
#include "tests/validate/kernel.h"

#define NOT_A  UINT64_C(0xfefefefefefefefe)
#define NOT_H  UINT64_C(0x7f7f7f7f7f7f7f7f)
#define NOT_AB (NOT_A & NOT_A << 1)
#define NOT_GH (NOT_H & NOT_H >> 1)

static uint32_t thousands;

void prepare(uint32_t size)
{
    thousands = size;
}

static uint64_t kings(uint64_t k)
{
    const uint64_t row = k | (k << 1 & NOT_A) | (k >> 1 & NOT_H);
    return (row | row << 8 | row >> 8) & ~k;
}

static uint64_t knights(uint64_t k)
{
    const uint64_t one = (k << 1 & NOT_A) | (k >> 1 & NOT_H);
    const uint64_t two = (k << 2 & NOT_AB) | (k >> 2 & NOT_GH);
    return one << 16 | one >> 16 | two << 8 | two >> 8;
}

/* Sum of the numbers of the squares, each taken off by itself. */
static uint32_t squares(uint64_t x)
{
    uint32_t sum = 0;
    for (; x; x &= x - 1)
        sum = sum * 3 + (uint32_t)__builtin_ctzll(x);
    return sum;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t random = 43;
        for (uint32_t i = 0; i < thousands * 1000; i++) {
            const uint64_t a = random_next(&random) & random_next(&random) & random_next(&random);
            sum += squares(i & 1 ? kings(a) : knights(a));
        }
    }
    return sum;
}
