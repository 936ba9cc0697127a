/* nvdimm.c - one persistent-memory module: WPQ, link, write-combining buffer, media, by
 * reservation. */
/*
 * A write goes through all stages at once, in the order of calls; only its times lie in the future:
 *
 *   reached  it has come to the WPQ
 *   accept   it is in the WPQ (the reply). Waits while all entries are taken.
 *   start    its transfer over the link begins: in queue order, and when the buffer has room
 *   release  the transfer is over: the entry is free, the buffer has the bytes
 *   media    a 256-byte line all of whose bytes were written goes to the media at once and stays in
 *            the buffer as a clean line; other dirty lines go when they are the LRU victim, and
 * then need a read-modify-write unless the rest of the line had been read into the buffer
 *
 * A line on its way to the media holds one of MEDIA_QUEUE places for each partition from when it
 * leaves its buffer line until it is written. When they are all taken, a buffer line becomes free
 * only later, the transfer into it waits, the WPQ fills: so sustained writes come down to the speed
 * of the media.
 *
 * Invariant of a buffer line: it holds current bytes for all of the line when `filled`, else for
 * those that are in `written`. written != 0 is the dirty state.
 */
#include "nvdimm/nvdimm.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"
#include "memhier/calendar.h"

#define SECTORS         4u /* 64-byte lines in a 256-byte line */
#define XPLINE_SHIFT    (LINE_SHIFT + 2u)
#define ALL_BYTES       UINT64_MAX
#define NO_LINE         UINT64_MAX
#define HIERARCHY_LIMIT (NVDIMM_BASE << 1) /* addresses lie below */
#define NONE            UINT32_MAX
#define MEDIA_QUEUE     4u /* lines waiting for the media, for each partition */
#define MAX_TIME        UINT64_C(1000000000000) /* 1 s: longest time in a config */

/* Where an entry of some array is that holds a given key; entries with one hash are chained. */
struct index {
    uint32_t *head, *next;
    unsigned shift; /* 64 - log2(heads) */
};

struct wpq_entry {
    uint64_t line; /* address / 64 */
    ps_t reached, accept, start, release;
    uint64_t written; /* bytes of the line */
};

struct xpline {
    uint64_t line;             /* address / 256 */
    uint64_t written[SECTORS]; /* bytes that the media does not have, by sector */
    ps_t ready;                /* when the bytes read from the media are here */
    ps_t vacant;               /* clean: when its last content had left for the media */
    ps_t clean_at;             /* when its last content was on the media; 0: never went there */
    uint32_t newer, older;     /* in LRU order */
    uint8_t filled;
    uint8_t placed; /* while a checkpoint is read: its line has been */
};

struct nvdimm {
    struct nvdimm_config cfg;
    struct domain *domain;

    struct wpq_entry *wpq; /* ring, in the order of acceptance */
    uint32_t wpq_next;     /* the oldest entry, to be overwritten next */
    uint32_t wpq_last;     /* the youngest */
    struct index wpq_index;

    struct calendar link;

    struct xpline *buffer;
    uint32_t newest, oldest;
    struct index buffer_index;

    struct calendar *media;
    ps_t *media_queue; /* when each place is free again */
    uint32_t media_places;
    uint32_t partition_mask; /* partitions - 1 when that is a power of two, else 0 */

    struct nvdimm_counters counters;
};

#define COUNTER(field) offsetof(struct nvdimm_counters, field)
const struct counter nvdimm_counter_table[] = {
    {"reads", "lines", "64-byte reads", COUNTER(reads)},
    {"writes", "lines", "64-byte writes, also of parts of a line", COUNTER(writes)},
    {"buffer.hits", "lines", "reads served by the buffer on the module", COUNTER(buffer_hits)},
    {"buffer.misses", "lines", "reads that went to the media", COUNTER(buffer_misses)},
    {"wpq.forwards", "lines", "reads of a line that was still queued", COUNTER(wpq_forwards)},
    {"wpq.merges", "lines", "writes to a line that was still queued", COUNTER(wpq_merges)},
    {"wpq.full", "lines", "writes that waited for a queue entry", COUNTER(wpq_full)},
    {"wpq.wait", "ps", "time that they waited", COUNTER(wpq_wait_ps)},
    {"media.reads", "256-byte lines", "reads of the media", COUNTER(media_reads)},
    {"media.writes", "256-byte lines", "writes of the media", COUNTER(media_writes)},
    {NULL, NULL, NULL, 0},
};

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

