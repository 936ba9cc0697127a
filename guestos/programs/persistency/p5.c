/* p5.c - P5: flush of a volatile range. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *w = pm_open("p5", 4096);
    volatile uint64_t *copy = malloc(64);
    if (!copy)
        return 9;
    for (uint64_t i = 1; i < 9; i++) {
        *copy = i;
        w[0] = *copy;
        pmem_persist((void *)w, 8);
        if (pm_is(argc, argv, "broken"))
            pmem_persist((void *)copy, 8);
    }
    return 0;
}
