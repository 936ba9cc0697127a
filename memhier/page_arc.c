/* page_arc.c - ARC (Megiddo and Modha, FAST 2003, figure 4).
 *
 * T1 and T2 are resident, B1 and B2 their ghosts; p, the target of T1, moves by the ratio of the
 * ghosts' lengths. p is real: rounding it to whole pages moves misses by more than a percent. Here
 * it is a fixed-point number with 32 bits after the point, and a ratio is rounded down to that; so
 * T1 is compared with p exactly as the paper compares real numbers, on every machine alike.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

enum { T1, T2, B1, B2, LISTS };

struct arc {
    struct page_pool pool;
    struct page_list list[LISTS];
    uint32_t c;
    uint64_t p; /* pages << 32, 0 to c */
};

static void arc_drop(void *state)
{
    struct arc *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}

static void *arc_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct arc *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, LISTS)) {
        arc_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < LISTS; i++)
        s->list[i].end = i + 1;
    s->c = cfg->capacity;
    return s;
}

static uint32_t arc_n(const struct arc *s, unsigned list)
{
    return s->list[list].n;
}

static void arc_put(struct arc *s, uint32_t x, unsigned list)
{
    s->pool.node[x].list = (uint8_t)list;
    page_push(&s->pool, &s->list[list], x);
}

static enum page_result arc_replace(struct arc *s, int in_b2, uint64_t *victim)
{
    const uint64_t t1 = (uint64_t)arc_n(s, T1) << 32;
    const unsigned from = t1 && (t1 > s->p || (in_b2 && t1 == s->p)) ? T1 : T2;
    const uint32_t x = page_pop(&s->pool, &s->list[from]);
    *victim = s->pool.node[x].page;
    arc_put(s, x, from == T1 ? B1 : B2);
    return PAGE_EVICTED;
}

/* Cases II and III: a ghost is asked for. */
static enum page_result arc_ghost(struct arc *s, uint32_t x, uint64_t *victim)
{
    const uint64_t one = UINT64_C(1) << 32, b1 = arc_n(s, B1), b2 = arc_n(s, B2);
    const unsigned from = s->pool.node[x].list;
    if (from == B1) {
        const uint64_t most = (uint64_t)s->c << 32, step = b1 >= b2 ? one : (b2 << 32) / b1;
        s->p = s->p + step > most ? most : s->p + step;
    } else {
        const uint64_t step = b2 >= b1 ? one : (b1 << 32) / b2;
        s->p = s->p < step ? 0 : s->p - step;
    }
    const enum page_result result = arc_replace(s, from == B2, victim);
    page_take(&s->pool, &s->list[from], x);
    arc_put(s, x, T2);
    return result;
}

/* Case IV: a page of which nothing is known. */
static enum page_result arc_room(struct arc *s, uint64_t *victim)
{
    const uint32_t l1 = arc_n(s, T1) + arc_n(s, B1), all = l1 + arc_n(s, T2) + arc_n(s, B2);
    if (l1 == s->c) {
        if (arc_n(s, T1) == s->c) {
            *victim = page_expel(&s->pool, &s->list[T1]);
            return PAGE_EVICTED;
        }
        page_expel(&s->pool, &s->list[B1]);
    } else if (all < s->c) {
        return PAGE_MISS;
    } else if (all == 2 * s->c) {
        page_expel(&s->pool, &s->list[B2]);
    }
    return arc_replace(s, 0, victim);
}

static enum page_result arc_access(void *state, uint64_t page, uint64_t *victim)
{
    struct arc *s = state;
    uint32_t x = page_find(&s->pool, page);
    if (x) {
        const unsigned from = s->pool.node[x].list;
        if (from == B1 || from == B2)
            return arc_ghost(s, x, victim);
        page_take(&s->pool, &s->list[from], x);
        arc_put(s, x, T2);
        return PAGE_HIT;
    }
    x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    const enum page_result result = arc_room(s, victim);
    arc_put(s, x, T1);
    return result;
}

const struct page_policy page_arc = {
    .name = "arc",
    .meaning = "ARC, its target in fixed point",
    .make = arc_make,
    .drop = arc_drop,
    .access = arc_access,
};
