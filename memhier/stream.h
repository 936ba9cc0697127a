/* stream.h - the accesses to one cache, kept in memory, and a policy alone driven by them. */
#ifndef MEMHIER_STREAM_H
#define MEMHIER_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/opt.h"
#include "memhier/policy.h"

/*
 * What a cache such as an LLC is asked, by itself: no time, no other level, so that counts depend
 * on nothing but the stream, the shape and the policy. It does what cache.c does, and a policy
 * notices no difference, but it may be told the future here.
 *
 * A read that hits or misses leaves the line clean; a write-back makes it dirty, and is taken in if
 * absent, without a fetch. clwb cleans, the other flushes and non-temporal stores drop the line; if
 * the line was dirty, here or above, it is written to memory once.
 */
struct stream_access {
    uint64_t line, pc; /* as in struct policy_access */
    uint8_t kind;      /* enum mem_kind; no fence */
    uint8_t hart;
    uint8_t offset; /* in the line */
    uint8_t dirty;  /* a flush: the line was dirty in a cache above */
};

struct stream_config {
    uint64_t bytes; /* ways * 64 * sets; sets a power of two from 8 to 2^20 */
    uint32_t ways;  /* 1 to 16 */
    uint64_t seed;
};

struct stream_counts {
    uint64_t accesses;      /* reads and write-backs, no flushes */
    uint64_t hits;          /* reads that hit */
    uint64_t misses;        /* reads that miss: lines fetched from memory */
    uint64_t demand_misses; /* of these, not by a prefetch */
    uint64_t writeback_hits, writeback_misses;
    uint64_t writebacks; /* lines written to memory */
    uint64_t bypasses, policy_errors;
};

#define STREAM_LIMIT (UINT32_MAX - 1) /* accesses of a stream */

/* What an access did, for whoever wants to know of each: these bits, and from bit STREAM_LINE on
 * the line that was written to memory, if one was: the victim, or what a flush flushed. */
#define STREAM_HIT   1u
#define STREAM_WROTE 2u
#define STREAM_LINE  2u

/* What OPT must know of a stream: free(*next). 0, or -1 when memory runs out. */
int stream_foresee(const struct stream_access *v, uint32_t n, uint32_t **next,
                   struct policy_future *future);

/* The stream through an empty cache. future: NULL where the policy needs none. 0, or -1 and a
 * message: an impossible shape, or the policy refuses. */
int stream_run(const struct stream_access *v, uint32_t n, const struct policy *policy,
               const struct stream_config *cfg, const struct policy_future *future,
               struct stream_counts *counts, char *err, size_t errlen);
/* The same; outcome has room for n, one for each access. */
int stream_run_noting(const struct stream_access *v, uint32_t n, const struct policy *policy,
                      const struct stream_config *cfg, const struct policy_future *future,
                      struct stream_counts *counts, uint64_t *outcome, char *err, size_t errlen);

#endif
