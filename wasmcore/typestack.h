/* typestack.h - the stacks of operand types and of open blocks that validation works on. */
#ifndef WASMCORE_TYPESTACK_H
#define WASMCORE_TYPESTACK_H

#include "wasmcore/operator.h"

/*
 * Private to validation and lower_body.c. Past an unconditional branch the rest of its block is
 * unreachable: what is popped below the block's height there has any type, VT_NONE. Both stacks are
 * kept from function to function and grow with what bodies need, within the limits. Functions
 * return 0, or -1 with the error set.
 *
 * Invariant: nvals >= floor == ts_top_frame(v)->height, while a block is open.
 */
struct open_block {
    const uint8_t *params, *results;
    uint32_t nparams, nresults;
    uint32_t height; /* of the operand stack beneath the block's parameters */
    uint32_t seen;   /* number of the last br_table that was checked against this label */
    uint16_t op;
    uint8_t unreachable;
};

/* What most operators touch comes first: see struct builder. */
struct validator {
    uint8_t *vals;
    uint32_t nvals, floor;
    struct function *f;
    struct module *m;
    uint32_t nnear, nlocals;
    struct open_block *frames;
    uint32_t nframes, frames_cap;
    struct op op; /* under way */
    struct reader r;
    const struct wasm_limits *lim;
    struct wasm_error *err;
    const struct functype *type; /* of f */
    uint32_t *run_ends;          /* for each run of locals: locals up to its end */
    uint32_t runs_cap, vals_cap;
    uint8_t near_locals[64]; /* types of the first nnear locals, parameters included */
    uint32_t br_tables;
};

/* Offset of the operator under way. */
static inline uint32_t validator_at(const struct validator *v)
{
    return (uint32_t)(v->op.at - v->r.base);
}

#define FAIL(v, ...) (wasm_fail((v)->err, &(v)->r, validator_at(v), __VA_ARGS__), -1)

/* An array of cap elements, moved if it has to be to hold n; NULL when the host has no memory: then
 * the array is where it was. */
void *ts_grow(void *array, uint32_t *cap, uint32_t n, size_t size);

static inline struct open_block *ts_top_frame(const struct validator *v)
{
    return &v->frames[v->nframes - 1];
}

__attribute__((cold)) int ts_mismatch(struct validator *v, uint8_t want, uint8_t got);
__attribute__((cold)) int
ts_pop_empty(struct validator *v); /* fails: no value where there must be one */

int ts_push_n(struct validator *v, const uint8_t *types, uint32_t n);
/* The types in their order on the stack: the last is popped first. */
int ts_pop_n(struct validator *v, const uint8_t *types, uint32_t n);
/* Are the topmost operands of these types? They stay. */
int ts_check_top(struct validator *v, const uint8_t *types, uint32_t n);

int ts_push_frame(struct validator *v, uint32_t op, const struct functype *t);
/* The end of a block, or of an if's first half: its results and nothing else are there. */
int ts_pop_frame(struct validator *v);
void ts_set_unreachable(struct validator *v);

static inline int ts_push(struct validator *v, uint8_t type)
{
    if (v->nvals < v->f->max_height) { /* the stack was as high before */
        v->vals[v->nvals++] = type;
        return 0;
    }
    return ts_push_n(v, &type, 1);
}

static inline int ts_pop_any(struct validator *v, uint8_t *type)
{
    if (v->nvals > v->floor) {
        *type = v->vals[--v->nvals];
        return 0;
    }
    *type = VT_NONE;
    return ts_top_frame(v)->unreachable ? 0 : ts_pop_empty(v);
}

/* The topmost operand is of that type: it must be there. */
static inline int ts_is_top(const struct validator *v, uint8_t type)
{
    return __builtin_expect(v->nvals > v->floor && v->vals[v->nvals - 1] == type, 1);
}

int ts_pop_odd(struct validator *v, uint8_t want);
/* want VT_NONE: of any type. */
static inline int ts_pop(struct validator *v, uint8_t want)
{
    if (!ts_is_top(v, want))
        return ts_pop_odd(v, want);
    v->nvals--;
    return 0;
}

/* Pop one, push another. */
static inline int ts_replace(struct validator *v, uint8_t want, uint8_t type)
{
    if (!ts_is_top(v, want))
        return ts_pop_odd(v, want) || ts_push(v, type) ? -1 : 0;
    v->vals[v->nvals - 1] = type;
    return 0;
}

/* ts_pop_n and ts_push_n where there are seldom more than one. */
static inline int ts_pop_few(struct validator *v, const uint8_t *types, uint32_t n)
{
    return n == 0 ? 0 : n == 1 ? ts_pop(v, *types) : ts_pop_n(v, types, n);
}

static inline int ts_push_few(struct validator *v, const uint8_t *types, uint32_t n)
{
    return n == 0 ? 0 : n == 1 ? ts_push(v, *types) : ts_push_n(v, types, n);
}

/* What a branch to a label takes along. */
static inline void ts_label_types(const struct open_block *f, const uint8_t **types, uint32_t *n)
{
    int loop = f->op == WOP_loop;
    *types = loop ? f->params : f->results;
    *n = loop ? f->nparams : f->nresults;
}

#endif
