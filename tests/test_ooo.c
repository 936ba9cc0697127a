/* test_ooo.c - the out-of-order core: answers that can be worked out on paper, and a plain model of
 * the window that is ticked. */
#include "tests/core_rig.h"

/* Consume, wait for everything, and say how long both took. */
static uint64_t to_the_end(struct rig *r)
{
    const uint64_t before = now(r);
    consume(r);
    r->ops->drain(r->core);
    check_sum(r);
    return now(r) - before;
}

static uint64_t round_of(struct rig *r, uint32_t id, uint32_t n, uint64_t base, uint64_t stride)
{
    enter(r, id);
    for (uint32_t i = 0; i < n; i++)
        address(r, base + i * stride);
    return to_the_end(r);
}

/* ---- closed forms ---- */

Test(ooo, independent_micro_ops_reach_the_width)
{
    /* dispatch width, ALU ports, fetch width, retire width: cycles of 840 */
    static const uint32_t cases[][5] = {{1, 8, 16, 8, 840}, {2, 8, 16, 8, 420}, {4, 8, 16, 8, 210},
                                        {6, 8, 16, 8, 140}, {8, 8, 16, 8, 105}, {8, 3, 16, 8, 280},
                                        {8, 8, 5, 8, 168},  {8, 8, 16, 3, 280}};
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t k = 0; k < 840; k++)
        put(r, UOP_ALU, (uint16_t)(1 + k), 0, REG_NONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r->cfg.width = cases[i][0];
        r->cfg.window.ports[UOP_ALU] = (uint16_t)((1u << cases[i][1]) - 1);
        r->cfg.window.fetch_width = cases[i][2];
        r->cfg.window.retire_width = cases[i][3];
        rig_core(r);
        start_user(r);
        cr_expect_eq(steady(r, id), cases[i][4], "case %zu: %lu", i, steady(r, id));
        const uint64_t *cpi = counters(r)->user_cycles;
        cr_expect_eq(cpi[CPI_L1] + cpi[CPI_STORE] + cpi[CPI_BRANCH], 0);
    }
    rig_free(r);
}

Test(ooo, chains_take_their_latency)
{
    static const struct {
        enum uop_class class;
        uint32_t latency;
    } cases[] = {{UOP_ALU, 1},  {UOP_MUL, 3},   {UOP_DIV, 20},
                 {UOP_FADD, 4}, {UOP_FDIV, 14}, {UOP_FSQRT, 19}};
    struct rig *r = rig_new_of(&core_ooo);
    start_user(r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t id = block(r, END_FALL, 0);
        for (int k = 0; k < 100; k++)
            put(r, cases[i].class, 1, 1, REG_NONE);
        cr_expect_eq(steady(r, id), 100 * cases[i].latency, "class %d", cases[i].class);
    }
    rig_free(r);
}

Test(ooo, chains_of_loads_take_the_latency_of_where_they_hit)
{
    static const struct {
        uint32_t lines, stride, cycles;
        enum cpi_part part;
    } cases[] = {{8, 64, L1, CPI_L1}, {1024, 64, L2, CPI_L2}, {1024, 2048, LLC, CPI_LLC}};
    struct rig *r = rig_new_of(&core_ooo);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t n = cases[i].lines, id = block(r, END_FALL, 0);
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

/* 60 loads of different lines, nothing in between. */
Test(ooo, misses_overlap_up_to_window_and_fill_buffers)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 60; i++)
        put(r, UOP_LOAD, (uint16_t)(10 + i), REG_NONE, REG_NONE);
    static const uint32_t cases[][4] = {/* ROB, load queue, fill buffers: how many at once */
                                        {128, 64, 0, 60}, {128, 64, 10, 10}, {128, 64, 4, 4},
                                        {128, 64, 1, 1},  {20, 64, 0, 20},   {128, 15, 0, 15},
                                        {12, 64, 30, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r->cfg.width = 4;
        r->cfg.window.rob = cases[i][0];
        r->cfg.window.load_queue = cases[i][1];
        r->cfg.load_misses = cases[i][2];
        rig_core(r);
        start_user(r);
        round_of(r, id, 60, 0, 64); /* code and page are there afterwards */
        const uint64_t took = round_of(r, id, 60, 8192, 64);
        const uint64_t want = 60 / cases[i][3] * DRAM;
        /* a round begins as its places get free: one or two a cycle */
        cr_expect(took >= want && took <= want + 30 + 2 * 60 / cases[i][3],
                  "case %zu: %lu cycles, want %lu", i, took, want);
        const uint64_t *cpi = counters(r)->user_cycles;
        cr_expect_gt(cpi[CPI_DRAM] * 100, (took - 60) * 98);
    }
    rig_free(r);
}

