/* tree.c - insertion into a binary search tree, and searches in it: SIZE keys, in random order. */
#include "tests/validate/kernel.h"

struct node {
    uint32_t key, left, right; /* by number; 0: none */
};
static struct node *nodes;
static uint32_t n, used, found;

void prepare(uint32_t size)
{
    n = size;
    nodes = kernel_memory((n + 1) * sizeof *nodes);
}

static void insert(uint32_t key)
{
    uint32_t *at = &nodes[0].left;
    while (*at) {
        struct node *x = &nodes[*at];
        if (x->key == key)
            return;
        at = key < x->key ? &x->left : &x->right;
    }
    *at = ++used;
    nodes[used] = (struct node){.key = key};
}

static uint32_t depth_of(uint32_t key)
{
    uint32_t at = nodes[0].left, depth = 0;
    while (at && nodes[at].key != key) {
        at = key < nodes[at].key ? nodes[at].left : nodes[at].right;
        depth++;
    }
    found += at != 0;
    return depth;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t random = 5 + r;
        used = 0;
        nodes[0].left = 0;
        for (uint32_t i = 0; i < n; i++)
            insert((uint32_t)(random_next(&random) >> 40));
        for (uint32_t i = 0; i < n; i++)
            sum += depth_of((uint32_t)(random_next(&random) >> 40));
    }
    return sum + found;
}
