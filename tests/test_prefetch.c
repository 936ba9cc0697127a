/* test_prefetch.c - prefetchers alone, and what a cache makes of their wishes. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "memhier/hierarchy_parts.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- alone ---- */

struct alone {
    const struct prefetcher_ops *ops;
    void *state;
    uint64_t out[PREFETCH_MOST];
    uint32_t n;
};

static struct alone make_far(const char *name, const struct prefetcher_config *cfg)
{
    char err[100];
    struct alone p = {.ops = prefetcher_find(name)};
    cr_assert_not_null(p.ops);
    p.state = p.ops->make(cfg, err, sizeof err);
    cr_assert_not_null(p.state);
    return p;
}

static struct alone make_alone(const char *name, uint32_t degree)
{
    return make_far(name, &(struct prefetcher_config){.degree = degree});
}

static void tell(struct alone *p, uint64_t pc, uint64_t line, int hit, int first, ps_t at)
{
    const struct prefetch_access a = {.line = line,
                                      .pc = pc,
                                      .at = at,
                                      .kind = MEM_LOAD,
                                      .hit = (uint8_t)hit,
                                      .first_use = (uint8_t)first};
    p->n = p->ops->access(p->state, &a, p->out);
}

static void wants(const struct alone *p, uint32_t n, int64_t first, int64_t step)
{
    cr_assert_eq(p->n, n, "%u lines, not %u", p->n, n);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(p->out[i], (uint64_t)(first + step * i));
}

Test(prefetch, next_line_follows_misses_and_first_uses)
{
    struct alone p = make_alone("next-line", 3);
    tell(&p, 0, 100, 0, 0, 0);
    wants(&p, 3, 101, 1);
    tell(&p, 0, 101, 1, 1, 0);
    wants(&p, 3, 102, 1);
    tell(&p, 0, 101, 1, 0, 0);
    wants(&p, 0, 0, 0);
    p.ops->drop(p.state);
}

Test(prefetch, ip_stride_needs_the_same_stride_three_times)
{
    struct alone p = make_alone("ip-stride", 2);
    for (int64_t i = 0; i < 6; i++) { /* two instructions, up by 3 and down by 7 */
        tell(&p, 0x40, 1000 + (uint64_t)i * 3, 1, 0, 0);
        wants(&p, i >= 3 ? 2 : 0, 1000 + (i + 1) * 3, 3);
        tell(&p, 0x44, 5000 - (uint64_t)i * 7, 0, 0, 0);
        wants(&p, i >= 3 ? 2 : 0, 5000 - (i + 1) * 7, -7);
    }
    tell(&p, 0x40, 1015, 1, 0, 0); /* the line of before */
    wants(&p, 0, 0, 0);
    tell(&p, 0x40, 2000, 1, 0, 0); /* one jump is forgiven, and not followed */
    wants(&p, 0, 0, 0);
    tell(&p, 0x40, 2003, 1, 0, 0);
    wants(&p, 2, 2006, 3);
    tell(&p, 0, 3000, 0, 0, 0); /* nobody's */
    wants(&p, 0, 0, 0);
    p.ops->drop(p.state);
}

/* A counter of two bits: after many equal strides two others do not make it forget. */
Test(prefetch, ip_stride_forgets_after_three_others)
{
    for (int others = 1; others <= 3; others++) {
        struct alone p = make_alone("ip-stride", 1);
        uint64_t line = 1000;
        for (int i = 0; i < 9; i++)
            tell(&p, 4, line += 5, 1, 0, 0);
        wants(&p, 1, (int64_t)line + 5, 5);
        for (int i = 0; i < others; i++)
            tell(&p, 4, line += 70 + (uint64_t)i, 1, 0, 0);
        tell(&p, 4, line += 5, 1, 0, 0);
        wants(&p, others < 3, (int64_t)line + 5, 5);
        p.ops->drop(p.state);
    }
}

