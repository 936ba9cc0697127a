/* validate.c - is every function body well-typed? */
#include "wasmcore/module.h"

#include <stdlib.h>
#include <string.h>

#include "wasmcore/memarg.h"
#include "wasmcore/ops.h"
#include "wasmcore/reader.h"
#include "wasmcore/typestack.h"

/*
 * The algorithm of the specification's appendix: one pass over the instructions, on the stacks of
 * typestack.h. Rows of ops.def other than CTL are checked by their columns alone. Each function
 * returns 0, or -1 with the error set.
 */

/* ---- blocks ---- */

static struct open_block *read_label(struct validator *v)
{
    uint32_t depth = reader_u32(&v->r);
    if (v->r.error || depth >= v->nframes) {
        (void)FAIL(v, "unknown label %u: %u blocks are open", depth, v->nframes);
        return NULL;
    }
    return &v->frames[v->nframes - 1 - depth];
}

static int read_block_type(struct validator *v, struct functype *t)
{
    /* single results point in here */
    static const uint8_t types[] = {VT_I32,  VT_I64,     VT_F32,      VT_F64,
                                    VT_V128, VT_FUNCREF, VT_EXTERNREF};
    int64_t b = reader_block_type(&v->r);
    if (b >= 0) {
        if (v->r.error || b >= v->m->ntypes)
            return FAIL(v, "unknown type %lld of a block: there are %u", (long long)b,
                        v->m->ntypes);
        *t = v->m->types[b];
        return 0;
    }
    *t = (struct functype){0, 0, types};
    if (b == BLOCK_EMPTY)
        return 0;
    const uint8_t *p = memchr(types, BLOCK_VALUE_TYPE(b), sizeof types);
    if (!p)
        return wasm_bad_type(v->err, &v->r, v->at + 1, BLOCK_VALUE_TYPE(b), "value");
    if (*p == VT_V128)
        v->m->has_v128 = 1;
    *t = (struct functype){0, 1, p};
    return 0;
}

static int op_block(struct validator *v, uint32_t op)
{
    struct functype t;
    if (read_block_type(v, &t))
        return -1;
    if (op == WOP_op_if && ts_pop(v, VT_I32))
        return -1;
    if (ts_pop_n(v, t.types, t.nparams) || ts_push_frame(v, op, &t))
        return -1;
    return ts_push_n(v, t.types, t.nparams);
}

static int op_else(struct validator *v)
{
    struct open_block f = *ts_top_frame(v);
    if (f.op != WOP_op_if)
        return FAIL(v, "END opcode expected: an else without an if");
    if (ts_pop_frame(v))
        return -1;
    v->nframes++; /* it is still there, to be used again */
    struct open_block *top = ts_top_frame(v);
    top->op = WOP_op_else;
    top->unreachable = 0;
    top->seen = 0;
    return ts_push_n(v, f.params, f.nparams);
}

static int op_end(struct validator *v)
{
    struct open_block f = *ts_top_frame(v);
    if (ts_pop_frame(v))
        return -1;
    if (f.op == WOP_op_if &&
        (f.nparams != f.nresults || memcmp(f.params, f.results, f.nparams) != 0))
        return FAIL(v, "type mismatch: an if without else must return the values that it takes");
    return v->nframes > 0 ? ts_push_n(v, f.results, f.nresults) : 0;
}

/* ---- branches and calls ---- */

static int op_br(struct validator *v, uint32_t op)
{
    const struct open_block *label = read_label(v);
    const uint8_t *types;
    uint32_t n;
    if (!label || (op == WOP_br_if && ts_pop(v, VT_I32)))
        return -1;
    ts_label_types(label, &types, &n);
    if (ts_pop_n(v, types, n))
        return -1;
    if (op == WOP_br_if)
        return ts_push_n(v, types, n);
    ts_set_unreachable(v);
    return 0;
}

/* The labels of a br_table all take the same number of values; a label is checked once however
 * often it is named. */
static int op_br_table(struct validator *v)
{
    uint32_t count = reader_u32(&v->r), arity = 0;
    if (v->r.error || count > reader_left(&v->r))
        return FAIL(v, "unexpected end of section or function: br_table with %u labels", count);
    if (count > v->lim->br_table)
        return FAIL(v, "too many labels of br_table: %u, the limit is %u", count, v->lim->br_table);
    if (ts_pop(v, VT_I32))
        return -1;
    v->br_tables++;
    for (uint32_t i = 0; i <= count; i++) {
        struct open_block *label = read_label(v);
        const uint8_t *types;
        uint32_t n;
        if (!label)
            return -1;
        if (label->seen == v->br_tables)
            continue;
        label->seen = v->br_tables;
        ts_label_types(label, &types, &n);
        if (i > 0 && n != arity)
            return FAIL(v, "type mismatch: labels of br_table take %u and %u values", arity, n);
        arity = n;
        if (ts_check_top(v, types, n))
            return -1;
    }
    ts_set_unreachable(v);
    return 0;
}

