/* test_policy_ship.c - SHiP and SHiP++ against plain models, and which sets are sampled. */
#include "memhier/sample.h"
#include "tests/policy_rig.h"

struct ship_model {
    int counter[16384];
    int sampled[2048];
};

static void start_lines(struct ref_model *m, int counters)
{
    struct ship_model *x = m->own = calloc(1, sizeof *x);
    const int samples = m->sets < 64 ? m->sets : 64, run = m->sets / samples;
    for (int i = 0; i < 16384; i++)
        x->counter[i] = counters;
    for (int i = 0; i < samples; i++)
        x->sampled[i * run + i % run] = 1;
    for (int i = 0; i < m->sets * m->ways; i++)
        m->lines[i].rrpv = 3;
}

static int first_at_3(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)a;
    for (;;) {
        for (int w = 0; w < m->ways; w++)
            if (set[w].rrpv == 3)
                return w;
        for (int w = 0; w < m->ways; w++)
            set[w].rrpv++;
    }
}

/* Fibonacci hashing: the top bits of the address times 2^64 / golden ratio. */
static int64_t hash(uint64_t pc, int bits)
{
    return (int64_t)((pc * 11400714819323198485u) >> (64 - bits));
}

static void up(int *counter)
{
    if (*counter < 7)
        ++*counter;
}

static void down(int *counter)
{
    if (*counter > 0)
        --*counter;
}

/* ---- SHiP-PC; signature -1: none ---- */

static void ship_start(struct ref_model *m)
{
    start_lines(m, 0);
}

static void ship_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    if (!a->demand)
        return;
    l->rrpv = 0;
    l->reused = 1;
    if (l->sig >= 0)
        up(&x->counter[l->sig]);
}

static void ship_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    l->reused = 0;
    l->sig = a->kind == MEM_WRITEBACK ? -1 : hash(a->pc, 14);
    l->rrpv = l->sig >= 0 && x->counter[l->sig] == 0 ? 3 : 2;
}

static void ship_evict(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    if (!a->flush && !l->reused && l->sig >= 0)
        down(&x->counter[l->sig]);
}

Test(policy_ship, ship)
{
    const struct reference r = {"ship", ship_start, ship_hit, first_at_3, ship_fill, ship_evict};
    rig_compare_all("ship", &r);
}

/* ---- SHiP++ ---- */

static void shippp_start(struct ref_model *m)
{
    start_lines(m, 1);
}

static void shippp_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    if (!a->demand)
        return;
    if (x->sampled[a->set] && !l->reused && l->sig >= 0)
        up(&x->counter[l->sig]);
    l->rrpv = l->prefetched && !l->reused ? 3 : 0;
    l->reused = 1;
}

static void shippp_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    l->reused = 0;
    l->prefetched = a->kind == MEM_PREFETCH;
    l->sig = a->kind == MEM_WRITEBACK ? -1 : 2 * hash(a->pc, 13) + l->prefetched;
    l->rrpv = 2;
    if (l->sig < 0 || x->counter[l->sig] == 0)
        l->rrpv = 3;
    else if (x->counter[l->sig] == 7)
        l->rrpv = 0;
}

static void shippp_evict(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct ship_model *x = m->own;
    if (x->sampled[a->set])
        ship_evict(m, l, a);
}

Test(policy_ship, shippp)
{
    const struct reference r = {"ship++",   shippp_start, shippp_hit,
                                first_at_3, shippp_fill,  shippp_evict};
    rig_compare_all("ship++", &r);
}

/* ---- sampled sets ---- */

Test(policy_ship, as_many_sets_are_sampled_as_should_be_and_rows_do_not_overlap)
{
    for (uint32_t sets = 8; sets <= CACHE_MAX_SETS; sets *= 2) {
        const uint32_t want = sets < 64 ? sets : 64;
        uint32_t seen[64] = {0}, n = 0;
        struct sample s;
        sample_start(&s, sets, SAMPLE_SETS);
        for (uint32_t i = 0; i < sets; i++) {
            const uint32_t row = sample_row(&s, i);
            if (row == SAMPLE_NONE)
                continue;
            cr_assert_lt(row, 64);
            cr_assert_eq(seen[row]++, 0, "%u sets, row %u", sets, row);
            n++;
        }
        cr_assert_eq(n, want, "%u sets", sets);
    }
}

/* A code address whose lines are never used again must not displace one whose lines are. */
static int hot_hits(const char *name)
{
    struct cache *c = rig_cache(policy_find(name), 64, 4, 1);
    int hit, hits = 0;
    for (uint64_t round = 0; round < 50; round++)
        for (uint64_t set = 0; set < 64; set++) {
            for (uint64_t i = 0; i < 4; i++) {
                const struct rig_step st = {i % 2 * 64 + set, 0x10, MEM_LOAD, 0};
                rig_touch(c, st, &hit);
                hits += hit && round && i < 2;
            }
            for (uint64_t i = 0; i < 8; i++) {
                const struct rig_step st = {(1000 + round * 8 + i) * 64 + set, 0x20, MEM_LOAD, 0};
                rig_touch(c, st, &hit);
            }
        }
    cache_free(c);
    return hits;
}

Test(policy_ship, learns_that_a_scans_lines_are_not_used)
{
    const int all = 49 * 64 * 2;
    cr_assert_geq(hot_hits("ship"), all * 9 / 10);
    cr_assert_geq(hot_hits("ship++"), all * 9 / 10);
    cr_assert_eq(hot_hits("lru"), 0);
}
