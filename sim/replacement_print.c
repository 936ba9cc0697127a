/* replacement_print.c - the tables of policies: means over traces and how sure they are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/quantity.h"
#include "sim/replacement_parts.h"
#include "sim/table.h"

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

/* Of `what`, policy a against policy b; for IPC, as time is the other way round, b's cycles against
 * a's. */
static double log_of(const struct replacement *r, size_t trace, size_t size, enum measure what,
                     size_t a, size_t b)
{
    const uint64_t x = cell_of(r, trace, size, a)->v[what], y = cell_of(r, trace, size, b)->v[what];
    return what == CYCLES_DRAM || what == CYCLES_NVDIMM ? log_ratio(y, x) : log_ratio(x, y);
}

static struct interval ratio(const struct replacement *r, size_t size, enum measure what, size_t a,
                             size_t b)
{
    double v[REPLACEMENT_TRACES];
    for (size_t t = 0; t < r->c.traces; t++)
        v[t] = log_of(r, t, size, what, a, b);
    return geometric(r, v);
}

/* ---- tables ---- */

/* "2 MiB", or "2 MiB, 1 pass before". */
static const char *size_text(const struct replacement *r, size_t size, char *to, size_t room)
{
    char b[QUANTITY_TEXT];
    const uint32_t warm = r->c.warm[size];
    if (warm)
        snprintf(to, room, "%s, %u pass%s before",
                 quantity_format(QUANTITY_BYTES, r->c.llc[size], b), warm, warm > 1 ? "es" : "");
    else
        snprintf(to, room, "%s", quantity_format(QUANTITY_BYTES, r->c.llc[size], b));
    return to;
}

static struct interval gap_closed(const struct replacement *r, size_t size, size_t policy)
{
    double v[REPLACEMENT_TRACES];
    size_t n = 0;
    for (size_t t = 0; t < r->c.traces; t++) {
        const double lru = (double)cell_of(r, t, size, r->c.lru)->v[MISSES];
        const double gap = lru - (double)cell_of(r, t, size, r->c.opt)->v[MISSES];
        if (gap > 0)
            v[n++] = (lru - (double)cell_of(r, t, size, policy)->v[MISSES]) / gap;
    }
    return bootstrap(r, v, n);
}

/* On how many traces the policy has more of it than LRU. */
static int64_t worse(const struct replacement *r, size_t size, enum measure what, size_t policy)
{
    int64_t n = 0;
    for (size_t t = 0; t < r->c.traces; t++)
        n += cell_of(r, t, size, policy)->v[what] > cell_of(r, t, size, r->c.lru)->v[what];
    return n;
}

static struct table *make_table(const char *first, const char *const *titles, size_t n)
{
    struct table *t = table_new();
    table_column(t, first, TABLE_LEFT);
    for (size_t i = 0; i < n; i++)
        table_column(t, titles[i], TABLE_RIGHT);
    return t;
}

static void finish(struct table *t)
{
    table_print(t, stdout);
    table_free(t);
}

static void print_policies(const struct replacement *r, size_t size)
{
    static const char *const titles[] = {
        "misses/LRU",      "from",   "to",   "gap closed",          "from ", "to ",
        "write-backs/LRU", "from  ", "to  ", "more misses than LRU"};
    struct table *t = make_table("policy", titles, sizeof titles / sizeof titles[0]);
    for (size_t p = 0; p < r->c.policies; p++) {
        const size_t row = table_row(t);
        table_text(t, row, 0, r->c.policy[p]->name);
        put_interval(t, row, 1, ratio(r, size, MISSES, p, r->c.lru), 1, 4, "");
        put_interval(t, row, 4, gap_closed(r, size, p), 100, 1, " %");
        put_interval(t, row, 7, ratio(r, size, WRITEBACKS, p, r->c.lru), 1, 4, "");
        table_fixed(t, row, 10, worse(r, size, MISSES, p), 0, "");
    }
    finish(t);
}

