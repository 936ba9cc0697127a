/* test_inorder_cross.c - the in-order core: user and kernel, threads, devices, and logs at random.
 */
#include "tests/core_rig.h"

/* ---- user and kernel ---- */

/* Blocks of a kernel call: the user's call, the kernel's return, what follows. */
struct calls {
    uint32_t call, serve, after;
};

static struct calls kernel_call(struct rig *r)
{
    struct calls k;
    k.call = block(r, END_CALL_INDIRECT, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    k.serve = block(r, END_RETURN, 2);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    k.after = block(r, END_JUMP, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    r->blocks[k.call].next = k.after;
    return k;
}

static void log_call(struct rig *r, const struct calls *k)
{
    enter(r, k->call);
    event(r, EV_ENTER, KERNEL);
    event(r, EV_INSTANCE, KERNEL);
    enter(r, k->serve);
    event(r, EV_LEAVE, USER);
    event(r, EV_INSTANCE, USER);
    enter(r, k->after);
}

/* Boundary cycles of one more kernel call. */
static uint64_t boundary_cycles(struct rig *r, const struct calls *k)
{
    uint64_t cost = 0;
    for (int i = 0; i < 6; i++) {
        const uint64_t before = counters(r)->kernel_cycles[CPI_BOUNDARY];
        log_call(r, k);
        consume(r);
        cost = counters(r)->kernel_cycles[CPI_BOUNDARY] - before;
    }
    return cost;
}

static uint64_t cost_of(struct rig *r, const struct boundary_config *b, const struct calls *k)
{
    r->cfg.boundary = *b;
    rig_core(r);
    start_user(r);
    return boundary_cycles(r, k);
}

Test(inorder_cross, what_a_kernel_call_costs_in_both_forms)
{
    struct rig *r = rig_new();
    const struct calls k = kernel_call(r);
    struct boundary_config b = r->cfg.boundary;

    /* call. In: a store and two loads through one port, the wait for the second (issued a cycle
     * after the first), a dependent load, its wait, one ALU; out: two dependent loads. */
    cr_expect_eq(cost_of(r, &b, &k), (1 + L1 + L1 + 1) + (L1 + L1));
    cr_expect_eq(counters(r)->user_cycles[CPI_BOUNDARY], 0);
    cr_expect_eq(counters(r)->kernel_calls, 6);
    cr_expect_eq(counters(r)->kernel_instructions, 6);
    cr_expect_eq(counters(r)->user_instructions, 12);

    /* trap. In: entry, sixteen stores at one a cycle; out: sixteen loads and the last one's
     * latency, exit. The drain is over when the branch's result is there: it is the last thing. */
    b.kind = BOUNDARY_TRAP;
    const uint64_t plain = cost_of(r, &b, &k);
    cr_expect_eq(plain, 80 + 16 + 15 + L1 + 70, "%lu", plain);
    cr_expect_eq(counters(r)->mispredictions, 0, "entry and exit are no branches");

    b.verw = 1;
    cr_expect_eq(cost_of(r, &b, &k), plain + 450);
    b.verw = 0;
    b.kpti = 1;
    const uint64_t kpti = cost_of(r, &b, &k);
    cr_expect_eq(kpti, plain + 2 * 180, "tagged entries survive: %lu", kpti);
    b.pcid = 0;
    const uint64_t flushed = cost_of(r, &b, &k);
    cr_expect_gt(flushed, kpti, "saved registers miss the TLB");
    b.kpti = b.pcid = 0;
    cr_expect_eq(cost_of(r, &b, &k), plain, "without kpti a call does not switch page tables");
    b.l1d_flush = 1;
    cr_expect_gt(cost_of(r, &b, &k), plain + 500 + 1024, "1,024 loads and the fixed part");
    rig_free(r);
}

Test(inorder_cross, kpti_without_pcid_flushes_the_tlb_at_each_crossing)
{
    struct rig *r = rig_new();
    const struct calls k = kernel_call(r);
    const uint32_t touch = block(r, END_JUMP, 0);
    for (int i = 0; i < 8; i++)
        put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    for (uint8_t pcid = 0; pcid <= 1; pcid++) {
        r->cfg.boundary.kind = BOUNDARY_TRAP;
        r->cfg.boundary.kpti = 1;
        r->cfg.boundary.pcid = pcid;
        rig_core(r);
        start_user(r);
        uint64_t misses = 0;
        for (int i = 0; i < 4; i++) {
            log_call(r, &k);
            consume(r);
            misses = counters(r)->tlb_misses;
            enter(r, touch);
            for (uint64_t p = 0; p < 8; p++)
                address(r, p * 4096);
            consume(r);
            misses = counters(r)->tlb_misses - misses;
        }
        cr_expect_eq(misses, pcid ? 0 : 8, "pcid %u: %lu", pcid, misses);
    }
    rig_free(r);
}

Test(inorder_cross, retpolines_replace_prediction_in_the_kernel_only)
{
    struct rig *r = rig_new();
    const uint32_t table = block(r, END_TABLE, 0);
    put(r, UOP_BRANCH, REG_NONE, REG_NONE, REG_NONE);
    for (uint8_t on = 0; on <= 1; on++)
        for (uint32_t who = KERNEL; who <= USER; who += USER - KERNEL) {
            r->cfg.boundary.kind = BOUNDARY_TRAP;
            r->cfg.boundary.retpoline = on;
            rig_core(r);
            event(r, EV_THREAD, 0);
            event(r, EV_INSTANCE, who);
            consume(r);
            const int pays = on && who == KERNEL;
            cr_expect_eq(steady(r, table), pays ? 1 + 30 : 1);
            cr_expect_eq(counters(r)->branches, pays ? 0 : 4);
        }
    rig_free(r);
}

Test(inorder_cross, threads_switch_registers_process_and_side)
{
    struct rig *r = rig_new();
    const struct calls k = kernel_call(r);
    for (uint8_t kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
        uint64_t cost[2][2];
        for (uint8_t pcid = 0; pcid <= 1; pcid++)
            for (uint32_t other = USER; other <= OTHER; other++) {
                r->cfg.boundary.kind = kind;
                r->cfg.boundary.pcid = pcid;
                rig_core(r);
                for (uint64_t i = 0; i < 7; i++) { /* boot thread, then users in turn */
                    const uint64_t before = counters(r)->kernel_cycles[CPI_BOUNDARY];
                    event(r, EV_THREAD, 0);
                    event(r, EV_INSTANCE, KERNEL);
                    event(r, EV_THREAD, 1 + i % 2);
                    event(r, EV_INSTANCE, i % 2 ? other : USER);
                    enter(r, k.after);
                    consume(r);
                    cost[pcid][other - USER] = counters(r)->kernel_cycles[CPI_BOUNDARY] - before;
                }
                cr_expect_eq(counters(r)->thread_switches, 13);
                cr_expect_eq(counters(r)->kernel_calls, 0, "an interrupt is no call");
                cr_expect_eq(counters(r)->user_cycles[CPI_BOUNDARY], 0);
            }
        if (kind == BOUNDARY_CALL) {
            cr_expect_eq(cost[0][0], cost[0][1], "one address space");
            cr_expect_eq(cost[0][0], cost[1][1]);
        } else {
            cr_expect_eq(cost[1][1], cost[1][0] + 180, "another process: page tables");
            cr_expect_geq(cost[0][1], cost[1][1]);
            cr_expect_eq(cost[0][0], cost[1][0], "the same process: nothing to flush");
        }
    }
    rig_free(r);
}

Test(inorder_cross, a_switched_out_thread_finds_its_branch_and_stack_again)
{
    struct rig *r = rig_new();
    const struct calls k = kernel_call(r);
    const uint32_t call = block(r, END_CALL, 0), callee = block(r, END_JUMP, 1);
    put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    start_user(r);
    enter(r, call);
    event(r, EV_THREAD, 1); /* preempted at the call */
    event(r, EV_INSTANCE, OTHER);
    enter(r, k.after);
    event(r, EV_THREAD, 0);
    event(r, EV_INSTANCE, USER);
    enter(r, callee);
    consume(r);
    core_inorder.drain(r->core);
    enter(r, callee);
    enter(r, callee);
    enter(r, callee);
    consume(r);
    char *text = core_inorder.folded(r->core);
    cr_expect_not_null(strstr(text, "app`main;app`f "), "%s", text);
    cr_expect_null(strstr(text, "\napp`f "), "%s", text);
    free(text);
    rig_free(r);
}

/* ---- devices, region of interest, bad ends ---- */

Test(inorder_cross, stalls_regions_and_traps)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (int i = 0; i < 10; i++)
        put(r, UOP_ALU, 1, 1, REG_NONE);
    const uint32_t loads = block(r, END_COND, 0);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    put(r, UOP_LOAD, 2, REG_NONE, REG_NONE);
    put(r, UOP_ALU, 3, 1, 2);
    start_user(r);
    steady(r, id);
    core_inorder.drain(r->core);
    event(r, EV_STALL, 100);
    event(r, EV_STALL, 3);
    cr_expect_eq(consume(r), 200 + 6);
    cr_expect_eq(counters(r)->user_cycles[CPI_IDLE], 206);
    event(r, EV_ROI, 1);
    enter(r, id);
    event(r, EV_ROI, 0);
    enter(r, id);
    consume(r);
    cr_expect_eq(counters(r)->roi[ROI_INSTRUCTIONS], 10);
    cr_expect(counters(r)->roi[ROI_CYCLES] >= 9 && counters(r)->roi[ROI_CYCLES] <= 10);
    /* the second load traps: its address is missing, and an event or a block follows */
    const uint64_t before = counters(r)->branches;
    enter(r, loads);
    address(r, 0);
    enter(r, id);
    enter(r, loads);
    address(r, 0);
    consume(r);
    event(r, EV_INSTANCE, USER);
    enter(r, id);
    consume(r);
    cr_expect_eq(counters(r)->loads, 2);
    cr_expect_eq(counters(r)->branches, before, "its branch was not reached");
    /* words that make no sense are passed over: blocks that do not exist, addresses without a
     * micro-op, pages without memory, instances without a space */
    enter(r, 0);
    enter(r, 0xfffffff);
    address(r, 5);
    nv_store(r, 5, 0, 0);
    enter(r, loads);
    address(r, UINT64_C(0xffffffffffff));
    address(r, 64 * 65536 - 4);
    event(r, EV_INSTANCE, 7);
    enter(r, loads);
    address(r, 0);
    address(r, 0);
    event(r, EV_INSTANCE, 12345);
    event(r, EV_THREAD, 0xffffffff);
    word(r, LOG_WORD(LOG_BULK, 0) | LOG_BULK_NV | 4096);
    consume(r);
    rig_free(r);
}

/* ---- all of it at random ---- */

static uint64_t draw(uint64_t *state, uint64_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (*state >> 33) % n;
}

static void random_blocks(struct rig *r, uint64_t *seed)
{
    for (int i = 0; i < 40; i++) {
        block(r, (enum block_end)draw(seed, END_TAIL_INDIRECT + 1), (uint32_t)draw(seed, 4));
        struct block *b = &r->blocks[r->nblocks - 1];
        b->taken = 1 + (uint32_t)draw(seed, 40);
        b->next = 1 + (uint32_t)draw(seed, 40);
        for (uint64_t n = draw(seed, 20); n; n--) {
            struct uop *u = put(r, (enum uop_class)draw(seed, UOP_CLASSES),
                                (uint16_t)draw(seed, 40), (uint16_t)draw(seed, 40),
                                (uint16_t)draw(seed, 40));
            u->bytes = (uint8_t)(1u << draw(seed, 4));
            u->slot = (uint16_t)draw(seed, 40);
            u->flags = draw(seed, 3) == 0;
            if (u->class == UOP_FLUSH)
                u->info = (uint8_t)(MEM_CLWB + draw(seed, 3));
            if (u->class == UOP_FLUSH || u->class == UOP_NTSTORE)
                u->flags = 0;
        }
    }
}

static void random_accesses(struct rig *r, uint64_t *seed, const struct block *b)
{
    for (uint32_t i = 0; i < b->nuops; i++) {
        const struct uop *u = &r->uops[b->uops + i];
        const int stores = u->class == UOP_STORE || u->class == UOP_NTSTORE;
        uint64_t addr = draw(seed, 8) ? draw(seed, 8192) : draw(seed, 64 * 65536 - 8);
        addr += draw(seed, 3) ? 0 : NV;
        if (u->class == UOP_NTSTORE)
            addr &= ~UINT64_C(7);
        addr %= 64 * 65536 - 8;
        if (u->class == UOP_BULK) {
            for (uint64_t n = draw(seed, 3); n; n--)
                bulk(r, r->frames[USER][draw(seed, 64)] + draw(seed, 4096),
                     draw(seed, 2) ? r->frames[OTHER][draw(seed, 64)] + draw(seed, 4096) : 0,
                     1 + (uint32_t)draw(seed, 2000));
        } else if (!(u->flags & UOP_ON_FRAME) &&
                   (stores || u->class == UOP_LOAD || u->class == UOP_FLUSH)) {
            if (draw(seed, 200) == 0)
                return; /* trapped */
            if (stores && addr >= 32 * 65536)
                nv_store(r, addr, draw(seed, 1000), draw(seed, 1000));
            else
                address(r, addr);
        }
    }
}

static void random_event(struct rig *r, uint64_t *seed)
{
    switch (draw(seed, 7)) {
    case 0:
        event(r, EV_ENTER, KERNEL);
        break;
    case 1:
        event(r, EV_LEAVE, USER);
        break;
    case 2:
        event(r, EV_THREAD, draw(seed, THREADS));
        break;
    case 3:
        event(r, EV_STALL, draw(seed, 100));
        break;
    case 4:
        event(r, EV_ROI, draw(seed, 2));
        break;
    default:
        event(r, EV_INSTANCE, draw(seed, 5) ? USER : draw(seed, 2) ? OTHER : KERNEL);
        break;
    }
}

/* Give the log to the core in pieces: `mode` 0 whole, else cut before blocks. */
static void feed(struct rig *r, uint32_t nlog, int mode, uint64_t *seed)
{
    uint32_t from = 0;
    for (uint32_t i = 1; i <= nlog; i++) {
        const int cut = i == nlog || (mode && LOG_TAG(r->log[i]) == LOG_BLOCK && !draw(seed, 3));
        if (!cut)
            continue;
        core_inorder.consume(r->core, r->log + from, i - from);
        check_sum(r);
        from = i;
    }
}

Test(inorder_cross, parts_add_up_on_random_logs_however_they_are_cut, .timeout = 60)
{
    for (uint64_t round = 0; round < 24; round++) {
        struct rig *r = rig_new();
        uint64_t seed = round + 1, cycles[2];
        struct core_counters n[2];
        char *text[2];
        random_blocks(r, &seed);
        r->cfg.width = 1 + (uint32_t)draw(&seed, 8);
        r->cfg.store_buffer = 1 + (uint32_t)draw(&seed, 20);
        r->cfg.flushes = 1 + (uint32_t)draw(&seed, 12);
        r->cfg.load_misses = (uint32_t)draw(&seed, 5);
        r->cfg.boundary.kind = round & 1;
        r->cfg.boundary.kpti = round >> 1 & 1;
        r->cfg.boundary.pcid = round >> 2 & 1;
        r->cfg.boundary.ibpb = r->cfg.boundary.retpoline = r->cfg.boundary.verw = round >> 3 & 1;
        event(r, EV_THREAD, 0);
        event(r, EV_INSTANCE, USER);
        while (r->nlog < 40000) {
            const uint32_t id = 1 + (uint32_t)draw(&seed, 40);
            word(r, LOG_WORD(LOG_BLOCK, (uint64_t)id << 32 | draw(&seed, 5000)));
            random_accesses(r, &seed, &r->blocks[id]);
            if (draw(&seed, 10) == 0)
                random_event(r, &seed);
        }
        const uint32_t nlog = r->nlog;
        for (int mode = 0; mode < 2; mode++) {
            rig_core(r);
            feed(r, nlog, mode, &seed);
            core_inorder.drain(r->core);
            check_sum(r);
            cycles[mode] = now(r);
            n[mode] = *counters(r);
            text[mode] = core_inorder.folded(r->core);
        }
        cr_assert_eq(cycles[0], cycles[1], "round %lu", round);
        cr_assert_arr_eq((char *)&n[0], (char *)&n[1], sizeof n[0]);
        cr_assert_str_eq(text[0], text[1]);
        cr_assert_eq(n[0].user_instructions + n[0].kernel_instructions, n[0].instructions);
        uint64_t folded = 0;
        for (char *at = text[0]; *at; at = strchr(at, '\n') + 1)
            folded += strtoull(strchr(at, ' '), NULL, 10);
        cr_assert_eq(folded, cycles[0], "every cycle is in one stack");
        free(text[0]);
        free(text[1]);
        rig_free(r);
    }
}
