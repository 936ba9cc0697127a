/* energy.c - formulas over counters, and lifetimes in exact integers. */
#include "sim/energy.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim/error.h"

#define SECOND_PS UINT64_C(1000000000000)

/* ---- DRAM ---- */

static void add_formula(struct stats *stats, const char *prefix, const char *what,
                        const char *meaning, const char *formula)
{
    char name[64];
    snprintf(name, sizeof name, "%senergy.%s", prefix, what);
    stats_add_ratio(stats, name, "nJ", meaning, formula, 3);
}

/* mW times ps are 10^-6 nJ. */
static void add_power(struct stats *stats, const char *prefix, const char *what,
                      const char *meaning, uint64_t milliwatts, ps_t period)
{
    char formula[100];
    snprintf(formula, sizeof formula, "%" PRIu64 "*hart0.cycles / 1000000", milliwatts * period);
    add_formula(stats, prefix, what, meaning, formula);
}

static void dram_energy(struct stats *stats, const struct config *cfg, const char *prefix,
                        uint64_t channels)
{
    const ps_t period = config_period(cfg);
    const uint64_t ranks = channels * cfg->dram_ranks;
    char formula[300];
    snprintf(formula, sizeof formula,
             "%" PRIu64 "*%srow_closed + %" PRIu64 "*%srow_conflicts / 1000", cfg->dram_act_energy,
             prefix, cfg->dram_act_energy, prefix);
    add_formula(stats, prefix, "activate", "rows opened and closed again", formula);
    snprintf(formula, sizeof formula, "%" PRIu64 "*%sreads / 1000", cfg->dram_read_energy, prefix);
    add_formula(stats, prefix, "read", "lines read from open rows", formula);
    snprintf(formula, sizeof formula, "%" PRIu64 "*%swrites / 1000", cfg->dram_write_energy,
             prefix);
    add_formula(stats, prefix, "write", "lines written to open rows", formula);
    add_power(stats, prefix, "refresh", "refresh of all ranks", cfg->dram_refresh_power * ranks,
              period);
    add_power(stats, prefix, "standby", "all ranks, whether used or not",
              cfg->dram_standby_power * ranks, period);
}

/* ---- lifetime ---- */

uint64_t energy_seconds(uint64_t endurance, uint64_t writes, uint64_t units, ps_t time)
{
    if (writes == 0)
        return ENERGY_FOR_EVER;
    /* below 2^32 * 2^32 * 2^58 */
    const unsigned __int128 all = (unsigned __int128)endurance * units * time /
                                  ((unsigned __int128)writes * SECOND_PS);
    return all < ENERGY_FOR_EVER ? (uint64_t)all : ENERGY_FOR_EVER;
}

/* The life of the line that is written most and whose block does not move. */
static uint64_t of_those_that_stay(const struct config *cfg, const struct nvdimm_wear *w, ps_t now)
{
    const uint64_t seen = energy_seconds(cfg->endurance, w->unmoved, 1, now);
    if (!cfg->wear_threshold)
        return seen;
    const uint64_t most = w->writes / cfg->wear_cooling / cfg->nv_modules;
    const uint64_t bound = energy_seconds(cfg->endurance, most, 1, now);
    return seen > bound ? seen : bound;
}

void energy_update(struct memside *side, const struct config *cfg, ps_t now)
{
    if (!side->nvdimm || cfg->nv_media == 1)
        return;
    const struct nvdimm_wear w = nvdimm_wear(side->nvdimm);
    const uint64_t bytes = cfg->nvdimm_bytes + (cfg->memory_mode_bytes ? cfg->dram_bytes : 0);
    const uint64_t mean = energy_seconds(cfg->endurance, w.writes + w.moves, (bytes + 255) / 256,
                                         now);
    side->life.fixed_seconds = energy_seconds(cfg->endurance, w.most, 1, now);
    const uint64_t worst = of_those_that_stay(cfg, &w, now);
    side->life.levelled_seconds = worst < mean ? worst : mean;
}

static void write_row(void *to, uint64_t offset, uint64_t writes)
{
    fprintf(to, "%" PRIu64 ",%" PRIu64 "\n", offset, writes);
}

int energy_write_wear(const struct memside *side, const struct config *cfg, char *err,
                      size_t errlen)
{
    if (!*cfg->wear_counts)
        return 0;
    FILE *to = fopen(cfg->wear_counts, "w");
    if (!to)
        return fail(err, errlen, "%s: %s", cfg->wear_counts, strerror(errno));
    fprintf(to, "offset,writes\n");
    const int lost = side->nvdimm && nvdimm_each_written(side->nvdimm, write_row, to);
    const int bad = ferror(to);
    if (fclose(to) || bad || lost)
        return fail(err, errlen, "%s: %s", cfg->wear_counts,
                    lost ? "out of memory" : "cannot be written");
    return 0;
}

static void add_life(struct stats *stats, const struct memside *side)
{
    stats_add_value(stats, "nvdimm.lifetime.fixed_seconds", "s",
                    "until the line written most is worn out, if lines never moved",
                    &side->life.fixed_seconds);
    stats_add_value(stats, "nvdimm.lifetime.levelled_seconds", "s",
                    "until the first line is worn out when hot lines move",
                    &side->life.levelled_seconds);
    stats_add_ratio(stats, "nvdimm.lifetime.fixed", "years", "the same in years",
                    "1*nvdimm.lifetime.fixed_seconds / 31557600", 6);
    stats_add_ratio(stats, "nvdimm.lifetime.levelled", "years", "the same in years",
                    "1*nvdimm.lifetime.levelled_seconds / 31557600", 6);
}

void energy_stats(struct stats *stats, const struct config *cfg, const struct memside *side)
{
    char prefix[32];
    dram_energy(stats, cfg, "dram.", cfg->dram_channels);
    for (uint32_t i = 0; side->nvdimm && nvdimm_dram(side->nvdimm, i); i++) {
        snprintf(prefix, sizeof prefix, "nvdimm.dram%u.", i);
        dram_energy(stats, cfg, prefix, 1);
    }
    if (side->nvdimm && cfg->nv_media != 1)
        add_life(stats, side);
}
