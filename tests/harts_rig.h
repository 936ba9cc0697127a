/* harts_rig.h - for tests of several harts: a machine run to its end, and what it leaves, as text.
 */
/*
 * What programs print depends on who did what after whom, and when; so equal output and equal
 * counters say that the order of everything was the same.
 */
#ifndef TESTS_HARTS_RIG_H
#define TESTS_HARTS_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/machine.h"

static char err[1000];

/* What is run. */
struct harts_kind {
    const char *image, *program; /* of $B/guest/tests */
    const char *more[3];         /* assignments */
};

struct outcome {
    char *console, *log, *stats;
    uint64_t instructions;
    int exit_code;
};

static inline void outcome_free(struct outcome *o)
{
    free(o->console);
    free(o->log);
    free(o->stats);
}

static inline char *stats_text(const struct machine *m)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(stats_write_json(machine_stats(m), f), 0);
    fclose(f);
    return text;
}

/* Of each hart the parts of the CPI stack are its time, exactly. */
static inline void adds_up(const struct stats *s, const char *what)
{
    uint64_t cycles[64] = {0}, parts[64] = {0};
    for (size_t i = 0; i < stats_count(s); i++) {
        unsigned hart = 64;
        char name[64];
        if (sscanf(stats_name(s, i), "hart%u.%63s", &hart, name) != 2 || hart >= 64)
            continue;
        if (!strcmp(name, "cycles"))
            cycles[hart] = stats_value(s, i);
        else if (!strncmp(name, "cpi.", 4))
            parts[hart] += stats_value(s, i);
    }
    for (unsigned i = 0; i < 64; i++)
        cr_assert_eq(parts[i], cycles[i], "%s: hart %u: %lu of %lu cycles", what, i,
                     (unsigned long)parts[i], (unsigned long)cycles[i]);
}

/* A machine, and where its console and log go. */
struct guest {
    struct config *cfg;
    struct image *image;
    struct machine *m;
    FILE *console, *log;
    struct outcome o;
    size_t n, k;
};

/* args: of the program, with commas between them. */
static inline struct guest *guest_new(const struct harts_kind *kind, const char *core,
                                      const char *args, unsigned harts, unsigned quantum)
{
    char image[300], program[64], model[64], list[100], count[64], ahead[64];
    const char *const b = getenv("B");
    struct guest *g = calloc(1, sizeof *g);
    snprintf(image, sizeof image, "boot.image=%s/guest/tests/%s", b ? b : "build", kind->image);
    snprintf(program, sizeof program, "program.name=%s", kind->program);
    snprintf(model, sizeof model, "core.model=%s", core);
    snprintf(list, sizeof list, "program.args=%s", args);
    snprintf(count, sizeof count, "machine.harts=%u", harts);
    snprintf(ahead, sizeof ahead, "machine.quantum=%u", quantum);
    const char *const sets[] = {
        image,          program,       model,         list,          count,
        ahead,          kind->more[0], kind->more[1], kind->more[2], "machine.dram=256 MiB",
        "nvdimm.size=0"};
    cr_assert_eq(config_load(NULL, sets, sizeof sets / sizeof sets[0], &g->cfg, err, sizeof err), 0,
                 "%s", err);
    g->image = image_open(g->cfg->boot_image, err, sizeof err);
    cr_assert_not_null(g->image, "%s", err);
    g->console = open_memstream(&g->o.console, &g->n);
    g->log = open_memstream(&g->o.log, &g->k);
    return g;
}

static inline struct machine_ports ports_of(const struct guest *g)
{
    return (struct machine_ports){
        .image = g->image, .input = -1, .console = {g->console, g->console}, .log = g->log};
}

static inline void power_on(struct guest *g)
{
    const struct machine_ports ports = ports_of(g);
    g->m = machine_new(g->cfg, &ports, err, sizeof err);
    cr_assert_not_null(g->m, "%s", err);
}

/* To its end; what it left. */
static inline struct outcome guest_end(struct guest *g, const char *args)
{
    while (machine_step(g->m, 100000) == STATE_RUNNING)
        cr_assert_lt(machine_instructions(g->m), 200000000, "%s: it does not end", args);
    cr_assert_eq(machine_step(g->m, 0), STATE_HALTED, "%s", args);
    cr_assert_eq(machine_finish(g->m, err, sizeof err), 0, "%s", err);
    fclose(g->console);
    fclose(g->log);
    struct outcome o = g->o;
    o.exit_code = machine_exit_code(g->m);
    o.instructions = machine_instructions(g->m);
    o.stats = stats_text(g->m);
    if (g->cfg->core_model != 1) /* functional */
        adds_up(machine_stats(g->m), args);
    machine_free(g->m);
    image_free(g->image);
    config_free(g->cfg);
    free(g);
    return o;
}

static inline struct outcome harts_run(const struct harts_kind *kind, const char *core,
                                       const char *args, unsigned harts, unsigned quantum)
{
    struct guest *g = guest_new(kind, core, args, harts, quantum);
    power_on(g);
    return guest_end(g, args);
}

static inline uint64_t number(const struct outcome *o, const char *name)
{
    const char *at = strstr(o->console, name);
    cr_assert_not_null(at, "%s in %s", name, o->console);
    return strtoull(at + strlen(name), NULL, 10);
}

/* The same is done whatever the quantum. */
static inline void harts_same(const struct harts_kind *kind, const char *core, const char *args,
                              unsigned harts)
{
    static const unsigned quanta[] = {100, 1000, 10000};
    struct outcome first = harts_run(kind, core, args, harts, 1);
    for (size_t i = 0; i < sizeof quanta / sizeof quanta[0]; i++) {
        struct outcome o = harts_run(kind, core, args, harts, quanta[i]);
        cr_assert_str_eq(o.console, first.console, "%s on %u harts of %s, quantum %u", args, harts,
                         core, quanta[i]);
        cr_assert_str_eq(o.log, first.log);
        cr_assert_str_eq(o.stats, first.stats, "%s on %u harts of %s, quantum %u", args, harts,
                         core, quanta[i]);
        cr_assert_eq(o.instructions, first.instructions);
        outcome_free(&o);
    }
    outcome_free(&first);
}

#endif
