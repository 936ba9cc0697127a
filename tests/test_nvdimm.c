/* test_nvdimm.c - the NVDIMM: times in closed form, counters, what it tells the domain. */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdlib.h>
#include <string.h>

#include "nvdimm/nvdimm.h"
#include "sim/quantity.h"

#define NS UINT64_C(1000)

static const struct nvdimm_config plain = {.wpq_lines = 4,
                                           .buffer_lines = 64,
                                           .partitions = 4,
                                           .wpq_accept = 30 * NS,
                                           .transfer = 20 * NS,
                                           .buffer_access = 100 * NS,
                                           .media_read = 150 * NS,
                                           .media_write = 400 * NS};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static struct nvdimm *make(const struct nvdimm_config *cfg, struct domain *domain)
{
    char err[200];
    struct nvdimm *n = nvdimm_new(cfg, domain, err, sizeof err);
    cr_assert(n, "%s", err);
    return n;
}

static struct mem_reply go_bytes(struct nvdimm *n, enum mem_kind kind, uint64_t addr,
                                 uint16_t bytes, ps_t at)
{
    struct mem_port port = nvdimm_port(n);
    struct mem_req req = {
        .addr = NVDIMM_BASE + addr, .at = at, .bytes = bytes, .kind = (uint8_t)kind};
    struct mem_reply reply = port_access(&port, &req);
    return reply;
}

/* A request for the whole line with this number. */
static struct mem_reply go(struct nvdimm *n, enum mem_kind kind, uint64_t line, ps_t at)
{
    return go_bytes(n, kind, line * 64, 64, at);
}

Test(nvdimm, idle_times_are_the_sums_of_their_parts)
{
    struct nvdimm *n = make(&plain, NULL);
    static const enum mem_kind reads[] = {MEM_LOAD, MEM_FETCH, MEM_STORE, MEM_WALK, MEM_PREFETCH};
    for (uint64_t i = 0; i < 5; i++) {
        ps_t at = (1 + i) * 10000 * NS;
        struct mem_reply r = go(n, reads[i], i * 4, at);
        cr_expect_eq(r.done - at, (150 + 100 + 20) * NS, "miss");
        cr_expect_eq(r.source, SRC_NVDIMM);
        for (uint64_t k = 1; k < 4; k++) {
            r = go(n, reads[i], i * 4 + k, at + k * 1000 * NS);
            cr_expect_eq(r.done - at - k * 1000 * NS, (100 + 20) * NS, "same 256 bytes");
        }
    }
    const struct nvdimm_counters *c = nvdimm_counters(n);
    cr_expect(c->reads == 20 && c->buffer_misses == 5 && c->buffer_hits == 15 &&
              c->media_reads == 5 && c->media_writes == 0);
    /* A second read of a line that is still on its way waits for it, and for the link. */
    ps_t at = 1000000 * NS;
    cr_expect_eq(go(n, MEM_LOAD, 4000, at).done, at + 270 * NS);
    cr_expect_eq(go(n, MEM_LOAD, 4001, at + 10 * NS).done, at + 290 * NS);
    /* One from the past does not wait behind either of them. */
    cr_expect_eq(go(n, MEM_LOAD, 8000, at - 500 * NS).done, at - (500 - 270) * NS);
    /* Writes are done when they are in the queue; a read finds them there. */
    at = 2000000 * NS;
    cr_expect_eq(go(n, MEM_CLWB, 4800, at).done, at + 30 * NS);
    cr_expect_eq(go(n, MEM_LOAD, 4800, at + 5 * NS).done, at + 65 * NS, "in the queue");
    cr_expect_eq(go(n, MEM_LOAD, 4800, at + 20 * NS).done, at + 140 * NS, "in the buffer by then");
    cr_expect_eq(go(n, MEM_LOAD, 4801, at + 500 * NS).done, at + 770 * NS, "the rest is not");
    cr_expect_eq(c->wpq_forwards, 1);
    nvdimm_free(n);
}

