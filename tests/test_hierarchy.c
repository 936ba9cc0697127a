/* test_hierarchy.c - the caches together, against a model with arrays and linear search. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hierarchy.h"
#include "memhier/policy.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- memories that remember what was asked of them ---- */

#define MEMORY_TIME 100000u
#define EVENTS      64u

struct event {
    uint64_t addr;
    unsigned kind, bytes;
};

struct events {
    struct event e[EVENTS];
    size_t n;
};

struct memory {
    struct events *log;
    uint32_t source;
    ps_t time; /* of any access */
    ps_t at;   /* of the last one */
};

static void note(struct events *log, unsigned kind, uint64_t addr, unsigned bytes)
{
    cr_assert_lt(log->n, EVENTS);
    log->e[log->n++] = (struct event){.addr = addr, .kind = kind, .bytes = bytes};
}

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

static struct mem_reply ask(struct rig *r, unsigned kind, uint64_t addr, unsigned bytes, ps_t at)
{
    struct mem_req req = {.addr = addr,
                          .at = at,
                          .pc = 0x1000 + addr % 64,
                          .bytes = (uint16_t)bytes,
                          .kind = (uint8_t)kind};
    r->log.n = 0;
    return hierarchy_access(r->h, &req);
}

static const struct cache_counters *counters(const struct rig *r, enum cache_level level)
{
    return hierarchy_counters(r->h, level, 0);
}

/* ---- the model: what the header and hierarchy.c's opening words say, written plainly ---- */

struct mline {
    uint64_t line, used;
    int valid, dirty;
};

struct mcache {
    struct mline lines[8192];
    uint64_t sets, ways;
    struct cache_counters n;
};

struct model {
    struct mcache c[CACHE_LEVELS];
    uint64_t clock;
    struct events log;
};

static struct model *model_make(const struct hierarchy_config *cfg)
{
    struct model *m = calloc(1, sizeof *m);
    for (int i = 0; i < CACHE_LEVELS; i++) {
        m->c[i].ways = cfg->level[i].ways;
        m->c[i].sets = cfg->level[i].bytes / 64 / cfg->level[i].ways;
        cr_assert_leq(m->c[i].sets * m->c[i].ways, 8192);
    }
    return m;
}

static struct mline *m_set(struct mcache *c, uint64_t line)
{
    return &c->lines[line % c->sets * c->ways];
}

static struct mline *m_find(struct mcache *c, uint64_t line)
{
    for (uint64_t w = 0; w < c->ways; w++)
        if (m_set(c, line)[w].valid && m_set(c, line)[w].line == line)
            return &m_set(c, line)[w];
    return NULL;
}

static struct mline *m_look(struct model *m, int level, uint64_t line, unsigned kind)
{
    struct mcache *c = &m->c[level];
    struct mline *l = m_find(c, line);
    c->n.accesses[kind]++;
    c->n.misses[kind] += !l;
    if (l && kind != MEM_WRITEBACK && kind != MEM_PREFETCH)
        l->used = ++m->clock;
    return l;
}

/* Where a dirty line goes that level `from` pushed out. */
static void m_write_back(struct model *m, int from, uint64_t line);

static void m_fill(struct model *m, int level, uint64_t line, int dirty)
{
    struct mcache *c = &m->c[level];
    struct mline *set = m_set(c, line), *to = NULL, out = {0};
    for (uint64_t w = 0; w < c->ways && !to; w++)
        if (!set[w].valid)
            to = &set[w];
    if (!to) {
        to = set;
        for (uint64_t w = 1; w < c->ways; w++)
            if (set[w].used < to->used)
                to = &set[w];
        out = *to;
    }
    *to = (struct mline){.line = line, .used = ++m->clock, .valid = 1, .dirty = dirty};
    c->n.fills++;
    c->n.evictions += (uint64_t)out.valid;
    c->n.writebacks += (uint64_t)(out.valid && out.dirty);
    if (out.valid && out.dirty)
        m_write_back(m, level, out.line);
}

static void m_write_back(struct model *m, int from, uint64_t line)
{
    if (from == CACHE_LLC) {
        note(&m->log, MEM_WRITEBACK, line * 64, 64);
        return;
    }
    int to = from == CACHE_L2 ? CACHE_LLC : CACHE_L2;
    struct mline *l = m_look(m, to, line, MEM_WRITEBACK);
    if (l)
        l->dirty = 1;
    else
        m_fill(m, to, line, 1);
}

static void m_read(struct model *m, int level, uint64_t line, unsigned kind)
{
    if (m_look(m, level, line, kind))
        return;
    if (level == CACHE_LLC)
        note(&m->log, kind, line * 64, 64);
    else
        m_read(m, level == CACHE_L2 ? CACHE_LLC : CACHE_L2, line, kind);
    m_fill(m, level, line, kind == MEM_STORE && level == CACHE_L1D);
}

static void m_clean(struct model *m, uint64_t line, unsigned kind, int *was_dirty)
{
    *was_dirty = 0;
    for (int i = 0; i < CACHE_LEVELS; i++) {
        if (i == CACHE_L1I && kind == MEM_CLWB)
            continue;
        struct mline *l = m_find(&m->c[i], line);
        m->c[i].n.accesses[kind]++;
        m->c[i].n.misses[kind] += !l;
        if (!l)
            continue;
        if (l->dirty && !*was_dirty)
            m->c[i].n.writebacks++;
        *was_dirty |= l->dirty;
        l->dirty = 0;
        if (kind != MEM_CLWB) {
            l->valid = 0;
            m->c[i].n.invalidations++;
        }
    }
}

