/* test_dram_cache.c - memory mode: what each request costs, exactly; who is kept; checkpoints. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "memhier/dram_cache.h"

/* Two memories that answer after fixed times and note what they were asked. */
enum { D = 50, W = 10, F = 300, FW = 20, BASE = 1 << 30, SIZE = 64 << 10, LOG = 64 };

struct note {
    char memory; /* 'D' or 'F' */
    uint8_t kind;
    uint64_t addr;
    ps_t at;
};

struct rig {
    struct note log[LOG];
    uint32_t n;
    struct dram_cache *cache;
};

static int is_write(unsigned kind)
{
    return kind == MEM_WRITEBACK;
}

static struct mem_reply note(struct rig *r, char memory, const struct mem_req *q, ps_t read,
                             ps_t write, uint32_t source)
{
    cr_assert_eq(q->bytes, 64);
    cr_assert_eq(q->addr % 64, 0);
    r->log[r->n++ % LOG] = (struct note){memory, q->kind, q->addr, q->at};
    return (struct mem_reply){.done = q->at + (is_write(q->kind) ? write : read), .source = source};
}

static struct mem_reply dram(void *self, const struct mem_req *q)
{
    return note(self, 'D', q, D, W, SRC_DRAM);
}

static struct mem_reply far(void *self, const struct mem_req *q)
{
    return note(self, 'F', q, F, FW, SRC_NVDIMM);
}

static void make(struct rig *r, uint32_t ways)
{
    char err[300];
    *r = (struct rig){0};
    const struct dram_cache_config c = {
        .bytes = SIZE, .ways = ways, .dram = {dram, r}, .far = {far, r}, .far_base = BASE};
    r->cache = dram_cache_new(&c, err, sizeof err);
    cr_assert(r->cache, "%s", err);
}

static struct mem_reply go(struct rig *r, enum mem_kind kind, uint64_t addr, ps_t at)
{
    const struct mem_port port = dram_cache_port(r->cache);
    const struct mem_req q = {.addr = addr, .at = at, .bytes = 64, .kind = (uint8_t)kind};
    r->n = 0;
    return port_access(&port, &q);
}

static void expect_note(const struct rig *r, uint32_t i, char memory, unsigned kind, uint64_t addr,
                        ps_t at)
{
    const struct note *n = &r->log[i];
    cr_expect(i < r->n && n->memory == memory && n->kind == kind && n->addr == addr && n->at == at,
              "access %u of %u: %c kind %u address %llx at %llu", i, r->n, n->memory, n->kind,
              (unsigned long long)n->addr, (unsigned long long)n->at);
}

Test(dram_cache, a_read_costs_one_dram_access_or_three)
{
    struct rig r;
    make(&r, 1);
    struct mem_reply miss = go(&r, MEM_LOAD, 4096, 1000);
    cr_expect_eq(miss.done, 1000 + D + F);
    cr_expect_eq(miss.source, SRC_NVDIMM);
    cr_expect_eq(r.n, 3);
    expect_note(&r, 0, 'D', MEM_LOAD, 4096, 1000);
    expect_note(&r, 1, 'F', MEM_LOAD, BASE + 4096, 1000 + D);
    expect_note(&r, 2, 'D', MEM_WRITEBACK, 4096, 1000 + D + F);
    struct mem_reply hit = go(&r, MEM_FETCH, 4096, 5000);
    cr_expect_eq(hit.done, 5000 + D);
    cr_expect_eq(hit.source, SRC_DRAM);
    cr_expect_eq(r.n, 1);
    dram_cache_free(r.cache);
}

Test(dram_cache, a_write_costs_two_dram_accesses_or_four)
{
    struct rig r;
    make(&r, 1);
    cr_expect_eq(go(&r, MEM_WRITEBACK, 128, 1000).done, 1000 + D + F + W);
    cr_expect_eq(r.n, 4);
    expect_note(&r, 0, 'D', MEM_LOAD, 128, 1000);
    expect_note(&r, 1, 'F', MEM_LOAD, BASE + 128, 1000 + D);
    expect_note(&r, 2, 'D', MEM_WRITEBACK, 128, 1000 + D + F);
    expect_note(&r, 3, 'D', MEM_WRITEBACK, 128, 1000 + D + F);
    cr_expect_eq(go(&r, MEM_CLWB, 128, 5000).done, 5000 + D + W);
    cr_expect_eq(r.n, 2);
    dram_cache_free(r.cache);
}

