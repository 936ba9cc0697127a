/* bench_hierarchy.c - host speed of the caches together: `BENCH name value Maccesses/s`. */
/*
 * Streams are made before the clock starts; memory answers after a constant time, so that only the
 * caches are measured. Host CPU time of one thread, the median of RUNS.
 *
 *   hierarchy.llc     requests to the LLC alone, with time, 2 MiB, 16 ways: a hot set, a zipf-like
 *                     part and scans; loads, a quarter of stores, an eighth of write-backs
 *   hierarchy.l1hit   loads and stores (1 in 4) of 16 KiB, three levels
 *   hierarchy.l2hit   of lines in turn over 512 KiB
 *   hierarchy.mem     of random lines over 256 MiB
 *   hierarchy.shared  four harts, 16 KiB of their own for three accesses in four, else 16 KiB that
 *                     all write
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memhier/hierarchy.h"

#define ACCESSES 4000000u
#define RUNS     5

struct step {
    uint32_t line;
    uint8_t kind, hart;
};

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static struct step replay_step(uint32_t i, uint64_t *rng)
{
    static const uint8_t kinds[16] = {MEM_LOAD,  MEM_LOAD,  MEM_LOAD,      MEM_LOAD,
                                      MEM_LOAD,  MEM_LOAD,  MEM_LOAD,      MEM_LOAD,
                                      MEM_LOAD,  MEM_STORE, MEM_STORE,     MEM_STORE,
                                      MEM_STORE, MEM_WALK,  MEM_WRITEBACK, MEM_WRITEBACK};
    const uint32_t r = (uint32_t)draw(rng), octave = 1u << r % 20;
    struct step st = {.kind = kinds[draw(rng) % 16]};
    if (i / 4096 % 4 == 3)
        st = (struct step){.line = (1u << 24) + i, .kind = i % 8 ? MEM_LOAD : MEM_PREFETCH};
    else if (r % 3)
        st.line = (1u << 22) + (uint32_t)draw(rng) % 24000;
    else
        st.line = octave + (uint32_t)draw(rng) % octave;
    return st;
}

static struct step load_or_store(uint32_t line, uint64_t *rng)
{
    return (struct step){.line = line, .kind = draw(rng) % 4 ? MEM_LOAD : MEM_STORE};
}

static struct step l1_step(uint32_t i, uint64_t *rng)
{
    (void)i;
    return load_or_store((uint32_t)draw(rng) % 256, rng);
}

static struct step l2_step(uint32_t i, uint64_t *rng)
{
    return load_or_store(i % 8192, rng);
}

static struct step mem_step(uint32_t i, uint64_t *rng)
{
    (void)i;
    return load_or_store((uint32_t)draw(rng) % (1u << 22), rng);
}

static struct step shared_step(uint32_t i, uint64_t *rng)
{
    const uint32_t hart = i % 4, own = draw(rng) % 4 != 0;
    struct step st = load_or_store((own ? hart + 1 : 0) * 256 + (uint32_t)draw(rng) % 256, rng);
    st.hart = (uint8_t)hart;
    return st;
}

static const struct bench {
    const char *name;
    struct step (*step)(uint32_t i, uint64_t *rng);
    uint32_t harts;
    int llc;
} benches[] = {{"hierarchy.llc", replay_step, 1, 1},
               {"hierarchy.l1hit", l1_step, 1, 0},
               {"hierarchy.l2hit", l2_step, 1, 0},
               {"hierarchy.mem", mem_step, 1, 0},
               {"hierarchy.shared", shared_step, 4, 0}};

static struct mem_reply memory(void *self, const struct mem_req *req)
{
    (void)self;
    return (struct mem_reply){.done = req->at + 80000, .source = SRC_DRAM};
}

static struct hierarchy *make(const struct bench *b)
{
    const ps_t period = 454;
    const struct hierarchy_config cfg = {
        .level =
            {{.bytes = 32768, .ways = 8, .latency = period, .policy = "lru", .mshrs = 8},
             {.bytes = 32768, .ways = 8, .latency = 4 * period, .policy = "lru", .mshrs = 12},
             {.bytes = 1 << 20, .ways = 16, .latency = 14 * period, .policy = "lru", .mshrs = 16},
             {.bytes = 2 << 20,
              .ways = 16,
              .latency = 48 * period,
              .policy = "lru",
              .interval = b->llc ? 0 : 4 * period}},
        .harts = b->harts,
        .dram = {.access = memory},
        .snoop = 60 * period};
    char err[200];
    struct hierarchy *h = hierarchy_new(&cfg, err, sizeof err);
    if (!h) {
        fprintf(stderr, "bench_hierarchy: %s\n", err);
        exit(1);
    }
    return h;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* One access follows the other, as in traces/replay.c: loads wait, stores do not. */
static __attribute__((noinline)) double run_once(const struct bench *b, const struct step *steps)
{
    struct hierarchy *h = make(b);
    ps_t now = 0;
    const uint64_t began = cpu_ns();
    for (uint32_t i = 0; i < ACCESSES; i++) {
        const struct step *st = &steps[i];
        const struct mem_req req = {.addr = (uint64_t)st->line << LINE_SHIFT,
                                    .at = now,
                                    .bytes = 8,
                                    .kind = st->kind,
                                    .hart = st->hart};
        const struct mem_reply r = b->llc ? hierarchy_llc_access(h, &req)
                                          : hierarchy_access(h, &req);
        now = st->kind == MEM_LOAD ? r.done : now + 454;
    }
    const uint64_t ns = cpu_ns() - began;
    hierarchy_free(h);
    return (double)ACCESSES * 1000.0 / (double)ns;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const char *only = argc > 2 ? argv[2] : NULL; /* argv[1]: the build folder */
    struct step *steps = malloc(ACCESSES * sizeof *steps);
    if (!steps)
        return 1;
    for (size_t k = 0; k < sizeof benches / sizeof benches[0]; k++) {
        uint64_t rng = 1;
        double v[RUNS];
        if (only && strcmp(only, benches[k].name) != 0)
            continue;
        for (uint32_t i = 0; i < ACCESSES; i++)
            steps[i] = benches[k].step(i, &rng);
        for (int i = 0; i < RUNS; i++)
            v[i] = run_once(&benches[k], steps);
        qsort(v, RUNS, sizeof *v, ascending);
        printf("BENCH %s %.1f Maccesses/s\n", benches[k].name, v[RUNS / 2]);
        fflush(stdout);
    }
    free(steps);
    return 0;
}
