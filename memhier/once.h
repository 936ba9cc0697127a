/* once.h - one in 32, by counting: the rare insertion of bimodal policies. */
#ifndef MEMHIER_ONCE_H
#define MEMHIER_ONCE_H

#include <stdint.h>

#define ONCE_IN 32u /* power of two */

/* True for every 32nd call, the first time at the 32nd. */
static inline int once_in_32(uint32_t *calls)
{
    *calls = (*calls + 1) & (ONCE_IN - 1);
    return *calls == 0;
}

#endif
