/* test_memories.c - several memories, and memories with 64-bit addresses. */
#include <criterion/criterion.h>

#include "tests/wasm_scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* (i64 i64) -> i64, (i64) -> i64, (i32 i64 i32) -> () */
static const char types[] = "\3\x60\2\x7e\x7e\1\x7e\x60\1\x7e\1\x7e\x60\3\x7f\x7e\x7f\0";
enum { T_LL_L, T_L1_L, T_ILI_V };

#define GET(local) "\x20" local
#define BIG        "\x80\x80\x80\x80\x10" /* 2^32 */

/* Memory 0 has 1 page, memory 1 has 64-bit addresses and 1 to 5 pages, memory 2 has 2 pages. */
static const struct fn fns[] = {
    /* store64(addr, value) in memory 1 at addr + 16, and load it again */
    FN(T_LL_L, "store64", "\0" GET("\0") GET("\1") "\x37\x43\1\x10" GET("\0") "\x29\x43\1\x10\x0b"),
    /* byte of memory 1 at addr + 2^32, + value */
    FN(T_LL_L, "beyond", "\0" GET("\0") "\x31\x40\1" BIG GET("\1") "\x7c\x0b"),
    FN(T_L1_L, "grow", "\0" GET("\0") "\x40\1\x0b"),
    FN(T_L1_L, "size", "\0\x3f\1\x0b"),
    /* copy(d, s, n): to memory 2 from memory 1; back: within memory 2, to d from s */
    FN(T_ILI_V, "copy", "\0" GET("\0") GET("\1") GET("\2") "\xfc\x0a\2\1\x0b"),
    FN(T_ILI_V, "within", "\0" GET("\0") GET("\1") "\xa7" GET("\2") "\xfc\x0a\2\2\x0b"),
    /* fill memory 1 at s with bytes d, n of them */
    FN(T_ILI_V, "fill", "\0" GET("\1") GET("\0") GET("\2") "\xad\xfc\x0b\1\x0b"),
    /* init memory 2 at d from the segment at s, n bytes */
    FN(T_ILI_V, "init", "\0" GET("\0") GET("\1") "\xa7" GET("\2") "\xfc\x08\0\2\x0b"),
    /* one of each: stores to memory 2 and 0, a load from memory 1 between them */
    FN(T_ILI_V, "each",
       "\0" GET("\0") GET("\2") "\x36\x42\2\4" GET("\0") GET("\1") "\x2d\x40\1\0\x36\2\0\x0b"),
};

static struct bytes module_bytes(void)
{
    struct bytes b = {0}, s = {0};
    put_header(&b);
    put_section(&b, 1, types, sizeof(types) - 1);
    put_u32(&s, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++)
        put_u32(&s, fns[i].type);
    take_section(&b, 3, &s);
    SECTION(&b, 5, "\3\0\1\5\1\5\0\2");
    put_u32(&s, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++)
        put_export(&s, fns[i].export, 0, i);
    take_section(&b, 7, &s);
    SECTION(&b, 12, "\2");
    put_u32(&s, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++) {
        put_u32(&s, (uint32_t)fns[i].n);
        put(&s, fns[i].code, fns[i].n);
    }
    take_section(&b, 10, &s);
    SECTION(&b, 11, "\2\1\5hello\2\1\x42\7\x0b\2hi"); /* "hi" goes to memory 1 at 7 */
    free(s.at);
    return b;
}

static struct scene scene_of_memories(void)
{
    struct scene s = scene_empty(NULL);
    struct bytes b = module_bytes();
    s.in = scene_load(&s, "memories", b.at, b.n);
    free(b.at);
    return s;
}

static uint8_t *base(const struct scene *s, uint32_t memory)
{
    return instance_memory(s->in, memory)->base;
}

