/* test_store_state.c - snapshots of stores: what goes on from one ends as it would have, and no
 * bytes do harm. */
#include <criterion/criterion.h>

#include "tests/wasm_programs.h"
#include "tests/wasm_scene.h"
#include "wasmcore/snapshot.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct module_bytes {
    const uint8_t *at;
    size_t n;
};

static const uint8_t *give_module(void *arg, const char *name, uint64_t n, const uint8_t digest[16])
{
    const struct module_bytes *m = arg;
    (void)name;
    (void)digest;
    return n == m->n ? m->at : NULL;
}

/* Everything that a scene is, in bytes. */
static struct archive save(struct scene *s)
{
    struct archive a;
    archive_begin(&a);
    cr_assert_eq(snapshot_write(s->st, &a), 0, "%s", a.failed);
    physmem_archive(s->pm, &a);
    cr_assert_eq(archive_seal(&a), 0, "%s", a.failed);
    return a;
}

/* A machine with the same imports, and nothing else. */
static struct scene bare(const struct scene *like)
{
    struct scene s = scene_empty(NULL);
    thread_drop(s.t);
    s.t = NULL;
    const struct module *m = store_module(like->st, 0);
    for (uint32_t i = 0; i < m->nimports; i++)
        store_host_func(s.st, i, &m->types[m->imports[i].func_type]);
    return s;
}

static const char *load(struct scene *s, const uint8_t *bytes, size_t n, struct module_bytes *mod)
{
    const struct snapshot_source source = {give_module, mod};
    struct archive in;
    if (archive_open(&in, bytes, n) || snapshot_read(s->st, &in, &source))
        return in.failed;
    physmem_archive(s->pm, &in);
    if (!in.failed && archive_left(&in))
        archive_fail(&in, "there is more");
    s->in = store_instance(s->st, 0);
    s->t = store_thread(s->st, 0);
    return in.failed;
}

static struct scene copy(struct scene *s, struct module_bytes *mod)
{
    struct archive a = save(s);
    struct scene t = bare(s);
    const char *failed = load(&t, a.bytes, a.n, mod);
    cr_assert_null(failed, "%s", failed);
    archive_free(&a);
    return t;
}

static void same(struct scene *s, struct scene *t)
{
    struct archive a = save(s), b = save(t);
    cr_assert_eq(a.n, b.n);
    cr_assert_arr_eq(a.bytes, b.bytes, a.n);
    archive_free(&a);
    archive_free(&b);
}

/* Run on to a point; is it over? */
static int to_point(struct scene *s)
{
    while (!thread_at_point(s->t)) {
        thread_preempt(s->t);
        s->log.n = 0;
        if (engine_run_observed(s->t, &s->log) == RUN_DONE)
            return 1;
    }
    return 0;
}

/* ---- going on ---- */

static const struct {
    const char *name;
    uint32_t (*host)(uint32_t);
    uint32_t n;
} programs[] = {{"sort", sort, 60}, {"text", text, 40}, {"mixed", mixed, 300}};

/* At each stop the thread moves to a new machine, which goes on in the other mode. */
static void move_about(const char *name, uint64_t arg, uint32_t want, uint64_t step)
{
    struct module_bytes mod = {programs_wasm, sizeof(programs_wasm)};
    struct scene s = scene_empty(NULL);
    s.in = scene_load(&s, "programs", mod.at, mod.n);
    const uint64_t whole = scene_call(&s, 0, name, arg, 0, 0).count;
    thread_call(s.t, scene_func(s.in, name), &arg);
    unsigned stops = 0;
    enum run_reason r = RUN_PREEMPT;
    while (r != RUN_DONE) {
        thread_limit(s.t, whole + step * (stops + 1));
        s.log.n = 0;
        r = stops % 2 ? engine_run_observed(s.t, &s.log) : engine_run_functional(s.t);
        cr_assert(r == RUN_DONE || r == RUN_PREEMPT || r == RUN_LOG);
        if (r != RUN_DONE && to_point(&s))
            break;
        stops++;
        struct scene t = copy(&s, &mod);
        same(&s, &t);
        scene_drop(&s);
        s = t;
    }
    cr_assert_gt(stops, 10);
    cr_assert_eq(thread_results(s.t)[0], want);
    cr_assert_eq(thread_instructions(s.t), 2 * whole);
    scene_drop(&s);
}

Test(store_state, programs_go_on_elsewhere_at_many_points)
{
    for (size_t i = 0; i < COUNT(programs); i++)
        move_about(programs[i].name, programs[i].n, programs[i].host(programs[i].n),
                   i == 1 ? 997 : 211);
}

