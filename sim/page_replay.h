/* page_replay.h - `pwsim replay --page`: page policies driven by the accesses of a trace. */
#ifndef SIM_PAGE_REPLAY_H
#define SIM_PAGE_REPLAY_H

#include <stddef.h>

/* As given on the command line; NULL: not given. Without policies all are taken. */
struct page_replay_options {
    const char *page, *capacity, *policies;
    int json;
};

/*
 * For each trace and each policy: requests, hits, misses, their ratio, requests per second of host
 * time, as one table on stdout. A request is a fetch, load, store, non-temporal store or page walk;
 * flushes, fences, write-backs and prefetches are none. The requests of one trace are held in
 * memory, 8 bytes each, at most PAGE_REQUESTS_LIMIT. 0, or -1 and a message.
 */
int page_replay(const struct page_replay_options *opt, char **paths, int n, char *err,
                size_t errlen);

#endif
