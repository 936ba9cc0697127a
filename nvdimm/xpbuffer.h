/* xpbuffer.h - the module's buffer of 256-byte lines, where writes combine and reads hit. */
#ifndef NVDIMM_XPBUFFER_H
#define NVDIMM_XPBUFFER_H

#include <stdint.h>

#include "memhier/port.h"
#include "nvdimm/media.h"

/*
 * `lines` places, found by tag. A line in the buffer is one of
 *
 *   read    its bytes came from the media; reads hit
 *   open    some of its bytes were written and wait for the rest; the rest may have been read
 *   leaving on its way to the media: it keeps its place until it is written, and until then nothing
 *           is written to it (a write waits); a read of it goes to the media, and the next hits
 *   past    it was written; the place still has its tag, but no bytes: a read misses
 *
 * A line leaves when all its bytes have been written, at once; at most `leaving` do so at a time,
 * and then the buffer takes no write that would make another one leave until one is on the media.
 *
 * A line that is not there takes a place that was never used, or one that is drawn at random from
 * those that are not leaving, the `young` places that were used last aside. What was open in it
 * leaves first, half written (a read-modify-write); as long as fewer than `ahead` lines are leaving
 * the draw goes on, then the line waits for the first place that becomes free. So lines that wait
 * for the media take places away from those that could still combine.
 *
 * While a block moves (wear.h) the buffer takes no writes to it; what comes behind such a write has
 * to wait, too.
 */
#define SECTORS      4u         /* 64-byte lines in a line of the buffer */
#define SECTOR_BYTES UINT64_MAX /* mask: all 64 bytes of a sector */

struct xpbuffer_config {
    uint32_t lines; /* 1 to 65536 */
    /* More than there are lines count as all of them (young: all but one). */
    uint32_t leaving, ahead; /* at least 1 */
    uint32_t young;
    uint64_t seed; /* of the draws */
};

struct xpbuffer;

/* What is told of each 64-byte line whose written bytes have reached the media at `done`. */
struct xpbuffer_watch {
    void (*on_media)(void *self, uint64_t line, ps_t done);
    void *self;
};

/* NULL: out of memory. The media is borrowed, as are the counters, which several may share. */
struct xpbuffer_counters;
struct xpbuffer *xpbuffer_new(const struct xpbuffer_config *cfg, struct media *media,
                              struct xpbuffer_watch watch, struct xpbuffer_counters *counters);
void xpbuffer_free(struct xpbuffer *b);

/* Bytes (a mask) of a 64-byte line come at `at`: when they are in the buffer. */
ps_t xpbuffer_write(struct xpbuffer *b, uint64_t line, uint64_t bytes, ps_t at);
/* More bytes of a 64-byte line that was given to the buffer already, though its transfer begins
 * only at `start`: may they go with it, or has the buffer another line there by now? */
int xpbuffer_may_join(const struct xpbuffer *b, uint64_t line, ps_t start);
/* They come at `at`. */
void xpbuffer_join(struct xpbuffer *b, uint64_t line, uint64_t bytes, ps_t at);
/* A 64-byte line is asked for at `at`: when it can be sent. *hit: it was there. */
ps_t xpbuffer_read(struct xpbuffer *b, uint64_t line, ps_t at, int *hit);
/* Write what is open to the media, from `at` on: when the last line is written. */
ps_t xpbuffer_drain(struct xpbuffer *b, ps_t at);

struct xpbuffer_counters {
    uint64_t hits, misses; /* 64-byte reads */
    uint64_t whole;        /* lines that left with all bytes written */
    uint64_t partial;      /* that left half written: read-modify-writes */
    uint64_t waits;        /* writes and reads that waited for a place or for their line */
    uint64_t wait_ps;
};

struct archive;
void xpbuffer_archive(struct xpbuffer *b, struct archive *a);

#endif
