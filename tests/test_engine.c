/* test_engine.c - running guests: results, exact counts at traps, calls between instances, stops.
 */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/wasm_programs.h"
#include "tests/wasm_scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- real programs ---- */

struct program {
    const char *name;
    uint32_t (*host)(uint32_t);
    uint32_t n;
};
static const struct program programs[] = {
    {"sort", sort, 0},   {"sort", sort, 1},    {"sort", sort, 333},    {"text", text, 0},
    {"text", text, 120}, {"mixed", mixed, 10}, {"mixed", mixed, 3000},
};

Test(engine, programs_give_what_the_host_computes_in_both_modes)
{
    for (size_t i = 0; i < COUNT(programs); i++) {
        const struct program *p = &programs[i];
        struct outcome o[2];
        uint32_t want = p->host(p->n);
        for (int mode = 0; mode < 2; mode++) {
            struct scene s = scene_empty(NULL);
            s.in = scene_load(&s, "programs", programs_wasm, sizeof(programs_wasm));
            o[mode] = scene_call(&s, mode, p->name, p->n, 0, 0);
            cr_assert_eq(o[mode].reason, RUN_DONE);
            cr_assert_eq(o[mode].result, want, "%s(%u)", p->name, p->n);
            scene_drop(&s);
        }
        cr_assert_eq(o[0].count, o[1].count);
        cr_assert_eq(o[1].count, o[1].check.nops, "operators of the blocks in the log");
        cr_assert_eq(o[1].check.depth, 0);
        cr_assert_eq(o[0].check.blocks, 0);
    }
}

/* A run that changes its mode and is stopped again and again comes to the same end. */
Test(engine, modes_and_stops_may_alternate)
{
    struct scene s = scene_empty(NULL);
    s.in = scene_load(&s, "programs", programs_wasm, sizeof(programs_wasm));
    uint64_t arg = 200, stops = 0;
    uint64_t whole = scene_call(&s, 0, "sort", arg, 0, 0).count, start = thread_instructions(s.t);
    thread_call(s.t, scene_func(s.in, "sort"), &arg);
    enum run_reason r = RUN_PREEMPT;
    for (uint64_t at = start; at < start + 3 * whole; at += 997) {
        thread_limit(s.t, at);
        s.log.n = 0;
        r = stops % 3 == 1 ? engine_run_observed(s.t, &s.log) : engine_run_functional(s.t);
        if (r == RUN_DONE)
            break;
        cr_assert_eq(r, RUN_PREEMPT);
        cr_assert_geq(thread_instructions(s.t), at);
        cr_assert_leq(thread_instructions(s.t), at + 200, "it stops soon after");
        stops++;
    }
    cr_assert_eq(r, RUN_DONE);
    cr_assert_gt(stops, 20);
    cr_assert_eq(thread_instructions(s.t) - start, whole);
    cr_assert_eq(thread_results(s.t)[0], sort(200));
    scene_drop(&s);
}

/* ---- traps ---- */

struct trap_case {
    const char *name;
    uint64_t a, b;
    enum trap_kind trap;
    unsigned count;  /* operators up to the one that traps */
    unsigned offset; /* of that one in the body */
    unsigned logged; /* addresses before it */
};

