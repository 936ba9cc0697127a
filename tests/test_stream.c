/* test_stream.c - policies alone: against a whole cache, and OPT against all that could be done. */
#include <stdio.h>

#include "memhier/kind.h"
#include "memhier/stream.h"
#include "tests/policy_rig.h"

/* ---- streams with everything in them ---- */

#define ACCESSES 40000

static const int flushes[] = {MEM_CLWB, MEM_CLFLUSH, MEM_CLFLUSHOPT, MEM_NTSTORE};

static struct stream_access *make_stream(enum stream s, int sets, int ways, int pure)
{
    struct stream_access *v = calloc(ACCESSES, sizeof *v);
    uint64_t rng = 11 + (uint64_t)s;
    for (int i = 0; i < ACCESSES; i++) {
        const struct rig_step st = rig_step(s, i, (uint64_t)sets, (uint64_t)ways, pure, &rng);
        const int kind = !pure && rig_draw(&rng) % 40 == 0 ? flushes[rig_draw(&rng) % 4] : st.kind;
        v[i] = (struct stream_access){.line = st.line,
                                      .pc = st.pc,
                                      .kind = (uint8_t)kind,
                                      .offset = (uint8_t)rig_offset(st.line, st.pc)};
    }
    return v;
}

static struct stream_counts run(const char *name, const struct stream_access *v, uint32_t n,
                                int sets, int ways)
{
    const struct policy *p = policy_find(name);
    const struct stream_config cfg = {
        .bytes = (uint64_t)(sets * ways) * 64, .ways = (uint32_t)ways, .seed = 5};
    struct stream_counts c;
    struct policy_future future;
    uint32_t *next;
    char err[200] = "";
    cr_assert_eq(stream_foresee(v, n, &next, &future), 0);
    cr_assert_eq(stream_run(v, n, p, &cfg, &future, &c, err, sizeof err), 0, "%s: %s", name, err);
    cr_assert_eq(c.policy_errors, 0);
    free(next);
    return c;
}

/* ---- the same as in a cache ---- */

static struct stream_counts through_cache(const struct policy *p, const struct stream_access *v,
                                          int sets, int ways)
{
    struct cache *c = rig_cache(p, sets, ways, 5);
    struct stream_counts n = {0};
    for (int i = 0; i < ACCESSES; i++) {
        const struct mem_req req = {
            .addr = v[i].line * 64 + v[i].offset, .pc = v[i].pc, .kind = v[i].kind};
        const int wb = v[i].kind == MEM_WRITEBACK;
        if (v[i].kind >= MEM_NTSTORE && v[i].kind <= MEM_CLFLUSH) {
            n.writebacks += cache_clean(c, v[i].line, v[i].kind != MEM_CLWB, &req) == 3;
            continue;
        }
        const int way = cache_lookup(c, v[i].line, v[i].kind, &req);
        if (way >= 0) {
            *(wb ? &n.writeback_hits : &n.hits) += 1;
            cache_set_dirty(c, v[i].line, way, wb);
            continue;
        }
        *(wb ? &n.writeback_misses : &n.misses) += 1;
        n.writebacks += cache_fill(c, v[i].line, v[i].kind, wb, &req).dirty;
    }
    n.bypasses = c->counters.bypasses;
    cache_free(c);
    return n;
}

Test(stream, counts_what_a_cache_counts, .timeout = 120)
{
    static const int shapes[][2] = {{8, 1}, {64, 8}, {128, 16}, {16, 13}};
    for (int s = 0; s < STREAMS; s++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            const int sets = shapes[k][0], ways = shapes[k][1];
            struct stream_access *v = make_stream((enum stream)s, sets, ways, 0);
            for (const struct policy *const *p = policy_table; *p; p++) {
                if ((*p)->foresees)
                    continue;
                const struct stream_counts a = run((*p)->name, v, ACCESSES, sets, ways);
                const struct stream_counts b = through_cache(*p, v, sets, ways);
                cr_assert(a.hits == b.hits && a.misses == b.misses &&
                              a.writeback_hits == b.writeback_hits &&
                              a.writeback_misses == b.writeback_misses &&
                              a.writebacks == b.writebacks && a.bypasses == b.bypasses,
                          "%s, stream %d, %d ways", (*p)->name, s, ways);
                cr_assert_eq(a.accesses, a.hits + a.misses + a.writeback_hits + a.writeback_misses);
            }
            free(v);
        }
}

/* ---- OPT ---- */

/* The fewest fetches by trying everything: of one set, lines 0 to LINES - 1, contents as bits. */
#define LINES 6

