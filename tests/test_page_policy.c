/* test_page_policy.c - every page policy against a plain model, request by request. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/page_bits.h"
#include "memhier/page_fixed.h"
#include "memhier/page_policy.h"
#include "memhier/page_sketch.h"
#include "tests/page_models.h"
#include "tests/page_streams.h"

#include "tests/page_models.inc"
#include "tests/page_models_learn.inc"

#define REQUESTS 4000

static const uint32_t capacities[] = {1, 2, 3, 4, 5, 7, 10, 23, 64, 170, 301};
#define CAPACITIES (sizeof capacities / sizeof capacities[0])

static void *make(const struct page_policy *p, uint32_t capacity, const uint64_t *v, size_t n)
{
    char err[200] = "";
    const struct page_config cfg = {.seed = 5, .capacity = capacity, .future = v, .requests = n};
    void *state = p->make(&cfg, err, sizeof err);
    cr_assert_not_null(state, "%s", err);
    return state;
}

static void agree_on(const struct page_policy *p, model_access *plain, enum stream_kind kind,
                     uint32_t capacity, size_t n)
{
    uint64_t *v = stream_make(kind, n, capacity);
    void *state = make(p, capacity, v, n);
    struct model *m = calloc(1, sizeof *m);
    m->c = capacity;
    m->seed = 5;
    m->future = v;
    m->requests = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t victim = 0;
        const enum page_result want = plain(m, v[i]), got = p->access(state, v[i], &victim);
        cr_assert_eq(got, want, "%s: stream %d, capacity %u, request %zu: %d, not %d", p->name,
                     (int)kind, capacity, i, (int)got, (int)want);
        cr_assert(got != PAGE_EVICTED || victim == m->victim,
                  "%s: stream %d, capacity %u, request %zu: another page left", p->name, (int)kind,
                  capacity, i);
    }
    free(m->more);
    free(m);
    p->drop(state);
    free(v);
}

static void agree(const char *name, model_access *plain, size_t n)
{
    const struct page_policy *p = page_policy_find(name);
    cr_assert_not_null(p);
    for (int kind = 0; kind < STREAM_KINDS; kind++)
        for (size_t c = !strcmp(name, "lirs"); c < CAPACITIES; c++)
            agree_on(p, plain, (enum stream_kind)kind, capacities[c], n);
}

#define AGREES(test, name, model, n)                                                               \
    Test(page_policy, test)                                                                        \
    {                                                                                              \
        agree(name, model, n);                                                                     \
    }

AGREES(fifo, "fifo", model_fifo, REQUESTS)
AGREES(lru, "lru", model_lru, REQUESTS)
AGREES(clock, "clock", model_clock, REQUESTS)
AGREES(sieve, "sieve", model_sieve, REQUESTS)
AGREES(slru, "slru", model_slru, REQUESTS)
AGREES(two_queues, "2q", model_2q, REQUESTS)
AGREES(arc, "arc", model_arc, REQUESTS)
AGREES(s3fifo, "s3fifo", model_s3fifo, REQUESTS)
AGREES(lirs, "lirs", model_lirs, REQUESTS)
AGREES(wtinylfu, "wtinylfu", model_wtinylfu, REQUESTS)
AGREES(lecar, "lecar", model_lecar, REQUESTS)
AGREES(cacheus, "cacheus", model_cacheus, REQUESTS)
AGREES(belady, "belady", model_belady, 700)

/* ---- what holds of them all ---- */

static size_t misses(const struct page_policy *p, const uint64_t *v, size_t n, uint32_t capacity)
{
    size_t sum = 0;
    uint64_t victim;
    void *state = make(p, capacity, v, n);
    for (size_t i = 0; i < n; i++)
        sum += p->access(state, v[i], &victim) != PAGE_HIT;
    p->drop(state);
    return sum;
}

Test(page_policy, nobody_misses_less_than_belady)
{
    const size_t n = 20000;
    for (int kind = 0; kind < STREAM_KINDS; kind++)
        for (uint32_t c = 2; c < 600; c = c * 3 + 1) {
            uint64_t *v = stream_make((enum stream_kind)kind, n, c);
            const size_t least = misses(&page_belady, v, n, c);
            for (const struct page_policy *const *p = page_policy_table; *p; p++)
                cr_assert_geq(misses(*p, v, n, c), least, "%s, stream %d", (*p)->name, kind);
            free(v);
        }
}

