/* store.c - what modules of one machine share: comparable types, code, and modules themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmcore/large.h"
#include "wasmcore/lower.h"
#include "wasmcore/slots.h"
#include "wasmcore/state.h"
#include "wasmcore/trap.h"

const struct store_config store_default_config = {
    .limits = NULL,
    .stack_slots = 1u << 17,
    .call_depth = 20000,
    .int_registers = 16,
    .vector_registers = 16,
    .code_bytes_per_uop = 4,
};

/* An array that becomes large moves to where large pages begin, or half of it would be in small
 * ones. */
static void *grow_large(void *array, size_t old, size_t size)
{
    void *p = large_new(size);
    if (!p)
        return NULL;
    if (old > 0)
        memcpy(p, array, old);
    free(array);
    return p;
}

int store_grow_array(void **array, uint32_t *cap, uint32_t n, uint64_t more, size_t size)
{
    uint64_t want = n + more, room = *cap ? *cap : 16;
    if (want <= *cap)
        return 0;
    if (want > UINT32_MAX / 2)
        return -1;
    while (room < want)
        room *= 2;
    void *p = room * size < LARGE_LEAST ? realloc(*array, room * size)
                                        : grow_large(*array, n * size, room * size);
    if (!p)
        return -1;
    *array = p;
    *cap = (uint32_t)room;
    return 0;
}

/* ---- code ---- */

/* The code of a unit's functions lies in chunks, filled one after the other. */
#define CODE_CHUNK   ((size_t)64 << 10)
#define LARGE_CHUNK  ((size_t)2 << 20)
#define LARGE_MODULE ((size_t)128 << 10)
#define CODE_ALIGN   16u

struct code_chunk {
    struct code_chunk *next;
    size_t used, size;
    _Alignas(CODE_ALIGN) uint8_t data[];
};

static struct code_chunk *code_chunk_new(size_t least, int large)
{
    const size_t want = sizeof(struct code_chunk) + least;
    const size_t unit = large ? LARGE_CHUNK : CODE_CHUNK, size = (want + unit - 1) / unit * unit;
    struct code_chunk *c = large_new(size);
    if (!c)
        return NULL;
    c->used = 0;
    c->size = size - sizeof(*c);
    return c;
}

void *unit_code_room(struct unit *u, size_t bytes)
{
    struct code_chunk *c = u->code_chunks;
    bytes = (bytes + CODE_ALIGN - 1) & ~(size_t)(CODE_ALIGN - 1);
    if (!c || c->size - c->used < bytes) {
        if (!(c = code_chunk_new(bytes, u->module->nbytes >= LARGE_MODULE)))
            return NULL;
        c->next = u->code_chunks;
        u->code_chunks = c;
    }
    void *p = c->data + c->used;
    c->used += bytes;
    return p;
}

static void free_code(struct code_chunk *c)
{
    while (c) {
        struct code_chunk *next = c->next;
        large_free(c, sizeof(*c) + c->size);
        c = next;
    }
}

/* ---- types ---- */

