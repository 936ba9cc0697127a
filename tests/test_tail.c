/* test_tail.c - tail calls: frames that are used again, host functions, other instances, traps. */
#include <criterion/criterion.h>

#include "tests/wasm_scene.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

#define GET(local) "\x20" local

static const struct fn fns[] = {
    /* sum(n, acc): n == 0 ? acc : sum(n - 1, acc + n) */
    FN(T_II_I, "sum",
       "\0" GET("\0") "\x45\x04\x40" GET("\1") "\x0f\x0b" GET("\0") "\x41\1\x6b" GET("\1")
           GET("\0") "\x6a\x12\1\x0b"),
    /* turn(n, b .. h): n == 0 ? b : turn(n - 1, c .. h, b), through the table */
    FN(T_EIGHT_I, "turn",
       "\0" GET("\0") "\x45\x04\x40" GET("\1") "\x0f\x0b" GET("\0") "\x41\1\x6b" GET("\2") GET("\3")
           GET("\4") GET("\5") GET("\6") GET("\7") GET("\1") "\x41\2\x13\x0b\0\x0b"),
    /* large(a, b): 100 locals of which the last must be zero, + a - b */
    FN(T_II_I, "large", "\1\x64\x7f" GET("\x65") GET("\0") "\x6a" GET("\1") "\x6b\x0b"),
    /* grow(a, b): large(b, a) after a local was written where one of large's lies */
    FN(T_II_I, "grow",
       "\2\1\x7e\1\x7f\x42\x7f\x21\2\x41\x7f\x21\3" GET("\1") GET("\0") "\x12\3\x0b"),
    /* host(a, b): the import's result for (b, a), as a tail call; hosted adds 1 to it */
    FN(T_II_I, "host", "\0" GET("\1") GET("\0") "\x12\0\x0b"),
    FN(T_II_I, "hosted", "\0" GET("\0") GET("\1") "\x10\5\x41\1\x6a\x0b"),
    FN(T_II_I, "host_indirect", "\0" GET("\1") GET("\0") "\x41\0\x13\2\0\x0b"),
    /* entry(a, b): of the table at a, which does not have that type, or is empty, or not there */
    FN(T_II_I, "entry", "\0" GET("\0") GET("\0") "\x13\1\0\x0b"),
};
static const struct fn_import imports[] = {{"m", "f", T_II_I}};
static const struct scene_module module = {fns, COUNT(fns), imports, 1, 1, "", 0};

Test(tail, recursion_takes_no_stack_and_counts_exactly)
{
    static const struct store_config small = {NULL, 64, 3, 16, 16, 4};
    for (int mode = 0; mode < 2; mode++) {
        struct scene s = scene_new(&small, &module);
        struct outcome o = scene_call(&s, mode, "sum", 100000, 5, 0);
        cr_assert_eq(o.reason, RUN_DONE);
        cr_assert_eq(o.result, (uint32_t)(UINT64_C(100000) * 100001 / 2 + 5));
        cr_assert_eq(o.count, 100000 * 10 + 5);
        cr_assert_eq(o.check.nops, mode ? o.count : 0);
        cr_assert_eq(o.check.depth, 0);
        scene_drop(&s);
    }
}

Test(tail, arguments_change_places)
{
    struct scene s = scene_new(NULL, &module);
    for (uint64_t n = 0; n < 20; n++)
        for (int mode = 0; mode < 2; mode++) {
            uint64_t args[8] = {n, 1, 2, 3, 4, 5, 6, 7};
            thread_call(s.t, scene_func(s.in, "turn"), args);
            cr_assert_eq(scene_finish(&s, mode).result, n % 7 + 1);
        }
    scene_drop(&s);
}

Test(tail, a_larger_frame_is_cleared_or_refused)
{
    static const struct store_config small = {NULL, 64, 20, 16, 16, 4};
    struct scene s = scene_new(NULL, &module);
    for (int mode = 0; mode < 2; mode++)
        cr_assert_eq(scene_call(&s, mode, "grow", 3, 10, 0).result, 7);
    scene_drop(&s);
    s = scene_new(&small, &module);
    struct outcome o = scene_call(&s, 0, "grow", 3, 10, 0);
    struct trap_frame f;
    cr_assert_eq(o.trap, TRAP_STACK);
    cr_assert_eq(thread_backtrace(s.t, &f, 1), 1);
    cr_assert_str_eq(f.func, "grow");
    cr_assert_eq(o.count, 7);
    scene_drop(&s);
}

