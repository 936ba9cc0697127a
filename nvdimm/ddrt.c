/* ddrt.c - the link to one module: transfers in order, held up by a full store queue. */
#include "nvdimm/ddrt.h"

#include <stdlib.h>

#include "memhier/archive.h"

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

int ddrt_init(struct ddrt *d, const struct ddrt_config *cfg, struct xpbuffer *buffer)
{
    *d = (struct ddrt){.cfg = *cfg, .buffer = buffer};
    d->left = calloc(cfg->queue, sizeof *d->left);
    return d->left ? 0 : -1;
}

void ddrt_free(struct ddrt *d)
{
    free(d->left);
}

ps_t ddrt_write(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at)
{
    const ps_t start = later(later(at, d->link_free), d->left[d->next]);
    const ps_t come = start + d->cfg.write;
    d->link_free = come;
    d->last = xpbuffer_write(d->buffer, line, bytes, later(come, d->last));
    d->left[d->next] = d->last;
    d->next = d->next + 1 == d->cfg.queue ? 0 : d->next + 1;
    return start;
}

void ddrt_archive(struct ddrt *d, struct archive *a)
{
    archive_same(a, d->cfg.queue);
    calendar_archive(&d->reads, a);
    archive_times(a, d->left, d->cfg.queue);
    archive_u32_below(a, &d->next, d->cfg.queue);
    archive_time(a, &d->last);
    archive_time(a, &d->link_free);
}
