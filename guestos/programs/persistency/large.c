/* large.c - a table of more than 1 MiB that recovery goes through from end to end and mends, before
 * another program checks it: much for the explorer to carry from the one to the other. broken: the
 * table is not fenced before it counts. */
#include "pm.h"

#define WORDS (18000u * 8)

struct table {
    _Alignas(64) volatile uint64_t state; /* 1: filled, 2: and recovered */
    _Alignas(64) uint64_t word[WORDS];
};

static void fill(struct table *t, int fenced)
{
    for (uint32_t i = 0; i < WORDS; i++)
        t->word[i] = i + 1;
    pmem_flush(t->word, sizeof t->word);
    if (fenced)
        pmem_sfence();
    t->state = 1;
    pmem_persist((void *)&t->state, sizeof t->state);
}

/* Every eighth word is negated. */
static void recover(struct table *t)
{
    uint64_t sum = 0;
    if (t->state != 1)
        return;
    for (uint32_t i = 0; i < WORDS; i++)
        sum += t->word[i];
    if (sum == 0)
        return;
    for (uint32_t i = 0; i < WORDS; i += 8)
        t->word[i] = ~(uint64_t)i;
    pmem_persist(t->word, sizeof t->word);
    t->state = 2;
    pmem_persist((void *)&t->state, sizeof t->state);
}

int main(int argc, char **argv)
{
    struct table *t = pm_open("large", sizeof *t);
    if (pm_is(argc, argv, "recover")) {
        recover(t);
    } else if (pm_is(argc, argv, "check")) {
        if (t->state == 1)
            pm_inconsistent("it was not recovered");
        for (uint32_t i = 0; t->state == 2 && i < WORDS; i++)
            if (t->word[i] != (i % 8 ? i + 1 : ~(uint64_t)i))
                pm_inconsistent("a word of the table is lost");
    } else {
        fill(t, !pm_is(argc, argv, "broken"));
    }
    return 0;
}
