/* test_ooo_fuse.c - the out-of-order core: what is one micro-op, what is renamed, and on which
 * ports and how long the rest is. */
#include "tests/core_rig.h"

/* ---- fusion ---- */

Test(ooo, fused_micro_ops_take_one_place)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 2;
    r->cfg.window.ports[UOP_ALU] = 0xf;
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 100; i++) {
        put(r, UOP_LOAD, 500, REG_NONE, REG_NONE);
        put(r, UOP_ALU, (uint16_t)(1 + i), 500, REG_NONE);
    }
    uint64_t took[3];
    for (int k = 0; k < 3; k++) {
        r->cfg.window.fuse_loads = k != 0;
        r->funcs[0].temps = k == 2 ? 501 : 400; /* the value is a local: others may want it */
        rig_core(r);
        start_user(r);
        for (int i = 0; i < 4; i++)
            took[k] = chase(r, id, 100, 0);
    }
    cr_expect_eq(took[0], 100);
    cr_expect_eq(took[1], 50);
    cr_expect_eq(took[2], 100);
    cr_expect_eq(counters(r)->fused, 0);
    const uint32_t loop = block(r, END_COND, 0);
    for (int i = 0; i < 7; i++)
        put(r, UOP_ALU, 2, REG_NONE, REG_NONE);
    put(r, UOP_BRANCH, REG_NONE, 2, REG_NONE);
    r->blocks[loop].taken = loop;
    for (uint8_t fuse = 0; fuse < 2; fuse++) {
        r->cfg.width = 1;
        r->cfg.window.fuse_branches = fuse;
        rig_core(r);
        start_user(r);
        for (int i = 0; i < 20; i++)
            steady(r, loop);
        cr_expect_eq(steady(r, loop), fuse ? 8 : 9);
    }
    rig_free(r);
}

static void put_alu(struct rig *r, enum alu_kind kind, uint16_t dst, uint16_t a, uint16_t b)
{
    put(r, UOP_ALU, dst, a, b)->info = (uint8_t)kind;
}

static uint64_t cycles_of(struct rig *r, uint32_t id)
{
    rig_core(r);
    start_user(r);
    return steady(r, id);
}

Test(ooo, copies_and_short_sums_may_be_renamed)
{
    struct rig *r = rig_new_of(&core_ooo);
    struct window_config *w = &r->cfg.window;
    r->cfg.width = 6;
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 100; i++) { /* a chain of 300, a third of it copies */
        put_alu(r, ALU_USUAL, 1, 1, REG_NONE);
        put_alu(r, ALU_COPY, 2, 1, REG_NONE);
        put_alu(r, ALU_ADD_SHORT, 1, 2, REG_NONE);
    }
    for (uint8_t k = 0; k < 4; k++) {
        w->rename_copies = k & 1;
        w->rename_sums = k >> 1;
        cr_expect_eq(cycles_of(r, id), 300 - 100 * (k & 1) - 100 * (k >> 1), "%u", k);
    }
    /* they take no ports, but places in dispatch */
    const uint32_t copies = block(r, END_FALL, 0);
    for (int i = 0; i < 600; i++)
        put_alu(r, ALU_COPY, (uint16_t)(10 + i), 1, REG_NONE);
    cr_expect_eq(cycles_of(r, copies), 100);
    w->rename_copies = 0;
    cr_expect_eq(cycles_of(r, copies), 300, "two ports");
    rig_free(r);
}

Test(ooo, shifts_have_ports_of_their_own)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 6;
    r->cfg.window.ports[UOP_ALU] = 0xf;
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 120; i++)
        put_alu(r, i % 2 ? ALU_SHIFT : ALU_SCALE, (uint16_t)(1 + i), 0, REG_NONE);
    cr_expect_eq(cycles_of(r, id), 30, "those of all arithmetic");
    r->cfg.window.ports_shift = 0x3;
    cr_expect_eq(cycles_of(r, id), 60);
    const uint32_t mixed = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 120; i++)
        put_alu(r, i % 2 ? ALU_SHIFT : ALU_USUAL, (uint16_t)(1 + i), 0, REG_NONE);
    cr_expect_eq(cycles_of(r, mixed), 30);
    rig_free(r);
}