static int op_return(struct validator *v)
{
    const struct open_block *f = &v->frames[0];
    if (ts_pop_n(v, f->results, f->nresults))
        return -1;
    ts_set_unreachable(v);
    return 0;
}

static int call_type(struct validator *v, const struct functype *t)
{
    if (ts_pop_n(v, t->types, t->nparams))
        return -1;
    return ts_push_n(v, t->types + t->nparams, t->nresults);
}

/* A tail call: the callee's results are the function's own. */
static int tail_call_type(struct validator *v, const struct functype *t)
{
    const struct open_block *f = &v->frames[0];
    if (t->nresults != f->nresults || memcmp(t->types + t->nparams, f->results, t->nresults) != 0)
        return FAIL(v, "type mismatch: %s of a function with other results", v->info->name);
    if (ts_pop_n(v, t->types, t->nparams))
        return -1;
    ts_set_unreachable(v);
    return 0;
}

static int op_call(struct validator *v, uint32_t op)
{
    uint32_t index = reader_u32(&v->r);
    if (v->r.error || index >= v->m->nfuncs)
        return FAIL(v, "unknown function %u: there are %u", index, v->m->nfuncs);
    const struct functype *t = &v->m->types[v->m->funcs[index].type];
    return op == WOP_call ? call_type(v, t) : tail_call_type(v, t);
}

/* A table's index; its element type goes to *elem. */
static int read_table(struct validator *v, uint8_t *elem)
{
    uint32_t index = reader_u32(&v->r);
    if (v->r.error || index >= v->m->ntables)
        return FAIL(v, "unknown table %u: there are %u", index, v->m->ntables);
    *elem = v->m->tables[index].elem;
    return 0;
}

static int op_call_indirect(struct validator *v, uint32_t op)
{
    uint32_t index = reader_u32(&v->r);
    uint8_t elem;
    if (read_table(v, &elem))
        return -1;
    if (index >= v->m->ntypes)
        return FAIL(v, "unknown type %u: there are %u", index, v->m->ntypes);
    if (elem != VT_FUNCREF)
        return FAIL(v, "type mismatch: %s through a table of %s", v->info->name,
                    valtype_name(elem));
    if (ts_pop(v, VT_I32))
        return -1;
    const struct functype *t = &v->m->types[index];
    return op == WOP_call_indirect ? call_type(v, t) : tail_call_type(v, t);
}

static int control(struct validator *v, uint32_t op)
{
    switch (op) {
    case WOP_unreachable:
        ts_set_unreachable(v);
        return 0;
    case WOP_nop:
        return 0;
    case WOP_block:
    case WOP_loop:
    case WOP_op_if:
        return op_block(v, op);
    case WOP_op_else:
        return op_else(v);
    case WOP_end:
        return op_end(v);
    case WOP_br:
    case WOP_br_if:
        return op_br(v, op);
    case WOP_br_table:
        return op_br_table(v);
    case WOP_op_return:
        return op_return(v);
    case WOP_call:
    case WOP_return_call:
        return op_call(v, op);
    default:
        return op_call_indirect(v, op);
    }
}

/* ---- parametric instructions, variables, constants, references ---- */

/* select without a type: two operands of one type that is no reference. */
static int op_select(struct validator *v)
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

static int op_select_t(struct validator *v)
{
    uint32_t n = reader_u32(&v->r);
    uint8_t type = reader_u8(&v->r);
    if (v->r.error || n != 1)
        return FAIL(v, "invalid result arity: select with %u types", n);
    if (!valtype_known(type))
        return wasm_bad_type(v->err, &v->r, v->at, type, "value");
    if (ts_pop(v, VT_I32) || ts_pop(v, type) || ts_pop(v, type))
        return -1;
    return ts_push(v, type);
}

/* The run of locals that a local is in, by halving. */
static uint8_t local_type(const struct validator *v, uint32_t index)
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

static int op_local(struct validator *v, uint32_t op)
{
    uint32_t index = reader_u32(&v->r), n = v->type->nparams + v->f->nlocals;
    if (v->r.error || index >= n)
        return FAIL(v, "unknown local %u: there are %u", index, n);
    uint8_t type = local_type(v, index);
    if (op != WOP_local_get && ts_pop(v, type))
        return -1;
    return op != WOP_local_set ? ts_push(v, type) : 0;
}

