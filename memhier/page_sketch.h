/* page_sketch.h - count-min sketch of how often pages were asked for, which forgets by halving. */
#ifndef MEMHIER_PAGE_SKETCH_H
#define MEMHIER_PAGE_SKETCH_H

#include <stdint.h>

/*
 * Four rows of counters, 0 to 15, a page has one in each, and its estimate is the least of them.
 * A page's counters share one block of 64 bytes: 16 of each row. There are at least 4 counters a
 * row for each page of the capacity. After 10 requests for each page of the capacity all counters
 * and the number of requests are halved (TinyLFU's reset; Einziger et al., 2017). No doorkeeper.
 *
 * With h the page's number times 0x9e3779b97f4a7c15, folded (h ^= h >> 32) and multiplied again:
 * the block is h's low bits, its counter in row r bits 48 + 4r to 51 + 4r of h.
 */
#define SKETCH_ROWS  4u
#define SKETCH_WIDTH 16u
#define SKETCH_MOST  15u
#define SKETCH_AGE   10u

struct page_sketch {
    uint8_t *counter; /* [block][row][16] */
    uint64_t mask;    /* blocks - 1 */
    uint64_t seen, period;
};

int page_sketch_init(struct page_sketch *s, uint32_t capacity); /* -1: out of memory */
void page_sketch_free(struct page_sketch *s);
void page_sketch_add(struct page_sketch *s, uint64_t page);
unsigned page_sketch_estimate(const struct page_sketch *s, uint64_t page);

#endif
