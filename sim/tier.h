/* tier.h - the machine's half of tiering: sampled counters, the page policy, what was moved. */
#ifndef SIM_TIER_H
#define SIM_TIER_H

#include "memhier/hotness.h"
#include "sim/config.h"
#include "sim/stats.h"

/*
 * The kernel decides when and what to migrate (guestos/kernel/tier.h). The machine gives it what
 * hardware would: counters of the frames' accesses; a copy of a frame through the caches, a new
 * translation, and the old one taken back on each hart (tier.shootdown). Who has to leave DRAM is
 * the page policy's decision, one of memhier/page_policy.h under the name tier.policy; it is code
 * of the simulator, and a question costs the guest tier.decide.
 */
struct page_policy;

struct tier_counters {
    uint64_t promotions, demotions; /* frames moved to DRAM, to NVDIMM */
};

struct tiering {
    struct hotness *hotness;
    const struct page_policy *policy; /* NULL: there is no DRAM for programs */
    void *state;                      /* of the policy */
    uint8_t failed;                   /* it had no memory: it is asked no more */
    struct tier_counters counters;
};

/* Are the keys possible together? 0, or -1 with a message. */
int tier_check(const struct config *cfg, char *err, size_t errlen);
/* Between the caches and the two memories. NULL with a message. */
struct tiering *tier_new(const struct config *cfg, struct mem_port dram, struct mem_port nvdimm,
                         char *err, size_t errlen);
void tier_free(struct tiering *t); /* NULL is fine */
void tier_stats(struct stats *stats, const struct tiering *t);

#endif
