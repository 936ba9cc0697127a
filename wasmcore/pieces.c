/* pieces.c - names, types, limits, indices and constant expressions of the wasm binary format. */
#include "wasmcore/pieces.h"

#include <string.h>

int piece_count(struct decoder *d, uint32_t limit, const char *what, uint32_t *out)
{
    uint32_t at = here(d), n = reader_u32(&d->r);
    if (d->r.error)
        return FAIL(d, at, "unexpected end of section or function");
    if (n > reader_left(&d->r))
        return FAIL(d, at, "unexpected end of section or function: %u %s in %u bytes", n, what,
                    reader_left(&d->r));
    if (n > limit)
        return FAIL(d, at, "too many %s: %u, the limit is %u", what, n, limit);
    *out = n;
    return 0;
}

void *piece_extend(struct decoder *d, const void *array, uint32_t old, uint32_t n, size_t size)
{
    void *p = module_alloc(d->m, old + n, size);
    if (!p)
        (void)FAIL(d, here(d), "out of memory for %u elements", n);
    else if (old > 0)
        memcpy(p, array, old * size);
    return p;
}

int piece_name(struct decoder *d, struct name *out)
{
    uint32_t at = here(d), n = reader_u32(&d->r);
    if (!d->r.error && n > reader_left(&d->r))
        return FAIL(d, at, "length out of bounds: a name of %u bytes, %u are left", n,
                    reader_left(&d->r));
    const uint8_t *text = reader_bytes(&d->r, n);
    if (!text || !utf8_valid(text, n))
        return FAIL(d, at, "malformed UTF-8 encoding of a name");
    *out = (struct name){(const char *)text, n};
    return 0;
}

int piece_reftype(struct decoder *d, uint8_t *out)
{
    uint32_t at = here(d);
    *out = reader_u8(&d->r);
    if (!reftype_known(*out))
        return wasm_bad_type(d->err, &d->r, at, *out, "reference");
    return 0;
}

int piece_valtype(struct decoder *d, uint8_t *out)
{
    uint32_t at = here(d);
    *out = reader_u8(&d->r);
    if (!valtype_known(*out))
        return wasm_bad_type(d->err, &d->r, at, *out, "value");
    if (*out == VT_V128)
        d->m->has_v128 = 1;
    return 0;
}

#define LIMITS_MAX    1u
#define LIMITS_SHARED 2u
#define LIMITS_64     4u

static int bad_limits(struct decoder *d, uint32_t at, uint8_t flags)
{
    if (flags & 0x80)
        return FAIL(d, at, "integer representation too long: limits flags 0x%02x", flags);
    if (flags & 8)
        return FAIL(d, at, "integer too large: custom page sizes are not supported");
    if (flags & LIMITS_64)
        return FAIL(d, at, "integer too large: tables with 64-bit indices are not supported");
    if (flags == LIMITS_SHARED || flags == (LIMITS_SHARED | LIMITS_MAX))
        return FAIL(d, at,
                    "integer too large: shared tables (shared-everything threads) are not "
                    "supported");
    return FAIL(d, at, "integer too large: limits flags 0x%02x", flags);
}

/* allowed: the flags that may be set. */
static int read_limits(struct decoder *d, uint8_t allowed, struct limits *out)
{
    uint32_t at = here(d);
    uint8_t flags = reader_u8(&d->r);
    if (flags & ~allowed)
        return bad_limits(d, at, flags);
    out->has_max = (flags & LIMITS_MAX) != 0;
    out->shared = (flags & LIMITS_SHARED) != 0;
    out->is64 = (flags & LIMITS_64) != 0;
    out->min = out->is64 ? reader_u64(&d->r) : reader_u32(&d->r);
    out->max = out->is64 ? UINT64_MAX : UINT32_MAX;
    if (out->has_max)
        out->max = out->is64 ? reader_u64(&d->r) : reader_u32(&d->r);
    if (d->r.error || out->min > out->max)
        return FAIL(d, at, "size minimum must not be greater than maximum: %llu, %llu",
                    (unsigned long long)out->min, (unsigned long long)out->max);
    return 0;
}

int piece_table_type(struct decoder *d, struct table_type *out)
{
    if (d->r.at != d->r.end && *d->r.at == 0x40)
        return FAIL(d, here(d),
                    "malformed reference type: tables with an initial value (typed "
                    "function references) are not supported");
    if (piece_reftype(d, &out->elem))
        return -1;
    return read_limits(d, LIMITS_MAX, &out->limits);
}

/* Pages of all of a memory's addresses. */
static uint64_t address_pages(const struct limits *l)
{
    return UINT64_C(1) << (l->is64 ? 48 : 16);
}

int piece_memory_type(struct decoder *d, struct limits *out)
{
    uint32_t at = here(d);
    if (read_limits(d, LIMITS_MAX | LIMITS_SHARED | LIMITS_64, out))
        return -1;
    if (out->shared && !out->has_max)
        return FAIL(d, at, "shared memory must have maximum");
    if (out->min > address_pages(out) || (out->has_max && out->max > address_pages(out)))
        return FAIL(d, at, "memory size must be at most %s: %llu",
                    out->is64 ? "2^48 pages" : "65536 pages (4GiB)",
                    (unsigned long long)(out->has_max ? out->max : out->min));
    if (out->min > d->lim->pages)
        return FAIL(d, at, "memory size: %llu pages, the limit is %u", (unsigned long long)out->min,
                    d->lim->pages);
    return 0;
}

int piece_global_type(struct decoder *d, struct global_type *out)
{
    if (piece_valtype(d, &out->type))
        return -1;
    uint32_t at = here(d);
    out->mutable = reader_u8(&d->r);
    if (out->mutable == 2 || out->mutable == 3)
        return FAIL(d, at,
                    "malformed mutability 0x%02x: shared globals (shared-everything threads) are "
                    "not supported",
                    out->mutable);
    if (d->r.error || out->mutable > 1)
        return FAIL(d, at, "malformed mutability 0x%02x", out->mutable);
    return 0;
}

/* An index of `what` below n. */
int piece_index(struct decoder *d, uint32_t n, const char *what, uint32_t *out)
{
    uint32_t at = here(d);
    *out = reader_u32(&d->r);
    if (d->r.error || *out >= n)
        return FAIL(d, at, "unknown %s %u: there are %u", what, *out, n);
    return 0;
}

/* A function index outside of bodies: ref.func may name that function. */
int piece_func_ref(struct decoder *d, uint32_t *out)
{
    if (piece_index(d, d->m->nfuncs, "function", out))
        return -1;
    d->m->func_declared[*out >> 3] |= (uint8_t)(1u << (*out & 7));
    return 0;
}
