/* shippp.c - SHiP++: SHiP that trains on samples and knows prefetches and write-backs. */
/*
 * Source: Young, Chou, Jaleel and Qureshi, "SHiP++: Enhancing signature-based hit predictor for
 * improved cache performance", 2nd Cache Replacement Championship, 2017. As ship.c, but: only the
 * 64 sampled sets train (sample.h), and a line once, at its first use; counters start at 1; a fill
 * gets 0 when its counter is 7.
 *
 * Write-backs and prefetches: their hits change nothing and train nothing. A write-back fill gets 3
 * and has no signature. Prefetch fills have signatures of their own (a 14-bit signature is 13 bits
 * of the code address's hash and one that says prefetch) and are otherwise as demand fills; the
 * first demand hit on a prefetched line is its first use and sets it to 3, later ones to 0. Lines
 * that leave by a flush train nothing.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/rrip.h"
#include "memhier/sample.h"
#include "memhier/signature.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

#define SIGNATURE_BITS 14u
#define NO_SIGNATURE   UINT16_MAX
#define COUNTER_MAX    7u
#define WAYS           16u

struct shippp_set {
    struct rrip_set rrip;
    uint16_t used;       /* a bit a way: hit by a demand since its fill */
    uint16_t prefetched; /* a bit a way: by a prefetch, and not used yet */
    uint16_t signature[WAYS];
};

struct shippp {
    uint32_t full;
    struct sample sample;
    uint8_t counter[1u << SIGNATURE_BITS];
    struct shippp_set set[];
};

static void *shippp_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct shippp *s = policy_alloc(sizeof *s + cfg->sets * sizeof s->set[0], err, errlen);
    if (!s)
        return NULL;
    s->full = (1u << cfg->ways) - 1;
    sample_start(&s->sample, cfg->sets, SAMPLE_SETS);
    for (uint32_t i = 0; i < 1u << SIGNATURE_BITS; i++)
        s->counter[i] = 1;
    for (uint32_t i = 0; i < cfg->sets; i++)
        rrip_start(&s->set[i].rrip, 1);
    return s;
}

/* Does what becomes of this line train? */
static int trains(const struct shippp *s, const struct policy_access *a)
{
    const struct shippp_set *set = &s->set[a->set];
    return sample_row(&s->sample, a->set) != SAMPLE_NONE &&
           set->signature[a->way] != NO_SIGNATURE && !(set->used >> a->way & 1);
}

static void shippp_hit(void *state, const struct policy_access *a)
{
    struct shippp *s = state;
    struct shippp_set *set = &s->set[a->set];
    const uint32_t bit = 1u << a->way;
    if (!kind_is_demand(a->kind))
        return;
    if (trains(s, a)) {
        uint8_t *counter = &s->counter[set->signature[a->way]];
        *counter = (uint8_t)(*counter + (*counter < COUNTER_MAX));
    }
    rrip_put(&set->rrip, a->way, set->prefetched & bit ? RRIP_MAX : RRIP_NEAR);
    set->used = (uint16_t)(set->used | bit);
    set->prefetched = (uint16_t)(set->prefetched & ~bit);
}

static uint32_t insertion(uint32_t counter)
{
    return counter == 0 ? RRIP_MAX : counter == COUNTER_MAX ? RRIP_NEAR : RRIP_LONG;
}

static void shippp_fill(void *state, const struct policy_access *a)
{
    struct shippp *s = state;
    struct shippp_set *set = &s->set[a->set];
    const uint32_t bit = 1u << a->way, prefetch = a->kind == MEM_PREFETCH;
    uint32_t signature = NO_SIGNATURE, value = RRIP_MAX;
    if (a->kind != MEM_WRITEBACK) {
        signature = signature_of(a->pc, SIGNATURE_BITS - 1) << 1 | prefetch;
        value = insertion(s->counter[signature]);
    }
    set->signature[a->way] = (uint16_t)signature;
    set->used = (uint16_t)(set->used & ~bit);
    set->prefetched = (uint16_t)((set->prefetched & ~bit) | prefetch << a->way);
    rrip_put(&set->rrip, a->way, value);
}

static uint32_t shippp_victim(void *state, const struct policy_access *a)
{
    struct shippp *s = state;
    return rrip_victim(&s->set[a->set].rrip, s->full);
}

static void shippp_evict(void *state, const struct policy_access *a)
{
    struct shippp *s = state;
    if (kind_is_flush(a->kind) || !trains(s, a))
        return;
    uint8_t *counter = &s->counter[s->set[a->set].signature[a->way]];
    *counter = (uint8_t)(*counter - (*counter > 0));
}

static void shippp_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct shippp *s = state;
    archive_section(a, "SHI+", 1);
    archive_u8s(a, s->counter, sizeof s->counter, COUNTER_MAX + 1);
    for (uint32_t i = 0; i < cfg->sets; i++) {
        struct shippp_set *set = &s->set[i];
        rrip_archive(a, &set->rrip);
        archive_u16(a, &set->used);
        archive_u16(a, &set->prefetched);
        archive_u16s(a, set->signature, WAYS, 1u << 16);
        for (uint32_t w = 0; w < WAYS && !a->writing; w++)
            if (set->signature[w] >> SIGNATURE_BITS && set->signature[w] != NO_SIGNATURE)
                archive_fail(a, "damaged: a signature");
        if (a->failed)
            return;
    }
}

const struct policy policy_shippp = {
    .abi = POLICY_ABI,
    .name = "ship++",
    .meaning = "SHiP++: SHiP trained on sampled sets, aware of prefetches and write-backs",
    .make = shippp_make,
    .drop = free,
    .hit = shippp_hit,
    .fill = shippp_fill,
    .victim = shippp_victim,
    .evict = shippp_evict,
    .archive = shippp_archive,
};

STREAM_INLINED uint32_t shippp_stream(struct stream_store *s, const struct stream_access *v,
                                      uint32_t n)
{
    return stream_loop(s, &policy_shippp, v, n, NULL);
}
