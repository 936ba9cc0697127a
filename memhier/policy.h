/* policy.h - the replacement policy of a set: the seam between a cache and who is evicted. */
#ifndef MEMHIER_POLICY_H
#define MEMHIER_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/port.h"

/*
 * The protocol. A cache calls, for each access to it, in the order of the accesses:
 *
 *   hit     the line is in a->way
 *   fill    the line was absent and has just been put into a->way; before it, for the same access,
 *           victim if no way of the set was invalid (the lowest invalid way is taken first and
 *           without asking), and evict for the way that victim named
 *   victim  alone, when it answers POLICY_BYPASS: the line is not put into the cache. Allowed for
 *           demand and prefetch, not for write-backs
 *
 * So each access is reported by exactly one of hit, fill, or a victim that bypasses, and never
 * twice. evict also reports lines that leave by a flush or a non-temporal store, and (with the kind
 * of a flush, by nobody) those that another hart or level takes; such a way is invalid from then
 * on. Where a line must not be kept out, as in an inclusive LLC, a cache that is answered
 * POLICY_BYPASS takes a way of its own choice, and evict and fill follow. What an access asks for
 * is in a->kind; the rules that all policies share unless their paper says otherwise: a write-back
 * or prefetch that hits changes no recency, a prefetch fill inserts as a demand fill does.
 *
 * A policy draws random numbers only from its config's seed, and holds no state outside the
 * object that make returned. Loaded from a shared object, it is the symbol `cache_policy`.
 */
#define POLICY_ABI    2u
#define POLICY_BYPASS UINT32_MAX

struct archive;       /* memhier/archive.h */
struct policy_future; /* memhier/opt.h */

struct policy_config {
    uint64_t seed;
    uint32_t sets; /* power of two */
    uint32_t ways; /* 1 to 16 */
    /* All accesses to come, borrowed for life; NULL where nobody knows them. */
    const struct policy_future *future;
};

struct policy_access {
    uint64_t line; /* physical address / 64 */
    uint64_t pc;   /* physical code address of the requester, 0: none */
    uint32_t set;
    uint32_t way; /* of a hit, a fill or an eviction */
    uint8_t kind; /* enum mem_kind (memhier/port.h) */
    uint8_t hart;
    uint8_t dirty;  /* fill: the line enters dirty; evict: it leaves dirty */
    uint8_t offset; /* of the first byte asked for in its line; 0 for write-backs */
};

struct policy {
    uint32_t abi; /* POLICY_ABI */
    const char *name, *meaning;
    uint32_t foresees; /* 1: make needs the future */
    /* The state of one cache's policy; NULL and a message when it cannot be made. */
    void *(*make)(const struct policy_config *cfg, char *err, size_t errlen);
    void (*drop)(void *state);
    void (*hit)(void *state, const struct policy_access *a);
    void (*fill)(void *state, const struct policy_access *a);
    uint32_t (*victim)(void *state, const struct policy_access *a); /* a way or POLICY_BYPASS */
    void (*evict)(void *state, const struct policy_access *a);
    /* All that an access can change, to or from a checkpoint (memhier/archive.h); cfg as for make,
     * without the seed. NULL: a cache with this policy cannot be put into a full checkpoint. */
    void (*archive)(void *state, const struct policy_config *cfg, struct archive *a);
};

/* Every policy in the tree, NULL-terminated, in the order in which they are listed. */
extern const struct policy *const policy_table[];

/* By name; NULL when there is none. */
const struct policy *policy_find(const char *name);

/* For make: zeroed memory aligned to the host's cache lines, to be freed by free; NULL and a
 * message when there is none. */
void *policy_alloc(size_t bytes, char *err, size_t errlen);

/* For policies to which an eviction says nothing. */
static inline void policy_evict_nothing(void *state, const struct policy_access *a)
{
    (void)state;
    (void)a;
}

extern const struct policy policy_lru, policy_plru, policy_nru, policy_fifo, policy_random,
    policy_lfu, policy_lip, policy_bip, policy_dip, policy_srrip, policy_brrip, policy_drrip,
    policy_ship, policy_shippp, policy_hawkeye, policy_glider, policy_mockingjay, policy_mpppb,
    policy_opt, policy_opt_bypass;

#endif
