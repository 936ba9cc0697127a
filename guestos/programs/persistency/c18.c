/* c18.c - C18: a rename that removes the old name before the new one is durable. */
#include "pm.h"

struct directory {
    _Alignas(64) volatile uint64_t begun;
    struct {
        _Alignas(64) volatile uint64_t name;
        volatile uint64_t file;
    } entry[2];
};

static void flush(volatile uint64_t *at)
{
    pmem_clwb((void *)at);
}

int main(int argc, char **argv)
{
    struct directory *d = pm_open("c18", sizeof *d);
    if (pm_is(argc, argv, "check")) {
        uint32_t names = 0;
        for (uint32_t i = 0; i < 2; i++)
            names += d->entry[i].name && d->entry[i].file == 77;
        if (d->begun && !names)
            pm_inconsistent("the file has no name any more");
        return 0;
    }
    d->entry[0].file = d->entry[1].file = 77;
    d->entry[0].name = 1;
    flush(&d->entry[0].name);
    flush(&d->entry[1].name);
    pmem_sfence();
    d->begun = 1;
    pmem_persist((void *)&d->begun, 8);
    for (uint32_t i = 1; i < 5; i++) {
        volatile uint64_t *to = &d->entry[i & 1].name, *from = &d->entry[~i & 1].name;
        if (pm_is(argc, argv, "broken")) {
            *from = 0;
            flush(from);
            *to = i + 1;
            flush(to);
            pmem_sfence();
            continue;
        }
        *to = i + 1;
        pmem_persist((void *)to, 8);
        *from = 0;
        pmem_persist((void *)from, 8);
    }
    return 0;
}