static int fewest(const struct stream_access *v, int n, int ways, int bypass)
{
    int cost[1 << LINES], after[1 << LINES], best = 1000;
    for (int s = 0; s < 1 << LINES; s++)
        cost[s] = s ? 1000 : 0;
    for (int i = 0; i < n; i++) {
        const int x = 1 << (v[i].line / 8), wb = v[i].kind == MEM_WRITEBACK;
        for (int s = 0; s < 1 << LINES; s++)
            after[s] = 1000;
#define REACH(to, c) after[to] = cost[s] + (c) < after[to] ? cost[s] + (c) : after[to]
        for (int s = 0; s < 1 << LINES; s++) {
            if (v[i].kind == MEM_CLFLUSH) {
                REACH(s & ~x, 0);
                continue;
            }
            if (s & x) {
                REACH(s, 0);
                continue;
            }
            if (__builtin_popcount((unsigned)s) < ways) {
                REACH(s | x, !wb);
                continue; /* an invalid way is taken without asking */
            }
            if (bypass && !wb)
                REACH(s, 1);
            for (int w = 0; w < LINES; w++)
                if (s >> w & 1)
                    REACH((s & ~(1 << w)) | x, !wb);
        }
        memcpy(cost, after, sizeof cost);
    }
    for (int s = 0; s < 1 << LINES; s++)
        best = cost[s] < best ? cost[s] : best;
    return best;
}

Test(stream, opt_fetches_as_little_as_anything_could, .timeout = 60)
{
    static const uint8_t kinds[] = {MEM_LOAD,     MEM_STORE,     MEM_LOAD,    MEM_FETCH,
                                    MEM_PREFETCH, MEM_WRITEBACK, MEM_CLFLUSH, MEM_LOAD};
    uint64_t rng = 3;
    int with_bypass_better = 0;
    for (int t = 0; t < 3000; t++) {
        const int ways = 1 + t % 4, n = 8 + t % 40, lines = ways + 1 + t % 3;
        struct stream_access v[48] = {0};
        for (int i = 0; i < n; i++) {
            v[i].line = rig_draw(&rng) % (uint64_t)(lines < LINES ? lines : LINES) * 8;
            v[i].kind = kinds[rig_draw(&rng) % (t % 2 ? 8 : 4)];
        }
        const int plain = (int)run("opt", v, (uint32_t)n, 8, ways).misses;
        const int bypass = (int)run("opt-bypass", v, (uint32_t)n, 8, ways).misses;
        cr_assert_eq(plain, fewest(v, n, ways, 0), "stream %d, %d ways: %d, least %d", t, ways,
                     plain, fewest(v, n, ways, 0));
        cr_assert_eq(bypass, fewest(v, n, ways, 1), "stream %d, %d ways: %d, least %d", t, ways,
                     bypass, fewest(v, n, ways, 1));
        with_bypass_better += bypass < plain;
    }
    cr_assert_gt(with_bypass_better, 300);
}

Test(stream, no_policy_fetches_less_than_opt_with_the_same_rights, .timeout = 120)
{
    static const int shapes[][2] = {{8, 2}, {64, 8}, {64, 16}};
    for (int s = 0; s < STREAMS; s++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            const int sets = shapes[k][0], ways = shapes[k][1];
            struct stream_access *v = make_stream((enum stream)s, sets, ways, 0);
            const uint64_t opt = run("opt", v, ACCESSES, sets, ways).misses;
            const uint64_t bypass = run("opt-bypass", v, ACCESSES, sets, ways).misses;
            cr_assert_leq(bypass, opt);
            for (const struct policy *const *p = policy_table; *p; p++) {
                const struct stream_counts c = run((*p)->name, v, ACCESSES, sets, ways);
                cr_assert_geq(c.misses, c.bypasses ? bypass : opt, "%s, stream %d, %d ways",
                              (*p)->name, s, ways);
            }
            free(v);
        }
}

/* OPT in the plainest way: it walks on through the stream to find when each line is fetched again.
 */
struct opt_model {
    const struct stream_access *v;
    int now, n; /* the present access; all of them */
    int bypasses;
};

static int next_fetch(const struct opt_model *o, uint64_t line)
{
    for (int i = o->now + 1; i < o->n; i++)
        if (o->v[i].line == line)
            return o->v[i].kind == MEM_WRITEBACK || kind_is_flush(o->v[i].kind) ? o->n : i;
    return o->n;
}

static void opt_start(struct ref_model *m)
{
    (void)m;
}

static void opt_nothing(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)m;
    (void)l;
    (void)a;
}

static int opt_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    const struct opt_model *o = m->own;
    int furthest = 0;
    for (int w = 1; w < m->ways; w++)
        if (next_fetch(o, set[w].line) > next_fetch(o, set[furthest].line))
            furthest = w;
    if (o->bypasses && a->kind != MEM_WRITEBACK &&
        next_fetch(o, a->line) >= next_fetch(o, set[furthest].line))
        return REF_BYPASS;
    return furthest;
}

