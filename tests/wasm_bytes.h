/* wasm_bytes.h - small wasm modules put together byte by byte, for the tests of wasmcore. */
#ifndef TESTS_WASM_BYTES_H
#define TESTS_WASM_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A growing run of bytes; freed by its user. A test that runs out of memory may die. */
struct bytes {
    uint8_t *at;
    size_t n, cap;
};

static inline void put(struct bytes *b, const void *p, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n);
        b->at = realloc(b->at, b->cap);
        if (!b->at)
            abort();
    }
    if (n > 0)
        memcpy(b->at + b->n, p, n);
    b->n += n;
}

static inline void put_byte(struct bytes *b, unsigned byte)
{
    uint8_t v = (uint8_t)byte;
    put(b, &v, 1);
}

static inline void put_u32(struct bytes *b, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_byte(b, v | 0x80);
    put_byte(b, v);
}

static inline void put_bytes(struct bytes *b, const struct bytes *other)
{
    put(b, other->at, other->n);
}

/* The bytes of a literal such as "\x60\0\0"; they may hold zeros. */
#define PUT(b, literal) put(b, literal, sizeof(literal) - 1)

static inline void put_header(struct bytes *b)
{
    PUT(b, "\0asm\1\0\0\0");
}

/* A section, or anything else that is an id, a size and contents. */
static inline void put_section(struct bytes *b, unsigned id, const void *p, size_t n)
{
    put_byte(b, id);
    put_u32(b, (uint32_t)n);
    put(b, p, n);
}

#define SECTION(b, id, literal) put_section(b, id, literal, sizeof(literal) - 1)

#endif
