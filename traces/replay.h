/* replay.h - drives the memory side from a trace, in place of a core. */
#ifndef TRACES_REPLAY_H
#define TRACES_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/hierarchy.h"
#include "traces/trace.h"

/*
 * The records are the requests at the hierarchy's input, in order, so a hierarchy of the recorded
 * machine's shape, empty at the start, counts exactly what it counted when the trace was taken.
 * Time is simpler than a core's: a record starts `gap` instructions of one cycle each after the one
 * before; loads and page walks block until done, and so do fetches that miss; stores and
 * prefetches do not; a fence waits for the flushes and non-temporal stores before it.
 */
struct replay_options {
    ps_t period;      /* of an instruction; 0: the trace's */
    uint64_t records; /* at most so many now; 0: all that are left */
    int llc;          /* the trace was taken between L2 and LLC: drive the LLC alone */
};

/* Zero before the first call. A further call goes on from here, so that a caller who wants to show
 * progress, or to take samples, asks for some records at a time. */
struct replay_result {
    uint64_t records, instructions;
    uint64_t kinds[MEM_KINDS]; /* records by kind */
    ps_t now;                  /* when the last blocking request was done */
    ps_t persisted;            /* when the last flush or non-temporal store was accepted */
};

/*
 * Replay from where the reader stands. 0, also at the end of the trace (then result->records did
 * not move by as many as asked for); -1 and a message when the trace is damaged, or holds what this
 * machine has not got: another hart, an NVDIMM, an address beyond the limit, a kind that cores do
 * not make.
 */
int replay_run(struct trace_reader *reader, struct hierarchy *h, const struct replay_options *opt,
               struct replay_result *result, char *err, size_t errlen);

#endif
