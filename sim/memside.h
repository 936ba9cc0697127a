/* memside.h - the memory side of a machine, built from a config: DRAM, NVDIMM, domain and caches.
 */
#ifndef SIM_MEMSIDE_H
#define SIM_MEMSIDE_H

#include <stddef.h>

#include "memhier/archive.h"
#include "memhier/dram.h"
#include "memhier/dram_cache.h"
#include "memhier/hierarchy.h"
#include "nvdimm/domain.h"
#include "nvdimm/nvdimm.h"
#include "sim/config.h"
#include "sim/stats.h"
#include "sim/tier.h"

/* How long the NVDIMM would live (energy.h). */
struct wear_life {
    uint64_t fixed_seconds, levelled_seconds;
};

/* What runs and replays have in common, so that a policy measured in one is that of the other. */
struct memside {
    struct dram *dram;
    struct nvdimm *nvdimm;    /* NULL: none */
    struct tiering *tiering;  /* NULL: nothing is migrated */
    struct dram_cache *cache; /* memory mode: main memory is in the NVDIMM; NULL: in DRAM */
    struct domain *domain;    /* NULL: persistence is not followed */
    struct hierarchy *hierarchy;
    void *library[CACHE_LEVELS]; /* shared objects of policies that users built; NULL: none */
    /* pmem.check: stands before the NVDIMM and counts what the caches evict */
    struct nvdimm_spy *spy;
    struct wear_life life;
};

struct checker;
struct nvdimm_spy {
    struct mem_port below;
    struct checker *checker; /* NULL: nobody wants to know yet */
    uint64_t cycles;         /* that a write-back costs */
};

/* follow: keep the persistence domain (a machine) or not (a trace). 0, or -1 with a message and
 * nothing made. */
int memside_make(struct memside *side, const struct config *cfg, int follow, char *err,
                 size_t errlen);
void memside_drop(struct memside *side);
/* Register the counters of all parts. */
void memside_stats(const struct memside *side, struct stats *stats);

/* All parts to or from a checkpoint of kind full (memhier/archive.h). */
void memside_archive(struct memside *side, struct archive *a);
/* The part of a config that the NVDIMM model is made from, but for the DRAM of its modules. */
struct nvdimm_config memside_nvdimm(const struct config *cfg);

/* Picoseconds of a core cycle under this config. */
ps_t config_period(const struct config *cfg);

#endif
