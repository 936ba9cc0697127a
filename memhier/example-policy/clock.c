/* clock.c - CLOCK in each set, as an example of a policy that is built outside the tree. */
/*
 *     make                                                 builds clock.so
 *     pwsim replay --llc "2 MiB" --policy ./clock.so,lru TRACE
 *     pwsim run FILE.cfg -s llc.policy=./clock.so
 *
 * Each way has a bit that a demand hit sets. To find a victim the set's hand goes round, clears the
 * bits that it meets, and stops at the first way without one. A fill enters without its bit.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/policy.h"

struct set {
    uint16_t used; /* a bit for each way */
    uint8_t hand;
};

struct clock {
    uint32_t ways;
    struct set set[];
};

static void *clock_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct clock *c = calloc(1, sizeof *c + cfg->sets * sizeof c->set[0]);
    if (!c) {
        snprintf(err, errlen, "out of memory for %u sets", cfg->sets);
        return NULL;
    }
    c->ways = cfg->ways;
    return c;
}

static void clock_hit(void *state, const struct policy_access *a)
{
    struct clock *c = state;
    if (a->kind != MEM_WRITEBACK && a->kind != MEM_PREFETCH)
        c->set[a->set].used = (uint16_t)(c->set[a->set].used | 1u << a->way);
}

static void clock_fill(void *state, const struct policy_access *a)
{
    struct clock *c = state;
    c->set[a->set].used = (uint16_t)(c->set[a->set].used & ~(1u << a->way));
}

static uint32_t clock_victim(void *state, const struct policy_access *a)
{
    struct clock *c = state;
    struct set *s = &c->set[a->set];
    for (;;) { /* ends: a whole round clears every bit */
        const uint32_t way = s->hand;
        s->hand = (uint8_t)(way + 1 == c->ways ? 0 : way + 1);
        if (!(s->used >> way & 1))
            return way;
        s->used = (uint16_t)(s->used & ~(1u << way));
    }
}

static void clock_evict(void *state, const struct policy_access *a)
{
    (void)state; /* the next fill clears the bit */
    (void)a;
}

const struct policy cache_policy = {
    .abi = POLICY_ABI,
    .name = "clock",
    .meaning = "CLOCK in each set: one bit a way, and a hand",
    .make = clock_make,
    .drop = free,
    .hit = clock_hit,
    .fill = clock_fill,
    .victim = clock_victim,
    .evict = clock_evict,
};