static const struct fn trap_fns[] = {
    FN(T_II_I, "div", "\0\x20\0\x20\1\x6d\x20\0\x6a\x0b"),
    FN(T_II_I, "unreachable", "\0\x41\1\x1a\0\x20\0\x0b"),
    FN(T_II_I, "load", "\0\x20\0\x28\2\0\x20\1\x28\2\xff\xff\xff\xff\x0f\x6a\x20\0\x6a\x0b"),
    FN(T_II_I, "store", "\0\x41\x10\x20\0\x36\2\0\x20\1\x41\1\x3b\1\x08\x20\0\x20\0\x6a\x0b"),
    FN(T_II_I, "indirect", "\0\x20\0\x11\3\0\x0b"),
    FN(T_II_I, "trunc", "\0\x20\0\xbe\xa8\x0b"),
    FN(T_II_I, "table_get", "\0\x20\0\x25\0\xd1\x0b"),
    FN(T_II_I, "copy", "\0\x20\0\x20\1\x41\x0a\xfc\x0a\0\0\x20\0\x0b"),
    FN(T_II_I, "init", "\0\x20\0\x20\1\x41\3\xfc\x08\0\0\x20\0\x0b"),
    FN(T_II_I, "rem_after_compare", "\0\x20\0\x20\1\x46\x04\x7f\x20\0\x41\0\x70\x05\x41\1\x0b\x0b"),
    FN(T_II_I, "nt", "\0\x20\0\x41\7\x10\0\x20\1\x0b"),
    FN(T_II_I, "flush", "\0\x20\0\x10\1\x20\1\x10\1\x20\1\x0b"),
};
static const struct fn_import trap_imports[] = {{"pmem", "ntstore32", T_II_V},
                                                {"pmem", "clwb", T_I_V}};
static const struct scene_module trap_module = {.fns = trap_fns,
                                                .nfns = COUNT(trap_fns),
                                                .imports = trap_imports,
                                                .nimports = COUNT(trap_imports),
                                                .pages = 1,
                                                .data = "abcde",
                                                .ndata = 5};
#define PAGE_END 65536

static const struct trap_case trap_cases[] = {
    {"div", 1, 0, TRAP_DIVIDE, 3, 4, 0},
    {"div", 0x80000000, 0xffffffff, TRAP_OVERFLOW, 3, 4, 0},
    {"unreachable", 0, 0, TRAP_UNREACHABLE, 3, 3, 0},
    {"load", PAGE_END - 3, 0, TRAP_MEMORY, 2, 2, 0},
    {"load", PAGE_END - 4, 0, TRAP_MEMORY, 4, 7, 1},
    {"load", 0, 0xffffffff, TRAP_MEMORY, 4, 7, 1},
    {"store", 0, PAGE_END - 9, TRAP_MEMORY, 6, 11, 1},
    {"indirect", 18, 0, TRAP_UNDEFINED, 2, 2, 0},
    {"indirect", 17, 0, TRAP_NULL, 2, 2, 0},
    {"indirect", 2, 0, TRAP_SIGNATURE, 2, 2, 0},
    {"trunc", 0x7fc00000, 0, TRAP_CONVERSION, 3, 3, 0},
    {"trunc", 0x4f000000, 0, TRAP_OVERFLOW, 3, 3, 0},
    {"table_get", 18, 0, TRAP_TABLE, 2, 2, 0},
    {"copy", 0, PAGE_END - 9, TRAP_MEMORY, 4, 6, 0},
    {"copy", PAGE_END - 9, 0, TRAP_MEMORY, 4, 6, 0},
    {"init", 0, 3, TRAP_MEMORY, 4, 6, 0},
    {"rem_after_compare", 5, 5, TRAP_DIVIDE, 7, 11, 0},
    {"nt", 6, 0, TRAP_UNALIGNED, 3, 4, 0},
    {"nt", PAGE_END, 0, TRAP_MEMORY, 3, 4, 0},
    {"flush", 0, PAGE_END, TRAP_MEMORY, 4, 6, 1},
};

static void check_trap(struct scene *s, const struct trap_case *c, int mode)
{
    struct outcome o = scene_call(s, mode, c->name, c->a, c->b, 0);
    struct trap_frame f[2];
    cr_assert_eq(o.reason, RUN_TRAP, "%s", c->name);
    cr_assert_eq(o.trap, c->trap, "%s: %s", c->name, trap_text(o.trap));
    cr_assert_eq(o.count, c->count, "%s, mode %d: %lu operators", c->name, mode,
                 (unsigned long)o.count);
    cr_assert_eq(thread_backtrace(s->t, f, 2), 1);
    cr_assert_str_eq(f[0].module, "scene");
    cr_assert_str_eq(f[0].func, c->name);
    const struct module *m = store_module(s->st, s->module);
    cr_assert_eq(f[0].offset - m->funcs[f[0].func_index].body, c->offset, "%s", c->name);
    if (mode)
        cr_assert_eq(o.check.addresses, c->logged, "%s", c->name);
    cr_assert_eq(engine_run_functional(s->t), RUN_TRAP, "it stays trapped");
}

