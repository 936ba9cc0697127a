/* c12.c - C12: recovery trusts a count that is stored but made durable only now and then. broken:
 * the count may become durable before the entries that it counts. */
#include "pm.h"

struct journal {
    _Alignas(64) volatile uint64_t count;
    _Alignas(64) struct {
        _Alignas(64) volatile uint64_t value;
    } entry[8];
};

int main(int argc, char **argv)
{
    struct journal *j = pm_open("c12", sizeof *j);
    const int broken = pm_is(argc, argv, "broken");
    if (pm_is(argc, argv, "check")) {
        for (uint64_t i = 0; i < j->count; i++)
            if (j->entry[i].value != 3 * i + 1)
                pm_inconsistent("an entry that is counted was never written");
        return 0;
    }
    for (uint64_t i = 0; i < 8; i++) {
        j->entry[i].value = 3 * i + 1;
        if (broken && i % 4 != 3) {
            j->count = i + 1;
            continue;
        }
        for (uint64_t k = broken ? i - 3 : i; k <= i; k++)
            pmem_clwb((void *)&j->entry[k]);
        pmem_sfence();
        j->count = i + 1;
        pmem_persist((void *)&j->count, 8);
    }
    return 0;
}