/* With a distance: further for each of the same in a row, and only what it has not asked for. */
Test(prefetch, ip_stride_runs_further_ahead_the_longer_it_is_right)
{
    for (uint32_t degree = 1; degree <= 3; degree++) {
        const struct prefetcher_config cfg = {.degree = degree, .distance = 7};
        struct alone p = make_far("ip-stride", &cfg);
        int64_t line = 1000, asked = line;
        for (uint32_t i = 0; i < 20; i++, line += 5) {
            const uint32_t right = i < 3 ? 0 : i - 2, far = right * degree < 7 ? right * degree : 7;
            const int64_t end = line + 5 * (int64_t)far;
            asked = asked < line ? line : asked;
            tell(&p, 4, (uint64_t)line, 1, 0, 0);
            wants(&p, (uint32_t)((end - asked) / 5), asked + 5, 5);
            asked = end;
        }
        tell(&p, 4, 9000, 1, 0, 0);
        wants(&p, 0, 0, 0);
        tell(&p, 4, 9005, 1, 0, 0); /* it begins anew, with the stride that it knows */
        wants(&p, degree, 9010, 5);
        p.ops->drop(p.state);
    }
}

Test(prefetch, stream_runs_ahead_in_both_directions)
{
    for (int64_t step = -1; step <= 1; step += 2) {
        struct alone p = make_alone("stream", 2);
        const int64_t first = step > 0 ? 1024 : 1087; /* of a page of 64 */
        for (int64_t i = 0; i < 3; i++) {
            tell(&p, 0, (uint64_t)(first + i * step), 0, 0, 0);
            wants(&p, i == 2 ? 2 : 0, first + 3 * step, step);
        }
        int64_t end = first + 4 * step;
        for (int i = 0; i < 4; i++, end += 2 * step) { /* in the region that it watches */
            tell(&p, 0, (uint64_t)(first + 2 * step), 1, 1, 0);
            wants(&p, 2, end + step, step);
        }
        tell(&p, 0, (uint64_t)(first - 40 * step), 0, 0, 0); /* another one */
        wants(&p, 0, 0, 0);
        tell(&p, 0, (uint64_t)end, 1, 0, 0);
        wants(&p, 2, end + step, step);
        /* 16 lines long, the region leaves its start behind */
        for (int i = 0; i < 20; i++)
            tell(&p, 0, (uint64_t)end, 1, 0, 0), end += 2 * step;
        tell(&p, 0, (uint64_t)first, 1, 0, 0);
        wants(&p, 0, 0, 0);
        /* and it ends with its page */
        for (int i = 0; i < 5; i++, end += 2 * step)
            tell(&p, 0, (uint64_t)end, 1, 0, 0);
        wants(&p, 1, first + 63 * step, step);
        tell(&p, 0, (uint64_t)(first + 63 * step), 1, 0, 0);
        wants(&p, 0, 0, 0);
        p.ops->drop(p.state);
    }
}

/* Streams as a list that is searched from its front, in lines of the direction: upside down where
 * it goes down. */
#define PLAIN_STREAMS 64

struct plain_stream {
    int64_t first, from, to; /* what it watches when trained: from <= line * way <= to */
    int way, misses;
    uint64_t used;
};

/* A stream ends with its page. */
static uint32_t plain_advance(struct plain_stream *s, const struct prefetcher_config *cfg,
                              uint64_t *out)
{
    const int64_t distance = cfg->distance ? cfg->distance : 16;
    uint32_t n = 0;
    for (; n < cfg->degree; n++) {
        const uint64_t last = (uint64_t)(s->to * s->way), next = (uint64_t)((s->to + 1) * s->way);
        if (last >> prefetch_page_shift(cfg) != next >> prefetch_page_shift(cfg))
            break;
        out[n] = next;
        s->to++;
        s->from += s->to - s->from > distance;
    }
    return n;
}

