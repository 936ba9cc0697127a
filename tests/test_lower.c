/* test_lower.c - lowered code as timing models see it: blocks, micro-ops, registers, limits. */
#include <criterion/criterion.h>

#include "tests/wasm_programs.h"
#include "tests/wasm_scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what is true of all code ---- */

static void check_uop(const struct block *b, uint32_t i, const struct uop *u, uint32_t slots)
{
    cr_assert_lt(u->class, UOP_CLASSES);
    cr_assert(u->dst == REG_NONE || u->dst < slots);
    cr_assert(u->a == REG_NONE || u->a < slots);
    cr_assert(u->b == REG_NONE || u->b < slots);
    if (u->flags & UOP_ON_FRAME) {
        cr_assert(u->class == UOP_LOAD || u->class == UOP_STORE);
        cr_assert_lt(u->slot, slots + 1000);
        cr_assert_eq(u->bytes, 8);
    } else if (u->class == UOP_LOAD || u->class == UOP_STORE || u->class == UOP_NTSTORE) {
        cr_assert(u->bytes == 1 || u->bytes == 2 || u->bytes == 4 || u->bytes == 8 ||
                  (u->bytes == 16 && u->class == UOP_LOAD));
    }
    int last = i + 1 == b->nuops, ends = b->end != END_FALL && b->end != END_TRAP;
    if (last)
        cr_assert_eq(u->class == UOP_BRANCH, ends);
}

static void check_block_of(const struct code_view *v, uint32_t id)
{
    const struct block *b = &v->blocks[id];
    const struct code_func *f = &v->funcs[b->func];
    uint32_t end = f->first_block + f->nblocks;
    int next = b->end == END_FALL || b->end == END_COND || b->end == END_CALL ||
               b->end == END_CALL_INDIRECT || b->end == END_HOST || b->end == END_TAIL_INDIRECT;
    int taken = b->end == END_JUMP || b->end == END_COND;
    cr_assert(id >= f->first_block && id < end);
    cr_assert_eq(next, b->next != 0);
    cr_assert_eq(taken, b->taken != 0);
    cr_assert(!b->next || b->next == id + 1);
    cr_assert(!b->taken || (b->taken >= f->first_block && b->taken < end));
    if (b->taken && b->taken <= id)
        cr_assert(v->blocks[b->taken].loop_head, "only loops go back");
    cr_assert_leq(b->uops + b->nuops, v->nuops);
    for (uint32_t i = 0; i < b->nuops; i++)
        check_uop(b, i, &v->uops[b->uops + i], f->frame_slots);
    cr_assert_eq(b->code_bytes, b->nuops * store_default_config.code_bytes_per_uop);
}

/* Blocks and micro-ops follow one another without gaps, functions too. */
static void check_code(const struct store *st)
{
    struct code_view v = store_code(st);
    uint32_t uops = 0, block = 1;
    for (uint32_t f = 0; f < v.nfuncs; f++) {
        if (v.funcs[f].nblocks == 0)
            continue;
        cr_assert_eq(v.funcs[f].first_block, block);
        block += v.funcs[f].nblocks;
    }
    cr_assert_eq(block, v.nblocks);
    for (uint32_t b = 1; b < v.nblocks; b++) {
        cr_assert_eq(v.blocks[b].uops, uops);
        uops += v.blocks[b].nuops;
        check_block_of(&v, b);
    }
    cr_assert_eq(uops, v.nuops);
}

Test(lower, blocks_of_real_programs_are_well_formed)
{
    for (uint32_t registers = 4; registers <= 64; registers *= 4) {
        struct store_config cfg = store_default_config;
        cfg.int_registers = cfg.vector_registers = registers;
        struct scene s = scene_empty(&cfg);
        s.in = scene_load(&s, "programs", programs_wasm, sizeof(programs_wasm));
        check_code(s.st);
        /* and logs fit them, whatever the registers: scene_call checks that */
        struct outcome o = scene_call(&s, 1, "mixed", 500, 0, 0);
        cr_assert_eq(o.result, mixed(500));
        cr_assert_eq(o.count, o.check.nops);
        cr_assert_gt(o.check.addresses, 1000);
        scene_drop(&s);
    }
}

