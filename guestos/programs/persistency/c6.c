/* c6.c - C6: the flush of the wrong range. broken: only the first line of an object; edge: an
 * object that begins within a line loses its last one; shift: the wrong end of a shifted array. */
#include "pm.h"

static void fill(volatile uint64_t *to, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        to[i] = i + 1;
}

int main(int argc, char **argv)
{
    uint8_t *base = pm_open("c6", 8192);
    volatile uint64_t *array = (void *)(base + 4096);
    if (pm_is(argc, argv, "broken")) {
        fill((void *)base, 24);
        pmem_persist(base, 8);
    } else if (pm_is(argc, argv, "edge")) {
        fill((void *)(base + 40), 16);
        for (uint32_t at = 0; at < 128; at += 64)
            pmem_clwb(base + 40 + at);
        pmem_sfence();
    } else {
        fill((void *)(base + 40), 16);
        pmem_persist(base + 40, 128);
    }
    fill(array, 24);
    pmem_persist((void *)array, 192);
    for (uint32_t i = 20; i > 8; i--)
        array[i] = array[i - 1];
    if (pm_is(argc, argv, "shift"))
        pmem_persist((void *)&array[0], 12 * 8);
    else
        pmem_persist((void *)&array[9], 12 * 8);
    return 0;
}