static int op_global(struct validator *v, uint32_t op)
{
    uint32_t index = reader_u32(&v->r);
    if (v->r.error || index >= v->m->nglobals)
        return FAIL(v, "unknown global %u: there are %u", index, v->m->nglobals);
    struct global_type g = v->m->globals[index].type;
    if (op == WOP_global_get)
        return ts_push(v, g.type);
    if (!g.mutable)
        return FAIL(v, "global is immutable: global.set %u", index);
    return ts_pop(v, g.type);
}

static int op_const(struct validator *v, uint32_t op)
{
    switch (op) {
    case WOP_i32_const:
        reader_s32(&v->r);
        return ts_push(v, VT_I32);
    case WOP_i64_const:
        reader_s64(&v->r);
        return ts_push(v, VT_I64);
    case WOP_f32_const:
        reader_f32(&v->r);
        return ts_push(v, VT_F32);
    default:
        reader_f64(&v->r);
        return ts_push(v, VT_F64);
    }
}

static int op_ref_null(struct validator *v)
{
    uint8_t type = reader_u8(&v->r);
    if (!reftype_known(type))
        return wasm_bad_type(v->err, &v->r, v->at + 1, type, "reference");
    return ts_push(v, type);
}

static int op_ref_is_null(struct validator *v)
{
    uint8_t type;
    if (ts_pop_any(v, &type))
        return -1;
    if (type != VT_NONE && !reftype_known(type))
        return FAIL(v, "type mismatch: ref.is_null needs a reference, found %s",
                    valtype_name(type));
    return ts_push(v, VT_I32);
}

static int op_ref_func(struct validator *v)
{
    uint32_t index = reader_u32(&v->r);
    if (v->r.error || index >= v->m->nfuncs)
        return FAIL(v, "unknown function %u: there are %u", index, v->m->nfuncs);
    if (!(v->m->func_declared[index >> 3] >> (index & 7) & 1))
        return FAIL(v,
                    "undeclared function reference: function %u is in no element segment, "
                    "export or global",
                    index);
    return ts_push(v, VT_FUNCREF);
}

/* ---- tables ---- */

static int check_elem_index(struct validator *v, uint32_t index, uint8_t *type)
{
    if (v->r.error || index >= v->m->nelems)
        return FAIL(v, "unknown elem segment %u: there are %u", index, v->m->nelems);
    *type = v->m->elems[index].type;
    return 0;
}

/* init and copy: both element types are the same; three i32 operands. */
static int op_table_move(struct validator *v, uint32_t op)
{
    uint8_t to, from;
    if (op == WOP_table_copy) {
        if (read_table(v, &to) || read_table(v, &from))
            return -1;
    } else {
        uint32_t segment = reader_u32(&v->r);
        if (read_table(v, &to) || check_elem_index(v, segment, &from))
            return -1;
    }
    if (to != from)
        return FAIL(v, "type mismatch: %s of %s into a table of %s", v->info->name,
                    valtype_name(from), valtype_name(to));
    return ts_pop(v, VT_I32) || ts_pop(v, VT_I32) || ts_pop(v, VT_I32) ? -1 : 0;
}

static int op_table(struct validator *v, uint32_t op)
{
    uint8_t elem;
    if (op == WOP_elem_drop)
        return check_elem_index(v, reader_u32(&v->r), &elem);
    if (op == WOP_table_copy || op == WOP_table_init)
        return op_table_move(v, op);
    if (read_table(v, &elem))
        return -1;
    switch (op) {
    case WOP_table_get:
        return ts_pop(v, VT_I32) || ts_push(v, elem) ? -1 : 0;
    case WOP_table_set:
        return ts_pop(v, elem) || ts_pop(v, VT_I32) ? -1 : 0;
    case WOP_table_size:
        return ts_push(v, VT_I32);
    case WOP_table_grow:
        return ts_pop(v, VT_I32) || ts_pop(v, elem) || ts_push(v, VT_I32) ? -1 : 0;
    default: /* table.fill */
        return ts_pop(v, VT_I32) || ts_pop(v, elem) || ts_pop(v, VT_I32) ? -1 : 0;
    }
}

/* ---- memory ---- */

static int check_memory(struct validator *v, uint32_t memory)
{
    if (v->r.error || memory >= v->m->nmems)
        return FAIL(v, "unknown memory %u: %s in a module of %u memories", memory, v->info->name,
                    v->m->nmems);
    return 0;
}

