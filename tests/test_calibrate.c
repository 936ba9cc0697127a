/* test_calibrate.c - calibration files, and the effects that have to emerge on the default machine.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/calibrun.h"
#include "sim/config.h"

static const char header[] = "group,tier,dimms,threads,op,pattern,access_bytes,region_bytes,"
                             "fence_bytes,stat,value,unit,source\n";

static int read_text(const char *text, struct calib_file *f, char *err, size_t errlen)
{
    char path[] = "/tmp/pwsim-calibXXXXXX";
    const int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const int bad = calib_read(path, f, err, errlen);
    unlink(path);
    return bad;
}

Test(calibrate, reads_files)
{
    char text[1000], err[500] = "";
    struct calib_file f;
    snprintf(text, sizeof text, "%s%s\r\n\n%s", header,
             "chase,nvdimm,1,1,ntstore,chase,64,512,,per-line,28.1,ns,\"a, b\"",
             "tail-latency,nvdimm,6,24,store+clwb-late,random,256,,512,p99.999,1e3,ns,x");
    cr_assert_eq(read_text(text, &f, err, sizeof err), 0, "%s", err);
    cr_assert_eq(f.n, 2);
    const struct calib_row *r = f.rows;
    cr_expect(r->group == CALIB_CHASE_GROUP && !r->dram && r->dimms == 1 && r->threads == 1);
    cr_expect(r->op == CALIB_NTSTORE && r->pattern == CALIB_CHASE && r->access == 64);
    cr_expect(r->region == 512 && r->fence == 0 && r->stat == CALIB_PER_LINE);
    cr_expect(r->value == 28.1 && r->line == 2);
    cr_expect_str_eq(r->text[12], "a, b");
    r++;
    cr_expect(r->group == CALIB_TAIL && r->dimms == 6 && r->threads == 24 && r->line == 4);
    cr_expect(r->op == CALIB_STORE_CLWB_LATE && r->region == 0 && r->fence == 512);
    cr_expect(r->stat == CALIB_PERCENTILE && r->percentile == 99999 && r->value == 1000);
    calib_free(&f);
}

Test(calibrate, refuses_what_it_does_not_know)
{
    static const char good[] = "bandwidth,nvdimm,1,1,read,random,64,,,throughput,2.5,GB/s,s";
    static const struct {
        const char *from, *to, *says;
    } wrong[] = {
        {"bandwidth", "speed", "group is \"speed\""},
        {"nvdimm", "tape", "tier is \"tape\""},
        {",1,1,", ",0,1,", "dimms is \"0\""},
        {",1,1,", ",1,99,", "threads is \"99\""},
        {",1,1,", ",-1,1,", "dimms is \"-1\""},
        {"read", "write", "op is \"write\""},
        {"random", "zigzag", "pattern is \"zigzag\""},
        {"64", "65", "access_bytes is \"65\""},
        {"64", "0", "access_bytes is \"0\""},
        {"64", "64KiB", "access_bytes is \"64KiB\""},
        {"64,", "64,63", "region_bytes is \"63\""},
        {"64,,", "64,,96", "fence_bytes is \"96\""},
        {"throughput", "speed", "stat is \"speed\""},
        {"throughput", "p100", "stat is \"p100\""},
        {"throughput", "media/issued", "unit is \"GB/s\""},
        {"GB/s", "MB/s", "unit is \"MB/s\""},
        {"2.5", "0", "value is \"0\""},
        {"2.5", "inf", "value is \"inf\""},
        {"2.5", "fast", "value is \"fast\""},
        {",s", "", "12 fields"},
        {",s", ",s,t", "14 fields"},
        {",s", ",\"s", "quote"},
    };
    char text[1000], err[500];
    struct calib_file f;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *at = strstr(good, wrong[i].from);
        snprintf(text, sizeof text, "%s\n%.*s%s%s\n", header, (int)(at - good), good, wrong[i].to,
                 at + strlen(wrong[i].from));
        *err = 0;
        cr_expect_eq(read_text(text, &f, err, sizeof err), -1, "%s", text);
        cr_expect(strstr(err, wrong[i].says) && strstr(err, ":3: "), "%s: %s", text, err);
    }
    cr_expect_eq(read_text("", &f, err, sizeof err), -1);
    cr_expect_eq(read_text(header, &f, err, sizeof err), -1);
    cr_expect_eq(read_text("group,tier\n", &f, err, sizeof err), -1);
    cr_expect_eq(calib_read("/nowhere/file.csv", &f, err, sizeof err), -1);
    cr_expect(strstr(err, "/nowhere/file.csv"));
}

/* ---- effects ---- */