Test(lower, code_is_placed_block_after_block)
{
    struct scene s = scene_empty(NULL);
    s.in = scene_load(&s, "programs", programs_wasm, sizeof(programs_wasm));
    uint64_t bytes = store_code_bytes(s.st, s.module), at = 0x40000;
    struct code_view v = store_code(s.st);
    cr_assert_eq(bytes, 4 * (uint64_t)v.nuops);
    store_place_code(s.st, s.module, at);
    for (uint32_t b = 1; b < v.nblocks; b++) {
        cr_assert_eq(v.blocks[b].code_addr, at);
        at += v.blocks[b].code_bytes;
    }
    cr_assert_eq(at, 0x40000 + bytes);
    scene_drop(&s);
}

/* ---- what single functions become ---- */

static const char class_letters[UOP_CLASSES + 1] = "AMDfmdrcLSBFETK";

/* The function's micro-ops as text: a letter of class_letters each, lower-case l and s for frame
 * accesses, '|' between blocks. */
static const char *code_text(const struct store *st, const char *func)
{
    static char text[4000];
    struct code_view v = store_code(st);
    size_t n = 0;
    for (uint32_t f = 0; f < v.nfuncs; f++) {
        if (strcmp(v.funcs[f].name, func) != 0)
            continue;
        for (uint32_t b = 0; b < v.funcs[f].nblocks; b++) {
            const struct block *k = &v.blocks[v.funcs[f].first_block + b];
            if (b > 0)
                text[n++] = '|';
            for (uint32_t i = 0; i < k->nuops && n < sizeof(text) - 3; i++) {
                const struct uop *u = &v.uops[k->uops + i];
                char c = class_letters[u->class];
                text[n++] = u->flags & UOP_ON_FRAME ? (char)(c + 'a' - 'A') : c;
            }
        }
    }
    text[n] = '\0';
    return text;
}

struct code_case {
    struct fn fn;
    const char *text;
};
/* Each begins by storing the return address and ends by loading it and branching. */
static const struct code_case code_cases[] = {
    /* a * b + a: locals are free */
    {FN(T_II_I, "arithmetic", "\0\x20\0\x20\1\x6c\x20\0\x6a\x0b"), "sMAlB"},
    /* a + 5 + (7 - a): constants are immediates */
    {FN(T_I_I, "constants", "\0\x20\0\x41\5\x6a\x41\7\x20\0\x6b\x6a\x0b"), "sAAAlB"},
    /* a = a; b = a: one copy */
    {FN(T_II_I, "copies", "\0\x20\0\x21\0\x20\0\x21\1\x20\1\x20\0\x6a\x0b"), "sAAlB"},
    /* if (a < b) return 1 else return 2: compare and branch are one */
    {FN(T_II_I, "choice", "\0\x20\0\x20\1\x48\x04\x40\x41\1\x0f\x0b\x41\2\x0b"), "sB|AlB|AlB"},
    /* the same with !(a < b) */
    {FN(T_II_I, "negated", "\0\x20\0\x20\1\x48\x45\x04\x40\x41\1\x0f\x0b\x41\2\x0b"), "sB|AlB|AlB"},
    /* do a = a - 1 while (a != 0) */
    {FN(T_I_I, "loop", "\0\x03\x40\x20\0\x41\1\x6b\x22\0\x0d\0\x0b\x20\0\x0b"), "s|AB|AlB"},
    /* *(a + 4) = *(a + 8), and a sum as address */
    {FN(T_II_V, "access", "\0\x20\0\x20\0\x28\2\x08\x36\2\4\x20\0\x20\1\x6a\x28\2\0\x1a\x0b"),
     "sLSALlB"},
    /* f64 compare: an operation of its own before the branch */
    {FN(T_I_I, "floats",
        "\0\x20\0\xb7\x44\0\0\0\0\0\0\xe0\x3f\xa2\x20\0\xb7\x63\x04\x40\x0b\x41\1\x0b"),
     "scmccB|AlB"},
    /* a ? b : a */
    {FN(T_II_I, "select", "\0\x20\1\x20\0\x20\0\x1b\x0b"), "sAAlB"},
    /* nothing after unreachable is code */
    {FN(T_I, "dead", "\0\x00\x41\1\x6a\x02\x40\x0c\0\x0b\x0b"), "s"},
    /* callee: frame store, no registers to save for a leaf */
    {FN(T_I_I, "leaf", "\0\x20\0\x0b"), "sAlB"},
    /* call leaf(a) + a: a's register is saved, and the temporary's */
    {FN(T_I_I, "caller", "\0\x20\0\x10\x0a\x20\0\x6a\x0b"), "sssAB|AlllB"},
    /* switch: bounds check, the target from a table, the jump */
    {FN(T_I_V, "switch", "\0\x02\x40\x02\x40\x20\0\x0e\1\0\1\x0b\x0f\x0b\x0b"), "sAlB|lB|lB"},
    /* the last two of eight integer arguments are stored to the callee's frame */
    {FN(T_I_I, "many", "\0\x20\0\x20\0\x20\0\x20\0\x20\0\x20\0\x20\0\x20\0\x10\x0e\x0b"), NULL},
    {FN(T_EIGHT_I, "eight", "\0\x20\0\x20\7\x6a\x0b"), NULL},
};

