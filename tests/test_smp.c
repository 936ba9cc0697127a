/* test_smp.c - the kernel on several harts: threads and processes run at the same time, end where
 * others run, and do the same things in the same order whatever the quantum. */
#include "sim/checkpoint.h"
#include "tests/harts_rig.h"

/* tests/guest/smp.c */
static const struct harts_kind kind = {
    "smp.elf", "smp", {"machine.stack=64 KiB", "l2.size=1 MiB", "llc.size=2 MiB"}};

static struct outcome run(const char *core, const char *args, unsigned harts, unsigned quantum)
{
    return harts_run(&kind, core, args, harts, quantum);
}

static void same(const char *core, const char *args, unsigned harts)
{
    harts_same(&kind, core, args, harts);
}

/* The number in what the program prints. */
static uint64_t figure(const char *core, const char *args, unsigned harts, const char *name)
{
    struct outcome o = run(core, args, harts, 1000);
    const uint64_t n = number(&o, name);
    cr_assert_eq(o.exit_code, 0);
    outcome_free(&o);
    return n;
}

Test(smp, threads_do_the_same_whatever_the_quantum)
{
    static const char *const work[] = {"pingpong,3", "baton,3", "lock,4", "barrier,3"};
    for (size_t w = 0; w < sizeof work / sizeof work[0]; w++) {
        same("functional", work[w], 3);
        same("inorder", work[w], 3);
    }
    same("ooo", "baton,2", 2);
}

/* More processes than harts; ends and priorities, which interrupt other harts. */
Test(smp, processes_do_the_same_whatever_the_quantum)
{
    static const char *const work[] = {"private,5", "pipes,1", "endings,3", "priorities"};
    for (size_t w = 0; w < sizeof work / sizeof work[0]; w++) {
        same("functional", work[w], 3);
        same("inorder", work[w], 3);
    }
}

/* Four threads on four harts need about a quarter of the time; processes a little more, as they are
 * started one after the other. */
Test(smp, harts_share_the_work)
{
    static const char *const cores[] = {"functional", "inorder"};
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++) {
        const char *const core = cores[i];
        const uint64_t one = figure(core, "compute,4", 1, "nanoseconds ");
        const uint64_t four = figure(core, "compute,4", 4, "nanoseconds ");
        cr_assert(four < one * 27 / 100 && four > one / 5, "%lu ns, %lu on four harts",
                  (unsigned long)one, (unsigned long)four);
        const uint64_t alone = figure(core, "processes,4", 1, "nanoseconds ");
        const uint64_t all = figure(core, "processes,4", 4, "nanoseconds ");
        cr_assert(all < alone * 33 / 100, "%lu ns, %lu on four harts", (unsigned long)alone,
                  (unsigned long)all);
    }
}

/* All that the program checks of itself, with its threads and processes on other harts. */
Test(smp, what_runs_elsewhere_ends_and_waits)
{
    static const unsigned harts[] = {1, 2, 5, 8};
    for (size_t i = 0; i < sizeof harts / sizeof harts[0]; i++) {
        struct outcome o = run("inorder", "", harts[i], 1000);
        cr_assert_str_eq(o.console, "16 checks, 0 failed\n", "%u harts: %s", harts[i], o.console);
        outcome_free(&o);
    }
    for (size_t i = 0; i < sizeof harts / sizeof harts[0]; i++) {
        struct outcome o = run("functional", "priorities", harts[i], 1000);
        cr_assert(strstr(o.console, " checks, 0 failed\n"), "%u harts: %s", harts[i], o.console);
        outcome_free(&o);
    }
}

/* As many harts as there can be, timed; those that have nothing to do sleep. */
Test(smp, sixty_four_harts)
{
    static const char *const cores[] = {"inorder", "ooo"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = run(cores[i], "", 64, 1000);
        cr_assert_str_eq(o.console, "16 checks, 0 failed\n", "%s: %s", cores[i], o.console);
        cr_assert_not_null(strstr(o.stats, "\"llc.mpki\": "));
        outcome_free(&o);
    }
}

/* Eight threads sleep while all harts are busy: each is a slice late at most, and what others use.
 */
Test(smp, sleepers_wake_in_time)
{
    static const unsigned harts[] = {2, 4};
    for (size_t i = 0; i < sizeof harts / sizeof harts[0]; i++) {
        const uint64_t late = figure("functional", "timers,8", harts[i], "late ");
        cr_assert_lt(late, 1100000, "%lu ns", (unsigned long)late);
    }
}