/* Is it trained by that? */
static int plain_miss(struct plain_stream *s, int open, int64_t line)
{
    const int way = line > s->first ? 1 : -1;
    if (!open) {
        *s = (struct plain_stream){.first = line, .misses = 1};
    } else if (line != s->first && way != s->way) {
        s->way = way;
        s->misses = 2;
    } else if (line != s->first) {
        s->misses = 3;
        s->from = s->first * way;
        s->to = line * way;
        return 1;
    }
    return 0;
}

static uint32_t plain_streams(struct plain_stream *all, uint64_t now, int64_t line, int hit,
                              const struct prefetcher_config *cfg, uint64_t *out)
{
    struct plain_stream *open = NULL, *oldest = all;
    for (struct plain_stream *s = all; s < all + PLAIN_STREAMS; s++) {
        const int64_t d = line - s->first;
        if (s->misses == 3 && line * s->way >= s->from && line * s->way <= s->to) {
            s->used = now;
            return plain_advance(s, cfg, out);
        }
        if (!open && s->misses && s->misses < 3 && d >= -16 && d <= 16)
            open = s;
        oldest = s->used < oldest->used ? s : oldest;
    }
    if (hit)
        return 0;
    struct plain_stream *s = open ? open : oldest;
    const int trained = plain_miss(s, open != NULL, line);
    s->used = now;
    return trained ? plain_advance(s, cfg, out) : 0;
}

Test(prefetch, streams_are_those_of_a_plain_list)
{
    enum { WALKS = 90, STEPS = 60000 };
    uint64_t x = 11, wanted = 0;
    for (uint32_t degree = 1; degree <= PREFETCH_MOST; degree += 3) {
        static const uint32_t distances[] = {0, 1, 32, PREFETCH_DISTANCE};
        const struct prefetcher_config cfg = {.degree = degree,
                                              .distance = distances[degree / 3 % 4],
                                              .page_shift = degree % 2 ? 0 : 5 + degree};
        struct alone p = make_far("stream", &cfg);
        struct plain_stream plain[PLAIN_STREAMS] = {0};
        int64_t at[WALKS] = {0}, step[WALKS] = {0};
        const uint64_t lines = UINT64_C(1) << (degree % 2 ? 12 : 30); /* streams meet, or do not */
        for (uint32_t i = 0; i < STEPS; i++) {
            const uint64_t k = draw(&x) % (i < STEPS / 2 ? 9 : WALKS);
            uint64_t out[PREFETCH_MOST];
            if (draw(&x) % 64 == 0 || i < WALKS) {
                at[k] = (int64_t)(draw(&x) % lines);
                step[k] = (int64_t)(draw(&x) % 5) - 2;
            }
            at[k] += draw(&x) % 4 ? step[k] : (int64_t)(draw(&x) % 7) - 3;
            at[k] = at[k] < 0 ? 0 : at[k];
            const int hit = draw(&x) % 3 == 0;
            const uint32_t n = plain_streams(plain, i + 1, at[k], hit, &cfg, out);
            tell(&p, 0, (uint64_t)at[k], hit, 0, 0);
            cr_assert_eq(p.n, n, "degree %u, access %u", degree, i);
            cr_assert_eq(memcmp(p.out, out, n * sizeof *out), 0, "degree %u, access %u", degree, i);
            wanted += n;
        }
        p.ops->drop(p.state);
    }
    cr_assert_gt(wanted, STEPS);
}

/* A loop over lines `stride` apart, one every 10, that arrive 55 after they are asked for. The
 * offset that is wanted in the end; 0: none. */
static uint64_t offset_learnt(uint64_t stride, int random)
{
    struct alone p = make_alone("best-offset", 1);
    uint64_t rng = 1, found = 0, line = 1u << 20;
    for (ps_t at = 0; at < 200000; at += 10) {
        line = random ? draw(&rng) << 10 : line + stride;
        tell(&p, 0, line, 0, 0, at);
        p.ops->fill(p.state, line, 0, at + 55);
        found = p.n ? p.out[0] - line : 0;
        if (p.n)
            p.ops->fill(p.state, p.out[0], 1, at + 55);
    }
    p.ops->drop(p.state);
    return found;
}

