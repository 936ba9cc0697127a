/* ok3.c - OK3: scratch in persistent memory that recovery never reads. */
#include "pm.h"

struct state {
    _Alignas(64) volatile uint64_t done;
    _Alignas(64) volatile uint64_t scratch[64];
};

int main(int argc, char **argv)
{
    struct state *s = pm_open("ok3", sizeof *s);
    if (pm_is(argc, argv, "check"))
        return s->done > 20 ? 1 : 0;
    for (uint64_t i = 0; i < 20; i++) {
        for (uint32_t k = 0; k < 64; k++)
            s->scratch[k] = i * k;
        s->done = i + 1;
        pmem_persist((void *)&s->done, sizeof s->done);
    }
    return 0;
}
