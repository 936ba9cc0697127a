/* p6.c - P6: persistent memory used as scratch. The right version has its scratch in DRAM. */
#include "pm.h"

#define WORDS 32768u

int main(int argc, char **argv)
{
    volatile uint64_t *result = pm_open("p6", 4096 + 8 * WORDS), *scratch = result + 512;
    uint64_t sum = 0;
    if (!pm_is(argc, argv, "broken"))
        scratch = calloc(WORDS, sizeof *scratch);
    if (!scratch)
        return 9;
    for (uint32_t round = 1; round <= 10; round++)
        for (uint32_t i = 0; i < WORDS; i++)
            scratch[i] = i * round;
    for (uint32_t i = 0; i < WORDS; i++)
        sum += scratch[i];
    *result = sum;
    pmem_persist((void *)result, sizeof *result);
    return 0;
}
