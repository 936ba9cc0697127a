/* hierarchy_counters.c - what the hierarchy counts, by name. */
#include <assert.h>

#include "memhier/hierarchy_parts.h"

static const struct cache *cache_of(const struct hierarchy *h, enum cache_level level,
                                    uint32_t hart)
{
    assert(level < CACHE_LEVELS && hart < h->harts);
    const struct hart_caches *hc = &h->hart[hart];
    return level == CACHE_LLC ? h->llc : level == CACHE_L2 ? hc->l2 : hc->l1[level == CACHE_L1D];
}

const void *hierarchy_counters(const struct hierarchy *h, enum cache_level level, uint32_t hart)
{
    return &cache_of(h, level, hart)->counters;
}

const struct coherence_counters *hierarchy_coherence(const struct hierarchy *h, uint32_t hart)
{
    assert(hart < h->harts);
    return &h->hart[hart].n;
}

unsigned hierarchy_held(const struct hierarchy *h, enum cache_level level, uint32_t hart,
                        uint64_t addr)
{
    const struct cache *c = cache_of(h, level, hart);
    const uint64_t line = addr >> LINE_SHIFT;
    const int way = cache_find(c, line);
    if (way < 0)
        return 0;
    return HELD | (cache_is(c, line, way, CACHE_DIRTY) ? HELD_DIRTY : 0) |
           (level != CACHE_LLC && cache_is(c, line, way, CACHE_OWN) ? HELD_OWNED : 0);
}

#define FIELD(f) offsetof(struct cache_counters, f)
#define BY_KIND(X)                                                                                 \
    X(FETCH, "fetch", "instruction fetches")                                                       \
    X(LOAD, "load", "loads")                                                                       \
    X(STORE, "store", "stores (below the L1D: reads for ownership)")                               \
    X(NTSTORE, "ntstore", "non-temporal stores passing by")                                        \
    X(CLWB, "clwb", "clwb")                                                                        \
    X(CLFLUSHOPT, "clflushopt", "clflushopt")                                                      \
    X(CLFLUSH, "clflush", "clflush")                                                               \
    X(WALK, "walk", "page walks")                                                                  \
    X(WRITEBACK, "writeback", "write-backs from the level above")                                  \
    X(PREFETCH, "prefetch", "prefetches")

const struct counter cache_counter_table[] = {
#define ACCESSES(id, text, what)                                                                   \
    {"accesses." text, "1", "lookups by " what, FIELD(accesses[MEM_##id])},
    BY_KIND(ACCESSES)
#undef ACCESSES
#define MISSES(id, text, what)                                                                     \
    {"misses." text, "1", "lookups that found no copy, by " what, FIELD(misses[MEM_##id])},
        BY_KIND(MISSES)
#undef MISSES
            {"writebacks", "lines", "dirty lines sent down: victims, flushes, non-temporal stores",
             FIELD(writebacks)},
    {"fills", "lines", "lines put into the cache", FIELD(fills)},
    {"evictions", "lines", "valid lines pushed out by fills", FIELD(evictions)},
    {"invalidations", "lines", "lines dropped by flushes, non-temporal stores, other harts, levels",
     FIELD(invalidations)},
    {"superseded", "lines", "dirty victims not sent down: a nearer cache held newer data",
     FIELD(superseded)},
    {"prefetch.issued", "lines", "lines prefetched by this level", FIELD(prefetch.issued)},
    {"prefetch.present", "lines", "not prefetched: there, or on the way, already",
     FIELD(prefetch.present)},
    {"prefetch.dropped", "lines", "not prefetched: no miss-status register was free",
     FIELD(prefetch.dropped)},
    {"prefetch.useful", "lines", "prefetched lines that were asked for", FIELD(prefetch.useful)},
    {"prefetch.late", "lines", "of those, the ones that were still under way",
     FIELD(prefetch.late)},
    {"prefetch.useless", "lines", "prefetched lines that left without having been asked for",
     FIELD(prefetch.useless)},
    {"prefetch.pollution", "1", "misses on lines that a prefetched one had pushed out",
     FIELD(prefetch.pollution)},
    {"merges", "1", "hits on a line that an earlier miss still fetched", FIELD(merges)},
    {"mshr_full", "1", "misses that waited for a miss-status register", FIELD(mshr_full)},
    {"mshr_wait", "ps", "how long they waited, all together", FIELD(mshr_wait)},
    {"bypasses", "lines", "lines that the replacement policy kept out", FIELD(bypasses)},
    {"policy_errors", "1", "answers of the replacement policy that were no way of the set",
     FIELD(policy_errors)},
    {NULL, NULL, NULL, 0},
};

#undef FIELD
#define FIELD(f) offsetof(struct coherence_counters, f)

const struct counter coherence_counter_table[] = {
    {"upgrades", "1", "stores to lines that other harts may have had, too", FIELD(upgrades)},
    {"snoops", "1", "requests that waited for other harts' caches", FIELD(snoops)},
    {"forwards.dirty", "lines", "of those: data that came from a dirty copy of another hart",
     FIELD(forwards_dirty)},
    {"forwards.clean", "lines", "of those: data that came from a clean copy of another hart",
     FIELD(forwards_clean)},
    {"downgrades", "lines", "lines no longer owned, as another hart read them", FIELD(downgrades)},
    {"invalidated", "lines", "lines lost to other harts' stores, flushes, non-temporal stores",
     FIELD(invalidated)},
    {"filtered", "lines", "lines lost to victims of the snoop filter", FIELD(filtered)},
    {"included", "lines", "lines lost to victims of the inclusive LLC", FIELD(included)},
    {NULL, NULL, NULL, 0},
};
