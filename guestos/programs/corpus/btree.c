/* btree.c - a B+tree in persistent memory: inserts that are durable one by one, look-ups, scans. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"
#include "pmem.h"
#include "pwk.h"

/*
 *   btree OPERATIONS
 *
 * Nodes of 256 bytes lie in the named object "btree". An insert writes its leaf from the back to
 * the front, flushes what it changed, fences, then makes the count durable; a split fills a new
 * node and flushes it whole before anything points to it. The first 300,000 operations insert. Of
 * eight others four look up keys that are there, some often, three insert, one scans 50 keys.
 * Prints a checksum of what was read.
 */
#define KEYS      15u
#define FULL      (KEYS - 1) /* the last place of a leaf tells that it is one */
#define NODES     160000u
#define SCAN      50u
#define GROWTH    300000u
#define HOT_SHIFT 3 /* an eighth of the keys gets half of the look-ups */

struct node {
    uint32_t n;    /* keys */
    uint32_t next; /* leaf: the leaf to the right; 0: none, and the first node is no leaf's right */
    uint64_t key[KEYS];
    uint64_t to[KEYS + 1]; /* inner: nodes; leaf: values, the last one tells that it is a leaf */
};

#define LEAF UINT64_MAX

struct tree {
    struct node *node;
    uint32_t root, used;
    uint64_t keys;
};

static int is_leaf(const struct node *x)
{
    return x->to[KEYS] == LEAF;
}

static uint64_t key_of(uint64_t i)
{
    uint64_t state = i;
    return random_next(&state);
}

/* First key not below k. */
static uint32_t position(const struct node *x, uint64_t k)
{
    uint32_t i = 0;
    while (i < x->n && x->key[i] < k)
        i++;
    return i;
}

/* The leaf for k: keys of child i are at most key i. */
static uint32_t descend(const struct tree *t, uint64_t k)
{
    uint32_t at = t->root;
    while (!is_leaf(&t->node[at]))
        at = (uint32_t)t->node[at].to[position(&t->node[at], k)];
    return at;
}

/* The value of k, 0: none. */
static uint64_t look_up(const struct tree *t, uint64_t k)
{
    const struct node *leaf = &t->node[descend(t, k)];
    const uint32_t i = position(leaf, k);
    return i < leaf->n && leaf->key[i] == k ? leaf->to[i] : 0;
}

static uint64_t scan(const struct tree *t, uint64_t k, uint32_t keys)
{
    uint32_t at = descend(t, k);
    uint64_t sum = 0;
    for (uint32_t i = position(&t->node[at], k); keys > 0;) {
        const struct node *leaf = &t->node[at];
        for (; i < leaf->n && keys > 0; i++, keys--)
            sum += leaf->to[i];
        if (!(at = leaf->next))
            break;
        i = 0;
    }
    return sum;
}

static uint32_t new_node(struct tree *t)
{
    if (t->used == NODES) {
        fprintf(stderr, "btree: more than %u nodes\n", NODES);
        exit(1);
    }
    return t->used++;
}

static void put_at(struct node *x, uint32_t i, uint64_t k, uint64_t left, uint64_t right)
{
    const int leaf = is_leaf(x);
    for (uint32_t j = x->n; j > i; j--) {
        x->key[j] = x->key[j - 1];
        if (leaf)
            x->to[j] = x->to[j - 1];
        else
            x->to[j + 1] = x->to[j];
    }
    x->key[i] = k;
    x->to[i] = left;
    if (!leaf)
        x->to[i + 1] = right;
    pmem_persist(&x->key[i], (size_t)(x->n + 1 - i) * sizeof x->key[0]);
    pmem_persist(&x->to[i], (size_t)(x->n + 2 - i) * sizeof x->to[0]);
    x->n++;
    pmem_persist(&x->n, sizeof x->n);
}

/* The upper half goes to a new node on the right; *up separates them. */
static uint32_t split(struct tree *t, uint32_t at, uint64_t *up)
{
    const uint32_t right = new_node(t);
    struct node *x = &t->node[at], *y = &t->node[right];
    const uint32_t half = KEYS / 2, leaf = is_leaf(x), from = leaf ? half : half + 1;
    *y = *x;
    y->n = x->n - from;
    memmove(y->key, x->key + from, y->n * sizeof y->key[0]);
    memmove(y->to, x->to + from, (y->n + !leaf) * sizeof y->to[0]);
    pmem_persist(y, sizeof *y);
    *up = x->key[leaf ? half - 1 : half];
    if (leaf)
        x->next = right;
    x->n = half;
    pmem_persist(x, 8);
    return right;
}

/* Full nodes are split on the way down, so that a parent always has room. */
static void insert(struct tree *t, uint64_t k, uint64_t value)
{
    uint64_t up;
    uint32_t at = t->root;
    if (t->node[at].n == FULL) {
        const uint32_t right = split(t, at, &up), root = new_node(t);
        t->node[root] = (struct node){.n = 1, .key = {up}, .to = {at, right}};
        pmem_persist(&t->node[root], sizeof(struct node));
        t->root = at = root;
    }
    while (!is_leaf(&t->node[at])) {
        const uint32_t i = position(&t->node[at], k);
        uint32_t child = (uint32_t)t->node[at].to[i];
        if (t->node[child].n == FULL) {
            const uint32_t right = split(t, child, &up);
            put_at(&t->node[at], i, up, child, right);
            child = k > up ? right : child;
        }
        at = child;
    }
    put_at(&t->node[at], position(&t->node[at], k), k, value, 0);
    t->keys++;
}

int main(int argc, char **argv)
{
    const uint32_t operations = number_argument_or(argc, argv, 1, "btree: OPERATIONS", 100000, 1,
                                                   100000000);
    const int32_t fd = pwk_pmem_open("btree", 5, (int64_t)NODES * (int64_t)sizeof(struct node));
    const int32_t at = fd < 0 ? fd : pwk_map(fd, 0, NODES * sizeof(struct node), PWK_MAP_SHARED);
    struct tree t = {.used = 1};
    uint64_t random = 1, sum = 0;
    if (fd < 0 || pwk_failed(at)) {
        fprintf(stderr, "btree: no persistent memory\n");
        return 1;
    }
    t.node = pwk_pointer(at);
    t.root = new_node(&t);
    t.node[t.root] = (struct node){.to[KEYS] = LEAF};
    pmem_persist(&t.node[t.root], sizeof(struct node));
    for (uint32_t i = 0; i < operations; i++) {
        const uint64_t what = i < GROWTH ? 0 : random_next(&random) % 8;
        const uint64_t any = random_next(&random), hot = any & 1 ? HOT_SHIFT : 0;
        if (what < 3)
            insert(&t, key_of(t.keys), i);
        else if (what < 7)
            sum += look_up(&t, key_of(any / 2 % ((t.keys >> hot) + 1)));
        else
            sum += scan(&t, any, SCAN);
    }
    printf("btree: %llu keys in %u nodes, checksum %llu\n", (unsigned long long)t.keys, t.used,
           (unsigned long long)sum);
    return 0;
}
