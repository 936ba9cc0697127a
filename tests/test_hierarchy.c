/* test_hierarchy.c - the caches together, against a model with arrays and linear search. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hierarchy.h"
#include "memhier/policy.h"
#include "tests/ref_hierarchy.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- memories that remember what was asked of them ---- */

#define MEMORY_TIME 100000u
#define SNOOP       30000u

struct memory {
    struct events *log;
    uint32_t source;
    ps_t time; /* of any access */
    ps_t at;   /* of the last one */
};

static struct mem_reply memory_access(void *self, const struct mem_req *req)
{
    struct memory *m = self;
    cr_assert_eq(addr_is_nvdimm(req->addr), m->source == SRC_NVDIMM);
    note(m->log, req->kind, req->addr, req->bytes);
    m->at = req->at;
    ps_t time = req->kind == MEM_VISIBLE ? 0 : m->time;
    return (struct mem_reply){.done = req->at + time, .source = m->source};
}

/* ---- a machine under test ---- */

struct rig {
    struct hierarchy *h;
    struct memory dram, nvdimm;
    struct events log;
};

static const struct hierarchy_config small = {
    .level = {[CACHE_L1I] = {.bytes = 8 * 2 * 64, .ways = 2, .latency = 400, .policy = "lru"},
              [CACHE_L1D] = {.bytes = 8 * 3 * 64, .ways = 3, .latency = 1000, .policy = "lru"},
              [CACHE_L2] = {.bytes = 16 * 4 * 64, .ways = 4, .latency = 5000, .policy = "lru"},
              [CACHE_LLC] = {.bytes = 16 * 6 * 64, .ways = 6, .latency = 20000, .policy = "lru"}},
    .harts = 1};

static void rig_make(struct rig *r, const struct hierarchy_config *from)
{
    struct hierarchy_config cfg = *from;
    char err[200] = "";
    memset(r, 0, sizeof *r);
    r->dram = (struct memory){.log = &r->log, .source = SRC_DRAM, .time = MEMORY_TIME};
    r->nvdimm = (struct memory){.log = &r->log, .source = SRC_NVDIMM, .time = 3 * MEMORY_TIME};
    cfg.dram = (struct mem_port){.access = memory_access, .self = &r->dram};
    cfg.nvdimm = (struct mem_port){.access = memory_access, .self = &r->nvdimm};
    r->h = hierarchy_new(&cfg, err, sizeof err);
    cr_assert_not_null(r->h, "%s", err);
}

static struct mem_reply ask_by(struct rig *r, uint32_t hart, unsigned kind, uint64_t addr,
                               unsigned bytes, ps_t at)
{
    struct mem_req req = {.addr = addr,
                          .hart = (uint8_t)hart,
                          .at = at,
                          .pc = 0x1000 + addr % 64,
                          .bytes = (uint16_t)bytes,
                          .kind = (uint8_t)kind};
    r->log.n = 0;
    return hierarchy_access(r->h, &req);
}

static struct mem_reply ask(struct rig *r, unsigned kind, uint64_t addr, unsigned bytes, ps_t at)
{
    return ask_by(r, 0, kind, addr, bytes, at);
}

static const struct cache_counters *counters(const struct rig *r, enum cache_level level)
{
    return hierarchy_counters(r->h, level, 0);
}

/* ---- agreement ---- */

static void same_events(struct events *got, struct events *want, int step)
{
    cr_assert_eq(got->n, want->n, "step %d: %zu requests to memory, not %zu", step, got->n,
                 want->n);
    for (size_t i = 0; i < got->n; i++) {
        cr_assert_eq(got->e[i].kind, want->e[i].kind, "step %d, request %zu", step, i);
        cr_assert_eq(got->e[i].addr, want->e[i].addr, "step %d, request %zu", step, i);
        cr_assert_eq(got->e[i].bytes, want->e[i].bytes, "step %d, request %zu", step, i);
    }
    got->n = want->n = 0;
}

