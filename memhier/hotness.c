/* hotness.c - one counter for each frame of both memories. */
#include "memhier/hotness.h"

#include <stdlib.h>

#define FRAME_SHIFT 16u

struct hotness {
    struct hotness_config cfg;
    uint32_t *dram, *nvdimm; /* by frame */
    uint32_t until;          /* requests until the next sample */
    struct hotness_counters counters;
};

#define COUNTER(field) offsetof(struct hotness_counters, field)
const struct counter hotness_counter_table[] = {
    {"requests.dram", "lines", "requests for data that DRAM served", COUNTER(dram)},
    {"requests.nvdimm", "lines", "requests for data that the NVDIMM served", COUNTER(nvdimm)},
    {"samples", "1", "of them counted for their frame", COUNTER(samples)},
    {NULL, NULL, NULL, 0},
};

static uint32_t *counts_for(uint64_t bytes)
{
    return calloc((bytes >> FRAME_SHIFT) + 1, sizeof(uint32_t));
}

struct hotness *hotness_new(const struct hotness_config *cfg)
{
    struct hotness *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->cfg = *cfg;
    h->until = cfg->sample;
    h->dram = counts_for(cfg->dram_bytes);
    h->nvdimm = counts_for(cfg->nvdimm_bytes);
    if (h->dram && h->nvdimm)
        return h;
    hotness_free(h);
    return NULL;
}

void hotness_free(struct hotness *h)
{
    if (!h)
        return;
    free(h->dram);
    free(h->nvdimm);
    free(h);
}

/* The count of an address, or NULL when it is in no frame. */
static uint32_t *count_of(const struct hotness *h, uint64_t addr)
{
    const int nvdimm = addr_is_nvdimm(addr);
    const uint64_t at = nvdimm ? addr - NVDIMM_BASE : addr;
    if (at >= (nvdimm ? h->cfg.nvdimm_bytes : h->cfg.dram_bytes))
        return NULL;
    return &(nvdimm ? h->nvdimm : h->dram)[at >> FRAME_SHIFT];
}

static void note(struct hotness *h, uint64_t addr)
{
    uint32_t *count = count_of(h, addr);
    if (!count)
        return;
    *(addr_is_nvdimm(addr) ? &h->counters.nvdimm : &h->counters.dram) += 1;
    if (--h->until)
        return;
    h->until = h->cfg.sample;
    h->counters.samples++;
    *count += *count != UINT32_MAX;
}

static struct mem_reply access(void *self, const struct mem_req *req)
{
    struct hotness *h = self;
    if (req->kind == MEM_LOAD || req->kind == MEM_STORE || req->kind == MEM_PREFETCH ||
        req->kind == MEM_NTSTORE)
        note(h, req->addr);
    return port_access(addr_is_nvdimm(req->addr) ? &h->cfg.nvdimm : &h->cfg.dram, req);
}

struct mem_port hotness_port(struct hotness *h)
{
    return (struct mem_port){.access = access, .self = h};
}

uint32_t hotness_take(struct hotness *h, uint64_t addr)
{
    uint32_t *count = count_of(h, addr);
    const uint32_t n = count ? *count : 0;
    if (count)
        *count = 0;
    return n;
}

const struct hotness_counters *hotness_counters(const struct hotness *h)
{
    return &h->counters;
}
