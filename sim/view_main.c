/* view_main.c - pwsim-view, which `pwsim view` becomes: the dashboard of a finished run, or of an
 * experiment as it runs. A binary of its own, as SDL brings some sixty libraries with it: loading
 * them would cost each command more than booting a guest does. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/experiment.h"
#include "sim/file.h"
#include "sim/options.h"
#include "sim/run.h"
#include "sim/series.h"
#include "ui/window.h"

#define LIVE_INSTRUCTIONS 100000u

static const char help[] =
    "pwsim view RUN|FILE.cfg [-s key=value]... [--screenshot FILE.png] [--size WxH]\n"
    "\n"
    "Shows the CPI stack over time and the miss rates of the caches: of a run directory, or of "
    "the\n"
    "first point of an experiment while it runs.\n"
    "      --screenshot FILE  write one picture of the whole run instead of opening a window; "
    "needs\n"
    "                         no display\n"
    "      --size WxH         of the window or picture (1280x800)\n"
    "  -s, --set KEY=VALUE    for FILE.cfg: a configuration key; repeatable\n"
    "Keys: q quits, space pauses, + - and arrows zoom and pan, u chooses user or kernel, s "
    "saves.\n";

struct view_command {
    struct texts set;
    const char *what, *shot;
    int width, height;
};

/* A simulation that a window drives. */
struct live {
    struct machine *machine;
    struct series *series;
    struct snapshot *snap;
    uint64_t seen_ps;
    int over;
    char err[1024];
};

static int parse_size(struct view_command *c, const char *text)
{
    char *end;
    c->width = (int)strtol(text, &end, 10);
    c->height = *end == 'x' ? (int)strtol(end + 1, &end, 10) : 0;
    if (*end == 0 && c->height > 0 && c->width > 0)
        return 0;
    cmd_complain("--size %s: expected WIDTHxHEIGHT, such as 1280x800", text);
    return OPTIONS_BAD;
}

/* 0, or what options_parse said. */
static int parse(struct view_command *c, int argc, char **argv)
{
    const char *size = NULL;
    const struct option_row rows[] = {{"set", 's', OPTION_LIST, &c->set},
                                      {"screenshot", 0, OPTION_TEXT, &c->shot},
                                      {"size", 0, OPTION_TEXT, &size},
                                      {0}};
    const int at = options_parse(argc, argv, rows, help, 0);
    if (at < 0)
        return at;
    c->what = argv[at];
    if (argc - at == 1)
        return size ? parse_size(c, size) : 0;
    cmd_complain("view: expected one run directory or FILE.cfg; `pwsim view --help` says more");
    return OPTIONS_BAD;
}

/* ---- a finished run ---- */

static int add_columns(struct snapshot *snap, size_t n, char *const *names, char *err,
                       size_t errlen)
{
    for (size_t i = 0; i < n; i++)
        if (snapshot_add_column(snap, names[i], NULL)) {
            snprintf(err, errlen, "column %s: %s", names[i], snapshot_error(snap));
            return -1;
        }
    return 0;
}

static struct snapshot *table_snapshot(const struct series_table *t, const char *name,
                                       const char *machine, char *err, size_t errlen)
{
    struct snapshot *snap = snapshot_new(name, machine);
    int bad = !snap || add_columns(snap, t->columns, t->names, err, errlen);
    for (size_t row = 0; !bad && row < t->rows; row++)
        if (snapshot_add_row(snap, t->cells + row * t->columns, t->columns)) {
            snprintf(err, errlen, "row %zu: %s", row + 1, snapshot_error(snap));
            bad = -1;
        }
    if (!bad)
        return snap;
    snapshot_free(snap);
    return NULL;
}

/* "demo: wordcount/call" from a run's own account of itself; the config's name where it says none.
 */
static const char *run_title(const char *dir, const struct config *cfg, char *buf, size_t n)
{
    char path[4096];
    json_error_t ignored;
    snprintf(path, sizeof path, "%s/run.json", dir);
    json_t *run = json_load_file(path, 0, &ignored);
    const char *point = json_string_value(json_object_get(run, "point"));
    snprintf(buf, n, "%s%s%s", cfg->name, point ? ": " : "", point ? point : "");
    json_decref(run);
    return buf;
}

static struct snapshot *load_run(const char *dir, char *err, size_t errlen)
{
    char path[4096], machine[200], title[300];
    struct config *cfg;
    struct snapshot *snap = NULL;
    snprintf(path, sizeof path, "%s/resolved.cfg", dir);
    if (access(path, F_OK)) {
        error_format(err, errlen, "%s: not a run directory: there is no %s", dir, path);
        return NULL;
    }
    if (config_load(path, NULL, 0, &cfg, err, errlen))
        return NULL;
    snprintf(path, sizeof path, "%s/series.csv.gz", dir);
    struct series_table *t = series_read(path, err, errlen);
    if (t)
        snap = table_snapshot(t, run_title(dir, cfg, title, sizeof title),
                              run_machine_line(cfg, machine, sizeof machine), err, errlen);
    series_table_free(t);
    config_free(cfg);
    return snap;
}

