/* cmd_trace.c - `pwsim trace`: record the memory accesses of a run, inspect and check traces. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/cmd.h"
#include "sim/cmd_trace.h"
#include "sim/error.h"
#include "sim/experiment.h"
#include "sim/file.h"
#include "sim/memside.h"
#include "sim/quantity.h"
#include "sim/options.h"
#include "sim/run.h"
#include "sim/unfinished.h"
#include "traces/filter.h"
#include "traces/trace.h"

static const char help[] =
    "pwsim trace record FILE.cfg -o OUT.trace [-s key=value]... [--l1 [--skip N] [--misses N]]\n"
    "    run the first point of an experiment and write every request that its core makes of the\n"
    "    memory side; with --l1 those that pass an L1 of 32 KiB, 8 ways, after --skip "
    "instructions,\n"
    "    until they have missed N times in an L2 of 512 KiB\n"
    "pwsim trace import -f FORMAT -o OUT.trace FILE|-\n"
    "    make a trace of another tool's (`pwsim trace import --help`)\n"
    "pwsim trace export -f champsim|dinero -o OUT TRACE\n"
    "    write a trace for another tool (`pwsim trace export --help`)\n"
    "pwsim trace generate KIND -o OUT.trace\n"
    "    make a trace by rule: scan, chase, adversary, log, phases, zipf, btree\n"
    "pwsim trace info TRACE\n"
    "    what it was recorded on, records, instructions, records of each kind\n"
    "pwsim trace verify TRACE...\n"
    "    read every byte, check every checksum\n";

/* ---- record ---- */

struct record_command {
    struct texts set;
    const char *file, *out, *misses, *skip;
    int l1;
};

/* Where the tap is emptied to. */
struct record_drain {
    struct trace_writer *writer;
    struct trace_filter *filter; /* NULL: none */
    uint64_t misses;             /* of the filter's L2, after which the run stops; 0: no limit */
    uint64_t skip;               /* instructions to pass over */
    uint64_t count;              /* the hart's instructions at its last request */
};

