/* test_import.c - other tools' traces in and out, and the L1 filter. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/dram.h"
#include "memhier/hierarchy.h"
#include "memhier/stream.h"
#include "traces/export.h"
#include "traces/filter.h"
#include "traces/import.h"
#include "traces/llc_stream.h"
#include "traces/replay.h"
#include "tests/scratch.h"

#define IN  "import.in"
#define OUT "import.trace"

TestSuite(import, .init = scratch_enter, .fini = scratch_leave);

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void spill(const void *bytes, size_t n)
{
    FILE *f = fopen(IN, "wb");
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static int import_bytes_as(const struct import_options *opt, const void *bytes, size_t n, char *err)
{
    struct import_result r;
    spill(bytes, n);
    unlink(OUT);
    return import_run(IN, OUT, opt, &r, err, 300);
}

static struct trace_record *read_all(const char *path, size_t *n)
{
    char err[300] = "";
    struct trace_reader *r = trace_open(path, err, sizeof err);
    cr_assert_not_null(r, "%s", err);
    *n = trace_reader_header(r)->records;
    struct trace_record *v = calloc(*n + 1, sizeof *v);
    cr_assert_eq(trace_read(r, v, *n, err, sizeof err), (int64_t)*n, "%s", err);
    trace_reader_free(r);
    return v;
}

/* What a text becomes: "kind addr bytes gap pc depends" for each record. */
static void becomes(const struct import_options *opt, const char *text, const char *want)
{
    static const char *const kinds[] = {"fetch",   "load",  "store", "nt", "clwb", "",
                                        "clflush", "fence", "walk",  "wb", "pf"};
    char err[300] = "", got[2000] = "";
    size_t n, at = 0;
    cr_assert_eq(import_bytes_as(opt, text, strlen(text), err), 0, "%s", err);
    struct trace_record *v = read_all(OUT, &n);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s %llx %u %u %llx %u\n",
                               kinds[v[i].kind], (unsigned long long)v[i].addr, v[i].bytes,
                               v[i].gap, (unsigned long long)v[i].pc, v[i].depends);
    cr_assert_str_eq(got, want);
    free(v);
}

static void refuses(const struct import_options *opt, const char *text, size_t n, const char *why)
{
    char err[300] = "";
    cr_assert_eq(import_bytes_as(opt, text, n, err), -1, "\"%s\"", text);
    cr_assert_not_null(strstr(err, why), "\"%s\": expected \"%s\"", err, why);
    cr_assert_neq(access(OUT, F_OK), 0);
    cr_assert_neq(access(OUT ".part", F_OK), 0);
}

/* ---- texts ---- */

Test(import, lines_of_lackey)
{
    const struct import_options o = {.format = IMPORT_LACKEY};
    becomes(&o,
            "==12== Lackey\nI  00401000,3\n L 1000,8\nI  00401003,5\n S 2000,4\n M 103c,8\n"
            "I  0040103e,4\n--12-- note\n",
            "fetch 401000 3 1 401000 0\nload 1000 8 0 401000 0\nstore 2000 4 1 401003 0\n"
            "load 103c 4 0 401003 0\nload 1040 4 0 401003 0\nstore 103c 4 0 401003 0\n"
            "store 1040 4 0 401003 0\nfetch 40103e 2 1 40103e 0\nfetch 401040 2 0 40103e 0\n");
    static const char *const wrong[] = {" L 1000\n",      "I  zz,3\n",   " X 1000,8\n",
                                        "L 1000,8\n",     " L 1000,0\n", " L 1000,8x\n",
                                        "I 401000,3\n",   "garbage\n",   " L 11112222333344445,8\n",
                                        " S 1000,99999\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "I  00401000,3\n L 1000,8\n%s", wrong[i]);
        refuses(&o, text, strlen(text), ":3: ");
    }
    refuses(&o, "I  00401000,3\n L 1000\0,8\n", 25, ":2: ");
    becomes(&o, "I  00401000,3\r\n L 1000,8\r",
            "fetch 401000 3 1 401000 0\nload 1000 8 0 401000 0\n");
    refuses(&o, "", 0, "no access");
    refuses(&o, " L 30000000000,8\n", 17, ":1: address 0x30000000000 is beyond");
}

