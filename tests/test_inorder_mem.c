/* test_inorder_mem.c - the in-order core: stores, persistence, bulk operations, translation. */
#include "tests/core_rig.h"

/* ---- stores, flushes, fences ---- */

Test(inorder_mem, a_full_store_buffer_stalls)
{
    struct rig *r = rig_new();
    r->cfg.store_buffer = 4;
    rig_core(r);
    const uint32_t id = block(r, END_JUMP, 0);
    for (int i = 0; i < 8; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    for (int warm = 0; warm < 3; warm++) {
        enter(r, id);
        for (uint64_t i = 0; i < 8; i++)
            address(r, i * 64);
        consume(r);
    }
    core_inorder.drain(r->core);
    enter(r, id);
    for (uint64_t i = 0; i < 8; i++)
        address(r, i * 64);
    cr_expect_eq(consume(r), 7, "hits commit as fast as they come");
    core_inorder.drain(r->core);
    const uint64_t before = counters(r)->user_cycles[CPI_STORE];
    const uint64_t start = now(r);
    enter(r, id);
    for (uint64_t i = 0; i < 8; i++)
        address(r, 16384 + i * 64);
    consume(r);
    /* stores 0..3 issue at 0..3 and commit at DRAM..DRAM+3; the fifth waits for the first, and so
     * on one a cycle */
    cr_expect_eq(now(r) - start, DRAM + 3);
    cr_expect_eq(counters(r)->user_cycles[CPI_STORE] - before, DRAM - 4);
    rig_free(r);
}

Test(inorder_mem, stores_commit_one_a_cycle)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    r->cfg.width = r->cfg.units[UOP_STORE] = 4;
    rig_core(r);
    for (int i = 0; i < 100; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    uint64_t took = 0;
    for (int round = 0; round < 4; round++) {
        enter(r, id);
        for (uint64_t i = 0; i < 100; i++)
            address(r, i * 8);
        took = consume(r);
    }
    cr_expect_eq(took, 100, "%lu", took);
    rig_free(r);
}

Test(inorder_mem, a_fence_waits_exactly_until_acceptance)
{
    struct rig *r = rig_new();
    const uint32_t persist = block(r, END_JUMP, 0);
    put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    flush(r, MEM_CLWB);
    put(r, UOP_FENCE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    for (int full = 0; full < 2; full++) {
        uint64_t took = 0;
        struct core_counters before = {0};
        r->wpq_full = full;
        for (int i = 0; i < 3; i++) {
            core_inorder.drain(r->core);
            before = *counters(r);
            enter(r, persist);
            nv_store(r, NV, (uint64_t)i, (uint64_t)i + 1);
            address(r, NV);
            took = consume(r);
        }
        /* The store hits: committed at 4. The flush starts then, looks in three caches and is
         * accepted; the fence issued at 1. */
        const uint64_t done = L1 + LLC + (full ? FULL : ACCEPT);
        cr_expect_eq(took, done);
        const uint64_t *a = counters(r)->user_cycles, *b = before.user_cycles;
        /* what a full queue delays is WPQ; the store's commit is not its fault */
        cr_expect_eq(a[CPI_WPQ] - b[CPI_WPQ], full ? done - L1 : 0);
        cr_expect_eq(a[CPI_FENCE] - b[CPI_FENCE], full ? L1 - 2 : done - 2);
        cr_expect_eq(counters(r)->persist_cycles - before.persist_cycles, done - 2);
        cr_expect_eq(counters(r)->fences_waiting - before.fences_waiting, 1);
        cr_expect_eq(counters(r)->flushes - before.flushes, 1);
    }
    cr_expect_eq(r->seen[MEM_CLWB], 6);
    cr_expect_eq(r->last[MEM_CLWB].addr & 63, 0);
    cr_expect_eq(r->last[MEM_CLWB].bytes, 64);
    rig_free(r);
}

Test(inorder_mem, flushes_are_limited_and_clflush_is_ordered)
{
    struct rig *r = rig_new();
    r->cfg.flushes = 2;
    rig_core(r);
    const uint32_t stores = block(r, END_JUMP, 0);
    for (int i = 0; i < 4; i++)
        put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t weak = block(r, END_JUMP, 0);
    for (int i = 0; i < 4; i++)
        flush(r, MEM_CLWB);
    const uint32_t ordered = block(r, END_JUMP, 0);
    for (int i = 0; i < 4; i++)
        flush(r, MEM_CLFLUSH);
    start_user(r);
    uint64_t took[2] = {0};
    for (int round = 0; round < 3; round++)
        for (int kind = 0; kind < 2; kind++) {
            enter(r, stores);
            for (uint64_t i = 0; i < 4; i++)
                nv_store(r, NV + 64 * i, 0, 1);
            consume(r);
            core_inorder.drain(r->core);
            enter(r, kind ? ordered : weak);
            for (uint64_t i = 0; i < 4; i++)
                address(r, NV + 64 * i);
            const uint64_t start = now(r);
            consume(r);
            core_inorder.drain(r->core);
            took[kind] = now(r) - start;
        }
    const uint64_t one = LLC + ACCEPT;
    cr_expect_eq(took[0], 2 * one + 1, "two at a time: %lu", took[0]);
    cr_expect_eq(took[1], 4 * one, "one after the other: %lu", took[1]);
    rig_free(r);
}

Test(inorder_mem, non_temporal_stores_combine_in_a_line)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    for (int i = 0; i < 9; i++)
        put(r, UOP_NTSTORE, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t fence = block(r, END_JUMP, 0);
    put(r, UOP_FENCE, REG_NONE, REG_NONE, REG_NONE);
    const uint32_t load = block(r, END_JUMP, 0);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    start_user(r);
    enter(r, id);
    for (uint64_t i = 0; i < 9; i++)
        nv_store(r, NV + 128 + 8 * i, 0, i);
    consume(r);
    cr_expect_eq(r->seen[MEM_NTSTORE], 1, "a full line leaves, the next is begun");
    cr_expect_eq(r->last[MEM_NTSTORE].addr & 0xffff, 128);
    cr_expect_eq(r->last[MEM_NTSTORE].bytes, 64);
    cr_expect_eq(r->listed, 8, "the domain knew of all before");
    enter(r, fence);
    consume(r);
    cr_expect_eq(r->seen[MEM_NTSTORE], 2);
    cr_expect_eq(r->last[MEM_NTSTORE].addr & 0xffff, 192);
    cr_expect_eq(r->last[MEM_NTSTORE].bytes, 8);
    /* two runs in one line, sent because the line is read */
    enter(r, id);
    for (uint64_t i = 0; i < 9; i++)
        nv_store(r, NV + 256 + (i < 4 ? 0 : 32) + 8 * (i % 4), 0, i);
    consume(r);
    cr_expect_eq(r->seen[MEM_NTSTORE], 3, "all eight words of the line, then one again");
    enter(r, load);
    address(r, NV + 256 + 8);
    consume(r);
    cr_expect_eq(r->seen[MEM_NTSTORE], 4);
    cr_expect_eq(r->last[MEM_NTSTORE].bytes, 8);
    cr_expect_eq(counters(r)->nt_stores, 18);
    uint8_t line[64] = {0};
    cr_expect_eq(domain_durable_line(r->domain, r->last[MEM_NTSTORE].addr & ~UINT64_C(63),
                                     core_inorder.now(r->core) + 1000 * PERIOD, line),
                 0, "all were carried");
    rig_free(r);
}

Test(inorder_mem, the_domain_hears_of_stores_in_aligned_pieces_before_they_are_visible)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    start_user(r);
    const uint64_t old = UINT64_C(0x8877665544332211), new = UINT64_C(0x0123456789abcdef);
    uint8_t before[128], after[128];
    for (uint64_t at = 0; at < 120; at++) {
        rig_core(r);
        start_user(r);
        enter(r, id);
        nv_store(r, NV + at, old, new);
        consume(r);
        /* two words of one line, or one word in each of two lines */
        const uint32_t pieces = at % 8 && at % 64 < 56 ? 2 : 1;
        cr_expect_eq(r->listed, pieces, "offset %lu: %u", at, r->listed);
        /* undone, the bytes are the old ones */
        for (int i = 0; i < 128; i++)
            before[i] = after[i] = (uint8_t)(i * 3);
        memcpy(before + at, &old, 8);
        memcpy(after + at, &new, 8);
        const uint64_t phys = r->frames[USER][40];
        (void)domain_durable_line(r->domain, phys, core_inorder.now(r->core), after);
        (void)domain_durable_line(r->domain, phys + 64, core_inorder.now(r->core), after + 64);
        cr_expect_arr_eq(after, before, 128, "offset %lu", at);
    }
    rig_free(r);
}

/* ---- bulk operations ---- */

Test(inorder_mem, bulk_copies_go_line_by_line_and_are_pipelined)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_BULK, REG_NONE, REG_NONE, REG_NONE);
    const uint64_t a = 1 << 22, b = 2 << 22;
    start_user(r);
    uint64_t took = 0;
    for (int i = 0; i < 4; i++) {
        enter(r, id);
        bulk(r, a, b, 4096);
        took = consume(r);
        core_inorder.drain(r->core);
    }
    /* 256 loads and 256 stores of 16 bytes through one port each, two micro-ops a cycle; a load has
     * four cycles until its store commits, which nobody waits for */
    cr_expect(took >= 256 && took <= 256 + 2 * 16, "%lu", took);
    const uint64_t loads = l1d_accesses(r, MEM_LOAD), stores = l1d_accesses(r, MEM_STORE);
    const struct core_counters before = *counters(r);
    enter(r, id);
    bulk(r, a, b, 4096);
    consume(r);
    cr_expect_eq(l1d_accesses(r, MEM_LOAD) - loads, 64);
    cr_expect_eq(l1d_accesses(r, MEM_STORE) - stores, 64);
    cr_expect_eq(counters(r)->loads - before.loads, 256);
    cr_expect_eq(counters(r)->stores - before.stores, 256);
    cr_expect_eq(counters(r)->bulk_bytes - before.bulk_bytes, 4096);
    /* edges of 8 and fewer bytes: 3 + 8 to the line's end, 16, 16, 16, ... */
    enter(r, id);
    bulk(r, a + 5, 0, 64 + 3 + 7);
    consume(r);
    /* [5,79): to 8 one, to 16 one, three of 16 to 64; then [64,79): one of 8, one of 7: fewer than
     * 16 bytes remain */
    cr_expect_eq(counters(r)->stores - before.stores, 256 + 5 + 2);
    rig_free(r);
}

