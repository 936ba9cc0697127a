/* instance.c - linking a module to its imports; what an instance owns, shares and lets go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmcore/state.h"

/*
 * Instances may import from one another. An instance that is dropped while others use what it
 * exports stays in memory until the last of them is gone; `uses` counts them and itself.
 */

/* ---- link checks ---- */

static int limits_fit(uint32_t size, uint32_t has_max, uint64_t max, const struct limits *want)
{
    if (size < want->min)
        return 0;
    return !want->has_max || (has_max && max <= want->max);
}

static int memory_fits(const struct space *s, const struct limits *want)
{
    return s && s->is64 == want->is64 && s->shared == want->shared &&
           limits_fit(s->pages, s->has_max, s->type_max, want);
}

static int import_fits(const struct unit *u, const struct import *im, const struct external *x)
{
    if (x->kind != im->kind)
        return 0;
    switch (im->kind) {
    case EXT_FUNC:
        return x->func && x->func->type_id == u->type_ids[im->func_type];
    case EXT_TABLE:
        return x->table && x->table->type.elem == im->table.elem &&
               limits_fit(x->table->size, x->table->type.limits.has_max, x->table->type.limits.max,
                          &im->table.limits);
    case EXT_MEMORY:
        return memory_fits(x->memory, &im->memory);
    default:
        return x->global && x->global->type.type == im->global.type &&
               x->global->type.mutable == im->global.mutable;
    }
}

/* Is this import an instruction? *f counts imported functions. */
static int is_builtin(const struct unit *u, const struct import *im, uint32_t *f)
{
    return im->kind == EXT_FUNC && u->builtin[(*f)++] != BI_NONE;
}

static int check_imports(const struct unit *u, const struct external *imports,
                         struct wasm_error *err)
{
    static const char *const kinds[] = {"function", "table", "memory", "global"};
    const struct module *m = u->module;
    uint32_t f = 0;
    for (uint32_t i = 0; i < m->nimports; i++) {
        const struct import *im = &m->imports[i];
        if (is_builtin(u, im, &f) || import_fits(u, im, &imports[i]))
            continue;
        err->offset = (uint32_t)((const uint8_t *)im->field.text - m->bytes);
        snprintf(err->text, sizeof(err->text),
                 "incompatible import type: %.*s.%.*s must be a %s of the type that the module "
                 "declares",
                 (int)(im->module.len < 40 ? im->module.len : 40), im->module.text,
                 (int)(im->field.len < 60 ? im->field.len : 60), im->field.text, kinds[im->kind]);
        return -1;
    }
    return 0;
}

/* ---- making one ---- */

static int allocate(struct instance *in)
{
    const struct module *m = in->unit->module;
    uint32_t nimp = m->nimported[EXT_FUNC];
    in->nown_funcs = m->nfuncs - nimp;
    for (uint32_t i = 0; i < nimp; i++)
        in->nown_funcs += in->unit->builtin[i] != BI_NONE;
    in->funcs = calloc(m->nfuncs + 1, sizeof(*in->funcs));
    in->own_funcs = calloc(in->nown_funcs + 1, sizeof(*in->own_funcs));
    in->imported_globals = calloc(m->nimported[EXT_GLOBAL] + 1, sizeof(*in->imported_globals));
    in->globals = calloc(m->nglobals - m->nimported[EXT_GLOBAL] + 1, sizeof(*in->globals));
    in->tables = calloc(m->ntables + 1, sizeof(*in->tables));
    in->spaces = calloc(m->nmems + 1, sizeof(*in->spaces));
    in->space_owners = calloc(m->nmems + 1, sizeof(*in->space_owners));
    in->data_dropped = calloc(m->ndatas + 1, 1);
    in->elem_dropped = calloc(m->nelems + 1, 1);
    in->needs = calloc(m->nimports + 1, sizeof(*in->needs));
    return in->funcs && in->own_funcs && in->imported_globals && in->globals && in->tables &&
                   in->spaces && in->space_owners && in->data_dropped && in->elem_dropped &&
                   in->needs
               ? 0
               : -1;
}

