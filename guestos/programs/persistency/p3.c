/* p3.c - P3: a fence with nothing pending. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *w = pm_open("p3", 4096);
    for (uint64_t i = 1; i < 9; i++) {
        w[0] = i;
        pmem_persist((void *)w, 8);
        if (pm_is(argc, argv, "broken"))
            pmem_sfence();
    }
    return 0;
}