Test(nvdimm, a_full_queue_makes_writes_wait_for_transfers)
{
    struct nvdimm *n = make(&plain, NULL);
    ps_t wait = 0;
    for (uint64_t i = 0; i < 40; i++) {
        /* all at time 0: the queue of 4 moves on by one line each 20 ns */
        struct mem_reply r = go(n, i % 2 ? MEM_WRITEBACK : MEM_NTSTORE, i * 4, 0);
        cr_expect_eq(r.done, i < 4 ? 30 * NS : (30 + 20 * (i - 3)) * NS);
        cr_expect_eq(r.source, i < 4 ? SRC_NVDIMM : SRC_WPQ_FULL);
        wait += r.done - 30 * NS;
    }
    const struct nvdimm_counters *c = nvdimm_counters(n);
    cr_expect_eq(c->writes, 40);
    cr_expect_eq(c->wpq_full, 36);
    cr_expect_eq(c->wpq_wait_ps, wait);
    cr_expect_eq(c->media_writes, 0, "all still in the buffer");
    /* long after, it is empty again */
    cr_expect_eq(go(n, MEM_CLFLUSH, 9999, 5000 * NS).done, 5030 * NS);
    /* and in the past, it was never full */
    struct nvdimm *late = make(&plain, NULL);
    for (uint64_t i = 0; i < 10; i++)
        go(late, MEM_CLWB, i * 4, 1000 * NS);
    cr_expect_eq(go(late, MEM_CLWB, 400, 100 * NS).done, 130 * NS);
    nvdimm_free(n);
    nvdimm_free(late);
}

Test(nvdimm, writes_to_a_queued_line_merge)
{
    struct nvdimm *n = make(&plain, NULL);
    const struct nvdimm_counters *c = nvdimm_counters(n);
    go(n, MEM_CLWB, 0, 0);  /* transferred from 30 to 50 ns */
    go(n, MEM_CLWB, 40, 0); /* from 50 to 70 */
    cr_expect_eq(go(n, MEM_CLWB, 40, 10 * NS).done, 40 * NS);
    cr_expect_eq(c->wpq_merges, 1);
    go(n, MEM_CLWB, 0, 10 * NS); /* its transfer has begun: a new entry, 70 to 90 */
    cr_expect_eq(c->wpq_merges, 1);
    go(n, MEM_CLWB, 80, 10 * NS);
    cr_expect_eq(go(n, MEM_CLWB, 120, 10 * NS).done, 50 * NS, "entries: 40, 0, 80; first is free");
    cr_expect_eq(c->writes, 6);
    nvdimm_free(n);
}

/* Parts of a line in the queue cannot answer a read: the buffer has to put them together. */
Test(nvdimm, a_read_of_a_half_queued_line)
{
    for (int pieces = 7; pieces <= 8; pieces++) {
        struct nvdimm *n = make(&plain, NULL);
        go(n, MEM_CLWB, 0, 0); /* transferred from 30 to 50 ns; the next from 50 to 70 */
        for (uint64_t i = 0; i < (uint64_t)pieces; i++)
            cr_expect_eq(go_bytes(n, MEM_NTSTORE, 40 * 64 + i * 8, 8, 0).done, 30 * NS);
        cr_expect_eq(nvdimm_counters(n)->wpq_merges, (uint64_t)pieces - 1);
        ps_t done = go(n, MEM_LOAD, 40, 0).done;
        cr_expect_eq(done, pieces == 8 ? 60 * NS : (70 + 150 + 100 + 20) * NS);
        nvdimm_free(n);
    }
}

Test(nvdimm, the_buffer_keeps_what_was_used_last)
{
    struct nvdimm_config c = plain;
    c.buffer_lines = 2;
    struct nvdimm *n = make(&c, NULL);
    static const struct {
        uint64_t xpline;
        int hit;
    } order[] = {{0, 0}, {1, 0}, {0, 1}, {2, 0}, {0, 1}, {1, 0}, {2, 0}, {1, 1}};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint64_t hits = nvdimm_counters(n)->buffer_hits;
        go(n, MEM_LOAD, order[i].xpline * 4, (1 + i) * 1000 * NS);
        cr_expect_eq(nvdimm_counters(n)->buffer_hits - hits, (uint64_t)order[i].hit, "%zu", i);
    }
    nvdimm_free(n);
}

/* 9 half-written lines for one partition fill the buffer of one line and the media queue of 8 (four
 * for each of two partitions). A read that needs the buffer waits for the first of them, 50 + 550.
 */
Test(nvdimm, a_read_waits_for_room_in_the_buffer)
{
    struct nvdimm_config c = plain;
    c.buffer_lines = 1;
    c.partitions = 2;
    struct nvdimm *n = make(&c, NULL);
    for (uint64_t i = 0; i < 9; i++)
        go(n, MEM_CLWB, i * 8, 0);
    cr_expect_eq(go(n, MEM_LOAD, 4, 0).done, (600 + 100 + 20) * NS);
    nvdimm_free(n);
}