static void print_times(const struct replacement *r, size_t size)
{
    static const char *const titles[] = {
        "IPC/LRU, DRAM",    "from",   "to",   "IPC/LRU, NVDIMM",        "from ", "to ",
        "media writes/LRU", "from  ", "to  ", "slower than LRU, NVDIMM"};
    struct table *t = make_table("policy", titles, sizeof titles / sizeof titles[0]);
    for (size_t p = 0; p < r->c.policies; p++) {
        const size_t row = table_row(t);
        table_text(t, row, 0, r->c.policy[p]->name);
        put_interval(t, row, 1, ratio(r, size, CYCLES_DRAM, p, r->c.lru), 1, 4, "");
        put_interval(t, row, 4, ratio(r, size, CYCLES_NVDIMM, p, r->c.lru), 1, 4, "");
        put_interval(t, row, 7, ratio(r, size, MEDIA_WRITES, p, r->c.lru), 1, 4, "");
        table_fixed(t, row, 10, worse(r, size, CYCLES_NVDIMM, p), 0, "");
    }
    finish(t);
}

/* Each policy's measure on each trace against LRU's, behind `columns` columns of LRU's own. */
static void put_each(const struct replacement *r, struct table *t, size_t size, enum measure what,
                     size_t columns)
{
    for (size_t k = 0; k < r->c.traces; k++)
        for (size_t p = 0; p < r->c.policies; p++)
            table_fixed(t, k, columns + p,
                        llround(exp(log_of(r, k, size, what, p, r->c.lru)) * 1e3), 3, "");
}

static struct table *trace_table(const struct replacement *r, const char *const *titles, size_t n)
{
    struct table *t = make_table("trace", titles, n);
    for (size_t p = 0; p < r->c.policies; p++)
        table_column(t, r->c.policy[p]->name, TABLE_RIGHT);
    for (size_t k = 0; k < r->c.traces; k++)
        table_text(t, table_row(t), 0, r->c.name[k]);
    return t;
}

static void put_quotient(struct table *t, size_t row, size_t column, uint64_t a, uint64_t b,
                         double scale, unsigned decimals)
{
    if (b)
        table_fixed(t, row, column, llround((double)a * scale * pow(10, decimals) / (double)b),
                    decimals, "");
}

static void print_traces(const struct replacement *r, size_t size)
{
    static const char *const titles[] = {"MPKI", "miss ratio", "write-backs"};
    struct table *t = trace_table(r, titles, 3);
    for (size_t k = 0; k < r->c.traces; k++) {
        const struct cell *lru = cell_of(r, k, size, r->c.lru);
        put_quotient(t, k, 1, lru->v[MISSES], r->facts[k].instructions, 1000, 3);
        put_quotient(t, k, 2, lru->v[MISSES], r->facts[k].reads, 1, 4);
        table_fixed(t, k, 3, (int64_t)lru->v[WRITEBACKS], 0, "");
    }
    put_each(r, t, size, MISSES, 4);
    finish(t);
}

static void print_trace_times(const struct replacement *r, size_t size, enum measure what)
{
    static const char *const titles[] = {"IPC", "media writes"};
    const size_t own = what == CYCLES_NVDIMM ? 2 : 1;
    struct table *t = trace_table(r, titles, own);
    for (size_t k = 0; k < r->c.traces; k++) {
        const struct cell *lru = cell_of(r, k, size, r->c.lru);
        put_quotient(t, k, 1, r->facts[k].instructions, lru->v[what], 1, 4);
        if (own == 2)
            table_fixed(t, k, 2, (int64_t)lru->v[MEDIA_WRITES], 0, "");
    }
    put_each(r, t, size, what, 1 + own);
    finish(t);
}

/* ---- what code addresses tell ---- */

static void put_share(struct table *t, size_t row, size_t column, uint64_t a, uint64_t b)
{
    if (b)
        table_fixed(t, row, column, llround((double)a * 1000 / (double)b), 1, " %");
}

static void print_addresses(const struct replacement *r, size_t size)
{
    static const char *const titles[] = {"addresses",   "make 90 %",    "OPT keeps",
                                         "one guess",   "a guess each", "each and the last",
                                         "LRU over OPT"};
    struct table *t = make_table("trace", titles, sizeof titles / sizeof titles[0]);
    for (size_t k = 0; k < r->c.traces; k++) {
        const struct address_facts *f = &r->addresses[k][size];
        const size_t row = table_row(t);
        table_text(t, row, 0, r->c.name[k]);
        table_fixed(t, row, 1, (int64_t)f->addresses, 0, "");
        table_fixed(t, row, 2, (int64_t)f->most, 0, "");
        put_share(t, row, 3, f->kept, f->reads);
        put_share(t, row, 4, f->kept * 2 > f->reads ? f->kept : f->reads - f->kept, f->reads);
        put_share(t, row, 5, f->right, f->reads);
        put_share(t, row, 6, f->right_by_two, f->reads);
        put_share(t, row, 7,
                  cell_of(r, k, size, r->c.lru)->v[MISSES] -
                      cell_of(r, k, size, r->c.opt)->v[MISSES],
                  f->reads);
    }
    finish(t);
}

