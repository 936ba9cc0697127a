/* page_sketch.c - count-min sketch of how often pages were asked for, which forgets by halving. */
#include "memhier/page_sketch.h"

#include <stdlib.h>

int page_sketch_init(struct page_sketch *s, uint32_t capacity)
{
    uint64_t blocks = 1;
    while (blocks * (SKETCH_WIDTH / 4) < capacity)
        blocks *= 2;
    *s = (struct page_sketch){.mask = blocks - 1, .period = (uint64_t)SKETCH_AGE * capacity};
    s->counter = calloc(blocks, SKETCH_ROWS * SKETCH_WIDTH);
    return s->counter ? 0 : -1;
}

void page_sketch_free(struct page_sketch *s)
{
    free(s->counter);
}

static uint64_t mix(uint64_t page)
{
    uint64_t h = page * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    return h * UINT64_C(0x9e3779b97f4a7c15);
}

static uint8_t *counter(const struct page_sketch *s, uint64_t h, unsigned row)
{
    return &s->counter[((h & s->mask) * SKETCH_ROWS + row) * SKETCH_WIDTH +
                       (h >> (48 + 4 * row) & 15)];
}

void page_sketch_add(struct page_sketch *s, uint64_t page)
{
    const uint64_t h = mix(page);
    for (unsigned row = 0; row < SKETCH_ROWS; row++) {
        uint8_t *c = counter(s, h, row);
        *c = (uint8_t)(*c + (*c < SKETCH_MOST));
    }
    if (++s->seen < s->period)
        return;
    s->seen /= 2;
    for (uint64_t i = 0; i < (s->mask + 1) * SKETCH_ROWS * SKETCH_WIDTH; i++)
        s->counter[i] /= 2;
}

unsigned page_sketch_estimate(const struct page_sketch *s, uint64_t page)
{
    const uint64_t h = mix(page);
    unsigned least = SKETCH_MOST;
    for (unsigned row = 0; row < SKETCH_ROWS; row++) {
        const unsigned c = *counter(s, h, row);
        least = c < least ? c : least;
    }
    return least;
}
