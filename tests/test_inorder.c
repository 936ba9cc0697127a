/* test_inorder.c - the in-order core: issue, loads, branches. Times that can be worked out on
 * paper. */
#include "tests/core_rig.h"

/* ---- issue ---- */

Test(inorder, dependent_micro_ops_take_their_latency_each)
{
    struct rig *r = rig_new();
    start_user(r);
    static const struct {
        enum uop_class class;
        uint32_t latency;
    } cases[] = {{UOP_ALU, 1},  {UOP_MUL, 3},   {UOP_DIV, 20},
                 {UOP_FADD, 4}, {UOP_FDIV, 14}, {UOP_FSQRT, 19}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t id = block(r, END_JUMP, 0);
        for (int k = 0; k < 100; k++)
            put(r, cases[i].class, 1, 1, REG_NONE);
        cr_expect_eq(steady(r, id), 100 * cases[i].latency, "class %d", cases[i].class);
    }
    const struct core_counters *n = counters(r);
    cr_expect_eq(n->user_instructions, 5 * 6 * 100);
    cr_expect_eq(n->uops, 5 * 6 * 100);
    cr_expect_eq(n->blocks, 30);
    rig_free(r);
}

Test(inorder, independent_micro_ops_reach_width_and_units)
{
    static const uint32_t cases[][3] = {{1, 1, 840}, {2, 2, 420}, {4, 4, 210}, {8, 3, 280},
                                        {3, 8, 280}, {8, 8, 105}, {2, 1, 840}};
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (uint16_t k = 0; k < 840; k++)
        put(r, UOP_ALU, (uint16_t)(1 + k), 0, REG_NONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r->cfg.width = cases[i][0];
        r->cfg.units[UOP_ALU] = cases[i][1];
        rig_core(r);
        start_user(r);
        cr_expect_eq(steady(r, id), cases[i][2], "width %u, units %u", cases[i][0], cases[i][1]);
    }
    rig_free(r);
}

Test(inorder, registers_are_frame_slots_of_the_thread)
{
    struct rig *r = rig_new();
    const uint32_t slow = block(r, END_JUMP, 0);
    put(r, UOP_DIV, 5, 0, REG_NONE);
    const uint32_t reader = block(r, END_JUMP, 0);
    put(r, UOP_ALU, 6, 2, REG_NONE);
    start_user(r);
    steady(r, slow), steady(r, reader);
    /* slot 5 of a frame at 10 is slot 2 of a callee's frame at 13 */
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)slow << 32 | 10));
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)reader << 32 | 13));
    cr_expect_geq(consume(r), 20);
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)slow << 32 | 10));
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)reader << 32 | 14));
    cr_expect_leq(consume(r), 2, "another slot does not wait");
    rig_free(r);
}

/* ---- loads ---- */

Test(inorder, dependent_loads_take_the_latency_of_where_they_hit)
{
    static const struct {
        uint32_t lines, stride, cycles;
        enum cpi_part part;
    } cases[] = {{8, 64, L1, CPI_L1}, {1024, 64, L2, CPI_L2}, {1024, 2048, LLC, CPI_LLC}};
    struct rig *r = rig_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t n = cases[i].lines, id = block(r, END_JUMP, 0);
        for (uint32_t k = 0; k < n; k++)
            put(r, UOP_LOAD, 1, 1, REG_NONE);
        rig_core(r);
        start_user(r);
        for (int k = 0; k < 3; k++)
            chase(r, id, n, cases[i].stride);
        const uint64_t before = counters(r)->user_cycles[cases[i].part];
        cr_expect_eq(chase(r, id, n, cases[i].stride), n * cases[i].cycles, "case %zu", i);
        cr_expect_eq(counters(r)->user_cycles[cases[i].part] - before, n * (cases[i].cycles - 1));
    }
    rig_free(r);
}

