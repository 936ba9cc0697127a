/* cmd_replay.c - `pwsim replay`: drive the memory side from traces, with no core. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/cmd.h"
#include "sim/experiment.h"
#include "sim/memside.h"
#include "sim/options.h"
#include "sim/page_replay.h"
#include "sim/policy_replay.h"
#include "sim/progress.h"
#include "sim/quantity.h"
#include "sim/stream_replay.h"
#include "sim/table.h"
#include "traces/replay.h"

#define SLICE_RECORDS 1000000u

static const char help[] =
    "pwsim replay TRACE... [-m MACHINE.cfg] [-s key=value]... [--json]\n"
    "pwsim replay --llc BYTES [--ways N] [--policy NAME,...] TRACE... [--json]\n"
    "pwsim replay --core MODEL TRACE... [--warmup N] [--length N] [-m MACHINE.cfg] [-s "
    "key=value]...\n"
    "pwsim replay --page BYTES --capacity PAGES [--policy NAME,...] TRACE... [--json]\n"
    "\n"
    "Sends the requests of each trace through the caches and memories of a machine, empty at the\n"
    "start, and prints what each level counted.\n"
    "  -m, --machine FILE   configuration of the machine (its first point)\n"
    "  -s, --set KEY=VALUE  a configuration key; repeatable\n"
    "      --json           every counter, one object for each trace in a list\n"
    "\n"
    "With --llc no machine is built: the caches above an LLC turn each trace into what the LLC is\n"
    "asked, and each policy works on that alone, without time. Accesses per second are host CPU\n"
    "time of the policy, without reading the trace.\n"
    "      --llc BYTES      \"2 MiB\"; sets are a power of two from 8 to 2^20\n"
    "      --ways N         1 to 16; 16 if not given\n"
    "      --l2 BYTES       the cache above, LRU; \"512 KiB\" if not given, 0: none\n"
    "      --l2-ways N      8 if not given\n"
    "      --seed N         of policies that draw; 1 if not given\n"
    "      --policy A,B     of `pwsim list policies`, or paths of shared objects (with a slash);\n"
    "                       all if not given\n"
    "\n"
    "With --core the traces are instructions in ChampSim's format (64-byte records, plain, gzip or "
    "xz)\n"
    "and are timed by that core model on the machine's caches and memory.\n"
    "      --core MODEL     \"ooo\"\n"
    "      --warmup N       instructions before counting begins\n"
    "      --length N       instructions that are counted; all that follow if not given\n"
    "\n"
    "With --page no machine is built: the fetches, loads, stores, non-temporal stores and page "
    "walks\n"
    "of each trace (no flushes, fences, write-backs, prefetches) become requests for pages, and "
    "each\n"
    "policy says how many hit a memory of that capacity. Requests per second are host CPU time,\n"
    "without reading the trace. With --json one object for each trace and policy.\n"
    "      --page BYTES     \"4 KiB\", a power of two from 64 B to 1 GiB\n"
    "      --capacity PAGES pages that are resident at most\n"
    "      --policy A,B     of `pwsim list page-policies`; all if not given\n";

struct replay_command {
    struct texts set;
    const char *machine;
    struct page_replay_options pages;
    struct policy_replay_options llc;
    const char *core, *warmup, *length;
    char model[64];
    struct stream_replay_options stream;
    int json;
};

/* The index of the first trace, or what options_parse said. */
static int parse(struct replay_command *c, int argc, char **argv)
{
    const struct option_row rows[] = {{"machine", 'm', OPTION_TEXT, &c->machine},
                                      {"set", 's', OPTION_LIST, &c->set},
                                      {"json", 0, OPTION_FLAG, &c->json},
                                      {"core", 0, OPTION_TEXT, &c->core},
                                      {"warmup", 0, OPTION_TEXT, &c->warmup},
                                      {"length", 0, OPTION_TEXT, &c->length},
                                      {"page", 0, OPTION_TEXT, &c->pages.page},
                                      {"capacity", 0, OPTION_TEXT, &c->pages.capacity},
                                      {"policy", 0, OPTION_TEXT, &c->pages.policies},
                                      {"llc", 0, OPTION_TEXT, &c->llc.llc},
                                      {"ways", 0, OPTION_TEXT, &c->llc.ways},
                                      {"l2", 0, OPTION_TEXT, &c->llc.l2},
                                      {"l2-ways", 0, OPTION_TEXT, &c->llc.l2_ways},
                                      {"seed", 0, OPTION_TEXT, &c->llc.seed},
                                      {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at != argc)
        return at;
    cmd_complain("replay: expected a trace; `pwsim replay --help` says more");
    return OPTIONS_BAD;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static uint64_t sum(const uint64_t *v)
{
    return v[MEM_FETCH] + v[MEM_LOAD] + v[MEM_STORE] + v[MEM_WALK];
}

/* A level of all harts together. */
struct level_sums {
    uint64_t accesses, misses, writebacks;
};

static struct level_sums sum_level(const struct hierarchy *h, enum cache_level level)
{
    struct level_sums s = {0};
    const uint32_t caches = level == CACHE_LLC ? 1 : hierarchy_harts(h);
    for (uint32_t i = 0; i < caches; i++) {
        const struct cache_counters *c = hierarchy_counters(h, level, i);
        s.accesses += sum(c->accesses);
        s.misses += sum(c->misses);
        s.writebacks += c->writebacks;
    }
    return s;
}

static void print_levels(const struct memside *side, const struct replay_result *r)
{
    static const char *const names[CACHE_LEVELS] = {"L1I", "L1D", "L2", "LLC"};
    static const char *const titles[] = {"accesses", "misses", "miss ratio", "MPKI", "write-backs"};
    struct table *t = table_new();
    table_column(t, "level", TABLE_LEFT);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(t, titles[i], TABLE_RIGHT);
    for (unsigned l = 0; l < CACHE_LEVELS; l++) {
        const struct level_sums c = sum_level(side->hierarchy, (enum cache_level)l);
        const uint64_t accesses = c.accesses, misses = c.misses;
        const size_t row = table_row(t);
        table_text(t, row, 0, names[l]);
        table_fixed(t, row, 1, (int64_t)accesses, 0, "");
        table_fixed(t, row, 2, (int64_t)misses, 0, "");
        if (accesses)
            table_fixed(t, row, 3, ratio_fixed((struct ratio){misses, accesses}, 4), 4, "");
        if (r->instructions)
            table_fixed(t, row, 4, ratio_fixed((struct ratio){misses * 1000, r->instructions}, 3),
                        3, "");
        table_fixed(t, row, 5, (int64_t)c.writebacks, 0, "");
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_json(const struct memside *side, const struct replay_result *r)
{
    struct stats *stats = stats_new();
    stats_add_value(stats, "replay.records", "1", "records replayed", &r->records);
    stats_add_value(stats, "replay.instructions", "1", "instructions between them",
                    &r->instructions);
    stats_add_value(stats, "replay.now", "ps", "simulated time at the end", &r->now);
    memside_stats(side, stats);
    stats_write_json(stats, stdout);
    stats_free(stats);
}

static int replay_all(struct trace_reader *reader, struct memside *side, const char *path,
                      struct replay_result *r, char *err, size_t errlen)
{
    const struct replay_options opt = {.records = SLICE_RECORDS};
    const uint64_t total = trace_reader_header(reader)->records;
    struct progress p;
    int bad = 0;
    progress_begin(&p, PROGRESS_AUTO, path);
    do {
        bad = replay_run(reader, side->hierarchy, &opt, r, err, errlen);
        progress_update(&p, r->instructions, r->records, total);
    } while (!bad && r->records < total);
    progress_end(&p);
    return bad;
}

static int replay_one(const struct replay_command *c, const struct config *cfg, const char *path,
                      char *err, size_t errlen)
{
    struct memside side;
    struct replay_result r = {0};
    char a[QUANTITY_TEXT];
    struct trace_reader *reader = trace_open(path, err, errlen);
    if (!reader)
        return -1;
    if (memside_make(&side, cfg, 0, err, errlen)) {
        trace_reader_free(reader);
        return -1;
    }
    (void)trace_read_ahead(reader, 0); /* slower without, else the same */
    const uint64_t began = cpu_ns();
    const int bad = replay_all(reader, &side, path, &r, err, errlen);
    const uint64_t ns = cpu_ns() - began;
    if (!bad && c->json) {
        print_json(&side, &r);
    } else if (!bad) {
        print_levels(&side, &r);
        printf("%s: %s records", path, quantity_group(r.records, a));
        printf(", %s instructions, %" PRIu64 ".%" PRIu64 " million records/s\n",
               quantity_group(r.instructions, a), ns ? r.records * 1000 / ns : 0,
               ns ? r.records * 10000 / ns % 10 : 0);
    }
    memside_drop(&side);
    trace_reader_free(reader);
    return bad;
}

/* A number of instructions; NULL: 0. */
static int parse_count(const char *option, const char *text, uint64_t *out)
{
    char *end = NULL;
    if (!text)
        return 0;
    errno = 0;
    *out = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (*text < '0' || *text > '9' || *end || errno || *out > INT64_MAX)
        return cmd_complain("replay: %s \"%s\", expected a number of instructions", option, text);
    return 0;
}

/* Instruction traces through a core. */
static int replay_instructions(struct replay_command *c)
{
    if (!c->core)
        return cmd_complain("replay: --warmup and --length go with --core");
    if (parse_count("--warmup", c->warmup, &c->stream.warmup) ||
        parse_count("--length", c->length, &c->stream.length))
        return EXIT_BAD_INPUT;
    snprintf(c->model, sizeof c->model, "core.model=%s", c->core);
    texts_add(&c->set, c->model);
    c->stream.json = c->json;
    return 0;
}

static int replay_paths(const struct replay_command *c, char **paths, int n)
{
    char err[1024];
    struct experiment *x = NULL;
    int bad = experiment_load(c->machine, c->set.v, c->set.n, &x, err, sizeof err);
    if (!bad && c->json)
        puts("[");
    for (int i = 0; !bad && i < n; i++) {
        if (c->json && i)
            puts(",");
        bad = c->core ? stream_replay(x->points[0].config, paths[i], &c->stream, err, sizeof err)
                      : replay_one(c, x->points[0].config, paths[i], err, sizeof err);
    }
    if (!bad && c->json)
        puts("]");
    experiment_free(x);
    return bad ? cmd_complain("%s", err) : EXIT_GOOD;
}

static int replay_pages(struct replay_command *c, char **paths, int n)
{
    char err[1024];
    if (c->machine || c->set.n)
        return cmd_complain("replay: --page, --capacity and --policy build no machine: "
                            "neither -m nor -s goes with them");
    c->pages.json = c->json;
    return page_replay(&c->pages, paths, n, err, sizeof err) ? cmd_complain("%s", err) : EXIT_GOOD;
}

static int replay_policies(struct replay_command *c, char **paths, int n)
{
    char err[1024];
    if (c->machine || c->set.n || c->pages.page || c->pages.capacity)
        return cmd_complain("replay: --llc builds no machine and knows no pages: neither -m, -s, "
                            "--page nor --capacity goes with it");
    c->llc.json = c->json;
    c->llc.policies = c->pages.policies;
    return policy_replay(&c->llc, paths, n, err, sizeof err) ? cmd_complain("%s", err) : EXIT_GOOD;
}

static int replay_machine(struct replay_command *c, char **paths, int n)
{
    const int instructions = c->core || c->warmup || c->length;
    const int bad = instructions ? replay_instructions(c) : 0;
    return bad ? bad : replay_paths(c, paths, n);
}

int cmd_replay(int argc, char **argv)
{
    struct replay_command c = {0};
    const int at = parse(&c, argc, argv);
    int status = at == OPTIONS_BAD ? EXIT_BAD_INPUT : EXIT_GOOD;
    if (at > 0 && (c.llc.llc || c.llc.ways || c.llc.l2 || c.llc.l2_ways || c.llc.seed))
        status = replay_policies(&c, argv + at, argc - at);
    else if (at > 0 && (c.pages.page || c.pages.capacity || c.pages.policies))
        status = replay_pages(&c, argv + at, argc - at);
    else if (at > 0)
        status = replay_machine(&c, argv + at, argc - at);
    free(c.set.v);
    return status;
}
