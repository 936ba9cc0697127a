/* test_cache.c - one cache: LRU in both forms, and the protocol that a replacement policy sees. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/cache.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static struct cache *make(uint64_t sets, uint32_t ways, const struct policy *policy)
{
    struct cache_config cfg = {.bytes = sets * ways * 64, .ways = ways, .latency = 1};
    char err[200] = "";
    struct cache *c = cache_new(&cfg, policy, 1, err, sizeof err);
    cr_assert_not_null(c, "%s", err);
    return c;
}

/* One access as a level of the hierarchy makes it. */
static struct cache_victim touch(struct cache *c, uint64_t line, unsigned kind, int *hit)
{
    struct mem_req req = {.addr = line << LINE_SHIFT, .pc = line * 4, .kind = (uint8_t)kind};
    struct cache_victim none = {0};
    int writes = kind == MEM_WRITEBACK || kind == MEM_STORE;
    int way = cache_lookup(c, line, kind, &req);
    *hit = way >= 0;
    if (way < 0)
        return cache_fill(c, line, kind, writes, &req);
    if (writes)
        cache_set_dirty(c, line, way, 1);
    return none;
}

/* ---- LRU, said again with time stamps ---- */

struct slot {
    uint64_t line, used;
    int valid, dirty;
};

struct model {
    struct slot *slots;
    uint64_t sets, clock;
    uint32_t ways;
};

static struct cache_victim model_touch(struct model *m, uint64_t line, unsigned kind, int *hit)
{
    struct slot *set = m->slots + line % m->sets * m->ways;
    struct cache_victim v = {0};
    struct slot *to = NULL;
    int writes = kind == MEM_WRITEBACK || kind == MEM_STORE;
    m->clock++;
    for (uint32_t w = 0; w < m->ways; w++)
        if (set[w].valid && set[w].line == line)
            to = &set[w];
    *hit = to != NULL;
    if (to) {
        if (kind != MEM_WRITEBACK && kind != MEM_PREFETCH)
            to->used = m->clock;
        to->dirty |= writes;
        return v;
    }
    for (uint32_t w = 0; w < m->ways && !to; w++)
        if (!set[w].valid)
            to = &set[w];
    if (!to) {
        to = set;
        for (uint32_t w = 1; w < m->ways; w++)
            if (set[w].used < to->used)
                to = &set[w];
        v = (struct cache_victim){.line = to->line, .valid = 1, .dirty = (uint8_t)to->dirty};
    }
    *to = (struct slot){.line = line, .used = m->clock, .valid = 1, .dirty = writes};
    return v;
}

static int model_clean(struct model *m, uint64_t line, int drop)
{
    struct slot *set = m->slots + line % m->sets * m->ways;
    for (uint32_t w = 0; w < m->ways; w++)
        if (set[w].valid && set[w].line == line) {
            int found = set[w].dirty ? 3 : 1;
            set[w].dirty = 0;
            set[w].valid = !drop;
            return found;
        }
    return 0;
}

static void same_victim(struct cache_victim got, struct cache_victim want)
{
    cr_assert_eq(got.valid, want.valid);
    cr_assert_eq(got.dirty, want.dirty);
    cr_assert_eq(got.bypassed, 0);
    if (want.valid)
        cr_assert_eq(got.line, want.line);
}

static void against_model(uint32_t ways, const struct policy *policy)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE, MEM_WRITEBACK, MEM_PREFETCH, MEM_WALK};
    struct model m = {.sets = 8, .ways = ways};
    struct cache *c = make(m.sets, ways, policy);
    m.slots = calloc(m.sets * ways, sizeof *m.slots);
    uint64_t rng = ways;
    for (int i = 0; i < 6000; i++) {
        /* Few lines beyond what fits, in both tiers, so that tags use all their bits. */
        uint64_t line = draw(&rng) % (m.sets * ways * 3 / 2 + 1);
        if (line & 1)
            line += CACHE_LINE_LIMIT - 4096;
        int hit, model_hit;
        if (draw(&rng) % 16 == 0) {
            int drop = draw(&rng) & 1;
            struct mem_req req = {.kind = MEM_CLFLUSH};
            cr_assert_eq(cache_clean(c, line, drop, &req), model_clean(&m, line, drop));
            continue;
        }
        unsigned kind = kinds[draw(&rng) % sizeof kinds];
        struct cache_victim want = model_touch(&m, line, kind, &model_hit);
        struct cache_victim got = touch(c, line, kind, &hit);
        cr_assert_eq(hit, model_hit, "%u ways, access %d", ways, i);
        same_victim(got, want);
    }
    free(m.slots);
    cache_free(c);
}

