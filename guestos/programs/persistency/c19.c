/* c19.c - C19: a format mark that is durable before what it announces. */
#include "pm.h"

#define MAGIC UINT64_C(0x70616d726f66)

struct store {
    _Alignas(64) volatile uint64_t magic;
    _Alignas(64) volatile uint64_t buckets;
    _Alignas(64) volatile uint64_t first[16];
};

int main(int argc, char **argv)
{
    struct store *s = pm_open("c19", sizeof *s);
    if (pm_is(argc, argv, "check")) {
        if (s->magic != MAGIC)
            return 0; /* not formatted yet */
        if (s->buckets != 16)
            pm_inconsistent("formatted, but the number of buckets is wrong");
        for (uint32_t i = 0; i < 16; i++)
            if (s->first[i] != UINT64_MAX)
                pm_inconsistent("formatted, but a bucket is not empty");
        return 0;
    }
    if (pm_is(argc, argv, "broken")) {
        s->magic = MAGIC;
        pmem_persist((void *)&s->magic, 8);
    }
    s->buckets = 16;
    for (uint32_t i = 0; i < 16; i++)
        s->first[i] = UINT64_MAX;
    pmem_flush((void *)&s->buckets, 8);
    pmem_flush((void *)s->first, sizeof s->first);
    pmem_sfence();
    if (!pm_is(argc, argv, "broken")) {
        s->magic = MAGIC;
        pmem_persist((void *)&s->magic, 8);
    }
    return 0;
}
