/* mockingjay.c - predicts when lines come back, and evicts the one that comes back last. */
/*
 * Source: Shah, Jain and Lin, "Effective mimicry of Belady's MIN policy", HPCA 2022, sections 3 and
 * 4. Distances are in accesses to a set, write-backs not counted.
 *
 * The reuse-distance predictor has 2048 values from 0 to INF = 127 by an 11-bit signature: a hash
 * of the code address, whether the access hit, and whether it is a prefetch. A value is unknown
 * until it is first trained. It is taught by a sampled cache: 32 sets, each with 16 sub-sets
 * (lowest 4 bits of the line's tag) of 5 entries: the next 10 bits of the tag, the signature of the
 * last access, and its time in 8 bits. At an access to a sub-set its entries older than INF are
 * dropped as not used again. If the line has an entry, the value of that signature moves by 1
 * towards the distance when they differ by at least 16; an unknown value becomes the distance. If
 * it has none and no entry is free, the oldest (then the lowest) is dropped as not used again: its
 * value moves up by 1, an unknown one becomes INF.
 *
 * A line keeps its estimated time remaining (ETR), -15 to 15, in units of 8 accesses: all of a set
 * go down by 1 every 8 accesses, but 15 and -15 stay. A fill or demand hit sets it to the predicted
 * distance / 8, to 15 above MAX = 105, to 0 when unknown. Victim: the largest |ETR|, a negative one
 * before a positive one, then the lowest way. A known prediction that is above MAX, or that / 8
 * exceeds every |ETR|, bypasses.
 *
 * Write-backs and prefetches: write-backs train nothing, do not count as accesses and never bypass;
 * their hits change nothing, their fills get -15. A prefetch is as a demand access, by signatures
 * of its own, but its hit sets no ETR; the authors' code also doubles distances that a prefetch
 * ends, which is not done here. Lines that leave by a flush change nothing.
 */
#include "memhier/archive.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/sample.h"
#include "memhier/signature.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_BITS 11u
#define UNKNOWN        UINT8_MAX
#define INF            127u
#define MAX            105u
#define ETR_INF        15
#define UNIT           8u
#define SAMPLED        32u
#define SUBSETS        16u
#define ENTRIES        5u
#define MOVE_FROM      16u
#define WAYS           16u

struct entry {
    uint16_t tag, signature;
    uint8_t time, valid;
};

struct sampler_row {
    uint8_t now;
    struct entry entry[SUBSETS][ENTRIES];
};

struct mockingjay_set {
    int8_t etr[WAYS];
    uint8_t ticks; /* accesses since the ETRs last went down */
};

struct mockingjay {
    uint32_t ways, set_bits;
    struct sample sample;
    uint8_t distance[1u << SIGNATURE_BITS];
    struct sampler_row row[SAMPLED];
    struct mockingjay_set set[];
};

static void *mockingjay_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct mockingjay *m = policy_alloc(sizeof *m + cfg->sets * sizeof m->set[0], err, errlen);
    if (!m)
        return NULL;
    m->ways = cfg->ways;
    m->set_bits = (uint32_t)__builtin_ctz(cfg->sets);
    sample_start(&m->sample, cfg->sets, SAMPLED);
    memset(m->distance, UNKNOWN, sizeof m->distance);
    return m;
}

/* ---- the sampled cache ---- */

static void learn_distance(uint8_t *value, uint32_t distance)
{
    if (*value == UNKNOWN)
        *value = (uint8_t)distance;
    else if (distance >= *value + MOVE_FROM)
        ++*value;
    else if (distance + MOVE_FROM <= *value)
        --*value;
}

static void drop(struct mockingjay *m, struct entry *e)
{
    uint8_t *value = &m->distance[e->signature];
    *value = (uint8_t)(*value >= INF ? INF : *value + 1u); /* an unknown one, too, is above INF */
    e->valid = 0;
}

/* The entry for a tag: its own after it has taught, else a free one, made free if need be. */
static struct entry *settle(struct mockingjay *m, struct entry *sub, uint32_t tag, uint8_t now)
{
    struct entry *own = NULL, *room = sub;
    uint32_t oldest = 0;
    for (struct entry *e = sub; e < sub + ENTRIES; e++) {
        if (e->valid && (uint8_t)(now - e->time) > INF)
            drop(m, e);
        const uint32_t age = e->valid ? (uint8_t)(now - e->time) + 1u : UINT32_MAX;
        if (e->valid && e->tag == tag)
            own = e;
        if (age > oldest) {
            oldest = age;
            room = e;
        }
    }
    if (own)
        learn_distance(&m->distance[own->signature], (uint8_t)(now - own->time));
    else if (room->valid)
        drop(m, room);
    return own ? own : room;
}

