/* module.c - what a decoded module is made of: its memory, its names, lookups, error texts. */
#include "wasmcore/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmcore/large.h"
#include "wasmcore/reader.h"

const struct wasm_limits wasm_default_limits = {
    .module_bytes = 256u << 20,
    .functions = 1000000,
    .types = 1000000,
    .params = 1000,
    .locals = 50000,
    .body_bytes = 7654321,
    .block_depth = 10000,
    .table_entries = 10000000,
    .pages = 65536,
    .memories = 1000,
    .tables = 100000,
    .globals = 1000000,
    .segments = 100000,
    .exports = 100000,
    .imports = 100000,
    .br_table = 65520,
    .operands = 1000000,
};

/*
 * All arrays of a module live in chunks that are freed together. Small requests share a chunk; a
 * large one gets its own, put behind the shared one in the list so that the latter goes on being
 * filled.
 */
#define CHUNK_BYTES 16384u
#define CHUNK_ALIGN 16u

struct module_chunk {
    struct module_chunk *next;
    size_t used, size;
    _Alignas(CHUNK_ALIGN) uint8_t data[];
};

static struct module_chunk *chunk_new(size_t size)
{
    struct module_chunk *c = calloc(1, sizeof(*c) + size);
    if (c)
        c->size = size;
    return c;
}

void *module_alloc(struct module *m, uint32_t n, size_t size)
{
    size_t bytes = (n * size + CHUNK_ALIGN) & ~(size_t)(CHUNK_ALIGN - 1); /* never 0 */
    struct module_chunk *head = m->chunks, *c;
    if (head && bytes <= head->size - head->used) {
        void *p = head->data + head->used;
        head->used += bytes;
        return p;
    }
    c = chunk_new(bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES);
    if (!c)
        return NULL;
    c->used = bytes;
    if (head && c->size == bytes) {
        c->next = head->next;
        head->next = c;
    } else {
        c->next = head;
        m->chunks = c;
    }
    return c->data;
}

void module_free(struct module *m)
{
    if (!m)
        return;
    for (struct module_chunk *c = m->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    large_free(m->bytes, m->nbytes + (size_t)1);
    free(m);
}

int name_is(struct name name, const char *text)
{
    size_t n = strlen(text);
    return n == name.len && (n == 0 || memcmp(name.text, text, n) == 0);
}

int functype_equal(const struct functype *a, const struct functype *b)
{
    return a->nparams == b->nparams && a->nresults == b->nresults &&
           memcmp(a->types, b->types, (size_t)a->nparams + a->nresults) == 0;
}

const char *valtype_name(uint8_t type)
{
    switch (type) {
    case VT_NONE:
        return "any";
    case VT_I32:
        return "i32";
    case VT_I64:
        return "i64";
    case VT_F32:
        return "f32";
    case VT_F64:
        return "f64";
    case VT_V128:
        return "v128";
    case VT_FUNCREF:
        return "funcref";
    case VT_EXTERNREF:
        return "externref";
    default:
        return "no value type";
    }
}

int reftype_known(uint8_t type)
{
    return type == VT_FUNCREF || type == VT_EXTERNREF;
}

int valtype_known(uint8_t type)
{
    return (type <= VT_I32 && type >= VT_V128) || reftype_known(type);
}

const struct export *module_export(const struct module *m, const char *name, enum extern_kind kind)
{
    for (uint32_t i = 0; i < m->nexports; i++)
        if (m->exports[i].kind == kind && name_is(m->exports[i].name, name))
            return &m->exports[i];
    return NULL;
}

void text_mask(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = (uint8_t)text[i], next = i + 1 < n ? (uint8_t)text[i + 1] : 0;
        if (c < 0x20 || c == 0x7f)
            text[i] = '?';
        else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
            text[i] = text[i + 1] = '?';
    }
}

int wasm_fail(struct wasm_error *err, const struct reader *r, uint32_t offset, const char *format,
              ...)
{
    va_list args;
    if (r->error) {
        err->offset = (uint32_t)(r->error_at - r->base);
        snprintf(err->text, sizeof(err->text), "%s", r->error);
        return -1;
    }
    err->offset = offset;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    text_mask(err->text, strlen(err->text));
    return -1;
}

