/* replacement.c - policies x traces x sizes: works them out, several at a time. */
#include "sim/replacement.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/kind.h"
#include "memhier/stream.h"
#include "sim/error.h"
#include "sim/ooo_timing.h"
#include "sim/progress.h"
#include "sim/replacement_parts.h"

#define MOST_WORKERS 64u

/* A trace and a size are one piece of work. */
struct job {
    struct replacement *r;
    struct progress progress;
    pthread_mutex_t lock;
    size_t next;
    uint64_t instructions, done; /* of points */
    int failed;
    char err[1024];
};

/* What a piece holds in memory. */
struct piece {
    struct llc_stream s;  /* the accesses of all passes */
    uint32_t first, last; /* of those that count: numbers from, and up to before which */
    struct policy_future future;
    uint32_t *next;
    uint64_t *outcome;
};

static void piece_drop(struct piece *p)
{
    free(p->s.v);
    free(p->s.step);
    free(p->next);
    free(p->outcome);
}

/* The stream once more behind itself, so many times. */
static int repeat(struct piece *p, uint32_t times)
{
    const uint64_t n = p->s.n, all = n * (times + 1ul);
    struct stream_access *v = all <= STREAM_LIMIT ? realloc(p->s.v, (all + 1) * sizeof *v) : NULL;
    if (!v)
        return -1;
    for (uint32_t i = 1; i <= times; i++)
        memcpy(v + i * n, v, n * sizeof *v);
    p->s.v = v;
    p->s.n = p->last = (uint32_t)all;
    p->first = (uint32_t)(all - n);
    return 0;
}

static int piece_make(struct piece *p, const struct replacement_config *c, size_t trace,
                      size_t size, char *err, size_t errlen)
{
    struct llc_stream_options above = c->above;
    above.keep_steps = c->machine != NULL;
    *p = (struct piece){0};
    struct trace_reader *reader = trace_open(c->path[trace], err, errlen);
    const int bad = !reader || llc_stream_read(reader, &above, &p->s, err, errlen);
    trace_reader_free(reader);
    if (bad)
        return -1;
    if (repeat(p, c->warm[size]) || !(p->outcome = malloc((p->s.n + 1ul) * sizeof *p->outcome)) ||
        stream_foresee(p->s.v, p->s.n, &p->next, &p->future)) {
        piece_drop(p);
        return fail(err, errlen, "out of memory");
    }
    return 0;
}

/* What counts of it, as a stream. */
static struct llc_stream counted(const struct piece *p)
{
    struct llc_stream s = p->s;
    s.v += p->first;
    s.n = p->last - p->first;
    return s;
}

static void count(const struct piece *p, struct cell *to)
{
    for (uint32_t i = p->first; i < p->last; i++) {
        const unsigned kind = p->s.v[i].kind;
        to->v[MISSES] += kind != MEM_WRITEBACK && !kind_is_flush(kind) &&
                         !(p->outcome[i] & STREAM_HIT);
        to->v[WRITEBACKS] += (p->outcome[i] & STREAM_WROTE) != 0;
    }
}

static int time_point(const struct replacement_config *c, const struct piece *p, struct cell *to,
                      char *err, size_t errlen)
{
    const struct llc_stream s = counted(p);
    struct ooo_timing t;
    for (unsigned tier = 0; tier < OOO_TIERS; tier++) {
        if (ooo_timing(c->machine, (enum ooo_tier)tier, &s, p->outcome + p->first, &t, err, errlen))
            return -1;
        to->v[tier == OOO_DRAM ? CYCLES_DRAM : CYCLES_NVDIMM] = t.core.cycles;
    }
    to->v[MEDIA_WRITES] = t.nvdimm.media.writes;
    return 0;
}

