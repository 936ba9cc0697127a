/* dram.h - DRAM behind a controller: channels, banks, open rows, data buses. */
#ifndef MEMHIER_DRAM_H
#define MEMHIER_DRAM_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"

/*
 * Channels are interleaved every 256 bytes. In a channel, consecutive rows lie in different banks;
 * the bank number is the row-sized block's number with its next higher bits xored in, so that
 * strides by a power of two do not all meet in one bank. Pages stay open. Unloaded, a line read
 * costs
 *
 *   row hit       controller + cl + burst
 *   row closed    controller + rcd + cl + burst
 *   row conflict  controller + rp + rcd + cl + burst, not before the open row is `ras` old
 *
 * and a column access occupies its bank for `burst` and the channel's data bus for `burst`. Writes
 * are posted: `done` is the acceptance by the controller (half of `controller` later) into a queue
 * of DRAM_WRITE_QUEUE lines a channel; when all are under way, the write waits for the oldest.
 * Their bank and bus time is reserved at once, with cwl in place of cl.
 *
 * A request from before a bank's last activation finds the row that was open until then.
 *
 * Not modelled: refresh, write recovery (tWR), read-write turnarounds, tFAW and tRRD, bank groups,
 * ranks, reordering by the controller beyond what gaps in the calendars allow.
 */
#define DRAM_WRITE_QUEUE 32u

struct dram_config {
    uint32_t channels;  /* power of two, 1 to 16 */
    uint32_t banks;     /* of a channel; power of two, 1 to 64 */
    uint32_t row_bytes; /* power of two, 256 to 65536 */
    ps_t tck; /* clock period, 1 to 100000 ps; the next are counted in it, each up to 1000 */
    uint32_t cl, cwl; /* column read, column write to the first data */
    uint32_t rcd, rp, ras;
    uint32_t burst;  /* data-bus time of a line, at least 1 */
    ps_t controller; /* controller and wires, both ways together, up to 1 ms */
};

struct dram_counters {
    uint64_t reads, writes; /* lines (a partial line counts as one) */
    uint64_t row_hits, row_closed, row_conflicts;
    uint64_t bus_busy_ps;      /* over all channels */
    uint64_t write_queue_full; /* writes that waited for a free entry */
};

struct dram;

/* NULL and a message when a value is out of range. */
struct dram *dram_new(const struct dram_config *cfg, char *err, size_t errlen);
void dram_free(struct dram *d);

/* Reads are MEM_FETCH, LOAD, STORE (for ownership), WALK and PREFETCH; every other kind is a write,
 * MEM_FENCE and MEM_VISIBLE apart, which do nothing here. */
struct mem_port dram_port(struct dram *d);

/* To or from a checkpoint (memhier/archive.h). */
struct archive;
void dram_archive(struct dram *d, struct archive *a);

const struct dram_counters *dram_counters(const struct dram *d);
extern const struct counter dram_counter_table[];

#endif
