/* signature.h - hashes of code addresses to table indices. */
#ifndef MEMHIER_SIGNATURE_H
#define MEMHIER_SIGNATURE_H

#include <stdint.h>

/* The upper `bits` of the address times 2^64 over the golden ratio: neighbours go far apart.
 * 1 to 32 bits. */
static inline uint32_t signature_of(uint64_t pc, unsigned bits)
{
    return (uint32_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

#endif
