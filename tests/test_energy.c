/* test_energy.c - lifetimes by hand; which lines wear a module out; DRAM's energy from counters. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/energy.h"
#include "sim/machine.h"

#define SECOND UINT64_C(1000000000000) /* ps */

Test(energy, lifetimes_are_a_proportion)
{
    cr_expect_eq(energy_seconds(1000, 10, 1, SECOND), 100);
    cr_expect_eq(energy_seconds(1000, 10, 50, SECOND), 5000);
    cr_expect_eq(energy_seconds(1400000, 1, 1, 1000000), 1, "1.4 s");
    cr_expect_eq(energy_seconds(UINT32_MAX, 1, 1, SECOND), UINT32_MAX);
    cr_expect_eq(energy_seconds(1000, 0, 1, SECOND), ENERGY_FOR_EVER);
    cr_expect_eq(energy_seconds(UINT32_MAX, 1, UINT32_MAX, 3 * SECOND), ENERGY_FOR_EVER);
    cr_expect_eq(energy_seconds(3, 7, 1, SECOND * 7), 3);
    cr_expect_eq(energy_seconds(3, 7, 1, SECOND * 7 - 1), 2, "whole seconds only");
}

static struct config *config_of(const char *const *more, size_t n)
{
    char err[300];
    struct config *cfg;
    cr_assert_eq(config_load(NULL, more, n, &cfg, err, sizeof err), 0, "%s", err);
    return cfg;
}

static void make(struct memside *side, const struct config *cfg)
{
    char err[300];
    cr_assert_eq(memside_make(side, cfg, 0, err, sizeof err), 0, "%s", err);
}

/* Write a 256-byte line as a whole, n times, each time after the last is on the media. */
static ps_t write_line(const struct memside *side, uint64_t line, unsigned n, ps_t at)
{
    const struct mem_port port = nvdimm_port(side->nvdimm);
    while (n--) {
        for (unsigned i = 0; i < 4; i++) {
            const struct mem_req req = {.addr = NVDIMM_BASE + line * 256 + i * 64,
                                        .at = at,
                                        .bytes = 64,
                                        .kind = MEM_WRITEBACK};
            port_access(&port, &req);
        }
        at = nvdimm_drain(side->nvdimm, at) + 1000000;
    }
    return at;
}

/* One line 60 times, another 30 times, ten lines once; endurance 90 writes, module of 4096 lines.
 */
static void hot(struct memside *side, struct config *cfg)
{
    ps_t at = write_line(side, 5, 60, 0);
    at = write_line(side, 17, 30, at);
    for (uint64_t line = 100; line < 110; line++)
        at = write_line(side, line, 1, at);
    energy_update(side, cfg, 2 * SECOND);
}

Test(energy, a_hot_line_ends_a_module_that_does_not_level)
{
    struct memside side;
    struct config *cfg = config_of(
        (const char *[]){"nvdimm.size=1 MiB", "nvdimm.wear_threshold=0", "nvdimm.endurance=90"}, 3);
    make(&side, cfg);
    hot(&side, cfg);
    const struct nvdimm_wear w = nvdimm_wear(side.nvdimm);
    cr_expect_eq(w.writes, 100);
    cr_expect_eq(w.most, 60);
    cr_expect_eq(w.unmoved, 60);
    cr_expect_eq(side.life.fixed_seconds, 3, "90 / 60 * 2 s");
    cr_expect_eq(side.life.levelled_seconds, 3, "nothing moved");
    cr_expect_eq(nvdimm_line_writes(side.nvdimm, NVDIMM_BASE + 17 * 256 + 64), 30);
    cr_expect_eq(nvdimm_line_writes(side.nvdimm, NVDIMM_BASE + 18 * 256), 0);
    memside_drop(&side);
    config_free(cfg);
}

/* A block moves when it is at the threshold: the hottest once, then the other decides, or both, and
 * the ten decide. But a line stays for ever only if it has no more than 1 / cooling of the writes.
 */