Test(engine, traps_are_exact)
{
    struct scene s = scene_new(NULL, &trap_module);
    for (size_t i = 0; i < COUNT(trap_cases); i++) {
        check_trap(&s, &trap_cases[i], 0);
        check_trap(&s, &trap_cases[i], 1);
    }
    /* the first store of "store" was done, the second not */
    cr_assert_eq(instance_space(s.in)->base[0x10], 0);
    struct outcome o = scene_call(&s, 0, "store", 0x1234, PAGE_END - 9, 0);
    cr_assert_eq(o.trap, TRAP_MEMORY);
    cr_assert_eq(instance_space(s.in)->base[0x10], 0x34);
    scene_drop(&s);
}

Test(engine, endless_recursion_is_a_trap)
{
    static const struct fn fns[] = {FN(T_I_I, "deep", "\0\x20\0\x41\1\x6a\x10\0\x0b")};
    struct scene_module m = {.fns = fns, .nfns = 1};
    struct store_config by_depth = store_default_config, by_slots = store_default_config;
    by_depth.call_depth = 100;
    by_slots.stack_slots = 700;
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_new(&by_depth, &m);
        struct outcome o = scene_call(&s, mode, "deep", 0, 0, 0);
        struct trap_frame f[3];
        cr_assert_eq(o.trap, TRAP_STACK);
        cr_assert_eq(o.count, 400, "100 activations of 4 operators");
        cr_assert_eq(thread_backtrace(s.t, f, 3), 100);
        cr_assert_eq(f[2].offset - store_module(s.st, s.module)->funcs[0].body, 5);
        scene_drop(&s);
        s = scene_new(&by_slots, &m);
        o = scene_call(&s, mode, "deep", 0, 0, 0);
        cr_assert_eq(o.trap, TRAP_STACK);
        cr_assert_eq(o.count, 4 * thread_backtrace(s.t, NULL, 0));
        cr_assert_lt(o.count, 400);
        o = scene_call(&s, mode, "deep", 0, 0, 0);
        cr_assert_eq(o.trap, TRAP_STACK, "the thread may begin anew");
        scene_drop(&s);
    }
}

/* What tables have grown by is limited for all tables of a store together, or many of them would
 * take all of the host's memory. */
Test(engine, tables_grow_within_a_limit)
{
    static const struct fn fns[] = {FN(T_I_I, "grow", "\0\xd0\x70\x20\0\xfc\x0f\0\x0b")};
    const struct scene_module m = {.fns = fns, .nfns = 1}; /* a table of 5 */
    struct wasm_limits limits = wasm_default_limits;
    struct store_config cfg = store_default_config;
    limits.table_entries = 10;
    cfg.limits = &limits;
    struct scene s = scene_new(&cfg, &m);
    struct bytes b = scene_bytes(&m);
    struct instance *first = s.in, *second = scene_load(&s, "second", b.at, b.n);
    free(b.at);
    s.in = first;
    cr_expect_eq(scene_call(&s, 0, "grow", 11, 0, 0).result, UINT32_MAX);
    cr_expect_eq(scene_call(&s, 0, "grow", UINT32_MAX, 0, 0).result, UINT32_MAX);
    cr_expect_eq(scene_call(&s, 1, "grow", 7, 0, 0).result, 5);
    s.in = second;
    cr_expect_eq(scene_call(&s, 1, "grow", 4, 0, 0).result, UINT32_MAX);
    cr_expect_eq(scene_call(&s, 0, "grow", 2, 0, 0).result, 5);
    instance_drop(first);
    cr_expect_eq(scene_call(&s, 0, "grow", 9, 0, 0).result, UINT32_MAX);
    cr_expect_eq(scene_call(&s, 0, "grow", 8, 0, 0).result, 7, "what is gone is free");
    s.in = second;
    scene_drop(&s);
}

