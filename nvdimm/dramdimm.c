/* dramdimm.c - a channel of DRAM behind two directions of a link. */
#include "nvdimm/dramdimm.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/calendar.h"

struct dramdimm {
    struct dramdimm_config cfg;
    struct dram *dram;
    struct calendar to, from; /* the link's two directions */
};

struct dramdimm *dramdimm_new(const struct dramdimm_config *cfg, char *err, size_t errlen)
{
    struct dramdimm *m = calloc(1, sizeof *m);
    if (!m) {
        snprintf(err, errlen, "out of host memory for the NVDIMM model");
        return NULL;
    }
    m->cfg = *cfg;
    m->dram = dram_new(&cfg->dram, err, errlen);
    if (m->dram)
        return m;
    free(m);
    return NULL;
}

void dramdimm_free(struct dramdimm *m)
{
    if (!m)
        return;
    dram_free(m->dram);
    free(m);
}

static ps_t access_dram(struct dramdimm *m, uint64_t line, enum mem_kind kind, ps_t at)
{
    const struct mem_port port = dram_port(m->dram);
    const struct mem_req req = {
        .addr = line << LINE_SHIFT, .at = at, .bytes = LINE_BYTES, .kind = (uint8_t)kind};
    return port_access(&port, &req).done;
}

static ps_t over(struct calendar *link, ps_t at, ps_t duration)
{
    return duration ? calendar_reserve(link, at, duration) + duration : at;
}

ps_t dramdimm_read(struct dramdimm *m, uint64_t line, ps_t at)
{
    const ps_t there = m->cfg.path / 2;
    const ps_t ready = access_dram(m, line, MEM_LOAD, at + there);
    return over(&m->from, ready, m->cfg.link_read) + m->cfg.path - there;
}

ps_t dramdimm_write(struct dramdimm *m, uint64_t line, ps_t at)
{
    const ps_t there = m->cfg.accept / 2;
    const ps_t come = over(&m->to, at + there, m->cfg.link_write);
    return access_dram(m, line, MEM_WRITEBACK, come) + m->cfg.accept - there;
}

const struct dram *dramdimm_dram(const struct dramdimm *m)
{
    return m->dram;
}

void dramdimm_archive(struct dramdimm *m, struct archive *a)
{
    dram_archive(m->dram, a);
    calendar_archive(&m->to, a);
    calendar_archive(&m->from, a);
}
