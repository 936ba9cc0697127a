/* test_llc_stream.c - what an LLC is asked: counts and order that can be worked out by hand. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/hierarchy.h"
#include "tests/scratch.h"
#include "traces/filter.h"
#include "traces/llc_stream.h"
#include "traces/replay.h"

#define TRACE    "t.trace"
#define STORES   10000u
#define L1_LINES (FILTER_L1_BYTES / LINE_BYTES)
#define L2_LINES 8u
#define FIRST    512u /* line */

TestSuite(llc_stream, .init = scratch_enter, .fini = scratch_leave);

/* A trace of n stores to one line after the other, from `addr` on. */
static struct trace_reader *stores(uint32_t n, uint64_t addr)
{
    const struct trace_header head = {.machine = "test", .period_ps = 1000};
    char err[300] = "";
    struct trace_writer *w = trace_create(TRACE, &head, err, sizeof err);
    cr_assert_not_null(w, "%s", err);
    for (uint32_t i = 0; i < n; i++) {
        const struct trace_record r = {.addr = addr + (uint64_t)i * LINE_BYTES + 5,
                                       .pc = 0x1000 + i,
                                       .gap = 3,
                                       .bytes = 1,
                                       .kind = MEM_STORE};
        cr_assert_eq(trace_put(w, &r), 0);
    }
    cr_assert_eq(trace_close(w, 3ull * n, err, sizeof err), 0, "%s", err);
    struct trace_reader *reader = trace_open(TRACE, err, sizeof err);
    cr_assert_not_null(reader, "%s", err);
    return reader;
}

/* Each store misses L1 and L2 and is a read of the LLC. It pushes the store that is L1_LINES older
 * out of the L1 into its set of the L2, and that the one which is L2_LINES older still to the LLC:
 * nearly two accesses of a record. */
Test(llc_stream, stores_come_back_as_write_backs_in_order)
{
    const struct llc_stream_options opt = {.l2_bytes = L2_LINES * LINE_BYTES, .l2_ways = 1};
    struct trace_reader *r = stores(STORES, FIRST * LINE_BYTES);
    struct llc_stream s;
    uint64_t reads = 0, writes = 0;
    char err[300] = "";
    cr_assert_eq(llc_stream_read(r, &opt, &s, err, sizeof err), 0, "%s", err);
    cr_assert_eq(s.records, STORES);
    cr_assert_eq(s.instructions, 3 * STORES);
    cr_assert_eq(s.reads, STORES);
    cr_assert_eq(s.n, STORES + STORES - L1_LINES - L2_LINES);
    for (uint32_t i = 0; i < s.n; i++) {
        const struct stream_access *a = &s.v[i];
        if (a->kind == MEM_WRITEBACK) {
            cr_assert(a->line == FIRST + writes++ && a->pc == 0 && a->offset == 0);
        } else {
            cr_assert(a->kind == MEM_STORE && a->line == FIRST + reads && a->offset == 5);
            cr_assert_eq(a->pc, 0x1000 + reads++);
        }
    }
    free(s.v);
    trace_reader_free(r);
}

Test(llc_stream, as_many_records_as_are_asked_for)
{
    const struct llc_stream_options opt = {.records = 777, .keep_steps = 1};
    struct trace_reader *r = stores(1000, 0);
    struct llc_stream s;
    char err[300] = "";
    cr_assert_eq(llc_stream_read(r, &opt, &s, err, sizeof err), 0, "%s", err);
    cr_assert(s.records == 777 && s.steps == 777 && s.reads == 777);
    cr_assert_eq(s.n, 777 + 777 - L1_LINES); /* no L2: the L1's victims are the LLC's */
    cr_assert(s.step[L1_LINES - 1].accesses == 1 && s.step[L1_LINES].accesses == 2);
    free(s.v);
    free(s.step);
    trace_reader_free(r);
}

Test(llc_stream, refuses_what_is_beyond_the_memory)
{
    const struct llc_stream_options opt = {.l2_bytes = 4096, .l2_ways = 8};
    struct trace_reader *r = stores(1000, HIERARCHY_ADDR_LIMIT - 700 * LINE_BYTES);
    struct llc_stream s;
    char err[300] = "";
    cr_assert_eq(llc_stream_read(r, &opt, &s, err, sizeof err), -1);
    cr_assert_not_null(strstr(err, "record 700:"), "%s", err);
    cr_assert_null(s.v);
    trace_reader_free(r);
}

static struct mem_reply at_once(void *self, const struct mem_req *req)
{
    (void)self;
    return (struct mem_reply){.done = req->at, .source = SRC_DRAM};
}

/* The rest of the trace through a small machine, which must refuse it. */
static void refused_by_replay(struct trace_reader *r, char *err, size_t errlen)
{
    const struct cache_config small = {.bytes = 4096, .ways = 4, .policy = "lru"};
    const struct mem_port memory = {.access = at_once};
    const struct hierarchy_config cfg = {
        .level = {small, small, small, small}, .harts = 1, .dram = memory, .nvdimm = memory};
    const struct replay_options opt = {0};
    struct replay_result result = {0};
    struct hierarchy *h = hierarchy_new(&cfg, err, errlen);
    cr_assert_not_null(h, "%s", err);
    cr_assert_eq(replay_run(r, h, &opt, &result, err, errlen), -1);
    hierarchy_free(h);
}

/* Records have one number, from 0, whoever refuses them: wherever the reader began, with threads
 * or without. */
Test(llc_stream, refuses_a_record_by_the_number_that_replay_gives_it)
{
    const struct llc_stream_options opt = {.l2_bytes = 4096, .l2_ways = 8};
    for (int k = 0; k < 4; k++) {
        struct trace_reader *r = stores(1000, HIERARCHY_ADDR_LIMIT - 700 * LINE_BYTES);
        char err[300] = "", other[300] = "";
        struct llc_stream s;
        cr_assert_eq(trace_seek(r, k & 1 ? 650 : 0), 0);
        cr_assert_eq(k & 2 ? trace_read_ahead(r, 2) : 0, 0);
        cr_assert_eq(llc_stream_read(r, &opt, &s, err, sizeof err), -1);
        cr_assert_eq(trace_seek(r, k & 1 ? 650 : 0), 0);
        refused_by_replay(r, other, sizeof other);
        cr_assert(strstr(err, "record 700:") && strstr(other, "record 700:"), "%s; %s", err, other);
        trace_reader_free(r);
    }
}
