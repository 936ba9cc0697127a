/* btree.c - a B+tree of two levels whose nodes are shifted by words of 8 bytes. */
#include "pm.h"

/*
 *   btree run N VERSION     insert N keys;  VERSION: correct, noflush, truncate, early
 *   btree check             recover, then check
 *
 * An entry is one word: key in the high half, value (or number of the child) in the low one; 0 is
 * no entry. Entries of a node ascend, without gaps. To insert, the entries above are moved up by
 * one word each, highest first, and a line is durable before the one below it is written: at any
 * moment all entries are there, one of them perhaps twice, side by side.
 *
 * A full leaf is split: the upper half is copied to a new leaf, which the old one's `next` then
 * publishes; the copied entries are removed from the old leaf, highest first; the root learns of it
 * last. Recovery removes twins, finishes the removal and completes the root. What is wrong:
 *
 *   noflush    lines are made durable only when the whole shift is done
 *   truncate   the upper half is removed before `next` publishes its copy
 *   early      the count of keys becomes durable together with the key, not behind it
 */
#define ENTRIES 24u
#define NODES   32u

struct node {
    _Alignas(64) volatile uint64_t next; /* number of the next leaf, 0: none */
    _Alignas(64) volatile uint64_t entry[ENTRIES];
};

struct tree {
    _Alignas(64) volatile uint64_t done;  /* keys that have been inserted */
    _Alignas(64) volatile uint64_t used;  /* nodes */
    _Alignas(64) struct node node[NODES]; /* 0: the root, 1: the first leaf */
};

static int noflush, truncate_early, early;

static void set(volatile uint64_t *at, uint64_t v)
{
    *at = v;
    pmem_persist((void *)at, 8);
}

static uint64_t key_of(uint64_t i)
{
    return (i * 37) % 101 + 1;
}

static uint32_t count(const struct node *n)
{
    uint32_t k = 0;
    while (k < ENTRIES && n->entry[k])
        k++;
    return k;
}

static int line_begins(const volatile uint64_t *at)
{
    return ((uintptr_t)at & 63) == 0;
}

/* Put v where it belongs; there is room. */
static void insert(struct node *n, uint64_t v)
{
    uint32_t k = count(n);
    const uint32_t top = k;
    for (; k > 0 && n->entry[k - 1] > v; k--) {
        n->entry[k] = n->entry[k - 1];
        if (line_begins(&n->entry[k]) && !noflush)
            pmem_persist((void *)&n->entry[k], 8);
    }
    n->entry[k] = v;
    if (noflush)
        pmem_persist((void *)&n->entry[k], 8 * (top - k + 1));
    else
        pmem_persist((void *)&n->entry[k], 8);
}

/* Take entry k away. */
static void remove_entry(struct node *n, uint32_t k)
{
    for (; k + 1 < ENTRIES && n->entry[k]; k++) {
        n->entry[k] = n->entry[k + 1];
        if (line_begins(&n->entry[k + 1]))
            pmem_persist((void *)&n->entry[k], 8);
    }
    n->entry[k] = 0;
    pmem_persist((void *)&n->entry[k], 8);
}

static void cut_off(struct node *n, uint32_t from)
{
    for (uint32_t k = ENTRIES; k-- > from;) {
        if (!n->entry[k])
            continue;
        n->entry[k] = 0;
        if (line_begins(&n->entry[k]) || k == from)
            pmem_persist((void *)&n->entry[k], 8);
    }
}

static struct node *leaf_for(struct tree *t, uint64_t key)
{
    const struct node *root = &t->node[0];
    uint32_t k = count(root);
    while (k > 1 && root->entry[k - 1] >> 32 > key)
        k--;
    struct node *leaf = &t->node[(uint32_t)root->entry[k - 1]];
    while (leaf->next && t->node[leaf->next].entry[0] >> 32 <= key)
        leaf = &t->node[leaf->next];
    return leaf;
}

