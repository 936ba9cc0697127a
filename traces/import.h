/* import.h - traces of other tools, read into this project's format. */
#ifndef TRACES_IMPORT_H
#define TRACES_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include "traces/filter.h"
#include "traces/trace.h"

/*
 * Every format gives requests of one hart; what a format does not know is 0 (code address, gap,
 * dependence). An access that crosses a line becomes one request for each line.
 *
 *   lackey          text of `valgrind --tool=lackey --trace-mem=yes`: "I  ADDR,SIZE" begins an
 *                   instruction; " L", " S" and " M" (load, then store) are its accesses. Lines
 *                   that begin with "==" or "--" are valgrind's own. A fetch is a request when its
 *                   line differs from the last one's
 *   champsim        64 bytes an instruction, little-endian: u64 ip; u8 is_branch, u8 taken (0 or
 *                   1); u8 destination registers[2]; u8 source registers[4]; u64 destination
 *                   addresses[2] (stores); u64 source addresses[4] (loads); 0: none. Fetches as
 *                   above; accesses have 8 bytes, fewer at the end of a line. A load depends on the
 *                   latest load whose value reached one of its source registers
 *   dinero          text, .din: "LABEL ADDR", label 0 load, 1 store, 2 fetch, address in hex; more
 *                   on the line is ignored. Accesses have 4 bytes; a fetch counts as an instruction
 *   ramulator       text: "COUNT READ [WRITE]": so many instructions, then a load; a dirty line
 *                   leaves a cache above (MEM_WRITEBACK). Decimal, or hex after 0x. Whole lines
 *   ramulator-dram  text: "ADDR R" or "ADDR W": a load or a write-back of a line
 *   oracle          libCacheSim's oracleGeneral, 24 bytes a request, little-endian: u32 time, u64
 *                   object, u32 size, i64 number of the object's next request (negative or the
 *                   largest: none). Objects become pages in order of first touch, one load each
 *   csv             fields by `columns`, see below
 *
 * Columns of a CSV are named in order, separated by commas, from: addr, kind, pc, bytes, gap,
 * depends, hart, and - for one that is passed over. Numbers are decimal, or hex after 0x; kind is a
 * name such as load (any of `trace info`'s), R or W. Without kind all are loads, without bytes 8.
 * Lines that begin with # are passed over; so is the first when it names columns (no digit in it).
 *
 * Input may be packed by gzip or xz (unpack.h). Lines end with a line feed, or a carriage return
 * before it; the last one need not. Wrong, damaged or truncated input is refused with the number of
 * the line or record (from 1 on).
 */
enum import_format {
    IMPORT_LACKEY,
    IMPORT_CHAMPSIM,
    IMPORT_DINERO,
    IMPORT_RAMULATOR,
    IMPORT_RAMULATOR_DRAM,
    IMPORT_ORACLE,
    IMPORT_CSV,
    IMPORT_FORMATS
};

struct import_options {
    enum import_format format;
    const char *columns; /* csv only */
    const char *name;    /* goes into the header's machine; NULL: none */
    /* Pages of so many bytes (a power of two, at least 64) get frames from the start of a tier in
     * order of first touch; 0: addresses stay as they are, and must be below the limit. For oracle
     * the size of an object's page; 0: 4096. */
    uint64_t page;
    int nvdimm;       /* which tier, with page */
    int filter;       /* put the L1 of filter.h in front of the trace */
    uint64_t skip;    /* instructions to pass over first */
    uint64_t records; /* stop when the trace has so many; 0: no limit */
    uint64_t misses;  /* with filter: stop at so many misses of its L2; 0: no limit */
    uint64_t period;  /* ps of a core cycle, for the header */
};

struct import_result {
    uint64_t input;        /* lines or records read */
    uint64_t instructions; /* that they stand for, after the skipped ones */
    uint64_t records;      /* of the trace */
    uint64_t misses;       /* with filter */
};

/* By name; IMPORT_FORMATS when there is none. */
enum import_format import_format_find(const char *name);
const char *import_format_name(enum import_format f);

/* in: a path, or "-" for the standard input. 0, or -1 with a message and nothing at `out`. */
int import_run(const char *in, const char *out, const struct import_options *opt,
               struct import_result *result, char *err, size_t errlen);

/* ---- between import.c and the formats ---- */

struct import;

/* Read from the input: a line without its end (NULL at the end of the file or on an error), valid
 * until the next call; or n bytes, giving how many there were. */
char *import_line(struct import *im, size_t *n);
size_t import_bytes(struct import *im, void *to, size_t n);

/* One access, of any length up to 4096 and over any lines, `gap` instructions after the last. */
enum import_state { IMPORT_GOES_ON, IMPORT_ENOUGH, IMPORT_WRONG };
enum import_state import_access(struct import *im, const struct trace_record *r, uint32_t bytes);
/* So many instructions pass that access nothing. */
void import_instructions(struct import *im, uint64_t n);
/* Requests so far: what a request's `depends` counts in. */
uint64_t import_requests(const struct import *im);
/* The number of a page or object in order of first touch, from 0 on. 0, or -1: out of memory. */
int import_ordinal(struct import *im, uint64_t key, uint64_t *n);

/* Say what is wrong with the present line or record; IMPORT_WRONG. */
enum import_state import_wrong(struct import *im, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Numbers as texts hold them. The end of it, or NULL: none, or beyond 64 bits. */
const char *import_hex(const char *p, uint64_t *x);
const char *import_number(const char *p, uint64_t *x);

/* One per family: all of the input. */
enum import_state import_lackey(struct import *im);
enum import_state import_dinero(struct import *im);
enum import_state import_ramulator(struct import *im, int dram);
enum import_state import_champsim(struct import *im);
enum import_state import_oracle(struct import *im, uint64_t base, uint64_t page);
enum import_state import_csv(struct import *im, const char *columns);

#endif