Test(prefetch, best_offset_is_one_that_is_in_time)
{
    /* six steps ahead is the first that is in time, and the first of those that score alike */
    cr_assert_eq(offset_learnt(1, 0), 6);
    cr_assert_eq(offset_learnt(2, 0), 12);
    cr_assert_eq(offset_learnt(5, 0), 30);
    cr_assert_eq(offset_learnt(0, 1), 0, "nothing is in time: off");
}

/* ---- in a cache ---- */

static struct mem_reply memory(void *self, const struct mem_req *req)
{
    (void)self;
    return (struct mem_reply){.done = req->at + 80000, .source = SRC_DRAM};
}

/* l1d_policy: NULL: LRU, as it is built in. */
/* How far prefetchers go: cache_config. */
struct reach {
    uint32_t distance; /* of the L1D's */
    uint64_t page;     /* of both */
};

static struct hierarchy *make_with(const struct policy *l1d_policy, struct reach reach,
                                   uint32_t harts, enum llc_inclusion inclusion, const char *l1d,
                                   const char *l2, uint64_t l2_bytes)
{
    const struct hierarchy_config cfg = {
        .level = {[CACHE_L1I] = {.bytes = 8 * 64, .ways = 1, .latency = 400, .policy = "lru"},
                  [CACHE_L1D] = {.bytes = 8 * 2 * 64,
                                 .ways = 2,
                                 .latency = 1000,
                                 .policy = "lru",
                                 .loaded = l1d_policy,
                                 .prefetch = l1d,
                                 .degree = 2,
                                 .distance = reach.distance,
                                 .page = reach.page,
                                 .mshrs = 4},
                  [CACHE_L2] = {.bytes = l2_bytes,
                                .ways = 4,
                                .latency = 5000,
                                .policy = "lru",
                                .prefetch = l2,
                                .degree = 1,
                                .page = reach.page,
                                .mshrs = 6},
                  [CACHE_LLC] = {.bytes = 1 << 16, .ways = 4, .latency = 20000, .policy = "lru"}},
        .harts = harts,
        .inclusion = inclusion,
        .dram = {.access = memory},
        .snoop = 30000};
    char err[200] = "";
    struct hierarchy *h = hierarchy_new(&cfg, err, sizeof err);
    cr_assert_not_null(h, "%s", err);
    return h;
}

static struct hierarchy *make(uint32_t harts, enum llc_inclusion inclusion, const char *l1d,
                              const char *l2, uint64_t l2_bytes)
{
    return make_with(NULL, (struct reach){0}, harts, inclusion, l1d, l2, l2_bytes);
}

static struct mem_reply load(struct hierarchy *h, uint32_t hart, enum mem_kind kind, uint64_t line,
                             ps_t at)
{
    const struct mem_req req = {.addr = line * 64,
                                .at = at,
                                .pc = 0x400 + line % 3 * 4,
                                .bytes = 8,
                                .kind = (uint8_t)kind,
                                .hart = (uint8_t)hart};
    return hierarchy_access(h, &req);
}

Test(prefetch, a_scan_is_covered_up_to_the_ends_of_pages)
{
    for (int hurry = 0; hurry < 2; hurry++) {
        struct hierarchy *h = make(1, LLC_NON_INCLUSIVE, NULL, "next-line", 1 << 16);
        const struct cache_counters *n = hierarchy_counters(h, CACHE_L2, 0);
        ps_t at = 0;
        for (uint64_t line = 0; line < 640; line++)
            at = load(h, 0, MEM_LOAD, line, at).done + (hurry ? 0 : 1000000);
        cr_assert_eq(n->misses[MEM_LOAD], 10, "the first line of each page");
        cr_assert_eq(n->prefetch.issued, 630);
        cr_assert_eq(n->prefetch.useful, 630);
        /* when a line has been waited for, the next, asked for at its lookup, is there: 31 of 63 */
        cr_assert_eq(n->prefetch.late, hurry ? 310 : 0);
        cr_assert_eq(n->prefetch.useless + n->prefetch.pollution + n->prefetch.dropped, 0);
        hierarchy_free(h);
    }
}