/* Time between the acceptances of writes in the long run, after `warm` of them. */
static ps_t interval(const struct nvdimm_config *cfg, enum mem_kind kind, uint64_t step, uint64_t n)
{
    struct nvdimm *nv = make(cfg, NULL);
    ps_t first = 0, last = 0;
    uint64_t warm = n / 2;
    for (uint64_t i = 0; i < n; i++) {
        last = go(nv, kind, i * step, last).done;
        if (i == warm)
            first = last;
    }
    nvdimm_free(nv);
    return (last - first) / (n - 1 - warm);
}

Test(nvdimm, sustained_writes_come_down_to_the_slowest_stage)
{
    struct nvdimm_config c = plain;
    c.partitions = 1;
    c.buffer_lines = 8;
    /* single lines: each costs the one partition a read and a write */
    cr_expect_eq(interval(&c, MEM_CLWB, 4, 4001), 550 * NS);
    /* whole 256-byte lines: one media write for four */
    cr_expect_eq(interval(&c, MEM_CLWB, 1, 4001), 100 * NS);
    /* four partitions in turn: 100 for each partial write of 550 / 4 */
    c.partitions = 4;
    cr_expect_eq(interval(&c, MEM_CLWB, 4, 4001), 137500);
    /* and with a fast media, the link; with a fast link too, the way to the queue */
    c.media_write = 10 * NS;
    c.transfer = 33 * NS;
    cr_expect_eq(interval(&c, MEM_CLWB, 1, 4001), 33 * NS);
    c.transfer = 1 * NS;
    cr_expect_eq(interval(&c, MEM_CLWB, 1, 4001), 30 * NS);
}

/* Lines of 256 bytes that the media wrote, for `n` lines of 64 bytes written in the given order. */
static uint64_t media_writes(enum mem_kind kind, uint16_t bytes, uint64_t n, int random)
{
    struct nvdimm *nv = make(&plain, NULL);
    uint64_t seed = 3;
    ps_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t line = random ? next_random(&seed) << 20 | i << 2 : i;
        for (uint64_t k = 0; k < 64u / bytes; k++)
            at = go_bytes(nv, kind, (line & 0xffffffff) * 64 + k * bytes, bytes, at).done;
    }
    nvdimm_drain(nv, at);
    uint64_t writes = nvdimm_counters(nv)->media_writes;
    nvdimm_free(nv);
    return writes;
}

Test(nvdimm, write_amplification)
{
    cr_expect_eq(media_writes(MEM_CLWB, 64, 4000, 0), 1000, "sequential: 1");
    cr_expect_eq(media_writes(MEM_CLWB, 64, 4000, 1), 4000, "random 64 B: 4");
    cr_expect_eq(media_writes(MEM_NTSTORE, 8, 4000, 0), 1000, "pieces of lines do not count twice");
    /* Half of each 256-byte line of a region, then the other halves: 1 while the region fits. */
    for (uint64_t lines = 16; lines <= 240; lines *= 3) {
        struct nvdimm *nv = make(&plain, NULL);
        ps_t at = 0;
        for (uint64_t pass = 0; pass < 10; pass++) {
            for (uint64_t i = 0; i < lines * 2; i++)
                at = go(nv, MEM_NTSTORE, i / 2 * 4 + i % 2 + pass % 2 * 2, at).done;
        }
        nvdimm_drain(nv, at);
        cr_expect_eq(nvdimm_counters(nv)->media_writes, lines * (lines <= 64 ? 5 : 10));
        nvdimm_free(nv);
    }
}

Test(nvdimm, a_read_saves_the_read_of_a_later_partial_write)
{
    struct nvdimm *nv = make(&plain, NULL);
    const struct nvdimm_counters *c = nvdimm_counters(nv);
    go(nv, MEM_LOAD, 0, 0);
    go(nv, MEM_CLWB, 1, 1000 * NS);
    cr_expect_eq(nvdimm_drain(nv, 2000 * NS), 2400 * NS, "a write alone");
    go(nv, MEM_CLWB, 4, 3000 * NS);
    cr_expect_eq(nvdimm_drain(nv, 4000 * NS), 4550 * NS, "read, modify, write");
    cr_expect(c->media_reads == 2 && c->media_writes == 2);
    cr_expect_eq(nvdimm_drain(nv, 9000 * NS), 9000 * NS, "nothing left");
    nvdimm_free(nv);
}

