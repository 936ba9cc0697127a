/* policy_replay.c - `pwsim replay --llc`: replacement policies alone, on what an LLC is asked. */
#include "sim/policy_replay.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memhier/policy_load.h"
#include "memhier/stream.h"
#include "sim/cmd.h"
#include "sim/cmd_trace.h"
#include "sim/error.h"
#include "sim/options.h"
#include "sim/quantity.h"
#include "sim/table.h"
#include "traces/llc_stream.h"

#define MOST_POLICIES 64u

enum { TRACE, POLICY, READS, HITS, MISSES, RATIO, MPKI, WRITEBACKS, BYPASSES, SPEED };

struct policy_replay {
    const struct policy *policy[MOST_POLICIES];
    void *library[MOST_POLICIES]; /* NULL: from the table */
    size_t policies;
    struct stream_config llc;
    struct llc_stream_options above;
    struct table *table;
};

/* ---- what was asked for ---- */

static int add_policy(void *self, const char *name, char *err, size_t errlen)
{
    struct policy_replay *r = self;
    if (r->policies == MOST_POLICIES)
        return fail(err, errlen, "--policy: more than %u policies", MOST_POLICIES);
    const struct policy *p = NULL;
    if (policy_is_path(name)) {
        p = policy_load(name, &r->library[r->policies], err, errlen);
        if (!p)
            return -1;
    } else if (!(p = policy_find(name))) {
        return fail(err, errlen,
                    "--policy: \"%s\" is no replacement policy; `pwsim list policies` lists them, "
                    "and a shared object's path has a slash",
                    name);
    }
    r->policy[r->policies++] = p;
    return 0;
}

static int parse_policies(struct policy_replay *r, const char *text, char *err, size_t errlen)
{
    if (!text) {
        for (; policy_table[r->policies]; r->policies++)
            r->policy[r->policies] = policy_table[r->policies];
        return 0;
    }
    return names_each(text, add_policy, r, err, errlen);
}

static int parse_bytes(const char *option, const char *text, uint64_t *bytes, char *err,
                       size_t errlen)
{
    char why[256];
    if (text && quantity_parse(QUANTITY_BYTES, text, bytes, why, sizeof why))
        return fail(err, errlen, "--%s: %s", option, why);
    return 0;
}

static int parse_ways(const char *option, const char *text, uint32_t *ways, char *err,
                      size_t errlen)
{
    uint64_t n = *ways;
    if (count_parse(option, text, &n, err, errlen))
        return -1;
    if (n < 1 || n > 16)
        return fail(err, errlen, "--%s: %s; 1 to 16 are possible", option, text);
    *ways = (uint32_t)n;
    return 0;
}

static int parse(struct policy_replay *r, const struct policy_replay_options *opt, char *err,
                 size_t errlen)
{
    r->llc = (struct stream_config){.bytes = 2u << 20, .ways = 16, .seed = 1};
    r->above = (struct llc_stream_options){.l2_bytes = 512u << 10, .l2_ways = 8};
    if (!opt->llc)
        return fail(err, errlen, "replay: --ways, --l2, --l2-ways and --seed need --llc too");
    if (parse_bytes("llc", opt->llc, &r->llc.bytes, err, errlen) ||
        parse_ways("ways", opt->ways, &r->llc.ways, err, errlen) ||
        parse_bytes("l2", opt->l2, &r->above.l2_bytes, err, errlen) ||
        parse_ways("l2-ways", opt->l2_ways, &r->above.l2_ways, err, errlen) ||
        count_parse("seed", opt->seed, &r->llc.seed, err, errlen))
        return -1;
    return parse_policies(r, opt->policies, err, errlen);
}

/* ---- one trace ---- */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int64_t rounded(uint64_t a, uint64_t scale, uint64_t b)
{
    return (int64_t)((a * scale + b / 2) / b);
}