Test(ooo, misses_further_apart_than_the_window_do_not_overlap)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 4;
    r->cfg.window.ports[UOP_ALU] = 0xf;
    for (uint32_t between = 96; between <= 160; between += 64) { /* the ROB has 128 */
        const uint32_t id = block(r, END_FALL, 0);
        for (uint32_t k = 0; k < 2; k++) {
            put(r, UOP_LOAD, (uint16_t)(1 + k), REG_NONE, REG_NONE);
            for (uint32_t i = 0; i < between; i++)
                put(r, UOP_ALU, (uint16_t)(100 + i), REG_NONE, REG_NONE);
        }
        rig_core(r);
        start_user(r);
        round_of(r, id, 2, 0, 64);
        const uint64_t took = round_of(r, id, 2, 8192, 64);
        if (between < 128)
            cr_expect(took < DRAM + 2 * between / 4 + 10, "%lu", took);
        else
            cr_expect(took > 2 * DRAM && took < 2 * DRAM + 2 * between / 4 + 10, "%lu", took);
    }
    rig_free(r);
}

Test(ooo, a_full_scheduler_holds_what_follows)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 4;
    r->cfg.window.rob = 200;
    r->cfg.window.ports[UOP_ALU] = 0xf;
    const uint32_t id = block(r, END_FALL, 0); /* 90 that wait for a miss, then another miss */
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    for (uint16_t i = 0; i < 90; i++)
        put(r, UOP_ALU, (uint16_t)(100 + i), 1, REG_NONE);
    put(r, UOP_LOAD, 2, REG_NONE, REG_NONE);
    for (uint32_t size = 60; size <= 120; size += 60) {
        r->cfg.window.scheduler = size;
        rig_core(r);
        start_user(r);
        round_of(r, id, 2, 0, 64);
        const uint64_t took = round_of(r, id, 2, 8192, 64), rounds = size < 90 ? 2 : 1;
        cr_expect(took >= rounds * DRAM && took < rounds * DRAM + 40, "%u places: %lu", size, took);
    }
    rig_free(r);
}

/* ---- stores ---- */

