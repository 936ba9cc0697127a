/* test_policy_hawkeye.c - Hawkeye against a plain model; OPTgen against what can be counted. */
#include "memhier/optgen.h"
#include "tests/ref_optgen.h"

struct hawkeye_model {
    int counter[2][8192]; /* demand, prefetch */
    struct ref_optgen optgen;
};

static void hawkeye_start(struct ref_model *m)
{
    struct hawkeye_model *x = m->own = calloc(1, sizeof *x);
    ref_optgen_start(&x->optgen, m->sets);
    for (int i = 0; i < 2 * 8192; i++)
        x->counter[i / 8192][i % 8192] = 4;
    for (int i = 0; i < m->sets * m->ways; i++) {
        m->lines[i].rrpv = 7;
        m->lines[i].sig = -1;
    }
}

/* Owners: code address hash, and 8192 more for prefetches. */
static int owner_of(const struct ref_access *a)
{
    const int hash = (int)((a->pc * 11400714819323198485u) >> 51);
    return a->kind == MEM_PREFETCH ? 8192 + hash : hash;
}

static void teach(struct hawkeye_model *x, int owner, int by)
{
    int *c = &x->counter[owner / 8192][owner % 8192];
    if (*c + by >= 0 && *c + by <= 7)
        *c += by;
}

static void watch(struct ref_model *m, const struct ref_access *a)
{
    struct hawkeye_model *x = m->own;
    const struct ref_owner me = {{owner_of(a)}};
    struct ref_owner before;
    const int kept = ref_optgen_watch(&x->optgen, m, a, me, &before);
    if (kept >= 0)
        teach(x, before.v[0], kept ? 1 : -1);
}

static int friendly(const struct ref_model *m, int owner)
{
    const struct hawkeye_model *x = m->own;
    return x->counter[owner / 8192][owner % 8192] >= 4;
}

static void hawkeye_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->kind != MEM_WRITEBACK)
        watch(m, a);
    if (a->demand) {
        l->sig = owner_of(a);
        l->rrpv = friendly(m, owner_of(a)) ? 0 : 7;
    }
}

static void hawkeye_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    l->sig = -1;
    l->rrpv = 6;
    if (a->kind == MEM_WRITEBACK)
        return;
    watch(m, a);
    l->sig = owner_of(a);
    l->rrpv = 7;
    if (!friendly(m, owner_of(a)))
        return;
    ref_age_others(m, l, a->set);
    l->rrpv = 0;
}

static int hawkeye_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)a;
    for (int age = 7; age >= 0; age--)
        for (int w = 0; w < m->ways; w++)
            if (set[w].rrpv == age)
                return w;
    cr_assert_fail("no line has an age");
    return 0;
}

static void hawkeye_evict(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct hawkeye_model *x = m->own;
    if (!a->flush && l->rrpv < 7 && l->sig >= 0 && x->optgen.row[a->set] >= 0)
        teach(x, (int)l->sig, -1);
}

Test(policy_hawkeye, hawkeye, .timeout = 120)
{
    const struct reference r = {"hawkeye",      hawkeye_start, hawkeye_hit,
                                hawkeye_victim, hawkeye_fill,  hawkeye_evict};
    rig_compare_all("hawkeye", &r);
}

/* Counters are taught by sampled sets alone: what the others evict, be it all lines of friendly
 * code, changes no prediction. Else evictions would outnumber OPT's verdicts by the number of sets
 * to a sampled one, and no code would stay friendly whose lines a cache this full cannot all hold.
 */
static int is_friendly(void *h, uint32_t set, uint64_t pc)
{
    struct policy_access a = {.pc = pc, .kind = MEM_LOAD, .set = set};
    for (a.way = 2; a.way-- > 0; a.line += 2048)
        policy_hawkeye.fill(h, &a);
    return policy_hawkeye.victim(h, &a) ==
           1; /* aged by the second; averse ones: the first of two */
}

static void churn(void *h, uint32_t set, uint64_t pc)
{
    struct policy_access a = {.pc = pc, .kind = MEM_LOAD, .set = set, .line = set};
    for (int i = 0; i < 100; i++, a.line += 2048) {
        a.way = policy_hawkeye.victim(h, &a);
        policy_hawkeye.evict(h, &a);
        policy_hawkeye.fill(h, &a);
    }
}

Test(policy_hawkeye, sets_that_are_not_sampled_teach_nothing)
{
    const struct policy_config cfg = {.sets = 2048, .ways = 2, .seed = 1};
    char err[200];
    void *h = policy_hawkeye.make(&cfg, err, sizeof err);
    for (uint32_t set = 1; set < 32; set++) { /* of these 32 only set 0 is sampled */
        churn(h, set, 0x400);
        cr_assert(is_friendly(h, 40, 0x400), "set %u taught", set);
    }
    churn(h, 0, 0x400);
    cr_assert(!is_friendly(h, 40, 0x400), "a sampled set taught nothing");
    policy_hawkeye.drop(h);
}

