/* mst.c - the cheapest tree that connects a graph: sorted edges and a union-find forest. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   mst GRAPHS
 *
 * Each graph has 300,000 vertices and 600,000 edges drawn at random. Its edges are sorted by weight
 * with a heap, in place, and joined by Kruskal's rule; trees are compressed by halving. Prints the
 * weight of all.
 */
#define VERTICES 300000u
#define EDGES    600000u

struct edge {
    uint32_t weight, a, b;
};

static void sift(struct edge *e, uint32_t at, uint32_t n)
{
    const struct edge x = e[at];
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && e[child + 1].weight > e[child].weight;
        if (e[child].weight <= x.weight)
            break;
        e[at] = e[child];
    }
    e[at] = x;
}

static void sort(struct edge *e, uint32_t n)
{
    for (uint32_t i = n / 2; i-- > 0;)
        sift(e, i, n);
    while (n-- > 1) {
        const struct edge last = e[n];
        e[n] = e[0];
        e[0] = last;
        sift(e, 0, n);
    }
}

static uint32_t root(uint32_t *parent, uint32_t v)
{
    while (parent[v] != v)
        v = parent[v] = parent[parent[v]];
    return v;
}

int main(int argc, char **argv)
{
    const uint32_t graphs = number_argument_or(argc, argv, 1, "mst: GRAPHS", 1, 1, 1000000);
    struct edge *e = malloc(EDGES * sizeof *e);
    uint32_t *parent = malloc(VERTICES * sizeof *parent);
    uint64_t random = 1, total = 0;
    if (!e || !parent) {
        fprintf(stderr, "mst: out of memory\n");
        return 1;
    }
    for (uint32_t g = 0; g < graphs; g++) {
        for (uint32_t i = 0; i < EDGES; i++) {
            const uint64_t r = random_next(&random);
            e[i] = (struct edge){(uint32_t)r & 0xffffff, (uint32_t)(r >> 24) % VERTICES,
                                 (uint32_t)random_next(&random) % VERTICES};
        }
        for (uint32_t v = 0; v < VERTICES; v++)
            parent[v] = v;
        sort(e, EDGES);
        for (uint32_t i = 0; i < EDGES; i++) {
            const uint32_t a = root(parent, e[i].a), b = root(parent, e[i].b);
            if (a != b) {
                parent[a] = b;
                total += e[i].weight;
            }
        }
    }
    printf("mst: weight %llu\n", (unsigned long long)total);
    return 0;
}
