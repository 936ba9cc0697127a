/* test_domain.c - the persistence domain against a model that replays all events for each question.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "nvdimm/domain.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/*
 * The model: the events as they came. What is durable at t is computed from the other end than in
 * domain.c: the bytes at the beginning, with those stores applied in coherence order that some
 * carry had made durable by t.
 */
enum what { STORE, VISIBLE, VISIBLE_BYTES, CARRY_WPQ, CARRY_MEDIA, CARRY_NT, MEDIA };

struct event {
    enum what what;
    uint64_t addr;
    uint32_t n;
    ps_t at;
    uint8_t bytes[8], nontemporal;
};

struct fate {
    int visible, carried;
    ps_t durable;
};

struct model {
    enum domain_point point;
    struct event *events;
    size_t n, cap;
};

static int inside(const struct event *store, const struct event *range)
{
    return store->addr >= range->addr && store->addr + store->n <= range->addr + range->n;
}

static void make_visible(const struct model *m, struct fate *f, ps_t at)
{
    f->visible = 1;
    if (m->point == DOMAIN_EADR && at < f->durable)
        f->durable = at;
}

static void enter(const struct model *m, struct fate *f, ps_t at)
{
    f->carried = 1;
    if (m->point != DOMAIN_NONE && at < f->durable)
        f->durable = at;
}

static void reach_media(const struct model *m, struct fate *f, ps_t at)
{
    if (m->point == DOMAIN_NONE && f->carried && at < f->durable)
        f->durable = at;
}

/* Event k acts on the stores before it; `covered` follows VISIBLE_BYTES over its pieces. */
static void act(const struct model *m, size_t k, struct fate *fate)
{
    const struct event *e = &m->events[k];
    uint64_t covered = 0;
    for (size_t i = 0; i < k; i++) {
        const struct event *s = &m->events[i];
        struct fate *f = &fate[i];
        if (s->what != STORE || s->addr / 64 != e->addr / 64)
            continue;
        uint64_t bits = (s->n == 8 ? 0xffu : (1u << s->n) - 1);
        bits <<= s->addr % 64;
        if (e->what == VISIBLE && !f->visible) {
            make_visible(m, f, e->at);
            return;
        }
        if (e->what == VISIBLE_BYTES && !f->visible && !s->nontemporal) {
            if (!inside(s, e) || (covered & bits))
                return;
            covered |= bits;
            make_visible(m, f, e->at);
        }
        if ((e->what == CARRY_WPQ || e->what == CARRY_MEDIA) && f->visible &&
            !(s->nontemporal && f->carried) && m->point != DOMAIN_EADR)
            enter(m, f, e->at);
        if (e->what == CARRY_NT && s->nontemporal && !f->carried && inside(s, e)) {
            f->visible = 1;
            enter(m, f, e->at);
        }
        if (e->what == CARRY_MEDIA || e->what == MEDIA)
            reach_media(m, f, e->at);
    }
}

static struct fate *replay(const struct model *m)
{
    struct fate *fate = calloc(m->n + 1, sizeof *fate);
    for (size_t k = 0; k < m->n; k++) {
        fate[k].durable = DOMAIN_NEVER;
        if (m->events[k].what != STORE)
            act(m, k, fate);
    }
    return fate;
}

static void model_line(const struct model *m, const struct fate *fate, uint64_t line, ps_t t,
                       uint8_t out[64])
{
    memset(out, 0, 64);
    for (size_t i = 0; i < m->n; i++) {
        const struct event *s = &m->events[i];
        if (s->what == STORE && s->addr / 64 == line / 64 && fate[i].durable <= t)
            memcpy(out + s->addr % 64, s->bytes, s->n);
    }
}

enum { LINES = 4 };

struct bench {
    struct model model;
    struct domain *domain;
    uint8_t memory[LINES][64];
    uint64_t seed;
    ps_t settled;
};

static uint64_t line_at(uint64_t i)
{
    return NVDIMM_BASE + i * 256;
}

static void begin(struct bench *b, enum domain_point point, uint64_t seed)
{
    memset(b, 0, sizeof *b);
    b->model.point = point;
    b->domain = domain_new(point);
    b->seed = seed;
}

static void end(struct bench *b)
{
    domain_free(b->domain);
    free(b->model.events);
}

