/* calibhart.h - a simulated hart that only loads, stores, flushes and fences, for calibration. */
#ifndef SIM_CALIBHART_H
#define SIM_CALIBHART_H

#include <stdint.h>

#include "memhier/hierarchy.h"

/*
 * It drives the caches through the port that a core uses, with the limits of one:
 *
 *   fill buffers     loads that missed, stores that fetch their line, non-temporal stores
 *   store buffer     stores commit in order, each when its line is there
 *   flushes          under way at once; each starts when the store before it has committed
 *   stream           lines that the prefetcher of the L2 has under way, ahead of five or more that
 *                    were touched in ascending order, in their 4 KiB page
 *
 * A non-temporal store leaves its fill buffer as soon as less than `nt_credits` others have left
 * and are not accepted by the memory; while that takes long, any of the `nt_any` oldest that wait
 * may be the next, but stores to one line stay in order. It is at the memory `nt_path` later, one
 * each `nt_interval`, and holds its buffer until `nt_release` after it was accepted. sfence waits
 * until the memory has accepted all that was stored and flushed, and costs `sfence`; what follows
 * it can begin `restart` later, a non-temporal store not before earlier ones have been released.
 * mfence waits for these, too, and takes at least `mfence`.
 */
#define CALIB_MOST 64u /* of any limit */

struct calib_core {
    uint32_t fills, stores, flushes, stream; /* 1 to CALIB_MOST; stream may be 0 */
    uint32_t credits, any;                   /* 1 to CALIB_MOST */
    ps_t issue;                              /* between two memory instructions */
    ps_t flush_interval;                     /* between two that start */
    ps_t nt_path, nt_interval, nt_release;
    ps_t sfence, restart, mfence;
};

struct calib_slots {
    uint32_t n;
    ps_t until[CALIB_MOST];
};

struct calib_write {
    uint64_t addr;
    ps_t made;
    uint32_t bytes;
    enum mem_kind kind; /* MEM_NTSTORE or MEM_CLWB */
};

struct calib_hart {
    const struct calib_core *core;
    struct hierarchy *hierarchy;
    ps_t now;
    struct mem_req req;
    struct calib_slots fills, stores, flushes, prefetches;
    uint32_t store_at; /* ring of the store buffer */
    ps_t committed;    /* youngest store */
    ps_t flushed;      /* the last flush started */
    ps_t accepted;     /* all flushes and non-temporal stores so far */
    ps_t released;     /* all non-temporal stores so far */
    ps_t nt_from;      /* the next non-temporal store can begin */
    ps_t nt_last;      /* the last one left its buffer */
    ps_t loaded;       /* all loads so far */
    struct calib_slots credits;
    struct calib_write waiting[2 * CALIB_MOST]; /* the oldest first */
    uint32_t nwaiting;
    uint64_t random;
    uint64_t line, far; /* last line touched, furthest line prefetched */
    uint64_t run;       /* lines touched in ascending order */
};

void calib_hart_init(struct calib_hart *h, const struct calib_core *core,
                     struct hierarchy *hierarchy, uint32_t hart, uint32_t stream);

/* Each moves h->now to when the next instruction can be made; none crosses a line. */
void calib_load(struct calib_hart *h, uint64_t addr, uint32_t bytes);
void calib_store(struct calib_hart *h, uint64_t addr, uint32_t bytes);
void calib_ntstore(struct calib_hart *h, uint64_t addr, uint32_t bytes);
void calib_clwb(struct calib_hart *h, uint64_t addr);
/* What follows needs what was loaded. */
void calib_depend(struct calib_hart *h);
/* When the fence itself is over; h->now is `restart` later. */
ps_t calib_sfence(struct calib_hart *h);
void calib_mfence(struct calib_hart *h);

#endif
