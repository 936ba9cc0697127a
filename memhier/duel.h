/* duel.h - set duelling: a few sets always follow one of two policies, the rest the better one. */
#ifndef MEMHIER_DUEL_H
#define MEMHIER_DUEL_H

#include <stdint.h>

/*
 * Source: Qureshi, Jaleel, Patt, Steely and Emer, "Adaptive insertion policies for high performance
 * caching", ISCA 2007, section 5 (complement-select, dedicated sets). The cache is divided into
 * DUEL_LEADERS runs of sets of equal length. In run i, the set at offset i leads policy 0 and the
 * set at offset ~i leads policy 1 (both modulo the length). They never coincide, so each policy has
 * exactly DUEL_LEADERS leaders. A cache of fewer than 4 * DUEL_LEADERS sets has a quarter of its
 * sets lead each, so that half of them follow.
 *
 * A miss in a leader votes against its policy: psel, 10 bits from the middle (512), moves up when
 * policy 0 missed and down when policy 1 did. Followers do what its top bit says.
 */
#define DUEL_LEADERS 32u
#define DUEL_MAX     1023u
#define DUEL_MIDDLE  512u

struct duel {
    uint32_t shift, mask; /* a run has mask + 1 sets, 1 << shift of them */
    uint32_t psel;
};

enum duel_role { DUEL_LEADS_0, DUEL_LEADS_1, DUEL_FOLLOWS };

/* sets: a power of two, 8 or more. */
static inline void duel_start(struct duel *d, uint32_t sets)
{
    const uint32_t leaders = sets / 4 < DUEL_LEADERS ? sets / 4 : DUEL_LEADERS;
    d->mask = sets / leaders - 1;
    d->shift = (uint32_t)__builtin_ctz(sets / leaders);
    d->psel = DUEL_MIDDLE;
}

static inline enum duel_role duel_role(const struct duel *d, uint32_t set)
{
    const uint32_t offset = set & d->mask, run = set >> d->shift;
    if (offset == (run & d->mask))
        return DUEL_LEADS_0;
    return offset == (~run & d->mask) ? DUEL_LEADS_1 : DUEL_FOLLOWS;
}

/* The policy of this set, after its vote: `vote` is 1 when this access missed and may vote. */
static inline uint32_t duel_policy(struct duel *d, uint32_t set, int vote)
{
    const enum duel_role role = duel_role(d, set);
    if (role == DUEL_FOLLOWS)
        return d->psel >= DUEL_MIDDLE;
    if (vote && role == DUEL_LEADS_0 && d->psel < DUEL_MAX)
        d->psel++;
    if (vote && role == DUEL_LEADS_1 && d->psel > 0)
        d->psel--;
    return role == DUEL_LEADS_1;
}

#endif