static uint64_t le(const uint8_t *p, uint32_t n)
{
    uint64_t v = 0;
    while (n--)
        v = v << 8 | p[n];
    return v;
}

static void perform(struct bench *b, struct event *e)
{
    uint8_t *p = b->memory[(e->addr - NVDIMM_BASE) / 256] + e->addr % 64;
    switch (e->what) {
    case STORE: {
        struct domain_store s = {.addr = e->addr,
                                 .old_bytes = le(p, e->n),
                                 .new_bytes = le(e->bytes, e->n),
                                 .at = e->at,
                                 .bytes = (uint8_t)e->n,
                                 .nontemporal = e->nontemporal};
        if (e->n < 8) /* what is above does not count */
            s.old_bytes |= UINT64_C(0xdd) << 56, s.new_bytes |= UINT64_C(0xee) << 56;
        domain_store(b->domain, &s);
        memcpy(p, e->bytes, e->n);
        break;
    }
    case VISIBLE:
        domain_visible(b->domain, e->addr, e->at);
        break;
    case VISIBLE_BYTES:
        domain_visible_bytes(b->domain, e->addr, e->n, e->at);
        break;
    case CARRY_WPQ:
        domain_carry(b->domain, e->addr, e->at, DOMAIN_ADR);
        break;
    case CARRY_MEDIA:
        domain_carry(b->domain, e->addr, e->at, DOMAIN_NONE);
        break;
    case CARRY_NT:
        domain_carry_nontemporal(b->domain, e->addr, e->n, e->at);
        break;
    case MEDIA:
        domain_media(b->domain, e->addr, e->at);
        break;
    }
    struct model *m = &b->model;
    if (m->n == m->cap)
        m->events = realloc(m->events, (m->cap = m->cap * 2 + 16) * sizeof *m->events);
    m->events[m->n++] = *e;
}

/* A random event. Times rise in general, by steps of 10, with jitter of hundreds both ways. */
static struct event draw(struct bench *b, uint64_t lines, uint64_t step)
{
    struct event e = {.at = 1000 + step * 10 + next_random(&b->seed) % 600};
    uint64_t line = line_at(next_random(&b->seed) % lines);
    uint32_t offset = (uint32_t)next_random(&b->seed) % 8,
             word = (uint32_t)next_random(&b->seed) % 8;
    e.n = 1 + (uint32_t)next_random(&b->seed) % (8 - offset);
    e.addr = line + 8 * word + offset;
    static const enum what mix[] = {STORE,     STORE,       STORE,    VISIBLE,       VISIBLE,
                                    CARRY_WPQ, CARRY_MEDIA, CARRY_NT, VISIBLE_BYTES, MEDIA};
    e.what = mix[next_random(&b->seed) % 10];
    if (e.what == STORE) {
        e.nontemporal = next_random(&b->seed) % 4 == 0;
        for (uint32_t i = 0; i < e.n; i++)
            e.bytes[i] = (uint8_t)next_random(&b->seed);
    } else if (e.what == VISIBLE_BYTES || e.what == CARRY_NT) {
        e.addr = line + 16 * (next_random(&b->seed) % 4);
        e.n = 16;
    }
    return e;
}

static void check_at(const struct bench *b, const struct fate *fate, ps_t t)
{
    for (uint64_t i = 0; i < LINES; i++) {
        uint8_t want[64], got[64];
        memcpy(got, b->memory[i], 64);
        int undone = domain_durable_line(b->domain, line_at(i), t, got);
        model_line(&b->model, fate, line_at(i), t, want);
        cr_assert(!memcmp(want, got, 64), "point %d line %d time %lu after %zu events",
                  b->model.point, (int)i, (unsigned long)t, b->model.n);
        cr_assert(undone || !memcmp(got, b->memory[i], 64));
    }
}

static void check(struct bench *b)
{
    struct fate *fate = replay(&b->model);
    for (int i = 0; i < 6; i++)
        check_at(b, fate, b->settled + next_random(&b->seed) % 900 * (unsigned)i);
    check_at(b, fate, DOMAIN_NEVER - 1);
    free(fate);
}

