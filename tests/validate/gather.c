/* gather.c - sums up words of an array of SIZE KiB by a list of random numbers: independent loads.
 */
#include "tests/validate/kernel.h"

static uint32_t *values, *index_of;
static uint32_t n;

void prepare(uint32_t size)
{
    uint64_t random = 7;
    n = size * 256;
    values = kernel_memory((size_t)n * sizeof *values);
    index_of = kernel_memory(65536 * sizeof *index_of);
    for (uint32_t i = 0; i < 65536; i++)
        index_of[i] = (uint32_t)(random_next(&random) % n);
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < 65536; i++)
            sum += values[index_of[i]] ^ r;
    return sum;
}
