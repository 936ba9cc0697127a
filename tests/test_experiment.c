/* test_experiment.c - points of an experiment, their configs and baselines, and the result table.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/experiment.h"
#include "sim/stats.h"
#include "sim/table.h"
#include "tests/scratch.h"

static char err[2048];

TestSuite(experiment, .init = scratch_enter, .fini = scratch_leave);

static void file(const char *text)
{
    FILE *f = fopen("x.cfg", "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

static struct experiment *load(const char *text, const char *assignment)
{
    struct experiment *x;
    file(text);
    int bad = experiment_load("x.cfg", &assignment, assignment != NULL, &x, err, sizeof err);
    cr_assert_eq(bad != 0, x == NULL);
    return x;
}

static const char three_axes[] =
    "l1d: { ways = 4; };\n"
    "experiment: {\n"
    "  axes = (\n"
    "    ( { label = \"wc\"; set = [\"program.name=wc\", \"program.args=a,b\"]; },\n"
    "      { label = \"kv\"; set = (\"program.name=kv\", \"l1d.ways=2\"); } ),\n"
    "    ( { label = \"call\"; set = [\"kernel.boundary=call\"]; },\n"
    "      { label = \"trap\"; set = [\"kernel.boundary=trap\", \"l1d.ways=1\"]; } ),\n"
    "    ( { label = \"nothing\"; set = []; } ) );\n"
    "  baseline = \"program.name\";\n"
    "};\n";

Test(experiment, cross_product)
{
    static const struct {
        const char *label, *program;
        uint32_t boundary;
        uint64_t ways;
        size_t args, baseline;
    } expected[] = {
        {"wc/call/nothing", "wc", 0, 4, 2, 0},
        {"wc/trap/nothing", "wc", 1, 1, 2, 0},
        {"kv/call/nothing", "kv", 0, 2, 0, 2},
        {"kv/trap/nothing", "kv", 1, 1, 0, 2},
    };
    struct experiment *x = load(three_axes, NULL);
    cr_assert(x != NULL, "%s", err);
    cr_assert_eq(x->n, 4);
    cr_expect_str_eq(x->name, "x");
    for (size_t i = 0; i < 4; i++) {
        const struct config *c = x->points[i].config;
        cr_expect_str_eq(x->points[i].label, expected[i].label);
        cr_expect_str_eq(c->program, expected[i].program);
        cr_expect_str_eq(c->name, "x");
        cr_expect_eq(c->boundary, expected[i].boundary);
        cr_expect_eq(c->l1d_ways, expected[i].ways);
        cr_expect_eq(c->args.n, expected[i].args);
        cr_expect_eq(x->points[i].baseline, expected[i].baseline);
    }
    experiment_free(x);

    x = load(three_axes, "l1d.ways=16"); /* the command line has the last word at each point */
    cr_assert(x != NULL, "%s", err);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(x->points[i].config->l1d_ways, 16);
    }
    experiment_free(x);
}

Test(experiment, one_point)
{
    struct experiment *x = load("seed = 3;\n", "name=other");
    cr_assert(x != NULL && x->n == 1);
    cr_expect_str_eq(x->points[0].label, "other");
    cr_expect_eq(x->points[0].config->seed, 3);
    cr_expect_eq(x->points[0].baseline, 0);
    experiment_free(x);
    cr_assert_eq(experiment_load(NULL, NULL, 0, &x, err, sizeof err), 0);
    cr_expect_eq(x->n, 1);
    experiment_free(x);
    x = load("experiment: { axes = (); };\n", NULL);
    cr_assert(x != NULL && x->n == 1);
    cr_expect_str_eq(x->points[0].label, "x");
    experiment_free(x);
}

#define STEP(set) "experiment: { axes = ( ( { label = \"a\"; set = " set "; } ) ); };\n"

