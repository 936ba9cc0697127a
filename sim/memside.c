/* memside.c - the memory side of a machine, built from a config: DRAM, NVDIMM, domain and caches.
 */
#include "sim/memside.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/policy_load.h"
#include "nvdimm/checker.h"
#include "sim/error.h"

ps_t config_period(const struct config *cfg)
{
    return (UINT64_C(1000000000000) + cfg->frequency / 2) / cfg->frequency;
}

/* 0, or -1 with a message. */
static int dram_of(const struct config *cfg, struct dram_config *dc, char *err, size_t errlen)
{
    *dc = (struct dram_config){.channels = (uint32_t)cfg->dram_channels,
                               .ranks = (uint32_t)cfg->dram_ranks,
                               .groups = (uint32_t)cfg->dram_groups,
                               .banks = (uint32_t)cfg->dram_banks,
                               .row_bytes = (uint32_t)cfg->dram_row,
                               .order = {.hash = cfg->dram_hash,
                                         .interleave = (uint32_t)cfg->dram_interleave,
                                         .rows = (uint32_t)cfg->dram_rows},
                               .tck = cfg->dram_tck,
                               .cl = (uint32_t)cfg->dram_cl,
                               .cwl = (uint32_t)cfg->dram_cwl,
                               .rcd = (uint32_t)cfg->dram_rcd,
                               .rp = (uint32_t)cfg->dram_rp,
                               .ras = (uint32_t)cfg->dram_ras,
                               .ccd_l = (uint32_t)cfg->dram_ccd_l,
                               .rrd_s = (uint32_t)cfg->dram_rrd_s,
                               .rrd_l = (uint32_t)cfg->dram_rrd_l,
                               .faw = (uint32_t)cfg->dram_faw,
                               .wr = (uint32_t)cfg->dram_wr,
                               .rtp = (uint32_t)cfg->dram_rtp,
                               .wtr_s = (uint32_t)cfg->dram_wtr_s,
                               .wtr_l = (uint32_t)cfg->dram_wtr_l,
                               .rfc = (uint32_t)cfg->dram_rfc,
                               .refi = (uint32_t)cfg->dram_refi,
                               .burst = (uint32_t)cfg->dram_burst,
                               .controller = cfg->dram_controller,
                               .write_queue = (uint32_t)cfg->dram_write_queue,
                               .write_high = (uint32_t)cfg->dram_write_high,
                               .write_low = (uint32_t)cfg->dram_write_low};
    return dram_order_parse(cfg->dram_mapping, &dc->order, err, errlen);
}

static int make_dram(struct memside *side, const struct config *cfg, char *err, size_t errlen)
{
    struct dram_config dc;
    if (dram_of(cfg, &dc, err, errlen))
        return -1;
    side->dram = dram_new(&dc, err, errlen);
    return side->dram ? 0 : -1;
}

struct nvdimm_config memside_nvdimm(const struct config *cfg)
{
    return (struct nvdimm_config){.modules = (uint32_t)cfg->nv_modules,
                                  .interleave = cfg->nv_interleave,
                                  .wpq_lines = (uint32_t)cfg->wpq_lines,
                                  .rpq_lines = (uint32_t)cfg->rpq_lines,
                                  .store_queue = (uint32_t)cfg->store_queue,
                                  .store_interval = cfg->store_interval,
                                  .buffer_lines = (uint32_t)cfg->buffer_lines,
                                  .buffer_leaving = (uint32_t)cfg->buffer_leaving,
                                  .buffer_ahead = (uint32_t)cfg->buffer_ahead,
                                  .buffer_young = (uint32_t)cfg->buffer_young,
                                  .ait_entries = (uint32_t)cfg->ait_entries,
                                  .partitions = (uint32_t)cfg->partitions,
                                  .wear_threshold = (uint32_t)cfg->wear_threshold,
                                  .wear_cooling = (uint32_t)cfg->wear_cooling,
                                  .wear_delay = (uint32_t)cfg->wear_delay,
                                  .wpq_accept = cfg->wpq_accept,
                                  .link_read = cfg->nv_link_read,
                                  .link_write = cfg->nv_link_write,
                                  .read_path = cfg->read_path,
                                  .ait_lookup = cfg->ait_lookup,
                                  .ait_miss = cfg->ait_miss,
                                  .media_read = cfg->media_read,
                                  .media_write = cfg->media_write,
                                  .media_back = cfg->media_back,
                                  .migration = cfg->migration,
                                  .read_energy = cfg->read_energy,
                                  .write_energy = cfg->write_energy,
                                  .seed = cfg->seed,
                                  .is_dram = cfg->nv_media == 1};
}