/* Two lines that differ by the size push each other out, the dirty ones to the far memory. */
Test(dram_cache, direct_mapped_lines_conflict)
{
    struct rig r;
    make(&r, 1);
    for (uint64_t i = 0; i < 10; i++)
        cr_expect_eq(go(&r, MEM_LOAD, i % 2 * SIZE, 1000 * i).done, 1000 * i + D + F);
    cr_expect_eq(dram_cache_counters(r.cache)->writebacks, 0, "clean victims cost nothing");
    go(&r, MEM_NTSTORE, 0, 20000);
    cr_expect_eq(go(&r, MEM_LOAD, SIZE, 30000).done, 30000 + D + F);
    cr_expect_eq(r.n, 4);
    expect_note(&r, 1, 'F', MEM_WRITEBACK, BASE, 30000 + D);
    expect_note(&r, 2, 'F', MEM_LOAD, BASE + SIZE, 30000 + D);
    expect_note(&r, 3, 'D', MEM_WRITEBACK, 0, 30000 + D + F);
    const struct dram_cache_counters *k = dram_cache_counters(r.cache);
    cr_expect_eq(k->read_misses, 11);
    cr_expect_eq(k->read_hits + k->write_hits, 0);
    cr_expect_eq(k->write_misses, 1);
    cr_expect_eq(k->writebacks, 1);
    dram_cache_free(r.cache);
}

Test(dram_cache, a_line_under_way_is_waited_for)
{
    struct rig r;
    make(&r, 1);
    const ps_t there = go(&r, MEM_LOAD, 0, 0).done;
    cr_expect_eq(go(&r, MEM_LOAD, 0, 10).done, there);
    cr_expect_eq(go(&r, MEM_CLWB, 0, 20).done, there + W);
    cr_expect_eq(go(&r, MEM_LOAD, 0, there).done, there + D);
    dram_cache_free(r.cache);
}

/* Two ways hold both lines; tags and lines lie side by side. */
Test(dram_cache, ways_cost_a_read_of_the_tags)
{
    struct rig r;
    make(&r, 2);
    const uint64_t set = 5, half = SIZE / 2, tags = set * 3 * 64;
    const uint64_t a = set * 64, b = a + half, c = b + half;
    cr_expect_eq(go(&r, MEM_LOAD, a, 0).done, D + F);
    cr_expect_eq(r.n, 4);
    expect_note(&r, 0, 'D', MEM_LOAD, tags, 0);
    expect_note(&r, 2, 'D', MEM_WRITEBACK, tags + 64, D + F);
    expect_note(&r, 3, 'D', MEM_WRITEBACK, tags, D + F);
    cr_expect_eq(go(&r, MEM_WRITEBACK, b, 1000).done, 1000 + D + F + W);
    cr_expect_eq(go(&r, MEM_LOAD, a, 2000).done, 2000 + 2 * D, "both are there");
    expect_note(&r, 1, 'D', MEM_LOAD, tags + 64, 2000 + D);
    cr_expect_eq(go(&r, MEM_LOAD, c, 3000).done, 3000 + D + F, "b was used before a");
    expect_note(&r, 1, 'D', MEM_LOAD, tags + 128, 3000 + D);
    expect_note(&r, 2, 'F', MEM_WRITEBACK, BASE + b, 3000 + 2 * D);
    expect_note(&r, 3, 'F', MEM_LOAD, BASE + c, 3000 + D);
    cr_expect_eq(go(&r, MEM_LOAD, a, 4000).done, 4000 + 2 * D);
    cr_expect_eq(go(&r, MEM_LOAD, b, 5000).done, 5000 + D + F);
    dram_cache_free(r.cache);
}

/* ---- against a plain model: a list of lines with stamps ---- */

struct plain {
    uint64_t line[SIZE / 64], stamp[SIZE / 64];
    uint8_t valid[SIZE / 64], dirty[SIZE / 64];
    uint64_t now, hits, misses, writebacks;
};