/* ---- index ---- */

static int index_init(struct index *x, uint32_t entries)
{
    unsigned bits = 4;
    while (bits < 20 && (1u << bits) < 2 * entries)
        bits++;
    x->shift = 64 - bits;
    x->head = malloc((sizeof *x->head) << bits);
    x->next = malloc(sizeof *x->next * entries);
    if (!x->head || !x->next)
        return -1;
    memset(x->head, 0xff, (sizeof *x->head) << bits);
    return 0;
}

static void index_free(struct index *x)
{
    free(x->head);
    free(x->next);
}

static uint32_t *index_chain(const struct index *x, uint64_t key)
{
    return &x->head[key * UINT64_C(0x9e3779b97f4a7c15) >> x->shift];
}

static void index_add(struct index *x, uint64_t key, uint32_t entry)
{
    uint32_t *p = index_chain(x, key);
    x->next[entry] = *p;
    *p = entry;
}

static void index_remove(struct index *x, uint64_t key, uint32_t entry)
{
    uint32_t *p = index_chain(x, key);
    while (*p != entry)
        p = &x->next[*p];
    *p = x->next[entry];
}

/* ---- media ---- */

static struct calendar *partition_of(struct nvdimm *n, uint64_t xpline)
{
    uint64_t i = n->partition_mask ? xpline & n->partition_mask : xpline % n->cfg.partitions;
    return &n->media[i];
}

static ps_t *first_free_place(struct nvdimm *n)
{
    ps_t *best = n->media_queue;
    for (uint32_t i = 1; i < n->media_places; i++) {
        if (n->media_queue[i] < *best)
            best = &n->media_queue[i];
    }
    return best;
}

/* Send a dirty line to the media at t or when there is a place for it; the buffer has it as clean
 * from now on, and its place in the buffer can be reused from `vacant`. */
static void media_write(struct nvdimm *n, struct xpline *x, ps_t t)
{
    int whole = x->filled ||
                (x->written[0] & x->written[1] & x->written[2] & x->written[3]) == ALL_BYTES;
    ps_t duration = n->cfg.media_write + (whole ? 0 : n->cfg.media_read);
    ps_t *place = first_free_place(n);
    x->vacant = later(later(t, *place), x->filled ? x->ready : 0);
    x->clean_at = calendar_reserve(partition_of(n, x->line), x->vacant, duration) + duration;
    *place = x->clean_at;
    n->counters.media_writes++;
    n->counters.media_reads += !whole;
    for (unsigned i = 0; i < SECTORS; i++) {
        if (x->written[i] && n->domain)
            domain_media(n->domain, x->line << XPLINE_SHIFT | i << LINE_SHIFT, x->clean_at);
        x->written[i] = 0;
    }
    if (!x->filled)
        x->ready = t;
    x->filled = 1;
}

/* ---- buffer ---- */

static int is_dirty(const struct xpline *x)
{
    return (x->written[0] | x->written[1] | x->written[2] | x->written[3]) != 0;
}

static void lru_unlink(struct nvdimm *n, struct xpline *x)
{
    if (x->newer == NONE)
        n->newest = x->older;
    else
        n->buffer[x->newer].older = x->older;
    if (x->older == NONE)
        n->oldest = x->newer;
    else
        n->buffer[x->older].newer = x->newer;
}

static void lru_link(struct nvdimm *n, struct xpline *x)
{
    uint32_t i = (uint32_t)(x - n->buffer);
    x->newer = NONE;
    x->older = n->newest;
    if (n->newest == NONE)
        n->oldest = i;
    else
        n->buffer[n->newest].newer = i;
    n->newest = i;
}

