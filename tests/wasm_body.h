/* wasm_body.h - function bodies to be validated, each in a module with all that it may refer to. */
#ifndef TESTS_WASM_BODY_H
#define TESTS_WASM_BODY_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/wasm_bytes.h"
#include "wasmcore/module.h"

/*
 * What they may refer to:
 *   types     0 () -> ()   1 (i32) -> (i32)   2 () -> (i32 i64)   3 (i32 i64) -> (f32)
 *             4 () -> (i32)
 *   functions 0 imported of type 3;  1 of type 0, the body;  2 of type 0, in no segment or export
 *   tables    0 funcref, 1 externref
 *   memory    0
 *   globals   0 i32 imported, 1 i64 mutable, 2 externref mutable
 *   elements  0 passive funcref (function 0), 1 passive externref;  data 0 and 1, passive
 */
#define T0 "\x60\0\0"
#define T1 "\x60\1\x7f\1\x7f"
#define T2 "\x60\0\2\x7f\x7e"
#define T3 "\x60\2\x7f\x7e\1\x7d"
#define T4 "\x60\0\1\x7f"

struct scene {
    unsigned type; /* of the body's function */
    int memory, data_count;
};
static const struct scene usual = {0, 1, 1};

/* body: locals, instructions, end. */
static inline struct bytes module_of(struct scene scene, const void *body, size_t n)
{
    struct bytes b = {0}, code = {0};
    uint8_t functions[] = {2, (uint8_t)scene.type, 0};
    put_header(&b);
    SECTION(&b, 1, "\5" T0 T1 T2 T3 T4);
    SECTION(&b, 2, "\2\0\0\0\3\0\0\3\x7f\0");
    put_section(&b, 3, functions, sizeof functions);
    SECTION(&b, 4, "\2\x70\0\1\x6f\0\1");
    if (scene.memory)
        SECTION(&b, 5, "\1\0\1");
    SECTION(&b, 6, "\2\x7e\1\x42\0\x0b\x6f\1\xd0\x6f\x0b");
    SECTION(&b, 9, "\2\1\0\1\0\5\x6f\0");
    if (scene.data_count)
        SECTION(&b, 12, "\2");
    put_byte(&code, 2);
    put_u32(&code, (uint32_t)n);
    put(&code, body, n);
    PUT(&code, "\2\0\x0b");
    put_section(&b, 10, code.at, code.n);
    SECTION(&b, 11, "\2\1\0\1\0");
    free(code.at);
    return b;
}

static inline int validate(struct scene scene, const void *body, size_t n, struct module **m,
                           struct wasm_error *err)
{
    struct bytes b = module_of(scene, body, n);
    *m = NULL;
    memset(err, 0, sizeof *err);
    int rc = module_decode(b.at, b.n, NULL, m, err);
    free(b.at);
    return rc;
}

/* text: how the error begins; NULL: the body is valid. */
static inline void check(struct scene scene, const char *body, size_t n, const char *text)
{
    struct module *m;
    struct wasm_error err;
    char hex[200] = "";
    for (size_t i = 0; i < n && i < 60; i++)
        sprintf(hex + 3 * i, "%02x ", (uint8_t)body[i]);
    int rc = validate(scene, body, n, &m, &err);
    if (!text)
        cr_expect_eq(rc, 0, "%s: %s", hex, err.text);
    else
        cr_expect(rc < 0 && strncmp(err.text, text, strlen(text)) == 0,
                  "%s: expected \"%s\", got \"%s\"", hex, text, rc < 0 ? err.text : "no error");
    module_free(m);
}

struct body {
    const char *bytes;
    size_t n;
    const char *text;
};
#define GOOD(literal)                                                                              \
    {                                                                                              \
        "\0" literal "\x0b", sizeof(literal) + 1, NULL                                             \
    }
#define BAD(literal, text)                                                                         \
    {                                                                                              \
        "\0" literal "\x0b", sizeof(literal) + 1, text                                             \
    }
#define RAW(literal, text)                                                                         \
    {                                                                                              \
        literal, sizeof(literal) - 1, text                                                         \
    }

#define MISMATCH "type mismatch"

#define CHECK_ALL(scene, bodies)                                                                   \
    for (size_t i_ = 0; i_ < sizeof(bodies) / sizeof(bodies)[0]; i_++)                             \
    check(scene, (bodies)[i_].bytes, (bodies)[i_].n, (bodies)[i_].text)

#define I32         "\x41\0"
#define I64         "\x42\0"
#define F32         "\x43\0\0\0\0"
#define F64         "\x44\0\0\0\0\0\0\0\0"
#define REF         "\xd0\x6f" /* ref.null extern */
#define FUN         "\xd0\x70" /* ref.null func */
#define DROP        "\x1a"
#define UNREACHABLE "\0"
#define END         "\x0b"

#endif
