/* decode.c - the wasm binary format, from bytes to a struct module. */
#include "wasmcore/module.h"

#include <stdlib.h>
#include <string.h>

#include "wasmcore/large.h"
#include "wasmcore/pieces.h"

/*
 * WebAssembly 2.0 and the proposals that README.md names, chapter 5. A module is "\0asm", the
 * version, and sections (id, size, contents) in a fixed order, custom ones anywhere. All that the
 * standard demands of sections, indices and constant expressions is checked here, since whatever
 * one of them refers to stands before it; the bodies of functions are validate.c's. The reader
 * never goes past the section (and in code, the entry) it is in.
 */

/* ---- sections, in their order ---- */

/* Parameter or result types, into types; their number. */
static int read_types(struct decoder *d, uint8_t *types, uint32_t *n)
{
    if (piece_count(d, d->lim->params, "parameters or results", n))
        return -1;
    for (uint32_t i = 0; i < *n; i++)
        if (piece_valtype(d, &types[i]))
            return -1;
    return 0;
}

static int read_functype(struct decoder *d, struct functype *t, uint8_t *types)
{
    uint32_t at = here(d);
    uint8_t form = reader_u8(&d->r);
    if (form >= 0x4d && form <= 0x5f)
        return FAIL(d, at,
                    "integer representation too long: a type of form 0x%02x; %s is not supported",
                    form, form == 0x5d ? "stack switching" : "garbage collection");
    if (form == 0x65)
        return FAIL(d, at,
                    "integer representation too long: shared types (shared-everything threads) "
                    "are not supported");
    if (d->r.error || form != 0x60)
        return FAIL(d, at,
                    "integer representation too long: a function type begins with 0x60, "
                    "not 0x%02x",
                    form);
    t->types = types;
    if (read_types(d, types, &t->nparams))
        return -1;
    return read_types(d, types + t->nparams, &t->nresults);
}

static int type_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    if (piece_count(d, d->lim->types, "types", &n))
        return -1;
    uint8_t *pool = module_alloc(m, reader_left(&d->r), 1);
    if (!pool || EXTEND(d, m->types, 0, n))
        return FAIL(d, here(d), "out of memory for %u types", n);
    for (uint32_t i = 0; i < n; i++, m->ntypes++) {
        if (read_functype(d, &m->types[i], pool))
            return -1;
        pool += m->types[i].nparams + m->types[i].nresults;
    }
    return 0;
}

static int read_import(struct decoder *d, struct import *im)
{
    if (piece_name(d, &im->module) || piece_name(d, &im->field))
        return -1;
    uint32_t at = here(d);
    im->kind = reader_u8(&d->r);
    switch (im->kind) {
    case EXT_FUNC:
        return piece_index(d, d->m->ntypes, "type", &im->func_type);
    case EXT_TABLE:
        return piece_table_type(d, &im->table);
    case EXT_MEMORY:
        return piece_memory_type(d, &im->memory);
    case EXT_GLOBAL:
        return piece_global_type(d, &im->global);
    case 4:
        return FAIL(d, at, "malformed import kind: tags (exception handling) are not supported");
    default:
        return FAIL(d, at, "malformed import kind 0x%02x", im->kind);
    }
}

/* Put the imports at the start of the index spaces. */
static int place_imports(struct decoder *d)
{
    struct module *m = d->m;
    const uint32_t *n = m->nimported;
    if (EXTEND(d, m->funcs, 0, n[EXT_FUNC]) || EXTEND(d, m->tables, 0, n[EXT_TABLE]) ||
        EXTEND(d, m->mems, 0, n[EXT_MEMORY]) || EXTEND(d, m->globals, 0, n[EXT_GLOBAL]))
        return -1;
    for (uint32_t i = 0; i < m->nimports; i++) {
        const struct import *im = &m->imports[i];
        if (im->kind == EXT_FUNC)
            m->funcs[m->nfuncs++].type = im->func_type;
        else if (im->kind == EXT_TABLE)
            m->tables[m->ntables++] = im->table;
        else if (im->kind == EXT_MEMORY)
            m->mems[m->nmems++] = im->memory;
        else
            m->globals[m->nglobals++].type = im->global;
    }
    return 0;
}