Test(import, lines_of_dinero)
{
    const struct import_options o = {.format = IMPORT_DINERO};
    becomes(&o, "2 400000\n0 1000\n1 0x2000 extra\n\n2 400004\n",
            "fetch 400000 4 1 400000 0\nload 1000 4 0 0 0\nstore 2000 4 0 0 0\n"
            "fetch 400004 4 1 400004 0\n");
    refuses(&o, "0 1000\n3 1000\n", 14, ":2: ");
    refuses(&o, "0 1000\n0 xyz\n", 13, ":2: ");
    refuses(&o, "0\n", 2, ":1: ");
}

Test(import, lines_of_ramulator)
{
    const struct import_options o = {.format = IMPORT_RAMULATOR};
    const struct import_options d = {.format = IMPORT_RAMULATOR_DRAM};
    becomes(&o, "3 4096\n0 0x2010 8256\n",
            "load 1000 64 4 0 0\nload 2000 64 1 0 0\nwb 2040 64 0 0 0\n");
    becomes(&d, "0x1000 R\n4160 W\n", "load 1000 64 0 0 0\nwb 1040 64 0 0 0\n");
    refuses(&d, "0x1000 R\n0x1040R\n", 17, ":2: ");
    refuses(&o, "3 4096\n-3 4096\n", 15, ":2: ");
    refuses(&o, "3 4096\n7\n", 9, ":2: ");
    refuses(&o, "3 4096 x\n", 9, ":1: ");
    refuses(&o, "99999999999 4096\n", 17, ":1: ");
    refuses(&d, "0x1000 R\n0x1000 Q\n", 18, ":2: ");
    refuses(&d, "0x1000\n", 7, ":1: ");
}

Test(import, columns_of_csv)
{
    struct import_options o = {.format = IMPORT_CSV, .columns = "gap,kind,-,addr,bytes,pc,depends"};
    becomes(&o,
            "gap,op,what,where,size,code,dep\n# note\n2,R,x,4096,8,0x40,0\n1, store ,,0x1040,4,68,"
            "0\n0,clwb,,0x1040,4,0,0\n5,fence,,0,0,0,0\n7,load,,64,8,0,4\n",
            "load 1000 8 2 40 0\nstore 1040 4 1 44 0\nclwb 1040 4 0 0 0\nfence 0 0 5 0 0\n"
            "load 40 8 7 0 4\n");
    refuses(&o, "2,R,x,4096,8,64,0\n2,R,x,4096,8,64\n", 34, ":2: ");
    refuses(&o, "2,R,x,4096,8,64,0,1\n", 20, ":1: ");
    refuses(&o, "2,jump,x,4096,8,64,0\n", 21, ":1: column 2");
    refuses(&o, "2,R,x,40z6,8,64,0\n", 18, ":1: column 4");
    refuses(&o, "2,R,x,4096,9999,64,0\n", 21, ":1: column 5");
    refuses(&o, "2,R,x,4096,0,64,0\n", 18, ":1: an access of no bytes");
    refuses(&o, "2,R,x,-1,8,64,0\n", 16, ":1: column 4");
    static const char *const wrong[] = {"", "kind", "addr,addr", "addr,nonesuch", "addr,", NULL};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        o.columns = wrong[i];
        refuses(&o, "1\n", 2, "--columns");
    }
}

/* ---- objects ---- */

static void put(uint8_t *p, uint64_t x, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(x >> 8 * i);
}

