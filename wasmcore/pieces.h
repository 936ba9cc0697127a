/* pieces.h - a decoder at work, and the pieces that sections of the wasm format are made of. */
#ifndef WASMCORE_PIECES_H
#define WASMCORE_PIECES_H

#include "wasmcore/module.h"
#include "wasmcore/reader.h"

/*
 * Private to decode.c. Each function takes its piece from the reader; 0, or -1 with the error set.
 * An error of the reader comes before any other, so what was read may be checked first and the
 * reader looked at in the end.
 */
struct decoder {
    struct module *m;
    const struct wasm_limits *lim;
    struct wasm_error *err;
    struct reader r;
    uint32_t ncode;
    uint32_t names, names_end; /* contents of the name section */
    uint64_t table_entries;
};

#define FAIL(d, offset, ...) (wasm_fail((d)->err, &(d)->r, offset, __VA_ARGS__), -1)

static inline uint32_t here(const struct decoder *d)
{
    return reader_offset(&d->r);
}

/* The length of a vector of `what`: no more than there are bytes left (each element takes at least
 * one), or than the limit. */
int piece_count(struct decoder *d, uint32_t limit, const char *what, uint32_t *out);

/* An array with room for n elements after copies of the first `old` of array; NULL with the error
 * set when the host has no memory. */
void *piece_extend(struct decoder *d, const void *array, uint32_t old, uint32_t n, size_t size);
#define EXTEND(d, array, old, n)                                                                   \
    (((array) = piece_extend(d, array, old, n, sizeof *(array))) ? 0 : -1)

int piece_name(struct decoder *d, struct name *out);
int piece_reftype(struct decoder *d, uint8_t *out);
int piece_valtype(struct decoder *d, uint8_t *out);
int piece_table_type(struct decoder *d, struct table_type *out);
int piece_memory_type(struct decoder *d, struct limits *out);
int piece_global_type(struct decoder *d, struct global_type *out);

/* An index of `what` below n. */
int piece_index(struct decoder *d, uint32_t n, const char *what, uint32_t *out);
/* A function index outside of bodies: ref.func may name that function from then on. */
int piece_func_ref(struct decoder *d, uint32_t *out);
/* constant.c: a constant expression of that type, its end included. */
int piece_const(struct decoder *d, uint8_t type, struct const_expr *out);

#endif