static sigjmp_buf foreign;
static void on_foreign(int sig)
{
    (void)sig;
    siglongjmp(foreign, 1);
}

/* A fault that is no guest's goes to whoever handled faults before. */
Test(engine, foreign_faults_are_passed_on)
{
    struct sigaction sa = {.sa_handler = on_foreign, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    struct scene s = scene_new(NULL, &trap_module);
    volatile uint8_t *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int caught = 0;
    if (sigsetjmp(foreign, 0) == 0)
        *nothing = 1;
    else
        caught = 1;
    cr_assert(caught);
    check_trap(&s, &trap_cases[3], 0); /* and guests go on trapping */
    /* nor is an access of the host to a guest's guard pages a guest's trap when none runs */
    caught = 0;
    if (sigsetjmp(foreign, 0) == 0)
        ((volatile uint8_t *)instance_space(s.in)->base)[PAGE_END] = 1;
    else
        caught = 1;
    cr_assert(caught);
    scene_drop(&s);
}

/* This process's memory file of that name. */
static int memory_file(const char *name)
{
    char path[32], target[64];
    for (int fd = 3; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const ssize_t n = readlink(path, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        if (strstr(target, name))
            return fd;
    }
    return -1;
}

static int store_leaves_by_signal(struct scene *s, int mode)
{
    if (sigsetjmp(foreign, 0))
        return 1;
    (void)scene_call(s, mode, "store", 0, 0, 0);
    return 0;
}

/* A host with no memory left for a page that is there sends SIGBUS, as for a file that was cut
 * short: the guest did nothing wrong. */
Test(engine, memory_that_the_host_does_not_give_is_no_trap)
{
    struct sigaction sa = {.sa_handler = on_foreign, .sa_flags = SA_NODEFER};
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_new(NULL, &trap_module);
        sigaction(SIGBUS, &sa, NULL);
        cr_assert_eq(ftruncate(memory_file("memfd:dram"), 0), 0);
        cr_assert(store_leaves_by_signal(&s, mode), "mode %d", mode);
        scene_drop(&s);
    }
}

/* ---- stops ---- */

/* local 1 counts up to parameter 0: 7 operators each time around, 1 after */
#define COUNT_LOOP "\1\1\x7f\x03\x40\x20\1\x41\1\x6a\x22\1\x20\0\x49\x0d\0\x0b\x20\1\x0b"

Test(engine, limits_stop_at_the_same_place_in_both_modes)
{
    static const struct fn fns[] = {FN(T_I_I, "count", COUNT_LOOP)};
    struct scene_module m = {.fns = fns, .nfns = 1};
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_new(NULL, &m);
        uint64_t n = 1000;
        enum run_reason r = RUN_DONE;
        static const uint64_t limits[] = {1000, 1001, 1002, 1007, 1029, 2000};
        static const uint64_t stops[] = {1001, 1008, 1015, 1022, 1029, 2002};
        thread_call(s.t, scene_func(s.in, "count"), &n);
        for (size_t i = 0; i < COUNT(limits); i++) {
            thread_limit(s.t, limits[i]);
            s.log.n = 0;
            r = mode ? engine_run_observed(s.t, &s.log) : engine_run_functional(s.t);
            cr_assert_eq(r, RUN_PREEMPT);
            cr_assert_eq(thread_instructions(s.t), stops[i], "%zu: %lu", i,
                         (unsigned long)thread_instructions(s.t));
        }
        thread_limit(s.t, UINT64_MAX);
        thread_preempt(s.t);
        s.log.n = 0;
        r = mode ? engine_run_observed(s.t, &s.log) : engine_run_functional(s.t);
        cr_assert_eq(r, RUN_PREEMPT);
        cr_assert_eq(thread_instructions(s.t), 2009, "at the next branch");
        struct outcome o = scene_finish(&s, mode);
        cr_assert_eq(o.reason, RUN_DONE);
        cr_assert_eq(o.result, 1000);
        cr_assert_eq(thread_instructions(s.t), 7 * 1000 + 1);
        scene_drop(&s);
    }
}

