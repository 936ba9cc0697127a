/* lru.h - one recency order a set, as a list of 16 nibbles in a word; most recent way lowest. */
#ifndef MEMHIER_LRU_H
#define MEMHIER_LRU_H

#include <stdint.h>

#include "memhier/archive.h"
#include "memhier/port.h"

/*
 * LRU as fixed by this project: demand hits promote; hits by write-backs and prefetches do not;
 * every fill inserts as most recent. The functions here are the only place that knows it. lru.c
 * puts them behind the policy seam; a cache with the policy "lru" calls them inline and keeps the
 * word beside its tags, so that a hit costs no indirect call.
 *
 * Invariant of the word: each of 0 .. 15 occurs in exactly one nibble, and nibbles below `ways`
 * hold the ways of the set.
 */
#define LRU_START UINT64_C(0xfedcba9876543210)

/* Make `way` the most recent one: the nibbles above it in recency move up by one. */
static inline uint64_t lru_promote(uint64_t order, uint32_t way)
{
    uint64_t x = order ^ way * UINT64_C(0x1111111111111111);
    /* The lowest zero nibble of x is where `way` stands: there is exactly one. */
    uint64_t zero = (x - UINT64_C(0x1111111111111111)) & ~x & UINT64_C(0x8888888888888888);
    uint64_t upto = zero ^ (zero - 1); /* ones up to that nibble's top bit, when it is lowest */
    return (order & ~upto) | ((order << 4) & upto) | way;
}

/* Make `way` the least recent of `ways`: the nibbles between its place and the last move down. */
static inline uint64_t lru_demote(uint64_t order, uint32_t way, uint32_t ways)
{
    uint64_t x = order ^ way * UINT64_C(0x1111111111111111);
    uint64_t zero = (x - UINT64_C(0x1111111111111111)) & ~x & UINT64_C(0x8888888888888888);
    uint64_t last = UINT64_C(8) << (4 * (ways - 1)); /* top bit of the last place */
    uint64_t from = (zero & -zero) >> 3;             /* lowest bit of the way's place */
    uint64_t between = ((last << 1) - 1) & ~(from - 1);
    uint64_t moved = (order & between & ~(from * 15)) >> 4;
    return (order & ~between) | moved | (uint64_t)way << (4 * (ways - 1));
}

static inline uint64_t lru_on_hit(uint64_t order, uint32_t way, unsigned kind)
{
    const uint64_t keep = -(uint64_t)(kind == MEM_WRITEBACK || kind == MEM_PREFETCH);
    return (order & keep) | (lru_promote(order, way) & ~keep); /* which kind, nobody foresees */
}

static inline uint64_t lru_on_fill(uint64_t order, uint32_t way)
{
    return lru_promote(order, way);
}

/* n orders to or from a checkpoint; each must keep the invariant. */
static inline void lru_archive_orders(struct archive *a, uint64_t *order, size_t n, uint32_t ways)
{
    archive_u64s(a, order, n);
    for (size_t i = 0; i < n && !a->writing && !a->failed; i++) {
        uint32_t first = 0, all = 0;
        for (uint32_t k = 0; k < 16; k++) {
            all |= 1u << (order[i] >> (4 * k) & 15);
            first = k + 1 == ways ? all : first;
        }
        if (all != 0xffff || first != (1u << ways) - 1)
            archive_fail(a, "damaged: an order of use");
    }
}

static inline uint32_t lru_victim(uint64_t order, uint32_t ways)
{
    return (uint32_t)(order >> (4 * (ways - 1))) & 15;
}

#endif
