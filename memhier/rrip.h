/* rrip.h - re-reference prediction values of 2 bits, one a way, as two planes of bits a set. */
#ifndef MEMHIER_RRIP_H
#define MEMHIER_RRIP_H

#include <stdint.h>

#include "memhier/archive.h"

/*
 * Source: Jaleel, Theobald, Steely and Emer, "High performance cache replacement using re-reference
 * interval prediction (RRIP)", ISCA 2010, section 4. The value of way w is 2 * high + low, where
 * low is bit w of the word and high is bit 16 + w: RRIP_NEAR is expected back soon, RRIP_MAX last
 * of all. So a set is 4 bytes, and looking for a victim or ageing takes a few operations on all
 * ways at once. It is one word, since the host is slow to read at once what was written in two
 * pieces.
 *
 * Bits beyond the ways of the cache hold nothing; `full`, a bit for each way, masks them.
 */
#define RRIP_NEAR 0u
#define RRIP_LONG 2u
#define RRIP_MAX  3u

struct rrip_set {
    uint32_t planes;
};

#define RRIP_HIGH 16u
#define RRIP_BOTH 0x10001u /* way 0 in either plane */

/* A set to or from a checkpoint; any values are possible ones. */
static inline void rrip_archive(struct archive *a, struct rrip_set *s)
{
    uint16_t low = (uint16_t)s->planes, high = (uint16_t)(s->planes >> RRIP_HIGH);
    archive_u16(a, &low);
    archive_u16(a, &high);
    s->planes = (uint32_t)high << RRIP_HIGH | low;
}

/* Every way as far away as it can be. */
static inline void rrip_start(struct rrip_set *sets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        sets[i].planes = UINT32_MAX;
}

static inline void rrip_put(struct rrip_set *s, uint32_t way, uint32_t value)
{
    const uint32_t bits = (value & 1) | (value >> 1) << RRIP_HIGH;
    s->planes = (s->planes & ~(RRIP_BOTH << way)) | bits << way;
}

/* Put the ways whose bit is set at RRIP_NEAR. */
static inline void rrip_near(struct rrip_set *s, uint32_t ways)
{
    s->planes &= ~(RRIP_BOTH * ways);
}

/* The first way at RRIP_MAX; all ways age until there is one. Nobody foresees how often they do:
 * what the furthest lacks is added to all at once, without a branch. */
static inline uint32_t rrip_victim(struct rrip_set *s, uint32_t full)
{
    uint32_t low = s->planes & full, high = s->planes >> RRIP_HIGH & full;
    const uint32_t furthest = (low & high) ? 3 : high ? 2 : low != 0;
    const uint32_t one = 0 - (~furthest & 1), two = 0 - (~furthest >> 1 & 1); /* 3 - furthest */
    high = (high ^ (low & one) ^ two) & full;                                 /* none overflows */
    low = (low ^ one) & full;
    s->planes = high << RRIP_HIGH | low;
    return (uint32_t)__builtin_ctz(low & high);
}

#endif
