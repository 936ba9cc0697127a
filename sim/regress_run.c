/* regress_run.c - works out the points of a golden file, several at a time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/stream.h"
#include "sim/config.h"
#include "sim/error.h"
#include "sim/memside.h"
#include "sim/ooo_timing.h"
#include "sim/quantity.h"
#include "sim/regress.h"
#include "traces/llc_stream.h"
#include "traces/replay.h"

#define L2_BYTES     (512u << 10)
#define L2_WAYS      8u
#define ASSIGNMENTS  16u
#define ERROR_TEXT   1024u
#define MOST_WORKERS 64u

/* Points one behind the other with the same kind and trace are one piece of work. */
struct work {
    struct regress *r;
    pthread_mutex_t lock;
    size_t next;
    int failed;
    char err[ERROR_TEXT];
};

static void put(struct regress_point *p, const char *name, uint64_t value)
{
    if (p->n_now == REGRESS_FIGURES)
        return;
    snprintf(p->now[p->n_now].name, sizeof p->now[0].name, "%s", name);
    p->now[p->n_now++].value = value;
}

/* ---- alone ---- */

static int parse_shape(const char *text, struct stream_config *cfg, char *err, size_t errlen)
{
    char bytes[64], why[256];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof bytes)
        return fail(err, errlen, "\"%s\" is no size and ways such as \"2 MiB/16\"", text);
    snprintf(bytes, sizeof bytes, "%.*s", (int)(slash - text), text);
    if (quantity_parse(QUANTITY_BYTES, bytes, &cfg->bytes, why, sizeof why))
        return fail(err, errlen, "%s", why);
    cfg->ways = (uint32_t)strtoul(slash + 1, NULL, 10);
    cfg->seed = 1;
    return 0;
}

static int one_alone(struct regress_point *p, const struct llc_stream *s, uint32_t **next,
                     struct policy_future *future, char *err, size_t errlen)
{
    const struct policy *policy = policy_find(p->policy);
    struct stream_config cfg;
    struct stream_counts c;
    char why[300];
    if (!policy)
        return fail(err, errlen, "no replacement policy is called \"%s\"", p->policy);
    if (parse_shape(p->machine, &cfg, err, errlen))
        return -1;
    if (policy->foresees && !*next && stream_foresee(s->v, s->n, next, future))
        return fail(err, errlen, "out of memory");
    if (stream_run(s->v, s->n, policy, &cfg, policy->foresees ? future : NULL, &c, why, sizeof why))
        return fail(err, errlen, "%s: %s", p->policy, why);
    put(p, "reads", s->reads);
    put(p, "hits", c.hits);
    put(p, "misses", c.misses);
    put(p, "writebacks", c.writebacks);
    put(p, "bypasses", c.bypasses);
    return 0;
}

/* ---- timed ---- */

static void put_table(struct regress_point *p, const char *prefix, const struct counter *table,
                      const void *from)
{
    char name[48];
    for (const struct counter *c = table; c->name; c++) {
        snprintf(name, sizeof name, "%s%s", prefix, c->name);
        put(p, name, *(const uint64_t *)(const void *)((const char *)from + c->offset));
    }
}

static void put_timed(struct regress_point *p, const struct memside *side,
                      const struct replay_result *res)
{
    const struct cache_counters *c = hierarchy_counters(side->hierarchy, CACHE_LLC, 0);
    uint64_t accesses = 0, misses = 0;
    for (unsigned k = 0; k < MEM_KINDS; k++) {
        accesses += c->accesses[k];
        misses += c->misses[k];
    }
    put(p, "llc.hits", accesses - misses);
    put(p, "llc.misses", misses);
    put(p, "llc.writebacks", c->writebacks);
    put(p, "time_ps", res->now);
    put(p, "persisted_ps", res->persisted);
    if (side->nvdimm)
        put_table(p, "nvdimm.", nvdimm_counter_table, nvdimm_counters(side->nvdimm));
    put_table(p, "dram.", dram_counter_table, dram_counters(side->dram));
}