/* The buffer's line, now the newest; NULL when it is not there. */
static struct xpline *buffer_find(struct nvdimm *n, uint64_t xpline)
{
    uint32_t i = *index_chain(&n->buffer_index, xpline);
    while (i != NONE && n->buffer[i].line != xpline)
        i = n->buffer_index.next[i];
    if (i == NONE)
        return NULL;
    if (n->newest != i) {
        lru_unlink(n, &n->buffer[i]);
        lru_link(n, &n->buffer[i]);
    }
    return &n->buffer[i];
}

/* Replace the oldest line by an empty one; it can take bytes from *room on (not before t). */
static struct xpline *buffer_allocate(struct nvdimm *n, uint64_t xpline, ps_t t, ps_t *room)
{
    struct xpline *x = &n->buffer[n->oldest];
    uint32_t i = n->oldest;
    if (is_dirty(x))
        media_write(n, x, t);
    *room = later(t, later(x->vacant, x->filled ? x->ready : 0));
    if (x->line != NO_LINE)
        index_remove(&n->buffer_index, x->line, i);
    index_add(&n->buffer_index, xpline, i);
    x->line = xpline;
    x->filled = 0;
    x->clean_at = 0;
    lru_unlink(n, x);
    lru_link(n, x);
    return x;
}

/* Bytes of a sector arrive at t. */
static void buffer_write(struct nvdimm *n, struct xpline *x, unsigned sector, uint64_t bytes,
                         ps_t t)
{
    x->written[sector] |= bytes;
    if ((x->written[0] & x->written[1] & x->written[2] & x->written[3]) == ALL_BYTES)
        media_write(n, x, t);
}

/* ---- write pending queue ---- */

static struct wpq_entry *wpq_find(struct nvdimm *n, uint64_t line)
{
    uint32_t i = *index_chain(&n->wpq_index, line);
    while (i != NONE && n->wpq[i].line != line)
        i = n->wpq_index.next[i];
    return i == NONE ? NULL : &n->wpq[i];
}

/* When a write that reaches the queue at t finds a free entry. Entries are released in the order of
 * the ring; a write from the past looks only at those that came before it. */
static ps_t wpq_room(const struct nvdimm *n, ps_t t)
{
    ps_t oldest = n->wpq[n->wpq_next].release;
    if (oldest <= t || t >= n->wpq[n->wpq_last].reached)
        return later(t, oldest);
    for (uint32_t i = 0; i < n->cfg.wpq_lines; i++) {
        if (n->wpq[i].reached > t || n->wpq[i].release <= t)
            return t;
    }
    return oldest;
}

static struct wpq_entry *wpq_take(struct nvdimm *n, uint64_t line)
{
    uint32_t i = n->wpq_next;
    struct wpq_entry *e = &n->wpq[i];
    if (e->line != NO_LINE)
        index_remove(&n->wpq_index, e->line, i);
    index_add(&n->wpq_index, line, i);
    e->line = line;
    n->wpq_last = i;
    n->wpq_next = i + 1 == n->cfg.wpq_lines ? 0 : i + 1;
    return e;
}

/* ---- requests ---- */