static void opt_agrees(const struct policy *p, const struct stream_access *v, int n, int sets,
                       int ways, int bypasses)
{
    const struct reference r = {p->name, opt_start, opt_nothing, opt_victim, opt_nothing, NULL};
    const struct stream_config cfg = {.bytes = (uint64_t)(sets * ways) * 64,
                                      .ways = (uint32_t)ways};
    struct ref_model m = ref_new(&r, sets, ways, 1);
    struct opt_model *o = m.own = calloc(1, sizeof *o);
    uint64_t *outcome = malloc((size_t)n * sizeof *outcome);
    struct policy_future future;
    struct stream_counts c;
    uint32_t *next;
    char err[200];
    cr_assert_eq(stream_foresee(v, (uint32_t)n, &next, &future), 0);
    cr_assert_eq(stream_run_noting(v, (uint32_t)n, p, &cfg, &future, &c, outcome, err, sizeof err),
                 0);
    *o = (struct opt_model){.v = v, .n = n, .bypasses = bypasses};
    for (; o->now < n; o->now++) {
        const struct stream_access *a = &v[o->now];
        struct ref_result want = {0};
        if (!kind_is_flush(a->kind))
            want = ref_touch(&m, &r, (struct rig_step){a->line, a->pc, a->kind, 0});
        else
            want = (struct ref_result){.dirty = ref_flush(&m, &r, a->line), .line = a->line};
        const uint64_t wrote = want.dirty ? STREAM_WROTE | want.line << STREAM_LINE : 0;
        cr_assert_eq(outcome[o->now], wrote | (uint64_t)want.hit,
                     "%s, %d sets, %d ways, access %d: another outcome", p->name, sets, ways,
                     o->now);
    }
    free(next);
    free(outcome);
    ref_free(&m);
}

/* Hits, bypasses and victims (the dirty ones, of which there are many), access by access. */
Test(stream, opt_agrees_with_its_model, .timeout = 120)
{
    static const int shapes[][2] = {{8, 1}, {8, 2}, {16, 7}, {8, 16}};
    enum { N = 2500 };
    for (int s = 0; s < STREAMS; s++)
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            struct stream_access *v = make_stream((enum stream)s, shapes[k][0], shapes[k][1], 0);
            for (int i = 0; i < N; i++)
                if (v[i].kind == MEM_STORE || v[i].kind == MEM_CLWB)
                    v[i].kind = MEM_LOAD; /* a read for ownership leaves the line clean here */
            opt_agrees(&policy_opt, v, N, shapes[k][0], shapes[k][1], 0);
            opt_agrees(&policy_opt_bypass, v, N, shapes[k][0], shapes[k][1], 1);
            free(v);
        }
}

/* A loop of three lines in two ways: one access in three misses with bypass, one in two without. */
Test(stream, opt_counts_what_can_be_counted_by_hand)
{
    struct stream_access v[3000] = {0};
    for (int i = 0; i < 3000; i++)
        v[i] = (struct stream_access){.line = (uint64_t)(i % 3) * 8, .kind = MEM_LOAD};
    cr_assert_eq(run("opt", v, 3000, 8, 2).misses, 1501);
    cr_assert_eq(run("opt-bypass", v, 3000, 8, 2).misses, 1002);
    cr_assert_eq(run("lru", v, 3000, 8, 2).misses, 3000);
}

Test(stream, opt_refuses_where_nobody_knows_the_future)
{
    const struct cache_config cfg = {.bytes = 64 * 64, .ways = 8};
    char err[200] = "";
    cr_assert_null(cache_new(&cfg, policy_find("opt"), 1, err, sizeof err));
    cr_assert_not_null(strstr(err, "beforehand"), "%s", err);
    cr_assert_null(cache_new(&cfg, policy_find("opt-bypass"), 1, err, sizeof err));
}

/* ---- LRU: what hits in a cache hits in one of more ways, when all are loads ---- */

Test(stream, lru_of_more_ways_holds_all_that_lru_of_fewer_holds)
{
    for (int s = 0; s < STREAMS; s++) {
        struct cache *c[16];
        uint64_t rng = 9;
        int before, hit;
        for (int w = 0; w < 16; w++)
            c[w] = rig_cache(w % 2 ? &policy_lru : NULL, 32, w + 1, 1);
        for (int i = 0; i < 30000; i++) {
            struct rig_step st = rig_step((enum stream)s, i, 32, 8, 1, &rng);
            st.kind = MEM_LOAD;
            before = 0;
            for (int w = 0; w < 16; w++) {
                rig_touch(c[w], st, &hit);
                cr_assert_geq(hit, before, "stream %d, access %d, %d ways", s, i, w + 1);
                before = hit;
            }
        }
        for (int w = 0; w < 16; w++)
            cache_free(c[w]);
    }
}

