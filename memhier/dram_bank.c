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

/* The first time from `from` on that keeps the distances to all remembered ones. */
static ps_t keep_distance(const struct dram_rank *r, const struct dram_ps *t, uint32_t group,
                          ps_t from)
{
    for (uint32_t i = 0; i < r->nacts; i++) {
        const ps_t gap = r->act_group[i] == group ? t->rrd_l : t->rrd_s;
        if (from + gap > r->act[i] && from < r->act[i] + gap)
            from = r->act[i] + gap;
    }
    return from;
}

/* At most four in a window: the fourth before `at` must be `faw` old. */
static ps_t keep_window(const struct dram_rank *r, const struct dram_ps *t, ps_t at)
{
    uint32_t before = r->nacts;
    while (before && r->act[before - 1] > at)
        before--;
    return before >= 4 && r->act[before - 4] + t->faw > at ? r->act[before - 4] + t->faw : at;
}

static void remember(struct dram_rank *r, uint32_t group, ps_t at)
{
    if (r->nacts == DRAM_ACTS) {
        if (at < r->act[0])
            return; /* older than all that is remembered */
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

static ps_t when_to_activate(const struct dram_rank *r, const struct dram_ps *t, uint32_t group,
                             ps_t at)
{
    const uint32_t n = r->nacts;
    if (n < 4 ? n == 0 : at >= r->act[n - 1] + t->rrd_l && at >= r->act[n - 4] + t->faw)
        return at;
    for (;;) {
        const ps_t spaced = keep_distance(r, t, group, at);
        const ps_t then = keep_window(r, t, spaced);
        if (then == at)
            return at;
        at = then;
    }
}

/* ---- rows ---- */

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
    ps_t start = calendar_when(&b->busy, at, lead + t->ccd_l);
    if (found != DRAM_HIT) {
        const ps_t act = when_to_activate(r, t, group, start + lead - t->rcd);
        start = calendar_when(&b->busy, act + t->rcd - lead, lead + t->ccd_l);
    }
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
    ps_t start = calendar_when(&b->busy, at, lead + t->ccd_l);
    const ps_t act = when_to_activate(r, t, group, start + lead - t->rcd);
    start = calendar_reserve(&b->busy, act + t->rcd - lead, lead + t->ccd_l);
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
