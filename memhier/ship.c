/* ship.c - signature-based hit prediction: SRRIP whose fills ask what became of their code's lines.
 */
/*
 * Source: Wu, Jaleel, Hasenplaugh, Martonosi, Steely and Emer, "SHiP: Signature-based hit predictor
 * for high performance caching", MICRO 2011, section 3 (SHiP-PC, all sets train). The code address
 * hashed to 14 bits is the signature; 16384 counters of 3 bits, 0 at the start. A line keeps the
 * signature that filled it and whether it was hit since. Each hit: counter up; evicted unused:
 * down. A fill gets 3 when its counter is 0, else 2; a hit 0; the victim is SRRIP's (rrip.h).
 *
 * Write-backs and prefetches: their hits change nothing and train nothing. A write-back fill gets 2
 * and has no signature, so that its line trains nothing until the next fill. A prefetch fill is as
 * a demand fill, and its line counts as unused until a demand hits it. Lines that leave by a flush
 * train nothing: nobody chose to evict them.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/rrip.h"
#include "memhier/signature.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

#define SIGNATURE_BITS 14u
#define NO_SIGNATURE   UINT16_MAX
#define COUNTER_MAX    7u
#define WAYS           16u

struct ship_set {
    struct rrip_set rrip;
    uint16_t used; /* a bit a way: hit by a demand since its fill */
    uint16_t signature[WAYS];
};

struct ship {
    uint32_t full;
    uint8_t counter[1u << SIGNATURE_BITS];
    struct ship_set set[];
};

static void *ship_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct ship *s = policy_alloc(sizeof *s + cfg->sets * sizeof s->set[0], err, errlen);
    if (!s)
        return NULL;
    s->full = (1u << cfg->ways) - 1;
    for (uint32_t i = 0; i < cfg->sets; i++)
        rrip_start(&s->set[i].rrip, 1);
    return s;
}

static void ship_hit(void *state, const struct policy_access *a)
{
    struct ship *s = state;
    struct ship_set *set = &s->set[a->set];
    if (!kind_is_demand(a->kind))
        return;
    rrip_put(&set->rrip, a->way, RRIP_NEAR);
    set->used = (uint16_t)(set->used | 1u << a->way);
    if (set->signature[a->way] == NO_SIGNATURE)
        return;
    uint8_t *counter = &s->counter[set->signature[a->way]];
    *counter = (uint8_t)(*counter + (*counter < COUNTER_MAX));
}

static void ship_fill(void *state, const struct policy_access *a)
{
    struct ship *s = state;
    struct ship_set *set = &s->set[a->set];
    uint32_t signature = NO_SIGNATURE, value = RRIP_LONG;
    if (a->kind != MEM_WRITEBACK) {
        signature = signature_of(a->pc, SIGNATURE_BITS);
        value = s->counter[signature] ? RRIP_LONG : RRIP_MAX;
    }
    set->signature[a->way] = (uint16_t)signature;
    set->used = (uint16_t)(set->used & ~(1u << a->way));
    rrip_put(&set->rrip, a->way, value);
}

static uint32_t ship_victim(void *state, const struct policy_access *a)
{
    struct ship *s = state;
    return rrip_victim(&s->set[a->set].rrip, s->full);
}

static void ship_evict(void *state, const struct policy_access *a)
{
    struct ship *s = state;
    const struct ship_set *set = &s->set[a->set];
    const uint32_t signature = set->signature[a->way];
    if (kind_is_flush(a->kind) || signature == NO_SIGNATURE || (set->used >> a->way & 1))
        return;
    s->counter[signature] = (uint8_t)(s->counter[signature] - (s->counter[signature] > 0));
}

static void ship_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct ship *s = state;
    archive_section(a, "SHIP", 1);
    archive_u8s(a, s->counter, sizeof s->counter, COUNTER_MAX + 1);
    for (uint32_t i = 0; i < cfg->sets; i++) {
        struct ship_set *set = &s->set[i];
        rrip_archive(a, &set->rrip);
        archive_u16(a, &set->used);
        archive_u16s(a, set->signature, WAYS, 1u << 16);
        for (uint32_t w = 0; w < WAYS && !a->writing; w++)
            if (set->signature[w] >> SIGNATURE_BITS && set->signature[w] != NO_SIGNATURE)
                archive_fail(a, "damaged: a signature");
        if (a->failed)
            return;
    }
}

const struct policy policy_ship = {
    .abi = POLICY_ABI,
    .name = "ship",
    .meaning = "SHiP-PC: RRIP; fills by whether lines of their code address were used",
    .make = ship_make,
    .drop = free,
    .hit = ship_hit,
    .fill = ship_fill,
    .victim = ship_victim,
    .evict = ship_evict,
    .archive = ship_archive,
};

STREAM_INLINED uint32_t ship_stream(struct stream_store *s, const struct stream_access *v,
                                    uint32_t n)
{
    return stream_loop(s, &policy_ship, v, n, NULL);
}
