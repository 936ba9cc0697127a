/* tage.h - a small TAGE predictor of conditional branches with a loop predictor beside it. */
#ifndef CPU_TAGE_H
#define CPU_TAGE_H

#include <stdint.h>

/*
 * TAGE (Seznec and Michaud, "A case for (partially) tagged geometric history length branch
 * prediction", Journal of ILP 8, 2006), its parts:
 *
 *   base      2^bits two-bit counters by branch address
 *   tagged    TAGE_TABLES tables of 2^(bits - 2) entries, each found by the address hashed with the
 *             last 5, 10, 18, 35, 68 or 130 outcomes (a geometric series), if its tag of 11 bits
 *             agrees: a 3-bit counter and 2 bits that say how useful the entry is
 *
 * The longest history that has an entry predicts, the next longest is its alternative. An entry
 * that is new (weak, not useful) gives way to its alternative if such have been better of late. A
 * misprediction takes an entry of a longer history that is not useful: the first, or with
 * probability 1/3 each time the next such; where all are useful, all become less so. Every 2^18
 * branches one of the two useful bits of all entries is cleared, in turn.
 *
 * Loops (Seznec, "A 256 Kbits L-TAGE branch predictor", Journal of ILP 9, 2007): 64 entries in sets
 * of four for branches that go the same way a constant number of times; one that has seen the same
 * number 3 times predicts the exit, as long as such predictions do better than TAGE's. Entries are
 * made on mispredictions, in the place of the one with least age.
 *
 * "Small": no path history, outcomes of conditional branches only, immediate update, no statistical
 * corrector. Draws come from a shift register: the same run gives the same predictions.
 */
#define TAGE_TABLES  6u
#define TAGE_TAG     11u
#define TAGE_HISTORY 256u /* outcomes that are kept, a power of two above the longest */
#define TAGE_LOOPS   64u
#define TAGE_RESET   (1u << 18)
extern const uint32_t tage_lengths[TAGE_TABLES];

struct tage;

/* bits: 4 to 20. NULL: no memory. */
struct tage *tage_new(uint32_t bits);
void tage_free(struct tage *t);
/* Predict, learn the outcome: 1 when the prediction was wrong. */
int tage_cond(struct tage *t, uint64_t pc, int taken);
/* To or from a checkpoint (memhier/archive.h). */
struct archive;
void tage_archive(struct tage *t, struct archive *a);

#endif