Test(inorder_mem, a_cold_copy_is_the_loads_fault_and_overlaps_misses)
{
    struct rig *r = rig_new();
    const uint64_t a = 1 << 22, b = 2 << 22;
    start_user(r);
    bulk(r, a, b, 4096); /* translate; code needs none: the machine's own copy */
    consume(r);
    core_inorder.drain(r->core);
    const struct core_counters before = *counters(r);
    const uint64_t start = now(r);
    bulk(r, a + 8192, b + 8192, 4096);
    consume(r);
    core_inorder.drain(r->core);
    const uint64_t took = now(r) - start;
    /* sixteen 16-byte stores fit the buffer: four lines under way */
    cr_expect(took > 64 / 4 * DRAM * 9 / 10 && took < 64 / 4 * DRAM * 12 / 10, "%lu", took);
    cr_expect_gt(counters(r)->user_cycles[CPI_DRAM] + counters(r)->user_cycles[CPI_STORE] -
                     before.user_cycles[CPI_DRAM] - before.user_cycles[CPI_STORE],
                 took * 8 / 10);
    rig_free(r);
}

Test(inorder_mem, bulk_stores_to_nvdimm_are_listed_word_by_word)
{
    struct rig *r = rig_new();
    start_user(r);
    const uint64_t phys = r->frames[USER][40];
    for (uint32_t from = 0; from < 16; from += 5)
        for (uint32_t n = 1; n < 150; n += 7) {
            uint8_t now_bytes[192], want[192];
            rig_core(r);
            start_user(r);
            bulk(r, phys + from, n % 2 ? UINT64_C(1) << 22 : 0, n);
            consume(r);
            for (uint32_t i = 0; i < 192; i++) {
                const uint64_t w = (phys + i) >> 3;
                const int inside = i >= from && i < from + n;
                now_bytes[i] = (uint8_t)(inside ? ~w >> 8 * (i % 8) : 0xaa);
                want[i] = (uint8_t)(inside ? w >> 8 * (i % 8) : 0xaa);
            }
            for (uint32_t i = 0; i < 192; i += 64)
                (void)domain_durable_line(r->domain, phys + i, core_inorder.now(r->core),
                                          now_bytes + i);
            cr_expect_arr_eq(now_bytes, want, 192, "from %u, %u bytes", from, n);
        }
    rig_free(r);
}

