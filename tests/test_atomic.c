/* test_atomic.c - atomic accesses, waits and wake-ups, and what they leave in the log. */
#include <criterion/criterion.h>

#include "tests/wasm_scene.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define GET(local) "\x20" local

/* (i32 i32 i64) -> i32, (i32 i64 i64) -> i32, (i32 i32) -> i32, (i32 i64) -> i64 */
static const char types[] = "\4\x60\3\x7f\x7f\x7e\1\x7f\x60\3\x7f\x7e\x7e\1\x7f"
                            "\x60\2\x7f\x7f\1\x7f\x60\2\x7f\x7e\1\x7e";
enum { T_IIL_I, T_ILL_I, T_I2_I, T_IL_L };

static const struct fn fns[] = {
    FN(T_IIL_I, "wait32", "\0" GET("\0") GET("\1") GET("\2") "\xfe\1\2\4\x0b"),
    FN(T_ILL_I, "wait64", "\0" GET("\0") GET("\1") GET("\2") "\xfe\2\3\4\x0b"),
    FN(T_I2_I, "notify", "\0" GET("\0") GET("\1") "\xfe\0\2\4\x0b"),
    /* in memory 1, which is not shared */
    FN(T_IIL_I, "wait_own", "\0" GET("\0") GET("\1") GET("\2") "\xfe\1\x42\1\0\x0b"),
    FN(T_I2_I, "notify_own", "\0" GET("\0") GET("\1") "\xfe\0\x42\1\0\x0b"),
    FN(T_I2_I, "load", "\0" GET("\0") "\xfe\x10\2\0\x0b"),
    FN(T_I2_I, "store16", "\0" GET("\0") GET("\1") "\xfe\x1a\1\0" GET("\1") "\x0b"),
    FN(T_I2_I, "add", "\0" GET("\0") GET("\1") "\xfe\x1e\2\0\x0b"),
    FN(T_IL_L, "sub16", "\0" GET("\0") GET("\1") "\xfe\x2a\1\0\x0b"),
    FN(T_IL_L, "xchg64", "\0" GET("\0") GET("\1") "\xfe\x42\3\0\x0b"),
    /* cmpxchg8(addr, expected, new) */
    FN(T_IIL_I, "cmpxchg8", "\0" GET("\0") GET("\1") GET("\2") "\xa7\xfe\x4a\0\0\x0b"),
    FN(T_I2_I, "fence", "\0\xfe\3\0" GET("\0") "\x0b"),
};

static struct scene scene_shared(void)
{
    struct scene s = scene_empty(NULL);
    struct bytes b = {0}, c = {0};
    put_header(&b);
    put_section(&b, 1, types, sizeof(types) - 1);
    put_u32(&c, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++)
        put_u32(&c, fns[i].type);
    take_section(&b, 3, &c);
    SECTION(&b, 5, "\2\3\1\4\0\1");
    put_u32(&c, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++)
        put_export(&c, fns[i].export, 0, i);
    take_section(&b, 7, &c);
    put_u32(&c, COUNT(fns));
    for (size_t i = 0; i < COUNT(fns); i++) {
        put_u32(&c, (uint32_t)fns[i].n);
        put(&c, fns[i].code, fns[i].n);
    }
    take_section(&b, 10, &c);
    s.in = scene_load(&s, "shared", b.at, b.n);
    free(b.at);
    free(c.at);
    return s;
}

static void poke(const struct scene *s, uint32_t addr, uint64_t value)
{
    memcpy(instance_space(s->in)->base + addr, &value, 8);
}

static uint64_t peek(const struct scene *s, uint32_t addr)
{
    uint64_t v;
    memcpy(&v, instance_space(s->in)->base + addr, 8);
    return v;
}

struct change {
    const char *name;
    uint64_t a, b, old, result, now; /* of the 8 bytes at 8; the call's address is 8 */
};

Test(atomic, read_modify_write)
{
    static const struct change cases[] = {
        {"load", 0, 0, 0x88000000ffffffff, 0xffffffff, 0x88000000ffffffff},
        {"store16", 0x12345678, 0, UINT64_MAX, 0x12345678, 0xffffffffffff5678},
        {"add", 2, 0, 0x11ffffffff, 0xffffffff, 0x1100000001},
        {"sub16", UINT64_C(0x70001), 0, 0x1234567890, 0x7890, 0x123456788f},
        {"xchg64", UINT64_C(1) << 63, 0, 5, 5, UINT64_C(1) << 63},
        {"cmpxchg8", 0x11, 0x22, 0x1111, 0x11, 0x1122},
        {"cmpxchg8", 0x12, 0x22, 0x1111, 0x11, 0x1111},
        {"cmpxchg8", 0x1111, 0x22, 0x1111, 0x11, 0x1111}, /* a byte is never 0x1111 */
        {"fence", 0, 0, 3, 8, 3},
    };
    struct scene s = scene_shared();
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int mode = 0; mode < 2; mode++) {
            poke(&s, 8, cases[i].old);
            struct outcome o = scene_call(&s, mode, cases[i].name, 8, cases[i].a, cases[i].b);
            cr_assert_eq(o.reason, RUN_DONE, "%s", cases[i].name);
            cr_assert_eq(o.result, cases[i].result, "%s: %lx", cases[i].name, o.result);
            cr_assert_eq(peek(&s, 8), cases[i].now, "%s", cases[i].name);
        }
    scene_drop(&s);
}

