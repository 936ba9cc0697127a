/* ok1.c - OK1: several steps, each consistent by itself. */
#include "pm.h"

struct list {
    _Alignas(64) volatile uint64_t count;
    _Alignas(64) struct {
        volatile uint64_t key, value;
    } entry[64];
};

int main(void)
{
    struct list *l = pm_open("ok1", sizeof *l);
    for (uint64_t i = 0; i < 64; i++) {
        l->entry[i].key = i + 1;
        l->entry[i].value = 10 * i;
        pmem_persist((void *)&l->entry[i], sizeof l->entry[i]);
        l->count = i + 1;
        pmem_persist((void *)&l->count, sizeof l->count);
    }
    return 0;
}