/* A byte there and back: two switches on one hart; two calls of another hart, each of which takes
 * machine.wake_latency, on two. */
Test(smp, affinity)
{
    const uint64_t same_hart = figure("inorder", "pipes,0", 2, "nanoseconds ");
    const uint64_t other = figure("inorder", "pipes,1", 2, "nanoseconds ");
    cr_assert_lt(same_hart, 2000, "%lu ns", (unsigned long)same_hart);
    cr_assert(other > 2000 + same_hart && other < 4000 + same_hart, "%lu ns", (unsigned long)other);
}

/* Who unmaps waits for two interrupts of 500 ns, once however many harts run in the memory. */
Test(smp, unmap_tells_other_harts)
{
    static const char *const cores[] = {"functional", "inorder"};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t alone = figure(cores[i], "unmap,1", 4, "nanoseconds ");
        const uint64_t two = figure(cores[i], "unmap,2", 4, "nanoseconds ");
        const uint64_t four = figure(cores[i], "unmap,4", 4, "nanoseconds ");
        cr_assert(two > alone + 950 && two < alone + 1500, "%lu, %lu ns", (unsigned long)alone,
                  (unsigned long)two);
        cr_assert(four > alone + 950 && four < alone + 1500, "%lu, %lu ns", (unsigned long)alone,
                  (unsigned long)four);
    }
    same("inorder", "unmap,3", 3);
}

/* ---- checkpoints that guests can go on from on another core ---- */

/* Cut in two behind so many operators. 0: it ended before. */
static int in_two_parts(const char *from, const char *to, const char *args, unsigned harts,
                        uint64_t at, struct outcome *o)
{
    struct guest *g = guest_new(&kind, from, args, harts, 1000);
    struct config *other;
    struct archive a;
    power_on(g);
    machine_stop_at(g->m, (struct machine_point){POINT_INSTRUCTIONS, at});
    while (machine_step(g->m, 100000) == STATE_RUNNING && !machine_at_point(g->m))
        ;
    const int there = machine_at_point(g->m);
    if (there) {
        char model[64];
        const struct machine_ports ports = ports_of(g);
        snprintf(model, sizeof model, "core.model=%s", to);
        cr_assert_eq(checkpoint_save(g->m, CHECKPOINT_ARCHITECTURAL, &a, err, sizeof err), 0, "%s",
                     err);
        machine_free(g->m);
        other = config_copy(g->cfg);
        config_free(g->cfg);
        cr_assert_eq(config_assign(other, model, err, sizeof err), 0, "%s", err);
        g->cfg = other;
        g->m = checkpoint_load(other, &ports, a.bytes, a.n, err, sizeof err);
        cr_assert_not_null(g->m, "%s on %u harts at %lu: %s", args, harts, (unsigned long)at, err);
        archive_free(&a);
    }
    *o = guest_end(g, args);
    return there;
}

/* All of it was printed, by the two parts together. */
static void has_lines(const struct outcome *o, const char *line, unsigned n, const char *where)
{
    unsigned found = 0;
    for (const char *at = o->console; (at = strstr(at, line)); at++)
        found++;
    cr_assert_eq(found, n, "%s: \"%s\" %u times in %s", where, line, found, o->console);
}

/* Several processes, threads that wait, pipes; on one hart and on several. */
Test(smp, a_run_in_two_parts_is_one_run)
{
    static const struct {
        const char *args, *line;
        unsigned n;
    } rows[] = {{"private,4", "sieve 20000: 2262 primes, sum 21171191\n", 4},
                {"private,4", "code 42", 1},
                {"baton,3", "result 0\n", 1},
                {"lock,4", "count 400\n", 1},
                {"pipes,0", "nanoseconds ", 1},
                {"", "16 checks, 0 failed\n", 1}};
    static const char *const pairs[][2] = {
        {"functional", "inorder"}, {"inorder", "ooo"}, {"functional", "functional"}};
    unsigned cuts = 0;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (unsigned p = 0; p < 3; p++)
            for (unsigned harts = 1; harts <= 4; harts += 3)
                for (uint64_t at = 30000 + 7000 * p; at < 1000000; at *= 4) {
                    struct outcome o;
                    if (in_two_parts(pairs[p][0], pairs[p][1], rows[r].args, harts, at, &o)) {
                        has_lines(&o, rows[r].line, rows[r].n, rows[r].args);
                        cuts++;
                    }
                    cr_assert_eq(o.exit_code, 0);
                    outcome_free(&o);
                }
    cr_assert_gt(cuts, 40);
}
