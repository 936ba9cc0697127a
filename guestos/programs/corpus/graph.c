/* graph.c - breadth-first search and page rank on a graph as skewed as those of the web. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   graph SEARCHES
 *
 * 2^21 edges among 2^18 vertices are drawn, both ends nearly by weight 1/rank as on the web, and
 * put into rows by counting. Then SEARCHES breadth-first searches from vertices drawn at random,
 * with a round of page rank in fixed point after every fourth. Prints how many vertices were
 * reached, and the largest rank.
 */
#define SCALE    18u
#define VERTICES (1u << SCALE)
#define EDGES    (1u << 21)
#define ONE      (1u << 20) /* of a rank */

struct graph {
    uint32_t *row; /* VERTICES + 1: where each vertex's edges begin */
    uint32_t *to;
};

static void *get(size_t n, size_t each)
{
    void *p = calloc(n, each);
    if (p)
        return p;
    fprintf(stderr, "graph: out of memory\n");
    exit(1);
}

/* A rank: a power of two, then any below it; neighbours in rank are not neighbours in memory. */
static uint32_t draw_vertex(uint64_t *random)
{
    const uint64_t r = random_next(random);
    const uint32_t octave = 1u << (uint32_t)r % SCALE;
    return (octave + (uint32_t)(r >> 32) % octave) * 0x9e3779b1u % VERTICES;
}

static struct graph build(void)
{
    struct graph g = {get(VERTICES + 1, sizeof *g.row), get(EDGES, sizeof *g.to)};
    uint32_t *from = get(EDGES, sizeof *from), *to = get(EDGES, sizeof *to);
    uint64_t random = 1;
    for (uint32_t e = 0; e < EDGES; e++) {
        from[e] = draw_vertex(&random);
        to[e] = draw_vertex(&random);
        g.row[from[e] + 1]++;
    }
    for (uint32_t v = 0; v < VERTICES; v++)
        g.row[v + 1] += g.row[v];
    uint32_t *next = get(VERTICES, sizeof *next);
    for (uint32_t e = 0; e < EDGES; e++)
        g.to[g.row[from[e]] + next[from[e]]++] = to[e];
    free(from);
    free(to);
    free(next);
    return g;
}

static uint32_t search(const struct graph *g, uint32_t start, uint32_t *parent, uint32_t *queue)
{
    uint32_t head = 0, tail = 1;
    for (uint32_t v = 0; v < VERTICES; v++)
        parent[v] = VERTICES;
    queue[0] = parent[start] = start;
    while (head < tail) {
        const uint32_t v = queue[head++];
        for (uint32_t e = g->row[v]; e < g->row[v + 1]; e++)
            if (parent[g->to[e]] == VERTICES) {
                parent[g->to[e]] = v;
                queue[tail++] = g->to[e];
            }
    }
    return tail;
}

/* rank = 0.15 + 0.85 * what flows in; the old ranks flow. */
static void rank_round(const struct graph *g, uint32_t *rank, uint32_t *in)
{
    for (uint32_t v = 0; v < VERTICES; v++) {
        const uint32_t edges = g->row[v + 1] - g->row[v];
        const uint32_t share = edges ? rank[v] / edges : 0;
        for (uint32_t e = g->row[v]; e < g->row[v + 1]; e++)
            in[g->to[e]] += share;
    }
    for (uint32_t v = 0; v < VERTICES; v++) {
        rank[v] = (uint32_t)(ONE * 15ull / 100 + in[v] * 85ull / 100);
        in[v] = 0;
    }
}

int main(int argc, char **argv)
{
    const uint32_t searches = number_argument_or(argc, argv, 1, "graph: SEARCHES", 8, 1, 1000000);
    const struct graph g = build();
    uint32_t *a = get(VERTICES, sizeof *a), *b = get(VERTICES, sizeof *b);
    uint32_t *rank = get(VERTICES, sizeof *rank), *in = get(VERTICES, sizeof *in), most = 0;
    uint64_t random = 2, reached = 0;
    for (uint32_t v = 0; v < VERTICES; v++)
        rank[v] = ONE;
    for (uint32_t i = 0; i < searches; i++) {
        reached += search(&g, (uint32_t)random_next(&random) % VERTICES, a, b);
        if (i % 4 == 3)
            rank_round(&g, rank, in);
    }
    for (uint32_t v = 0; v < VERTICES; v++)
        most = rank[v] > most ? rank[v] : most;
    printf("graph: %llu reached, largest rank %u\n", (unsigned long long)reached, most);
    return 0;
}
