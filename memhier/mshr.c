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

ps_t mshr_when_busy(const struct mshr_file *f, ps_t at)
{
    for (at = at < f->floor ? f->floor : at;;) {
        uint32_t open = 0;
        ps_t next = UINT64_MAX; /* the first end of those open */
        for (uint32_t i = 0; i < f->size; i++) {
            const struct mshr_hold *h = &f->holds[i];
            const int is_open = h->start <= at && at < h->end;
            open += (uint32_t)is_open;
            next = is_open && h->end < next ? h->end : next;
        }
        if (open < f->limit)
            return at;
        at = next;
    }
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