Test(memories, wide_addresses_are_checked_without_wrapping)
{
    static const struct {
        const char *name;
        uint64_t addr;
        enum trap_kind trap;
    } cases[] = {
        {"store64", 0, TRAP_NONE},
        {"store64", 65536 - 24, TRAP_NONE},
        {"store64", 65536 - 23, TRAP_MEMORY},
        {"store64", 65536 - 16, TRAP_MEMORY},
        {"store64", UINT32_MAX, TRAP_MEMORY},
        {"store64", UINT64_C(1) << 32, TRAP_MEMORY},
        {"store64", UINT64_C(1) << 63, TRAP_MEMORY},
        {"store64", -UINT64_C(16), TRAP_MEMORY}, /* would wrap to 0 */
        {"store64", UINT64_MAX, TRAP_MEMORY},
        {"beyond", 0, TRAP_MEMORY},
        {"beyond", -(UINT64_C(1) << 32), TRAP_MEMORY}, /* would wrap to 0 */
        {"beyond", UINT64_MAX, TRAP_MEMORY},
    };
    struct scene s = scene_of_memories();
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int mode = 0; mode < 2; mode++) {
            uint64_t value = UINT64_C(0x1122334455667788) + i;
            struct outcome o = scene_call(&s, mode, cases[i].name, cases[i].addr, value, 0);
            cr_assert_eq(o.trap, cases[i].trap, "case %zu", i);
            if (!o.trap)
                cr_assert_eq(o.result, value);
            else
                cr_assert_eq(o.count, cases[i].name[0] == 's' ? 3 : 2);
        }
    scene_drop(&s);
}

Test(memories, sizes_are_of_each_memory)
{
    struct scene s = scene_of_memories();
    cr_assert_eq(scene_call(&s, 0, "size", 0, 0, 0).result, 1);
    cr_assert_eq(scene_call(&s, 0, "grow", UINT64_C(1) << 32, 0, 0).result, UINT64_MAX);
    cr_assert_eq(scene_call(&s, 0, "grow", 5, 0, 0).result, UINT64_MAX);
    cr_assert_eq(scene_call(&s, 0, "grow", 4, 0, 0).result, 1);
    cr_assert_eq(scene_call(&s, 0, "size", 0, 0, 0).result, 5);
    cr_assert_eq(instance_memory(s.in, 0)->pages, 1);
    cr_assert_eq(instance_memory(s.in, 2)->pages, 2);
    cr_assert_null(instance_memory(s.in, 3));
    cr_assert_eq(scene_call(&s, 1, "store64", 5 * 65536 - 24, 1, 0).trap, TRAP_NONE);
    scene_drop(&s);
}

Test(memories, bulk_operations_name_theirs)
{
    struct scene s = scene_of_memories();
    for (int mode = 0; mode < 2; mode++) {
        memset(base(&s, 2), 0, 100);
        cr_assert_eq(memcmp(base(&s, 1) + 7, "hi", 2), 0);
        cr_assert_eq(scene_call(&s, mode, "copy", 3, 7, 2).trap, TRAP_NONE);
        cr_assert_eq(scene_call(&s, mode, "within", 4, 3, 2).trap, TRAP_NONE);
        cr_assert_eq(memcmp(base(&s, 2), "\0\0\0hhi\0", 7), 0);
        cr_assert_eq(scene_call(&s, mode, "init", 1, 1, 4).trap, TRAP_NONE);
        cr_assert_eq(memcmp(base(&s, 2), "\0elloi", 6), 0);
        cr_assert_eq(scene_call(&s, mode, "fill", 'x', 100, 3).trap, TRAP_NONE);
        cr_assert_eq(memcmp(base(&s, 1) + 99, "\0xxx\0", 5), 0);
        cr_assert_eq(base(&s, 0)[100], 0);
        cr_assert_eq(scene_call(&s, mode, "copy", 0, UINT64_MAX, 2).trap, TRAP_MEMORY);
        cr_assert_eq(scene_call(&s, mode, "copy", 0, 65535, 2).trap, TRAP_MEMORY);
        cr_assert_eq(scene_call(&s, mode, "copy", 131071, 0, 2).trap, TRAP_MEMORY);
        cr_assert_eq(scene_call(&s, mode, "fill", 0, UINT64_MAX, 2).trap, TRAP_MEMORY);
        memset(base(&s, 1) + 100, 0, 3);
    }
    scene_drop(&s);
}