static void model_access(struct model *m, unsigned kind, uint64_t addr, unsigned bytes)
{
    uint64_t line = addr / 64;
    int dirty;
    switch (kind) {
    case MEM_FETCH:
        m_read(m, CACHE_L1I, line, kind);
        break;
    case MEM_LOAD:
    case MEM_WALK:
        m_read(m, CACHE_L1D, line, kind);
        break;
    case MEM_STORE:
        m_read(m, CACHE_L1D, line, kind);
        if (m_find(&m->c[CACHE_L1D], line))
            m_find(&m->c[CACHE_L1D], line)->dirty = 1;
        if (addr >= NVDIMM_BASE)
            note(&m->log, MEM_VISIBLE, addr, bytes);
        break;
    case MEM_PREFETCH:
        m_read(m, CACHE_L2, line, kind);
        break;
    case MEM_NTSTORE:
        m_clean(m, line, kind, &dirty);
        if (dirty)
            note(&m->log, MEM_WRITEBACK, line * 64, 64);
        note(&m->log, kind, addr, bytes);
        break;
    case MEM_FENCE:
        break;
    default:
        m_clean(m, line, kind, &dirty);
        if (dirty)
            note(&m->log, kind, line * 64, 64);
    }
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

static void same_counters(const struct rig *r, const struct model *m, int step)
{
    for (int i = 0; i < CACHE_LEVELS; i++)
        cr_assert_eq(memcmp(counters(r, (enum cache_level)i), &m->c[i].n, sizeof m->c[i].n), 0,
                     "step %d: level %d counts differently", step, i);
}

static void both(struct rig *r, struct model *m, unsigned kind, uint64_t addr, unsigned bytes,
                 int step)
{
    ask(r, kind, addr, bytes, (ps_t)step * 1000);
    model_access(m, kind, addr, bytes);
    same_events(&r->log, &m->log, step);
}

/* Streams that stress different things: all over, the same few sets, cyclic (the worst for LRU). */
static uint64_t next_line(int stream, uint64_t universe, uint64_t *rng, int step)
{
    switch (stream) {
    case 0:
        return draw(rng) % universe;
    case 1:
        return draw(rng) % (universe / 8 + 1) * 16 + draw(rng) % 2;
    case 2:
        return (uint64_t)step * 16 % (16 * (3 + universe / 64));
    default:
        return draw(rng) & 3 ? (uint64_t)step / 7 % universe : draw(rng) % universe;
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
        uint64_t addr = next_line(stream, universe, &rng, i) * 64;
        unsigned kind = kinds[draw(&rng) % sizeof kinds];
        unsigned bytes = 1u << draw(&rng) % 4;
        addr += draw(&rng) % (64 / bytes) * bytes;
        if (addr & 128)
            addr += NVDIMM_BASE;
        both(&r, m, kind, addr, bytes, i);
        if (i % 64 == 0)
            same_counters(&r, m, i);
    }
    same_counters(&r, m, steps);
    /* clwb counts a miss where there is no copy: so it compares the contents, level by level. */
    for (uint64_t line = 0; line < 2 * universe; line++)
        for (int tier = 0; tier < 2; tier++) {
            both(&r, m, MEM_CLWB, line * 64 + (tier ? NVDIMM_BASE : 0), 1, steps);
            same_counters(&r, m, steps);
        }
    hierarchy_free(r.h);
    free(m);
}

Test(hierarchy, agrees_with_the_model_access_by_access)
{
    static const uint64_t universes[] = {24, 90, 150, 400};
    for (size_t u = 0; u < sizeof universes / sizeof universes[0]; u++)
        for (int stream = 0; stream < 4; stream++)
            run_stream(&small, stream, universes[u], 20000);
}

Test(hierarchy, agrees_with_the_model_at_other_shapes)
{
    static const struct hierarchy_config shapes[] = {
        /* Direct-mapped everywhere; an LLC that is smaller than the L2; sixteen ways. */
        {.level = {{.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"},
                   {.bytes = 8 * 64, .ways = 1, .policy = "lru"}},
         .harts = 1},
        {.level = {{.bytes = 8 * 2 * 64, .ways = 2, .policy = "lru"},
                   {.bytes = 16 * 5 * 64, .ways = 5, .policy = "lru"},
                   {.bytes = 32 * 4 * 64, .ways = 4, .policy = "lru"},
                   {.bytes = 8 * 3 * 64, .ways = 3, .policy = "lru"}},
         .harts = 1},
        {.level = {{.bytes = 32768, .ways = 8, .policy = "lru"},
                   {.bytes = 8 * 9 * 64, .ways = 9, .policy = "lru"},
                   {.bytes = 8 * 16 * 64, .ways = 16, .policy = "lru"},
                   {.bytes = 16 * 16 * 64, .ways = 16, .policy = "lru"}},
         .harts = 1},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int stream = 0; stream < 4; stream++)
            run_stream(&shapes[s], stream, 300, 20000);
}

Test(hierarchy, a_policy_behind_the_seam_gives_the_same)
{
    static struct policy lru;
    struct hierarchy_config cfg = small;
    lru = policy_lru; /* at another address it is not the built-in one */
    for (int i = 0; i < CACHE_LEVELS; i++)
        cfg.level[i].loaded = &lru;
    for (int stream = 0; stream < 4; stream++)
        run_stream(&cfg, stream, 150, 20000);
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
        if (req.kind == MEM_WRITEBACK)
            m_write_back(m, CACHE_L2, req.addr / 64);
        else
            m_read(m, CACHE_LLC, req.addr / 64, req.kind);
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
    bad.harts = 2;
    refused(bad, "harts");
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