/* ---- host functions ---- */

Test(engine, host_functions_get_arguments_and_give_results)
{
    static const struct fn_import imports[] = {
        {"machine", "add", T_II_I}, {"pmem", "cycles", T_L}, {"machine", "pair", T_V_IL}};
    static const struct fn fns[] = {
        FN(T_I_I, "twice", "\0\x41\7\x20\0\x41\3\x10\0\x6a\x0b"), /* 7 + add(x, 3) */
        FN(T_L, "cycles", "\0\x10\1\x42\1\x7c\x0b"),
        FN(T_L, "pair", "\0\x10\2\x1a\xac\x0b"), /* (i64)(i32)first */
        FN(T_I_I, "indirect", "\0\x20\0\x41\5\x41\0\x11\2\0\x0b"),
    };
    struct scene_module m = {.fns = fns, .nfns = COUNT(fns), .imports = imports, .nimports = 3};
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_new(NULL, &m);
        uint64_t arg = 39;
        static const char *const both[] = {"twice", "indirect"};
        for (int i = 0; i < 2; i++) {
            thread_call(s.t, scene_func(s.in, both[i]), &arg);
            s.log.n = 0;
            enum run_reason r = mode ? engine_run_observed(s.t, &s.log)
                                     : engine_run_functional(s.t);
            cr_assert_eq(r, RUN_HOST);
            cr_assert_eq(thread_host(s.t), 0);
            cr_assert_eq(thread_instance(s.t), s.in);
            uint64_t *slots = thread_host_slots(s.t);
            cr_assert_eq(slots[0], 39);
            cr_assert_eq(slots[1], i == 0 ? 3 : 5);
            struct trap_frame f[1];
            cr_assert_eq(thread_backtrace(s.t, f, 1), 1);
            slots[0] = (uint64_t)-2; /* a sloppy i32: its high half is not zero */
            s.log.n = 0;
            r = mode ? engine_run_observed(s.t, &s.log) : engine_run_functional(s.t);
            cr_assert_eq(r, RUN_DONE);
            cr_assert_eq(thread_results(s.t)[0], i == 0 ? 5 : 0xfffffffe);
        }
        thread_call(s.t, scene_func(s.in, "cycles"), NULL);
        cr_assert_eq(engine_run_functional(s.t), RUN_HOST);
        cr_assert_eq(thread_host(s.t), HOST_CYCLES);
        thread_host_slots(s.t)[0] = UINT64_C(1) << 40;
        cr_assert_eq(scene_finish(&s, mode).result, (UINT64_C(1) << 40) + 1);
        thread_call(s.t, scene_func(s.in, "pair"), NULL);
        cr_assert_eq(engine_run_functional(s.t), RUN_HOST);
        thread_host_slots(s.t)[0] = 0xfffffffb;
        thread_host_slots(s.t)[1] = 1;
        cr_assert_eq(scene_finish(&s, mode).result, (uint64_t)-5);
        scene_drop(&s);
    }
}

