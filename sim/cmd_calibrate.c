/* cmd_calibrate.c - `pwsim calibrate`: a machine's memory side against measurements of real ones.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/calibfile.h"
#include "sim/calibrun.h"
#include "sim/callcosts.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/experiment.h"
#include "sim/options.h"
#include "sim/table.h"

static const char help[] =
    "pwsim calibrate FILE.csv [-m MACHINE.cfg] [-s key=value]... [--json]\n"
    "\n"
    "Runs each row of a calibration file (a measurement of a real machine) on the memory side of "
    "a\n"
    "machine: simulated harts load, store, flush and fence through the caches as a core would.\n"
    "Prints value, simulated figure and relative error, then mean and worst absolute error of "
    "each\n"
    "group. Columns: group,tier,dimms,threads,op,pattern,access_bytes,region_bytes,fence_bytes,\n"
    "stat,value,unit,source.\n"
    "A file with the columns group,event,value,unit,machine,source has costs of calls, traps and\n"
    "flushes instead: programs of the boot image do the same, behind `trap`, on the whole "
    "machine.\n"
    "  -m, --machine FILE   configuration of the machine (its first point)\n"
    "  -s, --set KEY=VALUE  a configuration key; repeatable\n"
    "      --json           everything, as one object; errors are fractions\n";

struct outcome {
    double simulated, error; /* error: relative, signed */
};

struct summary {
    size_t rows;
    double sum, worst; /* of absolute errors */
};

struct calibration {
    struct calib_file file;
    struct outcome *out;
    struct summary group[CALIB_GROUPS], all;
};

static void add(struct summary *s, double error)
{
    s->rows++;
    s->sum += fabs(error);
    s->worst = fabs(error) > s->worst ? fabs(error) : s->worst;
}

static double mean(const struct summary *s)
{
    return s->rows ? s->sum / (double)s->rows : 0;
}

/* Run row i, and fill in all later rows that are the same experiment. */
static int run_row(struct calibration *c, size_t i, const struct config *cfg, char *err,
                   size_t errlen)
{
    const struct calib_row *row = &c->file.rows[i];
    struct calib_result result;
    struct progress p;
    char label[80];
    if (c->out[i].simulated >= 0)
        return 0;
    snprintf(label, sizeof label, "row %zu of %zu", i + 1, c->file.n);
    progress_begin(&p, PROGRESS_AUTO, label);
    const int bad = calib_run(row, cfg, &p, &result, err, errlen);
    progress_end(&p);
    if (bad)
        return -1;
    for (size_t k = i; k < c->file.n; k++) {
        if (calib_same(row, &c->file.rows[k]))
            c->out[k].simulated = calib_figure(&result, &c->file.rows[k]);
    }
    calib_result_drop(&result);
    return 0;
}

static int run_all(struct calibration *c, const struct config *cfg, char *err, size_t errlen)
{
    c->out = calloc(c->file.n, sizeof *c->out);
    if (!c->out)
        return fail(err, errlen, "out of memory");
    for (size_t i = 0; i < c->file.n; i++)
        c->out[i].simulated = -1;
    for (size_t i = 0; i < c->file.n; i++) {
        const struct calib_row *row = &c->file.rows[i];
        if (run_row(c, i, cfg, err, errlen))
            return -1;
        c->out[i].error = c->out[i].simulated / row->value - 1;
        add(&c->group[row->group], c->out[i].error);
        add(&c->all, c->out[i].error);
    }
    return 0;
}

/* ---- printing ---- */

static void describe(const struct calib_row *row, char *to, size_t n)
{
    char fence[40] = "";
    if (row->fence)
        snprintf(fence, sizeof fence, ", fence %s", row->text[8]);
    snprintf(to, n, "%s %s x%u, %u thread%s, %s %s %s B%s%s%s", row->text[0], row->text[1],
             row->dimms, row->threads, row->threads > 1 ? "s" : "", row->text[5], row->text[4],
             row->text[6], row->region ? " in " : "", row->region ? row->text[7] : "", fence);
}

static void print_rows(const struct calibration *c)
{
    struct table *t = table_new();
    char text[300];
    table_column(t, "row", TABLE_LEFT);
    table_column(t, "stat", TABLE_LEFT);
    table_column(t, "value", TABLE_RIGHT);
    table_column(t, "simulated", TABLE_RIGHT);
    table_column(t, "unit", TABLE_LEFT);
    table_column(t, "error", TABLE_RIGHT);
    for (size_t i = 0; i < c->file.n; i++) {
        const struct calib_row *row = &c->file.rows[i];
        const size_t at = table_row(t);
        if (i && row->group != row[-1].group)
            table_rule(t, at);
        describe(row, text, sizeof text);
        table_text(t, at, 0, text);
        table_text(t, at, 1, row->text[9]);
        table_fixed(t, at, 2, llround(row->value * 1000), 3, "");
        table_fixed(t, at, 3, llround(c->out[i].simulated * 1000), 3, "");
        table_text(t, at, 4, row->text[11]);
        table_fixed(t, at, 5, llround(c->out[i].error * 1000), 1, " %");
    }
    table_print(t, stdout);
    table_free(t);
}

