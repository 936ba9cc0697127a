/* validate_host.c - simulated against real time: kernels in the simulator, on the host as they are,
 * and on the host by way of wasm2c. */
/*
 *     validate_host BUILD [MACHINE [KERNEL...]]
 *
 * Run it in the top folder. MACHINE is a file of sim/configs without ".cfg" (default, or "": the
 * bundled one that is next to this host); KERNEL labels of points (default: all). There are two
 * sets of points: validate-kernels.cfg, and validate-heldout.cfg, whose kernels were written after
 * the model and its figures. BUILD/validate.elf holds the kernels for the simulator,
 * BUILD/validate/NAME.native and NAME.wasm2c those for the host. Where there is no NAME.wasm2c that
 * column is left out.
 *
 * The unit of work is the wasm operator, which is the same in all three: CPI is cycles over wasm
 * operators of the timed region. Cycles of the host are CPU time over the measured time of a cycle
 * (tests/validate/clock.h). All programs run in turns, REPEATS times, so that what disturbs the
 * host for a second does not meet all runs of one kernel. Each piece of the rounds waits, for a
 * while, until no other thread is seen on its core (a simulated core has none); of each piece
 * (pieces.h) the fastest run counts, since disturbance only adds. Programs with pieces that have
 * never been alone run again, up to MORE_TURNS times, for these pieces only. `noise` is by how much
 * the median of the first whole runs lies above, in the worse column. Checksums must agree.
 *
 * The simulated machine has what is measured of this host (validate_probe.h) in the same turns: its
 * clock, so that memory takes as many of its cycles, its size of pages, the parts of the caches
 * that it gets, and its way to memory. So the simulator runs last.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/experiment.h"
#include "sim/run.h"
#include "tests/bench.h"
#include "tests/validate/pieces.h"
#include "tests/validate_probe.h"

#define REPEATS    PROBE_TURNS
#define MORE_TURNS 20
#define MORE_S     120 /* nor longer than so many seconds, in all */
#define FOLDER     "sim/configs"
#define POINTS     2
static const char *const points[POINTS] = {"validate-kernels", "validate-heldout"};

enum { NATIVE, WASM2C, HOSTS };
static const char *const host_name[HOSTS] = {"native", "wasm2c"};

struct row {
    size_t point; /* of the set */
    double operators, simulated;
    double runs[HOSTS][REPEATS];          /* cycles; 0: not there */
    double fastest[HOSTS][KERNEL_PIECES]; /* of each piece */
    uint8_t alone[HOSTS][KERNEL_PIECES];  /* it has been */
    double real[HOSTS];                   /* all pieces */
    double noise;                         /* median of runs over that, less 1 */
    char sum[9];                          /* of the first run */
};

/* Points of one file, those that are wanted as rows. */
struct set {
    struct experiment *x;
    struct row *rows;
    size_t n;
};

static void die(const char *what)
{
    fprintf(stderr, "pwsim: validate-host: %s\n", what);
    exit(1);
}

/* ---- one kernel ---- */

static void compare(struct row *row, const char *label, const char *where, const char *sum)
{
    if (!row->sum[0])
        memcpy(row->sum, sum, sizeof row->sum);
    if (strcmp(row->sum, sum) == 0)
        return;
    fprintf(stderr, "pwsim: validate-host: %s: checksum %s at first, %s %s\n", label, row->sum, sum,
            where);
    exit(1);
}

/* What a kernel on the host prints: its checksum, and of each piece cycles and whether it was alone
 * on its core. 0, or -1. */
struct run {
    char sum[9];
    double pieces[KERNEL_PIECES];
    int alone[KERNEL_PIECES];
};

static int read_run(FILE *p, struct run *r)
{
    if (fscanf(p, "%8s", r->sum) != 1)
        return -1;
    for (unsigned i = 0; i < KERNEL_PIECES; i++)
        if (fscanf(p, "%lf %d", &r->pieces[i], &r->alone[i]) != 2)
            return -1;
    return 0;
}

