/* page_fifo.c - pages leave in the order in which they came; a hit changes nothing (textbook). */
#include "memhier/page_one.h"

static enum page_result fifo_access(void *state, uint64_t page, uint64_t *victim)
{
    struct page_one *s = state;
    return page_find(&s->pool, page) ? PAGE_HIT : page_one_insert(s, page, victim);
}

const struct page_policy page_fifo = {
    .name = "fifo",
    .meaning = "first in, first out",
    .make = page_one_make,
    .drop = page_one_drop,
    .access = fifo_access,
};
