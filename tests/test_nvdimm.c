/* test_nvdimm.c - the NVDIMM: times in closed form, counters, what it tells the domain. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "tests/nvdimm_least.h"

#define NS UINT64_C(1000)

/* No look-up, no wear: each time is a sum of few parts. */
static const struct nvdimm_config plain = {.modules = 1,
                                           .interleave = 4096,
                                           .wpq_lines = 4,
                                           .rpq_lines = 64,
                                           .store_queue = 64,
                                           .buffer_lines = 64,
                                           .buffer_leaving = 64,
                                           .buffer_ahead = 4,
                                           .ait_entries = 4096,
                                           .partitions = 4,
                                           .wear_cooling = 1,
                                           .wear_delay = 1,
                                           .wpq_accept = 30 * NS,
                                           .link_read = 20 * NS,
                                           .link_write = 20 * NS,
                                           .read_path = 100 * NS,
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
    cr_expect(c->reads == 20 && c->buffer.misses == 5 && c->buffer.hits == 15 &&
              c->media.reads == 5 && c->media.writes == 0);
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
    cr_expect_eq(go(n, MEM_LOAD, 4800, at + 20 * NS).done, at + 170 * NS,
                 "in the buffer from 50 on");
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
    cr_expect_eq(c->media.writes, 0, "all still in the buffer");
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

Test(nvdimm, other_bytes_of_a_queued_line_join_it)
{
    struct nvdimm *n = make(&plain, NULL);
    const struct nvdimm_counters *c = nvdimm_counters(n);
    go(n, MEM_CLWB, 0, 0);                   /* transferred from 30 to 50 ns */
    go_bytes(n, MEM_NTSTORE, 40 * 64, 8, 0); /* from 50 to 70 */
    cr_expect_eq(go_bytes(n, MEM_NTSTORE, 40 * 64 + 8, 8, 10 * NS).done, 40 * NS);
    cr_expect_eq(c->wpq_merges, 1);
    go(n, MEM_CLWB, 40, 10 * NS); /* overwrites: an entry of its own, 70 to 90 */
    go(n, MEM_CLWB, 80, 10 * NS);
    cr_expect_eq(c->wpq_merges, 1);
    cr_expect_eq(go(n, MEM_CLWB, 120, 10 * NS).done, 50 * NS, "entries: 0, 40, 40, 80");
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
    c.buffer_lines = c.buffer_leaving = 2;
    c.buffer_ahead = c.buffer_young = 1;
    struct nvdimm *n = make(&c, NULL);
    static const struct {
        uint64_t xpline;
        int hit;
    } order[] = {{0, 0}, {1, 0}, {0, 1}, {2, 0}, {0, 1}, {1, 0}, {2, 0}, {1, 1}};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint64_t hits = nvdimm_counters(n)->buffer.hits;
        go(n, MEM_LOAD, order[i].xpline * 4, (1 + i) * 1000 * NS);
        cr_expect_eq(nvdimm_counters(n)->buffer.hits - hits, (uint64_t)order[i].hit, "%zu", i);
    }
    nvdimm_free(n);
}

/* The one line of the buffer is open: it has to leave, 400, before the read's line can come. */
Test(nvdimm, a_read_waits_for_room_in_the_buffer)
{
    struct nvdimm_config c = plain;
    c.buffer_lines = c.buffer_leaving = c.buffer_ahead = 1;
    struct nvdimm *n = make(&c, NULL);
    go(n, MEM_CLWB, 0, 0);
    cr_expect_eq(go(n, MEM_LOAD, 4, 1000 * NS).done, (1000 + 400 + 150 + 100 + 20) * NS);
    cr_expect_eq(nvdimm_counters(n)->buffer.partial, 1);
    nvdimm_free(n);
}

/* A line whose bytes were all written leaves at once. Until it is on the media a read goes there,
 * too, but only the first one; a write waits, and what comes after it in the queues. */
