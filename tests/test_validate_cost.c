/* test_validate_cost.c - what validation says of valid bodies, and that no body costs much more
 * than its length. */
#include <time.h>

#include "tests/wasm_body.h"

/* ---- what lowering relies on ---- */

static void expect_shape(const char *body, size_t n, uint32_t height, uint32_t depth)
{
    struct module *m;
    struct wasm_error err;
    cr_assert_eq(validate(usual, body, n, &m, &err), 0, "%s", err.text);
    cr_expect_eq(m->funcs[1].max_height, height);
    cr_expect_eq(m->funcs[1].max_depth, depth);
    cr_expect(m->func_declared[0] & 1 && !(m->func_declared[0] & 6));
    module_free(m);
}

Test(validate, heights_and_depths)
{
#define SHAPE(literal, height, depth) expect_shape(literal, sizeof(literal) - 1, height, depth)
    SHAPE("\0\x0b", 0, 1);
    SHAPE("\0" I32 I32 "\x6a" I32 "\x6a" DROP END, 2, 1);
    SHAPE("\0\x02\x40\x03\x40" END END "\x02\x40" END END, 0, 3);
    SHAPE("\0\x02\x02" I32 I64 END DROP DROP END, 2, 2);
    SHAPE("\0" I64 "\x02\x02" I32 I64 END DROP DROP DROP END, 3, 2);
    SHAPE("\0" I32 I64 "\x10\0" DROP END, 2, 1);
    SHAPE("\0" UNREACHABLE I32 I32 I32 DROP DROP DROP END, 3, 1);
}

/* An error says where: the offset is that of the instruction. */
Test(validate, offsets)
{
    struct module *m;
    struct wasm_error err;
    static const char body[] = "\0\x01\x41\0\x41\0\x01\x7c\x1a\x0b";
    struct bytes b = module_of(usual, body, sizeof body - 1);
    uint8_t *at = memmem(b.at, b.n, body, sizeof body - 1);
    cr_assert_eq(module_decode(b.at, b.n, NULL, &m, &err), -1);
    cr_expect_eq(err.offset, at + 7 - b.at);
    cr_expect_str_eq(err.text, "type mismatch: i64.add needs i64, found i32");
    free(b.at);
}

/* ---- harm ---- */

