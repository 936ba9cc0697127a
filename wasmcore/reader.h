/* reader.h - bounds-checked reading of the wasm binary format: bytes, LEB128, opcodes, immediates.
 */
#ifndef WASMCORE_READER_H
#define WASMCORE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A reader walks [at, end) and never leaves it. The first thing that goes wrong sets `error` (a
 * text in the specification's words) and `error_at`, and moves `at` to `end`: from then on every
 * read yields 0 and changes nothing, so callers may read several fields and look at `error` once.
 * In validated bytes no read fails.
 */
struct reader {
    const uint8_t *base; /* start of the module: offsets count from here */
    const uint8_t *at, *end;
    const char *error; /* NULL while all is well; a string constant */
    const uint8_t *error_at;
};

/* Read bytes[from .. to); the caller vouches for from <= to <= size of bytes. */
static inline struct reader reader_of(const uint8_t *bytes, uint32_t from, uint32_t to)
{
    struct reader r = {bytes, bytes + from, bytes + to, NULL, NULL};
    return r;
}

static inline uint32_t reader_offset(const struct reader *r)
{
    return (uint32_t)(r->at - r->base);
}

static inline uint32_t reader_left(const struct reader *r)
{
    return (uint32_t)(r->end - r->at);
}

static inline void reader_fail(struct reader *r, const char *error, const uint8_t *where)
{
    if (!r->error) {
        r->error = error;
        r->error_at = where;
    }
    r->at = r->end;
}

static inline uint8_t reader_u8(struct reader *r)
{
    if (r->at == r->end) {
        reader_fail(r, "unexpected end of section or function", r->at);
        return 0;
    }
    return *r->at++;
}

/* The next n bytes, or NULL. */
static inline const uint8_t *reader_bytes(struct reader *r, uint32_t n)
{
    const uint8_t *p = r->at;
    if (n > reader_left(r)) {
        reader_fail(r, "unexpected end of section or function", r->at);
        return NULL;
    }
    r->at += n;
    return p;
}

/*
 * LEB128 of an integer of `bits` bits, sign-extended to 64 when is_signed. As the specification
 * has it: at most ceil(bits / 7) bytes, and in the last of them the bits that the integer has no
 * room for must be zeros or, when signed, copies of the sign.
 */
static inline uint64_t reader_leb(struct reader *r, unsigned bits, int is_signed)
{
    const uint8_t *start = r->at;
    uint64_t value = 0;
    unsigned shift = 0;
    for (;;) {
        if (r->at == r->end) {
            reader_fail(r, "unexpected end of section or function", start);
            return 0;
        }
        uint8_t b = *r->at++;
        value |= (uint64_t)(b & 0x7f) << shift;
        shift += 7;
        if (shift < bits) {
            if (b & 0x80)
                continue;
            if (is_signed && (b & 0x40))
                value |= ~UINT64_C(0) << shift;
            return value;
        }
        unsigned used = bits - (shift - 7); /* of this last byte's 7 bits */
        unsigned spare = 0x7fu & (0x7fu << used), rest = b & spare;
        int negative = is_signed && (b >> (used - 1) & 1);
        if (b & 0x80)
            reader_fail(r, "integer representation too long", start);
        else if (rest != (negative ? spare : 0))
            reader_fail(r, "integer too large", start);
        if (r->error)
            return 0;
        if (negative && bits < 64)
            value |= ~UINT64_C(0) << bits;
        return value;
    }
}

static inline uint32_t reader_u32(struct reader *r)
{
    if (r->at != r->end && *r->at < 0x80)
        return *r->at++;
    return (uint32_t)reader_leb(r, 32, 0);
}

static inline uint64_t reader_u64(struct reader *r)
{
    return reader_leb(r, 64, 0);
}

static inline int32_t reader_s32(struct reader *r)
{
    return (int32_t)(uint32_t)reader_leb(r, 32, 1);
}

static inline int64_t reader_s33(struct reader *r)
{
    return (int64_t)reader_leb(r, 33, 1);
}

static inline int64_t reader_s64(struct reader *r)
{
    return (int64_t)reader_leb(r, 64, 1);
}

/* The bits of a float, little-endian in the binary. */
static inline uint32_t reader_f32(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 4);
    uint32_t v = 0;
    for (unsigned i = 0; p && i < 4; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static inline uint64_t reader_f64(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 8);
    uint64_t v = 0;
    for (unsigned i = 0; p && i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* An instruction's code as in ops.def and simd.def: one byte, 0xfcNN or 0xfeNN for prefixes 0xfc
 * and 0xfe, 0xfdNNN for prefix 0xfd. A number with more digits is an error; prefix 0xfb is returned
 * as that byte alone. */
static inline uint32_t reader_op(struct reader *r)
{
    const uint8_t *start = r->at;
    uint8_t b = reader_u8(r);
    if (b != 0xfc && b != 0xfd && b != 0xfe)
        return b;
    uint32_t n = reader_u32(r);
    if (b == 0xfd && n <= 0xfff)
        return 0xfd000u | n;
    if (n > 0xff) {
        reader_fail(r, "illegal opcode", start);
        return 0;
    }
    return (uint32_t)b << 8 | n;
}

/*
 * A block type: BLOCK_EMPTY, a value type (enum valtype) as BLOCK_VALUE(type), or the index of a
 * function type (>= 0). Whether the type or index exists is for validation to see.
 */
#define BLOCK_EMPTY         (-64)
#define BLOCK_VALUE(vt)     ((int64_t)(vt)-0x80)
#define BLOCK_VALUE_TYPE(b) ((uint8_t)((b) + 0x80)) /* of -64 < b < 0 */

static inline int64_t reader_block_type(struct reader *r)
{
    const uint8_t *start = r->at;
    int64_t v = reader_s33(r);
    if (v < 0 && r->at - start > 1) { /* empty and value types are single bytes */
        reader_fail(r, "malformed block type", start);
        return BLOCK_EMPTY;
    }
    return v;
}

#endif
