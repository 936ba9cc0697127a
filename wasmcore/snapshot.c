/* snapshot.c - the state of a store but for its threads: modules, instances, tables, memories. */
#include "wasmcore/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "wasmcore/snapshot_parts.h"

#define MOST_NAME 4095u

int snap_owner_lives(const struct store *st, const struct instance *in)
{
    for (uint32_t i = 0; in && i < st->ninstances; i++)
        if (st->instances[i] == in)
            return 1;
    return 0;
}

/* ---- modules ---- */

static void module_digest(const struct module *m, uint8_t out[16])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(m->bytes, m->nbytes));
    memcpy(out, c.digest, sizeof(c.digest));
}

static void write_unit(struct snap *s, const struct unit *u)
{
    uint8_t sum[16];
    uint32_t len = (uint32_t)strnlen(u->name, MOST_NAME);
    archive_put32(s->a, len);
    archive_raw(s->a, u->name, len);
    archive_put64(s->a, u->module->nbytes);
    module_digest(u->module, sum);
    archive_raw(s->a, sum, sizeof(sum));
    archive_put64(s->a, u->nblocks ? s->st->blocks[u->first_block].code_addr : 0);
}

static void read_unit(struct snap *s)
{
    char name[MOST_NAME + 1];
    uint8_t sum[16], got[16];
    uint32_t len = 0;
    struct wasm_error err;
    archive_count(s->a, &len, MOST_NAME, 1);
    archive_raw(s->a, name, len);
    name[len] = '\0';
    uint64_t n = archive_put64(s->a, 0);
    archive_raw(s->a, sum, sizeof(sum));
    uint64_t at = archive_put64(s->a, 0);
    const uint8_t *bytes = s->a->failed ? NULL : s->source->module(s->source->arg, name, n, sum);
    int module = bytes ? store_load(s->st, name, bytes, n, &err) : -1;
    if (module < 0) {
        archive_fail(s->a, "of other modules than those of this boot image");
        return;
    }
    module_digest(s->st->units[module]->module, got);
    if (memcmp(sum, got, sizeof(sum)) != 0)
        archive_fail(s->a, "of other modules than those of this boot image");
    store_place_code(s->st, module, at);
}

static void units(struct snap *s)
{
    uint32_t n = s->st->nunits;
    archive_count(s->a, &n, MOST_NUMBERS, 36);
    for (uint32_t i = 0; i < n && !s->a->failed; i++) {
        if (s->source)
            read_unit(s);
        else
            write_unit(s, s->st->units[i]);
    }
}

/* ---- memories and tables ---- */

static void write_space(struct snap *s, const struct space *sp)
{
    archive_put32(s->a, sp->pages);
    archive_put8(s->a, sp->foreign);
    for (uint32_t i = 0; i < sp->pages; i++)
        archive_put64(s->a, sp->frame[i] | (unsigned)space_owns(sp, i));
}

