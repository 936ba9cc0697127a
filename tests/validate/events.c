/* events.c - a queue of events in a binary heap of SIZE: take the first, put two or none back. */
#include "tests/validate/kernel.h"

struct event {
    uint32_t time, kind;
};
static struct event *heap;
static uint32_t n, capacity;

void prepare(uint32_t size)
{
    capacity = size;
    heap = kernel_memory((size + 2) * sizeof *heap);
}

static void push(struct event e)
{
    uint32_t i = n++;
    for (; i > 0 && heap[(i - 1) / 2].time > e.time; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = e;
}

static struct event pop(void)
{
    const struct event first = heap[0], last = heap[--n];
    uint32_t i = 0;
    for (uint32_t k = 1; k < n; k = 2 * i + 1) {
        k += k + 1 < n && heap[k + 1].time < heap[k].time;
        if (heap[k].time >= last.time)
            break;
        heap[i] = heap[k];
        i = k;
    }
    heap[i] = last;
    return first;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t random = 37;
        n = 0;
        push((struct event){0, 1});
        for (uint32_t i = 0; i < 100 * 1000; i++) {
            const struct event e = pop();
            const uint32_t x = (uint32_t)(random_next(&random) >> 32);
            sum = sum * 5 + e.time + e.kind;
            if (n < capacity / 2 || (n < capacity && x >> 31))
                push((struct event){e.time + (x & 1023), e.kind + 1});
            if (n < capacity)
                push((struct event){e.time + (x >> 10 & 1023), 0});
        }
    }
    return sum;
}
