/* cmd_list.c - `pwsim list`: what there is, one line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/core.h"
#include "guestos/include/machine.h"
#include "memhier/page_policy.h"
#include "memhier/policy.h"
#include "memhier/prefetcher.h"
#include "sim/cmd.h"
#include "sim/list.h"
#include "sim/machine.h"
#include "sim/run.h"

static const char help[] =
    "pwsim list keys|stats|policies|page-policies|prefetchers|cores|programs [IMAGE]\n"
    "\n"
    "  keys       configuration keys: type, default, unit, meaning\n"
    "  stats      counters of stats.json and series.csv.gz: unit, meaning\n"
    "  policies   cache-replacement policies\n"
    "  page-policies   policies of `pwsim replay --page`\n"
    "  prefetchers   prefetchers of the L1D and the L2\n"
    "  cores      core models\n"
    "  programs   programs of the boot image (or of IMAGE)\n";

static int list_policies(void)
{
    struct list_row rows[64];
    size_t n = 0;
    for (const struct policy *const *p = policy_table; *p && n < sizeof rows / sizeof rows[0]; p++)
        rows[n++] = (struct list_row){(*p)->name, (*p)->meaning};
    list_rows(rows, n, stdout);
    return EXIT_GOOD;
}

static int list_page_policies(void)
{
    struct list_row rows[64];
    size_t n = 0;
    for (const struct page_policy *const *p = page_policy_table; *p && n < 64; p++)
        rows[n++] = (struct list_row){(*p)->name, (*p)->meaning};
    list_rows(rows, n, stdout);
    return EXIT_GOOD;
}

static int list_prefetchers(void)
{
    struct list_row rows[64];
    size_t n = 0;
    for (const struct prefetcher_ops *const *p = prefetcher_table; *p && n < 64; p++)
        rows[n++] = (struct list_row){(*p)->name, (*p)->meaning};
    list_rows(rows, n, stdout);
    return EXIT_GOOD;
}

static int list_cores(void)
{
    struct list_row rows[16] = {
        {"functional", "no time and no caches; stores are durable at once"}};
    size_t n = 1;
    for (const struct core_ops *const *c = core_models; *c && n < 16; c++)
        rows[n++] = (struct list_row){(*c)->name, (*c)->meaning};
    list_rows(rows, n, stdout);
    return EXIT_GOOD;
}

static int list_stats(void)
{
    static const struct core_counters none;
    char err[512];
    struct config *cfg;
    struct memside side;
    if (config_load(NULL, NULL, 0, &cfg, err, sizeof err))
        return cmd_complain("%s", err);
    if (memside_make(&side, cfg, 1, err, sizeof err)) {
        config_free(cfg);
        return cmd_complain("%s", err);
    }
    struct stats *stats = stats_new();
    const uint64_t zero = 0;
    const struct hart_counts hart = {&zero, &zero, &none};
    machine_register_stats(stats, cfg, &hart, 1, &side);
    stats_list(stats, stdout);
    stats_free(stats);
    memside_drop(&side);
    config_free(cfg);
    return EXIT_GOOD;
}

static int list_programs(const char *path)
{
    char err[512];
    struct config *cfg;
    if (config_load(NULL, NULL, 0, &cfg, err, sizeof err))
        return cmd_complain("%s", err);
    struct image *image = path ? image_open(path, err, sizeof err)
                               : run_open_image(cfg, err, sizeof err);
    config_free(cfg);
    if (!image)
        return cmd_complain("%s", err);
    const size_t skip = strlen(SECTION_PROGRAM);
    for (size_t i = 0; i < image_count(image); i++) {
        const struct image_section *s = image_section(image, i);
        if (strncmp(s->name, SECTION_PROGRAM, skip) == 0)
            printf("%-16s %zu bytes\n", s->name + skip, s->n);
    }
    image_free(image);
    return EXIT_GOOD;
}

int cmd_list(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_GOOD;
    }
    if (strcmp(what, "programs") == 0 && argc <= 3)
        return list_programs(argc == 3 ? argv[2] : NULL);
    if (argc != 2)
        return cmd_complain("list: expected one of keys, stats, policies, page-policies, "
                            "prefetchers, cores, programs");
    if (strcmp(what, "keys") == 0) {
        list_keys(stdout);
        return EXIT_GOOD;
    }
    if (strcmp(what, "stats") == 0)
        return list_stats();
    if (strcmp(what, "policies") == 0)
        return list_policies();
    if (strcmp(what, "page-policies") == 0)
        return list_page_policies();
    if (strcmp(what, "prefetchers") == 0)
        return list_prefetchers();
    if (strcmp(what, "cores") == 0)
        return list_cores();
    return cmd_complain("list: \"%s\" is none of keys, stats, policies, page-policies, "
                        "prefetchers, cores, programs",
                        what);
}