Test(import, records_of_oracle_general)
{
    static const uint64_t object[] = {1ull << 63, 7, 1ull << 63, 9, 7};
    static const int64_t next[] = {2, 4, -1, INT64_MAX, -1};
    const struct import_options o = {.format = IMPORT_ORACLE},
                                big = {.format = IMPORT_ORACLE, .page = 1 << 16, .nvdimm = 1};
    uint8_t v[5 * 24];
    char err[300] = "";
    size_t n;
    for (unsigned i = 0; i < 5; i++) {
        put(v + 24 * i, i, 4);
        put(v + 24 * i + 4, object[i], 8);
        put(v + 24 * i + 12, 100, 4);
        put(v + 24 * i + 16, (uint64_t)next[i], 8);
    }
    cr_assert_eq(import_bytes_as(&o, v, sizeof v, err), 0, "%s", err);
    struct trace_record *r = read_all(OUT, &n);
    static const uint64_t pages[] = {0, 1, 0, 2, 1};
    cr_assert_eq(n, 5);
    for (size_t i = 0; i < n; i++)
        cr_assert(r[i].addr == pages[i] * 4096 && r[i].kind == MEM_LOAD, "%zu", i);
    free(r);
    cr_assert_eq(import_bytes_as(&big, v, sizeof v, err), 0, "%s", err);
    r = read_all(OUT, &n);
    cr_assert(r[3].addr == NVDIMM_BASE + (2 << 16) && r[3].tier == 1);
    free(r);
    refuses(&o, (const char *)v, sizeof v - 1, "record 5: truncated: 23 of 24");
    put(v + 24 * 2 + 16, 2, 8);
    refuses(&o, (const char *)v, sizeof v, "record 3: ");
}

/* ---- ChampSim, in and out ---- */

static uint8_t *instructions(size_t n)
{
    uint8_t *v = calloc(n, 64);
    uint64_t rng = 5, ip = 0x400000;
    for (size_t i = 0; i < n; i++) {
        uint8_t *p = v + 64 * i;
        put(p, ip, 8);
        p[8] = draw(&rng) % 5 == 0;
        p[9] = (uint8_t)(p[8] && draw(&rng) % 2);
        const uint64_t loads = draw(&rng) % 8;
        for (unsigned k = 0; loads > 4 && k < loads - 4; k++)
            put(p + 32 + 8 * k, 0x10000 + draw(&rng) % 100000 * 4, 8);
        if (draw(&rng) % 4 == 0)
            put(p + 16, 0x900000 + draw(&rng) % 1000 * 8, 8);
        if (loads > 4)
            p[10] = (uint8_t)(1 + draw(&rng) % 8);
        for (unsigned k = 0; k < 2; k++)
            p[12 + k] = (uint8_t)(draw(&rng) % 9);
        ip = p[9] ? 0x400000 + draw(&rng) % 4096 * 4 : ip + 4;
    }
    return v;
}

static void exported(const char *to, enum export_format f, struct export_result *r)
{
    char err[300] = "";
    struct trace_reader *reader = trace_open(OUT, err, sizeof err);
    cr_assert_not_null(reader, "%s", err);
    cr_assert_eq(export_run(reader, to, f, r, err, sizeof err), 0, "%s", err);
    trace_reader_free(reader);
}

Test(import, champsim_comes_back_as_it_was)
{
    const struct import_options o = {.format = IMPORT_CHAMPSIM};
    const size_t n = 20000;
    uint8_t *v = instructions(n);
    char err[300] = "";
    struct import_result ir;
    struct export_result er;
    size_t a, b, dependent = 0;
    cr_assert_eq(import_bytes_as(&o, v, 64 * n, err), 0, "%s", err);
    struct trace_record *first = read_all(OUT, &a);
    exported("again", EXPORT_CHAMPSIM, &er);
    cr_assert_eq(er.left_out, 0);
    cr_assert_eq(import_run("again", OUT, &o, &ir, err, sizeof err), 0, "%s", err);
    struct trace_record *second = read_all(OUT, &b);
    cr_assert_eq(a, b);
    cr_assert_eq(ir.input, er.written);
    for (size_t i = 0; i < a; i++) {
        cr_assert(first[i].addr == second[i].addr && first[i].kind == second[i].kind &&
                      first[i].pc == second[i].pc && first[i].gap == second[i].gap &&
                      first[i].bytes == second[i].bytes,
                  "record %zu", i);
        /* Kept where the load is among the last 200. */
        cr_assert(first[i].depends == second[i].depends || first[i].depends > 200, "record %zu", i);
        dependent += first[i].depends != 0;
    }
    cr_assert_gt(dependent, 1000);
    refuses(&o, (const char *)v, 64 * n - 7, "record 20000: truncated: 57 of 64");
    v[64 * 9 + 8] = 2;
    refuses(&o, (const char *)v, 64 * n, "record 10: branch 2");
    free(first);
    free(second);
    free(v);
}

