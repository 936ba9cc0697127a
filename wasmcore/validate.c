/* validate.c - is every function body well-typed? */
#include "wasmcore/validate.h"

#include <stdlib.h>
#include <string.h>

#include "wasmcore/validate_common.h"
#include "wasmcore/validate_ops.h"

/*
 * The algorithm of the specification's appendix: one pass over the instructions, on the stacks of
 * typestack.h. Rows of ops.def other than CTL are checked by their columns alone.
 */

/* ---- parametric instructions, variables, constants, references ---- */

static int check_nop(struct validator *v)
{
    (void)v;
    return 0;
}

static int check_drop(struct validator *v)
{
    return ts_pop(v, VT_NONE);
}

static int check_f32_const(struct validator *v)
{
    return ts_push(v, VT_F32);
}

static int check_f64_const(struct validator *v)
{
    return ts_push(v, VT_F64);
}

/* select without a type: two operands of one type that is no reference. */
static int check_select(struct validator *v)
{
    uint8_t a, b;
    if (ts_pop(v, VT_I32) || ts_pop_any(v, &b) || ts_pop_any(v, &a))
        return -1;
    if (reftype_known(a) || reftype_known(b))
        return FAIL(v, "type mismatch: select of references needs a type");
    if (a != b && a != VT_NONE && b != VT_NONE)
        return ts_mismatch(v, a, b);
    return ts_push(v, a == VT_NONE ? b : a);
}

static int check_select_t(struct validator *v)
{
    uint32_t n = v->op.x;
    uint8_t type = v->op.type;
    if (n != 1)
        return FAIL(v, "invalid result arity: select with %u types", n);
    if (!valtype_known(type))
        return wasm_bad_type(v->err, &v->r, validator_at(v), type, "value");
    if (ts_pop(v, VT_I32) || ts_pop(v, type) || ts_pop(v, type))
        return -1;
    return ts_push(v, type);
}

/* The run of locals that a local is in, by halving. */
uint8_t local_type(const struct validator *v, uint32_t index)
{
    uint32_t lo = 0, hi = v->f->nruns - 1;
    if (index < v->type->nparams)
        return v->type->types[index];
    index -= v->type->nparams;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (index < v->run_ends[mid])
            hi = mid;
        else
            lo = mid + 1;
    }
    return v->f->runs[lo].type;
}

void no_such_local(struct validator *v)
{
    (void)FAIL(v, "unknown local %u: there are %u", v->op.x, v->nlocals);
}

static int check_global(struct validator *v)
{
    uint32_t index = v->op.x;
    if (index >= v->m->nglobals)
        return FAIL(v, "unknown global %u: there are %u", index, v->m->nglobals);
    struct global_type g = v->m->globals[index].type;
    if (v->op.code == WOP_global_get)
        return ts_push(v, g.type);
    if (!g.mutable)
        return FAIL(v, "global is immutable: global.set %u", index);
    return ts_pop(v, g.type);
}

static int check_ref_null(struct validator *v)
{
    uint8_t type = v->op.type;
    if (!reftype_known(type))
        return wasm_bad_null(v->err, &v->r, validator_at(v) + 1, type);
    return ts_push(v, type);
}

static int check_ref_is_null(struct validator *v)
{
    uint8_t type;
    if (ts_pop_any(v, &type))
        return -1;
    if (type != VT_NONE && !reftype_known(type))
        return FAIL(v, "type mismatch: ref.is_null needs a reference, found %s",
                    valtype_name(type));
    return ts_push(v, VT_I32);
}

static int check_ref_func(struct validator *v)
{
    uint32_t index = v->op.x;
    if (index >= v->m->nfuncs)
        return FAIL(v, "unknown function %u: there are %u", index, v->m->nfuncs);
    if (!(v->m->func_declared[index >> 3] >> (index & 7) & 1))
        return FAIL(v,
                    "undeclared function reference: function %u is in no element segment, "
                    "export or global",
                    index);
    return ts_push(v, VT_FUNCREF);
}

/* ---- all of them ---- */

static int check_unknown(struct validator *v)
{
    const uint32_t op = v->op.code;
    const char *feature = op_feature(op, v->r.base + validator_at(v), v->r.end);
    if (feature)
        return FAIL(v, "illegal opcode 0x%02x (%s): not supported", op, feature);
    return FAIL(v, "illegal opcode 0x%02x", op);
}

