/* prefetcher.h - which lines a cache fetches before they are asked for: the seam. */
#ifndef MEMHIER_PREFETCHER_H
#define MEMHIER_PREFETCHER_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/port.h"

/*
 * The protocol. A cache that has a prefetcher calls `access` for each request from above (fetch,
 * load, store, walk; an L2 also for prefetches of an L1D), once, in the order of the requests; a
 * write-back is none. It answers with lines, best first. The cache then leaves out those in another
 * page (what follows in physical memory may be anybody's), those that it has or is fetching, and
 * those for which no miss-status register is free. Pages are of 4 KiB, or larger where a machine's
 * prefetchers go by linear addresses. The rest are fetched from when the access
 * was looked up, after the access itself has been dealt with, and fill this cache and those below.
 * `fill` says that a line has come in.
 *
 * Times do not ascend strictly (port.h). A prefetcher keeps all state in what make returned, draws
 * nothing at random, and allocates nothing after make.
 */
#define PREFETCH_PAGE_SHIFT 6u  /* log2 of the lines of a page of 4 KiB */
#define PREFETCH_MOST       16u /* lines that one access may ask for; also the highest degree */
#define PREFETCH_DISTANCE   47u /* the longest */

struct archive; /* memhier/archive.h */

struct prefetcher_config {
    uint32_t degree;     /* lines for one access, 1 to PREFETCH_MOST */
    uint32_t distance;   /* stream: lines that it watches, 1 to PREFETCH_DISTANCE, 0: 16; ip-stride:
                            strides ahead in the end, to PREFETCH_MOST, 0: `degree` at once */
    uint32_t page_shift; /* log2 of the lines of a page, from PREFETCH_PAGE_SHIFT on; 0: that */
};

static inline uint32_t prefetch_page_shift(const struct prefetcher_config *cfg)
{
    return cfg->page_shift ? cfg->page_shift : PREFETCH_PAGE_SHIFT;
}

struct prefetch_access {
    uint64_t line; /* physical address / 64 */
    uint64_t pc;   /* physical code address of the requester, 0: none */
    ps_t at;       /* when the lookup is over */
    uint8_t kind;  /* enum mem_kind */
    uint8_t hit;
    uint8_t first_use; /* a hit on a line that was prefetched and had not been asked for yet */
};

struct prefetcher_ops {
    const char *name, *meaning;
    void *(*make)(const struct prefetcher_config *cfg, char *err, size_t errlen);
    void (*drop)(void *state);
    /* Writes at most PREFETCH_MOST lines to out; returns how many. */
    uint32_t (*access)(void *state, const struct prefetch_access *a, uint64_t *out);
    /* A line arrives at `ready`, prefetched by this prefetcher or asked for. NULL: of no interest.
     */
    void (*fill)(void *state, uint64_t line, int prefetched, ps_t ready);
    /* All that an access can change, to or from a checkpoint (memhier/archive.h). */
    void (*archive)(void *state, struct archive *a);
};

/* Every prefetcher in the tree, NULL-terminated, in the order in which they are listed. */
extern const struct prefetcher_ops *const prefetcher_table[];

/* By name; NULL when there is none. "none" is none. */
const struct prefetcher_ops *prefetcher_find(const char *name);

/* The access would have gone below without a prefetcher: what all but ip-stride learn from. */
static inline int prefetch_would_miss(const struct prefetch_access *a)
{
    return !a->hit || a->first_use;
}

extern const struct prefetcher_ops prefetcher_next_line, prefetcher_ip_stride, prefetcher_stream,
    prefetcher_best_offset;

#endif
