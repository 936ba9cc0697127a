/* c1.c - C1: a store that is never flushed. */
#include "pm.h"

struct account {
    _Alignas(64) volatile uint64_t balance;
    _Alignas(64) volatile uint64_t transfers;
};

int main(int argc, char **argv)
{
    struct account *a = pm_open("c1", sizeof *a);
    a->balance = 100;
    if (!pm_is(argc, argv, "broken"))
        pmem_persist((void *)&a->balance, sizeof a->balance);
    a->transfers = 1;
    pmem_persist((void *)&a->transfers, sizeof a->transfers);
    return 0;
}