static int too_many(struct decoder *d, uint32_t at, int memories)
{
    uint32_t limit = memories ? d->lim->memories : d->lim->tables;
    return FAIL(d, at, "%s %s: the limit is %u", limit == 1 ? "multiple" : "too many",
                memories ? "memories" : "tables", limit);
}

static int import_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n, at = here(d);
    if (piece_count(d, d->lim->imports, "imports", &n) || EXTEND(d, m->imports, 0, n))
        return -1;
    for (; m->nimports < n; m->nimports++) {
        struct import *im = &m->imports[m->nimports];
        if (read_import(d, im))
            return -1;
        m->nimported[im->kind]++;
    }
    if (m->nimported[EXT_MEMORY] > d->lim->memories || m->nimported[EXT_TABLE] > d->lim->tables)
        return too_many(d, at, m->nimported[EXT_MEMORY] > d->lim->memories);
    return place_imports(d);
}

static int function_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    if (piece_count(d, d->lim->functions, "functions", &n) || EXTEND(d, m->funcs, m->nfuncs, n))
        return -1;
    for (uint32_t i = 0; i < n; i++, m->nfuncs++)
        if (piece_index(d, m->ntypes, "type", &m->funcs[m->nfuncs].type))
            return -1;
    return 0;
}

static int table_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    uint32_t start = here(d);
    if (piece_count(d, UINT32_MAX, "tables", &n))
        return -1;
    if (m->ntables + (uint64_t)n > d->lim->tables)
        return too_many(d, start, 0);
    if (EXTEND(d, m->tables, m->ntables, n))
        return -1;
    for (uint32_t i = 0; i < n; i++, m->ntables++) {
        uint32_t at = here(d);
        if (piece_table_type(d, &m->tables[m->ntables]))
            return -1;
        d->table_entries += m->tables[m->ntables].limits.min;
        if (d->table_entries > d->lim->table_entries)
            return FAIL(d, at, "table size: the limit is %u entries", d->lim->table_entries);
    }
    return 0;
}

static int memory_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n, at = here(d);
    if (piece_count(d, UINT32_MAX, "memories", &n))
        return -1;
    if (m->nmems + (uint64_t)n > d->lim->memories)
        return too_many(d, at, 1);
    if (EXTEND(d, m->mems, m->nmems, n))
        return -1;
    for (uint32_t i = 0; i < n; i++, m->nmems++)
        if (piece_memory_type(d, &m->mems[m->nmems]))
            return -1;
    return 0;
}

static int global_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    if (piece_count(d, d->lim->globals, "globals", &n) || EXTEND(d, m->globals, m->nglobals, n))
        return -1;
    for (uint32_t i = 0; i < n; i++, m->nglobals++) {
        struct global *g = &m->globals[m->nglobals];
        if (piece_global_type(d, &g->type) || piece_const(d, g->type.type, &g->init))
            return -1;
    }
    return 0;
}

static int read_export(struct decoder *d, struct export *e)
{
    const struct module *m = d->m;
    if (piece_name(d, &e->name))
        return -1;
    uint32_t at = here(d);
    e->kind = reader_u8(&d->r);
    switch (e->kind) {
    case EXT_FUNC:
        return piece_func_ref(d, &e->index);
    case EXT_TABLE:
        return piece_index(d, m->ntables, "table", &e->index);
    case EXT_MEMORY:
        return piece_index(d, m->nmems, "memory", &e->index);
    case EXT_GLOBAL:
        return piece_index(d, m->nglobals, "global", &e->index);
    case 4:
        return FAIL(d, at, "malformed export kind: tags (exception handling) are not supported");
    default:
        return FAIL(d, at, "malformed export kind 0x%02x", e->kind);
    }
}

static int compare_names(struct name x, struct name y)
{
    if (x.len != y.len)
        return x.len < y.len ? -1 : 1;
    return memcmp(x.text, y.text, x.len);
}

