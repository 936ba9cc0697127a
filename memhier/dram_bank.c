/* dram_bank.c - banks and ranks of DRAM: activations, refresh, open rows. */
#include "memhier/dram_bank.h"

#include <string.h>

#include "memhier/archive.h"

/* ---- refresh ---- */

/* Refreshes begin at offset + refi, offset + 2 refi, … */
static ps_t refresh_before(const struct dram_rank *r, const struct dram_ps *t, ps_t at)
{
    if (at < r->offset + t->refi)
        return 0;
    return at - (at - r->offset) % t->refi;
}

ps_t dram_rank_available_then(struct dram_rank *r, const struct dram_ps *t, ps_t at, int *waited)
{
    if (at - r->refreshed >= t->refi || !r->refreshed) /* also when `at` is before it */
        r->refreshed = refresh_before(r, t, at);
    if (!r->refreshed || at - r->refreshed >= t->rfc)
        return at;
    *waited = 1;
    return r->refreshed + t->rfc;
}

/* ---- activations ---- */

/* Bring the activations that are remembered to the front. */
static void move_to_front(struct dram_rank *r)
{
    memmove(r->act, r->act + r->first, DRAM_ACTS * sizeof r->act[0]);
    memmove(r->act_group, r->act_group + r->first, DRAM_ACTS * sizeof r->act_group[0]);
    r->first = 0;
}

static void remember(struct dram_rank *r, uint32_t group, ps_t at)
{
    if (r->nacts < DRAM_ACTS) {
        r->nacts++;
    } else {
        if (r->first == DRAM_ACTS)
            move_to_front(r);
        r->first++;
    }
    uint32_t i = r->first + r->nacts - 1;
    for (; i > r->first && r->act[i - 1] > at; i--) {
        r->act[i] = r->act[i - 1];
        r->act_group[i] = r->act_group[i - 1];
    }
    r->act[i] = at;
    r->act_group[i] = group;
}

/* What an activation in `group` is looked at against. */
struct acts {
    const ps_t *at;
    const uint32_t *group;
    uint32_t n;
};

static inline ps_t rrd(const struct acts *a, const struct dram_ps *t, uint32_t group, uint32_t i)
{
    return a->group[i] == group ? t->rrd_l : t->rrd_s;
}

/* The first time that keeps its distance to the `before` activations at or before `at`. */
static inline ps_t after_the_earlier(const struct acts *a, const struct dram_ps *t, uint32_t group,
                                     ps_t at, uint32_t before)
{
    ps_t first = at;
    for (uint32_t i = before; i && a->at[i - 1] + t->rrd_l > at; i--) {
        const ps_t then = a->at[i - 1] + rrd(a, t, group, i - 1);
        first = then > first ? then : first;
    }
    if (before >= 4 && a->at[before - 4] + t->faw > first)
        first = a->at[before - 4] + t->faw;
    return first;
}

/* Is `at` too near those after it, or one too many for a window with some of them? */
static inline int too_near_the_later(const struct acts *a, const struct dram_ps *t, uint32_t group,
                                     ps_t at, uint32_t before)
{
    for (uint32_t i = before; i < a->n && a->at[i] < at + t->rrd_l; i++)
        if (a->at[i] < at + rrd(a, t, group, i))
            return 1;
    for (uint32_t last = before; last < a->n && last < before + 4; last++) {
        const uint32_t earlier = before + 3 - last; /* of the window's five */
        if (earlier <= before && a->at[last] < (earlier ? a->at[before - earlier] : at) + t->faw)
            return 1;
    }
    return 0;
}

/* The first time from `at` on that keeps rrd and faw with all activations of the rank, earlier and
 * later ones. Of what lies before the fourth that is remembered not enough is known. */
static ps_t when_to_activate(const struct dram_rank *r, const struct dram_ps *t, uint32_t group,
                             ps_t at)
{
    const uint32_t n = r->nacts;
    const struct acts a = {r->act + r->first, r->act_group + r->first, n};
    if (n == DRAM_ACTS && at < a.at[3])
        at = a.at[3];
    uint32_t before = n;
    while (before && a.at[before - 1] > at)
        before--;
    for (;;) {
        at = after_the_earlier(&a, t, group, at, before);
        if (before == n)
            return at;
        if (a.at[before] > at) {
            if (!too_near_the_later(&a, t, group, at, before))
                return at;
            at = a.at[before];
        }
        while (before < n && a.at[before] <= at)
            before++;
    }
}

