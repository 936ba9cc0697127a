/* validate_host.c - simulated against real time: kernels in the simulator, on the host as they are,
 * and on the host by way of wasm2c. */
/*
 *     validate_host BUILD [MACHINE [KERNEL...]]
 *
 * Run it in the top folder. MACHINE is a file of sim/configs without ".cfg" (default, or "": the
 * bundled one that is next to this host); KERNEL labels of points of validate-kernels.cfg (default:
 * all). BUILD/validate.elf holds the kernels for the simulator, BUILD/validate/NAME.native and
 * NAME.wasm2c those for the host. Where there is no NAME.wasm2c that column is left out.
 *
 * The unit of work is the wasm operator, which is the same in all three: CPI is cycles over wasm
 * operators of the timed region. Cycles of the host are CPU time over the measured time of a cycle
 * (tests/validate/clock.h). Of REPEATS runs of a program the fastest counts, since what disturbs a
 * run only adds to it; `noise` is by how much the median lies above, in the worse column. Checksums
 * must agree.
 *
 * The simulated core has the clock that is measured here, so that memory takes as many of its
 * cycles, and pages of the size that the host's translation seems to have: a hypervisor may give a
 * guest's 2 MiB pages from pieces of 4 KiB.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/experiment.h"
#include "sim/run.h"
#include "tests/bench.h"
#include "tests/validate/clock.h"

#define REPEATS 9
#define KERNELS "sim/configs/validate-kernels.cfg"

enum { NATIVE, WASM2C, HOSTS };
static const char *const host_name[HOSTS] = {"native", "wasm2c"};

struct row {
    const char *label;
    double operators, simulated;
    double real[HOSTS]; /* cycles; 0: not there */
    double noise;       /* median over fastest, less 1 */
};

static void die(const char *what)
{
    fprintf(stderr, "pwsim: validate-host: %s\n", what);
    exit(1);
}

/* ---- the host ---- */

static void cpu_field(const char *field, char *to, size_t n)
{
    char line[4096];
    FILE *f = fopen("/proc/cpuinfo", "r");
    *to = 0;
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0 && strchr(line, ':')) {
            snprintf(to, n, "%s", strchr(line, ':') + 2);
            to[strcspn(to, "\n")] = 0;
            break;
        }
    if (f)
        fclose(f);
}

/* AMD: Zen 4. Intel: with AMX (Sapphire Rapids and later) granite-rapids, else skylake. */
static const char *machine_of_host(void)
{
    char vendor[64], flags[4096];
    cpu_field("vendor_id", vendor, sizeof vendor);
    cpu_field("flags", flags, sizeof flags);
    if (strcmp(vendor, "GenuineIntel") != 0)
        return "zen4";
    return strstr(flags, " amx_tile") ? "granite-rapids" : "skylake";
}

static double clock_ghz(void)
{
    double v[BENCH_RUNS];
    for (int i = 0; i < BENCH_RUNS; i++)
        v[i] = clock_cycle_ns();
    return 1 / bench_median(v, BENCH_RUNS);
}

/* ---- the host's pages ---- */

#define PROBE_LINES 8192u
#define HUGE_PAGE   ((size_t)2 << 20)

/* A chain through so many lines, one every `stride` bytes: nanoseconds a step. */
static double chain_ns(char *at, size_t stride)
{
    double best = 1e9;
    for (size_t i = 0; i < PROBE_LINES; i++) {
        const size_t next = (i * 2891336453u + 1234567u) % PROBE_LINES;
        *(char **)(void *)(at + i * stride + i * 64 % stride) = at + next * stride +
                                                                next * 64 % stride;
    }
    char *volatile *p = (char *volatile *)(void *)at;
    for (int r = 0; r < 9; r++) {
        const double began = clock_now();
        for (size_t i = 0; i < PROBE_LINES; i++)
            p = (char *volatile *)(void *)*p;
        best = fmin(best, clock_now() - began);
    }
    return best / PROBE_LINES;
}

/* Are memory's pages, when it is asked for 2 MiB ones, of 2 MiB to the processor? Lines that lie a
 * page each then cost no more than lines that lie together; all of them fit into an L2. */
static int pages_are_huge(void)
{
    const size_t bytes = PROBE_LINES * (size_t)4096;
    char *room = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    if (room == MAP_FAILED)
        return 0;
    char *at = room + (HUGE_PAGE - (uintptr_t)room % HUGE_PAGE);
    (void)madvise(at, bytes, MADV_HUGEPAGE);
    const double apart = chain_ns(at, 4096), together = chain_ns(at, 64);
    munmap(room, bytes + HUGE_PAGE);
    return apart < 1.5 * together;
}

