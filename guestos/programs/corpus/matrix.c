/* matrix.c - kernels of numerical programs: a sparse product, a stencil, a dense product. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   matrix ROUNDS
 *
 * Each round: y = A x, for a sparse matrix of 60,000 rows and 9 entries in each, five of them near
 * the diagonal and four anywhere; a sweep of a five-point stencil over a grid of 600 x 600; and a
 * block of 32 columns of a product of dense matrices of 320 x 320. Prints a checksum.
 */
#define ROWS    60000u
#define ENTRIES 9u
#define NEAR    5u
#define GRID    600u
#define DENSE   320u
#define COLUMNS 32u

struct sparse {
    uint32_t *column; /* ENTRIES of each row */
    double *value;
};

static void *get(size_t n, size_t each)
{
    void *p = calloc(n, each);
    if (p)
        return p;
    fprintf(stderr, "matrix: out of memory\n");
    exit(1);
}

static struct sparse make_sparse(uint64_t *random)
{
    struct sparse a = {get(ROWS * ENTRIES, sizeof *a.column), get(ROWS * ENTRIES, sizeof *a.value)};
    for (uint32_t r = 0; r < ROWS; r++)
        for (uint32_t i = 0; i < ENTRIES; i++) {
            const uint32_t at = r * ENTRIES + i, any = (uint32_t)random_next(random);
            a.column[at] = i < NEAR ? (r + ROWS + i - NEAR / 2) % ROWS : any % ROWS;
            a.value[at] = 0.1 + any % 1000 * 1e-5;
        }
    return a;
}

static void multiply_sparse(const struct sparse *a, const double *x, double *y)
{
    for (uint32_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (uint32_t i = r * ENTRIES; i < (r + 1) * ENTRIES; i++)
            sum += a->value[i] * x[a->column[i]];
        y[r] = sum;
    }
}

static void sweep(const double *from, double *to)
{
    for (uint32_t i = 1; i + 1 < GRID; i++)
        for (uint32_t j = 1; j + 1 < GRID; j++) {
            const double *p = from + i * GRID + j;
            to[i * GRID + j] = 0.2 * (p[0] + p[-1] + p[1] + p[-(int)GRID] + p[GRID]);
        }
}

static void multiply_dense(const double *a, const double *b, double *c, uint32_t first)
{
    for (uint32_t i = 0; i < DENSE; i++)
        for (uint32_t k = 0; k < DENSE; k++)
            for (uint32_t j = first; j < first + COLUMNS; j++)
                c[i * DENSE + j] += a[i * DENSE + k] * b[k * DENSE + j];
}

int main(int argc, char **argv)
{
    const uint32_t rounds = number_argument_or(argc, argv, 1, "matrix: ROUNDS", 4, 1, 1000000);
    uint64_t random = 1;
    const struct sparse a = make_sparse(&random);
    double *x = get(ROWS, sizeof *x), *y = get(ROWS, sizeof *y), sum = 0;
    double *grid[2] = {get(GRID * GRID, sizeof(double)), get(GRID * GRID, sizeof(double))};
    double *d[3];
    for (int i = 0; i < 3; i++)
        d[i] = get(DENSE * DENSE, sizeof(double));
    for (uint32_t i = 0; i < ROWS; i++)
        x[i] = i % 17;
    for (uint32_t i = 0; i < GRID * GRID; i++)
        grid[0][i] = grid[1][i] = i % 13;
    for (uint32_t i = 0; i < DENSE * DENSE; i++) {
        d[0][i] = i % 7;
        d[1][i] = i % 11;
    }
    for (uint32_t r = 0; r < rounds; r++) {
        multiply_sparse(&a, r & 1 ? y : x, r & 1 ? x : y);
        sweep(grid[r & 1], grid[~r & 1]);
        if (r % 8 == 0)
            multiply_dense(d[0], d[1], d[2], r / 8 % (DENSE / COLUMNS) * COLUMNS);
    }
    for (uint32_t i = 0; i < ROWS; i++)
        sum += x[i] + y[i];
    printf("matrix: %.6e %.6e %.6e\n", sum, grid[0][GRID * GRID / 2 + 3], d[2][DENSE + 1]);
    return 0;
}
