/* page_slru.c - segmented LRU (Karedla et al., 1994) with four segments.
 *
 * A miss enters the lowest segment; a hit moves a page to the newest end of the segment above, in
 * the highest to its newest end. An upper segment holds a quarter of the capacity, rounded down,
 * and sends its oldest page to the newest end of the one below when it overflows; the lowest has
 * all the rest. What leaves is the oldest page of the lowest segment.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

#define SEGMENTS 4u

struct slru {
    struct page_pool pool;
    struct page_list list[SEGMENTS]; /* node->list says in which one */
    uint32_t capacity, used, upper;
};

static void slru_drop(void *state)
{
    struct slru *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}

static void *slru_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct slru *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, SEGMENTS)) {
        slru_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < SEGMENTS; i++)
        s->list[i].end = i + 1;
    s->capacity = cfg->capacity;
    s->upper = cfg->capacity / SEGMENTS;
    return s;
}

static void slru_put(struct slru *s, uint32_t x, unsigned segment)
{
    s->pool.node[x].list = (uint8_t)segment;
    page_push(&s->pool, &s->list[segment], x);
}

static void slru_hit(struct slru *s, uint32_t x)
{
    const unsigned from = s->pool.node[x].list;
    const unsigned to = from + 1 < SEGMENTS && s->upper ? from + 1 : from;
    page_take(&s->pool, &s->list[from], x);
    slru_put(s, x, to);
    if (to != from && s->list[to].n > s->upper)
        slru_put(s, page_pop(&s->pool, &s->list[to]), from);
}

static enum page_result slru_access(void *state, uint64_t page, uint64_t *victim)
{
    struct slru *s = state;
    uint32_t x = page_find(&s->pool, page);
    if (x) {
        slru_hit(s, x);
        return PAGE_HIT;
    }
    const int full = s->used == s->capacity;
    if (full)
        *victim = page_expel(&s->pool, &s->list[0]);
    x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    slru_put(s, x, 0);
    s->used += !full;
    return full ? PAGE_EVICTED : PAGE_MISS;
}

const struct page_policy page_slru = {
    .name = "slru",
    .meaning = "segmented LRU, four equal segments",
    .make = slru_make,
    .drop = slru_drop,
    .access = slru_access,
};
