/* cmd_calls.c - `pwsim calibrate` of a file of calls, traps and flushes (sim/callcosts.h). */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "sim/callcosts.h"
#include "sim/cmd.h"
#include "sim/error.h"
#include "sim/run.h"
#include "sim/table.h"

static int run_all(struct callcosts *c, const struct config *cfg, char *err, size_t errlen)
{
    for (size_t i = 0; i < c->n; i++)
        if (callcosts_run(c, i, cfg, err, errlen))
            return -1;
    return callcosts_run_walk(c, cfg, err, errlen);
}

static void print_measured(struct table *t, size_t at, const struct callcost *r)
{
    char text[100];
    if (r->low < r->high)
        snprintf(text, sizeof text, "%.1f-%.1f", r->low, r->high);
    else
        snprintf(text, sizeof text, "%.1f", r->low);
    table_text(t, at, 2, text);
}

static void print_row(struct table *t, const struct callcost *r)
{
    const size_t at = table_row(t);
    table_text(t, at, 0, r->event);
    table_text(t, at, 1, r->value);
    print_measured(t, at, r);
    table_fixed(t, at, 3, llround(r->simulated * 10), 1, "");
    if (r->error == 0)
        table_text(t, at, 4, "inside");
    else
        table_fixed(t, at, 4, llround(r->error * 1000), 1, " %");
    if (r->why)
        table_text(t, at, 5, r->why);
}

static void print_kind(const struct callcosts *c, enum callcost_kind kind)
{
    struct table *t = table_new();
    table_column(t, kind == CALLCOST_HARDWARE ? "event of the machine" : "path of a kernel",
                 TABLE_LEFT);
    table_column(t, "row", TABLE_RIGHT);
    table_column(t, "core cycles", TABLE_RIGHT);
    table_column(t, "simulated", TABLE_RIGHT);
    table_column(t, kind == CALLCOST_HARDWARE ? "error" : "difference", TABLE_RIGHT);
    if (kind == CALLCOST_KERNEL)
        table_column(t, "of this kernel, because", TABLE_LEFT);
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].kind == kind)
            print_row(t, &c->v[i]);
    table_print(t, stdout);
    table_free(t);
}

/* As most rows are run. */
static void print_machine(const struct config *cfg)
{
    char line[200], ignored[200];
    struct config *c = config_copy(cfg);
    if (config_assign(c, "kernel.boundary=trap", ignored, sizeof ignored) == 0)
        printf("%s\n\n", run_machine_line(c, line, sizeof line));
    config_free(c);
}

static void print_all(const struct callcosts *c)
{
    double worst = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].kind == CALLCOST_HARDWARE && fabs(c->v[i].error) > worst)
            worst = fabs(c->v[i].error);
    print_kind(c, CALLCOST_HARDWARE);
    printf("\na page walk, tables in the L2: %.1f core cycles here, no row tells\n", c->walk);
    printf("worst error %.1f %%; a core cycle is %u.%02u TSC cycles there\n\n", worst * 100,
           CALLCOSTS_TSC_PERCENT / 100, CALLCOSTS_TSC_PERCENT % 100);
    print_kind(c, CALLCOST_KERNEL);
    printf("\n%zu rows of other machines or events were left out\n", c->others);
}

static int print_json(const struct callcosts *c)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const struct callcost *r = &c->v[i];
        json_array_append_new(
            rows, json_pack("{s:s,s:s,s:s,s:s,s:f,s:f,s:f,s:f}", "event", r->event, "kind",
                            r->kind == CALLCOST_HARDWARE ? "hardware" : "kernel", "value", r->value,
                            "unit", r->unit, "low", r->low, "high", r->high, "simulated",
                            r->simulated, "error", r->error));
    }
    const int bad = json_dumpf(rows, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(rows);
    puts("");
    return bad;
}

int cmd_calibrate_calls(const char *path, const struct config *cfg, int json, char *err,
                        size_t errlen)
{
    struct callcosts c = {0};
    int bad = callcosts_read(path, &c, err, errlen) || run_all(&c, cfg, err, errlen);
    if (!bad && json)
        bad = print_json(&c) ? fail(err, errlen, "the result cannot be written") : 0;
    else if (!bad) {
        print_machine(cfg);
        print_all(&c);
    }
    callcosts_free(&c);
    return bad ? -1 : 0;
}
