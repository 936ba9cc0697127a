/* test_tlb.c - TLBs against a plain model of exact LRU sets, and the addresses of page walks. */
#include <criterion/criterion.h>

#include "cpu/tlb.h"

static const struct tlb_config small = {
    .l1_entries = 16, .l1_ways = 4, .l2_entries = 96, .l2_ways = 6, .l2_cycles = 7};

/* A level written plainly: each entry has the time of its last use. */
struct plain {
    uint32_t sets, ways;
    struct {
        uint64_t key, used;
    } e[128];
};

static int plain_touch(struct plain *p, uint64_t key, uint64_t now)
{
    const uint32_t set = (uint32_t)((key ^ key >> 30) % p->sets);
    uint32_t victim = set * p->ways;
    for (uint32_t i = set * p->ways; i < (set + 1) * p->ways; i++) {
        if (p->e[i].used && p->e[i].key == key) {
            p->e[i].used = now;
            return 1;
        }
        if (p->e[i].used < p->e[victim].used)
            victim = i;
    }
    p->e[victim].key = key;
    p->e[victim].used = now;
    return 0;
}

static void plain_flush(struct plain *p, int global_too)
{
    for (uint32_t i = 0; i < p->sets * p->ways; i++)
        if (global_too || p->e[i].key >> 47)
            p->e[i].used = 0;
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

Test(tlb, both_levels_are_exact_lru_in_sets)
{
    struct tlb t;
    struct plain code = {.sets = 4, .ways = 4}, data = code, l2 = {.sets = 16, .ways = 6};
    uint64_t seed = 1;
    int found[3] = {0};
    cr_assert_eq(tlb_init(&t, &small, BOUNDARY_TRAP), 0);
    for (uint64_t now = 1; now < 200000; now++) {
        const uint64_t tag = tlb_tag((uint32_t)(draw(&seed) % 3), (uint32_t)(draw(&seed) % 2 + 1));
        const uint64_t key = tlb_key(&t, tag, draw(&seed) % (40 * 4096));
        struct plain *first = draw(&seed) % 4 ? &data : &code;
        struct tlb_level *level = first == &data ? &t.data : &t.code;
        if (draw(&seed) % 5000 == 0) {
            const int all = (int)(draw(&seed) % 2);
            tlb_flush(&t, all);
            plain_flush(&code, all);
            plain_flush(&data, all);
            plain_flush(&l2, all);
        }
        const enum tlb_found want = plain_touch(first, key, now) ? TLB_L1
                                    : plain_touch(&l2, key, now) ? TLB_L2
                                                                 : TLB_MISS;
        if (tlb_again(level, key))
            cr_assert_eq(want, TLB_L1, "the inline check, access %lu", now);
        cr_assert_eq(tlb_lookup(&t, level, key), want, "access %lu", now);
        cr_assert(tlb_again(level, key));
        found[want]++;
    }
    for (int i = 0; i < 3; i++)
        cr_expect_gt(found[i], 1000, "the stream must reach every case");
    tlb_free(&t);
}

Test(tlb, call_form_walks_one_entry_of_the_frame_table)
{
    struct tlb t;
    uint64_t reads[TLB_LEVELS];
    cr_assert_eq(tlb_init(&t, &small, BOUNDARY_CALL), 0);
    cr_expect_eq(t.has_l2, 0);
    const uint64_t table = PAGE_TABLE_BASE + 5 * (16u << 20);
    const uint64_t key = tlb_key(&t, tlb_tag(0, 5), 0x12345678);
    cr_assert_eq(tlb_walk(&t, key, table, reads), 1);
    cr_expect_eq(reads[0], table + 0x1234 * 8, "64 KiB pages, 8 bytes each");
    const uint64_t physical = tlb_key(&t, tlb_tag(0, TLB_PHYSICAL), NVDIMM_BASE + 0x30000);
    cr_assert_eq(tlb_walk(&t, physical, table, reads), 1);
    cr_expect_eq(reads[0], TLB_PHYSICAL_TABLES + ((NVDIMM_BASE + 0x30000) >> 16) * 8);
    cr_expect_neq(tlb_key(&t, tlb_tag(0, 1), 0x10000), tlb_key(&t, tlb_tag(0, 2), 0x10000));
    tlb_free(&t);
}

Test(tlb, trap_form_walks_four_levels_and_caches_the_upper_ones)
{
    struct tlb t;
    uint64_t a[TLB_LEVELS], b[TLB_LEVELS];
    cr_assert_eq(tlb_init(&t, &small, BOUNDARY_TRAP), 0);
    const uint64_t table = PAGE_TABLE_BASE + 3 * (16u << 20), slice_end = table + (16u << 20);
    const uint64_t tag = tlb_tag(1, 3);
    cr_assert_eq(tlb_walk(&t, tlb_key(&t, tag, 0x403000), table, a), 4);
    cr_expect_eq(a[3], table + 0x403 * 8, "last level: 8 bytes a page of 4 KiB");
    for (int i = 0; i < 4; i++) {
        cr_expect(a[i] >= table && a[i] < slice_end, "level %d stays in the memory's slice", i);
        for (int j = 0; j < i; j++)
            cr_expect_neq(a[i] >> 12, a[j] >> 12, "levels are different tables");
    }
    cr_assert_eq(tlb_walk(&t, tlb_key(&t, tag, 0x404000), table, b), 1, "same 2 MiB: cached");
    cr_expect_eq(b[0], a[3] + 8, "the neighbour is next to it");
    cr_assert_eq(tlb_walk(&t, tlb_key(&t, tag, 0x603000), table, b), 4, "another 2 MiB");
    cr_expect_eq(b[2], a[2] + 8);
    cr_expect_eq(b[1], a[1], "of the same gigabyte");
    /* last page of 4 GiB, and of the largest physical memory */
    cr_assert_eq(tlb_walk(&t, tlb_key(&t, tag, 0xffffffff), table, b), 4);
    for (int i = 0; i < 4; i++)
        cr_expect(b[i] >= table && b[i] < slice_end);
    const uint64_t last = (NVDIMM_BASE << 1) - 1;
    cr_assert_eq(tlb_walk(&t, tlb_key(&t, tlb_tag(0, TLB_PHYSICAL), last), 0, b), 4);
    for (int i = 0; i < 4; i++)
        cr_expect(b[i] >= TLB_PHYSICAL_TABLES && b[i] < TLB_PHYSICAL_TABLES + (UINT64_C(1) << 36));
    tlb_flush(&t, 1);
    cr_expect_eq(tlb_walk(&t, tlb_key(&t, tag, 0x405000), table, b), 4, "a flush takes them too");
    tlb_free(&t);
}

Test(tlb, large_pages_are_walked_to_in_three_reads)
{
    struct tlb t;
    struct tlb_config cfg = small;
    uint64_t reads[TLB_LEVELS];
    const uint64_t table = PAGE_TABLE_BASE + (UINT64_C(5) << 24), addr = UINT64_C(0x9a7654321);
    cfg.page = TLB_PAGE_2M;
    for (int kind = BOUNDARY_CALL; kind <= BOUNDARY_TRAP; kind++) {
        cr_assert_eq(tlb_init(&t, &cfg, (enum boundary_kind)kind), 0);
        const uint64_t tag = tlb_tag(1, 5), key = tlb_key(&t, tag, addr & 0xffffffff);
        const uint64_t page = (addr & 0xffffffff) >> 21;
        cr_expect_eq(key, tlb_key(&t, tag, page << 21));
        cr_expect_neq(key, tlb_key(&t, tag, (page + 1) << 21));
        cr_expect_eq(tlb_walk(&t, key, table, reads), 3);
        cr_expect_eq(reads[0], table + 0x805000 + (page >> 18) * 8);
        cr_expect_eq(reads[1], table + 0x804000 + (page >> 9) * 8);
        cr_expect_eq(reads[2], table + 0x800000 + page * 8, "the level above that of 4 KiB pages");
        cr_expect_eq(tlb_walk(&t, key, table, reads), 1, "the upper levels are known");
        cr_expect_eq(reads[0], table + 0x800000 + page * 8);
        tlb_free(&t);
    }
    cfg.page = TLB_PAGE_NONE;
    cr_assert_eq(tlb_init(&t, &cfg, BOUNDARY_CALL), 0);
    cr_expect(t.none);
    tlb_free(&t);
}

/* One page of 64 KiB of one memory goes, whatever the size of the TLB's pages and the address
 * space; nothing else does. */
Test(tlb, a_page_that_moved_is_dropped_alone)
{
    const struct {
        enum boundary_kind kind;
        uint8_t page;
        uint32_t shift;
    } forms[] = {{BOUNDARY_CALL, TLB_PAGE_USUAL, 16}, {BOUNDARY_TRAP, TLB_PAGE_4K, 12}};
    for (size_t f = 0; f < 2; f++) {
        const struct tlb_config large = {.l1_entries = 256,
                                         .l1_ways = 8,
                                         .l2_entries = 512,
                                         .l2_ways = 8,
                                         .page = forms[f].page};
        struct tlb t;
        cr_assert_eq(tlb_init(&t, &large, forms[f].kind), 0);
        cr_assert_eq(t.page_shift, forms[f].shift);
        const uint64_t tags[] = {tlb_tag(0, 3), tlb_tag(5, 3), tlb_tag(0, 4),
                                 tlb_tag(0, TLB_PHYSICAL)};
        for (unsigned tag = 0; tag < 4; tag++)
            for (uint64_t addr = 2 << 16; addr < 5 << 16; addr += 65536 / 4)
                tlb_lookup(&t, &t.data, tlb_key(&t, tags[tag], addr));
        tlb_drop(&t, 3, 3);
        for (unsigned tag = 0; tag < 4; tag++) {
            for (uint64_t addr = 2 << 16; addr < 5 << 16; addr += 65536) {
                const int gone = tag < 2 && addr >> 16 == 3;
                cr_expect_eq(tlb_lookup(&t, &t.data, tlb_key(&t, tags[tag], addr)),
                             gone ? TLB_MISS : TLB_L1, "form %zu tag %u address %lx", f, tag,
                             (unsigned long)addr);
            }
        }
        tlb_free(&t);
    }
}