static int compare_exports(const void *a, const void *b, void *exports)
{
    const struct export *e = exports;
    return compare_names(e[*(const uint32_t *)a].name, e[*(const uint32_t *)b].name);
}

static int check_export_names(struct decoder *d)
{
    const struct module *m = d->m;
    uint32_t *sorted = calloc(m->nexports + 1u, sizeof *sorted);
    int rc = 0;
    if (!sorted)
        return FAIL(d, here(d), "out of memory for %u exports", m->nexports);
    for (uint32_t i = 0; i < m->nexports; i++)
        sorted[i] = i;
    qsort_r(sorted, m->nexports, sizeof *sorted, compare_exports, m->exports);
    for (uint32_t i = 1; i < m->nexports && rc == 0; i++) {
        struct name name = m->exports[sorted[i]].name;
        if (compare_names(m->exports[sorted[i - 1]].name, name) == 0)
            rc = FAIL(d, (uint32_t)((const uint8_t *)name.text - m->bytes),
                      "duplicate export name \"%.*s\"", name.len > 80 ? 80 : (int)name.len,
                      name.text);
    }
    free(sorted);
    return rc;
}

static int export_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    if (piece_count(d, d->lim->exports, "exports", &n) || EXTEND(d, m->exports, 0, n))
        return -1;
    for (; m->nexports < n; m->nexports++)
        if (read_export(d, &m->exports[m->nexports]))
            return -1;
    return check_export_names(d);
}

static int start_section(struct decoder *d)
{
    const struct module *m = d->m;
    uint32_t index, at = here(d);
    if (piece_index(d, m->nfuncs, "function", &index))
        return -1;
    const struct functype *t = &m->types[m->funcs[index].type];
    if (t->nparams + t->nresults > 0)
        return FAIL(d, at, "start function: takes and returns nothing, function %u does", index);
    d->m->start = index;
    return 0;
}

/* An element segment's flags: bit 0 not active; bit 1 active: has a table index, else: declared;
 * bit 2 expressions instead of function indices. */
#define ELEM_NOT_ACTIVE  1u
#define ELEM_EXPLICIT    2u
#define ELEM_EXPRESSIONS 4u

static int read_elem_items(struct decoder *d, struct elem_segment *s, int expressions)
{
    struct const_expr *items;
    if (piece_count(d, UINT32_MAX, "elements", &s->n))
        return -1;
    items = module_alloc(d->m, s->n, sizeof *items);
    if (!items)
        return FAIL(d, here(d), "out of memory for %u elements", s->n);
    s->items = items;
    for (uint32_t i = 0; i < s->n; i++) {
        items[i] = (struct const_expr){.kind = CONST_FUNC, .type = VT_FUNCREF};
        if (expressions ? piece_const(d, s->type, &items[i]) : piece_func_ref(d, &items[i].index))
            return -1;
    }
    return 0;
}

static int read_elem(struct decoder *d, struct elem_segment *s)
{
    uint32_t start = here(d), flags = reader_u32(&d->r);
    if (flags > 7)
        return FAIL(d, start, "malformed element segment: flags %u", flags);
    s->mode = flags & ELEM_NOT_ACTIVE ? flags & ELEM_EXPLICIT ? SEG_DECLARED : SEG_PASSIVE
                                      : SEG_ACTIVE;
    if (s->mode == SEG_ACTIVE && (flags & ELEM_EXPLICIT))
        s->table = reader_u32(&d->r);
    if (d->r.error || (s->mode == SEG_ACTIVE && s->table >= d->m->ntables))
        return FAIL(d, start, "unknown table %u of an element segment", s->table);
    if (s->mode == SEG_ACTIVE && piece_const(d, VT_I32, &s->offset))
        return -1;
    s->type = VT_FUNCREF;
    uint32_t at = here(d);
    if ((flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)) && (flags & ELEM_EXPRESSIONS)) {
        if (piece_reftype(d, &s->type))
            return -1;
    } else if (flags & (ELEM_NOT_ACTIVE | ELEM_EXPLICIT)) {
        uint8_t kind = reader_u8(&d->r);
        if (kind != 0)
            return FAIL(d, at, "zero byte expected: element kind 0x%02x is not function", kind);
    }
    if (s->mode == SEG_ACTIVE && d->m->tables[s->table].elem != s->type)
        return FAIL(d, at, "type mismatch: elements are %s, table %u holds %s",
                    valtype_name(s->type), s->table, valtype_name(d->m->tables[s->table].elem));
    return read_elem_items(d, s, (flags & ELEM_EXPRESSIONS) != 0);
}