Test(ooo, a_shift_and_the_sum_behind_it_may_be_one)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.width = 6;
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 100; i++) {
        put_alu(r, ALU_SCALE, 500, 1, REG_NONE);
        put_alu(r, ALU_ADD, 1, 2, 500);
    }
    for (uint32_t cycles = 0; cycles < 4; cycles++) {
        r->cfg.window.scale_add = cycles;
        r->funcs[0].temps = 400;
        cr_expect_eq(cycles_of(r, id), cycles ? 100 * cycles : 200, "%u", cycles);
        cr_expect_eq(counters(r)->fused, cycles ? 500 : 0);
        r->funcs[0].temps = 501; /* the value is a local: others may want it */
        cr_expect_eq(cycles_of(r, id), 200);
    }
    rig_free(r);
}

/* Quotients and roots that are ready, by turns: one unit, busy for the time of each. */
Test(ooo, roots_and_quotients_share_a_unit)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.window.fdiv_busy = 4;
    r->cfg.window.fsqrt_busy = 9;
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 100; i++) {
        put(r, UOP_FDIV, (uint16_t)(10 + i), 1, REG_NONE);
        put(r, UOP_FSQRT, (uint16_t)(10 + i), 1, REG_NONE);
    }
    const uint64_t took = cycles_of(r, id);
    cr_expect(took >= 1300 && took < 1330, "%lu", took);
    rig_free(r);
}

/* Pairs of a division that is ready and one that waits for it: those of the next pairs go between.
 */
Test(ooo, divisions_that_wait_let_younger_ones_go_first)
{
    struct rig *r = rig_new_of(&core_ooo);
    r->cfg.window.fdiv_busy = 5;
    r->cfg.window.rob = 512;
    const uint32_t id = block(r, END_FALL, 0);
    for (uint16_t i = 0; i < 100; i++) {
        put(r, UOP_FDIV, (uint16_t)(10 + i), 1, REG_NONE);
        put(r, UOP_FADD, (uint16_t)(10 + i), (uint16_t)(10 + i), REG_NONE);
        put(r, UOP_FDIV, (uint16_t)(10 + i), (uint16_t)(10 + i), REG_NONE);
    }
    const uint64_t took = cycles_of(r, id);
    cr_expect(took >= 1000 && took < 1150, "%lu, and 23 a pair one after the other", took);
    rig_free(r);
}

Test(ooo, loads_into_vector_registers_may_take_longer)
{
    struct rig *r = rig_new_of(&core_ooo);
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 100; i++)
        put(r, UOP_LOAD, 1, 1, REG_NONE)->flags = i % 2 ? UOP_VECTOR : 0;
    for (uint32_t more = 0; more < 4; more++) {
        r->cfg.window.vector_load = more;
        rig_core(r);
        start_user(r);
        chase(r, id, 100, 0);
        cr_expect_eq(chase(r, id, 100, 0), 100 * 4 + 50 * more);
    }
    rig_free(r);
}

/* A round of 120 loads or stores of one word each, all in the L1D. */
static uint64_t accesses(struct rig *r, enum uop_class class, int vector)
{
    r->nblocks = 1;
    r->nuops = 0;
    const uint32_t id = block(r, END_FALL, 0);
    for (int i = 0; i < 120; i++)
        put(r, class, class == UOP_LOAD ? 1 : REG_NONE, REG_NONE, REG_NONE)->flags =
            vector ? UOP_VECTOR : 0;
    rig_core(r);
    start_user(r);
    uint64_t took = 0;
    for (int k = 0; k < 6; k++)
        took = chase(r, id, 120, 8);
    return took;
}

Test(ooo, vector_registers_have_ports_of_their_own)
{
    struct rig *r = rig_new_of(&core_ooo);
    struct window_config *w = &r->cfg.window;
    r->cfg.width = 8;
    r->cfg.store_buffer = 64;
    w->line_commits = 8;
    w->ports[UOP_LOAD] = 0x70;
    w->ports[UOP_STORE] = 0x60;
    for (int own = 0; own < 2; own++) {
        w->ports_vector_load = own ? 0x30 : 0;
        w->ports_vector_store = own ? 0x40 : 0;
        cr_expect_eq(accesses(r, UOP_LOAD, 0), 40);
        cr_expect_eq(accesses(r, UOP_LOAD, 1), own ? 60 : 40);
        cr_expect_eq(accesses(r, UOP_STORE, 0), 60);
        cr_expect_eq(accesses(r, UOP_STORE, 1), own ? 120 : 60);
    }
    rig_free(r);
}
