/* filter.h - a first-level cache in front of a trace: what passes it is what is recorded. */
#ifndef TRACES_FILTER_H
#define TRACES_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

/*
 * An L1I and an L1D of 32 KiB and 8 ways each, LRU, as those of hierarchy.c. In go the requests of
 * a core; out come the requests that an L2 sees, in order:
 *
 *   a miss        the request as it was, but for the whole line (address of the line, 64 bytes)
 *   write-back    kind MEM_WRITEBACK after the miss that pushed the dirty line out, no code address
 *   flush, non-temporal store   as it was; before it a write-back where the L1 held the line dirty
 *   prefetch, fence             as they were
 *
 * A record's gap counts the instructions since the last record that came out. Its dependence is the
 * nearest load that came out on which it depends, over loads that hit the L1 as well (while that is
 * among the last FILTER_WINDOW requests; else 0, not known). One hart only.
 *
 * Besides, it keeps an L2 of 512 KiB and 8 ways behind itself and counts its misses: the length of
 * a trace for replacement is measured in these.
 */
#define FILTER_L1_BYTES (32u << 10)
#define FILTER_L1_WAYS  8u
#define FILTER_L2_BYTES (512u << 10)
#define FILTER_L2_WAYS  8u
#define FILTER_WINDOW   65536u

/* Begins the `machine` of the header of every such trace. */
#define FILTER_MACHINE "behind L1 32 KiB/8: "

struct trace_filter;

/* What comes out goes to the writer, which stays the caller's. NULL and a message. */
struct trace_filter *trace_filter_new(struct trace_writer *w, char *err, size_t errlen);
void trace_filter_free(struct trace_filter *f);

/* One request. 0; -1 when the record is not valid (trace_close says why), is of another hart than
 * 0, or of a kind that no core makes. */
int trace_filter_put(struct trace_filter *f, const struct trace_record *r);

/* All requests that a tap holds (memhier/hierarchy.h), which is emptied. *count is the hart's
 * instruction count at its last request: at the start, how many instructions to pass over.
 * `misses`: stop at so many of the L2, 0: at none. 0; 1 when they have been reached; -1, also when
 * the tap has lost requests. */
struct mem_tap;
int trace_filter_put_tap(struct trace_filter *f, struct mem_tap *tap, uint64_t misses,
                         uint64_t *count);

/* Records that came out; misses of the L2 of 512 KiB behind them. */
uint64_t trace_filter_records(const struct trace_filter *f);
uint64_t trace_filter_l2_misses(const struct trace_filter *f);

/* Whether a trace was taken behind such an L1. */
int trace_is_filtered(const struct trace_header *hdr);

#endif