Test(lower, simple_functions_become_the_expected_micro_ops)
{
    struct fn fns[COUNT(code_cases)];
    for (size_t i = 0; i < COUNT(code_cases); i++)
        fns[i] = code_cases[i].fn;
    struct scene_module m = {.fns = fns, .nfns = COUNT(fns), .pages = 1};
    struct scene s = scene_new(NULL, &m);
    check_code(s.st);
    for (size_t i = 0; i < COUNT(code_cases); i++) {
        const char *text = code_text(s.st, fns[i].export);
        if (code_cases[i].text)
            cr_assert_str_eq(text, code_cases[i].text, "%s: %s", fns[i].export, text);
    }
    /* eight copies of a, two stores of arguments; in the callee one load of a used argument */
    const char *many = code_text(s.st, "many");
    cr_assert(strstr(many, "AAAAAAAAssB"), "%s", many);
    cr_assert_str_eq(code_text(s.st, "eight"), "slAlB");
    scene_drop(&s);
}

/* What jumps by a table waits for its entry, which waits for the index. */
Test(lower, jumps_by_a_table_need_its_entry)
{
    struct fn fn = code_cases[COUNT(code_cases) - 3].fn;
    struct scene_module m = {.fns = &fn, .nfns = 1, .pages = 1};
    struct scene s = scene_new(NULL, &m);
    struct code_view v = store_code(s.st);
    cr_assert_str_eq(fn.export, "switch");
    const struct uop *u = &v.uops[v.blocks[v.funcs[0].first_block].uops];
    cr_expect_eq(u[2].class, UOP_LOAD);
    cr_expect_eq(u[2].a, u[1].a, "the index");
    cr_expect_eq(u[3].class, UOP_BRANCH);
    cr_expect_eq(u[3].a, u[2].dst);
    scene_drop(&s);
}

Test(lower, kinds_of_arithmetic_are_told_apart)
{
    static const uint8_t kinds[] = {ALU_SCALE,     ALU_SHIFT,     ALU_ADD,   ALU_SHIFT,
                                    ALU_ADD_SHORT, ALU_ADD_SHORT, ALU_USUAL, ALU_ADD};
    /* a << 2, << 4, + b, rotl 1, + -1024, - 1023, ^ b, + 1024 */
    struct fn fn = FN(T_II_I, "kinds",
                      "\0\x20\0\x41\2\x74\x41\4\x74\x20\1\x6a\x41\1\x77\x41\x80\x78\x6a"
                      "\x41\xff\7\x6b\x20\1\x73\x41\x80\x08\x6a\x0b");
    struct scene_module m = {.fns = &fn, .nfns = 1, .pages = 1};
    struct scene s = scene_new(NULL, &m);
    struct code_view v = store_code(s.st);
    cr_assert_str_eq(code_text(s.st, "kinds"), "sAAAAAAAAlB");
    for (size_t i = 0; i < COUNT(kinds); i++)
        cr_expect_eq(v.uops[v.blocks[v.funcs[0].first_block].uops + 1 + i].info, kinds[i], "%zu",
                     i);
    scene_drop(&s);
}