Test(ooo, loads_take_data_from_stores_under_way)
{
    struct rig *r = rig_new_of(&core_ooo);
    static const struct {
        uint8_t stored, loaded; /* bytes */
        uint64_t offset;        /* of the load */
        int forwarded;
    } cases[] = {{8, 8, 0, 1}, {4, 4, 0, 1}, {8, 4, 4, 1},
                 {8, 1, 7, 1}, {4, 8, 0, 0}, {1, 4, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t id = block(r, END_FALL, 0);
        for (int k = 0; k < 50; k++) {
            put(r, UOP_STORE, REG_NONE, REG_NONE, 1)->bytes = cases[i].stored;
            put(r, UOP_LOAD, 1, REG_NONE, REG_NONE)->bytes = cases[i].loaded;
        }
        rig_core(r);
        start_user(r);
        uint64_t took = 0, forwards = 0;
        for (int k = 0; k < 4; k++) {
            forwards = counters(r)->forwards;
            enter(r, id);
            for (int j = 0; j < 50; j++) {
                address(r, 128);
                address(r, 128 + cases[i].offset);
            }
            took = consume(r);
        }
        cr_expect_eq(counters(r)->forwards - forwards, cases[i].forwarded ? 50 : 0, "case %zu", i);
        /* forwarded: data to data. Otherwise the store, ready when the load before it is, retires,
         * commits an L1 access later, and the load begins then. */
        cr_expect_eq(took, cases[i].forwarded ? 50 * 5 : 50 * 2 * L1, "case %zu: %lu", i, took);
    }
    /* two halves by two stores, loaded one by one */
    const uint32_t id = block(r, END_FALL, 0);
    for (int k = 0; k < 25; k++) {
        put(r, UOP_STORE, REG_NONE, REG_NONE, 1)->bytes = 4;
        put(r, UOP_STORE, REG_NONE, REG_NONE, 1)->bytes = 4;
        put(r, UOP_LOAD, 1, REG_NONE, REG_NONE)->bytes = 4;
    }
    uint64_t took = 0;
    for (int k = 0; k < 4; k++) {
        enter(r, id);
        for (int j = 0; j < 25; j++) {
            address(r, 128);
            address(r, 132);
            address(r, 128);
        }
        took = consume(r);
    }
    cr_expect_eq(took, 25 * 5, "%lu", took);
    rig_free(r);
}

Test(ooo, a_full_store_queue_stalls)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.store_buffer = 4;
    rig_core(r);
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 40; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    round_of(r, id, 40, 0, 64);
    const uint64_t before = counters(r)->user_cycles[CPI_STORE];
    const uint64_t took = round_of(r, id, 40, 16384, 64);
    cr_expect(took >= 10 * DRAM && took <= 10 * DRAM + 60, "four at once: %lu", took);
    cr_expect_gt(counters(r)->user_cycles[CPI_STORE] - before, 10 * (DRAM - 8));
    rig_free(r);
}

/* What the queue of four lets through: as many a cycle as may commit, where each line has eight
 * stores, one where each has a line of its own. */
Test(ooo, stores_to_one_line_may_commit_together)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 8;
    r->cfg.store_buffer = 32;
    r->cfg.window.ports[UOP_STORE] = 0xff00;
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 160; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    for (uint32_t commits = 0; commits <= 4; commits++) {
        for (uint32_t apart = 8; apart <= 64; apart *= 2) { /* 8 to 1 of a line */
            const uint32_t of_line = 64 / apart, at_once = commits ? commits : 1;
            const uint32_t cycles = (of_line + at_once - 1) / at_once * (160 / of_line);
            r->cfg.window.line_commits = commits;
            rig_core(r);
            start_user(r);
            uint64_t took = 0;
            for (int k = 0; k < 8; k++)
                took = chase(r, id, 160, apart);
            cr_expect_eq(took, cycles, "%u a cycle, %u apart: %lu, not %u", commits, apart, took,
                         cycles);
        }
    }
    rig_free(r);
}

Test(ooo, fences_wait_for_what_they_must_and_loads_do_not)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 4;
    const uint32_t persist = block(r, END_FALL, 0);
    put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    flush(r, MEM_CLWB);
    put(r, UOP_FENCE, REG_NONE, REG_NONE, REG_NONE);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    for (int full = 0; full < 2; full++)
        for (int locked = 0; locked < 2; locked++) {
            r->wpq_full = full;
            r->uops[r->blocks[persist].uops + 2].info = (uint8_t)locked;
            rig_core(r);
            start_user(r);
            uint64_t took = 0;
            struct core_counters before = {0};
            for (int i = 0; i < 4; i++) {
                before = *counters(r);
                enter(r, persist);
                nv_store(r, NV, (uint64_t)i, (uint64_t)i + 1);
                address(r, NV);
                address(r, 32768 + (uint64_t)i * 64);
                took = to_the_end(r);
            }
            /* dispatched at 0; the store issues at 1, retires at 2 and commits an L1 access later;
             * then the flush looks in three caches and is accepted. The load misses: it begins at 1
             * under sfence, when the fence retires under a locked instruction. */
            const uint64_t done = 2 + L1 + LLC + (full ? FULL : ACCEPT);
            const uint64_t want = locked ? done + DRAM : (done > 1 + DRAM ? done : 1 + DRAM);
            cr_expect(took >= want && took <= want + 3, "full %d locked %d: %lu, want %lu", full,
                      locked, took, want);
            const uint64_t *a = counters(r)->user_cycles, *b = before.user_cycles;
            const uint64_t fence = a[CPI_FENCE] - b[CPI_FENCE], wpq = a[CPI_WPQ] - b[CPI_WPQ];
            cr_expect(fence + wpq + 8 >= done && fence + wpq <= done, "%lu", fence + wpq);
            cr_expect(full ? wpq + 12 > done : wpq == 0);
            cr_expect_eq(counters(r)->fences_waiting - before.fences_waiting, 1);
        }
    rig_free(r);
}

