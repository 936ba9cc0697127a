/* ahead.h - reads a trace with several threads: each inflates whole blocks, in order for the
 * reader.
 */
#ifndef TRACES_AHEAD_H
#define TRACES_AHEAD_H

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

/*
 * The blocks of a trace are gzip members of their own, so threads with a reader each can decode
 * different ones at a time; the records come out in their order whatever the threads do. For
 * trace.c only: see trace_read_ahead.
 */
struct trace_ahead;

/* From the block that holds record `from` on. NULL: no threads or no memory, so read without. */
struct trace_ahead *trace_ahead_start(const char *path, uint64_t from, uint64_t records,
                                      unsigned threads);
void trace_ahead_stop(struct trace_ahead *a); /* NULL is fine */

/* Up to n records from number `at`, which goes on from where the last call ended. As trace_next. */
int64_t trace_ahead_next(struct trace_ahead *a, uint64_t at, const struct trace_record **v,
                         size_t n, char *err, size_t errlen);

#endif
