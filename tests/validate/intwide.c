/* intwide.c - four streams of integer operations that do not need each other. */
#include "tests/validate/kernel.h"

static uint32_t seed[4];

void prepare(uint32_t size)
{
    for (uint32_t i = 0; i < 4; i++)
        seed[i] = size + i;
}

uint32_t run(uint32_t rounds)
{
    uint32_t a = seed[0], b = seed[1], c = seed[2], d = seed[3];
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        a = (a ^ i) + 0x9e3779b9u;
        b = (b + i) ^ b >> 5;
        c = (c - i) ^ c << 3;
        d = (d | 1) + (i ^ d);
    }
    return a ^ b ^ c ^ d;
}
