/* replacement.c - policies x traces x sizes: works them out, and prints means with intervals. */
#include "sim/replacement.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/stream.h"
#include "sim/error.h"
#include "sim/quantity.h"
#include "sim/replacement_config.h"
#include "sim/table.h"

#define MOST_WORKERS 64u

struct cell {
    uint64_t misses, writebacks;
};

struct trace_facts {
    uint64_t reads, instructions;
};

struct replacement {
    struct replacement_config c;
    struct trace_facts facts[REPLACEMENT_TRACES];
    struct cell *cell; /* [trace][size][policy] */
    pthread_mutex_t lock;
    size_t next;
    int failed;
    char err[1024];
};

static struct cell *cell_of(const struct replacement *r, size_t trace, size_t size, size_t policy)
{
    return &r->cell[(trace * r->c.sizes + size) * r->c.policies + policy];
}

/* ---- working out ---- */

static int run_all(struct replacement *r, size_t trace, const struct llc_stream *s, char *err,
                   size_t errlen)
{
    const struct replacement_config *c = &r->c;
    struct policy_future future;
    struct stream_counts n;
    uint32_t *next;
    char why[300];
    int bad = 0;
    if (stream_foresee(s->v, s->n, &next, &future))
        return fail(err, errlen, "out of memory");
    for (size_t z = 0; z < c->sizes && !bad; z++)
        for (size_t p = 0; p < c->policies && !bad; p++) {
            const struct stream_config cfg = {.bytes = c->llc[z], .ways = c->ways, .seed = c->seed};
            bad = stream_run(s->v, s->n, c->policy[p], &cfg,
                             c->policy[p]->foresees ? &future : NULL, &n, why, sizeof why);
            if (bad)
                (void)fail(err, errlen, "%s: %s", c->policy[p]->name, why);
            else
                *cell_of(r, trace, z, p) = (struct cell){n.misses, n.writebacks};
        }
    free(next);
    return bad;
}

static int run_trace(struct replacement *r, size_t trace, char *err, size_t errlen)
{
    struct llc_stream s;
    struct trace_reader *reader = trace_open(r->c.path[trace], err, errlen);
    int bad = !reader || llc_stream_read(reader, &r->c.above, &s, err, errlen);
    trace_reader_free(reader);
    if (bad)
        return -1;
    r->facts[trace] = (struct trace_facts){s.reads, s.instructions};
    bad = run_all(r, trace, &s, err, errlen);
    free(s.v);
    return bad;
}

static void *worker(void *arg)
{
    struct replacement *r = arg;
    char err[sizeof r->err];
    for (;;) {
        pthread_mutex_lock(&r->lock);
        const size_t trace = r->next++;
        const int over = r->failed || trace >= r->c.traces;
        pthread_mutex_unlock(&r->lock);
        if (over)
            return NULL;
        if (run_trace(r, trace, err, sizeof err)) {
            pthread_mutex_lock(&r->lock);
            if (!r->failed)
                memcpy(r->err, err, sizeof err);
            r->failed = 1;
            pthread_mutex_unlock(&r->lock);
        }
    }
}

/* ---- means and intervals ---- */

