/* test_hart.c - several harts: what they do does not depend on how far each is executed ahead. */
#include "tests/harts_rig.h"

/* The kernel of tests/kernel/harts.c and its program, which take one argument. */
static const struct harts_kind kind = {
    "harts.elf", "worker", {"l2.size=64 KiB", "llc.size=256 KiB", "machine.stack=1 MiB"}};

static struct outcome run(const char *core, const char *args, unsigned harts, unsigned quantum)
{
    return harts_run(&kind, core, args, harts, quantum);
}

static void same(const char *core, const char *args, unsigned harts)
{
    harts_same(&kind, core, args, harts);
}

Test(hart, results_do_not_depend_on_the_quantum)
{
    static const char *const cores[] = {"functional", "inorder"};
    static const char *const work[] = {"pingpong", "lock", "barrier", "wake", "users"};
    for (size_t c = 0; c < sizeof cores / sizeof cores[0]; c++)
        for (size_t w = 0; w < sizeof work / sizeof work[0]; w++)
            same(cores[c], work[w], w == 0 ? 2 : 4);
}

/* Nothing is lost under the lock, and nobody is left out, for any number of harts. */
Test(hart, all_harts_do_their_part)
{
    static const unsigned harts[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof harts / sizeof harts[0]; i++) {
        struct outcome o = run("functional", "lock", harts[i], 1000);
        cr_assert_eq(number(&o, "count "), 200 * harts[i]);
        outcome_free(&o);
    }
    struct outcome most = run("functional", "wake", 64, 1000);
    for (unsigned i = 0; i < 64; i++) {
        char line[32];
        snprintf(line, sizeof line, "hart done %u\n", i);
        cr_assert(strstr(most.console, line), "hart %u", i);
    }
    outcome_free(&most);
    most = run("functional", "users", 3, 1000);
    cr_assert_eq(number(&most, "count "), 6 * 3);
    outcome_free(&most);
}

/* Each of four programs on memory of its own: four harts need little more time than one. */
Test(hart, harts_work_at_the_same_time)
{
    struct outcome one = run("functional", "users", 1, 1000);
    struct outcome four = run("functional", "users", 4, 1000);
    const uint64_t alone = number(&one, "nanoseconds "), all = number(&four, "nanoseconds ");
    cr_assert_lt(all, alone + alone / 10, "one %lu ns, four %lu ns", (unsigned long)alone,
                 (unsigned long)all);
    outcome_free(&one);
    outcome_free(&four);
}
