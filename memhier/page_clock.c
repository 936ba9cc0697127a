/* page_clock.c - a ring with one reference bit a page (Corbato 1968), as a queue with second
 * chances, which is the same: what the hand passes is what goes from the old end to the new one.
 *
 * A page comes in with its bit clear: the miss itself is no re-reference. A hit sets the bit.
 */
#include "memhier/page_one.h"

static enum page_result clock_access(void *state, uint64_t page, uint64_t *victim)
{
    struct page_one *s = state;
    struct page_pool *p = &s->pool;
    uint32_t x = page_find(p, page);
    if (x) {
        p->node[x].mark = 1;
        return PAGE_HIT;
    }
    if (s->list.n == s->capacity)
        while (x = page_oldest(p, &s->list), p->node[x].mark) {
            p->node[x].mark = 0;
            page_renew(p, &s->list, x);
        }
    return page_one_insert(s, page, victim);
}

const struct page_policy page_clock = {
    .name = "clock",
    .meaning = "second chance by one reference bit, clear at the fill",
    .make = page_one_make,
    .drop = page_one_drop,
    .access = clock_access,
};