/* The number of a memory. Where there is no choice it is one byte, as WebAssembly 2.0 has it. */
static int read_memory(struct validator *v, uint32_t *memory)
{
    *memory = v->m->nmems > 1 ? reader_u32(&v->r) : reader_u8(&v->r);
    if (!v->r.error && v->m->nmems <= 1 && *memory != 0)
        return FAIL(v, "zero byte expected: memory 0x%02x", *memory);
    return check_memory(v, *memory);
}

static uint8_t address_type(const struct validator *v, uint32_t memory)
{
    return v->m->mems[memory].is64 ? VT_I64 : VT_I32;
}

static int check_data_index(struct validator *v, uint32_t index)
{
    if (v->r.error || (v->m->data_count < 0 && v->m->ndatas > 0))
        return FAIL(v, "data count section required by %s", v->info->name);
    if (index >= v->m->data_count)
        return FAIL(v, "unknown data segment %u: there are %u", index, v->m->ndatas);
    return 0;
}

/* Destination address, source address or value, length: the last is popped first. */
static int pop_bulk(struct validator *v, uint8_t d, uint8_t s, uint8_t n)
{
    return ts_pop(v, n) || ts_pop(v, s) || ts_pop(v, d) ? -1 : 0;
}

static int op_memory_copy(struct validator *v)
{
    uint32_t to, from;
    if (read_memory(v, &to) || read_memory(v, &from))
        return -1;
    uint8_t d = address_type(v, to), s = address_type(v, from);
    return pop_bulk(v, d, s, d == VT_I64 ? s : d);
}

static int op_memory(struct validator *v, uint32_t op)
{
    uint32_t segment = op == WOP_memory_init || op == WOP_data_drop ? reader_u32(&v->r) : 0;
    uint32_t memory;
    if (op == WOP_data_drop)
        return check_data_index(v, segment);
    if (op == WOP_memory_copy)
        return op_memory_copy(v);
    if (read_memory(v, &memory) || (op == WOP_memory_init && check_data_index(v, segment)))
        return -1;
    uint8_t type = address_type(v, memory);
    switch (op) {
    case WOP_memory_size:
        return ts_push(v, type);
    case WOP_memory_grow:
        return ts_pop(v, type) || ts_push(v, type) ? -1 : 0;
    case WOP_memory_fill:
        return pop_bulk(v, type, VT_I32, type);
    default: /* init */
        return pop_bulk(v, type, VT_I32, VT_I32);
    }
}

int ts_memarg(struct validator *v, uint8_t *address)
{
    const struct op_info *info = v->info;
    struct memarg arg = memarg_read(&v->r, v->m);
    if (check_memory(v, arg.memory))
        return -1;
    if (arg.align > info->align)
        return FAIL(v, "alignment must not be larger than natural: 2^%u of %s", arg.align,
                    info->name);
    *address = address_type(v, arg.memory);
    return 0;
}

static int load_or_store(struct validator *v)
{
    const struct op_info *info = v->info;
    uint8_t type;
    if (ts_memarg(v, &type))
        return -1;
    if (info->kind == OPK_STORE)
        return ts_pop(v, info->arg) || ts_pop(v, type) ? -1 : 0;
    return ts_pop(v, type) || ts_push(v, info->result) ? -1 : 0;
}

/* ---- atomics ---- */

/* The immediate: aligned naturally, no less. *type: of the address. */
static int atomic_memarg(struct validator *v, uint32_t align, uint8_t *type)
{
    struct memarg arg = memarg_read(&v->r, v->m);
    if (check_memory(v, arg.memory))
        return -1;
    if (arg.align != align)
        return FAIL(v, "atomic alignment must be natural: 2^%u of %s", arg.align, v->info->name);
    *type = address_type(v, arg.memory);
    return 0;
}

static int op_atomic(struct validator *v)
{
    const struct op_info *info = v->info;
    uint8_t type;
    if (atomic_memarg(v, info->align, &type))
        return -1;
    for (unsigned i = 1; i < info->nargs; i++)
        if (ts_pop(v, info->arg))
            return -1;
    if (ts_pop(v, type))
        return -1;
    return info->kind == OPK_ASTORE ? 0 : ts_push(v, info->result);
}

