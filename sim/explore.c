/* explore.c - power-failure exploration: the run, its moments, processes, report. */
#include "sim/explore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/explore_parts.h"

#define STEP      1000000u
#define CHUNKS    256u
#define MOST_JOBS 256u

/* ---- the run ---- */

static int run_workload(struct exploration *x, const struct explore_options *opt, char *err,
                        size_t errlen)
{
    const struct machine_ports ports = {.image = x->image,
                                        .input = -1,
                                        .console = {opt->console, opt->console},
                                        .log = opt->console,
                                        .record = &x->record};
    x->machine = machine_new(x->cfg, &ports, err, errlen);
    if (!x->machine)
        return -1;
    enum machine_state state;
    while ((state = machine_step(x->machine, STEP)) == STATE_RUNNING)
        if (machine_instructions(x->machine) > x->cfg->crash_fuel * 100)
            return fail(err, errlen, "crash: the program does not end within 100 times crash.fuel");
    machine_consume(x->machine);
    if (state != STATE_HALTED || machine_exit_code(x->machine) != 0)
        return fail(err, errlen, "crash: %s does not end well even without a power cut",
                    x->cfg->program);
    return 0;
}

/* Do the programs to run after the cut exist? Said before anything runs. */
static int check_recovery(const struct exploration *x, char *err, size_t errlen)
{
    char section[300];
    if (x->cfg->recovery.n == 0)
        return fail(err, errlen,
                    "power.recovery: expected at least one program to run after the power cut");
    for (size_t i = 0; i < x->cfg->recovery.n; i++) {
        const char *name = x->cfg->recovery.v[i];
        const int len = (int)strcspn(name, " ");
        snprintf(section, sizeof section, SECTION_PROGRAM "%.*s", len < 200 ? len : 200, name);
        if (!image_find(x->image, section))
            return fail(err, errlen, "power.recovery: the boot image has no program \"%.*s\"",
                        len < 200 ? len : 200, name);
    }
    return 0;
}

/* ---- moments ---- */

struct signature {
    uint64_t hash;
    uint32_t count;
};

/* How often an epoch like this one came before. */
static uint32_t seen_before(struct signature *table, uint32_t size, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash >> 32) & (size - 1);
    hash |= !hash;
    while (table[i].hash && table[i].hash != hash)
        i = (i + 1) & (size - 1);
    table[i].hash = hash;
    return table[i].count++;
}

static void add_moment(struct exploration *x, uint32_t event, uint32_t fence)
{
    x->moments[x->nmoments++] = (struct moment){event, fence};
}

void moments_find(struct exploration *x)
{
    struct crash_state *s = crash_new((enum domain_point)x->cfg->domain);
    uint32_t fences = 0, size = 1024;
    uint64_t hash = 1;
    int begun = x->cfg->crash_kernel;
    while (size < 2 * x->record.n)
        size *= 2;
    struct signature *table = calloc(size, sizeof *table);
    x->moments = calloc(x->record.n + 1, sizeof *x->moments);
    for (uint32_t i = 0; table && x->moments && i < x->record.n; i++) {
        const struct pm_event *e = &x->record.v[i];
        begun |= (e->kind == PM_STORE || e->kind == PM_NTSTORE) && !(e->flags & PM_KERNEL);
        hash = (hash ^ e->code) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
        if (begun && crash_is_point(s, e)) {
            const uint32_t times = seen_before(table, size, hash);
            if (!x->cfg->crash_symmetry || times < x->cfg->crash_symmetry)
                add_moment(x, i, fences);
            else
                x->symmetric++;
        }
        crash_advance(s, e, i);
        fences += e->kind == PM_FENCE;
        if (e->kind == PM_FENCE)
            hash = 1;
    }
    if (x->moments)
        add_moment(x, (uint32_t)x->record.n, fences);
    free(table);
    crash_free(s);
    x->per_chunk = (x->nmoments + CHUNKS - 1) / CHUNKS;
    x->per_chunk = x->per_chunk < 4 ? 4 : x->per_chunk;
    x->nchunks = (x->nmoments + x->per_chunk - 1) / x->per_chunk;
}

/* ---- processes ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct job {
    pid_t pid;
    int from; /* results come here; -1: it is over */
};

/* Chunks are taken from a counter that all processes share. */
static _Noreturn void work(const struct exploration *x, const uint8_t *done, int to)
{
    char err[512] = "";
    struct chunk_result *r = malloc(sizeof *r);
    struct chunk_worker *w = r ? chunk_worker_new(x, err, sizeof err) : NULL;
    if (!w) {
        fprintf(stderr, "pwsim: %s\n", *err ? err : "out of memory");
        _exit(2);
    }
    for (uint32_t chunk;
         (chunk = __atomic_fetch_add(&x->shared->chunk, 1, __ATOMIC_RELAXED)) < x->nchunks;) {
        if (done[chunk])
            continue;
        chunk_run(w, chunk, r);
        if (result_write(to, r))
            _exit(3);
    }
    _exit(0);
}

