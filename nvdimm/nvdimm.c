/* nvdimm.c - the port of the persistent memory: which module, and what the domain is told. */
#include "nvdimm/nvdimm.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/kind.h"
#include "nvdimm/dimm.h"

#define MAX_TIME UINT64_C(1000000000000) /* 1 s: longest time in a config */

struct nvdimm {
    struct nvdimm_config cfg;
    struct domain *domain;
    unsigned shift; /* log2 of the interleave, in 64-byte lines */
    struct nvdimm_counters counters;
    struct dimm dimm[];
};

#define COUNTER(field) offsetof(struct nvdimm_counters, field)
const struct counter nvdimm_counter_table[] = {
    {"reads", "lines", "64-byte reads", COUNTER(reads)},
    {"writes", "lines", "64-byte writes, also of parts of a line", COUNTER(writes)},
    {"queue.batches", "256-byte lines", "went into the buffer, whole or not",
     COUNTER(queue.batches)},
    {"queue.combined", "lines", "found others of their 256 bytes queued", COUNTER(queue.combined)},
    {"buffer.hits", "lines", "reads served by the buffer on the module", COUNTER(buffer.hits)},
    {"buffer.misses", "lines", "reads that went to the media", COUNTER(buffer.misses)},
    {"buffer.whole", "256-byte lines", "left the buffer all written", COUNTER(buffer.whole)},
    {"buffer.partial", "256-byte lines", "left it half written", COUNTER(buffer.partial)},
    {"buffer.waits", "lines", "waited for a place in the buffer", COUNTER(buffer.waits)},
    {"buffer.wait", "ps", "time that they waited", COUNTER(buffer.wait_ps)},
    {"wpq.forwards", "lines", "reads of a line that was still queued", COUNTER(wpq_forwards)},
    {"wpq.merges", "lines", "writes to a line that was still queued", COUNTER(wpq_merges)},
    {"wpq.full", "lines", "writes that waited for a queue entry", COUNTER(wpq_full)},
    {"wpq.wait", "ps", "time that they waited", COUNTER(wpq_wait_ps)},
    {"ait.hits", "lookups", "indirection entries in the module's DRAM", COUNTER(media.ait.hits)},
    {"ait.misses", "lookups", "entries read from the media", COUNTER(media.ait.misses)},
    {"media.reads", "256-byte lines", "reads of the media", COUNTER(media.reads)},
    {"media.writes", "256-byte lines", "writes of the media", COUNTER(media.writes)},
    {"media.read_energy", "pJ", "energy of the media's reads", COUNTER(media.read_pj)},
    {"media.write_energy", "pJ", "energy of the media's writes", COUNTER(media.write_pj)},
    {"wear.lines", "256-byte lines", "were written at least once", COUNTER(media.wear.lines)},
    {"wear.most", "writes", "of the line that was written most", COUNTER(media.wear.most)},
    {"wear.migrations", "4 KiB blocks", "moved to another place", COUNTER(media.wear.migrations)},
    {"wear.moving", "ps", "time that they took to move", COUNTER(media.migration_ps)},
    {NULL, NULL, NULL, 0},
};

/* ---- where a line lies ---- */

struct place {
    struct dimm *dimm;
    uint64_t line; /* in the module */
};

static struct place locate(struct nvdimm *n, uint64_t addr)
{
    const uint64_t line = (addr - NVDIMM_BASE) >> LINE_SHIFT;
    if (n->cfg.modules == 1)
        return (struct place){n->dimm, line};
    const uint64_t unit = line >> n->shift;
    return (struct place){&n->dimm[unit % n->cfg.modules],
                          unit / n->cfg.modules << n->shift | (line & ((1u << n->shift) - 1))};
}

static uint64_t address_of(const struct dimm *m, uint64_t line)
{
    const struct nvdimm *n = m->owner;
    const uint64_t unit = (line >> n->shift) * n->cfg.modules + m->id;
    return NVDIMM_BASE + ((unit << n->shift | (line & ((1u << n->shift) - 1))) << LINE_SHIFT);
}

/* ---- requests ---- */

static void on_media(void *self, uint64_t line, ps_t done)
{
    const struct dimm *m = self;
    domain_media(m->owner->domain, address_of(m, line), done);
}

static uint64_t bytes_of(const struct mem_req *req)
{
    const unsigned offset = (unsigned)req->addr & (LINE_BYTES - 1);
    if (req->kind != MEM_NTSTORE || req->bytes == 0 || req->bytes >= LINE_BYTES)
        return SECTOR_BYTES;
    return ((UINT64_C(1) << req->bytes) - 1) << offset;
}

static void tell_domain(struct nvdimm *n, const struct mem_req *req, ps_t accept)
{
    if (!n->domain)
        return;
    if (req->kind == MEM_NTSTORE)
        domain_carry_nontemporal(n->domain, req->addr, req->bytes ? req->bytes : LINE_BYTES,
                                 accept);
    else
        domain_carry(n->domain, req->addr, accept, DOMAIN_ADR);
}

