/* join.c - joins two tables of SIZE rows: a hash table with chains is built from the one, and
 * probed with the other. */
#include "tests/validate/kernel.h"

struct row {
    uint32_t key, value;
};
struct bucket {
    uint32_t key, row, next; /* next: number + 1, 0: none */
};
static struct row *left, *right;
static struct bucket *buckets;
static uint32_t *heads, n, mask;

static void fill(struct row *t, uint32_t keys, uint64_t seed)
{
    for (uint32_t i = 0; i < n; i++)
        t[i] = (struct row){(uint32_t)(random_next(&seed) % keys), i};
}

void prepare(uint32_t size)
{
    n = size;
    for (mask = 1; mask < n; mask *= 2)
        ;
    mask--;
    left = kernel_memory(n * sizeof *left);
    right = kernel_memory(n * sizeof *right);
    buckets = kernel_memory(n * sizeof *buckets);
    heads = kernel_memory(((size_t)mask + 1) * sizeof *heads);
    fill(left, n, 1);
    fill(right, 2 * n, 7);
}

static uint32_t hash(uint32_t key)
{
    return (key * 2654435761u >> 7) & mask;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i <= mask; i++)
            heads[i] = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t *head = &heads[hash(left[i].key)];
            buckets[i] = (struct bucket){left[i].key, i, *head};
            *head = i + 1;
        }
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = heads[hash(right[i].key)]; k; k = buckets[k - 1].next)
                if (buckets[k - 1].key == right[i].key)
                    sum += left[buckets[k - 1].row].value ^ right[i].value;
    }
    return sum;
}