static void observe(struct mockingjay *m, const struct policy_access *a, uint32_t signature)
{
    const uint32_t at = sample_row(&m->sample, a->set);
    if (at == SAMPLE_NONE)
        return;
    struct sampler_row *row = &m->row[at];
    const uint64_t tag = a->line >> m->set_bits;
    struct entry *sub = row->entry[tag % SUBSETS];
    const uint16_t rest = (uint16_t)(tag / SUBSETS & 1023);
    *settle(m, sub, rest, row->now) = (struct entry){
        .tag = rest, .signature = (uint16_t)signature, .time = row->now, .valid = 1};
    row->now++;
}

/* ---- times remaining ---- */

static uint32_t signature(const struct policy_access *a, uint32_t hit)
{
    const uint64_t prefetch = a->kind == MEM_PREFETCH;
    return signature_of(a->pc * 4 + hit * 2 + prefetch, SIGNATURE_BITS);
}

static int8_t estimate(const struct mockingjay *m, uint32_t sig)
{
    const uint32_t d = m->distance[sig];
    return (int8_t)(d == UNKNOWN ? 0 : d > MAX ? ETR_INF : (int)(d / UNIT));
}

/* An access other than a write-back passes. */
static void tick(struct mockingjay_set *set)
{
    if (++set->ticks < UNIT)
        return;
    set->ticks = 0;
    for (uint32_t w = 0; w < WAYS; w++)
        set->etr[w] = (int8_t)(set->etr[w] - (abs(set->etr[w]) < ETR_INF));
}

static void mockingjay_hit(void *state, const struct policy_access *a)
{
    struct mockingjay *m = state;
    if (a->kind == MEM_WRITEBACK)
        return;
    const uint32_t sig = signature(a, 1);
    observe(m, a, sig);
    tick(&m->set[a->set]);
    if (kind_is_demand(a->kind))
        m->set[a->set].etr[a->way] = estimate(m, sig);
}

static void mockingjay_fill(void *state, const struct policy_access *a)
{
    struct mockingjay *m = state;
    struct mockingjay_set *set = &m->set[a->set];
    if (a->kind == MEM_WRITEBACK) {
        set->etr[a->way] = -ETR_INF;
        return;
    }
    const uint32_t sig = signature(a, 0);
    observe(m, a, sig);
    tick(set);
    set->etr[a->way] = estimate(m, sig);
}

static uint32_t mockingjay_victim(void *state, const struct policy_access *a)
{
    struct mockingjay *m = state;
    struct mockingjay_set *set = &m->set[a->set];
    const uint32_t sig = signature(a, 0), d = m->distance[sig];
    int most = -1; /* 2 |ETR|, and 1 more when overdue */
    uint32_t best = 0;
    for (uint32_t w = 0; w < m->ways; w++) {
        const int key = 2 * abs(set->etr[w]) + (set->etr[w] < 0);
        best = key > most ? w : best;
        most = key > most ? key : most;
    }
    if (a->kind == MEM_WRITEBACK || d == UNKNOWN || (d <= MAX && (int)(d / UNIT) <= most / 2))
        return best;
    observe(m, a, sig); /* the only call for an access that bypasses */
    tick(set);
    return POLICY_BYPASS;
}

/* ---- checkpoints ---- */

static void row_archive(struct sampler_row *row, struct archive *a)
{
    archive_u8(a, &row->now);
    for (uint32_t i = 0; i < SUBSETS * ENTRIES; i++) {
        struct entry *e = &row->entry[i / ENTRIES][i % ENTRIES];
        archive_u16(a, &e->tag);
        archive_u16_below(a, &e->signature, 1u << SIGNATURE_BITS);
        archive_u8(a, &e->time);
        archive_u8_below(a, &e->valid, 2);
    }
}

static void set_archive(struct mockingjay_set *set, struct archive *a)
{
    for (uint32_t w = 0; w < WAYS; w++) {
        uint8_t above = (uint8_t)(set->etr[w] + ETR_INF);
        archive_u8_below(a, &above, 2 * ETR_INF + 1);
        set->etr[w] = (int8_t)(above - ETR_INF);
    }
    archive_u8_below(a, &set->ticks, UNIT);
}

static void mockingjay_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct mockingjay *m = state;
    archive_section(a, "MOCK", 1);
    archive_u8s(a, m->distance, sizeof m->distance, 1u << 8);
    for (uint32_t i = 0; i < SAMPLED; i++)
        row_archive(&m->row[i], a);
    for (uint32_t i = 0; i < cfg->sets; i++)
        set_archive(&m->set[i], a);
}

const struct policy policy_mockingjay = {
    .abi = POLICY_ABI,
    .name = "mockingjay",
    .meaning = "Mockingjay: evicts what is predicted to come back last; bypasses",
    .make = mockingjay_make,
    .drop = free,
    .hit = mockingjay_hit,
    .fill = mockingjay_fill,
    .victim = mockingjay_victim,
    .evict = policy_evict_nothing,
    .archive = mockingjay_archive,
};

STREAM_INLINED uint32_t mockingjay_stream(struct stream_store *s, const struct stream_access *v,
                                          uint32_t n)
{
    return stream_loop(s, &policy_mockingjay, v, n, NULL);
}