static int make_nvdimm(struct memside *side, const struct config *cfg, int follow, char *err,
                       size_t errlen)
{
    struct nvdimm_config nc = memside_nvdimm(cfg);
    if (cfg->nvdimm_bytes == 0 && cfg->memory_mode_bytes == 0)
        return 0;
    if (nc.is_dram && dram_of(cfg, &nc.dram, err, errlen))
        return -1;
    if (follow && cfg->nvdimm_bytes)
        side->domain = domain_new((enum domain_point)cfg->domain);
    side->nvdimm = nvdimm_new(&nc, side->domain, err, errlen);
    return side->nvdimm ? 0 : -1;
}

/* Main memory lies in the modules behind what is persistent, from a frame on. */
static int make_memory_mode(struct memside *side, const struct config *cfg, char *err,
                            size_t errlen)
{
    if (cfg->memory_mode_bytes == 0)
        return 0;
    const uint64_t frame = UINT64_C(65536);
    const struct dram_cache_config cc = {.bytes = cfg->memory_mode_bytes,
                                         .ways = (uint32_t)cfg->memory_mode_ways,
                                         .dram = dram_port(side->dram),
                                         .far = nvdimm_port(side->nvdimm),
                                         .far_base = NVDIMM_BASE + (cfg->nvdimm_bytes + frame - 1) /
                                                                       frame * frame};
    side->cache = dram_cache_new(&cc, err, errlen);
    return side->cache ? 0 : -1;
}

static struct mem_reply spy_access(void *self, const struct mem_req *req)
{
    struct nvdimm_spy *spy = self;
    if (req->kind == MEM_WRITEBACK && spy->checker)
        checker_evicted(spy->checker, req->addr, spy->cycles);
    return port_access(&spy->below, req);
}

/* Those that are in shared objects. */
static int load_policies(struct memside *side, struct hierarchy_config *hc, char *err,
                         size_t errlen)
{
    static const char *const names[CACHE_LEVELS] = {"l1i", "l1d", "l2", "llc"};
    char why[500];
    for (unsigned i = 0; i < CACHE_LEVELS; i++) {
        struct cache_config *cc = &hc->level[i];
        if (policy_is_path(cc->policy) &&
            !(cc->loaded = policy_load(cc->policy, &side->library[i], why, sizeof why)))
            return fail(err, errlen, "%s.policy: %s", names[i], why);
    }
    return 0;
}

static int make_caches(struct memside *side, const struct config *cfg, uint32_t harts, char *err,
                       size_t errlen)
{
    const ps_t period = config_period(cfg);
#define LEVEL(l)                                                                                   \
    .bytes = cfg->l##_bytes, .ways = (uint32_t)cfg->l##_ways, .latency = cfg->l##_cycles * period, \
    .policy = cfg->l##_policy, .mshrs = (uint32_t)cfg->l##_mshrs
#define WRITES(l) .through = cfg->l##_write == 1, .no_allocate = !cfg->l##_write_allocate
#define PREFETCH(l)                                                                                \
    .prefetch = cfg->l##_prefetch, .degree = (uint32_t)cfg->l##_prefetch_degree,                   \
    .distance = (uint32_t)cfg->l##_prefetch_distance, .page = cfg->l##_prefetch_page
    struct mem_port nvdimm = cfg->nvdimm_bytes ? nvdimm_port(side->nvdimm) : (struct mem_port){0};
    if (cfg->nvdimm_bytes && cfg->pmem_check && (side->spy = calloc(1, sizeof *side->spy))) {
        *side->spy = (struct nvdimm_spy){.below = nvdimm, .cycles = cfg->nv_link_write / period};
        nvdimm = (struct mem_port){spy_access, side->spy};
    }
    struct mem_port dram = side->cache ? dram_cache_port(side->cache) : dram_port(side->dram);
    if (cfg->tier_mode) {
        if (!(side->tiering = tier_new(cfg, dram, nvdimm, err, errlen)))
            return -1;
        dram = nvdimm = hotness_port(side->tiering->hotness);
    }
    struct hierarchy_config hc = {
        .level = {[CACHE_L1I] = {LEVEL(l1i)},
                  [CACHE_L1D] = {LEVEL(l1d), WRITES(l1d), PREFETCH(l1d)},
                  [CACHE_L2] = {LEVEL(l2), WRITES(l2), PREFETCH(l2),
                                .interval = cfg->l2_interval * period},
                  [CACHE_LLC] = {LEVEL(llc), WRITES(llc), .slices = (uint32_t)cfg->llc_slices,
                                 .interval = cfg->llc_interval * period}},
        .inclusion = (enum llc_inclusion)cfg->llc_inclusion,
        .snoop = cfg->llc_snoop * period,
        .home = cfg->llc_home,
        .probe = cfg->llc_probe,
        .clwb_to_llc = cfg->llc_clwb == 1,
        .directory_sets = (uint32_t)cfg->llc_directory_sets,
        .directory_ways = (uint32_t)cfg->llc_directory_ways,
        .harts = harts,
        .dram = dram,
        .nvdimm = nvdimm,
        .seed = cfg->seed};
    if (load_policies(side, &hc, err, errlen))
        return -1;
    side->hierarchy = hierarchy_new(&hc, err, errlen);
    return side->hierarchy ? 0 : -1;
}

