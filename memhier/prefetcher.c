/* prefetcher.c - the table of prefetchers. */
#include "memhier/prefetcher.h"

#include <string.h>

const struct prefetcher_ops *const prefetcher_table[] = {&prefetcher_next_line,
                                                         &prefetcher_ip_stride, &prefetcher_stream,
                                                         &prefetcher_best_offset, NULL};

const struct prefetcher_ops *prefetcher_find(const char *name)
{
    for (const struct prefetcher_ops *const *p = prefetcher_table; *p; p++)
        if (strcmp((*p)->name, name) == 0)
            return *p;
    return NULL;
}