/* What a module of DRAM has accepted is durable. */
static struct mem_reply write_dram(struct nvdimm *n, const struct place *p,
                                   const struct mem_req *req)
{
    const ps_t done = dramdimm_write(p->dimm->dram, p->line, req->at);
    n->counters.writes++;
    tell_domain(n, req, done);
    if (n->domain)
        domain_media(n->domain, req->addr, done);
    return (struct mem_reply){.done = done, .source = SRC_NVDIMM};
}

static struct mem_reply do_write(struct nvdimm *n, const struct mem_req *req)
{
    const struct place p = locate(n, req->addr);
    if (p.dimm->dram)
        return write_dram(n, &p, req);
    struct imc *q = &p.dimm->imc;
    const ps_t reached = req->at + n->cfg.wpq_accept;
    const uint64_t bytes = bytes_of(req);
    n->counters.writes++;
    if (imc_may_join(q, p.line, bytes, reached)) {
        tell_domain(n, req, reached);
        imc_join(q, p.line, bytes);
        n->counters.wpq_merges++;
        return (struct mem_reply){.done = reached, .source = SRC_NVDIMM};
    }
    const ps_t accept = imc_accept(q, reached);
    imc_write(q, p.line, bytes, reached, accept); /* may bring earlier lines to the media */
    tell_domain(n, req, accept);
    if (accept == reached)
        return (struct mem_reply){.done = accept, .source = SRC_NVDIMM};
    n->counters.wpq_full++;
    n->counters.wpq_wait_ps += accept - reached;
    return (struct mem_reply){.done = accept, .source = SRC_WPQ_FULL};
}

static struct mem_reply do_read(struct nvdimm *n, const struct mem_req *req)
{
    const struct place p = locate(n, req->addr);
    int forwarded;
    const ps_t done = dimm_read(p.dimm, &n->cfg, p.line, req->at, &forwarded);
    n->counters.reads++;
    n->counters.wpq_forwards += (unsigned)forwarded;
    return (struct mem_reply){.done = done, .source = SRC_NVDIMM};
}

static void do_visible(struct nvdimm *n, const struct mem_req *req)
{
    if (!n->domain)
        return;
    if (req->bytes)
        domain_visible_bytes(n->domain, req->addr, req->bytes, req->at);
    else
        domain_visible(n->domain, req->addr, req->at);
}

static struct mem_reply nvdimm_access(void *self, const struct mem_req *req)
{
    struct nvdimm *n = self;
    if (kind_reads(req->kind))
        return do_read(n, req);
    if (kind_writes(req->kind))
        return do_write(n, req);
    if (req->kind == MEM_VISIBLE)
        do_visible(n, req);
    return (struct mem_reply){.done = req->at, .source = SRC_NVDIMM};
}

struct mem_port nvdimm_port(struct nvdimm *n)
{
    return (struct mem_port){.access = nvdimm_access, .self = n};
}

ps_t nvdimm_drain(struct nvdimm *n, ps_t at)
{
    ps_t done = at;
    for (uint32_t i = 0; i < n->cfg.modules; i++) {
        const ps_t t = dimm_drain(&n->dimm[i], at);
        done = t > done ? t : done;
    }
    return done;
}

void nvdimm_settle(struct nvdimm *n, ps_t at)
{
    for (uint32_t i = 0; i < n->cfg.modules; i++)
        ddrt_settle(&n->dimm[i].ddrt, at);
}

/* ---- counters ---- */

uint64_t nvdimm_line_writes(const struct nvdimm *n, uint64_t addr)
{
    const struct place p = locate((struct nvdimm *)(uintptr_t)n, addr);
    return p.dimm->dram ? 0 : wear_of(media_wear(p.dimm->media), p.line / SECTORS);
}

struct nvdimm_wear nvdimm_wear(const struct nvdimm *n)
{
    const struct media_counters *k = &n->counters.media;
    struct nvdimm_wear w = {.writes = k->writes, .moves = k->wear.migrations, .most = k->wear.most};
    for (uint32_t i = 0; i < n->cfg.modules; i++) {
        const struct dimm *m = &n->dimm[i];
        const uint64_t most = m->dram ? 0 : media_unmoved(m->media);
        w.unmoved = most > w.unmoved ? most : w.unmoved;
    }
    return w;
}

struct written {
    const struct dimm *dimm;
    void (*fn)(void *arg, uint64_t offset, uint64_t writes);
    void *arg;
};

static void tell_written(void *arg, uint64_t xpline, uint64_t writes)
{
    const struct written *w = arg;
    w->fn(w->arg, address_of(w->dimm, xpline * SECTORS) - NVDIMM_BASE, writes);
}

int nvdimm_each_written(const struct nvdimm *n,
                        void (*fn)(void *arg, uint64_t offset, uint64_t writes), void *arg)
{
    for (uint32_t i = 0; i < n->cfg.modules; i++) {
        const struct dimm *m = &n->dimm[i];
        struct written w = {m, fn, arg};
        if (!m->dram && wear_each(media_wear(m->media), tell_written, &w))
            return -1;
    }
    return 0;
}

