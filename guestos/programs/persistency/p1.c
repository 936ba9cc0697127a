/* p1.c - P1: the same line flushed twice before a fence. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *w = pm_open("p1", 4096);
    for (uint64_t i = 1; i < 9; i++) {
        w[0] = i;
        if (pm_is(argc, argv, "broken"))
            pmem_clwb((void *)&w[0]);
        w[1] = i;
        pmem_clwb((void *)&w[1]);
        pmem_sfence();
    }
    return 0;
}
