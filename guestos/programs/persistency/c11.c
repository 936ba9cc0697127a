/* c11.c - C11: a replica that is not ordered after its primary. A reader of the replica must never
 * see a version that the primary does not have. */
#include "pm.h"

struct replicated {
    _Alignas(64) volatile uint64_t primary;
    _Alignas(64) volatile uint64_t replica;
};

int main(int argc, char **argv)
{
    struct replicated *r = pm_open("c11", sizeof *r);
    if (pm_is(argc, argv, "check")) {
        if (r->replica > r->primary)
            pm_inconsistent("the replica is ahead of the primary");
        return 0;
    }
    for (uint64_t v = 1; v < 5; v++) {
        r->primary = v;
        pmem_clwb((void *)&r->primary);
        if (pm_is(argc, argv, "correct"))
            pmem_sfence();
        r->replica = v;
        pmem_clwb((void *)&r->replica);
        pmem_sfence();
    }
    return 0;
}