static int elem_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n;
    if (piece_count(d, d->lim->segments, "element segments", &n) || EXTEND(d, m->elems, 0, n))
        return -1;
    for (; m->nelems < n; m->nelems++)
        if (read_elem(d, &m->elems[m->nelems]))
            return -1;
    return 0;
}

static int data_count_section(struct decoder *d)
{
    d->m->data_count = reader_u32(&d->r);
    return 0;
}

/* Locals: runs of (count, type). */
static int read_locals(struct decoder *d, struct function *f)
{
    uint32_t n, at = here(d);
    uint64_t total = 0;
    struct local_run *runs;
    if (piece_count(d, UINT32_MAX, "runs of locals", &n))
        return -1;
    runs = module_alloc(d->m, n, sizeof *runs);
    if (!runs)
        return FAIL(d, at, "out of memory for %u runs of locals", n);
    f->runs = runs;
    f->nruns = n;
    for (uint32_t i = 0; i < n; i++) {
        runs[i].count = reader_u32(&d->r);
        if (piece_valtype(d, &runs[i].type))
            return -1;
        total += runs[i].count;
    }
    if (d->r.error || total > d->lim->locals)
        return FAIL(d, at, "too many locals: %llu, the limit is %u", (unsigned long long)total,
                    d->lim->locals);
    f->nlocals = (uint32_t)total;
    return 0;
}

static int read_code(struct decoder *d, struct function *f)
{
    const uint8_t *section_end = d->r.end;
    uint32_t at = here(d), size = reader_u32(&d->r);
    if (d->r.error || size > reader_left(&d->r))
        return FAIL(d, at, "unexpected end of section or function: a body of %u bytes, %u are left",
                    size, reader_left(&d->r));
    if (size > d->lim->body_bytes)
        return FAIL(d, at, "function body of %u bytes, the limit is %u", size, d->lim->body_bytes);
    f->body_end = here(d) + size;
    d->r.end = d->r.at + size;
    if (read_locals(d, f))
        return -1;
    f->body = here(d);
    d->r.at = d->r.end;
    d->r.end = section_end;
    return 0;
}

static int check_code_count(struct decoder *d, uint32_t at, uint32_t n)
{
    uint32_t defined = d->m->nfuncs - d->m->nimported[EXT_FUNC];
    if (n != defined)
        return FAIL(d, at, "function and code section have inconsistent lengths: %u and %u",
                    defined, n);
    return 0;
}

static int code_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n, at = here(d);
    if (piece_count(d, UINT32_MAX, "bodies", &n) || check_code_count(d, at, n))
        return -1;
    for (; d->ncode < n; d->ncode++)
        if (read_code(d, &m->funcs[m->nimported[EXT_FUNC] + d->ncode]))
            return -1;
    return 0;
}

static int read_data(struct decoder *d, struct data_segment *s)
{
    uint32_t at = here(d), flags = reader_u32(&d->r);
    if (flags > 2)
        return FAIL(d, at, "malformed data segment: flags %u", flags);
    s->mode = flags == 1 ? SEG_PASSIVE : SEG_ACTIVE;
    s->memory = flags == 2 ? reader_u32(&d->r) : 0;
    if (d->r.error || (s->mode == SEG_ACTIVE && s->memory >= d->m->nmems))
        return FAIL(d, at, "unknown memory %u of a data segment", s->memory);
    if (s->mode == SEG_ACTIVE &&
        piece_const(d, d->m->mems[s->memory].is64 ? VT_I64 : VT_I32, &s->offset))
        return -1;
    s->n = reader_u32(&d->r);
    s->at = here(d);
    if (!reader_bytes(&d->r, s->n))
        return FAIL(d, at, "unexpected end of section or function");
    return 0;
}