Test(engine, a_thread_may_begin_with_a_host_function)
{
    struct scene s = scene_empty(NULL);
    static const uint8_t types[] = {VT_I32, VT_I32};
    static const struct functype type = {1, 1, types};
    struct func *f = store_host_func(s.st, 77, &type);
    uint64_t arg = UINT64_MAX;
    thread_call(s.t, f, &arg);
    cr_assert_eq(engine_run_observed(s.t, &s.log), RUN_HOST);
    cr_assert_eq(thread_host(s.t), 77);
    cr_assert_eq(thread_host_slots(s.t)[0], UINT32_MAX);
    thread_host_slots(s.t)[0] = 12;
    cr_assert_eq(engine_run_functional(s.t), RUN_DONE);
    cr_assert_eq(engine_run_functional(s.t), RUN_DONE);
    cr_assert_eq(thread_results(s.t)[0], 12);
    scene_drop(&s);
}

/* ---- instances ---- */

static struct instance *link_to(struct scene *s, const struct scene_module *m,
                                const struct external *imports, int privileged)
{
    struct bytes b = scene_bytes(m);
    struct wasm_error err;
    struct instance *in;
    struct instance_options opt = {.privileged = (uint8_t)privileged};
    int module = store_load(s->st, "linked", b.at, b.n, &err);
    cr_assert_geq(module, 0, "%s", err.text);
    cr_assert_eq(instance_new(s->st, module, imports, &opt, &in, &err), LINK_OK, "%s", err.text);
    free(b.at);
    return in;
}

Test(engine, calls_between_user_and_kernel_are_logged)
{
    static const struct fn kernel_fns[] = {
        FN(T_I_I, "serve", "\0\x20\0\x41\5\x6a\x41\0\x20\0\x36\2\0\x0b")};
    static const struct fn_import imports[] = {{"k", "serve", T_I_I}};
    static const struct fn user_fns[] = {
        FN(T_I_I, "main", "\0\x41\0\x20\0\x10\0\x36\2\0\x41\0\x28\2\0\x0b"),
        FN(T_I_I, "other", "\0\x20\0\x41\0\x11\1\0\x0b"), /* the same through the table */
    };
    struct scene_module km = {.fns = kernel_fns, .nfns = 1, .pages = 1};
    struct scene_module um = {
        .fns = user_fns, .nfns = 2, .imports = imports, .nimports = 1, .pages = 1};
    struct scene s = scene_empty(NULL);
    struct instance *kernel = link_to(&s, &km, NULL, 1);
    struct external x = {.kind = EXT_FUNC, .func = scene_func(kernel, "serve")};
    struct instance *user = link_to(&s, &um, &x, 0);
    uint32_t k = instance_id(kernel), u = instance_id(user);
    uint64_t arg = 37;
    s.in = user;
    for (int i = 0; i < 2; i++) {
        thread_call(s.t, scene_func(user, i ? "other" : "main"), &arg);
        s.log.n = 0;
        cr_assert_eq(engine_run_observed(s.t, &s.log), RUN_DONE);
        cr_assert_eq(thread_results(s.t)[0], 42);
        const uint64_t *w = s.log.words;
        cr_assert_eq(w[0], LOG_EVENT_WORD(EV_INSTANCE, u));
        cr_assert_eq(LOG_TAG(w[1]), LOG_BLOCK);
        cr_assert_eq(w[2], LOG_EVENT_WORD(EV_ENTER, k));
        cr_assert_eq(w[3], LOG_EVENT_WORD(EV_INSTANCE, k));
        cr_assert_eq(LOG_TAG(w[4]), LOG_BLOCK);
        cr_assert_eq(w[5], 0, "the kernel's store to its own address 0");
        cr_assert_eq(w[6], LOG_EVENT_WORD(EV_LEAVE, u));
        cr_assert_eq(w[7], LOG_EVENT_WORD(EV_INSTANCE, u));
        cr_assert_eq(LOG_TAG(w[8]), LOG_BLOCK);
        cr_assert_eq(s.log.n, i ? 9 : 11);
        cr_assert_eq(instance_space(kernel)->base[0], 37);
        cr_assert_eq(instance_space(user)->base[0], 42);
        cr_assert_eq(scene_call(&s, 0, i ? "other" : "main", 1, 0, 0).result, 6);
        scene_call(&s, 0, "main", arg, 0, 0);
    }
    instance_drop(kernel); /* the user's calls must go on working */
    cr_assert_null(store_instance(s.st, k));
    cr_assert_eq(scene_call(&s, 1, "main", 1, 0, 0).result, 6);
    scene_drop(&s);
}

