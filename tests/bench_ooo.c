/* bench_ooo.c - host speed of timed runs, one line a figure: `BENCH name value unit`. */
/*
 *     bench_ooo BUILD [NAME]
 *
 * BUILD/boot.elf is the boot image; run it in the top folder, whose sim/configs it reads. NAME:
 * that figure only. Each is host CPU time of one thread, the median of five.
 *
 *   ooo.hot      benchcore, sha256 and a 64x64 matmul in equal shares, on the skylake machine
 *                (three levels of caches, two of TLBs with 4 KiB pages, DRAM)
 *   ooo.mix      quicksort of 8 MiB, hash join of 32 MiB, a bytecode interpreter; the same machine
 *   ooo.mem      random updates of 8-byte words in 1 GiB; the same machine
 *   ooo.trace    ChampSim's records, read from a plain file and timed on the same core and memory
 *   inorder.hot  as ooo.hot, on the default machine with the in-order core
 *   functional   as ooo.hot, counting operators and time, without caches
 *   rundir.cost  by how much a run directory (series of all counters, CPI stacks by function and
 *                call stack) makes ooo.hot slower; the CPI stack of a hart is always counted
 *   memory.*     resident memory of the simulator with ooo.mem's program over 64 MiB, beyond these,
 *                beside what the simulated caches hold; and how much more each further byte takes
 *                that the guest touches
 *   ooo.adds     what the CPI stack (core.cpi_stack) and the persistency checker (pmem.check) add
 *                to ooo.hot, each alone: runs with and without in turn, the median of their ratios
 *
 * Speed is wasm operators a second over whole runs, boot included (ooo.trace: records). What a run
 * is like is printed behind it: micro-ops, mispredictions and LLC misses for 1,000 of them, and
 * micro-ops for each access to memory.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu/stream.h"
#include "sim/coreside.h"
#include "sim/memside.h"
#include "sim/run.h"
#include "tests/bench.h"
#include "traces/champsim.h"

#define MACHINE "sim/configs/skylake.cfg"
#define RECORDS 1000000u

struct work {
    const char *program, *arguments;
};
static const struct work hot[] = {
    {"benchcore", "60"}, {"sha256", "110"}, {"matmul", "64,4"}, {NULL, NULL}};
static const struct work mix[] = {
    {"quicksort", "8192"}, {"hashjoin", "32768"}, {"bytecode", "2000"}, {NULL, NULL}};
static const struct work mem[] = {{"updates", "1024,2000000"}, {NULL, NULL}};

/* What the programs of a line did together. */
struct sums {
    uint64_t instructions, uops, mispredictions, llc_misses, accesses, cycles, host_ns;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_ooo: %s\n", what);
    exit(1);
}

static uint64_t value(const struct stats *s, const char *name)
{
    uint64_t v = 0;
    return stats_lookup(s, name, &v) ? v : 0;
}

static void add(struct sums *to, const struct run_result *r)
{
    const struct stats *s = machine_stats(r->machine);
    to->instructions += r->instructions;
    to->cycles += r->cycles;
    to->host_ns += r->host_ns;
    to->uops += value(s, "hart0.uops");
    to->mispredictions += value(s, "hart0.mispredictions");
    to->llc_misses += value(s, "llc.misses.load") + value(s, "llc.misses.store") +
                      value(s, "llc.misses.walk") + value(s, "llc.misses.fetch");
    to->accesses += value(s, "hart0.loads") + value(s, "hart0.stores") +
                    value(s, "hart0.frame_loads") + value(s, "hart0.frame_stores");
}

/* root: where a run directory goes, NULL: none. */
static void run_one(const struct image *image, const char *machine, const char *model,
                    const struct work *w, const char *root, struct sums *sums)
{
    const struct run_options opt = {
        .progress = PROGRESS_OFF, .input = -1, .root = root, .command = "bench"};
    char name[64], arguments[64], core[64], err[512];
    struct config *cfg;
    struct run_result r;
    snprintf(name, sizeof name, "program.name=%s", w->program);
    snprintf(arguments, sizeof arguments, "program.args=%s", w->arguments);
    snprintf(core, sizeof core, "core.model=%s", model);
    const char *set[] = {
        name, arguments, core, "machine.dram=2 GiB", "program.pages=20000", "kernel.boundary=trap"};
    if (config_load(machine, set, sizeof set / sizeof set[0], &cfg, err, sizeof err) ||
        run_point(cfg, cfg->program, image, &opt, &r, err, sizeof err))
        die(err);
    if (r.state != STATE_HALTED || r.exit_code)
        die("the program did not end well");
    add(sums, &r);
    machine_free(r.machine);
    config_free(cfg);
}

static void print_ratio(const char *what, uint64_t a, uint64_t b)
{
    printf("%s %.2f", what, b ? (double)a / (double)b : 0);
}

