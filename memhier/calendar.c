/* calendar.c - reservations of one resource in time: searching and filling gaps. */
#include "memhier/calendar.h"

#include <assert.h>
#include <string.h>

#include "memhier/archive.h"

#define RING(cal, i) (((cal)->first + (i)) & (CALENDAR_SLOTS - 1))

void calendar_init(struct calendar *cal)
{
    memset(cal, 0, sizeof *cal);
}

/* The earliest start; *before is how many intervals lie before the gap. */
static ps_t find_gap(const struct calendar *cal, ps_t at, ps_t duration, uint32_t *before)
{
    ps_t t = at < cal->floor ? cal->floor : at;
    uint32_t i = cal->count;
    while (i && cal->slot[RING(cal, i - 1)].end > t)
        i--;
    for (; i < cal->count; i++) {
        uint32_t k = RING(cal, i);
        if (t + duration <= cal->slot[k].start && (duration || t < cal->slot[k].start))
            break;
        t = cal->slot[k].end;
    }
    *before = i;
    return t;
}

ps_t calendar_when_between(const struct calendar *cal, ps_t at, ps_t duration)
{
    uint32_t before;
    return find_gap(cal, at, duration, &before);
}

static void forget_oldest(struct calendar *cal)
{
    cal->floor = cal->slot[cal->first].end;
    cal->first = RING(cal, 1);
    cal->count--;
}

static void remove_slot(struct calendar *cal, uint32_t i)
{
    for (; i + 1 < cal->count; i++)
        cal->slot[RING(cal, i)] = cal->slot[RING(cal, i + 1)];
    cal->count--;
}

/* Make room for an interval that has `i` before it. */
static void insert_slot(struct calendar *cal, uint32_t i, ps_t start, ps_t end)
{
    assert(cal->count < CALENDAR_SLOTS);
    for (uint32_t k = cal->count++; k > i; k--)
        cal->slot[RING(cal, k)] = cal->slot[RING(cal, k - 1)];
    cal->slot[RING(cal, i)].start = start;
    cal->slot[RING(cal, i)].end = end;
}

/* Is `at` in the last interval, or at its end? Then what begins there joins it. */
static int joins_the_last(const struct calendar *cal, ps_t at)
{
    return cal->count && at >= cal->slot[RING(cal, cal->count - 1)].start;
}

static ps_t extend(struct calendar *cal, ps_t duration)
{
    ps_t *end = &cal->slot[RING(cal, cal->count - 1)].end, start = *end;
    *end += duration;
    return start;
}

ps_t calendar_reserve_between(struct calendar *cal, ps_t at, ps_t duration)
{
    uint32_t i;
    if (duration && joins_the_last(cal, at))
        return extend(cal, duration);
    ps_t start = find_gap(cal, at, duration, &i);
    if (!duration)
        return start;
    ps_t end = start + duration;
    int joins_left = i > 0 && cal->slot[RING(cal, i - 1)].end == start;
    int joins_right = i < cal->count && cal->slot[RING(cal, i)].start == end;

    if (joins_left && joins_right) {
        cal->slot[RING(cal, i - 1)].end = cal->slot[RING(cal, i)].end;
        remove_slot(cal, i);
    } else if (joins_left) {
        cal->slot[RING(cal, i - 1)].end = end;
    } else if (joins_right) {
        cal->slot[RING(cal, i)].start = start;
    } else if (cal->count < CALENDAR_SLOTS) {
        insert_slot(cal, i, start, end);
    } else {
        forget_oldest(cal);
        if (i == 0) /* the gaps before the oldest interval are gone with it */
            return calendar_reserve_between(cal, at, duration);
        insert_slot(cal, i - 1, start, end);
    }
    return start;
}

void calendar_archive(struct calendar *cal, struct archive *a)
{
    ps_t before = 0;
    archive_time(a, &cal->floor);
    archive_u32_below(a, &cal->first, CALENDAR_SLOTS);
    archive_u32_below(a, &cal->count, CALENDAR_SLOTS + 1);
    for (uint32_t i = 0; i < cal->count; i++) {
        const uint32_t k = RING(cal, i);
        archive_time(a, &cal->slot[k].start);
        archive_time(a, &cal->slot[k].end);
        if (a->failed)
            break;
        if (cal->slot[k].end <= cal->slot[k].start || (i && cal->slot[k].start <= before) ||
            cal->slot[k].start < cal->floor)
            archive_fail(a, "damaged: reservations");
        before = cal->slot[k].end;
    }
    if (a->failed && !a->writing)
        calendar_init(cal);
}