Test(nvdimm, a_whole_line_leaves_and_is_locked)
{
    struct nvdimm *n = make(&plain, NULL);
    const struct nvdimm_counters *c = nvdimm_counters(n);
    for (uint64_t i = 0; i < 4; i++)
        go(n, MEM_NTSTORE, i, 0); /* the last one arrives at 110, on the media at 510 */
    nvdimm_settle(n, 110 * NS);
    cr_expect(c->buffer.whole == 1 && c->media.writes == 1);
    cr_expect_eq(go(n, MEM_LOAD, 1, 600 * NS).done, (600 + 270) * NS, "its bytes are gone");
    cr_expect_eq(go(n, MEM_LOAD, 2, 1000 * NS).done, (1000 + 120) * NS);
    struct nvdimm_config one = plain;
    one.store_queue = 1;
    struct nvdimm *locked = make(&one, NULL);
    for (uint64_t i = 0; i < 4; i++)
        go(locked, MEM_NTSTORE, i, 0);
    go(locked, MEM_NTSTORE, 0, 200 * NS); /* comes at 250, waits in the store queue until 510 */
    for (uint64_t i = 0; i < 3; i++)
        cr_expect_eq(go(locked, MEM_NTSTORE, 400 + i * 4, 200 * NS).done, 230 * NS, "WPQ of 4");
    cr_expect_eq(go(locked, MEM_NTSTORE, 480, 200 * NS).done, 250 * NS, "line 0 transferred");
    cr_expect_eq(go(locked, MEM_NTSTORE, 484, 200 * NS).done, 530 * NS, "the next one");
    nvdimm_free(n);
    nvdimm_free(locked);
}

/* They pause the one at work, too. */
Test(nvdimm, reads_go_before_writes_that_wait)
{
    struct nvdimm_config c = plain;
    c.partitions = 1;
    struct nvdimm *n = make(&c, NULL);
    for (uint64_t i = 0; i < 40; i++)
        go(n, MEM_NTSTORE, i, 0); /* ten lines: the media writes from 110 to 4110 */
    cr_expect_eq(go(n, MEM_LOAD, 4000, 1000 * NS).done, (1000 + 270) * NS);
    cr_expect_eq(nvdimm_drain(n, 0), 4110 * NS);
    nvdimm_free(n);
}

/* Lines of one 256-byte line that are queued together go to the buffer at once, in the time that
 * one line takes; a read of queued bytes waits for them. */
Test(nvdimm, queued_lines_combine)
{
    struct nvdimm_config c = plain;
    c.store_interval = 1000 * NS;
    c.store_queue = 64;
    for (uint64_t step = 1; step <= 4; step *= 4) {
        struct nvdimm *n = make(&c, NULL);
        const struct nvdimm_counters *k = nvdimm_counters(n);
        for (uint64_t i = 0; i < 16; i++)
            go(n, MEM_CLWB, i * step, 0); /* the first one's batch starts when it comes, at 50 */
        cr_expect_eq(go(n, MEM_LOAD, 15 * step, 500 * NS).done,
                     (step == 1 ? 4050 + 270 : 15050 + 120) * NS, "the whole one has left");
        nvdimm_drain(n, 0);
        cr_expect_eq(k->queue.batches, step == 1 ? 5 : 16);
        cr_expect_eq(k->queue.combined, step == 1 ? 11 : 0);
        cr_expect_eq(k->media.writes, step == 1 ? 4 : 16);
        nvdimm_free(n);
    }
}

/* Written over while they are queued: twice to the buffer, in order; the queue holds both. */
Test(nvdimm, queued_lines_that_are_written_over_do_not_vanish)
{
    struct nvdimm_config c = plain;
    c.store_interval = 1000 * NS;
    c.store_queue = 8;
    struct nvdimm *n = make(&c, NULL);
    ps_t at = 0;
    for (uint64_t i = 0; i < 400; i++)
        at = go(n, MEM_NTSTORE, i % 4, at).done;
    nvdimm_drain(n, at);
    cr_expect_eq(nvdimm_counters(n)->media.writes, 100);
    cr_expect_gt(at, 95000 * NS, "no faster than a batch each 1000 ns");
    nvdimm_free(n);
}

Test(nvdimm, look_ups_and_their_buffer)
{
    struct nvdimm_config c = plain;
    c.ait_entries = 2;
    c.ait_lookup = 7 * NS;
    c.ait_miss = 60 * NS;
    c.media_back = 3 * NS;
    struct nvdimm *n = make(&c, NULL);
    static const struct {
        uint64_t page;
        int hit;
    } order[] = {{0, 0}, {0, 1}, {1, 0}, {0, 1}, {2, 0}, {0, 1}, {1, 0}, {2, 0}};
    for (uint64_t i = 0; i < sizeof order / sizeof *order; i++) {
        const ps_t at = i * 10000 * NS;
        cr_expect_eq(go(n, MEM_LOAD, order[i].page * 64 + i * 4, at).done - at,
                     (280 + (order[i].hit ? 0u : 60u)) * NS, "%d", (int)i);
    }
    cr_expect_eq(nvdimm_counters(n)->media.ait.hits, 3);
    cr_expect_eq(nvdimm_counters(n)->media.ait.misses, 5);
    nvdimm_free(n);
}

