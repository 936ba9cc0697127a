/* wear.h - how often each 256-byte line of a module was written, and when one has to move. */
#ifndef NVDIMM_WEAR_H
#define NVDIMM_WEAR_H

#include <stdint.h>

/*
 * Levelling: a line that was written `threshold` times within one window of the module's writes is
 * hot and moves to another place. Windows are `window` writes of the module long; a new one forgets
 * what the last counted, so that a load that is spread over many lines moves none. What a move
 * costs is the media's business (media.h).
 *
 * Counts are kept for pages of sixteen lines, only for those that were written.
 */
struct wear_config {
    uint32_t threshold; /* writes; 0: lines never move */
    uint64_t window;    /* writes of the module, at least 1 */
};

struct wear_counters {
    uint64_t lines;      /* that were written at least once */
    uint64_t most;       /* writes of the line that was written most */
    uint64_t migrations; /* lines moved */
    uint64_t lost;       /* writes that were not counted: the host had no memory */
};

struct wear;

/* NULL: out of memory. The counters are borrowed; several may share them. */
struct wear *wear_new(const struct wear_config *cfg, struct wear_counters *counters);
void wear_free(struct wear *w);

/* A line that will be written before long: only makes that faster on the host. */
void wear_ahead(const struct wear *w, uint64_t xpline);
/* The line with this number is written once more. Returns 1 when it has to move. */
int wear_write(struct wear *w, uint64_t xpline);
/* How often the line was written that was written most of those that never moved. */
uint64_t wear_unmoved(struct wear *w);
/* How often it was written in all. */
uint64_t wear_of(const struct wear *w, uint64_t xpline);

/* Write the counts to, or read them from, an archive (memhier/archive.h); read into an empty one.
 */
struct archive;
void wear_archive(struct wear *w, struct archive *a);

#endif
