/* follow.h - where the last block's end has led to, and whether that was predicted. */
#ifndef CPU_FOLLOW_H
#define CPU_FOLLOW_H

#include "cpu/hart.h"

/* What the front end has to do about it. */
enum follow {
    FOLLOW_RIGHT,
    FOLLOW_WRONG,    /* mispredicted: refill from when the branch is resolved */
    FOLLOW_TARGET,   /* so was an indirect branch */
    FOLLOW_RETPOLINE /* not predicted at all: boundary.retpoline_cycles from then on */
};

/* Cycles of the refill after each of these but FOLLOW_RIGHT, and the part of the CPI stack. */
static inline uint32_t follow_refill(const struct core *c, enum follow f, uint32_t mispredict,
                                     uint32_t indirect, enum cpi_part *part)
{
    *part = f == FOLLOW_RETPOLINE ? CPI_BOUNDARY : CPI_BRANCH;
    if (f == FOLLOW_RETPOLINE)
        return c->boundary.retpoline_cycles;
    return f == FOLLOW_WRONG ? mispredict : indirect;
}

/* Did block `id` come by a branch that was taken? */
static inline int follow_taken(const struct ending *e, uint32_t id)
{
    switch (e->end) {
    case END_COND:
        return id == e->taken;
    case END_FALL:
    case END_HOST:
    case END_TRAP:
    case END_UNKNOWN:
        return 0;
    default:
        return 1;
    }
}

static inline enum follow follow_predicted(struct core *c, int wrong)
{
    c->n.branches++;
    c->n.mispredictions += (uint64_t)wrong;
    if (unlikely(c->shadow != NULL) && c->roi && !c->kernel_side && !c->ending.kernel_side) {
        c->n.polluted_branches += wrong && !c->shadow->wrong;
        c->n.helped_branches += !wrong && c->shadow->wrong;
    }
    return wrong ? FOLLOW_WRONG : FOLLOW_RIGHT;
}

static inline enum follow follow_indirect(struct core *c, uint32_t to)
{
    const struct ending *e = &c->ending;
    if (e->kernel_side && c->boundary.retpoline && c->boundary.kind == BOUNDARY_TRAP)
        return FOLLOW_RETPOLINE;
    const int wrong = branch_indirect(&c->branch, e->pc, to);
    return follow_predicted(c, wrong) == FOLLOW_RIGHT ? FOLLOW_RIGHT : FOLLOW_TARGET;
}

static inline enum follow follow_call(struct core *c, uint32_t id, const struct block *b)
{
    const struct ending *e = &c->ending;
    enum follow f = FOLLOW_RIGHT;
    profile_call(c->profile, b->func, c->cycle);
    if (e->crossed)
        return f;
    if (e->end == END_CALL_INDIRECT)
        f = follow_indirect(c, id);
    branch_call(&c->branch, e->next);
    return f;
}

/* The predictor's stack of return addresses stays as it is. */
static inline enum follow follow_tail(struct core *c, uint32_t id, const struct block *b)
{
    profile_tail(c->profile, b->func, c->cycle);
    return c->ending.end == END_TAIL_INDIRECT && !c->ending.crossed ? follow_indirect(c, id)
                                                                    : FOLLOW_RIGHT;
}

static inline enum follow follow_return(struct core *c, uint32_t id, const struct block *b)
{
    profile_return(c->profile, b->func, c->cycle);
    return c->ending.crossed ? FOLLOW_RIGHT : follow_predicted(c, branch_return(&c->branch, id));
}

static inline enum follow follow_end(struct core *c, uint32_t id, const struct block *b)
{
    const struct ending *e = &c->ending;
    enum follow f = FOLLOW_RIGHT;
    if (unlikely(c->shadow != NULL) && !c->kernel_side && !e->kernel_side)
        shadow_branch(c, id);
    switch (e->end) {
    case END_COND:
        f = follow_predicted(c, branch_cond(&c->branch, e->pc, e->backward, id == e->taken));
        break;
    case END_TABLE:
        f = follow_indirect(c, id);
        break;
    case END_CALL:
    case END_CALL_INDIRECT:
        return follow_call(c, id, b);
    case END_RETURN:
        return follow_return(c, id, b);
    case END_TAIL:
    case END_TAIL_INDIRECT:
        return follow_tail(c, id, b);
    case END_TRAP:
    case END_UNKNOWN:
        profile_start(c->profile, b->func, c->cycle);
        return f;
    default:
        break;
    }
    if (unlikely(b->func != e->func))
        profile_start(c->profile, b->func, c->cycle);
    return f;
}

/* Block `id` is the current thread's next: count, predict, learn, and tell the profile. */
static inline enum follow core_follow(struct core *c, uint32_t id, const struct block *b)
{
    const enum follow f = follow_end(c, id, b);
    if (unlikely(c->branch.by_branches) && !c->ending.crossed && follow_taken(&c->ending, id))
        branch_passed(&c->branch, c->ending.place);
    return f;
}

#endif