/* (import "t" "t" (table 2 funcref)) (func () -> i32: 9) (elem (i32.const 1) 0) */
static const char filler[] = "\0asm\1\0\0\0"
                             "\1\5\1\x60\0\1\x7f"
                             "\2\x09\1\1t\1t\1\x70\0\2"
                             "\3\2\1\0"
                             "\x09\7\1\0\x41\1\x0b\1\0"
                             "\x0a\6\1\4\0\x41\x09\x0b";
/* (import "t" "t" (table 2 funcref)) (func (export "f") (param i32) (result i32)
 *   (call_indirect (result i32) (local.get 0))) */
static const char caller[] = "\0asm\1\0\0\0"
                             "\1\x0a\2\x60\0\1\x7f\x60\1\x7f\1\x7f"
                             "\2\x09\1\1t\1t\1\x70\0\2"
                             "\3\2\1\1"
                             "\7\5\1\1f\0\0"
                             "\x0a\x09\1\7\0\x20\0\x11\0\0\x0b";

Test(engine, functions_of_a_dropped_instance_leave_tables)
{
    struct scene s = scene_empty(NULL);
    struct table_type type = {.limits = {.min = 3}, .elem = VT_FUNCREF};
    struct external x = {.kind = EXT_TABLE, .table = store_host_table(s.st, type)};
    struct wasm_error err;
    struct instance *a, *b;
    int ma = store_load(s.st, "a", (const uint8_t *)filler, sizeof(filler) - 1, &err);
    cr_assert_geq(ma, 0, "%s", err.text);
    int mb = store_load(s.st, "b", (const uint8_t *)caller, sizeof(caller) - 1, &err);
    cr_assert_geq(mb, 0, "%s", err.text);
    cr_assert_eq(instance_new(s.st, ma, &x, NULL, &a, &err), LINK_OK);
    cr_assert_eq(instance_new(s.st, mb, &x, NULL, &b, &err), LINK_OK);
    s.in = b;
    cr_assert_eq(scene_call(&s, 0, "f", 1, 0, 0).result, 9);
    cr_assert_eq(scene_call(&s, 0, "f", 0, 0, 0).trap, TRAP_NULL);
    instance_drop(a);
    cr_assert_eq(scene_call(&s, 0, "f", 1, 0, 0).trap, TRAP_NULL);
    cr_assert_eq(scene_call(&s, 0, "f", 3, 0, 0).trap, TRAP_UNDEFINED);
    scene_drop(&s);
}

Test(engine, imports_that_do_not_fit_are_refused)
{
    struct scene s = scene_empty(NULL);
    struct table_type small = {.limits = {.min = 1}, .elem = VT_FUNCREF};
    struct table_type refs = {.limits = {.min = 3}, .elem = VT_EXTERNREF};
    struct external x[] = {{.kind = EXT_TABLE, .table = store_host_table(s.st, small)},
                           {.kind = EXT_TABLE, .table = store_host_table(s.st, refs)},
                           {.kind = EXT_FUNC, .func = NULL},
                           {.kind = EXT_TABLE, .table = NULL}};
    struct wasm_error err = {0, ""};
    struct instance *in;
    int m = store_load(s.st, "a", (const uint8_t *)filler, sizeof(filler) - 1, &err);
    for (size_t i = 0; i < COUNT(x); i++) {
        cr_assert_eq(instance_new(s.st, m, &x[i], NULL, &in, &err), LINK_TYPE);
        cr_assert(strstr(err.text, "t.t"), "%s", err.text);
    }
    static const struct fn_import wrong[] = {
        {"pmem", "clwb", T_I_I}, {"pmem", "clwbx", T_I_V}, {"pwk", "mark", T_V}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct scene_module sm = {.imports = &wrong[i], .nimports = 1};
        struct bytes b = scene_bytes(&sm);
        cr_assert_eq(store_load(s.st, "w", b.at, b.n, &err), -1);
        cr_assert(strstr(err.text, wrong[i].field), "%s", err.text);
        free(b.at);
    }
    cr_assert_eq(store_code(s.st).nfuncs, 1, "what failed to load left nothing behind");
    scene_drop(&s);
}

