/* c7.c - C7: two lines that must change together. broken: in place, without a log. */
#include "txlog.h"

struct bank {
    struct txlog log;
    _Alignas(64) volatile uint64_t begun;
    _Alignas(64) volatile uint64_t a;
    _Alignas(64) volatile uint64_t b;
};

int main(int argc, char **argv)
{
    struct bank *k = pm_open("c7", sizeof *k);
    if (pm_is(argc, argv, "check")) {
        tx_undo(&k->log, (void *)k, 1);
        if (k->begun && k->a + k->b != 100)
            pm_inconsistent("money was made or lost");
        return 0;
    }
    k->a = 100;
    pmem_persist((void *)&k->a, 8);
    k->begun = 1;
    pmem_persist((void *)&k->begun, 8);
    for (uint32_t i = 0; i < 3; i++) {
        if (pm_is(argc, argv, "correct")) {
            tx_begin(&k->log);
            tx_save(&k->log, k, &k->a);
            tx_save(&k->log, k, &k->b);
        }
        k->a -= 10;
        k->b += 10;
        if (pm_is(argc, argv, "correct")) {
            tx_commit(&k->log, k);
        } else {
            pmem_clwb((void *)&k->a);
            pmem_clwb((void *)&k->b);
            pmem_sfence();
        }
    }
    return 0;
}
