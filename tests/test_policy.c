/* test_policy.c - what holds for every replacement policy: the protocol, set duelling, and OPT. */
#include "memhier/duel.h"
#include "tests/policy_rig.h"

/* ---- set duelling ---- */

Test(policy, each_side_has_the_leaders_that_it_should_have)
{
    for (uint32_t sets = 8; sets <= CACHE_MAX_SETS; sets *= 2) {
        const uint32_t want = sets < 128 ? sets / 4 : 32;
        uint32_t n[3] = {0};
        struct duel d;
        duel_start(&d, sets);
        for (uint32_t s = 0; s < sets; s++)
            n[duel_role(&d, s)]++;
        cr_assert_eq(n[DUEL_LEADS_0], want, "%u sets", sets);
        cr_assert_eq(n[DUEL_LEADS_1], want, "%u sets", sets);
        cr_assert_eq(n[DUEL_FOLLOWS], sets - 2 * want);
    }
}

Test(policy, a_duel_is_decided_by_leaders_alone_and_saturates)
{
    struct duel d;
    duel_start(&d, 2048);
    cr_assert_eq(d.psel, 512);
    for (uint32_t s = 0; s < 2048; s++)
        if (duel_role(&d, s) == DUEL_FOLLOWS)
            duel_policy(&d, s, 1);
    cr_assert_eq(d.psel, 512);
    for (int i = 0; i < 3000; i++)
        for (uint32_t s = 0; s < 64; s++)
            if (duel_role(&d, s) == DUEL_LEADS_1)
                cr_assert_eq(duel_policy(&d, s, 1), 1);
    cr_assert_eq(d.psel, 0);
    cr_assert_eq(duel_policy(&d, 5, 1), 0);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(duel_policy(&d, 0, 1), 0); /* set 0 leads policy 0 */
    cr_assert_eq(d.psel, 1023);
    cr_assert_eq(duel_policy(&d, 5, 1), 1);
}

/* ---- the fill is reported: a line that was just filled is not the next victim of SRRIP ---- */

Test(policy, a_fill_sets_the_prediction)
{
    struct cache *c = rig_cache(policy_find("srrip"), 8, 4, 1);
    uint64_t victims[4];
    int hit;
    for (uint64_t i = 0; i < 8; i++) {
        const struct rig_step st = {.line = i * 8, .kind = MEM_LOAD};
        const struct cache_victim v = rig_touch(c, st, &hit);
        if (i >= 4)
            victims[i - 4] = v.line;
    }
    for (uint64_t i = 0; i < 4; i++)
        cr_assert_eq(victims[i], i * 8);
    cache_free(c);
}

/*
 * Jaleel et al., ISCA 2010, section 4.1: SRRIP with M bits keeps a working set that has been hit
 * through a scan of at most (2^M - 1) * (ways - working set) lines; LRU keeps nothing of it.
 */
static int hits_after_scan(const char *policy, uint64_t scan)
{
    const uint64_t ways = 16, hot = 8;
    const struct policy *p = policy_find(policy);
    struct cache *c = rig_cache(p, 8, (int)ways, 1);
    int hit, hits = 0;
    for (uint64_t i = 0; i < 2 * hot; i++)
        rig_touch(c, (struct rig_step){.line = i % hot * 8, .kind = MEM_LOAD}, &hit);
    for (uint64_t i = 0; i < scan; i++)
        rig_touch(c, (struct rig_step){.line = (1000 + i) * 8, .kind = MEM_LOAD}, &hit);
    for (uint64_t i = 0; i < hot; i++) {
        rig_touch(c, (struct rig_step){.line = i * 8, .kind = MEM_LOAD}, &hit);
        hits += hit;
    }
    cache_free(c);
    return hits;
}

Test(policy, srrip_resists_scans_as_long_as_its_paper_says)
{
    cr_assert_eq(hits_after_scan("srrip", 24), 8);
    cr_assert_lt(hits_after_scan("srrip", 25), 8);
    cr_assert_eq(hits_after_scan("lru", 24), 0);
}