static void print_group(struct table *t, const char *name, const struct summary *s)
{
    const size_t at = table_row(t);
    table_text(t, at, 0, name);
    table_fixed(t, at, 1, (int64_t)s->rows, 0, "");
    table_fixed(t, at, 2, llround(mean(s) * 1000), 1, " %");
    table_fixed(t, at, 3, llround(s->worst * 1000), 1, " %");
}

static void print_groups(const struct calibration *c)
{
    struct table *t = table_new();
    table_column(t, "group", TABLE_LEFT);
    table_column(t, "rows", TABLE_RIGHT);
    table_column(t, "mean error", TABLE_RIGHT);
    table_column(t, "worst", TABLE_RIGHT);
    for (unsigned g = 0; g < CALIB_GROUPS; g++) {
        if (c->group[g].rows)
            print_group(t, calib_group_names[g], &c->group[g]);
    }
    print_group(t, "all rows", &c->all);
    table_rule(t, table_row(t) - 1);
    table_print(t, stdout);
    table_free(t);
}

static json_t *row_json(const struct calib_row *row, const struct outcome *o)
{
    json_t *j = json_object();
    for (unsigned i = 0; i < 13; i++) {
        const int number = (i >= 2 && i <= 3) || (i >= 6 && i <= 8);
        json_t *v = !number         ? json_string(row->text[i])
                    : *row->text[i] ? json_integer(strtoll(row->text[i], NULL, 10))
                                    : json_null();
        json_object_set_new(j, calib_columns[i], v ? v : json_string(""));
    }
    json_object_set_new(j, "value", json_real(row->value));
    json_object_set_new(j, "simulated", json_real(o->simulated));
    json_object_set_new(j, "error", json_real(o->error));
    return j;
}

static int print_json(const struct calibration *c)
{
    json_t *rows = json_array(), *groups = json_object(), *all = json_object();
    for (size_t i = 0; i < c->file.n; i++)
        json_array_append_new(rows, row_json(&c->file.rows[i], &c->out[i]));
    for (unsigned g = 0; g < CALIB_GROUPS; g++) {
        const struct summary *s = &c->group[g];
        if (s->rows)
            json_object_set_new(groups, calib_group_names[g],
                                json_pack("{s:I,s:f,s:f}", "rows", (json_int_t)s->rows,
                                          "mean_abs_error", mean(s), "worst", s->worst));
    }
    json_object_set_new(all, "rows", rows);
    json_object_set_new(all, "groups", groups);
    json_object_set_new(all, "mean_abs_error", json_real(mean(&c->all)));
    json_object_set_new(all, "worst", json_real(c->all.worst));
    const int bad = json_dumpf(all, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(all);
    puts("");
    return bad;
}

int cmd_calibrate(int argc, char **argv)
{
    struct texts set = {0};
    const char *machine = NULL;
    int json = 0;
    const struct option_row rows[] = {{"machine", 'm', OPTION_TEXT, &machine},
                                      {"set", 's', OPTION_LIST, &set},
                                      {"json", 0, OPTION_FLAG, &json},
                                      {0}};
    char err[1024] = "";
    struct experiment *x = NULL;
    struct calibration c = {0};
    const int at = options_parse(argc, argv, rows, help, 0);
    int status = at == OPTIONS_BAD ? EXIT_BAD_INPUT : EXIT_GOOD;
    if (at == argc || (at > 0 && argc - at != 1)) {
        status = cmd_complain("calibrate: expected one calibration file; `pwsim calibrate --help` "
                              "says more");
    } else if (at > 0) {
        int bad = experiment_load(machine, set.v, set.n, &x, err, sizeof err);
        if (!bad && callcosts_is(argv[at])) {
            bad = cmd_calibrate_calls(argv[at], x->points[0].config, json, err, sizeof err);
            status = bad ? cmd_complain("%s", err) : EXIT_GOOD;
            goto out;
        }
        bad = bad || calib_read(argv[at], &c.file, err, sizeof err) ||
              run_all(&c, x->points[0].config, err, sizeof err);
        if (!bad && json) {
            bad = print_json(&c);
        } else if (!bad) {
            print_rows(&c);
            print_groups(&c);
        }
        status = bad ? cmd_complain("%s", *err ? err : "the result cannot be written") : EXIT_GOOD;
    }
out:
    free(c.out);
    calib_free(&c.file);
    experiment_free(x);
    free(set.v);
    return status;
}