static void bench(const struct image *image, const char *line, const char *machine,
                  const char *model, const struct work *works)
{
    double v[BENCH_RUNS];
    struct sums s = {0};
    for (int i = 0; i < BENCH_RUNS; i++) {
        s = (struct sums){0};
        for (const struct work *w = works; w->program; w++)
            run_one(image, machine, model, w, NULL, &s);
        v[i] = (double)s.instructions * 1000.0 / (double)s.host_ns;
    }
    printf("BENCH %s %.1f Minstr/s (", line, bench_median(v, BENCH_RUNS));
    printf("%" PRIu64 " M operators", s.instructions / 1000000);
    if (s.uops) {
        printf(", %" PRIu64 " M micro-ops", s.uops / 1000000);
        print_ratio(", a cycle:", s.uops, s.cycles);
        print_ratio("; for 1,000 micro-ops: mispredictions", 1000 * s.mispredictions, s.uops);
        print_ratio(", LLC misses", 1000 * s.llc_misses, s.uops);
        print_ratio("; micro-ops for an access:", s.uops, s.accesses);
    }
    puts(")");
    fflush(stdout);
}

/* ---- what observing adds ---- */

/* hot, with a config assignment or NULL. */
static double hot_ns(const struct image *image, const char *set)
{
    double ns = 0;
    for (const struct work *w = hot; w->program; w++) {
        const struct run_options opt = {.progress = PROGRESS_OFF, .input = -1};
        char name[64], arguments[64], err[512];
        struct config *cfg;
        struct run_result r;
        snprintf(name, sizeof name, "program.name=%s", w->program);
        snprintf(arguments, sizeof arguments, "program.args=%s", w->arguments);
        const char *all[] = {name, arguments, "kernel.boundary=trap", set};
        if (config_load(MACHINE, all, set ? 4 : 3, &cfg, err, sizeof err))
            die(err);
        const uint64_t began = bench_ns();
        if (run_point(cfg, cfg->program, image, &opt, &r, err, sizeof err))
            die(err);
        ns += (double)(bench_ns() - began);
        machine_free(r.machine);
        config_free(cfg);
    }
    return ns;
}

static void bench_adds(const struct image *image)
{
    double stack[BENCH_RUNS], checker[BENCH_RUNS];
    for (int i = 0; i < BENCH_RUNS; i++) {
        const double usual = hot_ns(image, NULL);
        stack[i] = usual / hot_ns(image, "core.cpi_stack=false");
        checker[i] = hot_ns(image, "pmem.check=true") / usual;
    }
    printf("BENCH ooo.adds.stack %.1f %%\n", 100 * (bench_median(stack, BENCH_RUNS) - 1));
    printf("BENCH ooo.adds.checker %.1f %%\n", 100 * (bench_median(checker, BENCH_RUNS) - 1));
    fflush(stdout);
}

/* ---- a trace ---- */

