/* test_branch.c - gshare, indirect targets and the return stack, against what each must learn. */
#include <criterion/criterion.h>

#include "cpu/branch.h"
#include "cpu/layout.h"

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

/* Two targets by turns, `between` other taken branches after each, the first of which lies at an
 * address that tells which it was: how many of the last 100 are predicted wrongly. */
static uint32_t wrong_with(uint32_t branches, uint32_t between, uint64_t at0, uint64_t at1)
{
    struct branch_config cfg = config;
    struct branch b;
    uint32_t wrong = 0;
    cfg.target_history = 1;
    cfg.target_branches = branches;
    cr_assert_eq(branch_init(&b, &cfg), 0);
    for (uint32_t i = 0; i < 300; i++) {
        const int w = branch_indirect(&b, 0x100, 7 + i % 2);
        wrong += i >= 200 && w;
        for (uint32_t k = 0; k < between; k++)
            branch_passed(&b, k ? 0x1000 + 16 * k : i % 2 ? at1 : at0);
    }
    branch_free(&b);
    return wrong;
}

Test(branch, targets_by_the_addresses_of_branches_before)
{
    for (unsigned bit = 0; bit < 12; bit++)
        cr_expect_eq(wrong_with(9, 3, 0x2000, 0x2000 + (1u << bit)), bit == 2 || bit == 3 ? 0 : 100,
                     "bit %u", bit);
    for (uint32_t between = 1; between < 20; between++)
        cr_expect_eq(wrong_with(9, between, 0x2000, 0x2004), between <= 9 ? 0 : 100,
                     "%u branches ago", between);
    cr_expect_eq(wrong_with(16, 16, 0x2000, 0x2004), 0);
    cr_expect_eq(wrong_with(0, 3, 0x2000, 0x2000), 0, "by targets");
}

/* Ends of blocks, one uop each from the list: a function at a multiple of 16, a block that is
 * reached by jumps only, a head of a loop. */
Test(branch, branches_lie_where_a_compiler_puts_them)
{
    static const struct uop uops[] = {
        {.class = UOP_MUL, .dst = 1, .a = 1, .b = REG_NONE}, /* 6 bytes */
        {.class = UOP_BRANCH, .a = 1, .b = 2},               /* with its compare 4: 6 to 10 */
        {.class = UOP_BRANCH},                               /* 2: 10 to 12 */
        {.class = UOP_LOAD},                                 /* 4 are left out; 16 to 20 */
        {.class = UOP_BRANCH},                               /* 12 were too many; 24 to 25 */
        {.class = UOP_STORE, .flags = UOP_ON_FRAME},         /* the return address */
        {.class = UOP_ALU, .info = ALU_SHIFT, .dst = 3, .a = 1, .b = REG_NONE}, /* mov, shl: 5 */
        {.class = UOP_LOAD, .flags = UOP_ON_FRAME},
        {.class = UOP_BRANCH}}; /* 5 to 6 */
    static const struct block blocks[] = {
        {.func = 9},
        {.uops = 0, .nuops = 2, .end = END_COND},
        {.uops = 2, .nuops = 1, .end = END_JUMP},
        {.uops = 3, .nuops = 1, .end = END_FALL},
        {.uops = 4, .nuops = 1, .end = END_RETURN, .loop_head = 1},
        {.uops = 5, .nuops = 4, .func = 1, .end = END_RETURN}};
    static const uint8_t last[] = {9, 11, 3, 8, 5};
    struct layout l = {0};
    for (uint32_t n = 2; n <= 6; n++) /* as they come */
        layout_look(&l, &(struct code_view){.blocks = blocks, .uops = uops, .nblocks = n});
    for (uint32_t i = 0; i < 5; i++)
        cr_expect_eq(l.last[i + 1], last[i], "block %u: %u", i + 1, l.last[i + 1]);
    layout_free(&l);
}
