/* export.h - traces written in the formats of other tools. */
#ifndef TRACES_EXPORT_H
#define TRACES_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "traces/trace.h"

/*
 * The formats are those of import.h. Fetches, loads, stores and non-temporal stores (as stores) are
 * written, of hart 0; everything else, and for ChampSim what lies at address 0, is left out and
 * counted.
 *
 *   champsim  a record that comes `gap` instructions after the last one becomes gap - 1
 * instructions that access nothing, at the address of the last one, and one with its access; with
 * gap 0 it joins the last instruction where that has the same code address and a free place. Each
 * load writes one of 200 registers in turn, which a record that depends on it reads if it is among
 * the last 200 dinero    "LABEL ADDR"; no more is kept
 */
enum export_format { EXPORT_CHAMPSIM, EXPORT_DINERO, EXPORT_FORMATS };

struct export_result {
    uint64_t written;  /* instructions or lines */
    uint64_t accesses; /* of the trace that are in them */
    uint64_t left_out;
};

/* By the names that import has; EXPORT_FORMATS when there is none. */
enum export_format export_format_find(const char *name);

/* The rest of the trace into the file `out` ("-": standard output), which appears when it is
 * complete. 0, or -1 and a message. */
int export_run(struct trace_reader *r, const char *out, enum export_format format,
               struct export_result *result, char *err, size_t errlen);

#endif