static void same_counters(const struct rig *r, struct model *m, int step)
{
    for (uint32_t hart = 0; hart < m->harts; hart++) {
        for (int i = 0; i < CACHE_LEVELS; i++)
            cr_assert_eq(memcmp(hierarchy_counters(r->h, (enum cache_level)i, hart),
                                &m_cache(m, i, hart)->n, offsetof(struct cache_counters, merges)),
                         0, "step %d: level %d of hart %u counts differently", step, i, hart);
        cr_assert_eq(memcmp(hierarchy_coherence(r->h, hart), &m->n[hart], sizeof m->n[hart]), 0,
                     "step %d: hart %u counts other harts differently", step, hart);
    }
}

static void same_line(const struct rig *r, struct model *m, uint64_t addr, int step)
{
    for (uint32_t hart = 0; hart < m->harts; hart++)
        for (int i = 0; i < CACHE_LEVELS; i++) {
            const unsigned got = hierarchy_held(r->h, (enum cache_level)i, hart, addr);
            const unsigned want = model_held(m, i, hart, addr);
            cr_assert_eq(got, want, "step %d: level %d of hart %u holds 0x%lx as %u, not %u", step,
                         i, hart, (unsigned long)addr, got, want);
        }
}

static void same_lines(const struct rig *r, struct model *m, uint64_t universe, int step)
{
    char err[200];
    for (uint64_t line = 0; line < universe; line++)
        same_line(r, m, line * 64 + (line & 2 ? NVDIMM_BASE : 0), step);
    cr_assert_eq(hierarchy_check(r->h, err, sizeof err), 0, "step %d: %s", step, err);
}

static void both(struct rig *r, struct model *m, uint32_t hart, unsigned kind, uint64_t addr,
                 unsigned bytes, int step)
{
    char err[200];
    /* far enough apart that all is over */
    const struct mem_reply got = ask_by(r, hart, kind, addr, bytes, (ps_t)step * 100000000);
    model_access(m, hart, kind, addr, bytes);
    same_events(&r->log, &m->log, step);
    cr_assert_eq(got.source, m->source, "step %d: kind %u served by %u, not %u", step, kind,
                 got.source, m->source);
    same_line(r, m, addr, step);
    cr_assert_eq(hierarchy_check(r->h, err, sizeof err), 0, "step %d: %s", step, err);
}

/* Streams that stress different things: all over; the same few sets; cyclic (the worst for LRU); a
 * walk with jumps; few lines that all harts fight for. */
#define STREAMS 5

static uint64_t next_line(int stream, uint64_t universe, uint64_t *rng, int step)
{
    switch (stream) {
    case 0:
        return draw(rng) % universe;
    case 1:
        return draw(rng) % (universe / 8 + 1) * 16 % universe + draw(rng) % 2;
    case 2:
        return (uint64_t)step * 16 % universe;
    case 3:
        return draw(rng) & 3 ? (uint64_t)step / 7 % universe : draw(rng) % universe;
    default:
        return draw(rng) % 8 ? draw(rng) % 5 * 8 : draw(rng) % universe;
    }
}

static void run_stream(const struct hierarchy_config *cfg, int stream, uint64_t universe, int steps)
{
    static const uint8_t kinds[] = {MEM_LOAD,  MEM_STORE,   MEM_LOAD,       MEM_STORE,
                                    MEM_FETCH, MEM_LOAD,    MEM_WALK,       MEM_PREFETCH,
                                    MEM_CLWB,  MEM_STORE,   MEM_CLFLUSHOPT, MEM_STORE,
                                    MEM_FENCE, MEM_CLFLUSH, MEM_NTSTORE,    MEM_STORE};
    struct rig r;
    struct model *m = model_make(cfg);
    uint64_t rng = (uint64_t)stream + universe;
    rig_make(&r, cfg);
    for (int i = 0; i < steps; i++) {
        uint64_t addr = next_line(stream, universe, &rng, i) % universe * 64;
        unsigned kind = kinds[draw(&rng) % (draw(&rng) % 4 ? 6 : sizeof kinds)];
        unsigned bytes = 1u << draw(&rng) % 4;
        addr += draw(&rng) % (64 / bytes) * bytes;
        if (addr & 128)
            addr += NVDIMM_BASE;
        both(&r, m, (uint32_t)draw(&rng) % cfg->harts, kind, addr, bytes, i);
        if (i % 64 == 0) {
            same_counters(&r, m, i);
            same_lines(&r, m, universe, i);
        }
    }
    same_counters(&r, m, steps);
    same_lines(&r, m, universe, steps);
    hierarchy_free(r.h);
    free(m);
}

