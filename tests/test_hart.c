/* test_hart.c - several harts: what they do does not depend on how far each is executed ahead. */
/*
 * The kernel of tests/kernel/harts.c prints who did what after whom, with times; so equal output
 * and equal counters say that the order of everything was the same.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/machine.h"

static char err[1000];

struct outcome {
    char *console, *stats;
    uint64_t instructions;
};

static void outcome_free(struct outcome *o)
{
    free(o->console);
    free(o->stats);
}

static char *stats_text(const struct machine *m)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(stats_write_json(machine_stats(m), f), 0);
    fclose(f);
    return text;
}

static struct outcome run(const char *core, const char *what, unsigned harts, unsigned quantum)
{
    char image[300], model[64], args[64], count[64], ahead[64];
    const char *const b = getenv("B");
    snprintf(image, sizeof image, "boot.image=%s/guest/tests/harts.elf", b ? b : "build");
    snprintf(model, sizeof model, "core.model=%s", core);
    snprintf(args, sizeof args, "program.args=[\"%s\"]", what);
    snprintf(count, sizeof count, "machine.harts=%u", harts);
    snprintf(ahead, sizeof ahead, "machine.quantum=%u", quantum);
    const char *const sets[] = {image,
                                model,
                                args,
                                count,
                                ahead,
                                "program.name=worker",
                                "machine.dram=256 MiB",
                                "l2.size=64 KiB",
                                "llc.size=256 KiB",
                                "nvdimm.size=0"};
    struct config *cfg;
    struct outcome o = {0};
    size_t n;
    cr_assert_eq(config_load(NULL, sets, sizeof sets / sizeof sets[0], &cfg, err, sizeof err), 0,
                 "%s", err);
    struct image *img = image_open(cfg->boot_image, err, sizeof err);
    cr_assert_not_null(img, "%s", err);
    FILE *console = open_memstream(&o.console, &n);
    const struct machine_ports ports = {
        .image = img, .input = -1, .console = {console}, .log = stderr};
    struct machine *m = machine_new(cfg, &ports, err, sizeof err);
    cr_assert_not_null(m, "%s", err);
    while (machine_step(m, 100000) == STATE_RUNNING)
        cr_assert_lt(machine_instructions(m), 20000000, "%s: it does not end", what);
    cr_assert_eq(machine_step(m, 0), STATE_HALTED, "%s on %u harts", what, harts);
    cr_assert_eq(machine_finish(m, err, sizeof err), 0, "%s", err);
    fclose(console);
    o.stats = stats_text(m);
    o.instructions = machine_instructions(m);
    machine_free(m);
    image_free(img);
    config_free(cfg);
    return o;
}

static void same(const char *core, const char *what, unsigned harts)
{
    static const unsigned quanta[] = {100, 1000, 10000};
    struct outcome first = run(core, what, harts, 1);
    for (size_t i = 0; i < sizeof quanta / sizeof quanta[0]; i++) {
        struct outcome o = run(core, what, harts, quanta[i]);
        cr_assert_str_eq(o.console, first.console, "%s on %u harts of %s, quantum %u", what, harts,
                         core, quanta[i]);
        cr_assert_str_eq(o.stats, first.stats, "%s on %u harts of %s, quantum %u", what, harts,
                         core, quanta[i]);
        cr_assert_eq(o.instructions, first.instructions);
        outcome_free(&o);
    }
    outcome_free(&first);
}

Test(hart, results_do_not_depend_on_the_quantum)
{
    static const char *const cores[] = {"functional", "inorder"};
    static const char *const work[] = {"pingpong", "lock", "barrier", "wake", "users"};
    for (size_t c = 0; c < sizeof cores / sizeof cores[0]; c++)
        for (size_t w = 0; w < sizeof work / sizeof work[0]; w++)
            same(cores[c], work[w], w == 0 ? 2 : 4);
}

static uint64_t number(const struct outcome *o, const char *name)
{
    const char *at = strstr(o->console, name);
    cr_assert_not_null(at, "%s in %s", name, o->console);
    return strtoull(at + strlen(name), NULL, 10);
}

/* Nothing is lost under the lock, and nobody is left out, for any number of harts. */
Test(hart, all_harts_do_their_part)
{
    static const unsigned harts[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof harts / sizeof harts[0]; i++) {
        struct outcome o = run("functional", "lock", harts[i], 1000);
        cr_assert_eq(number(&o, "count "), 200 * harts[i]);
        outcome_free(&o);
    }
    struct outcome most = run("functional", "wake", 64, 1000);
    for (unsigned i = 0; i < 64; i++) {
        char line[32];
        snprintf(line, sizeof line, "hart done %u\n", i);
        cr_assert(strstr(most.console, line), "hart %u", i);
    }
    outcome_free(&most);
    most = run("functional", "users", 3, 1000);
    cr_assert_eq(number(&most, "count "), 6 * 3);
    outcome_free(&most);
}

/* Each of four programs on memory of its own: four harts need little more time than one. */
Test(hart, harts_work_at_the_same_time)
{
    struct outcome one = run("functional", "users", 1, 1000);
    struct outcome four = run("functional", "users", 4, 1000);
    const uint64_t alone = number(&one, "nanoseconds "), all = number(&four, "nanoseconds ");
    cr_assert_lt(all, alone + alone / 10, "one %lu ns, four %lu ns", (unsigned long)alone,
                 (unsigned long)all);
    outcome_free(&one);
    outcome_free(&four);
}
