/* test_replay.c - a recorded run, replayed, counts what the run counted. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/hierarchy.h"
#include "traces/replay.h"
#include "traces/trace.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static char dir[] = "/tmp/test_replay_XXXXXX";
static char path[64];

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.trace", dir);
}

static void drop_dir(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(replay, .init = make_dir, .fini = drop_dir);

/* ---- machines ---- */

#define L1  1000u
#define L2  5000u
#define LLC 20000u
#define MEM 100000u

static struct mem_reply flat_memory(void *self, const struct mem_req *req)
{
    uint32_t source = addr_is_nvdimm(req->addr) ? SRC_NVDIMM : SRC_DRAM;
    (void)self;
    return (struct mem_reply){.done = req->at + MEM, .source = source};
}

static struct hierarchy *machine(int nvdimm)
{
    struct mem_port flat = {.access = flat_memory};
    struct hierarchy_config cfg = {
        .level = {{.bytes = 2048, .ways = 2, .latency = L1, .policy = "lru"},
                  {.bytes = 4096, .ways = 4, .latency = L1, .policy = "lru"},
                  {.bytes = 8192, .ways = 8, .latency = L2, .policy = "lru"},
                  {.bytes = 16384, .ways = 16, .latency = LLC, .policy = "lru"}},
        .harts = 1,
        .dram = flat};
    char err[200] = "";
    if (nvdimm)
        cfg.nvdimm = flat;
    struct hierarchy *h = hierarchy_new(&cfg, err, sizeof err);
    cr_assert_not_null(h, "%s", err);
    return h;
}

static void same_counts(const struct hierarchy *a, const struct hierarchy *b)
{
    for (int i = 0; i < CACHE_LEVELS; i++)
        cr_assert_eq(memcmp(hierarchy_counters(a, (enum cache_level)i, 0),
                            hierarchy_counters(b, (enum cache_level)i, 0),
                            offsetof(struct cache_counters, merges)),
                     0, "level %d", i);
}

/* ---- recording ---- */

static struct mem_req random_request(uint64_t *rng, int llc)
{
    static const uint8_t core[] = {MEM_LOAD,     MEM_LOAD,  MEM_STORE,      MEM_FETCH,
                                   MEM_NTSTORE,  MEM_CLWB,  MEM_CLFLUSHOPT, MEM_CLFLUSH,
                                   MEM_PREFETCH, MEM_FENCE, MEM_WALK,       MEM_STORE};
    static const uint8_t below[] = {MEM_LOAD, MEM_STORE, MEM_WRITEBACK, MEM_PREFETCH};
    struct mem_req req = {.pc = draw(rng) % 64 * 4, .bytes = 8, .side = draw(rng) & 1};
    req.kind = llc ? below[draw(rng) % sizeof below] : core[draw(rng) % sizeof core];
    req.addr = draw(rng) % 600 * 64 + draw(rng) % 8 * 8;
    if (req.addr & 64)
        req.addr += NVDIMM_BASE;
    if (req.kind == MEM_FENCE)
        req.addr = req.bytes = 0;
    return req;
}

/* Drive a machine under a tap, drained into a trace now and then. Returns the machine. */
static struct hierarchy *record(size_t n, int llc, uint64_t *instructions)
{
    const struct trace_header head = {.machine = "random", .period_ps = 500};
    struct hierarchy *h = machine(1);
    struct mem_tap tap = {.instructions = instructions};
    char err[200] = "";
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    cr_assert_not_null(w, "%s", err);
    uint64_t rng = 17;
    *instructions = 0;
    hierarchy_tap(h, &tap);
    for (size_t i = 0; i < n; i++) {
        struct mem_req req = random_request(&rng, llc);
        *instructions += i == 1000 ? UINT64_C(0x180000000) : draw(&rng) % 5;
        req.at = i * 1000;
        llc ? hierarchy_llc_access(h, &req) : hierarchy_access(h, &req);
        if (i % 5000 == 4999)
            cr_assert_eq(trace_put_tap(w, &tap), 0);
    }
    cr_assert_eq(trace_put_tap(w, &tap), 0);
    cr_assert_eq(tap.n, 0);
    cr_assert_eq(trace_close(w, *instructions, err, sizeof err), 0, "%s", err);
    free(tap.reqs);
    free(tap.counts);
    return h;
}

