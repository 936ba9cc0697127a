/* graph.c - breadth-first search in a random graph of SIZE vertices, eight edges each. */
#include "tests/validate/kernel.h"

#define DEGREE 8u
static uint32_t *edges, *parent, *queue, n;

void prepare(uint32_t size)
{
    uint64_t random = 23;
    n = size;
    edges = kernel_memory((size_t)n * DEGREE * sizeof *edges);
    parent = kernel_memory(n * sizeof *parent);
    queue = kernel_memory(n * sizeof *queue);
    for (uint32_t i = 0; i < n * DEGREE; i++)
        edges[i] = (uint32_t)(random_next(&random) % n);
}

static uint32_t search(uint32_t start)
{
    uint32_t begin = 0, end = 1;
    for (uint32_t i = 0; i < n; i++)
        parent[i] = n;
    queue[0] = parent[start] = start;
    while (begin < end) {
        const uint32_t v = queue[begin++];
        for (uint32_t e = v * DEGREE; e < (v + 1) * DEGREE; e++)
            if (parent[edges[e]] == n) {
                parent[edges[e]] = v;
                queue[end++] = edges[e];
            }
    }
    return end + parent[queue[end - 1]];
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++)
        sum += search(r % n);
    return sum;
}