Test(prefetch, a_larger_page_is_crossed)
{
    struct hierarchy *h = make_with(NULL, (struct reach){.page = 16384}, 1, LLC_NON_INCLUSIVE, NULL,
                                    "next-line", 1 << 16);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_L2, 0);
    ps_t at = 0;
    for (uint64_t line = 0; line < 640; line++)
        at = load(h, 0, MEM_LOAD, line, at).done + 1000000;
    cr_assert_eq(n->misses[MEM_LOAD], 3, "the first line of each 256");
    cr_assert_eq(n->prefetch.useful, 637);
    hierarchy_free(h);
}

Test(prefetch, what_was_not_wanted_is_useless_and_pollutes)
{
    struct hierarchy *h = make(1, LLC_NON_INCLUSIVE, NULL, "next-line", 8 * 4 * 64);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_L2, 0);
    ps_t at = 0;
    for (uint64_t i = 0; i < 4; i++) /* a set full of lines that are asked for: 8 * i + 1 */
        load(h, 0, MEM_LOAD, (i + 1) * 64 - 63 + 0, at += 1000000);
    cr_assert_eq(n->prefetch.issued, 4);
    load(h, 0, MEM_LOAD, 640, at += 1000000); /* brings 641, which pushes the first of them out */
    cr_assert_eq(n->prefetch.pollution, 0);
    load(h, 0, MEM_LOAD, 1 + 16, at += 1000000);
    load(h, 0, MEM_LOAD, 1 + 24, at += 1000000); /* out of the L1D, too */
    load(h, 0, MEM_LOAD, 1, at += 1000000);
    cr_assert_eq(n->prefetch.pollution, 1);
    for (uint64_t i = 0; i < 100; i++)
        load(h, 0, MEM_LOAD, (i + 20) * 2, at += 1000000);
    cr_assert_geq(n->prefetch.useless, 100 - 32);
    cr_assert_eq(n->prefetch.useful, 0);
    hierarchy_free(h);
}

Test(prefetch, what_a_request_pushes_out_is_no_pollution)
{
    struct hierarchy *h = make(1, LLC_NON_INCLUSIVE, NULL, "stream", 8 * 4 * 64);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_L2, 0);
    for (uint64_t i = 0; i < 6; i++) /* a set has four, and the first comes again */
        load(h, 0, MEM_LOAD, i % 5 * 640, i * 1000000);
    cr_assert_eq(n->misses[MEM_LOAD], 6);
    cr_assert_eq(n->prefetch.issued + n->prefetch.pollution, 0);
    hierarchy_free(h);
}

/* A line that a prefetch has pushed out, and that was fetched again, is one that any may push out.
 */
Test(prefetch, pollution_counts_once)
{
    struct hierarchy *h = make(1, LLC_NON_INCLUSIVE, "next-line", NULL, 1 << 16);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_L1D, 0);
    static const uint64_t set0[] = {64, 128}, others[] = {320, 384};
    ps_t at = 0;
    for (int i = 0; i < 2; i++)
        load(h, 0, MEM_LOAD, set0[i], at += 1000000);
    load(h, 0, MEM_LOAD, 199, at += 1000000); /* 200 comes, 64 goes */
    load(h, 0, MEM_LOAD, 64, at += 1000000);
    cr_assert_eq(n->prefetch.pollution, 1);
    for (int i = 0; i < 2; i++)
        load(h, 0, MEM_LOAD, others[i], at += 1000000);
    load(h, 0, MEM_LOAD, 64, at += 1000000);
    cr_assert_eq(n->misses[MEM_LOAD], 7);
    cr_assert_eq(n->prefetch.pollution, 1);
    hierarchy_free(h);
}

