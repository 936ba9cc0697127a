/* xpbuffer.c - places, who leaves, and when. */
/*
 * Invariants: a place with done > t is leaving at t. `out` lists the places that leave by `done`,
 * ascending; those that are done by the time of a request are taken off it first, so it may still
 * list some that a request from the past would see as past.
 */
#include "nvdimm/xpbuffer.h"

#include <stdlib.h>

#include "memhier/archive.h"
#include "nvdimm/index.h"

#define NO_LINE UINT64_MAX

struct place {
    uint64_t line;             /* address / 256, NO_LINE: none yet */
    uint64_t written[SECTORS]; /* bytes that the media does not have */
    ps_t ready;                /* filled: when those are here */
    ps_t came;                 /* when bytes were written last */
    ps_t done;                 /* leaving until then */
    uint64_t used;             /* number of its last use */
    uint8_t filled;            /* holds the media's bytes where nothing was written */
};

struct xpbuffer {
    struct xpbuffer_config cfg;
    struct media *media;
    struct xpbuffer_watch watch;
    struct place *places;
    struct index index;
    uint64_t uses, random;
    uint32_t last;  /* place that was used last */
    uint32_t fresh; /* from here on places were never used */
    uint64_t block; /* the one that moved last */
    ps_t moved;     /* no writes to it are taken before */
    ps_t settled;   /* all that has left so far is on the media */
    uint32_t *out;  /* places that leave, a ring of cfg.lines */
    uint32_t out_first, out_count;
    struct xpbuffer_counters *counters;
};

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

static uint32_t at_most(uint32_t x, uint32_t most)
{
    return x < most ? x : most;
}

struct xpbuffer *xpbuffer_new(const struct xpbuffer_config *cfg, struct media *media,
                              struct xpbuffer_watch watch, struct xpbuffer_counters *counters)
{
    struct xpbuffer *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->cfg = *cfg;
    b->cfg.leaving = at_most(cfg->leaving, cfg->lines);
    b->cfg.ahead = at_most(cfg->ahead, cfg->lines);
    b->cfg.young = at_most(cfg->young, cfg->lines - 1);
    b->media = media;
    b->watch = watch;
    b->counters = counters;
    b->random = cfg->seed * 2 + 1;
    b->uses = b->cfg.young; /* places that were never used are not young */
    b->places = calloc(cfg->lines, sizeof *b->places);
    b->out = calloc(cfg->lines, sizeof *b->out);
    if (!b->places || !b->out || index_init(&b->index, cfg->lines)) {
        xpbuffer_free(b);
        return NULL;
    }
    for (uint32_t i = 0; i < cfg->lines; i++)
        b->places[i].line = NO_LINE;
    return b;
}

void xpbuffer_free(struct xpbuffer *b)
{
    if (!b)
        return;
    free(b->places);
    free(b->out);
    index_free(&b->index);
    free(b);
}

static uint32_t draw(struct xpbuffer *b)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((b->random >> 32) * b->cfg.lines >> 32);
}

/* ---- places that leave ---- */

static uint32_t *out_slot(const struct xpbuffer *b, uint32_t i)
{
    i += b->out_first;
    return &b->out[i < b->cfg.lines ? i : i - b->cfg.lines];
}

static void out_pop(struct xpbuffer *b)
{
    b->out_first = b->out_first + 1 == b->cfg.lines ? 0 : b->out_first + 1;
    b->out_count--;
}

static void out_retire(struct xpbuffer *b, ps_t t)
{
    while (b->out_count && b->places[*out_slot(b, 0)].done <= t)
        out_pop(b);
}

static void out_add(struct xpbuffer *b, uint32_t place)
{
    if (b->out_count == b->cfg.lines)
        out_pop(b); /* only after a damaged checkpoint */
    uint32_t i = b->out_count++;
    for (; i && b->places[*out_slot(b, i - 1)].done > b->places[place].done; i--)
        *out_slot(b, i) = *out_slot(b, i - 1);
    *out_slot(b, i) = place;
}

static void out_remove(struct xpbuffer *b, uint32_t place)
{
    uint32_t i = 0;
    while (i < b->out_count && *out_slot(b, i) != place)
        i++;
    if (i == b->out_count)
        return;
    for (; i + 1 < b->out_count; i++)
        *out_slot(b, i) = *out_slot(b, i + 1);
    b->out_count--;
}

