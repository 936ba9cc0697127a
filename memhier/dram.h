/* dram.h - DRAM behind a controller: channels, ranks, bank groups, banks, open rows, data buses. */
#ifndef MEMHIER_DRAM_H
#define MEMHIER_DRAM_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/dram_map.h"
#include "memhier/port.h"

/*
 * Timings are JEDEC's (JESD79-4 for DDR4, JESD79-5 for DDR5) and have their meaning. Rows stay open
 * until another one of the bank is wanted, or refresh closes them. Unloaded, a line read costs
 *
 *   row hit       controller + cl + burst
 *   row closed    controller + rcd + cl + burst
 *   row conflict  controller + rp + rcd + cl + burst, the precharge not before the open row is
 *                 `ras` old, `rtp` after its last read command and `wr` after its last written data
 *
 * Column commands of a bank group are `ccd_l` apart, others of the channel as their data on the bus
 * (`burst`, which is ccd_s); activations of a rank are `rrd_l` (in one group) or `rrd_s` apart, and
 * at most four lie in `faw`. Each rank is refreshed every `refi`, and then no command is given to
 * it for `rfc`, however long ago it was asked for; ranks take turns.
 *
 * Row hits are preferred: a request finds the row that was open at its time and is served before a
 * conflict that has to wait for the bank, whichever was made known first (FR-FCFS: Rixner et al.,
 * ISCA 2000). Writes are posted: `done` is the acceptance by the controller (half of `controller`
 * later) into a queue for each channel. They leave it while the channel has nothing else to do, or
 * in a batch, once there are `write_high`, until `write_low` are left, ordered by rows; reads of
 * the channel wait meanwhile, and for `wtr` after the last data (`wtr_l` in its bank group). When
 * the queue is full, a write waits for the oldest one's data.
 *
 * Not modelled: the command bus, tRTRS between ranks, per-bank refresh, forwarding from the write
 * queue to a read, power-down, closed-page policies.
 */
struct dram_config {
    uint32_t channels;  /* power of two, 1 to 16 */
    uint32_t ranks;     /* of a channel; power of two, 1 to 8 */
    uint32_t groups;    /* bank groups of a rank; power of two, 1 to 16, at most banks */
    uint32_t banks;     /* of a rank, all groups together; power of two, 1 to 64 */
    uint32_t row_bytes; /* power of two, 256 to 65536 */
    struct dram_order order;
    ps_t tck; /* clock period, 1 to 100000 ps; the next are counted in it, each up to 1000 */
    uint32_t cl, cwl; /* column read, column write to the first data */
    uint32_t rcd, rp, ras;
    uint32_t ccd_l;                 /* at least burst; 0: burst */
    uint32_t rrd_s, rrd_l;          /* activation to activation */
    uint32_t faw;                   /* window of at most four activations */
    uint32_t wr, rtp;               /* written data, read command to precharge */
    uint32_t wtr_s, wtr_l;          /* written data to read command */
    uint32_t rfc, refi;             /* up to 1,000,000; refi 0: no refresh; else more than rfc */
    uint32_t burst;                 /* data-bus time of a line, at least 1 */
    ps_t controller;                /* controller and wires, both ways together, up to 1 ms */
    uint32_t write_queue;           /* lines of a channel, 1 to DRAM_MOST_WRITES */
    uint32_t write_high, write_low; /* low < high <= write_queue */
};
#define DRAM_MOST_WRITES 128u

struct dram_counters {
    uint64_t reads, writes; /* lines (a partial line counts as one) */
    uint64_t row_hits, row_closed, row_conflicts;
    uint64_t bus_busy_ps;      /* over all channels */
    uint64_t write_queue_full; /* writes that waited for a free entry */
    uint64_t write_batches;    /* times that reads had to wait for writes */
    uint64_t refresh_waits;    /* accesses that a refresh of their rank held up */
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

/* The counters of what has been served so far; writes count when they are accepted, their rows when
 * they leave the queue. */
const struct dram_counters *dram_counters(const struct dram *d);
extern const struct counter dram_counter_table[];

#endif