/* Six registers, which six requests take; what a prefetch needs is taken after its own lookup. */
Test(prefetch, without_a_register_nothing_is_fetched)
{
    struct hierarchy *h = make(1, LLC_NON_INCLUSIVE, NULL, "next-line", 1 << 16);
    const struct cache_counters *n = hierarchy_counters(h, CACHE_L2, 0);
    for (uint64_t i = 0; i < 6; i++)
        load(h, 0, MEM_FETCH, i * 640, 0);
    cr_assert_eq(n->prefetch.issued, 5);
    cr_assert_eq(n->prefetch.dropped, 1);
    cr_assert_eq(n->prefetch.present, 0);
    load(h, 0, MEM_FETCH, 5 * 640 + 1, 100000000); /* which was not fetched */
    cr_assert_eq(n->misses[MEM_FETCH], 7);
    load(h, 0, MEM_FETCH, 640, 200000000);
    load(h, 0, MEM_FETCH, 4 * 640 - 1, 300000000); /* another page's is left out, not present */
    cr_assert_eq(n->prefetch.present, 0);
    cr_assert_eq(n->prefetch.dropped, 1);
    hierarchy_free(h);
}

static uint64_t not_used_yet(const struct cache *c)
{
    uint64_t n = 0;
    for (uint32_t set = 0; set < c->sets_in_all; set++)
        n += (uint64_t)__builtin_popcount(set_ways(&c->sets[set], CACHE_PREFETCHED) &
                                          set_ways(&c->sets[set], CACHE_VALID));
    return n;
}

static void accounts_balance(const struct cache *c)
{
    const struct prefetch_counters *n = &c->counters.prefetch;
    cr_assert_eq(n->issued, n->useful + n->useless + not_used_yet(c),
                 "%lu issued, %lu useful, %lu useless, %lu there", (unsigned long)n->issued,
                 (unsigned long)n->useful, (unsigned long)n->useless,
                 (unsigned long)not_used_yet(c));
    cr_assert_leq(n->late, n->useful);
}

Test(prefetch, harts_stay_coherent_and_accounts_balance)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_STORE,    MEM_LOAD, MEM_FETCH, MEM_LOAD,
                                    MEM_LOAD, MEM_PREFETCH, MEM_CLWB, MEM_LOAD,  MEM_CLFLUSH};
    char err[200];
    unsigned run = 0;
    for (const struct prefetcher_ops *const *a = prefetcher_table; *a; a++)
        for (const struct prefetcher_ops *const *b = prefetcher_table; *b; b++, run++) {
            const uint32_t harts = 1 + run % 4;
            struct hierarchy *h = make(harts, (enum llc_inclusion)(run % 3), (*a)->name, (*b)->name,
                                       8 * 4 * 64);
            uint64_t rng = run, issued = 0;
            for (uint64_t i = 0; i < 4000; i++) {
                const uint64_t line = draw(&rng) % 4 ? i / 3 % 500 : draw(&rng) % 500;
                load(h, (uint32_t)draw(&rng) % harts, kinds[draw(&rng) % sizeof kinds], line,
                     i * 20000);
                if (i % 16 == 0)
                    cr_assert_eq(hierarchy_check(h, err, sizeof err), 0, "%s", err);
            }
            for (uint32_t i = 0; i < harts; i++) {
                accounts_balance(h->hart[i].l1[1]);
                accounts_balance(h->hart[i].l2);
                issued += h->hart[i].l1[1]->counters.prefetch.issued;
            }
            cr_assert_gt(issued, 0, "%s fetches nothing", (*a)->name);
            hierarchy_free(h);
        }
}

/* Strides up and down of some instructions, mixed with what follows none. */
static struct mem_req stride_request(uint64_t *rng, uint32_t harts, uint64_t i)
{
    static const uint8_t kinds[] = {MEM_LOAD, MEM_LOAD, MEM_STORE, MEM_WALK, MEM_CLFLUSH};
    const uint64_t code = draw(rng) % 12, line = code < 8 ? i / 24 * (code - 3) : draw(rng) % 40;
    return (struct mem_req){.addr = (line % 600) * 64,
                            .at = i * 40000 + draw(rng) % 90000,
                            .pc = code ? 0x400 + code * 4 : 0,
                            .bytes = 8,
                            .kind = kinds[draw(rng) % (draw(rng) % 16 ? 4 : 5)],
                            .hart = (uint8_t)(draw(rng) % harts)};
}

