/* llc_stream.h - what an LLC is asked when a trace goes through the caches above it. */
#ifndef TRACES_LLC_STREAM_H
#define TRACES_LLC_STREAM_H

#include "memhier/stream.h"
#include "traces/trace.h"

/*
 * The levels above the LLC, all LRU and as those of hierarchy.c (neither inclusive nor exclusive):
 * an L1I and an L1D of 32 KiB and 8 ways, unless the trace was taken behind such (traces/filter.h),
 * and one L2. Their misses and dirty victims, and all flushes and non-temporal stores, are the
 * stream. A flush tells whether one of them held the line dirty. One hart's caches, which all harts
 * share.
 */
struct llc_stream_options {
    uint64_t l2_bytes; /* 0: no L2, the records behind the L1 are the stream */
    uint32_t l2_ways;
    uint64_t records; /* read at most so many; 0: all */
    int keep_steps;
};

/* A record of the trace, and how many accesses of the stream it made: a read or a flush first, if
 * there is one, and write-backs. */
struct llc_step {
    uint32_t gap, depends; /* as in struct trace_record */
    uint8_t kind;
    uint8_t accesses;
    uint8_t in_l1; /* it hit an L1 here */
};

struct llc_stream {
    struct stream_access *v;
    uint32_t n;
    uint64_t records, instructions; /* read */
    uint64_t reads;                 /* of the stream: all but write-backs and flushes */
    struct llc_step *step; /* all records, if they were to be kept: free(s->step); else NULL */
    uint64_t steps;
};

/* From where the reader stands. 0, or -1 and a message with nothing to free. free(s->v). */
int llc_stream_read(struct trace_reader *r, const struct llc_stream_options *opt,
                    struct llc_stream *s, char *err, size_t errlen);

#endif
