/* test_simd.c - SIMD beyond what the official scripts say: logs, traps, micro-ops, same results. */
#include <criterion/criterion.h>

#include "tests/wasm_scene.h"
#include "wasmcore/ops.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE     WASM_PAGE_BYTES

/* Sixteen locals of type v128 are set to splats of the argument plus their number, then all are
 * added in a loop of one turn, so that none is forgotten: the sum of lane 0. */
#define SET(k) "\x20\0\x41" k "\x6a\xfd\x11\x21" k
#define ADD(k) "\x20" k "\xfd\xae\1"
#define EACH(X)                                                                                    \
    X("\x01")                                                                                      \
    X("\x02")                                                                                      \
    X("\x03")                                                                                      \
    X("\x04")                                                                                      \
    X("\x05")                                                                                      \
    X("\x06")                                                                                      \
    X("\x07")                                                                                      \
    X("\x08")                                                                                      \
    X("\x09")                                                                                      \
    X("\x0a")                                                                                      \
    X("\x0b")                                                                                      \
    X("\x0c")                                                                                      \
    X("\x0d")                                                                                      \
    X("\x0e")                                                                                      \
    X("\x0f")                                                                                      \
    X("\x10")

static const struct fn fns[] = {
    FN(T_II_V, "store", "\0\x20\0\x20\1\xfd\x0f\xfd\x0b\0\0\x0b"), /* of splat bytes */
    FN(T_II_V, "lane", "\0\x20\0\x20\1\xfd\x11\xfd\x5a\0\0\3\x0b"),
    FN(T_II_V, "two", "\0\x20\0\x41\7\xfd\x0f\xfd\x0b\0\0\x20\1\xfd\0\0\0\x1a\x0b"),
    FN(T_I_I, "many",
       "\1\x10\x7b" EACH(SET) "\x03\x40\x0b\x20\0\xfd\x11" EACH(ADD) "\xfd\x1b\0\x0b"),
};
static const struct scene_module module = {.fns = fns, .nfns = COUNT(fns), .pages = 2, .data = ""};

/* ---- stores, logs and traps ---- */

/* The words that an aligned or unaligned store of 16 bytes of value b must log. */
static void check_store(struct scene *s, uint32_t at, uint8_t b)
{
    const struct space *sp = instance_space(s->in);
    uint64_t args[] = {at, b}, old[2], new = b *UINT64_C(0x0101010101010101);
    memcpy(old, sp->base + at, 16);
    thread_call(s->t, scene_func(s->in, "store"), args);
    s->log.n = 0;
    cr_assert_eq(engine_run_observed(s->t, &s->log), RUN_DONE);
    const uint64_t *w = s->log.words + 2; /* behind instance and block */
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t address = at + 8 * half;
        int must = address + 8 > 2 * PAGE, may = address + 15 > 2 * PAGE, nv = (*w & LOG_NV) != 0;
        cr_assert_eq(LOG_TAG(*w), LOG_ADDR);
        cr_assert_eq(LOG_ARG(*w), address);
        cr_assert(must ? nv : !nv || may, "%x, half %u", at, half);
        if (nv)
            cr_assert(w[1] == old[half] && w[2] == new);
        w += nv ? 3 : 1;
    }
    cr_assert_eq(w - s->log.words, s->log.n);
    for (uint32_t i = 0; i < 16; i++)
        cr_assert_eq(sp->base[at + i], b);
}

Test(simd, a_store_to_the_nvdimm_is_logged_as_two_words_of_8_bytes)
{
    struct scene s = scene_new(NULL, &module);
    cr_assert_eq(space_grow_map(instance_space(s.in), TIER_NVDIMM, 3, 1), 2);
    static const uint32_t places[] = {0,
                                      13,
                                      2 * PAGE - 32,
                                      2 * PAGE - 23,
                                      2 * PAGE - 16,
                                      2 * PAGE - 15,
                                      2 * PAGE - 8,
                                      2 * PAGE - 1,
                                      2 * PAGE,
                                      2 * PAGE + 5,
                                      3 * PAGE - 16};
    for (uint32_t i = 0; i < COUNT(places); i++)
        check_store(&s, places[i], (uint8_t)(i + 1));
    uint64_t args[] = {2 * PAGE + 64, 0x01020304};
    thread_call(s.t, scene_func(s.in, "lane"), args);
    s.log.n = 0;
    cr_assert_eq(engine_run_observed(s.t, &s.log), RUN_DONE);
    cr_assert_eq(s.log.n, 5);
    cr_assert(s.log.words[2] & LOG_NV);
    cr_assert_eq(s.log.words[3], 0);
    cr_assert_eq(s.log.words[4], 0x01020304);
    scene_drop(&s);
}