Test(inorder, loads_overlap_until_their_use)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (uint16_t i = 0; i < 8; i++)
        put(r, UOP_LOAD, (uint16_t)(10 + i), REG_NONE, REG_NONE);
    const uint32_t use = block(r, END_JUMP, 0);
    for (uint16_t i = 0; i < 8; i++)
        put(r, UOP_ALU, 1, (uint16_t)(10 + i), 1);
    start_user(r);
    steady(r, use);
    enter(r, id); /* translate and fetch */
    for (uint32_t i = 0; i < 8; i++)
        address(r, i * 64);
    consume(r);
    core_inorder.drain(r->core);
    enter(r, id);
    for (uint32_t i = 0; i < 8; i++)
        address(r, 4096 + i * 64);
    cr_expect_eq(consume(r), 7, "one load port: the last issues seven cycles after the first");
    /* the first use waits for the first load, from when it issued; the others follow it */
    enter(r, use);
    cr_expect_eq(consume(r), DRAM, "then one a cycle");
    rig_free(r);
}

Test(inorder, loads_that_miss_are_limited)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (uint16_t i = 0; i < 12; i++)
        put(r, UOP_LOAD, (uint16_t)(10 + i), REG_NONE, REG_NONE);
    for (uint32_t limit = 0; limit <= 3; limit++) {
        r->cfg.load_misses = limit;
        rig_core(r);
        start_user(r);
        for (int warm = 0; warm < 2; warm++) {
            enter(r, id);
            for (uint32_t i = 0; i < 12; i++)
                address(r, i * 64);
            consume(r);
        }
        core_inorder.drain(r->core);
        const uint64_t before = now(r);
        enter(r, id);
        for (uint32_t i = 0; i < 12; i++)
            address(r, 8192 + i * 64);
        consume(r);
        core_inorder.drain(r->core);
        const uint64_t took = now(r) - before;
        if (limit == 0)
            cr_expect_eq(took, 11 + DRAM);
        else /* rounds of `limit` at a time, issued one a cycle */
            cr_expect_eq(took, 12 / limit * DRAM + limit - 1, "limit %u: %lu", limit, took);
    }
    /* the eight words of one line are one miss */
    r->cfg.load_misses = 1;
    rig_core(r);
    start_user(r);
    for (int warm = 0; warm < 2; warm++) {
        enter(r, id);
        for (uint32_t i = 0; i < 12; i++)
            address(r, 0);
        consume(r);
    }
    core_inorder.drain(r->core);
    const uint64_t before = now(r);
    enter(r, id);
    for (uint32_t i = 0; i < 12; i++)
        address(r, 8192 + i % 8 * 8);
    consume(r);
    core_inorder.drain(r->core);
    cr_expect_leq(now(r) - before, DRAM + 11);
    rig_free(r);
}

Test(inorder, accesses_that_cross_a_line_are_two)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    put(r, UOP_STORE, REG_NONE, REG_NONE, 1);
    start_user(r);
    for (uint64_t at = 0; at < 72; at++) {
        const uint64_t loads = l1d_accesses(r, MEM_LOAD), stores = l1d_accesses(r, MEM_STORE);
        const uint64_t want = at % 64 > 56 ? 2 : 1;
        enter(r, id);
        address(r, 65536 - 64 + at); /* the first line ends a page, too */
        address(r, 65536 - 64 + at);
        consume(r);
        cr_expect_eq(l1d_accesses(r, MEM_LOAD) - loads, want, "offset %lu", at);
        cr_expect_eq(l1d_accesses(r, MEM_STORE) - stores, want, "offset %lu", at);
    }
    rig_free(r);
}