/* Run `time` has been: of those beyond REPEATS only pieces count that have never been alone. */
static void count_run(struct row *row, const struct run *r, int time, int host)
{
    double *fastest = row->fastest[host];
    uint8_t *alone = row->alone[host];
    for (unsigned i = 0; i < KERNEL_PIECES; i++) {
        if (time < (int)REPEATS)
            row->runs[host][time] += r->pieces[i];
        if (time == 0)
            fastest[i] = r->pieces[i];
        else if (time < (int)REPEATS || !alone[i])
            fastest[i] = fmin(fastest[i], r->pieces[i]);
    }
    for (unsigned i = 0; i < KERNEL_PIECES; i++)
        alone[i] |= (uint8_t)(r->alone[i] != 0);
}

static int program_path(char *path, size_t n, const char *build, const struct config *c, int host)
{
    snprintf(path, n, "%s/validate/%s.%s", build, c->program, host_name[host]);
    return access(path, X_OK);
}

/* One run of a kernel, unless there is no such program. */
static void run_host(const char *build, const struct experiment_point *point, struct row *row,
                     int time, int host)
{
    const struct config *c = point->config;
    char path[1024], command[2048];
    struct run r;
    if (program_path(path, sizeof path, build, c, host))
        return;
    snprintf(command, sizeof command, "%s %s %s", path, c->args.v[0], c->args.v[1]);
    FILE *p = popen(command, "r");
    const int bad = !p || read_run(p, &r);
    if (!p || pclose(p) != 0 || bad) {
        fprintf(stderr, "pwsim: validate-host: %s failed\n", command);
        exit(1);
    }
    compare(row, point->label, host_name[host], r.sum);
    count_run(row, &r, time, host);
}

/* Pieces of a program that have never been alone on their core. */
static unsigned never_alone(const char *build, const struct experiment_point *point,
                            const struct row *row, int host)
{
    char path[1024];
    unsigned n = 0;
    if (program_path(path, sizeof path, build, point->config, host))
        return 0;
    for (unsigned i = 0; i < KERNEL_PIECES; i++)
        n += !row->alone[host][i];
    return n;
}

static void sum_up(struct row *row)
{
    for (int h = 0; h < HOSTS; h++) {
        const double median = bench_median(row->runs[h], REPEATS);
        for (unsigned i = 0; i < KERNEL_PIECES; i++)
            row->real[h] += row->fastest[h][i];
        if (row->real[h] > 0)
            row->noise = fmax(row->noise, median / row->real[h] - 1);
    }
}

static void simulate(const struct experiment_point *point, struct row *row,
                     const struct image *image)
{
    char err[512], sum[9], *said = NULL;
    size_t length = 0;
    FILE *console = open_memstream(&said, &length);
    const struct run_options opt = {
        .progress = PROGRESS_OFF, .input = -1, .console = {console, console}, .log = stderr};
    struct run_result r;
    uint64_t cycles = 0, operators = 0;
    if (!console || run_point(point->config, point->label, image, &opt, &r, err, sizeof err))
        die(console ? err : "out of memory");
    fclose(console);
    const struct stats *s = machine_stats(r.machine);
    if (r.state != STATE_HALTED || r.exit_code || sscanf(said, "sum %8s", sum) != 1 ||
        !stats_lookup(s, "hart0.roi_cycles", &cycles) ||
        !stats_lookup(s, "hart0.roi_instructions", &operators) || !operators)
        die("a kernel did not end well in the simulator");
    compare(row, point->label, "in the simulator", sum);
    row->simulated = (double)cycles;
    row->operators = (double)operators;
    machine_free(r.machine);
    free(said);
}

static void show_progress(const char *what)
{
    if (isatty(2))
        fprintf(stderr, "\r%-20s\r", what);
}

/* Everything that is there of the host, once. */
static void run_turn(const char *build, const struct set *set, int time)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct experiment_point *point = &set->x->points[set->rows[i].point];
        show_progress(point->label);
        for (int h = 0; h < HOSTS; h++)
            run_host(build, point, &set->rows[i], time, h);
    }
}

/* Programs with pieces that have never been alone, once more: how many such pieces are left. */
static unsigned run_again(const char *build, const struct set *set, int time)
{
    unsigned left = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct experiment_point *point = &set->x->points[set->rows[i].point];
        show_progress(point->label);
        for (int h = 0; h < HOSTS; h++) {
            if (never_alone(build, point, &set->rows[i], h))
                run_host(build, point, &set->rows[i], time, h);
            left += never_alone(build, point, &set->rows[i], h);
        }
    }
    return left;
}