/* Two bodies that use much of the format; any byte replaced by any other does no harm. */
Test(validate, every_byte_changed)
{
    static const char body[] = "\2\1\x7f\2\x6f"
                               "\x02\x40\x03\x01\x41\5\x0d\0\x04\x7f\x41\1\x05\x41\2\x0b\x0b"
                               "\x20\0\x0e\2\0\1\1\x0b"
                               "\x41\0\x41\1\x41\2\x1b\x28\2\4\x1a"
                               "\x20\1\x20\2\x41\1\x1c\1\x6f\x21\1"
                               "\x41\1\x42\2\x41\0\x11\3\0\xfc\1\x1a"
                               "\x41\1\x41\1\x41\1\xfc\x08\1\0\xd2\0\xd1\x1a\x0b";
    char changed[sizeof body];
    struct module *m;
    struct wasm_error err;
    unsigned refused = 0, runs = 0;
    for (size_t i = 0; i < sizeof body - 1; i++)
        for (unsigned x = 1; x < 256; x++, runs++) {
            memcpy(changed, body, sizeof body);
            changed[i] = (char)(changed[i] ^ (char)x);
            int rc = validate(usual, changed, sizeof body - 1, &m, &err);
            cr_assert(rc == 0 || err.text[0] != 0);
            refused += rc < 0;
            module_free(m);
        }
    cr_expect_gt(refused, runs / 2);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* head, n times element, tail as the body. */
static void check_large(const char *head, size_t nhead, const char *element, size_t nelement,
                        size_t n, const char *tail, size_t ntail, const char *text)
{
    struct bytes b = {0};
    double start = seconds();
    put(&b, head, nhead);
    for (size_t i = 0; i < n; i++)
        put(&b, element, nelement);
    put(&b, tail, ntail);
    check(usual, (const char *)b.at, b.n, text);
    cr_expect_lt(seconds() - start, 1.0);
    free(b.at);
}
#define LARGE(head, element, n, tail, text)                                                        \
    check_large(head, sizeof(head) - 1, element, sizeof(element) - 1, n, tail, sizeof(tail) - 1,   \
                text)

/* A MiB of each thing that could cost more than its length. */
Test(validate, large_bodies)
{
    const uint32_t mib = 1u << 20;
    LARGE("\0", "\x02\x40", mib / 2, "\x0b", "blocks nested too deep: the limit is 10000");
    LARGE("\0", "\x04\x40", mib / 2, "\x0b", "type mismatch");
    LARGE("\0", "\x02\x40\x0b", mib / 3, "\x0b", NULL);
    LARGE("\0", "\x01", mib, "", "unexpected end of section or function");
    LARGE("\0", I32, mib / 2, "\x0f\x0b", NULL);
    LARGE("\0", I32, mib, "\x0f\x0b", "too many operands on the stack: the limit is 1000000");
    LARGE("\0", I32 DROP, mib / 3, "\x0b", NULL);
    LARGE("\0" I32 "\x0e\xef\xff\3", "\0", 65520 - 1, "\0\0\x0b", NULL);
    LARGE("\0" I32 "\x0e\xff\xff\x3f", "\0", mib, "\x0b", "too many labels of br_table");
    LARGE("\x80\x80\x20", "\0\x7f", mib / 2, "\x0b", NULL); /* as many runs of no locals */
    LARGE("\0", "\x23\0\x0d\0", mib / 4, "\x0b", NULL);
    LARGE("\0\0", "\x0b", mib, "", "END opcode expected");
}

/* Ten thousand functions with fifty thousand locals each, in a few bytes a function. */
Test(validate, many_locals)
{
    struct bytes b = {0}, code = {0}, types = {0};
    struct module *m = NULL;
    struct wasm_error err;
    const uint32_t n = 10000;
    double start = seconds();
    put_header(&b);
    SECTION(&b, 1, "\1\x60\0\0");
    put_u32(&types, n);
    put_u32(&code, n);
    for (uint32_t i = 0; i < n; i++) {
        put_byte(&types, 0);
        PUT(&code, "\x0b\1\xd0\x86\3\x7f\x20\xcf\x86\3\x1a\x0b");
    }
    put_section(&b, 3, types.at, types.n);
    put_section(&b, 10, code.at, code.n);
    cr_expect_eq(module_decode(b.at, b.n, NULL, &m, &err), 0, "%s", err.text);
    cr_expect_lt(seconds() - start, 0.5);
    module_free(m);
    free(b.at);
    free(types.at);
    free(code.at);
}

/* How long a body takes, without locals and end, in a module whose types 1 and 2 return a thousand
 * i32, the second takes as many, and functions 0 and 1 are imported and of these. It is valid. */
static double time_wide(const struct bytes *body)
{
    struct bytes b = {0}, types = {0}, code = {0};
    struct module *m = NULL;
    struct wasm_error err;
    PUT(&types, "\3" T0 "\x60\0\xe8\7");
    for (int i = 0; i < 3000; i++) {
        if (i % 2000 == 1000)
            PUT(&types, "\x60\xe8\7");
        if (i == 2000)
            PUT(&types, "\xe8\7");
        put_byte(&types, VT_I32);
    }
    put_byte(&code, 1);
    put_u32(&code, (uint32_t)body->n + 2);
    put_byte(&code, 0);
    put_bytes(&code, body);
    PUT(&code, END);
    put_header(&b);
    put_section(&b, 1, types.at, types.n);
    SECTION(&b, 2, "\2\0\0\0\1\0\0\0\2");
    SECTION(&b, 3, "\1\0");
    put_section(&b, 10, code.at, code.n);
    double start = seconds();
    cr_expect_eq(module_decode(b.at, b.n, NULL, &m, &err), 0, "%s", err.text);
    const double took = seconds() - start;
    module_free(m);
    free(b.at);
    free(types.at);
    free(code.at);
    return took;
}

/* br_tables that name one label of a thousand values 65,520 times each. */
Test(validate, wide_labels)
{
    struct bytes body = {0};
    for (int i = 0; i < 40; i++) {
        PUT(&body, "\x02\1\x10\0" I32 "\x0e\xef\xff\3");
        for (int j = 0; j < 65520; j++)
            put_byte(&body, 0);
        PUT(&body, END "\x02\x40\x0c\1" END "\x0c\0");
    }
    cr_expect_lt(time_wide(&body), 0.5);
    free(body.at);
}

/* Two to five bytes each that take and give a thousand values cost no more than a few that take and
 * give none, not a thousand times as much. */
Test(validate, wide_calls_blocks_and_branches)
{
    static const struct body elements[] = {RAW("\x02\x40" END, NULL), RAW("\x10\1", NULL),
                                           RAW("\x02\2" END, NULL), RAW("\x03\2" END, NULL),
                                           RAW("\x02\2\x0c\0" END, NULL)};
    double narrow = 0;
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        struct bytes body = {0};
        PUT(&body, "\x10\0");
        while (body.n < 500000)
            put(&body, elements[i].bytes, elements[i].n);
        PUT(&body, "\0");
        const double took = time_wide(&body);
        if (i == 0)
            narrow = took;
        else
            cr_expect_lt(took, 15 * narrow, "%zu: %.3f s, narrow %.3f s", i, took, narrow);
        free(body.at);
    }
}
