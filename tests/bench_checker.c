/* bench_checker.c - what the persistency checker costs: `BENCH checker.slowdown.PROGRAM value x`.
 */
/*
 *     bench_checker BUILD
 *
 * Host CPU time of whole functional runs (BUILD/boot.elf) with pmem.check over without; the median
 * of RUNS pairs. checker.slowdown is the worst of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/run.h"

#define RUNS 5

static const struct {
    const char *name, *arguments;
} programs[] = {{"kvlog", "program.args=40000,100"},
                {"benchcore", "program.args=60"},
                {"sha256", "program.args="},
                {"sieve", "program.args="},
                {"wordcount", "program.args=text.txt"}};
#define PROGRAMS (sizeof programs / sizeof programs[0])

static void die(const char *what)
{
    fprintf(stderr, "bench_checker: %s\n", what);
    exit(1);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_ns(const struct image *image, size_t program, const char *check)
{
    char name[64], err[512];
    snprintf(name, sizeof name, "program.name=%s", programs[program].name);
    const char *set[] = {"core.model=functional", "kernel.data_tier=nvdimm", name,
                         programs[program].arguments, check};
    struct config *cfg;
    struct run_result r;
    const struct run_options opt = {.command = "bench", .input = -1};
    if (config_load(NULL, set, 5, &cfg, err, sizeof err) ||
        run_point(cfg, name, image, &opt, &r, err, sizeof err))
        die(err);
    machine_free(r.machine);
    config_free(cfg);
    return (double)r.host_ns;
}

int main(int argc, char **argv)
{
    char path[512], err[512];
    double worst = 0;
    if (argc != 2)
        die("expected the build folder");
    snprintf(path, sizeof path, "%s/boot.elf", argv[1]);
    struct image *image = image_open(path, err, sizeof err);
    if (!image)
        die(err);
    for (size_t p = 0; p < PROGRAMS; p++) {
        double ratio[RUNS];
        for (size_t i = 0; i < RUNS; i++) {
            const double without = cpu_ns(image, p, "pmem.check=false");
            ratio[i] = cpu_ns(image, p, "pmem.check=true") / without;
        }
        qsort(ratio, RUNS, sizeof ratio[0], ascending);
        printf("BENCH checker.slowdown.%s %.2f x\n", programs[p].name, ratio[RUNS / 2]);
        worst = ratio[RUNS / 2] > worst ? ratio[RUNS / 2] : worst;
    }
    printf("BENCH checker.slowdown %.2f x\n", worst);
    image_free(image);
    return 0;
}
