/* page_policy.c - the table of page policies. */
#include "memhier/page_policy.h"

#include <string.h>

const struct page_policy *const page_policy_table[] = {
    &page_fifo,     &page_lru,    &page_clock, &page_slru,  &page_2q,      &page_lirs,   &page_arc,
    &page_wtinylfu, &page_s3fifo, &page_sieve, &page_lecar, &page_cacheus, &page_belady, NULL,
};

const struct page_policy *page_policy_find(const char *name)
{
    for (const struct page_policy *const *p = page_policy_table; *p; p++)
        if (!strcmp((*p)->name, name))
            return *p;
    return NULL;
}
