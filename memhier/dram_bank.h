/* dram_bank.h - banks and ranks of DRAM: when rows open, when column commands may go out. */
#ifndef MEMHIER_DRAM_BANK_H
#define MEMHIER_DRAM_BANK_H

#include "memhier/calendar.h"

/* What the timings of dram.h are in picoseconds. */
struct dram_ps {
    ps_t cl, cwl, rcd, rp, ras, ccd_l, rrd_s, rrd_l, faw, wr, rtp, wtr_s, wtr_l, rfc, refi, burst;
};

#define DRAM_ACTS   16u /* remembered activations of a rank */
#define DRAM_NO_ROW UINT64_MAX

/*
 * A request from before the last activation finds `previous`, the row that was open until then,
 * which other requests from the past may have changed; so it is served as it would have been in
 * time's order, if there is room before the precharge.
 */
struct dram_bank {
    uint64_t row;         /* open since `activated`, or DRAM_NO_ROW */
    uint64_t previous;    /* open before that */
    ps_t activated;       /* when the row was opened */
    ps_t ripe;            /* the open row cannot be closed before this */
    struct calendar busy; /* row cycles and column commands */
};

/* The last `nacts` activations, oldest first, begin at act[first] and act_group[first]. */
struct dram_rank {
    ps_t act[2 * DRAM_ACTS];
    uint32_t act_group[2 * DRAM_ACTS];
    uint32_t nacts, first;
    ps_t refreshed; /* begin of the refresh before the last request */
    ps_t offset;    /* ranks take turns to refresh */
};

enum dram_row_case { DRAM_HIT, DRAM_CLOSED, DRAM_CONFLICT };

/* dram_rank_available where another refresh than that of the last request may be the one before. */
ps_t dram_rank_available_then(struct dram_rank *r, const struct dram_ps *t, ps_t at, int *waited);

/* The first moment from `at` on at which the rank is not refreshed; *waited tells whether it is
 * later. Afterwards rank->refreshed is that of the moment. */
static inline ps_t dram_rank_available(struct dram_rank *r, const struct dram_ps *t, ps_t at,
                                       int *waited)
{
    *waited = 0;
    if (!t->refi || (r->refreshed && at - r->refreshed - t->rfc < t->refi - t->rfc))
        return at;
    return dram_rank_available_then(r, t, at, waited);
}

/* After dram_rank_available: when the rank is refreshed next. Only with a refi. */
static inline ps_t dram_rank_next_refresh(const struct dram_rank *r, const struct dram_ps *t)
{
    return (r->refreshed ? r->refreshed : r->offset) + t->refi;
}

/*
 * Reserve the bank for a column command on the row, at the earliest at `at`, opening the row first
 * if need be: when the command goes out. Afterwards call dram_bank_used.
 */
ps_t dram_bank_column(struct dram_bank *b, struct dram_rank *r, const struct dram_ps *t,
                      uint64_t row, uint32_t group, ps_t at, enum dram_row_case *how);

/* The row that the last dram_bank_column used cannot be closed before `until`. */
static inline void dram_bank_used(struct dram_bank *b, uint64_t row, ps_t until)
{
    if (b->row == row && until > b->ripe)
        b->ripe = until;
}

/* To or from a checkpoint. */
struct archive;
void dram_bank_archive(struct dram_bank *b, struct archive *a);
void dram_rank_archive(struct dram_rank *r, struct archive *a);

#endif