Test(simd, a_store_that_traps_writes_nothing)
{
    struct scene s = scene_new(NULL, &module);
    const struct space *sp = instance_space(s.in);
    static const uint32_t places[] = {2 * PAGE - 15, 2 * PAGE - 8, 2 * PAGE - 1, 2 * PAGE,
                                      0xffffffff};
    for (uint32_t i = 0; i < 2 * COUNT(places); i++) {
        struct outcome o = scene_call(&s, i & 1, "store", places[i / 2], 0xaa, 0);
        cr_assert_eq(o.trap, TRAP_MEMORY);
        cr_assert_eq(o.count, 4);
        cr_assert_eq(o.check.addresses, 0);
        for (uint32_t k = 1; k <= 16; k++)
            cr_assert_eq(sp->base[2 * PAGE - k], 0);
    }
    scene_drop(&s);
}

Test(simd, a_trap_ends_the_log_behind_both_words_of_a_store)
{
    struct scene s = scene_new(NULL, &module);
    cr_assert_eq(space_grow_map(instance_space(s.in), TIER_NVDIMM, 3, 1), 2);
    static const uint32_t places[] = {0, 2 * PAGE - 8, 2 * PAGE};
    for (uint32_t i = 0; i < COUNT(places); i++) {
        struct outcome f = scene_call(&s, 0, "two", places[i], 3 * PAGE - 15, 0);
        struct outcome o = scene_call(&s, 1, "two", places[i], 3 * PAGE - 15, 0);
        cr_assert_eq(f.trap, TRAP_MEMORY);
        cr_assert_eq(o.trap, TRAP_MEMORY);
        cr_assert(f.count == 6 && o.count == 6);
        cr_assert_eq(o.check.addresses, 2);
        o = scene_call(&s, 1, "two", places[i], 3 * PAGE - 16, 0);
        cr_assert_eq(o.reason, RUN_DONE);
        cr_assert_eq(o.check.addresses, 3);
    }
    scene_drop(&s);
}

/* ---- registers ---- */

/* Vector accesses to the frame that are of values, not of saved registers; they come in pairs. */
static uint32_t count_spills(const struct store *st, const char *name)
{
    struct code_view v = store_code(st);
    uint32_t n = 0, f = 0;
    while (strcmp(v.funcs[f].name, name) != 0)
        f++;
    for (uint32_t b = 0; b < v.funcs[f].nblocks; b++) {
        const struct block *k = &v.blocks[v.funcs[f].first_block + b];
        for (uint32_t i = 0; i < k->nuops; i++) {
            const struct uop *u = &v.uops[k->uops + i];
            int value = u->class == UOP_LOAD ? u->dst != REG_NONE : u->b != REG_NONE;
            if (!(u->flags & UOP_ON_FRAME) || !(u->flags & UOP_VECTOR) || !value)
                continue;
            cr_assert_eq(u->bytes, 8);
            cr_assert_lt(i + 1, k->nuops);
            cr_assert_eq(u[1].class, u->class);
            cr_assert_eq(u[1].slot, u->slot + 1);
            n++;
            i++;
        }
    }
    return n;
}

Test(simd, registers_change_the_cost_and_not_the_result)
{
    for (uint32_t registers = 4; registers <= 64; registers *= 4) {
        struct store_config cfg = store_default_config;
        cfg.vector_registers = registers;
        struct scene s = scene_new(&cfg, &module);
        for (int observed = 0; observed < 2; observed++) {
            struct outcome o = scene_call(&s, observed, "many", 1000, 0, 0);
            cr_assert_eq(o.reason, RUN_DONE);
            cr_assert_eq(o.result, 1000 + 16 * 1000 + 16 * 17 / 2);
            cr_assert_eq(o.count, 16 * 5 + 2 + 16 * 2 + 1);
        }
        uint32_t spills = count_spills(s.st, "many");
        cr_assert(registers == 64 ? spills == 0 : spills > 0, "%u with %u", spills, registers);
        scene_drop(&s);
    }
}

Test(simd, a_v128_counts_as_two_slots_where_slots_are_limited)
{
    /* 32,400 v128 fit the frame, 32,600 do not; the limit on locals is 50,000 */
    static const struct fn fit[] = {FN(T_V, "f", "\1\x90\xfd\1\x7b\x0b")};
    static const struct fn not [] = {FN(T_V, "f", "\1\xd8\xfe\1\x7b\x0b")};
    struct scene_module m = {.fns = fit, .nfns = 1, .pages = 1, .data = ""};
    struct scene s = scene_new(NULL, &m);
    cr_assert_eq(scene_call(&s, 1, "f", 0, 0, 0).reason, RUN_DONE);
    m.fns = not ;
    struct bytes b = scene_bytes(&m);
    struct wasm_error err;
    cr_assert_lt(store_load(s.st, "not", b.at, b.n, &err), 0);
    cr_assert_not_null(strstr(err.text, "65000 locals and operands"), "%s", err.text);
    free(b.at);
    scene_drop(&s);
}

/* ---- every instruction that computes, on the same operands ---- */

#define PATTERNS 8

