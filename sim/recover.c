/* recover.c - runs recovery programs on crash images, many a second. */
#include "sim/recover.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memhier/hostmem.h"
#include "sim/error.h"
#include "sim/machine_state.h"
#include "sim/power.h"

#define MOST_READS  65536u
#define MOST_LINES  262144u /* 16 MiB */
#define MOST_EVENTS 65536u
#define MOST_TEXT   4096u
#define STEP        500000u
#define HOST_STATUS 75 /* exit status of a forked process for which the host has no memory */

/* What a forked process leaves behind. */
struct report {
    uint32_t end;
    int32_t exit_code;
    uint32_t nreads, nlines, nevents, complete;
    uint32_t lost; /* not all that it has stored is in `lines` */
    char text[MOST_TEXT];
    struct recover_read reads[MOST_READS];
    struct crash_line lines[MOST_LINES]; /* that it has stored to, as they are then */
    struct pm_event events[MOST_EVENTS];
};

struct booted {
    char *name;
    struct config *cfg;
    struct machine *machine;
    struct physmem_kept *kept;
    struct pm_record record;
};

struct recover {
    const struct config *cfg;
    struct booted *program;
    size_t n;
    struct report *report;
    struct recover_read *reads;
    size_t nreads;
    struct crash_line *lines; /* of the image as it is now */
    size_t nlines, lines_cap;
    struct pm_event *events;
};

/* ---- booting ---- */

static struct config *config_of(const struct config *cfg, const char *program, char *err,
                                size_t errlen)
{
    struct config *c = config_copy(cfg);
    if (!c || config_assign(c, "core.model=functional", err, errlen) ||
        config_assign(c, "nvdimm.commit=false", err, errlen) ||
        config_assign(c, "pmem.check=false", err, errlen) ||
        config_assign(c, "machine.harts=1", err, errlen) ||
        power_set_program(c, program, err, errlen)) {
        config_free(c);
        return NULL;
    }
    return c;
}

static int boot(struct recover *r, size_t i, const struct image *image, char *err, size_t errlen)
{
    struct booted *b = &r->program[i];
    b->name = strdup(r->cfg->recovery.v[i]);
    b->cfg = config_of(r->cfg, b->name, err, errlen);
    if (!b->cfg)
        return -1;
    const struct machine_ports ports = {
        .image = image, .input = -1, .record = &b->record, .record_loads = 1, .hold_nvdimm = 1};
    b->machine = machine_new(b->cfg, &ports, err, errlen);
    if (!b->machine)
        return -1;
    while (machine_step(b->machine, STEP) == STATE_RUNNING && !machine_holds(b->machine))
        ;
    if (!machine_holds(b->machine))
        return fail(err, errlen, "power.recovery: \"%s\" ends without looking at the NVDIMM",
                    b->name);
    b->record.n = 0;
    b->kept = physmem_keep(b->machine->pm);
    return b->kept ? 0 : fail(err, errlen, "out of memory");
}

struct recover *recover_new(const struct config *cfg, const struct image *image, char *err,
                            size_t errlen)
{
    struct recover *r = calloc(1, sizeof *r);
    void *shared = mmap(NULL, sizeof *r->report, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!r || shared == MAP_FAILED) {
        fail(err, errlen, "out of memory");
        free(r);
        return NULL;
    }
    r->cfg = cfg;
    r->report = shared;
    r->n = cfg->recovery.n;
    r->program = calloc(r->n + 1, sizeof *r->program);
    r->reads = calloc(MOST_READS, sizeof *r->reads);
    r->events = calloc(MOST_EVENTS, sizeof *r->events);
    int bad = !r->program || !r->reads || !r->events ? fail(err, errlen, "out of memory") : 0;
    if (!bad && r->n == 0)
        bad = fail(err, errlen,
                   "power.recovery: expected at least one program to run after the "
                   "power cut, \"NAME ARG...\"");
    for (size_t i = 0; !bad && i < r->n; i++)
        bad = boot(r, i, image, err, errlen);
    if (!bad)
        return r;
    recover_free(r);
    return NULL;
}

void recover_free(struct recover *r)
{
    if (!r)
        return;
    for (size_t i = 0; r->program && i < r->n; i++) {
        struct booted *b = &r->program[i];
        machine_free(b->machine);
        physmem_forget(b->kept);
        config_free(b->cfg);
        free(b->record.v);
        free(b->name);
    }
    munmap(r->report, sizeof *r->report);
    free(r->program);
    free(r->reads);
    free(r->lines);
    free(r->events);
    free(r);
}