static struct trace_reader *must_open(void)
{
    char err[200] = "";
    struct trace_reader *r = trace_open(path, err, sizeof err);
    cr_assert_not_null(r, "%s", err);
    return r;
}

Test(replay, counts_what_the_recorded_run_counted)
{
    for (int llc = 0; llc < 2; llc++) {
        const size_t n = 100000;
        uint64_t instructions;
        struct hierarchy *recorded = record(n, llc, &instructions), *replayed = machine(1);
        struct trace_reader *r = must_open();
        struct replay_options opt = {.llc = llc};
        struct replay_result res = {0};
        char err[200] = "";
        cr_assert_eq(trace_reader_header(r)->records, n);
        cr_assert_eq(trace_reader_header(r)->instructions, instructions);
        cr_assert_eq(replay_run(r, replayed, &opt, &res, err, sizeof err), 0, "%s", err);
        cr_assert_eq(res.records, n);
        cr_assert_eq(res.instructions, instructions);
        cr_assert_geq(res.now, instructions * 500);
        same_counts(recorded, replayed);
        hierarchy_free(recorded);
        hierarchy_free(replayed);
        trace_reader_free(r);
    }
}

Test(replay, records_carry_what_the_requests_were)
{
    uint64_t instructions, rng = 17;
    hierarchy_free(record(20000, 0, &instructions));
    struct trace_reader *r = must_open();
    struct trace_record rec;
    char err[200] = "";
    for (size_t i = 0; i < 20000; i++) {
        struct mem_req req = random_request(&rng, 0);
        uint64_t gap = i == 1000 ? UINT64_C(0x180000000) : draw(&rng) % 5;
        cr_assert_eq(trace_read(r, &rec, 1, err, sizeof err), 1);
        cr_assert(rec.addr == req.addr && rec.kind == req.kind && rec.bytes == req.bytes &&
                  rec.pc == req.pc && rec.side == req.side && rec.hart == 0 && rec.depends == 0);
        cr_assert_eq(rec.tier, addr_is_nvdimm(req.addr));
        if (i == 1000)
            cr_assert_eq(rec.gap, UINT32_MAX);
        else if (i == 1001) /* bears what the record before could not */
            cr_assert_eq(rec.gap, gap + 0x180000000 - UINT32_MAX);
        else
            cr_assert_eq(rec.gap, gap);
    }
    trace_reader_free(r);
}

Test(replay, in_pieces_it_is_the_same)
{
    uint64_t instructions;
    hierarchy_free(record(30000, 0, &instructions));
    struct trace_reader *r = must_open();
    struct replay_result whole = {0}, pieces = {0};
    struct replay_options all = {0}, some = {.records = 777};
    struct hierarchy *a = machine(1), *b = machine(1);
    char err[200];
    cr_assert_eq(replay_run(r, a, &all, &whole, err, sizeof err), 0);
    cr_assert_eq(trace_seek(r, 0), 0);
    for (uint64_t before = 1; before != pieces.records;) {
        before = pieces.records;
        cr_assert_eq(replay_run(r, b, &some, &pieces, err, sizeof err), 0);
        cr_assert_leq(pieces.records - before, 777);
    }
    cr_assert_eq(memcmp(&whole, &pieces, sizeof whole), 0);
    same_counts(a, b);
    hierarchy_free(a);
    hierarchy_free(b);
    trace_reader_free(r);
}

/* ---- time, and refusals, with traces of a few records ---- */

static void write_records(const struct trace_record *records, size_t n)
{
    const struct trace_header head = {.period_ps = 500};
    char err[200] = "";
    struct trace_writer *w = trace_create(path, &head, err, sizeof err);
    cr_assert_not_null(w, "%s", err);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(trace_put(w, &records[i]), 0);
    cr_assert_eq(trace_close(w, n, err, sizeof err), 0, "%s", err);
}

static int run(const struct trace_record *records, size_t n, int nvdimm,
               const struct replay_options *opt, struct replay_result *res, char *err)
{
    write_records(records, n);
    struct trace_reader *r = must_open();
    struct hierarchy *h = machine(nvdimm);
    memset(res, 0, sizeof *res);
    int status = replay_run(r, h, opt, res, err, 200);
    hierarchy_free(h);
    trace_reader_free(r);
    return status;
}