/* The words of one run's log that are addresses, old and new bytes apart. */
static unsigned addresses(struct scene *s, const char *name, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t *words)
{
    uint64_t args[3] = {a, b, c};
    unsigned n = 0;
    s->log.n = 0;
    thread_call(s->t, scene_func(s->in, name), args);
    cr_assert_eq(engine_run_observed(s->t, &s->log), RUN_DONE);
    for (uint32_t i = 0; i < s->log.n; i++) {
        uint64_t w = s->log.words[i];
        if (LOG_TAG(w) != LOG_ADDR)
            continue;
        words[n++] = w;
        i += w & LOG_NV ? 2 : 0;
    }
    return n;
}

Test(memories, the_log_names_them)
{
    struct scene s = scene_of_memories();
    uint64_t w[8];
    cr_assert_eq(addresses(&s, "each", 8, 7, 0x1234, w), 3);
    cr_assert_eq(w[0], LOG_FAR(2, 12));
    cr_assert_eq(w[1], LOG_FAR(1, 7));
    cr_assert_eq(w[2], LOG_FAR(0, 8));
    cr_assert_eq(LOG_MEMORY(w[0]), 2);
    cr_assert_eq(base(&s, 2)[12], 0x34);
    cr_assert_eq(base(&s, 0)[8], 'h');
    scene_drop(&s);
}

/* A store that reaches from DRAM into the NVDIMM page of memory 1 says what it overwrites. */
Test(memories, nvdimm_may_be_mapped_into_any)
{
    struct scene s = scene_of_memories();
    struct space *sp = instance_memory(s.in, 1);
    uint64_t w[8];
    cr_assert_eq(space_grow_map(sp, TIER_NVDIMM, 0, 1), 1);
    for (uint64_t addr = 65536 - 26; addr < 65536; addr++) {
        uint64_t value = 0x0101010101010101 * (addr & 0x7f);
        cr_assert_eq(addresses(&s, "store64", addr, value, 0, w), 2);
        int touches = addr + 16 + 8 > 65536;
        cr_assert_eq((w[0] & LOG_NV) != 0, touches, "%d", (int)addr);
        cr_assert_eq(LOG_MEMORY(w[0]), 1);
        cr_assert_eq(LOG_ARG(w[0]), addr + 16);
    }
    scene_drop(&s);
}

/* Frames lie apart and mappings of the host are few: pages come and go while code touches them. */
Test(memories, code_meets_pages_that_do_not_show)
{
    struct scene s = scene_of_memories();
    struct space *sp = instance_memory(s.in, 1);
    physmem_limit_mappings(sp->pm, 11);
    for (uint32_t i = 1; i < 5; i++)
        cr_assert_eq(space_grow_map(sp, TIER_NVDIMM, 2 * i, 1), i);
    struct space *more = space_new(sp->pm, 2, 2, 9); /* takes what sp has */
    cr_assert(more && sp->on_demand);
    for (int mode = 0; mode < 2; mode++) {
        for (uint64_t i = 0; i < 40; i++) {
            const uint64_t addr = i % 5 * WASM_PAGE_BYTES,
                           value = i + UINT64_C(1000) * (uint64_t)mode;
            struct outcome o = scene_call(&s, mode, "store64", addr, value, 0);
            cr_assert_eq(o.trap, TRAP_NONE);
            cr_assert_eq(o.result, value);
        }
        cr_assert_eq(scene_call(&s, mode, "fill", 'y', 0, 5 * WASM_PAGE_BYTES).trap, TRAP_NONE);
        for (uint32_t i = 0; i < 5; i++)
            cr_assert_eq(*physmem_at(sp->pm, space_phys(sp, (i + 1) * WASM_PAGE_BYTES - 1), 1),
                         'y');
        cr_assert_eq(scene_call(&s, mode, "store64", 5 * WASM_PAGE_BYTES - 23, 1, 0).trap,
                     TRAP_MEMORY);
    }
    space_free(more);
    scene_drop(&s);
}

