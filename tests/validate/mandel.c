/* mandel.c - the Mandelbrot set, SIZE by SIZE points: floating point, loops that end anywhere. */
#include "tests/validate/kernel.h"

static uint32_t n;

void prepare(uint32_t size)
{
    n = size;
}

static uint32_t steps(double x, double y)
{
    double a = 0, b = 0;
    uint32_t i = 0;
    while (i < 100 && a * a + b * b < 4) {
        const double t = a * a - b * b + x;
        b = 2 * a * b + y;
        a = t;
        i++;
    }
    return i;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < n; k++)
                sum += steps((double)k * 3 / n - 2.25, (double)i * 2.5 / n - 1.25) ^ r;
    return sum;
}