Test(domain, follows_the_model_on_random_streams)
{
    for (uint64_t seed = 0; seed < 90; seed++) {
        struct bench b;
        begin(&b, (enum domain_point)(seed % 3), seed);
        uint64_t lines = 1 + seed / 3 % LINES;
        for (uint64_t step = 0; step < 400; step++) {
            struct event e = draw(&b, lines, step);
            perform(&b, &e);
            if (step % 37 == 0)
                check(&b);
            if (step % 50 == 0) {
                ps_t t = step * 10 + next_random(&b.seed) % 1500;
                domain_settle(b.domain, t);
                b.settled = t > b.settled ? t : b.settled;
                check(&b);
            }
        }
        check(&b);
        end(&b);
    }
}

/* Ordinary stores of one line by one hart, each visible at once: what a core really does. */
Test(domain, long_lists_are_merged_without_a_change_of_meaning)
{
    for (int point = 0; point < 3; point++) {
        struct bench b;
        begin(&b, (enum domain_point)point, 99);
        for (uint64_t step = 0; step < 4600; step++) {
            struct event e = draw(&b, 1, step);
            e.what = STORE;
            e.nontemporal = step % 5 == 0;
            e.n = e.n > 8 - e.addr % 8 ? 1 : e.n;
            for (uint32_t i = 0; i < e.n; i++)
                e.bytes[i] = (uint8_t)next_random(&b.seed);
            perform(&b, &e);
            e.what = e.nontemporal ? CARRY_NT : VISIBLE;
            perform(&b, &e);
            if (step % 1500 == 700) {
                e.what = CARRY_WPQ;
                perform(&b, &e);
            }
            if (step % 1500 == 900) {
                e.what = MEDIA;
                perform(&b, &e);
            }
        }
        check(&b);
        /* Undo everything, do the listed stores again: that is today's memory. */
        static struct domain_listed listed[4600];
        size_t n = domain_line_stores(b.domain, line_at(0), listed, 4600);
        if (point != DOMAIN_EADR) /* there, each store has a time of its own */
            cr_assert_lt(n, 2500);
        uint8_t line[64];
        memcpy(line, b.memory[0], 64);
        domain_durable_line(b.domain, line_at(0), 0, line);
        for (size_t i = 0; i < n; i++) {
            for (unsigned k = 0; k < 8; k++) {
                if (listed[i].mask >> k & 1)
                    line[listed[i].word % 64 + k] = (uint8_t)(listed[i].new_bytes >> 8 * k);
            }
        }
        cr_assert(!memcmp(line, b.memory[0], 64));
        domain_settle(b.domain, DOMAIN_NEVER - 1);
        b.settled = DOMAIN_NEVER - 1;
        struct fate *fate = replay(&b.model);
        check_at(&b, fate, b.settled);
        free(fate);
        end(&b);
    }
}

static void store8(struct domain *d, uint64_t addr, uint64_t old, uint64_t new, int nontemporal)
{
    struct domain_store s = {.addr = addr,
                             .old_bytes = old,
                             .new_bytes = new,
                             .bytes = 8,
                             .nontemporal = (uint8_t)nontemporal};
    domain_store(d, &s);
}

static uint64_t durable8(const struct domain *d, uint64_t addr, uint64_t today, ps_t t)
{
    uint8_t line[64] = {0};
    memcpy(line, &today, 8);
    domain_durable_line(d, addr, t, line);
    return le(line, 8);
}

/* The sentence of the design: a store that lands while the flush is under way is not durable. */
Test(domain, a_flush_carries_what_was_visible)
{
    const uint64_t a = NVDIMM_BASE + 4096;
    static const struct {
        enum domain_point point;
        uint64_t at_50, at_100, at_300, late;
    } expect[] = {{DOMAIN_NONE, 1, 1, 2, 2}, {DOMAIN_ADR, 1, 2, 2, 2}, {DOMAIN_EADR, 2, 3, 3, 3}};
    for (int i = 0; i < 3; i++) {
        struct domain *d = domain_new(expect[i].point);
        store8(d, a, 1, 2, 0);
        domain_visible(d, a, 10);
        domain_carry(d, a, 100, DOMAIN_ADR); /* under way */
        store8(d, a, 2, 3, 0);
        domain_visible(d, a, 60);
        domain_media(d, a, 300);
        cr_expect_eq(durable8(d, a, 3, 50), expect[i].at_50);
        cr_expect_eq(durable8(d, a, 3, 99), expect[i].point == DOMAIN_EADR ? 3 : 1);
        cr_expect_eq(durable8(d, a, 3, 100), expect[i].at_100);
        cr_expect_eq(durable8(d, a, 3, 300), expect[i].at_300);
        cr_expect_eq(durable8(d, a, 3, 100000), expect[i].late);
        domain_free(d);
    }
}