/* ---- types ---- */

static void expect_refused(const char *text, const struct wasm_limits *limits, const void *section,
                           size_t n)
{
    struct bytes b = {0};
    struct wasm_error err = {0, ""};
    struct module *m;
    put_header(&b);
    put_section(&b, 5, section, n);
    cr_assert_eq(module_decode(b.at, b.n, limits, &m, &err), -1);
    cr_assert_not_null(strstr(err.text, text), "\"%s\" is not in \"%s\"", text, err.text);
    free(b.at);
}
#define REFUSED(text, limits, literal) expect_refused(text, limits, literal, sizeof(literal) - 1)

Test(memories, types_are_checked)
{
    struct wasm_limits one = wasm_default_limits;
    one.memories = 1;
    REFUSED("multiple memories", &one, "\2\0\0\0\0");
    REFUSED("unexpected end", NULL, "\xff\xff\xff\xff\x0f\0\0");
    REFUSED("shared memory must have maximum", NULL, "\1\2\1");
    REFUSED("custom page sizes", NULL, "\1\x08\1");
    REFUSED("2^48 pages", NULL, "\1\4\x81\x80\x80\x80\x80\x80\x40");
    REFUSED("the limit is 65536", NULL, "\1\4\x80\x80\x80\x80\x80\x80\x40");
    REFUSED("size minimum", NULL, "\1\5\2\1");
}

/* Memories fit imports only of the same width and sharing, and within their maximum. */
Test(memories, imports_are_of_the_same_kind)
{
    static const struct {
        const char *type;
        size_t n;
        enum link_error plain, wide, shared;
    } cases[] = {
        {"\0\1", 2, LINK_OK, LINK_TYPE, LINK_TYPE},
        {"\1\1\3", 3, LINK_OK, LINK_TYPE, LINK_TYPE},
        {"\1\1\2", 3, LINK_TYPE, LINK_TYPE, LINK_TYPE},
        {"\4\1", 2, LINK_TYPE, LINK_OK, LINK_TYPE},
        {"\5\1\3", 3, LINK_TYPE, LINK_TYPE, LINK_TYPE}, /* the wide one has no maximum */
        {"\3\1\3", 3, LINK_TYPE, LINK_TYPE, LINK_OK},
    };
    struct scene s = scene_empty(NULL);
    struct external plain = {.kind = EXT_MEMORY}, wide = plain, shared = plain;
    plain.memory = store_host_memory(s.st, (struct limits){1, 3, 1, 0, 0});
    wide.memory = store_host_memory(s.st, (struct limits){1, UINT64_MAX, 0, 0, 1});
    shared.memory = store_host_memory(s.st, (struct limits){1, 3, 1, 1, 0});
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes b = {0}, im = {0};
        struct wasm_error err;
        struct instance *in;
        put_header(&b);
        PUT(&im, "\1\1m\1f\2");
        put(&im, cases[i].type, cases[i].n);
        take_section(&b, 2, &im);
        int m = store_load(s.st, "m", b.at, b.n, &err);
        cr_assert_geq(m, 0, "%s", err.text);
        cr_assert_eq(instance_new(s.st, m, &plain, NULL, &in, &err), cases[i].plain, "%zu", i);
        cr_assert_eq(instance_new(s.st, m, &wide, NULL, &in, &err), cases[i].wide, "%zu", i);
        cr_assert_eq(instance_new(s.st, m, &shared, NULL, &in, &err), cases[i].shared, "%zu", i);
        free(b.at);
        free(im.at);
    }
    scene_drop(&s);
}