/* ---- refusals ---- */

Test(stream, impossible_shapes_and_accesses_are_refused)
{
    struct stream_access v = {.kind = MEM_LOAD};
    const struct stream_config wrong[] = {
        {.bytes = 0, .ways = 8},         {.bytes = 4096, .ways = 0},
        {.bytes = 4096, .ways = 17},     {.bytes = 4096, .ways = 3},
        {.bytes = 4000, .ways = 8},      {.bytes = 64 * 4 * 8, .ways = 8},
        {.bytes = 1ull << 40, .ways = 1}};
    struct stream_counts c;
    char err[200];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(stream_run(&v, 1, &policy_lru, &wrong[i], NULL, &c, err, sizeof err), -1);
    const struct stream_config good = {.bytes = 4096, .ways = 8};
    v.kind = MEM_FENCE;
    cr_assert_eq(stream_run(&v, 1, &policy_lru, &good, NULL, &c, err, sizeof err), -1);
    v = (struct stream_access){.kind = MEM_LOAD, .line = CACHE_LINE_LIMIT};
    cr_assert_eq(stream_run(&v, 1, &policy_lru, &good, NULL, &c, err, sizeof err), -1);
    struct policy other = policy_srrip;
    other.abi++;
    v.line = 0;
    cr_assert_eq(stream_run(&v, 1, &other, &good, NULL, &c, err, sizeof err), -1);
    cr_assert_not_null(strstr(err, "interface"), "%s", err);
}

Test(stream, the_first_wrong_access_is_named)
{
    const struct stream_config cfg = {.bytes = 4096, .ways = 8};
    for (uint32_t n = 1; n < 60; n += 7)
        for (uint32_t at = 0; at < n; at++)
            for (int kind = MEM_LOAD; kind < 256; kind += kind == MEM_LOAD ? 6 : 13) {
                struct stream_access *v = calloc(n, sizeof *v);
                struct stream_counts c;
                char err[200] = "", want[40];
                for (uint32_t i = 0; i < n; i++)
                    v[i] = (struct stream_access){.line = i, .kind = MEM_LOAD};
                v[at].kind = (uint8_t)kind;
                if (kind == MEM_LOAD)
                    v[at].line = CACHE_LINE_LIMIT;
                snprintf(want, sizeof want, "access %u of", at);
                cr_assert_eq(stream_run(v, n, &policy_lru, &cfg, NULL, &c, err, sizeof err), -1);
                cr_assert_not_null(strstr(err, want), "%u of %u, kind %d: %s", at, n, kind, err);
                cr_assert_eq(c.accesses, at);
                free(v);
            }
}

/* ---- what each access did ---- */

/* Hits and lines written, one by one: as many as are counted, and possible ones. */
Test(stream, outcomes_add_up_to_the_counts)
{
    struct stream_access *v = make_stream(STREAM_MIXED, 64, 8, 0);
    uint64_t *outcome = malloc(ACCESSES * sizeof *outcome);
    const struct stream_config cfg = {.bytes = 64ul * 8 * 64, .ways = 8, .seed = 5};
    for (const struct policy *const *p = policy_table; *p; p++) {
        struct policy_future future;
        struct stream_counts c, plain = run((*p)->name, v, ACCESSES, 64, 8);
        uint64_t hits = 0, written = 0;
        uint32_t *next;
        char err[200];
        cr_assert_eq(stream_foresee(v, ACCESSES, &next, &future), 0);
        cr_assert_eq(
            stream_run_noting(v, ACCESSES, *p, &cfg, &future, &c, outcome, err, sizeof err), 0);
        for (int i = 0; i < ACCESSES; i++) {
            const uint64_t line = outcome[i] >> STREAM_LINE;
            hits += outcome[i] & STREAM_HIT;
            written += (outcome[i] & STREAM_WROTE) != 0;
            if (outcome[i] & STREAM_WROTE)
                cr_assert(line % 64 == v[i].line % 64, "%s: a victim of another set", (*p)->name);
            if (v[i].kind >= MEM_NTSTORE && v[i].kind <= MEM_CLFLUSH)
                cr_assert(!outcome[i] || line == v[i].line);
        }
        cr_expect_eq(memcmp(&c, &plain, sizeof c), 0, "%s", (*p)->name);
        cr_expect_eq(hits, c.hits + c.writeback_hits, "%s", (*p)->name);
        cr_expect_eq(written, c.writebacks, "%s", (*p)->name);
        cr_expect(written > 100);
        free(next);
    }
    free(outcome);
    free(v);
}
