/* test_branch.c - gshare, indirect targets and the return stack, against what each must learn. */
#include <criterion/criterion.h>

#include "cpu/branch.h"

static const struct branch_config config = {
    .history_bits = 10, .target_entries = 64, .return_entries = 8, .mispredict_cycles = 14};

/* Wrong predictions of a repeating pattern of outcomes, after `warm` rounds, in one more round. */
static int wrong_after(const char *pattern, int warm)
{
    struct branch b;
    int wrong = 0;
    cr_assert_eq(branch_init(&b, &config), 0);
    for (int round = 0; round <= warm; round++)
        for (const char *p = pattern; *p; p++) {
            const int w = branch_cond(&b, 0x4000, 0, *p == 'T');
            wrong += round == warm && w;
        }
    branch_free(&b);
    return wrong;
}

Test(branch, gshare_learns_what_its_history_tells_apart)
{
    cr_expect_eq(wrong_after("T", 20), 0);
    cr_expect_eq(wrong_after("N", 20), 0);
    cr_expect_eq(wrong_after("TN", 20), 0, "alternating");
    cr_expect_eq(wrong_after("TTN", 20), 0);
    cr_expect_eq(wrong_after("TTTTTTTN", 30), 0, "loop of 8: the exit has a history of its own");
    /* 32 iterations do not fit ten bits of history: the exit looks like any iteration */
    cr_expect_eq(wrong_after("TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTN", 30), 1);
}

Test(branch, counters_begin_weakly_not_taken_and_saturate)
{
    struct branch b;
    cr_assert_eq(branch_init(&b, &config), 0);
    b.mask = 0; /* one counter, no history: the two-bit counter alone */
    static const struct {
        int taken, wrong;
    } steps[] = {{0, 0}, {0, 0}, {1, 1}, {1, 1}, {1, 0}, {1, 0},
                 {1, 0}, {0, 1}, {1, 0}, {0, 1}, {0, 1}, {0, 0}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        cr_expect_eq(branch_cond(&b, 0, 0, steps[i].taken), steps[i].wrong, "step %zu", i);
    branch_free(&b);
}

Test(branch, indirect_branches_repeat_their_last_target)
{
    struct branch b;
    cr_assert_eq(branch_init(&b, &config), 0);
    cr_expect_eq(branch_indirect(&b, 0x100, 7), 1, "never seen");
    cr_expect_eq(branch_indirect(&b, 0x100, 7), 0);
    cr_expect_eq(branch_indirect(&b, 0x100, 8), 1);
    cr_expect_eq(branch_indirect(&b, 0x100, 8), 0);
    cr_expect_eq(branch_indirect(&b, 0x104, 9), 1, "another branch has its own entry");
    cr_expect_eq(branch_indirect(&b, 0x100, 8), 0);
    cr_expect_eq(branch_indirect(&b, 0x100 + 64 * 4, 8), 1, "same entry, other tag");
    cr_expect_eq(branch_indirect(&b, 0x100, 8), 1, "which it has replaced");
    branch_barrier(&b);
    cr_expect_eq(branch_indirect(&b, 0x104, 9), 1, "forgotten by a barrier");
    branch_free(&b);
}

Test(branch, returns_come_from_a_stack_of_bounded_depth)
{
    struct branch b;
    cr_assert_eq(branch_init(&b, &config), 0);
    cr_expect_eq(branch_return(&b, 1), 1, "empty");
    for (uint32_t i = 0; i < 12; i++)
        branch_call(&b, 100 + i);
    for (uint32_t i = 0; i < 8; i++)
        cr_expect_eq(branch_return(&b, 111 - i), 0, "the youngest eight are right");
    cr_expect_eq(branch_return(&b, 103), 1, "older ones were overwritten");
    branch_call(&b, 5);
    cr_expect_eq(branch_return(&b, 6), 1, "went elsewhere");
    branch_call(&b, 5);
    branch_barrier(&b);
    cr_expect_eq(branch_return(&b, 5), 1);
    branch_free(&b);
}