Test(cache, lru_agrees_with_time_stamps)
{
    struct policy behind_the_seam = policy_lru;
    for (uint32_t ways = 1; ways <= 16; ways++) {
        against_model(ways, NULL);
        against_model(ways, &behind_the_seam);
    }
}

/* In slices: every line is found where it was put, victims are lines that were there, as many lines
 * are held as there are places, and a hash spreads lines that follow one another, or are a page, a
 * slice's size or a power of two apart, evenly. Policies behind the seam agree with LRU built in.
 */
static void slices_hold_lines(uint32_t slices, uint32_t ways, const struct policy *policy)
{
    enum { SETS = 16, LINES = 16384 };
    char err[300];
    const struct cache_config cfg = {.bytes = (uint64_t)slices * SETS * ways * 64,
                                     .ways = ways,
                                     .slices = slices,
                                     .policy = "lru"};
    struct cache *c = cache_new(&cfg, policy, 1, err, sizeof err);
    cr_assert(c, "%s", err);
    static uint8_t there[LINES];
    const struct mem_req req = {.kind = MEM_LOAD};
    uint32_t held = 0;
    uint64_t rng = slices;
    memset(there, 0, sizeof there);
    for (int i = 0; i < 100000; i++) {
        rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint64_t line = rng >> 50, at = line * 4099; /* also with high bits */
        cr_assert_eq(cache_find(c, at) >= 0, there[line]);
        if (cache_lookup(c, at, MEM_LOAD, &req) >= 0)
            continue;
        const struct cache_victim v = cache_fill(c, at, MEM_LOAD, 0, &req);
        there[line] = 1;
        held += !v.valid;
        if (!v.valid)
            continue;
        const uint64_t gone = v.line / 4099;
        cr_assert(gone < LINES && gone * 4099 == v.line && there[gone]);
        there[gone] = 0;
    }
    cr_assert_eq(held, slices * SETS * ways);
    cr_expect_eq(c->counters.policy_errors, 0);
    cache_free(c);
}

static void slices_are_even(uint32_t slices)
{
    const struct cache c = {.slices = slices};
    const uint32_t n = slices * 1000;
    for (unsigned shift = 0; shift <= 14; shift++) {
        uint32_t count[CACHE_SLICES] = {0};
        for (uint64_t i = 0; i < n; i++)
            count[cache_slice_of(&c, UINT64_C(0x123456789) + (i << shift))]++;
        for (uint32_t s = 0; s < slices; s++)
            cr_expect(count[s] > 600 && count[s] < 1500, "%u slices, shift %u: %u", slices, shift,
                      count[s]);
    }
}

Test(cache, slices_hold_what_one_piece_would)
{
    const struct policy behind_the_seam = policy_lru;
    for (uint32_t slices = 2; slices <= 26; slices += 3) {
        slices_hold_lines(slices, 4, NULL);
        slices_hold_lines(slices, 11, &behind_the_seam);
        slices_hold_lines(slices, 3, policy_find("drrip"));
        slices_hold_lines(slices, 3, policy_find("hawkeye"));
        slices_are_even(slices);
    }
}

Test(cache, counters_add_up)
{
    struct cache *c = make(8, 2, NULL);
    const struct cache_counters *n = &c->counters;
    struct mem_req flush = {.kind = MEM_CLFLUSH};
    int hit;
    touch(c, 0, MEM_LOAD, &hit);
    touch(c, 8, MEM_STORE, &hit);
    touch(c, 16, MEM_LOAD, &hit); /* pushes out 0, clean */
    touch(c, 24, MEM_LOAD, &hit); /* pushes out 8, dirty */
    touch(c, 24, MEM_LOAD, &hit);
    cache_clean(c, 24, 1, &flush);
    cache_clean(c, 99, 1, &flush);
    cr_assert_eq(n->accesses[MEM_LOAD], 4);
    cr_assert_eq(n->misses[MEM_LOAD], 3);
    cr_assert_eq(n->accesses[MEM_STORE], 1);
    cr_assert_eq(n->misses[MEM_STORE], 1);
    cr_assert_eq(n->fills, 4);
    cr_assert_eq(n->evictions, 2);
    cr_assert_eq(n->writebacks, 1);
    cr_assert_eq(n->invalidations, 1);
    cr_assert_eq(n->accesses[MEM_CLFLUSH], 2);
    cr_assert_eq(n->misses[MEM_CLFLUSH], 1);
    cache_free(c);
}