Test(ooo, persistent_stores_are_heard_in_order)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 3; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    flush(r, MEM_CLWB);
    put(r, UOP_NTSTORE, REG_NONE, REG_NONE, REG_NONE);
    put(r, UOP_FENCE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    enter(r, id);
    for (uint64_t i = 0; i < 3; i++)
        nv_store(r, NV + 8 * i, 0, i + 1);
    address(r, NV);
    nv_store(r, NV + 64, 0, 7);
    to_the_end(r);
    cr_expect_eq(r->seen[MEM_VISIBLE], 3);
    cr_expect_eq(r->seen[MEM_CLWB], 1);
    cr_expect_eq(r->seen[MEM_NTSTORE], 1);
    cr_expect_eq(r->last[MEM_NTSTORE].bytes, 8);
    cr_expect_geq(r->last[MEM_CLWB].at, r->last[MEM_VISIBLE].at);
    /* a clflush is ordered with the stores behind it, clwb is not */
    uint64_t took[2];
    for (int k = 0; k < 2; k++) {
        const uint32_t b = block(r, END_FALL, 0);
        for (int i = 0; i < 6; i++) {
            put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
            flush(r, k ? MEM_CLFLUSH : MEM_CLWB);
        }
        for (int round = 0; round < 2; round++) {
            enter(r, b);
            for (uint64_t i = 0; i < 6; i++) {
                nv_store(r, NV + 4096 + i * 64, 0, 1);
                address(r, NV + 4096 + i * 64);
            }
            took[k] = to_the_end(r);
        }
    }
    cr_expect_leq(took[0], 2 * (LLC + ACCEPT), "%lu", took[0]);
    cr_expect_geq(took[1], 6 * (LLC + ACCEPT), "%lu", took[1]);
    rig_free(r);
}

/* ---- front end ---- */

Test(ooo, a_misprediction_costs_resolution_and_refill)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t loop = block(r, END_COND, 0);
    put(r, UOP_DIV, 1, REG_NONE, REG_NONE);
    put(r, UOP_BRANCH, REG_NONE, 1, REG_NONE);
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
    cr_expect_eq(consume(r), 20, "the divider's rate");
    cr_expect_eq(counters(r)->mispredictions, before.mispredictions);
    enter(r, exit);
    /* The division of the last `loop` completed with its branch one cycle after it: retired. Fetch
     * goes on 14 cycles later, the branch issues a cycle after its dispatch, and takes one. */
    const uint64_t took = consume(r);
    cr_expect_eq(took, 14 + 2, "%lu", took);
    cr_expect_eq(counters(r)->mispredictions, before.mispredictions + 1);
    cr_expect_eq(counters(r)->user_cycles[CPI_BRANCH] - before.user_cycles[CPI_BRANCH], 14);
    rig_free(r);
}

Test(ooo, taken_branches_end_a_fetch_group_and_unknown_ones_cost_a_bubble)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 8;
    r->cfg.window.ports[UOP_ALU] = 0xff;
    r->cfg.branch.btb_cycles = 9;
    uint32_t ids[4];
    for (int i = 0; i < 4; i++) { /* each of two micro-ops, jumping to the next */
        ids[i] = block(r, END_JUMP, 0);
        put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
        put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    }
    for (uint32_t entries = 0; entries <= 16; entries += 8) {
        r->cfg.branch.btb_entries = entries;
        rig_core(r);
        start_user(r);
        uint64_t took = 0, misses = 0;
        for (int round = 0; round < 8; round++) {
            misses = counters(r)->btb_misses;
            for (int i = 0; i < 4; i++)
                enter(r, ids[i]);
            took = consume(r);
        }
        cr_expect_eq(took, 4, "%u entries: %lu", entries, took);
        cr_expect_eq(counters(r)->btb_misses, misses);
        cr_expect_eq(misses, entries ? 4 : 0);
    }
    rig_free(r);
}

