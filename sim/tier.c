/* tier.c - tiering as the kernel sees it: its calls, served by counters, a policy and a copy. */
#include "sim/tier.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/page_policy.h"
#include "sim/error.h"
#include "sim/hostcall.h"
#include "sim/machine_state.h"

#define MOST_LOOKED_AT 64u

/* ---- making ---- */

int tier_check(const struct config *cfg, char *err, size_t errlen)
{
    const struct page_policy *p = page_policy_find(cfg->tier_policy);
    if (!cfg->tier_mode)
        return 0;
    if (!p || p->foresees)
        return fail(err, errlen,
                    "tier.policy: \"%s\" is no page policy for a machine (see pwsim list "
                    "page-policies)",
                    cfg->tier_policy);
    if (!cfg->nvdimm_bytes)
        return fail(err, errlen, "tier.mode: there is no NVDIMM to migrate to (nvdimm.size is 0)");
    if (cfg->power_restore)
        return fail(err, errlen,
                    "tier.mode: a machine that migrates cannot be suspended (power.restore)");
    if (cfg->pmem_check)
        return fail(err, errlen,
                    "tier.mode: programs' memory in the NVDIMM is not meant to be durable, "
                    "pmem.check would report all of it");
    return 0;
}

static int make_policy(struct tiering *t, const struct config *cfg, char *err, size_t errlen)
{
    const struct page_config pc = {.seed = cfg->seed,
                                   .capacity = (uint32_t)(cfg->tier_dram / FRAME_BYTES)};
    if (pc.capacity == 0)
        return 0;
    t->policy = page_policy_find(cfg->tier_policy);
    t->state = t->policy->make(&pc, err, errlen);
    return t->state ? 0 : -1;
}

struct tiering *tier_new(const struct config *cfg, struct mem_port dram, struct mem_port nvdimm,
                         char *err, size_t errlen)
{
    const struct hotness_config hc = {.dram_bytes = cfg->dram_bytes,
                                      .nvdimm_bytes = cfg->nvdimm_bytes,
                                      .sample = (uint32_t)cfg->tier_sample,
                                      .dram = dram,
                                      .nvdimm = nvdimm};
    struct tiering *t = calloc(1, sizeof *t);
    if (t && (t->hotness = hotness_new(&hc))) {
        if (make_policy(t, cfg, err, errlen) == 0)
            return t;
    } else {
        fail(err, errlen, "out of memory");
    }
    tier_free(t);
    return NULL;
}

void tier_free(struct tiering *t)
{
    if (!t)
        return;
    if (t->state)
        t->policy->drop(t->state);
    hotness_free(t->hotness);
    free(t);
}

static const struct counter tier_counter_table[] = {
    {"promotions", "64 KiB frames", "moved to DRAM", offsetof(struct tier_counters, promotions)},
    {"demotions", "64 KiB frames", "moved to NVDIMM", offsetof(struct tier_counters, demotions)},
    {NULL, NULL, NULL, 0},
};

void tier_stats(struct stats *stats, const struct tiering *t)
{
    stats_add(stats, "tier.", tier_counter_table, &t->counters);
    stats_add(stats, "tier.", hotness_counter_table, hotness_counters(t->hotness));
}

/* ---- the kernel's calls ---- */

/* The pages of an instance's memory that a call names, or NULL. */
static struct space *pages_of(struct machine *m, uint64_t instance, uint64_t first, uint64_t n)
{
    struct space *s = m->mem.tiering ? space_of(m, instance) : NULL;
    return s && (uint32_t)first + (uint64_t)(uint32_t)n <= s->pages ? s : NULL;
}

int64_t hostcall_tier_samples(struct machine *m, const uint64_t *a)
{
    const uint32_t n = (uint32_t)a[2];
    const struct space *s = pages_of(m, a[0], a[1], n);
    uint8_t *to = kernel_bytes(m, a[3], n <= MOST_LOOKED_AT ? n * 4 : 0);
    if (!s || !to || n > MOST_LOOKED_AT)
        return -E_INVAL;
    machine_consume(m); /* what was executed is counted */
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t count = hotness_take(m->mem.tiering->hotness, s->frame[(uint32_t)a[1] + i]);
        memcpy(to + (size_t)i * 4, &count, 4);
    }
    machine_event(m, EV_STALL, m->cfg->tier_look / 1000);
    return 0;
}

int64_t hostcall_tier_access(struct machine *m, const uint64_t *a)
{
    struct tiering *t = m->mem.tiering;
    uint64_t victim = 0;
    if (!t || !t->policy || t->failed)
        return -1;
    machine_event(m, EV_STALL, m->cfg->tier_decide / 1000);
    const enum page_result r = t->policy->access(t->state, a[0], &victim);
    t->failed = r == PAGE_FAILED;
    return r == PAGE_EVICTED ? (int64_t)victim : -1;
}

static int64_t move_page(struct machine *m, struct space *s, uint32_t page, enum tier tier,
                         uint32_t frame)
{
    struct tiering *t = m->mem.tiering;
    machine_consume(m); /* earlier accesses were to the old frame */
    hostcall_copy_frame(m, frame_addr(tier, frame), s->frame[page]);
    if (space_move(s, page, tier, frame))
        return -E_NOMEM;
    hart_shootdown(m, s, page, 1);
    *(tier == TIER_DRAM ? &t->counters.promotions : &t->counters.demotions) += 1;
    return 0;
}

int64_t hostcall_tier_move(struct machine *m, const uint64_t *a)
{
    const uint32_t page = (uint32_t)a[1];
    struct space *s = pages_of(m, a[0], page, 1);
    const int to_nvdimm = (uint32_t)a[2] == MACHINE_NVDIMM;
    if (!s || s == instance_space(m->kernel) || (uint32_t)a[2] > MACHINE_NVDIMM ||
        addr_is_nvdimm(s->frame[page]) == to_nvdimm)
        return -E_INVAL;
    if (to_nvdimm)
        return (uint32_t)a[3] < physmem_bytes(m->pm, TIER_NVDIMM) / FRAME_BYTES
                   ? move_page(m, s, page, TIER_NVDIMM, (uint32_t)a[3])
                   : -E_INVAL;
    const uint32_t frame = physmem_alloc(m->pm, 1);
    if (frame == FRAME_NONE)
        return -E_NOMEM;
    const int64_t r = move_page(m, s, page, TIER_DRAM, frame);
    if (r < 0)
        physmem_release(m->pm, frame, 1);
    return r;
}
