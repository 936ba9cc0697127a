/* c4.c - C4: a store to a line after its flush and before the fence. */
#include "pm.h"

struct record {
    volatile uint64_t key, value;
};

int main(int argc, char **argv)
{
    struct record *r = pm_open("c4", 4096);
    for (uint32_t i = 0; i < 4; i++, r += 8) {
        r->key = i + 1;
        if (pm_is(argc, argv, "broken"))
            pmem_clwb(r);
        r->value = 10 * i;
        if (!pm_is(argc, argv, "broken"))
            pmem_clwb(r);
        pmem_sfence();
    }
    return 0;
}