/* The instance that a space belongs to; NULL: the store. */
static struct instance *space_owner(const struct store *st, const struct space *s)
{
    for (uint32_t i = 0; i < st->ninstances; i++) {
        const struct instance *in = st->instances[i];
        for (uint32_t k = 0; in && k < in->unit->module->nmems; k++) {
            if (in->spaces[k] == s)
                return in->space_owners[k];
        }
    }
    return NULL;
}

static void need(struct instance *in, struct instance *other)
{
    if (!other || other == in)
        return;
    other->uses++;
    in->needs[in->nneeds++] = other;
}

static void bind_imports(struct instance *in, const struct external *imports)
{
    const struct module *m = in->unit->module;
    uint32_t f = 0, n[4] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < m->nimports; i++) {
        const struct external *x = &imports[i];
        uint32_t k = n[m->imports[i].kind]++;
        if (is_builtin(in->unit, &m->imports[i], &f))
            continue;
        switch (x->kind) {
        case EXT_FUNC:
            in->funcs[k] = x->func;
            need(in, x->func->inst);
            break;
        case EXT_TABLE:
            in->tables[k] = x->table;
            need(in, x->table->owner);
            break;
        case EXT_MEMORY:
            in->space_owners[k] = space_owner(in->store, x->memory);
            in->spaces[k] = x->memory;
            need(in, in->space_owners[k]);
            break;
        default:
            in->imported_globals[k] = x->global;
            need(in, x->global->owner);
            break;
        }
    }
}

static int make_funcs(struct instance *in)
{
    const struct unit *u = in->unit;
    uint32_t own = 0;
    for (uint32_t i = 0; i < u->module->nfuncs; i++) {
        uint32_t type = u->type_ids[u->module->funcs[i].type];
        if (in->funcs[i])
            continue;
        struct func *f = &in->own_funcs[own++];
        *f = (struct func){.code = &u->codes[i],
                           .type = &u->module->types[u->module->funcs[i].type],
                           .type_id = type};
        if (store_add_callable(in->store, f))
            return -1;
        f->inst = in;
        in->funcs[i] = f;
    }
    return 0;
}

static int make_tables(struct instance *in, struct wasm_error *err)
{
    const struct module *m = in->unit->module;
    for (uint32_t i = m->nimported[EXT_TABLE]; i < m->ntables; i++) {
        in->tables[i] = reftable_new(in->store, m->tables[i], in);
        if (in->tables[i])
            continue;
        snprintf(err->text, sizeof(err->text), "there is no room for table %u", i);
        return -1;
    }
    return 0;
}

/* max_pages 0: no limit but the module's own. */
static int make_memories(struct instance *in, uint32_t max_pages, struct wasm_error *err)
{
    const struct module *m = in->unit->module;
    for (uint32_t i = m->nimported[EXT_MEMORY]; i < m->nmems; i++) {
        const unsigned long long pages = m->mems[i].min;
        const uint32_t there = physmem_frames_free(in->store->pm);
        in->spaces[i] = store_space(in->store, &m->mems[i], max_pages);
        in->space_owners[i] = in;
        if (in->spaces[i])
            continue;
        if (max_pages && pages > max_pages)
            snprintf(err->text, sizeof(err->text),
                     "memory %u begins with %llu pages, the limit is %u", i, pages, max_pages);
        else if (pages <= there)
            snprintf(err->text, sizeof(err->text),
                     "the host refuses 8 GiB of address space for memory %u", i);
        else
            snprintf(err->text, sizeof(err->text),
                     "there is no room for memory %u: %llu pages, %u are free", i, pages, there);
        return -1;
    }
    in->space = in->spaces[0];
    return 0;
}

static void make_globals(struct instance *in)
{
    const struct module *m = in->unit->module;
    for (uint32_t i = m->nimported[EXT_GLOBAL]; i < m->nglobals; i++) {
        struct gcell *g = &in->globals[i - m->nimported[EXT_GLOBAL]];
        g->type = m->globals[i].type;
        g->owner = in;
        g->bits = instance_const(in, &m->globals[i].init);
        g->high = instance_const_high(in, &m->globals[i].init);
    }
}

