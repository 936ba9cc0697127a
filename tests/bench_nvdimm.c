/* bench_nvdimm.c - host speed and memory of the NVDIMM model alone, `BENCH nvdimm.NAME value unit`.
 */
/*
 * REQUESTS single lines at random in 1 GiB of the default machine's module: reads, writes, and a
 * mixture with a quarter of writes (`random`). As many as MISSES are under way, as behind the
 * caches of a core: a request starts when the one MISSES before it is done. Host CPU time, the
 * median of BENCH_RUNS.
 *
 * `memory`: what the model holds on the host's heap when each 256-byte line of a footprint has been
 * written once, as a share of that footprint, for footprints from 4 MiB to 1 GiB; before any access
 * (`idle`) it is that of a module of 256 GiB.
 */
#include <malloc.h>
#include <string.h>

#include "sim/config.h"
#include "sim/memside.h"
#include "tests/bench.h"

#define REQUESTS  2000000u
#define MISSES    16u
#define FOOTPRINT 30u /* log2 of its bytes */

static struct nvdimm *make(const struct config *cfg)
{
    char err[300];
    const struct nvdimm_config nc = memside_nvdimm(cfg);
    struct nvdimm *n = nvdimm_new(&nc, NULL, err, sizeof err);
    if (!n) {
        fprintf(stderr, "bench_nvdimm: %s\n", err);
        exit(1);
    }
    return n;
}

/* Million requests a second; of 256 requests, `writes` are written lines. */
static double run_once(const struct config *cfg, unsigned writes)
{
    ps_t done[MISSES] = {0}, now = 0;
    uint64_t rng = 1;
    struct nvdimm *n = make(cfg);
    const struct mem_port port = nvdimm_port(n);
    const uint64_t began = bench_ns();
    for (uint32_t i = 0; i < REQUESTS; i++) {
        rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
        now = now > done[i % MISSES] ? now : done[i % MISSES];
        const struct mem_req req = {.addr = NVDIMM_BASE +
                                            (rng >> (64 - FOOTPRINT) & ~(uint64_t)(LINE_BYTES - 1)),
                                    .at = now,
                                    .bytes = LINE_BYTES,
                                    .kind = (rng >> 16 & 255) < writes ? MEM_WRITEBACK : MEM_LOAD};
        done[i % MISSES] = port_access(&port, &req).done;
    }
    const double speed = REQUESTS * 1e3 / (double)(bench_ns() - began);
    nvdimm_free(n);
    return speed;
}

static void bench_speed(const char *name, const struct config *cfg, unsigned writes)
{
    double speed[BENCH_RUNS];
    for (int i = 0; i < BENCH_RUNS; i++)
        speed[i] = run_once(cfg, writes);
    bench_print("nvdimm", name, bench_median(speed, BENCH_RUNS), "Mrequests/s");
}

static size_t heap_bytes(void)
{
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* Bytes that the model holds after all of the footprint was written. */
static size_t memory_of(const struct config *cfg, uint64_t footprint)
{
    const size_t before = heap_bytes();
    struct nvdimm *n = make(cfg);
    const struct mem_port port = nvdimm_port(n);
    ps_t now = 0;
    for (uint64_t a = 0; a < footprint; a += 256) {
        const struct mem_req req = {
            .addr = NVDIMM_BASE + a, .at = now, .bytes = LINE_BYTES, .kind = MEM_WRITEBACK};
        now = port_access(&port, &req).done;
    }
    nvdimm_drain(n, now);
    const size_t held = heap_bytes() - before;
    nvdimm_free(n);
    return held;
}

static void bench_memory(const struct config *cfg)
{
    const size_t idle = memory_of(cfg, 0);
    bench_print("nvdimm", "memory.idle", (double)idle / 1024, "KiB");
    for (unsigned mib = 4; mib <= 1024; mib *= 16) {
        char name[32];
        const double held = (double)(memory_of(cfg, (uint64_t)mib << 20) - idle);
        snprintf(name, sizeof name, "memory.%uMiB", mib);
        bench_print("nvdimm", name, held / (mib * 1048576.0) * 100, "% of the footprint");
    }
}

int main(void)
{
    char err[300];
    struct config *cfg;
    if (config_load(NULL, NULL, 0, &cfg, err, sizeof err)) {
        fprintf(stderr, "bench_nvdimm: %s\n", err);
        return 1;
    }
    bench_speed("random", cfg, 64);
    bench_speed("random.read", cfg, 0);
    bench_speed("random.write", cfg, 256);
    bench_memory(cfg);
    config_free(cfg);
    return 0;
}
