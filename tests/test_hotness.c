/* test_hotness.c - sampled counts of frames: one in so many, by frame, handed over once. */
#include <criterion/criterion.h>

#include "memhier/hotness.h"

enum { FRAME = 65536 };

static struct mem_reply answer(void *self, const struct mem_req *req)
{
    ++*(unsigned *)self;
    return (struct mem_reply){.done = req->at + 7, .source = SRC_DRAM};
}

static void ask(struct hotness *h, enum mem_kind kind, uint64_t addr)
{
    const struct mem_port port = hotness_port(h);
    const struct mem_req req = {.addr = addr, .at = 5, .bytes = 64, .kind = (uint8_t)kind};
    cr_expect_eq(port_access(&port, &req).done, 12, "it costs no time");
}

Test(hotness, counts_one_request_in_so_many_for_its_frame)
{
    for (uint32_t sample = 1; sample <= 7; sample += 3) {
        unsigned dram = 0, nvdimm = 0;
        const struct hotness_config c = {.dram_bytes = 4 * FRAME,
                                         .nvdimm_bytes = 4 * FRAME,
                                         .sample = sample,
                                         .dram = {answer, &dram},
                                         .nvdimm = {answer, &nvdimm}};
        struct hotness *h = hotness_new(&c);
        for (unsigned i = 0; i < 70; i++)
            ask(h, i % 2 ? MEM_LOAD : MEM_STORE, FRAME + i * 64);
        for (unsigned i = 0; i < 700; i++)
            ask(h, MEM_PREFETCH, NVDIMM_BASE + 3 * FRAME);
        cr_expect_eq(dram, 70);
        cr_expect_eq(nvdimm, 700);
        cr_expect_eq(hotness_take(h, FRAME + 99), 70 / sample);
        cr_expect_eq(hotness_take(h, FRAME), 0, "it begins anew");
        cr_expect_eq(hotness_take(h, 0), 0);
        cr_expect_eq(hotness_take(h, NVDIMM_BASE + 3 * FRAME), 770 / sample - 70 / sample);
        cr_expect_eq(hotness_counters(h)->dram, 70);
        cr_expect_eq(hotness_counters(h)->nvdimm, 700);
        cr_expect_eq(hotness_counters(h)->samples, 770 / sample);
        hotness_free(h);
    }
}

Test(hotness, other_requests_and_other_addresses_do_not_count)
{
    unsigned dram = 0, nvdimm = 0;
    const struct hotness_config c = {
        .dram_bytes = 2 * FRAME, .sample = 1, .dram = {answer, &dram}, .nvdimm = {answer, &nvdimm}};
    struct hotness *h = hotness_new(&c);
    ask(h, MEM_WRITEBACK, 0);
    ask(h, MEM_FETCH, 0);
    ask(h, MEM_WALK, 0);
    ask(h, MEM_LOAD, 2 * FRAME);
    ask(h, MEM_LOAD, PAGE_TABLE_BASE);
    ask(h, MEM_LOAD, NVDIMM_BASE);
    cr_expect_eq(dram, 5);
    cr_expect_eq(nvdimm, 1);
    cr_expect_eq(hotness_counters(h)->samples, 0);
    cr_expect_eq(hotness_take(h, PAGE_TABLE_BASE), 0);
    cr_expect_eq(hotness_take(h, UINT64_MAX), 0);
    ask(h, MEM_NTSTORE, 0);
    cr_expect_eq(hotness_take(h, 0), 1);
    hotness_free(h);
}