static int start_jobs(const struct exploration *x, const struct progress_of *p, struct job *jobs,
                      uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC))
            return -1;
        fflush(NULL);
        jobs[i] = (struct job){.pid = fork(), .from = ends[0]};
        if (jobs[i].pid == 0)
            work(x, p->done, ends[1]);
        close(ends[1]);
        if (jobs[i].pid < 0)
            return -1;
    }
    return 0;
}

static void show(const struct exploration *x, const struct progress_of *p, FILE *to)
{
    if (!to)
        return;
    const uint32_t fresh = p->ndone - p->loaded, left = x->nchunks - p->ndone;
    const double eta = fresh ? (now() - p->began) / fresh * left : 0;
    fprintf(to, "\rcrash: %u of %u parts, %" PRIu64 " images, %u failures, %.0f s left ", p->ndone,
            x->nchunks, p->total.tried, p->total.nfailures, eta);
    fflush(to);
}

/* Bytes on the host's disk so far: the state file, images for cores. */
static uint64_t disk(const struct exploration *x, const struct progress_of *p)
{
    return p->disk + __atomic_load_n(&x->shared->disk, __ATOMIC_RELAXED);
}

static int out_of_bounds(const struct exploration *x, const struct progress_of *p)
{
    const struct config *c = x->cfg;
    return (c->crash_disk && disk(x, p) >= c->crash_disk) ||
           (c->crash_time && now() - p->began > (double)c->crash_time) ||
           (c->crash_total && p->total.tried >= c->crash_total);
}

/* Take results until all is done or a bound is reached. 0, or -1. */
static int collect(const struct exploration *x, struct progress_of *p, struct job *jobs, uint32_t n,
                   const struct explore_options *opt, char *err, size_t errlen)
{
    struct chunk_result *r = malloc(sizeof *r);
    struct pollfd fds[MOST_JOBS];
    uint32_t alive = n;
    int bad = r ? 0 : fail(err, errlen, "crash: out of memory");
    while (alive && !bad && !out_of_bounds(x, p)) {
        for (uint32_t i = 0; i < n; i++)
            fds[i] = (struct pollfd){.fd = jobs[i].from, .events = POLLIN};
        poll(fds, n, 1000);
        for (uint32_t i = 0; i < n; i++) {
            if (jobs[i].from < 0 || !fds[i].revents)
                continue;
            if (result_read(jobs[i].from, x, r)) {
                progress_merge(p, r);
                bad |= state_add(p, opt->state, r, err, errlen);
                show(x, p, opt->progress);
                continue;
            }
            close(jobs[i].from);
            jobs[i].from = -1;
            alive--;
        }
    }
    free(r);
    return bad;
}

static int end_jobs(struct job *jobs, uint32_t n)
{
    int worst = 0;
    for (uint32_t i = 0; i < n; i++) {
        int status = 0;
        if (jobs[i].pid <= 0)
            continue;
        if (jobs[i].from >= 0) { /* a bound was reached */
            kill(jobs[i].pid, SIGTERM);
            close(jobs[i].from);
            waitpid(jobs[i].pid, &status, 0);
            continue;
        }
        waitpid(jobs[i].pid, &status, 0);
        worst |= !WIFEXITED(status) || WEXITSTATUS(status);
    }
    return worst;
}

static int run_jobs(const struct exploration *x, struct progress_of *p,
                    const struct explore_options *opt, char *err, size_t errlen)
{
    struct job jobs[MOST_JOBS] = {0};
    uint32_t n = opt->jobs < MOST_JOBS ? opt->jobs : MOST_JOBS;
    const uint32_t left = x->nchunks - p->ndone;
    n = n < left ? n : left;
    *err = 0;
    int bad = start_jobs(x, p, jobs, n);
    bad |= collect(x, p, jobs, n, opt, err, errlen);
    bad |= end_jobs(jobs, n);
    if (opt->progress)
        fputc('\n', opt->progress);
    if (bad && !*err)
        return fail(err, errlen, "crash: a process of the exploration failed");
    return bad ? -1 : 0;
}

/* ---- the report ---- */

