/* test_hierarchy_time.c - times of the caches that can be worked out by hand. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "memhier/hierarchy.h"

#define MEMORY UINT64_C(80000)
#define SNOOP  UINT64_C(30000)
#define L1     UINT64_C(1000)
#define L2     UINT64_C(5000)
#define LLC    UINT64_C(20000)
#define FAR    UINT64_C(1000000000) /* later than all that came before */

static struct mem_reply memory(void *self, const struct mem_req *req)
{
    ++*(uint64_t *)self;
    return (struct mem_reply){.done = req->at + MEMORY, .source = SRC_DRAM};
}

static const struct hierarchy_config config = {
    .level = {[CACHE_L1I] = {.bytes = 32768, .ways = 8, .latency = 400, .policy = "lru"},
              [CACHE_L1D] = {.bytes = 32768, .ways = 8, .latency = L1, .policy = "lru"},
              [CACHE_L2] = {.bytes = 1 << 18, .ways = 8, .latency = L2, .policy = "lru"},
              [CACHE_LLC] = {.bytes = 1 << 20, .ways = 16, .latency = LLC, .policy = "lru"}},
    .snoop = SNOOP};

static uint64_t memory_accesses;

static struct hierarchy *make(struct hierarchy_config cfg, uint32_t harts)
{
    char err[200] = "";
    memory_accesses = 0;
    cfg.harts = harts;
    cfg.dram = (struct mem_port){.access = memory, .self = &memory_accesses};
    cfg.nvdimm = cfg.dram;
    struct hierarchy *h = hierarchy_new(&cfg, err, sizeof err);
    cr_assert_not_null(h, "%s", err);
    return h;
}

static ps_t ask(struct hierarchy *h, uint32_t hart, enum mem_kind kind, uint64_t line, ps_t at)
{
    const struct mem_req req = {
        .addr = line * 64, .at = at, .bytes = 8, .kind = (uint8_t)kind, .hart = (uint8_t)hart};
    return hierarchy_access(h, &req).done;
}

Test(hierarchy_time, a_chain_of_l2_hits_costs_so_many_latencies)
{
    struct hierarchy *h = make(config, 1);
    ps_t now = 0;
    for (uint64_t i = 0; i < 2048; i++) /* 128 KiB: four times the L1D, half the L2 */
        ask(h, 0, MEM_LOAD, i, 0);
    now = FAR;
    for (uint64_t i = 0; i < 2048; i++)
        now = ask(h, 0, MEM_LOAD, i, now);
    cr_assert_eq(now, FAR + 2048 * (L1 + L2));
    cr_assert_eq(memory_accesses, 2048);
    hierarchy_free(h);
}

Test(hierarchy_time, independent_misses_overlap_up_to_the_registers)
{
    static const struct {
        enum cache_level level;
        ps_t before, held; /* until a register is asked for; while it is held */
    } levels[] = {{CACHE_L1D, L1, L2 + LLC + MEMORY},
                  {CACHE_L2, L1 + L2, LLC + MEMORY},
                  {CACHE_LLC, L1 + L2 + LLC, MEMORY}};
    for (int l = 0; l < 3; l++)
        for (uint32_t mshrs = 1; mshrs <= 16; mshrs += 5) {
            struct hierarchy_config cfg = config;
            cfg.level[levels[l].level].mshrs = mshrs;
            struct hierarchy *h = make(cfg, 1);
            for (uint64_t i = 0; i < 200; i++) {
                const ps_t want = levels[l].before + (i / mshrs + 1) * levels[l].held;
                cr_assert_eq(ask(h, 0, MEM_LOAD, i, 0), want);
                cr_assert_eq(ask(h, 0, MEM_LOAD, i, 10), want, "a second miss waits for it");
            }
            const struct cache_counters *n = hierarchy_counters(h, levels[l].level, 0);
            cr_assert_eq(n->mshr_full, 200 - mshrs);
            cr_assert_eq(memory_accesses, 200);
            n = hierarchy_counters(h, CACHE_L1D, 0);
            cr_assert_eq(n->merges, 200);
            hierarchy_free(h);
        }
}

Test(hierarchy_time, harts_that_write_one_line_pay_one_transfer_each)
{
    for (uint32_t harts = 2; harts <= 64; harts *= 2) {
        struct hierarchy *h = make(config, harts);
        const ps_t miss = L1 + L2 + LLC + MEMORY, transfer = L1 + L2 + LLC + SNOOP;
        /* all at once: each gets it when the one before has had it */
        for (uint32_t i = 0; i < harts; i++)
            cr_assert_eq(ask(h, i, MEM_STORE, 7, 0), miss + i * SNOOP);
        /* one after the other */
        ps_t now = FAR;
        for (uint32_t i = 0; i < 3 * harts; i++)
            now = ask(h, i % harts, MEM_STORE, 7, now);
        cr_assert_eq(now, FAR + 3 * harts * transfer);
        cr_assert_eq(memory_accesses, 1);
        uint64_t dirty = 0, lost = 0;
        for (uint32_t i = 0; i < harts; i++) {
            dirty += hierarchy_coherence(h, i)->forwards_dirty;
            lost += hierarchy_coherence(h, i)->invalidated;
        }
        cr_assert_eq(dirty, 4 * harts - 1);
        cr_assert_eq(lost, 4 * harts - 1);
        hierarchy_free(h);
    }
}

