/* hierarchy.h - the caches of all harts, the LLC and the router, as one thing that cores drive. */
#ifndef MEMHIER_HIERARCHY_H
#define MEMHIER_HIERARCHY_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"

enum cache_level { CACHE_L1I, CACHE_L1D, CACHE_L2, CACHE_LLC, CACHE_LEVELS };

/* Physical addresses are below this: 1 TiB of NVDIMM. A request beyond is the caller's error. */
#define HIERARCHY_ADDR_LIMIT (NVDIMM_BASE << 1)

struct policy; /* memhier/policy.h */

struct cache_config {
    uint64_t bytes;     /* ways * 64 * sets; sets a power of two from 8 to 2^20 */
    uint32_t ways;      /* 1 to 16 */
    ps_t latency;       /* of a lookup; a hit takes this long, a miss adds it to the next level's */
    const char *policy; /* name in the policy table; borrowed for the call only */
    const struct policy *loaded; /* used instead of the table's, when not NULL; borrowed for life */
};

struct hierarchy_config {
    struct cache_config level[CACHE_LEVELS];
    uint32_t harts;         /* 1: harts do not see each other's caches yet, so more are refused */
    struct mem_port dram;   /* everything below NVDIMM_BASE */
    struct mem_port nvdimm; /* access NULL: none, requests to it are the caller's error */
    uint64_t seed;          /* for policies that draw */
};

struct hierarchy;

/* A copy of each request that a core or a trace made, in order, for recording. */
struct mem_tap {
    struct mem_req *reqs;
    uint64_t *counts; /* for each request, what *instructions was then */
    size_t n, cap;
    const uint64_t *instructions; /* the hart's counter of executed instructions; NULL: counts 0 */
    int lost;                     /* memory ran out and a request was not recorded */
};

/* NULL and a message in err (of errlen bytes) when a size is impossible or a policy unknown. */
struct hierarchy *hierarchy_new(const struct hierarchy_config *cfg, char *err, size_t errlen);
void hierarchy_free(struct hierarchy *h);

/*
 * One access by a hart: fetch, load, store, ntstore, a flush, walk or prefetch. Bytes must not
 * cross a line. Stores to the NVDIMM range also send MEM_VISIBLE down, so that the persistence
 * domain sees them in order; it bears the store's own address and bytes. For flushes `done` is when
 * the written-back line was accepted by its memory (or, for a clean line, when the lookups were
 * over: source SRC_LLC). MEM_FENCE is only recorded.
 * L1 latency is included in `done`; source SRC_L1 means an L1 hit. A hit on a line that an earlier
 * request still fetches is done when that one is, and bears its source.
 */
struct mem_reply hierarchy_access(struct hierarchy *h, const struct mem_req *req);

/* The same request as if an L2 had made it: reads, and MEM_WRITEBACK of its dirty victims, go to
 * the LLC; everything else as above. For traces that were taken between L2 and LLC. */
struct mem_reply hierarchy_llc_access(struct hierarchy *h, const struct mem_req *req);

/* Whether requests at NVDIMM_BASE and above have somewhere to go. */
int hierarchy_has_nvdimm(const struct hierarchy *h);
uint32_t hierarchy_harts(const struct hierarchy *h);

/* Record requests into tap from now on; NULL stops. The tap's arrays grow by realloc and are the
 * caller's to empty (n = 0) and to free. */
void hierarchy_tap(struct hierarchy *h, struct mem_tap *tap);

/* The caches and what they have under way, to or from a checkpoint (memhier/archive.h); not the
 * memories below. */
struct archive;
void hierarchy_archive(struct hierarchy *h, struct archive *a);

/* Counters of one level (per hart for L1I, L1D and L2), and what they are. */
const void *hierarchy_counters(const struct hierarchy *h, enum cache_level level, uint32_t hart);
extern const struct counter cache_counter_table[];

/* Fields of a level's counters that reports and the dashboard use directly. */
struct cache_counters {
    uint64_t accesses[MEM_KINDS]; /* demand and other lookups by kind */
    uint64_t misses[MEM_KINDS];
    uint64_t writebacks; /* dirty victims and flushed dirty lines sent down */
    uint64_t fills;
    uint64_t evictions; /* valid victims */
    uint64_t invalidations;
    uint64_t bypasses;      /* lines that the policy kept out */
    uint64_t policy_errors; /* answers of the policy that were no way of the set */
};

#endif
