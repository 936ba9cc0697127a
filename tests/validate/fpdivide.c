/* fpdivide.c - square roots and quotients, two chains beside each other. */
#include <math.h>

#include "tests/validate/kernel.h"

static double start;

void prepare(uint32_t size)
{
    start = 2 + size;
}

uint32_t run(uint32_t rounds)
{
    double x = start, y = start + 1;
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        x = 1 + 1 / x;
        y = sqrt(y) + 1.5;
    }
    return (uint32_t)((x + y) * 1e6);
}
