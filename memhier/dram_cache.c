/* dram_cache.c - tags in chunks that are made when touched, and the accesses that a request costs.
 */
#include "memhier/dram_cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/hostmem.h"
#include "memhier/kind.h"

#define CHUNK_SHIFT 12u
#define CHUNK       (1u << CHUNK_SHIFT) /* places; a set lies in one chunk */
#define MOST_BYTES  (UINT64_C(1) << 38)
#define MOST_WAYS   16u
#define FRESH       64u

/* What a place holds: 0, or the line's number + 1, and whether it is dirty. */
#define TAG_OF(line) (((line) + 1) << 1)
#define DIRTY        UINT64_C(1)

/* `age` orders the ways of a set by their last use, 0: the last. */
struct chunk {
    uint64_t tag[CHUNK];
    uint8_t age[CHUNK];
};

/* A line that came lately, and when it was there. */
struct fresh {
    uint64_t line;
    ps_t ready;
};

struct dram_cache {
    struct dram_cache_config cfg;
    uint64_t sets;
    uint32_t stride; /* places of a set in the chunks: its ways, up to a power of two */
    uint64_t nchunks;
    struct chunk **chunks;
    struct fresh fresh[FRESH];
    struct dram_cache_counters counters;
};

#define COUNTER(field) offsetof(struct dram_cache_counters, field)
const struct counter dram_cache_counter_table[] = {
    {"hits.read", "lines", "reads that found their line in DRAM", COUNTER(read_hits)},
    {"misses.read", "lines", "reads that went to the memory behind it", COUNTER(read_misses)},
    {"hits.write", "lines", "writes that found their line in DRAM", COUNTER(write_hits)},
    {"misses.write", "lines", "writes that fetched it first", COUNTER(write_misses)},
    {"writebacks", "lines", "dirty ones that were written to the memory behind it",
     COUNTER(writebacks)},
    {NULL, NULL, NULL, 0},
};

/* ---- making ---- */

static int check(const struct dram_cache_config *c, char *err, size_t errlen)
{
    const uint64_t sets = c->ways ? c->bytes / LINE_BYTES / c->ways : 0;
    if (c->ways < 1 || c->ways > MOST_WAYS) {
        snprintf(err, errlen, "memory_mode.ways is %u, expected 1 to %u", c->ways, MOST_WAYS);
        return -1;
    }
    if (c->bytes > MOST_BYTES || !sets || sets & (sets - 1) ||
        sets * c->ways * LINE_BYTES != c->bytes) {
        snprintf(err, errlen,
                 "memory_mode.size: %llu bytes, expected 64 bytes * %u ways * a power of two, at "
                 "most 256 GiB",
                 (unsigned long long)c->bytes, c->ways);
        return -1;
    }
    return 0;
}

struct dram_cache *dram_cache_new(const struct dram_cache_config *cfg, char *err, size_t errlen)
{
    if (check(cfg, err, errlen))
        return NULL;
    struct dram_cache *c = calloc(1, sizeof *c);
    if (c) {
        c->cfg = *cfg;
        c->sets = cfg->bytes / LINE_BYTES / cfg->ways;
        for (c->stride = 1; c->stride < cfg->ways;)
            c->stride *= 2;
        c->nchunks = (c->sets * c->stride + CHUNK - 1) >> CHUNK_SHIFT;
        c->chunks = calloc(c->nchunks, sizeof *c->chunks);
        for (uint32_t i = 0; i < FRESH; i++)
            c->fresh[i].line = UINT64_MAX;
    }
    if (c && c->chunks)
        return c;
    dram_cache_free(c);
    snprintf(err, errlen, "out of host memory for the tags of memory_mode.size");
    return NULL;
}

void dram_cache_free(struct dram_cache *c)
{
    if (!c)
        return;
    for (uint64_t i = 0; c->chunks && i < c->nchunks; i++)
        free(c->chunks[i]);
    free(c->chunks);
    free(c);
}

/* ---- places ---- */

/* Of a set: its chunk and where it begins there. */
struct set {
    struct chunk *chunk;
    uint32_t first;
    uint64_t number;
};

static struct chunk *chunk_of(struct dram_cache *c, uint64_t i)
{
    if (!c->chunks[i]) {
        c->chunks[i] = hostmem_new(1, sizeof *c->chunks[i], "tags of memory_mode.size");
        for (uint32_t k = 0; k < CHUNK; k++)
            c->chunks[i]->age[k] = (uint8_t)(k & (c->stride - 1));
    }
    return c->chunks[i];
}

