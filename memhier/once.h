/* once.h - one in 32, by counting: the rare insertion of bimodal policies. */
#ifndef MEMHIER_ONCE_H
#define MEMHIER_ONCE_H

#include <stdint.h>

#define ONCE_IN 32u /* power of two */

/* Count an event if `counts` (0 or 1): 1 for every 32nd that does, the first time at the 32nd. */
static inline uint32_t once_in_32(uint32_t *events, uint32_t counts)
{
    *events = (*events + counts) & (ONCE_IN - 1);
    return counts & (*events == 0);
}

#endif