/* ---- rows ---- */

/* The first time from `at` on that bank and rank have for a row cycle, whose activation is rcd
 * before its end and whose column command follows. */
static ps_t when_to_open(const struct dram_bank *b, const struct dram_rank *r,
                         const struct dram_ps *t, uint32_t group, ps_t at, ps_t lead)
{
    const ps_t before = lead - t->rcd;
    for (;;) {
        const ps_t start = calendar_when(&b->busy, at, lead + t->ccd_l);
        at = when_to_activate(r, t, group, start + before) - before;
        if (at == start || at == calendar_when(&b->busy, at, lead + t->ccd_l))
            return at;
    }
}

/* Serve the row before the bank's last activation, from the row that was open then: 1 if there was
 * room; *column is when the command goes out. */
static int column_in_past(struct dram_bank *b, struct dram_rank *r, const struct dram_ps *t,
                          uint64_t row, uint32_t group, ps_t at, ps_t *column,
                          enum dram_row_case *how)
{
    const enum dram_row_case found = row == b->previous           ? DRAM_HIT
                                     : b->previous == DRAM_NO_ROW ? DRAM_CLOSED
                                                                  : DRAM_CONFLICT;
    const ps_t lead = found == DRAM_HIT ? 0 : found == DRAM_CLOSED ? t->rcd : t->rp + t->rcd;
    if (at + lead + t->rtp + t->rp > b->activated)
        return 0;
    const ps_t start = found == DRAM_HIT ? calendar_when(&b->busy, at, t->ccd_l)
                                         : when_to_open(b, r, t, group, at, lead);
    if (start + lead + t->rtp + t->rp > b->activated)
        return 0;
    (void)calendar_reserve(&b->busy, start, lead + t->ccd_l);
    if (found != DRAM_HIT)
        remember(r, group, start + lead - t->rcd);
    b->previous = row;
    *column = start + lead;
    *how = found;
    return 1;
}

static ps_t open_row(struct dram_bank *b, struct dram_rank *r, const struct dram_ps *t,
                     uint64_t row, uint32_t group, ps_t at, ps_t lead)
{
    const ps_t start = calendar_reserve(&b->busy, when_to_open(b, r, t, group, at, lead),
                                        lead + t->ccd_l);
    b->previous = b->row;
    b->row = row;
    b->activated = start + lead - t->rcd;
    b->ripe = b->activated + t->ras;
    remember(r, group, b->activated);
    return start + lead;
}

ps_t dram_bank_column(struct dram_bank *b, struct dram_rank *r, const struct dram_ps *t,
                      uint64_t row, uint32_t group, ps_t at, enum dram_row_case *how)
{
    ps_t column;
    if (t->refi && b->row != DRAM_NO_ROW && b->activated < r->refreshed && at >= r->refreshed)
        b->row = b->previous = DRAM_NO_ROW; /* refresh has closed it */
    if (b->row != DRAM_NO_ROW && at < b->activated &&
        column_in_past(b, r, t, row, group, at, &column, how))
        return column;
    if (b->row == row) {
        *how = DRAM_HIT;
        const ps_t open = b->activated + t->rcd;
        return calendar_reserve(&b->busy, at < open ? open : at, t->ccd_l);
    }
    const int closed = b->row == DRAM_NO_ROW;
    *how = closed ? DRAM_CLOSED : DRAM_CONFLICT;
    at = closed || at > b->ripe ? at : b->ripe;
    return open_row(b, r, t, row, group, at, closed ? t->rcd : t->rp + t->rcd);
}

/* ---- checkpoints ---- */

void dram_bank_archive(struct dram_bank *b, struct archive *a)
{
    archive_u64(a, &b->row);
    archive_u64(a, &b->previous);
    archive_time(a, &b->activated);
    archive_time(a, &b->ripe);
    calendar_archive(&b->busy, a);
}

void dram_rank_archive(struct dram_rank *r, struct archive *a)
{
    move_to_front(r);
    archive_times(a, r->act, DRAM_ACTS);
    archive_u32s(a, r->act_group, DRAM_ACTS, UINT64_MAX);
    archive_u32_below(a, &r->nacts, DRAM_ACTS + 1);
    archive_time(a, &r->refreshed);
}
