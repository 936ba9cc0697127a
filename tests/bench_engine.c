/* bench_engine.c - speed of the engine alone, also as a ratio to other interpreters. */
/*
 *     bench_engine BUILD          the engine's figures
 *     bench_engine BUILD peers    ratios to the interpreters on the PATH
 *     bench_engine BUILD load     load.module alone, and
 *     bench_engine BUILD run FILE run() of one module: for profilers
 *
 * What the check for preemption costs is another one's: bench_preempt.c.
 *
 * Programs are those of BUILD/alone: C programs that import nothing and export run(), a checksum of
 * what they print. The large one, Lua, is there after `make bench-large`. A figure is the median of
 * BENCH_RUNS, host CPU time, in million wasm operators a second; runs that are compared take turns.
 *
 *   functional.*, observed.*   run() only; the log is thrown away each time that it is full
 *   load.first, load.module    decode, validate and lower a module of 1 MiB (see large_module): the
 *                              first time in the process, and the median of LOADS, each into a
 *                              store of its own
 *   boot.hello                 `pwsim exec hello.wasm`, the whole process
 *   ratio.PEER.*               time of the peer's process / time of a process that loads the
 * module, makes an instance and calls run(), user and system; both whole, so that start-up is in
 * both
 */
#include <inttypes.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench_guest.h"

extern char **environ;

#define LOG_WORDS    (4 * LOG_SLACK) /* as the machine has */
#define LARGE_MODULE (UINT32_C(1) << 20)
#define TURNS        11u
#define LOADS        25u

enum mode { FUNCTIONAL, WATCHED, MODES };

struct measure {
    uint64_t ns, operators, sum;
};

static struct measure run_program(struct bytes wasm, enum mode mode)
{
    static uint64_t words[LOG_WORDS];
    struct log log = {words, 0, LOG_WORDS};
    struct guest g = guest_new(wasm);
    enum run_reason why;
    const uint64_t began = bench_ns();
    do {
        log.n = 0;
        why = mode == WATCHED ? engine_run_observed(g.thread, &log)
                              : engine_run_functional(g.thread);
    } while (why == RUN_LOG);
    struct measure m = {.ns = bench_ns() - began, .operators = thread_instructions(g.thread)};
    if (why != RUN_DONE)
        die("a program did not end well");
    m.sum = thread_results(g.thread)[0];
    guest_free(&g);
    return m;
}

/* ---- the engine's own figures ---- */

static double speed(const struct measure *m)
{
    return (double)m->operators * 1000.0 / (double)m->ns;
}

/* The median of each mode's speed. */
static void bench_program(struct bytes wasm, double speeds[MODES])
{
    double v[MODES][TURNS];
    for (unsigned i = 0; i < TURNS; i++) {
        struct measure m[MODES];
        for (unsigned k = 0; k < MODES; k++) { /* in one order and in the other */
            enum mode mode = (enum mode)(i % 2 ? MODES - 1 - k : k);
            m[mode] = run_program(wasm, mode);
            v[mode][i] = speed(&m[mode]);
        }
        if (m[FUNCTIONAL].sum != m[WATCHED].sum || m[FUNCTIONAL].operators != m[WATCHED].operators)
            die("the two modes differ");
    }
    for (unsigned k = 0; k < MODES; k++)
        speeds[k] = bench_median(v[k], TURNS);
}

static void bench_speeds(const char *build)
{
    double logs[MODES] = {0}, least = INFINITY;
    unsigned n = 0;
    for (size_t p = 0; p < PROGRAMS; p++) {
        double speeds[MODES];
        struct bytes wasm = read_program(build, p);
        if (!wasm.at)
            continue;
        bench_program(wasm, speeds);
        free(wasm.at);
        bench_print("functional", programs[p], speeds[FUNCTIONAL], "Minstr/s");
        bench_print("observed", programs[p], speeds[WATCHED], "Minstr/s");
        double share = speeds[WATCHED] / speeds[FUNCTIONAL];
        printf("BENCH observed/functional.%s %.2f\n", programs[p], share);
        least = share < least ? share : least;
        for (unsigned k = 0; k < MODES; k++)
            logs[k] += log(speeds[k]);
        n++;
    }
    bench_print("functional", "geomean", exp(logs[FUNCTIONAL] / n), "Minstr/s");
    bench_print("observed", "geomean", exp(logs[WATCHED] / n), "Minstr/s");
    printf("BENCH observed/functional.min %.2f\n", least);
}

/* ---- start-up ---- */

static void put_leb(struct bytes *b, uint32_t v)
{
    for (; v > 0x7f; v >>= 7)
        b->at[b->n++] = (uint8_t)(v | 0x80);
    b->at[b->n++] = (uint8_t)v;
}