Test(ooo, instruction_misses_stall_and_hits_do_not)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 48; i++) /* three lines of code */
        put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    start_user(r);
    enter(r, id);
    consume(r);
    const uint64_t *cpi = counters(r)->user_cycles;
    cr_expect_eq(cpi[CPI_FRONTEND], 1 + 14 + 48 + 200, "%lu", cpi[CPI_FRONTEND]);
    cr_expect_eq(steady(r, id), 24);
    cr_expect_eq(cpi[CPI_FRONTEND], 1 + 14 + 48 + 200);
    rig_free(r);
}

/* A loop of seven micro-ops and the branch, eight to fetch a cycle: one cycle where they lie in a
 * line of sixteen, else two. */
Test(ooo, a_line_of_code_may_end_a_cycle_of_fetch)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 8;
    r->cfg.window.ports[UOP_ALU] = 0x8fff;
    for (uint32_t at = 0; at < 16; at++) {
        r->nblocks = 1;
        r->nuops = 0;
        block(r, END_FALL, 0);
        for (uint32_t i = 0; i < at; i++)
            put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
        const uint32_t loop = block(r, END_COND, 0);
        for (uint16_t i = 0; i < 7; i++)
            put(r, UOP_ALU, (uint16_t)(10 + i), REG_NONE, REG_NONE);
        put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
        r->blocks[loop].taken = loop;
        for (int lines = 0; lines < 2; lines++) {
            r->cfg.window.fetch_lines = (uint8_t)lines;
            rig_core(r);
            start_user(r);
            uint64_t took = 0;
            for (int i = 0; i < 6; i++) {
                for (int k = 0; k < 50; k++)
                    enter(r, loop);
                took = consume(r);
            }
            cr_expect_eq(took, lines && at > 8 ? 100 : 50, "at %u: %lu", at, took);
        }
    }
    rig_free(r);
}

/* ---- pages ---- */

/* Loads 64 KiB apart, 3 MiB in all: each kind of page has its misses. */
Test(ooo, pages_of_every_size_translate)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 48; i++)
        put(r, UOP_LOAD, 1, 1, REG_NONE);
    static const struct {
        enum boundary_kind kind;
        enum tlb_page page;
        uint64_t misses; /* of data, at the first round */
    } cases[] = {{BOUNDARY_CALL, TLB_PAGE_USUAL, 48}, {BOUNDARY_CALL, TLB_PAGE_NONE, 0},
                 {BOUNDARY_CALL, TLB_PAGE_4K, 48},    {BOUNDARY_CALL, TLB_PAGE_2M, 2},
                 {BOUNDARY_TRAP, TLB_PAGE_USUAL, 48}, {BOUNDARY_TRAP, TLB_PAGE_2M, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r->cfg.boundary.kind = (uint8_t)cases[i].kind;
        r->cfg.tlb_call.page = r->cfg.tlb_trap.page = (uint8_t)cases[i].page;
        rig_core(r);
        start_user(r);
        chase(r, id, 48, 65536);
        const int code = cases[i].page != TLB_PAGE_NONE;
        cr_expect_eq(counters(r)->tlb_misses, cases[i].misses + (uint64_t)code, "case %zu: %lu", i,
                     counters(r)->tlb_misses);
        const uint64_t *cpi = counters(r)->user_cycles;
        cr_expect_eq(cpi[CPI_TRANSLATION] > 0, cases[i].misses > 0);
        cr_expect_eq(counters(r)->walk_loads > 0, cases[i].misses > 0);
    }
    rig_free(r);
}

/* ---- against a window that is ticked ---- */

#define STREAM 3000u

