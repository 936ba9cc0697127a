/* page_lirs.c - LIRS (Jiang and Zhang, SIGMETRICS 2002).
 *
 * Stack S orders pages by recency: LIR pages, resident HIR pages and ghosts; its bottom is always a
 * LIR page (pruning). Queue Q holds the resident HIR pages, its oldest leaves. HIR pages get 1 % of
 * the capacity, at least 2 pages, at most all but one; until the LIR pages have their share, new
 * pages are LIR. Known codes differ; this follows the paper: a hit on a HIR page in S makes it LIR
 * and the bottom of S HIR, at the newest end of Q; a hit on one that S has lost goes to the top of
 * S and the newest end of Q; a page that leaves Q stays in S as a ghost; and S is not limited in
 * length, so memory grows with the pages seen since the least recent LIR page was used. A request
 * of a ghost takes the same way as a HIR page in S, after the oldest of Q has left.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

enum { LIR, HIR, GHOST }; /* node->list; node->mark: it is in S */

#define IN_S 0 /* links */
#define IN_Q 1

struct lirs {
    struct page_pool pool;
    struct page_list stack, queue;
    uint32_t capacity, most_lir, lir;
};

static void lirs_drop(void *state)
{
    struct lirs *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}

static void *lirs_make(const struct page_config *cfg, char *err, size_t errlen)
{
    const uint32_t hir = cfg->capacity >= 300 ? cfg->capacity / 100 : 2;
    if (cfg->capacity < 2) {
        snprintf(err, errlen, "lirs: needs a capacity of at least 2 pages");
        return NULL;
    }
    struct lirs *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, 2)) {
        lirs_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    s->stack.end = 1;
    s->queue.end = 2;
    s->capacity = cfg->capacity;
    s->most_lir = cfg->capacity > hir ? cfg->capacity - hir : 1;
    return s;
}

static void to_top(struct lirs *s, uint32_t x)
{
    if (s->pool.node[x].mark)
        page_take_from(&s->pool, &s->stack, x, IN_S);
    s->pool.node[x].mark = 1;
    page_push_on(&s->pool, &s->stack, x, IN_S);
}

static void enqueue(struct lirs *s, uint32_t x)
{
    s->pool.node[x].list = HIR;
    page_push_on(&s->pool, &s->queue, x, IN_Q);
}

/* Off the bottom of S until that is a LIR page. */
static void prune(struct lirs *s)
{
    uint32_t x;
    while (x = page_oldest_on(&s->pool, &s->stack, IN_S), x && s->pool.node[x].list != LIR) {
        page_take_from(&s->pool, &s->stack, x, IN_S);
        s->pool.node[x].mark = 0;
        if (s->pool.node[x].list == GHOST)
            page_drop(&s->pool, x);
    }
}

/* x, on top of S, becomes LIR; the LIR page at the bottom gives its place. */
static void to_lir(struct lirs *s, uint32_t x)
{
    const uint32_t bottom = page_oldest_on(&s->pool, &s->stack, IN_S);
    s->pool.node[x].list = LIR;
    page_take_from(&s->pool, &s->stack, bottom, IN_S);
    s->pool.node[bottom].mark = 0;
    enqueue(s, bottom);
    prune(s);
}

static uint64_t lirs_evict(struct lirs *s)
{
    const uint32_t x = page_oldest_on(&s->pool, &s->queue, IN_Q);
    const uint64_t page = s->pool.node[x].page;
    page_take_from(&s->pool, &s->queue, x, IN_Q);
    s->pool.node[x].list = GHOST;
    if (!s->pool.node[x].mark)
        page_drop(&s->pool, x);
    return page;
}

static void lirs_hit(struct lirs *s, uint32_t x)
{
    const struct page_node *n = &s->pool.node[x];
    const int known = n->mark;
    to_top(s, x);
    if (n->list == LIR) {
        prune(s);
        return;
    }
    page_take_from(&s->pool, &s->queue, x, IN_Q);
    if (known)
        to_lir(s, x);
    else
        enqueue(s, x);
}

static enum page_result lirs_access(void *state, uint64_t page, uint64_t *victim)
{
    struct lirs *s = state;
    uint32_t x = page_find(&s->pool, page);
    const int known = x != 0;
    if (known && s->pool.node[x].list != GHOST) {
        lirs_hit(s, x);
        return PAGE_HIT;
    }
    if (!known)
        x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    const int full = s->lir + s->queue.n == s->capacity;
    if (full)
        *victim = lirs_evict(s);
    to_top(s, x);
    if (s->lir < s->most_lir) {
        s->pool.node[x].list = LIR;
        s->lir++;
    } else if (known) {
        to_lir(s, x);
    } else {
        enqueue(s, x);
    }
    return full ? PAGE_EVICTED : PAGE_MISS;
}

const struct page_policy page_lirs = {
    .name = "lirs",
    .meaning = "LIRS as in its paper: HIR 1 %, at least 2 pages; stack not limited",
    .make = lirs_make,
    .drop = lirs_drop,
    .access = lirs_access,
};