Test(atomic, addresses_are_aligned_and_inside)
{
    static const struct {
        const char *name;
        uint64_t addr;
        enum trap_kind trap;
    } cases[] = {
        {"load", 2, TRAP_UNALIGNED},      {"load", 65533, TRAP_UNALIGNED},
        {"load", 65536, TRAP_MEMORY},     {"add", 1, TRAP_UNALIGNED},
        {"add", 65536, TRAP_MEMORY},      {"xchg64", 4, TRAP_UNALIGNED},
        {"cmpxchg8", 65536, TRAP_MEMORY}, {"wait64", 8, TRAP_UNALIGNED},
        {"wait32", 65532, TRAP_MEMORY},   {"wait32", 1, TRAP_UNALIGNED},
        {"notify", 65532, TRAP_MEMORY},   {"notify", 2, TRAP_UNALIGNED},
        {"wait_own", 0, TRAP_SHARED},
    };
    struct scene s = scene_shared();
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int mode = 0; mode < 2; mode++)
            cr_assert_eq(scene_call(&s, mode, cases[i].name, cases[i].addr, 0, 0).trap,
                         cases[i].trap, "%s %lu", cases[i].name, cases[i].addr);
    cr_assert_eq(scene_call(&s, 0, "notify_own", 0, 5, 0).result, 0);
    scene_drop(&s);
}

/* ---- waits ---- */

static enum run_reason begin(struct scene *s, int observed, const char *name, uint64_t a,
                             uint64_t b, uint64_t c)
{
    uint64_t args[3] = {a, b, c};
    thread_call(s->t, scene_func(s->in, name), args);
    s->log.n = 0;
    return observed ? engine_run_observed(s->t, &s->log) : engine_run_functional(s->t);
}

Test(atomic, a_wait_leaves_the_engine_unless_the_value_differs)
{
    struct scene s = scene_shared();
    uint64_t forever = UINT64_MAX, id = instance_space(s.in)->id;
    for (int mode = 0; mode < 2; mode++) {
        poke(&s, 16, UINT64_C(7) << 32 | 3);
        cr_assert_eq(begin(&s, mode, "wait32", 12, 4, forever), RUN_DONE);
        cr_assert_eq(thread_results(s.t)[0], 1);
        cr_assert_eq(begin(&s, mode, "wait64", 12, 3, forever), RUN_DONE);
        cr_assert_eq(thread_results(s.t)[0], 1);
        cr_assert_eq(begin(&s, mode, "wait32", 12, 3, 250), RUN_HOST);
        cr_assert_eq(thread_host(s.t), HOST_WAIT);
        uint64_t *slots = thread_host_slots(s.t);
        cr_assert(slots[0] == 16 && slots[1] == 3 && slots[2] == 250);
        cr_assert_eq(begin(&s, mode, "wait64", 12, UINT64_C(7) << 32 | 3, 250), RUN_HOST);
        slots = thread_host_slots(s.t);
        cr_assert(slots[0] == (16 | UINT64_C(1) << 63) && slots[1] == (UINT64_C(7) << 32 | 3));
        cr_assert_eq(begin(&s, mode, "wait32", 12, 3, 250), RUN_HOST);
        slots = thread_host_slots(s.t);
        slots[0] = 2;
        cr_assert_eq(engine_run_functional(s.t), RUN_DONE);
        cr_assert_eq(thread_results(s.t)[0], 2);
        cr_assert_eq(begin(&s, mode, "notify", 12, 0xffffffff, 0), RUN_HOST);
        cr_assert_eq(thread_host(s.t), HOST_NOTIFY);
        slots = thread_host_slots(s.t);
        cr_assert(slots[0] == 16 && slots[1] == (id << 32 | 0xffffffff));
        slots[0] = 3;
        cr_assert_eq(engine_run_functional(s.t), RUN_DONE);
        cr_assert_eq(thread_results(s.t)[0], 3);
    }
    scene_drop(&s);
}

Test(atomic, a_wait_may_fail)
{
    struct scene s = scene_shared();
    struct trap_frame f;
    cr_assert_eq(begin(&s, 0, "wait32", 12, 0, UINT64_MAX), RUN_HOST);
    thread_fail(s.t, TRAP_DEADLOCK);
    cr_assert_eq(engine_run_functional(s.t), RUN_TRAP);
    cr_assert_eq(thread_trap(s.t), TRAP_DEADLOCK);
    cr_assert_eq(thread_instructions(s.t), 4);
    cr_assert_eq(thread_backtrace(s.t, &f, 1), 1);
    cr_assert_str_eq(f.func, "wait32");
    const struct module *m = store_module(s.st, s.module);
    cr_assert_eq(m->bytes[f.offset], 0xfe);
    scene_drop(&s);
}

Test(atomic, the_log_has_the_load_and_the_store)
{
    struct scene s = scene_shared();
    struct space *sp = instance_space(s.in);
    cr_assert_eq(space_grow_map(sp, TIER_NVDIMM, 0, 1), 1);
    cr_assert_eq(begin(&s, 1, "add", 65536 + 8, 5, 0), RUN_DONE);
    const uint64_t *w = s.log.words + 2; /* behind EV_INSTANCE and the block */
    cr_assert_eq(w[0], 65536 + 8);
    cr_assert_eq(w[1], (65536 + 8) | LOG_NV);
    cr_assert_eq(w[2], 0);
    cr_assert_eq(w[3], 5);
    cr_assert_eq(s.log.n, 6);
    struct code_view v = store_code(s.st);
    const struct block *b = &v.blocks[LOG_BLOCK_ID(s.log.words[1])];
    unsigned fences = 0;
    for (uint32_t i = 0; i < b->nuops; i++)
        fences += v.uops[b->uops + i].class == UOP_FENCE;
    cr_assert_eq(fences, 1);
    scene_drop(&s);
}
