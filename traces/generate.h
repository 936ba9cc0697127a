/* generate.h - traces made by rule, of which it is known how few misses are possible. */
#ifndef TRACES_GENERATE_H
#define TRACES_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

/*
 * All are of 8 bytes an access, four instructions apart, over `lines` lines from the start of DRAM
 * (or the NVDIMM) on. The optimum is that of a fully associative cache; where sets divide the lines
 * evenly, each set has the optimum of its own lines, places and accesses; loop(m, w, n) below is n
 * accesses round m lines in w places: m misses at first; then, where w < m, in each m - 1 accesses
 * m - w (a place for each line), or m - w in each m where lines may be kept out (Mattson et al.
 * 1970: OPT on a cycle).
 *
 *   scan       round and round over the lines in order.                  loop(lines, w, n)
 *   chase      the same in an order drawn at random, each load depending on the last.  loop(…)
 *   adversary  as scan over one line more than `capacity`: LRU never hits.   loop(capacity + 1, …)
 *   log        stores of 8 bytes one behind the other, each line flushed (clwb) and fenced when it
 *              is full, from the start again when all are used. One miss for each line that begins,
 *              loop(lines, w, lines begun), with bypass as without: its next stores need the line
 *   phases     64 rounds of scans in turn over each quarter of the lines
 *   zipf       line of rank r with weight 1/r
 *   btree      look-ups in a B+tree of fan-out 16 with a node a line: a path from the root, keys
 *              at random; each load depends on the last of its path
 *
 * The optimum of the last three is worked out on their accesses (Belady 1966), where there are at
 * most GENERATE_KNOWN. Results depend on the options alone.
 */
enum generate_kind {
    GENERATE_SCAN,
    GENERATE_CHASE,
    GENERATE_ADVERSARY,
    GENERATE_LOG,
    GENERATE_PHASES,
    GENERATE_ZIPF,
    GENERATE_BTREE,
    GENERATE_KINDS
};

struct generate_options {
    enum generate_kind kind;
    uint64_t lines;    /* 4 to GENERATE_LINES */
    uint64_t records;  /* at least 1 */
    uint64_t capacity; /* adversary: lines of the cache it is against */
    uint64_t seed;
    int nvdimm;
};

#define GENERATE_LINES (UINT64_C(1) << 24)
#define GENERATE_KNOWN (UINT64_C(1) << 28)

/* By name; GENERATE_KINDS when there is none. */
enum generate_kind generate_find(const char *name);
const char *generate_name(enum generate_kind kind);

/* Put all records. 0; -1 as trace_put, or with a message when an option is out of range or memory
 * runs out. *instructions: what they stand for. */
int generate_run(const struct generate_options *opt, struct trace_writer *w, uint64_t *instructions,
                 char *err, size_t errlen);

/* The fewest misses with so many places (see above): 1. 0 where it is not known, or memory runs
 * out. */
int generate_optimum(const struct generate_options *opt, uint64_t places, int bypass,
                     uint64_t *misses);

#endif