const struct dram *nvdimm_dram(const struct nvdimm *n, uint32_t module)
{
    const struct dimm *m = module < n->cfg.modules ? &n->dimm[module] : NULL;
    return m && m->dram ? dramdimm_dram(m->dram) : NULL;
}

const struct nvdimm_counters *nvdimm_counters(const struct nvdimm *n)
{
    return &n->counters;
}

void nvdimm_archive(struct nvdimm *n, struct archive *a)
{
    archive_section(a, "NVDM", 3);
    archive_same(a, n->cfg.modules);
    for (uint32_t i = 0; i < n->cfg.modules; i++)
        dimm_archive(&n->dimm[i], a);
    archive_u64s(a, (uint64_t *)&n->counters, sizeof n->counters / sizeof(uint64_t));
}

/* ---- making ---- */

static int check_power(const struct nvdimm_config *c, char *err, size_t errlen)
{
    if (c->interleave >= 256 && c->interleave <= 1u << 30 && !(c->interleave & (c->interleave - 1)))
        return 0;
    snprintf(err, errlen,
             "nvdimm.interleave is %llu bytes, expected a power of two from 256 B to 1 GiB",
             (unsigned long long)c->interleave);
    return -1;
}

static int check(const struct nvdimm_config *c, char *err, size_t errlen)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
        const char *unit;
    } range[] = {
        {"modules", c->modules, 1, 12, "modules"},
        {"wpq", c->wpq_lines, 1, 1024, "lines"},
        {"rpq", c->rpq_lines, 1, 1024, "reads"},
        {"store_queue", c->store_queue, 1, 4096, "lines"},
        {"buffer", c->buffer_lines, 1, 65536, "lines"},
        {"buffer_leaving", c->buffer_leaving, 1, 65536, "lines"},
        {"buffer_ahead", c->buffer_ahead, 1, 65536, "lines"},
        {"buffer_young", c->buffer_young, 0, 65535, "lines"},
        {"ait", c->ait_entries, 1, 1 << 20, "entries"},
        {"partitions", c->partitions, 1, 64, "accesses"},
        {"wear_cooling", c->wear_cooling, 1, 1 << 30, "writes"},
        {"wear_delay", c->wear_delay, 1, 1 << 30, "writes"},
        {"store_interval", c->store_interval, 0, MAX_TIME, "ps"},
        {"wpq_accept", c->wpq_accept, 0, MAX_TIME, "ps"},
        {"link_read", c->link_read, 0, MAX_TIME, "ps"},
        {"link_write", c->link_write, 0, MAX_TIME, "ps"},
        {"read_path", c->read_path, 0, MAX_TIME, "ps"},
        {"ait_lookup", c->ait_lookup, 0, MAX_TIME, "ps"},
        {"ait_miss", c->ait_miss, 0, MAX_TIME, "ps"},
        {"media_read", c->media_read, 0, MAX_TIME, "ps"},
        {"media_write", c->media_write, 0, MAX_TIME, "ps"},
        {"media_back", c->media_back, 0, MAX_TIME, "ps"},
        {"migration", c->migration, 0, MAX_TIME, "ps"},
        {"read_energy", c->read_energy, 0, 1000000000, "fJ"},
        {"write_energy", c->write_energy, 0, 1000000000, "fJ"},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        if (range[i].value >= range[i].min && range[i].value <= range[i].max)
            continue;
        snprintf(err, errlen, "nvdimm.%s is %llu, expected %llu to %llu %s", range[i].name,
                 (unsigned long long)range[i].value, (unsigned long long)range[i].min,
                 (unsigned long long)range[i].max, range[i].unit);
        return -1;
    }
    return check_power(c, err, errlen);
}

static int make_modules(struct nvdimm *n, char *err, size_t errlen)
{
    for (uint32_t i = 0; i < n->cfg.modules; i++) {
        struct dimm *m = &n->dimm[i];
        m->owner = n;
        m->id = i;
        const struct xpbuffer_watch watch = {n->domain ? on_media : NULL, m};
        if (dimm_init(m, &n->cfg, watch, &n->counters, err, errlen))
            return -1;
    }
    return 0;
}

struct nvdimm *nvdimm_new(const struct nvdimm_config *cfg, struct domain *domain, char *err,
                          size_t errlen)
{
    if (check(cfg, err, errlen) < 0)
        return NULL;
    struct nvdimm *n = calloc(1, sizeof *n + cfg->modules * sizeof n->dimm[0]);
    if (!n) {
        snprintf(err, errlen, "out of host memory for the NVDIMM model");
        return NULL;
    }
    n->cfg = *cfg;
    n->domain = domain;
    n->shift = (unsigned)__builtin_ctzll(cfg->interleave) - LINE_SHIFT;
    if (make_modules(n, err, errlen)) {
        nvdimm_free(n);
        return NULL;
    }
    return n;
}

void nvdimm_free(struct nvdimm *n)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < n->cfg.modules; i++)
        dimm_free(&n->dimm[i]);
    free(n);
}