/* Load r5 <- [A]; r6 <- r5 + 1; load [r6]; a load of nobody's register. */
Test(import, champsim_registers_give_dependences)
{
    const struct import_options o = {.format = IMPORT_CHAMPSIM};
    uint8_t v[4 * 64] = {0};
    char err[300] = "";
    size_t n;
    for (unsigned i = 0; i < 4; i++)
        put(v + 64 * i, 0x400000 + 4 * i, 8);
    put(v + 32, 0x1000, 8);
    v[10] = 5;
    v[64 + 12] = 5;
    v[64 + 10] = 6;
    v[128 + 12] = 6;
    put(v + 128 + 32, 0x2000, 8);
    v[192 + 12] = 9;
    put(v + 192 + 32, 0x3000, 8);
    cr_assert_eq(import_bytes_as(&o, v, sizeof v, err), 0, "%s", err);
    struct trace_record *r = read_all(OUT, &n);
    cr_assert_eq(n, 4); /* one fetch */
    cr_assert(r[2].addr == 0x2000 && r[2].depends == 1 && r[3].depends == 0);
    free(r);
}

Test(import, dinero_comes_back_as_it_was)
{
    const struct import_options o = {.format = IMPORT_DINERO};
    char err[300] = "", text[40000];
    uint64_t rng = 8;
    size_t at = 0;
    struct export_result er;
    for (int i = 0; i < 3000; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%d %llx\n", (int)(draw(&rng) % 3),
                               (unsigned long long)(draw(&rng) % 1000000 * 4));
    cr_assert_eq(import_bytes_as(&o, text, at, err), 0, "%s", err);
    exported("again", EXPORT_DINERO, &er);
    char *again = calloc(1, sizeof text);
    FILE *f = fopen("again", "rb");
    cr_assert_eq(fread(again, 1, sizeof text, f), at);
    fclose(f);
    cr_assert_eq(memcmp(text, again, at), 0);
    free(again);
}

/* ---- frames, skipping, stopping ---- */

Test(import, pages_get_frames_in_order_of_first_touch)
{
    const struct import_options o = {.format = IMPORT_DINERO, .page = 4096};
    const struct import_options nv = {.format = IMPORT_DINERO, .page = 4096, .nvdimm = 1};
    becomes(&o, "0 7fffffffe008\n0 1010\n0 7fffffffe010\n0 2000\n",
            "load 8 4 0 0 0\nload 1010 4 0 0 0\nload 10 4 0 0 0\nload 2000 4 0 0 0\n");
    becomes(&nv, "0 7fffffffe008\n", "load 10000000008 4 0 0 0\n");
}

Test(import, skips_and_stops_where_told)
{
    struct import_options o = {.format = IMPORT_LACKEY, .skip = 2};
    const char *text = "I  1000,4\n L 5000,8\nI  1040,4\n L 6000,8\nI  1080,4\n L 7000,8\nI  "
                       "10c0,4\n";
    becomes(&o, text, "fetch 1080 4 1 1080 0\nload 7000 8 0 1080 0\nfetch 10c0 4 1 10c0 0\n");
    o.skip = 0;
    o.records = 3;
    becomes(&o, text, "fetch 1000 4 1 1000 0\nload 5000 8 0 1000 0\nfetch 1040 4 1 1040 0\n");
}

/* ---- the L1 in front ---- */

struct nothing {
    uint64_t n;
};

static struct mem_reply nowhere(void *self, const struct mem_req *req)
{
    ((struct nothing *)self)->n++;
    return (struct mem_reply){.done = req->at, .source = SRC_DRAM};
}

static struct trace_record random_record(uint64_t *rng)
{
    static const uint8_t kinds[] = {MEM_LOAD,  MEM_LOAD, MEM_LOAD,    MEM_STORE,
                                    MEM_FETCH, MEM_WALK, MEM_PREFETCH};
    const uint64_t r = draw(rng);
    const uint64_t addr = (r % 4 ? draw(rng) % 3000 : draw(rng) % 60000) * 64 + draw(rng) % 8 * 8;
    return (struct trace_record){.addr = addr,
                                 .pc = 64 + draw(rng) % 50 * 4,
                                 .gap = (uint32_t)(draw(rng) % 5),
                                 .bytes = 8,
                                 .kind = kinds[draw(rng) % 7]};
}

#define LLC_BYTES (1 << 20)
#define WHOLE     "whole"

