/* cmd_run.c - `pwsim run`: all points of an experiment, one after the other, and their table. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/include/machine.h"
#include "sim/checkpoint.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/experiment.h"
#include "sim/file.h"
#include "sim/options.h"
#include "sim/outputs.h"
#include "sim/pmcheck.h"
#include "sim/run.h"

static const char help[] =
    "pwsim run FILE.cfg [-s key=value]... [-o DIR] [--console] [--json]\n"
    "\n"
    "Runs every point of the experiment and prints a table. Each point leaves a run directory.\n"
    "  -s, --set KEY=VALUE  a configuration key, after the file (`pwsim list keys`); repeatable\n"
    "  -o, --output DIR     where run directories go (runs)\n"
    "      --only PATTERN   points whose label matches, as the shell matches names (\"grep/*\"), "
    "and\n"
    "                       those that they are compared with\n"
    "      --console        show what the guest prints, too\n"
    "      --json           the table as JSON, and nothing else on standard output\n"
    "      --checkpoint-at POINT FILE\n"
    "                       write the guest's state at POINT into FILE, and go on; POINT is\n"
    "                       instructions=N or cycles=N, counted from power-on, or mark=N: the\n"
    "                       program's next pwk.mark(N). For a single point of an experiment\n"
    "      --checkpoint-kind architectural|full\n"
    "                       what a guest can see (architectural), or all of the machine\n"
    "      --from FILE      go on from a checkpoint instead of power-on: the same boot image,\n"
    "                       program and sizes of memory. From an architectural one core, caches\n"
    "                       and timing may differ; caches begin empty, counters at zero. From a\n"
    "                       full one the config is the same, and what comes is, too, to the byte\n"
    "      --progress       heartbeat even where standard error is no terminal\n"
    "Exit: 0; 1 when a program trapped or ended with another code than 0; 2 bad usage or input.\n";

struct run_command {
    struct texts set;
    const char *file, *root, *from, *kind, *only;
    const char *at[2]; /* --checkpoint-at: where, and the file */
    int console, json, progress;
};