/*
 * The mixed access patterns of the paper's table 1: [(a1 ... ak)^2 (b1 ... bm)]^N, b never again,
 * in one set of 16 ways, k = 8. Whoever keeps the a through the b misses 8 + N * m times, LRU
 * always N * (8 + m). Ways are looked at from the first: where the a lie behind the scan's lines,
 * they stay as long as the paper says, 3 * 8 lines; before them, an age less.
 */
static int misses_of_mix(const char *policy, int rounds, uint64_t scan, int first)
{
    struct cache *c = rig_cache(policy_find(policy), 8, 16, 1);
    uint64_t fresh = 1000;
    int hit, misses = 0;
    for (int i = 0; i < (first ? 0 : 8); i++, fresh++) /* the first 8 ways are the scan's */
        rig_touch(c, (struct rig_step){.line = fresh * 8, .kind = MEM_LOAD}, &hit);
    for (int n = 0; n < rounds; n++) {
        for (uint64_t i = 0; i < 16; i++) {
            rig_touch(c, (struct rig_step){.line = i % 8 * 8, .kind = MEM_LOAD}, &hit);
            misses += !hit;
        }
        for (uint64_t i = 0; i < scan; i++, fresh++) {
            rig_touch(c, (struct rig_step){.line = fresh * 8, .kind = MEM_LOAD}, &hit);
            misses += !hit;
        }
    }
    cache_free(c);
    return misses;
}

Test(policy, srrip_keeps_a_working_set_in_mixed_patterns)
{
    cr_expect_eq(misses_of_mix("srrip", 50, 24, 0), 8 + 50 * 24);
    cr_expect_gt(misses_of_mix("srrip", 50, 25, 0), 8 + 50 * 25);
    cr_expect_eq(misses_of_mix("srrip", 50, 16, 1), 8 + 50 * 16);
    cr_expect_gt(misses_of_mix("srrip", 50, 17, 1), 8 + 50 * 17);
    cr_expect_eq(misses_of_mix("lru", 50, 16, 1), 50 * (8 + 16));
    cr_expect_eq(misses_of_mix("lru", 50, 24, 0), 50 * (8 + 24));
}

/* The thrashing pattern, a loop of twice the cache: SRRIP and LRU hit nothing, BRRIP keeps part of
 * it, and DRRIP finds that out; of a loop that fits, all hit everything but the first time. */
static double hit_share_of_loop(const char *policy, uint64_t loop, int passes)
{
    struct cache *c = rig_cache(policy_find(policy), 2048, 16, 1);
    uint64_t hits = 0;
    int hit;
    for (int p = 0; p < passes; p++)
        for (uint64_t i = 0; i < loop; i++) {
            rig_touch(c, (struct rig_step){.line = i, .kind = MEM_LOAD}, &hit);
            hits += (uint64_t)(hit && p);
        }
    cache_free(c);
    return (double)hits / (double)(loop * (uint64_t)(passes - 1));
}

Test(policy, drrip_follows_the_better_of_its_two)
{
    const uint64_t lines = 2048 * 16;
    cr_expect_eq(hit_share_of_loop("srrip", 2 * lines, 20), 0);
    cr_expect_eq(hit_share_of_loop("lru", 2 * lines, 20), 0);
    const double brrip = hit_share_of_loop("brrip", 2 * lines, 20);
    cr_expect(brrip > 0.35 && brrip <= 0.5, "%f", brrip); /* OPT: a half */
    cr_expect_gt(hit_share_of_loop("drrip", 2 * lines, 20), 0.9 * brrip);
    cr_expect_eq(hit_share_of_loop("drrip", lines, 4), 1);
    cr_expect_eq(hit_share_of_loop("srrip", lines, 4), 1);
}

/* ---- OPT: Belady's choice, in two passes over a stream of fetches ---- */

#define ACCESSES 30000

struct recorded {
    struct rig_step step[ACCESSES];
    int next[ACCESSES]; /* index of the next access to the same line; ACCESSES: none */
};

/* From the end to the start, with a table of where each line was last seen. */
static void index_next(struct recorded *t)
{
    const size_t slots = 65536; /* more than twice the accesses */
    uint64_t *line = malloc(slots * sizeof *line);
    int *seen = calloc(slots, sizeof *seen);
    for (int i = ACCESSES; i-- > 0;) {
        size_t at = t->step[i].line * 40503 % slots;
        while (seen[at] && line[at] != t->step[i].line)
            at = (at + 1) % slots;
        t->next[i] = seen[at] ? seen[at] : ACCESSES;
        line[at] = t->step[i].line;
        seen[at] = i ? i : ACCESSES;
    }
    free(line);
    free(seen);
}