/* Random records to a hierarchy, through a filter into OUT, and as they are into WHOLE. */
struct both {
    struct nothing memory;
    struct hierarchy *h;
    uint64_t gaps, l2_misses;
};

static void run_both(struct both *b)
{
    const struct hierarchy_config hc = {.level = {{FILTER_L1_BYTES, FILTER_L1_WAYS, 0, "lru", NULL},
                                                  {FILTER_L1_BYTES, FILTER_L1_WAYS, 0, "lru", NULL},
                                                  {FILTER_L2_BYTES, FILTER_L2_WAYS, 0, "lru", NULL},
                                                  {LLC_BYTES, 16, 0, "lru", NULL}},
                                        .harts = 1,
                                        .dram = {nowhere, &b->memory}};
    const struct trace_header filtered = {.machine = FILTER_MACHINE "test", .period_ps = 455},
                              plain = {.period_ps = 455};
    char err[300] = "";
    b->h = hierarchy_new(&hc, err, sizeof err);
    struct trace_writer *w = trace_create(OUT, &filtered, err, sizeof err);
    struct trace_writer *whole = trace_create(WHOLE, &plain, err, sizeof err);
    struct trace_filter *f = trace_filter_new(w, err, sizeof err);
    uint64_t rng = 2;
    cr_assert(b->h && w && whole && f, "%s", err);
    for (int i = 0; i < 200000; i++) {
        const struct trace_record r = random_record(&rng);
        const struct mem_req req = {.addr = r.addr, .pc = r.pc, .bytes = 8, .kind = r.kind};
        (void)hierarchy_access(b->h, &req);
        cr_assert_eq(trace_filter_put(f, &r), 0);
        cr_assert_eq(trace_put(whole, &r), 0);
        b->gaps += r.gap;
    }
    b->l2_misses = trace_filter_l2_misses(f);
    trace_filter_free(f);
    cr_assert_eq(trace_close(w, b->gaps, err, sizeof err), 0, "%s", err);
    cr_assert_eq(trace_close(whole, b->gaps, err, sizeof err), 0, "%s", err);
}

/* The L2 of a hierarchy sees what comes out of the filter: the misses agree, kind by kind. */
Test(import, the_filter_is_the_l1_of_a_hierarchy)
{
    struct both b = {0};
    run_both(&b);
    const struct cache_counters *l2 = hierarchy_counters(b.h, CACHE_L2, 0);
    uint64_t gaps = 0, misses = 0, kinds[MEM_KINDS] = {0};
    size_t n;
    struct trace_record *v = read_all(OUT, &n);
    for (size_t i = 0; i < n; i++) {
        kinds[v[i].kind]++;
        gaps += v[i].gap;
    }
    free(v);
    cr_assert(b.gaps - gaps < 1000, "%lu of %lu", gaps, b.gaps); /* but for those at the end */
    for (int k = 0; k < MEM_KINDS; k++) {
        cr_assert_eq(kinds[k], l2->accesses[k], "kind %d", k);
        misses += k == MEM_WRITEBACK ? 0 : l2->misses[k];
    }
    cr_assert_eq(b.l2_misses, misses);
    hierarchy_free(b.h);
}

/* LRU on the stream misses where the LLC did. */
static void same_misses(const struct llc_stream *s, const struct cache_counters *llc)
{
    const struct stream_config cfg = {.bytes = LLC_BYTES, .ways = 16};
    struct stream_counts c;
    char err[300] = "";
    cr_assert_eq(stream_run(s->v, s->n, &policy_lru, &cfg, NULL, &c, err, sizeof err), 0);
    cr_assert_eq(c.demand_misses, llc->misses[MEM_LOAD] + llc->misses[MEM_STORE] +
                                      llc->misses[MEM_FETCH] + llc->misses[MEM_WALK]);
    cr_assert_eq(c.misses - c.demand_misses, llc->misses[MEM_PREFETCH]);
    cr_assert_eq(c.writeback_misses, llc->misses[MEM_WRITEBACK]);
    /* by itself an LLC does not know that a nearer cache has newer data */
    cr_assert_eq(c.writebacks, llc->writebacks + llc->superseded);
}

/* The records' steps, one after the other, are the stream: reads first, then victims. Returns how
 * many records hit the L1. */