Test(tail, traps_leave_the_caller_on_the_stack)
{
    struct scene s = scene_new(NULL, &module);
    static const struct {
        uint64_t entry;
        enum trap_kind trap;
    } cases[] = {{0, TRAP_SIGNATURE}, {9, TRAP_NULL}, {13, TRAP_UNDEFINED}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct outcome o = scene_call(&s, 1, "entry", cases[i].entry, 0, 0);
        struct trap_frame f;
        cr_assert_eq(o.trap, cases[i].trap);
        cr_assert_eq(o.count, 3);
        cr_assert_eq(thread_backtrace(s.t, &f, 1), 1);
        cr_assert_str_eq(f.func, "entry");
    }
    scene_drop(&s);
}

/* The host function subtracts. */
static uint64_t call_with_host(struct scene *s, int observed, const char *name, uint64_t a,
                               uint64_t b)
{
    uint64_t args[2] = {a, b};
    enum run_reason r;
    thread_call(s->t, scene_func(s->in, name), args);
    do {
        s->log.n = 0;
        r = observed ? engine_run_observed(s->t, &s->log) : engine_run_functional(s->t);
        if (r == RUN_HOST) {
            uint64_t *slots = thread_host_slots(s->t);
            cr_assert_eq(thread_host(s->t), 0);
            slots[0] = slots[0] - slots[1];
        }
    } while (r == RUN_HOST);
    cr_assert_eq(r, RUN_DONE);
    return thread_results(s->t)[0];
}

Test(tail, host_functions_return_to_the_caller_of_the_caller)
{
    struct scene s = scene_new(NULL, &module);
    for (int mode = 0; mode < 2; mode++) {
        cr_assert_eq(call_with_host(&s, mode, "host", 3, 10), 7);
        cr_assert_eq(call_with_host(&s, mode, "hosted", 3, 10), 8);
        cr_assert_eq(call_with_host(&s, mode, "host_indirect", 3, 10), 7);
    }
    scene_drop(&s);
}

/* go(a, b) calls over(a, b), which tail-calls m.f of another instance, and adds 1. */
static const struct fn user_fns[] = {
    FN(T_II_I, "go", "\0" GET("\0") GET("\1") "\x10\2\x41\1\x6a\x0b"),
    FN(T_II_I, "over", "\0" GET("\1") GET("\0") "\x12\0\x0b"),
};
static const struct fn kernel_fns[] = {
    FN(T_II_I, "sub", "\0" GET("\0") GET("\1") "\x6b\x0b"),
};

static struct instance *link_user(struct scene *s, struct instance *kernel)
{
    struct scene_module m = {user_fns, COUNT(user_fns), imports, 1, 1, "", 0};
    struct bytes b = scene_bytes(&m);
    struct wasm_error err;
    struct external x;
    struct instance *in;
    int n = store_load(s->st, "user", b.at, b.n, &err);
    cr_assert_geq(n, 0);
    cr_assert_eq(instance_export(kernel, "sub", &x), 0);
    cr_assert_eq(instance_new(s->st, n, &x, NULL, &in, &err), LINK_OK);
    free(b.at);
    return in;
}

Test(tail, other_instances_are_entered_and_left)
{
    struct scene_module m = {kernel_fns, COUNT(kernel_fns), NULL, 0, 1, "", 0};
    struct scene s = scene_empty(NULL);
    struct bytes b = scene_bytes(&m);
    struct instance_options privileged = {1, 0};
    struct wasm_error err;
    struct instance *kernel;
    int n = store_load(s.st, "kernel", b.at, b.n, &err);
    cr_assert_eq(instance_new(s.st, n, NULL, &privileged, &kernel, &err), LINK_OK);
    s.in = link_user(&s, kernel);
    cr_assert_eq(scene_call(&s, 0, "go", 3, 10, 0).result, 8);
    cr_assert_eq(scene_call(&s, 0, "over", 3, 10, 0).result, 7);
    struct outcome o = scene_call(&s, 1, "go", 3, 10, 0);
    cr_assert_eq(o.result, 8);
    cr_assert_eq(o.check.events[EV_ENTER], 1);
    cr_assert_eq(o.check.events[EV_LEAVE], 1);
    cr_assert_eq(o.check.instance, instance_id(s.in));
    cr_assert_eq(o.check.depth, 0);
    free(b.at);
    scene_drop(&s);
}

/* The limit is looked at as at any other call: a loop of tail calls cannot run away. */
Test(tail, endless_recursion_is_stopped)
{
    struct scene s = scene_new(NULL, &module);
    uint64_t args[2] = {UINT32_MAX, 0};
    thread_call(s.t, scene_func(s.in, "sum"), args);
    thread_limit(s.t, 1000);
    cr_assert_eq(engine_run_functional(s.t), RUN_PREEMPT);
    cr_assert_leq(thread_instructions(s.t), 1020);
    scene_drop(&s);
}