static int is_open(const struct place *p)
{
    return (p->written[0] | p->written[1] | p->written[2] | p->written[3]) != 0;
}

static int is_whole(const struct place *p)
{
    return (p->written[0] & p->written[1] & p->written[2] & p->written[3]) == SECTOR_BYTES;
}

/* An open line goes to the media at t. */
static void leave(struct xpbuffer *b, struct place *p, ps_t t)
{
    t = later(later(t, p->came), p->filled ? p->ready : 0);
    const struct media_written w = media_write(b->media, p->line, t);
    *(is_whole(p) ? &b->counters->whole : &b->counters->partial) += 1;
    p->done = w.done;
    b->settled = later(b->settled, w.done);
    if (w.moved) {
        b->block = w.block;
        b->moved = w.moved;
    }
    for (unsigned s = 0; s < SECTORS; s++) {
        if (p->written[s] && b->watch.on_media)
            b->watch.on_media(b->watch.self, p->line * SECTORS + s, w.done);
        p->written[s] = 0;
    }
    p->filled = 0;
    out_add(b, (uint32_t)(p - b->places));
}

/* ---- finding and taking places ---- */

static void use(struct xpbuffer *b, uint32_t i)
{
    if (b->last == i && b->places[i].used)
        return;
    b->last = i;
    b->places[i].used = ++b->uses;
}

static struct place *find(const struct xpbuffer *b, uint64_t xpline)
{
    uint32_t i = b->last;
    if (b->places[i].line != xpline) {
        i = index_first(&b->index, xpline);
        while (i != INDEX_NONE && b->places[i].line != xpline)
            i = index_next(&b->index, i);
    }
    return i == INDEX_NONE ? NULL : &b->places[i];
}

/* The first place that will be free, and *t moves there. */
static uint32_t first_out(struct xpbuffer *b, ps_t *t)
{
    uint32_t first = 0;
    if (b->out_count) {
        first = *out_slot(b, 0);
        out_pop(b);
    } else { /* a request from the past: all that leave then are off the list */
        for (uint32_t i = 1; i < b->cfg.lines; i++) {
            if (b->places[i].done < b->places[first].done)
                first = i;
        }
    }
    *t = later(*t, b->places[first].done);
    return first;
}

/* A place that was never used, or one that is not leaving at t, at random among those that are not
 * young either; when there is none, the first that will be free, and *t moves there. */
static uint32_t candidate(struct xpbuffer *b, ps_t *t)
{
    uint32_t i = b->fresh < b->cfg.lines ? b->fresh++ : draw(b);
    for (uint32_t n = 0; n < b->cfg.lines; n++) {
        const struct place *p = &b->places[i];
        if (p->done <= *t && p->used + b->cfg.young <= b->uses)
            return i;
        i = n < b->cfg.lines / 2 ? draw(b) : i + 1 == b->cfg.lines ? 0 : i + 1;
    }
    for (uint32_t n = 0; n < b->cfg.lines; n++, i = i + 1 == b->cfg.lines ? 0 : i + 1) {
        if (b->places[i].done <= *t)
            return i;
    }
    return first_out(b, t);
}

/* A place for a line that has none, at *t or later. */
static struct place *take(struct xpbuffer *b, uint64_t xpline, ps_t *t)
{
    uint32_t i;
    out_retire(b, *t);
    for (;;) {
        i = candidate(b, t);
        if (!is_open(&b->places[i]))
            break;
        leave(b, &b->places[i], *t);
        if (b->out_count >= b->cfg.ahead || b->out_count == b->cfg.lines) {
            i = first_out(b, t);
            break;
        }
    }
    struct place *p = &b->places[i];
    if (p->line != NO_LINE)
        index_remove(&b->index, p->line, i);
    index_add(&b->index, xpline, i);
    if (p->filled)
        *t = later(*t, p->ready); /* still being read for others */
    p->line = xpline;
    p->filled = 0;
    p->done = p->ready = p->came = 0;
    return p;
}

static void note_wait(struct xpbuffer *b, ps_t from, ps_t to)
{
    b->counters->waits += to > from;
    b->counters->wait_ps += to - from;
}

/* ---- requests ---- */