Test(hierarchy_time, what_sharing_costs)
{
    struct hierarchy *h = make(config, 4);
    const ps_t llc = L1 + L2 + LLC;
    ps_t t = FAR;
    ask(h, 0, MEM_LOAD, 3, 0);
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, t), t + L1, "E is written without asking");
    t += FAR;
    cr_assert_eq(ask(h, 1, MEM_LOAD, 3, t), t + llc + SNOOP, "a dirty line of another hart");
    t += FAR;
    cr_assert_eq(ask(h, 2, MEM_LOAD, 3, t), t + llc, "in S, and the LLC has it");
    t += FAR;
    cr_assert_eq(ask(h, 0, MEM_LOAD, 3, t), t + L1, "the first one has kept it");
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, t), t + llc + SNOOP, "an upgrade");
    t += FAR;
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, t), t + L1);
    cr_assert_eq(ask(h, 3, MEM_CLWB, 3, t), t + SNOOP + llc + MEMORY, "others are asked");
    t += FAR;
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, t), t + L1, "who still own it");
    cr_assert_eq(ask(h, 3, MEM_CLFLUSH, 3, t), t + SNOOP + llc + MEMORY);
    t += FAR;
    cr_assert_eq(ask(h, 0, MEM_LOAD, 3, t), t + llc + MEMORY);
    cr_assert_eq(hierarchy_coherence(h, 0)->upgrades, 1);
    cr_assert_eq(hierarchy_coherence(h, 0)->downgrades, 1);
    hierarchy_free(h);
}

/* Whoever asks for a line that is being handed over waits until that is done. */
Test(hierarchy_time, a_handover_is_waited_for)
{
    static const enum mem_kind first[] = {MEM_LOAD, MEM_STORE},
                               then[] = {MEM_STORE, MEM_CLWB, MEM_CLFLUSH};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++) {
            struct hierarchy *h = make(config, 3);
            const ps_t over = FAR + L1 + L2 + LLC + SNOOP;
            ask(h, 0, MEM_STORE, 3, 0);
            cr_assert_eq(ask(h, 1, first[i], 3, FAR), over);
            const ps_t done = ask(h, 2, then[k], 3, FAR);
            if (then[k] == MEM_STORE)
                cr_assert_eq(done, over + SNOOP);
            else
                cr_assert_geq(done, over + SNOOP + MEMORY, "%d %d", i, k);
            hierarchy_free(h);
        }
}

Test(hierarchy_time, lookups_of_a_slice_are_an_interval_apart)
{
    struct hierarchy_config cfg = config;
    cfg.level[CACHE_LLC].interval = 2000;
    cfg.level[CACHE_L2].interval = 700;
    struct hierarchy *h = make(cfg, 4);
    for (uint64_t i = 0; i < 32; i++) /* four slices, by the lines' low bits */
        cr_assert_eq(ask(h, (uint32_t)i % 4, MEM_LOAD, i, 0),
                     L1 + L2 + LLC + MEMORY + i / 4 * 2000);
    for (uint64_t i = 0; i < 8; i++)
        cr_assert_eq(ask(h, 0, MEM_FETCH, i * 4, FAR), FAR + 400 + i * 700 + L2);
    hierarchy_free(h);
}

Test(hierarchy_time, a_write_that_goes_through_is_posted)
{
    struct hierarchy_config cfg = config;
    cfg.level[CACHE_L1D].through = 1;
    struct hierarchy *h = make(cfg, 1);
    ask(h, 0, MEM_LOAD, 3, 0);
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, FAR), FAR + L1);
    cr_assert_eq(hierarchy_held(h, CACHE_L1D, 0, 3 * 64) & HELD_DIRTY, 0);
    cr_assert_neq(hierarchy_held(h, CACHE_L2, 0, 3 * 64) & HELD_DIRTY, 0);
    hierarchy_free(h);
    cfg.level[CACHE_L1D].no_allocate = 1;
    h = make(cfg, 1);
    cr_assert_eq(ask(h, 0, MEM_STORE, 3, FAR), FAR + L1 + L2 + LLC + MEMORY);
    cr_assert_eq(hierarchy_held(h, CACHE_L1D, 0, 3 * 64), 0);
    hierarchy_free(h);
}

