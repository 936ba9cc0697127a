/* test_decode.c - the wasm binary format: numbers, names, sections, limits, and input that is bad.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/wasm_bytes.h"
#include "wasmcore/module.h"
#include "wasmcore/reader.h"

/* Decode from memory of exactly that size, so that a sanitizer sees every read past it. */
static struct module *decode(const uint8_t *bytes, size_t n, const struct wasm_limits *limits,
                             struct wasm_error *err)
{
    struct module *m = NULL;
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (n > 0)
        memcpy(exact, bytes, n);
    memset(err, 0, sizeof *err);
    int rc = module_decode(exact, n, limits, &m, err);
    free(exact);
    cr_assert_eq(rc, m ? 0 : -1);
    if (rc) {
        cr_assert_neq(err->text[0], 0, "an error without a text");
        cr_assert_leq(err->offset, n);
    }
    return m;
}

static struct module *decode_ok(const struct bytes *b)
{
    struct wasm_error err;
    struct module *m = decode(b->at, b->n, NULL, &err);
    cr_assert(m, "%s at %u", err.text, err.offset);
    return m;
}

/* The module is refused, with a text that has `part` in it. */
static void expect_error(const struct bytes *b, const struct wasm_limits *limits, const char *part)
{
    struct wasm_error err;
    struct module *m = decode(b->at, b->n, limits, &err);
    cr_expect(!m, "accepted, expected \"%s\"", part);
    if (!m)
        cr_expect(strstr(err.text, part), "expected \"%s\", got \"%s\"", part, err.text);
    module_free(m);
}

/* ---- numbers ---- */

enum integer { U32, S32, S33, S64, U64 };

static uint64_t read_integer(struct reader *r, enum integer kind)
{
    switch (kind) {
    case U32:
        return reader_u32(r);
    case S32:
        return (uint64_t)(int64_t)reader_s32(r);
    case S33:
        return (uint64_t)reader_s33(r);
    case S64:
        return (uint64_t)reader_s64(r);
    default:
        return reader_u64(r);
    }
}

#define LEB(kind, literal, value, error)                                                           \
    {                                                                                              \
        kind, literal, sizeof(literal) - 1, value, error                                           \
    }