static uint64_t bytes_of(const struct mem_req *req)
{
    unsigned offset = (unsigned)req->addr & (LINE_BYTES - 1);
    if (req->kind != MEM_NTSTORE || req->bytes == 0 || req->bytes >= LINE_BYTES)
        return ALL_BYTES;
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

/* Put the write into the entry that holds its line, if that waits for its transfer at time t. If
 * the line has been given to the media since (at a later time), the bytes go there with it. */
static int wpq_merge(struct nvdimm *n, const struct mem_req *req, ps_t t)
{
    uint64_t line = req->addr >> LINE_SHIFT, bytes = bytes_of(req);
    struct wpq_entry *e = wpq_find(n, line);
    if (!e || t < e->accept || t >= e->start)
        return 0;
    struct xpline *x = buffer_find(n, line / SECTORS);
    unsigned sector = line % SECTORS;
    if (!x || (!x->written[sector] && x->clean_at <= e->start))
        return 0; /* the buffer's line is another one by now */
    n->counters.wpq_merges++;
    e->written |= bytes;
    tell_domain(n, req, t);
    if (x->written[sector])
        buffer_write(n, x, sector, bytes, e->release);
    else if (n->domain)
        domain_media(n->domain, req->addr, x->clean_at);
    return 1;
}

static struct mem_reply do_write(struct nvdimm *n, const struct mem_req *req)
{
    uint64_t line = req->addr >> LINE_SHIFT;
    ps_t reached = req->at + n->cfg.wpq_accept, room = 0;
    n->counters.writes++;
    if (wpq_merge(n, req, reached))
        return (struct mem_reply){.done = reached, .source = SRC_NVDIMM};

    ps_t accept = wpq_room(n, reached);
    tell_domain(n, req, accept);
    const struct wpq_entry *before = &n->wpq[n->wpq_last];
    ps_t turn = reached >= before->reached ? later(accept, before->release) : accept;
    struct xpline *x = buffer_find(n, line / SECTORS);
    if (!x)
        x = buffer_allocate(n, line / SECTORS, turn, &room);
    struct wpq_entry *e = wpq_take(n, line);
    e->reached = reached;
    e->accept = accept;
    e->start = calendar_reserve(&n->link, later(turn, room), n->cfg.transfer);
    e->release = e->start + n->cfg.transfer;
    e->written = bytes_of(req);
    buffer_write(n, x, line % SECTORS, e->written, e->release);

    if (accept == reached)
        return (struct mem_reply){.done = accept, .source = SRC_NVDIMM};
    n->counters.wpq_full++;
    n->counters.wpq_wait_ps += accept - reached;
    return (struct mem_reply){.done = accept, .source = SRC_WPQ_FULL};
}

/* The buffer has no current copy of all the bytes: read the rest of the line. Returns when. */
static ps_t fill(struct nvdimm *n, struct xpline *x, uint64_t xpline, ps_t t)
{
    ps_t room = t;
    if (!x)
        x = buffer_allocate(n, xpline, t, &room);
    ps_t start = calendar_reserve(partition_of(n, xpline), t, n->cfg.media_read);
    x->ready = later(start + n->cfg.media_read, room);
    x->filled = 1;
    n->counters.media_reads++;
    n->counters.buffer_misses++;
    return x->ready;
}

static struct mem_reply do_read(struct nvdimm *n, const struct mem_req *req)
{
    uint64_t line = req->addr >> LINE_SHIFT;
    ps_t at_queue = req->at + n->cfg.wpq_accept, t = req->at;
    n->counters.reads++;
    const struct wpq_entry *e = wpq_find(n, line);
    if (e && e->accept <= at_queue && at_queue < e->release) {
        if (e->written == ALL_BYTES) {
            n->counters.wpq_forwards++;
            return (struct mem_reply){.done = at_queue + n->cfg.wpq_accept, .source = SRC_NVDIMM};
        }
        t = e->release; /* the buffer puts the parts together */
    }
    struct xpline *x = buffer_find(n, line / SECTORS);
    int written = x && x->written[line % SECTORS] == ALL_BYTES;
    if (written || (x && x->filled)) {
        n->counters.buffer_hits++;
        t = written ? t : later(t, x->ready);
    } else {
        t = fill(n, x, line / SECTORS, t);
    }
    t = calendar_reserve(&n->link, t + n->cfg.buffer_access, n->cfg.transfer);
    return (struct mem_reply){.done = t + n->cfg.transfer, .source = SRC_NVDIMM};
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
    switch ((enum mem_kind)req->kind) {
    case MEM_FETCH:
    case MEM_LOAD:
    case MEM_STORE:
    case MEM_WALK:
    case MEM_PREFETCH:
        return do_read(n, req);
    case MEM_NTSTORE:
    case MEM_CLWB:
    case MEM_CLFLUSHOPT:
    case MEM_CLFLUSH:
    case MEM_WRITEBACK:
        return do_write(n, req);
    case MEM_VISIBLE:
        do_visible(n, req);
        break;
    case MEM_FENCE:
    case MEM_KINDS:
        break;
    }
    return (struct mem_reply){.done = req->at, .source = SRC_NVDIMM};
}

struct mem_port nvdimm_port(struct nvdimm *n)
{
    return (struct mem_port){.access = nvdimm_access, .self = n};
}

ps_t nvdimm_drain(struct nvdimm *n, ps_t at)
{
    ps_t done = later(at, n->wpq[n->wpq_last].release);
    for (uint32_t i = n->oldest; i != NONE; i = n->buffer[i].newer) {
        struct xpline *x = &n->buffer[i];
        if (is_dirty(x))
            media_write(n, x, later(at, n->wpq[n->wpq_last].release));
        done = later(done, x->clean_at);
    }
    for (uint32_t i = 0; i < n->media_places; i++)
        done = later(done, n->media_queue[i]);
    return done;
}

/* ---- checkpoints ---- */

/* Line numbers of this many bytes each, or NO_LINE. */
static void line_archive(uint64_t *line, unsigned shift, struct archive *a)
{
    archive_u64(a, line);
    if (*line >= HIERARCHY_LIMIT >> shift && *line != NO_LINE)
        archive_fail(a, "damaged: a line of the NVDIMM");
}

static void wpq_archive(struct nvdimm *n, struct archive *a)
{
    const uint32_t entries = n->cfg.wpq_lines;
    archive_same(a, entries);
    archive_u32_below(a, &n->wpq_next, entries);
    archive_u32_below(a, &n->wpq_last, entries);
    for (uint32_t i = 0; i < entries; i++) { /* the oldest first: so they are found as before */
        const uint32_t at = (n->wpq_next + i) % entries;
        struct wpq_entry *e = &n->wpq[at];
        line_archive(&e->line, LINE_SHIFT, a);
        archive_time(a, &e->reached);
        archive_time(a, &e->accept);
        archive_time(a, &e->start);
        archive_time(a, &e->release);
        archive_u64(a, &e->written);
        if (!a->writing && !a->failed && e->line != NO_LINE)
            index_add(&n->wpq_index, e->line, at);
    }
}

static void xpline_archive(struct xpline *x, struct archive *a)
{
    line_archive(&x->line, XPLINE_SHIFT, a);
    archive_u64s(a, x->written, SECTORS);
    archive_time(a, &x->ready);
    archive_time(a, &x->vacant);
    archive_time(a, &x->clean_at);
    archive_u8_below(a, &x->filled, 2);
}

/* Lines from the oldest to the newest; each is put where it was. */
static void buffer_archive(struct nvdimm *n, struct archive *a)
{
    uint32_t i = n->oldest, seen = 0;
    archive_same(a, n->cfg.buffer_lines);
    for (uint32_t k = 0; k < n->cfg.buffer_lines && !a->failed; k++) {
        uint32_t at = i;
        archive_u32_below(a, &at, n->cfg.buffer_lines);
        if (a->failed)
            return;
        struct xpline *x = &n->buffer[at];
        i = a->writing ? x->newer : NONE;
        xpline_archive(x, a);
        if (a->writing || a->failed)
            continue;
        lru_unlink(n, x);
        lru_link(n, x);
        seen += !x->placed;
        x->placed = 1;
        if (x->line != NO_LINE)
            index_add(&n->buffer_index, x->line, at);
    }
    for (uint32_t k = 0; k < n->cfg.buffer_lines; k++)
        n->buffer[k].placed = 0;
    if (!a->writing && seen != n->cfg.buffer_lines)
        archive_fail(a, "damaged: the NVDIMM's buffer");
}

void nvdimm_archive(struct nvdimm *n, struct archive *a)
{
    archive_section(a, "NVDM", 1);
    wpq_archive(n, a);
    buffer_archive(n, a);
    calendar_archive(&n->link, a);
    archive_same(a, n->cfg.partitions);
    for (uint32_t i = 0; i < n->cfg.partitions; i++)
        calendar_archive(&n->media[i], a);
    archive_times(a, n->media_queue, n->media_places);
    archive_u64s(a, (uint64_t *)&n->counters, sizeof n->counters / sizeof(uint64_t));
}

const struct nvdimm_counters *nvdimm_counters(const struct nvdimm *n)
{
    return &n->counters;
}

/* ---- making one ---- */

static int check(const struct nvdimm_config *c, char *err, size_t errlen)
{
    const struct {
        const char *name;
        uint64_t value, min, max;
        const char *unit;
    } range[] = {
        {"wpq", c->wpq_lines, 1, 1024, "lines"},
        {"buffer", c->buffer_lines, 1, 65536, "lines"},
        {"partitions", c->partitions, 1, 64, "accesses"},
        {"wpq_accept", c->wpq_accept, 0, MAX_TIME, "ps"},
        {"transfer", c->transfer, 0, MAX_TIME, "ps"},
        {"buffer_access", c->buffer_access, 0, MAX_TIME, "ps"},
        {"media_read", c->media_read, 0, MAX_TIME, "ps"},
        {"media_write", c->media_write, 0, MAX_TIME, "ps"},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        if (range[i].value >= range[i].min && range[i].value <= range[i].max)
            continue;
        snprintf(err, errlen, "nvdimm.%s is %llu %s, expected %llu to %llu", range[i].name,
                 (unsigned long long)range[i].value, range[i].unit,
                 (unsigned long long)range[i].min, (unsigned long long)range[i].max);
        return -1;
    }
    return 0;
}

static int allocate(struct nvdimm *n)
{
    const struct nvdimm_config *c = &n->cfg;
    n->media_places = MEDIA_QUEUE * c->partitions;
    n->wpq = calloc(c->wpq_lines, sizeof *n->wpq);
    n->buffer = calloc(c->buffer_lines, sizeof *n->buffer);
    n->media = calloc(c->partitions, sizeof *n->media);
    n->media_queue = calloc(n->media_places, sizeof *n->media_queue);
    if (!n->wpq || !n->buffer || !n->media || !n->media_queue ||
        index_init(&n->wpq_index, c->wpq_lines) < 0 ||
        index_init(&n->buffer_index, c->buffer_lines) < 0)
        return -1;
    return 0;
}

struct nvdimm *nvdimm_new(const struct nvdimm_config *cfg, struct domain *domain, char *err,
                          size_t errlen)
{
    if (check(cfg, err, errlen) < 0)
        return NULL;
    struct nvdimm *n = calloc(1, sizeof *n);
    if (n)
        n->cfg = *cfg;
    if (!n || allocate(n) < 0) {
        snprintf(err, errlen, "out of host memory for the NVDIMM model");
        nvdimm_free(n);
        return NULL;
    }
    n->domain = domain;
    n->partition_mask = cfg->partitions & (cfg->partitions - 1) ? 0 : cfg->partitions - 1;
    n->wpq_last = cfg->wpq_lines - 1;
    for (uint32_t i = 0; i < cfg->wpq_lines; i++)
        n->wpq[i].line = NO_LINE;
    for (uint32_t i = 0; i < cfg->partitions; i++)
        calendar_init(&n->media[i]);
    calendar_init(&n->link);
    n->newest = n->oldest = NONE;
    for (uint32_t i = 0; i < cfg->buffer_lines; i++) {
        n->buffer[i].line = NO_LINE;
        lru_link(n, &n->buffer[i]);
    }
    return n;
}

void nvdimm_free(struct nvdimm *n)
{
    if (!n)
        return;
    free(n->wpq);
    free(n->buffer);
    free(n->media);
    free(n->media_queue);
    index_free(&n->wpq_index);
    index_free(&n->buffer_index);
    free(n);
}