int memside_make(struct memside *side, const struct config *cfg, int follow, char *err,
                 size_t errlen)
{
    memset(side, 0, sizeof *side);
    if (tier_check(cfg, err, errlen))
        return config_blame(cfg, err, errlen);
    if (make_dram(side, cfg, err, errlen) == 0 &&
        make_nvdimm(side, cfg, follow, err, errlen) == 0 &&
        make_memory_mode(side, cfg, err, errlen) == 0 &&
        make_caches(side, cfg, (uint32_t)cfg->harts, err, errlen) == 0)
        return 0;
    memside_drop(side);
    return config_blame(cfg, err, errlen);
}

void memside_drop(struct memside *side)
{
    if (side->hierarchy)
        hierarchy_free(side->hierarchy);
    tier_free(side->tiering);
    dram_cache_free(side->cache);
    if (side->nvdimm)
        nvdimm_free(side->nvdimm);
    if (side->domain)
        domain_free(side->domain);
    if (side->dram)
        dram_free(side->dram);
    for (unsigned i = 0; i < CACHE_LEVELS; i++)
        policy_unload(side->library[i]);
    free(side->spy);
    memset(side, 0, sizeof *side);
}

void memside_stats(const struct memside *side, struct stats *stats)
{
    static const struct {
        const char *name;
        enum cache_level level;
    } own[] = {{"l1i", CACHE_L1I}, {"l1d", CACHE_L1D}, {"l2", CACHE_L2}};
    char prefix[32];

    for (uint32_t hart = 0; hart < hierarchy_harts(side->hierarchy); hart++) {
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
            snprintf(prefix, sizeof prefix, "hart%u.%s.", hart, own[i].name);
            stats_add(stats, prefix, cache_counter_table,
                      hierarchy_counters(side->hierarchy, own[i].level, hart));
        }
        snprintf(prefix, sizeof prefix, "hart%u.coherence.", hart);
        stats_add(stats, prefix, coherence_counter_table,
                  hierarchy_coherence(side->hierarchy, hart));
    }
    stats_add(stats, "llc.", cache_counter_table,
              hierarchy_counters(side->hierarchy, CACHE_LLC, 0));
    stats_add(stats, "dram.", dram_counter_table, dram_counters(side->dram));
    if (side->cache)
        stats_add(stats, "memory_mode.", dram_cache_counter_table,
                  dram_cache_counters(side->cache));
    if (side->nvdimm)
        stats_add(stats, "nvdimm.", nvdimm_counter_table, nvdimm_counters(side->nvdimm));
    for (uint32_t i = 0; side->nvdimm && nvdimm_dram(side->nvdimm, i); i++) {
        snprintf(prefix, sizeof prefix, "nvdimm.dram%u.", i);
        stats_add(stats, prefix, dram_counter_table, dram_counters(nvdimm_dram(side->nvdimm, i)));
    }
    if (side->tiering)
        tier_stats(stats, side->tiering);
    if (side->domain)
        stats_add(stats, "domain.", domain_counter_table, domain_counters(side->domain));
}

void memside_archive(struct memside *side, struct archive *a)
{
    dram_archive(side->dram, a);
    if (side->nvdimm)
        nvdimm_archive(side->nvdimm, a);
    if (side->domain)
        domain_archive_whole(side->domain, a);
    if (side->cache)
        dram_cache_archive(side->cache, a);
    hierarchy_archive(side->hierarchy, a);
}
