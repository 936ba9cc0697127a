/* c10.c - C10: the abort path does not flush what it puts back. */
#include "txlog.h"

struct pair {
    struct txlog log;
    _Alignas(64) volatile uint64_t a;
    _Alignas(64) volatile uint64_t b;
};

int main(int argc, char **argv)
{
    struct pair *p = pm_open("c10", sizeof *p);
    tx_begin(&p->log);
    tx_save(&p->log, p, &p->a);
    p->a = 5;
    tx_commit(&p->log, p);
    tx_begin(&p->log);
    tx_save(&p->log, p, &p->a);
    p->a = 6;
    tx_undo(&p->log, (void *)p, !pm_is(argc, argv, "broken"));
    pwk_tx(PWK_TX_ABORT, NULL, 0);
    return 0;
}