/* Byte i of operand n in a pattern: counting, extremes, special floats and doubles, then any. */
static void operand(uint8_t *out, unsigned pattern, unsigned n)
{
    static const uint32_t floats[] = {0x7fc00000, 0xff800000, 0x7fa12345, 0x80000000, 0x4f000000,
                                      0xcf000001, 0x00000001, 0x3fc00000, 0xbf800000, 0x4b800001};
    static const uint64_t doubles[] = {0x7ff8000000000000, 0xfff0000000000000, 0x7ff4000000000001,
                                       0x8000000000000000, 0x41e0000000000000, 0xc1e0000000200000,
                                       0x47efffffe0000000};
    static uint32_t seed = 1;
    for (unsigned i = 0; i < 16; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(pattern == 0   ? i + 16 * n
                           : pattern == 1 ? (i ^ n) & 1 ? 0x80 : 0x7f
                                          : seed >> 24);
    }
    for (unsigned i = 0; i < 4 && pattern == 2; i++)
        memcpy(out + 4 * i, &floats[(i * (n + 1) + 3 * n) % COUNT(floats)], 4);
    for (unsigned i = 0; i < 2 && pattern == 3; i++)
        memcpy(out + 8 * i, &doubles[(i * (n + 1) + 3 * n) % COUNT(doubles)], 8);
}

static void put_operand(struct bytes *b, uint8_t type, unsigned pattern, unsigned n)
{
    uint8_t v[16];
    operand(v, pattern, n);
    switch (type) {
    case VT_I32: /* lane 0 as a small number, by five bytes of LEB128 */
        put_byte(b, 0x41);
        put_u32(b, (v[0] | (uint32_t)v[1] << 8) & 0x1fffff);
        break;
    case VT_I64:
        put_byte(b, 0x42);
        put_u32(b, v[0] & 0x3f);
        break;
    case VT_F32:
        put_byte(b, 0x43);
        put(b, v, 4);
        break;
    case VT_F64:
        put_byte(b, 0x44);
        put(b, v, 8);
        break;
    default:
        PUT(b, "\xfd\x0c");
        put(b, v, 16);
        break;
    }
}

/* Store what the instruction makes of a pattern at `at`. */
static void put_case(struct bytes *b, uint32_t code, unsigned pattern, uint32_t at)
{
    const struct op_info *info = op_lookup(code);
    PUT(b, "\x41\0");
    for (unsigned i = 0; i < info->nargs; i++)
        put_operand(b, info->arg, pattern, i);
    if (info->last != VT_NONE)
        put_operand(b, info->last, pattern, 1);
    put_byte(b, 0xfd);
    put_u32(b, code - OP_SIMD);
    for (unsigned i = 0; i < 16 && info->imm == IMM_SHUFFLE; i++)
        put_byte(b, (i * 7 + pattern) % 32);
    if (info->imm == IMM_LANE)
        put_byte(b, pattern % info->lanes);
    if (info->result == VT_V128)
        PUT(b, "\xfd\x0b");
    else
        put_byte(b, info->result == VT_I32   ? 0x36
                    : info->result == VT_I64 ? 0x37
                    : info->result == VT_F32 ? 0x38
                                             : 0x39);
    put_byte(b, 0);
    put_u32(b, at);
}

static uint64_t digest(const struct scene *s, uint32_t n)
{
    const struct space *sp = instance_space(s->in);
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < n; i++)
        h = (h ^ sp->base[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* The digest is that of the first build; it must not change with the compiler, its optimisation,
 * the mode or the registers. What the results are, the official scripts check. */
Test(simd, results_do_not_depend_on_how_the_simulator_was_built)
{
    struct bytes code = {0};
    uint32_t at = 0, instructions = 0;
    PUT(&code, "\0");
    for (uint32_t op = OP_SIMD; op < OP_SIMD + OP_SIMD_ROWS; op++) {
        const struct op_info *info = op_lookup(op);
        if (info->kind != OPK_SIMD || info->imm == IMM_MEMARG || info->imm == IMM_MEMARG_LANE ||
            info->imm == IMM_V128)
            continue;
        for (unsigned pattern = 0; pattern < PATTERNS; pattern++, at += 16)
            put_case(&code, op, pattern, at);
        instructions++;
    }
    PUT(&code, "\x0b");
    cr_assert_eq(instructions, 236 + 20 - 23); /* v128.const and accesses to memory */
    struct fn fn = {T_V, "all", code.at, code.n};
    struct scene_module m = {.fns = &fn, .nfns = 1, .pages = 1, .data = ""};
    struct scene s = scene_new(NULL, &m);
    for (int observed = 0; observed < 2; observed++) {
        memset(instance_space(s.in)->base, 0, at);
        cr_assert_eq(scene_call(&s, observed, "all", 0, 0, 0).reason, RUN_DONE);
        cr_assert_eq(digest(&s, at), UINT64_C(0x348084f7513ec983), "0x%lx",
                     (unsigned long)digest(&s, at));
    }
    scene_drop(&s);
    free(code.at);
}
