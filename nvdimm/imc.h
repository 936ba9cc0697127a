/* imc.h - the memory controller's queues in front of one module: write pending queue, read queue.
 */
#ifndef NVDIMM_IMC_H
#define NVDIMM_IMC_H

#include <stdint.h>

#include "nvdimm/ddrt.h"
#include "nvdimm/index.h"

/*
 * Write pending queue (WPQ): `wpq` entries of one 64-byte line. What is in it survives a power cut
 * (ADR), so a write is done when it has been accepted: when there is a free entry.
 *
 * Drain rule: in the order of acceptance, one transfer after the other, each as soon as the link
 * and the module's store queue allow it. Nothing waits for company or for a watermark. An entry is
 * free when its transfer is over. A write of other bytes of a line whose transfer has not begun
 * joins its entry; one that overwrites takes an entry of its own, so that the order of stores is
 * kept.
 *
 * Read queue: a read holds one of `rpq` entries until its data is here.
 *
 * Calls need not come in the order of time: a write that comes late in call order but early in time
 * looks only at the entries that were there before it.
 */
struct imc_config {
    uint32_t wpq; /* 1 to 1024 */
    uint32_t rpq; /* 1 to 1024 */
};

struct wpq_entry {
    uint64_t line; /* address / 64 */
    ps_t reached, accept, start, release;
    uint64_t bytes; /* mask */
};

struct imc {
    struct imc_config cfg;
    struct ddrt *ddrt;       /* borrowed */
    struct wpq_entry *wpq;   /* ring, in the order of acceptance */
    uint32_t next, youngest; /* the entry to be taken next (the oldest), and the last taken */
    struct index index;
    ps_t *rpq; /* ring: when each entry is free again */
    uint32_t rpq_next;
};

int imc_init(struct imc *q, const struct imc_config *cfg, struct ddrt *ddrt);
void imc_free(struct imc *q);

/* Can a write at `at` join an entry whose transfer has not begun? Then imc_join does it. */
int imc_may_join(const struct imc *q, uint64_t line, uint64_t bytes, ps_t at);
void imc_join(struct imc *q, uint64_t line, uint64_t bytes);
/* When a write that is at the queue at `at` is accepted. */
ps_t imc_accept(const struct imc *q, ps_t at);
/* Put a write in that was at the queue at `reached` and is accepted at `accept`. */
void imc_write(struct imc *q, uint64_t line, uint64_t bytes, ps_t reached, ps_t accept);

/* The entry that holds the line at `at`, or NULL. */
const struct wpq_entry *imc_find(const struct imc *q, uint64_t line, ps_t at);

/* A read that is at the queue at `at`: when it has an entry, to be told when that is free again. */
ps_t imc_read(struct imc *q, ps_t at, uint32_t *entry);

/* When the last write that was accepted has been transferred. */
static inline ps_t imc_empty(const struct imc *q)
{
    return q->wpq[q->youngest].release;
}

struct archive;
void imc_archive(struct imc *q, struct archive *a);

#endif