size_t recover_programs(const struct recover *r)
{
    return r->n;
}

const char *recover_name(const struct recover *r, size_t program)
{
    return r->program[program].name;
}

/* ---- in the forked process ---- */

struct seen_line {
    uint64_t line; /* 0: a free place */
    uint8_t read, written;
};

/* Open addressing; size is a power of two. */
struct seen {
    struct seen_line *v;
    uint32_t size, n;
};

static struct seen_line *place(const struct seen *s, uint64_t line)
{
    uint32_t i = (uint32_t)((line >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (s->size - 1);
    while (s->v[i].line && s->v[i].line != line)
        i = (i + 1) & (s->size - 1);
    return &s->v[i];
}

/* 0, or -1: no memory. */
static int seen_grow(struct seen *s)
{
    const struct seen old = *s;
    *s = (struct seen){.size = old.size ? 2 * old.size : 1024, .n = old.n};
    s->v = calloc(s->size, sizeof *s->v);
    for (uint32_t i = 0; s->v && i < old.size; i++)
        if (old.v[i].line)
            *place(s, old.v[i].line) = old.v[i];
    free(old.v);
    return s->v ? 0 : -1;
}

static struct seen_line *find(struct seen *s, uint64_t line)
{
    if (2 * s->n >= s->size && seen_grow(s))
        return NULL;
    struct seen_line *l = place(s, line);
    s->n += l->line == 0;
    l->line = line;
    return l;
}

static void put_line(struct report *out, struct physmem *pm, uint64_t line)
{
    const uint8_t *p = physmem_at(pm, line, 64);
    if (out->nlines == MOST_LINES || !p) {
        out->lost = 1;
        return;
    }
    struct crash_line *l = &out->lines[out->nlines++];
    *l = (struct crash_line){.addr = line, .mask = UINT64_MAX};
    memcpy(l->bytes, p, 64);
}

static int is_store(const struct pm_event *e)
{
    return e->kind == PM_STORE || e->kind == PM_NTSTORE;
}

/* One event: 0, or -1: no memory. */
static int note(struct report *out, struct seen *seen, const struct pm_event *e)
{
    const uint8_t bit = (uint8_t)(1u << (e->addr >> 3 & 7));
    if (e->kind == PM_LOAD || e->kind == PM_DEVICE || is_store(e)) {
        struct seen_line *s = find(seen, e->addr & ~UINT64_C(63));
        if (!s)
            return -1;
        if (e->kind == PM_LOAD || (is_store(e) && e->bytes < 8))
            s->read |= bit & (uint8_t)~s->written;
        if (e->kind != PM_LOAD)
            s->written |= bit;
    }
    if (e->kind == PM_LOAD)
        return 0;
    if (out->nevents < MOST_EVENTS)
        out->events[out->nevents++] = *e;
    else
        out->complete = 0;
    return 0;
}

/* Which words were read before they were written, and which lines were written. */
static void sum_up(struct report *out, struct physmem *pm, const struct pm_record *rec)
{
    struct seen seen = {0};
    out->complete = 1;
    for (size_t i = 0; i < rec->n && !out->lost; i++)
        out->lost = note(out, &seen, &rec->v[i]) != 0;
    for (uint32_t i = 0; i < seen.size && seen.v; i++) {
        if (seen.v[i].written)
            put_line(out, pm, seen.v[i].line);
        if (seen.v[i].read && out->nreads < MOST_READS)
            out->reads[out->nreads++] = (struct recover_read){seen.v[i].line, seen.v[i].read};
    }
    free(seen.v);
}

static enum recover_end end_of(const struct machine *m, enum machine_state state)
{
    if (state == STATE_RUNNING)
        return RECOVER_HANG;
    if (state != STATE_HALTED)
        return RECOVER_TRAP;
    return m->exit_code == 0 ? RECOVER_GOOD : RECOVER_EXIT;
}

static _Noreturn void run_child(const struct recover *r, const struct booted *b)
{
    struct machine *m = b->machine;
    struct report *out = r->report;
    hostmem_watch(HOST_STATUS);
    FILE *console = fmemopen(out->text, MOST_TEXT - 1, "w");
    for (size_t i = 0; i < r->nlines; i++) {
        const struct crash_line *l = &r->lines[i];
        uint8_t *p = physmem_at(m->pm, l->addr, 64);
        for (uint32_t k = 0; p && k < 64; k++)
            if (l->mask >> k & 1)
                p[k] = l->bytes[k];
    }
    m->ports.console[0] = m->ports.console[1] = m->ports.log = console;
    const uint64_t most = m->executed + r->cfg->crash_fuel;
    machine_release(m);
    enum machine_state state = STATE_RUNNING;
    while (state == STATE_RUNNING && m->executed < most)
        state = machine_step(m, STEP);
    machine_consume(m);
    out->end = end_of(m, state);
    out->exit_code = m->exit_code;
    fflush(console);
    sum_up(out, m->pm, &b->record);
    _exit(0);
}

/* ---- in the process that forks ---- */

/* What the host's shortage did to a try must not be taken for a failure of the program. */
static void host_must_do(int can, const char *what)
{
    if (!can)
        hostmem_stop(what);
}

static int host_ended(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) == HOST_STATUS : WTERMSIG(status) == SIGKILL;
}

static void run_program(struct recover *r, const struct booted *b)
{
    int status = 0;
    struct report *out = r->report;
    out->end = RECOVER_CRASH;
    out->nreads = out->nlines = out->nevents = out->complete = out->lost = 0;
    memset(out->text, 0, sizeof out->text);
    const pid_t pid = fork();
    if (pid == 0)
        run_child(r, b);
    host_must_do(pid > 0, "the host starts no more processes");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    host_must_do(!host_ended(status), "the host ended a recovery run, for lack of memory");
    physmem_revert(b->machine->pm, b->kept);
}

static void room_for_lines(struct recover *r, size_t n)
{
    if (n <= r->lines_cap)
        return;
    r->lines_cap = 2 * n;
    r->lines = hostmem_resize(r->lines, r->lines_cap, sizeof *r->lines, "crash images");
}

static int by_addr(const void *a, const void *b)
{
    const struct crash_line *x = a, *y = b;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* The image becomes what the program left. */
static void carry_over(struct recover *r)
{
    const size_t had = r->nlines;
    room_for_lines(r, had + r->report->nlines);
    for (uint32_t i = 0; i < r->report->nlines; i++) {
        const struct crash_line *l = &r->report->lines[i];
        struct crash_line *old = had ? bsearch(l, r->lines, had, sizeof *l, by_addr) : NULL;
        if (old)
            *old = *l;
        else
            r->lines[r->nlines++] = *l;
    }
    qsort(r->lines, r->nlines, sizeof *r->lines, by_addr);
}

static void add_reads(struct recover *r)
{
    for (uint32_t i = 0; i < r->report->nreads && r->nreads < MOST_READS; i++)
        r->reads[r->nreads++] = r->report->reads[i];
}

void recover_try(struct recover *r, const struct crash_line *lines, size_t n,
                 struct recover_result *out)
{
    room_for_lines(r, n);
    memcpy(r->lines, lines, n * sizeof *lines);
    r->nlines = n;
    r->nreads = 0;
    *out = (struct recover_result){.complete = 1, .events = r->events, .reads = r->reads};
    for (size_t i = 0; i < r->n; i++) {
        run_program(r, &r->program[i]);
        out->end = (enum recover_end)r->report->end;
        out->program = (uint32_t)i;
        out->exit_code = r->report->exit_code;
        out->text = r->report->text;
        out->complete &= (int)r->report->complete;
        add_reads(r);
        if (i == 0) {
            memcpy(r->events, r->report->events, r->report->nevents * sizeof *r->events);
            out->nevents = r->report->nevents;
        }
        if (out->end != RECOVER_GOOD)
            break;
        if (i + 1 < r->n && r->report->lost) {
            out->end = RECOVER_LARGE;
            break;
        }
        if (i + 1 < r->n)
            carry_over(r);
    }
    out->nreads = r->nreads;
    out->complete &= r->nreads < MOST_READS;
}

const char *recover_place(const struct recover *r, const struct pm_event *e, char *buf, size_t n)
{
    const struct store *st = r->program[0].machine->store;
    const struct code_view v = store_code(st);
    const uint32_t block = e->code / PM_CODE_UOPS;
    if (block == 0 || block >= v.nblocks) {
        snprintf(buf, n, "?");
        return buf;
    }
    const struct code_func *f = &v.funcs[v.blocks[block].func];
    snprintf(buf, n, "%s (%s+0x%x)", f->name, store_module_name(st, (int)f->module),
             store_block_offset(st, block));
    return buf;
}