/* Lines written in a row to one, then to several modules: which module, by its wear. */
Test(nvdimm, modules_are_interleaved)
{
    for (uint32_t modules = 1; modules <= 6; modules++) {
        struct nvdimm_config c = plain;
        c.modules = modules;
        c.interleave = 1024;
        struct nvdimm *n = make(&c, NULL);
        /* 16 writes to each of 12 units of 1 KiB, all at once: each module has its own queues */
        ps_t last = 0;
        for (uint64_t i = 0; i < 12 * 16; i++) {
            const ps_t done = go(n, MEM_NTSTORE, i, 0).done;
            last = done > last ? done : last;
        }
        cr_expect_eq(last, (30 + 20 * ((12 + modules - 1) / modules * 16 - 4)) * NS, "%u: %llu",
                     modules, (unsigned long long)last);
        nvdimm_drain(n, 0);
        for (uint64_t i = 0; i < 12 * 16; i += 4)
            cr_expect_eq(nvdimm_line_writes(n, NVDIMM_BASE + i * 64), 1);
        cr_expect_eq(nvdimm_line_writes(n, NVDIMM_BASE + 12 * 16 * 64), 0);
        cr_expect_eq(nvdimm_counters(n)->media.wear.lines, 48);
        nvdimm_free(n);
    }
}

/* One line over and over heats its block by half a write each time: it moves after every 50 writes,
 * and takes none then. A block with less than half of the writes never does. */
Test(nvdimm, hot_blocks_move)
{
    struct nvdimm_config c = plain;
    c.wear_threshold = 25;
    c.wear_cooling = 2;
    c.migration = 100000 * NS;
    c.write_energy = 1000;
    for (int spread = 0; spread < 2; spread++) {
        struct nvdimm *n = make(&c, NULL);
        const struct nvdimm_counters *k = nvdimm_counters(n);
        uint64_t stalls = 0;
        ps_t at = 0;
        for (uint64_t i = 0; i < 1000; i++) {
            const ps_t from = at;
            const uint64_t xpline = spread ? i % 40u : 0;
            for (uint64_t s = 0; s < 4; s++)
                at = go(n, MEM_NTSTORE, xpline * 4 + s, at).done;
            at += 1000 * NS;
            stalls += at - from > 50000 * NS;
        }
        nvdimm_drain(n, at);
        if (spread) /* over three blocks */
            cr_expect(k->media.wear.migrations == 0 && stalls == 0);
        else
            cr_expect(k->media.wear.migrations == 20 && stalls >= 18 && stalls <= 20, "%d",
                      (int)stalls);
        cr_expect_eq(k->media.wear.most, spread ? 25 : 1000);
        cr_expect_eq(k->media.write_pj, 1000 * 2048);
        nvdimm_free(n);
    }
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
    c.buffer_lines = c.buffer_leaving = 8;
    /* single lines: each costs the one partition a write */
    cr_expect_eq(interval(&c, MEM_CLWB, 4, 4001), 400 * NS);
    /* whole 256-byte lines: one media write for four */
    cr_expect_eq(interval(&c, MEM_CLWB, 1, 4001), 100 * NS);
    /* four partitions: 100 for each partial write when they are all busy, and nearly so in truth */
    c.partitions = 4;
    c.buffer_lines = c.buffer_leaving = 64;
    c.buffer_ahead = 32;
    const ps_t spread = interval(&c, MEM_CLWB, 4, 40001);
    cr_expect(spread >= 99 * NS && spread < 112 * NS, "%d", (int)spread);
    /* and with a fast media, the link; with a fast link too, the way to the queue */
    c.media_write = 10 * NS;
    c.link_write = 33 * NS;
    cr_expect_eq(interval(&c, MEM_CLWB, 1, 4001), 33 * NS);
    c.link_write = 1 * NS;
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
    uint64_t writes = nvdimm_counters(nv)->media.writes;
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
        const uint64_t writes = nvdimm_counters(nv)->media.writes;
        if (lines <= 64)
            cr_expect_eq(writes, lines * 5);
        else /* random victims: some halves meet, e^(-144/64 * 0.85) of them */
            cr_expect(writes > lines * 8 && writes < lines * 10, "%d", (int)writes);
        nvdimm_free(nv);
    }
}

