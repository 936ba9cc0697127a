/* txlist.c - a doubly linked list that is changed by transactions with an undo log. */
#include "txlog.h"

/*
 *   txlist run N VERSION      insert N nodes in order of their keys;  VERSION: correct, unlogged,
 *                             nofence, mark
 *   txlist check              roll back what was under way, then check
 *
 * What is wrong:
 *   unlogged   the backward pointer is changed without a log entry
 *   nofence    the log counts an entry without waiting for anything to be durable
 *   mark       the transaction is marked as over before its data is durable
 */
#define NODES 40u

struct list {
    struct txlog log;
    _Alignas(64) volatile uint64_t count;
    _Alignas(64) struct {
        _Alignas(64) volatile uint64_t key;
        volatile uint64_t next, prev; /* numbers of nodes; 0 is the head */
    } node[NODES];
};

static int unlogged, nofence, mark;

static uint64_t key_of(uint64_t i)
{
    return (i * 23) % 41 + 1;
}

static void save(struct list *l, volatile uint64_t *at)
{
    if (!nofence) {
        tx_save(&l->log, l, at);
        return;
    }
    const uint64_t i = l->log.n;
    l->log.entry[i].offset = (uint64_t)((uintptr_t)at - (uintptr_t)l);
    l->log.entry[i].old = *at;
    l->log.n = i + 1;
    pmem_clwb((void *)&l->log.entry[i]);
    pmem_clwb((void *)&l->log.n);
    pwk_tx(PWK_TX_LOGGED, (void *)at, 8);
}

static void finish(struct list *l, uint64_t prev, uint64_t next)
{
    if (!mark) {
        tx_commit(&l->log, l);
        if (unlogged)
            pmem_persist((void *)&l->node[next].prev, 8);
        return;
    }
    l->log.n = 0;
    pmem_clwb((void *)&l->log.n);
    pmem_clwb((void *)&l->node[prev].next);
    pmem_clwb((void *)&l->count);
    pmem_persist((void *)&l->node[next].prev, 8);
    pwk_tx(PWK_TX_COMMIT, NULL, 0);
}

static void insert(struct list *l, uint64_t n, uint64_t key)
{
    uint64_t prev = 0, next = l->node[0].next;
    while (next && l->node[next].key < key) {
        prev = next;
        next = l->node[next].next;
    }
    l->node[n].key = key;
    l->node[n].next = next;
    l->node[n].prev = prev;
    pmem_persist((void *)&l->node[n], 24);
    tx_begin(&l->log);
    save(l, &l->node[prev].next);
    if (!unlogged)
        save(l, &l->node[next].prev);
    save(l, &l->count);
    l->node[prev].next = n;
    l->node[next].prev = n;
    l->count = l->count + 1;
    finish(l, prev, next);
}

static void check(struct list *l)
{
    uint64_t n = 0, at = 0;
    do {
        const uint64_t next = l->node[at].next;
        if (next >= NODES || l->node[next].prev != at)
            pm_inconsistent("forward and backward pointers differ");
        if (next && at && l->node[next].key <= l->node[at].key)
            pm_inconsistent("keys do not ascend");
        n += next != 0;
        at = next;
    } while (at && n <= NODES);
    if (n != l->count)
        pm_inconsistent("the count is wrong");
}

int main(int argc, char **argv)
{
    struct list *l = pm_open("txlist", sizeof *l);
    tx_undo(&l->log, (void *)l, 1);
    if (pm_is(argc, argv, "check")) {
        check(l);
        return 0;
    }
    if (argc != 4)
        return 2;
    unlogged = strcmp(argv[3], "unlogged") == 0;
    nofence = strcmp(argv[3], "nofence") == 0;
    mark = strcmp(argv[3], "mark") == 0;
    for (uint64_t i = l->count; i < strtoull(argv[2], NULL, 10) && i + 1 < NODES; i++)
        insert(l, i + 1, key_of(i));
    check(l);
    return 0;
}