Test(inorder, frame_accesses_have_the_address_of_their_slot)
{
    struct rig *r = rig_new();
    struct mem_tap tap = {0};
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_STORE, REG_NONE, REG_NONE, 1)->flags = UOP_ON_FRAME;
    r->uops[r->nuops - 1].slot = 9;
    put(r, UOP_LOAD, 2, REG_NONE, REG_NONE)->flags = UOP_ON_FRAME;
    r->uops[r->nuops - 1].slot = 11;
    event(r, EV_THREAD, 2);
    event(r, EV_INSTANCE, USER);
    consume(r);
    hierarchy_tap(r->h, &tap);
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)id << 32 | 100));
    consume(r);
    unsigned found = 0;
    for (size_t i = 0; i < tap.n; i++)
        found += (tap.reqs[i].kind == MEM_STORE &&
                  tap.reqs[i].addr == r->frame_addrs[2] + 109 * 8) ||
                 (tap.reqs[i].kind == MEM_LOAD && tap.reqs[i].addr == r->frame_addrs[2] + 111 * 8);
    cr_expect_eq(found, 2);
    cr_expect_eq(counters(r)->frame_loads, 1);
    cr_expect_eq(counters(r)->frame_stores, 1);
    cr_expect_eq(counters(r)->loads + counters(r)->stores, 0);
    hierarchy_tap(r->h, NULL);
    free(tap.reqs);
    free(tap.counts);
    rig_free(r);
}

Test(inorder, bounds_checks_lengthen_accesses_in_the_call_form)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (int i = 0; i < 16; i++)
        put(r, UOP_LOAD, 1, 1, REG_NONE);
    for (uint32_t check = 0; check <= 2; check++)
        for (uint8_t kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
            r->cfg.boundary.kind = kind;
            r->cfg.boundary.bounds_check_cycles = check;
            rig_core(r);
            start_user(r);
            for (int k = 0; k < 3; k++)
                chase(r, id, 16, 64);
            cr_expect_eq(chase(r, id, 16, 64), 16 * (L1 + (kind == BOUNDARY_CALL ? check : 0)));
        }
    rig_free(r);
}

/* ---- the front end and branches ---- */

Test(inorder, instruction_misses_stall_and_hits_do_not)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (int i = 0; i < 48; i++) /* three lines of code */
        put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    start_user(r);
    enter(r, id);
    consume(r);
    /* lookups in the L1I (1 cycle), L2, LLC, then DRAM; three lines at once */
    cr_expect_eq(counters(r)->user_cycles[CPI_FRONTEND], 1 + 14 + 48 + 200);
    cr_expect_eq(steady(r, id), 24);
    cr_expect_eq(counters(r)->user_cycles[CPI_FRONTEND], 1 + 14 + 48 + 200);
    const struct cache_counters *n = hierarchy_counters(r->h, CACHE_L1I, 0);
    cr_expect_eq(n->accesses[MEM_FETCH], 3 * 6, "a block of several lines fetches all of them");
    const uint32_t small = block(r, END_JUMP, 0); /* starts a line */
    put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    steady(r, small);
    cr_expect_eq(n->accesses[MEM_FETCH], 3 * 6 + 1, "the line fetched last is at hand");
    rig_free(r);
}

