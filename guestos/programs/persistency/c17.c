/* c17.c - C17: allocation and publication are not atomic. broken: a node is published before the
 * allocator knows that it is taken (double use); leak: it is taken and published by two steps, and
 * recovery does not look for what nobody points to. The right version takes what the list holds as
 * the only truth: its recovery rebuilds the bitmap. */
#include "pm.h"

#define NODES 8u

struct pool {
    _Alignas(64) volatile uint64_t used; /* a bit for each node */
    _Alignas(64) volatile uint64_t head; /* node + 1 */
    _Alignas(64) struct {
        _Alignas(64) volatile uint64_t value;
        volatile uint64_t next;
    } node[NODES];
};

static void set(volatile uint64_t *at, uint64_t v)
{
    *at = v;
    pmem_persist((void *)at, 8);
}

static uint64_t reachable(struct pool *p)
{
    uint64_t bits = 0;
    for (uint64_t n = p->head; n; n = p->node[n - 1].next) {
        if (n > NODES || (bits >> (n - 1) & 1) || p->node[n - 1].value != 5 * n)
            pm_inconsistent("the list is damaged");
        bits |= UINT64_C(1) << (n - 1);
    }
    return bits;
}

int main(int argc, char **argv)
{
    struct pool *p = pm_open("c17", sizeof *p);
    if (argc > 1 && strncmp(argv[1], "check", 5) == 0) {
        const uint64_t bits = reachable(p);
        if (!pm_is(argc, argv, "check-only") && p->used != bits)
            set(&p->used, bits);
        if (bits & ~p->used)
            pm_inconsistent("a node of the list counts as free");
        if (p->used & ~bits)
            pm_inconsistent("a node has leaked");
        return 0;
    }
    for (uint64_t n = 1; n <= 4; n++) {
        if (!pm_is(argc, argv, "broken"))
            set(&p->used, p->used | UINT64_C(1) << (n - 1));
        p->node[n - 1].value = 5 * n;
        p->node[n - 1].next = p->head;
        pmem_persist((void *)&p->node[n - 1], 16);
        set(&p->head, n);
        if (pm_is(argc, argv, "broken"))
            set(&p->used, p->used | UINT64_C(1) << (n - 1));
    }
    return 0;
}
