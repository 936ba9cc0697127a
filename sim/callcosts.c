/* callcosts.c - measured costs of calls, traps and flushes against what a machine takes for them.
 */
#include "sim/callcosts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/error.h"
#include "sim/file.h"
#include "sim/run.h"

#define MOST_ROWS 10000u
#define MOST_LINE 65536u
#define FIELDS    6u

static const char header[] = "group,event,value,unit,machine,source";

/* ---- the operations ---- */

/* How an operation is run, and what its row's value holds. */
#define BY_CALL   1u /* behind the boundary `call` */
#define TIMED     2u /* the row's harness is in its value unless it says otherwise */
#define TWO_HARTS 4u

struct operation {
    const char *event; /* how the row begins */
    enum callcost_kind kind;
    unsigned flags;
    const char *program, *args;
    const char *less; /* arguments of what is subtracted, NULL: nothing */
    const char *why;
};

#define HARDWARE(event, flags, program, args, less)                                                \
    {                                                                                              \
        event, CALLCOST_HARDWARE, flags, program, args, less, NULL                                 \
    }
#define KERNEL(event, flags, program, args, less, why)                                             \
    {                                                                                              \
        event, CALLCOST_KERNEL, flags, program, args, less, why                                    \
    }

static const struct operation operations[] = {
    KERNEL("direct call+ret", 0, "events", "call,20000", "loop,20000",
           "a loop's taken branches follow one another at one a cycle"),
    HARDWARE("indirect call mispredict-heavy", 0, "events", "indirect,20000", NULL),
    HARDWARE("null syscall", 0, "syscalls", "null,2000", NULL),
    HARDWARE("clwb dirty + mfence", TIMED, "events", "clwb-dirty,1000", "fence,1000"),
    HARDWARE("clwb clean + mfence", TIMED, "events", "clwb-clean,1000", "fence,1000"),
    HARDWARE("clwb uncached + mfence", TIMED, "events", "clwb-uncached,1000", "fence,1000"),
    HARDWARE("store+clwb stream", 0, "events", "store+clwb,8000", NULL),
    HARDWARE("store+clwb+sfence", 0, "events", "store+clwb+sfence,2000", NULL),
    HARDWARE("second clwb of same line", 0, "events", "clwb-twice,1000", "clwb-dirty,1000"),
    HARDWARE("4 dirty lines clwb", TIMED, "events", "clwb-four,1000", "fence,1000"),
    HARDWARE("ntstore 64B uncached + mfence", TIMED, "events", "ntstore,1000", "fence,1000"),
    HARDWARE("reload after clwb", TIMED, "events", "reload-clwb,2000", "l1,2000"),
    HARDWARE("reload after clflush", TIMED, "events", "reload-clflush,2000", "l1,2000"),
    HARDWARE("L1d load-use", 0, "events", "l1,20000", NULL),
    HARDWARE("L2 load-use", 0, "events", "l2,20000", NULL),
    HARDWARE("cache line ping-pong RTT", TWO_HARTS, "events", "lines,1000", NULL),
    KERNEL("vDSO clock_gettime", BY_CALL, "syscalls", "clock,2000", NULL,
           "by `call`: a kernel call here, user code that reads the TSC there"),
    KERNEL("page fault 4K anon", 0, "syscalls", "touch,20000", NULL,
           "no page faults: memory.grow maps 64 KiB at once; zeroing is not simulated"),
    KERNEL("context switch", 0, "syscalls", "switch,2000", NULL,
           "no accounting, no FPU state, no nested paging; a run queue of bits"),
    KERNEL("pipe RTT same cpu", 0, "syscalls", "pingpong,500", NULL,
           "four calls and two switches as short as the above"),
    KERNEL("pipe RTT other cpu", TWO_HARTS, "syscalls", "pingpong-far,300", NULL,
           "two wake-ups of an idle hart, machine.wake_latency each; there, of a VM"),
    KERNEL("fork+exit+wait", 0, "syscalls", "spawn,200", NULL,
           "spawn of a loaded module: no address space is copied, none torn down")};

#define OPERATIONS (sizeof operations / sizeof operations[0])

/* ---- reading ---- */

