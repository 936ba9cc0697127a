/* optgen.h - what Belady's OPT would have kept, for sampled sets: the teacher of learning policies.
 */
#ifndef MEMHIER_OPTGEN_H
#define MEMHIER_OPTGEN_H

#include <stdint.h>

#include "memhier/archive.h"
#include "memhier/sample.h"

/*
 * Source: Jain and Lin, "Back to the future: leveraging Belady's algorithm for improved cache
 * replacement", ISCA 2016, sections 3.1 and 3.3. Each access to a sampled set is one step of that
 * set's time. A vector says, for each of the last 8 * ways steps, how many lines OPT keeps over it.
 * A line that comes back was kept if every step since its last access, that one included, has room
 * for one more line (fewer than `ways`); then it takes that room. An interval longer than the
 * vector was not kept.
 *
 * The sampler remembers for each line its last access and a number of the policy's choice, its
 * owner. A row has `ways` groups of 8 entries, LRU in each; a line's group is the upper half of its
 * tag times 2654435761 (mod 2^32) times the ways. Tags are whole: no two lines are taken for one.
 * The row of a set is that of sample.h.
 *
 * An interval that a prefetch ends is not judged and takes no room: OPT need not keep a line until
 * a prefetch brings it anyway. Write-backs are not to be reported.
 */
#define OPTGEN_GROUP 8u
#define OPTGEN_STEPS 128u /* power of two; the last 8 * ways are used */

enum optgen_verdict { OPTGEN_SILENT, OPTGEN_KEPT, OPTGEN_LOST, OPTGEN_GONE };

struct optgen_entry {
    uint64_t owner;
    uint32_t tag, time;
    uint32_t valid;
};

struct optgen_row {
    uint32_t now;
    uint8_t lines[OPTGEN_STEPS]; /* kept over each step; step t at t modulo OPTGEN_STEPS */
    struct optgen_entry entry[16 * OPTGEN_GROUP];
};

struct optgen {
    struct sample sample;
    uint32_t ways, set_bits;
    struct optgen_row row[SAMPLE_SETS];
};

/* og is all zeros. */
void optgen_start(struct optgen *og, uint32_t sets, uint32_t ways);

/* An access to a row: the verdict on the interval that it ends, *owner being that of the access
 * that began it. `owner` is replaced by `next` for the interval that begins now. */
enum optgen_verdict optgen_observe(struct optgen *og, uint32_t row, uint64_t line, int demand,
                                   uint64_t next, uint64_t *owner);

/* To or from a checkpoint. Owners are not checked: they are the policy's. */
void optgen_archive(struct optgen *og, struct archive *a);

#endif