Test(hierarchy, agrees_with_the_model_access_by_access)
{
    static const uint64_t universes[] = {24, 90, 150, 400};
    for (size_t u = 0; u < sizeof universes / sizeof universes[0]; u++)
        for (int stream = 0; stream < STREAMS; stream++)
            run_stream(&small, stream, universes[u], 6000);
}

/* Caches that are as small as can be: everything happens often. */
static struct hierarchy_config tiny(uint32_t harts)
{
    return (struct hierarchy_config){
        .level =
            {[CACHE_L1I] = {.bytes = 8 * 1 * 64, .ways = 1, .latency = 400, .policy = "lru"},
             [CACHE_L1D] = {.bytes = 8 * 2 * 64, .ways = 2, .latency = 1000, .policy = "lru"},
             [CACHE_L2] = {.bytes = 8 * 3 * 64, .ways = 3, .latency = 5000, .policy = "lru"},
             [CACHE_LLC] = {.bytes = 16 * 4 * 64, .ways = 4, .latency = 20000, .policy = "lru"}},
        .harts = harts,
        .snoop = SNOOP};
}

/* Bits of `modes`: two each for L1D, L2 and LLC: write-through, no allocation. 0: refused. */
static int set_modes(struct hierarchy_config *cfg, enum llc_inclusion inclusion, unsigned modes)
{
    cfg->inclusion = inclusion;
    for (int l = CACHE_L1D; l < CACHE_LEVELS; l++, modes >>= 2) {
        cfg->level[l].through = modes & 1;
        cfg->level[l].no_allocate = modes >> 1 & 1;
    }
    return inclusion != LLC_EXCLUSIVE || !cfg->level[CACHE_L2].through;
}

static void run_all_modes(enum llc_inclusion inclusion)
{
    for (unsigned modes = 0; modes < 64; modes++)
        for (int stream = 0; stream < STREAMS; stream++) {
            struct hierarchy_config cfg = tiny(1 + (modes * 5 + (unsigned)stream * 3) % 8);
            if (set_modes(&cfg, inclusion, modes))
                run_stream(&cfg, stream, stream & 1 ? 160 : 64, 500);
        }
}

Test(hierarchy, harts_agree_with_the_model_non_inclusive)
{
    run_all_modes(LLC_NON_INCLUSIVE);
}

Test(hierarchy, harts_agree_with_the_model_inclusive)
{
    run_all_modes(LLC_INCLUSIVE);
}

Test(hierarchy, harts_agree_with_the_model_exclusive)
{
    run_all_modes(LLC_EXCLUSIVE);
}

Test(hierarchy, snoop_filters_agree_with_the_model)
{
    static const uint32_t shapes[][2] = {{8, 2}, {16, 1}, {4, 7}, {1, 16}};
    for (uint32_t harts = 1; harts <= 8; harts += harts == 1 ? 1 : 2)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (int stream = 0; stream < STREAMS; stream++) {
                struct hierarchy_config cfg = tiny(harts);
                set_modes(&cfg, i & 1 ? LLC_EXCLUSIVE : LLC_NON_INCLUSIVE,
                          i & 1 ? 16 : (unsigned)stream);
                if (stream &
                    1) /* a direct-mapped LLC: what is found may go while others are asked */
                    cfg.level[CACHE_LLC].ways = 1;
                cfg.directory_sets = shapes[i][0];
                cfg.directory_ways = shapes[i][1];
                run_stream(&cfg, stream, 100, 1500);
            }
}