static void put_row(struct policy_replay *r, const char *path, const char *name,
                    const struct llc_stream *s, const struct stream_counts *c, uint64_t ns)
{
    const size_t row = table_row(r->table);
    table_text(r->table, row, TRACE, path);
    table_text(r->table, row, POLICY, name);
    table_fixed(r->table, row, READS, (int64_t)s->reads, 0, "");
    table_fixed(r->table, row, HITS, (int64_t)c->hits, 0, "");
    table_fixed(r->table, row, MISSES, (int64_t)c->misses, 0, "");
    if (s->reads)
        table_fixed(r->table, row, RATIO, rounded(c->misses, 10000, s->reads), 4, "");
    if (s->instructions)
        table_fixed(r->table, row, MPKI, rounded(c->misses, 1000000, s->instructions), 3, "");
    table_fixed(r->table, row, WRITEBACKS, (int64_t)c->writebacks, 0, "");
    table_fixed(r->table, row, BYPASSES, (int64_t)c->bypasses, 0, "");
    if (ns)
        table_fixed(r->table, row, SPEED, (int64_t)(s->n * UINT64_C(1000000000) / ns), 0, "");
}

static int run_policies(struct policy_replay *r, const char *path, const struct llc_stream *s,
                        char *err, size_t errlen)
{
    struct policy_future future = {0};
    uint32_t *next = NULL;
    uint64_t first_pass = 0;
    int bad = 0;
    for (size_t i = 0; i < r->policies && !bad; i++) {
        const struct policy *p = r->policy[i];
        struct stream_counts c;
        char why[256] = "refuses, and gives no reason";
        if (p->foresees && !next) {
            const uint64_t began = cpu_ns();
            if (stream_foresee(s->v, s->n, &next, &future))
                return fail(err, errlen, "%s: no memory to look ahead in %u accesses", path, s->n);
            first_pass = cpu_ns() - began;
        }
        const uint64_t began = cpu_ns();
        bad = stream_run(s->v, s->n, p, &r->llc, p->foresees ? &future : NULL, &c, why, sizeof why);
        if (bad)
            (void)fail(err, errlen, "%s: %s", p->name, why);
        else
            put_row(r, path, p->name, s, &c, cpu_ns() - began + (p->foresees ? first_pass : 0));
        if (!bad && c.policy_errors)
            (void)cmd_complain("%s: %s: %" PRIu64
                               " answers were no way of the set; way 0 was taken",
                               path, p->name, c.policy_errors);
    }
    free(next);
    return bad;
}

static int run_trace(struct policy_replay *r, const char *path, char *err, size_t errlen)
{
    struct llc_stream s;
    struct trace_reader *reader = trace_open(path, err, errlen);
    if (!reader)
        return -1;
    (void)trace_read_ahead(reader, 0); /* slower without, else the same */
    int bad = llc_stream_read(reader, &r->above, &s, err, errlen);
    trace_reader_free(reader);
    if (!bad) {
        bad = run_policies(r, path, &s, err, errlen);
        free(s.v);
    }
    return bad;
}

static void make_columns(struct table *t)
{
    static const char *const titles[] = {"reads", "hits",        "misses",   "miss ratio",
                                         "MPKI",  "write-backs", "bypasses", "accesses/s"};
    table_column(t, "trace", TABLE_LEFT);
    table_column(t, "policy", TABLE_LEFT);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(t, titles[i], TABLE_RIGHT);
}

int policy_replay(const struct policy_replay_options *opt, char **paths, int n, char *err,
                  size_t errlen)
{
    struct policy_replay r = {.table = table_new()};
    int bad = parse(&r, opt, err, errlen);
    make_columns(r.table);
    for (int i = 0; i < n && !bad; i++) {
        bad = run_trace(&r, paths[i], err, errlen);
        if (i && !bad)
            table_rule(r.table, (size_t)i * r.policies);
    }
    if (!bad && opt->json)
        table_print_json(r.table, stdout);
    else if (!bad)
        table_print(r.table, stdout);
    table_free(r.table);
    for (size_t i = 0; i < r.policies; i++)
        policy_unload(r.library[i]);
    return bad;
}