Test(replay, loads_block_and_stores_do_not)
{
    const ps_t miss = L1 + L2 + LLC + MEM, flush = L1 + L2 + LLC + MEM;
    const struct trace_record rows[] = {
        {.kind = MEM_LOAD, .addr = 0, .bytes = 8, .gap = 3},
        {.kind = MEM_STORE, .addr = 4096, .bytes = 8, .gap = 2},
        {.kind = MEM_FETCH, .addr = 8192, .bytes = 8, .gap = 1},
        {.kind = MEM_FETCH, .addr = 8192, .bytes = 8, .gap = 1},
        {.kind = MEM_PREFETCH, .addr = 12288, .bytes = 8, .gap = 1},
        {.kind = MEM_LOAD, .addr = 0, .bytes = 8, .gap = 1},
        {.kind = MEM_CLWB, .addr = 4096, .bytes = 1, .gap = 1},
        {.kind = MEM_FENCE, .gap = 1},
        {.kind = MEM_WALK, .addr = 0, .bytes = 8, .gap = 0},
    };
    const ps_t now[] = {1500 + miss,
                        2500 + miss,
                        3000 + 2 * miss,
                        3500 + 2 * miss,
                        4000 + 2 * miss,
                        4500 + 2 * miss + L1,
                        5000 + 2 * miss + L1,
                        5000 + 2 * miss + L1 + flush,
                        5000 + 2 * miss + 2 * L1 + flush};
    struct replay_options opt = {0};
    struct replay_result res;
    char err[200];
    for (size_t n = 1; n <= sizeof rows / sizeof rows[0]; n++) {
        cr_assert_eq(run(rows, n, 0, &opt, &res, err), 0);
        cr_assert_eq(res.now, now[n - 1], "%zu records: %lu", n, (unsigned long)res.now);
    }
    opt.period = 1000;
    cr_assert_eq(run(rows, 2, 0, &opt, &res, err), 0);
    cr_assert_eq(res.now, 5000 + miss);
}

Test(replay, refuses_what_the_machine_has_not_got)
{
    static const struct {
        struct trace_record r;
        const char *says;
    } rows[] = {
        {{.kind = MEM_WRITEBACK, .bytes = 64}, "no core makes"},
        {{.kind = MEM_LOAD, .bytes = 8, .hart = 1}, "hart"},
        {{.kind = MEM_LOAD, .bytes = 8, .addr = HIERARCHY_ADDR_LIMIT}, "beyond"},
        {{.kind = MEM_LOAD, .bytes = 8, .addr = UINT64_MAX - 63}, "beyond"},
        {{.kind = MEM_LOAD, .bytes = 8, .addr = NVDIMM_BASE}, "NVDIMM"},
    };
    struct replay_options opt = {0};
    struct replay_result res;
    char err[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace_record two[2] = {{.kind = MEM_LOAD, .bytes = 8}, rows[i].r};
        err[0] = 0;
        cr_assert_eq(run(two, 2, 0, &opt, &res, err), -1, "row %zu", i);
        cr_assert(strstr(err, rows[i].says) && strstr(err, "record 1"), "%s", err);
        cr_assert_eq(res.records, 1);
    }
    cr_assert_eq(run(&rows[4].r, 1, 1, &opt, &res, err), 0);
    opt.llc = 1;
    cr_assert_eq(run(&rows[0].r, 1, 1, &opt, &res, err), 0);
    opt.period = UINT64_C(2000000000);
    cr_assert_eq(run(&rows[0].r, 1, 1, &opt, &res, err), -1);
}

Test(replay, time_does_not_overflow)
{
    struct trace_record slow[3000] = {0};
    struct replay_options opt = {.period = 1000000000};
    struct replay_result res;
    char err[200] = "";
    for (size_t i = 0; i < 3000; i++)
        slow[i] = (struct trace_record){.kind = MEM_LOAD, .bytes = 8, .gap = UINT32_MAX};
    cr_assert_eq(run(slow, 3000, 0, &opt, &res, err), -1);
    cr_assert(strstr(err, "time"), "%s", err);
}
