/* page_sieve.c - SIEVE (Zhang et al., NSDI 2024): a queue in which nothing moves.
 *
 * A hit sets a page's mark. To evict, the hand goes from where it stopped towards the newest page,
 * clears marks, and takes the first page without one; after the newest it begins again with the
 * oldest. New pages enter at the new end, unmarked.
 */
#include "memhier/page_one.h"

static uint64_t sieve_evict(struct page_one *s)
{
    struct page_pool *p = &s->pool;
    uint32_t x = s->hand ? s->hand : page_oldest(p, &s->list);
    while (p->node[x].mark) {
        p->node[x].mark = 0;
        x = page_newer(p, &s->list, x);
        x = x ? x : page_oldest(p, &s->list);
    }
    const uint64_t page = p->node[x].page;
    s->hand = page_newer(p, &s->list, x);
    page_take(p, &s->list, x);
    page_drop(p, x);
    return page;
}

static enum page_result sieve_access(void *state, uint64_t page, uint64_t *victim)
{
    struct page_one *s = state;
    const uint32_t x = page_find(&s->pool, page);
    if (x) {
        s->pool.node[x].mark = 1;
        return PAGE_HIT;
    }
    const int full = s->list.n == s->capacity;
    if (full)
        *victim = sieve_evict(s);
    const enum page_result result = page_one_insert(s, page, victim);
    return full && result == PAGE_MISS ? PAGE_EVICTED : result;
}

const struct page_policy page_sieve = {
    .name = "sieve",
    .meaning = "a queue in which nothing moves; a hand spares what was used",
    .make = page_one_make,
    .drop = page_one_drop,
    .access = sieve_access,
};
