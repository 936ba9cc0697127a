/* friendly.h - the lines of a set as Hawkeye orders them: friendly ones by age, averse ones first
 * out.
 */
#ifndef MEMHIER_FRIENDLY_H
#define MEMHIER_FRIENDLY_H

#include <stdint.h>

/*
 * Source: Jain and Lin, ISCA 2016, section 3.4, and the authors' entry to the second cache
 * replacement championship (2017). A way has a value of 3 bits: FRIENDLY_AVERSE, or its age, 0 to
 * FRIENDLY_OLDEST. A friendly fill ages the others; but while one of them is as old as can be none
 * ages, as in the authors' code. So the order of friendly lines lasts, and what is evicted when no
 * line is averse is really the oldest. The paper's table ages all that can: then, after seven fills
 * without a hit, all are at FRIENDLY_OLDEST, and the place of a way decides.
 *
 * Ways that a cache does not have stay FRIENDLY_AVERSE.
 */
#define FRIENDLY_WAYS   16u
#define FRIENDLY_OLDEST 6u
#define FRIENDLY_AVERSE 7u

/* All ways but one, which has just been filled, age. */
static inline void friendly_age(uint8_t rrpv[FRIENDLY_WAYS], uint32_t but)
{
    uint8_t full = 0;
    rrpv[but] = 0;
    for (uint32_t w = 0; w < FRIENDLY_WAYS; w++)
        full |= rrpv[w] == FRIENDLY_OLDEST;
    for (uint32_t w = 0; w < FRIENDLY_WAYS; w++)
        rrpv[w] = (uint8_t)(rrpv[w] + (rrpv[w] < FRIENDLY_OLDEST && !full));
    rrpv[but] = 0;
}

/* The first averse way, else the first of the oldest. */
static inline uint32_t friendly_victim(const uint8_t rrpv[FRIENDLY_WAYS], uint32_t ways)
{
    uint32_t best = 0;
    for (uint32_t w = 1; w < ways; w++)
        best = rrpv[w] > rrpv[best] ? w : best;
    return best;
}

#endif
