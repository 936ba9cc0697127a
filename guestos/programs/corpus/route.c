/* route.c - shortest ways on a map: Dijkstra's algorithm with a heap, and guided by distance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   route JOURNEYS
 *
 * A map of 640 x 640 crossings; the roads between neighbours have lengths drawn at random, and some
 * are closed. Each journey goes between two crossings drawn at random by A* (Hart, Nilsson and
 * Raphael, IEEE TSSC 4, 1968); the way left is guessed by the straight steps. Prints the lengths.
 */
#define SIDE    640u
#define PLACES  (SIDE * SIDE)
#define CLOSED  255u
#define UNKNOWN UINT32_MAX

struct entry {
    uint32_t guess, place;
};

struct map {
    uint8_t (*road)[4]; /* east, south, west, north */
    uint32_t *length;   /* from the start */
    struct entry *heap;
    uint32_t n, room;
};

static void push(struct map *m, struct entry x)
{
    if (m->n == m->room) {
        fprintf(stderr, "route: the heap is full\n");
        exit(1);
    }
    uint32_t at = m->n++;
    for (; at && m->heap[(at - 1) / 2].guess > x.guess; at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = x;
}

static struct entry pop(struct map *m)
{
    const struct entry first = m->heap[0], x = m->heap[--m->n];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < m->n; at = child) {
        child += child + 1 < m->n && m->heap[child + 1].guess < m->heap[child].guess;
        if (m->heap[child].guess >= x.guess)
            break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = x;
    return first;
}

static uint32_t steps(uint32_t a, uint32_t b)
{
    const uint32_t x = a % SIDE, y = a / SIDE, u = b % SIDE, v = b / SIDE;
    return (x > u ? x - u : u - x) + (y > v ? y - v : v - y);
}

/* The shortest road counts 1, so the guess is never too long. */
static uint32_t travel(struct map *m, uint32_t from, uint32_t to)
{
    static const int32_t by[4] = {1, (int32_t)SIDE, -1, -(int32_t)SIDE};
    memset(m->length, 0xff, PLACES * sizeof *m->length);
    m->n = 0;
    m->length[from] = 0;
    push(m, (struct entry){steps(from, to), from});
    while (m->n > 0) {
        const struct entry e = pop(m);
        if (e.place == to)
            return m->length[to];
        if (e.guess > m->length[e.place] + steps(e.place, to))
            continue; /* a shorter way was found since */
        for (int d = 0; d < 4; d++) {
            const uint32_t road = m->road[e.place][d], next = e.place + (uint32_t)by[d];
            if (road == CLOSED || m->length[e.place] + road >= m->length[next])
                continue;
            m->length[next] = m->length[e.place] + road;
            push(m, (struct entry){m->length[next] + steps(next, to), next});
        }
    }
    return UNKNOWN;
}

static void draw_roads(struct map *m, uint64_t *random)
{
    memset(m->road, CLOSED, PLACES * sizeof *m->road);
    for (uint32_t p = 0; p < PLACES; p++)
        for (int d = 0; d < 2; d++) {
            const uint32_t r = (uint32_t)random_next(random), next = p + (d ? SIDE : 1);
            if ((d ? next >= PLACES : next % SIDE == 0) || r % 8 == 0)
                continue;
            m->road[p][d] = m->road[next][d + 2] = (uint8_t)(1 + (r >> 8) % 20);
        }
}

int main(int argc, char **argv)
{
    const uint32_t journeys = number_argument_or(argc, argv, 1, "route: JOURNEYS", 2, 1, 1000000);
    struct map m = {malloc(PLACES * sizeof *m.road), malloc(PLACES * sizeof *m.length),
                    malloc(4 * PLACES * sizeof *m.heap), 0, 4 * PLACES};
    uint64_t random = 1, total = 0;
    uint32_t arrived = 0;
    if (!m.road || !m.length || !m.heap) {
        fprintf(stderr, "route: out of memory\n");
        return 1;
    }
    draw_roads(&m, &random);
    for (uint32_t i = 0; i < journeys; i++) {
        const uint32_t from = (uint32_t)random_next(&random) % PLACES;
        const uint32_t length = travel(&m, from, (uint32_t)random_next(&random) % PLACES);
        arrived += length != UNKNOWN;
        total += length != UNKNOWN ? length : 0;
    }
    printf("route: %u arrived after %llu\n", arrived, (unsigned long long)total);
    return 0;
}
