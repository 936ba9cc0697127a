/* c8.c - C8: a write inside a transaction to a range that was not logged. */
#include "txlog.h"

struct pair {
    struct txlog log;
    _Alignas(64) volatile uint64_t a;
    _Alignas(64) volatile uint64_t b;
};

int main(int argc, char **argv)
{
    struct pair *p = pm_open("c8", sizeof *p);
    for (uint64_t i = 1; i < 4; i++) {
        tx_begin(&p->log);
        tx_save(&p->log, p, &p->a);
        if (!pm_is(argc, argv, "broken"))
            tx_save(&p->log, p, &p->b);
        p->a = i;
        p->b = 100 - i;
        if (pm_is(argc, argv, "broken"))
            pmem_persist((void *)&p->b, sizeof p->b);
        tx_commit(&p->log, p);
    }
    return 0;
}
