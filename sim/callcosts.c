/* callcosts.c - measured costs of calls, traps and flushes against what a machine takes for them.
 */
#include "sim/callcosts.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/error.h"
#include "sim/run.h"

#define MOST_ROWS 10000u
#define FIELDS    6u

static const char header[] = "group,event,value,unit,machine,source";

/* ---- the operations ---- */

struct operation {
    const char *event; /* how the row begins */
    enum callcost_kind kind;
    const char *program, *args;
    const char *less; /* arguments of what is subtracted, NULL: nothing */
    const char *why;
    uint8_t by_call; /* behind the boundary `call` */
    uint8_t timed;   /* the row's harness is in its value unless it says otherwise */
};

static const struct operation operations[] = {
    {"direct call+ret", CALLCOST_KERNEL, "events", "call,20000", "loop,20000",
     "taken branches of a loop follow each other here at one a cycle", 0, 0},
    {"indirect call mispredict-heavy", CALLCOST_HARDWARE, "events", "indirect,20000", NULL, NULL, 0,
     0},
    {"null syscall", CALLCOST_HARDWARE, "syscalls", "null,2000", NULL, NULL, 0, 0},
    {"clwb dirty + mfence", CALLCOST_HARDWARE, "events", "clwb-dirty,1000", "fence,1000", NULL, 0,
     1},
    {"clwb clean + mfence", CALLCOST_HARDWARE, "events", "clwb-clean,1000", "fence,1000", NULL, 0,
     1},
    {"clwb uncached + mfence", CALLCOST_HARDWARE, "events", "clwb-uncached,1000", "fence,1000",
     NULL, 0, 1},
    {"store+clwb stream", CALLCOST_HARDWARE, "events", "store+clwb,8000", NULL, NULL, 0, 0},
    {"store+clwb+sfence", CALLCOST_HARDWARE, "events", "store+clwb+sfence,2000", NULL, NULL, 0, 0},
    {"second clwb of same line", CALLCOST_HARDWARE, "events", "clwb-twice,1000", "clwb-dirty,1000",
     NULL, 0, 0},
    {"4 dirty lines clwb", CALLCOST_HARDWARE, "events", "clwb-four,1000", "fence,1000", NULL, 0, 1},
    {"ntstore 64B uncached + mfence", CALLCOST_HARDWARE, "events", "ntstore,1000", "fence,1000",
     NULL, 0, 1},
    {"reload after clwb", CALLCOST_HARDWARE, "events", "reload-clwb,2000", "l1,2000", NULL, 0, 1},
    {"reload after clflush", CALLCOST_HARDWARE, "events", "reload-clflush,2000", "l1,2000", NULL, 0,
     1},
    {"L1d load-use", CALLCOST_HARDWARE, "events", "l1,20000", NULL, NULL, 0, 0},
    {"L2 load-use", CALLCOST_HARDWARE, "events", "l2,20000", NULL, NULL, 0, 0},
    {"vDSO clock_gettime", CALLCOST_KERNEL, "syscalls", "clock,2000", NULL,
     "by `call`: a kernel call here, user code and a TSC read there", 1, 0},
    {"page fault 4K anon", CALLCOST_KERNEL, "syscalls", "touch,20000", NULL,
     "no page faults here: memory.grow maps frames of 64 KiB; zeroing them is not simulated", 0, 0},
    {"context switch", CALLCOST_KERNEL, "syscalls", "switch,2000", NULL,
     "one run queue, no accounting, no FPU state, no nested paging", 0, 0},
    {"pipe RTT same cpu", CALLCOST_KERNEL, "syscalls", "pingpong,500", NULL,
     "four calls and two switches of this kernel's length; no wake-up path through a scheduler", 0,
     0},
    {"fork+exit+wait", CALLCOST_KERNEL, "syscalls", "spawn,200", NULL,
     "spawn of a loaded module: a new memory is mapped, no address space is copied", 0, 0}};

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
    else if (o->timed && !base)
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
    char *line = NULL;
    size_t cap = 0;
    int bad = 0;
    *c = (struct callcosts){0};
    FILE *f = fopen(path, "r");
    if (!f)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    while (!bad && getline(&line, &cap, f) >= 0) {
        r.line++;
        line[strcspn(line, "\r\n")] = 0;
        if (r.line == 1 && strcmp(line, header))
            bad = fail(err, errlen, "%s:1: the header is not %s", path, header);
        else if (r.line > 1 && *line)
            bad = read_row(&r, c, line);
    }
    if (!bad && ferror(f))
        bad = fail(err, errlen, "%s: %s", path, strerror(errno));
    if (!bad && !c->n)
        bad = fail(err, errlen, "%s:%u: no rows of the group \"host\" that are known", path,
                   r.line);
    free(line);
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
                   config_assign(cfg, o->by_call ? "kernel.boundary=call" : "kernel.boundary=trap",
                                 err, errlen)
               ? -1
               : 0;
}

/* Core cycles an operation. */
static int measure(const struct config *base, const struct operation *o, const char *args,
                   double *out, char *err, size_t errlen)
{
    const struct run_options opt = {
        .command = "calibrate", .input = -1, .log = stderr, .progress = PROGRESS_AUTO};
    struct config *cfg = config_copy(base);
    struct run_result r = {0};
    struct ratio ratio;
    struct image *image = NULL;
    int bad = configure(cfg, o, args, err, errlen) || !(image = run_open_image(cfg, err, errlen)) ||
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
    if (measure(cfg, o, o->args, &row->simulated, err, errlen) ||
        (o->less && measure(cfg, o, o->less, &less, err, errlen)))
        return -1;
    row->simulated += row->base - less;
    row->error = row->simulated < row->low    ? row->simulated / row->low - 1
                 : row->simulated > row->high ? row->simulated / row->high - 1
                                              : 0;
    return 0;
}