/* One run of a kernel: cycles, or 0 when there is no such program. */
static double run_host(const char *build, const char *kernel, const char *size, const char *rounds,
                       int host, char sum[static 9])
{
    char path[1024], command[2048];
    double cycles = 0;
    snprintf(path, sizeof path, "%s/validate/%s.%s", build, kernel, host_name[host]);
    if (access(path, X_OK) != 0)
        return 0;
    snprintf(command, sizeof command, "%s %s %s", path, size, rounds);
    FILE *p = popen(command, "r");
    const int good = p && fscanf(p, "%lf %8s", &cycles, sum) == 2;
    if (!p || pclose(p) != 0 || !good || cycles <= 0) {
        fprintf(stderr, "pwsim: validate-host: %s failed\n", command);
        exit(1);
    }
    return cycles;
}

/* ---- one kernel ---- */

static void simulate(const struct experiment_point *p, const struct image *image, struct row *row,
                     char sum[static 9])
{
    char err[512], *said = NULL;
    size_t length = 0;
    FILE *console = open_memstream(&said, &length);
    const struct run_options opt = {
        .progress = PROGRESS_OFF, .input = -1, .console = {console, console}, .log = stderr};
    struct run_result r;
    uint64_t cycles = 0, operators = 0;
    if (!console || run_point(p->config, p->label, image, &opt, &r, err, sizeof err))
        die(console ? err : "out of memory");
    fclose(console);
    const struct stats *s = machine_stats(r.machine);
    if (r.state != STATE_HALTED || r.exit_code || sscanf(said, "sum %8s", sum) != 1 ||
        !stats_lookup(s, "hart0.roi_cycles", &cycles) ||
        !stats_lookup(s, "hart0.roi_instructions", &operators) || !operators)
        die("a kernel did not end well in the simulator");
    row->simulated = (double)cycles;
    row->operators = (double)operators;
    machine_free(r.machine);
    free(said);
}

static void compare(const char *label, const char *where, const char *sum, const char *with)
{
    if (strcmp(sum, with) == 0)
        return;
    fprintf(stderr, "pwsim: validate-host: %s: checksum %s in the simulator, %s %s\n", label, sum,
            with, where);
    exit(1);
}

static void run_kernel(const char *build, const struct experiment_point *p,
                       const struct image *image, struct row *row)
{
    const struct strs *args = &p->config->args;
    double v[HOSTS][REPEATS];
    char sum[9], real[9];
    row->label = p->label;
    if (args->n != 2)
        die(KERNELS ": a kernel takes two arguments, size and rounds");
    simulate(p, image, row, sum);
    for (int i = 0; i < REPEATS; i++)
        for (int h = 0; h < HOSTS; h++) {
            v[h][i] = run_host(build, p->config->program, args->v[0], args->v[1], h, real);
            if (v[h][i] > 0)
                compare(p->label, host_name[h], sum, real);
        }
    for (int h = 0; h < HOSTS; h++) {
        const double median = bench_median(v[h], REPEATS); /* which sorts */
        row->real[h] = v[h][0];
        if (v[h][0] > 0)
            row->noise = fmax(row->noise, median / v[h][0] - 1);
    }
}

/* ---- what comes out ---- */

static double cpi(const struct row *r, int host)
{
    return (host < 0 ? r->simulated : r->real[host]) / r->operators;
}

/* Rank of row i by CPI; those that are equal share the middle of theirs. */
static double rank_of(const struct row *rows, size_t n, size_t i, int host)
{
    double rank = 0.5;
    for (size_t k = 0; k < n; k++) {
        const double x = cpi(&rows[k], host), y = cpi(&rows[i], host);
        rank += x < y ? 1 : x <= y ? 0.5 : 0;
    }
    return rank;
}