Test(hierarchy, lists_each_dirty_line_once)
{
    static const enum llc_inclusion ways[] = {LLC_NON_INCLUSIVE, LLC_INCLUSIVE, LLC_EXCLUSIVE};
    const uint32_t universe = 200;
    for (unsigned w = 0; w < 3; w++) {
        struct hierarchy_config cfg = tiny(3);
        struct rig r;
        uint64_t rng = w + 1;
        cfg.inclusion = ways[w];
        rig_make(&r, &cfg);
        for (int step = 0; step < 3000; step++) {
            const uint64_t addr = (draw(&rng) % universe << LINE_SHIFT) +
                                  (draw(&rng) & 1 ? NVDIMM_BASE : 0);
            ask_by(&r, (uint32_t)(draw(&rng) % 3), draw(&rng) % 3 ? MEM_STORE : MEM_LOAD, addr, 8,
                   (ps_t)step * 1000);
            if (step % 50)
                continue;
            size_t n, k = 0;
            uint64_t *got = hierarchy_dirty(r.h, &n);
            for (uint64_t i = 0; i < 2 * universe; i++) {
                const uint64_t at = i < universe ? i << LINE_SHIFT
                                                 : NVDIMM_BASE + ((i - universe) << LINE_SHIFT);
                unsigned held = hierarchy_held(r.h, CACHE_LLC, 0, at);
                for (uint32_t hart = 0; hart < 3; hart++)
                    held |= hierarchy_held(r.h, CACHE_L1D, hart, at) |
                            hierarchy_held(r.h, CACHE_L2, hart, at);
                if (held & HELD_DIRTY) {
                    cr_assert_lt(k, n);
                    cr_assert_eq(got[k++], at);
                }
            }
            cr_assert_eq(k, n);
            free(got);
        }
        hierarchy_free(r.h);
    }
}

