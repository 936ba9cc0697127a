/* validate_memory.c - is what accesses tables and memories well-typed? */
#include "wasmcore/validate_common.h"
#include "wasmcore/validate_ops.h"

int table_type(struct validator *v, uint32_t index, uint8_t *elem)
{
    if (index >= v->m->ntables)
        return FAIL(v, "unknown table %u: there are %u", index, v->m->ntables);
    *elem = v->m->tables[index].elem;
    return 0;
}

/* ---- tables ---- */

static int elem_type(struct validator *v, uint32_t index, uint8_t *type)
{
    if (index >= v->m->nelems)
        return FAIL(v, "unknown elem segment %u: there are %u", index, v->m->nelems);
    *type = v->m->elems[index].type;
    return 0;
}

/* init and copy: both element types are the same; three i32 operands. */
int check_table_move(struct validator *v)
{
    const uint32_t x = v->op.x, y = v->op.y;
    uint8_t to, from;
    if (v->op.code == WOP_table_copy) {
        if (table_type(v, x, &to) || table_type(v, y, &from))
            return -1;
    } else if (table_type(v, y, &to) || elem_type(v, x, &from)) {
        return -1;
    }
    if (to != from)
        return FAIL(v, "type mismatch: %s of %s into a table of %s", v->op.info->name,
                    valtype_name(from), valtype_name(to));
    return ts_pop(v, VT_I32) || ts_pop(v, VT_I32) || ts_pop(v, VT_I32) ? -1 : 0;
}

int check_elem_drop(struct validator *v)
{
    uint8_t elem;
    return elem_type(v, v->op.x, &elem);
}

/* Those of one table. */
int check_table(struct validator *v)
{
    uint8_t elem;
    if (table_type(v, v->op.x, &elem))
        return -1;
    switch (v->op.code) {
    case WOP_table_get:
        return ts_replace(v, VT_I32, elem);
    case WOP_table_set:
        return ts_pop(v, elem) || ts_pop(v, VT_I32) ? -1 : 0;
    case WOP_table_size:
        return ts_push(v, VT_I32);
    case WOP_table_grow:
        return ts_pop(v, VT_I32) || ts_replace(v, elem, VT_I32) ? -1 : 0;
    default: /* table.fill */
        return ts_pop(v, VT_I32) || ts_pop(v, elem) || ts_pop(v, VT_I32) ? -1 : 0;
    }
}

/* ---- memory ---- */

static int memory_exists(struct validator *v, uint32_t memory)
{
    if (memory >= v->m->nmems)
        return FAIL(v, "unknown memory %u: %s in a module of %u memories", memory, v->op.info->name,
                    v->m->nmems);
    return 0;
}

/* One that is named, not by a memarg: without a choice it is the byte 0. */
static int named_memory(struct validator *v, uint32_t memory)
{
    if (v->m->nmems <= 1 && memory != 0)
        return FAIL(v, "zero byte expected: memory 0x%02x", memory);
    return memory_exists(v, memory);
}

static int data_exists(struct validator *v, uint32_t index)
{
    if (v->m->data_count < 0 && v->m->ndatas > 0)
        return FAIL(v, "data count section required by %s", v->op.info->name);
    if (index >= v->m->data_count)
        return FAIL(v, "unknown data segment %u: there are %u", index, v->m->ndatas);
    return 0;
}

/* Destination address, source address or value, length: the last is popped first. */
static int pop_bulk(struct validator *v, uint8_t d, uint8_t s, uint8_t n)
{
    return ts_pop(v, n) || ts_pop(v, s) || ts_pop(v, d) ? -1 : 0;
}

int check_memory_copy(struct validator *v)
{
    const uint32_t to = v->op.x, from = v->op.y;
    if (named_memory(v, to) || named_memory(v, from))
        return -1;
    uint8_t d = address_type(v, to), s = address_type(v, from);
    return pop_bulk(v, d, s, d == VT_I64 ? s : d);
}

int check_memory_init(struct validator *v)
{
    if (named_memory(v, v->op.y) || data_exists(v, v->op.x))
        return -1;
    return pop_bulk(v, address_type(v, v->op.y), VT_I32, VT_I32);
}

int check_data_drop(struct validator *v)
{
    return data_exists(v, v->op.x);
}

/* memory.size, .grow and .fill */
int check_memory(struct validator *v)
{
    if (named_memory(v, v->op.x))
        return -1;
    uint8_t type = address_type(v, v->op.x);
    switch (v->op.code) {
    case WOP_memory_size:
        return ts_push(v, type);
    case WOP_memory_grow:
        return ts_replace(v, type, type);
    default:
        return pop_bulk(v, type, VT_I32, type);
    }
}

void bad_memarg(struct validator *v)
{
    const struct memarg *arg = &v->op.memarg;
    if (memory_exists(v, arg->memory) == 0)
        (void)FAIL(v, "alignment must not be larger than natural: 2^%u of %s", arg->align,
                   v->op.info->name);
}

/* ---- atomics ---- */

/* The immediate: aligned naturally, no less. *type: of the address. */
static int atomic_memarg(struct validator *v, uint32_t align, uint8_t *type)
{
    const struct memarg *arg = &v->op.memarg;
    if (memory_exists(v, arg->memory))
        return -1;
    if (arg->align != align)
        return FAIL(v, "atomic alignment must be natural: 2^%u of %s", arg->align,
                    v->op.info->name);
    *type = address_type(v, arg->memory);
    return 0;
}

int check_atomic(struct validator *v)
{
    const struct op_info *info = v->op.info;
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

int check_wait(struct validator *v)
{
    const uint32_t op = v->op.code;
    uint8_t type;
    if (atomic_memarg(v, op == WOP_wait64 ? 3 : 2, &type))
        return -1;
    if (op == WOP_notify)
        return ts_pop(v, VT_I32) || ts_pop(v, type) || ts_push(v, VT_I32) ? -1 : 0;
    if (ts_pop(v, VT_I64) || ts_pop(v, op == WOP_wait64 ? VT_I64 : VT_I32) || ts_pop(v, type))
        return -1;
    return ts_push(v, VT_I32);
}

int check_fence(struct validator *v)
{
    return v->op.x != 0 ? FAIL(v, "zero byte expected: atomic.fence 0x%02x", v->op.x) : 0;
}
