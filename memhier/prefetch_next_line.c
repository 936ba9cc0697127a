/* prefetch_next_line.c - the lines that follow one that missed. */
/*
 * Smith, "Cache memories", ACM Computing Surveys 14(3), 1982, section 2.1: tagged prefetch. A miss,
 * or the first use of a prefetched line, fetches the `degree` lines after it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/prefetcher.h"

struct next_line {
    uint32_t degree;
};

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct next_line *p = malloc(sizeof *p);
    if (p)
        p->degree = cfg->degree;
    else
        snprintf(err, errlen, "out of memory");
    return p;
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    const struct next_line *p = state;
    if (!prefetch_would_miss(a))
        return 0;
    for (uint32_t i = 0; i < p->degree; i++)
        out[i] = a->line + i + 1;
    return p->degree;
}

static void archive(void *state, struct archive *a)
{
    (void)state; /* nothing changes */
    archive_section(a, "PNXT", 1);
}

const struct prefetcher_ops prefetcher_next_line = {.name = "next-line",
                                                    .meaning = "the lines after one that missed",
                                                    .make = make,
                                                    .drop = free,
                                                    .access = access,
                                                    .archive = archive};