static int op_wait(struct validator *v, uint32_t op)
{
    uint8_t type;
    if (atomic_memarg(v, op == WOP_wait64 ? 3 : 2, &type))
        return -1;
    if (op == WOP_notify)
        return ts_pop(v, VT_I32) || ts_pop(v, type) || ts_push(v, VT_I32) ? -1 : 0;
    if (ts_pop(v, VT_I64) || ts_pop(v, op == WOP_wait64 ? VT_I64 : VT_I32) || ts_pop(v, type))
        return -1;
    return ts_push(v, VT_I32);
}

static int op_fence(struct validator *v)
{
    uint8_t b = reader_u8(&v->r);
    return v->r.error || b != 0 ? FAIL(v, "zero byte expected: atomic.fence 0x%02x", b) : 0;
}

/* ---- bodies ---- */

static int compute(struct validator *v)
{
    const struct op_info *info = v->info;
    for (unsigned i = 0; i < info->nargs; i++)
        if (ts_pop(v, info->arg))
            return -1;
    return ts_push(v, info->result);
}

/* The rows of ops.def with code of their own. */
static int by_hand(struct validator *v, uint32_t op)
{
    if (op <= WOP_return_call_indirect)
        return control(v, op);
    switch (op) {
    case WOP_drop:
        return ts_pop(v, VT_NONE);
    case WOP_select:
        return op_select(v);
    case WOP_select_t:
        return op_select_t(v);
    case WOP_ref_null:
        return op_ref_null(v);
    case WOP_ref_is_null:
        return op_ref_is_null(v);
    case WOP_ref_func:
        return op_ref_func(v);
    default:
        break;
    }
    switch (v->info->imm) {
    case IMM_LOCAL:
        return op_local(v, op);
    case IMM_GLOBAL:
        return op_global(v, op);
    case IMM_TABLE:
    case IMM_TABLE_INIT:
    case IMM_TABLE_COPY:
    case IMM_ELEM:
        return op_table(v, op);
    case IMM_MEMORY:
    case IMM_MEMORY_INIT:
    case IMM_MEMORY_COPY:
    case IMM_DATA:
        return op_memory(v, op);
    case IMM_MEMARG:
        return op_wait(v, op);
    case IMM_FENCE:
        return op_fence(v);
    default:
        return op_const(v, op);
    }
}

static int unknown_op(struct validator *v, uint32_t op)
{
    if (op_feature(op))
        return FAIL(v, "illegal opcode 0x%02x (%s): not supported", op, op_feature(op));
    return FAIL(v, "illegal opcode 0x%02x", op);
}

static int instruction(struct validator *v)
{
    v->at = reader_offset(&v->r);
    if (v->r.at == v->r.end)
        return FAIL(v, "unexpected end of section or function: END opcode expected");
    uint32_t op = reader_op(&v->r);
    v->info = op_lookup(op);
    switch (v->info->kind) {
    case OPK_NO_OP:
        return unknown_op(v, op);
    case OPK_CTL:
        return by_hand(v, op);
    case OPK_LOAD:
    case OPK_STORE:
        return load_or_store(v);
    case OPK_SIMD:
        return validate_simd(v);
    case OPK_ALOAD:
    case OPK_ASTORE:
    case OPK_RMW:
    case OPK_CMPXCHG:
        return op_atomic(v);
    default:
        return compute(v);
    }
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
    quick_locals(v);
    return 0;
}

static int body(struct validator *v, struct function *f)
{
    struct functype t;
    v->f = f;
    v->type = &v->m->types[f->type];
    v->r = reader_of(v->m->bytes, f->body, f->body_end);
    v->at = f->body;
    v->nvals = v->nframes = 0;
    f->max_height = f->max_depth = 0;
    t = (struct functype){0, v->type->nresults, v->type->types + v->type->nparams};
    if (begin_locals(v) || ts_push_frame(v, WOP_block, &t))
        return -1;
    while (v->nframes > 0) {
        validate_quick(v);
        if (instruction(v) || (v->r.error && FAIL(v, "unexpected end of section or function")))
            return -1;
    }
    v->at = reader_offset(&v->r);
    if (v->r.at != v->r.end)
        return FAIL(v, "END opcode expected: %u bytes follow the end of the function",
                    reader_left(&v->r));
    return 0;
}

int module_validate(struct module *m, const struct wasm_limits *limits, struct wasm_error *err)
{
    struct validator v = {.m = m, .lim = limits ? limits : &wasm_default_limits, .err = err};
    int rc = 0;
    for (uint32_t i = m->nimported[EXT_FUNC]; i < m->nfuncs && rc == 0; i++) {
        v.br_tables = 0;
        rc = body(&v, &m->funcs[i]);
    }
    free(v.vals);
    free(v.frames);
    free(v.run_ends);
    return rc;
}
