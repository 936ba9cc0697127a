/* test_dramdimm.c - modules whose media is DRAM: their times by hand, and what is durable when. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/nvdimm_least.h"

#define NS UINT64_C(1000)

/* Nothing is refreshed; a closed row costs 20 + 12 + 10 + 4 ns. */
static struct dram_config ddr(void)
{
    char err[200];
    struct dram_config c = {.channels = 4, /* a module has one all the same */
                            .ranks = 1,
                            .groups = 1,
                            .banks = 16,
                            .row_bytes = 8192,
                            .order = {.interleave = 256, .rows = 65536},
                            .tck = NS,
                            .cl = 10,
                            .cwl = 10,
                            .rcd = 12,
                            .rp = 14,
                            .burst = 4,
                            .controller = 20 * NS,
                            .write_queue = 8,
                            .write_high = 6,
                            .write_low = 2};
    cr_assert_eq(dram_order_parse("row,rank,bank,column,group,channel", &c.order, err, sizeof err),
                 0, "%s", err);
    return c;
}

static struct nvdimm *make(uint32_t modules, ps_t way, ps_t link, struct domain *domain)
{
    char err[200];
    struct nvdimm_config c = nvdimm_least();
    c.modules = modules;
    c.wpq_accept = c.read_path = way;
    c.link_read = c.link_write = link;
    c.media_read = c.media_write = 1000 * NS; /* of no effect */
    c.is_dram = 1;
    c.dram = ddr();
    struct nvdimm *n = nvdimm_new(&c, domain, err, sizeof err);
    cr_assert(n, "%s", err);
    return n;
}

static ps_t go(struct nvdimm *n, enum mem_kind kind, uint64_t addr, ps_t at)
{
    const struct mem_port port = nvdimm_port(n);
    const struct mem_req req = {
        .addr = NVDIMM_BASE + addr, .at = at, .bytes = 64, .kind = (uint8_t)kind};
    return port_access(&port, &req).done;
}

Test(dramdimm, times_are_those_of_dram_and_the_way_to_it)
{
    const ps_t way[] = {0, 100 * NS, 33 * NS + 1}, link[] = {0, 3 * NS};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct nvdimm *n = make(1, way[i], link[k], NULL);
            cr_expect_eq(go(n, MEM_LOAD, 0, 0), way[i] + 46 * NS + link[k], "closed row");
            cr_expect_eq(go(n, MEM_LOAD, 64, 1000 * NS), 1000 * NS + way[i] + 34 * NS + link[k]);
            cr_expect_eq(go(n, MEM_CLWB, 64, 2000 * NS), 2000 * NS + way[i] + 10 * NS + link[k]);
            cr_expect_eq(nvdimm_counters(n)->reads, 2);
            cr_expect_eq(nvdimm_counters(n)->writes, 1);
            cr_expect_eq(nvdimm_counters(n)->media.writes, 0, "no phase change");
            cr_expect_eq(nvdimm_line_writes(n, NVDIMM_BASE + 64), 0);
            cr_expect_eq(dram_counters(nvdimm_dram(n, 0))->row_hits, 1);
            nvdimm_free(n);
        }
    }
}

Test(dramdimm, the_link_carries_one_line_at_a_time_each_way)
{
    struct nvdimm *n = make(1, 0, 50 * NS, NULL);
    const ps_t first = go(n, MEM_LOAD, 0, 0);
    for (unsigned i = 1; i < 8; i++)
        cr_expect_eq(go(n, MEM_LOAD, i * 64, 0), first + i * 50 * NS);
    for (unsigned i = 0; i < 4; i++)
        cr_expect_eq(go(n, MEM_CLWB, i * 64, 0), (i + 1) * 50 * NS + 10 * NS);
    nvdimm_free(n);
}

Test(dramdimm, modules_are_interleaved)
{
    struct nvdimm *n = make(3, 0, 0, NULL);
    for (uint64_t a = 0; a < 3 * 4096 * 5; a += 64)
        go(n, MEM_LOAD, a, a * NS);
    for (uint32_t m = 0; m < 3; m++)
        cr_expect_eq(dram_counters(nvdimm_dram(n, m))->reads, 5 * 64);
    cr_expect_null(nvdimm_dram(n, 3));
    nvdimm_free(n);
}

Test(dramdimm, what_is_accepted_is_durable)
{
    const enum domain_point points[] = {DOMAIN_NONE, DOMAIN_ADR, DOMAIN_EADR};
    for (size_t i = 0; i < 3; i++) {
        struct domain *d = domain_new(points[i]);
        struct nvdimm *n = make(1, 100 * NS, 0, d);
        const struct domain_store s = {.addr = NVDIMM_BASE + 8, .new_bytes = 7, .bytes = 8};
        uint8_t line[64] = {0}, now[64] = {[8] = 7};
        domain_store(d, &s);
        const struct mem_port port = nvdimm_port(n);
        const struct mem_req seen = {.addr = s.addr, .at = 5 * NS, .bytes = 8, .kind = MEM_VISIBLE};
        port_access(&port, &seen);
        const ps_t done = go(n, MEM_CLWB, 0, 10 * NS);
        const ps_t from = points[i] == DOMAIN_EADR ? 5 * NS : done;
        cr_expect_eq(done, 120 * NS);
        memcpy(line, now, 64);
        cr_expect_eq(domain_durable_line(d, NVDIMM_BASE, from - 1, line), 1);
        cr_expect_eq(line[8], 0);
        memcpy(line, now, 64);
        cr_expect_eq(domain_durable_line(d, NVDIMM_BASE, from, line), 0);
        cr_expect_eq(nvdimm_drain(n, 500 * NS), 500 * NS);
        nvdimm_free(n);
        domain_free(d);
    }
}

Test(dramdimm, an_impossible_dram_is_refused)
{
    char err[200] = "";
    struct nvdimm *n = make(1, 0, 0, NULL);
    nvdimm_free(n);
    struct nvdimm_config c = nvdimm_least();
    c.is_dram = 1;
    c.dram = ddr();
    c.dram.banks = 3;
    cr_expect_null(nvdimm_new(&c, NULL, err, sizeof err));
    cr_expect(strstr(err, "banks"), "%s", err);
}
