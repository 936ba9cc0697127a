/* cache_archive.c - one cache in a checkpoint. */
#include "memhier/archive.h"
#include "memhier/cache.h"

static void set_archive(struct cache *c, uint32_t set, uint32_t tags, struct archive *a)
{
    struct cache_set *s = &c->sets[set];
    archive_u32s(a, c->tags + ((size_t)set << c->stride_shift), c->ways, tags);
    archive_u16_below(a, &s->valid, c->full + 1);
    archive_u16_below(a, &s->dirty, c->full + 1);
    if (s->dirty & ~s->valid)
        archive_fail(a, "damaged: a cache");
}

static void flight_archive(struct cache_flight *f, struct archive *a)
{
    archive_u64(a, &f->line);
    archive_time(a, &f->ready);
    archive_u32_below(a, &f->source, MEM_SOURCES);
}

static void policy_archive(struct cache *c, struct archive *a)
{
    const struct policy_config cfg = {.sets = c->set_mask + 1, .ways = c->ways};
    if (!c->policy) {
        for (uint32_t i = 0; i <= c->set_mask && !a->failed; i++)
            lru_archive_orders(a, &c->sets[i].order, 1, c->ways);
    } else if (c->policy->archive) {
        c->policy->archive(c->state, &cfg, a);
    } else {
        archive_fail(a, "a replacement policy of this config cannot be put into one");
    }
}

void cache_archive(struct cache *c, uint64_t lines, struct archive *a)
{
    archive_section(a, "CACH", 1);
    archive_same(a, (uint64_t)c->ways << 32 | c->set_mask);
    for (uint32_t i = 0; i <= c->set_mask && !a->failed; i++)
        set_archive(c, i, (uint32_t)(lines >> c->set_bits), a);
    archive_time(a, &c->flight_until);
    for (uint32_t i = 0; i < CACHE_FLIGHTS; i++)
        flight_archive(&c->flight[i], a);
    archive_u64s(a, (uint64_t *)&c->counters, sizeof c->counters / sizeof(uint64_t));
    policy_archive(c, a);
}