static uint64_t draw(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

struct record {
    uint64_t ip;
    uint8_t is_branch, taken, written[2], read[4];
    uint64_t stores[2], loads[4];
};

/* 400 blocks of seven instructions and a conditional branch, in a walk that is mostly a loop: of
 * eight instructions two load, one stores; addresses are a stack's, a stream's, or anywhere in
 * 16 MiB; one branch in 16 goes either way. */
static void make_record(struct record *r, uint32_t i, uint64_t *x, uint32_t *block)
{
    const uint32_t k = i % 8;
    *r = (struct record){.ip = 0x400000 + (uint64_t)*block * 32 + 4 * k,
                         .written = {(uint8_t)(1 + (i * 7 + k) % 5)},
                         .read = {(uint8_t)(1 + (i * 3 + k) % 5), (uint8_t)(1 + i % 3)}};
    if (k == 1)
        r->loads[0] = UINT64_C(0x7ffc00000000) + draw(x) % 4096 * 8;
    if (k == 4)
        r->loads[0] = UINT64_C(0x600000000000) +
                      (i % 128 == 4 ? draw(x) % (16u << 20) : (uint64_t)i / 4);
    if (k == 5)
        r->stores[0] = UINT64_C(0x7ffc00000000) + draw(x) % 4096 * 8;
    if (k < 7)
        return;
    const int random = *block % 16 == 3;
    r->is_branch = 1;
    r->taken = random ? (uint8_t)(draw(x) & 1) : *block % 20 == 19 && i / 160 % 5 != 0;
    memcpy(r->written, (uint8_t[2]){26, 0}, 2);
    memcpy(r->read, (uint8_t[4]){26, 25, 0, 0}, 4);
    *block = r->taken ? (random ? (*block + 2) % 400 : *block - 19) : (*block + 1) % 400;
}

static void write_trace(const char *path)
{
    FILE *f = fopen(path, "wb");
    uint64_t x = 88172645463325252u;
    uint32_t at = 0;
    int bad = !f;
    for (uint32_t i = 0; i < RECORDS && !bad; i++) {
        struct record r;
        make_record(&r, i, &x, &at);
        bad = fwrite(&r, sizeof r, 1, f) != 1;
    }
    if (bad || fclose(f))
        die("cannot write the trace");
}

static double trace_once(const struct config *cfg, const char *path, double *ipc)
{
    static struct stream_op ops[1024];
    const struct core_view view = {0};
    struct core_config cc;
    struct memside side;
    char err[512];
    struct champsim *t = champsim_open(path, err, sizeof err);
    if (!t || core_config_of(cfg, &cc, err, sizeof err) ||
        memside_make(&side, cfg, 0, err, sizeof err))
        die(err);
    const struct core_env env = {
        .view = &view, .hierarchy = side.hierarchy, .kernel_instance = NO_INSTANCE};
    struct core *core = core_ooo.make(&cc, &env, err, sizeof err);
    if (!core)
        die(err);
    const uint64_t began = bench_ns();
    int64_t n;
    while ((n = champsim_read(t, ops, 1024, err, sizeof err)) > 0)
        core_ooo.stream(core, ops, (uint32_t)n);
    const uint64_t ns = bench_ns() - began;
    if (n < 0)
        die(err);
    *ipc = (double)RECORDS * (double)config_period(cfg) / (double)core_ooo.now(core);
    core_ooo.drop(core);
    memside_drop(&side);
    champsim_close(t);
    return (double)RECORDS * 1000.0 / (double)ns;
}

static void bench_trace(const char *build)
{
    char path[4096], err[512];
    struct config *cfg;
    double v[BENCH_RUNS], ipc = 0;
    snprintf(path, sizeof path, "%s/bench.champsim", build);
    if (config_load(MACHINE, (const char *[]){"kernel.boundary=trap"}, 1, &cfg, err, sizeof err))
        die(err);
    write_trace(path);
    for (int i = 0; i < BENCH_RUNS; i++)
        v[i] = trace_once(cfg, path, &ipc);
    if (getenv("KEEP") == NULL)
        unlink(path);
    config_free(cfg);
    printf("BENCH ooo.trace %.1f Mrecords/s (IPC %.2f)\n", bench_median(v, BENCH_RUNS), ipc);
    fflush(stdout);
}

/* ---- what is added ---- */

static void bench_rundir(const struct image *image, const char *build)
{
    char root[4096], command[4200];
    double v[BENCH_RUNS];
    snprintf(root, sizeof root, "%s/bench.runs", build);
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    for (int i = 0; i < BENCH_RUNS; i++) {
        struct sums with = {0}, without = {0};
        for (const struct work *w = hot; w->program; w++) {
            run_one(image, MACHINE, "ooo", w, NULL, &without);
            run_one(image, MACHINE, "ooo", w, root, &with);
        }
        v[i] = 100.0 * ((double)with.host_ns / (double)without.host_ns - 1);
    }
    if (system(command))
        die("cannot remove its run directories");
    bench_print("rundir", "cost", bench_median(v, BENCH_RUNS), "%");
}

/* MiB resident at most in a process that runs updates over so many MiB. */
static double resident(const struct image *image, const char *arguments)
{
    const struct work w = {"updates", arguments};
    struct sums s = {0};
    struct rusage u;
    int status;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        run_one(image, MACHINE, "ooo", &w, NULL, &s);
        _exit(0);
    }
    if (child < 0 || wait4(child, &status, 0, &u) != child || status)
        die("a run in a process of its own failed");
    return (double)u.ru_maxrss / 1024;
}

/* MiB that the caches of the machine hold. */
static double caches(void)
{
    char err[512];
    struct config *cfg;
    if (config_load(MACHINE, NULL, 0, &cfg, err, sizeof err))
        die(err);
    const uint64_t bytes = cfg->harts * (cfg->l1i_bytes + cfg->l1d_bytes + cfg->l2_bytes) +
                           cfg->llc_bytes;
    config_free(cfg);
    return (double)bytes / (1 << 20);
}

static void bench_memory(const struct image *image)
{
    const double small = resident(image, "64,100000"), large = resident(image, "256,400000");
    printf("BENCH memory.machine %.1f MiB (caches of %.1f MiB)\n", small - 64, caches());
    printf("BENCH memory.touched %.2f bytes for each that the guest touches\n",
           (large - small) / 192);
}

int main(int argc, char **argv)
{
    char err[512], boot[4096];
    const char *only = argc == 3 ? argv[2] : NULL;
    if (argc < 2 || argc > 3)
        die("usage: bench_ooo BUILD [NAME]");
    snprintf(boot, sizeof boot, "%s/boot.elf", argv[1]);
    struct image *image = image_open(boot, err, sizeof err);
    if (!image)
        die(err);
    const struct {
        const char *name, *machine, *model;
        const struct work *works;
    } lines[] = {{"ooo.hot", MACHINE, "ooo", hot},
                 {"ooo.mix", MACHINE, "ooo", mix},
                 {"ooo.mem", MACHINE, "ooo", mem},
                 {"inorder.hot", NULL, "inorder", hot},
                 {"functional", NULL, "functional", hot}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!only || strcmp(only, lines[i].name) == 0)
            bench(image, lines[i].name, lines[i].machine, lines[i].model, lines[i].works);
    if (!only || strcmp(only, "ooo.trace") == 0)
        bench_trace(argv[1]);
    if (!only || strcmp(only, "rundir.cost") == 0)
        bench_rundir(image, argv[1]);
    if (!only || strcmp(only, "memory") == 0)
        bench_memory(image);
    if (!only || strcmp(only, "ooo.adds") == 0)
        bench_adds(image);
    image_free(image);
    return 0;
}
