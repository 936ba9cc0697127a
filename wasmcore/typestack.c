/* typestack.c - the stacks of operand types and of open blocks that validation works on. */
#include "wasmcore/typestack.h"

#include <stdlib.h>
#include <string.h>

void *ts_grow(void *array, uint32_t *cap, uint32_t n, size_t size)
{
    void *grown;
    if (array && n <= *cap)
        return array;
    n = n < 64 ? 64 : n + n / 2;
    grown = realloc(array, n * size);
    if (grown)
        *cap = n;
    return grown;
}

static int more_vals(struct validator *v, uint32_t n)
{
    if (n > v->lim->operands - v->nvals)
        return FAIL(v, "too many operands on the stack: the limit is %u", v->lim->operands);
    uint8_t *vals = ts_grow(v->vals, &v->vals_cap, v->nvals + n, 1);
    if (!vals)
        return FAIL(v, "out of memory");
    v->vals = vals;
    if (v->vals_cap > v->lim->operands)
        v->vals_cap = v->lim->operands;
    return 0;
}

/* There is never more room for operands than there may be operands. */
int ts_push_n(struct validator *v, const uint8_t *types, uint32_t n)
{
    if (n == 0)
        return 0;
    if (n > v->vals_cap - v->nvals && more_vals(v, n))
        return -1;
    if (n == 1)
        v->vals[v->nvals] = *types;
    else
        memcpy(v->vals + v->nvals, types, n);
    v->nvals += n;
    if (v->nvals > v->f->max_height)
        v->f->max_height = v->nvals;
    return 0;
}

int ts_mismatch(struct validator *v, uint8_t want, uint8_t got)
{
    return FAIL(v, "type mismatch: %s needs %s, found %s", op_name(v->op.code), valtype_name(want),
                valtype_name(got));
}

/* A pop that does not find just what it wants on top. */
int ts_pop_odd(struct validator *v, uint8_t want)
{
    uint8_t type;
    if (ts_pop_any(v, &type))
        return -1;
    if (type != want && type != VT_NONE && want != VT_NONE)
        return ts_mismatch(v, want, type);
    return 0;
}

/* Are the topmost n operands exactly these? What cannot be said at a glance is said by the slow
 * way. Branches and calls with a thousand values are a few bytes: at a glance, or validation would
 * take a thousand times as long for each of those bytes. */
static int top_is(const struct validator *v, const uint8_t *types, uint32_t n)
{
    return n <= v->nvals - v->floor && n > 1 && memcmp(v->vals + v->nvals - n, types, n) == 0;
}

int ts_pop_n(struct validator *v, const uint8_t *types, uint32_t n)
{
    if (n == 0)
        return 0;
    if (top_is(v, types, n)) {
        v->nvals -= n;
        return 0;
    }
    const struct open_block *top = ts_top_frame(v);
    while (n > 0 && !(top->unreachable && v->nvals == top->height))
        if (ts_pop(v, types[--n]))
            return -1;
    return 0;
}

int ts_check_top(struct validator *v, const uint8_t *types, uint32_t n)
{
    const struct open_block *top = ts_top_frame(v);
    uint32_t have = v->nvals - top->height;
    if (top_is(v, types, n))
        return 0;
    if (have < n && !top->unreachable)
        return FAIL(v, "type mismatch: %s needs %u values, the stack has %u", op_name(v->op.code),
                    n, have);
    for (uint32_t i = 0; i < n && i < have; i++) {
        uint8_t type = v->vals[v->nvals - 1 - i], want = types[n - 1 - i];
        if (type != want && type != VT_NONE)
            return ts_mismatch(v, want, type);
    }
    return 0;
}

/* There are never more places for open blocks than there may be open blocks. */
static int more_frames(struct validator *v)
{
    const uint32_t most = v->lim->block_depth + 1;
    if (v->nframes >= most)
        return FAIL(v, "blocks nested too deep: the limit is %u", v->lim->block_depth);
    void *frames = ts_grow(v->frames, &v->frames_cap, v->nframes + 1, sizeof *v->frames);
    if (!frames)
        return FAIL(v, "out of memory");
    v->frames = frames;
    if (v->frames_cap > most)
        v->frames_cap = most;
    return 0;
}

static inline void put_frame(struct validator *v, uint32_t op, const struct functype *t)
{
    struct open_block *const f = &v->frames[v->nframes++];
    f->params = t->types;
    f->results = t->types + t->nparams;
    f->nparams = t->nparams;
    f->nresults = t->nresults;
    f->height = v->floor = v->nvals;
    f->seen = 0;
    f->op = (uint16_t)op;
    f->unreachable = 0;
    if (v->nframes > v->f->max_depth)
        v->f->max_depth = v->nframes;
}

/* Apart, so that what is usual has nothing to keep. */
static __attribute__((noinline)) int push_more(struct validator *v, uint32_t op,
                                               const struct functype *t)
{
    if (more_frames(v))
        return -1;
    put_frame(v, op, t);
    return 0;
}

int ts_push_frame(struct validator *v, uint32_t op, const struct functype *t)
{
    if (v->nframes == v->frames_cap)
        return push_more(v, op, t);
    put_frame(v, op, t);
    return 0;
}

int ts_pop_frame(struct validator *v)
{
    const struct open_block *top = ts_top_frame(v);
    if (ts_pop_few(v, top->results, top->nresults))
        return -1;
    if (v->nvals != top->height)
        return FAIL(v, "type mismatch: %u values remain on the stack at the end of the block",
                    v->nvals - top->height);
    v->nframes--;
    v->floor = v->nframes > 0 ? ts_top_frame(v)->height : 0;
    return 0;
}

void ts_set_unreachable(struct validator *v)
{
    struct open_block *top = ts_top_frame(v);
    v->nvals = top->height;
    top->unreachable = 1;
}

int ts_pop_empty(struct validator *v)
{
    return FAIL(v, "type mismatch: %s needs a value, the stack is empty", op_name(v->op.code));
}