static struct set set_of(struct dram_cache *c, uint64_t line)
{
    const uint64_t number = line & (c->sets - 1);
    const uint64_t place = number * c->stride;
    return (struct set){.chunk = chunk_of(c, place >> CHUNK_SHIFT),
                        .first = (uint32_t)(place & (CHUNK - 1)),
                        .number = number};
}

/* The way that has the line, or `ways`. */
static uint32_t find(const struct dram_cache *c, const struct set *s, uint64_t line)
{
    uint32_t way = 0;
    while (way < c->cfg.ways && (s->chunk->tag[s->first + way] & ~DIRTY) != TAG_OF(line))
        way++;
    return way;
}

static void touch(const struct dram_cache *c, const struct set *s, uint32_t way)
{
    uint8_t *age = &s->chunk->age[s->first];
    const uint8_t was = age[way];
    for (uint32_t i = 0; i < c->cfg.ways; i++)
        age[i] = (uint8_t)(age[i] + (age[i] < was));
    age[way] = 0;
}

/* The first way that is empty, else the one whose use is longest ago. */
static uint32_t victim(const struct dram_cache *c, const struct set *s)
{
    uint32_t oldest = 0;
    for (uint32_t way = 0; way < c->cfg.ways; way++) {
        if (!s->chunk->tag[s->first + way])
            return way;
        if (s->chunk->age[s->first + way] > s->chunk->age[s->first + oldest])
            oldest = way;
    }
    return oldest;
}

/* ---- accesses ---- */

static ps_t ask_dram(const struct dram_cache *c, const struct mem_req *from, uint64_t addr,
                     enum mem_kind kind, ps_t at)
{
    struct mem_req req = *from;
    req.addr = addr;
    req.bytes = LINE_BYTES;
    req.kind = (uint8_t)kind;
    req.at = at;
    return port_access(&c->cfg.dram, &req).done;
}

static struct mem_reply ask_far(const struct dram_cache *c, const struct mem_req *from,
                                uint64_t line, enum mem_kind kind, ps_t at)
{
    struct mem_req req = *from;
    req.addr = c->cfg.far_base + (line << LINE_SHIFT);
    req.bytes = LINE_BYTES;
    req.kind = (uint8_t)kind;
    req.at = at;
    return port_access(&c->cfg.far, &req);
}

/* Where a set's tags lie in DRAM, and a way. */
static uint64_t tags_at(const struct dram_cache *c, const struct set *s)
{
    return s->number * (c->cfg.ways == 1 ? 1 : c->cfg.ways + 1) << LINE_SHIFT;
}

static uint64_t line_at(const struct dram_cache *c, const struct set *s, uint32_t way)
{
    return tags_at(c, s) + (c->cfg.ways == 1 ? 0 : (uint64_t)(way + 1) << LINE_SHIFT);
}

/* The way whose line has to go: written to `far` when it is dirty. */
static void evict(struct dram_cache *c, const struct set *s, uint32_t way,
                  const struct mem_req *req, ps_t at)
{
    const uint64_t tag = s->chunk->tag[s->first + way];
    if (!(tag & DIRTY))
        return;
    if (c->cfg.ways > 1)
        at = ask_dram(c, req, line_at(c, s, way), MEM_LOAD, at);
    ask_far(c, req, (tag >> 1) - 1, MEM_WRITEBACK, at);
    c->counters.writebacks++;
}

/* A line comes from `far`, asked for at t, and takes the place of another. */
static struct mem_reply fill(struct dram_cache *c, const struct set *s, uint32_t *way,
                             uint64_t line, const struct mem_req *req, ps_t t)
{
    *way = victim(c, s);
    evict(c, s, *way, req, t);
    const struct mem_reply come = ask_far(c, req, line, MEM_LOAD, t);
    ask_dram(c, req, line_at(c, s, *way), MEM_WRITEBACK, come.done);
    if (c->cfg.ways > 1)
        ask_dram(c, req, tags_at(c, s), MEM_WRITEBACK, come.done);
    s->chunk->tag[s->first + *way] = TAG_OF(line);
    c->fresh[line % FRESH] = (struct fresh){line, come.done};
    return come;
}

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