/* ---- the protocol ---- */

/* A policy that believes nothing: it keeps its own picture of the sets and checks every call. */
struct spy {
    uint32_t ways;
    uint64_t line[8][16];
    int valid[8][16], dirty[8][16];
    unsigned hits, fills, bypasses, victims, evicts;
    struct policy_access last;
    int asked;       /* victim was called, and evict and fill of the same access have to follow */
    uint32_t answer; /* 100: a way by the line, else what victim says */
};

static void *spy_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    (void)err;
    (void)errlen;
    cr_assert_eq(cfg->sets, 8);
    struct spy *s = calloc(1, sizeof *s);
    s->ways = cfg->ways;
    s->answer = 100;
    return s;
}

static void spy_hit(void *state, const struct policy_access *a)
{
    struct spy *s = state;
    cr_assert(!s->asked);
    cr_assert(s->valid[a->set][a->way]);
    cr_assert_eq(s->line[a->set][a->way], a->line);
    s->last = *a;
    s->hits++;
}

static uint32_t spy_victim(void *state, const struct policy_access *a)
{
    struct spy *s = state;
    cr_assert(!s->asked);
    for (uint32_t w = 0; w < s->ways; w++)
        cr_assert(s->valid[a->set][w], "asked for a victim while way %u is invalid", w);
    s->last = *a;
    s->victims++;
    if (s->answer == POLICY_BYPASS && a->kind != MEM_WRITEBACK) {
        s->bypasses++;
        return POLICY_BYPASS;
    }
    s->asked = 1;
    if (s->answer == 100 || s->answer == POLICY_BYPASS)
        return (uint32_t)(a->line / 8 % s->ways);
    return s->answer;
}

static void spy_evict(void *state, const struct policy_access *a)
{
    struct spy *s = state;
    cr_assert(s->valid[a->set][a->way]);
    cr_assert_eq(s->line[a->set][a->way], a->line);
    cr_assert_eq(s->dirty[a->set][a->way], a->dirty);
    s->valid[a->set][a->way] = 0;
    s->evicts++;
}

static void spy_fill(void *state, const struct policy_access *a)
{
    struct spy *s = state;
    for (uint32_t w = 0; w < a->way; w++)
        cr_assert(s->valid[a->set][w], "way %u was invalid and lower", w);
    cr_assert(!s->valid[a->set][a->way]);
    if (s->asked)
        cr_assert(a->line == s->last.line && a->kind == s->last.kind && a->pc == s->last.pc);
    s->asked = 0;
    s->line[a->set][a->way] = a->line;
    s->valid[a->set][a->way] = 1;
    s->dirty[a->set][a->way] = a->dirty;
    s->last = *a;
    s->fills++;
}

static const struct policy spy_policy = {.abi = POLICY_ABI,
                                         .name = "spy",
                                         .meaning = "checks the protocol",
                                         .make = spy_make,
                                         .drop = free,
                                         .hit = spy_hit,
                                         .fill = spy_fill,
                                         .victim = spy_victim,
                                         .evict = spy_evict};

