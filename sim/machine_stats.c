/* machine_stats.c - what a machine counts, under its names, and the ratios that follow from it. */
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/energy.h"
#include "sim/machine.h"

/* Formulas of one hart: '@' stands for its prefix. */
static const struct {
    const char *name, *unit, *meaning, *formula;
} ratios[] = {{"ipc", "1", "wasm operators per cycle", "@instructions / @cycles"},
              {"upc", "1", "micro-ops per cycle", "@uops / @cycles"},
              {"branch_mpki", "1/1000", "mispredictions for 1,000 wasm operators",
               "1000*@mispredictions / @instructions"},
              {"l1d.miss_ratio", "1", "misses of loads and stores",
               "@l1d.misses.load + @l1d.misses.store / @l1d.accesses.load + @l1d.accesses.store"},
              {"l1i.mpki", "1/1000", "misses for 1,000 wasm operators",
               "1000*@l1i.misses.fetch / @instructions"},
              {"l1d.mpki", "1/1000", "misses of loads and stores for 1,000 wasm operators",
               "1000*@l1d.misses.load + 1000*@l1d.misses.store / @instructions"}};

static void prefix_of(char buf[16], uint32_t hart)
{
    snprintf(buf, 16, "hart%u.", hart);
}

static void add_ratio(struct stats *stats, const char *prefix, size_t i)
{
    char name[64], formula[400];
    size_t n = 0;
    for (const char *p = ratios[i].formula; *p && n + 20 < sizeof formula; p++) {
        if (*p == '@')
            n += (size_t)snprintf(formula + n, sizeof formula - n, "%s", prefix);
        else
            formula[n++] = *p;
    }
    formula[n] = 0;
    snprintf(name, sizeof name, "%s%s", prefix, ratios[i].name);
    stats_add_ratio(stats, name, ratios[i].unit, ratios[i].meaning, formula, 4);
}

/* For 1,000 operators of all harts together. */
static void add_llc_mpki(struct stats *stats, uint32_t nharts)
{
    static const char above[] = "1000*llc.misses.load + 1000*llc.misses.store + "
                                "1000*llc.misses.fetch / ";
    char *formula = hostmem_resize(NULL, sizeof above + nharts * 32u, 1,
                                   "the registry of counters");
    memcpy(formula, above, sizeof above);
    size_t n = sizeof above - 1;
    for (uint32_t i = 0; i < nharts; i++)
        n += (size_t)sprintf(formula + n, "%shart%u.instructions", i ? " + " : "", i);
    stats_add_ratio(stats, "llc.mpki", "1/1000",
                    "misses of loads, stores and fetches for 1,000 wasm operators", formula, 4);
    free(formula);
}

void machine_register_stats(struct stats *stats, const struct config *cfg,
                            const struct hart_counts *harts, uint32_t nharts,
                            const struct memside *side)
{
    char prefix[16], name[32];
    for (uint32_t i = 0; i < nharts; i++) {
        prefix_of(prefix, i);
        snprintf(name, sizeof name, "%scycles", prefix);
        stats_add_value(stats, name, "cycles", "time in core cycles", harts[i].cycles);
        if (harts[i].core)
            stats_add(stats, prefix, core_counter_table, harts[i].core);
    }
    memside_stats(side, stats);
    energy_stats(stats, cfg, side);
    for (uint32_t i = 0; i < nharts; i++) {
        prefix_of(prefix, i);
        if (!harts[i].core) {
            snprintf(name, sizeof name, "%sinstructions", prefix);
            stats_add_value(stats, name, "1", "wasm operators executed", harts[i].executed);
            continue;
        }
        for (size_t k = 0; k < sizeof ratios / sizeof ratios[0]; k++)
            add_ratio(stats, prefix, k);
    }
    if (harts[0].core)
        add_llc_mpki(stats, nharts);
}