/* A page is resident from its miss until it is reported to leave, and there are never too many. */
Test(page_policy, victims_are_resident_and_hits_too)
{
    uint64_t *v = stream_make(STREAM_ZIPF, 20000, 64);
    for (const struct page_policy *const *p = page_policy_table; *p; p++) {
        struct row *in = calloc(1, sizeof *in);
        void *state = make(*p, 64, v, 20000);
        for (size_t i = 0; i < 20000; i++) {
            uint64_t victim = 0;
            const int was = row_at(in, v[i]) >= 0;
            const enum page_result r = (*p)->access(state, v[i], &victim);
            cr_assert_eq(r == PAGE_HIT, was, "%s", (*p)->name);
            if (r != PAGE_HIT)
                row_append(in, (struct item){.page = v[i]});
            if (r == PAGE_EVICTED)
                row_find_remove(in, victim);
            cr_assert_leq(in->n, 64);
            cr_assert(r != PAGE_EVICTED || in->n == 64, "%s evicts with room", (*p)->name);
            cr_assert_geq(row_at(in, v[i]), 0, "%s bypasses", (*p)->name);
        }
        (*p)->drop(state);
        free(in);
    }
    free(v);
}

/* All that LRU holds with c pages it holds with c + 1. */
Test(page_policy, lru_includes_its_smaller_self)
{
    for (int kind = 0; kind < STREAM_KINDS; kind++) {
        uint64_t *v = stream_make((enum stream_kind)kind, 10000, 20), victim;
        for (uint32_t c = 1; c < 40; c++) {
            void *small = make(&page_lru, c, NULL, 0), *big = make(&page_lru, c + 1, NULL, 0);
            for (size_t i = 0; i < 10000; i++) {
                const enum page_result s = page_lru.access(small, v[i], &victim);
                const enum page_result b = page_lru.access(big, v[i], &victim);
                cr_assert(s != PAGE_HIT || b == PAGE_HIT);
            }
            page_lru.drop(small);
            page_lru.drop(big);
        }
        free(v);
    }
}

/* ---- fixed points ---- */

/* A loop of c + 1 pages: LRU, FIFO and CLOCK always miss; the optimum misses once in c. */
Test(page_policy, loop_one_too_long)
{
    enum { C = 50, N = 51 * 200 };
    uint64_t v[N];
    for (size_t i = 0; i < N; i++)
        v[i] = i % (C + 1);
    cr_assert_eq(misses(&page_lru, v, N, C), N);
    cr_assert_eq(misses(&page_fifo, v, N, C), N);
    cr_assert_eq(misses(&page_clock, v, N, C), N);
    cr_assert_eq(misses(&page_belady, v, N, C), C + 1 + (N - C - 1) / C);
    /* LIRS keeps its LIR pages: from the third round on it misses what does not fit, 3 of 51 */
    cr_assert_leq(misses(&page_lirs, v, N, C), 2 * (C + 1) + 198 * 3);
}

/* Belady's anomaly: FIFO misses 9 times with three pages, 10 times with four. */
Test(page_policy, fifo_anomaly)
{
    const uint64_t v[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
    cr_assert_eq(misses(&page_fifo, v, 12, 3), 9);
    cr_assert_eq(misses(&page_fifo, v, 12, 4), 10);
    cr_assert_eq(misses(&page_lru, v, 12, 3), 10);
    cr_assert_eq(misses(&page_lru, v, 12, 4), 8);
    cr_assert_eq(misses(&page_belady, v, 12, 3), 7);
    cr_assert_eq(misses(&page_belady, v, 12, 4), 6);
}

/* ARC's scan resistance: pages used twice stay while any number of others pass once. */
Test(page_policy, arc_resists_a_scan)
{
    uint64_t victim;
    void *s = make(&page_arc, 100, NULL, 0);
    for (uint64_t i = 0; i < 160; i++)
        page_arc.access(s, i % 80, &victim);
    for (uint64_t i = 0; i < 100000; i++)
        page_arc.access(s, 1000 + i, &victim);
    for (uint64_t i = 0; i < 80; i++)
        cr_assert_eq(page_arc.access(s, i, &victim), PAGE_HIT);
    page_arc.drop(s);
}

/* ARC's adaptation, both ways. A window that moves on, pages used twice, the second time 60 new
 * pages later, and never again, needs room for the pages used once: T2 fills with dead ones until
 * ghosts of T1 are hit and p grows. Then a hot set under scans needs room for the pages used twice:
 * ghosts of T2 let p shrink. After some time ARC loses nothing in either; LRU loses all in both (in
 * the first it would need room for 120 pages, as dead ones are in its way). */
static size_t hits_of_phases(const struct page_policy *p, size_t *first, size_t *second)
{
    enum { C = 100, D = 60, HOT = 80, SCAN = 200, MOVES = 5000, ROUNDS = 50 };
    uint64_t victim, next = 1000000;
    void *s = make(p, C, NULL, 0);
    *first = *second = 0;
    for (uint64_t i = 0; i < MOVES; i++) {
        (void)p->access(s, 1000 + i, &victim);
        if (i >= D)
            *first += p->access(s, 1000 + i - D, &victim) == PAGE_HIT && i >= MOVES - 1000;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < 2 * HOT; i++)
            *second += p->access(s, i % HOT, &victim) == PAGE_HIT && i < HOT && round == ROUNDS - 1;
        for (int i = 0; i < SCAN; i++)
            (void)p->access(s, next++, &victim);
    }
    p->drop(s);
    return *first + *second;
}