Test(inorder, a_misprediction_costs_exactly_the_refill)
{
    struct rig *r = rig_new();
    const uint32_t loop = block(r, END_COND, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t exit = block(r, END_JUMP, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    r->blocks[loop].taken = r->blocks[exit].taken = loop;
    r->blocks[loop].next = exit;
    start_user(r);
    enter(r, exit);
    for (int i = 0; i < 100; i++)
        enter(r, loop);
    consume(r);
    const struct core_counters before = *counters(r);
    enter(r, loop);
    cr_expect_eq(consume(r), 1, "one branch a cycle");
    cr_expect_eq(counters(r)->mispredictions, before.mispredictions);
    enter(r, exit); /* issued at t, known at t + 1, refilled at t + 15 */
    cr_expect_eq(consume(r), 15);
    cr_expect_eq(counters(r)->mispredictions, before.mispredictions + 1);
    cr_expect_eq(counters(r)->user_cycles[CPI_BRANCH] - before.user_cycles[CPI_BRANCH], 14);
    rig_free(r);
}

Test(inorder, a_late_condition_delays_the_refill)
{
    struct rig *r = rig_new();
    const uint32_t first = block(r, END_COND, 0);
    put(r, UOP_DIV, 1, REG_NONE, REG_NONE);
    put(r, UOP_BRANCH, REG_NONE, 1, REG_NONE);
    const uint32_t second = block(r, END_JUMP, 0);
    put(r, UOP_ALU, 2, REG_NONE, REG_NONE);
    r->blocks[first].taken = second;
    r->blocks[first].next = first;
    start_user(r);
    steady(r, first); /* never taken */
    enter(r, first);
    consume(r);
    enter(r, second); /* from here: branch at t, next at t + 1 + 14 */
    cr_expect_eq(consume(r), 15);
    rig_free(r);
}

Test(inorder, calls_returns_and_tables_are_predicted_across_logs)
{
    struct rig *r = rig_new();
    const uint32_t caller = block(r, END_CALL, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t callee = block(r, END_RETURN, 1);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t back = block(r, END_TABLE, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t side = block(r, END_JUMP, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    r->blocks[caller].next = back;
    start_user(r);
    uint64_t wrong[3];
    for (int round = 0; round < 3; round++) {
        const uint64_t before = counters(r)->mispredictions;
        const uint32_t path[] = {caller, callee, back, round == 2 ? side : caller};
        for (int i = 0; i < 4; i++) {
            enter(r, path[i]);
            consume(r); /* each in a log of its own */
        }
        wrong[round] = counters(r)->mispredictions - before;
        if (round < 2) { /* leave `caller` again */
            enter(r, callee);
            enter(r, back);
            enter(r, caller);
            enter(r, callee);
            enter(r, back);
            consume(r);
        }
    }
    cr_expect_eq(wrong[0], 1, "the table's target was unknown");
    cr_expect_eq(wrong[1], 0);
    cr_expect_eq(wrong[2], 1, "the table went elsewhere");
    char *text = core_inorder.folded(r->core);
    cr_expect_not_null(strstr(text, "app`main "));
    cr_expect_not_null(strstr(text, "app`main;app`f "));
    free(text);
    rig_free(r);
}

/* ---- configuration ---- */

Test(inorder, values_out_of_range_are_refused)
{
    struct rig *r = rig_new();
    const struct core_env env = {.view = &r->view, .hierarchy = r->h, .kernel_instance = KERNEL};
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        struct core_config bad = r->cfg;                                                           \
        char err[200] = "";                                                                        \
        bad.field = value;                                                                         \
        cr_expect_null(core_inorder.make(&bad, &env, err, sizeof err), #field " = " #value);       \
        cr_expect_gt(strlen(err), 10);                                                             \
    } while (0)
    REFUSED(period, 0);
    REFUSED(width, 0);
    REFUSED(width, 9);
    REFUSED(units[UOP_LOAD], 0);
    REFUSED(units[UOP_ALU], 9);
    REFUSED(latency[UOP_DIV], 1001);
    REFUSED(store_buffer, 0);
    REFUSED(store_buffer, 129);
    REFUSED(flushes, 129);
    REFUSED(load_misses, 65);
    REFUSED(branch.history_bits, 3);
    REFUSED(branch.target_entries, 48);
    REFUSED(branch.return_entries, 0);
    REFUSED(boundary.kind, 2);
    REFUSED(boundary.saved_registers, 257);
    REFUSED(boundary.bounds_check_cycles, 3);
    REFUSED(tlb_call.l1_entries, 0);
    REFUSED(tlb_call.l1_ways, 0);
    REFUSED(tlb_call.l1_entries, 96);
    r->cfg.boundary.kind = BOUNDARY_TRAP;
    REFUSED(tlb_trap.l2_ways, 5);
    for (const struct counter *c = core_counter_table; c->name; c++)
        for (const struct counter *d = core_counter_table; d < c; d++)
            cr_assert_str_neq(c->name, d->name);
    rig_free(r);
}