/* ---- OPTgen ---- */

/* Kept intervals of n accesses that go round `loop` lines of one set of `ways`. */
static int kept_in_loop(uint32_t ways, uint64_t loop, int n)
{
    struct optgen *og = calloc(1, sizeof *og);
    int kept = 0;
    optgen_start(og, 64, ways);
    for (int i = 0; i < n; i++) {
        uint64_t owner;
        const uint64_t line = (uint64_t)i % loop * 64;
        kept += optgen_observe(og, 0, line, 1, 0, &owner) == OPTGEN_KEPT;
    }
    free(og);
    return kept;
}

/* Of a loop of L lines OPT with bypass keeps `ways`, so ways / L of the accesses hit. The loops
 * here fit the sampler's groups whatever the hash. */
Test(policy_hawkeye, optgen_keeps_what_opt_keeps_of_a_loop)
{
    for (uint32_t ways = 1; ways <= 8; ways++)
        for (uint64_t loop = 1; loop <= 8; loop++) {
            const int n = 8 * 7 * 5 * 3 * 10;
            const int part = loop <= ways ? n : (int)((uint64_t)n * ways / loop);
            const int kept = kept_in_loop(ways, loop, n);
            cr_assert(kept <= part && kept >= part - 20, "%u ways, loop of %d: %d of %d", ways,
                      (int)loop, kept, part);
        }
}

Test(policy_hawkeye, optgen_forgets_what_is_older_than_its_vector)
{
    struct optgen *og = calloc(1, sizeof *og);
    uint64_t owner = 99;
    optgen_start(og, 64, 1);
    for (int gap = 7; gap <= 8; gap++) {
        /* One line, then `gap` accesses to another one that are prefetches and take no room. */
        cr_assert_neq(optgen_observe(og, 3, 64, 0, 5, &owner), OPTGEN_KEPT);
        for (int i = 0; i < gap; i++)
            cr_assert_eq(optgen_observe(og, 3, 128, 0, 6, &owner), OPTGEN_SILENT);
        cr_assert_eq(optgen_observe(og, 3, 64, 1, 7, &owner), gap == 7 ? OPTGEN_KEPT : OPTGEN_LOST);
        cr_assert_eq(owner, 5);
    }
    free(og);
}

Test(policy_hawkeye, rows_do_not_overlap)
{
    struct optgen *og = calloc(1, sizeof *og);
    uint64_t owner = 0;
    optgen_start(og, 2048, 16);
    for (uint32_t row = 0; row < SAMPLE_SETS; row++)
        cr_assert_eq(optgen_observe(og, row, 77, 1, row, &owner), OPTGEN_SILENT);
    for (uint32_t row = 0; row < SAMPLE_SETS; row++) {
        cr_assert_eq(optgen_observe(og, row, 77, 1, 0, &owner), OPTGEN_KEPT);
        cr_assert_eq(owner, row);
    }
    free(og);
}

/* One group of 8 entries (1 way): new lines push out old ones. Only those older than the vector, 8
 * steps, are known not to come back in time. */
Test(policy_hawkeye, optgen_tells_of_lines_that_did_not_come_back)
{
    struct optgen *og = calloc(1, sizeof *og);
    uint64_t owner = 99;
    optgen_start(og, 64, 1);
    for (uint64_t i = 0; i < 8; i++)
        cr_assert_eq(optgen_observe(og, 0, i * 64, 1, i, &owner), OPTGEN_SILENT);
    cr_assert_eq(optgen_observe(og, 0, 8 * 64, 1, 8, &owner), OPTGEN_SILENT); /* line 0: 8 steps */
    cr_assert_eq(optgen_observe(og, 0, 8 * 64, 1, 8, &owner), OPTGEN_KEPT);
    cr_assert_eq(optgen_observe(og, 0, 9 * 64, 1, 9, &owner), OPTGEN_GONE); /* line 1: 9 steps */
    cr_assert_eq(owner, 1);
    free(og);
}

Test(policy_hawkeye, optgen_tells_lines_apart_by_all_of_their_tags)
{
    struct optgen *og = calloc(1, sizeof *og);
    uint64_t owner;
    optgen_start(og, 64, 1);
    for (uint32_t bit = 0; bit < 32; bit++) {
        const uint64_t line = 5 * 64, other = line ^ UINT64_C(64) << bit;
        (void)optgen_observe(og, bit, line, 1, 0, &owner);
        cr_assert_eq(optgen_observe(og, bit, other, 1, 0, &owner), OPTGEN_SILENT, "bit %u", bit);
        cr_assert_eq(optgen_observe(og, bit, line, 1, 0, &owner), OPTGEN_KEPT, "bit %u", bit);
    }
    free(og);
}
