/* intchain.c - integer operations that each need the one before. A round is 1,000 times six. */
#include "tests/validate/kernel.h"

static uint64_t x;

void prepare(uint32_t size)
{
    x = size;
}

uint32_t run(uint32_t rounds)
{
    uint64_t v = x;
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        v ^= v >> 33;
        v *= UINT64_C(0xff51afd7ed558ccd);
        v ^= v << 17;
        v += i;
    }
    x = v;
    return (uint32_t)(v >> 32);
}