static enum trap_kind run_segments(struct instance *in)
{
    const struct module *m = in->unit->module;
    for (uint32_t i = 0; i < m->nelems; i++) {
        const struct elem_segment *e = &m->elems[i];
        if (e->mode == SEG_ACTIVE &&
            reftable_init(in, e->table, i, (uint32_t)instance_const(in, &e->offset), 0, e->n))
            return TRAP_TABLE;
        in->elem_dropped[i] = e->mode != SEG_PASSIVE;
    }
    for (uint32_t i = 0; i < m->ndatas; i++) {
        const struct data_segment *d = &m->datas[i];
        if (d->mode != SEG_ACTIVE)
            continue;
        const struct space *s = in->spaces[d->memory];
        uint64_t at = instance_const(in, &d->offset); /* an i32 has no high half */
        if (!space_holds(s, at, d->n))
            return TRAP_MEMORY;
        memcpy(s->base + at, m->bytes + d->at, d->n);
        in->data_dropped[i] = 1;
    }
    return TRAP_NONE;
}

/* The first linking decides how blocks that call through an import end: see block.h. */
static void settle_import_calls(struct instance *in)
{
    struct unit *u = in->unit;
    for (uint32_t i = 0; i < u->nimport_calls && !u->linked; i++) {
        const struct import_call *c = &u->import_calls[i];
        if (!in->funcs[c->import]->code)
            in->store->blocks[c->block].end = END_HOST;
    }
    u->linked = 1;
}

static void instance_release(struct instance *in);

static enum link_error fill(struct instance *in, const struct external *imports,
                            const struct instance_options *opt, struct wasm_error *err)
{
    *err = (struct wasm_error){0, "out of memory"};
    if (allocate(in))
        return LINK_MEMORY;
    bind_imports(in, imports);
    if (make_funcs(in))
        return LINK_MEMORY;
    if (make_tables(in, err) || make_memories(in, opt ? opt->max_pages : 0, err))
        return LINK_MEMORY;
    settle_import_calls(in);
    make_globals(in);
    enum trap_kind trap = run_segments(in);
    snprintf(err->text, sizeof(err->text), "%s", trap_text(trap));
    return trap == TRAP_NONE ? LINK_OK : LINK_TRAP;
}

enum link_error instance_new(struct store *st, int module, const struct external *imports,
                             const struct instance_options *opt, struct instance **out,
                             struct wasm_error *err)
{
    struct unit *u = st->units[module];
    *out = NULL;
    if (check_imports(u, imports, err))
        return LINK_TYPE;
    struct instance *in = calloc(1, sizeof(*in));
    if (!in || GROW(st->instances, st->instances_cap, st->ninstances, 1)) {
        free(in);
        *err = (struct wasm_error){0, "out of memory"};
        return LINK_MEMORY;
    }
    *in = (struct instance){.store = st,
                            .unit = u,
                            .id = st->ninstances,
                            .uses = 1,
                            .privileged = opt ? opt->privileged : 0};
    enum link_error e = fill(in, imports, opt, err);
    if (e == LINK_MEMORY) {
        instance_release(in);
        return e;
    }
    st->instances[st->ninstances++] = in;
    *out = in;
    return e;
}

/* ---- letting it go ---- */

/* Functions that no longer exist leave every table. */
static void forget_funcs(struct instance *in)
{
    struct store *st = in->store;
    for (uint32_t i = 0; i < in->nown_funcs; i++) {
        const struct func *f = &in->own_funcs[i];
        if (f->inst)
            st->callable[f->id] = NULL;
    }
    for (struct table *t = st->tables; t; t = t->next) {
        if (t->type.elem != VT_FUNCREF)
            continue;
        for (uint32_t i = 0; i < t->size; i++) {
            if (t->funcs[i] && t->funcs[i]->inst == in)
                t->funcs[i] = NULL;
        }
    }
}

