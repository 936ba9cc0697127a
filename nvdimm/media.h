/* media.h - the media of one module: partitions that read and write 256-byte lines. */
#ifndef NVDIMM_MEDIA_H
#define NVDIMM_MEDIA_H

#include <stdint.h>

#include "memhier/port.h"
#include "nvdimm/ait.h"
#include "nvdimm/wear.h"

/*
 * Line n lies in partition n modulo `partitions`. A partition does one thing at a time: a read
 * takes it for `read`, a write for `write` whether all of the line is new or not (a write compares
 * with what is there, so the rest of a partial one costs nothing more). Reads go first: a read
 * waits only for earlier reads; the write that is under way pauses for it, and those that wait are
 * put off.
 *
 * Before either comes the look-up in the address indirection table; after a read, `back` until the
 * line is in the buffer. While a block moves (wear.h), for `migration`, the buffer takes no writes
 * to it (xpbuffer.h).
 */
#define XPLINE_SHIFT 8u

struct media_config {
    uint32_t partitions; /* 1 to 64 */
    ps_t read, write, back;
    ps_t migration;
    uint64_t read_pj, write_pj; /* energy of 256 bytes */
    struct ait_config ait;
    struct wear_config wear;
};

struct media;

struct media_counters {
    uint64_t reads, writes;     /* 256-byte lines */
    uint64_t read_pj, write_pj; /* energy */
    uint64_t migration_ps;      /* time that blocks took to move */
    struct ait_counters ait;
    struct wear_counters wear;
};

/* NULL: out of memory. The counters are borrowed; several may share them. */
struct media *media_new(const struct media_config *cfg, struct media_counters *counters);
void media_free(struct media *m);

/* Read a line, asked for at `at`: when it is in the buffer. */
ps_t media_read(struct media *m, uint64_t xpline, ps_t at);

/* Write a line that is ready at `at`. */
struct media_written {
    ps_t done;      /* the line is on the media */
    ps_t moved;     /* 0, or: a block begins to move then, and has moved now */
    uint64_t block; /* its number */
};
struct media_written media_write(struct media *m, uint64_t xpline, ps_t at);
/* It will be written before long: of no meaning, but for the host's speed. */
void media_ahead(const struct media *m, uint64_t xpline);

const struct wear *media_wear(const struct media *m);
/* Writes of the line that was written most of those that never moved. */
uint64_t media_unmoved(const struct media *m);

struct archive;
void media_archive(struct media *m, struct archive *a);

#endif
