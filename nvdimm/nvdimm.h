/* nvdimm.h - timing of the persistent-memory modules behind their memory controllers. */
#ifndef NVDIMM_NVDIMM_H
#define NVDIMM_NVDIMM_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/dram.h"
#include "memhier/port.h"
#include "nvdimm/ddrt.h"
#include "nvdimm/domain.h"
#include "nvdimm/media.h"
#include "nvdimm/xpbuffer.h"

/*
 * One to twelve modules, interleaved. The way of a request to one of them, a file for each stage:
 *
 *   imc       write pending queue and read queue of the memory controller
 *   ddrt      the link, and the store queue at its far end
 *   xpbuffer  256-byte lines on the module: where writes combine and reads hit
 *   ait       which block of the media holds an address
 *   media     partitions that read and write 256 bytes
 *   wear      how often a line was written, and when it has to move
 *
 * Nothing is ticked: each request reserves what it needs of the stages when it comes, and knows
 * then when it will be done. Times of an idle module:
 *
 *   read, buffer hit     read_path + link_read
 *   read, buffer miss    the same + ait_lookup (+ ait_miss) + media_read + media_back
 *   read, in the WPQ     2 * wpq_accept
 *   write                wpq_accept; with the queue full, when its oldest line has been transferred
 *
 * Sources of the defaults: README.md. With `is_dram` the modules are DRAM that is saved when the
 * power goes instead (dramdimm.h); of the parameters below only modules, interleave, wpq_accept,
 * read_path and the link's count then.
 */
struct nvdimm_config {
    uint32_t modules;           /* 1 to 12 */
    uint64_t interleave;        /* bytes, a power of two from 256 B to 1 GiB */
    uint32_t wpq_lines;         /* 64-byte lines, 1 to 1024 */
    uint32_t rpq_lines;         /* reads under way, 1 to 1024 */
    uint32_t store_queue;       /* 64-byte lines, 1 to 4096 */
    ps_t store_interval;        /* between two 256-byte lines that go from it into the buffer */
    uint32_t buffer_lines;      /* 256-byte lines in the XPBuffer, 1 to 65536 */
    uint32_t buffer_leaving;    /* of these on their way to the media, at least 1 */
    uint32_t buffer_ahead;      /* evicted ahead of need, at least 1 */
    uint32_t buffer_young;      /* used last, not evicted */
    uint32_t ait_entries;       /* blocks of 4 KiB, 1 to 2^20 */
    uint32_t partitions;        /* media accesses under way at once, 1 to 64 */
    uint32_t wear_threshold;    /* heat of a block that has to move, 0: never */
    uint32_t wear_cooling;      /* writes of the module, at least 1 */
    uint32_t wear_delay;        /* writes of the module, at least 1 */
    ps_t wpq_accept;            /* from the caches into the queue */
    ps_t link_read, link_write; /* one 64-byte line over DDR-T */
    ps_t read_path;             /* end to end for a read that hits the buffer, without the link */
    ps_t ait_lookup, ait_miss;
    ps_t media_read, media_write;       /* 256 bytes */
    ps_t media_back;                    /* from the media into the buffer */
    ps_t migration;                     /* of a block that moves */
    uint64_t read_energy, write_energy; /* of the media, fJ for each bit */
    uint64_t seed;
    uint8_t is_dram;
    struct dram_config dram; /* of a module; it has one channel, whatever this says */
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

/* Power-off in good order: write what the buffers hold to the media, from time `at` on. Returns
 * when the last line is written; by then everything that had entered the WPQ is durable at any
 * point. */
ps_t nvdimm_drain(struct nvdimm *n, ps_t at);

/* Let everything in the queues and buffers happen that happens by `at`, so that the domain knows of
 * it: what is queued is carried out when a later request comes, else not until then. */
void nvdimm_settle(struct nvdimm *n, ps_t at);

/* How often the media wrote the 256 bytes that hold this physical address. */
uint64_t nvdimm_line_writes(const struct nvdimm *n, uint64_t addr);

/* Wear of all modules together: writes of the media and lines that moved; how often the line was
 * written that was written most, and of those that never moved. */
struct nvdimm_wear {
    uint64_t writes, moves, most, unmoved;
};
struct nvdimm_wear nvdimm_wear(const struct nvdimm *n);

/* For each 256-byte line that the media wrote, module after module: its offset in the NVDIMM and
 * how often. 0, or -1 when the host has no memory. */
int nvdimm_each_written(const struct nvdimm *n,
                        void (*fn)(void *arg, uint64_t offset, uint64_t writes), void *arg);

/* The DRAM of a module, from 0 on; NULL: there is none. */
const struct dram *nvdimm_dram(const struct nvdimm *n, uint32_t module);

/* Of all modules together. */
struct nvdimm_counters {
    uint64_t reads, writes; /* 64-byte requests */
    uint64_t wpq_forwards;  /* reads of a line that was still queued */
    uint64_t wpq_merges;    /* writes to a line that was still queued */
    uint64_t wpq_full;      /* writes that waited for an entry */
    uint64_t wpq_wait_ps;
    struct ddrt_counters queue;
    struct xpbuffer_counters buffer;
    struct media_counters media;
};

/* To or from a checkpoint (memhier/archive.h); what is read goes into new modules. */
struct archive;
void nvdimm_archive(struct nvdimm *n, struct archive *a);

const struct nvdimm_counters *nvdimm_counters(const struct nvdimm *n);
extern const struct counter nvdimm_counter_table[];

#endif
