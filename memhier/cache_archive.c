/* cache_archive.c - one cache in a checkpoint. */
#include "memhier/archive.h"
#include "memhier/cache.h"

static void set_archive(struct cache *c, uint32_t set, uint32_t tags, struct archive *a)
{
    struct cache_set *s = &c->sets[set];
    archive_u32s(a, c->tags + ((size_t)set << c->stride_shift), c->ways, tags);
    archive_u64(a, &s->state);
    if (s->state & ~(c->full * UINT64_C(0x0001000100010001)))
        archive_fail(a, "damaged: a cache");
}

static void flights_archive(struct cache_flights *f, struct archive *a)
{
    archive_u64s(a, f->line, FLIGHT_WAYS);
    archive_times(a, f->ready, FLIGHT_WAYS);
    archive_u8s(a, f->source, FLIGHT_WAYS, MEM_SOURCES);
}

static void ports_archive(struct cache *c, struct archive *a)
{
    archive_same(a, c->ports ? cache_ports(c) : 0);
    for (uint32_t i = 0; c->ports && i < cache_ports(c); i++)
        calendar_archive(&c->ports[i], a);
}

static void policy_archive(struct cache *c, struct archive *a)
{
    const struct policy_config cfg = {.sets = 1u << c->policy_bits, .ways = c->ways};
    if (!c->policy) {
        for (uint32_t i = 0; i < c->sets_in_all && !a->failed; i++)
            lru_archive_orders(a, &c->sets[i].order, 1, c->ways);
    } else if (c->policy->archive) {
        c->policy->archive(c->state, &cfg, a);
    } else {
        archive_fail(a, "a replacement policy of this config cannot be put into one");
    }
}

void cache_archive(struct cache *c, uint64_t lines, struct archive *a)
{
    archive_section(a, "CACH", 3);
    archive_same(a, (uint64_t)c->ways << 32 | c->set_mask);
    archive_same(a, c->slices);
    for (uint32_t i = 0; i < c->sets_in_all && !a->failed; i++)
        set_archive(c, i, (uint32_t)(lines >> c->set_bits), a);
    archive_time(a, &c->flight_until);
    for (uint32_t i = 0; i < CACHE_FLIGHTS; i++)
        flights_archive(&c->flights[i], a);
    ports_archive(c, a);
    mshr_archive(&c->mshrs, a);
    archive_u32(a, &c->turn);
    if (c->prefetcher) {
        archive_u64s(a, c->prefetch_filter, PREFETCH_FILTER / 64);
        c->prefetcher->archive(c->prefetch_state, a);
    }
    archive_u64s(a, (uint64_t *)&c->counters, sizeof c->counters / sizeof(uint64_t));
    policy_archive(c, a);
}
