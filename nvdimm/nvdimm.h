/* nvdimm.h - timing of one persistent-memory module behind its memory controller. */
#ifndef NVDIMM_NVDIMM_H
#define NVDIMM_NVDIMM_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"
#include "nvdimm/domain.h"

/*
 * Structure: write pending queue (WPQ) in the memory controller -> DDR-T transfer -> buffer of
 * 256-byte lines on the module (XPBuffer, write-combining, LRU) -> media with separate read and
 * write times and several partitions. Reads look in the WPQ, then the buffer, then read a 256-byte
 * media line into the buffer. Not modelled yet: address indirection, wear levelling, interleaving.
 *
 * Nothing is ticked: each request reserves what it needs of the link, the buffer and the media when
 * it comes, and knows then when it will be done. Times of an idle module:
 *
 *   read, buffer hit     buffer_access + transfer
 *   read, buffer miss    media_read + buffer_access + transfer
 *   read, in the WPQ     2 * wpq_accept
 *   write                wpq_accept; with the queue full, when its oldest line has been transferred
 *
 * Sources of the defaults: Wang et al., "Characterizing and Modeling Non-Volatile Memory Systems"
 * (MICRO 2020; LENS), Yang et al., "An Empirical Guide to the Behavior and Use of Scalable
 * Persistent Memory" (FAST 2020).
 */
struct nvdimm_config {
    uint32_t wpq_lines;    /* 64-byte lines, 1 to 1024 */
    uint32_t buffer_lines; /* 256-byte lines in the XPBuffer, 1 to 65536 */
    uint32_t partitions;   /* media accesses under way at once, 1 to 64 */
    ps_t wpq_accept;       /* from the core's side of the controller into the queue */
    ps_t transfer;         /* one 64-byte line over DDR-T */
    ps_t buffer_access;    /* end to end for a read that hits the buffer, without transfer */
    ps_t media_read;       /* 256 bytes */
    ps_t media_write;      /* 256 bytes */
};

struct nvdimm;

/* NULL and a message when a value is out of range. Both pointers are borrowed; domain may be NULL
 * (trace replay). */
struct nvdimm *nvdimm_new(const struct nvdimm_config *cfg, struct domain *domain, char *err,
                          size_t errlen);
void nvdimm_free(struct nvdimm *n);

/* Accepts MEM_LOAD/FETCH/WALK/PREFETCH/STORE (as line reads), MEM_WRITEBACK, MEM_NTSTORE, flush
 * kinds (as line writes) and MEM_VISIBLE (for the domain: its bytes are those of the store). A
 * write's `done` is its acceptance by the WPQ; its source is SRC_WPQ_FULL when it had to wait for a
 * free entry. */
struct mem_port nvdimm_port(struct nvdimm *n);

/* Power-off in good order: write what the buffer holds to the media, from time `at` on. Returns
 * when the last line is written; by then everything that had entered the WPQ is durable at any
 * point. */
ps_t nvdimm_drain(struct nvdimm *n, ps_t at);

struct nvdimm_counters {
    uint64_t reads, writes; /* 64-byte requests */
    uint64_t buffer_hits, buffer_misses;
    uint64_t wpq_forwards; /* reads of a line that was still queued */
    uint64_t wpq_merges;   /* writes to a line that was still queued */
    uint64_t wpq_full;     /* writes that waited for an entry */
    uint64_t wpq_wait_ps;
    uint64_t media_reads, media_writes; /* 256-byte lines */
};
/* To or from a checkpoint (memhier/archive.h); what is read goes into a new module. */
struct archive;
void nvdimm_archive(struct nvdimm *n, struct archive *a);

const struct nvdimm_counters *nvdimm_counters(const struct nvdimm *n);
extern const struct counter nvdimm_counter_table[];

#endif