/* A log with room for one block stops the engine at each of them. */
static unsigned every_block(const char *name, uint64_t arg, uint32_t want, unsigned most)
{
    struct module_bytes mod = {programs_wasm, sizeof(programs_wasm)};
    struct scene s = scene_empty(NULL);
    s.in = scene_load(&s, "programs", mod.at, mod.n);
    thread_call(s.t, scene_func(s.in, name), &arg);
    s.log.cap = LOG_SLACK + 1;
    unsigned stops = 0;
    while (stops < most) {
        s.log.n = 0;
        if (engine_run_observed(s.t, &s.log) == RUN_DONE || to_point(&s))
            break;
        struct scene t = copy(&s, &mod);
        stops++;
        t.log.cap = LOG_SLACK + 1;
        scene_drop(&s);
        s = t;
    }
    s.log.cap = 2 * LOG_SLACK;
    struct outcome o = scene_finish(&s, 0);
    cr_assert_eq(o.result, want);
    scene_drop(&s);
    return stops;
}

Test(store_state, every_block_is_a_place_to_go_on)
{
    for (size_t i = 0; i < COUNT(programs); i++) {
        unsigned n = every_block(programs[i].name, 9, programs[i].host(9), 400);
        cr_assert_gt(n, 60);
    }
}

/* ---- what a store has besides ---- */

/* g: a call of the host, with operands below it, in a callee. Locals 1 and 2 of deep: i64, f64. */
static const struct fn fns[] = {
    FN(T_I_I, "deep",
       "\2\1\x7e\1\x7c\x42\x2a\x21\1\x44\0\0\0\0\0\0\xf8\x3f\x21\2\x41\5\x20\0\x20\0\x10\2\x6a\x6a"
       "\x20\1\xa7\x6a\x20\2\xaa\x6a\x0b"),
    FN(T_I_I, NULL, "\0\x41\x0a\x20\0\x10\0\x6a\x0b"),
    FN(T_V, "change",
       "\0\x41\x08\x41\1\x36\2\0\x41\1\x40\0\x1a\x41\0\xd2\2\x26\0\xfc\x09\0\xd0\x70\x41\3\xfc\x0f"
       "\0"
       "\x1a\x0b"),
    FN(T_V, "trap", "\0\x41\1\x1a\0\x0b"),
    FN(T_I_I, "wide",
       "\1\1\x7b\xfd\x0c\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x21\1\x20\1\x41\5\xfd"
       "\x11"
       "\x20\0\x10\0\xfd\x11\xfd\xae\1\xfd\xae\1\x22\1\xfd\x1b\3\x20\1\xfd\x1b\0\x6a\x0b"),
};
static const struct fn_import host_imports[] = {{"host", "f", T_I_I}};
static const struct scene_module module = {.fns = fns,
                                           .nfns = COUNT(fns),
                                           .imports = host_imports,
                                           .nimports = 1,
                                           .pages = 1,
                                           .data = "abcd",
                                           .ndata = 4};

struct small {
    struct bytes bytes;
    struct module_bytes mod;
    struct scene s;
};

static struct small small_new(void)
{
    struct small x = {.bytes = scene_bytes(&module)};
    x.mod = (struct module_bytes){x.bytes.at, x.bytes.n};
    x.s = scene_empty(NULL);
    /* import 0 of the module as a host function, as scene_load does it */
    x.s.in = scene_load(&x.s, "small", x.mod.at, x.mod.n);
    return x;
}

static void small_drop(struct small *x)
{
    scene_drop(&x->s);
    free(x->bytes.at);
}

static void in_host_call(struct scene *s, uint64_t arg)
{
    thread_call(s->t, scene_func(s->in, "deep"), &arg);
    cr_assert_eq(engine_run_functional(s->t), RUN_HOST);
}

/* 10 + f(x) in the callee; x + that + 5 + 42 + 1 in deep. */
Test(store_state, a_host_call_under_way_is_kept)
{
    for (int served = 0; served < 2; served++) {
        struct small x = small_new();
        in_host_call(&x.s, 7);
        if (served)
            thread_host_slots(x.s.t)[0] = 1000;
        struct scene t = copy(&x.s, &x.mod);
        if (!served) {
            cr_assert_eq(thread_host(t.t), 0);
            cr_assert_eq(thread_host_slots(t.t)[0], 7);
            thread_host_slots(t.t)[0] = 1000;
        }
        cr_assert_eq(engine_run_functional(t.t), RUN_DONE);
        cr_assert_eq(thread_results(t.t)[0], 1010 + 7 + 5 + 42 + 1);
        scene_drop(&t);
        small_drop(&x);
    }
}

/* A v128 local, below a v128 temporary, below the call: lanes 3 and 0 of their sum, added. */
Test(store_state, vectors_are_kept)
{
    struct small x = small_new();
    const uint64_t arg = 7;
    thread_call(x.s.t, scene_func(x.s.in, "wide"), &arg);
    cr_assert_eq(engine_run_functional(x.s.t), RUN_HOST);
    struct scene t = copy(&x.s, &x.mod);
    same(&x.s, &t);
    thread_host_slots(t.t)[0] = 1000;
    cr_assert_eq(engine_run_functional(t.t), RUN_DONE);
    cr_assert_eq(thread_results(t.t)[0], 0x100f0e0d + 0x04030201 + 2 * 1005);
    scene_drop(&t);
    small_drop(&x);
}