Test(hierarchy_time, flushes_go_to_their_home_and_ask_from_there)
{
    const ps_t home = 50000, probe = 70000, found = L1 + L2 + LLC;
    struct hierarchy_config cfg = config;
    cfg.home = home;
    cfg.probe = probe;
    for (uint32_t harts = 1; harts <= 2; harts++) {
        struct hierarchy *h = make(cfg, harts);
        cr_assert_eq(ask(h, 0, MEM_CLWB, 1, 0), found + home, "no cache has it");
        ask(h, 0, MEM_LOAD, 2, 0);
        cr_assert_eq(ask(h, 0, MEM_CLWB, 2, FAR), FAR + found + home + probe, "it is clean");
        ask(h, 0, MEM_STORE, 3, 0);
        const ps_t dirty = FAR + found + home / 2 + probe + MEMORY;
        cr_assert_eq(ask(h, 0, MEM_CLFLUSH, 3, FAR), dirty, "its data goes on to the memory");
        ask(h, 0, MEM_STORE, 4, 0);
        cr_assert_eq(ask(h, 0, MEM_CLWB, 4, 2 * FAR), dirty + FAR);
        cr_assert_eq(ask(h, 0, MEM_CLWB, 4, 2 * FAR), dirty + FAR + probe + home / 2,
                     "one after the other");
        cr_assert_eq(hierarchy_held(h, CACHE_L1D, 0, 4 * 64) & HELD, HELD);
        hierarchy_free(h);
    }
}

Test(hierarchy_time, clwb_may_leave_the_line_in_the_llc_alone)
{
    char err[200] = "";
    struct hierarchy_config cfg = config;
    cfg.clwb_to_llc = 1;
    for (int inclusion = LLC_NON_INCLUSIVE; inclusion <= LLC_EXCLUSIVE; inclusion++)
        for (uint32_t harts = 1; harts <= 3; harts += 2) {
            cfg.inclusion = (enum llc_inclusion)inclusion;
            struct hierarchy *h = make(cfg, harts);
            ask(h, harts - 1, MEM_STORE, 5, 0);
            ask(h, 0, MEM_CLWB, 5, FAR);
            cr_assert_eq(hierarchy_held(h, CACHE_L1D, harts - 1, 5 * 64), 0);
            cr_assert_eq(hierarchy_held(h, CACHE_L2, harts - 1, 5 * 64), 0);
            cr_assert_eq(hierarchy_held(h, CACHE_LLC, 0, 5 * 64), HELD);
            cr_assert_eq(hierarchy_check(h, err, sizeof err), 0, "%s", err);
            cr_assert_eq(ask(h, 0, MEM_LOAD, 5, 2 * FAR), 2 * FAR + L1 + L2 + LLC);
            hierarchy_free(h);
        }
}

/* A line that has left the private caches before it was there: the LLC knows when it comes. */
Test(hierarchy_time, the_llc_knows_what_is_under_way)
{
    struct hierarchy *h = make(config, 1);
    const ps_t there = L1 + L2 + LLC + MEMORY;
    for (uint64_t i = 0; i <= 8; i++) /* one set of the L1D and of the L2 */
        ask(h, 0, MEM_LOAD, i * 512, 0);
    cr_assert_eq(ask(h, 0, MEM_LOAD, 0, 10), there);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_LLC, 0);
    cr_assert_eq(n->merges, 1);
    cr_assert_eq(memory_accesses, 9);
    hierarchy_free(h);
}

/* Two harts that have a line in S write it at once: the second asks when the first is done. */
Test(hierarchy_time, an_upgrade_is_waited_for)
{
    struct hierarchy *h = make(config, 2);
    ask(h, 0, MEM_LOAD, 5, 0);
    ask(h, 1, MEM_LOAD, 5, FAR);
    const ps_t upgraded = 2 * FAR + L1 + L2 + LLC + SNOOP;
    cr_assert_eq(ask(h, 0, MEM_STORE, 5, 2 * FAR), upgraded);
    cr_assert_eq(ask(h, 1, MEM_STORE, 5, 2 * FAR), upgraded + SNOOP);
    hierarchy_free(h);
}

/* Nobody waits for a write on its way down, but it takes its turn at each level. */
Test(hierarchy_time, writes_take_their_turn_at_l2_and_llc)
{
    const ps_t interval = 7000;
    struct hierarchy_config cfg = config;
    cfg.level[CACHE_L1D].through = 1;
    cfg.level[CACHE_L2].interval = interval;
    struct hierarchy *h = make(cfg, 1);
    ask(h, 0, MEM_LOAD, 5, 0);
    cr_assert_eq(ask(h, 0, MEM_STORE, 5, FAR), FAR + L1);
    cr_assert_eq(ask(h, 0, MEM_LOAD, 6, FAR), FAR + L1 + interval + L2 + LLC + MEMORY);
    hierarchy_free(h);

    cfg.level[CACHE_L2].interval = 0;
    cfg.level[CACHE_L2].through = 1;
    cfg.level[CACHE_LLC].interval = interval;
    h = make(cfg, 1);
    ask(h, 0, MEM_LOAD, 5, 0);
    cr_assert_eq(ask(h, 0, MEM_STORE, 5, FAR), FAR + L1);
    cr_assert_eq(ask(h, 0, MEM_LOAD, 6, FAR - L2), FAR + L1 + interval + LLC + MEMORY);
    hierarchy_free(h);
}
