/* c3.c - C3: non-temporal stores without a fence. */
#include "pm.h"

int main(int argc, char **argv)
{
    uint64_t *page = pm_open("c3", 4096);
    for (uint32_t i = 0; i < 64; i++)
        pmem_ntstore64(&page[i], i + 1);
    if (!pm_is(argc, argv, "broken"))
        pmem_sfence();
    return 0;
}
