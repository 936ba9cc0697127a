/* domain.h - the persistence domain: for every NVDIMM line, what would be left after a power cut.
 */
#ifndef NVDIMM_DOMAIN_H
#define NVDIMM_DOMAIN_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/counter.h"
#include "memhier/port.h"

/*
 * A line is tracked while its content may differ from what is durable. A tracked line keeps the
 * ordered list of stores to it; each knows its old and its new bytes. Three events, in the order in
 * which the simulated machine sees them:
 *
 *   domain_store    the store's bytes, in coherence order (functional memory already holds them)
 *   domain_visible  the oldest not yet visible store of the line is in the cache now
 *   domain_carry    a write-back, flush or non-temporal store of the line left the cache; it
 * carries the stores visible by then, and they are durable from time `at` on
 *
 * The order of calls is the order of events; `at` is when an event happens, may lie in the future,
 * and need not ascend from call to call. An ordinary store is durable from the earliest
 * `at` of the carries that carried it.
 *
 * Ordinary stores become visible and durable as prefixes of their list. A non-temporal store does
 * not pass through the cache: it is carried once, alone (domain_carry_nontemporal makes it visible
 * and carries it), and a later carry of the line does not change that time.
 *
 * The durable bytes of a line at time t are today's memory with every store undone, newest first,
 * that no carry had made durable by t; bytes that a later store has made durable stay as that store
 * left them. (Main invariant: every store that is not durable is listed.) Nothing is kept for lines
 * whose stores were all durable at the time last given to domain_settle.
 */

/* Where a store counts as durable: at the media, in the write pending queue, in the cache. */
enum domain_point { DOMAIN_NONE, DOMAIN_ADR, DOMAIN_EADR };

struct domain_store {
    uint64_t addr;                 /* physical; the store never crosses an aligned 8-byte word */
    uint64_t old_bytes, new_bytes; /* little endian, `bytes` of them count */
    ps_t at;
    uint64_t pc;
    uint8_t bytes; /* 1 to 8 */
    uint8_t hart;
    uint8_t nontemporal;
};

struct domain;

struct domain *domain_new(enum domain_point point);
void domain_free(struct domain *d);
enum domain_point domain_point(const struct domain *d);

void domain_store(struct domain *d, const struct domain_store *s);
void domain_visible(struct domain *d, uint64_t addr, ps_t at);
/* As domain_visible for one ordinary store of n bytes that was listed in several pieces: all of
 * them, the oldest not yet visible ordinary stores that lie in [addr, addr + n) and do not overlap.
 */
void domain_visible_bytes(struct domain *d, uint64_t addr, uint32_t n, ps_t at);
/* point: which stage the line has reached; counts only if it is this machine's stage or a later
 * one. */
void domain_carry(struct domain *d, uint64_t addr, ps_t at, enum domain_point reached);
/* The non-temporal stores to [addr, addr + n) that have not been carried yet enter the WPQ. */
void domain_carry_nontemporal(struct domain *d, uint64_t addr, uint32_t n, ps_t at);
/* What earlier carries of this line brought into the WPQ has now reached the media; stores that
 * have become visible since then have not. Counts where the point of persistence is the media. */
void domain_media(struct domain *d, uint64_t addr, ps_t at);

/* Nobody will ask about times before t any more: forget stores that were durable by then. Without
 * these calls the lists only grow. Times do not go back; an earlier t than the last is ignored. */
void domain_settle(struct domain *d, ps_t t);

/*
 * Turn `line`, a copy of today's 64 bytes at the line address addr, into what is durable at time t,
 * which must not lie before the time last given to domain_settle.
 * Returns 1 if anything was undone, 0 if the line was durable as it stands.
 */
int domain_durable_line(const struct domain *d, uint64_t addr, ps_t t, uint8_t line[64]);

/* Call fn for each tracked line, in ascending address order. */
void domain_each(const struct domain *d, void (*fn)(void *arg, uint64_t line_addr), void *arg);

/*
 * The stores listed for a line, oldest first: fills out[0 .. n), returns how many there are. A line
 * with very many (4096 and more) has those merged that can only become durable together.
 */
#define DOMAIN_NEVER UINT64_MAX
struct domain_listed {
    uint64_t word;                 /* address of the aligned 8 bytes */
    uint64_t old_bytes, new_bytes; /* of the whole word; the bytes in `mask` count */
    ps_t at, durable;              /* durable: from when on; DOMAIN_NEVER: not carried yet */
    uint64_t pc;
    uint8_t mask, hart, nontemporal, visible;
};
size_t domain_line_stores(const struct domain *d, uint64_t addr, struct domain_listed *out,
                          size_t n);

/*
 * For checkpoints that are continued with empty caches and queues: write the stores listed, with
 * times counted from `now` on; or read them into a domain that has none. What was in a store buffer
 * is visible then, and what was on its way from the core or the WPQ to the media has arrived.
 * With d NULL what is read is forgotten.
 *
 *   u8 enum domain_point; u32 n, then n stores, those of a line oldest first:
 *   u64 address of the word, old bytes, new bytes, u8 mask, hart, non-temporal, u64 durable from
 *   then on or DOMAIN_NEVER, u64 code address
 */
struct archive;
void domain_archive(struct domain *d, struct archive *a, ps_t now);

/* For checkpoints of kind full: everything as it is, or into a domain that has nothing. */
void domain_archive_whole(struct domain *d, struct archive *a);

struct domain_counters {
    uint64_t stores;    /* stores listed */
    uint64_t carries;   /* lines that reached the point of persistence */
    uint64_t lines_now; /* tracked lines */
    uint64_t lines_peak;
};
const struct domain_counters *domain_counters(const struct domain *d);
extern const struct counter domain_counter_table[];

#endif