/* The machine's file, if its text begins with one: to free. *rest: the assignments behind it. */
static char *machine_file(const struct regress *r, const char *machine, const char **rest)
{
    const size_t n = strcspn(machine, ";");
    char *path = NULL;
    *rest = machine;
    if (n < 4 || strncmp(machine + n - 4, ".cfg", 4) != 0)
        return NULL;
    *rest = machine + n + (machine[n] != 0);
    return asprintf(&path, "%s/%.*s", r->folder, (int)n, machine) < 0 ? NULL : path;
}

static struct config *timed_config(const struct regress *r, const struct regress_point *p,
                                   char *err, size_t errlen)
{
    char *copy = NULL, *save = NULL;
    const char *set[ASSIGNMENTS], *rest;
    size_t n = 0;
    struct config *cfg = NULL;
    char *file = machine_file(r, p->machine, &rest);
    const int more = *rest && strcmp(rest, "-") != 0;
    if (asprintf(&copy, "llc.policy=%s%s%s", p->policy, more ? ";" : "", more ? rest : "") < 0)
        copy = NULL;
    for (char *a = copy ? strtok_r(copy, ";", &save) : NULL; a && n < ASSIGNMENTS;
         a = strtok_r(NULL, ";", &save))
        set[n++] = a;
    if (!copy || config_load(file, set, n, &cfg, err, errlen))
        cfg = NULL;
    free(copy);
    free(file);
    return cfg;
}

static int one_timed(const struct regress *r, struct regress_point *p, const char *path, char *err,
                     size_t errlen)
{
    const struct replay_options opt = {.records = REGRESS_RECORDS, .llc = 1};
    struct replay_result res = {0};
    struct memside side;
    struct config *cfg = timed_config(r, p, err, errlen);
    if (!cfg)
        return -1;
    struct trace_reader *reader = trace_open(path, err, errlen);
    int bad = !reader || memside_make(&side, cfg, 0, err, errlen);
    if (!bad) {
        bad = replay_run(reader, side.hierarchy, &opt, &res, err, errlen);
        if (!bad)
            put_timed(p, &side, &res);
        memside_drop(&side);
    }
    trace_reader_free(reader);
    config_free(cfg);
    return bad ? -1 : 0;
}

/* ---- on the window of the out-of-order core ---- */

/* What the points of one trace share. */
struct piece {
    struct llc_stream s;
    struct policy_future future;
    uint32_t *next; /* NULL: nobody has looked ahead */
    uint64_t *outcome;
};

static int count_point(struct regress_point *p, const struct config *cfg, struct piece *piece,
                       char *err, size_t errlen)
{
    const struct policy *policy = policy_find(p->policy);
    const struct llc_stream *s = &piece->s;
    const struct stream_config llc = {
        .bytes = cfg->llc_bytes, .ways = (uint32_t)cfg->llc_ways, .seed = 1};
    struct stream_counts c;
    char why[300];
    if (!policy)
        return fail(err, errlen, "no replacement policy is called \"%s\"", p->policy);
    if (policy->foresees && !piece->next &&
        stream_foresee(s->v, s->n, &piece->next, &piece->future))
        return fail(err, errlen, "out of memory");
    if (stream_run_noting(s->v, s->n, policy, &llc, policy->foresees ? &piece->future : NULL, &c,
                          piece->outcome, why, sizeof why))
        return fail(err, errlen, "%s: %s", p->policy, why);
    put(p, "hits", c.hits);
    put(p, "misses", c.misses);
    put(p, "writebacks", c.writebacks);
    return 0;
}

static int time_point(struct regress_point *p, const struct config *cfg, const struct piece *piece,
                      char *err, size_t errlen)
{
    struct ooo_timing t;
    if (ooo_timing(cfg, OOO_DRAM, &piece->s, piece->outcome, &t, err, errlen))
        return -1;
    put(p, "dram.cycles", t.core.cycles);
    put(p, "dram.read_cycles", t.core.read_cycles);
    put(p, "dram.reads", t.core.reads);
    put(p, "dram.writes", t.core.writes);
    if (!cfg->nvdimm_bytes)
        return 0;
    if (ooo_timing(cfg, OOO_NVDIMM, &piece->s, piece->outcome, &t, err, errlen))
        return -1;
    put(p, "nvdimm.cycles", t.core.cycles);
    put(p, "nvdimm.read_cycles", t.core.read_cycles);
    put(p, "nvdimm.wpq_full", t.nvdimm.wpq_full);
    put(p, "nvdimm.wpq_wait_ps", t.nvdimm.wpq_wait_ps);
    put(p, "nvdimm.media_reads", t.nvdimm.media.reads);
    put(p, "nvdimm.media_writes", t.nvdimm.media.writes);
    return 0;
}