/* 0, or what options_parse said. */
static int parse(struct run_command *c, int argc, char **argv)
{
    const struct option_row rows[] = {{"set", 's', OPTION_LIST, &c->set},
                                      {"output", 'o', OPTION_TEXT, &c->root},
                                      {"console", 0, OPTION_FLAG, &c->console},
                                      {"json", 0, OPTION_FLAG, &c->json},
                                      {"progress", 0, OPTION_FLAG, &c->progress},
                                      {"checkpoint-at", 0, OPTION_PAIR, c->at},
                                      {"from", 0, OPTION_TEXT, &c->from},
                                      {"only", 0, OPTION_TEXT, &c->only},
                                      {"checkpoint-kind", 0, OPTION_TEXT, &c->kind},
                                      {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at;
    c->file = argv[at];
    if (argc - at == 1)
        return 0;
    cmd_complain("run: expected one FILE.cfg; `pwsim run --help` says more");
    return OPTIONS_BAD;
}

static const char *what_went_wrong(enum machine_state state)
{
    return state == STATE_REFUSED ? "the kernel could not start the program"
                                  : "the guest trapped, see above";
}

/* 0 when the guest did well; else the exit status. */
static int judge(const struct run_result *r, const char *label)
{
    size_t findings;
    if (r->state == STATE_HALTED && r->exit_code == 0)
        return pmcheck_bugs(r->machine, &findings) ? EXIT_FAILED : 0;
    if (r->state == STATE_CUT)
        return r->recovery ? EXIT_FAILED : 0;
    if (r->state == STATE_HALTED) {
        fprintf(stderr, "pwsim: %s: the program ended with exit code %d\n", label, r->exit_code);
        return EXIT_FAILED;
    }
    fprintf(stderr, "pwsim: %s: %s\n", label, what_went_wrong(r->state));
    return r->state == STATE_REFUSED ? EXIT_BAD_INPUT : EXIT_FAILED;
}

/* What all points took together. */
static void add_up(struct run_result *all, const struct run_result *r)
{
    all->instructions += r->instructions;
    all->cycles += r->cycles;
    all->host_ns += r->host_ns;
}

static int has_program(const struct image *image, const char *name)
{
    char section[300];
    snprintf(section, sizeof section, SECTION_PROGRAM "%s", name);
    return image_find(image, section) != NULL;
}

static int run_one(struct experiment *x, size_t i, const struct run_options *opt, int quiet,
                   struct run_result *all, char *err, size_t errlen)
{
    const struct experiment_point *p = &x->points[i];
    struct run_result r;
    struct image *image = run_open_image(p->config, err, errlen);
    if (!image)
        return -1;
    if (p->needs && !has_program(image, p->needs)) {
        fprintf(stderr, "%spwsim: %s: skipped: the boot image has no program \"%s\"\n",
                quiet ? "" : "\n", p->label, p->needs);
        image_free(image);
        return 0;
    }
    if (!quiet && i == 0)
        run_describe(p->config, stdout);
    if (!quiet)
        printf("%s%s: ", i == 0 ? "\n" : "", p->label);
    fflush(stdout);
    int status = run_point(p->config, p->label, image, opt, &r, err, errlen);
    if (status == 0) {
        if (!quiet)
            run_summary(&r, stdout);
        add_up(all, &r);
        status = experiment_record(x, i, machine_stats(r.machine), err, errlen);
        if (status == 0)
            status = judge(&r, p->label);
        machine_free(r.machine);
    }
    image_free(image);
    return status;
}

/* The options that have to do with checkpoints. 0, or -1 with a message. */
static int set_points(const struct run_command *c, const struct experiment *x,
                      struct run_options *opt, char *err, size_t errlen)
{
    opt->from = c->from;
    opt->checkpoint = c->at[1];
    if (c->at[0] && x->n > 1)
        return fail(err, errlen, "run: --checkpoint-at: %s has %zu points, it must be one", c->file,
                    x->n);
    if (c->kind && !c->at[0])
        return fail(err, errlen, "run: --checkpoint-kind: expected --checkpoint-at, too");
    if (c->kind && checkpoint_kind(c->kind, &opt->kind, err, errlen))
        return -1;
    if (!c->at[0])
        return 0;
    char why[512];
    if (file_may_write(c->at[1], FILE_BY_RENAME, why, sizeof why))
        return fail(err, errlen, "run: --checkpoint-at: cannot be written: %s", why);
    if (checkpoint_point(c->at[0], &opt->point, why, sizeof why))
        return fail(err, errlen, "run: --checkpoint-at %s", why);
    return 0;
}

/* Before the first of them begins. */
static int check_outputs(const struct experiment *x, char *err, size_t errlen)
{
    for (size_t i = 0; i < x->n; i++)
        if (outputs_check(x->points[i].config, err, errlen))
            return -1;
    return 0;
}

static int run_all(const struct run_command *c, struct experiment *x, const struct run_options *opt)
{
    char err[1024];
    struct run_result all = {0};
    int worst = EXIT_GOOD;
    snprintf(all.path, sizeof all.path, "%s/%s-*", c->root, x->name);
    for (size_t i = 0; i < x->n; i++) {
        const int status = run_one(x, i, opt, c->json, &all, err, sizeof err);
        if (status < 0) {
            if (!c->json)
                puts("");
            return cmd_complain("%s", err);
        }
        if (status > worst)
            worst = status;
    }
    struct table *t = experiment_table(x);
    if (c->json) {
        table_print_json(t, stdout);
    } else if (x->n > 1) {
        puts("");
        table_print(t, stdout);
        printf("\n%zu points: ", x->n);
        run_summary(&all, stdout);
    }
    table_free(t);
    return worst;
}

int cmd_run(int argc, char **argv)
{
    struct run_command c = {.root = "runs"};
    struct experiment *x = NULL;
    char err[1024];

    const int parsed = parse(&c, argc, argv);
    if (parsed) {
        free(c.set.v);
        return parsed == OPTIONS_BAD ? EXIT_BAD_INPUT : EXIT_GOOD;
    }
    int status;
    if (experiment_load(c.file, c.set.v, c.set.n, &x, err, sizeof err) ||
        (c.only && experiment_only(x, c.only, err, sizeof err))) {
        status = cmd_complain("%s", err);
    } else {
        FILE *const console = c.console ? stdout : NULL;
        struct run_options opt = {.root = c.root,
                                  .command = "run",
                                  .arguments = (const char *const *)argv,
                                  .n_arguments = (size_t)argc,
                                  .console = {console, console},
                                  .input = -1,
                                  .log = stderr,
                                  .progress = c.progress ? PROGRESS_ON : PROGRESS_AUTO};
        status = set_points(&c, x, &opt, err, sizeof err) || check_outputs(x, err, sizeof err)
                     ? cmd_complain("%s", err)
                     : run_all(&c, x, &opt);
    }
    experiment_free(x);
    free(c.set.v);
    return status;
}