Test(decode, leb128)
{
    static const char *const end = "unexpected end", *const too_long = "integer representation",
                             *const too_large = "integer too large";
    static const struct {
        enum integer kind;
        const char *bytes;
        uint32_t n;
        uint64_t value;
        const char *error;
    } cases[] = {
        LEB(U32, "\x00", 0, NULL),
        LEB(U32, "\x7f", 127, NULL),
        LEB(U32, "\xe5\x8e\x26", 624485, NULL), /* the example of DWARF's and wasm's documents */
        LEB(U32, "\x80\x80\x80\x80\x00", 0, NULL),
        LEB(U32, "\xff\xff\xff\xff\x0f", UINT32_MAX, NULL),
        LEB(U32, "\xff\xff\xff\xff\x1f", 0, too_large),
        LEB(U32, "\x80\x80\x80\x80\x80\x00", 0, too_long),
        LEB(U32, "\x80\x80\x80\x80", 0, end),
        LEB(U32, "", 0, end),
        LEB(S32, "\xc0\xbb\x78", (uint64_t)-123456, NULL),
        LEB(S32, "\x3f", 63, NULL),
        LEB(S32, "\x40", (uint64_t)-64, NULL),
        LEB(S32, "\xff\xff\xff\xff\x07", INT32_MAX, NULL),
        LEB(S32, "\x80\x80\x80\x80\x78", (uint64_t)INT32_MIN, NULL),
        LEB(S32, "\x80\x80\x80\x80\x08", 0, too_large), /* 2^31 */
        LEB(S32, "\x80\x80\x80\x80\x38", 0, too_large), /* spare bits are not copies of the sign */
        LEB(S32, "\xff\xff\xff\xff\xff\x7f", 0, too_long),
        LEB(S33, "\x40", (uint64_t)-64, NULL),
        LEB(S33, "\xff\xff\xff\xff\x0f", UINT32_MAX, NULL),
        LEB(S33, "\x80\x80\x80\x80\x70", (uint64_t) - (INT64_C(1) << 32), NULL),
        LEB(S33, "\x80\x80\x80\x80\x10", 0, too_large), /* 2^32 */
        LEB(S64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", INT64_MAX, NULL),
        LEB(S64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", (uint64_t)INT64_MIN, NULL),
        LEB(S64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 0, too_large),
        LEB(S64, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 0, too_long),
        LEB(U64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", UINT64_MAX, NULL),
        LEB(U64, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03", 0, too_large),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reader r = reader_of((const uint8_t *)cases[i].bytes, 0, cases[i].n);
        uint64_t v = read_integer(&r, cases[i].kind);
        cr_expect_eq(v, cases[i].value, "case %zu: %llx", i, (unsigned long long)v);
        if (!cases[i].error)
            cr_expect(!r.error && r.at == r.end, "case %zu: %s", i, r.error);
        else
            cr_expect(r.error && strncmp(r.error, cases[i].error, strlen(cases[i].error)) == 0,
                      "case %zu: %s", i, r.error ? r.error : "no error");
    }
}

Test(decode, reader_stays_inside)
{
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                             0x08, 0xfc, 0x0a, 0xfc, 0x80, 0x02};
    struct reader r = reader_of(bytes, 0, 8);
    cr_expect_eq(reader_f64(&r), UINT64_C(0x0807060504030201));
    cr_expect_eq(reader_left(&r), 0);
    cr_expect_eq(reader_u8(&r), 0);
    cr_expect(r.error);
    r = reader_of(bytes, 5, 8);
    cr_expect_eq(reader_f32(&r), 0); /* three bytes are not enough */
    cr_expect(r.error && r.error_at == bytes + 5);
    cr_expect_null(reader_bytes(&r, UINT32_MAX));
    r = reader_of(bytes, 8, sizeof bytes);
    cr_expect_eq(reader_op(&r), 0xfc0a);
    cr_expect(!r.error);
    reader_op(&r); /* 0xfc 256: there is no such row */
    cr_expect_str_eq(r.error, "illegal opcode");
}

Test(decode, utf8)
{
    static const struct {
        const char *text;
        int valid;
    } cases[] = {
        {"", 1},
        {"plain", 1},
        {"\xc2\x80 \xdf\xbf", 1},         /* U+80, U+7FF */
        {"\xe0\xa0\x80 \xef\xbf\xbf", 1}, /* U+800, U+FFFF */
        {"\xed\x9f\xbf \xee\x80\x80", 1}, /* around the surrogates */
        {"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", 1},
        {"\x80", 0},
        {"\xc1\xbf", 0},     /* overlong */
        {"\xe0\x9f\xbf", 0}, /* overlong */
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0}, /* U+D800 */
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xc2", 0},
        {"\xe1\x80", 0},
        {"\xf1\x80\x80", 0},
        {"\xe1\x80\x41", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(utf8_valid((const uint8_t *)cases[i].text, (uint32_t)strlen(cases[i].text)),
                     cases[i].valid, "case %zu", i);
}

/* ---- a module with something of everything ---- */

/* All sections, and a custom one that nobody knows. Function 0 is imported; 1 and 2 are declared in
 * the third section and defined in the tenth; the ninth says that there will be data. */
#define PART(id, literal)                                                                          \
    {                                                                                              \
        id, literal, sizeof(literal) - 1                                                           \
    }

static const struct part {
    unsigned id;
    const char *bytes;
    size_t n;
} parts[] = {
    PART(1, "\2\x60\2\x7f\x7e\1\x7d\x60\0\0"),
    PART(2, "\4\1m\1f\0\0\1m\1t\1\x70\1\1\2\1m\1n\2\0\1\1m\1g\3\x7f\0"),
    PART(3, "\2\1\1"),
    PART(4, "\2\x70\0\4\x6f\1\3\5"),
    PART(6, "\2\x7e\1\x42\x7f\x0b\x70\0\xd2\1\x0b"),
    PART(7, "\3\3run\0\2\3mem\2\0\4run2\0\2"),
    PART(8, "\2"),
    PART(9, "\x08"
            "\0\x41\1\x0b\1\0"                 /* active in table 0 */
            "\1\0\2\1\2"                       /* passive */
            "\2\1\x41\2\x0b\0\1\2"             /* active in table 1 */
            "\3\0\1\0"                         /* declared */
            "\4\x41\0\x0b\1\xd0\x70\x0b"       /* active, expressions */
            "\5\x6f\1\xd0\x6f\x0b"             /* passive, externref */
            "\6\2\x23\0\x0b\x6f\1\xd0\x6f\x0b" /* active in table 2 at global 0 */
            "\7\x70\1\xd2\0\x0b"),             /* declared, expressions */
    PART(12, "\2"),
    PART(10, "\2\2\0\x0b\x09\2\3\x7f\1\x7c\x41\7\x1a\x0b"),
    PART(11, "\2\0\x41\x10\x0b\3abc\1\2xy"),
    PART(0, "\4name\0\3\2my\1\4\1\1\1h"),
    PART(0, "\7unknown\xff\xff"),
};
#define NPARTS (sizeof parts / sizeof parts[0])

/* ends: where each section ends, unless NULL. */
static struct bytes sample(size_t *ends)
{
    struct bytes b = {0};
    put_header(&b);
    for (size_t i = 0; i < NPARTS; i++) {
        put_section(&b, parts[i].id, parts[i].bytes, parts[i].n);
        if (ends)
            ends[i] = b.n;
    }
    return b;
}

static void check_spaces(const struct module *m)
{
    static const uint8_t types[] = {VT_I32, VT_I64, VT_F32};
    struct functype t = {2, 1, types}, nothing = {0, 0, types};
    cr_expect_eq(m->ntypes, 2);
    cr_expect(functype_equal(&m->types[0], &t));
    cr_expect(functype_equal(&m->types[1], &nothing));
    cr_expect(!functype_equal(&m->types[0], &m->types[1]));
    cr_expect_eq(m->nimports, 4);
    cr_expect(name_is(m->imports[3].module, "m") && name_is(m->imports[3].field, "g"));
    cr_assert(m->nfuncs == 3 && m->ntables == 3 && m->nmems == 1 && m->nglobals == 3);
    for (int k = EXT_FUNC; k <= EXT_GLOBAL; k++)
        cr_expect_eq(m->nimported[k], 1);
    cr_expect(m->funcs[0].type == 0 && m->funcs[1].type == 1 && m->funcs[2].type == 1);
    cr_expect(m->tables[0].limits.max == 2 && m->tables[0].elem == VT_FUNCREF);
    cr_expect(m->tables[1].limits.max == UINT32_MAX && !m->tables[1].limits.has_max);
    cr_expect(m->tables[2].limits.min == 3 && m->tables[2].elem == VT_EXTERNREF);
    cr_expect(m->mems[0].min == 1 && !m->mems[0].has_max);
    cr_expect(!m->globals[0].type.mutable && m->globals[1].type.mutable);
    cr_expect(m->globals[1].init.kind == CONST_VALUE && m->globals[1].init.bits == UINT64_MAX);
    cr_expect(m->globals[2].init.kind == CONST_FUNC && m->globals[2].init.index == 1);
}

static void check_segments(const struct module *m)
{
    static const uint8_t modes[] = {SEG_ACTIVE, SEG_PASSIVE, SEG_ACTIVE, SEG_DECLARED,
                                    SEG_ACTIVE, SEG_PASSIVE, SEG_ACTIVE, SEG_DECLARED};
    cr_assert(m->nelems == 8 && m->ndatas == 2 && m->data_count == 2);
    for (int i = 0; i < 8; i++)
        cr_expect_eq(m->elems[i].mode, modes[i], "element segment %d", i);
    cr_expect(m->elems[1].n == 2 && m->elems[1].items[1].index == 2);
    cr_expect(m->elems[2].table == 1 && m->elems[2].offset.bits == 2);
    cr_expect(m->elems[4].items[0].kind == CONST_NULL && m->elems[5].type == VT_EXTERNREF);
    cr_expect(m->elems[6].offset.kind == CONST_GLOBAL && m->elems[6].offset.index == 0);
    cr_expect(m->elems[7].items[0].kind == CONST_FUNC && m->elems[7].items[0].index == 0);
    cr_expect(m->datas[0].mode == SEG_ACTIVE && m->datas[0].offset.bits == 16);
    cr_expect_arr_eq(m->bytes + m->datas[0].at, "abc", 3);
    cr_expect(m->datas[1].mode == SEG_PASSIVE && m->datas[1].n == 2);
    cr_expect_arr_eq(m->bytes + m->datas[1].at, "xy", 2);
}

Test(decode, sample)
{
    struct bytes b = sample(NULL);
    struct module *m = decode_ok(&b);
    check_spaces(m);
    check_segments(m);
    cr_expect_eq(m->start, 2);
    const struct function *f = &m->funcs[2];
    cr_expect(f->nlocals == 4 && f->nruns == 2 && f->runs[0].count == 3);
    cr_expect_eq(f->runs[1].type, VT_F64);
    cr_expect_eq(f->body_end - f->body, 4);
    cr_expect_arr_eq(m->bytes + f->body, "\x41\7\x1a\x0b", 4);
    cr_expect(f->max_height == 1 && f->max_depth == 1);
    cr_expect(name_is(m->name, "my") && m->funcs[0].name.len == 0);
    cr_expect(name_is(m->funcs[1].name, "h") && name_is(m->funcs[2].name, "run"));
    cr_expect_eq(module_export(m, "run2", EXT_FUNC)->index, 2);
    cr_expect_null(module_export(m, "run2", EXT_MEMORY));
    cr_expect_null(module_export(m, "ru", EXT_FUNC));
    struct wasm_error err;
    cr_expect_eq(module_validate(m, NULL, &err), 0);
    cr_expect(f->max_height == 1 && f->max_depth == 1);
    module_free(m);
    free(b.at);
}

/* ---- bad input ---- */

/* A prefix is a module only where a section ends and all that it promises has come: that is before
 * the function section and from the data section on. */
Test(decode, truncated)
{
    size_t ends[NPARTS];
    struct bytes b = sample(ends);
    struct wasm_error err;
    for (size_t n = 0; n <= b.n; n++) {
        int valid = n == 8;
        for (size_t i = 0; i < NPARTS; i++)
            valid |= n == ends[i] && (i < 2 || i > 9);
        struct module *m = decode(b.at, n, NULL, &err);
        cr_expect_eq(m != NULL, valid, "%zu bytes: %s", n, err.text);
        module_free(m);
    }
    free(b.at);
}

/* Each byte replaced by each other one: some of these are modules too, none may do harm. */
Test(decode, every_byte_changed)
{
    struct bytes b = sample(NULL);
    struct wasm_error err;
    unsigned refused = 0;
    for (size_t i = 0; i < b.n; i++)
        for (unsigned x = 1; x < 256; x++) {
            b.at[i] ^= (uint8_t)x;
            struct module *m = decode(b.at, b.n, NULL, &err);
            refused += !m;
            module_free(m);
            b.at[i] ^= (uint8_t)x;
        }
    cr_expect_gt(refused, b.n * 255 / 2);
    module_free(decode_ok(&b));
    free(b.at);
}

/* The sections before it, then this one in place of one of the sample's. */
static void expect_section_error(size_t part, const char *bytes, size_t n, const char *text)
{
    struct bytes b = {0};
    put_header(&b);
    for (size_t i = 0; i < part; i++)
        put_section(&b, parts[i].id, parts[i].bytes, parts[i].n);
    put_section(&b, parts[part].id, bytes, n);
    expect_error(&b, NULL, text);
    free(b.at);
}

#define BAD(part, literal, text)                                                                   \
    {                                                                                              \
        part, literal, sizeof(literal) - 1, text                                                   \
    }

#define V128_16 "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"

Test(decode, bad_sections)
{
    static const struct {
        size_t part;
        const char *bytes;
        size_t n;
        const char *text;
    } cases[] = {
        BAD(0, "\1\x60\0\0\0", "section size mismatch"),
        BAD(0, "\1\x61\0\0", "integer representation too long"),
        BAD(0, "\1\x5f\0\0", "garbage collection"),
        BAD(0, "\1\x4e\0", "garbage collection"),
        BAD(0, "\1\x5d\0", "stack switching"),
        BAD(0, "\1\x65\x60\0\0", "shared-everything threads"),
        BAD(0, "\1\x60\1\x7a\0", "malformed value type 0x7a"),
        BAD(0, "\1\x60\1\x6e\0", "garbage collection"),
        BAD(0, "\1\x60\1\x64\0", "typed function references"),
        BAD(0, "\xff\xff\xff\xff\x0f\x60\0\0", "unexpected end of section or function"),
        BAD(1, "\1\1m\1f\0\2", "unknown type 2"),
        BAD(1, "\1\1m\1f\4\0\0", "exception handling"),
        BAD(1, "\1\1m\1f\5", "malformed import kind 0x05"),
        BAD(1, "\1\1\xff\1f\0\0", "malformed UTF-8 encoding"),
        BAD(1, "\1\x7fm\1f\0\0", "length out of bounds"),

        BAD(1, "\1\1m\1f\2\2\1", "shared memory must have maximum"),
        BAD(1, "\1\1m\1f\1\x70\4\1", "tables with 64-bit indices"),
        BAD(1, "\1\1m\1f\1\x70\3\1\1", "shared-everything threads"),
        BAD(1, "\1\1m\1f\2\x08\1", "custom page sizes"),
        BAD(1, "\1\1m\1f\2\1\2\1", "size minimum must not be greater than maximum"),
        BAD(1, "\1\1m\1f\2\0\x81\x80\4", "memory size must be at most 65536 pages"),
        BAD(1, "\1\1m\1f\2\1\0\x81\x80\4", "memory size must be at most 65536 pages"),
        BAD(1, "\1\1m\1f\3\x7f\2", "malformed mutability 0x02: shared"),
        BAD(1, "\1\1m\1f\3\x7f\3", "shared-everything threads"),
        BAD(1, "\1\1m\1f\3\x7f\4", "malformed mutability"),
        BAD(2, "\1\2", "unknown type 2"),
        BAD(3, "\1\x7f\0\1", "malformed reference type"),
        BAD(3, "\1\x40\0\x70\0\1\xd0\x70\x0b", "typed function references"),
        BAD(4, "\1\x7f\0\x0b", "type mismatch"),
        BAD(4, "\1\x7f\0\x41\0\x41\0\x0b", "type mismatch"),
        BAD(4, "\1\x7f\0\x42\0\x0b", "type mismatch"),
        BAD(4, "\1\x7f\0\x23\1\x0b", "unknown global 1"),
        BAD(4, "\1\x7f\0\x41\0\x45\x0b", "constant expression required"),
        BAD(4, "\1\x7f\0\x41\0\x6a\x0b", "type mismatch: i32.add needs"),
        BAD(4, "\1\x70\0\xd2\3\x0b", "unknown function 3"),
        BAD(4, "\1\x7f\0\xfd\x0c" V128_16 "\x0b", "type mismatch"),
        BAD(4, "\1\x7b\0\xfd\x0c\0\0\0\0\x0b", "unexpected end"),
        BAD(4, "\1\x7b\0\xfd\x0c" V128_16 "\xfd\x4d\x0b", "constant expression required"),
        BAD(4, "\1\x70\0\xd0\0\x0b", "typed function references"),
        BAD(4, "\1\x67\0\xfb\x82\1\0\x0b", "reference-typed strings"),
        BAD(4, "\1\x70\0\xfb\x82\1\0\x0b", "reference-typed strings"),
        BAD(4, "\1\x70\0\xfb\0\0\x0b", "garbage collection"),
        BAD(4, "\1\x7f\0\x41", "unexpected end"),
        BAD(5, "\2\1a\0\0\1a\2\0", "duplicate export name \"a\""),
        BAD(5, "\2\2\x1b[\0\0\2\x1b[\2\0", "duplicate export name \"?[\""),
        BAD(5, "\2\3\xc2\x9b[\0\0\3\xc2\x9b[\2\0", "duplicate export name \"??[\""),
        BAD(5, "\1\1a\0\3", "unknown function 3"),
        BAD(5, "\1\1a\1\3", "unknown table 3"),
        BAD(5, "\1\1a\2\1", "unknown memory 1"),
        BAD(5, "\1\1a\3\3", "unknown global 3"),
        BAD(5, "\1\1a\4\0", "exception handling"),
        BAD(6, "\0", "start function"),
        BAD(6, "\3", "unknown function 3"),
        BAD(7, "\1\x08", "flags 8"),
        BAD(7, "\1\2\3\x41\0\x0b\0\0", "unknown table 3"),
        BAD(7, "\1\2\2\x41\0\x0b\0\0", "type mismatch"), /* functions into a table of externref */
        BAD(7, "\1\1\1\0", "zero byte expected"),
        BAD(7, "\1\5\x6f\1\xd2\0\x0b", "type mismatch"),
        BAD(9, "\1\2\0\x0b", "inconsistent lengths"),
        BAD(9, "\2\2\0\x0b\5\1\xd1\x86\3\x7f\x0b", "too many locals"), /* 50,001 */
        BAD(9, "\2\2\0\x0b\x0a\2\xff\xff\xff\xff\x0f\x7f\1\x7f\x0b", "too many locals"),
        BAD(9, "\2\2\0\x0b\x7f\0\x0b", "unexpected end of section or function"),
        BAD(10, "\1\1\0", "inconsistent lengths"),
        BAD(10, "\2\2\1\x41\0\x0b\0\1\0", "unknown memory 1"),
        BAD(10, "\2\1\0\3\0", "flags 3"),
        BAD(10, "\2\1\0\1\7abc", "unexpected end"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_section_error(cases[i].part, cases[i].bytes, cases[i].n, cases[i].text);
}

Test(decode, bad_order)
{
    static const unsigned order[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11};
    struct bytes b = {0};
    put_header(&b);
    b.at[4] = 2;
    expect_error(&b, NULL, "unknown binary version");
    memcpy(b.at + 4, "\x0d\0\1", 4);
    expect_error(&b, NULL, "component model");
    memcpy(b.at + 4, "\1\0\0", 4);
    b.at[0] = 'x';
    expect_error(&b, NULL, "magic header not detected");
    b.at[0] = 0;
    SECTION(&b, 13, "");
    expect_error(&b, NULL, "exception handling");
    b.n = 8;
    SECTION(&b, 14, "");
    expect_error(&b, NULL, "malformed section id 14: reference-typed strings");
    b.n = 8;
    SECTION(&b, 15, "");
    expect_error(&b, NULL, "malformed section id 15");
    /* each section after each that may not stand before it (with none in it: a start has one) */
    for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j <= i; j++) {
            b.n = 8;
            if (order[i] == 8 || order[j] == 8)
                continue;
            SECTION(&b, order[i], "\0");
            module_free(decode_ok(&b));
            SECTION(&b, 0, "\1x");
            SECTION(&b, order[j], "\0");
            expect_error(&b, NULL, "unexpected content after last section");
        }
    free(b.at);
}

/* Whatever a name section holds, it makes no error, and what it says up to the fault is taken. */
Test(decode, bad_names)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *h; /* name of function 1 */
    } cases[] = {
#define NAMES(literal, h) {"\4name" literal, sizeof("\4name" literal) - 1, h}
        NAMES("", ""),
        NAMES("\1\7\2\1\1h\2\1\xff", "h"),     /* the second name is not UTF-8 */
        NAMES("\1\7\xff\1\1h\2\1x", ""),       /* the count is too long a number */
        NAMES("\1\5\7\1\1h\2", "h"),           /* fewer names than it says */
        NAMES("\1\4\1\1\7h", ""),              /* the name is longer than the section */
        NAMES("\1\7\2\x63\1z\1\1h", "h"),      /* there is no function 99 */
        NAMES("\1\x7f\1\1\1h", ""),            /* the subsection is longer than the section */
        NAMES("\2\1\0\1\4\1\1\1h\x09\0", "h"), /* subsections of other kinds */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t ends[NPARTS];
        struct bytes b = sample(ends);
        b.n = ends[10];
        put_section(&b, 0, cases[i].bytes, cases[i].n);
        struct module *m = decode_ok(&b);
        cr_expect(name_is(m->funcs[1].name, cases[i].h), "case %zu: %.*s", i,
                  (int)m->funcs[1].name.len, m->funcs[1].name.text);
        cr_expect(name_is(m->funcs[2].name, "run"), "case %zu", i);
        module_free(m);
        free(b.at);
    }
}

/* ---- limits ---- */

/* Each limit of the sample set to exactly what it has, then to one less. */
Test(decode, limits)
{
    struct bytes b = sample(NULL);
    struct wasm_limits exact = wasm_default_limits;
    exact.module_bytes = (uint32_t)b.n;
    exact.functions = 2;
    exact.types = 2;
    exact.params = 2;
    exact.locals = 4;
    exact.body_bytes = 9;
    exact.block_depth = 0;
    exact.table_entries = 7;
    exact.pages = 1;
    exact.globals = 2;
    exact.segments = 8;
    exact.exports = 3;
    exact.imports = 4;
    exact.operands = 1;
    struct wasm_error err;
    struct module *m = decode(b.at, b.n, &exact, &err);
    cr_assert(m, "%s", err.text);
    module_free(m);
#define LESS(field, text)                                                                          \
    do {                                                                                           \
        struct wasm_limits less = exact;                                                           \
        less.field--;                                                                              \
        expect_error(&b, &less, text);                                                             \
    } while (0)
    LESS(module_bytes, "module too large");
    LESS(functions, "too many functions: 2, the limit is 1");
    LESS(types, "too many types: 2, the limit is 1");
    LESS(params, "too many parameters or results: 2, the limit is 1");
    LESS(locals, "too many locals: 4, the limit is 3");
    LESS(body_bytes, "function body of 9 bytes, the limit is 8");
    LESS(table_entries, "the limit is 6 entries");
    LESS(pages, "the limit is 0");
    LESS(globals, "too many globals: 2, the limit is 1");
    LESS(segments, "too many element segments: 8, the limit is 7");
    LESS(exports, "too many exports: 3, the limit is 2");
    LESS(imports, "too many imports: 4, the limit is 3");
    LESS(operands, "too many operands on the stack: the limit is 0");
    free(b.at);
}

/* ---- cost ---- */

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Bound this process's address space to what it has and `more` bytes: allocations past that fail.
 * (Not under a sanitizer, which needs far more of it than it uses.) */
static void bound_memory(size_t more)
{
#ifndef __SANITIZE_ADDRESS__
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu", &pages) == 1) {
        struct rlimit limit = {pages * 4096 + more, RLIM_INFINITY};
        setrlimit(RLIMIT_AS, &limit);
    }
    if (f)
        fclose(f);
#else
    (void)more;
#endif
}

/* Sections that promise four billion things cost neither time nor memory. */
Test(decode, promises)
{
    static const unsigned ids[] = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 0};
    double start = seconds();
    bound_memory(16u << 20);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct bytes b = {0};
        put_header(&b);
        if (ids[i] != 1)
            SECTION(&b, 1, "\1\x60\0\0");
        SECTION(&b, ids[i], "\xff\xff\xff\xff\x0f\0\0\0\0\0\0");
        struct wasm_error err;
        cr_expect_null(decode(b.at, b.n, NULL, &err), "section %u", ids[i]);
        cr_expect_null(strstr(err.text, "memory for"), "%s", err.text);
        free(b.at);
    }
    cr_expect_lt(seconds() - start, 0.5);
}

