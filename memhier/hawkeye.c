/* hawkeye.c - learns from what Belady's OPT would have done which code brings lines worth keeping.
 */
/*
 * Source: Jain and Lin, "Back to the future: leveraging Belady's algorithm for improved cache
 * replacement", ISCA 2016, section 3. OPTgen (optgen.h) judges the accesses to 64 sampled sets; the
 * code address of the access that began an interval is trained up when OPT kept the line, else
 * down: 8192 counters of 3 bits by 13 bits of its hash, 4 at the start, friendly from 4 on. A fill
 * or demand hit sets the line's RRPV (3 bits, 7 at the start) by the prediction for its own code
 * address: friendly 0, averse 7; a friendly fill ages the others (friendly.h). Victim: the first
 * way at 7, else the first of the oldest, whose code address (of its last fill or demand hit) is
 * trained down, in sampled sets only, as in the authors' code: with 32 sets to a sampled one
 * evictions would else drown OPT's verdicts, and no code stay friendly.
 *
 * Write-backs and prefetches: write-backs train nothing; their hits change nothing, their fills get
 * 6, age nobody, and belong to no code. A prefetch fill is as a demand fill but has counters of its
 * own; a prefetch hit changes no line. Prefetches begin intervals, but those that they end are not
 * judged (the paper's section 3.1 leaves them open; so does the competition code for long ones).
 * Lines that leave by a flush train nothing.
 */
#include "memhier/archive.h"
#include "memhier/friendly.h"
#include "memhier/kind.h"
#include "memhier/optgen.h"
#include "memhier/policy.h"
#include "memhier/signature.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_BITS 13u
#define OWNERS         (2u << SIGNATURE_BITS) /* demands, then prefetches */
#define NOBODY         UINT16_MAX
#define COUNTER_MAX    7u
#define FRIENDLY       4u

struct hawkeye_set {
    uint8_t rrpv[FRIENDLY_WAYS];
    uint16_t owner[FRIENDLY_WAYS];
};

struct hawkeye {
    uint32_t ways;
    uint8_t counter[OWNERS];
    struct optgen optgen;
    struct hawkeye_set set[];
};

static void *hawkeye_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct hawkeye *h = policy_alloc(sizeof *h + cfg->sets * sizeof h->set[0], err, errlen);
    if (!h)
        return NULL;
    h->ways = cfg->ways;
    memset(h->counter, FRIENDLY, sizeof h->counter);
    optgen_start(&h->optgen, cfg->sets, cfg->ways);
    for (uint32_t i = 0; i < cfg->sets; i++) {
        memset(h->set[i].rrpv, FRIENDLY_AVERSE, FRIENDLY_WAYS);
        memset(h->set[i].owner, 0xff, sizeof h->set[i].owner);
    }
    return h;
}

static void train(struct hawkeye *h, uint32_t owner, int up)
{
    uint8_t *c = &h->counter[owner];
    *c = (uint8_t)(up ? *c + (*c < COUNTER_MAX) : *c - (*c > 0));
}

/* Let OPTgen see the access if its set is sampled. */
static uint16_t observe(struct hawkeye *h, const struct policy_access *a)
{
    const uint32_t prefetch = a->kind == MEM_PREFETCH;
    const uint32_t hash = signature_of(a->pc, SIGNATURE_BITS);
    const uint16_t owner = (uint16_t)(hash | prefetch << SIGNATURE_BITS);
    const uint32_t row = sample_row(&h->optgen.sample, a->set);
    uint64_t before = 0;
    if (row == SAMPLE_NONE)
        return owner;
    const enum optgen_verdict v = optgen_observe(&h->optgen, row, a->line, !prefetch, owner,
                                                 &before);
    if (v == OPTGEN_KEPT || v == OPTGEN_LOST)
        train(h, (uint32_t)before, v == OPTGEN_KEPT);
    return owner;
}

static void hawkeye_hit(void *state, const struct policy_access *a)
{
    struct hawkeye *h = state;
    struct hawkeye_set *set = &h->set[a->set];
    if (a->kind == MEM_WRITEBACK)
        return;
    const uint16_t owner = observe(h, a);
    if (!kind_is_demand(a->kind))
        return;
    set->owner[a->way] = owner;
    set->rrpv[a->way] = h->counter[owner] >= FRIENDLY ? 0 : FRIENDLY_AVERSE;
}

static void hawkeye_fill(void *state, const struct policy_access *a)
{
    struct hawkeye *h = state;
    struct hawkeye_set *set = &h->set[a->set];
    if (a->kind == MEM_WRITEBACK) {
        set->owner[a->way] = NOBODY;
        set->rrpv[a->way] = FRIENDLY_OLDEST;
        return;
    }
    const uint16_t owner = observe(h, a);
    const int friendly = h->counter[owner] >= FRIENDLY;
    set->owner[a->way] = owner;
    set->rrpv[a->way] = FRIENDLY_AVERSE;
    if (friendly)
        friendly_age(set->rrpv, a->way);
}

static uint32_t hawkeye_victim(void *state, const struct policy_access *a)
{
    const struct hawkeye *h = state;
    return friendly_victim(h->set[a->set].rrpv, h->ways);
}

static void hawkeye_evict(void *state, const struct policy_access *a)
{
    struct hawkeye *h = state;
    const struct hawkeye_set *set = &h->set[a->set];
    const uint16_t owner = set->owner[a->way];
    if (!kind_is_flush(a->kind) && owner != NOBODY && set->rrpv[a->way] != FRIENDLY_AVERSE &&
        sample_row(&h->optgen.sample, a->set) != SAMPLE_NONE)
        train(h, owner, 0);
}

static void hawkeye_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct hawkeye *h = state;
    archive_section(a, "HAWK", 1);
    archive_u8s(a, h->counter, sizeof h->counter, COUNTER_MAX + 1);
    optgen_archive(&h->optgen, a);
    for (uint32_t i = 0; i < SAMPLE_SETS; i++)
        for (uint32_t k = 0; k < 16 * OPTGEN_GROUP; k++)
            if (h->optgen.row[i].entry[k].owner >= OWNERS)
                archive_fail(a, "damaged: an owner of a line");
    for (uint32_t i = 0; i < cfg->sets; i++) {
        struct hawkeye_set *set = &h->set[i];
        archive_u8s(a, set->rrpv, FRIENDLY_WAYS, FRIENDLY_AVERSE + 1);
        archive_u16s(a, set->owner, FRIENDLY_WAYS, 1u << 16);
        for (uint32_t w = 0; w < FRIENDLY_WAYS && !a->writing; w++)
            if (set->owner[w] >= OWNERS && set->owner[w] != NOBODY)
                archive_fail(a, "damaged: an owner of a line");
        if (a->failed)
            return; /* what is left may be no owner */
    }
}

const struct policy policy_hawkeye = {
    .abi = POLICY_ABI,
    .name = "hawkeye",
    .meaning = "Hawkeye: RRIP by code address, taught by OPT on sampled sets",
    .make = hawkeye_make,
    .drop = free,
    .hit = hawkeye_hit,
    .fill = hawkeye_fill,
    .victim = hawkeye_victim,
    .evict = hawkeye_evict,
    .archive = hawkeye_archive,
};

STREAM_INLINED uint32_t hawkeye_stream(struct stream_store *s, const struct stream_access *v,
                                       uint32_t n)
{
    return stream_loop(s, &policy_hawkeye, v, n, NULL);
}
