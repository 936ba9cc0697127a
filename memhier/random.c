/* random.c - any way, from the seed of the configuration. */
/*
 * Source: textbook. Numbers are those of splitmix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014) started at the seed; the way is the upper 32 bits
 * times the ways, divided by 2^32. One number is drawn for each victim and nothing else.
 * Write-backs and prefetches are as any access.
 */
#include "memhier/archive.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct random_ways {
    uint64_t state;
    uint32_t ways;
};

static void *random_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct random_ways *r = policy_alloc(sizeof *r, err, errlen);
    if (r)
        *r = (struct random_ways){.state = cfg->seed, .ways = cfg->ways};
    return r;
}

static void random_nothing(void *state, const struct policy_access *a)
{
    (void)state;
    (void)a;
}

static uint32_t random_victim(void *state, const struct policy_access *a)
{
    struct random_ways *r = state;
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    (void)a;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (uint32_t)((z >> 32) * r->ways >> 32);
}

static void random_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct random_ways *r = state;
    archive_section(a, "RAND", 1);
    (void)cfg;
    archive_u64(a, &r->state);
}

const struct policy policy_random = {
    .abi = POLICY_ABI,
    .name = "random",
    .meaning = "any way, drawn from the seed",
    .make = random_make,
    .drop = free,
    .hit = random_nothing,
    .fill = random_nothing,
    .victim = random_victim,
    .evict = random_nothing,
    .archive = random_archive,
};

STREAM_INLINED uint32_t random_stream(struct stream_store *s, const struct stream_access *v,
                                      uint32_t n)
{
    return stream_loop(s, &policy_random, v, n, NULL);
}
