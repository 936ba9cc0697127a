/* ddrt.h - the DDR-T link to one module and the store queue at its far end, where writes combine.
 */
#ifndef NVDIMM_DDRT_H
#define NVDIMM_DDRT_H

#include <stdint.h>

#include "memhier/calendar.h"
#include "nvdimm/index.h"
#include "nvdimm/xpbuffer.h"

/*
 * A 64-byte line takes the link for `write` towards the module, for `read` from it; the two do not
 * disturb each other. Written lines go into a queue of `queue` lines on the module. While it is
 * full no transfer begins.
 *
 * In the queue the lines of one 256-byte line form a batch, in the order in which their first ones
 * came. Batches go into the buffer (xpbuffer.h) one after the other: at least `interval` between
 * the starts of two, however few lines they have, and each as soon as the buffer has taken the
 * last. Until its batch starts others can join it. So what is written within a few lines of its
 * neighbours goes to the buffer with them, and what is scattered takes as long as if it were whole.
 * A write over bytes that are queued closes all batches up to theirs, and begins one of its own.
 *
 * A batch is carried out when a request comes that it is earlier than: which lines are in it is
 * known only then. ddrt_settle does so without a request.
 */
struct ddrt_config {
    ps_t read, write;
    uint32_t queue; /* lines, 1 to 4096 */
    ps_t interval;
};

struct ddrt_batch {
    uint64_t xpline;         /* address / 256 */
    uint64_t bytes[SECTORS]; /* masks */
    uint32_t lines;
    ps_t came; /* the first line */
    ps_t left; /* carried out: all is in the buffer */
};

struct ddrt_counters {
    uint64_t batches;  /* that went into the buffer */
    uint64_t combined; /* lines that found a batch to join */
};

struct ddrt {
    struct ddrt_config cfg;
    struct xpbuffer *buffer; /* borrowed */
    struct calendar reads;
    struct ddrt_batch *batches; /* ring of cfg.queue, the oldest first */
    struct index index;
    uint32_t first, gone, count; /* of these the first `gone` are carried out, but have not left */
    uint32_t lines;              /* in all of them */
    ps_t ready;                  /* the next batch may start */
    ps_t link_free;              /* after the last transfer to the module */
    struct ddrt_counters *counters;
};

int ddrt_init(struct ddrt *d, const struct ddrt_config *cfg, struct xpbuffer *buffer,
              struct ddrt_counters *counters);
void ddrt_free(struct ddrt *d);

/* Transfer a line to the module, at `at` at the earliest: when the transfer begins; it ends
 * cfg.write later. */
ps_t ddrt_write(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at);
/* More bytes of a line that was given already, though its transfer begins only at `start`: may they
 * go with it? Then ddrt_join says that they do; the transfer ends at `at`. */
int ddrt_may_join(const struct ddrt *d, uint64_t line, ps_t start);
void ddrt_join(struct ddrt *d, uint64_t line, uint64_t bytes, ps_t at);

/* Let the batches go that start by t. */
void ddrt_settle(struct ddrt *d, ps_t t);
/* A read of the line comes at `at`: when it may go to the buffer, after what is queued of it. */
ps_t ddrt_before_read(struct ddrt *d, uint64_t line, ps_t at);
/* Let all go: when the last is in the buffer. */
ps_t ddrt_drain(struct ddrt *d);

/* Transfer a line from the module that is ready at `at`: when its last byte is here. */
static inline ps_t ddrt_read(struct ddrt *d, ps_t at)
{
    return calendar_reserve(&d->reads, at, d->cfg.read) + d->cfg.read;
}

struct archive;
void ddrt_archive(struct ddrt *d, struct archive *a);

#endif