Test(store_state, memories_tables_and_dropped_segments_are_kept)
{
    struct small x = small_new();
    cr_assert_eq(scene_call(&x.s, 0, "change", 0, 0, 0).reason, RUN_DONE);
    struct scene t = copy(&x.s, &x.mod);
    same(&x.s, &t);
    const struct space *sp = instance_space(t.in);
    struct external refs;
    cr_assert_eq(sp->pages, 2);
    cr_assert_eq(sp->base[8], 1);
    cr_assert_eq(sp->frame[1], instance_space(x.s.in)->frame[1]);
    cr_assert_eq(instance_export(t.in, "table", &refs), 0);
    /* frames that are in use are not handed out again, and nothing is lost */
    cr_assert_eq(physmem_frames_free(t.pm), physmem_frames_free(x.s.pm));
    cr_assert_eq(space_grow(instance_space(t.in), 1), 2);
    cr_assert_eq(space_grow(instance_space(x.s.in), 1), 2);
    same(&x.s, &t);
    scene_drop(&t);
    small_drop(&x);
}

Test(store_state, a_trap_can_still_be_reported)
{
    struct small x = small_new();
    struct trap_frame f[4], g[4];
    cr_assert_eq(scene_call(&x.s, 0, "trap", 0, 0, 0).trap, TRAP_UNREACHABLE);
    struct scene t = copy(&x.s, &x.mod);
    cr_assert_eq(thread_trap(t.t), TRAP_UNREACHABLE);
    cr_assert_eq(engine_run_functional(t.t), RUN_TRAP);
    cr_assert_eq(thread_backtrace(x.s.t, f, 4), 1);
    cr_assert_eq(thread_backtrace(t.t, g, 4), 1);
    cr_assert_str_eq(f[0].func, g[0].func);
    cr_assert_eq(f[0].offset, g[0].offset);
    scene_drop(&t);
    small_drop(&x);
}

/* ---- bytes that are wrong ---- */

Test(store_state, truncated_and_flipped_bytes_are_refused)
{
    struct small x = small_new();
    in_host_call(&x.s, 7);
    struct archive a = save(&x.s), in;
    for (size_t n = 0; n < a.n; n++)
        cr_assert_eq(archive_open(&in, a.bytes, n), -1, "%zu bytes", n);
    for (size_t i = 0; i < a.n; i++) {
        a.bytes[i] ^= 0x10;
        cr_assert_eq(archive_open(&in, a.bytes, a.n), -1, "byte %zu", i);
        a.bytes[i] ^= 0x10;
    }
    cr_assert_eq(archive_open(&in, a.bytes, a.n), 0);
    a.bytes[8]++;
    cr_assert_eq(archive_open(&in, a.bytes, a.n), -1);
    cr_assert_str_eq(in.failed, "a checkpoint of another version");
    archive_free(&a);
    small_drop(&x);
}

/* With a checksum that is right: refused, or it runs without harm. */
Test(store_state, wrong_bytes_with_a_right_checksum_do_no_harm, .timeout = 120)
{
    struct small x = small_new();
    in_host_call(&x.s, 7);
    struct archive a = save(&x.s);
    unsigned refused = 0, ran = 0;
    for (size_t i = ARCHIVE_HEADER; i < a.n; i++) {
        for (unsigned flip = 1; flip < 256; flip *= 16) {
            struct scene t = bare(&x.s);
            a.bytes[i] ^= (uint8_t)flip;
            cr_assert_eq(archive_seal(&a), 0);
            if (load(&t, a.bytes, a.n, &x.mod)) {
                refused++;
            } else if (t.t && t.in) {
                ran++;
                thread_limit(t.t, thread_instructions(t.t) + 1000);
                engine_run_functional(t.t);
            }
            a.bytes[i] ^= (uint8_t)flip;
            scene_drop(&t);
        }
    }
    cr_assert_gt(refused, 200);
    cr_assert_gt(ran, 10);
    archive_free(&a);
    small_drop(&x);
}

Test(store_state, other_modules_are_refused)
{
    struct small x = small_new();
    struct archive a = save(&x.s);
    struct bytes other = scene_bytes(&module);
    other.at[other.n - 1] ^= 1; /* a byte of its data */
    struct module_bytes mod = {other.at, other.n};
    struct scene t = bare(&x.s);
    const char *failed = load(&t, a.bytes, a.n, &mod);
    cr_assert_not_null(failed);
    cr_assert_not_null(strstr(failed, "other modules"), "%s", failed);
    scene_drop(&t);
    archive_free(&a);
    free(other.at);
    small_drop(&x);
}