struct reader {
    const char *path;
    unsigned line;
    double harness; /* TSC cycles: the last that a row has told */
    char *err;
    size_t errlen;
};

int callcosts_is(const char *path)
{
    char line[sizeof header + 2] = "";
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    const int is = fgets(line, sizeof line, f) && strncmp(line, header, sizeof header - 1) == 0;
    fclose(f);
    return is;
}

/* "N" or "N-M" behind blanks, '+' or '~'. */
static int read_range(const char *s, double *low, double *high)
{
    char *end;
    s += strspn(s, " +~");
    *low = *high = strtod(s, &end);
    if (end == s || !(*low >= 0) || !isfinite(*low))
        return -1;
    if (*end == '-') {
        s = end + 1;
        *high = strtod(s, &end);
    }
    return end == s || !(*high >= *low) || !isfinite(*high) ? -1 : 0;
}

static int read_value(struct reader *r, struct callcost *c, const struct operation *o)
{
    const char *net = strstr(c->value, "net "), *base = strstr(c->value, "base ");
    double low, high, total, ignored;
    if (read_range(c->value, &total, &ignored) ||
        read_range(net ? net + 4 : c->value, &low, &high) ||
        (base && read_range(base + 5, &r->harness, &ignored)))
        return fail(r->err, r->errlen, "%s:%u: value is \"%s\", expected a number or a range",
                    r->path, r->line, c->value);
    if (net)
        r->harness = total - low;
    else if (o->flags & TIMED && !base)
        low -= r->harness, high -= r->harness;
    const int tsc = strncmp(c->unit, "TSC cycles", 10) == 0;
    if (!tsc && strcmp(c->unit, "core cycles"))
        return fail(r->err, r->errlen, "%s:%u: unit is \"%s\", expected TSC cycles or core cycles",
                    r->path, r->line, c->unit);
    c->low = low * (tsc ? 100.0 / CALLCOSTS_TSC_PERCENT : 1);
    c->high = high * (tsc ? 100.0 / CALLCOSTS_TSC_PERCENT : 1);
    c->base = base ? r->harness * 100.0 / CALLCOSTS_TSC_PERCENT : 0;
    return low > 0 ? 0
                   : fail(r->err, r->errlen, "%s:%u: value is \"%s\": nothing is left of it",
                          r->path, r->line, c->value);
}

static const struct operation *find_operation(const char *event)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        if (strncmp(event, operations[i].event, strlen(operations[i].event)) == 0)
            return &operations[i];
    return NULL;
}

static int read_row(struct reader *r, struct callcosts *c, char *line)
{
    char *field[FIELDS];
    for (unsigned i = 0; i < FIELDS; i++) {
        field[i] = strsep(&line, i + 1 < FIELDS ? "," : "");
        if (!field[i])
            return fail(r->err, r->errlen, "%s:%u: %u fields, expected %u", r->path, r->line, i,
                        FIELDS);
    }
    const struct operation *o = strcmp(field[0], "host") == 0 ? find_operation(field[1]) : NULL;
    if (!o) {
        c->others++;
        return 0;
    }
    if (c->n == MOST_ROWS)
        return fail(r->err, r->errlen, "%s:%u: more than %u rows", r->path, r->line, MOST_ROWS);
    struct callcost *v = realloc(c->v, (c->n + 1) * sizeof *v);
    if (!v)
        return fail(r->err, r->errlen, "out of memory");
    c->v = v;
    struct callcost *row = &v[c->n++];
    *row = (struct callcost){
        .line = r->line, .kind = o->kind, .why = o->why, .known = (uint16_t)(o - operations)};
    snprintf(row->event, sizeof row->event, "%s", field[1]);
    snprintf(row->value, sizeof row->value, "%s", field[2]);
    snprintf(row->unit, sizeof row->unit, "%s", field[3]);
    return read_value(r, row, o);
}

