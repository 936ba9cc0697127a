/* p4.c - P4: the same range logged twice in one transaction. */
#include "txlog.h"

struct pair {
    struct txlog log;
    _Alignas(64) volatile uint64_t a;
};

int main(int argc, char **argv)
{
    struct pair *p = pm_open("p4", sizeof *p);
    for (uint64_t i = 1; i < 4; i++) {
        tx_begin(&p->log);
        tx_save(&p->log, p, &p->a);
        p->a = i;
        if (pm_is(argc, argv, "broken"))
            tx_save(&p->log, p, &p->a);
        p->a = 2 * i;
        tx_commit(&p->log, p);
    }
    return 0;
}