Test(nvdimm, refuses_impossible_values)
{
    char err[200] = "";
    struct nvdimm_config c = plain;
    uint32_t *counts[] = {&c.modules,      &c.wpq_lines,    &c.rpq_lines,
                          &c.store_queue,  &c.buffer_lines, &c.buffer_leaving,
                          &c.buffer_ahead, &c.ait_entries,  &c.partitions};
    ps_t *times[] = {&c.wpq_accept, &c.link_read,  &c.link_write,  &c.read_path,  &c.ait_lookup,
                     &c.ait_miss,   &c.media_read, &c.media_write, &c.media_back, &c.migration};
    const size_t n = sizeof counts / sizeof *counts;
    for (size_t i = 0; i < n + sizeof times / sizeof *times; i++) {
        for (int high = 0; high < 2; high++) {
            c = plain;
            if (i < n)
                *counts[i] = high ? 2000000 : 0;
            else
                *times[i - n] = UINT64_MAX;
            *err = 0;
            cr_expect_null(nvdimm_new(&c, NULL, err, sizeof err));
            cr_expect(strstr(err, "expected"), "%s", err);
        }
    }
    static const uint64_t wrong[] = {0, 128, 4095, 6144, UINT64_C(1) << 31};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        c = plain;
        c.interleave = wrong[i];
        cr_expect_null(nvdimm_new(&c, NULL, err, sizeof err));
        cr_expect(strstr(err, "power of two"), "%s", err);
    }
    c = nvdimm_least();
    c.interleave = 256;
    c.partitions = 3;
    struct nvdimm *nv = make(&c, NULL);
    for (uint64_t i = 0; i < 100; i++)
        cr_expect_eq(go(nv, i % 2 ? MEM_LOAD : MEM_CLWB, i * 3 % 7, i).done, i, "all times 0");
    nvdimm_free(nv);
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
        c.buffer_lines = c.buffer_leaving = 1 + (uint32_t)seed % 4;
        c.buffer_ahead = 1 + (uint32_t)seed % c.buffer_lines;
        c.store_queue = 1 + (uint32_t)seed % 3;
        c.modules = 1 + (uint32_t)seed % 3;
        c.interleave = 256;
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
                    cr_assert_not(durable(&w, line, t + c.link_write + c.media_write - 1));
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

/* ---- checkpoints ---- */

static void random_requests(struct nvdimm *n, uint64_t seed, ps_t from, ps_t *replies, int count)
{
    static const enum mem_kind kinds[] = {MEM_LOAD, MEM_NTSTORE, MEM_CLWB, MEM_WRITEBACK};
    uint64_t state = seed;
    for (int i = 0; i < count; i++) {
        const enum mem_kind kind = kinds[next_random(&state) % 4];
        const uint64_t line = next_random(&state) % (i % 3 ? 64 : 100000);
        from += next_random(&state) % 40 * NS;
        replies[i] = go(n, kind, line, from).done;
    }
}

/* What is read from a checkpoint goes on like what was written to it; damage is refused. */
Test(nvdimm, goes_on_from_a_checkpoint)
{
    enum { COUNT = 3000 };
    static ps_t first[COUNT], second[COUNT];
    struct nvdimm_config c = plain;
    c.modules = 2;
    c.wear_threshold = 4;
    c.wear_cooling = 400;
    c.wear_delay = 30;
    c.migration = 900 * NS;
    c.buffer_leaving = 9;
    struct nvdimm *a = make(&c, NULL), *b = make(&c, NULL);
    random_requests(a, 1, 0, first, COUNT);
    struct archive out, in;
    archive_begin(&out);
    nvdimm_archive(a, &out);
    cr_assert_eq(archive_seal(&out), 0);
    cr_assert_eq(archive_open(&in, out.bytes, out.n), 0);
    nvdimm_archive(b, &in);
    cr_assert(!in.failed, "%s", in.failed);
    random_requests(a, 2, 60000 * NS, first, COUNT);
    random_requests(b, 2, 60000 * NS, second, COUNT);
    cr_expect_arr_eq(first, second, sizeof first);
    cr_expect_arr_eq(nvdimm_counters(a), nvdimm_counters(b), sizeof(struct nvdimm_counters));
    cr_expect_gt(nvdimm_counters(a)->media.wear.migrations, 0);
    nvdimm_free(b);
    /* cut off, or with a word changed: no harm, and requests still have answers */
    uint64_t state = 5;
    for (int i = 0; i < 300; i++) {
        struct archive cut;
        archive_begin(&cut);
        archive_raw(&cut, out.bytes + ARCHIVE_HEADER, out.n - ARCHIVE_HEADER - (size_t)i);
        const size_t at = ARCHIVE_HEADER + next_random(&state) % (cut.n - ARCHIVE_HEADER - 8);
        memset(cut.bytes + at, (int)next_random(&state), 1 + next_random(&state) % 8);
        cr_assert_eq(archive_seal(&cut), 0);
        cr_assert_eq(archive_open(&in, cut.bytes, cut.n), 0);
        b = make(&c, NULL);
        nvdimm_archive(b, &in);
        random_requests(b, 2, 60000 * NS, second, 300);
        nvdimm_free(b);
        archive_free(&cut);
    }
    archive_free(&out);
    nvdimm_free(a);
}
