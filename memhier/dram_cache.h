/* dram_cache.h - DRAM as a cache in front of slower memory: what Optane calls memory mode. */
#ifndef MEMHIER_DRAM_CACHE_H
#define MEMHIER_DRAM_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"

/*
 * Lines of 64 bytes, write-back, allocated by reads and writes; `far` is the memory that is cached.
 * It is a port like DRAM's and stands in its place. Contents are not followed: who looks at memory
 * sees the newest bytes, and after a power cut none.
 *
 * One way (direct-mapped, as in hardware): a line lies at its address modulo the size, and its tag
 * in the ECC bits beside it, so one DRAM read brings both. With D(t) the time when DRAM answers a
 * read of t, F(t) when `far` does, W(t) when DRAM has accepted a write:
 *
 *   read,  hit     D(at)
 *   read,  miss    t = D(at), done F(t); then the line is written to DRAM
 *   write, hit     t = D(at), done W(t)
 *   write, miss    t = D(at), u = F(t), the line is written to DRAM, done W(u): the second write
 *   dirty victims  are written to `far` at D(at), which read them
 *
 * These are the accesses that were counted on real machines: three for a read miss, two for a write
 * hit, four for a write miss, one more for a dirty victim (Hildebrand et al., "A case against
 * hardware managed DRAM caches for NVRAM based systems", ISPASS 2021). Their exception, a write of
 * a line that the processor itself had read before and that needs no tag, is not modelled.
 *
 * Several ways, LRU: a set is a line of tags and, beside it in the row, its lines (Loh and Hill,
 * MICRO 2011). t is when the tags are there; a hit reads or writes its line then, a dirty victim is
 * read then and written to `far`, and a fill writes the tags, too. Order of use and dirty bits are
 * kept in the controller.
 *
 * A read of a line that is still on its way is done when the line is there.
 */
struct dram_cache_config {
    uint64_t bytes; /* of data: 64 * ways * a power of two, up to 2^38 */
    uint32_t ways;  /* 1 to 16 */
    struct mem_port dram, far;
    uint64_t far_base; /* where in `far` address 0 lies; a multiple of 64 */
};

struct dram_cache_counters {
    uint64_t read_hits, read_misses;
    uint64_t write_hits, write_misses;
    uint64_t writebacks; /* dirty victims */
};

struct dram_cache;

/* NULL and a message when a value is out of range or there is no memory. What the cache needs on
 * the host follows the lines that were touched. */
struct dram_cache *dram_cache_new(const struct dram_cache_config *cfg, char *err, size_t errlen);
void dram_cache_free(struct dram_cache *c); /* NULL is fine */

/* Reads and writes as dram_port takes them. The source of a reply is SRC_DRAM for a hit, the far
 * memory's for a miss. */
struct mem_port dram_cache_port(struct dram_cache *c);

const struct dram_cache_counters *dram_cache_counters(const struct dram_cache *c);
extern const struct counter dram_cache_counter_table[];

struct archive;
void dram_cache_archive(struct dram_cache *c, struct archive *a);

#endif
