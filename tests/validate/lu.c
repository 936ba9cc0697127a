/* lu.c - LU decomposition in place of a SIZE by SIZE matrix whose diagonal is heavy: no pivots. */
#include "tests/validate/kernel.h"

static double *a, *original;
static uint32_t n;

void prepare(uint32_t size)
{
    uint64_t random = 3;
    n = size;
    a = kernel_memory((size_t)n * n * sizeof *a);
    original = kernel_memory((size_t)n * n * sizeof *a);
    for (uint32_t i = 0; i < n * n; i++)
        original[i] = (double)(random_next(&random) >> 56) / 16;
    for (uint32_t i = 0; i < n; i++)
        original[i * n + i] += 16 * n;
}

static void decompose(void)
{
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = k + 1; i < n; i++) {
            const double f = a[i * n + k] / a[k * n + k];
            a[i * n + k] = f;
            for (uint32_t j = k + 1; j < n; j++)
                a[i * n + j] -= f * a[k * n + j];
        }
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n * n; i++)
            a[i] = original[i];
        decompose();
    }
    return (uint32_t)(int32_t)(a[n * n - 1] * 1000);
}
