/* c5.c - C5 and C5e: a flag publishes a payload on another line. broken: both are flushed in one
 * epoch; evict: the flag is stored before the payload's fence and flushed after it, so that only a
 * cache that evicts it shows the bug. */
#include "pm.h"

struct message {
    _Alignas(64) volatile uint64_t ready;
    _Alignas(64) volatile uint64_t body[2];
};

int main(int argc, char **argv)
{
    struct message *m = pm_open("c5", 4096);
    if (pm_is(argc, argv, "check")) {
        for (uint32_t i = 0; i < 4; i++)
            if (m[i].ready && (m[i].body[0] != i + 1 || m[i].body[1] != ~(uint64_t)i))
                pm_inconsistent("a message is ready, but its body is not");
        return 0;
    }
    for (uint32_t i = 0; i < 4; i++) {
        m[i].body[0] = i + 1;
        m[i].body[1] = ~(uint64_t)i;
        pmem_clwb((void *)m[i].body);
        if (pm_is(argc, argv, "correct"))
            pmem_sfence();
        m[i].ready = 1;
        if (pm_is(argc, argv, "evict"))
            pmem_sfence();
        pmem_clwb((void *)&m[i].ready);
        pmem_sfence();
    }
    return 0;
}