static double figure(struct calib_row row)
{
    char err[500] = "";
    struct config *cfg = NULL;
    struct progress p = {0};
    struct calib_result r;
    cr_assert_eq(config_load(NULL, NULL, 0, &cfg, err, sizeof err), 0, "%s", err);
    row.dimms = row.dimms ? row.dimms : 1;
    row.threads = row.threads ? row.threads : 1;
    cr_assert_eq(calib_run(&row, cfg, &p, &r, err, sizeof err), 0, "%s", err);
    const double x = calib_figure(&r, &row);
    calib_result_drop(&r);
    config_free(cfg);
    return x;
}

static double chase(enum calib_op op, uint64_t access, uint64_t region)
{
    return figure((struct calib_row){.group = CALIB_CHASE_GROUP,
                                     .op = op,
                                     .pattern = CALIB_CHASE,
                                     .stat = CALIB_PER_LINE,
                                     .access = access,
                                     .region = region});
}

/* Knees of reads at the capacity of the buffer and of the indirection table's. */
Test(calibrate, read_latency_has_the_knees_of_its_buffers)
{
    const double in_buffer = chase(CALIB_READ, 64, 8 << 10),
                 in_table = chase(CALIB_READ, 64, 4 << 20),
                 beyond = chase(CALIB_READ, 64, 256 << 20);
    cr_expect(in_buffer > 160 && in_buffer < 195, "%g", in_buffer);
    cr_expect(in_table > 300 && in_table < 320, "%g", in_table);
    cr_expect(beyond > 365 && beyond < 385, "%g", beyond);
    cr_expect(chase(CALIB_READ, 64, 12 << 20) < in_table + 3);
    const double at_once = chase(CALIB_READ, 256, 4 << 20);
    cr_expect(at_once > 80 && at_once < 95, "%g", at_once);
}

static double throughput(enum calib_op op, uint32_t threads)
{
    return figure((struct calib_row){.group = CALIB_BANDWIDTH,
                                     .op = op,
                                     .pattern = CALIB_SEQUENTIAL,
                                     .stat = CALIB_THROUGHPUT,
                                     .threads = threads,
                                     .access = 256});
}

/* Of non-temporal stores by many harts fewer combine in the module: order is lost on the way. */
Test(calibrate, many_writers_are_slower_than_four)
{
    double last = throughput(CALIB_NTSTORE, 4);
    cr_expect(last > 2 && throughput(CALIB_NTSTORE, 1) > 2, "%g", last);
    for (uint32_t threads = 8; threads <= 24; threads += 8) {
        const double now = throughput(CALIB_NTSTORE, threads);
        cr_expect(now < 0.9 * last, "%d: %g, %g", (int)threads, last, now);
        last = now;
    }
    cr_expect_lt(last, 1);
    const double flushed = throughput(CALIB_STORE_CLWB, 4), all = throughput(CALIB_STORE_CLWB, 16);
    cr_expect(flushed > 1.5 && all < 0.75 * flushed, "%g, %g", flushed, all);
}

static double persist(enum calib_op op, uint64_t bytes)
{
    return figure((struct calib_row){.group = CALIB_PERSIST,
                                     .op = op,
                                     .pattern = CALIB_SEQUENTIAL,
                                     .stat = CALIB_MEAN,
                                     .dimms = 6,
                                     .access = bytes,
                                     .fence = bytes});
}

Test(calibrate, non_temporal_stores_overtake_flushes)
{
    cr_expect_gt(persist(CALIB_NTSTORE, 64), persist(CALIB_STORE_CLWB, 64));
    for (uint64_t bytes = 512; bytes <= 8192; bytes *= 2)
        cr_expect_lt(persist(CALIB_NTSTORE, bytes), persist(CALIB_STORE_CLWB, bytes), "%d",
                     (int)bytes);
}

