/* c15.c - C15: a pair of words that belong together is assigned in place, which the compiler splits
 * into two stores; unaligned: one store that touches two words. The right version writes the other
 * of two slots and then switches over with one word. */
#include "pm.h"

struct pair {
    uint64_t low, high;
};

struct cell {
    _Alignas(64) volatile uint64_t current;
    _Alignas(64) struct pair slot[2];
};

static void set_slot(struct cell *c, uint32_t i, uint64_t v)
{
    c->slot[i] = (struct pair){v, ~v};
    pmem_persist(&c->slot[i], sizeof c->slot[i]);
}

int main(int argc, char **argv)
{
    struct cell *c = pm_open("c15", 4096);
    for (uint64_t v = 1; v < 5; v++) {
        if (pm_is(argc, argv, "broken")) {
            set_slot(c, 0, v);
        } else if (pm_is(argc, argv, "unaligned")) {
            *(volatile uint64_t *)(void *)((uint8_t *)c + 128 + 4) = v << 32 | v;
            pmem_persist((uint8_t *)c + 132, 8);
        } else {
            set_slot(c, v & 1, v);
            c->current = v & 1;
            pmem_persist((void *)&c->current, sizeof c->current);
        }
    }
    return 0;
}