Test(experiment, messages)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"experiment = 1;\n", "x.cfg:1: experiment: expected a group"},
        {"experiment: { axis = (); };\n", "x.cfg:1: \"axis\" has no meaning here: expected axes"},
        {"experiment: { axes = 1; };\n", "x.cfg:1: axes: expected a list"},
        {"experiment: { axes = ( () ); };\n", "x.cfg:1: an axis is a list of at least one"},
        {"experiment: { axes = ( 1 ); };\n", "x.cfg:1: an axis is a list of at least one"},
        {"experiment: { axes = ( ( 1 ) ); };\n", "x.cfg:1: expected { label ="},
        {"experiment: { axes = ( (\n{ set = []; } ) ); };\n", "x.cfg:2: expected label = "},
        {"experiment: { axes = ( ( { label = \"a\"; } ) ); };\n", "x.cfg:1: expected set = ["},
        {"experiment: { axes = ( ( { label = \"a/b\"; set = []; } ) ); };\n",
         "x.cfg:1: label \"a/b\": "},
        {"experiment: { axes = ( ( { label = \"\"; set = []; } ) ); };\n",
         "x.cfg:1: expected label = "},
        {"experiment: { axes = ( ( { label = \"\xff\"; set = []; } ) ); };\n",
         "x.cfg:1: expected label = "},
        {"experiment: { axes = ( ( { label = \"a\"; sets = []; } ) ); };\n",
         "x.cfg:1: \"sets\" has no meaning here"},
        {STEP("\"seed=1\""), "x.cfg:1: expected set = ["},
        {STEP("[1]"), "x.cfg:1: expected \"key=value\""},
        {STEP("[\"seed\"]"), "x.cfg:1: \"seed\": expected KEY=VALUE"},
        {STEP("[\"sede=1\"]"), "x.cfg:1: there is no key \"sede\"; did you mean \"seed\"?"},
        {STEP("[\n\"seed=1\",\n\"core.width=9\"\n]"),
         "x.cfg:3: core.width: 9 is out of range: expected 1 to 8"},
        {STEP("[\"name=a/b\"]"), "x.cfg:1: name: \"a/b\" cannot name a folder"},
        {"experiment: { baseline = \"nothing\"; };\n",
         "x.cfg:1: baseline: \"nothing\" is neither \"first\" nor a key"},
        {"experiment: { baseline = 1; };\n", "x.cfg:1: expected baseline = "},
        {"experiment: { columns = (); };\n", "x.cfg:1: columns: expected a list of 1 to"},
        {"experiment: { columns = ( \"a\" ); };\n", "x.cfg:1: expected { title ="},
        {"experiment: { columns = ( { title = \"a\"; } ); };\n", "x.cfg:1: expected value ="},
        {"experiment: { columns = ( { value = \"a\"; } ); };\n", "x.cfg:1: expected title ="},
        {"experiment: { columns = ( { title = \"a\"; value = \"a\"; ratio = \"b\"; } ); };\n",
         "x.cfg:1: a column has a value or a ratio"},
        {"experiment: { columns = ( { title = \"a\"; value = \"a\"; decimals = 7; } ); };\n",
         "x.cfg:1: decimals: expected 0 to 6"},
        {"experiment: { columns = ( { title = \"a\"; value = \"a\"; percent = true;\n"
         "decimals = 5; } ); };\n",
         "x.cfg:2: decimals: expected 0 to 6 (percent: 4)"},
        {"experiment: { columns = ( { title = \"a\"; value = \"a\"; percent = 1; } ); };\n",
         "x.cfg:1: percent: expected true or false"},
        {"experiment: { columns = ( { title = \"a\"; value = \"a\"; },\n"
         "{ title = \"a\"; value = \"a\"; } ); };\n",
         "x.cfg:2: a second column \"a\""},
        {"experiment: { columns = ( { title = \"point\"; value = \"a\"; } ); };\n",
         "x.cfg:1: a second column \"point\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err[0] = '\0';
        cr_assert_null(load(cases[i].text, NULL), "accepted: %s", cases[i].text);
        cr_expect(strncmp(err, cases[i].message, strlen(cases[i].message)) == 0,
                  "%s says %s\ninstead of %s", cases[i].text, err, cases[i].message);
    }
    cr_expect_null(load(three_axes, "core.width=0"));
    cr_expect(strncmp(err, "-s core.width=0: core.width: 0 is", 33) == 0, "%s", err);

    /* More points than any table: refused before they are made. */
    FILE *f = fopen("x.cfg", "w");
    fputs("experiment: { axes = ( ", f);
    for (int a = 0; a < 16; a++) {
        fputs(a > 0 ? ", ( " : "( ", f);
        for (int i = 0; i < 40; i++) {
            fprintf(f, "%s{ label = \"%d\"; set = []; }", i > 0 ? ", " : "", i);
        }
        fputs(" )", f);
    }
    fputs(" ); };\n", f);
    fclose(f);
    struct experiment *x;
    cr_expect_eq(experiment_load("x.cfg", NULL, 0, &x, err, sizeof err), -1);
    cr_expect(strncmp(err, "x.cfg:1: more than 20000 points", 31) == 0, "%s", err);
}

struct values {
    uint64_t cycles, calls, boundary;
};

static const struct counter counters[] = {
    {"cycles", "cycles", "", offsetof(struct values, cycles)},
    {"calls", "1", "", offsetof(struct values, calls)},
    {"boundary", "cycles", "", offsetof(struct values, boundary)},
    {NULL, NULL, NULL, 0},
};

static char *printed(const struct table *t, int json)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    if (json) {
        cr_assert_eq(table_print_json(t, f), 0);
    } else {
        table_print(t, f);
    }
    fclose(f);
    return text;
}