Test(hierarchy, agrees_with_the_model_at_other_shapes)
{
    static const struct hierarchy_config shapes[] = {
        /* Direct-mapped everywhere; an LLC that is smaller than the L2; sixteen ways. */
        {.level = {{.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"}}},
        {.level = {{.bytes = 8 * 2 * 64, .ways = 2, .policy = "lru"},
                   {.bytes = 16 * 5 * 64, .ways = 5, .policy = "lru"},
                   {.bytes = 32 * 4 * 64, .ways = 4, .policy = "lru"},
                   {.bytes = 8 * 3 * 64, .ways = 3, .policy = "lru"}}},
        {.level = {{.bytes = 32768, .ways = 8, .policy = "lru"},
                   {.bytes = 8 * 9 * 64, .ways = 9, .policy = "lru"},
                   {.bytes = 8 * 16 * 64, .ways = 16, .policy = "lru"},
                   {.bytes = 16 * 16 * 64, .ways = 16, .policy = "lru"}}},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int stream = 0; stream < STREAMS; stream++) {
            struct hierarchy_config cfg = shapes[s];
            for (uint32_t harts = 1; harts <= 3; harts += 2)
                for (int inclusion = 0; inclusion < 3; inclusion++) {
                    cfg.harts = harts;
                    cfg.inclusion = (enum llc_inclusion)inclusion;
                    run_stream(&cfg, stream, 300, 600);
                }
        }
}

Test(hierarchy, a_policy_behind_the_seam_gives_the_same)
{
    static struct policy lru;
    lru = policy_lru; /* at another address it is not the built-in one */
    for (uint32_t harts = 1; harts <= 4; harts += 3) {
        struct hierarchy_config cfg = tiny(harts);
        for (int i = 0; i < CACHE_LEVELS; i++)
            cfg.level[i].loaded = &lru;
        for (int stream = 0; stream < STREAMS; stream++)
            run_stream(&cfg, stream, 150, 2000);
    }
}

static uint32_t let_nothing_in(void *state, const struct policy_access *a)
{
    (void)state;
    return a->kind == MEM_WRITEBACK ? 0 : POLICY_BYPASS;
}

Test(hierarchy, a_store_that_bypasses_the_l1_is_not_lost)
{
    struct rig r;
    struct policy closed = policy_lru;
    struct hierarchy_config cfg = small;
    closed.victim = let_nothing_in;
    cfg.level[CACHE_L1D].loaded = &closed;
    rig_make(&r, &cfg);
    for (uint64_t i = 0; i < 3; i++)
        ask(&r, MEM_LOAD, NVDIMM_BASE + i * 1024, 8, 0);
    ask(&r, MEM_STORE, NVDIMM_BASE + 3 * 1024, 8, 1000000);
    cr_assert_eq(counters(&r, CACHE_L1D)->bypasses, 1);
    cr_assert_eq(counters(&r, CACHE_L2)->accesses[MEM_WRITEBACK], 1);
    cr_assert_eq(r.log.n, 2);
    cr_assert_eq(r.log.e[0].kind, MEM_STORE);
    cr_assert_eq(r.log.e[1].kind, MEM_VISIBLE);
    /* It is dirty in the L2. */
    ask(&r, MEM_CLWB, NVDIMM_BASE + 3 * 1024, 8, 2000000);
    cr_assert_eq(r.log.n, 1);
    cr_assert_eq(counters(&r, CACHE_L1D)->misses[MEM_CLWB], 1);
    cr_assert_eq(counters(&r, CACHE_L2)->writebacks, 1);
    hierarchy_free(r.h);
}

/* LRU that wants to keep out every third line. */
static uint32_t keep_some_out(void *state, const struct policy_access *a)
{
    const int out = (a->line ^ a->pc) % 3 == 0 && a->kind != MEM_WRITEBACK;
    return out ? POLICY_BYPASS : policy_lru.victim(state, a);
}

Test(hierarchy, policies_that_keep_lines_out_break_no_invariant)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE,    MEM_LOAD, MEM_STORE, MEM_FETCH,
                                    MEM_LOAD, MEM_PREFETCH, MEM_CLWB, MEM_STORE, MEM_CLFLUSH,
                                    MEM_WALK, MEM_NTSTORE,  MEM_LOAD, MEM_STORE};
    struct policy choosy = policy_lru;
    uint64_t kept_out[CACHE_LEVELS] = {0};
    char err[200];
    choosy.victim = keep_some_out;
    for (unsigned modes = 0; modes < 64; modes++)
        for (int inclusion = 0; inclusion < 3; inclusion++) {
            struct hierarchy_config cfg = tiny(1 + modes % 4);
            struct rig r;
            uint64_t rng = modes;
            if (!set_modes(&cfg, (enum llc_inclusion)inclusion, modes))
                continue;
            for (int l = 0; l < CACHE_LEVELS; l++)
                cfg.level[l].loaded = &choosy;
            if (inclusion != LLC_INCLUSIVE && modes % 3 == 0) {
                cfg.directory_sets = 8;
                cfg.directory_ways = 3;
            }
            if (modes % 4 == 1) {
                cfg.level[CACHE_LLC].slices = 3;
                cfg.level[CACHE_LLC].bytes *= 3;
            }
            rig_make(&r, &cfg);
            for (int i = 0; i < 600; i++) {
                const uint64_t line = draw(&rng) % 120;
                ask_by(&r, (uint32_t)draw(&rng) % cfg.harts, kinds[draw(&rng) % sizeof kinds],
                       line * 64 + (line & 2 ? NVDIMM_BASE : 0), 8, (ps_t)i * 1000);
                cr_assert_eq(hierarchy_check(r.h, err, sizeof err), 0, "modes %u, step %d: %s",
                             modes, i, err);
            }
            for (int l = 0; l < CACHE_LEVELS; l++)
                kept_out[l] += counters(&r, (enum cache_level)l)->bypasses;
            hierarchy_free(r.h);
        }
    for (int l = 0; l < CACHE_LEVELS; l++)
        cr_assert_gt(kept_out[l], 100, "level %d: %lu", l, (unsigned long)kept_out[l]);
}

/* ---- time ---- */

static void expect(struct mem_reply got, ps_t done, uint32_t source)
{
    cr_assert_eq(got.done, done, "done at %lu, not %lu", (unsigned long)got.done,
                 (unsigned long)done);
    cr_assert_eq(got.source, source);
}

Test(hierarchy, latencies_add_up)
{
    struct rig r;
    const ps_t l1i = 400, l1d = 1000, l2 = 5000, llc = 20000;
    rig_make(&r, &small);
    expect(ask(&r, MEM_LOAD, 64, 8, 0), l1d + l2 + llc + MEMORY_TIME, SRC_DRAM);
    expect(ask(&r, MEM_LOAD, 72, 8, 1000000), 1000000 + l1d, SRC_L1);
    expect(ask(&r, MEM_FETCH, 64, 8, 1000000), 1000000 + l1i + l2, SRC_L2);
    expect(ask(&r, MEM_STORE, 64, 8, 1000000), 1000000 + l1d, SRC_L1);
    expect(ask(&r, MEM_WALK, NVDIMM_BASE, 8, 0), l1d + l2 + llc + 3 * MEMORY_TIME, SRC_NVDIMM);
    expect(ask(&r, MEM_PREFETCH, 640, 8, 0), l2 + llc + MEMORY_TIME, SRC_DRAM);
    expect(ask(&r, MEM_LOAD, 640, 8, 1000000), 1000000 + l1d + l2, SRC_L2);
    /* Push line 0 out of the L2 and the L1D, but not out of the LLC: four lines of its L2 set. */
    for (uint64_t i = 2; i < 6; i++)
        ask(&r, MEM_LOAD, 64 + i * 1024, 8, 2000000);
    expect(ask(&r, MEM_LOAD, 128 + 64, 8, 2000000), 2000000 + 26000 + MEMORY_TIME, SRC_DRAM);
    hierarchy_free(r.h);

    rig_make(&r, &small);
    for (uint64_t i = 0; i < 5; i++)
        ask(&r, MEM_LOAD, i * 1024, 8, i * 1000000);
    expect(ask(&r, MEM_LOAD, 0, 8, 9000000), 9000000 + l1d + l2 + llc, SRC_LLC);
    hierarchy_free(r.h);
}

Test(hierarchy, a_hit_under_a_miss_is_done_with_it)
{
    struct rig r;
    const ps_t whole = 26000 + MEMORY_TIME;
    rig_make(&r, &small);
    expect(ask(&r, MEM_LOAD, 0, 8, 0), whole, SRC_DRAM);
    expect(ask(&r, MEM_LOAD, 8, 8, 50), whole, SRC_DRAM);
    expect(ask(&r, MEM_FETCH, 0, 8, 60), whole, SRC_DRAM); /* in the L2, still under way */
    expect(ask(&r, MEM_LOAD, 16, 8, whole - 1000), whole, SRC_L1);
    /* A flush of a store under way writes it back when it is there, and looked up. */
    expect(ask(&r, MEM_STORE, NVDIMM_BASE, 8, 0), whole + 2 * MEMORY_TIME, SRC_NVDIMM);
    expect(ask(&r, MEM_CLWB, NVDIMM_BASE, 8, 10), whole + 2 * MEMORY_TIME + 26000 + 3 * MEMORY_TIME,
           SRC_NVDIMM);
    hierarchy_free(r.h);
}

Test(hierarchy, flushes_and_non_temporal_stores_take_the_lookups_and_the_memory)
{
    struct rig r;
    const uint64_t nv = NVDIMM_BASE + 4096;
    const ps_t lookups = 26000, slow = 3 * MEMORY_TIME;
    rig_make(&r, &small);
    expect(ask(&r, MEM_CLWB, nv, 1, 0), lookups, SRC_LLC); /* absent */
    ask(&r, MEM_STORE, nv, 8, 0);
    expect(ask(&r, MEM_CLWB, nv, 1, 1000000), 1000000 + lookups + slow, SRC_NVDIMM);
    expect(ask(&r, MEM_CLWB, nv, 1, 2000000), 2000000 + lookups, SRC_LLC); /* clean by now */
    expect(ask(&r, MEM_LOAD, nv, 8, 3000000), 3000000 + 1000, SRC_L1);     /* and still there */
    expect(ask(&r, MEM_CLFLUSHOPT, nv, 1, 4000000), 4000000 + lookups, SRC_LLC);
    expect(ask(&r, MEM_LOAD, nv, 8, 5000000), 5000000 + lookups + slow, SRC_NVDIMM);
    expect(ask(&r, MEM_NTSTORE, nv, 8, 6000000), 6000000 + lookups + slow, SRC_NVDIMM);
    ask(&r, MEM_STORE, nv, 8, 7000000);
    /* The dirty line is written back, then the store follows. */
    expect(ask(&r, MEM_NTSTORE, nv, 8, 8000000), 8000000 + lookups + 2 * slow, SRC_NVDIMM);
    cr_assert_eq(r.nvdimm.at, 8000000 + lookups + slow);
    hierarchy_free(r.h);
}

Test(hierarchy, writers_are_held_to_the_speed_of_the_memory)
{
    struct rig r;
    ps_t worst = 0;
    rig_make(&r, &small);
    r.dram.time = 10000000; /* accepts a line only after 10 us; 16 buffers wait at once */
    for (uint64_t i = 0; i < 2000; i++) {
        ps_t took = ask(&r, MEM_STORE, i * 64, 8, i * 1000).done - i * 1000;
        worst = took > worst ? took : worst;
    }
    /* 2000 lines, less those that the caches still hold, 16 every 10 us: later than 1.1 ms. */
    cr_assert_gt(worst, UINT64_C(1100000000));
    hierarchy_free(r.h);
}

/* ---- the tap, the LLC's own way in, refusals ---- */

Test(hierarchy, the_tap_records_requests_in_order)
{
    struct rig r;
    uint64_t instructions = 0;
    struct mem_tap tap = {.instructions = &instructions};
    rig_make(&r, &small);
    ask(&r, MEM_LOAD, 0, 8, 0);
    hierarchy_tap(r.h, &tap);
    for (uint64_t i = 0; i < 10000; i++) {
        instructions = 3 * i;
        ask(&r, i % 5 ? MEM_LOAD : MEM_FENCE, i % 5 ? i * 8 : 0, i % 5 ? 8 : 0, i);
    }
    hierarchy_tap(r.h, NULL);
    ask(&r, MEM_LOAD, 0, 8, 0);
    cr_assert_eq(tap.n, 10000);
    cr_assert_eq(tap.lost, 0);
    for (uint64_t i = 0; i < tap.n; i++) {
        cr_assert_eq(tap.reqs[i].addr, i % 5 ? i * 8 : 0);
        cr_assert_eq(tap.reqs[i].kind, i % 5 ? MEM_LOAD : MEM_FENCE);
        cr_assert_eq(tap.reqs[i].at, i);
        cr_assert_eq(tap.counts[i], 3 * i);
    }
    cr_assert_eq(counters(&r, CACHE_L1D)->accesses[MEM_FENCE], 0);
    free(tap.reqs);
    free(tap.counts);
    hierarchy_free(r.h);
}

Test(hierarchy, the_llc_can_be_driven_alone)
{
    struct rig r;
    struct model *m = model_make(&small);
    uint64_t rng = 5;
    rig_make(&r, &small);
    for (int i = 0; i < 20000; i++) {
        static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE, MEM_WRITEBACK, MEM_PREFETCH};
        struct mem_req req = {.addr = draw(&rng) % 200 * 64,
                              .at = (ps_t)i * 1000,
                              .bytes = 64,
                              .kind = kinds[draw(&rng) % 4]};
        hierarchy_llc_access(r.h, &req);
        int dirty;
        if (req.kind == MEM_WRITEBACK)
            m_write(m, CACHE_LLC, req.addr / 64, 1);
        else
            m_read_llc(m, req.addr / 64, req.kind, 1, &dirty);
        same_events(&r.log, &m->log, i);
    }
    same_counters(&r, m, 20000);
    hierarchy_free(r.h);
    free(m);
}