static uint32_t take_leb(const uint8_t **at)
{
    uint32_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t c = *(*at)++;
        v |= (uint32_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
}

static void put_bytes(struct bytes *b, const void *from, size_t n)
{
    memcpy(b->at + b->n, from, n);
    b->n += n;
}

/* A section that is a vector, with its elements so many times. */
static void put_repeated(struct bytes *b, uint8_t id, const uint8_t *at, const uint8_t *end,
                         uint32_t times)
{
    struct bytes count = {(uint8_t[5]){0}, 0};
    put_leb(&count, take_leb(&at) * times);
    size_t n = (size_t)(end - at);
    b->at[b->n++] = id;
    put_leb(b, (uint32_t)(count.n + n * times));
    put_bytes(b, count.at, count.n);
    for (uint32_t i = 0; i < times; i++)
        put_bytes(b, at, n);
}

/* A module of compiled code of at least LARGE_MODULE bytes: each function of a smaller one, again
 * and again; calls are of the first of them. */
static struct bytes large_module(struct bytes from)
{
    enum { FUNCTIONS = 3, CODE = 10 };
    for (uint32_t times = 1;; times++) {
        const uint8_t *at = from.at + 8, *end = from.at + from.n;
        struct bytes b = {malloc(from.n * (times + 1)), 0};
        if (!b.at)
            die("out of memory");
        put_bytes(&b, from.at, 8);
        while (at < end) {
            const uint8_t *section = at++;
            uint32_t n = take_leb(&at);
            if (*section == FUNCTIONS || *section == CODE)
                put_repeated(&b, *section, at, at + n, times);
            else
                put_bytes(&b, section, (size_t)(at + n - section));
            at += n;
        }
        if (b.n >= LARGE_MODULE)
            return b;
        free(b.at);
    }
}

static void bench_load(const char *build)
{
    char path[4096];
    double v[LOADS];
    struct wasm_error err;
    snprintf(path, sizeof path, "%s/guest/kernel.wasm", build);
    struct bytes kernel = read_file(path);
    if (!kernel.at)
        die("there is no guest/kernel.wasm");
    struct bytes wasm = large_module(kernel);
    for (unsigned i = 0; i < LOADS; i++) {
        struct physmem *pm = physmem_new(DRAM_BYTES, 0);
        struct store *store = pm ? store_new(pm, &store_default_config) : NULL;
        if (!store)
            die("out of memory");
        const uint64_t began = bench_ns();
        if (store_load(store, "large", wasm.at, wasm.n, &err) < 0)
            die(err.text);
        v[i] = (double)wasm.n * 1000.0 / (double)(bench_ns() - began);
        store_free(store);
        physmem_free(pm);
    }
    printf("BENCH load.first %.1f MB/s\n", v[0]);
    printf("BENCH load.module %.1f MB/s (%zu bytes)\n", bench_median(v, LOADS), wasm.n);
    free(wasm.at);
    free(kernel.at);
}

/* ---- processes ---- */

/* Runs a command; its CPU time in seconds, user and system, and the beginning of what it writes, on
 * its error stream, too. -1: it cannot be run or has failed, which has been said. */
static double time_command(const char *const *argv, char *out, size_t size)
{
    int fds[2], status;
    pid_t pid;
    posix_spawn_file_actions_t to_pipe;
    struct rusage used;
    *out = 0;
    if (pipe(fds) || posix_spawn_file_actions_init(&to_pipe) ||
        posix_spawn_file_actions_adddup2(&to_pipe, fds[1], 1) ||
        posix_spawn_file_actions_adddup2(&to_pipe, fds[1], 2) ||
        posix_spawn_file_actions_addclose(&to_pipe, fds[0]) ||
        posix_spawnp(&pid, argv[0], &to_pipe, NULL, (char *const *)argv, environ))
        goto failed;
    posix_spawn_file_actions_destroy(&to_pipe);
    close(fds[1]);
    size_t n = 0;
    for (ssize_t got = 1; got > 0; n += (size_t)(got > 0 ? got : 0))
        got = read(fds[0], out + n, size - 1 - n);
    out[n] = 0;
    close(fds[0]);
    if (wait4(pid, &status, 0, &used) != pid || status)
        goto failed;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
failed:
    fprintf(stderr, "bench_engine: %s cannot be run or has failed: %s\n", argv[0], out);
    return -1;
}

static void bench_boot(const char *build)
{
    char pwsim[4096], hello[4096], out[512];
    double v[BENCH_RUNS];
    snprintf(pwsim, sizeof pwsim, "%s/pwsim", build);
    snprintf(hello, sizeof hello, "%s/guest/hello.wasm", build);
    const char *argv[] = {pwsim, "exec", hello, NULL};
    for (int i = 0; i < BENCH_RUNS; i++)
        if ((v[i] = time_command(argv, out, sizeof out) * 1000) < 0)
            exit(1);
    bench_print("boot", "hello", bench_median(v, BENCH_RUNS), "ms");
}

/* ---- peers ---- */

/* How each is told to call run() of a module: NULL is where the file goes. */
static const struct peer {
    const char *name, *arguments[4];
    unsigned n;
} peers[] = {{"wasm-interp", {NULL, "--run-all-exports"}, 2},
             {"wasm3", {"--func", "run", NULL}, 3},
             {"iwasm", {"-f", "run", NULL}, 3}};

static int on_path(const char *name)
{
    char path[4096];
    struct stat file;
    const char *dirs = getenv("PATH");
    while (dirs && *dirs) {
        size_t n = strcspn(dirs, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)n, dirs, name);
        if (access(path, X_OK) == 0 && stat(path, &file) == 0 && S_ISREG(file.st_mode))
            return 1;
        dirs += n + (dirs[n] == ':');
    }
    return 0;
}