Test(page_policy, arc_adapts_to_recency_and_to_frequency)
{
    size_t recency, frequency;
    cr_expect_eq(hits_of_phases(&page_arc, &recency, &frequency), 1000 + 80);
    cr_expect_eq(recency, 1000);
    cr_expect_eq(hits_of_phases(&page_lru, &recency, &frequency), 0);
}

/* While nothing is ever used twice before it leaves, T1 is all of ARC and leaves no ghosts: of a
 * loop of C + 1 pages and more it hits as little as LRU, nothing. */
Test(page_policy, arc_is_lru_of_a_loop_too_long)
{
    enum { C = 50, N = 20000 };
    static uint64_t v[N];
    for (size_t loop = C + 1; loop <= 2 * C + 1; loop += 10) {
        for (size_t i = 0; i < N; i++)
            v[i] = i % loop;
        cr_expect_eq(misses(&page_arc, v, N, C), N);
    }
}

/* ---- parts ---- */

Test(page_policy, powers_and_roots)
{
    for (uint64_t e = 0; e < 40 * FIXED_ONE; e += FIXED_ONE / 97 + 12345) {
        const double want = exp2(-(double)e / (double)FIXED_ONE);
        cr_assert_float_eq((double)fixed_exp2_neg(e) / (double)FIXED_ONE, want, 1.0 / (1 << 27));
    }
    cr_assert_eq(fixed_exp2_neg(0), FIXED_ONE);
    cr_assert_eq(fixed_exp2_neg(FIXED_ONE), FIXED_ONE / 2);
    cr_assert_eq(fixed_exp2_neg(UINT64_MAX), 0);
    uint64_t rng = 3;
    for (int i = 0; i < 10000; i++) {
        const uint64_t x = (stream_draw(&rng) << 33 ^ stream_draw(&rng)) >> i % 60;
        const uint64_t r = fixed_sqrt(x);
        cr_assert(r * r <= x && (r == UINT32_MAX || (r + 1) * (r + 1) > x));
    }
    cr_assert_eq(fixed_sqrt(UINT64_MAX), UINT32_MAX);
    cr_assert_eq(fixed_punish(FIXED_ONE / 2, FIXED_ONE), FIXED_ONE / 2);
    cr_assert_eq(fixed_punish(FIXED_ONE / 2, 0), FIXED_ONE / 100);
}

Test(page_policy, bits_find_their_ends)
{
    static unsigned char in[70000];
    uint64_t rng = 9;
    struct page_bits b;
    cr_assert_eq(page_bits_init(&b, sizeof in), 0);
    for (int i = 0; i < 3000; i++) {
        const uint64_t x = stream_draw(&rng) % sizeof in;
        in[x] = !in[x];
        if (in[x])
            page_bits_set(&b, x);
        else
            page_bits_clear(&b, x);
        const unsigned char *low = memchr(in, 1, sizeof in), *high = memrchr(in, 1, sizeof in);
        cr_assert_eq(page_bits_test(&b, x), in[x]);
        if (low) {
            cr_assert_eq(page_bits_least(&b), (uint64_t)(low - in));
            cr_assert_eq(page_bits_greatest(&b), (uint64_t)(high - in));
        }
    }
    page_bits_free(&b);
}

Test(page_policy, sketch_never_says_too_little)
{
    struct page_sketch s;
    cr_assert_eq(page_sketch_init(&s, 1000), 0);
    unsigned count[500] = {0};
    uint64_t rng = 4;
    for (int i = 0; i < 9999; i++) {
        const uint64_t page = stream_draw(&rng) % 500 * (stream_draw(&rng) % 2);
        page_sketch_add(&s, page);
        count[page]++;
    }
    for (uint64_t page = 0; page < 500; page++)
        cr_assert_geq(page_sketch_estimate(&s, page), count[page] < 15 ? count[page] : 15);
    const unsigned before = page_sketch_estimate(&s, 0);
    page_sketch_add(&s, 0); /* the 10,000th request */
    cr_assert_eq(page_sketch_estimate(&s, 0), before / 2);
    page_sketch_free(&s);
}

Test(page_policy, refusals)
{
    char err[200] = "";
    const struct page_config one = {.capacity = 1}, blind = {.capacity = 4, .requests = 3};
    cr_assert_null(page_lirs.make(&one, err, sizeof err));
    cr_assert_not_null(strstr(err, "at least 2 pages"));
    cr_assert_null(page_belady.make(&blind, err, sizeof err));
    const uint64_t told[] = {1, 2};
    uint64_t victim;
    void *s = make(&page_belady, 4, told, 2);
    cr_assert_eq(page_belady.access(s, 1, &victim), PAGE_MISS);
    cr_assert_eq(page_belady.access(s, 3, &victim), PAGE_FAILED);
    cr_assert_eq(page_belady.access(s, 2, &victim), PAGE_MISS);
    cr_assert_eq(page_belady.access(s, 2, &victim), PAGE_FAILED);
    page_belady.drop(s);
    cr_assert_null(page_policy_find("nonesuch"));
}