int callcosts_read(const char *path, struct callcosts *c, char *err, size_t errlen)
{
    struct reader r = {.path = path, .err = err, .errlen = errlen};
    char line[MOST_LINE];
    int bad = 0, got;
    *c = (struct callcosts){0};
    FILE *f = fopen(path, "r");
    if (!f)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    while (!bad && (got = file_line(f, line, sizeof line)) != 0) {
        r.line++;
        if (got < 0)
            bad = fail(err, errlen, "%s:%u: expected a line of text, of at most %zu characters",
                       path, r.line, sizeof line - 1);
        else if (r.line == 1 && strcmp(line, header))
            bad = fail(err, errlen, "%s:1: the header is not %s", path, header);
        else if (r.line > 1 && *line)
            bad = read_row(&r, c, line);
    }
    if (!bad && ferror(f))
        bad = fail(err, errlen, "%s: %s", path, strerror(errno));
    if (!bad && !c->n)
        bad = fail(err, errlen, "%s:%u: no rows of the group \"host\" that are known", path,
                   r.line);
    fclose(f);
    return bad;
}

void callcosts_free(struct callcosts *c)
{
    free(c->v);
    *c = (struct callcosts){0};
}

/* ---- running ---- */

static int configure(struct config *cfg, const struct operation *o, const char *args, char *err,
                     size_t errlen)
{
    char program[80], arguments[120];
    snprintf(program, sizeof program, "program.name=%s", o->program);
    snprintf(arguments, sizeof arguments, "program.args=%s", args);
    return config_assign(cfg, program, err, errlen) || config_assign(cfg, arguments, err, errlen) ||
                   config_assign(cfg, o->flags & TWO_HARTS ? "machine.harts=2" : "machine.harts=1",
                                 err, errlen) ||
                   config_assign(
                       cfg, o->flags & BY_CALL ? "kernel.boundary=call" : "kernel.boundary=trap",
                       err, errlen)
               ? -1
               : 0;
}

/* Core cycles an operation. */
static int measure(const struct config *base, const struct operation *o, const char *args,
                   const char *setting, double *out, char *err, size_t errlen)
{
    const struct run_options opt = {
        .command = "calibrate", .input = -1, .log = stderr, .progress = PROGRESS_AUTO};
    struct config *cfg = config_copy(base);
    struct run_result r = {0};
    struct ratio ratio = {0};
    struct image *image = NULL;
    int bad = configure(cfg, o, args, err, errlen) ||
              (setting && config_assign(cfg, setting, err, errlen)) ||
              !(image = run_open_image(cfg, err, errlen)) ||
              run_point(cfg, o->event, image, &opt, &r, err, errlen);
    if (!bad && (r.state != STATE_HALTED || r.exit_code != 0))
        bad = fail(err, errlen, "calibrate: %s %s did not end well", o->program, args);
    if (!bad)
        bad = stats_formula(machine_stats(r.machine), "hart0.roi_cycles / hart0.roi_marks", &ratio,
                            err, errlen);
    if (!bad && !ratio.den)
        bad = fail(err, errlen, "calibrate: %s %s counted no operations", o->program, args);
    if (!bad)
        *out = (double)ratio.num / (double)ratio.den;
    machine_free(r.machine);
    image_free(image);
    config_free(cfg);
    return bad ? -1 : 0;
}

int callcosts_run(struct callcosts *c, size_t i, const struct config *cfg, char *err, size_t errlen)
{
    struct callcost *row = &c->v[i];
    const struct operation *o = &operations[row->known];
    double less = 0;
    if (measure(cfg, o, o->args, NULL, &row->simulated, err, errlen) ||
        (o->less && measure(cfg, o, o->less, NULL, &less, err, errlen)))
        return -1;
    row->simulated += row->base - less;
    row->error = row->simulated < row->low    ? row->simulated / row->low - 1
                 : row->simulated > row->high ? row->simulated / row->high - 1
                                              : 0;
    return 0;
}

/* Dependent loads of pages too many for any TLB, against the same with pages of 2 MiB. */
int callcosts_run_walk(struct callcosts *c, const struct config *cfg, char *err, size_t errlen)
{
    static const struct operation walks = HARDWARE("page walk", 0, "events", "walk,4000", NULL);
    double hit;
    if (measure(cfg, &walks, walks.args, "tlb.page=4k", &c->walk, err, errlen) ||
        measure(cfg, &walks, walks.args, "tlb.page=2m", &hit, err, errlen))
        return -1;
    c->walk -= hit;
    return 0;
}