static int check_data_count(struct decoder *d, uint32_t at, uint32_t n)
{
    if (d->m->data_count >= 0 && d->m->data_count != n)
        return FAIL(d, at, "data count and data section have inconsistent lengths: %lld and %u",
                    (long long)d->m->data_count, n);
    return 0;
}

static int data_section(struct decoder *d)
{
    struct module *m = d->m;
    uint32_t n, at = here(d);
    if (piece_count(d, d->lim->segments, "data segments", &n) || check_data_count(d, at, n) ||
        EXTEND(d, m->datas, 0, n))
        return -1;
    for (; m->ndatas < n; m->ndatas++)
        if (read_data(d, &m->datas[m->ndatas]))
            return -1;
    return 0;
}

/* ---- the module ---- */

enum section_id {
    SEC_CUSTOM,
    SEC_TYPE,
    SEC_IMPORT,
    SEC_FUNCTION,
    SEC_TABLE,
    SEC_MEMORY,
    SEC_GLOBAL,
    SEC_EXPORT,
    SEC_START,
    SEC_ELEM,
    SEC_CODE,
    SEC_DATA,
    SEC_DATA_COUNT
};

static int custom_section(struct decoder *d)
{
    struct name name;
    if (piece_name(d, &name))
        return -1;
    if (name_is(name, "name") && d->names_end == 0) {
        d->names = here(d);
        d->names_end = d->names + reader_left(&d->r);
    }
    d->r.at = d->r.end;
    return 0;
}

static int section(struct decoder *d, uint8_t id)
{
    switch (id) {
    case SEC_TYPE:
        return type_section(d);
    case SEC_IMPORT:
        return import_section(d);
    case SEC_FUNCTION:
        return function_section(d);
    case SEC_TABLE:
        return table_section(d);
    case SEC_MEMORY:
        return memory_section(d);
    case SEC_GLOBAL:
        return global_section(d);
    case SEC_EXPORT:
        return export_section(d);
    case SEC_START:
        return start_section(d);
    case SEC_ELEM:
        return elem_section(d);
    case SEC_DATA_COUNT:
        return data_count_section(d);
    case SEC_CODE:
        return code_section(d);
    case SEC_DATA:
        return data_section(d);
    default:
        return custom_section(d);
    }
}

/* Called when all functions are known and nothing has referred to one yet. */
static int ready_func_declared(struct decoder *d)
{
    struct module *m = d->m;
    if (!m->func_declared)
        m->func_declared = module_alloc(m, m->nfuncs / 8 + 1, 1);
    if (!m->func_declared)
        return FAIL(d, here(d), "out of memory for %u functions", m->nfuncs);
    return 0;
}

/* Where a section stands in the order: *place is that of the last one, custom sections apart. */
static int check_order(struct decoder *d, uint32_t at, uint8_t id, uint8_t *place)
{
    static const uint8_t places[] = {
        [SEC_TYPE] = 1,   [SEC_IMPORT] = 2, [SEC_FUNCTION] = 3,    [SEC_TABLE] = 4,
        [SEC_MEMORY] = 5, [SEC_GLOBAL] = 6, [SEC_EXPORT] = 7,      [SEC_START] = 8,
        [SEC_ELEM] = 9,   [SEC_CODE] = 11,  [SEC_DATA_COUNT] = 10, [SEC_DATA] = 12,
    };
    if (id == 13)
        return FAIL(d, at, "malformed section id: tags (exception handling) are not supported");
    if (id == 14)
        return FAIL(d, at, "malformed section id 14: reference-typed strings are not supported");
    if (id > SEC_DATA_COUNT)
        return FAIL(d, at, "malformed section id %u", id);
    if (id == SEC_CUSTOM)
        return 0;
    if (places[id] <= *place)
        return FAIL(d, at,
                    "unexpected content after last section: section %u is out of order "
                    "or there twice",
                    id);
    if (places[id] > places[SEC_FUNCTION] && ready_func_declared(d))
        return -1;
    *place = places[id];
    return 0;
}