/* Is the result among what a peer has written? Each has its own way: unsigned, signed, in
 * hexadecimal.
 */
static int says(const char *out, uint32_t sum)
{
    char forms[3][16];
    snprintf(forms[0], sizeof forms[0], "%" PRIu32, sum);
    snprintf(forms[1], sizeof forms[1], "%" PRId32, (int32_t)sum);
    snprintf(forms[2], sizeof forms[2], "0x%" PRIx32, sum);
    return strstr(out, forms[0]) || strstr(out, forms[1]) || strstr(out, forms[2]);
}

/* How much longer the peer takes: the ratio of the medians. 0: there is none, and it was said why.
 */
static double compare(const struct peer *peer, const char *self, const char *build,
                      const char *file)
{
    double own[BENCH_RUNS], theirs[BENCH_RUNS];
    char out[512], sum[32];
    const char *run[] = {self, build, "run", file, NULL}, *argv[6] = {peer->name};
    for (unsigned i = 0; i < peer->n; i++)
        argv[1 + i] = peer->arguments[i] ? peer->arguments[i] : file;
    for (int i = 0; i < BENCH_RUNS; i++) {
        own[i] = time_command(run, sum, sizeof sum);
        theirs[i] = time_command(argv, out, sizeof out);
        if (own[i] < 0 || theirs[i] < 0)
            return 0;
        if (!says(out, (uint32_t)strtoul(sum, NULL, 10))) {
            fprintf(stderr, "bench_engine: %s: %s has another result: %s\n", file, peer->name, out);
            return 0;
        }
    }
    return bench_median(theirs, BENCH_RUNS) / bench_median(own, BENCH_RUNS);
}

/* 0, or -1: it could not be compared on some program, or on none. */
static int bench_peer(const struct peer *peer, const char *self, const char *build)
{
    char group[64];
    int rc = 0;
    double logs = 0, least = INFINITY;
    unsigned n = 0;
    snprintf(group, sizeof group, "ratio.%s", peer->name);
    for (size_t p = 0; p < PROGRAMS; p++) {
        const char *path = program_path(build, p);
        if (access(path, R_OK))
            continue;
        double ratio = compare(peer, self, build, path);
        if (ratio <= 0) {
            rc = -1;
            continue;
        }
        bench_print(group, programs[p], ratio, "times");
        logs += log(ratio);
        least = ratio < least ? ratio : least;
        n++;
    }
    if (n == 0) {
        fprintf(stderr, "bench_engine: no program of %s/alone could be compared with %s\n", build,
                peer->name);
        return -1;
    }
    bench_print(group, "geomean", exp(logs / n), "times");
    bench_print(group, "min", least, "times");
    return rc;
}

static int bench_peers(const char *self, const char *build)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        if (!on_path(peers[i].name))
            fprintf(stderr, "bench_engine: no %s on the PATH\n", peers[i].name);
        else if (bench_peer(&peers[i], self, build))
            rc = 1;
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        bench_speeds(argv[1]);
        bench_load(argv[1]);
        bench_boot(argv[1]);
    } else if (argc == 3 && !strcmp(argv[2], "peers")) {
        return bench_peers(argv[0], argv[1]);
    } else if (argc == 3 && !strcmp(argv[2], "load")) {
        bench_load(argv[1]);
    } else if (argc == 4 && !strcmp(argv[2], "run")) {
        struct bytes wasm = read_file(argv[3]);
        if (!wasm.at)
            die("there is no such module");
        printf("%" PRIu32 "\n", (uint32_t)run_program(wasm, FUNCTIONAL).sum);
    } else {
        die("usage: bench_engine BUILD [peers | load | run FILE]");
    }
    return 0;
}
