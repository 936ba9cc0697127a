/* test_generate.c - traces made by rule: their optimum is what it is said to be. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/stream.h"
#include "tests/scratch.h"
#include "traces/filter.h"
#include "traces/generate.h"
#include "traces/llc_stream.h"

#define OUT "generated.trace"

TestSuite(generate, .init = scratch_enter, .fini = scratch_leave);

static struct llc_stream generated(const struct generate_options *opt)
{
    const struct trace_header hdr = {.machine = FILTER_MACHINE, .period_ps = 455};
    const struct llc_stream_options none = {0};
    char err[300] = "";
    uint64_t instructions;
    struct llc_stream s;
    struct trace_writer *w = trace_create(OUT, &hdr, err, sizeof err);
    cr_assert_eq(generate_run(opt, w, &instructions, err, sizeof err), 0, "%s", err);
    cr_assert_eq(trace_close(w, instructions, err, sizeof err), 0, "%s", err);
    struct trace_reader *r = trace_open(OUT, err, sizeof err);
    cr_assert_eq(llc_stream_read(r, &none, &s, err, sizeof err), 0, "%s", err);
    cr_assert_eq(s.records, opt->records);
    cr_assert_eq(s.instructions, instructions);
    trace_reader_free(r);
    return s;
}

static uint64_t belady(const struct llc_stream *s, uint32_t capacity)
{
    uint64_t *page = calloc(s->n, sizeof *page), victim, misses = 0;
    uint32_t n = 0;
    char err[200];
    for (uint32_t i = 0; i < s->n; i++)
        if (s->v[i].kind <= MEM_NTSTORE)
            page[n++] = s->v[i].line;
    const struct page_config cfg = {.capacity = capacity, .future = page, .requests = n};
    void *state = page_belady.make(&cfg, err, sizeof err);
    for (uint32_t i = 0; i < n; i++)
        misses += page_belady.access(state, page[i], &victim) != PAGE_HIT;
    page_belady.drop(state);
    free(page);
    return misses;
}

/* The fewest misses in the plainest way: a list of the lines in the places, and for each its next
 * use, looked for by walking on. */
static uint64_t plain_optimum(const struct llc_stream *s, uint32_t places, int bypass)
{
    uint32_t *next = calloc(s->n, sizeof *next), *in = calloc(places + 1, sizeof *in), n = 0;
    uint64_t misses = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        next[i] = i + 1;
        while (next[i] < s->n && s->v[next[i]].line != s->v[i].line)
            next[i]++;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t at = 0, furthest = 0;
        while (at < n && in[at] != i)
            at++;
        misses += at == n;
        for (uint32_t k = 1; k < n; k++)
            furthest = in[k] > in[furthest] ? k : furthest;
        if (at < n || n < places)
            in[at] = next[i];
        else if (!bypass || next[i] < in[furthest])
            in[furthest] = next[i];
        n += at == n && n < places;
    }
    free(next);
    free(in);
    return misses;
}

static struct generate_options small(enum generate_kind kind, uint64_t lines)
{
    return (struct generate_options){
        .kind = kind, .lines = lines, .records = 5003, .capacity = 40, .seed = 3};
}

/* All but `log`, whose flushes the list above does not know. */
Test(generate, every_optimum_is_that_of_a_plain_search, .timeout = 60)
{
    static const uint32_t places[] = {1, 2, 7, 40, 64, 300};
    for (unsigned kind = 0; kind < GENERATE_KINDS; kind++)
        for (uint64_t lines = 5; lines <= 405; lines += 100) {
            const struct generate_options opt = small((enum generate_kind)kind, lines);
            struct llc_stream s = kind == GENERATE_LOG ? (struct llc_stream){0} : generated(&opt);
            for (size_t i = 0; i < 6 && kind != GENERATE_LOG; i++)
                for (int bypass = 0; bypass < 2; bypass++) {
                    uint64_t said;
                    const uint64_t want = plain_optimum(&s, places[i], bypass);
                    cr_assert(generate_optimum(&opt, places[i], bypass, &said));
                    cr_assert_eq(said, want, "%s, %lu lines, %u places, bypass %d: %lu, not %lu",
                                 generate_name(opt.kind), lines, places[i], bypass, said, want);
                }
            free(s.v);
        }
}

/* In sets that a kind's lines fall into evenly, each has the optimum of its own part. */
static void sets_add_up(const struct generate_options *opt, const struct llc_stream *s, int bypass)
{
    const struct stream_config cfg = {.bytes = 65536, .ways = 16};
    struct generate_options own = *opt; /* of one of 64 sets */
    struct stream_counts c;
    struct policy_future future;
    uint64_t want;
    uint32_t *next;
    char err[200];
    cr_assert_eq(stream_foresee(s->v, s->n, &next, &future), 0);
    cr_assert_eq(stream_run(s->v, s->n, bypass ? &policy_opt_bypass : &policy_opt, &cfg, &future,
                            &c, err, sizeof err),
                 0);
    free(next);
    own.lines /= 64;
    own.records /= 64;
    cr_assert(generate_optimum(&own, 16, bypass, &want));
    /* The last, unfinished round may fall on some sets more than on others. */
    const int64_t off = (int64_t)c.misses - (int64_t)(want * 64);
    cr_assert_lt(labs(off), (long)opt->lines, "%s, %lu lines, bypass %d: %lu, expected %lu",
                 generate_name(opt->kind), opt->lines, bypass, c.misses, want * 64);
}

Test(generate, traces_have_the_optimum_that_they_say, .timeout = 60)
{
    for (unsigned kind = 0; kind < GENERATE_KINDS; kind++)
        for (uint64_t lines = 1024; lines <= 4096; lines *= 2) {
            const struct generate_options opt = {.kind = (enum generate_kind)kind,
                                                 .lines = lines,
                                                 .records = 10000 + 77 * lines,
                                                 .capacity = 1024,
                                                 .seed = 3};
            struct llc_stream s = generated(&opt);
            uint64_t want;
            cr_assert(generate_optimum(&opt, 1024, 0, &want));
            cr_assert_eq(want, belady(&s, 1024), "%s, %lu lines", generate_name(kind), lines);
            for (int bypass = 0; bypass < 2; bypass++)
                if (kind == GENERATE_SCAN || kind == GENERATE_CHASE || kind == GENERATE_LOG)
                    sets_add_up(&opt, &s, bypass);
            free(s.v);
        }
}

Test(generate, the_adversary_is_one_of_lru_alone)
{
    const struct generate_options opt = {
        .kind = GENERATE_ADVERSARY, .lines = 4, .records = 50000, .capacity = 8 * 16 + 7};
    struct llc_stream s = generated(&opt); /* 8 sets of 17 lines */
    const struct stream_config cfg = {.bytes = 8 * 16 * 64, .ways = 16};
    struct stream_counts lru, lip;
    char err[200];
    cr_assert_eq(stream_run(s.v, s.n, &policy_lru, &cfg, NULL, &lru, err, sizeof err), 0);
    cr_assert_eq(stream_run(s.v, s.n, policy_find("lip"), &cfg, NULL, &lip, err, sizeof err), 0);
    cr_assert_eq(lru.hits, 0);
    cr_assert_gt(lip.hits, 40000);
    free(s.v);
}
