/* trace.h - memory traces: versioned, checksummed, seekable; the format is written down in
 * format.h.
 */
#ifndef TRACES_TRACE_H
#define TRACES_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/port.h"

/* A record is valid if its kind is below MEM_VISIBLE, its bytes do not cross a line, tier and side
 * are 0 or 1, and depends does not point before the first record. */
struct trace_record {
    uint64_t addr;    /* physical */
    uint64_t pc;      /* physical code address, 0: none */
    uint32_t gap;     /* instructions since the previous record of this hart */
    uint32_t depends; /* distance back to the record whose load this one needs, 0: none */
    uint16_t bytes;   /* up to 64; 0 for fences */
    uint8_t kind;     /* enum mem_kind, MEM_VISIBLE apart */
    uint8_t hart;
    uint8_t tier; /* enum tier: 0 DRAM, 1 NVDIMM */
    uint8_t side; /* 0 user, 1 kernel */
};

struct trace_header {
    char machine[64];      /* what it was recorded on, "" unknown */
    uint64_t period_ps;    /* core cycle of the recording machine */
    uint64_t instructions; /* total, filled in at close */
    uint64_t records;      /* total, filled in at close */
};

/* ---- writing ---- */
struct trace_writer;
/* NULL and a message (err, errlen) when the file cannot be made. Writes FILE.part, renamed at
 * close. */
struct trace_writer *trace_create(const char *path, const struct trace_header *hdr, char *err,
                                  size_t errlen);
/* Before the first record: spend more time on compression, for traces that are kept. */
void trace_pack_tightly(struct trace_writer *w);
/* 0, or -1: the record is not valid or could not be written. Nothing more can be put then, and
 * trace_close says why. */
int trace_put(struct trace_writer *w, const struct trace_record *r);
/*
 * Put all requests that a tap holds (memhier/hierarchy.h) and empty it. A record's gap is how far
 * the hart's instruction count moved since its previous record, its tier is that of the address;
 * what a request depends on is not known, so `depends` is 0. 0 or -1 as trace_put; also -1 when the
 * tap has lost requests.
 */
struct mem_tap;
int trace_put_tap(struct trace_writer *w, struct mem_tap *tap);
/* 0, or -1 with a message; either way the writer is gone. Without close nothing is left at path. */
int trace_close(struct trace_writer *w, uint64_t instructions, char *err, size_t errlen);
void trace_abandon(struct trace_writer *w);

/* ---- reading ---- */
struct trace_reader;
/* Checks the header, the index and their checksums. NULL and "FILE: what is wrong". */
struct trace_reader *trace_open(const char *path, char *err, size_t errlen);
const struct trace_header *trace_reader_header(const struct trace_reader *r);
const char *trace_reader_path(const struct trace_reader *r);
/* Number of the record that trace_read gives next. */
uint64_t trace_tell(const struct trace_reader *r);
/* Up to n records: how many, 0 at the end, -1 with a message that names the record's number, as all
 * that read traces do from 0 on. */
int64_t trace_read(struct trace_reader *r, struct trace_record *out, size_t n, char *err,
                   size_t errlen);
/* The same without a copy: *v points to the records, which stay there until r is used again. It may
 * be fewer than n before the end. */
int64_t trace_next(struct trace_reader *r, const struct trace_record **v, size_t n, char *err,
                   size_t errlen);
/* From here on `threads` threads inflate and decode blocks ahead of the two (0: as many as there
 * are processors), until a trace_seek. Records and messages are the same. -1: none could be
 * started, and everything is as before. */
int trace_read_ahead(struct trace_reader *r, unsigned threads);
/* Continue at record number i (0-based). 0 or -1 when there are not so many. */
int trace_seek(struct trace_reader *r, uint64_t i);
void trace_reader_free(struct trace_reader *r);

/* Read all of a file and check every byte of it. 0 and its header, or -1 and a message. */
int trace_verify(const char *path, struct trace_header *hdr, char *err, size_t errlen);

#endif
