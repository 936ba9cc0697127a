/* p2.c - P2: flush of a line that nothing was stored to. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *w = pm_open("p2", 4096);
    for (uint64_t i = 1; i < 9; i++) {
        w[0] = i;
        pmem_persist((void *)w, pm_is(argc, argv, "broken") ? 256 : 8);
    }
    return 0;
}
