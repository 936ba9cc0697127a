/* c13.c - C13: the logic of recovery is wrong. The run is right: a dirty flag is set before two
 * words change in place and cleared afterwards; recovery is to rebuild the second from the first
 * when the flag is set. `inverted` does so when it is not. */
#include "pm.h"

struct table {
    _Alignas(64) volatile uint64_t dirty;
    _Alignas(64) volatile uint64_t size;
    _Alignas(64) volatile uint64_t twice;
};

static void set(volatile uint64_t *at, uint64_t v)
{
    *at = v;
    pmem_persist((void *)at, 8);
}

int main(int argc, char **argv)
{
    struct table *t = pm_open("c13", sizeof *t);
    if (argc > 1 && strncmp(argv[1], "check", 5) == 0) {
        const int inverted = pm_is(argc, argv, "check-inverted");
        if ((t->dirty != 0) != inverted) {
            set(&t->twice, 2 * t->size);
            set(&t->dirty, 0);
        }
        if (t->twice != 2 * t->size)
            pm_inconsistent("what belongs together was not repaired");
        return 0;
    }
    for (uint64_t i = 1; i < 4; i++) {
        set(&t->dirty, 1);
        set(&t->size, i);
        set(&t->twice, 2 * i);
        set(&t->dirty, 0);
    }
    return 0;
}