Test(domain, a_nontemporal_store_is_durable_alone)
{
    const uint64_t a = NVDIMM_BASE;
    struct domain *d = domain_new(DOMAIN_ADR);
    store8(d, a, 1, 2, 0);
    domain_visible(d, a, 5);
    store8(d, a + 8, 0, 7, 1);
    store8(d, a, 2, 3, 1); /* over the ordinary one */
    domain_carry_nontemporal(d, a, 8, 50);
    uint8_t line[64] = {3, 0, 0, 0, 0, 0, 0, 0, 7};
    cr_expect(domain_durable_line(d, a, 50, line));
    cr_expect_eq(line[0], 3, "what is durable later in coherence order stays");
    cr_expect_eq(line[8], 0, "the other one has not been carried");
    struct domain_listed s[3];
    cr_assert_eq(domain_line_stores(d, a + 63, s, 3), 3);
    cr_expect(s[0].durable == DOMAIN_NEVER && s[0].visible && !s[0].nontemporal);
    cr_expect(s[1].word == a + 8 && s[1].new_bytes == 7 && !s[1].visible && s[1].nontemporal);
    cr_expect(s[2].durable == 50 && s[2].mask == 0xff);
    domain_free(d);
}

/* Merging a long list keeps apart what can be carried apart, and what older stores hide behind. */
Test(domain, merging_keeps_what_still_matters)
{
    const uint64_t a = NVDIMM_BASE;
    struct domain *d = domain_new(DOMAIN_ADR);
    for (unsigned i = 0; i < 2; i++) { /* word 0: two halves, visible, not carried */
        struct domain_store s = {
            .addr = a + 4 * i, .new_bytes = 0x01010101, .bytes = 4, .nontemporal = 1};
        domain_store(d, &s);
        domain_visible(d, a, 1);
    }
    store8(d, a + 8, 0, 5, 0); /* word 1: an ordinary store and a durable one over it */
    domain_visible(d, a, 2);
    store8(d, a + 8, 5, 6, 1);
    domain_carry_nontemporal(d, a + 8, 8, 10);
    domain_settle(d, 20);
    for (uint64_t i = 0; i < 5000; i++) {
        store8(d, a + 16, i, i + 1, 0);
        domain_visible(d, a, 21);
    }
    cr_assert_lt(domain_line_stores(d, a, NULL, 0), 2000);
    domain_carry_nontemporal(d, a, 4, 50);
    uint8_t line[64] = {1, 1, 1, 1, 1, 1, 1, 1, 6};
    domain_durable_line(d, a, 60, line);
    cr_expect_eq(le(line, 8), 0x01010101);
    cr_expect_eq(line[8], 6);
    domain_free(d);
}

static void collect(void *arg, uint64_t line)
{
    uint64_t **p = arg;
    *(*p)++ = line;
}

/* Nothing is kept for lines whose stores are all durable in the past; the rest comes in order. */
Test(domain, forgets_what_is_settled)
{
    enum { N = 20000 };
    static uint64_t seen[N];
    struct domain *d = domain_new(DOMAIN_ADR);
    uint64_t seed = 5;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t a = NVDIMM_BASE + (i * 7919 % N) * 64 * 3;
        store8(d, a + next_random(&seed) % 8 * 8, 0, 1, 0);
        domain_visible(d, a, i);
        if (i % 10)
            domain_carry(d, a, i + 100, DOMAIN_ADR);
    }
    const struct domain_counters *c = domain_counters(d);
    cr_expect_eq(c->lines_now, N);
    cr_expect_eq(c->stores, N);
    cr_expect_eq(c->carries, N / 10 * 9);
    for (uint64_t t = 0; t <= 2 * N; t += N / 4) {
        domain_settle(d, t);
        uint64_t durable = t < 101 ? 0 : t - 100 >= N ? N - 1 : t - 100; /* i = 1 … t-100 */
        uint64_t left = N - (durable - durable / 10);
        cr_expect_eq(c->lines_now, left, "at %lu", (unsigned long)t);
        uint64_t *p = seen;
        domain_each(d, collect, &p);
        cr_assert_eq(p - seen, (ptrdiff_t)left);
        for (uint64_t i = 1; i < left; i++)
            cr_assert_lt(seen[i - 1], seen[i]);
    }
    cr_expect_eq(c->lines_peak, N);
    domain_free(d);
    /* A little at a time, so that the queue of what to settle wraps round before it grows. */
    d = domain_new(DOMAIN_ADR);
    for (uint64_t i = 0; i < N; i++) {
        store8(d, NVDIMM_BASE + i * 64, 0, 1, 0);
        domain_visible(d, NVDIMM_BASE + i * 64, i);
        domain_carry(d, NVDIMM_BASE + i * 64, i, DOMAIN_ADR);
        if (i % 2)
            domain_settle(d, i / 3);
    }
    domain_settle(d, N);
    cr_expect_eq(domain_counters(d)->lines_now, 0);
    domain_free(d);
}