static void plain_access(struct plain *p, uint32_t ways, uint64_t line, int write)
{
    const uint64_t first = line % (SIZE / 64 / ways) * ways;
    uint64_t at = first;
    for (uint64_t i = first; i < first + ways; i++) {
        if (p->valid[i] && p->line[i] == line) {
            p->hits++;
            p->stamp[i] = ++p->now;
            p->dirty[i] |= (uint8_t)write;
            return;
        }
        if (p->valid[at] && (!p->valid[i] || p->stamp[i] < p->stamp[at]))
            at = i;
    }
    p->misses++;
    p->writebacks += p->valid[at] && p->dirty[at];
    p->valid[at] = 1;
    p->line[at] = line;
    p->stamp[at] = ++p->now;
    p->dirty[at] = (uint8_t)write;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

Test(dram_cache, keeps_what_a_plain_model_keeps)
{
    for (uint32_t ways = 1; ways <= 16; ways *= 2) {
        struct rig r;
        struct plain *p = calloc(1, sizeof *p);
        uint64_t random = ways;
        make(&r, ways);
        for (ps_t i = 0; i < 100000; i++) {
            const uint64_t line = next_random(&random) % (i % 3 ? 600 : 5000);
            const int write = next_random(&random) % 4 == 0;
            go(&r, write ? MEM_WRITEBACK : MEM_LOAD, line * 64, i * 1000);
            plain_access(p, ways, line, write);
            const struct dram_cache_counters *k = dram_cache_counters(r.cache);
            cr_assert_eq(k->read_hits + k->write_hits, p->hits, "%u ways, access %llu", ways,
                         (unsigned long long)i);
            cr_assert_eq(k->writebacks, p->writebacks);
        }
        cr_expect_gt(p->hits, 20000);
        cr_expect_gt(p->writebacks, 1000);
        free(p);
        dram_cache_free(r.cache);
    }
}

/* One goes on after a checkpoint as the other does without. */
Test(dram_cache, a_checkpoint_holds_all_of_it)
{
    for (uint32_t ways = 1; ways <= 4; ways++) {
        if (ways == 3)
            continue;
        struct rig r, s;
        struct archive out, in;
        uint64_t random = 7;
        make(&r, ways);
        make(&s, ways);
        for (ps_t i = 0; i < 5000; i++)
            go(&r, i % 3 ? MEM_LOAD : MEM_WRITEBACK, next_random(&random) % 3000 * 64, i);
        archive_begin(&out);
        dram_cache_archive(r.cache, &out);
        cr_assert_eq(archive_seal(&out), 0);
        cr_assert_eq(archive_open(&in, out.bytes, out.n), 0);
        dram_cache_archive(s.cache, &in);
        cr_assert_null(in.failed, "%s", in.failed);
        cr_expect_eq(archive_left(&in), 0);
        for (ps_t i = 5000; i < 9000; i++) {
            const uint64_t addr = next_random(&random) % 3000 * 64;
            const enum mem_kind kind = i % 3 ? MEM_LOAD : MEM_WRITEBACK;
            cr_assert_eq(go(&r, kind, addr, i).done, go(&s, kind, addr, i).done);
        }
        cr_expect_eq(memcmp(dram_cache_counters(r.cache), dram_cache_counters(s.cache),
                            sizeof(struct dram_cache_counters)),
                     0);
        archive_free(&out);
        dram_cache_free(r.cache);
        dram_cache_free(s.cache);
    }
}

/* No byte of a checkpoint can do harm. */
Test(dram_cache, a_damaged_checkpoint_is_refused_or_harmless)
{
    struct rig r;
    struct archive out;
    make(&r, 2);
    for (ps_t i = 0; i < 200; i++)
        go(&r, MEM_WRITEBACK, i * 64 * 37, i);
    archive_begin(&out);
    dram_cache_archive(r.cache, &out);
    for (size_t at = ARCHIVE_HEADER; at < out.n; at += 1 + at % 13) {
        struct rig s;
        struct archive in = {.bytes = out.bytes, .n = out.n, .at = ARCHIVE_HEADER};
        make(&s, 2);
        out.bytes[at] ^= 0x41;
        dram_cache_archive(s.cache, &in);
        out.bytes[at] ^= 0x41;
        for (ps_t i = 0; i < 50; i++)
            go(&s, MEM_LOAD, i * 64 * 37, i);
        dram_cache_free(s.cache);
    }
    archive_free(&out);
    dram_cache_free(r.cache);
}

Test(dram_cache, impossible_sizes_are_refused)
{
    const struct {
        uint64_t bytes;
        uint32_t ways;
        const char *word;
    } bad[] = {
        {0, 1, "size"},    {63, 1, "size"},    {3 * 64, 1, "size"},           {4096, 3, "size"},
        {4096, 0, "ways"}, {4096, 17, "ways"}, {UINT64_C(1) << 39, 1, "size"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char err[300] = "";
        const struct dram_cache_config c = {.bytes = bad[i].bytes, .ways = bad[i].ways};
        cr_expect_null(dram_cache_new(&c, err, sizeof err));
        cr_expect(strstr(err, bad[i].word), "%zu: %s", i, err);
    }
    char err[300];
    const struct dram_cache_config c = {.bytes = 3 * 4096, .ways = 3};
    struct dram_cache *odd = dram_cache_new(&c, err, sizeof err);
    cr_expect(odd, "%s", err);
    dram_cache_free(odd);
}
