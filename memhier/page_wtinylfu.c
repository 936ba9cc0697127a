/* page_wtinylfu.c - W-TinyLFU (Einziger, Friedman, Manes, ACM TOS 2017).
 *
 * A new page enters the window, an LRU list of 1 % of the capacity, at least a page. What overflows
 * it is a candidate for the main part, an SLRU of 80 % protected (rounded down) and the rest on
 * probation: it enters probation if there is room; else the oldest page on probation must have been
 * asked for less often than it, by the sketch, and leaves; otherwise the candidate leaves. With a
 * capacity of 1 the window is all there is. The window's size is fixed; every request counts in the
 * sketch, before anything else is done.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"
#include "memhier/page_sketch.h"

enum { WINDOW, PROBATION, PROTECTED, LISTS };

struct wtinylfu {
    struct page_pool pool;
    struct page_list list[LISTS];
    struct page_sketch sketch;
    uint32_t window, main, protected;
};

static void tiny_drop(void *state)
{
    struct wtinylfu *s = state;
    if (s) {
        page_pool_free(&s->pool);
        page_sketch_free(&s->sketch);
    }
    free(s);
}

static void *tiny_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct wtinylfu *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, LISTS) || page_sketch_init(&s->sketch, cfg->capacity)) {
        tiny_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < LISTS; i++)
        s->list[i].end = i + 1;
    s->window = cfg->capacity > 100 ? cfg->capacity / 100 : 1;
    s->main = cfg->capacity - s->window;
    s->protected = (uint32_t)((uint64_t)s->main * 80 / 100);
    return s;
}

static void tiny_put(struct wtinylfu *s, uint32_t x, unsigned list)
{
    s->pool.node[x].list = (uint8_t)list;
    page_push(&s->pool, &s->list[list], x);
}

static void tiny_hit(struct wtinylfu *s, uint32_t x)
{
    const unsigned from = s->pool.node[x].list;
    page_take(&s->pool, &s->list[from], x);
    tiny_put(s, x, from == WINDOW ? WINDOW : PROTECTED);
    if (s->list[PROTECTED].n > s->protected)
        tiny_put(s, page_pop(&s->pool, &s->list[PROTECTED]), PROBATION);
}

/* The window's oldest page asks to be let in. */
static enum page_result tiny_admit(struct wtinylfu *s, uint64_t *victim)
{
    const uint32_t candidate = page_pop(&s->pool, &s->list[WINDOW]);
    const uint32_t other = page_oldest(&s->pool, &s->list[PROBATION]);
    const struct page_node *v = s->pool.node;
    if (s->list[PROBATION].n + s->list[PROTECTED].n < s->main) {
        tiny_put(s, candidate, PROBATION);
        return PAGE_MISS;
    }
    if (s->main && page_sketch_estimate(&s->sketch, v[candidate].page) >
                       page_sketch_estimate(&s->sketch, v[other].page)) {
        *victim = page_expel(&s->pool, &s->list[PROBATION]);
        tiny_put(s, candidate, PROBATION);
    } else {
        *victim = v[candidate].page;
        page_drop(&s->pool, candidate);
    }
    return PAGE_EVICTED;
}

static enum page_result tiny_access(void *state, uint64_t page, uint64_t *victim)
{
    struct wtinylfu *s = state;
    page_sketch_add(&s->sketch, page);
    uint32_t x = page_find(&s->pool, page);
    if (x) {
        tiny_hit(s, x);
        return PAGE_HIT;
    }
    x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    tiny_put(s, x, WINDOW);
    return s->list[WINDOW].n > s->window ? tiny_admit(s, victim) : PAGE_MISS;
}

const struct page_policy page_wtinylfu = {
    .name = "wtinylfu",
    .meaning = "W-TinyLFU: window 1 %, SLRU behind a count-min sketch",
    .make = tiny_make,
    .drop = tiny_drop,
    .access = tiny_access,
};
