/* ok2.c - OK2: overwritten before its flush, on purpose. */
#include "pm.h"

int main(void)
{
    volatile uint64_t *sum = pm_open("ok2", 4096);
    for (uint64_t round = 0; round < 4; round++) {
        for (uint64_t i = 0; i < 100; i++)
            *sum = *sum + i;
        pmem_persist((void *)sum, sizeof *sum);
    }
    return 0;
}