Test(inorder_mem, a_bulk_operation_may_fill_several_logs)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    put(r, UOP_BULK, REG_NONE, REG_NONE, REG_NONE);
    put(r, UOP_LOAD, 2, REG_NONE, REG_NONE);
    const uint32_t next = block(r, END_JUMP, 0);
    put(r, UOP_ALU, 1, REG_NONE, REG_NONE);
    uint64_t cycles[2];
    for (int split = 0; split < 2; split++) {
        rig_core(r);
        start_user(r);
        enter(r, id);
        for (uint64_t i = 0; i < 4; i++) {
            if (split)
                consume(r);
            bulk(r, (1 << 22) + 4096 * i, 0, 4096);
        }
        if (split)
            consume(r);
        event(r, EV_MARK, 1); /* marks may stand anywhere */
        address(r, 64);
        if (split)
            consume(r);
        enter(r, next);
        consume(r);
        cycles[split] = now(r);
        cr_expect_eq(counters(r)->loads, 1);
        cr_expect_eq(counters(r)->bulk_bytes, 16384);
        cr_expect_eq(counters(r)->uops, 4);
    }
    cr_expect_eq(cycles[0], cycles[1]);
    rig_free(r);
}

/* ---- translation ---- */

Test(inorder_mem, tlb_misses_walk_the_tables_and_are_charged)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    for (uint8_t kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
        r->cfg.boundary.kind = kind;
        rig_core(r);
        start_user(r);
        chase(r, id, 1, 0); /* the table's first lines and the code are in the caches now */
        chase(r, id, 1, 0);
        core_inorder.drain(r->core);
        const struct core_counters before = *counters(r);
        enter(r, id);
        address(r, 65536); /* another page, whose entry is in the same line */
        consume(r);
        const struct core_counters *after = counters(r);
        cr_expect_eq(after->tlb_misses - before.tlb_misses, 1);
        cr_expect_eq(after->walk_loads - before.walk_loads, 1);
        const uint64_t cost = after->user_cycles[CPI_TRANSLATION] -
                              before.user_cycles[CPI_TRANSLATION];
        if (kind == BOUNDARY_CALL)
            cr_expect_eq(cost, L1 - 1, "one read that hits, less the cycle of issue: %lu", cost);
        else /* its entry is 16 pages further: the next line but one */
            cr_expect_eq(cost, DRAM - 1, "%lu", cost);
    }
    rig_free(r);
}

