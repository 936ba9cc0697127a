/* page_one.c - making and dropping the state of page policies with one list. */
#include "memhier/page_one.h"

#include <stdio.h>
#include <stdlib.h>

void *page_one_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct page_one *s = calloc(1, sizeof *s);
    if (s && !page_pool_init(&s->pool, 1)) {
        s->list.end = 1;
        s->capacity = cfg->capacity;
        return s;
    }
    page_one_drop(s);
    snprintf(err, errlen, "out of memory for a page policy");
    return NULL;
}

void page_one_drop(void *state)
{
    struct page_one *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}