/* Twelve locals in a loop: with few registers some live on the frame, with many none does. */
static struct bytes crowded(void)
{
    struct bytes b = {0};
    PUT(&b, "\1\x0c\x7f\x03\x40");
    for (unsigned i = 1; i <= 12; i++) { /* local i += local i - 1 */
        uint8_t step[] = {0x20, (uint8_t)i, 0x20, (uint8_t)(i - 1), 0x6a, 0x21, (uint8_t)i};
        put(&b, step, sizeof(step));
    }
    PUT(&b, "\x20\0\x41\1\x6b\x22\0\x0d\0\x0b\x20\x0c\x0b");
    return b;
}

static unsigned frame_accesses(const struct store *st, uint8_t class)
{
    struct code_view v = store_code(st);
    unsigned n = 0;
    for (uint32_t b = 1; b < v.nblocks; b++) {
        const struct block *k = &v.blocks[b];
        for (uint32_t i = 0; k->loop_head && i < k->nuops; i++)
            n += v.uops[k->uops + i].class == class && (v.uops[k->uops + i].flags & UOP_ON_FRAME);
    }
    return n;
}

Test(lower, values_past_the_registers_live_on_the_frame)
{
    struct bytes b = crowded();
    struct fn fn = {T_I_I, "crowded", b.at, b.n};
    struct scene_module m = {.fns = &fn, .nfns = 1};
    static const uint32_t registers[] = {4, 8, 12, 15, 64};
    uint32_t want = 1;
    for (uint32_t x = 0, l[13] = {20}; x < 20; x++, l[0]--) /* what the loop computes */
        for (int i = 1; i <= 12; i++)
            want = l[i] += l[i - 1];
    for (size_t i = 0; i < COUNT(registers); i++) {
        struct store_config cfg = store_default_config;
        cfg.int_registers = registers[i];
        struct scene s = scene_new(&cfg, &m);
        check_code(s.st);
        /* 13 locals are alive in the loop, two registers are scratch */
        unsigned spilled = registers[i] - 2 >= 13 ? 0 : 13 - (registers[i] - 2);
        unsigned loads = frame_accesses(s.st, UOP_LOAD), stores = frame_accesses(s.st, UOP_STORE);
        cr_assert(loads >= spilled && loads <= 2 * spilled, "%u registers: %u loads", registers[i],
                  loads);
        cr_assert_eq(stores, spilled, "each of them is written once around the loop");
        cr_assert_eq(scene_call(&s, 1, "crowded", 20, 0, 0).result, want);
        scene_drop(&s);
    }
    free(b.at);
}

/* ---- limits ---- */

Test(lower, long_blocks_are_split_so_that_a_log_has_room)
{
    struct bytes b = {0};
    const uint32_t stores = 30000;
    PUT(&b, "\0");
    for (uint32_t i = 0; i < stores; i++)
        PUT(&b, "\x20\0\x20\1\x36\2\0");
    PUT(&b, "\x0b");
    struct fn fn = {T_II_V, "long", b.at, b.n};
    struct scene_module m = {.fns = &fn, .nfns = 1, .pages = 1};
    struct scene s = scene_new(NULL, &m);
    struct space *sp = instance_space(s.in);
    check_code(s.st);
    cr_assert_eq(space_grow_map(sp, TIER_NVDIMM, 0, 1), 1);
    for (int mode = 0; mode < 2; mode++) {
        struct outcome o = scene_call(&s, mode, "long", 65536, 7, 0);
        cr_assert_eq(o.reason, RUN_DONE);
        cr_assert_eq(o.count, 3 * stores);
        cr_assert_eq(o.check.addresses, mode ? stores : 0);
    }
    scene_drop(&s);
    free(b.at);
}

