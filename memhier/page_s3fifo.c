/* page_s3fifo.c - S3-FIFO (Yang et al., SOSP 2023): three queues in which hits move nothing.
 *
 * The small queue gets 10 % of the capacity (at least a page), the main queue the rest, and the
 * ghost queue remembers 90 % of the capacity. A hit counts up to 3. A miss enters the small queue,
 * or the main one if the ghost queue knows it (it forgets it then, before room is made). To evict
 * while the small queue has its share: its oldest page goes to the main queue if its count is at
 * least 2, the count cleared, and we look again; else it leaves and becomes a ghost. Else the
 * oldest page of the main queue goes to its new end with its count less one, until one has count 0
 * and leaves. Where the paper's loop could evict two pages for one miss, this stops after the
 * first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

enum { SMALL, MAIN, GHOST, QUEUES };

#define MOST_COUNT 3u
#define TO_MAIN    2u

struct s3fifo {
    struct page_pool pool;
    struct page_list list[QUEUES];
    uint32_t capacity, small, ghosts;
};

static void s3_drop(void *state)
{
    struct s3fifo *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}

static void *s3_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct s3fifo *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, QUEUES)) {
        s3_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < QUEUES; i++)
        s->list[i].end = i + 1;
    s->capacity = cfg->capacity;
    s->small = cfg->capacity > 10 ? cfg->capacity / 10 : 1;
    s->ghosts = cfg->capacity * 9 / 10;
    return s;
}

static void s3_put(struct s3fifo *s, uint32_t x, unsigned queue)
{
    s->pool.node[x].list = (uint8_t)queue;
    page_push(&s->pool, &s->list[queue], x);
}

static uint64_t s3_evict_small(struct s3fifo *s, uint32_t x)
{
    const uint64_t page = s->pool.node[x].page;
    s3_put(s, x, GHOST);
    if (s->list[GHOST].n > s->ghosts)
        page_expel(&s->pool, &s->list[GHOST]);
    return page;
}

static uint64_t s3_evict_main(struct s3fifo *s)
{
    uint32_t x;
    while (x = page_oldest(&s->pool, &s->list[MAIN]), s->pool.node[x].count) {
        s->pool.node[x].count--;
        page_renew(&s->pool, &s->list[MAIN], x);
    }
    return page_expel(&s->pool, &s->list[MAIN]);
}

static uint64_t s3_evict(struct s3fifo *s)
{
    while (s->list[SMALL].n >= s->small) {
        const uint32_t x = page_pop(&s->pool, &s->list[SMALL]);
        if (s->pool.node[x].count < TO_MAIN)
            return s3_evict_small(s, x);
        s->pool.node[x].count = 0;
        s3_put(s, x, MAIN);
    }
    return s3_evict_main(s);
}

static enum page_result s3_access(void *state, uint64_t page, uint64_t *victim)
{
    struct s3fifo *s = state;
    uint32_t x = page_find(&s->pool, page);
    const unsigned from = x ? s->pool.node[x].list : QUEUES;
    if (from == SMALL || from == MAIN) {
        if (s->pool.node[x].count < MOST_COUNT)
            s->pool.node[x].count++;
        return PAGE_HIT;
    }
    if (from == GHOST)
        page_take(&s->pool, &s->list[GHOST], x);
    else
        x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    const int full = s->list[SMALL].n + s->list[MAIN].n == s->capacity;
    if (full)
        *victim = s3_evict(s);
    s->pool.node[x].count = 0;
    s3_put(s, x, from == GHOST ? MAIN : SMALL);
    return full ? PAGE_EVICTED : PAGE_MISS;
}

const struct page_policy page_s3fifo = {
    .name = "s3fifo",
    .meaning = "S3-FIFO: small queue 10 %, ghosts 90 %, to main at 2 hits",
    .make = s3_make,
    .drop = s3_drop,
    .access = s3_access,
};
