/* c14.c - C14: recovery that does harm when the power fails in its midst. A transfer is written to
 * a redo record, then carried out. `check-add` adds the amount again, which must not happen twice;
 * `check` stores the balance that the record holds. */
#include "pm.h"

struct ledger {
    _Alignas(64) volatile uint64_t valid;
    volatile uint64_t amount, after;
    _Alignas(64) volatile uint64_t balance;
    _Alignas(64) volatile uint64_t done; /* transfers that were carried out */
};

static void set(volatile uint64_t *at, uint64_t v)
{
    *at = v;
    pmem_persist((void *)at, 8);
}

int main(int argc, char **argv)
{
    struct ledger *l = pm_open("c14", sizeof *l);
    if (argc > 1 && strncmp(argv[1], "check", 5) == 0) {
        if (l->valid) {
            if (pm_is(argc, argv, "check-add")) {
                if (l->balance != l->after)
                    set(&l->balance, l->balance + l->amount / 2);
                if (l->balance != l->after)
                    set(&l->balance, l->balance + l->amount - l->amount / 2);
            } else {
                set(&l->balance, l->after);
            }
            set(&l->done, l->after / 7);
            set(&l->valid, 0);
        }
        if (l->balance != 7 * l->done)
            pm_inconsistent("the balance is not what the transfers make");
        return 0;
    }
    for (uint64_t i = 1; i < 4; i++) {
        l->amount = 7;
        l->after = 7 * i;
        l->valid = 1;
        pmem_persist((void *)&l->valid, 24);
        set(&l->balance, 7 * i);
        set(&l->done, i);
        set(&l->valid, 0);
    }
    return 0;
}