static uint64_t steps_fit(const struct llc_stream *s)
{
    uint64_t at = 0, in_l1 = 0;
    for (uint64_t i = 0; i < s->steps; i++) {
        const struct llc_step *step = &s->step[i];
        for (uint32_t k = 0; k < step->accesses; k++)
            cr_assert(s->v[at + k].kind == MEM_WRITEBACK || (!k && s->v[at].kind == step->kind));
        cr_assert(!step->in_l1 || !step->accesses);
        at += step->accesses;
        in_l1 += step->in_l1;
    }
    cr_assert_eq(at, s->n);
    cr_assert_eq(s->steps, s->records);
    return in_l1;
}

/* The stream that policies get, made of either trace, is what the LLC was asked. */
Test(import, the_stream_of_either_trace_is_the_llcs)
{
    struct both b = {0};
    const struct llc_stream_options above = {
        .l2_bytes = FILTER_L2_BYTES, .l2_ways = FILTER_L2_WAYS, .keep_steps = 1};
    static const char *const traces[] = {OUT, WHOLE};
    char err[300] = "";
    run_both(&b);
    for (int t = 0; t < 2; t++) {
        struct llc_stream s;
        struct trace_reader *r = trace_open(traces[t], err, sizeof err);
        cr_assert_eq(llc_stream_read(r, &above, &s, err, sizeof err), 0, "%s", err);
        same_misses(&s, hierarchy_counters(b.h, CACHE_LLC, 0));
        cr_assert((steps_fit(&s) > 0) == (t == 1)); /* OUT's hits have been left out */
        free(s.step);
        free(s.v);
        trace_reader_free(r);
    }
    hierarchy_free(b.h);
}

/* A dependence goes over loads that hit the L1, and flushes take dirty lines with them. */
Test(import, the_filter_keeps_dependences_and_flushes)
{
    const struct trace_header hdr = {.machine = FILTER_MACHINE, .period_ps = 455};
    char err[300] = "";
    struct trace_writer *w = trace_create(OUT, &hdr, err, sizeof err);
    struct trace_filter *f = trace_filter_new(w, err, sizeof err);
    const struct trace_record in[] = {
        {.addr = 0x1000, .bytes = 8, .kind = MEM_LOAD, .gap = 1},
        {.addr = 0x1008, .bytes = 8, .kind = MEM_LOAD, .gap = 2, .depends = 1}, /* hits */
        {.addr = 0x5000, .bytes = 8, .kind = MEM_LOAD, .gap = 3, .depends = 1},
        {.addr = 0x5008, .bytes = 8, .kind = MEM_STORE, .gap = 1}, /* hits */
        {.addr = 0x5008, .bytes = 8, .kind = MEM_CLWB, .gap = 1},
        {.addr = 0x5008, .bytes = 8, .kind = MEM_CLWB, .gap = 1},
        {.kind = MEM_FENCE, .gap = 1},
        {.addr = 0x5010, .bytes = 8, .kind = MEM_NTSTORE, .gap = 1},
        {.addr = 0x5010, .bytes = 8, .kind = MEM_LOAD, .gap = 1},
    };
    static const uint8_t kinds[] = {MEM_LOAD, MEM_LOAD,  MEM_WRITEBACK, MEM_CLWB,
                                    MEM_CLWB, MEM_FENCE, MEM_NTSTORE,   MEM_LOAD};
    static const uint32_t gaps[] = {1, 5, 2, 0, 1, 1, 1, 1};
    size_t n;
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        cr_assert_eq(trace_filter_put(f, &in[i]), 0);
    const struct trace_record other = {.addr = 64, .hart = 1, .kind = MEM_LOAD, .bytes = 8};
    cr_assert_eq(trace_filter_put(f, &other), -1);
    trace_filter_free(f);
    cr_assert_eq(trace_close(w, 12, err, sizeof err), 0, "%s", err);
    struct trace_record *v = read_all(OUT, &n);
    cr_assert_eq(n, sizeof kinds);
    for (size_t i = 0; i < n; i++)
        cr_assert(v[i].kind == kinds[i] && v[i].gap == gaps[i], "record %zu", i);
    cr_assert_eq(v[1].depends, 1);
    free(v);
}