static void split(struct tree *t, struct node *old)
{
    const uint64_t number = t->used, half = ENTRIES / 2;
    struct node *fresh = &t->node[number];
    if (number >= NODES)
        exit(8);
    set(&t->used, number + 1);
    for (uint32_t k = 0; k < ENTRIES; k++)
        fresh->entry[k] = k < ENTRIES - half ? old->entry[half + k] : 0;
    fresh->next = old->next;
    pmem_flush(fresh, sizeof *fresh);
    pmem_sfence();
    if (truncate_early)
        cut_off(old, (uint32_t)half);
    set(&old->next, number);
    if (!truncate_early)
        cut_off(old, (uint32_t)half);
    insert(&t->node[0], (fresh->entry[0] >> 32) << 32 | number);
}

static void put(struct tree *t, uint64_t key, uint64_t value)
{
    struct node *leaf = leaf_for(t, key);
    if (count(leaf) == ENTRIES) {
        split(t, leaf);
        leaf = leaf_for(t, key);
    }
    insert(leaf, key << 32 | value);
}

static void make(struct tree *t)
{
    if (t->used)
        return;
    set(&t->node[0].entry[0], 1);
    set(&t->used, 2);
}

static void recover(struct tree *t)
{
    for (uint64_t i = 1; i; i = t->node[i].next) {
        struct node *n = &t->node[i];
        for (uint32_t k = 0; k + 1 < ENTRIES && n->entry[k + 1];)
            if (n->entry[k] == n->entry[k + 1])
                remove_entry(n, k);
            else
                k++;
        if (n->next)
            for (uint32_t k = 0; k < ENTRIES && n->entry[k]; k++)
                if (n->entry[k] >= t->node[n->next].entry[0]) {
                    cut_off(n, k);
                    break;
                }
    }
    struct node *root = &t->node[0];
    for (uint32_t k = 0; k + 1 < ENTRIES && root->entry[k + 1];)
        if (root->entry[k] == root->entry[k + 1])
            remove_entry(root, k);
        else
            k++;
    for (uint64_t i = t->node[1].next; i; i = t->node[i].next) {
        uint32_t k = 0;
        while (k < ENTRIES && (uint32_t)root->entry[k] != i)
            k++;
        if (k == ENTRIES)
            insert(root, (t->node[i].entry[0] >> 32) << 32 | i);
    }
}

static void check(struct tree *t)
{
    uint64_t last = 0, keys = 0;
    for (uint64_t i = 1; i; i = t->node[i].next)
        for (uint32_t k = 0; k < ENTRIES && t->node[i].entry[k]; k++, keys++) {
            const uint64_t e = t->node[i].entry[k];
            if (e >> 32 <= last)
                pm_inconsistent("keys do not ascend");
            last = e >> 32;
        }
    if (keys < t->done || keys > t->done + 1)
        pm_inconsistent("keys were lost or made");
    for (uint64_t i = 0; i < t->done; i++) {
        const struct node *leaf = leaf_for(t, key_of(i));
        uint32_t k = 0;
        while (k < ENTRIES && leaf->entry[k] != (key_of(i) << 32 | (i + 1)))
            k++;
        if (k == ENTRIES)
            pm_inconsistent("a key is not found");
    }
}

int main(int argc, char **argv)
{
    struct tree *t = pm_open("btree", sizeof *t);
    if (pm_is(argc, argv, "check")) {
        make(t);
        recover(t);
        check(t);
        return 0;
    }
    if (argc != 4)
        return 2;
    noflush = strcmp(argv[3], "noflush") == 0;
    truncate_early = strcmp(argv[3], "truncate") == 0;
    early = strcmp(argv[3], "early") == 0;
    make(t);
    for (uint64_t i = t->done; i < strtoull(argv[2], NULL, 10); i++) {
        if (early)
            set(&t->done, i + 1);
        put(t, key_of(i), i + 1);
        if (!early)
            set(&t->done, i + 1);
    }
    check(t);
    return 0;
}