static void simulate_set(const struct set *set, const struct image *image)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct experiment_point *point = &set->x->points[set->rows[i].point];
        show_progress(point->label);
        simulate(point, &set->rows[i], image);
        sum_up(&set->rows[i]);
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

static void print_rows(const struct set *set, int hosts)
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
    for (size_t i = 0; i < set->n; i++) {
        const struct row *row = &set->rows[i];
        const size_t at = table_row(t);
        size_t c = 0;
        table_text(t, at, c++, set->x->points[row->point].label);
        number(t, at, c++, row->operators, 0, "");
        for (int h = -1; h < hosts; h++)
            number(t, at, c++, cpi(row, h), 3, "");
        number(t, at, c++, 100 * row->noise, 1, " %");
        for (int h = 0; h < hosts; h++)
            number(t, at, c++, row->simulated / row->real[h], 2, "");
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

/* ---- the simulated machine ---- */

/* What is measured of the host, as settings. */
struct settings {
    char text[10][64];
    const char *at[10];
    size_t n;
};

static void set(struct settings *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->text[s->n], sizeof s->text[s->n], format, args);
    va_end(args);
    s->at[s->n] = s->text[s->n];
    s->n++;
}

static void write_config(const char *path, const char *machine, const char *set_of_points)
{
    char here[2048];
    FILE *f = fopen(path, "w");
    if (!f || !getcwd(here, sizeof here))
        die("cannot write the config into the build folder");
    fprintf(f, "@include \"%s/" FOLDER "/%s.cfg\"\n@include \"%s/" FOLDER "/%s.cfg\"\n", here,
            machine, here, set_of_points);
    if (fclose(f))
        die("cannot write the config into the build folder");
}

static struct experiment *load(const char *build, const char *machine, const char *set_of_points,
                               const struct settings *s)
{
    char err[512], path[4096];
    struct experiment *x;
    snprintf(path, sizeof path, "%s/validate/machine.cfg", build);
    write_config(path, machine, set_of_points);
    if (experiment_load(path, s->at, s->n, &x, err, sizeof err))
        die(err);
    return x;
}

/* A cache of about the share's size: 9 to 16 ways, since what takes the rest away does so in all
 * sets, and in no fixed ways of them. */
static void set_share(struct settings *s, const char *cache, uint64_t bytes, uint64_t share)
{
    uint64_t way = 4096;
    if (!share || share >= bytes)
        return;
    while (way * 16 < share)
        way *= 2;
    const uint64_t ways = (share + way / 2) / way;
    set(s, "%s.ways=%" PRIu64, cache, ways ? ways : 1);
    set(s, "%s.size=%" PRIu64 " KiB", cache, (ways ? ways : 1) * way >> 10);
}

/* Where others have a share of the LLC, their misses push out any line, and not the one that was
 * used least recently: the more of a chain there is beyond what is left, the more often its steps
 * miss, and not all of them at once. So such a cache replaces at random. Of a chain through n lines
 * a part h is then found among c, for which h = exp(-(1 - h) n / c): half where n = 2 ln 2 c. */
static void set_llc(struct settings *s, uint64_t bytes, uint64_t share)
{
    if (!share || share >= bytes)
        return;
    set(s, "llc.policy=random");
    set_share(s, "llc", bytes, (uint64_t)((double)share / (2 * log(2))));
}

/* What a miss takes beyond the caches and a closed row is the controller's, and the wires'. (The
 * rows that such a chain needs are closed in the simulator, too: a refresh comes before they are
 * needed again.) */
static void set_memory(struct settings *s, const struct config *c, const struct host_probe *p)
{
    const double caches = (double)(c->l1d_cycles + c->l2_cycles + c->llc_cycles) / p->ghz;
    const double bank = (double)((c->dram_rcd + c->dram_cl + c->dram_burst) * c->dram_tck) / 1000;
    const double rest = p->memory_ns - caches - bank;
    set(s, "dram.controller=%.0f ns", rest > 0 ? rest : 0);
}

static void describe(const struct host_probe *p)
{
    char model[128];
    host_cpu_field("model name", model, sizeof model);
    printf("host: %s, measured: %.2f GHz, pages of %s", model, p->ghz,
           p->huge_pages ? "2 MiB" : "4 KiB");
    if (p->l2)
        printf(", %" PRIu64 " KiB of L2", p->l2 >> 10);
    if (p->llc)
        printf(", %.1f MiB of LLC, memory in %.0f ns", (double)p->llc / (1 << 20), p->memory_ns);
    printf("\n");
}