static int read_section(struct decoder *d, uint8_t *place)
{
    const uint8_t *file_end = d->r.end;
    uint32_t at = here(d);
    uint8_t id = reader_u8(&d->r);
    if (check_order(d, at, id, place))
        return -1;
    uint32_t size = reader_u32(&d->r);
    if (!d->r.error && size > reader_left(&d->r))
        return FAIL(d, at, "length out of bounds: section %u has %u bytes, %u are left", id, size,
                    reader_left(&d->r));
    if (d->r.error)
        return FAIL(d, at, "unexpected end of section or function");
    d->r.end = d->r.at + size;
    if (section(d, id))
        return -1;
    if (d->r.error || d->r.at != d->r.end)
        return FAIL(d, here(d), "section size mismatch: section %u has %u bytes too many", id,
                    reader_left(&d->r));
    d->r.end = file_end;
    return 0;
}

static int read_module(struct decoder *d)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'}, version[4] = {1, 0, 0, 0};
    const uint8_t *bytes = d->m->bytes;
    uint32_t n = d->m->nbytes;
    uint8_t place = 0;
    if (n < 8 && memcmp(bytes, magic, n < 4 ? n : 4) == 0)
        return FAIL(d, n, "unexpected end: a wasm module has at least 8 bytes");
    if (n < 8 || memcmp(bytes, magic, 4) != 0)
        return FAIL(d, 0, "magic header not detected: not a wasm module");
    if (bytes[6] == 1 && bytes[7] == 0) /* the layer */
        return FAIL(d, 4, "unknown binary version: components (component model) are not supported");
    if (memcmp(bytes + 4, version, 4) != 0)
        return FAIL(d, 4, "unknown binary version %u: only 1 is supported",
                    bytes[4] | bytes[5] << 8);
    d->r.at += 8;
    while (d->r.at != d->r.end)
        if (read_section(d, &place))
            return -1;
    if (ready_func_declared(d) || check_code_count(d, n, d->ncode) ||
        check_data_count(d, n, d->m->ndatas))
        return -1;
    module_read_names(d->m, d->names, d->names_end);
    return 0;
}

int module_read(const uint8_t *bytes, size_t n, const struct wasm_limits *limits,
                struct module **out, struct wasm_error *err)
{
    static const struct reader no_reader;
    struct decoder d = {.lim = limits ? limits : &wasm_default_limits, .err = err};
    if (n > d.lim->module_bytes)
        return wasm_fail(err, &no_reader, 0, "module too large: %zu bytes, the limit is %u", n,
                         d.lim->module_bytes);
    d.m = calloc(1, sizeof *d.m);
    if (d.m)
        d.m->bytes = large_new(n + 1); /* never of 0 bytes */
    if (!d.m || !d.m->bytes) {
        module_free(d.m);
        return wasm_fail(err, &no_reader, 0, "out of memory for %zu bytes", n);
    }
    d.m->nbytes = (uint32_t)n;
    if (n > 0)
        memcpy(d.m->bytes, bytes, n);
    d.m->start = d.m->data_count = -1;
    d.r = reader_of(d.m->bytes, 0, d.m->nbytes);
    if (read_module(&d)) {
        module_free(d.m);
        return -1;
    }
    *out = d.m;
    return 0;
}

int module_decode(const uint8_t *bytes, size_t n, const struct wasm_limits *limits,
                  struct module **out, struct wasm_error *err)
{
    struct module *m = NULL;
    if (module_read(bytes, n, limits, &m, err))
        return -1;
    if (module_validate(m, limits, err)) {
        module_free(m);
        return -1;
    }
    *out = m;
    return 0;
}