Test(nvdimm, refuses_impossible_values)
{
    char err[200] = "";
    for (int i = 0; i < 8; i++) {
        struct nvdimm_config c = plain;
        uint32_t *counts[] = {&c.wpq_lines, &c.buffer_lines, &c.partitions};
        ps_t *times[] = {&c.wpq_accept, &c.transfer, &c.buffer_access, &c.media_read,
                         &c.media_write};
        for (int high = 0; high < 2; high++) {
            if (i < 3)
                *counts[i] = high ? 70000 : 0;
            else
                *times[i - 3] = UINT64_MAX;
            *err = 0;
            cr_expect_null(nvdimm_new(&c, NULL, err, sizeof err));
            cr_expect(strstr(err, "expected"), "%s", err);
        }
    }
    struct nvdimm_config c = {.wpq_lines = 1, .buffer_lines = 1, .partitions = 3};
    struct nvdimm *n = make(&c, NULL);
    for (uint64_t i = 0; i < 100; i++)
        cr_expect_eq(go(n, i % 2 ? MEM_LOAD : MEM_CLWB, i * 3 % 7, i).done, i, "all times 0");
    nvdimm_free(n);
}

/* ---- with a domain ---- */

enum { LINES = 12 };

struct world {
    struct domain *domain;
    struct nvdimm *nv;
    uint8_t memory[LINES][64];
    ps_t accepted[LINES]; /* when the last store was accepted; 0: not flushed */
};

static void world_store(struct world *w, uint64_t line, uint64_t word, uint64_t value, int nt,
                        ps_t at)
{
    uint64_t addr = line * 64 + word * 8;
    struct domain_store s = {.addr = NVDIMM_BASE + addr,
                             .new_bytes = value,
                             .at = at,
                             .bytes = 8,
                             .nontemporal = (uint8_t)nt};
    memcpy(&s.old_bytes, w->memory[line] + word * 8, 8);
    memcpy(w->memory[line] + word * 8, &value, 8);
    domain_store(w->domain, &s);
    w->accepted[line] = 0;
    if (nt)
        w->accepted[line] = go_bytes(w->nv, MEM_NTSTORE, addr, 8, at).done;
    else
        go_bytes(w->nv, MEM_VISIBLE, addr, 8, at);
}

static int durable(const struct world *w, uint64_t line, ps_t t)
{
    uint8_t copy[64];
    memcpy(copy, w->memory[line], 64);
    return !domain_durable_line(w->domain, NVDIMM_BASE + line * 64, t, copy);
}

/*
 * Small queue and buffer, random stores, flushes and reads. ADR: a line is durable exactly from its
 * acceptance on. Media: never before acceptance plus transfer plus media write, and all of it once
 * the module has been drained.
 */
Test(nvdimm, tells_the_domain_what_is_durable_and_when)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        enum domain_point point = seed % 2 ? DOMAIN_ADR : DOMAIN_NONE;
        struct nvdimm_config c = plain;
        c.wpq_lines = 1 + (uint32_t)seed % 5;
        c.buffer_lines = 1 + (uint32_t)seed % 4;
        struct world w = {.domain = domain_new(point)};
        w.nv = make(&c, w.domain);
        uint64_t state = seed;
        ps_t at = NS, last = 0;
        for (int i = 0; i < 300; i++) {
            uint64_t line = next_random(&state) % LINES, what = next_random(&state) % 8;
            at += next_random(&state) % 60 * NS;
            if (what < 4) {
                /* an ordinary store and its flush, or a non-temporal one: whole in the end */
                world_store(&w, line, next_random(&state) % 8, next_random(&state), what < 2, at);
                if (what >= 2)
                    w.accepted[line] = go(w.nv, MEM_CLWB, line, at).done;
                ps_t t = w.accepted[line];
                last = t > last ? t : last;
                if (point == DOMAIN_ADR)
                    cr_assert(durable(&w, line, t) && !durable(&w, line, t - 1));
                else
                    cr_assert_not(durable(&w, line, t + c.transfer + c.media_write - 1));
            } else if (what < 6) {
                go(w.nv, MEM_LOAD, line, at);
            } else {
                go(w.nv, MEM_CLWB, line, at);
            }
        }
        ps_t end = nvdimm_drain(w.nv, at);
        for (uint64_t line = 0; line < LINES; line++) {
            cr_assert(durable(&w, line, end > last ? end : last), "seed %d line %d", (int)seed,
                      (int)line);
        }
        domain_settle(w.domain, end);
        cr_assert_eq(domain_counters(w.domain)->lines_now, 0);
        nvdimm_free(w.nv);
        domain_free(w.domain);
    }
}

Test(nvdimm, a_store_after_the_flush_is_not_carried)
{
    struct world w = {.domain = domain_new(DOMAIN_ADR)};
    w.nv = make(&plain, w.domain);
    world_store(&w, 1, 0, 11, 0, 100 * NS);
    cr_expect_eq(go(w.nv, MEM_CLWB, 1, 200 * NS).done, 230 * NS);
    cr_expect_not(durable(&w, 1, 230 * NS - 1));
    cr_expect(durable(&w, 1, 230 * NS));
    world_store(&w, 1, 0, 12, 0, 201 * NS);
    cr_expect_not(durable(&w, 1, 1000000 * NS));
    nvdimm_free(w.nv);
    domain_free(w.domain);
}