static const char *feature_of_type(uint8_t type)
{
    if (type == 0x63 || type == 0x64) /* (ref null T), (ref T) */
        return "typed function references";
    if (type == 0x69 || type == 0x74) /* exnref, nullexnref */
        return "exception handling";
    if (type == 0x68 || type == 0x75) /* contref, nullcontref */
        return "stack switching";
    if (type == 0x67 || type == 0x66 || type == 0x62 || type == 0x61) /* stringref, its views */
        return "reference-typed strings";
    if (type == 0x65) /* shared */
        return "shared-everything threads";
    if ((type >= 0x6a && type <= 0x73) || type == 0x77 || type == 0x78)
        return "garbage collection"; /* anyref and its kin, packed fields */
    return NULL;
}

static int bad_type(struct wasm_error *err, const struct reader *r, uint32_t at, uint8_t type,
                    const char *what, const char *feature)
{
    if (feature)
        return wasm_fail(err, r, at, "malformed %s type 0x%02x (%s): not supported", what, type,
                         feature);
    return wasm_fail(err, r, at, "malformed %s type 0x%02x", what, type);
}

int wasm_bad_type(struct wasm_error *err, const struct reader *r, uint32_t at, uint8_t type,
                  const char *what)
{
    return bad_type(err, r, at, type, what, feature_of_type(type));
}

int wasm_bad_null(struct wasm_error *err, const struct reader *r, uint32_t at, uint8_t type)
{
    const int is_index = type < 0x40 || type >= 0x80; /* an s33 that is not negative, or longer */
    return bad_type(err, r, at, type, "reference",
                    is_index ? "typed function references" : feature_of_type(type));
}

/* Bytes of the well-formed UTF-8 sequence at p, or 0 (RFC 3629: no overlong forms, no surrogates,
 * nothing past U+10FFFF). */
static unsigned utf8_sequence(const uint8_t *p, const uint8_t *end)
{
    unsigned n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] > 0xf4 || n == 0 || (size_t)(end - p) < n)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

int utf8_valid(const uint8_t *text, uint32_t n)
{
    const uint8_t *end = text + n;
    while (text < end) {
        unsigned bytes = utf8_sequence(text, end);
        if (bytes == 0)
            return 0;
        text += bytes;
    }
    return 1;
}

/* ---- the name section: subsections (id, size, contents); 0 is the module's name, 1 a vector of
 * (function index, name). Others are left alone. ---- */

static struct name read_custom_name(struct reader *r)
{
    struct name name = {"", 0};
    uint32_t n = reader_u32(r);
    const uint8_t *text = reader_bytes(r, n);
    if (text && utf8_valid(text, n))
        name = (struct name){(const char *)text, n};
    else
        reader_fail(r, "malformed name", r->at);
    return name;
}

static void read_function_names(struct module *m, struct reader *r)
{
    uint32_t n = reader_u32(r);
    for (uint32_t i = 0; i < n && !r->error; i++) {
        uint32_t index = reader_u32(r);
        struct name name = read_custom_name(r);
        if (!r->error && index < m->nfuncs)
            m->funcs[index].name = name;
    }
}

void module_read_names(struct module *m, uint32_t from, uint32_t to)
{
    struct reader r = reader_of(m->bytes, from, to);
    while (reader_left(&r) > 0) {
        uint8_t id = reader_u8(&r);
        uint32_t size = reader_u32(&r);
        uint32_t start = reader_offset(&r);
        if (!reader_bytes(&r, size))
            break;
        struct reader sub = reader_of(m->bytes, start, start + size);
        if (id == 0)
            m->name = read_custom_name(&sub);
        else if (id == 1)
            read_function_names(m, &sub);
    }
    for (uint32_t i = 0; i < m->nexports; i++) {
        const struct export *e = &m->exports[i];
        if (e->kind == EXT_FUNC && m->funcs[e->index].name.len == 0)
            m->funcs[e->index].name = e->name;
    }
}
