/* snapshot.h - what the dashboard shows of a run, as plain data: epochs, CPI parts, cache levels.
 */
#ifndef UI_SNAPSHOT_H
#define UI_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

/*
 * A snapshot is filled from a table of counters: first the columns are named, then rows follow, one
 * an epoch. The first column is "ps", the simulated time at the end of the row's epoch, counted
 * from power-on; every other value is what happened during that epoch. Used are
 *
 *   hartN.instructions, hartN.cycles        summed over harts
 *   hartN.cpi.user.PART, hartN.cpi.kernel.PART   parts in the order of their first column
 *   [hartN.]LEVEL.accesses.KIND, [hartN.]LEVEL.misses.KIND   levels in that order too
 *
 * where KIND is a demand: fetch, load or store. Any other column is accepted and left out. A table
 * without hartN.cycles has the sum of its CPI parts as cycles.
 *
 * Memory is bounded: past SNAPSHOT_EPOCHS epochs, neighbours are merged two by two and from then on
 * as many rows more go into each epoch, so that all keep one length and all sums stay. Sums that
 * would not fit 64 bits stay at the largest value.
 */
#define SNAPSHOT_EPOCHS  4096u
#define SNAPSHOT_PARTS   24u /* what comes after the 23rd is added up as "other" */
#define SNAPSHOT_LEVELS  8u  /* levels after the eighth are left out */
#define SNAPSHOT_COLUMNS 65536u
#define SNAPSHOT_NAME    24u /* bytes of a part's or level's name; longer: left out */

struct snapshot_epoch {
    uint64_t end_ps; /* the epoch began where the one before it ended; the first at 0 */
    uint64_t instructions, cycles;
    uint64_t user[SNAPSHOT_PARTS], kernel[SNAPSHOT_PARTS]; /* cycles */
    uint64_t accesses[SNAPSHOT_LEVELS], misses[SNAPSHOT_LEVELS];
};

struct snapshot_level {
    char name[SNAPSHOT_NAME];
    uint8_t has_accesses, has_misses; /* a level is shown when it has both */
};

struct snapshot {
    char *name;    /* of the run */
    char *machine; /* one line about what was simulated */
    uint32_t parts, levels;
    char part[SNAPSHOT_PARTS][SNAPSHOT_NAME];
    struct snapshot_level level[SNAPSHOT_LEVELS];
    struct snapshot_epoch *epoch;
    size_t epochs;
    struct snapshot_epoch total; /* of all rows; end_ps is the end of the run */
    uint64_t rows;               /* that were added */

    /* How rows become epochs; the snapshot's own. */
    size_t room;      /* epochs allocated */
    uint64_t fold;    /* rows to an epoch, a power of two */
    uint64_t in_last; /* rows in the last epoch */
    uint32_t *offset; /* for each column: of its uint64_t in an epoch, or none */
    size_t columns;
    uint8_t has_cycles;
    const char *error;
};

/* Both texts are copied; NULL is the empty text, control characters become spaces. NULL: memory. */
struct snapshot *snapshot_new(const char *name, const char *machine);
void snapshot_free(struct snapshot *s);

/* 0, or -1 and snapshot_error says why: no name, first one not "ps", a second "ps", a unit that
 * contradicts the name, rows were added before, too many columns, memory. unit: NULL or "" when it
 * is not known. */
int snapshot_add_column(struct snapshot *s, const char *name, const char *unit);

/* n must be the number of columns, and time must not run backwards. 0, or -1 as above; a refused
 * row leaves the snapshot as it was. */
int snapshot_add_row(struct snapshot *s, const uint64_t *values, size_t n);

/* Why the last call failed, in words; never NULL. */
const char *snapshot_error(const struct snapshot *s);

uint64_t snapshot_start(const struct snapshot *s, size_t epoch);
uint64_t snapshot_end(const struct snapshot *s); /* ps; 0 for an empty run */

/* The epoch that was under way at that time: the last one for any later time. Needs one epoch. */
size_t snapshot_at(const struct snapshot *s, uint64_t ps);

/* Sum of the epochs first to last, both included. */
struct snapshot_epoch snapshot_sum(const struct snapshot *s, size_t first, size_t last);

int snapshot_level_shown(const struct snapshot *s, uint32_t level);

/* Cycles of all parts of one side. */
uint64_t snapshot_user(const struct snapshot *s, const struct snapshot_epoch *e);
uint64_t snapshot_kernel(const struct snapshot *s, const struct snapshot_epoch *e);

#endif
