/* bench_machine.c - host speed of whole runs, one line a figure: `BENCH name value unit`. */
/*
 *     bench_machine BUILD
 *
 * BUILD/boot.elf is the boot image; BUILD/bench.trace is written and removed.
 *
 * Every figure is host CPU time of one thread, the median of RUNS. Functional and timed speed are
 * wasm operators a second over whole runs of programs of the boot image, boot included; replayed
 * accesses are those of a trace recorded from one of them, read and inflated in the measured time.
 * Page policies: 10,000 pages, zipf requests of which LRU hits about 60 %, made in memory before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memhier/page_policy.h"
#include "sim/run.h"
#include "tests/page_streams.h"
#include "traces/replay.h"

#define RUNS 5

static const struct {
    const char *name, *arguments;
} programs[] = {{"benchcore", "program.args=60"}, {"matmul", "program.args="},
                {"sha256", "program.args="},      {"fib", "program.args="},
                {"sieve", "program.args="},       {"wordcount", "program.args=text.txt"}};
#define PROGRAMS (sizeof programs / sizeof programs[0])

static void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, RUNS, sizeof *v, ascending);
    return v[RUNS / 2];
}

static struct config *configure(const char *model, size_t program)
{
    char core[64], name[64], err[512];
    snprintf(core, sizeof core, "core.model=%s", model);
    snprintf(name, sizeof name, "program.name=%s", programs[program].name);
    const char *set[] = {core, name, programs[program].arguments};
    struct config *cfg;
    if (config_load(NULL, set, 3, &cfg, err, sizeof err))
        die(err);
    return cfg;
}

/* Million operators a second of one run. */
static double run_once(const struct config *cfg, const struct image *image,
                       const struct run_options *opt)
{
    struct run_result r;
    char err[512];
    if (run_point(cfg, cfg->program, image, opt, &r, err, sizeof err))
        die(err);
    if (r.state != STATE_HALTED || r.exit_code)
        die("the program did not end well");
    machine_free(r.machine);
    return (double)r.instructions * 1000.0 / (double)r.host_ns;
}

static double product_root(double product_of, size_t n)
{
    /* n-th root by bisection: no need of libm for six numbers. */
    double lo = 0, hi = product_of > 1 ? product_of : 1;
    for (int i = 0; i < 200; i++) {
        const double mid = (lo + hi) / 2;
        double p = 1;
        for (size_t k = 0; k < n; k++)
            p *= mid;
        if (p < product_of)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Of all programs, or only of the last, the one that uses the kernel most. */
static void bench_model(const char *model, int all_programs, const struct image *image)
{
    const struct run_options opt = {.progress = PROGRESS_OFF};
    double all = 1;
    for (size_t p = all_programs ? 0 : PROGRAMS - 1; p < PROGRAMS; p++) {
        double v[RUNS];
        struct config *cfg = configure(model, p);
        for (int i = 0; i < RUNS; i++)
            v[i] = run_once(cfg, image, &opt);
        config_free(cfg);
        const double m = median(v);
        all *= m / 100;
        printf("BENCH %s.%s %.1f Minstr/s\n", model, programs[p].name, m);
        fflush(stdout);
    }
    if (all_programs)
        printf("BENCH %s.geomean %.1f Minstr/s\n", model, product_root(all, PROGRAMS) * 100);
}

static int drain(void *arg, struct mem_tap *tap)
{
    return trace_put_tap(arg, tap);
}

static void record(const struct image *image, const char *path)
{
    char err[512];
    struct mem_tap tap = {0};
    struct trace_header hdr = {.machine = "bench"};
    struct config *cfg = configure("inorder", PROGRAMS - 1);
    hdr.period_ps = config_period(cfg);
    struct trace_writer *w = trace_create(path, &hdr, err, sizeof err);
    if (!w)
        die(err);
    const struct run_options opt = {
        .progress = PROGRESS_OFF, .tap = &tap, .drain = drain, .drain_arg = w};
    run_once(cfg, image, &opt);
    if (trace_close(w, 0, err, sizeof err))
        die(err);
    free(tap.reqs);
    free(tap.counts);
    config_free(cfg);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static double replay_once(const struct config *cfg, const char *path)
{
    char err[512];
    struct memside side;
    struct replay_result r = {0};
    const struct replay_options opt = {0};
    struct trace_reader *reader = trace_open(path, err, sizeof err);
    if (!reader || memside_make(&side, cfg, 0, err, sizeof err))
        die(err);
    const uint64_t began = cpu_ns();
    if (replay_run(reader, side.hierarchy, &opt, &r, err, sizeof err))
        die(err);
    const uint64_t ns = cpu_ns() - began;
    memside_drop(&side);
    trace_reader_free(reader);
    return (double)r.records * 1000.0 / (double)ns;
}

static void bench_replay(const struct image *image, const char *path)
{
    double v[RUNS];
    struct config *cfg = configure("inorder", 0);
    record(image, path);
    for (int i = 0; i < RUNS; i++)
        v[i] = replay_once(cfg, path);
    config_free(cfg);
    printf("BENCH replay.wordcount %.1f Maccesses/s\n", median(v));
}

#define PAGE_REQUESTS 4000000u
#define PAGES         10000u
#define PAGE_UNIVERSE 1000000u

/* Million requests a second of one run. */
static double page_once(const struct page_policy *p, const uint64_t *v, double *hits)
{
    char err[200];
    const struct page_config cfg = {
        .capacity = PAGES, .future = v, .requests = PAGE_REQUESTS, .seed = 1};
    uint64_t victim, misses = 0;
    const uint64_t began = cpu_ns();
    void *state = p->make(&cfg, err, sizeof err);
    if (!state)
        die(err);
    for (size_t i = 0; i < PAGE_REQUESTS; i++)
        misses += p->access(state, v[i], &victim) != PAGE_HIT;
    const uint64_t ns = cpu_ns() - began;
    p->drop(state);
    *hits = 100.0 * (double)(PAGE_REQUESTS - misses) / PAGE_REQUESTS;
    return (double)PAGE_REQUESTS * 1000.0 / (double)ns;
}

static void bench_pages(void)
{
    uint64_t rng = 1, *v = calloc(PAGE_REQUESTS, sizeof *v);
    const struct zipf z = zipf_new(PAGE_UNIVERSE);
    if (!v || !z.upto)
        die("out of memory");
    for (size_t i = 0; i < PAGE_REQUESTS; i++)
        v[i] = stream_page(zipf_draw(&z, &rng));
    for (const struct page_policy *const *p = page_policy_table; *p; p++) {
        double r[RUNS], hits = 0;
        for (int i = 0; i < RUNS; i++)
            r[i] = page_once(*p, v, &hits);
        printf("BENCH page.%s %.1f Mrequests/s (%.1f %% hits)\n", (*p)->name, median(r), hits);
    }
    free(z.upto);
    free(v);
}

int main(int argc, char **argv)
{
    char err[512];
    char boot[4096], trace[4096];
    if (argc != 2)
        die("usage: bench_machine BUILD");
    snprintf(boot, sizeof boot, "%s/boot.elf", argv[1]);
    snprintf(trace, sizeof trace, "%s/bench.trace", argv[1]);
    struct image *image = image_open(boot, err, sizeof err);
    if (!image)
        die(err);
    bench_model("functional", 0, image);
    bench_model("inorder", 1, image);
    bench_replay(image, trace);
    remove(trace);
    bench_pages();
    image_free(image);
    return 0;
}