static int by_event(const void *a, const void *b)
{
    const struct failure *x = a, *y = b;
    if (x->event != y->event)
        return x->event < y->event ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void print_report(const struct exploration *x, const struct progress_of *p, FILE *to)
{
    const struct chunk_result *t = &p->total;
    char domain[32];
    fprintf(to, "%s (%s): %zu events, %u moments", x->cfg->name,
            config_choice("nvdimm.domain", x->cfg->domain, domain, sizeof domain), x->record.n,
            x->nmoments);
    if (x->symmetric)
        fprintf(to, " (%u more went like others)", x->symmetric);
    fprintf(to, "; %" PRIu64 " images tried, %" PRIu64 " equal, %" PRIu64 " read alike", t->tried,
            t->equal, t->unread);
    if (t->sampled)
        fprintf(to, "; %u moments have more images than were tried", t->sampled);
    if (p->ndone < x->nchunks)
        fprintf(to, "; stopped after %u of %u parts", p->ndone, x->nchunks);
    fprintf(to, "; %u distinct failure%s\n", t->nfailures, t->nfailures == 1 ? "" : "s");
    for (uint32_t i = 0; i < t->nfailures; i++) {
        const struct failure *f = &t->failures[i];
        char path[4400];
        fprintf(to, "%u. %s (%" PRIu64 " image%s)\n%s", i + 1, f->title, f->images,
                f->images == 1 ? "" : "s", f->detail);
        if (x->cores)
            fprintf(to, "    core    %s\n",
                    f->has_core ? cores_path(x, i + 1, path, sizeof path)
                                : "none: its image was not kept (no --cores then, or no room)");
    }
}

static json_t *json_lines(const char *text)
{
    json_t *list = json_array();
    char *copy = strdup(text), *rest = copy;
    for (char *line; copy && (line = strsep(&rest, "\n"));) {
        line += strspn(line, " ");
        if (*line)
            json_array_append_new(list, json_string(line));
    }
    free(copy);
    return list;
}

static void print_json(const struct exploration *x, const struct progress_of *p, FILE *to)
{
    const struct chunk_result *t = &p->total;
    json_t *list = json_array();
    for (uint32_t i = 0; i < t->nfailures; i++) {
        const struct failure *f = &t->failures[i];
        json_t *one = json_pack("{s:s, s:I, s:I, s:i, s:b, s:o}", "title", f->title, "images",
                                (json_int_t)f->images, "event", (json_int_t)f->event, "lost",
                                (int)f->nlost, "in_recovery", (int)f->nested, "history",
                                json_lines(f->detail));
        char path[4400];
        if (f->has_core)
            json_object_set_new(one, "core", json_string(cores_path(x, i + 1, path, sizeof path)));
        json_array_append_new(list, one);
    }
    json_t *o = json_pack("{s:s, s:I, s:i, s:i, s:I, s:I, s:I, s:i, s:b, s:o}", "name",
                          x->cfg->name, "events", (json_int_t)x->record.n, "moments",
                          (int)x->nmoments, "symmetric", (int)x->symmetric, "tried",
                          (json_int_t)t->tried, "equal", (json_int_t)t->equal, "read_alike",
                          (json_int_t)t->unread, "sampled", (int)t->sampled, "complete",
                          p->ndone == x->nchunks, "failures", list);
    json_dumpf(o, to, JSON_INDENT(1));
    fputc('\n', to);
    json_decref(o);
}

/* ---- the whole ---- */

static int explore_run(struct exploration *x, struct progress_of *p,
                       const struct explore_options *opt, char *err, size_t errlen)
{
    moments_find(x);
    p->done = calloc(x->nchunks + 1, 1);
    if (!p->done || !x->moments)
        return fail(err, errlen, "out of memory");
    p->began = now();
    if (state_open(x, opt->state, p, err, errlen))
        return -1;
    const int bad = run_jobs(x, p, opt, err, errlen);
    if (p->state >= 0)
        close(p->state);
    struct chunk_result *t = &p->total;
    qsort(t->failures, t->nfailures, sizeof t->failures[0], by_event);
    return bad ? bad
               : cores_write(x, t->failures, t->nfailures, p->ndone == x->nchunks, err, errlen);
}

int explore(const struct config *cfg, const struct image *image, const struct explore_options *opt,
            FILE *out, char *err, size_t errlen)
{
    struct exploration x = {.cfg = cfg, .image = image, .cores = opt->cores};
    void *shared = mmap(NULL, sizeof *x.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    struct progress_of *p = calloc(1, sizeof *p);
    int status = -1;
    x.shared = shared;
    if (!p || shared == MAP_FAILED)
        fail(err, errlen, "out of memory");
    else if (check_recovery(&x, err, errlen) == 0 && cores_begin(&x, err, errlen) == 0 &&
             run_workload(&x, opt, err, errlen) == 0 && explore_run(&x, p, opt, err, errlen) == 0) {
        if (opt->json)
            print_json(&x, p, out);
        else
            print_report(&x, p, out);
        status = p->total.nfailures != 0;
    }
    machine_free(x.machine);
    free(x.record.v);
    free(x.moments);
    if (p)
        free(p->done);
    free(p);
    if (shared != MAP_FAILED)
        munmap(shared, sizeof *x.shared);
    return status;
}
