/* branch.h - branch prediction: conditional and indirect branches, targets, returns. */
#ifndef CPU_BRANCH_H
#define CPU_BRANCH_H

#include <stdint.h>

#include "cpu/core.h"
#include "cpu/tage.h"

/*
 * Conditional branches, one of:
 *   static   taken backwards, not taken forwards, which is what the sign of an immediate would tell
 *   bimodal  two-bit counters by branch address (Smith, ISCA 1981)
 *   gshare   the same by address xor global history (McFarling, WRL TN-36, 1993)
 *   tage     tage.h
 * Counters start weakly not taken.
 *
 * Indirect branches: a direct-mapped table, tagged with the branch address, of the target that was
 * seen last; with `target_history` a second one in front of it, found by the address hashed with
 * the last few indirect targets (as in Chang, Hao and Patt, "Target prediction for indirect jumps",
 * ISCA 1997), whose entries have a two-bit counter: what has just been wrong does not predict. With
 * `target_branches` it is found by the last so many branches of any kind that were taken, of whose
 * own addresses it sees bits 2 and 3 (layout.h), as measured on Zen 3.
 * Returns: a circular stack; what is pushed past its size overwrites the oldest. Direct branches: a
 * direct-mapped table of those that have been taken. Targets are block numbers, or any number that
 * stands for one.
 *
 * Not modelled: wrong-path effects, late update.
 *
 * Each function is told the outcome at once and returns 1 when the prediction was wrong.
 */
/* Of the address of a branch: from that bit on, so many. */
#define PATH_BRANCH_FROM 2u
#define PATH_BRANCH_BITS 2u

struct branch_target {
    uint64_t pc;
    uint32_t to;
    uint8_t valid, sure; /* sure: 0 to 3, of the table with history */
};

struct branch {
    uint64_t *btb; /* code addresses of direct branches; NULL: all are known */
    uint32_t btb_mask;
    uint8_t kind; /* enum predictor */
    uint8_t *counters;
    struct tage *tage;
    struct branch_target *paths; /* targets by address and history, NULL: no such table */
    uint64_t path; /* the last indirect targets, hashed, or branches; the youngest lowest */
    uint64_t path_mask;
    uint8_t by_branches;
    struct branch_target *targets;
    uint32_t *returns;
    uint32_t history, mask, target_mask;
    uint32_t return_entries, top, depth;
};

/* 0, or -1 when there is no memory. The configuration has been checked. */
int branch_init(struct branch *b, const struct branch_config *cfg);
void branch_free(struct branch *b);
/* Forget indirect targets and returns: an indirect branch prediction barrier. */
void branch_barrier(struct branch *b);

/* To or from a checkpoint (memhier/archive.h). */
void branch_archive(struct branch *b, struct archive *a);

static inline int branch_counter(uint8_t *counter, int taken)
{
    const int wrong = (*counter >= 2) != taken;
    if (taken)
        *counter = (uint8_t)(*counter + (*counter < 3));
    else
        *counter = (uint8_t)(*counter - (*counter > 0));
    return wrong;
}

/* backward: its target lies before it. */
static inline int branch_cond(struct branch *b, uint64_t pc, int backward, int taken)
{
    switch ((enum predictor)b->kind) {
    case PREDICTOR_STATIC:
        return taken != backward;
    case PREDICTOR_TAGE:
        return tage_cond(b->tage, pc, taken);
    case PREDICTOR_BIMODAL:
        return branch_counter(&b->counters[(uint32_t)(pc >> 2) & b->mask], taken);
    case PREDICTOR_GSHARE:
        break;
    }
    const uint32_t i = ((uint32_t)(pc >> 2) ^ b->history) & b->mask;
    b->history = (b->history << 1 | (uint32_t)taken) & b->mask;
    return branch_counter(&b->counters[i], taken);
}

int branch_indirect(struct branch *b, uint64_t pc, uint32_t to);

/* A branch at that address, predicted already, was taken. */
static inline void branch_passed(struct branch *b, uint64_t at)
{
    if (b->by_branches)
        b->path = (b->path << PATH_BRANCH_BITS |
                   (at >> PATH_BRANCH_FROM & ((1u << PATH_BRANCH_BITS) - 1))) &
                  b->path_mask;
}

/* The number that branch_call pushed last, 0 when there is none. */
static inline uint32_t branch_pop(struct branch *b)
{
    if (b->depth == 0)
        return 0;
    const uint32_t back = b->returns[b->top];
    b->depth--;
    b->top = b->top ? b->top - 1 : b->return_entries - 1;
    return back;
}

/* Is the target of a taken direct branch known? Afterwards it is. */
static inline int branch_target_known(struct branch *b, uint64_t pc)
{
    if (!b->btb)
        return 1;
    uint64_t *e = &b->btb[(uint32_t)(pc >> 2) & b->btb_mask];
    const int known = *e == pc;
    *e = pc;
    return known;
}

static inline void branch_call(struct branch *b, uint32_t back)
{
    b->top = b->top + 1 == b->return_entries ? 0 : b->top + 1;
    b->returns[b->top] = back;
    b->depth += b->depth < b->return_entries;
}

static inline int branch_return(struct branch *b, uint32_t to)
{
    return b->depth == 0 || branch_pop(b) != to;
}

#endif