/* A MiB of one section's smallest elements. */
static struct bytes repeated(unsigned id, uint32_t n, const char *element, size_t size)
{
    struct bytes b = {0}, contents = {0};
    put_header(&b);
    SECTION(&b, 1, "\1\x60\0\0");
    put_u32(&contents, n);
    for (uint32_t i = 0; i < n; i++)
        put(&contents, element, size);
    put_section(&b, id, contents.at, contents.n);
    free(contents.at);
    return b;
}

Test(decode, large_sections)
{
    struct wasm_limits lim = wasm_default_limits;
    lim.imports = lim.segments = lim.globals = lim.exports = lim.tables = 1u << 20;
    static const struct {
        unsigned id;
        const char *element;
        uint32_t size;
        const char *error; /* NULL: a module */
    } cases[] = {
        {2, "\0\0\0\0", 4, NULL},
        {4, "\x70\0\0", 3, NULL},
        {6, "\x7f\0\x41\0\x0b", 5, NULL},
        {9, "\1\0\0", 3, NULL},
        {11, "\1\0", 2, NULL},
        {3, "\0", 1, "inconsistent lengths"},
        {7, "\0\0\0", 3, "unknown function"},
    };
    double start = seconds();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wasm_error err;
        struct bytes b = repeated(cases[i].id, (1u << 20) / (cases[i].size < 2 ? 2 : cases[i].size),
                                  cases[i].element, cases[i].size);
        struct module *m = decode(b.at, b.n, &lim, &err);
        cr_expect_eq(m != NULL, !cases[i].error, "section %u: %s", cases[i].id, err.text);
        if (!m)
            cr_expect(strstr(err.text, cases[i].error), "section %u: %s", cases[i].id, err.text);
        module_free(m);
        free(b.at);
    }
    cr_expect_lt(seconds() - start, 2.0);
}
