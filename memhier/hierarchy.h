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

#define HIERARCHY_HARTS 64u

struct cache_config {
    uint64_t bytes;     /* ways * 64 * sets * slices; sets a power of two; 8 to 2^20 in all */
    uint32_t ways;      /* 1 to 16 */
    ps_t latency;       /* of a lookup; a hit takes this long, a miss adds it to the next level's */
    const char *policy; /* name in the policy table; borrowed for the call only */
    const struct policy *loaded; /* used instead of the table's, when not NULL; borrowed for life */
    uint32_t mshrs;              /* misses under way at once, 0: no limit, at most MSHR_MAX */
    ps_t
        interval; /* L2, LLC (each port or slice): between the starts of two lookups; 0: no limit */
    uint8_t through;      /* writes go on to the next level at once, no line is dirty here */
    const char *prefetch; /* L1D, L2: name in the prefetcher table; NULL or "none": none */
    uint32_t degree;      /* lines that it fetches for one access */
    uint32_t distance;    /* how far ahead: prefetcher.h; 0: as usual */
    uint64_t page;        /* it stays in pages of so many bytes, a power of two; 0: 4 KiB */
    uint32_t slices;      /* LLC: pieces among which lines are spread by a hash; 0 or 1: one */
    uint8_t no_allocate;  /* a write that misses goes on to the next level and brings no line in */
};

/* What the LLC holds of the lines that the private caches hold. */
enum llc_inclusion {
    LLC_NON_INCLUSIVE, /* whatever its fills and victims leave: neither inclusive nor exclusive */
    LLC_INCLUSIVE,     /* all of them: with a victim the private copies go, too */
    LLC_EXCLUSIVE      /* none: hits move up, victims of the L2s come in; L2s include their L1s */
};

struct hierarchy_config {
    struct cache_config level[CACHE_LEVELS];
    uint32_t harts;         /* 1 to HIERARCHY_HARTS */
    struct mem_port dram;   /* everything below NVDIMM_BASE */
    struct mem_port nvdimm; /* access NULL: none, requests to it are the caller's error */
    uint64_t seed;          /* for policies that draw */
    enum llc_inclusion inclusion;
    /* The directory: of which lines harts hold copies. With sets (a power of two) and ways it is a
     * snoop filter, whose victims leave the private caches, too; an inclusive LLC needs none. With
     * sets 0 it knows all lines that fit the private caches, and with one hart it is left out. */
    uint32_t directory_sets, directory_ways;
    ps_t snoop; /* from the directory to another hart's caches, and data or word to the requester */
    /* Flushes are ordered where the memory controllers are, `home` from the LLC and back; from
     * there, caches that have the line are asked, `probe` (hierarchy_share.c). 0: at the LLC. */
    ps_t home, probe;
    uint8_t clwb_to_llc; /* clwb leaves the line in the LLC alone */
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
 * Harts are coherent (MESI): at any time a line is with one hart that may write it (E, or M when
 * dirty), or with any number of them that may not (S). The order of calls is the order in which
 * harts see each other's accesses; `at` need not ascend, but of two calls for one line the second
 * waits for a change of owner by the first.
 *
 * One access by a hart: fetch, load, store, ntstore, a flush, walk or prefetch. Bytes must not
 * cross a line. Stores to the NVDIMM range also send MEM_VISIBLE down, so that the persistence
 * domain sees them in order; it bears the store's own address and bytes. For flushes `done` is when
 * the written-back line was accepted by its memory (or, for a clean line, when the lookups, and
 * those from `home`, were over: source SRC_LLC); they act on all harts' copies. MEM_FENCE is only
 * recorded. L1 latency is included in `done`; source SRC_L1 means an L1 hit. A hit on a line that
 * an earlier request still fetches is done when that one is, and bears its source.
 */
struct mem_reply hierarchy_access(struct hierarchy *h, const struct mem_req *req);

/* The same request as if an L2 had made it: reads, and MEM_WRITEBACK of its dirty victims, go to
 * the LLC; everything else as above. For traces that were taken between L2 and LLC. */
struct mem_reply hierarchy_llc_access(struct hierarchy *h, const struct mem_req *req);

/* How a cache holds a line. An LLC's lines are not owned by it. */
#define HELD       1u
#define HELD_DIRTY 2u
#define HELD_OWNED 4u
unsigned hierarchy_held(const struct hierarchy *h, enum cache_level level, uint32_t hart,
                        uint64_t addr);

/* For tests: whether all copies and the directory fit together (hierarchy_check.c says how). 0, or
 * -1 and what is wrong in err. Looks at everything. */
int hierarchy_check(const struct hierarchy *h, char *err, size_t errlen);

/* Addresses of the lines that some cache holds dirty, ascending, each once; the caller frees. NULL:
 * no memory. */
uint64_t *hierarchy_dirty(const struct hierarchy *h, size_t *n);

/* Whether requests at NVDIMM_BASE and above have somewhere to go. */
int hierarchy_has_nvdimm(const struct hierarchy *h);
uint32_t hierarchy_harts(const struct hierarchy *h);
/* Of a level's caches: both are at least 1, sets a power of two. */
void hierarchy_geometry(const struct hierarchy *h, enum cache_level level, uint32_t *sets,
                        uint32_t *ways);

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

/* What a hart's requests did to other harts, and theirs to it. */
struct coherence_counters {
    uint64_t upgrades;       /* stores to lines that were in S */
    uint64_t snoops;         /* requests that waited for other harts' caches */
    uint64_t forwards_dirty; /* of those: the data came from a dirty copy */
    uint64_t forwards_clean; /* of those: the data came from a clean copy */
    uint64_t downgrades;     /* lines that went from M or E to S for another hart's read */
    uint64_t invalidated;    /* lines lost to another hart's store, flush, non-temporal store */
    uint64_t filtered;       /* lines lost to a victim of the directory */
    uint64_t included;       /* lines lost to a victim of an inclusive LLC */
};
const struct coherence_counters *hierarchy_coherence(const struct hierarchy *h, uint32_t hart);
extern const struct counter coherence_counter_table[];

/* Fields of a level's counters that reports and the dashboard use directly. */
struct cache_counters {
    uint64_t accesses[MEM_KINDS]; /* demand and other lookups by kind */
    uint64_t misses[MEM_KINDS];
    uint64_t writebacks; /* dirty victims and flushed dirty lines sent down */
    uint64_t fills;
    uint64_t evictions;     /* valid victims */
    uint64_t invalidations; /* lines that left, but not for a fill */
    uint64_t superseded;    /* dirty victims not sent down: a nearer cache held newer data */
    uint64_t bypasses;      /* lines that the policy kept out */
    uint64_t policy_errors; /* answers of the policy that were no way of the set */
    /* from here on they depend on when accesses are made, too */
    uint64_t merges;    /* hits on a line that an earlier miss still fetched */
    uint64_t mshr_full; /* misses that waited for a register */
    uint64_t mshr_wait; /* how long, all together, ps */
    struct prefetch_counters {
        uint64_t issued;    /* lines fetched by this level's prefetcher, or by MEM_PREFETCH */
        uint64_t present;   /* not fetched: there, or on the way, already */
        uint64_t dropped;   /* not fetched: no register was free */
        uint64_t useful;    /* of those fetched, asked for while they were there */
        uint64_t late;      /* of those useful, still under way then */
        uint64_t useless;   /* gone without having been asked for */
        uint64_t pollution; /* misses on lines that one of them pushed out, by prefetch_filter */
    } prefetch;
};

#endif