/* ---- other memories ---- */

/* Memory n of an instance is, in the rig, the space of the n'th instance behind it. */
Test(inorder_mem, accesses_name_their_memory)
{
    struct rig *r = rig_new();
    const uint32_t id = block(r, END_JUMP, 0);
    put(r, UOP_LOAD, 1, REG_NONE, REG_NONE);
    put(r, UOP_STORE, REG_NONE, REG_NONE, REG_NONE);
    put(r, UOP_LOAD, 2, REG_NONE, REG_NONE);
    start_user(r);
    const uint64_t misses = counters(r)->tlb_misses;
    enter(r, id);
    address(r, LOG_FAR(1, 0x10040)); /* of OTHER */
    consume(r);
    cr_expect_eq(r->last[MEM_LOAD].addr & ~(uint64_t)(LINE_BYTES - 1), r->frames[OTHER][1] + 0x40);
    nv_store(r, LOG_FAR(2, 0x20080), 1, 2); /* of the instance behind that: DRAM, not tracked */
    consume(r);
    address(r, 0x10040); /* of USER itself: the same linear address, another page */
    consume(r);
    cr_expect_eq(r->last[MEM_LOAD].addr & ~(uint64_t)(LINE_BYTES - 1), r->frames[USER][1] + 0x40);
    cr_expect_geq(counters(r)->tlb_misses - misses, 3, "each has a TLB tag of its own");
    enter(r, id);
    address(r, LOG_FAR(2047, 0)); /* there is none */
    address(r, LOG_FAR(1, UINT64_C(1) << 40));
    address(r, LOG_FAR(1, 0));
    consume(r);
    cr_expect_eq(counters(r)->loads, 4);
    rig_free(r);
}
