/* bench_kernel.c - what the kernel costs: `BENCH name value unit`. */
/*
 *     bench_kernel B ANYTHING
 *
 * boot.shell: host CPU time from nothing to the end of a shell that was told to exit, the median of
 * RUNS. kernel.null.*: one call of pwk.self behind boundary `call`: wasm operators of the kernel
 * and of the call, and cycles of the in-order core, both less a loop that calls an empty function.
 * kernel.switch: host CPU time of a million context switches between two processes, in-order core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/run.h"

#define RUNS  5
#define CALLS 1000000u

static void die(const char *what)
{
    fprintf(stderr, "bench_kernel: %s\n", what);
    exit(1);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct run_result run(const struct image *image, const char *model, const char *name,
                             const char *args)
{
    char core[64], program[64], arguments[64], err[512];
    struct run_result r;
    struct config *cfg;
    snprintf(core, sizeof core, "core.model=%s", model);
    snprintf(program, sizeof program, "program.name=%s", name);
    snprintf(arguments, sizeof arguments, "program.args=%s", args);
    const char *set[] = {core, program, arguments};
    const struct run_options opt = {.progress = PROGRESS_OFF, .input = -1};
    if (config_load(NULL, set, 3, &cfg, err, sizeof err) ||
        run_point(cfg, name, image, &opt, &r, err, sizeof err))
        die(err);
    if (r.state != STATE_HALTED || r.exit_code)
        die("the program did not end well");
    machine_free(r.machine);
    config_free(cfg);
    return r;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_boot(const char *path)
{
    char err[512];
    double v[RUNS];
    for (int i = 0; i < RUNS; i++) {
        const double began = cpu_ms();
        struct image *image = image_open(path, err, sizeof err);
        if (!image)
            die(err);
        run(image, "functional", "sh", "-c,exit");
        image_free(image);
        v[i] = cpu_ms() - began;
    }
    qsort(v, RUNS, sizeof *v, ascending);
    printf("BENCH boot.shell %.1f ms\n", v[RUNS / 2]);
}

/* Of one more call, in operators and cycles. */
static void per_call(const struct image *image, const char *what, double *operators, double *cycles)
{
    char one[64], two[64];
    snprintf(one, sizeof one, "%s,%u", what, CALLS);
    snprintf(two, sizeof two, "%s,%u", what, 2 * CALLS);
    const struct run_result a = run(image, "inorder", "kernelcalls", one);
    const struct run_result b = run(image, "inorder", "kernelcalls", two);
    *operators = (double)(b.instructions - a.instructions) / CALLS;
    *cycles = (double)(b.cycles - a.cycles) / CALLS;
}

int main(int argc, char **argv)
{
    char path[4096], err[512];
    double n0, c0, n1, c1;
    if (argc < 2)
        die("usage: bench_kernel B");
    snprintf(path, sizeof path, "%s/boot.elf", argv[1]);
    bench_boot(path);
    struct image *image = image_open(path, err, sizeof err);
    if (!image)
        die(err);
    per_call(image, "empty", &n0, &c0);
    per_call(image, "null", &n1, &c1);
    printf("BENCH kernel.null.operators %.1f operators\n", n1 - n0);
    printf("BENCH kernel.null.cycles %.1f cycles\n", c1 - c0);
    per_call(image, "yield", &n1, &c1);
    printf("BENCH kernel.yield.operators %.1f operators\n", n1 - n0);
    const double began = cpu_ms();
    run(image, "inorder", "kernelcalls", "switch,1000000");
    printf("BENCH kernel.switch.million %.2f s\n", (cpu_ms() - began) / 1e3);
    image_free(image);
    return 0;
}