static int run_point(struct replacement *r, size_t trace, size_t size, size_t policy,
                     const struct piece *p, char *err, size_t errlen)
{
    const struct replacement_config *c = &r->c;
    const struct policy *which = c->policy[policy];
    const struct stream_config cfg = {.bytes = c->llc[size], .ways = c->ways, .seed = c->seed};
    struct cell *to = cell_of(r, trace, size, policy);
    const struct llc_stream s = counted(p);
    struct stream_counts n;
    char why[600];
    if (stream_run_noting(p->s.v, p->s.n, which, &cfg, which->foresees ? &p->future : NULL, &n,
                          p->outcome, why, sizeof why))
        return fail(err, errlen, "%s: %s", which->name, why);
    count(p, to);
    if (policy == c->opt &&
        replacement_addresses(s.v, s.n, p->outcome + p->first, &r->addresses[trace][size]))
        return fail(err, errlen, "out of memory");
    return c->machine ? time_point(c, p, to, err, errlen) : 0;
}

/* One more point of so many instructions is done. */
static void report(struct job *j, uint64_t instructions)
{
    const struct replacement_config *c = &j->r->c;
    pthread_mutex_lock(&j->lock);
    j->instructions += instructions;
    progress_update(&j->progress, j->instructions, ++j->done, c->traces * c->sizes * c->policies);
    pthread_mutex_unlock(&j->lock);
}

static int run_piece(struct job *j, size_t trace, size_t size, char *err, size_t errlen)
{
    struct replacement *r = j->r;
    struct piece p;
    int bad = piece_make(&p, &r->c, trace, size, err, errlen);
    if (bad)
        return -1;
    if (!size) /* the same for all sizes; only one piece writes it */
        r->facts[trace] = (struct trace_facts){p.s.records, p.s.reads, p.s.instructions};
    for (size_t i = 0; i < r->c.policies && !bad; i++) {
        bad = run_point(r, trace, size, i, &p, err, errlen);
        report(j, p.s.instructions);
    }
    piece_drop(&p);
    return bad;
}

static void *worker(void *arg)
{
    struct job *j = arg;
    const struct replacement_config *c = &j->r->c;
    char err[sizeof j->err];
    for (;;) {
        pthread_mutex_lock(&j->lock);
        const size_t piece = j->next++;
        const int over = j->failed || piece >= c->traces * c->sizes;
        pthread_mutex_unlock(&j->lock);
        if (over)
            return NULL;
        if (run_piece(j, piece / c->sizes, piece % c->sizes, err, sizeof err)) {
            pthread_mutex_lock(&j->lock);
            if (!j->failed)
                memcpy(j->err, err, sizeof err);
            j->failed = 1;
            pthread_mutex_unlock(&j->lock);
        }
    }
}

static int run_all(struct replacement *r, unsigned workers, char *err, size_t errlen)
{
    struct job j = {.r = r, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread[MOST_WORKERS];
    unsigned started = 0;
    progress_begin(&j.progress, PROGRESS_AUTO, "replacement");
    while (started + 1 < workers && started < MOST_WORKERS &&
           pthread_create(&thread[started], NULL, worker, &j) == 0)
        started++;
    (void)worker(&j);
    for (unsigned i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    progress_end(&j.progress);
    return j.failed ? fail(err, errlen, "replacement: %s", j.err) : 0;
}

int replacement_table(const char *path, unsigned workers, int timed, char *err, size_t errlen)
{
    struct replacement *r = calloc(1, sizeof *r);
    if (!r)
        return fail(err, errlen, "out of memory");
    int bad = replacement_config_read(&r->c, path, err, errlen);
    if (!bad) {
        if (!timed) {
            config_free(r->c.machine);
            r->c.machine = NULL;
        }
        r->cell = calloc(r->c.traces * r->c.sizes * r->c.policies, sizeof *r->cell);
        bad = r->cell ? run_all(r, workers, err, errlen) : fail(err, errlen, "out of memory");
        if (!bad)
            replacement_print(r);
        free(r->cell);
        replacement_config_free(&r->c);
    }
    free(r);
    return bad;
}