struct interval {
    double mean, low, high;
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* The mean of n values, and the middle 95 % of the means of resamples with replacement. */
static struct interval bootstrap(const struct replacement *r, const double *v, size_t n)
{
    struct interval in = {0, 0, 0};
    double *means = calloc(r->c.resamples, sizeof *means);
    uint64_t rng = r->c.seed;
    for (size_t i = 0; i < n; i++)
        in.mean += v[i] / (double)n;
    for (uint32_t k = 0; means && k < r->c.resamples; k++)
        for (size_t i = 0; i < n; i++)
            means[k] += v[draw(&rng) % n] / (double)n;
    if (means) {
        qsort(means, r->c.resamples, sizeof *means, ascending);
        in.low = means[r->c.resamples / 40];
        in.high = means[r->c.resamples - 1 - r->c.resamples / 40];
    }
    free(means);
    return in;
}

static void put_interval(struct table *t, size_t row, size_t column, struct interval in,
                         double scale, unsigned decimals, const char *suffix)
{
    const double ten = pow(10, decimals) * scale;
    table_fixed(t, row, column, llround(in.mean * ten), decimals, suffix);
    table_fixed(t, row, column + 1, llround(in.low * ten), decimals, suffix);
    table_fixed(t, row, column + 2, llround(in.high * ten), decimals, suffix);
}

/* Of the logarithms of ratios; none is 0, as a trace has misses that nobody can help. */
static struct interval geometric(const struct replacement *r, const double *logs)
{
    struct interval in = bootstrap(r, logs, r->c.traces);
    in.mean = exp(in.mean);
    in.low = exp(in.low);
    in.high = exp(in.high);
    return in;
}

static double log_ratio(uint64_t a, uint64_t b)
{
    return log((double)(a ? a : 1) / (double)(b ? b : 1));
}

/* ---- tables ---- */

static struct interval gap_closed(const struct replacement *r, size_t size, size_t policy)
{
    double v[REPLACEMENT_TRACES];
    size_t n = 0;
    for (size_t t = 0; t < r->c.traces; t++) {
        const double lru = (double)cell_of(r, t, size, r->c.lru)->misses;
        const double gap = lru - (double)cell_of(r, t, size, r->c.opt)->misses;
        if (gap > 0)
            v[n++] = (lru - (double)cell_of(r, t, size, policy)->misses) / gap;
    }
    return bootstrap(r, v, n);
}

static void print_policies(const struct replacement *r, size_t size)
{
    static const char *const titles[] = {"misses/LRU",      "from",          "to",
                                         "gap closed",      "from ",         "to ",
                                         "write-backs/LRU", "worse than LRU"};
    struct table *t = table_new();
    table_column(t, "policy", TABLE_LEFT);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        table_column(t, titles[i], TABLE_RIGHT);
    for (size_t p = 0; p < r->c.policies; p++) {
        double misses[REPLACEMENT_TRACES], writes[REPLACEMENT_TRACES];
        const size_t row = table_row(t);
        int64_t worse = 0;
        for (size_t k = 0; k < r->c.traces; k++) {
            const struct cell *is = cell_of(r, k, size, p), *lru = cell_of(r, k, size, r->c.lru);
            misses[k] = log_ratio(is->misses, lru->misses);
            writes[k] = log_ratio(is->writebacks, lru->writebacks);
            worse += is->misses > lru->misses;
        }
        table_text(t, row, 0, r->c.policy[p]->name);
        put_interval(t, row, 1, geometric(r, misses), 1, 4, "");
        put_interval(t, row, 4, gap_closed(r, size, p), 100, 1, " %");
        table_fixed(t, row, 7, llround(geometric(r, writes).mean * 1e4), 4, "");
        table_fixed(t, row, 8, worse, 0, "");
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_traces(const struct replacement *r, size_t size)
{
    struct table *t = table_new();
    table_column(t, "trace", TABLE_LEFT);
    table_column(t, "MPKI", TABLE_RIGHT);
    table_column(t, "miss ratio", TABLE_RIGHT);
    table_column(t, "write-backs", TABLE_RIGHT);
    for (size_t p = 0; p < r->c.policies; p++)
        table_column(t, r->c.policy[p]->name, TABLE_RIGHT);
    for (size_t k = 0; k < r->c.traces; k++) {
        const size_t row = table_row(t);
        const struct cell *lru = cell_of(r, k, size, r->c.lru);
        const double misses = (double)lru->misses;
        table_text(t, row, 0, r->c.name[k]);
        if (r->facts[k].instructions)
            table_fixed(t, row, 1, llround(misses * 1e6 / (double)r->facts[k].instructions), 3, "");
        if (r->facts[k].reads)
            table_fixed(t, row, 2, llround(misses * 1e4 / (double)r->facts[k].reads), 4, "");
        table_fixed(t, row, 3, (int64_t)lru->writebacks, 0, "");
        for (size_t p = 0; p < r->c.policies && lru->misses; p++)
            table_fixed(t, row, 4 + p,
                        llround((double)cell_of(r, k, size, p)->misses * 1e3 / misses), 3, "");
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_questions(const struct replacement *r)
{
    struct table *t = table_new();
    char text[4096], b[QUANTITY_TEXT];
    table_column(t, "question", TABLE_LEFT);
    table_column(t, "LLC", TABLE_RIGHT);
    table_column(t, "misses", TABLE_RIGHT);
    table_column(t, "from", TABLE_RIGHT);
    table_column(t, "to", TABLE_RIGHT);
    table_column(t, "where it does not", TABLE_LEFT);
    for (size_t q = 0; q < r->c.questions; q++)
        for (size_t z = 0; z < r->c.sizes; z++) {
            const size_t a = r->c.question[q].a, than = r->c.question[q].b, row = table_row(t);
            double v[REPLACEMENT_TRACES];
            size_t at = 0;
            text[0] = 0;
            for (size_t k = 0; k < r->c.traces; k++) {
                const uint64_t x = cell_of(r, k, z, a)->misses, y = cell_of(r, k, z, than)->misses;
                v[k] = log_ratio(x, y);
                if (x > y && at < sizeof text)
                    at += (size_t)snprintf(text + at, sizeof text - at, "%s%s +%.1f %%",
                                           at ? ", " : "", r->c.name[k],
                                           100.0 * ((double)x / (double)y - 1));
            }
            if (q && !z)
                table_rule(t, row);
            snprintf(b, sizeof b, "%s / %s", r->c.policy[a]->name, r->c.policy[than]->name);
            table_text(t, row, 0, b);
            table_text(t, row, 1, quantity_format(QUANTITY_BYTES, r->c.llc[z], b));
            put_interval(t, row, 2, geometric(r, v), 1, 4, "");
            table_text(t, row, 5, text);
        }
    table_print(t, stdout);
    table_free(t);
}

static void print_all(const struct replacement *r)
{
    char b[QUANTITY_TEXT];
    for (size_t z = 0; z < r->c.sizes; z++) {
        printf("%sLLC of %s, %u ways; %zu traces of the split \"%s\"; misses and write-backs "
               "against LRU, geometric means, 95 %% of %u resamples\n\n",
               z ? "\n" : "", quantity_format(QUANTITY_BYTES, r->c.llc[z], b), r->c.ways,
               r->c.traces, r->c.split, r->c.resamples);
        print_policies(r, z);
        printf("\nEach trace: LRU's misses, ratio and write-backs, then misses against LRU\n\n");
        print_traces(r, z);
    }
    if (r->c.questions)
        printf("\nDoes A miss less than B? Misses of A against those of B\n\n");
    if (r->c.questions)
        print_questions(r);
}

int replacement_table(const char *path, unsigned workers, char *err, size_t errlen)
{
    struct replacement *r = calloc(1, sizeof *r);
    pthread_t thread[MOST_WORKERS];
    unsigned started = 0;
    if (!r)
        return fail(err, errlen, "out of memory");
    int bad = replacement_config_read(&r->c, path, err, errlen);
    if (!bad) {
        pthread_mutex_init(&r->lock, NULL);
        r->cell = calloc(r->c.traces * r->c.sizes * r->c.policies, sizeof *r->cell);
        r->failed = !r->cell;
        while (started + 1 < workers && started < MOST_WORKERS &&
               pthread_create(&thread[started], NULL, worker, r) == 0)
            started++;
        (void)worker(r);
        for (unsigned i = 0; i < started; i++)
            pthread_join(thread[i], NULL);
        if (r->failed)
            bad = fail(err, errlen, "replacement: %s", r->cell ? r->err : "out of memory");
        else
            print_all(r);
        free(r->cell);
        replacement_config_free(&r->c);
    }
    free(r);
    return bad;
}