/* Fewer fences are never slower, for flushed stores up to the depth of the prefetcher. */
Test(calibrate, fences_cost)
{
    static const enum calib_op ops[] = {CALIB_NTSTORE, CALIB_STORE_CLWB};
    for (size_t i = 0; i < 2; i++) {
        double last = 0, now = 0;
        for (uint64_t bytes = 64; bytes <= 4096; bytes *= 2) {
            now = figure((struct calib_row){.group = CALIB_FENCE_INTERVAL,
                                            .op = ops[i],
                                            .pattern = CALIB_SEQUENTIAL,
                                            .stat = CALIB_THROUGHPUT,
                                            .access = 64,
                                            .fence = bytes});
            cr_expect_gt(now, 0.85 * last, "%d: %g, %g", (int)bytes, last, now);
            last = now;
        }
        cr_expect(ops[i] == CALIB_NTSTORE ? now > 2 : now > 1 && now < 1.5, "%g", now);
    }
}

static double written(enum calib_op op, enum calib_pattern pattern, uint64_t access,
                      uint64_t region)
{
    return figure((struct calib_row){.group = CALIB_AMPLIFICATION,
                                     .op = op,
                                     .pattern = pattern,
                                     .stat = CALIB_MEDIA_PER_ISSUED,
                                     .access = access,
                                     .region = region});
}

Test(calibrate, writes_combine_in_the_buffer)
{
    cr_expect_float_eq(written(CALIB_NTSTORE, CALIB_RANDOM, 64, 0), 4, 0.01);
    cr_expect_float_eq(written(CALIB_NTSTORE, CALIB_HALF_LINES, 128, 16384), 1, 0.02);
    const double half = written(CALIB_NTSTORE, CALIB_HALF_LINES, 128, 24576);
    cr_expect(half > 1.4 && half < 1.9, "%g", half);
    cr_expect_float_eq(written(CALIB_STORE_CLWB, CALIB_SEQUENTIAL, 64, 0), 1, 0.05);
}

/* Media lines for each that was stored, by harts that go through memory in order. */
static double effective(enum calib_op op, uint32_t threads)
{
    return figure((struct calib_row){.group = CALIB_WRITE_RATIO,
                                     .op = op,
                                     .pattern = CALIB_SEQUENTIAL,
                                     .stat = CALIB_ISSUED_PER_MEDIA,
                                     .threads = threads,
                                     .access = 64});
}

Test(calibrate, evictions_leave_the_caches_out_of_order)
{
    for (uint32_t threads = 1; threads <= 2; threads++) {
        const double evicted = effective(CALIB_STORE, threads);
        cr_expect(evicted > 0.2 && evicted < 0.5, "%d: %g", (int)threads, evicted);
        cr_expect_gt(effective(CALIB_STORE_CLWB, threads), 0.95);
    }
}

/* Writes of 10 us and more: how long, and how many lie between. */
static double stall(enum calib_stat stat, uint64_t region)
{
    return figure((struct calib_row){.group = CALIB_OVERWRITE,
                                     .op = CALIB_NTSTORE,
                                     .pattern = CALIB_SEQUENTIAL,
                                     .stat = stat,
                                     .access = 256,
                                     .region = region,
                                     .fence = 256});
}

Test(calibrate, hotspots_stall_while_their_blocks_move)
{
    const double one = stall(CALIB_WRITES_BETWEEN, 256);
    cr_expect(one > 14000 && one < 16500, "%g", one);
    for (uint64_t region = 256; region <= 32768; region *= 2) {
        const double ns = stall(CALIB_STALL, region);
        cr_expect(ns > 35000 && ns < 55000, "%d: %g", (int)region, ns);
    }
    for (uint64_t region = 128 << 10; region <= 1 << 20; region *= 2)
        cr_expect_eq(stall(CALIB_STALL, region), 0, "none at all");
}

/* Scattered lines: the buffer takes as long for one as for four that combine. The knees are those
 * of the WPQ and of the store queue. */
Test(calibrate, scattered_writes_have_the_knees_of_the_queues)
{
    const double in_wpq = chase(CALIB_NTSTORE, 64, 512), in_queue = chase(CALIB_NTSTORE, 64, 4096),
                 beyond = chase(CALIB_NTSTORE, 64, 16384), far = chase(CALIB_NTSTORE, 64, 1 << 20);
    cr_expect(in_wpq < 45 && in_queue < 32, "%g, %g", in_wpq, in_queue);
    cr_expect(beyond > 45 && beyond < 75, "%g", beyond);
    cr_expect(far > 100 && far < 120, "%g", far);
    cr_expect_lt(chase(CALIB_NTSTORE, 256, 1 << 20), 0.3 * far);
}
