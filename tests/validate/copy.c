/* copy.c - copies an array of SIZE KiB of doubles to another (STREAM: McCalpin, 1995). */
#include "tests/validate/kernel.h"

static double *a, *b;
static uint32_t n;

void prepare(uint32_t size)
{
    n = size * 128;
    a = kernel_memory((size_t)n * sizeof *a);
    b = kernel_memory((size_t)n * sizeof *b);
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n; i++)
            b[i] = a[i];
        a[r % n] += 1;
    }
    return (uint32_t)b[n / 2];
}
