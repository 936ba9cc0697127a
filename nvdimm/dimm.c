/* dimm.c - the way of a write and of a read through the stages of one module. */
#include "nvdimm/dimm.h"

#include <stdio.h>

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

static int make_dram(struct dimm *m, const struct nvdimm_config *cfg, char *err, size_t errlen)
{
    struct dramdimm_config dc = {.accept = cfg->wpq_accept,
                                 .path = cfg->read_path,
                                 .link_read = cfg->link_read,
                                 .link_write = cfg->link_write,
                                 .dram = cfg->dram};
    dc.dram.channels = 1;
    m->dram = dramdimm_new(&dc, err, errlen);
    return m->dram ? 0 : -1;
}

static int make_stages(struct dimm *m, const struct nvdimm_config *cfg, struct xpbuffer_watch watch,
                       struct nvdimm_counters *counters)
{
    const uint64_t bits = 8u << XPLINE_SHIFT;
    const struct media_config mc = {
        .partitions = cfg->partitions,
        .read = cfg->media_read,
        .write = cfg->media_write,
        .back = cfg->media_back,
        .migration = cfg->migration,
        .read_pj = cfg->read_energy * bits / 1000,
        .write_pj = cfg->write_energy * bits / 1000,
        .ait = {cfg->ait_entries, cfg->ait_lookup, cfg->ait_miss},
        .wear = {cfg->wear_threshold, cfg->wear_cooling, cfg->wear_delay, cfg->seed + m->id},
    };
    const struct xpbuffer_config bc = {.lines = cfg->buffer_lines,
                                       .leaving = cfg->buffer_leaving,
                                       .ahead = cfg->buffer_ahead,
                                       .young = cfg->buffer_young,
                                       .seed = cfg->seed + m->id};
    const struct ddrt_config dc = {cfg->link_read, cfg->link_write, cfg->store_queue,
                                   cfg->store_interval};
    const struct imc_config ic = {cfg->wpq_lines, cfg->rpq_lines};
    m->media = media_new(&mc, &counters->media);
    m->buffer = m->media ? xpbuffer_new(&bc, m->media, watch, &counters->buffer) : NULL;
    return m->buffer && ddrt_init(&m->ddrt, &dc, m->buffer, &counters->queue) == 0 &&
                   imc_init(&m->imc, &ic, &m->ddrt) == 0
               ? 0
               : -1;
}

int dimm_init(struct dimm *m, const struct nvdimm_config *cfg, struct xpbuffer_watch watch,
              struct nvdimm_counters *counters, char *err, size_t errlen)
{
    if (cfg->is_dram)
        return make_dram(m, cfg, err, errlen);
    if (make_stages(m, cfg, watch, counters) == 0)
        return 0;
    snprintf(err, errlen, "out of host memory for the NVDIMM model");
    return -1;
}

void dimm_free(struct dimm *m)
{
    dramdimm_free(m->dram);
    if (m->dram)
        return;
    imc_free(&m->imc);
    ddrt_free(&m->ddrt);
    xpbuffer_free(m->buffer);
    media_free(m->media);
}

ps_t dimm_read(struct dimm *m, const struct nvdimm_config *cfg, uint64_t line, ps_t at,
               int *forwarded)
{
    *forwarded = 0;
    if (m->dram)
        return dramdimm_read(m->dram, line, at);
    const ps_t at_queue = at + cfg->wpq_accept;
    const struct wpq_entry *e = imc_find(&m->imc, line, at_queue);
    *forwarded = e && e->bytes == SECTOR_BYTES;
    if (*forwarded)
        return at_queue + cfg->wpq_accept;
    uint32_t entry;
    int hit;
    /* the buffer puts the parts of a line together */
    const ps_t t = imc_read(&m->imc, e ? later(at, e->release) : at, &entry);
    const ps_t ready = xpbuffer_read(m->buffer, line, ddrt_before_read(&m->ddrt, line, t), &hit);
    return m->imc.rpq[entry] = ddrt_read(&m->ddrt, ready + cfg->read_path);
}

ps_t dimm_drain(struct dimm *m, ps_t at)
{
    if (m->dram)
        return at;
    const ps_t queued = ddrt_drain(&m->ddrt);
    return xpbuffer_drain(m->buffer, later(later(at, imc_empty(&m->imc)), queued));
}

void dimm_archive(struct dimm *m, struct archive *a)
{
    if (m->dram) {
        dramdimm_archive(m->dram, a);
        return;
    }
    imc_archive(&m->imc, a);
    ddrt_archive(&m->ddrt, a);
    xpbuffer_archive(m->buffer, a);
    media_archive(m->media, a);
}
