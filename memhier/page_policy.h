/* page_policy.h - replacement of whole pages: the seam between a store of pages and who leaves. */
#ifndef MEMHIER_PAGE_POLICY_H
#define MEMHIER_PAGE_POLICY_H

#include <stddef.h>
#include <stdint.h>

/*
 * A page policy manages the whole capacity, fully associative, and keeps its own table of what is
 * resident, so it may also remember pages that have left (ghosts). A request names a page by its
 * number, any 64-bit value. After it the page is resident: there is no bypass, and each miss of a
 * full store evicts exactly one page, never the one asked for by that request unless the policy's
 * file says so. Requests carry no kind: loads, stores and fetches count alike.
 *
 * Every policy takes O(1) a request, amortised; "belady" is told the requests beforehand and must
 * then be given exactly these. Results depend on the requests, the capacity and the seed only: all
 * arithmetic is on integers. Memory grows with the pages that are remembered, not with the
 * capacity alone.
 */
#define PAGE_CAPACITY_LIMIT (1u << 24)
#define PAGE_REQUESTS_LIMIT (1u << 28) /* of a stream that is told beforehand */

enum page_result {
    PAGE_FAILED = -1, /* out of memory: the state can only be dropped */
    PAGE_HIT = 0,
    PAGE_MISS = 1,   /* there was room */
    PAGE_EVICTED = 2 /* a miss, and *victim has left */
};

struct page_config {
    uint64_t seed;
    uint32_t capacity; /* pages, 1 to PAGE_CAPACITY_LIMIT */
    /* All requests to come, borrowed for the life of the state; needed by policies with `foresees`,
     * not looked at by others. At most PAGE_REQUESTS_LIMIT. */
    const uint64_t *future;
    size_t requests;
};

struct page_policy {
    const char *name, *meaning;
    int foresees;
    /* The state; NULL and a message when it cannot be made. */
    void *(*make)(const struct page_config *cfg, char *err, size_t errlen);
    void (*drop)(void *state); /* NULL is fine */
    enum page_result (*access)(void *state, uint64_t page, uint64_t *victim);
};

/* Every policy, NULL-terminated, in the order in which they are listed. */
extern const struct page_policy *const page_policy_table[];

/* By name; NULL when there is none. */
const struct page_policy *page_policy_find(const char *name);

extern const struct page_policy page_fifo, page_lru, page_clock, page_slru, page_2q, page_lirs,
    page_arc, page_wtinylfu, page_s3fifo, page_sieve, page_lecar, page_cacheus, page_belady;

#endif
