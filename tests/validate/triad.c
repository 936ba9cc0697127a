/* triad.c - a[i] = b[i] + s * c[i], arrays of SIZE KiB (STREAM: McCalpin, 1995). */
#include "tests/validate/kernel.h"

static double *a, *b, *c;
static uint32_t n;

void prepare(uint32_t size)
{
    n = size * 128;
    a = kernel_memory((size_t)n * sizeof *a);
    b = kernel_memory((size_t)n * sizeof *b);
    c = kernel_memory((size_t)n * sizeof *c);
    for (uint32_t i = 0; i < n; i++) {
        b[i] = i & 7;
        c[i] = i & 3;
    }
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < n; i++)
            a[i] = b[i] + r * c[i];
    return (uint32_t)a[n / 2 + 1];
}
