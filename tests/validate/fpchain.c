/* fpchain.c - floating-point additions and products that each need the one before. */
#include "tests/validate/kernel.h"

static double start;

void prepare(uint32_t size)
{
    start = 1 + size * 1e-6;
}

uint32_t run(uint32_t rounds)
{
    double x = start;
    for (uint32_t i = 0; i < rounds * 1000; i++)
        x = (x * 0.999 + 0.25) * 0.5 + 0.5;
    return (uint32_t)(x * 1e9);
}