/* A branch with a thousand values costs three bytes in the module. */
Test(lower, code_that_would_grow_without_bound_is_refused)
{
    struct bytes b = {0}, code = {0}, type = {0};
    struct wasm_error err;
    put_header(&b);
    PUT(&type, "\2\x60\0\0\x60\0");
    put_u32(&type, 1000);
    for (int i = 0; i < 1000; i++)
        put_byte(&type, 0x7f);
    take_section(&b, 1, &type);
    SECTION(&b, 3, "\1\0");
    PUT(&code, "\0\x02\1\x41\0");
    for (int i = 0; i < 1000; i++)
        PUT(&code, "\x41\1");
    for (int i = 0; i < 20000; i++)
        PUT(&code, "\x41\1\x0d\0");
    PUT(&code, "\x0c\0\x0b");
    for (int i = 0; i < 1000; i++)
        PUT(&code, "\x1a");
    PUT(&code, "\x0b");
    struct bytes s = {0};
    PUT(&s, "\1");
    put_u32(&s, (uint32_t)code.n);
    put_bytes(&s, &code);
    take_section(&b, 10, &s);
    struct scene w = scene_empty(NULL);
    cr_assert_eq(store_load(w.st, "bomb", b.at, b.n, &err), -1);
    cr_assert(strstr(err.text, "too large"), "%s", err.text);
    cr_assert_eq(store_code(w.st).nblocks, 1);
    scene_drop(&w);
    free(b.at);
    free(code.at);
    free(type.at);
    free(s.at);
}

Test(lower, too_many_slots_are_refused)
{
    struct bytes b = {0};
    PUT(&b, "\1\xd0\x86\3\x7f"); /* 50,000 locals are accepted by validation */
    for (uint32_t i = 0; i < 16000; i++)
        PUT(&b, "\x41\0");
    for (uint32_t i = 0; i < 16000; i++)
        PUT(&b, "\x1a");
    PUT(&b, "\x0b");
    struct fn fn = {T_V, "wide", b.at, b.n};
    struct scene_module m = {.fns = &fn, .nfns = 1};
    struct bytes module = scene_bytes(&m);
    struct scene s = scene_empty(NULL);
    struct wasm_error err = {0, ""};
    cr_assert_eq(store_load(s.st, "wide", module.at, module.n, &err), -1);
    cr_assert(strstr(err.text, "65000"), "%s", err.text);
    scene_drop(&s);
    free(module.at);
    free(b.at);
}

/* As many operands as a frame has slots for, all of them a local until `then`, which leaves one
 * less or as many; then their sum. */
static struct bytes sum_of_many(uint32_t many, const char *then, size_t n)
{
    struct bytes b = {0};
    PUT(&b, "\0");
    for (uint32_t i = 0; i < many; i++)
        PUT(&b, "\x20\0");
    put(&b, then, n);
    for (uint32_t i = 1; i < many; i++)
        PUT(&b, "\x6a");
    PUT(&b, "\x0b");
    return b;
}

Test(lower, as_many_operands_as_slots)
{
    enum { MANY = 60000 };
    static const char block[] = "\x02\x40\x0b", set[] = "\x41\0\x21\0";
    struct bytes blocks = sum_of_many(MANY, block, sizeof block - 1);
    struct bytes sets = sum_of_many(MANY, set, sizeof set - 1);
    const struct fn fns[] = {{T_I_I, "block", blocks.at, blocks.n},
                             {T_I_I, "set", sets.at, sets.n}};
    struct scene_module m = {.fns = fns, .nfns = COUNT(fns)};
    struct scene s = scene_new(NULL, &m);
    check_code(s.st);
    for (int mode = 0; mode < 2; mode++) {
        cr_assert_eq(scene_call(&s, mode, "block", 7, 0, 0).result, 7 * MANY);
        cr_assert_eq(scene_call(&s, mode, "set", 7, 0, 0).result, 7 * MANY);
    }
    scene_drop(&s);
    free(blocks.at);
    free(sets.at);
}

/* Where it traps is found by lowering it once more, when a later function has used a v128: its
 * operands do not take two slots each for that. */
