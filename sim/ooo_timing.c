/* ooo_timing.c - the time of a trace on a machine's window and memories, its LLC worked out before.
 */
#include "sim/ooo_timing.h"

#include "sim/error.h"
#include "sim/memside.h"

static struct ooo_replay_config core_of(const struct config *cfg)
{
    const ps_t period = config_period(cfg);
    return (struct ooo_replay_config){.period = period,
                                      .width = (uint32_t)cfg->width,
                                      .rob = (uint32_t)cfg->rob,
                                      .stores = (uint32_t)cfg->store_buffer,
                                      .l1_misses = (uint32_t)cfg->l1d_mshrs,
                                      .l2_misses = (uint32_t)cfg->l2_mshrs,
                                      .l1 = cfg->l1d_cycles * period,
                                      .l2 = cfg->l2_cycles * period,
                                      .llc = cfg->llc_cycles * period};
}

int ooo_timing(const struct config *cfg, enum ooo_tier tier, const struct llc_stream *s,
               const uint64_t *outcome, struct ooo_timing *out, char *err, size_t errlen)
{
    struct ooo_replay_config c = core_of(cfg);
    struct memside side;
    *out = (struct ooo_timing){0};
    if (memside_make(&side, cfg, 0, err, errlen))
        return -1;
    c.base = tier == OOO_NVDIMM ? NVDIMM_BASE : 0;
    c.bytes = tier == OOO_NVDIMM ? cfg->nvdimm_bytes : cfg->dram_bytes;
    int bad = 0;
    if (tier == OOO_NVDIMM && !side.nvdimm)
        bad = fail(err, errlen, "nvdimm.size: the machine has no NVDIMM");
    if (!bad) {
        c.memory = tier == OOO_NVDIMM ? nvdimm_port(side.nvdimm) : dram_port(side.dram);
        bad = ooo_replay_run(&c, s, outcome, &out->core, err, errlen);
    }
    if (!bad && tier == OOO_NVDIMM) {
        (void)nvdimm_drain(side.nvdimm, out->core.cycles * c.period);
        out->nvdimm = *nvdimm_counters(side.nvdimm);
    } else if (!bad) {
        out->dram = *dram_counters(side.dram);
    }
    memside_drop(&side);
    return bad;
}
