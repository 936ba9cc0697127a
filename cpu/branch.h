/* branch.h - branch prediction: conditional by gshare, indirect by last target, returns by a stack.
 */
#ifndef CPU_BRANCH_H
#define CPU_BRANCH_H

#include <stdint.h>

#include "cpu/core.h"

/*
 * gshare (McFarling, "Combining Branch Predictors", WRL TN-36, 1993): a table of two-bit counters
 * indexed by branch address xor global history; all start weakly not taken. Indirect branches: a
 * direct-mapped table, tagged with the branch address, of the target that was seen last. Returns: a
 * circular stack; what is pushed past its size overwrites the oldest. Targets are block numbers.
 * Not modelled: a branch target buffer for direct branches (they are always predicted), wrong-path
 * effects, aliasing of tags.
 *
 * Each function is told the outcome at once and returns 1 when the prediction was wrong.
 */
struct branch_target {
    uint64_t pc;
    uint32_t to, valid;
};

struct branch {
    uint64_t *btb; /* code addresses of direct branches; NULL: all are known */
    uint32_t btb_mask;
    uint8_t *counters;
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

static inline int branch_cond(struct branch *b, uint64_t pc, int taken)
{
    uint8_t *counter = &b->counters[((uint32_t)(pc >> 2) ^ b->history) & b->mask];
    const int wrong = (*counter >= 2) != taken;
    if (taken)
        *counter = (uint8_t)(*counter + (*counter < 3));
    else
        *counter = (uint8_t)(*counter - (*counter > 0));
    b->history = (b->history << 1 | (uint32_t)taken) & b->mask;
    return wrong;
}

static inline int branch_indirect(struct branch *b, uint64_t pc, uint32_t to)
{
    struct branch_target *t = &b->targets[(uint32_t)(pc >> 2) & b->target_mask];
    const int wrong = !t->valid || t->pc != pc || t->to != to;
    *t = (struct branch_target){pc, to, 1};
    return wrong;
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
    if (b->depth == 0)
        return 1;
    const int wrong = b->returns[b->top] != to;
    b->depth--;
    b->top = b->top ? b->top - 1 : b->return_entries - 1;
    return wrong;
}

#endif
