/* updates.c - COUNT updates of 8-byte words at random in MIB of memory (as HPC Challenge's
 * RandomAccess does, Luszczek et al. 2005): nothing is ever near. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/number.h"

/* The generator is the cheapest there is (Knuth's MMIX one), so that memory is what counts. */
static uint64_t update(uint64_t *table, uint32_t bits, uint32_t count)
{
    uint64_t x = 1;
    for (uint32_t i = 0; i < count; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        table[x >> (64 - bits)] ^= x;
    }
    return x;
}

int main(int argc, char **argv)
{
    const uint32_t mib = number_argument_or(argc, argv, 1, "MIB", 1024, 1, 2048);
    const uint32_t count = number_argument_or(argc, argv, 2, "COUNT", 1000000, 1, UINT32_MAX);
    uint32_t bits = 17;
    while (bits < 28 && UINT32_C(1) << (bits - 17) < mib)
        bits++;
    uint64_t *table = malloc(sizeof *table << bits);
    if (!table) {
        fputs("updates: out of memory\n", stderr);
        return 1;
    }
    const uint64_t x = update(table, bits, count);
    printf("updates %u MiB, %u: %08x\n", 1u << (bits - 17), (unsigned)count, (unsigned)(x >> 32));
    free(table);
    return 0;
}