/* ---- questions ---- */

/* The traces where a misses more than b, and by how much. */
static void list_more(const struct replacement *r, size_t size, size_t a, size_t b, char *text,
                      size_t room)
{
    size_t at = 0;
    text[0] = 0;
    for (size_t k = 0; k < r->c.traces && at < room; k++) {
        const double more = exp(log_of(r, k, size, MISSES, a, b)) - 1;
        if (more > 0)
            at += (size_t)snprintf(text + at, room - at, "%s%s +%.1f %%", at ? ", " : "",
                                   r->c.name[k], 100 * more);
    }
}

static void print_questions(const struct replacement *r)
{
    static const char *const titles[] = {"LLC",   "misses", "from",        "to",     "IPC, DRAM",
                                         "from ", "to ",    "IPC, NVDIMM", "from  ", "to  "};
    const size_t numbers = r->c.machine ? 10 : 4;
    struct table *t = make_table("question", titles, numbers);
    char text[4096];
    table_column(t, "more misses on", TABLE_LEFT);
    for (size_t q = 0; q < r->c.questions; q++)
        for (size_t z = 0; z < r->c.sizes; z++) {
            const size_t x = r->c.question[q].a, y = r->c.question[q].b, row = table_row(t);
            if (q && !z)
                table_rule(t, row);
            snprintf(text, sizeof text, "%s / %s", r->c.policy[x]->name, r->c.policy[y]->name);
            table_text(t, row, 0, text);
            table_text(t, row, 1, size_text(r, z, text, sizeof text));
            put_interval(t, row, 2, ratio(r, z, MISSES, x, y), 1, 4, "");
            if (r->c.machine) {
                put_interval(t, row, 5, ratio(r, z, CYCLES_DRAM, x, y), 1, 4, "");
                put_interval(t, row, 8, ratio(r, z, CYCLES_NVDIMM, x, y), 1, 4, "");
            }
            list_more(r, z, x, y, text, sizeof text);
            table_text(t, row, numbers + 1, text);
        }
    finish(t);
}

/* ---- all ---- */

static void print_timed(const struct replacement *r, size_t size)
{
    printf("\nTime on %s's core, L1D and L2, and what the media write\n\n", r->c.machine->name);
    print_times(r, size);
    printf("\nEach trace, all memory in DRAM: LRU's IPC, then IPC against LRU\n\n");
    print_trace_times(r, size, CYCLES_DRAM);
    printf("\nEach trace, all memory in the NVDIMM: LRU's IPC and media writes, then IPC against "
           "LRU\n\n");
    print_trace_times(r, size, CYCLES_NVDIMM);
}

void replacement_print(const struct replacement *r)
{
    char b[100];
    for (size_t z = 0; z < r->c.sizes; z++) {
        printf("%sLLC of %s; %u ways; %zu traces of the split \"%s\"; misses and write-backs "
               "against LRU, geometric means, 95 %% of %u resamples\n\n",
               z ? "\n" : "", size_text(r, z, b, sizeof b), r->c.ways, r->c.traces, r->c.split,
               r->c.resamples);
        print_policies(r, z);
        printf("\nEach trace: LRU's misses, ratio and write-backs, then misses against LRU\n\n");
        print_traces(r, z);
        if (r->c.machine)
            print_timed(r, z);
        printf("\nOf the reads, those of which it is guessed rightly whether OPT with bypass keeps "
               "the line: always the same guess,\nthe best one for each code address, for it and "
               "that of the read before\n\n");
        print_addresses(r, z);
    }
    if (r->c.questions) {
        printf("\nDoes A beat B? A's misses%s against B's\n\n", r->c.machine ? " and IPC" : "");
        print_questions(r);
    }
}