/* When the line is there, if that was said lately. */
static ps_t ready_at(const struct dram_cache *c, uint64_t line)
{
    const struct fresh *f = &c->fresh[line % FRESH];
    return f->line == line ? f->ready : 0;
}

static struct mem_reply do_read(struct dram_cache *c, const struct mem_req *req)
{
    const uint64_t line = req->addr >> LINE_SHIFT;
    const struct set s = set_of(c, line);
    const ps_t t = ask_dram(c, req, tags_at(c, &s), (enum mem_kind)req->kind, req->at);
    uint32_t way = find(c, &s, line);
    struct mem_reply reply = {.done = t, .source = SRC_DRAM};
    if (way < c->cfg.ways) {
        c->counters.read_hits++;
        if (c->cfg.ways > 1)
            reply.done = ask_dram(c, req, line_at(c, &s, way), (enum mem_kind)req->kind, t);
        reply.done = later(reply.done, ready_at(c, line));
    } else {
        c->counters.read_misses++;
        reply = fill(c, &s, &way, line, req, t);
    }
    touch(c, &s, way);
    return reply;
}

static struct mem_reply do_write(struct dram_cache *c, const struct mem_req *req)
{
    const uint64_t line = req->addr >> LINE_SHIFT;
    const struct set s = set_of(c, line);
    ps_t t = ask_dram(c, req, tags_at(c, &s), MEM_LOAD, req->at);
    uint32_t way = find(c, &s, line);
    struct mem_reply reply = {.source = SRC_DRAM};
    if (way < c->cfg.ways) {
        c->counters.write_hits++;
        t = later(t, ready_at(c, line));
    } else {
        c->counters.write_misses++;
        reply = fill(c, &s, &way, line, req, t);
        t = reply.done;
    }
    reply.done = ask_dram(c, req, line_at(c, &s, way), MEM_WRITEBACK, t);
    s.chunk->tag[s.first + way] |= DIRTY;
    touch(c, &s, way);
    return reply;
}

static struct mem_reply access(void *self, const struct mem_req *req)
{
    if (kind_reads(req->kind))
        return do_read(self, req);
    if (kind_writes(req->kind))
        return do_write(self, req);
    return (struct mem_reply){.done = req->at, .source = SRC_DRAM};
}

struct mem_port dram_cache_port(struct dram_cache *c)
{
    return (struct mem_port){.access = access, .self = c};
}

const struct dram_cache_counters *dram_cache_counters(const struct dram_cache *c)
{
    return &c->counters;
}

/* ---- checkpoints ---- */

/* Chunks that were touched, each whole. */
static void chunk_archive(struct dram_cache *c, uint64_t i, struct archive *a)
{
    struct chunk *k = chunk_of(c, i);
    const uint64_t first = i << CHUNK_SHIFT;
    for (uint32_t p = 0; p < CHUNK; p++) {
        archive_u64(a, &k->tag[p]);
        archive_u8_below(a, &k->age[p], c->stride);
        const uint64_t tag = k->tag[p], set = (first + p) / c->stride;
        if (!tag)
            continue;
        if (tag <= DIRTY || (p & (c->stride - 1)) >= c->cfg.ways || set >= c->sets ||
            (((tag >> 1) - 1) & (c->sets - 1)) != set) {
            archive_fail(a, "damaged: a tag of the DRAM cache");
            k->tag[p] = 0;
        }
    }
}

void dram_cache_archive(struct dram_cache *c, struct archive *a)
{
    uint32_t n = 0;
    archive_section(a, "DRMC", 1);
    archive_same(a, c->sets);
    archive_same(a, c->cfg.ways);
    for (uint64_t i = 0; i < c->nchunks; i++)
        n += c->chunks[i] != NULL;
    archive_count(a, &n, (uint32_t)c->nchunks, CHUNK * 9u);
    uint64_t i = 0;
    for (uint32_t done = 0; done < n && !a->failed; done++, i++) {
        while (a->writing && !c->chunks[i])
            i++;
        archive_u64_below(a, &i, c->nchunks);
        if (!a->failed)
            chunk_archive(c, i, a);
    }
    for (uint32_t k = 0; k < FRESH; k++) {
        archive_u64(a, &c->fresh[k].line);
        archive_time(a, &c->fresh[k].ready);
    }
    archive_u64s(a, (uint64_t *)&c->counters, sizeof c->counters / sizeof(uint64_t));
}
