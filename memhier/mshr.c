/* mshr.c - miss-status registers: intervals in which one is held. */
#include "memhier/mshr.h"

#include <assert.h>
#include <stdlib.h>

#include "memhier/archive.h"

int mshr_init(struct mshr_file *f, uint32_t limit)
{
    assert(limit <= MSHR_MAX);
    *f = (struct mshr_file){.limit = limit};
    if (!limit)
        return 0;
    for (f->size = 2; f->size < 2 * limit; f->size *= 2)
        ;
    f->holds = calloc(f->size, sizeof *f->holds);
    f->recent = calloc(limit, sizeof *f->recent);
    return f->holds && f->recent ? 0 : -1;
}

void mshr_drop(struct mshr_file *f)
{
    free(f->holds);
    free(f->recent);
    *f = (struct mshr_file){0};
}

static inline int is_open(const struct mshr_hold *h, ps_t at)
{
    return at - h->start < h->end - h->start; /* also when `at` is before: no branch */
}

static uint32_t count_open(const struct mshr_file *f, ps_t at)
{
    uint32_t open = 0;
    for (const struct mshr_hold *h = f->holds; h < f->holds + f->size; h++)
        open += (uint32_t)is_open(h, at);
    return open;
}

static ps_t first_end(const struct mshr_file *f, ps_t at)
{
    ps_t first = UINT64_MAX;
    for (const struct mshr_hold *h = f->holds; h < f->holds + f->size; h++)
        first = is_open(h, at) && h->end < first ? h->end : first;
    return first;
}

/* Many misses that are found out together would each go the way of the one before, and on. */
ps_t mshr_when_busy(struct mshr_file *f, ps_t at)
{
    at = at < f->floor ? f->floor : at;
    const int known = at >= f->full_from && at < f->full_until;
    f->full_from = known ? f->full_from : at;
    at = known ? f->full_until : at;
    while (count_open(f, at) >= f->limit)
        at = first_end(f, at);
    return f->full_until = at;
}

/* In turn, as the oldest is over in nearly all cases; else the one that ends first. */
static struct mshr_hold *to_forget(struct mshr_file *f, ps_t at)
{
    struct mshr_hold *first = &f->holds[f->next++ & (f->size - 1)];
    for (uint32_t i = 0; i < f->size && first->end > at; i++)
        first = f->holds[i].end < first->end ? &f->holds[i] : first;
    return first;
}

/* The end of a hold that is not one of the last limit - 1 any more, after one that ends at `end`.
 */
static ps_t push_recent(struct mshr_file *f, ps_t end)
{
    if (f->limit == 1)
        return end;
    const ps_t old = f->recent[f->next_recent];
    f->recent[f->next_recent] = end;
    f->next_recent = f->next_recent + 2 == f->limit ? 0 : f->next_recent + 1;
    return old;
}

void mshr_put(struct mshr_file *f, ps_t at, ps_t start, ps_t end)
{
    struct mshr_hold *h = to_forget(f, at);
    if (h->end > at && h->end > f->floor)
        f->floor = h->end;
    f->full_from = at > f->full_from ? at : f->full_from; /* before `at` one is missing now */
    *h = (struct mshr_hold){start, end};
    end = push_recent(f, end);
    f->old_until = end > f->old_until ? end : f->old_until;
}

void mshr_archive(struct mshr_file *f, struct archive *a)
{
    archive_same(a, f->limit);
    for (uint32_t i = 0; i < f->size; i++) {
        archive_time(a, &f->holds[i].start);
        archive_time(a, &f->holds[i].end);
    }
    archive_times(a, f->recent, f->limit);
    archive_time(a, &f->old_until);
    archive_time(a, &f->floor);
    archive_u32(a, &f->next);
    archive_u32_below(a, &f->next_recent, f->limit ? f->limit : 1);
}