Test(prefetch, hits_train_strides_inline_as_behind_the_seam)
{
    const struct policy seam = policy_lru; /* with it, no hit is dealt with inline */
    for (uint32_t run = 0; run < 6; run++) {
        const uint32_t harts = 1 + run % 3;
        const enum llc_inclusion inclusion = (enum llc_inclusion)(run % 3);
        const struct reach far = {.distance = run < 3 ? 0 : 5 * (run - 2), .page = 4096u << run};
        struct hierarchy *a = make_with(NULL, far, harts, inclusion, "ip-stride", "stream",
                                        8 * 4 * 64),
                         *b = make_with(&seam, far, harts, inclusion, "ip-stride", "stream",
                                        8 * 4 * 64);
        uint64_t rng = run;
        for (uint64_t i = 0; i < 60000; i++) {
            const struct mem_req req = stride_request(&rng, harts, i);
            const struct mem_reply x = hierarchy_access(a, &req), y = hierarchy_access(b, &req);
            cr_assert(x.done == y.done && x.source == y.source, "run %u, request %lu", run,
                      (unsigned long)i);
        }
        for (uint32_t i = 0; i < harts; i++)
            for (unsigned l = CACHE_L1D; l <= CACHE_L2; l++)
                cr_assert_eq(memcmp(hierarchy_counters(a, l, i), hierarchy_counters(b, l, i),
                                    sizeof(struct cache_counters)),
                             0);
        const struct cache_counters *n = hierarchy_counters(a, CACHE_L1D, 0);
        cr_assert_gt(n->prefetch.useful, 100, "%lu", n->prefetch.useful);
        cr_assert_gt(n->merges, 100, "%lu", n->merges);
        hierarchy_free(a);
        hierarchy_free(b);
    }
}

Test(prefetch, unknown_names_and_places_are_refused)
{
    struct hierarchy_config cfg = {.harts = 1, .dram = {.access = memory}};
    char err[200];
    for (int l = 0; l < CACHE_LEVELS; l++)
        cfg.level[l] = (struct cache_config){.bytes = 32768, .ways = 8, .policy = "lru"};
    cfg.level[CACHE_L2].prefetch = "crystal-ball";
    cr_assert_null(hierarchy_new(&cfg, err, sizeof err));
    cr_assert(strstr(err, "l2: no prefetcher is called \"crystal-ball\""), "%s", err);
    cfg.level[CACHE_L2].prefetch = "stream";
    cfg.level[CACHE_L2].degree = 17;
    cr_assert_null(hierarchy_new(&cfg, err, sizeof err));
    cr_assert(strstr(err, "17 lines"), "%s", err);
    for (int i = 0; i < 4; i++) {
        cfg.level[CACHE_L2].degree = 1;
        cfg.level[CACHE_L2].prefetch = i == 3 ? "ip-stride" : "stream";
        cfg.level[CACHE_L2].distance = i == 0 ? PREFETCH_DISTANCE + 1 : i == 3 ? 17 : 0;
        cfg.level[CACHE_L2].page = i == 1 ? 2048 : i == 2 ? 12288 : 0;
        cr_assert_null(hierarchy_new(&cfg, err, sizeof err));
        cr_assert(strstr(err, "a distance is") && strstr(err, "4 KiB"), "%s", err);
    }
    cfg.level[CACHE_L2].distance = 0;
    cfg.level[CACHE_L2].prefetch = "none";
    cfg.level[CACHE_LLC].prefetch = "stream";
    cfg.level[CACHE_LLC].degree = 1;
    cr_assert_null(hierarchy_new(&cfg, err, sizeof err));
    cr_assert(strstr(err, "llc"), "%s", err);
}