/* FNV-1a over what makes types equal. */
static uint64_t type_hash(const struct functype *t)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ t->nparams;
    for (uint32_t i = 0; i < t->nparams + t->nresults; i++)
        h = (h ^ t->types[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static int rehash_types(struct store *st)
{
    uint32_t size = st->type_table_size ? st->type_table_size * 2 : 64;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return -1;
    for (uint32_t i = 0; i < st->ntypes; i++) {
        uint32_t at = (uint32_t)st->types[i]->hash & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = i + 1;
    }
    free(st->type_table);
    st->type_table = table;
    st->type_table_size = size;
    return 0;
}

static int add_type(struct store *st, const struct functype *type, uint64_t hash)
{
    const uint32_t n = type->nparams + type->nresults;
    struct interned_type *t = malloc(sizeof(*t) + n);
    if (!t || GROW(st->types, st->types_cap, st->ntypes, 1)) {
        free(t);
        return -1;
    }
    t->hash = hash;
    t->type = (struct functype){type->nparams, type->nresults, t->values};
    if (n > 0)
        memcpy(t->values, type->types, n);
    st->types[st->ntypes++] = t;
    return 0;
}

int store_intern(struct store *st, const struct functype *type, uint32_t *id)
{
    uint64_t hash = type_hash(type);
    if ((st->ntypes + 1) * 2 > st->type_table_size && rehash_types(st))
        return -1;
    uint32_t mask = st->type_table_size - 1, at = (uint32_t)hash & mask;
    for (; st->type_table[at]; at = (at + 1) & mask) {
        const struct interned_type *t = st->types[st->type_table[at] - 1];
        if (t->hash == hash && functype_equal(&t->type, type)) {
            *id = st->type_table[at] - 1;
            return 0;
        }
    }
    if (add_type(st, type, hash))
        return -1;
    st->type_table[at] = st->ntypes;
    *id = st->ntypes - 1;
    return 0;
}

const struct functype *store_type(const struct store *st, uint32_t id)
{
    return &st->types[id]->type;
}

/* ---- imports that are instructions ---- */

struct builtin_row {
    const char *module, *field;
    enum builtin what;
    struct functype type;
};

#define TYPES(...) ((const uint8_t[]){__VA_ARGS__, 0})
static const struct builtin_row builtin_rows[] = {
    {"pmem", "clwb", BI_CLWB, {1, 0, TYPES(VT_I32)}},
    {"pmem", "clflushopt", BI_CLFLUSHOPT, {1, 0, TYPES(VT_I32)}},
    {"pmem", "clflush", BI_CLFLUSH, {1, 0, TYPES(VT_I32)}},
    {"pmem", "sfence", BI_SFENCE, {0, 0, TYPES(0)}},
    {"pmem", "ntstore32", BI_NTSTORE32, {2, 0, TYPES(VT_I32, VT_I32)}},
    {"pmem", "ntstore64", BI_NTSTORE64, {2, 0, TYPES(VT_I32, VT_I64)}},
    {"pmem", "cycles", BI_CYCLES, {0, 1, TYPES(VT_I64)}},
    {"pwk", "roi", BI_ROI, {1, 0, TYPES(VT_I32)}},
    {"pwk", "mark", BI_MARK, {1, 0, TYPES(VT_I32)}},
    {"pwk", "tx", BI_TX, {3, 0, TYPES(VT_I32, VT_I32, VT_I32)}},
};

static const struct builtin_row *find_builtin(const struct import *im)
{
    for (size_t i = 0; i < sizeof(builtin_rows) / sizeof(builtin_rows[0]); i++) {
        const struct builtin_row *r = &builtin_rows[i];
        if (name_is(im->module, r->module) && name_is(im->field, r->field))
            return r;
    }
    return NULL;
}

static int bind_builtins(struct unit *u, struct wasm_error *err)
{
    const struct module *m = u->module;
    uint32_t f = 0;
    for (uint32_t i = 0; i < m->nimports; i++) {
        const struct import *im = &m->imports[i];
        const struct builtin_row *r = find_builtin(im);
        int known = r && im->kind == EXT_FUNC;
        err->offset = (uint32_t)((const uint8_t *)im->field.text - m->bytes);
        if (!known && (r || name_is(im->module, "pmem"))) {
            snprintf(err->text, sizeof(err->text),
                     "unknown import: module %s has no function (an instruction) named \"%.*s\"",
                     r ? r->module : "pmem", (int)(im->field.len < 60 ? im->field.len : 60),
                     im->field.text);
            return -1;
        }
        if (known && !functype_equal(&m->types[im->func_type], &r->type)) {
            snprintf(err->text, sizeof(err->text),
                     "incompatible import type: %s.%s is an instruction of another type", r->module,
                     r->field);
            return -1;
        }
        if (known)
            u->builtin[f] = (uint8_t)r->what;
        f += im->kind == EXT_FUNC;
    }
    return 0;
}

/* ---- names ---- */

static size_t put_text(char *to, size_t room, const char *text, size_t n)
{
    size_t len = n < room ? n : room;
    memcpy(to, text, len);
    text_mask(to, len);
    return len;
}

/* Text that is taken, at most: of a function's own name, of the module's, of each half of an
 * import's. */
#define OWN_NAME    280u
#define MODULE_NAME 200u
#define HALF_NAME   130u

/* "name.func[12]". By hand: there may be many. */
static size_t put_numbered(char *to, const char *name, uint32_t number)
{
    char digits[10];
    size_t n = strnlen(name, MODULE_NAME), k = 0;
    memcpy(to, name, n);
    memcpy(to + n, ".func[", 6);
    n += 6;
    do
        digits[k++] = (char)('0' + number % 10);
    while (number /= 10);
    while (k > 0)
        to[n++] = digits[--k];
    to[n++] = ']';
    return n;
}

/* One function's name with its NUL; the bytes used. */
static size_t put_name(const struct unit *u, const struct import *im, uint32_t f, char *to)
{
    const struct name *own = &u->module->funcs[f].name;
    size_t n;
    if (own->len > 0) {
        n = put_text(to, OWN_NAME, own->text, own->len);
    } else if (im) {
        n = put_text(to, HALF_NAME, im->module.text, im->module.len);
        to[n++] = '.';
        n += put_text(to + n, HALF_NAME, im->field.text, im->field.len);
    } else {
        n = put_numbered(to, u->name, f);
    }
    to[n++] = '\0';
    return n;
}

/* Names take no more than this. */
static size_t names_room(const struct unit *u)
{
    const struct module *m = u->module;
    const size_t numbered = strnlen(u->name, MODULE_NAME) + sizeof(".func[4294967295]");
    size_t room = 1;
    for (uint32_t f = 0; f < m->nfuncs; f++) {
        const struct name *own = &m->funcs[f].name;
        if (own->len > 0)
            room += own->len + 1;
        else
            room += f < m->nimported[EXT_FUNC] ? 2 * HALF_NAME + sizeof(".") : numbered;
    }
    return room;
}

/* All names one after the other, entered into the store's functions. */
static void put_names(struct store *st, const struct unit *u, char *to)
{
    const struct module *m = u->module;
    uint32_t f = 0;
    for (uint32_t i = 0; i < m->nimports + m->nfuncs - m->nimported[EXT_FUNC]; i++) {
        const struct import *im = i < m->nimports ? &m->imports[i] : NULL;
        if (im && im->kind != EXT_FUNC)
            continue;
        st->funcs[u->first_func + f] = (struct code_func){
            .name = to, .module = u->number, .index = f};
        to += put_name(u, im, f, to);
        f++;
    }
}

/* ---- modules ---- */

static void unit_free(struct unit *u)
{
    if (!u)
        return;
    free_code(u->code_chunks);
    free(u->codes);
    free(u->type_ids);
    free(u->builtin);
    free(u->import_calls);
    free(u->func_names);
    free(u->name);
    module_free(u->module);
    free(u);
}

static int unit_types(struct store *st, struct unit *u)
{
    const struct module *m = u->module;
    u->slot_types = slots_types(u->module);
    if (!u->slot_types)
        return -1;
    for (uint32_t i = 0; i < m->ntypes; i++) {
        if (store_intern(st, &m->types[i], &u->type_ids[i]))
            return -1;
    }
    return 0;
}

static int unit_names(struct store *st, struct unit *u)
{
    uint32_t n = u->module->nfuncs;
    if (GROW(st->funcs, st->funcs_cap, st->nfuncs, n) || !(u->func_names = malloc(names_room(u))))
        return -1;
    u->first_func = st->nfuncs;
    put_names(st, u, u->func_names);
    st->nfuncs += n;
    return 0;
}

/* Everything but adding it to the store's list. NULL with err filled. */
static struct unit *unit_new(struct store *st, const char *name, struct module *m,
                             struct wasm_error *err)
{
    struct unit *u = calloc(1, sizeof(*u));
    uint32_t nblocks = st->nblocks, nuops = st->nuops, nfuncs = st->nfuncs;
    *err = (struct wasm_error){0, "out of memory"};
    if (!u) {
        module_free(m);
        return NULL;
    }
    u->module = m;
    u->number = st->nunits;
    u->first_block = nblocks;
    u->name = strdup(name);
    u->type_ids = calloc(m->ntypes + 1, sizeof(*u->type_ids));
    u->codes = calloc(m->nfuncs + 1, sizeof(*u->codes));
    u->builtin = calloc(m->nimported[EXT_FUNC] + 1, 1);
    if (!u->name || !u->type_ids || !u->codes || !u->builtin || unit_types(st, u) ||
        bind_builtins(u, err) || unit_names(st, u) || lower_unit(st, u, err)) {
        unit_free(u);
        st->nblocks = nblocks;
        st->nuops = nuops;
        st->nfuncs = nfuncs;
        return NULL;
    }
    u->nblocks = st->nblocks - nblocks;
    return u;
}

int store_load(struct store *st, const char *name, const uint8_t *bytes, size_t n,
               struct wasm_error *err)
{
    struct module *m;
    if (module_read(bytes, n, st->cfg.limits, &m, err))
        return -1;
    if (GROW(st->units, st->units_cap, st->nunits, 1)) {
        *err = (struct wasm_error){0, "out of memory"};
        module_free(m);
        return -1;
    }
    struct unit *u = unit_new(st, name, m, err);
    if (!u)
        return -1;
    st->units[st->nunits++] = u;
    return (int)u->number;
}

const struct module *store_module(const struct store *st, int module)
{
    if (module < 0 || (uint32_t)module >= st->nunits)
        return NULL;
    return st->units[module]->module;
}

const char *store_module_name(const struct store *st, int module)
{
    if (module < 0 || (uint32_t)module >= st->nunits)
        return NULL;
    return st->units[module]->name;
}

uint64_t store_code_bytes(const struct store *st, int module)
{
    return st->units[module]->code_bytes;
}

void store_place_code(struct store *st, int module, uint64_t addr)
{
    const struct unit *u = st->units[module];
    for (uint32_t i = 0; i < u->nblocks; i++) {
        struct block *b = &st->blocks[u->first_block + i];
        b->code_addr = addr;
        addr += b->code_bytes;
    }
}

struct code_view store_code(const struct store *st)
{
    return (struct code_view){st->blocks, st->uops, st->funcs, st->nblocks, st->nuops, st->nfuncs};
}

/* ---- what can be called ---- */

int store_add_callable(struct store *st, struct func *f)
{
    if (GROW(st->callable, st->callable_cap, st->ncallable, 1))
        return -1;
    f->id = st->ncallable;
    st->callable[st->ncallable++] = f;
    return 0;
}

uint64_t func_ref(const struct func *f)
{
    return f ? (uint64_t)f->id + 1 : REF_NULL;
}

struct func *store_func(const struct store *st, uint64_t ref)
{
    return ref != REF_NULL && ref <= st->ncallable ? st->callable[ref - 1] : NULL;
}

const struct functype *func_type(const struct func *f)
{
    return f->type;
}

/* ---- made by the host ---- */

struct func *store_host_func(struct store *st, uint32_t number, const struct functype *type)
{
    struct func *f = calloc(1, sizeof(*f));
    if (!f || GROW(st->host_funcs, st->host_funcs_cap, st->nhost_funcs, 1) ||
        store_intern(st, type, &f->type_id) || store_add_callable(st, f)) {
        free(f);
        return NULL;
    }
    f->host = number;
    st->host_funcs[st->nhost_funcs++] = f;
    f->type = store_type(st, f->type_id);
    return f;
}

struct gcell *store_host_global(struct store *st, struct global_type type, uint64_t bits)
{
    struct gcell *g = calloc(1, sizeof(*g));
    if (!g || GROW(st->host_globals, st->host_globals_cap, st->nhost_globals, 1)) {
        free(g);
        return NULL;
    }
    g->type = type;
    gcell_set(g, bits);
    st->host_globals[st->nhost_globals++] = g;
    return g;
}

struct table *store_host_table(struct store *st, struct table_type type)
{
    return reftable_new(st, type, NULL);
}

struct space *store_space(struct store *st, const struct limits *type, uint32_t max_pages)
{
    uint64_t most = type->has_max && type->max < SPACE_MAX_PAGES ? type->max : SPACE_MAX_PAGES;
    if (max_pages && max_pages < most)
        most = max_pages;
    if (type->min > most)
        return NULL;
    struct space *s = space_new(st->pm, (uint32_t)type->min, (uint32_t)most, st->nspaces);
    if (!s)
        return NULL;
    s->type_max = type->max;
    s->has_max = type->has_max;
    s->shared = type->shared;
    s->is64 = type->is64;
    st->nspaces++;
    return s;
}

struct space *store_host_memory(struct store *st, struct limits limits)
{
    if (GROW(st->host_spaces, st->host_spaces_cap, st->nhost_spaces, 1))
        return NULL;
    struct space *s = store_space(st, &limits, 0);
    if (!s)
        return NULL;
    st->host_spaces[st->nhost_spaces++] = s;
    return s;
}

/* ---- the store ---- */

struct store *store_new(struct physmem *pm, const struct store_config *cfg)
{
    struct store *st = calloc(1, sizeof(*st));
    if (!st || trap_install()) {
        free(st);
        return NULL;
    }
    st->pm = pm;
    st->cfg = *cfg;
    if (GROW(st->blocks, st->blocks_cap, 0, 1)) {
        free(st);
        return NULL;
    }
    memset(&st->blocks[0], 0, sizeof(st->blocks[0]));
    st->nblocks = 1;
    return st;
}

static void free_all_types(struct store *st)
{
    for (uint32_t i = 0; i < st->ntypes; i++)
        free(st->types[i]);
    free(st->types);
    free(st->type_table);
}

static void free_host_made(struct store *st)
{
    for (uint32_t i = 0; i < st->nhost_funcs; i++)
        free(st->host_funcs[i]);
    for (uint32_t i = 0; i < st->nhost_globals; i++)
        free(st->host_globals[i]);
    for (uint32_t i = 0; i < st->nhost_spaces; i++)
        space_free(st->host_spaces[i]);
    while (st->tables)
        reftable_free(st, st->tables);
    free(st->host_funcs);
    free(st->host_globals);
    free(st->host_spaces);
}

void store_free(struct store *st)
{
    if (!st)
        return;
    for (uint32_t i = 0; i < st->nthreads; i++)
        if (st->threads[i])
            thread_drop(st->threads[i]);
    for (uint32_t i = st->ninstances; i-- > 0;) /* later ones need earlier ones */
        if (st->instances[i])
            instance_drop(st->instances[i]);
    free_host_made(st);
    for (uint32_t i = 0; i < st->nunits; i++)
        unit_free(st->units[i]);
    free_all_types(st);
    free(st->units);
    large_free(st->blocks, st->blocks_cap * sizeof(*st->blocks));
    large_free(st->uops, st->uops_cap * sizeof(*st->uops));
    free(st->funcs);
    free(st->callable);
    free(st->instances);
    free(st->threads);
    free(st);
}

uint32_t store_block_offset(const struct store *st, uint32_t block)
{
    const struct code_view v = store_code(st);
    if (block == 0 || block >= v.nblocks)
        return 0;
    const struct code_func *f = &v.funcs[v.blocks[block].func];
    const struct code *code = &st->units[f->module]->codes[f->index];
    for (uint32_t i = 0; i + 1 < code->ninsns; i++)
        if (code->insns[i].op == IN_BLOCK && LOG_BLOCK_ID(code->insns[i].imm) == block)
            return code_offset(st, code, i + 1);
    return 0;
}
