/* matmul.c - product of two N by N matrices of doubles, TIMES times: multiply-add, one stride of a
 * row. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/number.h"

/* Entries are small whole numbers, so that the sum of all products is exact in any order. */
static double *matrix_new(uint32_t n, uint32_t a, uint32_t b)
{
    double *m = malloc((size_t)n * n * sizeof *m);
    if (!m) {
        fputs("matmul: out of memory\n", stderr);
        exit(1);
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++)
            m[(size_t)i * n + k] = (double)((i * a + k * b) % 17) - 8;
    }
    return m;
}

static void multiply(uint32_t n, const double *a, const double *b, double *c)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++) {
            double sum = 0;
            for (uint32_t j = 0; j < n; j++)
                sum += a[(size_t)i * n + j] * b[(size_t)j * n + k];
            c[(size_t)i * n + k] = sum;
        }
    }
}

int main(int argc, char **argv)
{
    uint32_t n = number_argument_or(argc, argv, 1, "N", 128, 1, 4096);
    double *a = matrix_new(n, 3, 5), *b = matrix_new(n, 7, 11), *c = matrix_new(n, 0, 0);
    double trace = 0, all = 0;
    for (uint32_t i = number_argument_or(argc, argv, 2, "TIMES", 1, 1, 100000); i > 0; i--)
        multiply(n, a, b, c);
    for (uint32_t i = 0; i < n; i++) {
        trace += c[(size_t)i * n + i];
        for (uint32_t k = 0; k < n; k++)
            all += c[(size_t)i * n + k] * (double)((i ^ k) & 7);
    }
    printf("matmul %u: trace %.0f, weighted sum %.0f\n", (unsigned)n, trace, all);
    free(a);
    free(b);
    free(c);
    return 0;
}