/* Codes of one byte and with prefix 0xfc: rows of ops.def by their macro, CTL rows one by one.
 * NULL: there is no such operator. */
static check_fn *const checks[0x100 + OP_ROWS_FC] = {
#define UN(code, id, ...)    [OP_ROW(code)] = check_unary,
#define UNT(code, id, ...)   [OP_ROW(code)] = check_unary,
#define BIN(code, id, ...)   [OP_ROW(code)] = check_binary,
#define BINT(code, id, ...)  [OP_ROW(code)] = check_binary,
#define CMP(code, id, ...)   [OP_ROW(code)] = check_binary,
#define LOAD(code, id, ...)  [OP_ROW(code)] = check_load,
#define STORE(code, id, ...) [OP_ROW(code)] = check_store,
#include "wasmcore/ops.def"
    [OP_ROW(WOP_unreachable)] = check_unreachable,
    [OP_ROW(WOP_nop)] = check_nop,
    [OP_ROW(WOP_block)] = check_block,
    [OP_ROW(WOP_loop)] = check_block,
    [OP_ROW(WOP_op_if)] = check_block,
    [OP_ROW(WOP_op_else)] = check_else,
    [OP_ROW(WOP_end)] = check_end,
    [OP_ROW(WOP_br)] = check_br,
    [OP_ROW(WOP_br_if)] = check_br,
    [OP_ROW(WOP_br_table)] = check_br_table,
    [OP_ROW(WOP_op_return)] = check_return,
    [OP_ROW(WOP_call)] = check_call,
    [OP_ROW(WOP_return_call)] = check_call,
    [OP_ROW(WOP_call_indirect)] = check_call_indirect,
    [OP_ROW(WOP_return_call_indirect)] = check_call_indirect,
    [OP_ROW(WOP_drop)] = check_drop,
    [OP_ROW(WOP_select)] = check_select,
    [OP_ROW(WOP_select_t)] = check_select_t,
    [OP_ROW(WOP_local_get)] = check_local_get,
    [OP_ROW(WOP_local_set)] = check_local_set,
    [OP_ROW(WOP_local_tee)] = check_local_tee,
    [OP_ROW(WOP_global_get)] = check_global,
    [OP_ROW(WOP_global_set)] = check_global,
    [OP_ROW(WOP_i32_const)] = check_i32_const,
    [OP_ROW(WOP_i64_const)] = check_i64_const,
    [OP_ROW(WOP_f32_const)] = check_f32_const,
    [OP_ROW(WOP_f64_const)] = check_f64_const,
    [OP_ROW(WOP_ref_null)] = check_ref_null,
    [OP_ROW(WOP_ref_is_null)] = check_ref_is_null,
    [OP_ROW(WOP_ref_func)] = check_ref_func,
    [OP_ROW(WOP_memory_size)] = check_memory,
    [OP_ROW(WOP_memory_grow)] = check_memory,
    [OP_ROW(WOP_memory_fill)] = check_memory,
    [OP_ROW(WOP_memory_copy)] = check_memory_copy,
    [OP_ROW(WOP_memory_init)] = check_memory_init,
    [OP_ROW(WOP_data_drop)] = check_data_drop,
    [OP_ROW(WOP_table_get)] = check_table,
    [OP_ROW(WOP_table_set)] = check_table,
    [OP_ROW(WOP_table_size)] = check_table,
    [OP_ROW(WOP_table_grow)] = check_table,
    [OP_ROW(WOP_table_fill)] = check_table,
    [OP_ROW(WOP_table_init)] = check_table_move,
    [OP_ROW(WOP_table_copy)] = check_table_move,
    [OP_ROW(WOP_elem_drop)] = check_elem_drop,
};

static check_fn *prefixed(const struct op *o)
{
    if (o->info->kind == OPK_NO_OP)
        return NULL;
    if (o->code >= OP_SIMD)
        return check_simd;
    if (o->code < 0xfe00)
        return checks[OP_ROW(o->code)];
    if (o->info->kind != OPK_CTL)
        return check_atomic;
    return o->code == WOP_atomic_fence ? check_fence : check_wait;
}

