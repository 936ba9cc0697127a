/* ddrt.h - the DDR-T link to one module and the store queue at its far end. */
#ifndef NVDIMM_DDRT_H
#define NVDIMM_DDRT_H

#include <stdint.h>

#include "memhier/calendar.h"
#include "nvdimm/xpbuffer.h"

/*
 * A 64-byte line takes the link for `write` towards the module, for `read` from it; the two do not
 * disturb each other. Written lines go into a queue of `queue` lines on the module, and from there,
 * in order, into the buffer (xpbuffer.h), each as soon as the buffer takes it. While the queue is
 * full no transfer begins.
 */
struct ddrt_config {
    ps_t read, write;
    uint32_t queue; /* lines, 1 to 4096 */
};

struct ddrt {
    struct ddrt_config cfg;
    struct xpbuffer *buffer; /* borrowed */
    struct calendar reads;
    ps_t *left; /* ring: when each line of the queue left it */
    uint32_t next;
    ps_t last;      /* when the youngest line leaves the queue */
    ps_t link_free; /* after the last transfer to the module */
};

int ddrt_init(struct ddrt *d, const struct ddrt_config *cfg, struct xpbuffer *buffer);
void ddrt_free(struct ddrt *d);

/* Transfer a line to the module, at `at` at the earliest: when the transfer begins; it ends
 * cfg.write later. */
ps_t ddrt_write(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at);

/* Transfer a line from the module that is ready at `at`: when its last byte is here. */
static inline ps_t ddrt_read(struct ddrt *d, ps_t at)
{
    return calendar_reserve(&d->reads, at, d->cfg.read) + d->cfg.read;
}

struct archive;
void ddrt_archive(struct ddrt *d, struct archive *a);

#endif
