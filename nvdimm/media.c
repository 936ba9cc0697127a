/* media.c - partitions by reservation: reads in a calendar, writes one after the other. */
#include "nvdimm/media.h"

#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/calendar.h"

/* The writes of a partition end at `written`. */
struct partition {
    struct calendar reads;
    ps_t written;
};

struct media {
    struct media_config cfg;
    struct ait *ait;
    struct wear *wear;
    ps_t moved;    /* the last block has moved */
    uint32_t mask; /* partitions - 1 when that is a power of two, else 0 */
    struct media_counters *counters;
    struct partition partition[];
};

struct media *media_new(const struct media_config *cfg, struct media_counters *counters)
{
    struct media *m = calloc(1, sizeof *m + cfg->partitions * sizeof m->partition[0]);
    if (!m)
        return NULL;
    m->cfg = *cfg;
    m->counters = counters;
    m->mask = cfg->partitions & (cfg->partitions - 1) ? 0 : cfg->partitions - 1;
    m->ait = ait_new(&cfg->ait, &counters->ait);
    m->wear = wear_new(&cfg->wear, &counters->wear);
    if (m->ait && m->wear)
        return m;
    media_free(m);
    return NULL;
}

void media_free(struct media *m)
{
    if (!m)
        return;
    ait_free(m->ait);
    wear_free(m->wear);
    free(m);
}

static struct partition *partition_of(struct media *m, uint64_t xpline)
{
    return &m->partition[m->mask ? xpline & m->mask : xpline % m->cfg.partitions];
}

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

ps_t media_read(struct media *m, uint64_t xpline, ps_t at)
{
    struct partition *p = partition_of(m, xpline);
    const ps_t t = ait_lookup(m->ait, xpline, at);
    const ps_t start = calendar_reserve(&p->reads, t, m->cfg.read);
    if (start < p->written)
        p->written += m->cfg.read;
    m->counters->reads++;
    m->counters->read_pj += m->cfg.read_pj;
    return start + m->cfg.read + m->cfg.back;
}

struct media_written media_write(struct media *m, uint64_t xpline, ps_t at)
{
    struct partition *p = partition_of(m, xpline);
    struct media_written w = {0};
    ps_t start = ait_lookup(m->ait, xpline, at);
    if (start <= p->written)
        start = p->written;
    else
        start = later(start, calendar_when(&p->reads, start, m->cfg.write));
    w.done = p->written = start + m->cfg.write;
    m->counters->writes++;
    m->counters->write_pj += m->cfg.write_pj;
    if (wear_write(m->wear, xpline, w.done >= m->moved, &w.block)) {
        w.moved = m->moved = w.done + m->cfg.migration;
        m->counters->migration_ps += m->cfg.migration;
    }
    return w;
}

void media_ahead(const struct media *m, uint64_t xpline)
{
    wear_ahead(m->wear, xpline);
}

const struct wear *media_wear(const struct media *m)
{
    return m->wear;
}

uint64_t media_unmoved(const struct media *m)
{
    return wear_unmoved(m->wear);
}

void media_archive(struct media *m, struct archive *a)
{
    archive_same(a, m->cfg.partitions);
    for (uint32_t i = 0; i < m->cfg.partitions; i++) {
        calendar_archive(&m->partition[i].reads, a);
        archive_time(a, &m->partition[i].written);
    }
    archive_time(a, &m->moved);
    ait_archive(m->ait, a);
    wear_archive(m->wear, a);
}
