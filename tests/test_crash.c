/* test_crash.c - crash images of small sequences of events against an enumerator by brute force. */
/*
 * The enumerator knows nothing but the sentences of the semantics: it goes through all subsets of
 * the stores and keeps those in which every store survives that must, and the ordinary stores of a
 * line that survive come before those that do not. An image is what the two lines hold then.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvdimm/crash.h"

#define BASE  NVDIMM_BASE
#define LINES 2u
#define MOST  12u /* events of a sequence */

struct picture {
    uint8_t bytes[LINES * 64];
};

/* A set of pictures. */
struct pictures {
    struct picture *v;
    size_t n, cap;
};

static void add(struct pictures *s, const struct picture *p)
{
    for (size_t i = 0; i < s->n; i++)
        if (memcmp(&s->v[i], p, sizeof *p) == 0)
            return;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->v = realloc(s->v, s->cap * sizeof *s->v);
        cr_assert(s->v);
    }
    s->v[s->n++] = *p;
}

static int same(const struct pictures *a, const struct pictures *b)
{
    for (size_t i = 0; i < a->n; i++) {
        int there = 0;
        for (size_t k = 0; k < b->n && !there; k++)
            there = memcmp(&a->v[i], &b->v[k], sizeof a->v[i]) == 0;
        if (!there)
            return 0;
    }
    return a->n == b->n;
}

/* ---- the semantics, sentence by sentence ---- */

static int is_store(const struct pm_event *e)
{
    return e->kind == PM_STORE || e->kind == PM_NTSTORE;
}

static int fenced_after(const struct pm_event *e, uint32_t from, uint32_t n, uint16_t thread)
{
    for (uint32_t i = from; i < n; i++)
        if (e[i].kind == PM_FENCE && e[i].thread == thread)
            return 1;
    return 0;
}

/* Must store i survive a cut after n events? */
static int must_survive(const struct pm_event *e, uint32_t i, uint32_t n, enum domain_point point)
{
    if (point == DOMAIN_NONE)
        return 0;
    if (e[i].kind == PM_NTSTORE)
        return fenced_after(e, i + 1, n, e[i].thread);
    if (point == DOMAIN_EADR)
        return 1;
    for (uint32_t f = i + 1; f < n; f++) {
        if (e[f].kind != PM_FLUSH || e[f].addr / 64 != e[i].addr / 64)
            continue;
        if (e[f].what == MEM_CLFLUSH || fenced_after(e, f + 1, n, e[f].thread))
            return 1;
    }
    return 0;
}

static int allowed(const struct pm_event *e, uint32_t n, uint32_t kept, enum domain_point point)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!is_store(&e[i]))
            continue;
        if (!(kept >> i & 1) && must_survive(e, i, n, point))
            return 0;
        for (uint32_t k = i + 1; e[i].kind == PM_STORE && k < n; k++)
            if (e[k].kind == PM_STORE && e[k].addr / 64 == e[i].addr / 64 && !(kept >> i & 1) &&
                (kept >> k & 1))
                return 0;
    }
    return 1;
}

static void all_allowed(const struct pm_event *e, uint32_t n, enum domain_point point,
                        struct pictures *out)
{
    uint32_t stores = 0;
    for (uint32_t i = 0; i < n; i++)
        stores |= (uint32_t)is_store(&e[i]) << i;
    for (uint32_t kept = stores;; kept = (kept - 1) & stores) {
        if (allowed(e, n, kept, point)) {
            struct picture p = {{0}};
            for (uint32_t i = 0; i < n; i++)
                if (kept >> i & 1)
                    memcpy(p.bytes + (e[i].addr - BASE), &e[i].new_bytes, e[i].bytes);
            add(out, &p);
        }
        if (kept == 0)
            break;
    }
}

/* ---- what crash.c says ---- */

static struct picture picture_of(struct crash_state *s, const uint32_t *choice)
{
    struct picture p = {{0}};
    struct crash_line lines[LINES];
    const size_t n = crash_image(s, choice, lines, LINES);
    for (size_t i = 0; i < n && i < LINES; i++)
        for (uint32_t b = 0; b < 64; b++)
            if (lines[i].mask >> b & 1)
                p.bytes[lines[i].addr - BASE + b] = lines[i].bytes[b];
    return p;
}

