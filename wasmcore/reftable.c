/* reftable.c - tables of functions and of external references, and what instructions do to them. */
#include <stdlib.h>
#include <string.h>

#include "wasmcore/state.h"

/*
 * A table of functions holds pointers, so that call_indirect is one load; on frames and in globals
 * a function is its number in the store (func_ref). Functions of an instance that goes leave all
 * tables with it.
 */

struct table *reftable_new(struct store *st, struct table_type type, struct instance *owner)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->cap = type.limits.min > 16 ? (uint32_t)type.limits.min : 16;
    t->externs = calloc(t->cap, sizeof(*t->externs));
    if (!t->externs) {
        free(t);
        return NULL;
    }
    t->size = (uint32_t)type.limits.min;
    t->type = type;
    t->owner = owner;
    t->next = st->tables;
    if (st->tables)
        st->tables->prev = t;
    st->tables = t;
    return t;
}

void reftable_free(struct store *st, struct table *t)
{
    if (t->next)
        t->next->prev = t->prev;
    if (t->prev)
        t->prev->next = t->next;
    else
        st->tables = t->next;
    st->grown_entries -= t->size - (uint32_t)t->type.limits.min;
    free(t->externs);
    free(t);
}

uint64_t reftable_read(const struct table *t, uint32_t i)
{
    return t->type.elem == VT_FUNCREF ? func_ref(t->funcs[i]) : t->externs[i];
}

void reftable_write(struct store *st, struct table *t, uint32_t i, uint64_t ref)
{
    if (t->type.elem == VT_FUNCREF)
        t->funcs[i] = store_func(st, ref);
    else
        t->externs[i] = ref;
}

/* Entries by which tables of the store may still grow. */
static uint32_t growth_left(const struct store *st)
{
    const struct wasm_limits *limits = st->cfg.limits ? st->cfg.limits : &wasm_default_limits;
    return limits->table_entries - st->grown_entries;
}

uint32_t reftable_grow(struct store *st, struct table *t, uint64_t ref, uint32_t n)
{
    uint32_t most = t->type.limits.has_max ? (uint32_t)t->type.limits.max : UINT32_MAX;
    uint32_t old = t->size;
    if (n > most - old || n > growth_left(st) || GROW(t->externs, t->cap, t->size, n))
        return UINT32_MAX;
    t->size += n;
    st->grown_entries += n;
    for (uint32_t i = old; i < t->size; i++)
        reftable_write(st, t, i, ref);
    return old;
}

static int outside(uint32_t size, uint32_t at, uint32_t n)
{
    return (uint64_t)at + n > size;
}

enum trap_kind reftable_fill(struct store *st, struct table *t, uint32_t at, uint64_t ref,
                             uint32_t n)
{
    if (outside(t->size, at, n))
        return TRAP_TABLE;
    for (uint32_t i = 0; i < n; i++)
        reftable_write(st, t, at + i, ref);
    return TRAP_NONE;
}

enum trap_kind reftable_copy(struct table *to, struct table *from, uint32_t d, uint32_t s,
                             uint32_t n)
{
    if (outside(to->size, d, n) || outside(from->size, s, n))
        return TRAP_TABLE;
    memmove(to->externs + d, from->externs + s, n * sizeof(*to->externs));
    return TRAP_NONE;
}

enum trap_kind reftable_init(struct instance *in, uint32_t table, uint32_t seg, uint32_t d,
                             uint32_t s, uint32_t n)
{
    const struct elem_segment *e = &in->unit->module->elems[seg];
    struct table *t = in->tables[table];
    if (outside(in->elem_dropped[seg] ? 0 : e->n, s, n) || outside(t->size, d, n))
        return TRAP_TABLE;
    for (uint32_t i = 0; i < n; i++)
        reftable_write(in->store, t, d + i, instance_const(in, &e->items[s + i]));
    return TRAP_NONE;
}