struct plain_op {
    enum uop_class class;
    int dst, a, b;
    uint32_t latency;
    int ends_group; /* of fetch */
    int vector;     /* a load into such a register */
    uint64_t fetch, dispatch, issue, complete, retire;
    uint64_t foreseen; /* of a division: when it issues */
};

/* Cycle by cycle, oldest first. Times start at 1; 0: not yet. */
static uint64_t tick_all(struct plain_op *op, uint32_t n, const struct core_config *cfg)
{
    const struct window_config *w = &cfg->window;
    uint32_t fetched = 0, dispatched = 0, retired = 0;
    for (uint64_t t = 1;; t++) {
        uint32_t busy = 0;
        for (uint32_t i = retired; i < dispatched; i++) { /* issue */
            if (op[i].issue)
                continue;
            int ready = 1, divider = 1;
            for (uint32_t k = 0; k < i; k++) {
                const int feeds = op[k].dst == op[i].a || op[k].dst == op[i].b;
                int last = feeds;
                for (uint32_t j = k + 1; last && j < i; j++)
                    last = op[j].dst != op[k].dst;
                ready &= !last || (op[k].complete && op[k].complete <= t);
                const uint64_t at = op[k].issue ? op[k].issue : op[k].foreseen;
                divider &= op[k].class != UOP_DIV || at + w->div_busy <= t || t + w->div_busy <= at;
            }
            if (op[i].class == UOP_DIV && !divider)
                continue;
            const uint16_t own = op[i].vector ? w->ports_vector_load : 0;
            const uint32_t ports = (own ? own : w->ports[op[i].class]) & ~busy;
            if (!ready || !ports)
                continue;
            busy |= 0x80000000u >> __builtin_clz(ports);
            op[i].issue = t;
            op[i].complete = t + op[i].latency;
        }
        for (uint32_t k = 0; k < w->retire_width && retired < n; k++) {
            if (!op[retired].complete || op[retired].complete > t)
                break;
            op[retired++].retire = t;
        }
        if (retired == n)
            return t;
        uint32_t fetches = w->fetch_width, dispatches = cfg->width;
        for (int moved = 1; moved;) {
            moved = 0;
            if (fetched < n && fetches && fetched - dispatched < w->fetch_queue) {
                fetches = op[fetched].ends_group ? 0 : fetches - 1;
                op[fetched++].fetch = t;
                moved = 1;
            }
            uint32_t waiting = 0, loads = 0;
            for (uint32_t i = 0; i < dispatched; i++) {
                waiting += !op[i].issue;
                loads += op[i].class == UOP_LOAD && (!op[i].retire || op[i].retire == t);
            }
            if (dispatched < fetched && dispatches && waiting < w->scheduler &&
                (dispatched < w->rob ||
                 (op[dispatched - w->rob].retire && op[dispatched - w->rob].retire < t)) &&
                (op[dispatched].class != UOP_LOAD || loads < w->load_queue)) {
                dispatches--;
                op[dispatched++].dispatch = t;
                moved = 1;
            }
        }
    }
}

/* A division must not hold up an older one, which nobody knows when it issues while that waits: so
 * all of it again, until each issued when the time before had it. An older one does not depend on
 * younger ones, so each time at least one more is right. */
static uint64_t tick_until_foreseen(struct plain_op *op, uint32_t n, const struct core_config *cfg)
{
    for (;;) {
        int wrong = 0;
        const uint64_t took = tick_all(op, n, cfg);
        for (uint32_t i = 0; i < n; i++) {
            wrong |= op[i].class == UOP_DIV && op[i].foreseen != op[i].issue;
            op[i].foreseen = op[i].issue;
            op[i].fetch = op[i].dispatch = op[i].issue = op[i].complete = op[i].retire = 0;
        }
        if (!wrong)
            return took;
    }
}

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

