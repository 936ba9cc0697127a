/* hash.h - the hash and the random numbers of guest programs, the same on every machine. */
#ifndef GUESTOS_HASH_H
#define GUESTOS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits: chain calls by passing the last result; start with HASH_START. */
#define HASH_START 14695981039346656037ull

static inline uint64_t hash_add(uint64_t hash, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 1099511628211ull;
    return hash;
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the next number of a sequence; any seed will do. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

#endif
