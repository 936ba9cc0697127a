/* test_fuel.c - stops at an exact count of operators, and going on from there. */
#include <criterion/criterion.h>

#include "tests/wasm_programs.h"
#include "tests/wasm_scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
    const char *name;
    uint64_t arg;
} programs[] = {{"sort", 9}, {"text", 2}, {"mixed", 14}};

struct end {
    uint64_t result, count, memory;
    uint64_t log; /* digest of all words but EV_INSTANCE */
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t memory_digest(const struct scene *s)
{
    const struct space *sp = instance_space(s->in);
    uint64_t h = sp->pages, v;
    for (uint64_t at = 0; at < (uint64_t)sp->pages * WASM_PAGE_BYTES; at += sizeof(v)) {
        memcpy(&v, sp->base + at, sizeof(v));
        h = mix(h, v);
    }
    return h;
}

static enum run_reason run(struct scene *s, int observed, uint64_t *log)
{
    enum run_reason r;
    do {
        s->log.n = 0;
        r = observed ? engine_run_observed(s->t, &s->log) : engine_run_functional(s->t);
        for (uint32_t i = 0; i < s->log.n; i++) {
            const uint64_t w = s->log.words[i];
            if (LOG_TAG(w) != LOG_EVENT || LOG_EVENT_CODE(w) != EV_INSTANCE)
                *log = mix(*log, w);
        }
    } while (r == RUN_LOG);
    return r;
}

static void begin(struct scene *s, size_t program)
{
    thread_call(s->t, scene_func(s->in, programs[program].name), &programs[program].arg);
}

static struct end whole(struct scene *s, size_t program, int observed)
{
    struct end e = {0};
    const uint64_t from = thread_instructions(s->t);
    cr_assert_eq(thread_fuel(s->t, UINT64_MAX), 0);
    begin(s, program);
    cr_assert_eq(run(s, observed, &e.log), RUN_DONE);
    e.result = thread_results(s->t)[0];
    e.count = thread_instructions(s->t) - from;
    e.memory = memory_digest(s);
    return e;
}

static struct scene scene_programs(void)
{
    struct scene s = scene_empty(NULL);
    s.in = scene_load(&s, "programs", programs_wasm, sizeof(programs_wasm));
    return s;
}

/* Stop at n, in one mode, and go on in another. */
static void stop_once(struct scene *s, size_t program, uint64_t n, const struct end *want,
                      int first, int second)
{
    const uint64_t from = thread_instructions(s->t);
    uint64_t log = 0;
    thread_fuel(s->t, from + n);
    begin(s, program);
    cr_assert_eq(run(s, first, &log), n < want->count ? RUN_FUEL : RUN_DONE, "%lu",
                 (unsigned long)n);
    if (n < want->count) {
        cr_assert_eq(thread_instructions(s->t), from + n, "at %lu", (unsigned long)n);
        cr_assert_eq(run(s, second, &log), RUN_FUEL, "there is no more");
        cr_assert_eq(thread_instructions(s->t), from + n);
        thread_fuel(s->t, UINT64_MAX);
        cr_assert_eq(run(s, second, &log), RUN_DONE);
    }
    cr_assert_eq(thread_instructions(s->t) - from, want->count, "at %lu", (unsigned long)n);
    cr_assert_eq(thread_results(s->t)[0], want->result);
    if (n % 16 == 0)
        cr_assert_eq(memory_digest(s), want->memory);
    if (first && second)
        cr_assert_eq(log, want->log, "the same log, stopped at %lu", (unsigned long)n);
}

Test(fuel, every_count_stops_there_and_goes_on_to_the_same_end, .timeout = 120)
{
    struct scene s = scene_programs();
    for (size_t p = 0; p < COUNT(programs); p++) {
        const struct end want = whole(&s, p, 1);
        cr_assert_gt(want.count, 300);
        for (uint64_t n = 0; n <= want.count + 1; n++)
            for (int modes = 0; modes < 4; modes++)
                stop_once(&s, p, n, &want, modes & 1, modes >> 1);
    }
    scene_drop(&s);
}

/* One operator at a time, changing the mode at each. */
Test(fuel, a_program_may_be_stepped_through)
{
    struct scene s = scene_programs();
    for (size_t p = 0; p < COUNT(programs); p++)
        for (int modes = 0; modes < 3; modes++) {
            const struct end want = whole(&s, p, 1);
            const uint64_t from = thread_instructions(s.t);
            uint64_t n = 0, log = 0;
            begin(&s, p);
            for (;; n++) {
                thread_fuel(s.t, from + n);
                if (run(&s, modes == 2 ? (int)(n & 1) : modes, &log) == RUN_DONE)
                    break;
                cr_assert_eq(thread_instructions(s.t), from + n);
            }
            cr_assert_eq(n, want.count);
            cr_assert_eq(thread_results(s.t)[0], want.result);
            cr_assert_eq(memory_digest(&s), want.memory);
            cr_assert(modes != 1 || log == want.log);
        }
    scene_drop(&s);
}

/* local.get 0, i32.const 8, i32.store; local.get 1, i32.load, drop; a, b, i32.div_s */
static const struct fn trap_fns[] = {
    FN(T_II_I, "f", "\0\x20\0\x41\x08\x36\2\0\x20\1\x28\2\0\x1a\x20\0\x20\1\x6d\x0b")};

/* A trap behind, at and before a stop: the same count, log and kind as without one. */
Test(fuel, traps_are_where_they_were)
{
    static const struct {
        uint64_t a, b;
        enum trap_kind trap;
        uint64_t count;
    } rows[] = {{65536, 0, TRAP_MEMORY, 3}, {16, 65536, TRAP_MEMORY, 5}, {16, 0, TRAP_DIVIDE, 9}};
    struct scene_module m = {.fns = trap_fns, .nfns = 1, .pages = 1};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int mode = 0; mode < 2; mode++) {
            struct scene s = scene_new(NULL, &m);
            uint64_t logs[12] = {0};
            for (uint64_t n = 0; n < 11; n++) {
                const uint64_t from = thread_instructions(s.t);
                const uint64_t args[2] = {rows[i].a, rows[i].b};
                thread_fuel(s.t, from + n);
                thread_call(s.t, scene_func(s.in, "f"), args);
                enum run_reason r = run(&s, mode, &logs[n]);
                cr_assert_eq(r, n < rows[i].count ? RUN_FUEL : RUN_TRAP, "row %zu, fuel %lu", i,
                             (unsigned long)n);
                thread_fuel(s.t, UINT64_MAX);
                if (r == RUN_FUEL) {
                    cr_assert_eq(thread_instructions(s.t), from + n);
                    r = run(&s, mode, &logs[n]);
                }
                cr_assert_eq(r, RUN_TRAP);
                cr_assert_eq(thread_trap(s.t), rows[i].trap);
                cr_assert_eq(thread_instructions(s.t), from + rows[i].count);
                cr_assert_eq(logs[n], logs[0]);
            }
            scene_drop(&s);
        }
}