static inline check_fn *check_of(const struct op *o)
{
    check_fn *check = o->code < 0x100 ? checks[o->code] : prefixed(o);
    return check ? check : check_unknown;
}

/* ---- bodies ---- */

/* The types of the first locals, where they are found at once. */
static void near_locals(struct validator *v)
{
    const uint32_t most = sizeof(v->near_locals);
    uint32_t n = v->type->nparams < most ? v->type->nparams : most;
    if (n > 0)
        memcpy(v->near_locals, v->type->types, n);
    for (uint32_t i = 0; i < v->f->nruns && n < most; i++) {
        const struct local_run *run = &v->f->runs[i];
        const uint32_t more = run->count < most - n ? run->count : most - n;
        memset(v->near_locals + n, run->type, more);
        n += more;
    }
    v->nnear = n;
}

static int begin_locals(struct validator *v)
{
    uint32_t end = 0;
    uint32_t *ends = ts_grow(v->run_ends, &v->runs_cap, v->f->nruns, sizeof *ends);
    if (!ends)
        return FAIL(v, "out of memory");
    v->run_ends = ends;
    for (uint32_t i = 0; i < v->f->nruns; i++)
        v->run_ends[i] = end += v->f->runs[i].count;
    v->nlocals = v->type->nparams + v->f->nlocals;
    near_locals(v);
    return 0;
}

int validate_begin(struct validator *v, struct function *f)
{
    v->f = f;
    v->type = &v->m->types[f->type];
    v->r = reader_of(v->m->bytes, f->body, f->body_end);
    v->op.at = v->m->bytes + f->body;
    v->nvals = v->nframes = v->br_tables = 0;
    f->max_height = f->max_depth = 0;
    const struct functype results = {0, v->type->nresults, v->type->types + v->type->nparams};
    return begin_locals(v) ? -1 : ts_push_frame(v, WOP_block, &results);
}

static int next_long_op(struct validator *v, const uint8_t *at)
{
    v->r.at = at;
    if (v->r.at == v->r.end)
        return FAIL(v, "unexpected end of section or function: END opcode expected");
    op_read(&v->op, &v->r, v->m);
    return v->r.error ? FAIL(v, "unexpected end of section or function") : 0;
}

static inline int next_op(struct validator *v)
{
    const uint8_t *const at = v->r.at;
    v->op.at = at;
    if (v->r.end - at < SHORT_BYTES || !(v->r.at = op_read_short(&v->op, at)))
        return next_long_op(v, at);
    return 0;
}

int validate_is_open(const struct validator *v)
{
    return v->nframes > 0;
}

int validate_next(struct validator *v)
{
    return next_op(v) || check_of(&v->op)(v) ? -1 : 0;
}

const struct op *validator_op(const struct validator *v)
{
    return &v->op;
}

int validate_finish(struct validator *v)
{
    v->op.at = v->r.at;
    if (v->r.at != v->r.end)
        return FAIL(v, "END opcode expected: %u bytes follow the end of the function",
                    reader_left(&v->r));
    return 0;
}

static int validate_body(struct validator *v, struct function *f)
{
    int rc = validate_begin(v, f);
    while (rc == 0 && validate_is_open(v))
        rc = validate_next(v);
    return rc ? rc : validate_finish(v);
}

struct validator *validator_new(struct module *m, const struct wasm_limits *limits,
                                struct wasm_error *err)
{
    struct validator *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->m = m;
    v->lim = limits ? limits : &wasm_default_limits;
    v->err = err;
    return v;
}

void validator_free(struct validator *v)
{
    if (!v)
        return;
    free(v->vals);
    free(v->frames);
    free(v->run_ends);
    free(v);
}

int module_validate(struct module *m, const struct wasm_limits *limits, struct wasm_error *err)
{
    struct validator *v = validator_new(m, limits, err);
    int rc = 0;
    if (!v) {
        *err = (struct wasm_error){0, "out of memory"};
        return -1;
    }
    for (uint32_t i = m->nimported[EXT_FUNC]; i < m->nfuncs && rc == 0; i++)
        rc = validate_body(v, &m->funcs[i]);
    validator_free(v);
    return rc;
}