/* 0, or what options_parse said. */
static int parse_record(struct record_command *c, int argc, char **argv)
{
    const struct option_row rows[] = {
        {"set", 's', OPTION_LIST, &c->set}, {"output", 'o', OPTION_TEXT, &c->out},
        {"l1", 0, OPTION_FLAG, &c->l1},     {"misses", 0, OPTION_TEXT, &c->misses},
        {"skip", 0, OPTION_TEXT, &c->skip}, {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at;
    c->file = argv[at];
    if (argc - at == 1 && c->out)
        return 0;
    cmd_complain("trace record: expected FILE.cfg -o OUT.trace; `pwsim trace --help` says more");
    return OPTIONS_BAD;
}

static int drain(void *arg, struct mem_tap *tap)
{
    struct record_drain *d = arg;
    if (d->filter)
        return trace_filter_put_tap(d->filter, tap, d->misses, &d->count);
    return trace_put_tap(d->writer, tap);
}

static int record_point(const struct record_command *c, const struct experiment_point *p,
                        struct record_drain *d, char *err, size_t errlen)
{
    struct mem_tap tap = {0};
    struct run_result r;
    const struct run_options opt = {.command = "trace record",
                                    .input = -1,
                                    .log = stderr,
                                    .progress = PROGRESS_AUTO,
                                    .tap = &tap,
                                    .drain = drain,
                                    .drain_arg = d};
    d->count = d->skip;
    struct image *image = run_open_image(p->config, err, errlen);
    int bad = !image || run_point(p->config, p->label, image, &opt, &r, err, errlen);
    image_free(image);
    free(tap.reqs);
    free(tap.counts);
    if (bad) {
        trace_abandon(d->writer);
        return -1;
    }
    run_summary(&r, stdout);
    const uint64_t n = d->filter ? d->count - d->skip : r.instructions;
    const int good = r.state == STATE_HALTED || r.enough;
    machine_free(r.machine);
    if (trace_close(d->writer, n, err, errlen))
        return -1;
    printf("trace in %s\n", c->out);
    return good ? EXIT_GOOD : EXIT_FAILED;
}

int trace_output(const char *out, char *err, size_t errlen)
{
    if (file_may_write(out, FILE_BY_RENAME, err, errlen))
        return -1;
    (void)unfinished_add(out, ".part"); /* the process ends when it is done */
    return 0;
}

static struct trace_writer *create(const struct record_command *c, const struct experiment_point *p,
                                   char *err, size_t errlen)
{
    struct trace_header hdr = {.period_ps = config_period(p->config)};
    char model[32];
    config_choice("core.model", p->config->core_model, model, sizeof model);
    if (strcmp(model, "functional") == 0) {
        fail(err, errlen, "core.model is \"functional\", which asks nothing of the memory side");
        return NULL;
    }
    snprintf(hdr.machine, sizeof hdr.machine, "%s%s", c->l1 ? FILTER_MACHINE : "",
             *p->label ? p->label : p->config->name);
    return trace_output(c->out, err, errlen) ? NULL : trace_create(c->out, &hdr, err, errlen);
}

static int record(int argc, char **argv)
{
    struct record_command c = {0};
    struct experiment *x = NULL;
    struct record_drain d = {0};
    char err[1024];

    const int parsed = parse_record(&c, argc, argv);
    int status = parsed == OPTIONS_HELP ? EXIT_GOOD : EXIT_BAD_INPUT;
    if (parsed == 0 && (count_parse("misses", c.misses, &d.misses, err, sizeof err) ||
                        count_parse("skip", c.skip, &d.skip, err, sizeof err))) {
        status = cmd_complain("%s", err);
    } else if (parsed == 0 && (d.misses || d.skip) && !c.l1) {
        status = cmd_complain("--misses and --skip are for traces behind an L1: they need --l1");
    } else if (parsed == 0) {
        if (experiment_load(c.file, c.set.v, c.set.n, &x, err, sizeof err) == 0)
            d.writer = create(&c, &x->points[0], err, sizeof err);
        if (d.writer && c.l1 && !(d.filter = trace_filter_new(d.writer, err, sizeof err))) {
            trace_abandon(d.writer);
            d.writer = NULL;
        }
        status = d.writer ? record_point(&c, &x->points[0], &d, err, sizeof err) : -1;
        if (status < 0)
            status = cmd_complain("%s", err);
    }
    trace_filter_free(d.filter);
    experiment_free(x);
    free(c.set.v);
    return status;
}

/* ---- info and verify ---- */

static void print_header(const char *path, const struct trace_header *h)
{
    char a[QUANTITY_TEXT];
    printf("%s: recorded on \"%s\"", path, h->machine);
    printf(", %s records", quantity_group(h->records, a));
    printf(", %s instructions, cycle %" PRIu64 " ps\n", quantity_group(h->instructions, a),
           h->period_ps);
}

/* Lines of 64 bytes that were touched: a hash table of line numbers plus 1. */
struct footprint {
    uint64_t *slot;
    size_t slots, used;
};

static size_t footprint_slot(const struct footprint *f, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 24) & (f->slots - 1);
    while (f->slot[at] && f->slot[at] != key)
        at = (at + 1) & (f->slots - 1);
    return at;
}

static void footprint_add(struct footprint *f, uint64_t line)
{
    if (2 * (f->used + 1) > f->slots) {
        struct footprint more = {.slots = f->slots ? 2 * f->slots : 4096, .used = f->used};
        more.slot = hostmem_new(more.slots, sizeof *more.slot, "the lines of a trace");
        for (size_t i = 0; i < f->slots; i++)
            if (f->slot[i])
                more.slot[footprint_slot(&more, f->slot[i])] = f->slot[i];
        free(f->slot);
        *f = more;
    }
    const size_t at = footprint_slot(f, line + 1);
    f->used += !f->slot[at];
    f->slot[at] = line + 1;
}

static int info(const char *path)
{
    struct footprint touched = {0};
    static const char *const names[MEM_KINDS] = {"fetch", "load",       "store",    "ntstore",
                                                 "clwb",  "clflushopt", "clflush",  "fence",
                                                 "walk",  "writeback",  "prefetch", "visible"};
    uint64_t kinds[MEM_KINDS] = {0}, dependent = 0;
    struct trace_record buf[1024];
    char err[512], a[QUANTITY_TEXT];
    int64_t n;
    struct trace_reader *r = trace_open(path, err, sizeof err);
    if (!r)
        return cmd_complain("%s", err);
    print_header(path, trace_reader_header(r));
    while ((n = trace_read(r, buf, 1024, err, sizeof err)) > 0)
        for (int64_t i = 0; i < n; i++) {
            kinds[buf[i].kind]++;
            dependent += buf[i].depends != 0;
            if (buf[i].kind != MEM_FENCE)
                footprint_add(&touched, buf[i].addr >> LINE_SHIFT);
        }
    trace_reader_free(r);
    free(touched.slot);
    if (n < 0)
        return cmd_complain("%s", err);
    for (unsigned k = 0; k < MEM_KINDS; k++)
        if (kinds[k])
            printf("  %-10s %s\n", names[k], quantity_group(kinds[k], a));
    printf("  %s of them depend on an earlier load\n", quantity_group(dependent, a));
    printf("  %s lines touched\n", quantity_group(touched.used, a));
    return EXIT_GOOD;
}

static int verify(int n, char **paths)
{
    struct trace_header hdr;
    char err[512];
    int status = EXIT_GOOD;
    for (int i = 0; i < n; i++)
        if (trace_verify(paths[i], &hdr, err, sizeof err))
            status = cmd_complain("%s", err);
        else
            print_header(paths[i], &hdr);
    return status;
}

int cmd_trace(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const int plain = strcmp(what, "info") == 0 || strcmp(what, "verify") == 0; /* no options */
    const char *first = plain && argc > 2 ? argv[2] : what;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_GOOD;
    }
    if (strcmp(what, "record") == 0)
        return record(argc - 1, argv + 1);
    if (strcmp(what, "import") == 0)
        return cmd_trace_import(argc - 1, argv + 1);
    if (strcmp(what, "export") == 0)
        return cmd_trace_export(argc - 1, argv + 1);
    if (strcmp(what, "generate") == 0)
        return cmd_trace_generate(argc - 1, argv + 1);
    if (strcmp(what, "info") == 0 && argc == 3)
        return info(argv[2]);
    if (strcmp(what, "verify") == 0 && argc > 2)
        return verify(argc - 2, argv + 2);
    return cmd_complain("trace: expected record, import, export, generate, info or verify with "
                        "their arguments; `pwsim trace "
                        "--help` says more");
}