/* Two active data segments; the second is out of bounds: the first stays written. */
static const char half[] = "\0asm\1\0\0\0"
                           "\5\3\1\0\1"
                           "\7\5\1\1m\2\0"
                           "\x0b\x0e\2\0\x41\0\x0b\2ab\0\x41\x7f\x0b\1c";

Test(engine, an_active_segment_out_of_bounds_is_a_trap)
{
    struct scene s = scene_empty(NULL);
    struct wasm_error err;
    struct instance *in;
    int m = store_load(s.st, "half", (const uint8_t *)half, sizeof(half) - 1, &err);
    cr_assert_geq(m, 0, "%s", err.text);
    cr_assert_eq(instance_new(s.st, m, NULL, NULL, &in, &err), LINK_TRAP);
    cr_assert_str_eq(err.text, "out of bounds memory access");
    cr_assert_eq(memcmp(instance_space(in)->base, "ab", 2), 0);
    struct instance_options none = {.max_pages = 1};
    cr_assert_eq(instance_new(s.st, m, NULL, &none, &in, &err), LINK_TRAP);
    instance_drop(in);
    scene_drop(&s);
}

/* ---- damaged modules ---- */

static void run_both(const uint8_t *at, size_t n, uint64_t *sum)
{
    struct outcome o[2] = {0};
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_empty(NULL);
        struct wasm_error err;
        int m = store_load(s.st, "damaged", at, n, &err);
        struct external x, none[8] = {{.kind = EXT_FUNC, .func = NULL}};
        struct instance_options opt = {.max_pages = 16};
        if (m >= 0 && store_module(s.st, m)->nimports == 0 &&
            instance_new(s.st, m, none, &opt, &s.in, &err) == LINK_OK &&
            instance_export(s.in, "mixed", &x) == 0 && x.kind == EXT_FUNC &&
            func_type(x.func)->nparams == 1) {
            thread_limit(s.t, 20000);
            uint64_t arg = 40;
            thread_call(s.t, x.func, &arg);
            s.log.n = 0;
            do {
                o[mode].reason = mode ? engine_run_observed(s.t, &s.log)
                                      : engine_run_functional(s.t);
                s.log.n = 0;
            } while (o[mode].reason == RUN_LOG);
            o[mode].trap = thread_trap(s.t);
            o[mode].count = thread_instructions(s.t);
            o[mode].result = thread_results(s.t)[0];
            if (mode) {
                cr_assert_eq(o[0].reason, o[1].reason);
                cr_assert_eq(o[0].trap, o[1].trap);
                cr_assert_eq(o[0].count, o[1].count);
                cr_assert_eq(o[0].result, o[1].result);
                (*sum)++;
            }
        }
        scene_drop(&s);
    }
}

Test(engine, damaged_programs_do_no_harm)
{
    uint8_t copy[sizeof(programs_wasm)];
    uint64_t ran = 0;
    for (size_t i = 8; i < sizeof(programs_wasm); i += 5) {
        memcpy(copy, programs_wasm, sizeof(copy));
        copy[i] ^= (uint8_t)(1u << i % 8);
        run_both(copy, sizeof(copy), &ran);
    }
    cr_assert_gt(ran, 20, "some damage leaves a valid module: %lu", (unsigned long)ran);
}
