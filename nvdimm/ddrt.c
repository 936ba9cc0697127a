/* ddrt.c - the link to one module: transfers in order, held up by a full store queue; batches. */
#include "nvdimm/ddrt.h"

#include <stdlib.h>

#include "memhier/archive.h"

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

int ddrt_init(struct ddrt *d, const struct ddrt_config *cfg, struct xpbuffer *buffer,
              struct ddrt_counters *counters)
{
    *d = (struct ddrt){.cfg = *cfg, .buffer = buffer, .counters = counters};
    d->batches = calloc(cfg->queue, sizeof *d->batches);
    return d->batches ? index_init(&d->index, cfg->queue) : -1;
}

void ddrt_free(struct ddrt *d)
{
    free(d->batches);
    index_free(&d->index);
}

/* ---- batches ---- */

static uint32_t slot(const struct ddrt *d, uint32_t i)
{
    i += d->first;
    return i < d->cfg.queue ? i : i - d->cfg.queue;
}

static struct ddrt_batch *find(const struct ddrt *d, uint64_t xpline)
{
    uint32_t i = index_first(&d->index, xpline);
    while (i != INDEX_NONE && d->batches[i].xpline != xpline)
        i = index_next(&d->index, i);
    return i == INDEX_NONE ? NULL : &d->batches[i];
}

/* The oldest batch that has not started does: into the buffer with its lines. Returns when all are
 * there. */
static ps_t go(struct ddrt *d)
{
    const uint32_t i = slot(d, d->gone++);
    struct ddrt_batch *b = &d->batches[i];
    const ps_t start = later(b->came, d->ready);
    b->left = start;
    for (unsigned s = 0; s < SECTORS; s++) {
        if (b->bytes[s])
            b->left = xpbuffer_write(d->buffer, b->xpline * SECTORS + s, b->bytes[s], b->left);
    }
    d->ready = later(start + d->cfg.interval, b->left);
    d->counters->batches++;
    index_remove(&d->index, b->xpline, i);
    return b->left;
}

/* Those that have left by t make room. */
static void retire(struct ddrt *d, ps_t t)
{
    while (d->gone && d->batches[d->first].left <= t) {
        d->lines -= d->batches[d->first].lines;
        d->first = slot(d, 1);
        d->gone--;
        d->count--;
    }
}

/* All up to this one. */
static ps_t go_until(struct ddrt *d, uint64_t xpline)
{
    ps_t left;
    do
        left = go(d);
    while (find(d, xpline));
    return left;
}

void ddrt_settle(struct ddrt *d, ps_t t)
{
    while (d->gone < d->count && d->ready <= t && d->batches[slot(d, d->gone)].came <= t)
        go(d);
}

ps_t ddrt_drain(struct ddrt *d)
{
    while (d->gone < d->count)
        go(d);
    return d->ready;
}

ps_t ddrt_before_read(struct ddrt *d, uint64_t line, ps_t at)
{
    ddrt_settle(d, at);
    const struct ddrt_batch *b = d->gone < d->count ? find(d, line / SECTORS) : NULL;
    return b && b->bytes[line % SECTORS] ? later(at, go_until(d, line / SECTORS)) : at;
}

/* ---- the way in ---- */

/* A free place at t or later. */
static ps_t room(struct ddrt *d, ps_t t)
{
    ddrt_settle(d, t);
    retire(d, t);
    while (d->lines >= d->cfg.queue) {
        if (!d->gone)
            go(d);
        t = later(t, d->batches[d->first].left);
        retire(d, t);
    }
    return t;
}

ps_t ddrt_write(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at)
{
    const ps_t start = room(d, later(at, d->link_free)), come = start + d->cfg.write;
    const uint64_t xpline = line / SECTORS;
    d->link_free = come;
    ddrt_settle(d, come);
    struct ddrt_batch *b = find(d, xpline);
    if (b && (b->bytes[line % SECTORS] & bytes)) {
        go_until(d, xpline);
        b = NULL;
    }
    if (b) {
        d->counters->combined++;
    } else {
        const uint32_t i = slot(d, d->count++);
        index_add(&d->index, xpline, i);
        b = &d->batches[i];
        *b = (struct ddrt_batch){.xpline = xpline, .came = come};
    }
    if (!b->bytes[line % SECTORS]) {
        b->lines++;
        d->lines++;
    }
    b->bytes[line % SECTORS] |= bytes;
    return start;
}

int ddrt_may_join(const struct ddrt *d, uint64_t line, ps_t start)
{
    const struct ddrt_batch *b = find(d, line / SECTORS);
    return (b && b->bytes[line % SECTORS]) || xpbuffer_may_join(d->buffer, line, start);
}

void ddrt_join(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at)
{
    struct ddrt_batch *b = find(d, line / SECTORS);
    if (b && b->bytes[line % SECTORS])
        b->bytes[line % SECTORS] |= bytes;
    else
        xpbuffer_join(d->buffer, line, bytes, at);
}

/* ---- checkpoints ---- */

static void batch_archive(struct ddrt *d, uint32_t k, struct archive *a)
{
    const uint32_t i = slot(d, k);
    struct ddrt_batch *b = &d->batches[i];
    archive_u64(a, &b->xpline);
    archive_u64s(a, b->bytes, SECTORS);
    archive_u32_below(a, &b->lines, SECTORS + 1);
    archive_time(a, &b->came);
    archive_time(a, &b->left);
    if (a->failed || a->writing)
        return;
    if (b->xpline >> 40 || !b->lines || b->lines > d->cfg.queue - d->lines ||
        (k >= d->gone && find(d, b->xpline))) {
        archive_fail(a, "damaged: a batch of the NVDIMM's store queue");
        return;
    }
    if (k >= d->gone)
        index_add(&d->index, b->xpline, i);
    d->lines += b->lines;
    d->count++;
}

void ddrt_archive(struct ddrt *d, struct archive *a)
{
    uint32_t n = d->count, gone = d->gone;
    archive_same(a, d->cfg.queue);
    calendar_archive(&d->reads, a);
    archive_count(a, &n, d->cfg.queue, 60);
    archive_u32_below(a, &gone, (uint64_t)n + 1);
    archive_time(a, &d->ready);
    archive_time(a, &d->link_free);
    d->gone = gone;
    for (uint32_t k = 0; k < n && !a->failed; k++)
        batch_archive(d, k, a);
    if (d->gone > d->count) /* only after damage */
        d->gone = d->count;
}
