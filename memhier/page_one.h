/* page_one.h - what the page policies with one list and no ghosts have in common. */
#ifndef MEMHIER_PAGE_ONE_H
#define MEMHIER_PAGE_ONE_H

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

struct page_one {
    struct page_pool pool;
    struct page_list list; /* all that is resident */
    uint32_t capacity;
    uint32_t hand; /* SIEVE's */
};

void *page_one_make(const struct page_config *cfg, char *err, size_t errlen);
void page_one_drop(void *state);

/* A page that is absent becomes the newest; the oldest leaves if there is no room. */
static inline enum page_result page_one_insert(struct page_one *s, uint64_t page, uint64_t *victim)
{
    enum page_result result = PAGE_MISS;
    if (s->list.n == s->capacity) {
        *victim = page_expel(&s->pool, &s->list);
        result = PAGE_EVICTED;
    }
    const uint32_t x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    page_push(&s->pool, &s->list, x);
    return result;
}

#endif
