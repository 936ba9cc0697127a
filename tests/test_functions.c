/* test_functions.c - the CPI stack of each function: all of them together are the hart's. */
#include "tests/core_rig.h"

#include "cpu/functions.h"

struct sums {
    uint64_t cycles[2][CPI_COUNT], total[2], counts[4];
    int rows;
};

static struct sums add_up(const struct rig *r)
{
    struct sums s = {0};
    char *text = r->ops->functions(r->core), *rest = text, *line;
    uint64_t before = UINT64_MAX;
    cr_assert_not_null(text);
    while ((line = strsep(&rest, "\n")) && *line) {
        char *name = strsep(&line, ","), *side = strsep(&line, ",");
        const int kernel = strcmp(side, "kernel") == 0;
        cr_assert(kernel || strcmp(side, "user") == 0);
        cr_assert(strchr(name, '`') || strcmp(name, "(none)") == 0, "%s", name);
        const uint64_t total = strtoull(strsep(&line, ","), NULL, 10);
        cr_assert_leq(total, before, "most cycles first");
        before = total;
        s.total[kernel] += total;
        for (int i = 0; i < CPI_COUNT; i++)
            s.cycles[kernel][i] += strtoull(strsep(&line, ","), NULL, 10);
        for (int i = 0; i < 4; i++)
            s.counts[i] += strtoull(strsep(&line, ","), NULL, 10);
        cr_assert_null(line);
        s.rows++;
    }
    free(text);
    return s;
}

static void check_functions(const struct rig *r)
{
    const struct core_counters *n = counters(r);
    const struct sums s = add_up(r);
    for (int i = 0; i < CPI_COUNT; i++) {
        cr_assert_eq(s.cycles[0][i], n->user_cycles[i], "%s", cpi_part_names[i]);
        cr_assert_eq(s.cycles[1][i], n->kernel_cycles[i], "%s", cpi_part_names[i]);
    }
    cr_assert_eq(s.total[0] + s.total[1], now(r));
    cr_assert_eq(s.counts[0], n->instructions);
    cr_assert_eq(s.counts[1], n->uops);
    cr_assert_eq(s.counts[2], n->branches);
    cr_assert_eq(s.counts[3], n->mispredictions);
}

/* One that loops, calls another and the kernel, mispredicts and misses. */
static void run(const struct core_ops *ops, uint8_t kind)
{
    struct rig *r = rig_new_of(ops);
    r->cfg.boundary.kind = kind;
    rig_core(r);
    const uint32_t caller = block(r, END_CALL, 0);
    put(r, UOP_LOAD, 1, 1, REG_NONE);
    put(r, UOP_STORE, REG_NONE, REG_NONE, 1);
    put(r, UOP_BRANCH, REG_NONE, 1, REG_NONE);
    const uint32_t callee = block(r, END_COND, 1);
    put(r, UOP_DIV, 2, 2, REG_NONE);
    put(r, UOP_BRANCH, REG_NONE, 2, REG_NONE);
    const uint32_t back = block(r, END_RETURN, 1);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t system = block(r, END_CALL_INDIRECT, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t kernel = block(r, END_RETURN, 2);
    put(r, UOP_LOAD, 3, REG_NONE, REG_NONE);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    r->blocks[caller].next = system;
    r->blocks[callee].taken = callee;
    r->blocks[callee].next = back;
    r->blocks[system].next = caller;
    start_user(r);
    for (uint64_t i = 0; i < 200; i++) {
        enter(r, caller);
        address(r, i * 8192 % 2000000);
        address(r, i * 64 % 1000000);
        for (uint64_t k = 0; k <= i * i % 7; k++)
            enter(r, callee);
        enter(r, back);
        enter(r, system);
        event(r, EV_ENTER, KERNEL);
        enter(r, kernel);
        address(r, i * 4096 % 3000000);
        event(r, EV_LEAVE, USER);
        if (i % 9 == 0) {
            consume(r);
            check_functions(r);
        }
    }
    consume(r);
    r->ops->drain(r->core);
    check_functions(r);
    const struct sums s = add_up(r);
    cr_expect_geq(s.rows, 4);
    cr_expect_gt(s.total[1], 0);
    cr_expect_gt(s.counts[3], 5);
    char *text = r->ops->functions(r->core);
    cr_expect(strstr(text, "app`f,user,") && strstr(text, "kernel`read,kernel,"), "%s", text);
    free(text);
    rig_free(r);
}

Test(functions, add_up_to_the_hart)
{
    for (uint8_t kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
        run(&core_inorder, kind);
        run(&core_ooo, kind);
    }
}

/* More functions than there is room for at the start, and one that is not named. */
Test(functions, any_number_of_them)
{
    struct functions *f = functions_new();
    struct core_counters n = {0};
    cr_assert_not_null(f);
    for (uint32_t i = 0; i < 5000; i++) {
        uint64_t *cpi = functions_enter(f, &n, i * 7919 % 5003, (int)(i % 2));
        cpi[CPI_BASE] += i;
        n.instructions += 2;
        if (i % 100 == 0)
            functions_settle(f, &n);
    }
    functions_enter(f, &n, UINT32_MAX - 1, 0)[CPI_L1] += 5;
    functions_settle(f, &n);
    cr_expect_eq(n.user_cycles[CPI_BASE] + n.kernel_cycles[CPI_BASE], 4999 * 5000 / 2);
    cr_expect_eq(n.user_cycles[CPI_L1], 5);
    char *name = "a,\"b\n", *text = functions_csv(f, &n, &name, 1);
    cr_assert_not_null(text);
    cr_expect_not_null(strstr(text, "\na__b_,"));
    cr_expect_not_null(strstr(text, "\n(none),user,5,"));
    free(text);
    functions_free(f);
}
