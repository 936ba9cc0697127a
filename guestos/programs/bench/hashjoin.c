/* hashjoin.c - joins two tables of together KIB times 1024 bytes on their keys: a hash table is
 * built from the one and probed with the other. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/number.h"

struct tuple {
    uint32_t key, value[7];
};

struct bucket {
    uint32_t key, tuple;
    uint32_t next; /* number of a bucket + 1, 0: none */
};

static uint32_t draw(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static uint32_t hash(uint32_t key, uint32_t mask)
{
    return (key * 2654435761u >> 7) & mask;
}

static void fill(struct tuple *t, uint32_t n, uint32_t keys, uint32_t seed)
{
    for (uint32_t i = 0; i < n; i++)
        t[i] = (struct tuple){draw(&seed) % keys, {i}};
}

int main(int argc, char **argv)
{
    uint32_t kib = number_argument_or(argc, argv, 1, "KIB", 32768, 1, 1 << 20);
    uint32_t n = kib * 512 / sizeof(struct tuple), mask = 1;
    while (mask < n)
        mask *= 2;
    mask--;
    struct tuple *build = malloc(n * sizeof *build), *probe = malloc(n * sizeof *probe);
    struct bucket *b = malloc(n * sizeof *b);
    uint32_t *heads = calloc((size_t)mask + 1, sizeof *heads), matches = 0, sum = 0;
    if (!build || !probe || !b || !heads) {
        fputs("hashjoin: out of memory\n", stderr);
        return 1;
    }
    fill(build, n, n, 1);
    fill(probe, n, 2 * n, 7);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *head = &heads[hash(build[i].key, mask)];
        b[i] = (struct bucket){build[i].key, i, *head};
        *head = i + 1;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = heads[hash(probe[i].key, mask)]; k; k = b[k - 1].next)
            if (b[k - 1].key == probe[i].key) {
                matches++;
                sum += build[b[k - 1].tuple].value[0] ^ probe[i].value[0];
            }
    printf("hashjoin %u: %u matches, %08x\n", (unsigned)n, (unsigned)matches, (unsigned)sum);
    return 0;
}