static void read_space(struct snap *s, struct space *sp)
{
    uint32_t n = 0;
    archive_count(s->a, &n, SPACE_MAX_PAGES, 8);
    const uint8_t foreign = archive_put8(s->a, 0);
    uint64_t *pages = malloc(((size_t)n + 1) * sizeof(*pages));
    if (!pages) {
        archive_fail(s->a, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        archive_u64(s->a, &pages[i]);
    if (!s->a->failed && space_restore(sp, pages, n))
        archive_fail(s->a, "damaged: pages of a memory");
    sp->foreign |= foreign != 0; /* it may have had others */
    free(pages);
}

static void space_state(struct snap *s, struct space *sp)
{
    if (s->a->writing)
        write_space(s, sp);
    else
        read_space(s, sp);
}

/* Tables only grow, so the fresh one is no larger. */
static void table_size(struct snap *s, struct table *t)
{
    uint32_t n = t->size;
    archive_count(s->a, &n, UINT32_MAX, 8);
    if (s->a->failed || n == t->size)
        return;
    if (n < t->size || reftable_grow(s->st, t, REF_NULL, n - t->size) == UINT32_MAX)
        archive_fail(s->a, "damaged: size of a table");
}

static void table_contents(struct snap *s, struct table *t)
{
    for (uint32_t i = 0; i < t->size && !s->a->failed; i++) {
        uint64_t ref = archive_put64(s->a, s->a->writing ? reftable_read(t, i) : 0);
        if (!s->a->writing)
            reftable_write(s->st, t, i, ref);
    }
}

static void all_table_contents(struct snap *s)
{
    for (struct table *t = s->st->tables; t; t = t->next)
        if (!t->owner)
            table_contents(s, t);
    for (uint32_t i = 0; i < s->st->ninstances; i++) {
        const struct instance *in = s->st->instances[i];
        for (uint32_t k = in ? in->unit->module->nimported[EXT_TABLE] : 0;
             in && k < in->unit->module->ntables; k++)
            table_contents(s, in->tables[k]);
    }
}

/* ---- what the host made ---- */

static struct table *host_table(const struct store *st, uint32_t which)
{
    for (struct table *t = st->tables; t; t = t->next)
        if (!t->owner && which-- == 0)
            return t;
    return NULL;
}

static void global_bits(struct snap *s, struct gcell *g)
{
    uint64_t bits = archive_put64(s->a, g->bits);
    gcell_set(g, bits);
    if (g->type.type == VT_V128)
        archive_u64(s->a, &g->high);
}

static void same_number(struct snap *s, uint32_t n)
{
    if (archive_put32(s->a, n) != n)
        archive_fail(s->a, "of a machine that offers other imports");
}

static void host_made(struct snap *s)
{
    struct store *st = s->st;
    uint32_t tables = 0;
    while (host_table(st, tables))
        tables++;
    same_number(s, st->nhost_globals);
    for (uint32_t i = 0; i < st->nhost_globals && !s->a->failed; i++)
        global_bits(s, st->host_globals[i]);
    same_number(s, tables);
    for (uint32_t i = 0; i < tables && !s->a->failed; i++)
        table_size(s, host_table(st, i));
    same_number(s, st->nhost_spaces);
    for (uint32_t i = 0; i < st->nhost_spaces && !s->a->failed; i++)
        space_state(s, st->host_spaces[i]);
}

/* ---- imports ---- */

static void write_owner(struct snap *s, const struct instance *owner)
{
    if (owner && !snap_owner_lives(s->st, owner))
        archive_fail(s->a, "an instance that was dropped is still in use by another");
    archive_put32(s->a, owner ? owner->id + 1 : 0);
}

static uint32_t table_place(const struct store *st, const struct table *t)
{
    uint32_t i = 0;
    if (t->owner) {
        while (t->owner->tables[i] != t)
            i++;
        return i - t->owner->unit->module->nimported[EXT_TABLE];
    }
    while (host_table(st, i) != t)
        i++;
    return i;
}

static uint32_t global_place(const struct store *st, const struct gcell *g)
{
    uint32_t i = 0;
    if (g->owner)
        return (uint32_t)(g - g->owner->globals);
    while (st->host_globals[i] != g)
        i++;
    return i;
}

/* Its number among the memories that its owner has of its own, or among the store's. */
static uint32_t space_place(const struct store *st, const struct instance *owner,
                            const struct space *sp)
{
    uint32_t i = 0;
    if (owner) {
        const uint32_t first = owner->unit->module->nimported[EXT_MEMORY];
        while (first + i < owner->unit->module->nmems && owner->spaces[first + i] != sp)
            i++;
        return i;
    }
    while (i < st->nhost_spaces && st->host_spaces[i] != sp)
        i++;
    return i;
}

/* k: number among the imports of its kind. */
static void write_import(struct snap *s, const struct instance *in, const struct import *im,
                         uint32_t k)
{
    const struct func *f;
    switch (im->kind) {
    case EXT_FUNC:
        f = in->funcs[k];
        if (f->inst && !snap_owner_lives(s->st, f->inst))
            archive_fail(s->a, "an instance that was dropped is still in use by another");
        archive_put32(s->a, f->id);
        break;
    case EXT_TABLE:
        write_owner(s, in->tables[k]->owner);
        archive_put32(s->a, table_place(s->st, in->tables[k]));
        break;
    case EXT_MEMORY:
        write_owner(s, in->space_owners[k]);
        archive_put32(s->a, space_place(s->st, in->space_owners[k], in->spaces[k]));
        break;
    default:
        write_owner(s, in->imported_globals[k]->owner);
        archive_put32(s->a, global_place(s->st, in->imported_globals[k]));
        break;
    }
}

static void read_owned(struct snap *s, struct external *x)
{
    const struct store *st = s->st;
    const uint32_t owner = archive_put32(s->a, 0), i = archive_put32(s->a, 0);
    const struct instance *in = owner ? store_instance(st, owner - 1) : NULL;
    const struct module *m = in ? in->unit->module : NULL;
    if (owner && !in)
        return;
    if (x->kind == EXT_TABLE && in)
        x->table = i < m->ntables - m->nimported[EXT_TABLE]
                       ? in->tables[m->nimported[EXT_TABLE] + i]
                       : NULL;
    else if (x->kind == EXT_TABLE)
        x->table = host_table(st, i);
    else if (x->kind == EXT_MEMORY && in)
        x->memory = i < m->nmems - m->nimported[EXT_MEMORY]
                        ? in->spaces[m->nimported[EXT_MEMORY] + i]
                        : NULL;
    else if (x->kind == EXT_MEMORY)
        x->memory = i < st->nhost_spaces ? st->host_spaces[i] : NULL;
    else if (in)
        x->global = i < m->nglobals - m->nimported[EXT_GLOBAL] ? &in->globals[i] : NULL;
    else
        x->global = i < st->nhost_globals ? st->host_globals[i] : NULL;
}

/* What was not found stays NULL: linking refuses it. */
static void read_import(struct snap *s, const struct import *im, struct external *x)
{
    x->kind = im->kind;
    if (im->kind == EXT_FUNC)
        x->func = store_func(s->st, (uint64_t)archive_put32(s->a, 0) + 1);
    else
        read_owned(s, x);
}

static void imports(struct snap *s, const struct unit *u, const struct instance *in,
                    struct external *x)
{
    const struct module *m = u->module;
    uint32_t n[4] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < m->nimports && !s->a->failed; i++) {
        const struct import *im = &m->imports[i];
        uint32_t k = n[im->kind]++;
        if (im->kind == EXT_FUNC && u->builtin[k] != BI_NONE)
            continue;
        if (x)
            read_import(s, im, &x[i]);
        else
            write_import(s, in, im, k);
    }
}

/* ---- instances ---- */

struct instance_head {
    uint32_t id, unit, first, space, max_pages;
    uint8_t privileged;
};

static void head(struct snap *s, struct instance_head *h)
{
    archive_u32(s->a, &h->id);
    archive_u32(s->a, &h->unit);
    archive_u32(s->a, &h->first);
    archive_u32(s->a, &h->space);
    archive_u32(s->a, &h->max_pages);
    archive_u8(s->a, &h->privileged);
}

/* What an instance owns. */
static void own_state(struct snap *s, struct instance *in)
{
    const struct module *m = in->unit->module;
    for (uint32_t i = 0; i < m->nglobals - m->nimported[EXT_GLOBAL]; i++)
        global_bits(s, &in->globals[i]);
    for (uint32_t i = m->nimported[EXT_TABLE]; i < m->ntables && !s->a->failed; i++)
        table_size(s, in->tables[i]);
    archive_raw(s->a, in->data_dropped, m->ndatas);
    archive_raw(s->a, in->elem_dropped, m->nelems);
    for (uint32_t i = m->nimported[EXT_MEMORY]; i < m->nmems && !s->a->failed; i++)
        space_state(s, in->spaces[i]);
}

static void write_instance(struct snap *s, struct instance *in)
{
    struct instance_head h = {.id = in->id,
                              .unit = in->unit->number,
                              .first = in->nown_funcs ? in->own_funcs[0].id + 1 : 0,
                              .privileged = in->privileged};
    const struct module *m = in->unit->module;
    for (uint32_t i = m->nimported[EXT_MEMORY]; i < m->nmems; i++) {
        const struct space *sp = in->spaces[i];
        if (!h.space) /* the others have the numbers that follow */
            h.space = sp->id + 1;
        if (h.max_pages < sp->max_pages) /* the limit that all had, or one that binds none */
            h.max_pages = sp->max_pages;
    }
    head(s, &h);
    imports(s, in->unit, in, NULL);
    own_state(s, in);
}

/* Numbers that were given out to what is gone. */
static int skip_numbers(struct store *st, const struct instance_head *h)
{
    if (h->id < st->ninstances || h->id >= MOST_NUMBERS || h->first > MOST_NUMBERS ||
        (h->first && h->first - 1 < st->ncallable) || (h->space && h->space - 1 < st->nspaces) ||
        GROW(st->instances, st->instances_cap, st->ninstances, h->id - st->ninstances + 1))
        return -1;
    while (st->ninstances < h->id)
        st->instances[st->ninstances++] = NULL;
    if (h->first && GROW(st->callable, st->callable_cap, st->ncallable, h->first - st->ncallable))
        return -1;
    while (h->first && st->ncallable < h->first - 1)
        st->callable[st->ncallable++] = NULL;
    if (h->space)
        st->nspaces = h->space - 1;
    return 0;
}

static void read_instance(struct snap *s)
{
    struct instance_head h = {0};
    struct instance *in = NULL;
    struct wasm_error err;
    head(s, &h);
    if (s->a->failed || h.unit >= s->st->nunits || skip_numbers(s->st, &h)) {
        archive_fail(s->a, "damaged: an instance");
        return;
    }
    const struct unit *u = s->st->units[h.unit];
    const struct instance_options opt = {.privileged = h.privileged != 0, .max_pages = h.max_pages};
    struct external *x = calloc(u->module->nimports + 1, sizeof(*x));
    if (!x) {
        archive_fail(s->a, "out of memory");
        return;
    }
    imports(s, u, NULL, x);
    if (!s->a->failed) /* a start that trapped then traps again */
        instance_new(s->st, (int)h.unit, x, &opt, &in, &err);
    free(x);
    if (in)
        own_state(s, in);
    else
        archive_fail(s->a, "damaged: an instance cannot be linked");
}

static void instances(struct snap *s)
{
    struct store *st = s->st;
    uint32_t n = 0;
    for (uint32_t i = 0; i < st->ninstances; i++)
        n += st->instances[i] != NULL;
    archive_count(s->a, &n, MOST_NUMBERS, 21);
    if (!s->a->writing) {
        for (uint32_t i = 0; i < n && !s->a->failed; i++)
            read_instance(s);
        return;
    }
    for (uint32_t i = 0; i < st->ninstances; i++)
        if (st->instances[i])
            write_instance(s, st->instances[i]);
}

/* ---- all of it ---- */

struct totals {
    uint32_t instances, callable, spaces;
};

static void totals(struct snap *s, struct totals *t)
{
    *t = (struct totals){s->st->ninstances, s->st->ncallable, s->st->nspaces};
    archive_u32(s->a, &t->instances);
    archive_u32(s->a, &t->callable);
    archive_u32(s->a, &t->spaces);
}

/* Numbers after the last that is in use. */
static int skip_last_numbers(struct store *st, const struct totals *t)
{
    if (t->instances < st->ninstances || t->callable < st->ncallable || t->spaces < st->nspaces ||
        t->instances > MOST_NUMBERS || t->callable > MOST_NUMBERS ||
        GROW(st->instances, st->instances_cap, st->ninstances, t->instances - st->ninstances) ||
        GROW(st->callable, st->callable_cap, st->ncallable, t->callable - st->ncallable))
        return -1;
    while (st->ninstances < t->instances)
        st->instances[st->ninstances++] = NULL;
    while (st->ncallable < t->callable)
        st->callable[st->ncallable++] = NULL;
    st->nspaces = t->spaces;
    return 0;
}

static int run(struct snap *s)
{
    struct totals all;
    archive_mark(s->a, "STOR");
    units(s);
    same_number(s, s->st->nhost_funcs);
    totals(s, &all);
    if (!s->a->failed)
        host_made(s);
    if (!s->a->failed)
        instances(s);
    if (!s->a->failed && !s->a->writing && skip_last_numbers(s->st, &all))
        archive_fail(s->a, "damaged: how much there is of everything");
    if (!s->a->failed)
        all_table_contents(s);
    archive_mark(s->a, "THRD");
    if (!s->a->failed)
        snap_threads(s);
    map_free(&s->maps);
    return s->a->failed ? -1 : 0;
}

int snapshot_write(struct store *st, struct archive *a)
{
    struct snap s = {.a = a, .st = st};
    return a->writing ? run(&s) : archive_fail(a, "the archive is not one to write to");
}

int snapshot_read(struct store *st, struct archive *a, const struct snapshot_source *source)
{
    struct snap s = {.a = a, .st = st, .source = source, .maps.by_offset = 1};
    for (uint32_t i = 0; i < st->nthreads; i++)
        if (st->threads[i])
            return archive_fail(a, "the store is in use");
    if (st->nunits || st->ninstances || a->writing)
        return archive_fail(a, "the store is in use");
    st->nthreads = 0;
    return run(&s);
}
