/* mshr.h - miss-status registers: how many misses of one cache are under way at once. */
#ifndef MEMHIER_MSHR_H
#define MEMHIER_MSHR_H

#include <stdint.h>

#include "memhier/port.h"

/*
 * A file of `limit` registers. A miss holds one from when it starts until its line is there. The
 * file remembers the last 2 * limit holds (the next power of two) as intervals of time; a miss may
 * start at the first instant at or after its own at which fewer than `limit` of them are open. So a
 * request from the past finds the registers as they were then, and does not wait for ones from the
 * future. Where a hold must be forgotten that is not over when the next one is asked for, nothing
 * starts before its end any more. Limit 0: no limit, nothing is remembered.
 *
 * Which line a register is for is not kept here: a second miss to a line under way finds it in the
 * cache's tags, which are filled at once, and waits for it there (cache_await).
 */
#define MSHR_MAX 128u

struct mshr_hold {
    ps_t start, end;
};

struct mshr_file {
    struct mshr_hold *holds;
    ps_t *recent;   /* ends of the last limit - 1 holds, a ring */
    ps_t old_until; /* when all others are over: from then on fewer than `limit` are open */
    ps_t floor;     /* nothing starts before that */
    /* From the one until the other, which is later or this says nothing, `limit` are open: found
     * out by a search, which it shortens; not in checkpoints. */
    ps_t full_from, full_until;
    uint32_t limit, size;
    uint32_t next;        /* of holds, to be overwritten */
    uint32_t next_recent; /* of recent */
};

/* 0, or -1 when memory runs out. limit is at most MSHR_MAX. */
int mshr_init(struct mshr_file *f, uint32_t limit);
void mshr_drop(struct mshr_file *f);

ps_t mshr_when_busy(struct mshr_file *f, ps_t at);
void mshr_put(struct mshr_file *f, ps_t at, ps_t start, ps_t end);

/* A miss that was found out at `at` holds a register. */
static inline void mshr_hold(struct mshr_file *f, ps_t at, ps_t start, ps_t end)
{
    if (f->limit)
        mshr_put(f, at, start, end);
}

/* To or from a checkpoint (memhier/archive.h). */
struct archive;
void mshr_archive(struct mshr_file *f, struct archive *a);

/* When a miss that is found out at `at` may start. */
static inline ps_t mshr_when(struct mshr_file *f, ps_t at)
{
    return at >= f->old_until ? at : mshr_when_busy(f, at);
}

#endif