static void write_bytes(struct xpbuffer *b, struct place *p, unsigned sector, uint64_t bytes,
                        ps_t *t)
{
    p->written[sector] |= bytes;
    p->came = later(p->came, *t);
    if (!is_whole(p))
        return;
    out_retire(b, *t);
    if (b->out_count >= b->cfg.leaving) {
        *t = later(*t, b->places[*out_slot(b, 0)].done);
        out_pop(b);
    }
    leave(b, p, *t);
}

ps_t xpbuffer_write(struct xpbuffer *b, uint64_t line, uint64_t bytes, ps_t at)
{
    const int moves = line / SECTORS >> WEAR_BLOCK_BITS == b->block;
    ps_t t = moves ? later(at, b->moved) : at;
    struct place *p = find(b, line / SECTORS);
    if (p && p->done > t) {
        t = p->done;
        out_remove(b, (uint32_t)(p - b->places));
    }
    if (!p) {
        media_ahead(b->media, line / SECTORS);
        p = take(b, line / SECTORS, &t);
    }
    use(b, (uint32_t)(p - b->places));
    write_bytes(b, p, line % SECTORS, bytes, &t);
    note_wait(b, at, t);
    return t;
}

int xpbuffer_may_join(const struct xpbuffer *b, uint64_t line, ps_t start)
{
    const struct place *p = find(b, line / SECTORS);
    return p && (p->written[line % SECTORS] || p->done > start);
}

void xpbuffer_join(struct xpbuffer *b, uint64_t line, uint64_t bytes, ps_t at)
{
    struct place *p = find(b, line / SECTORS);
    if (p->written[line % SECTORS])
        write_bytes(b, p, line % SECTORS, bytes, &at);
    else if (b->watch.on_media)
        b->watch.on_media(b->watch.self, line, p->done); /* they go with it */
}

ps_t xpbuffer_read(struct xpbuffer *b, uint64_t line, ps_t at, int *hit)
{
    struct place *p = find(b, line / SECTORS);
    *hit = p && (p->filled || p->written[line % SECTORS] == SECTOR_BYTES);
    *(*hit ? &b->counters->hits : &b->counters->misses) += 1;
    ps_t t = at;
    if (!p)
        p = take(b, line / SECTORS, &t);
    use(b, (uint32_t)(p - b->places));
    if (*hit)
        return later(t, p->filled ? p->ready : p->came);
    note_wait(b, at, t);
    p->filled = 1;
    p->ready = media_read(b->media, line / SECTORS, t);
    return p->ready;
}

ps_t xpbuffer_drain(struct xpbuffer *b, ps_t at)
{
    for (uint32_t i = 0; i < b->cfg.lines; i++) {
        if (is_open(&b->places[i])) {
            out_remove(b, i);
            leave(b, &b->places[i], at);
        }
    }
    return later(at, later(b->settled, b->moved));
}

/* ---- checkpoints ---- */

static void place_archive(struct xpbuffer *b, uint32_t i, struct archive *a)
{
    struct place *p = &b->places[i];
    archive_u64(a, &p->line);
    archive_u64s(a, p->written, SECTORS);
    archive_time(a, &p->ready);
    archive_time(a, &p->came);
    archive_time(a, &p->done);
    archive_u64_below(a, &p->used, b->uses + 1);
    archive_u8_below(a, &p->filled, 2);
    if (p->line != NO_LINE && p->line >> 40)
        archive_fail(a, "damaged: a line of the NVDIMM's buffer");
    if (a->failed)
        p->line = NO_LINE;
    else if (!a->writing && p->line != NO_LINE)
        index_add(&b->index, p->line, i);
}

void xpbuffer_archive(struct xpbuffer *b, struct archive *a)
{
    archive_same(a, b->cfg.lines);
    archive_u64_below(a, &b->uses, UINT64_MAX);
    archive_u64(a, &b->random);
    archive_u32_below(a, &b->last, b->cfg.lines);
    archive_u32_below(a, &b->fresh, (uint64_t)b->cfg.lines + 1);
    archive_u64(a, &b->block);
    archive_time(a, &b->moved);
    archive_time(a, &b->settled);
    for (uint32_t i = 0; i < b->cfg.lines; i++)
        place_archive(b, i, a);
    archive_u32_below(a, &b->out_first, b->cfg.lines);
    archive_u32_below(a, &b->out_count, (uint64_t)b->cfg.lines + 1);
    archive_u32s(a, b->out, b->cfg.lines, b->cfg.lines);
}
