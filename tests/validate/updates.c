/* updates.c - 1,000 updates a round of 8-byte words anywhere in SIZE KiB (HPC Challenge's
 * RandomAccess, Luszczek et al. 2005): misses that do not wait for each other. */
#include "tests/validate/kernel.h"

static uint64_t *table, x = 1;
static uint32_t shift;

void prepare(uint32_t size)
{
    uint32_t bits = 7;
    while (bits < 28 && (UINT64_C(8) << bits) < (uint64_t)size * 1024)
        bits++;
    shift = 64 - bits;
    /* its pages have to be there; what else they hold does not matter */
    table = malloc(sizeof *table << bits);
    if (!table)
        abort();
    for (size_t i = 0; i < (size_t)1 << bits; i += 512)
        table[i] = i;
}

uint32_t run(uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        table[x >> shift] ^= x;
    }
    return (uint32_t)(table[x >> shift] >> 32);
}
