/* chase.c - a walk along a chain of pointers through SIZE KiB, a line each: latency of loads. A
 * round is 1,000 steps. */
#include "tests/validate/kernel.h"

struct node {
    uint32_t next; /* by number: pointers are of different sizes in the builds */
    uint32_t pad[15];
};
static struct node *nodes;
static uint32_t at;

/* The order is that of a linear congruence of full period (Knuth, vol. 2, 3.2.1.2): no stride. */
void prepare(uint32_t size)
{
    uint32_t n = 16;
    while (n < size * 16)
        n *= 2;
    nodes = malloc((size_t)n * sizeof *nodes);
    if (!nodes)
        abort();
    for (uint32_t i = 0; i < n; i++)
        nodes[i].next = (i * 2891336453u + 1234567u) & (n - 1);
}

#define STEP p = nodes[p].next;
uint32_t run(uint32_t rounds)
{
    uint32_t p = at;
    for (uint32_t i = 0; i < rounds; i++)
        for (uint32_t k = 0; k < 125; k++) {
            STEP STEP STEP STEP STEP STEP STEP STEP
        }
    return at = p;
}
