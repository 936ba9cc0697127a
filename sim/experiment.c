/* experiment.c - an experiment: the points of a config file, and the columns of its result table.
 */
#include "sim/experiment.h"

#include <assert.h>
#include <fnmatch.h>
#include <jansson.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/config_apply.h"
#include "sim/error.h"
#include "sim/formula.h"

#define MAX_AXES     16
#define MAX_COLUMNS  64
#define MAX_DECIMALS 6u

struct column {
    char *title, *formula;
    char *at; /* "FILE:LINE" where it stands; NULL: it is one of ours */
    unsigned decimals;
    int over_baseline; /* the value divided by that of the baseline */
    int percent;
};

struct experiment_results {
    struct column *columns;
    size_t ncolumns;
    struct ratio *values; /* point * ncolumns + column */
    uint8_t *recorded;    /* for each point */
};

/* Reading the group: where it stands, and where messages go. */
struct reader {
    const struct source *source;
    const config_setting_t *group; /* NULL: the file has none */
    const char *const *assignments;
    size_t nassignments;
    char *err;
    size_t errlen;
};

static const char wanted[] = "the experiment";

#define COMPLAIN(r, at, ...)                                                                       \
    (source_fail((r)->source, at, (r)->err, (r)->errlen, __VA_ARGS__), error_result())

/* ---- pieces of the group ---- */

static int is_sequence(const config_setting_t *s)
{
    int type = s != NULL ? config_setting_type(s) : CONFIG_TYPE_NONE;
    return type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY;
}

/* Every member of a group has one of these names (ended by NULL). */
static int only(const struct reader *r, const config_setting_t *group, const char *const *names,
                const char *expected)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        size_t k = 0;
        while (names[k] != NULL && strcmp(names[k], config_setting_name(s)) != 0) {
            k++;
        }
        if (names[k] == NULL) {
            return COMPLAIN(r, s, "\"%.40s\" has no meaning here: expected %s",
                            config_setting_name(s), expected);
        }
    }
    return 0;
}

/* Text that can be shown and written as JSON. */
static int is_shown(const char *s)
{
    json_t *j = json_string(s);
    int good = j != NULL && *s != '\0';
    json_decref(j);
    for (; good && *s != '\0'; s++) {
        good = (unsigned char)*s >= ' ' && *s != 0x7f;
    }
    return good;
}

/* A member that must be a string of visible text; NULL after a message. */
static const char *text_member(const struct reader *r, const config_setting_t *group,
                               const char *name)
{
    const config_setting_t *s = config_setting_get_member(group, name);
    const char *text = s != NULL && config_setting_type(s) == CONFIG_TYPE_STRING
                           ? config_setting_get_string(s)
                           : NULL;
    if (text == NULL || !is_shown(text)) {
        COMPLAIN(r, s != NULL ? s : group, "expected %s = \"TEXT\"", name);
        return NULL;
    }
    return text;
}

static config_setting_t *element(const config_setting_t *list, size_t i)
{
    return config_setting_get_elem(list, (unsigned)i);
}

static size_t length(const config_setting_t *s)
{
    return s != NULL ? (size_t)config_setting_length(s) : 0;
}

static const config_setting_t *member(const struct reader *r, const char *name)
{
    return r->group != NULL ? config_setting_get_member(r->group, name) : NULL;
}

/* ---- axes ---- */

static int check_step(const struct reader *r, const config_setting_t *step)
{
    static const char *const names[] = {"label", "set", "needs", NULL};
    if (!config_setting_is_group(step)) {
        return COMPLAIN(r, step, "expected { label = \"…\"; set = [ \"key=value\" ]; }");
    }
    const char *label = NULL;
    if (only(r, step, names, "label, set and needs") != 0 ||
        (label = text_member(r, step, "label")) == NULL) {
        return -1;
    }
    if (strchr(label, '/') != NULL) {
        return COMPLAIN(r, step, "label \"%.40s\": \"/\" stands between the labels of a point",
                        label);
    }
    if (config_setting_get_member(step, "needs") != NULL && text_member(r, step, "needs") == NULL) {
        return -1;
    }
    const config_setting_t *set = config_setting_get_member(step, "set");
    if (!is_sequence(set)) {
        return COMPLAIN(r, set != NULL ? set : step, "expected set = [ \"key=value\", … ]");
    }
    for (size_t i = 0; i < length(set); i++) {
        if (config_setting_type(element(set, i)) != CONFIG_TYPE_STRING) {
            return COMPLAIN(r, element(set, i), "expected \"key=value\"");
        }
    }
    return 0;
}

static const char *label_of(const config_setting_t *step)
{
    return config_setting_get_string(config_setting_get_member(step, "label"));
}

