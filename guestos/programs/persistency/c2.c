/* c2.c - C2: flushed, but never fenced. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *counter = pm_open("c2", 64);
    *counter = *counter + 1;
    pmem_clwb((void *)counter);
    if (!pm_is(argc, argv, "broken"))
        pmem_sfence();
    return 0;
}
