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

#include "sim/digest.h"
#include "sim/error.h"
#include "sim/explore_parts.h"

#define STEP       1000000u
#define CHUNKS     256u
#define MOST_JOBS  256u
#define STATE_HEAD 64u

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

/* ---- what has been done ---- */

struct progress_of {
    uint8_t *done; /* by chunk */
    uint32_t ndone, loaded;
    struct chunk_result total; /* failures merged */
    double began;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void merge_failure(struct chunk_result *to, const struct failure *f)
{
    for (uint32_t i = 0; i < to->nfailures; i++) {
        struct failure *old = &to->failures[i];
        if (old->key != f->key)
            continue;
        const uint64_t images = old->images + f->images;
        if (f->event < old->event)
            *old = *f;
        old->images = images;
        return;
    }
    if (to->nfailures < MOST_FAILURES)
        to->failures[to->nfailures++] = *f;
}

static void merge(struct progress_of *p, const struct chunk_result *r)
{
    struct chunk_result *t = &p->total;
    if (p->done[r->chunk])
        return;
    p->done[r->chunk] = 1;
    p->ndone++;
    t->tried += r->tried;
    t->equal += r->equal;
    t->unread += r->unread;
    t->sampled += r->sampled;
    t->possible = r->possible > UINT64_MAX - t->possible ? UINT64_MAX : t->possible + r->possible;
    for (uint32_t i = 0; i < r->nfailures; i++)
        merge_failure(t, &r->failures[i]);
}

/* What a state file belongs to: the resolved config, the images and the events. */
static void state_head(const struct exploration *x, char head[STATE_HEAD])
{
    char *text = NULL, a[DIGEST_TEXT], b[DIGEST_TEXT];
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (f) {
        config_write_hashed(x->cfg, f);
        fprintf(f, "%s %s", digest_hex(image_digest(x->image, NULL), a),
                digest_hex(digest_bytes(x->record.v, x->record.n * sizeof *x->record.v), b));
        fclose(f);
    }
    memset(head, 0, STATE_HEAD);
    snprintf(head, STATE_HEAD, "pwsim crash 1 %s\n", digest_hex(digest_bytes(text, n), a));
    free(text);
}

/* Take what the state file has, cut off what is torn, and leave it open for more. -1 with a message
 * when it cannot be used. */
static int open_state(const struct exploration *x, const struct explore_options *opt,
                      struct progress_of *p, char *err, size_t errlen)
{
    char head[STATE_HEAD], was[STATE_HEAD];
    struct chunk_result *r = malloc(sizeof *r);
    if (!opt->state || !r) {
        free(r);
        return -1;
    }
    const int fd = open(opt->state, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        fail(err, errlen, "%s: %s", opt->state, strerror(errno));
        free(r);
        return -1;
    }
    state_head(x, head);
    const ssize_t got = read(fd, was, sizeof was);
    off_t good = STATE_HEAD;
    if (got == (ssize_t)sizeof was && memcmp(head, was, sizeof was) == 0) {
        while (read(fd, r, sizeof *r) == (ssize_t)sizeof *r && r->magic == CHUNK_MAGIC &&
               r->chunk < x->nchunks && r->nfailures <= MOST_FAILURES) {
            merge(p, r);
            good += (off_t)sizeof *r;
        }
        p->loaded = p->ndone;
    } else if (pwrite(fd, head, sizeof head, 0) != (ssize_t)sizeof head) {
        fail(err, errlen, "%s: cannot be written", opt->state);
        good = -1;
    }
    free(r);
    if (good < 0 || ftruncate(fd, good) || lseek(fd, good, SEEK_SET) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- processes ---- */

struct job {
    pid_t pid;
    int from; /* results come here; -1: it is over */
};

static int write_all(int fd, const void *p, size_t n)
{
    const char *at = p;
    while (n) {
        const ssize_t k = write(fd, at, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return -1;
        at += k;
        n -= (size_t)k;
    }
    return 0;
}

/* Chunks are taken from a counter that all processes share. */
static _Noreturn void work(const struct exploration *x, const uint8_t *done, uint32_t *counter,
                           int to)
{
    char err[512] = "";
    struct chunk_result *r = malloc(sizeof *r);
    struct chunk_worker *w = r ? chunk_worker_new(x, err, sizeof err) : NULL;
    if (!w) {
        fprintf(stderr, "pwsim: %s\n", *err ? err : "out of memory");
        _exit(2);
    }
    for (uint32_t chunk; (chunk = __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED)) < x->nchunks;) {
        if (done[chunk])
            continue;
        chunk_run(w, chunk, r);
        if (write_all(to, r, sizeof *r))
            _exit(3);
    }
    _exit(0);
}

static int start_jobs(const struct exploration *x, const struct progress_of *p, struct job *jobs,
                      uint32_t n, uint32_t *counter)
{
    for (uint32_t i = 0; i < n; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC))
            return -1;
        fflush(NULL);
        jobs[i] = (struct job){.pid = fork(), .from = ends[0]};
        if (jobs[i].pid == 0)
            work(x, p->done, counter, ends[1]);
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

/* One result, whole; 0 at the end. */
static int receive(int fd, struct chunk_result *r)
{
    size_t n = 0;
    while (n < sizeof *r) {
        const ssize_t k = read(fd, (char *)r + n, sizeof *r - n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return 0;
        n += (size_t)k;
    }
    return 1;
}

static int out_of_bounds(const struct exploration *x, const struct progress_of *p)
{
    const struct config *c = x->cfg;
    return (c->crash_time && now() - p->began > (double)c->crash_time) ||
           (c->crash_total && p->total.tried >= c->crash_total);
}

/* Take results until all is done or a bound is reached. -1: a process failed. */
static int collect(const struct exploration *x, struct progress_of *p, struct job *jobs, uint32_t n,
                   int state, FILE *progress)
{
    struct chunk_result *r = malloc(sizeof *r);
    struct pollfd fds[MOST_JOBS];
    uint32_t alive = n;
    int bad = r ? 0 : -1;
    while (alive && r && !out_of_bounds(x, p)) {
        for (uint32_t i = 0; i < n; i++)
            fds[i] = (struct pollfd){.fd = jobs[i].from, .events = POLLIN};
        poll(fds, n, 1000);
        for (uint32_t i = 0; i < n; i++) {
            if (jobs[i].from < 0 || !fds[i].revents)
                continue;
            if (receive(jobs[i].from, r)) {
                merge(p, r);
                if (state >= 0 && write_all(state, r, sizeof *r))
                    bad = -1;
                show(x, p, progress);
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
                    const struct explore_options *opt, int state, char *err, size_t errlen)
{
    struct job jobs[MOST_JOBS] = {0};
    uint32_t n = opt->jobs < MOST_JOBS ? opt->jobs : MOST_JOBS;
    uint32_t *counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const uint32_t left = x->nchunks - p->ndone;
    n = n < left ? n : left;
    if (counter == MAP_FAILED)
        return fail(err, errlen, "out of memory");
    int bad = start_jobs(x, p, jobs, n, counter);
    bad |= collect(x, p, jobs, n, state, opt->progress);
    bad |= end_jobs(jobs, n);
    munmap(counter, sizeof *counter);
    if (opt->progress)
        fputc('\n', opt->progress);
    return bad ? fail(err, errlen, "crash: a process of the exploration failed") : 0;
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
                                : "none: it was found by an exploration without --cores");
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
    *err = 0;
    const int state = open_state(x, opt, p, err, errlen);
    if (state < 0 && *err)
        return -1;
    const int bad = run_jobs(x, p, opt, state, err, errlen);
    if (state >= 0)
        close(state);
    struct chunk_result *t = &p->total;
    qsort(t->failures, t->nfailures, sizeof t->failures[0], by_event);
    return bad ? bad
               : cores_write(x, t->failures, t->nfailures, p->ndone == x->nchunks, err, errlen);
}

int explore(const struct config *cfg, const struct image *image, const struct explore_options *opt,
            FILE *out, char *err, size_t errlen)
{
    struct exploration x = {.cfg = cfg, .image = image, .cores = opt->cores};
    struct progress_of *p = calloc(1, sizeof *p);
    int status = -1;
    if (!p)
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
    return status;
}