/* ---- the default machine against published measurements ---- */

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static ps_t duration(const char *text)
{
    uint64_t ps = 0;
    char err[200];
    cr_assert_eq(quantity_parse(QUANTITY_TIME, text, &ps, err, sizeof err), 0);
    return ps;
}

/* The nvdimm rows of keys.def. */
static struct nvdimm_config defaults(void)
{
    const struct {
        const char *path, *text;
    } rows[] = {
#define KEY(path, field, type, text, ...) {path, text},
#define ENUM(path, field, choices, text, ...)
#define LIMIT(...)
#include "sim/keys.def"
    };
    struct nvdimm_config c = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *name = strncmp(rows[i].path, "nvdimm.", 7) ? "" : rows[i].path + 7;
        if (!strcmp(name, "wpq"))
            c.wpq_lines = (uint32_t)number(rows[i].text);
        if (!strcmp(name, "buffer"))
            c.buffer_lines = (uint32_t)number(rows[i].text);
        if (!strcmp(name, "partitions"))
            c.partitions = (uint32_t)number(rows[i].text);
        if (!strcmp(name, "wpq_accept"))
            c.wpq_accept = duration(rows[i].text);
        if (!strcmp(name, "transfer"))
            c.transfer = duration(rows[i].text);
        if (!strcmp(name, "buffer_access"))
            c.buffer_access = duration(rows[i].text);
        if (!strcmp(name, "media_read"))
            c.media_read = duration(rows[i].text);
        if (!strcmp(name, "media_write"))
            c.media_write = duration(rows[i].text);
    }
    return c;
}

/* Lookups of L1, L2 and LLC before the module is asked: 4 + 14 + 48 cycles of 455 ps. */
#define CACHES (UINT64_C(66) * 455)

/* Mean ps of one blocking read; step 0: random lines of 1 GiB. */
static double read_latency(uint64_t region_lines, uint64_t step)
{
    struct nvdimm_config c = defaults();
    struct nvdimm *n = make(&c, NULL);
    uint64_t seed = 1, total = 20000;
    ps_t at = 0;
    for (uint64_t i = 0; i < total; i++) {
        uint64_t line = step ? i * step % region_lines : next_random(&seed) % region_lines;
        at = go(n, MEM_LOAD, line, at + CACHES).done;
    }
    nvdimm_free(n);
    return (double)at / (double)total;
}

/* GB/s of one thread's writes with `window` under way; step 0: random. */
static double write_rate(enum mem_kind kind, uint64_t step, unsigned window)
{
    struct nvdimm_config c = defaults();
    struct nvdimm *n = make(&c, NULL);
    ps_t busy[16] = {0}, at = 0;
    uint64_t seed = 1, total = 40000;
    for (uint64_t i = 0; i < total; i++) {
        uint64_t line = step ? i * step : next_random(&seed) % (1u << 24);
        if (busy[i % window] > at)
            at = busy[i % window];
        busy[i % window] = go(n, kind, line, at + CACHES).done;
        at += 455;
    }
    nvdimm_free(n);
    return 64.0 * (double)total / (double)at * 1000;
}

static void near(const char *what, double got, double published, double percent)
{
    cr_log_info("%s: %.3f, published %.3f\n", what, got, published); /* with --verbose=1 */
    cr_expect(got > published * (1 - percent / 100) && got < published * (1 + percent / 100),
              "%s: %g, published %g", what, got, published);
}

Test(nvdimm, default_machine_is_near_the_published_one)
{
    const uint64_t gib = (UINT64_C(1) << 30) / 64;
    near("read.random.ns", read_latency(gib, 0) / 1000, 305, 3);
    near("read.in-buffer.ns", read_latency(64, 1) / 1000, 169.4, 5);
    near("ntstore.sequential.GB/s", write_rate(MEM_NTSTORE, 1, 12), 2.22, 5);
    near("ntstore.random.GB/s", write_rate(MEM_NTSTORE, 0, 12), 0.555, 10);
    struct nvdimm_config c = defaults();
    struct nvdimm *n = make(&c, NULL);
    near("clwb.accept.ns", (double)(go(n, MEM_CLWB, 0, CACHES).done) / 1000, 62.3, 10);
    nvdimm_free(n);
}