static void instance_release(struct instance *in)
{
    uint32_t first_table = in->unit->module->nimported[EXT_TABLE];
    if (--in->uses > 0)
        return;
    if (in->own_funcs)
        forget_funcs(in);
    for (uint32_t i = first_table; in->tables && i < in->unit->module->ntables; i++) {
        if (in->tables[i])
            reftable_free(in->store, in->tables[i]);
    }
    for (uint32_t i = 0; in->spaces && in->space_owners && i < in->unit->module->nmems; i++) {
        if (in->space_owners[i] == in)
            space_free(in->spaces[i]);
    }
    for (uint32_t i = 0; i < in->nneeds; i++)
        instance_release(in->needs[i]);
    free(in->funcs);
    free(in->own_funcs);
    free(in->imported_globals);
    free(in->globals);
    free(in->tables);
    free(in->spaces);
    free(in->space_owners);
    free(in->data_dropped);
    free(in->elem_dropped);
    free(in->needs);
    free(in);
}

void instance_drop(struct instance *in)
{
    in->store->instances[in->id] = NULL;
    instance_release(in);
}

/* ---- looking into it ---- */

int instance_private(const struct instance *in)
{
    if (in->uses > 1)
        return 0; /* somebody imports from it */
    for (uint32_t i = 0; i < in->nneeds; i++)
        if (!in->needs[i]->privileged)
            return 0;
    for (uint32_t i = 0; i < in->unit->module->nmems; i++)
        if (in->space_owners[i] != in || in->spaces[i]->shared || in->spaces[i]->foreign)
            return 0;
    return 1;
}

uint32_t instance_id(const struct instance *in)
{
    return in->id;
}

struct instance *store_instance(const struct store *st, uint32_t id)
{
    return id < st->ninstances ? st->instances[id] : NULL;
}

const char *instance_module_name(const struct instance *in)
{
    return in->unit->name;
}

struct space *instance_space(const struct instance *in)
{
    return in->space;
}

struct space *instance_memory(const struct instance *in, uint32_t memory)
{
    return memory < in->unit->module->nmems ? in->spaces[memory] : NULL;
}

int instance_export_name(const struct instance *in, struct name name, struct external *out)
{
    const struct module *m = in->unit->module;
    uint32_t imported = m->nimported[EXT_GLOBAL];
    for (uint32_t i = 0; i < m->nexports; i++) {
        const struct export *e = &m->exports[i];
        if (e->name.len != name.len || memcmp(e->name.text, name.text, name.len) != 0)
            continue;
        out->kind = e->kind;
        if (e->kind == EXT_FUNC)
            out->func = in->funcs[e->index];
        else if (e->kind == EXT_TABLE)
            out->table = in->tables[e->index];
        else if (e->kind == EXT_MEMORY)
            out->memory = in->spaces[e->index];
        else
            out->global = e->index < imported ? in->imported_globals[e->index]
                                              : &in->globals[e->index - imported];
        return 0;
    }
    return -1;
}

int instance_export(const struct instance *in, const char *name, struct external *out)
{
    return instance_export_name(in, (struct name){name, (uint32_t)strlen(name)}, out);
}

struct func *instance_start(const struct instance *in)
{
    int64_t start = in->unit->module->start;
    return start < 0 ? NULL : in->funcs[start];
}

uint64_t gcell_get(const struct gcell *g)
{
    return g->bits;
}

void gcell_set(struct gcell *g, uint64_t bits)
{
    int narrow = g->type.type == VT_I32 || g->type.type == VT_F32;
    g->bits = narrow ? (uint32_t)bits : bits;
}

uint64_t gcell_get_high(const struct gcell *g)
{
    return g->high;
}

void gcell_set_high(struct gcell *g, uint64_t bits)
{
    g->high = g->type.type == VT_V128 ? bits : 0;
}

struct global_type gcell_type(const struct gcell *g)
{
    return g->type;
}