/* A stream in blocks of random length; every block is a jump to the next. */
static uint32_t make_stream(struct rig *r, struct plain_op *ops, uint32_t n, uint64_t *seed,
                            uint32_t ids[64])
{
    static const enum uop_class classes[] = {UOP_ALU, UOP_ALU,  UOP_ALU, UOP_LOAD,  UOP_LOAD,
                                             UOP_MUL, UOP_FADD, UOP_DIV, UOP_BRANCH};
    uint32_t made = 0, blocks = 0;
    r->nblocks = 1;
    r->nuops = 0;
    const struct window_config *w = &r->cfg.window;
    const uint32_t kinds = draw(seed, 8) ? 7 : 9, registers = 2 + draw(seed, 20);
    while (made < n && blocks < 60) {
        const uint32_t len = 1 + draw(seed, 2 * n / 60);
        ids[blocks++] = block(r, END_JUMP, 0);
        for (uint32_t i = 0; i < len && made < n; i++) {
            const enum uop_class k = i + 1 == len ? UOP_BRANCH : classes[draw(seed, kinds)];
            const uint16_t dst = k == UOP_BRANCH ? REG_NONE : (uint16_t)(1 + draw(seed, registers));
            const uint16_t a = (uint16_t)(1 + draw(seed, 3 * registers));
            const uint16_t b = k == UOP_LOAD ? REG_NONE : (uint16_t)(1 + draw(seed, 3 * registers));
            const int vector = k == UOP_LOAD && draw(seed, 2);
            put(r, k, dst, a, b)->flags = vector ? UOP_VECTOR : 0;
            ops[made++] = (struct plain_op){.class = k,
                                            .dst = dst == REG_NONE ? -1 : dst,
                                            .a = a,
                                            .b = b == REG_NONE ? -2 : b,
                                            .vector = vector,
                                            .latency = k == UOP_LOAD ? L1 : r->cfg.latency[k],
                                            .ends_group = i + 1 == len || made == n ||
                                                          (w->fetch_lines && r->nuops % 16 == 0)};
        }
    }
    return blocks;
}

Test(ooo, the_window_agrees_with_one_that_is_ticked)
{
    static struct plain_op ops[STREAM];
    struct rig *r = rig_new_of(&core_ooo);
    uint64_t seed = 7;
    for (int round = 0; round < 60; round++) {
        uint32_t ids[64];
        struct window_config *w = &r->cfg.window;
        r->cfg.width = 1 + draw(&seed, 8);
        w->fetch_width = 1 + draw(&seed, 8);
        w->retire_width = 1 + draw(&seed, 8);
        w->fetch_queue = 1 + draw(&seed, 40);
        w->rob = 2 + draw(&seed, 60);
        w->scheduler = 1 + draw(&seed, 40);
        w->load_queue = 1 + draw(&seed, 20);
        for (unsigned k = 0; k < UOP_CLASSES; k++)
            w->ports[k] = (uint16_t)(1 + draw(&seed, 255));
        w->ports_vector_load = (uint16_t)draw(&seed, 256);
        w->fetch_lines = (uint8_t)draw(&seed, 2);
        const uint32_t n = 200 + draw(&seed, 200);
        const uint32_t blocks = make_stream(r, ops, n, &seed, ids);
        rig_core(r);
        start_user(r);
        for (int warm = 0; warm < 3; warm++) {
            for (uint32_t i = 0; i < blocks; i++) {
                const struct block *b = &r->blocks[ids[i]];
                enter(r, ids[i]);
                for (uint32_t k = 0; k < b->nuops; k++)
                    if (r->uops[b->uops + k].class == UOP_LOAD)
                        address(r, (k * 8 + i * 64) % 4096);
            }
            if (warm == 2)
                break;
            to_the_end(r);
            event(r, EV_STALL, 1000000); /* all is over before the next round */
            consume(r);
        }
        uint32_t total_ops = 0;
        for (uint32_t i = 0; i < blocks; i++)
            total_ops += r->blocks[ids[i]].nuops;
        const uint64_t want = tick_until_foreseen(ops, total_ops, &r->cfg), took = consume(r);
        /* the jump that led to the first block has ended the core's cycle 0 of fetch */
        cr_assert_eq(took, want, "round %d: %lu cycles, want %lu", round, took, want);
    }
    rig_free(r);
}
