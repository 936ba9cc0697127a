/* bench_dram.c - host speed of the DRAM model alone, `BENCH dram.NAME value unit`. */
/*
 * REQUESTS lines, a quarter of them written, on the default machine's DRAM: at random in 1 GiB, and
 * in order. As many as MISSES are under way, as behind the caches of a core: a request starts when
 * the one MISSES before it is done. Host CPU time, the median of RUNS.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/config.h"
#include "sim/memside.h"

#define REQUESTS 4000000u
#define MISSES   16u
#define RUNS     5

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Million requests a second. */
static double run_once(const struct config *cfg, int random)
{
    char err[300];
    struct memside side;
    ps_t done[MISSES] = {0}, now = 0;
    uint64_t rng = 1;
    if (memside_make(&side, cfg, 0, err, sizeof err)) {
        fprintf(stderr, "bench_dram: %s\n", err);
        exit(1);
    }
    const struct mem_port port = dram_port(side.dram);
    const uint64_t began = cpu_ns();
    for (uint32_t i = 0; i < REQUESTS; i++) {
        rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const uint64_t line = random ? rng >> 40 : i;
        now = now > done[i % MISSES] ? now : done[i % MISSES];
        const struct mem_req req = {.addr = line * LINE_BYTES,
                                    .at = now,
                                    .bytes = LINE_BYTES,
                                    .kind = rng >> 38 & 3 ? MEM_LOAD : MEM_WRITEBACK};
        done[i % MISSES] = port_access(&port, &req).done;
    }
    const double speed = REQUESTS * 1e3 / (double)(cpu_ns() - began);
    memside_drop(&side);
    return speed;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(const char *name, const struct config *cfg, int random)
{
    double speed[RUNS];
    for (int i = 0; i < RUNS; i++)
        speed[i] = run_once(cfg, random);
    qsort(speed, RUNS, sizeof *speed, compare);
    printf("BENCH dram.%s %.1f Mrequests/s\n", name, speed[RUNS / 2]);
}

int main(void)
{
    char err[300];
    struct config *cfg;
    if (config_load(NULL, NULL, 0, &cfg, err, sizeof err)) {
        fprintf(stderr, "bench_dram: %s\n", err);
        return 1;
    }
    bench("random", cfg, 1);
    bench("sequential", cfg, 0);
    config_free(cfg);
    return 0;
}
