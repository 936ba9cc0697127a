/* stream_replay.c - times instruction traces on a core and its memory side. */
#include "sim/stream_replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/coreside.h"
#include "sim/error.h"
#include "sim/memside.h"
#include "sim/progress.h"
#include "sim/quantity.h"
#include "sim/table.h"
#include "traces/champsim.h"

#define BATCH 1024u

/* What is counted, at one moment. */
struct counts {
    uint64_t cycles;
    struct core_counters core;
    struct cache_counters level[CACHE_LEVELS];
};

struct rig {
    struct memside side;
    const struct core_ops *ops;
    struct core *core;
    struct core_view view;
    struct champsim *trace;
    uint64_t done; /* instructions */
    uint64_t host_ns;
};

static const char *const level_names[CACHE_LEVELS] = {"l1i", "l1d", "l2", "llc"};
static const char *const level_titles[CACHE_LEVELS] = {"L1I", "L1D", "L2", "LLC"};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- counting ---- */

static void take(const struct rig *r, const struct config *cfg, struct counts *c)
{
    c->cycles = r->ops->now(r->core) / config_period(cfg);
    c->core = *r->ops->counters(r->core);
    for (unsigned l = 0; l < CACHE_LEVELS; l++)
        memcpy(&c->level[l], hierarchy_counters(r->side.hierarchy, (enum cache_level)l, 0),
               sizeof c->level[l]);
}

/* All fields are numbers of 64 bits. */
static void subtract(struct counts *from, const struct counts *what)
{
    uint64_t *a = (uint64_t *)from;
    const uint64_t *b = (const uint64_t *)what;
    for (size_t i = 0; i < sizeof *from / sizeof *a; i++)
        a[i] -= b[i];
}
_Static_assert(sizeof(struct counts) % sizeof(uint64_t) == 0, "counts are 64-bit numbers");

static uint64_t demand_misses(const struct cache_counters *c)
{
    return c->misses[MEM_FETCH] + c->misses[MEM_LOAD] + c->misses[MEM_STORE] + c->misses[MEM_WALK];
}

static uint64_t demand_accesses(const struct cache_counters *c)
{
    return c->accesses[MEM_FETCH] + c->accesses[MEM_LOAD] + c->accesses[MEM_STORE] +
           c->accesses[MEM_WALK];
}

/* ---- printing ---- */

static const char *thousandths(char out[QUANTITY_TEXT], uint64_t a, uint64_t b)
{
    const uint64_t v = b ? a * 1000 / b : 0;
    snprintf(out, QUANTITY_TEXT, "%" PRIu64 ".%03" PRIu64, v / 1000, v % 1000);
    return out;
}

static void row(struct table *t, const char *name, uint64_t accesses, uint64_t misses,
                uint64_t instructions)
{
    char text[QUANTITY_TEXT];
    const size_t i = table_row(t);
    table_text(t, i, 0, name);
    table_fixed(t, i, 1, (int64_t)accesses, 0, "");
    table_fixed(t, i, 2, (int64_t)misses, 0, "");
    table_text(t, i, 3, thousandths(text, 1000 * misses, instructions));
}

static void print_text(const struct counts *c, const struct rig *r, const char *path)
{
    char a[QUANTITY_TEXT], b[QUANTITY_TEXT], d[QUANTITY_TEXT];
    const uint64_t n = c->core.instructions;
    struct table *t = table_new();
    table_column(t, "", TABLE_LEFT);
    table_column(t, "accesses", TABLE_RIGHT);
    table_column(t, "misses", TABLE_RIGHT);
    table_column(t, "MPKI", TABLE_RIGHT);
    for (unsigned l = 0; l < CACHE_LEVELS; l++)
        row(t, level_titles[l], demand_accesses(&c->level[l]), demand_misses(&c->level[l]), n);
    row(t, "TLB", c->core.tlb_lookups, c->core.tlb_misses, n);
    row(t, "branches", c->core.branches, c->core.mispredictions, n);
    table_print(t, stdout);
    table_free(t);
    fputs("CPI", stdout);
    for (unsigned i = 0; i < CPI_COUNT; i++)
        if (c->core.user_cycles[i])
            printf("  %s %s", cpi_part_names[i], thousandths(a, c->core.user_cycles[i], n));
    printf("\n%s: %s instructions, %s cycles, IPC %s", path, quantity_group(n, a),
           quantity_group(c->cycles, b), thousandths(d, n, c->cycles));
    printf(", %" PRIu64 ".%" PRIu64 " million instructions/s of host CPU time\n",
           r->host_ns ? r->done * 1000 / r->host_ns : 0,
           r->host_ns ? r->done * 10000 / r->host_ns % 10 : 0);
}

