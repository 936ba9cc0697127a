/* wear.h - how often each 256-byte line of a module was written, and which blocks have to move. */
#ifndef NVDIMM_WEAR_H
#define NVDIMM_WEAR_H

#include <stdint.h>

/*
 * Levelling: each write heats the 4 KiB block of its line by one, and each write of the module
 * cools all blocks by 1 / `cooling`, down to nothing. So a block that has less than that share of
 * the writes stays cold, however long it goes on, and one that has much more is hot, that is at
 * `threshold`, sooner. A hot block moves to another place and is cold then. That begins a little
 * later, at a write drawn at random among the next `delay`: the leveller works beside the writes.
 * One block moves at a time. What a move costs is the media's business (media.h).
 *
 * Counts are kept for blocks, sixteen lines each, only for those that were written.
 */
#define WEAR_BLOCK_BITS 4u /* log2 of the lines in a block */

struct wear_config {
    uint32_t threshold; /* writes; 0: blocks never move */
    uint32_t cooling;   /* writes of the module, at least 1 */
    uint32_t delay;     /* at least 1 */
    uint64_t seed;
};

struct wear_counters {
    uint64_t lines;      /* that were written at least once */
    uint64_t most;       /* writes of the line that was written most */
    uint64_t migrations; /* blocks moved */
    uint64_t lost;       /* writes that were not counted: the host had no memory */
};

struct wear;

/* NULL: out of memory. The counters are borrowed; several may share them. */
struct wear *wear_new(const struct wear_config *cfg, struct wear_counters *counters);
void wear_free(struct wear *w);

/* A line that will be written before long: only makes that faster on the host. */
void wear_ahead(const struct wear *w, uint64_t xpline);
/* The line with this number is written once more. Returns 1 when a block begins to move: its
 * number. may_move: none is moving. */
int wear_write(struct wear *w, uint64_t xpline, int may_move, uint64_t *block);
/* How often the line was written that was written most of those whose blocks never moved. */
uint64_t wear_unmoved(struct wear *w);
/* How often it was written in all. */
uint64_t wear_of(const struct wear *w, uint64_t xpline);

/* Call fn for each line that was written, by ascending number. 0, or -1: no memory. */
int wear_each(const struct wear *w, void (*fn)(void *arg, uint64_t xpline, uint64_t writes),
              void *arg);

/* Write the counts to, or read them from, an archive (memhier/archive.h); read into an empty one.
 */
struct archive;
void wear_archive(struct wear *w, struct archive *a);

#endif