static const char with_columns[] =
    "experiment: {\n"
    "  axes = ( ( { label = \"a\"; set = [\"program.name=a\"]; },\n"
    "             { label = \"b\"; set = [\"program.name=b\"]; } ),\n"
    "           ( { label = \"1\"; set = []; }, { label = \"2\"; set = [\"seed=2\"]; } ) );\n"
    "  baseline = \"program.name\";\n"
    "  columns = ( { title = \"cycles\"; value = \"v.cycles\"; },\n"
    "              { title = \"per call\"; value = \"v.cycles / v.calls\"; decimals = 1; },\n"
    "              { title = \"share\"; value = \"v.boundary / v.cycles\"; percent = true; },\n"
    "              { title = \"ratio\"; ratio = \"v.cycles\"; } );\n"
    "};\n";

Test(experiment, results)
{
    static const struct values runs[] = {
        {1234567, 1000, 123456}, {2469134, 1000, 0}, {500, 0, 500}, {251, 3, 1}};
    static const char *const lines[] = {
        "point     cycles  per call  share  ratio",
        NULL, /* a rule */
        "a/1    1,234,567   1,234.6   10 %   1.00",
        "a/2    2,469,134   2,469.1    0 %   2.00",
        NULL,
        "b/1          500         -  100 %   1.00",
        "b/2            -         -      -      -",
    };
    struct experiment *x = load(with_columns, NULL);
    cr_assert(x != NULL, "%s", err);
    for (size_t i = 0; i < 4; i++) {
        struct values v = runs[i];
        struct stats *s = stats_new();
        stats_add(s, "v.", counters, &v);
        cr_expect_eq(experiment_check(x, s, err, sizeof err), 0, "%s", err);
        if (i < 3) {
            cr_expect_eq(experiment_record(x, i, s, err, sizeof err), 0, "%s", err);
        }
        stats_free(s);
    }
    struct table *t = experiment_table(x);
    char *text = printed(t, 0), *at = text;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *end = strchr(at, '\n');
        cr_assert_not_null(end);
        *end = '\0';
        if (lines[i] != NULL) {
            cr_expect_str_eq(at, lines[i]);
        } else {
            cr_expect_eq(strlen(at), 3 * strlen(lines[0]), "\"%s\"", at); /* U+2500 */
        }
        at = end + 1;
    }
    cr_expect_str_eq(at, "");
    free(text);

    text = printed(t, 1);
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_eq(json_array_size(j), 4);
    json_t *row = json_array_get(j, 1);
    cr_expect_str_eq(json_string_value(json_object_get(row, "point")), "a/2");
    cr_expect_eq(json_integer_value(json_object_get(row, "cycles")), 2469134);
    cr_expect_eq(json_real_value(json_object_get(row, "ratio")), 2.0);
    cr_expect_eq(json_real_value(json_object_get(row, "per call")), 2469.1);
    cr_expect(json_is_null(json_object_get(json_array_get(j, 3), "ratio")));
    json_decref(j);
    free(text);
    table_free(t);

    struct stats *empty = stats_new();
    cr_expect_eq(experiment_check(x, empty, err, sizeof err), -1);
    cr_expect_str_eq(err, "x.cfg:6: column \"cycles\": there is no counter \"v.cycles\" (see pwsim "
                          "list stats)");
    stats_free(empty);
    experiment_free(x);
}

Test(experiment, table_cells)
{
    static const struct {
        int64_t scaled;
        unsigned decimals;
        const char *text;
    } cases[] = {
        {0, 0, "0"},
        {999, 0, "999"},
        {-1000, 0, "-1,000"},
        {12345678, 3, "12,345.678"},
        {5, 2, "0.05"},
        {-5, 2, "-0.05"},
        {INT64_MAX, 6, "9,223,372,036,854.775807"},
        {INT64_MIN, 0, "-9,223,372,036,854,775,808"},
    };
    struct table *t = table_new();
    table_column(t, "\xc2\xb5s", TABLE_RIGHT);
    table_column(t, "name", TABLE_LEFT);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t row = table_row(t);
        table_text(t, row, 1, "replaced");
        table_text(t, row, 1, "end");
        table_fixed(t, row, 0, cases[i].scaled, cases[i].decimals, "");
    }
    char *text = printed(t, 0), expected[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(expected, sizeof expected, "\n%26s  end\n", cases[i].text);
        cr_expect(strstr(text, expected) != NULL, "%s in\n%s", expected, text);
    }
    snprintf(expected, sizeof expected, "%24s\xc2\xb5s  name\n", "");
    cr_expect(strncmp(text, expected, strlen(expected)) == 0, "%s", text);
    free(text);
    table_free(t);
    t = table_new();
    table_column(t, "alone", TABLE_LEFT);
    text = printed(t, 1);
    cr_expect_str_eq(text, "[]\n");
    free(text);
    table_free(t);
}