/* What was measured of the host: say so, and what the simulated machine is to have of it. */
static void take_over(const struct host_probe *p, const struct config *c, struct settings *s)
{
    describe(p);
    set(s, "core.frequency=%.2f GHz", p->ghz);
    set(s, "tlb.page=%s", p->huge_pages ? "2m" : "4k");
    set_share(s, "l2", c->l2_bytes, p->l2);
    set_llc(s, c->llc_bytes, p->llc);
    if (p->memory_ns > 0)
        set_memory(s, c, p);
}

static void print_machine(const char *machine, const struct config *c)
{
    char line[256];
    printf("simulated: %s (%s)\n", machine, run_machine_line(c, line, sizeof line));
    printf("CPI: cycles for each wasm operator, in all columns\n");
    fflush(stdout);
}

/* ---- all of it ---- */

static int wanted(const char *label, int n, char **names)
{
    for (int i = 0; i < n; i++)
        if (strcmp(label, names[i]) == 0)
            return 1;
    return n == 0;
}

static struct set set_of(struct experiment *x, int n, char **names)
{
    struct set set = {.x = x, .rows = calloc(x->n, sizeof *set.rows)};
    if (!set.rows)
        die("out of memory");
    for (size_t i = 0; i < x->n; i++) {
        if (x->points[i].config->args.n != 2)
            die("a kernel takes two arguments, size and rounds");
        if (wanted(x->points[i].label, n, names))
            set.rows[set.n++].point = i;
    }
    return set;
}

static time_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void measure(const char *build, const struct set sets[static POINTS], struct host_probe *p)
{
    struct host_prober *prober = host_prober_new();
    if (!prober)
        die("out of memory");
    for (int time = 0; time < (int)REPEATS; time++) {
        host_prober_turn(prober);
        for (int i = 0; i < POINTS; i++)
            run_turn(build, &sets[i], time);
    }
    host_prober_result(prober, p);
    host_prober_free(prober);
    const time_t until = seconds() + MORE_S;
    unsigned left = 1;
    for (int more = 0; left && more < MORE_TURNS && seconds() < until; more++) {
        left = 0;
        for (int i = 0; i < POINTS; i++)
            left += run_again(build, &sets[i], (int)REPEATS + more);
    }
    if (left)
        printf("%u pieces of programs were never alone on their core\n", left);
}

/* A set under a title line, if there is one. */
static void print_set(const struct set *set, const char *title)
{
    if (set->n == 0)
        return;
    const int hosts = set->rows[0].real[WASM2C] > 0 ? HOSTS : 1;
    printf("\n%s", title);
    print_rows(set, hosts);
    for (int h = 0; h < hosts; h++)
        print_summary(set->rows, set->n, h);
}

int main(int argc, char **argv)
{
    struct settings s = {.n = 0};
    struct set sets[POINTS];
    struct host_probe probe;
    char err[512], path[4096];
    if (argc < 2)
        die("usage: validate_host BUILD [MACHINE [KERNEL...]]");
    const char *build = argv[1], *machine = argc > 2 && *argv[2] ? argv[2] : host_machine();
    snprintf(path, sizeof path, "%s/validate.elf", build);
    struct image *image = image_open(path, err, sizeof err);
    if (!image)
        die(err);
    size_t n = 0;
    for (int i = 0; i < POINTS; i++) {
        sets[i] = set_of(load(build, machine, points[i], &s), argc > 3 ? argc - 3 : 0, argv + 3);
        n += sets[i].n;
    }
    if (n == 0)
        die("no such kernel: labels are in " FOLDER
            "/validate-kernels.cfg and validate-heldout.cfg");
    setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
    setenv("VALIDATE_HUGE", "1", 1);
    measure(build, sets, &probe);
    take_over(&probe, sets[0].x->points[0].config, &s);
    for (int i = 0; i < POINTS; i++) {
        experiment_free(sets[i].x);
        sets[i].x = load(build, machine, points[i], &s); /* the same points, as the host is */
        if (i == 0)
            print_machine(machine, sets[i].x->points[0].config);
        simulate_set(&sets[i], image);
        print_set(&sets[i], i ? "held out:\n" : "");
        free(sets[i].rows);
        experiment_free(sets[i].x);
    }
    image_free(image);
    return 0;
}
