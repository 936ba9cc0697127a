/* bench_crash.c - crash images with recovery: `BENCH crash.images value images/minute/core`. */
/*
 *     bench_crash BUILD
 *
 * The linked list of BUILD/persistency.elf (txlist, with its undo log), explored with one process;
 * images that were run, over the CPU time of this process and all that it made, booting included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "sim/explore.h"

static void die(const char *what)
{
    fprintf(stderr, "bench_crash: %s\n", what);
    exit(1);
}

static double cpu_seconds(void)
{
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    const struct timeval v[] = {own.ru_utime, own.ru_stime, children.ru_utime, children.ru_stime};
    double sum = 0;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        sum += (double)v[i].tv_sec + (double)v[i].tv_usec * 1e-6;
    return sum;
}

int main(int argc, char **argv)
{
    char path[512], err[512], *text = NULL;
    const char *set[] = {"core.model=functional", "program.name=txlist",
                         "program.args=run,38,correct", "power.recovery=txlist check",
                         "crash.symmetry=0"};
    struct config *cfg;
    size_t n;
    if (argc != 2)
        die("expected the build folder");
    snprintf(path, sizeof path, "%s/persistency.elf", argv[1]);
    struct image *image = image_open(path, err, sizeof err);
    if (!image || config_load(NULL, set, sizeof set / sizeof set[0], &cfg, err, sizeof err))
        die(err);
    FILE *out = open_memstream(&text, &n);
    const struct explore_options opt = {.jobs = 1, .json = 1};
    const double began = cpu_seconds();
    if (!out || explore(cfg, image, &opt, out, err, sizeof err) != 0)
        die(err);
    fclose(out);
    const char *tried = strstr(text, "\"tried\": ");
    if (!tried)
        die("no report");
    printf("BENCH crash.images %.0f images/minute/core\n",
           strtod(tried + 9, NULL) * 60 / (cpu_seconds() - began));
    free(text);
    config_free(cfg);
    image_free(image);
    return 0;
}