/* ---- checkpoints ---- */

/* The domain as it goes on from a checkpoint at `now`. */
static struct domain *go_on(struct domain *d, ps_t now)
{
    struct archive a, in;
    struct domain *to = domain_new(domain_point(d));
    archive_begin(&a);
    domain_archive(d, &a, now);
    cr_assert_eq(archive_seal(&a), 0);
    cr_assert_eq(archive_open(&in, a.bytes, a.n), 0);
    domain_archive(to, &in, 0);
    cr_assert_null(in.failed, "%s", in.failed);
    cr_assert_eq(archive_left(&in), 0);
    archive_free(&a);
    return to;
}

/* Byte 0 of a line that holds 9 now. */
static uint8_t durable_byte(const struct domain *d, uint64_t addr, ps_t t)
{
    uint8_t line[64] = {9};
    domain_durable_line(d, addr, t, line);
    return line[0];
}

Test(domain, a_checkpoint_keeps_what_is_not_durable)
{
    const uint64_t carried = NVDIMM_BASE, visible = carried + 64, hidden = carried + 128,
                   nontemporal = carried + 192, settled = carried + 256;
    struct domain *d = domain_new(DOMAIN_ADR);
    for (uint64_t a = carried; a <= settled; a += 64)
        store8(d, a, 3, 9, a == nontemporal);
    domain_visible(d, carried, 10);
    domain_visible(d, visible, 10);
    domain_visible(d, settled, 10);
    domain_carry(d, carried, 150, DOMAIN_ADR);
    domain_carry(d, settled, 50, DOMAIN_ADR);
    struct domain *e = go_on(d, 100);
    cr_expect_eq(durable_byte(e, carried, 49), 3);
    cr_expect_eq(durable_byte(e, carried, 50), 9);
    cr_expect_eq(durable_byte(e, nontemporal, 0), 9, "it was on its way");
    cr_expect_eq(durable_byte(e, settled, 0), 9);
    for (uint64_t a = visible; a <= hidden; a += 64) {
        cr_expect_eq(durable_byte(e, a, 1000000), 3);
        domain_carry(e, a, 70, DOMAIN_ADR);
        cr_expect_eq(durable_byte(e, a, 69), 3);
        cr_expect_eq(durable_byte(e, a, 70), 9);
    }
    domain_settle(e, 71);
    cr_expect_eq(domain_counters(e)->lines_now, 0);
    domain_free(d);
    domain_free(e);
}

/* Where the media is the point of persistence, the WPQ's contents have arrived; in order, too. */
Test(domain, a_checkpoint_empties_the_queue)
{
    const uint64_t a = NVDIMM_BASE;
    struct domain *d = domain_new(DOMAIN_NONE);
    store8(d, a, 3, 5, 0);
    domain_visible(d, a, 1);
    domain_carry(d, a, 20, DOMAIN_ADR);
    domain_media(d, a, 500);
    store8(d, a, 5, 9, 0);
    domain_visible(d, a, 30);
    domain_carry(d, a, 40, DOMAIN_ADR);
    struct domain *e = go_on(d, 100);
    cr_expect_eq(durable_byte(e, a, 399), 3);
    cr_expect_eq(durable_byte(e, a, 400), 9);
    domain_free(d);
    domain_free(e);
}
