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

ps_t dram_rank_available(struct dram_rank *r, const struct dram_ps *t, ps_t at, int *waited)
{
    *waited = 0;
    if (!t->refi)
        return at;
    if (at - r->refreshed >= t->refi || !r->refreshed) /* also when `at` is before it */
        r->refreshed = refresh_before(r, t, at);
    if (!r->refreshed || at - r->refreshed >= t->rfc)
        return at;
    *waited = 1;
    return r->refreshed + t->rfc;
}

/* ---- activations ---- */

static void remember(struct dram_rank *r, uint32_t group, ps_t at)
{
    if (r->nacts == DRAM_ACTS) {
        memmove(r->act, r->act + 1, sizeof r->act - sizeof r->act[0]);
        memmove(r->act_group, r->act_group + 1, sizeof r->act_group - sizeof r->act_group[0]);
        r->nacts--;
    }
    uint32_t i = r->nacts++;
    for (; i && r->act[i - 1] > at; i--) {
        r->act[i] = r->act[i - 1];
        r->act_group[i] = r->act_group[i - 1];
    }
    r->act[i] = at;
    r->act_group[i] = group;
}

/* The first time that keeps its distance to the `before` activations at or before `at`. */
static ps_t after_the_earlier(const struct dram_rank *r, const struct dram_ps *t, uint32_t group,
                              ps_t at, uint32_t before)
{
    ps_t first = at;
    for (uint32_t i = before; i && r->act[i - 1] + t->rrd_l > at; i--) {
        const ps_t gap = r->act_group[i - 1] == group ? t->rrd_l : t->rrd_s;
        if (r->act[i - 1] + gap > first)
            first = r->act[i - 1] + gap;
    }
    if (before >= 4 && r->act[before - 4] + t->faw > first)
        first = r->act[before - 4] + t->faw;
    return first;
}

/* Is `at` too near those after it, or one too many for a window with some of them? */
static int too_near_the_later(const struct dram_rank *r, const struct dram_ps *t, uint32_t group,
                              ps_t at, uint32_t before)
{
    for (uint32_t i = before; i < r->nacts && r->act[i] < at + t->rrd_l; i++)
        if (r->act[i] < at + (r->act_group[i] == group ? t->rrd_l : t->rrd_s))
            return 1;
    for (uint32_t n = 0; n < 4 && n <= before; n++) { /* of the window's five, n are earlier */
        const uint32_t last = before + 3 - n;
        if (last < r->nacts && r->act[last] < (n ? r->act[before - n] : at) + t->faw)
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
    if (n < 4 ? n == 0 : at >= r->act[n - 1] + t->rrd_l && at >= r->act[n - 4] + t->faw)
        return at;
    if (n == DRAM_ACTS && at < r->act[3])
        at = r->act[3];
    uint32_t before = n;
    while (before && r->act[before - 1] > at)
        before--;
    for (;;) {
        const ps_t then = after_the_earlier(r, t, group, at, before);
        if (then == at && !too_near_the_later(r, t, group, at, before))
            return at;
        at = then > at ? then : r->act[before];
        while (before < n && r->act[before] <= at)
            before++;
    }
}

/* ---- rows ---- */

/* The first time from `at` on that bank and rank have for a row cycle, whose activation is rcd
 * before its end and whose column command follows. */
static ps_t when_to_open(const struct dram_bank *b, const struct dram_rank *r,
                         const struct dram_ps *t, uint32_t group, ps_t at, ps_t lead)
{
    for (;;) {
        const ps_t start = calendar_when(&b->busy, at, lead + t->ccd_l);
        const ps_t act = start + lead - t->rcd, then = when_to_activate(r, t, group, act);
        if (then == act)
            return start;
        at = start + (then - act);
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
    if (b->row == DRAM_NO_ROW) {
        *how = DRAM_CLOSED;
        return open_row(b, r, t, row, group, at, t->rcd);
    }
    *how = DRAM_CONFLICT;
    return open_row(b, r, t, row, group, at < b->ripe ? b->ripe : at, t->rp + t->rcd);
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
    archive_times(a, r->act, DRAM_ACTS);
    archive_u32s(a, r->act_group, DRAM_ACTS, UINT64_MAX);
    archive_u32_below(a, &r->nacts, DRAM_ACTS + 1);
    archive_time(a, &r->refreshed);
}