Test(cache, a_policy_sees_each_access_once)
{
    for (uint32_t ways = 1; ways <= 16; ways++) {
        struct cache *c = make(8, ways, &spy_policy);
        struct spy *s = c->state;
        uint64_t rng = 77 + ways;
        for (unsigned i = 0; i < 3000; i++) {
            unsigned kind = draw(&rng) & 1 ? MEM_LOAD : draw(&rng) & 1 ? MEM_WRITEBACK : MEM_STORE;
            uint64_t line = draw(&rng) % (12 * ways + 8);
            unsigned before = s->hits + s->fills + s->bypasses;
            int hit;
            s->answer = draw(&rng) % 8 ? 100 : POLICY_BYPASS;
            struct cache_victim v = touch(c, line, kind, &hit);
            cr_assert_eq(s->hits + s->fills + s->bypasses, before + 1);
            cr_assert_eq(s->last.line, line);
            cr_assert_eq(s->last.set, line % 8);
            cr_assert_eq(s->last.kind, kind);
            cr_assert_eq(s->last.pc, kind == MEM_WRITEBACK ? 0 : line * 4);
            if (hit && (kind == MEM_STORE || kind == MEM_WRITEBACK))
                s->dirty[line % 8][s->last.way] = 1; /* a dirty bit is no policy's business */
            if (v.bypassed)
                cr_assert(cache_find(c, line) < 0 && !v.valid && kind != MEM_WRITEBACK);
            if (draw(&rng) % 20 == 0) {
                struct mem_req req = {.kind = MEM_CLFLUSH};
                uint64_t gone = draw(&rng) % (12 * ways + 8);
                unsigned evicts = s->evicts;
                int found = cache_clean(c, gone, 1, &req);
                cr_assert_eq(s->evicts - evicts, found != 0);
            }
        }
        cr_assert(s->hits && s->fills && s->bypasses && s->evicts);
        cr_assert_eq(c->counters.bypasses, s->bypasses);
        cr_assert_eq(c->counters.policy_errors, 0);
        cache_free(c);
    }
}

Test(cache, a_policys_wrong_answer_does_no_harm)
{
    struct cache *c = make(8, 4, &spy_policy);
    struct spy *s = c->state;
    int hit;
    for (uint64_t i = 0; i < 4; i++)
        touch(c, 8 * i, MEM_LOAD, &hit);
    s->answer = 4;
    struct cache_victim v = touch(c, 32, MEM_LOAD, &hit);
    cr_assert(v.valid && v.line == 0);
    s->answer = POLICY_BYPASS - 1;
    v = touch(c, 40, MEM_WRITEBACK, &hit);
    cr_assert(v.valid && v.line == 32);
    cr_assert_eq(c->counters.policy_errors, 2);
    cache_free(c);
}

Test(cache, a_hit_on_a_line_under_way_waits_for_it)
{
    struct cache *c = make(8, 4, NULL);
    int hit;
    touch(c, 5, MEM_LOAD, &hit);
    cache_note_flight(c, 5, 1000, SRC_DRAM);
    struct mem_reply early = cache_await(c, 5, (struct mem_reply){.done = 10, .source = SRC_L1});
    struct mem_reply late = cache_await(c, 5, (struct mem_reply){.done = 1000, .source = SRC_L1});
    struct mem_reply other = cache_await(c, 6, (struct mem_reply){.done = 10, .source = SRC_L1});
    cr_assert(early.done == 1000 && early.source == SRC_DRAM);
    cr_assert(late.done == 1000 && late.source == SRC_L1);
    cr_assert(other.done == 10 && other.source == SRC_L1);
    cache_free(c);
}

Test(cache, refuses_impossible_sizes_and_policies)
{
    static const struct cache_config bad[] = {{.bytes = 32768, .ways = 0},
                                              {.bytes = 17 * 64 * 8, .ways = 17},
                                              {.bytes = 0, .ways = 8},
                                              {.bytes = 32768 + 64, .ways = 8},
                                              {.bytes = 3 * 8 * 64 * 8, .ways = 8},
                                              {.bytes = 4 * 64 * 8, .ways = 8},
                                              {.bytes = UINT64_C(1) << 40, .ways = 16}};
    struct policy old = policy_lru;
    char err[200];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err[0] = 0;
        cr_assert_null(cache_new(&bad[i], NULL, 1, err, sizeof err), "row %zu", i);
        cr_assert(err[0]);
    }
    struct cache_config good = {.bytes = 32768, .ways = 8};
    old.abi = POLICY_ABI + 1;
    err[0] = 0;
    cr_assert_null(cache_new(&good, &old, 1, err, sizeof err));
    cr_assert(err[0]);
    cr_assert_null(policy_find("nonesuch"));
    for (const struct policy *const *p = policy_table; *p; p++)
        cr_assert_eq(policy_find((*p)->name), *p);
}
