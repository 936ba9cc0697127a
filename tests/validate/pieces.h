/* pieces.h - the rounds of a kernel in pieces, each of which the host times by itself. */
#ifndef TESTS_VALIDATE_PIECES_H
#define TESTS_VALIDATE_PIECES_H

#include <stdint.h>

#define KERNEL_PIECES 10u

/* Rounds of piece i: all make `rounds`, and they are as equal as can be. 0: none. */
static inline uint32_t kernel_piece(uint32_t rounds, uint32_t i)
{
    return (uint32_t)((uint64_t)rounds * (i + 1) / KERNEL_PIECES -
                      (uint64_t)rounds * i / KERNEL_PIECES);
}

/* The checksum of the pieces until now, and of one more. */
static inline uint32_t kernel_sum(uint32_t sum, uint32_t piece)
{
    return sum * 31 + piece;
}

#endif
