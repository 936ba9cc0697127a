/* p7.c - P7: the four lines of each 256-byte media line are flushed and fenced one by one. */
#include "pm.h"

int main(int argc, char **argv)
{
    volatile uint64_t *w = pm_open("p7", 65536);
    const uint32_t step = pm_is(argc, argv, "broken") ? 64 : 256;
    for (uint32_t i = 0; i < 8192; i++)
        w[i] = i;
    for (uint32_t at = 0; at < 65536; at += step)
        pmem_persist((uint8_t *)w + at, step);
    return 0;
}
