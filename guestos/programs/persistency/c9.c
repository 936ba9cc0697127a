/* c9.c - C9: broken: the log entry is not durable before the data; mark: the transaction is marked
 * as over before its data is durable. */
#include "txlog.h"

struct pair {
    struct txlog log;
    _Alignas(64) volatile uint64_t a;
    _Alignas(64) volatile uint64_t b;
};

static void save_too_late(struct pair *p, volatile uint64_t *at)
{
    p->log.entry[0].offset = (uint64_t)((uintptr_t)at - (uintptr_t)p);
    p->log.entry[0].old = *at;
    p->log.n = 1;
    pwk_tx(PWK_TX_LOGGED, (void *)at, sizeof *at);
}

int main(int argc, char **argv)
{
    struct pair *p = pm_open("c9", sizeof *p);
    for (uint64_t i = 1; i < 4; i++) {
        tx_begin(&p->log);
        if (pm_is(argc, argv, "broken"))
            save_too_late(p, &p->a);
        else
            tx_save(&p->log, p, &p->a);
        p->a = 7 * i;
        if (pm_is(argc, argv, "broken"))
            pmem_flush(&p->log, 128);
        if (pm_is(argc, argv, "mark")) {
            p->log.n = 0;
            pmem_clwb((void *)&p->log.n);
            pmem_persist((void *)&p->a, sizeof p->a);
            pwk_tx(PWK_TX_COMMIT, NULL, 0);
            continue;
        }
        tx_commit(&p->log, p);
    }
    return 0;
}
