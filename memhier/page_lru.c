/* page_lru.c - the page leaves whose last use is longest ago (textbook). */
#include "memhier/page_one.h"

static enum page_result lru_access(void *state, uint64_t page, uint64_t *victim)
{
    struct page_one *s = state;
    const uint32_t x = page_find(&s->pool, page);
    if (!x)
        return page_one_insert(s, page, victim);
    page_renew(&s->pool, &s->list, x);
    return PAGE_HIT;
}

const struct page_policy page_lru = {
    .name = "lru",
    .meaning = "least recently used",
    .make = page_one_make,
    .drop = page_one_drop,
    .access = lru_access,
};