static void print_json(const struct counts *c, const struct rig *r)
{
    char prefix[32];
    struct stats *stats = stats_new();
    stats_add_value(stats, "replay.instructions", "1", "instructions replayed, warm-up included",
                    &r->done);
    stats_add_value(stats, "hart0.cycles", "cycles", "time after the warm-up", &c->cycles);
    stats_add(stats, "hart0.", core_counter_table, &c->core);
    for (unsigned l = 0; l < CACHE_LEVELS; l++) {
        snprintf(prefix, sizeof prefix, l == CACHE_LLC ? "%s." : "hart0.%s.", level_names[l]);
        stats_add(stats, prefix, cache_counter_table, &c->level[l]);
    }
    stats_add_ratio(stats, "hart0.ipc", "1", "instructions per cycle",
                    "hart0.instructions / hart0.cycles", 4);
    stats_add_ratio(stats, "hart0.upc", "1", "micro-ops per cycle", "hart0.uops / hart0.cycles", 4);
    stats_add_ratio(stats, "hart0.branch_mpki", "1/1000", "mispredictions for 1,000 instructions",
                    "1000*hart0.mispredictions / hart0.instructions", 4);
    stats_write_json(stats, stdout);
    stats_free(stats);
}

/* ---- running ---- */

static int rig_open(struct rig *r, const struct config *cfg, const char *path, char *err,
                    size_t errlen)
{
    struct core_config cc;
    r->ops = core_model_of(cfg);
    if (!r->ops || !r->ops->stream)
        return fail(err, errlen, "core model \"%s\" times no instruction traces; \"ooo\" does",
                    r->ops ? r->ops->name : "functional");
    r->trace = champsim_open(path, err, errlen);
    if (!r->trace || core_config_of(cfg, &cc, err, errlen) ||
        memside_make(&r->side, cfg, 0, err, errlen))
        return -1;
    const struct core_env env = {
        .view = &r->view, .hierarchy = r->side.hierarchy, .kernel_instance = NO_INSTANCE};
    r->core = core_make(cfg, &cc, &env, err, errlen);
    return r->core ? 0 : -1;
}

static void rig_close(struct rig *r)
{
    if (r->core)
        r->ops->drop(r->core);
    memside_drop(&r->side);
    champsim_close(r->trace);
}

/* Up to n instructions more: how many there were, -1 with a message. */
static int64_t run(struct rig *r, uint64_t n, struct progress *p, char *err, size_t errlen)
{
    static const uint64_t often = 1u << 20;
    struct stream_op ops[BATCH];
    uint64_t left = n;
    while (left) {
        const int64_t got = champsim_read(r->trace, ops, left < BATCH ? left : BATCH, err, errlen);
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        r->ops->stream(r->core, ops, (uint32_t)got);
        left -= (uint64_t)got;
        r->done += (uint64_t)got;
        if (r->done % often < BATCH)
            progress_update(p, r->done, r->done, 0);
    }
    return (int64_t)(n - left);
}

static int run_all(struct rig *r, const struct config *cfg, const char *path,
                   const struct stream_replay_options *opt, struct counts *c, char *err,
                   size_t errlen)
{
    struct counts before;
    struct progress p;
    const uint64_t began = cpu_ns(), length = opt->length ? opt->length : INT64_MAX;
    progress_begin(&p, PROGRESS_AUTO, path);
    const int64_t warm = run(r, opt->warmup, &p, err, errlen);
    take(r, cfg, &before);
    const int64_t counted = warm < 0 ? -1 : run(r, length, &p, err, errlen);
    progress_end(&p);
    r->host_ns = cpu_ns() - began;
    if (warm < 0 || counted < 0)
        return -1;
    if (counted == 0)
        return fail(err, errlen, "%s: %" PRIu64 " instructions, and the warm-up takes all of them",
                    path, r->done);
    take(r, cfg, c);
    subtract(c, &before);
    return 0;
}

int stream_replay(const struct config *cfg, const char *path,
                  const struct stream_replay_options *opt, char *err, size_t errlen)
{
    struct rig *r = calloc(1, sizeof *r);
    struct counts c;
    if (!r)
        return fail(err, errlen, "out of memory");
    int bad = rig_open(r, cfg, path, err, errlen) || run_all(r, cfg, path, opt, &c, err, errlen);
    if (!bad && opt->json)
        print_json(&c, r);
    else if (!bad)
        print_text(&c, r, path);
    rig_close(r);
    free(r);
    return bad ? -1 : 0;
}
