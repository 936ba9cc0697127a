/* bench_policy.c - host speed of replaying a trace of the corpus: `BENCH name value unit`. */
/*
 *     bench_policy BUILD [NAME]
 *
 * Run it in the top folder, whose traces/corpus it reads: TRACE, of a key-value server. The median
 * of RUNS; host CPU time of one thread unless said otherwise.
 *
 * - policy.NAME: what an LLC of 2 MiB and 16 ways is asked behind an L2 of 512 KiB, read before the
 *   clock starts, through that policy alone; of those that foresee, both passes
 * - replay.lru: as policy.lru: accesses to the LLC only
 * - db.NAME: page policies on the server's requests, in pieces of 128 bytes, of which 10,000 fit
 * and about 65 % hit (its data is too small for as many pages of 4 KiB)
 * - replay.read: records a second of wall time, inflated and decoded by as many threads as there
 * are processors
 * - replay.all: records a second of wall time of all that `pwsim replay --llc "2 MiB" --policy lru`
 *   does: inflate, decode, the L2, the LLC
 */
#include <inttypes.h>
#include <string.h>

#include "memhier/page_policy.h"
#include "tests/bench.h"
#include "traces/llc_stream.h"

#define TRACE      "traces/corpus/kvserve.trace"
#define ROUNDS     4u /* of the page requests: a run takes long enough to be measured */
#define PAGES      10000u
#define PAGE_SHIFT 7u

static void die(const char *what)
{
    fprintf(stderr, "bench_policy: %s\n", what);
    exit(1);
}

static uint64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static struct trace_reader *open_trace(void)
{
    char err[512];
    struct trace_reader *r = trace_open(TRACE, err, sizeof err);
    if (!r)
        die(err);
    if (trace_read_ahead(r, 0))
        die("no threads to read ahead");
    return r;
}

static struct llc_stream read_stream(void)
{
    const struct llc_stream_options above = {.l2_bytes = 512u << 10, .l2_ways = 8};
    struct trace_reader *r = open_trace();
    struct llc_stream s;
    char err[512];
    if (llc_stream_read(r, &above, &s, err, sizeof err))
        die(err);
    trace_reader_free(r);
    return s;
}

/* ---- policies of a set ---- */

static struct stream_counts run_stream(const struct llc_stream *s, const struct policy *p)
{
    const struct stream_config llc = {.bytes = 2u << 20, .ways = 16, .seed = 1};
    struct policy_future future;
    struct stream_counts c;
    uint32_t *next = NULL;
    char err[512];
    if (p->foresees && stream_foresee(s->v, s->n, &next, &future))
        die("out of memory");
    if (stream_run(s->v, s->n, p, &llc, p->foresees ? &future : NULL, &c, err, sizeof err))
        die(err);
    free(next);
    return c;
}

static void bench_stream(const char *line, const struct llc_stream *s, const struct policy *p)
{
    double v[BENCH_RUNS];
    struct stream_counts c;
    for (int i = 0; i < BENCH_RUNS; i++) {
        const uint64_t began = bench_ns();
        c = run_stream(s, p);
        v[i] = (double)c.accesses * 1000.0 / (double)(bench_ns() - began);
    }
    printf("BENCH %s %.1f Maccesses/s (%" PRIu64 " of %" PRIu64 " reads miss)\n", line,
           bench_median(v, BENCH_RUNS), c.misses, c.hits + c.misses);
    fflush(stdout);
}

static void bench_policies(const char *only)
{
    const struct llc_stream s = read_stream();
    char line[64];
    for (const struct policy *const *p = policy_table; *p; p++) {
        snprintf(line, sizeof line, "policy.%s", (*p)->name);
        if (!only || strcmp(only, line) == 0)
            bench_stream(line, &s, *p);
    }
    if (!only || strcmp(only, "replay.lru") == 0)
        bench_stream("replay.lru", &s, &policy_lru);
    free(s.v);
}

/* ---- page policies ---- */

static int is_request(const struct trace_record *t)
{
    return t->kind == MEM_FETCH || t->kind == MEM_LOAD || t->kind == MEM_STORE;
}

static uint64_t *read_pages(size_t *n)
{
    static struct trace_record batch[4096];
    struct trace_reader *r = open_trace();
    uint64_t *v = calloc(ROUNDS * trace_reader_header(r)->records, sizeof *v);
    char err[512];
    int64_t got;
    if (!v)
        die("out of memory");
    *n = 0;
    while ((got = trace_read(r, batch, 4096, err, sizeof err)) > 0)
        for (int64_t i = 0; i < got; i++)
            if (is_request(&batch[i]))
                v[(*n)++] = batch[i].addr >> PAGE_SHIFT;
    if (got < 0)
        die(err);
    trace_reader_free(r);
    for (unsigned i = 1; i < ROUNDS; i++)
        memcpy(v + i * *n, v, *n * sizeof *v);
    *n *= ROUNDS;
    return v;
}

static double page_once(const struct page_policy *p, const uint64_t *v, size_t n, double *hits)
{
    const struct page_config cfg = {.capacity = PAGES, .future = v, .requests = n, .seed = 1};
    char err[512];
    uint64_t victim, misses = 0;
    const uint64_t began = bench_ns();
    void *state = p->make(&cfg, err, sizeof err);
    if (!state)
        die(err);
    for (size_t i = 0; i < n; i++)
        misses += p->access(state, v[i], &victim) != PAGE_HIT;
    const uint64_t ns = bench_ns() - began;
    p->drop(state);
    *hits = 100.0 * (double)(n - misses) / (double)n;
    return (double)n * 1000.0 / (double)ns;
}

static void bench_pages(const char *only)
{
    size_t n;
    uint64_t *requests = read_pages(&n);
    char line[64];
    for (const struct page_policy *const *p = page_policy_table; *p; p++) {
        double v[BENCH_RUNS], hits = 0;
        snprintf(line, sizeof line, "db.%s", (*p)->name);
        if (only && strcmp(only, line) != 0)
            continue;
        for (int i = 0; i < BENCH_RUNS; i++)
            v[i] = page_once(*p, requests, n, &hits);
        printf("BENCH %s %.1f Mrequests/s (%.1f %% hits)\n", line, bench_median(v, BENCH_RUNS),
               hits);
        fflush(stdout);
    }
    free(requests);
}

/* ---- reading ---- */

static uint64_t read_only(void)
{
    static struct trace_record batch[4096];
    struct trace_reader *r = open_trace();
    const uint64_t n = trace_reader_header(r)->records;
    char err[512];
    int64_t got;
    while ((got = trace_read(r, batch, 4096, err, sizeof err)) > 0)
        ;
    if (got < 0)
        die(err);
    trace_reader_free(r);
    return n;
}

static uint64_t replay_all(void)
{
    const struct llc_stream s = read_stream();
    (void)run_stream(&s, &policy_lru);
    free(s.v);
    return s.records;
}

static void bench_read(const char *only, const char *line, uint64_t (*once)(void))
{
    double v[BENCH_RUNS];
    if (only && strcmp(only, line) != 0)
        return;
    for (int i = 0; i < BENCH_RUNS; i++) {
        const uint64_t began = wall_ns(), records = once();
        v[i] = (double)records * 1000.0 / (double)(wall_ns() - began);
    }
    printf("BENCH %s %.1f Mrecords/s\n", line, bench_median(v, BENCH_RUNS));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *only = argc > 2 ? argv[2] : NULL; /* argv[1]: the build folder */
    bench_policies(only);
    bench_pages(only);
    bench_read(only, "replay.read", read_only);
    bench_read(only, "replay.all", replay_all);
    return 0;
}