static uint64_t all_images(struct crash_state *s, uint64_t most, struct pictures *out)
{
    struct crash_walk walk;
    uint32_t choice[64];
    uint64_t tried = 0;
    crash_walk_begin(s, &walk, most, 7);
    for (; crash_walk_next(s, &walk, choice); tried++) {
        const struct picture p = picture_of(s, choice);
        add(out, &p);
    }
    return tried;
}

/* Digests tell the same images apart as their bytes do. */
static void check_digests(struct crash_state *s)
{
    struct crash_walk walk;
    uint32_t choice[64];
    uint64_t digest[64];
    struct picture p[64];
    size_t n = 0;
    crash_walk_begin(s, &walk, 64, 7);
    while (crash_walk_next(s, &walk, choice)) {
        digest[n] = crash_digest(s, choice);
        p[n++] = picture_of(s, choice);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_eq(digest[i] == digest[k], memcmp(&p[i], &p[k], sizeof p[i]) == 0);
}

static void show(const struct pm_event *e, uint32_t n)
{
    static const char *const kinds[] = {"store", "ntstore", "device", "flush", "fence"};
    for (uint32_t i = 0; i < n; i++)
        fprintf(stderr, "  %s %u +%u, %u bytes, thread %u, what %u\n", kinds[e[i].kind], i,
                (unsigned)(e[i].addr ? e[i].addr - BASE : 0), e[i].bytes, e[i].thread, e[i].what);
}

/* After all events the images are those allowed; and those of the moments at which it says that one
 * must look are all that there ever were. */
static void check(const struct pm_event *e, uint32_t n, enum domain_point point)
{
    struct pictures here = {0}, ever = {0}, got = {0}, looked = {0};
    struct crash_state *s = crash_new(point);
    for (uint32_t i = 0; i < n; i++) {
        all_allowed(e, i, point, &ever);
        if (crash_is_point(s, &e[i]))
            all_images(s, UINT64_MAX, &looked);
        crash_advance(s, &e[i], i);
    }
    all_allowed(e, n, point, &here);
    all_allowed(e, n, point, &ever);
    all_images(s, UINT64_MAX, &looked);
    const uint64_t tried = all_images(s, UINT64_MAX, &got);
    const int good = same(&here, &got) && same(&ever, &looked) && tried == crash_images(s);
    if (!good)
        show(e, n);
    cr_assert(good, "domain %d: %zu images allowed, %zu found; %zu ever, %zu looked at", (int)point,
              here.n, got.n, ever.n, looked.n);
    check_digests(s);
    crash_free(s);
    free(here.v);
    free(ever.v);
    free(got.v);
    free(looked.v);
}

static void check_all_domains(const struct pm_event *e, uint32_t n)
{
    check(e, n, DOMAIN_NONE);
    check(e, n, DOMAIN_ADR);
    check(e, n, DOMAIN_EADR);
}

/* ---- sequences ---- */

static struct pm_event event(enum pm_kind kind, uint32_t at, uint8_t bytes, uint8_t what,
                             uint16_t thread)
{
    return (struct pm_event){.kind = (uint8_t)kind,
                             .addr = kind == PM_FENCE ? 0 : BASE + at,
                             .bytes = bytes,
                             .what = what,
                             .thread = thread};
}

#define LETTERS 13u
static struct pm_event letter(uint32_t which, uint32_t number)
{
    const struct pm_event all[LETTERS] = {
        event(PM_STORE, 0, 8, 0, 0),         event(PM_STORE, 4, 2, 0, 1),
        event(PM_STORE, 64, 8, 0, 0),        event(PM_NTSTORE, 0, 8, 0, 0),
        event(PM_NTSTORE, 0, 4, 0, 0),       event(PM_NTSTORE, 4, 4, 0, 1),
        event(PM_FLUSH, 0, 0, MEM_CLWB, 0),  event(PM_FLUSH, 8, 0, MEM_CLFLUSHOPT, 1),
        event(PM_FLUSH, 64, 0, MEM_CLWB, 0), event(PM_FLUSH, 32, 0, MEM_CLFLUSH, 1),
        event(PM_FENCE, 0, 0, 0, 0),         event(PM_FENCE, 0, 0, 0, 1),
        event(PM_NTSTORE, 72, 8, 0, 0)};
    struct pm_event e = all[which];
    e.new_bytes = UINT64_C(0x0101010101010101) * (number + 1);
    return e;
}

Test(crash, all_sequences_of_four_events)
{
    struct pm_event e[4];
    uint32_t number[4];
    for (uint32_t k = 0; k < LETTERS * LETTERS * LETTERS * LETTERS; k++) {
        uint32_t left = k;
        for (uint32_t i = 0; i < 4; i++, left /= LETTERS) {
            number[i] = left % LETTERS;
            e[i] = letter(number[i], i);
        }
        check_all_domains(e, 4);
    }
}

Test(crash, drawn_sequences_that_are_longer)
{
    uint64_t r = 1;
    struct pm_event e[MOST];
    for (uint32_t k = 0; k < 1500; k++) {
        for (uint32_t i = 0; i < MOST; i++) {
            r = r * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            e[i] = letter((uint32_t)((r >> 33) % LETTERS), i);
        }
        check_all_domains(e, MOST);
    }
}

/* The sentences of the semantics, one by one, by their number of images. */
static uint64_t images_of(const struct pm_event *e, uint32_t n, enum domain_point point)
{
    struct crash_state *s = crash_new(point);
    struct pictures got = {0};
    for (uint32_t i = 0; i < n; i++)
        crash_advance(s, &e[i], i);
    all_images(s, UINT64_MAX, &got);
    const uint64_t images = got.n;
    crash_free(s);
    free(got.v);
    return images;
}

Test(crash, a_line_keeps_a_prefix_and_words_past_the_caches_any_subset)
{
    struct pm_event e[4];
    for (uint32_t i = 0; i < 4; i++) {
        e[i] = event(PM_STORE, 8 * i, 8, 0, 0);
        e[i].new_bytes = 1;
    }
    cr_expect_eq(images_of(e, 4, DOMAIN_ADR), 5, "a prefix of four stores");
    cr_expect_eq(images_of(e, 4, DOMAIN_EADR), 1, "the cache is durable");
    for (uint32_t i = 0; i < 4; i++)
        e[i].kind = PM_NTSTORE;
    cr_expect_eq(images_of(e, 4, DOMAIN_ADR), 16, "any subset of four words");
    cr_expect_eq(images_of(e, 4, DOMAIN_EADR), 16, "which are in no cache");
    e[0].new_bytes = UINT64_C(0x100000001);
    e[1] = event(PM_NTSTORE, 0, 4, 0, 0);
    e[1].new_bytes = 2;
    cr_expect_eq(images_of(e, 2, DOMAIN_ADR), 4, "two stores to one word, of different bytes");
    e[0].kind = e[1].kind = PM_STORE;
    e[1].addr = BASE + 64;
    cr_expect_eq(images_of(e, 2, DOMAIN_ADR), 4, "lines are independent");
}

/* A bound on images: what is tried is allowed, each once, everything kept first, the same each
 * time. */
Test(crash, a_sample_is_of_what_is_allowed)
{
    struct pm_event e[MOST];
    struct pictures allowed_all = {0}, got = {0}, again = {0};
    struct crash_state *s = crash_new(DOMAIN_ADR);
    struct crash_walk walk;
    uint32_t choice[64];
    for (uint32_t i = 0; i < MOST; i++) {
        e[i] = event(i % 3 ? PM_STORE : PM_NTSTORE, 8 * i, 8, 0, 0);
        e[i].new_bytes = i + 1;
        crash_advance(s, &e[i], i);
    }
    all_allowed(e, MOST, DOMAIN_ADR, &allowed_all);
    cr_assert_gt(crash_images(s), 100);
    crash_walk_begin(s, &walk, 1, 3);
    cr_assert(crash_walk_next(s, &walk, choice));
    const struct picture first = picture_of(s, choice);
    for (uint32_t i = 0; i < MOST; i++)
        cr_expect_eq(first.bytes[8 * i], i + 1, "the first is everything kept");
    cr_expect_not(crash_walk_next(s, &walk, choice));
    cr_expect_eq(all_images(s, 60, &got), 60);
    all_images(s, 60, &again);
    cr_expect(same(&got, &again));
    for (size_t i = 0; i < got.n; i++) {
        const struct pictures one = {&got.v[i], 1, 1};
        struct pictures both = {0};
        for (size_t k = 0; k < allowed_all.n; k++)
            add(&both, &allowed_all.v[k]);
        add(&both, one.v);
        cr_expect_eq(both.n, allowed_all.n, "it is allowed");
        free(both.v);
    }
    crash_free(s);
    free(allowed_all.v);
    free(got.v);
    free(again.v);
}