Test(lower, a_trap_has_its_place_in_whatever_company)
{
    enum { MANY = 40000 };
    struct bytes sums = sum_of_many(MANY, "", 0);
    sums.n -= 1;
    PUT(&sums, "\x45\x1a\0\x0b"); /* eqz, drop, unreachable */
    struct fn fns[] = {{T_I_I, "many", sums.at, sums.n},
                       FN(T_V, "wide", "\0\x02\x7b\0\x0b\x1a\x0b")};
    struct scene_module m = {.fns = fns, .nfns = COUNT(fns)};
    struct scene s = scene_new(NULL, &m);
    for (int mode = 0; mode < 2; mode++) {
        struct trap_frame f;
        const struct outcome o = scene_call(&s, mode, "many", 7, 0, 0);
        cr_assert_eq(o.trap, TRAP_UNREACHABLE);
        cr_assert_eq(o.count, 2 * MANY + 2);
        cr_assert_eq(thread_backtrace(s.t, &f, 1), 1);
        cr_assert_eq(store_module(s.st, s.module)->bytes[f.offset], 0);
        cr_assert_eq(f.offset, store_module(s.st, s.module)->funcs[0].body_end - 2);
    }
    scene_drop(&s);
    free(sums.at);
}

/* Multi-value: results that are locals, in another order, and branches that carry values. */
Test(lower, values_reach_their_places)
{
    static const struct fn fns[] = {
        /* (i32 i64) <- swapped locals: block results in place and not */
        FN(T_V_IL, "pair", "\2\1\x7e\1\x7f\x42\x09\x21\0\x41\7\x21\1\x20\1\x20\0\x0b"),
        FN(T_II_I, "keep", "\0\x20\0\x02\x40\x20\1\x21\0\x0b\x20\0\x6b\x0b"), /* a - b */
        FN(T_II_I, "tee", "\0\x20\0\x20\1\x22\0\x6b\x20\0\x6a\x0b"),          /* (a - b) + b */
        FN(T_II_I, "carry",
           "\0\x41\x14\x02\x7f\x41\1\x20\0\x20\1\x0d\0\x1a\x1a\x41\x03\x0b\x6a\x0b"),
        FN(T_I_I, "pick",
           "\0\x41\x0a\x02\x7f\x02\x7f\x41\5\x41\6\x20\0\x0e\2\0\1\2\x0b\x41\1\x6a\x0b\x6a\x0b"),
        FN(T_II_I, "nested",
           "\0\x20\0\x04\x7f\x20\1\x04\x7f\x41\1\x05\x41\2\x0b\x05\x20\1\x0b\x0b"),
    };
    struct scene_module m = {.fns = fns, .nfns = COUNT(fns)};
    struct scene s = scene_new(NULL, &m);
    check_code(s.st);
    for (int mode = 0; mode < 2; mode++) {
        cr_assert_eq(scene_call(&s, mode, "pair", 0, 0, 0).result, 7);
        cr_assert_eq(thread_results(s.t)[1], 9);
        cr_assert_eq(scene_call(&s, mode, "keep", 50, 8, 0).result, 42);
        cr_assert_eq(scene_call(&s, mode, "tee", 50, 8, 0).result, 50);
        cr_assert_eq(scene_call(&s, mode, "carry", 7, 1, 0).result, 27);
        cr_assert_eq(scene_call(&s, mode, "carry", 7, 0, 0).result, 23);
        cr_assert_eq(scene_call(&s, mode, "pick", 0, 0, 0).result, 17);
        cr_assert_eq(scene_call(&s, mode, "pick", 1, 0, 0).result, 16);
        cr_assert_eq(scene_call(&s, mode, "pick", 2, 0, 0).result, 6);
        cr_assert_eq(scene_call(&s, mode, "pick", 99, 0, 0).result, 6);
        cr_assert_eq(scene_call(&s, mode, "nested", 1, 1, 0).result, 1);
        cr_assert_eq(scene_call(&s, mode, "nested", 1, 0, 0).result, 2);
        cr_assert_eq(scene_call(&s, mode, "nested", 0, 77, 0).result, 77);
    }
    scene_drop(&s);
}
