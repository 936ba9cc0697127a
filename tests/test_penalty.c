/* test_penalty.c - the extra micro-ops of code from wasm add up to the ratios that were asked for.
 */
#include <criterion/criterion.h>

#include "cpu/penalty.h"

static const struct uop block[10] = {{.class = UOP_LOAD},  {.class = UOP_ALU},  {.class = UOP_ALU},
                                     {.class = UOP_STORE}, {.class = UOP_LOAD}, {.class = UOP_ALU},
                                     {.class = UOP_MUL},   {.class = UOP_ALU},  {.class = UOP_ALU},
                                     {.class = UOP_BRANCH}};

static struct penalty_uops pay(struct penalty *p, uint32_t times)
{
    struct penalty_uops all = {0};
    while (times--) {
        const struct penalty_uops x = penalty_block(p, block, 10);
        all.alus += x.alus;
        all.loads += x.loads;
        all.stores += x.stores;
        all.branches += x.branches;
    }
    return all;
}

Test(penalty, ratios_are_met_exactly_in_the_long_run)
{
    struct penalty p = {.cfg = {100, 800, 1020, 1300, 750}};
    const struct penalty_uops x = pay(&p, 1000);
    cr_assert_eq(x.loads, 2040);
    cr_assert_eq(x.stores, 1300);
    cr_assert_eq(x.branches, 750);
    cr_assert_eq(x.alus + x.loads + x.stores + x.branches, 8000);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(p.carried[i], 0);
}

Test(penalty, a_share_is_charged)
{
    struct penalty p = {.cfg = {55, 800, 1020, 1300, 750}};
    const struct penalty_uops x = pay(&p, 2000);
    cr_assert_eq(x.loads, 2244);
    cr_assert_eq(x.stores, 1430);
    cr_assert_eq(x.branches, 825);
    cr_assert_eq(x.alus + x.loads + x.stores + x.branches, 8800);
}

Test(penalty, more_loads_than_instructions_are_all_there)
{
    struct penalty p = {.cfg = {100, 100, 5000, 0, 0}};
    const struct penalty_uops x = pay(&p, 10);
    cr_assert_eq(x.loads, 100);
    cr_assert_eq(x.alus + x.stores + x.branches, 0);
}

Test(penalty, none_by_default)
{
    struct penalty p = {.cfg = {0, 800, 1020, 1300, 750}};
    const struct penalty_uops x = pay(&p, 10);
    cr_assert_eq(x.alus + x.loads + x.stores + x.branches, 0);
    cr_assert_not(penalty_is_on(&p));
}
