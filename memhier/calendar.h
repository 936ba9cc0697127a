/* calendar.h - reservations of one resource in time: the past may still be filled in. */
#ifndef MEMHIER_CALENDAR_H
#define MEMHIER_CALENDAR_H

#include <stdint.h>

#include "memhier/port.h"

/*
 * A resource that serves one thing at a time (a bank, a data bus, a media partition). Requests do
 * not come in the order of their times; one from the past takes the first gap that is long enough
 * and never waits behind one from the future.
 *
 * Kept are the CALENDAR_SLOTS youngest busy intervals, in the order of time, neighbours that touch
 * merged into one. What lies before `floor` is forgotten and counts as busy. The main invariant:
 * floor < start[0] (or no interval), start[i] < end[i] < start[i + 1], in ring order.
 *
 * The struct is plain data (embed it, copy it for a checkpoint); zero-filled is an empty calendar.
 * Times plus durations must stay below 2^63.
 */
#define CALENDAR_SLOTS 16u /* power of two */

struct calendar {
    ps_t floor;     /* nothing can be reserved before this */
    uint32_t first; /* ring index of the oldest interval */
    uint32_t count;
    struct {
        ps_t start, end; /* busy from start up to, not including, end */
    } slot[CALENDAR_SLOTS];
};

void calendar_init(struct calendar *cal);

/* calendar_when and calendar_reserve where `at` lies before the end of the last reservation. */
ps_t calendar_when_between(const struct calendar *cal, ps_t at, ps_t duration);
ps_t calendar_reserve_between(struct calendar *cal, ps_t at, ps_t duration);

/* End of the last reservation: the resource is idle from then on. */
static inline ps_t calendar_end(const struct calendar *cal)
{
    if (!cal->count)
        return cal->floor;
    return cal->slot[(cal->first + cal->count - 1) & (CALENDAR_SLOTS - 1)].end;
}

/* The earliest start, at or after `at`, of a free stretch of `duration`; nothing is reserved.
 * Duration 0: the first instant that lies in no reservation. */
static inline ps_t calendar_when(const struct calendar *cal, ps_t at, ps_t duration)
{
    return at >= calendar_end(cal) ? at : calendar_when_between(cal, at, duration);
}

/* Reserve the first free stretch of `duration` at or after `at`; returns its start. Duration 0
 * reserves nothing. */
static inline ps_t calendar_reserve(struct calendar *cal, ps_t at, ps_t duration)
{
    ps_t end = calendar_end(cal);
    if (at <= end || !duration)
        return calendar_reserve_between(cal, at, duration);
    if (cal->count == CALENDAR_SLOTS) {
        cal->floor = cal->slot[cal->first].end;
        cal->first = (cal->first + 1) & (CALENDAR_SLOTS - 1);
        cal->count--;
    }
    uint32_t i = (cal->first + cal->count++) & (CALENDAR_SLOTS - 1);
    cal->slot[i].start = at;
    cal->slot[i].end = at + duration;
    return at;
}

/* To or from a checkpoint; the invariant is checked. */
struct archive;
void calendar_archive(struct calendar *cal, struct archive *a);

#endif
