/* bench_policy.c - host speed of each replacement policy alone, `BENCH policy.NAME value unit`. */
/*
 * A stream of ACCESSES lines, made before the clock starts, goes through one cache of 2 MiB with 16
 * ways and nothing else: a hot set, a zipf-like part and scans, from 64 code addresses, loads with
 * a quarter of stores, an eighth of write-backs and some prefetches. Host CPU time of one thread,
 * the median of RUNS; and the misses, which say that the policy was at work.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memhier/cache.h"

#define ACCESSES 4000000u
#define RUNS     5

struct step {
    uint32_t line, pc;
    uint8_t kind;
};

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static struct step make_step(uint32_t i, uint64_t *rng)
{
    static const uint8_t kinds[16] = {MEM_LOAD,  MEM_LOAD,  MEM_LOAD,      MEM_LOAD,
                                      MEM_LOAD,  MEM_LOAD,  MEM_LOAD,      MEM_LOAD,
                                      MEM_LOAD,  MEM_STORE, MEM_STORE,     MEM_STORE,
                                      MEM_STORE, MEM_WALK,  MEM_WRITEBACK, MEM_WRITEBACK};
    const uint32_t r = (uint32_t)draw(rng), octave = 1u << r % 20;
    struct step st = {.kind = kinds[draw(rng) % 16]};
    if (i / 4096 % 4 == 3)
        st = (struct step){(1u << 24) + i, 64, i % 8 ? MEM_LOAD : MEM_PREFETCH};
    else if (r % 3)
        st.line = (1u << 22) + (uint32_t)draw(rng) % 24000, st.pc = 128 + r % 32 * 4;
    else
        st.line = octave + (uint32_t)draw(rng) % octave, st.pc = 512 + r % 20 * 4;
    return st;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Million accesses a second. */
static double run_once(const struct policy *p, const struct step *steps, uint64_t *misses)
{
    const struct cache_config cfg = {.bytes = 2u << 20, .ways = 16};
    char err[200];
    struct cache *c = cache_new(&cfg, p == &policy_lru ? NULL : p, 1, err, sizeof err);
    if (!c) {
        fprintf(stderr, "bench_policy: %s: %s\n", p->name, err);
        exit(1);
    }
    *misses = 0;
    const uint64_t began = cpu_ns();
    for (uint32_t i = 0; i < ACCESSES; i++) {
        const struct step *st = &steps[i];
        const struct mem_req req = {.pc = st->pc, .kind = st->kind};
        const int writes = st->kind == MEM_STORE || st->kind == MEM_WRITEBACK;
        const int way = cache_lookup(c, st->line, st->kind, &req);
        if (way >= 0) {
            cache_set_dirty(c, st->line, way, writes);
            continue;
        }
        ++*misses;
        (void)cache_fill(c, st->line, st->kind, writes, &req);
    }
    const uint64_t ns = cpu_ns() - began;
    cache_free(c);
    return (double)ACCESSES * 1000.0 / (double)ns;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    struct step *steps = malloc(ACCESSES * sizeof *steps);
    uint64_t rng = 1, misses = 0;
    if (!steps)
        return 1;
    for (uint32_t i = 0; i < ACCESSES; i++)
        steps[i] = make_step(i, &rng);
    for (const struct policy *const *p = policy_table; *p; p++) {
        if ((*p)->foresees)
            continue;
        double v[RUNS];
        for (int i = 0; i < RUNS; i++)
            v[i] = run_once(*p, steps, &misses);
        qsort(v, RUNS, sizeof *v, ascending);
        printf("BENCH policy.%s %.1f Maccesses/s (%" PRIu64 " of %u miss)\n", (*p)->name,
               v[RUNS / 2], misses, ACCESSES);
        fflush(stdout);
    }
    free(steps);
    return 0;
}