static void record(struct recorded *t, enum stream s, int sets, int ways)
{
    uint64_t rng = 7 + (uint64_t)s;
    for (int i = 0; i < ACCESSES; i++)
        t->step[i] = rig_step(s, i, (uint64_t)sets, (uint64_t)ways, 1, &rng);
    index_next(t);
}

static int furthest(const int *next, int ways)
{
    int v = 0;
    for (int w = 1; w < ways; w++)
        if (next[w] > next[v])
            v = w;
    return v;
}

/* Misses of OPT. With bypass, the new line itself may be the one that is used last. */
static int opt_misses(const struct recorded *t, int sets, int ways, int bypass)
{
    uint64_t(*line)[16] = calloc((size_t)sets, sizeof *line);
    int(*next)[16] = calloc((size_t)sets, sizeof *next);
    int misses = 0;
    for (int s = 0; s < sets; s++)
        for (int w = 0; w < ways; w++) {
            line[s][w] = UINT64_MAX;
            next[s][w] = ACCESSES + 1; /* an empty way goes first */
        }
    for (int i = 0; i < ACCESSES; i++) {
        const int s = (int)(t->step[i].line % (uint64_t)sets);
        int way = 0;
        while (way < ways && line[s][way] != t->step[i].line)
            way++;
        if (way == ways) {
            misses++;
            way = furthest(next[s], ways);
            if (bypass && next[s][way] < t->next[i])
                continue;
        }
        line[s][way] = t->step[i].line;
        next[s][way] = t->next[i];
    }
    free(line);
    free(next);
    return misses;
}

static int policy_misses(const struct policy *p, const struct recorded *t, int sets, int ways)
{
    struct cache *c = rig_cache(p, sets, ways, 3);
    int hit, misses = 0;
    for (int i = 0; i < ACCESSES; i++) {
        rig_touch(c, t->step[i], &hit);
        misses += !hit;
    }
    cr_assert_eq(c->counters.policy_errors, 0);
    if (c->counters.bypasses)
        misses = -misses; /* so that the caller knows with which OPT to compare */
    cache_free(c);
    return misses;
}

Test(policy, none_fetches_less_than_opt_with_the_same_rights, .timeout = 120)
{
    static const int shapes[][2] = {{8, 2}, {16, 4}, {64, 8}, {64, 16}};
    struct recorded *t = malloc(sizeof *t);
    for (int s = 0; s < STREAMS; s++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            const int sets = shapes[i][0], ways = shapes[i][1];
            record(t, (enum stream)s, sets, ways);
            const int opt[2] = {opt_misses(t, sets, ways, 0), opt_misses(t, sets, ways, 1)};
            cr_assert_leq(opt[1], opt[0]);
            for (const struct policy *const *p = policy_table; *p; p++) {
                if ((*p)->foresees) /* test_stream.c */
                    continue;
                const int n = policy_misses(*p, t, sets, ways);
                cr_assert_geq(abs(n), opt[n < 0], "%s, stream %d, %d sets, %d ways", (*p)->name, s,
                              sets, ways);
            }
        }
    free(t);
}

/* A loop of three lines in two ways: with bypass two of them stay, so one access in three misses;
 * without, the third displaces one each time, and one in two misses. */
Test(policy, opt_counts_what_can_be_counted_by_hand)
{
    struct recorded *t = calloc(1, sizeof *t);
    for (int i = 0; i < ACCESSES; i++) {
        t->step[i].line = (uint64_t)(i % 3) * 8;
        t->next[i] = i + 3 < ACCESSES ? i + 3 : ACCESSES;
    }
    const int plain = opt_misses(t, 8, 2, 0), bypassing = opt_misses(t, 8, 2, 1);
    cr_assert(abs(plain - ACCESSES / 2) <= 2, "%d", plain);
    cr_assert(abs(bypassing - ACCESSES / 3) <= 2, "%d", bypassing);
    free(t);
}
