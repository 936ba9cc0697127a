/* crash.h - what the NVDIMM may hold after a power cut: all images that the semantics allow. */
#ifndef NVDIMM_CRASH_H
#define NVDIMM_CRASH_H

#include <stddef.h>
#include <stdint.h>

#include "nvdimm/domain.h"
#include "nvdimm/pmevent.h"

/*
 * A crash state follows a history of events (pmevent.h). At any moment some stores are guaranteed
 * to survive; of the others,
 *
 *   - a line's ordinary stores survive as a prefix, in the order of the events;
 *   - of the non-temporal stores any subset survives;
 *   - lines are independent of one another, and of non-temporal stores.
 *
 * What may be lost or kept by itself is a unit: a line, or the non-temporal stores to the same
 * bytes (of those only the last that survives matters). A choice for each unit, how many of its
 * stores survive, makes an image.
 *
 * Guaranteed are, under DOMAIN_ADR, stores that were flushed and then fenced by the same thread, or
 * clflushed; under DOMAIN_EADR all ordinary stores at once, non-temporal ones when fenced; under
 * DOMAIN_NONE none, as nothing tells software that the media has them.
 *
 * Between two fences (or clflushes) possible images only become more, so it is enough to look right
 * before each, and at the end; under eADR, before each store: crash_is_point.
 */
struct crash_state;

struct crash_unit {
    uint64_t addr;   /* of the line, or of the bytes */
    uint32_t stores; /* that may be lost: choices are 0 to this */
};

struct crash_line {
    uint64_t addr;
    uint8_t bytes[64];
    uint64_t mask; /* bytes that count: ever stored to, or preset */
};

struct crash_state *crash_new(enum domain_point point);
void crash_free(struct crash_state *s);
/* What the line holds before anything happens: `line.mask` bytes of it. */
void crash_preset(struct crash_state *s, const struct crash_line *line);

/* Before this event: is it a moment to look at the possible images? */
int crash_is_point(const struct crash_state *s, const struct pm_event *e);
/* Go on. `number` is that of the event; they ascend. */
void crash_advance(struct crash_state *s, const struct pm_event *e, uint32_t number);

/* The units that are open now, ascending by address; valid until the next advance. */
const struct crash_unit *crash_units(struct crash_state *s, size_t *n);
/* Images there are, UINT64_MAX when more than that. */
uint64_t crash_images(struct crash_state *s);
/* Number of the event of the unit's store i. */
uint32_t crash_store(const struct crash_state *s, size_t unit, uint32_t i);

/* Choices for the images worth trying, one after the other: all of them when there are at most
 * `most`; else everything kept, everything lost, one unit against the rest, then draws by `seed`.
 * The first is everything kept. Returns 0 when there are no more. */
struct crash_walk {
    uint64_t next, most, seed, total;
};
void crash_walk_begin(struct crash_state *s, struct crash_walk *w, uint64_t most, uint64_t seed);
int crash_walk_next(struct crash_state *s, struct crash_walk *w, uint32_t *choice);

/* The image: fills out[0 .. n) with all lines that were ever stored to or preset, ascending,
 * returns how many there are. */
size_t crash_image(struct crash_state *s, const uint32_t *choice, struct crash_line *out, size_t n);
/* A digest of what differs from the contents before the history, word by word: images are equal if
 * theirs are (with negligible risk). */
uint64_t crash_digest(struct crash_state *s, const uint32_t *choice);
/* The same over the words that `reads` answers 1 for. */
uint64_t crash_digest_read(const struct crash_line *lines, size_t n,
                           int (*reads)(const void *arg, uint64_t word), const void *arg);

#endif
