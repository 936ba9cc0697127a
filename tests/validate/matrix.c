/* matrix.c - product of two SIZE by SIZE matrices of doubles, one of them down its columns. */
#include "tests/validate/kernel.h"

static double *a, *b, *c;
static uint32_t n;

static double *matrix(uint32_t x, uint32_t y)
{
    double *m = kernel_memory((size_t)n * n * sizeof *m);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n; k++)
            m[i * n + k] = (double)((i * x + k * y) % 17) - 8;
    return m;
}

void prepare(uint32_t size)
{
    n = size;
    a = matrix(3, 5);
    b = matrix(7, 11);
    c = matrix(0, 0);
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < n; k++) {
                double sum = r;
                for (uint32_t j = 0; j < n; j++)
                    sum += a[i * n + j] * b[j * n + k];
                c[i * n + k] = sum;
            }
    }
    return (uint32_t)(int32_t)c[n + 1];
}
