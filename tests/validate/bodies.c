/* bodies.c - steps of SIZE bodies that pull each other: floating point with roots and quotients. */
#include <math.h>

#include "tests/validate/kernel.h"

struct body {
    double at[3], speed[3], mass;
};
static struct body *body;
static uint32_t n;

void prepare(uint32_t size)
{
    uint64_t random = 17;
    n = size;
    body = kernel_memory(n * sizeof *body);
    for (uint32_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            body[i].at[k] = (double)(random_next(&random) >> 40) / 65536;
            body[i].speed[k] = 0;
        }
        body[i].mass = 1;
    }
}

static void pull(struct body *a, struct body *b)
{
    double d[3], square = 0.01;
    for (int k = 0; k < 3; k++) {
        d[k] = a->at[k] - b->at[k];
        square += d[k] * d[k];
    }
    const double f = 0.001 / (square * sqrt(square));
    for (int k = 0; k < 3; k++) {
        a->speed[k] -= d[k] * b->mass * f;
        b->speed[k] += d[k] * a->mass * f;
    }
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = i + 1; k < n; k++)
                pull(&body[i], &body[k]);
        for (uint32_t i = 0; i < n; i++)
            for (int k = 0; k < 3; k++)
                body[i].at[k] += 0.001 * body[i].speed[k];
    }
    return (uint32_t)(int32_t)(body[n / 2].at[1] * 1e3);
}
