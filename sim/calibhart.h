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
 *   stream           lines that the prefetcher of the L2 has under way, ahead of an ascending
 *                    stream, in its 4 KiB page
 *
 * Non-temporal stores leave their buffers at once and in order; while fill buffers are short, up to
 * `nt_buffers` of them are held, and leave in no order. A non-temporal store leaves its buffer
 * `nt_path` after it was made, one each `nt_interval`, and holds it until `nt_release` after the
 * memory has accepted it. sfence waits until the memory has accepted all that was stored and
 * flushed, and costs `sfence`; what follows it can begin `restart` later, a non-temporal store not
 * before earlier ones have been released. mfence waits for these, too, and takes at least `mfence`.
 */
#define CALIB_MOST 64u /* of any limit */

struct calib_core {
    uint32_t fills, stores, flushes, stream; /* 1 to CALIB_MOST; stream may be 0 */
    uint32_t nt_buffers;                     /* at most CALIB_MOST */
    ps_t issue;                              /* between two memory instructions */
    ps_t flush_interval;                     /* between two that start */
    ps_t nt_path, nt_interval, nt_release;
    ps_t sfence, restart, mfence;
};

struct calib_slots {
    uint32_t n;
    ps_t until[CALIB_MOST];
};

struct calib_piece {
    uint64_t addr;
    uint32_t bytes;
};

struct calib_hart {
    const struct calib_core *core;
    struct hierarchy *hierarchy;
    ps_t now;
    struct mem_req req;
    struct calib_slots fills, stores, flushes, prefetches;
    uint32_t store_at;                       /* ring of the store buffer */
    ps_t committed;                          /* youngest store */
    ps_t flushed;                            /* the last flush started */
    ps_t accepted;                           /* all flushes and non-temporal stores so far */
    ps_t released;                           /* all non-temporal stores so far */
    ps_t nt_from;                            /* the next non-temporal store can begin */
    ps_t nt_last;                            /* the last one left its buffer */
    ps_t loaded;                             /* all loads so far */
    struct calib_piece held[CALIB_MOST + 1]; /* non-temporal stores that have not left */
    uint32_t nheld;
    uint64_t random;
    uint64_t line, far; /* last line touched, furthest line prefetched */
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
