/* test_shadow.c - what counts as pollution, access by access. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/hart.h"
#include "memhier/hierarchy.h"

static struct mem_reply memory(void *self, const struct mem_req *req)
{
    (void)self;
    return (struct mem_reply){.done = req->at + 80000, .source = SRC_DRAM};
}

/* L1s of 8 sets and 2 ways, an L2 of 16 sets and 4, TLBs of 4 entries in one set. */
static const struct hierarchy_config caches = {
    .level = {[CACHE_L1I] = {.bytes = 1024, .ways = 2, .latency = 400, .policy = "lru"},
              [CACHE_L1D] = {.bytes = 1024, .ways = 2, .latency = 1000, .policy = "lru"},
              [CACHE_L2] = {.bytes = 4096, .ways = 4, .latency = 5000, .policy = "lru"},
              [CACHE_LLC] = {.bytes = 1 << 16, .ways = 16, .latency = 20000, .policy = "lru"}},
    .harts = 1};
static const struct core_config config = {
    .branch = {.history_bits = 8, .target_entries = 16, .return_entries = 4},
    .boundary = {.kind = BOUNDARY_TRAP},
    .tlb_trap = {.l1_entries = 4, .l1_ways = 4, .l2_entries = 8, .l2_ways = 8}};

static struct core *core;

static void make(void)
{
    char err[200] = "";
    struct hierarchy_config cfg = caches;
    cfg.dram = (struct mem_port){.access = memory};
    core = calloc(1, sizeof *core);
    core->hierarchy = hierarchy_new(&cfg, err, sizeof err);
    cr_assert_not_null(core->hierarchy, "%s", err);
    core->shadow = shadow_new(&config, core->hierarchy, 0);
    cr_assert_not_null(core->shadow);
    core->roi = 1;
}

static void drop(void)
{
    shadow_free(core->shadow);
    hierarchy_free(core->hierarchy);
    free(core);
}

TestSuite(shadow, .init = make, .fini = drop);

static void load(uint64_t line, unsigned missed)
{
    shadow_access(core, MEM_LOAD, line * 64, missed);
}

Test(shadow, what_it_would_have_had_alone_is_pollution)
{
    load(1, MISSED_L1 | MISSED_L2); /* never seen: its own miss */
    cr_assert_eq(core->n.polluted_l1d + core->n.polluted_l2, 0);
    load(1, 0);
    load(1, MISSED_L1);
    cr_assert_eq(core->n.polluted_l1d, 1);
    cr_assert_eq(core->n.polluted_l2, 0);
    load(1, MISSED_L1 | MISSED_L2);
    cr_assert_eq(core->n.polluted_l1d, 2);
    cr_assert_eq(core->n.polluted_l2, 1);
    shadow_access(core, MEM_FETCH, 64,
                  MISSED_L1 | MISSED_L2); /* the shadow's L1I has not got it, its L2 does */
    cr_assert_eq(core->n.polluted_l1i, 0);
    cr_assert_eq(core->n.polluted_l2, 2);
    shadow_access(core, MEM_FETCH, 64, MISSED_L1);
    cr_assert_eq(core->n.polluted_l1i, 1);
}

Test(shadow, what_it_has_displaced_itself_is_not)
{
    for (uint64_t i = 0; i < 3; i++) /* three lines of one set of two ways */
        load(8 * i, MISSED_L1 | MISSED_L2);
    load(0, MISSED_L1);
    cr_assert_eq(core->n.polluted_l1d + core->n.polluted_l2, 0);
    load(16, MISSED_L1 | MISSED_L2); /* still in its L1 */
    cr_assert_eq(core->n.polluted_l1d, 1);
    cr_assert_eq(core->n.polluted_l2, 1);
    load(8, MISSED_L1 | MISSED_L2); /* in its L2 alone */
    cr_assert_eq(core->n.polluted_l1d, 1);
    cr_assert_eq(core->n.polluted_l2, 2);
}

Test(shadow, its_own_flushes_count_for_nothing)
{
    load(1, MISSED_L1 | MISSED_L2);
    shadow_access(core, MEM_CLFLUSH, 64, MISSED_L1 | MISSED_L2);
    load(1, MISSED_L1 | MISSED_L2);
    cr_assert_eq(core->n.polluted_l1d + core->n.polluted_l2, 0);
}

Test(shadow, nothing_is_counted_outside_the_region)
{
    core->roi = 0;
    load(1, MISSED_L1 | MISSED_L2);
    load(1, MISSED_L1 | MISSED_L2);
    cr_assert_eq(core->n.polluted_l1d + core->n.polluted_l2, 0);
    core->roi = 1; /* but it has learned */
    load(1, MISSED_L1 | MISSED_L2);
    cr_assert_eq(core->n.polluted_l1d, 1);
}

static void page(uint64_t key, enum tlb_found found)
{
    shadow_page(core, 0, key);
    shadow_page_found(core, found);
}

Test(shadow, pages_likewise)
{
    page(1, TLB_MISS);
    cr_assert_eq(core->n.polluted_tlb, 0);
    page(1, TLB_L2);
    cr_assert_eq(core->n.polluted_tlb, 1);
    cr_assert_eq(core->n.polluted_walks, 0);
    page(1, TLB_MISS);
    cr_assert_eq(core->n.polluted_tlb, 2);
    cr_assert_eq(core->n.polluted_walks, 1);
    for (uint64_t key = 2; key < 6; key++) /* out of its first level */
        page(key, TLB_MISS);
    page(1, TLB_MISS);
    cr_assert_eq(core->n.polluted_tlb, 2);
    cr_assert_eq(core->n.polluted_walks, 2);
}

Test(shadow, branches_are_predicted_by_user_code_alone)
{
    core->ending = (struct ending){.end = END_COND, .taken = 7, .next = 8, .pc = 400};
    for (int i = 0; i < 20; i++)
        shadow_branch(core, 7);
    cr_assert_eq(core->shadow->wrong, 0);
    shadow_branch(core, 8);
    cr_assert_eq(core->shadow->wrong, 1);
}

Test(shadow, a_line_on_its_way_is_no_miss)
{
    const struct mem_req req = {.addr = 640, .bytes = 8, .kind = MEM_LOAD};
    for (int i = 0; i < 3; i++) { /* all at time 0: the first one's line comes much later */
        core->req = req;
        cr_assert_eq(shadow_request(core).source, SRC_DRAM);
    }
    cr_assert_eq(core->n.polluted_l1d + core->n.polluted_l2, 0);
}