/* ---- a run under way ---- */

static int take_row(struct live *l)
{
    const uint64_t *row = series_last(l->series);
    if (row[0] == l->seen_ps)
        return 0;
    l->seen_ps = row[0];
    if (snapshot_add_row(l->snap, row, series_columns(l->series)) == 0)
        return 0;
    snprintf(l->err, sizeof l->err, "%s", snapshot_error(l->snap));
    return -1;
}

static int live_step(void *self)
{
    struct live *l = self;
    if (l->over)
        return 0;
    const enum machine_state state = machine_step(l->machine, LIVE_INSTRUCTIONS);
    if (state != STATE_RUNNING) {
        l->over = 1;
        if (machine_finish(l->machine, l->err, sizeof l->err))
            return -1;
    }
    if (take_row(l))
        return -1;
    return !l->over;
}

static int live_begin(struct live *l, const struct config *cfg, const struct image *image)
{
    char machine[200];
    const struct machine_ports ports = {.image = image, .input = -1, .log = stderr};
    int bad = 0;
    l->machine = machine_new(cfg, &ports, l->err, sizeof l->err);
    if (!l->machine)
        return -1;
    l->series = series_open(NULL, machine_stats(l->machine), l->err, sizeof l->err);
    l->snap = snapshot_new(cfg->name, run_machine_line(cfg, machine, sizeof machine));
    if (!l->series || !l->snap)
        return -1;
    (void)machine_sample(l->machine, l->series);
    for (size_t i = 0; !bad && i < series_columns(l->series); i++)
        bad = snapshot_add_column(l->snap, series_name(l->series, i), NULL);
    if (bad)
        snprintf(l->err, sizeof l->err, "%s", snapshot_error(l->snap));
    return bad;
}

static void live_end(struct live *l)
{
    char ignored[128];
    machine_free(l->machine);
    if (l->series)
        series_close(l->series, ignored, sizeof ignored);
    snapshot_free(l->snap);
}

/* ---- showing ---- */

static int show(const struct view_command *c, struct view_source *source, char *err, size_t errlen)
{
    const struct view_options opt = {.width = c->width, .height = c->height};
    if (!c->shot)
        return view_window(source, &opt, err, errlen) == VIEW_CLOSED ? 0 : -1;
    while (source->step) {
        const int more = source->step(source->self);
        if (more < 0)
            return -1;
        if (!more)
            break;
    }
    return view_screenshot(source->snap, c->shot, c->width, c->height, err, errlen);
}

static int view_run(const struct view_command *c)
{
    char err[1024];
    struct view_source source = {.snap = load_run(c->what, err, sizeof err)};
    if (!source.snap)
        return cmd_complain("%s", err);
    const int bad = show(c, &source, err, sizeof err);
    snapshot_free(source.snap);
    return bad ? cmd_complain("%s", err) : EXIT_GOOD;
}

static int view_config(const struct view_command *c)
{
    struct live l = {0};
    struct experiment *x = NULL;
    struct image *image = NULL;
    int bad = experiment_load(c->what, c->set.v, c->set.n, &x, l.err, sizeof l.err);
    if (!bad && !(image = run_open_image(x->points[0].config, l.err, sizeof l.err)))
        bad = -1;
    if (!bad)
        bad = live_begin(&l, x->points[0].config, image);
    if (!bad) {
        struct view_source source = {.snap = l.snap, .step = live_step, .self = &l};
        bad = show(c, &source, l.err, sizeof l.err);
    }
    live_end(&l);
    image_free(image);
    experiment_free(x);
    return bad ? cmd_complain("%s", l.err) : EXIT_GOOD;
}

int main(int argc, char **argv)
{
    struct view_command c = {.width = 1280, .height = 800};
    struct stat st;
    char err[1024];
    cmd_begin();
    const int parsed = parse(&c, argc, argv);
    int status = parsed == OPTIONS_BAD ? EXIT_BAD_INPUT : EXIT_GOOD;
    if (parsed == 0 && c.shot && file_may_write(c.shot, FILE_IN_PLACE, err, sizeof err))
        status = cmd_complain("view: --screenshot: cannot be written: %s", err);
    else if (parsed == 0)
        status = stat(c.what, &st) == 0 && S_ISDIR(st.st_mode) ? view_run(&c) : view_config(&c);
    free(c.set.v);
    return cmd_end(status, EXIT_BAD_INPUT);
}
