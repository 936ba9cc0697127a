/* test_constant.c - constant expressions with arithmetic: what is accepted, and their values. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/wasm_scene.h"

/* A module of one global of a type, exported as "g", with imports m.a (i32) and m.b (i64). */
static struct bytes module_of(unsigned type, const void *init, size_t n)
{
    struct bytes b = {0}, s = {0};
    put_header(&b);
    SECTION(&b, 2, "\2\1m\1a\3\x7f\0\1m\1b\3\x7e\0");
    PUT(&s, "\1");
    put_byte(&s, type);
    PUT(&s, "\0");
    put(&s, init, n);
    take_section(&b, 6, &s);
    SECTION(&b, 7, "\1\1g\3\2");
    free(s.at);
    return b;
}

struct value_case {
    unsigned type;
    const char *init;
    size_t n;
    uint64_t value;
};
#define VALUE(type, literal, value)                                                                \
    {                                                                                              \
        type, literal, sizeof(literal) - 1, value                                                  \
    }

static uint64_t value_of(struct scene *s, const struct value_case *c)
{
    struct bytes b = module_of(c->type, c->init, c->n);
    struct wasm_error err = {0, ""};
    struct instance *in;
    struct external x, imports[2] = {{.kind = EXT_GLOBAL}, {.kind = EXT_GLOBAL}};
    int module = store_load(s->st, "m", b.at, b.n, &err);
    cr_assert_geq(module, 0, "%s", err.text);
    imports[0].global = store_host_global(s->st, (struct global_type){VT_I32, 0}, 0x80000001);
    imports[1].global = store_host_global(s->st, (struct global_type){VT_I64, 0}, UINT64_MAX);
    cr_assert_eq(instance_new(s->st, module, imports, NULL, &in, &err), LINK_OK);
    cr_assert_eq(instance_export(in, "g", &x), 0);
    free(b.at);
    return gcell_get(x.global);
}

Test(constant, values)
{
    static const struct value_case cases[] = {
        VALUE(VT_I32, "\x41\7\x41\3\x6b\x0b", 4),
        VALUE(VT_I32, "\x41\3\x41\7\x6b\x0b", 0xfffffffc), /* the high half stays zero */
        VALUE(VT_I32, "\x23\0\x41\2\x6c\x0b", 2),          /* 0x80000001 * 2 */
        VALUE(VT_I32, "\x41\1\x23\0\x41\3\x6a\x6a\x0b", 0x80000005),
        VALUE(VT_I64, "\x23\1\x42\2\x7c\x0b", 1),
        VALUE(VT_I64, "\x42\0\x23\1\x7d\x0b", 1),
        VALUE(VT_I64, "\x23\1\x23\1\x7e\x0b", 1),
        VALUE(VT_I64, "\x42\1\x42\2\x42\3\x7d\x7d\x0b", 2), /* 1 - (2 - 3) */
    };
    struct scene s = scene_empty(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(value_of(&s, &cases[i]), cases[i].value, "case %zu", i);
    scene_drop(&s);
}

static void expect_refused(unsigned type, const void *init, size_t n, const char *text)
{
    struct bytes b = module_of(type, init, n);
    struct module *m;
    struct wasm_error err = {0, ""};
    cr_assert_eq(module_decode(b.at, b.n, NULL, &m, &err), -1);
    cr_assert_not_null(strstr(err.text, text), "\"%s\" is not in \"%s\"", text, err.text);
    free(b.at);
}
#define REFUSED(type, literal, text) expect_refused(type, literal, sizeof(literal) - 1, text)

Test(constant, refused)
{
    REFUSED(VT_I32, "\x6a\x0b", "type mismatch");
    REFUSED(VT_I32, "\x41\1\x6a\x0b", "type mismatch");
    REFUSED(VT_I32, "\x41\1\x42\1\x6a\x0b", "type mismatch");
    REFUSED(VT_I32, "\x42\1\x42\1\x6a\x0b", "type mismatch");
    REFUSED(VT_I32, "\x42\1\x42\1\x7c\x0b", "type mismatch");
    REFUSED(VT_I32, "\x41\1\x41\1\x6d\x0b", "constant expression required"); /* i32.div_s */
    REFUSED(VT_I32, "\x41\1\x41\1\x6a", "unexpected end");
}

/* n operands, then n - 1 additions. */
static struct bytes sum_of(uint32_t n)
{
    struct bytes b = {0};
    for (uint32_t i = 0; i < n; i++)
        PUT(&b, "\x41\1");
    for (uint32_t i = 1; i < n; i++)
        PUT(&b, "\x6a");
    PUT(&b, "\x0b");
    return b;
}

Test(constant, operands_are_limited)
{
    struct scene s = scene_empty(NULL);
    struct bytes most = sum_of(1000), more = sum_of(1001);
    struct value_case c = {VT_I32, (const char *)most.at, most.n, 1000};
    cr_assert_eq(value_of(&s, &c), 1000);
    expect_refused(VT_I32, more.at, more.n, "too many operands in a constant expression");
    free(most.at);
    free(more.at);
    scene_drop(&s);
}