static int one_ooo(const struct regress *r, struct regress_point *p, struct piece *piece, char *err,
                   size_t errlen)
{
    struct config *cfg = timed_config(r, p, err, errlen);
    if (!cfg)
        return -1;
    const int bad = count_point(p, cfg, piece, err, errlen) ||
                    time_point(p, cfg, piece, err, errlen);
    config_free(cfg);
    return bad ? -1 : 0;
}

/* ---- all ---- */

/* Points of the kinds alone and ooo. */
static int all_streamed(const struct regress *r, struct regress_point *p, size_t n,
                        const char *path, char *err, size_t errlen)
{
    const int ooo = strcmp(p->kind, "ooo") == 0;
    const struct llc_stream_options above = {
        .l2_bytes = L2_BYTES, .l2_ways = L2_WAYS, .keep_steps = ooo};
    struct piece piece = {0};
    struct trace_reader *reader = trace_open(path, err, errlen);
    int bad = !reader || llc_stream_read(reader, &above, &piece.s, err, errlen);
    trace_reader_free(reader);
    if (bad)
        return -1;
    if (ooo && !(piece.outcome = malloc((piece.s.n + 1ul) * sizeof *piece.outcome)))
        bad = fail(err, errlen, "out of memory");
    for (size_t i = 0; i < n && !bad; i++)
        bad = ooo ? one_ooo(r, &p[i], &piece, err, errlen)
                  : one_alone(&p[i], &piece.s, &piece.next, &piece.future, err, errlen);
    free(piece.next);
    free(piece.outcome);
    free(piece.s.step);
    free(piece.s.v);
    return bad;
}

static int same_piece(const struct regress_point *a, const struct regress_point *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->trace, b->trace) == 0;
}

static int work_out(struct regress *r, struct regress_point *p, size_t n, char *err, size_t errlen)
{
    char path[4096], why[ERROR_TEXT] = "out of memory";
    int bad = 0;
    snprintf(path, sizeof path, "%s/%s", r->folder, p->trace);
    if (strcmp(p->kind, "alone") == 0 || strcmp(p->kind, "ooo") == 0)
        bad = all_streamed(r, p, n, path, why, sizeof why);
    else if (strcmp(p->kind, "timed") == 0)
        for (size_t i = 0; i < n && !bad; i++)
            bad = one_timed(r, &p[i], path, why, sizeof why);
    else
        bad = fail(why, sizeof why, "a point of kind \"%s\", expected alone, timed or ooo",
                   p->kind);
    return bad ? fail(err, errlen, "regress: %s", why) : 0;
}

static void *worker(void *arg)
{
    struct work *w = arg;
    struct regress *r = w->r;
    char err[ERROR_TEXT];
    for (;;) {
        pthread_mutex_lock(&w->lock);
        const size_t from = w->next;
        size_t n = 0;
        while (from + n < r->n && same_piece(&r->points[from], &r->points[from + n]))
            n++;
        w->next += n;
        const int over = w->failed || !n;
        pthread_mutex_unlock(&w->lock);
        if (over)
            return NULL;
        if (work_out(r, &r->points[from], n, err, sizeof err)) {
            pthread_mutex_lock(&w->lock);
            if (!w->failed)
                memcpy(w->err, err, sizeof err);
            w->failed = 1;
            pthread_mutex_unlock(&w->lock);
        }
    }
}

int regress_run(struct regress *r, unsigned workers, char *err, size_t errlen)
{
    struct work w = {.r = r, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread[MOST_WORKERS];
    unsigned started = 0;
    while (started + 1 < workers && started < MOST_WORKERS &&
           pthread_create(&thread[started], NULL, worker, &w) == 0)
        started++;
    (void)worker(&w);
    for (unsigned i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    return w.failed ? fail(err, errlen, "%s", w.err) : 0;
}
