/* test_boundary.c - the steps of crossings: which there are under each switch, and address spaces.
 */
#include <criterion/criterion.h>

#include "cpu/boundary.h"

static const struct boundary_config trap = {.kind = BOUNDARY_TRAP,
                                            .pcid = 1,
                                            .entry_cycles = 80,
                                            .exit_cycles = 70,
                                            .saved_registers = 16,
                                            .cr3_cycles = 180,
                                            .ibpb_cycles = 1300,
                                            .l1d_flush_cycles = 500,
                                            .verw_cycles = 450};

struct sums {
    uint32_t cycles, stores, loads, flushes, global_flushes, barriers, store_drains, drains;
};

static struct sums sum(const struct boundary_step *s, uint32_t n)
{
    struct sums r = {0};
    cr_assert_leq(n, BOUNDARY_STEPS);
    for (uint32_t i = 0; i < n; i++) {
        r.cycles += s[i].kind == STEP_CYCLES ? s[i].n : 0;
        r.stores += s[i].kind == STEP_STORES ? s[i].n : 0;
        r.loads += s[i].kind == STEP_LOADS ? s[i].n : 0;
        r.flushes += s[i].kind == STEP_FLUSH_TLB;
        r.global_flushes += s[i].kind == STEP_FLUSH_TLB && s[i].n;
        r.barriers += s[i].kind == STEP_BARRIER;
        r.store_drains += s[i].kind == STEP_DRAIN_STORES;
        r.drains += s[i].kind == STEP_DRAIN;
    }
    return r;
}

static struct sums enter(const struct boundary_config *cfg)
{
    struct boundary_step s[BOUNDARY_STEPS];
    return sum(s, boundary_enter(cfg, 3, 1, 2, s));
}

static struct sums leave(const struct boundary_config *cfg)
{
    struct boundary_step s[BOUNDARY_STEPS];
    return sum(s, boundary_leave(cfg, 3, 2, s));
}

Test(boundary, call_is_a_few_loads_and_no_fixed_cost)
{
    struct boundary_config call = trap;
    call.kind = BOUNDARY_CALL;
    call.kpti = call.verw = call.l1d_flush = call.ibpb = 1; /* switches of the other form */
    const struct sums in = enter(&call), out = leave(&call);
    cr_expect_eq(in.cycles + out.cycles, 0);
    cr_expect_eq(in.stores, 1);
    cr_expect_eq(in.loads, 3);
    cr_expect_eq(out.loads, 2);
    cr_expect_eq(out.stores, 0);
    cr_expect_eq(in.drains + out.drains + in.flushes + out.flushes, 0);
    struct boundary_step s[BOUNDARY_STEPS];
    cr_expect_eq(boundary_process(&call, s), 0);
    cr_expect_eq(boundary_asid(&call, 7, 0), boundary_asid(&call, 8, 1), "one address space");
}

Test(boundary, trap_pays_for_each_switch_that_is_on)
{
    struct boundary_config c = trap;
    struct sums in = enter(&c), out = leave(&c);
    cr_expect_eq(in.cycles, 80);
    cr_expect_eq(in.stores, 16);
    cr_expect_eq(in.drains, 1);
    cr_expect_eq(in.store_drains, 0, "entry alone does not wait for the store buffer");
    cr_expect_eq(out.cycles, 70);
    cr_expect_eq(out.loads, 16);

    c.kpti = 1;
    in = enter(&c), out = leave(&c);
    cr_expect_eq(in.cycles, 80 + 180);
    cr_expect_eq(out.cycles, 70 + 180);
    cr_expect_eq(in.store_drains, 1, "a page-table switch does");
    cr_expect_eq(in.flushes + out.flushes, 0, "with pcid");
    c.pcid = 0;
    in = enter(&c), out = leave(&c);
    cr_expect_eq(in.global_flushes, 1);
    cr_expect_eq(out.global_flushes, 1);

    c = trap;
    c.verw = 1;
    cr_expect_eq(leave(&c).cycles, 70 + 450);
    c.l1d_flush = 1;
    cr_expect_eq(leave(&c).cycles, 70 + 450 + 500);
    cr_expect_eq(leave(&c).loads, 16 + 65536 / 64, "a 64 KiB buffer, each line once");
    cr_expect_eq(enter(&c).cycles, 80, "at exit only");
}

Test(boundary, switches_of_process_and_thread)
{
    struct boundary_config c = trap;
    struct boundary_step s[BOUNDARY_STEPS];
    struct sums p = sum(s, boundary_process(&c, s));
    cr_expect_eq(p.cycles, 180);
    cr_expect_eq(p.flushes, 0);
    c.pcid = 0;
    c.ibpb = 1;
    p = sum(s, boundary_process(&c, s));
    cr_expect_eq(p.cycles, 180 + 1300);
    cr_expect_eq(p.flushes, 1);
    cr_expect_eq(p.global_flushes, 0, "global entries stay");
    cr_expect_eq(p.barriers, 1);
    for (int kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
        c.kind = (uint8_t)kind;
        p = sum(s, boundary_thread(&c, 4, 5, s));
        cr_expect_eq(p.stores, 16);
        cr_expect_eq(p.loads, 16);
        cr_expect_neq(s[0].addr, s[1].addr, "each thread has its own place");
    }
}

Test(boundary, address_space_tags)
{
    struct boundary_config c = trap;
    cr_expect_eq(boundary_asid(&c, 4, 1), 0, "kernel pages are global");
    cr_expect_neq(boundary_asid(&c, 4, 0), 0);
    cr_expect_neq(boundary_asid(&c, 4, 0), boundary_asid(&c, 5, 0));
    c.kpti = 1;
    cr_expect_neq(boundary_asid(&c, 4, 1), 0, "not under kpti");
    cr_expect_neq(boundary_asid(&c, 4, 1), boundary_asid(&c, 4, 0));
    cr_expect_neq(boundary_asid(&c, 4, 1), boundary_asid(&c, 5, 1));
    cr_expect_neq(boundary_asid(&c, 4, 1), boundary_asid(&c, 5, 0));
}

Test(boundary, the_machine_own_data_lies_where_no_frames_are)
{
    const uint64_t ends[] = {crossing_thread(UINT32_MAX) + CROSSING_THREAD_BYTES,
                             crossing_record(UINT32_MAX) + LINE_BYTES,
                             CROSSING_FLUSH_BUFFER + CROSSING_FLUSH_BYTES};
    for (int i = 0; i < 3; i++)
        cr_expect(ends[i] > PAGE_TABLE_BASE && ends[i] <= NVDIMM_BASE);
    cr_expect_leq(crossing_thread(UINT32_MAX), CROSSING_RECORDS);
    cr_expect_leq(crossing_record(UINT32_MAX), CROSSING_FLUSH_BUFFER);
}