/* Spearman's: Pearson's correlation of the ranks. */
static double rank_correlation(const struct row *rows, size_t n, int host)
{
    double xy = 0, xx = 0, yy = 0;
    const double middle = ((double)n + 1) / 2;
    for (size_t i = 0; i < n; i++) {
        const double x = rank_of(rows, n, i, -1) - middle, y = rank_of(rows, n, i, host) - middle;
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

static void number(struct table *t, size_t row, size_t column, double x, unsigned decimals,
                   const char *suffix)
{
    table_fixed(t, row, column, llround(x * pow(10, decimals)), decimals, suffix);
}

static void print_rows(const struct row *rows, size_t n, int hosts)
{
    struct table *t = table_new();
    table_column(t, "kernel", TABLE_LEFT);
    table_column(t, "operators", TABLE_RIGHT);
    table_column(t, "CPI simulated", TABLE_RIGHT);
    for (int h = 0; h < hosts; h++)
        table_column(t, host_name[h], TABLE_RIGHT);
    table_column(t, "noise", TABLE_RIGHT);
    for (int h = 0; h < hosts; h++)
        table_column(t, h == NATIVE ? "cycles/native" : "cycles/wasm2c", TABLE_RIGHT);
    for (size_t i = 0; i < n; i++) {
        const size_t at = table_row(t);
        size_t c = 0;
        table_text(t, at, c++, rows[i].label);
        number(t, at, c++, rows[i].operators, 0, "");
        for (int h = -1; h < hosts; h++)
            number(t, at, c++, cpi(&rows[i], h), 3, "");
        number(t, at, c++, 100 * rows[i].noise, 1, " %");
        for (int h = 0; h < hosts; h++)
            number(t, at, c++, rows[i].simulated / rows[i].real[h], 2, "");
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_summary(const struct row *rows, size_t n, int host)
{
    double logs = 0, errors = 0;
    for (size_t i = 0; i < n; i++) {
        const double ratio = rows[i].simulated / rows[i].real[host];
        logs += log(ratio);
        errors += fabs(ratio - 1);
    }
    printf("against %s: cycles %.2f of the host's (geometric mean), mean absolute error %.1f %%, "
           "rank correlation of CPI %.3f\n",
           host_name[host], exp(logs / (double)n), 100 * errors / (double)n,
           rank_correlation(rows, n, host));
}

/* ---- all of it ---- */

static void write_config(const char *path, const char *machine)
{
    char here[2048];
    FILE *f = fopen(path, "w");
    if (!f || !getcwd(here, sizeof here))
        die("cannot write the config into the build folder");
    fprintf(f, "@include \"%s/sim/configs/%s.cfg\"\n@include \"%s/" KERNELS "\"\n", here, machine,
            here);
    if (fclose(f))
        die("cannot write the config into the build folder");
}

static int wanted(const char *label, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (strcmp(label, names[i]) == 0)
            return 1;
    return n == 0;
}

static void describe(const char *machine, const struct config *cfg, double ghz, int huge)
{
    char model[128], line[256];
    cpu_field("model name", model, sizeof model);
    printf("host: %s, measured: %.2f GHz, pages of %s\n", model, ghz, huge ? "2 MiB" : "4 KiB");
    printf("simulated: %s (%s)\n", machine, run_machine_line(cfg, line, sizeof line));
    printf("CPI: cycles for each wasm operator, in all columns\n\n");
    fflush(stdout);
}

static void load(const char *build, const char *machine, double ghz, int huge,
                 struct experiment **x, struct image **image)
{
    char err[512], path[4096], clock[64];
    const char *const set[] = {clock, huge ? "tlb.page=2m" : "tlb.page=4k"};
    snprintf(clock, sizeof clock, "core.frequency=%.2f GHz", ghz);
    snprintf(path, sizeof path, "%s/validate.elf", build);
    *image = image_open(path, err, sizeof err);
    if (!*image)
        die(err);
    snprintf(path, sizeof path, "%s/validate/machine.cfg", build);
    write_config(path, machine);
    if (experiment_load(path, set, sizeof set / sizeof set[0], x, err, sizeof err))
        die(err);
}

int main(int argc, char **argv)
{
    struct experiment *x;
    struct image *image;
    if (argc < 2)
        die("usage: validate_host BUILD [MACHINE [KERNEL...]]");
    const char *build = argv[1], *machine = argc > 2 && *argv[2] ? argv[2] : machine_of_host();
    const double ghz = clock_ghz();
    const int huge = pages_are_huge();
    load(build, machine, ghz, huge, &x, &image);
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
    setenv("VALIDATE_HUGE", "1", 1);
    struct row *rows = calloc(x->n, sizeof *rows);
    size_t n = 0;
    if (!rows)
        die("out of memory");
    describe(machine, x->points[0].config, ghz, huge);
    for (size_t i = 0; i < x->n; i++)
        if (wanted(x->points[i].label, argc > 3 ? argc - 3 : 0, argv + 3)) {
            if (isatty(2))
                fprintf(stderr, "\r%-20s\r", x->points[i].label);
            run_kernel(build, &x->points[i], image, &rows[n++]);
        }
    if (n == 0)
        die("no such kernel: labels are in " KERNELS);
    const int hosts = rows[0].real[WASM2C] > 0 ? HOSTS : 1;
    print_rows(rows, n, hosts);
    for (int h = 0; h < hosts; h++)
        print_summary(rows, n, h);
    free(rows);
    experiment_free(x);
    image_free(image);
    return 0;
}
