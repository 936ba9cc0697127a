/* rrip.h - re-reference prediction values of 2 bits, one a way, as two planes of bits a set. */
#ifndef MEMHIER_RRIP_H
#define MEMHIER_RRIP_H

#include <stdint.h>

#include "memhier/archive.h"

/*
 * Source: Jaleel, Theobald, Steely and Emer, "High performance cache replacement using re-reference
 * interval prediction (RRIP)", ISCA 2010, section 4. The value of way w is 2 * high[w] + low[w]:
 * RRIP_NEAR is expected back soon, RRIP_MAX last of all. A set is 4 bytes, and looking for a victim
 * or ageing takes a few operations on all ways at once.
 *
 * Bits beyond the ways of the cache hold nothing; `full`, a bit for each way, masks them.
 */
#define RRIP_NEAR 0u
#define RRIP_LONG 2u
#define RRIP_MAX  3u

struct rrip_set {
    uint16_t low, high;
};

/* A set to or from a checkpoint; any values are possible ones. */
static inline void rrip_archive(struct archive *a, struct rrip_set *s)
{
    archive_u16(a, &s->low);
    archive_u16(a, &s->high);
}

/* Every way as far away as it can be. */
static inline void rrip_start(struct rrip_set *sets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        sets[i] = (struct rrip_set){.low = UINT16_MAX, .high = UINT16_MAX};
}

static inline void rrip_put(struct rrip_set *s, uint32_t way, uint32_t value)
{
    const uint32_t keep = ~(1u << way);
    s->low = (uint16_t)((s->low & keep) | (value & 1) << way);
    s->high = (uint16_t)((s->high & keep) | (value >> 1) << way);
}

/* The first way at RRIP_MAX; all ways age until there is one. */
static inline uint32_t rrip_victim(struct rrip_set *s, uint32_t full)
{
    uint32_t low = s->low, high = s->high;
    while (!(low & high & full)) { /* no way is at 3, so none overflows; three turns at most */
        high ^= low;
        low = ~low & full;
    }
    s->low = (uint16_t)low;
    s->high = (uint16_t)high;
    return (uint32_t)__builtin_ctz(low & high & full);
}

#endif