static void refused(struct hierarchy_config cfg, const char *what)
{
    char err[200] = "";
    cr_assert_null(hierarchy_new(&cfg, err, sizeof err));
    cr_assert(strstr(err, what), "\"%s\" does not say \"%s\"", err, what);
}

Test(hierarchy, refuses_what_it_cannot_be)
{
    struct events log = {.n = 0};
    struct memory memory = {.log = &log, .source = SRC_DRAM};
    struct hierarchy_config good = small;
    good.dram = (struct mem_port){.access = memory_access, .self = &memory};
    struct hierarchy_config bad = good;
    bad.harts = 0;
    refused(bad, "harts");
    bad.harts = HIERARCHY_HARTS + 1;
    refused(bad, "harts");
    bad = good;
    bad.inclusion = LLC_EXCLUSIVE;
    bad.level[CACHE_L2].through = 1;
    refused(bad, "exclusive");
    bad = good;
    bad.directory_sets = 3;
    bad.directory_ways = 4;
    refused(bad, "directory");
    bad.directory_sets = 4;
    bad.inclusion = LLC_INCLUSIVE;
    refused(bad, "inclusive");
    bad = good;
    bad.level[CACHE_L2].mshrs = 129;
    refused(bad, "l2: 129 MSHRs");
    bad = good;
    bad.dram.access = NULL;
    refused(bad, "DRAM");
    bad = good;
    bad.level[CACHE_L2].policy = "clairvoyance";
    refused(bad, "l2: no replacement policy is called \"clairvoyance\"");
    bad = good;
    bad.level[CACHE_L1D].ways = 17;
    refused(bad, "l1d: 17 ways");
    bad = good;
    bad.level[CACHE_L2].slices = 2;
    refused(bad, "l2: 2 slices");
    bad = good;
    bad.level[CACHE_LLC].slices = 3;
    refused(bad, "in each of 3 slices");
    bad.level[CACHE_LLC].slices = 65;
    refused(bad, "llc: 65 slices");
    bad = good;
    bad.level[CACHE_L1I].bytes = 1000;
    refused(bad, "l1i: ");
    char err[200];
    struct hierarchy *h = hierarchy_new(&good, err, sizeof err);
    cr_assert_not_null(h);
    cr_assert_eq(hierarchy_has_nvdimm(h), 0);
    hierarchy_free(h);
}

Test(hierarchy, the_counter_table_names_every_counter_once)
{
    uint64_t seen[sizeof(struct cache_counters) / sizeof(uint64_t)] = {0};
    size_t rows = 0;
    for (const struct counter *c = cache_counter_table; c->name; c++, rows++) {
        cr_assert_lt(c->offset, sizeof(struct cache_counters));
        cr_assert_eq(seen[c->offset / sizeof(uint64_t)]++, 0, "%s", c->name);
        cr_assert(c->unit && c->meaning);
    }
    /* Two kinds are no lookups: fences, and stores becoming visible. */
    cr_assert_eq(rows, sizeof seen / sizeof seen[0] - 4);
}