static int check_axis(const struct reader *r, const config_setting_t *axis)
{
    if (!is_sequence(axis) || length(axis) == 0) {
        return COMPLAIN(r, axis, "an axis is a list of at least one { label = …; set = …; }");
    }
    if (length(axis) > EXPERIMENT_MAX_POINTS) {
        return COMPLAIN(r, axis, "more than %u points", EXPERIMENT_MAX_POINTS);
    }
    for (size_t i = 0; i < length(axis); i++) {
        if (check_step(r, element(axis, i)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Number of points; 0 after a message. */
static size_t check_axes(const struct reader *r)
{
    const config_setting_t *axes = member(r, "axes");
    size_t n = 1;
    if (axes != NULL && (!is_sequence(axes) || length(axes) > MAX_AXES)) {
        COMPLAIN(r, axes, "axes: expected a list of at most %d axes", MAX_AXES);
        return 0;
    }
    for (size_t i = 0; i < length(axes); i++) {
        if (check_axis(r, element(axes, i)) != 0) {
            return 0;
        }
        n *= length(element(axes, i));
        if (n > EXPERIMENT_MAX_POINTS) {
            COMPLAIN(r, axes, "more than %u points", EXPERIMENT_MAX_POINTS);
            return 0;
        }
    }
    return n;
}

/* ---- points ---- */

static int apply_step(const struct reader *r, const config_setting_t *step,
                      struct experiment_point *p)
{
    const config_setting_t *set = config_setting_get_member(step, "set");
    for (size_t i = 0; i < length(set); i++) {
        if (config_assign_setting(p->config, r->source, element(set, i), r->err, r->errlen) != 0) {
            return -1;
        }
    }
    const config_setting_t *needs = config_setting_get_member(step, "needs");
    if (needs != NULL) {
        free(p->needs);
        p->needs = hostmem_text(config_setting_get_string(needs), wanted);
    }
    char *label = hostmem_format(wanted, "%s%s%s", p->label, *p->label != '\0' ? "/" : "",
                                 label_of(step));
    free(p->label);
    p->label = label;
    return 0;
}

/* Point number i: the last axis runs fastest. */
static int make_point(const struct reader *r, const struct config *base, size_t i,
                      struct experiment_point *p)
{
    const config_setting_t *axes = member(r, "axes");
    size_t step[MAX_AXES], naxes = length(axes);
    for (size_t a = naxes; a-- > 0;) {
        size_t n = length(element(axes, a));
        assert(n > 0);
        step[a] = i % n;
        i /= n;
    }
    p->config = config_copy(base);
    p->label = hostmem_text("", wanted);
    for (size_t a = 0; a < naxes; a++) {
        if (apply_step(r, element(element(axes, a), step[a]), p) != 0) {
            return -1;
        }
    }
    const char *path = r->source != NULL ? source_path(r->source) : NULL;
    if (config_apply_assignments(p->config, r->assignments, r->nassignments, r->err, r->errlen) !=
            0 ||
        config_finish(p->config, path, r->err, r->errlen) != 0) {
        return -1;
    }
    if (*p->label == '\0') {
        free(p->label);
        p->label = hostmem_text(p->config->name, wanted);
    }
    return 0;
}

/* Points of the same value of a key have the first of them as baseline. */
static void baselines_by_key(struct experiment *x, const struct config_key *key)
{
    char **values = hostmem_new(x->n, sizeof *values, wanted);
    for (size_t i = 0; i < x->n; i++) {
        values[i] = config_text(x->points[i].config, key);
        size_t j = 0;
        while (j < i && (x->points[j].baseline != j || strcmp(values[i], values[j]) != 0)) {
            j++;
        }
        x->points[i].baseline = j;
    }
    for (size_t i = 0; i < x->n; i++) {
        free(values[i]);
    }
    free(values);
}

static int read_baseline(const struct reader *r, struct experiment *x)
{
    const config_setting_t *s = member(r, "baseline");
    if (s == NULL) {
        return 0;
    }
    const char *text = text_member(r, r->group, "baseline");
    if (text == NULL || strcmp(text, "first") == 0) {
        return text == NULL ? -1 : 0;
    }
    const struct config_key *key = config_find_key(text);
    if (key == NULL) {
        return COMPLAIN(r, s, "baseline: \"%.80s\" is neither \"first\" nor a key", text);
    }
    baselines_by_key(x, key);
    return 0;
}

/* ---- columns ---- */

static void add_column(struct experiment_results *res, struct column c)
{
    res->columns = hostmem_resize(res->columns, res->ncolumns + 1, sizeof *res->columns, wanted);
    res->columns[res->ncolumns++] = c;
}

static void default_columns(struct experiment_results *res)
{
    static const struct column columns[] = {
        {.title = "cycles", .formula = "hart0.cycles"},
        {.title = "instructions", .formula = "hart0.instructions"},
        {.title = "IPC", .formula = "hart0.instructions / hart0.cycles", .decimals = 3},
        {.title = "ratio", .formula = "hart0.cycles", .decimals = 2, .over_baseline = 1},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct column c = columns[i];
        c.title = hostmem_text(c.title, wanted);
        c.formula = hostmem_text(c.formula, wanted);
        add_column(res, c);
    }
}

static int read_column(const struct reader *r, const config_setting_t *s, struct column *c)
{
    static const char *const names[] = {"title", "value", "ratio", "decimals", "percent", NULL};
    *c = (struct column){0};
    if (!config_setting_is_group(s)) {
        return COMPLAIN(r, s, "expected { title = \"…\"; value = \"FORMULA\"; }");
    }
    if (only(r, s, names, "title, value or ratio, decimals, percent") != 0) {
        return -1;
    }
    c->over_baseline = config_setting_get_member(s, "ratio") != NULL;
    if (c->over_baseline && config_setting_get_member(s, "value") != NULL) {
        return COMPLAIN(r, s, "a column has a value or a ratio, not both");
    }
    const config_setting_t *decimals = config_setting_get_member(s, "decimals");
    const config_setting_t *percent = config_setting_get_member(s, "percent");
    if (percent != NULL && config_setting_type(percent) != CONFIG_TYPE_BOOL) {
        return COMPLAIN(r, percent, "percent: expected true or false");
    }
    c->percent = percent != NULL && config_setting_get_bool(percent);
    c->decimals = c->over_baseline ? 2 : 0;
    if (decimals != NULL) {
        int type = config_setting_type(decimals), d = config_setting_get_int(decimals);
        if (type != CONFIG_TYPE_INT || d < 0 || d > (int)MAX_DECIMALS - (c->percent ? 2 : 0)) {
            return COMPLAIN(r, decimals, "decimals: expected 0 to %u (percent: 4)", MAX_DECIMALS);
        }
        c->decimals = (unsigned)d;
    }
    const char *title = text_member(r, s, "title");
    const char *formula = title != NULL ? text_member(r, s, c->over_baseline ? "ratio" : "value")
                                        : NULL;
    if (formula == NULL) {
        return -1;
    }
    c->title = hostmem_text(title, wanted);
    c->formula = hostmem_text(formula, wanted);
    c->at = source_where(r->source, s);
    return 0;
}

/* Titles are the keys of JSON objects: each stands once, and "point" is taken. */
static int is_title(const struct experiment_results *res, const char *title)
{
    for (size_t i = 0; i < res->ncolumns; i++) {
        if (strcmp(res->columns[i].title, title) == 0) {
            return 1;
        }
    }
    return strcmp(title, "point") == 0;
}

static int read_columns(const struct reader *r, struct experiment_results *res)
{
    const config_setting_t *list = member(r, "columns");
    if (list == NULL) {
        default_columns(res);
        return 0;
    }
    if (!is_sequence(list) || length(list) == 0 || length(list) > MAX_COLUMNS) {
        return COMPLAIN(r, list, "columns: expected a list of 1 to %d columns", MAX_COLUMNS);
    }
    for (size_t i = 0; i < length(list); i++) {
        struct column c;
        if (read_column(r, element(list, i), &c) != 0) {
            return -1;
        }
        int again = is_title(res, c.title);
        add_column(res, c);
        if (again) {
            return COMPLAIN(r, element(list, i), "a second column \"%.40s\"", c.title);
        }
    }
    return 0;
}

/* ---- the whole ---- */

static int build(const struct reader *r, const struct config *base, struct experiment *x)
{
    static const char *const names[] = {"axes", "baseline", "columns", NULL};
    if (r->group != NULL && only(r, r->group, names, "axes, baseline, columns") != 0) {
        return -1;
    }
    size_t n = check_axes(r);
    if (n == 0) {
        return -1;
    }
    x->points = hostmem_new(n, sizeof *x->points, wanted);
    x->results = hostmem_new(1, sizeof *x->results, wanted);
    while (x->n < n) {
        size_t i = x->n++;
        if (make_point(r, base, i, &x->points[i]) != 0) {
            return -1;
        }
    }
    assert(x->n == n && x->points[0].config != NULL);
    x->name = hostmem_text(x->points[0].config->name, wanted);
    if (read_baseline(r, x) != 0 || read_columns(r, x->results) != 0) {
        return -1;
    }
    assert(x->results->ncolumns > 0);
    x->results->values = hostmem_new(n * x->results->ncolumns, sizeof *x->results->values, wanted);
    x->results->recorded = hostmem_new(n, 1, wanted);
    return 0;
}

int experiment_load(const char *path, const char *const *assignments, size_t n,
                    struct experiment **out, char *err, size_t errlen)
{
    struct reader r = {NULL, NULL, assignments, n, err, errlen};
    struct config *base = config_default();
    struct experiment *x = hostmem_new(1, sizeof *x, wanted);
    struct source *source = NULL;
    int bad = -1;
    if (path != NULL) {
        source = source_read(path, err, errlen);
        if (source == NULL || config_apply_source(base, source, err, errlen) != 0) {
            goto out;
        }
        r.source = source;
        r.group = config_setting_get_member(source_root(source), "experiment");
    }
    bad = build(&r, base, x);
out:
    if (bad != 0) {
        experiment_free(x);
        x = NULL;
    }
    source_free(source);
    config_free(base);
    *out = x;
    return bad;
}

static void free_point(struct experiment_point *p)
{
    free(p->label);
    free(p->needs);
    config_free(p->config);
}

int experiment_only(struct experiment *x, const char *pattern, char *err, size_t errlen)
{
    size_t *moved = hostmem_new(x->n, sizeof *moved, wanted), n = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (fnmatch(pattern, x->points[i].label, 0) == 0) {
            moved[i] = moved[x->points[i].baseline] = 1;
        }
    }
    for (size_t i = 0; i < x->n; i++) {
        if (!moved[i]) {
            free_point(&x->points[i]);
            continue;
        }
        moved[i] = n; /* baselines come before what is compared with them */
        x->points[n] = x->points[i];
        x->points[n].baseline = moved[x->points[i].baseline];
        n++;
    }
    x->n = n;
    free(moved);
    return n > 0 ? 0 : fail(err, errlen, "run: --only: no point's label matches \"%s\"", pattern);
}

void experiment_free(struct experiment *x)
{
    if (x == NULL) {
        return;
    }
    for (size_t i = 0; i < x->n; i++) {
        free_point(&x->points[i]);
    }
    struct experiment_results *res = x->results;
    for (size_t i = 0; res != NULL && i < res->ncolumns; i++) {
        free(res->columns[i].title);
        free(res->columns[i].formula);
        free(res->columns[i].at);
    }
    if (res != NULL) {
        free(res->columns);
        free(res->values);
        free(res->recorded);
        free(res);
    }
    free(x->points);
    free(x->name);
    free(x);
}

/* ---- results ---- */

static int evaluate(const struct experiment *x, const struct stats *stats, struct ratio *values,
                    char *err, size_t errlen)
{
    const struct experiment_results *res = x->results;
    for (size_t i = 0; i < res->ncolumns; i++) {
        const struct column *c = &res->columns[i];
        char why[256];
        if (stats_formula(stats, c->formula, &values[i], why, sizeof why) != 0) {
            return fail(err, errlen, "%s%scolumn \"%s\": %s", c->at ? c->at : "", c->at ? ": " : "",
                        c->title, why);
        }
    }
    return 0;
}

int experiment_check(const struct experiment *x, const struct stats *stats, char *err,
                     size_t errlen)
{
    struct ratio values[MAX_COLUMNS];
    return evaluate(x, stats, values, err, errlen);
}

int experiment_record(struct experiment *x, size_t i, const struct stats *stats, char *err,
                      size_t errlen)
{
    assert(i < x->n);
    struct experiment_results *res = x->results;
    if (evaluate(x, stats, res->values + i * res->ncolumns, err, errlen) != 0) {
        return -1;
    }
    res->recorded[i] = 1;
    return 0;
}

static void set_cell(const struct experiment *x, struct table *t, size_t i, size_t c)
{
    const struct experiment_results *res = x->results;
    const struct column *col = &res->columns[c];
    struct ratio v = res->values[i * res->ncolumns + c];
    size_t base = x->points[i].baseline;
    if (col->over_baseline) {
        if (!res->recorded[base]) {
            return;
        }
        v = ratio_divide(v, res->values[base * res->ncolumns + c]);
    }
    if (v.den != 0) {
        unsigned shift = col->percent ? 2 : 0;
        table_fixed(t, i, c + 1, ratio_fixed(v, col->decimals + shift), col->decimals,
                    col->percent ? " %" : "");
    }
}

struct table *experiment_table(const struct experiment *x)
{
    const struct experiment_results *res = x->results;
    struct table *t = table_new();
    table_column(t, "point", TABLE_LEFT);
    for (size_t c = 0; c < res->ncolumns; c++) {
        table_column(t, res->columns[c].title, TABLE_RIGHT);
    }
    for (size_t i = 0; i < x->n; i++) {
        table_row(t);
        table_text(t, i, 0, x->points[i].label);
        if (i > 0 && x->points[i].baseline != x->points[i - 1].baseline) {
            table_rule(t, i);
        }
        for (size_t c = 0; res->recorded[i] && c < res->ncolumns; c++) {
            set_cell(x, t, i, c);
        }
    }
    return t;
}