Test(energy, levelling_takes_the_hot_lines_out)
{
    const struct {
        const char *threshold, *cooling;
        uint64_t moves, unmoved, seconds;
    } rows[] = {{"nvdimm.wear_threshold=25", "nvdimm.wear_cooling=3", 1, 30, 6},
                {"nvdimm.wear_threshold=20", "nvdimm.wear_cooling=3", 3, 1, 180},
                {"nvdimm.wear_threshold=50", "nvdimm.wear_cooling=100", 1, 30, 180}};
    for (size_t i = 0; i < 3; i++) {
        struct memside side;
        struct config *cfg = config_of((const char *[]){"nvdimm.size=1 MiB", rows[i].threshold,
                                                        rows[i].cooling, "nvdimm.wear_delay=1",
                                                        "nvdimm.endurance=90"},
                                       5);
        make(&side, cfg);
        hot(&side, cfg);
        const struct nvdimm_wear w = nvdimm_wear(side.nvdimm);
        cr_expect_eq(w.moves, rows[i].moves, "%lu", (unsigned long)w.moves);
        cr_expect_eq(w.unmoved, rows[i].unmoved, "%lu", (unsigned long)w.unmoved);
        cr_expect_eq(side.life.fixed_seconds, 3);
        cr_expect_eq(side.life.levelled_seconds, rows[i].seconds);
        memside_drop(&side);
        config_free(cfg);
    }
}

/* Everything moves on: what is left is the mean. */
Test(energy, at_best_all_lines_wear_alike)
{
    struct memside side;
    struct config *cfg = config_of((const char *[]){"nvdimm.size=1 MiB", "nvdimm.wear_threshold=1",
                                                    "nvdimm.wear_delay=1", "nvdimm.endurance=90"},
                                   4);
    make(&side, cfg);
    hot(&side, cfg);
    cr_expect_eq(nvdimm_wear(side.nvdimm).unmoved, 0);
    cr_expect_eq(side.life.levelled_seconds, 2 * 90 * 4096 / (100 + 100));
    memside_drop(&side);
    config_free(cfg);
}

static double value(const char *json, const char *name)
{
    char key[100];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(json, key);
    cr_assert(at, "%s", name);
    return strtod(at + strlen(key), NULL);
}

Test(energy, dram_energy_follows_its_counters)
{
    struct memside side;
    struct config *cfg = config_of((const char *[]){"nvdimm.media=dram"}, 1);
    make(&side, cfg);
    const struct mem_port port = dram_port(side.dram);
    const struct mem_req far_apart[] = {{.addr = 0, .at = 0, .bytes = 64, .kind = MEM_LOAD},
                                        {.addr = 64, .at = 1000000, .bytes = 64, .kind = MEM_LOAD},
                                        {.addr = 1 << 28, .at = 2000000, .kind = MEM_LOAD}};
    for (size_t i = 0; i < 3; i++)
        port_access(&port, &far_apart[i]);
    const uint64_t cycles = 1000000, executed = 0;
    const struct hart_counts hart = {&cycles, &executed, NULL};
    struct stats *stats = stats_new();
    machine_register_stats(stats, cfg, &hart, 1, &side);
    char *json;
    size_t n;
    FILE *f = open_memstream(&json, &n);
    stats_write_json(stats, f);
    fclose(f);
    const double ms = 1e6 / 2.2e9 * 1e3; /* the period is a whole number of ps: 455 */
    cr_expect(fabs(value(json, "dram.energy.activate") - 2 * 3.737) < 1e-9);
    cr_expect(fabs(value(json, "dram.energy.read") - 3 * 2.88) < 1e-9);
    cr_expect(value(json, "dram.energy.write") == 0);
    cr_expect(fabs(value(json, "dram.energy.standby") / (442 * 4 * ms * 1e3) - 1) < 2e-3);
    cr_expect(fabs(value(json, "dram.energy.refresh") / (88 * 4 * ms * 1e3) - 1) < 2e-3);
    cr_expect(fabs(value(json, "nvdimm.dram0.energy.standby") / (442 * 2 * ms * 1e3) - 1) < 2e-3);
    cr_expect_null(strstr(json, "lifetime"), "DRAM does not wear");
    free(json);
    stats_free(stats);
    memside_drop(&side);
    config_free(cfg);
}
