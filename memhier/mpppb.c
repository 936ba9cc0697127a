/* mpppb.c - multiperspective placement, promotion and bypass: a perceptron over 16 features. */
/*
 * Source: Jimenez and Teran, "Multiperspective reuse prediction", MICRO 2017, sections 3 and 4, and
 * the authors' entry to the second cache replacement championship (2017), of which the constants
 * for one core are. Each feature has 256 weights of 6 bits, 1 at the start; the weights that an
 * access picks, summed up and held to 9 bits, say how dead its line is.
 *
 * Features (A: from which position in the sampler on a line counts as dead for it):
 *   pc(A, B, E, W, X)   bits B to E - 1 of the code address of the W-th last access (0: this one)
 *   offset(A, B, E, X)  the same of the byte's offset in its line
 *   bias(A, X)          0
 *   burst(A, X)         this access hits the line that its set used last
 *   insert(A, X)        this access misses
 *   lastmiss(A, X)      the last access to this set missed
 * With X the code address is combined by exclusive or. More than 8 bits are folded by exclusive or
 * of their bytes.
 *
 * Sampler: 64 sets (sample.h) of 18 tags of 16 bits in order of recency, each with what its last
 * access picked and that sum. A hit at position p teaches features with A > p that the line was
 * alive (weights down by 1); a line that is pushed back to position A teaches that feature that it
 * was dead (up by 1). Nothing is taught when the sum was right (dead: 128 or more) and beyond a
 * threshold: 109 or more, or -135 or less.
 *
 * Under it works MDPP: the tree of plru.c, where a hit turns the pointers of its way's path from
 * the leaf up, as long as they point to it, and stops at the first that does not. A sum above 82
 * promotes nothing. A fill turns all pointers of the path away; at a sum of 35 or more the two
 * nearest the leaf point to the way, at 44 or more all do. A sum of 56 or more bypasses: by a set
 * duel (duel.h; policy 1 never bypasses), as the code of the authors does. There a bypassed access
 * neither votes nor reaches the sampler; here it does both, since each access is seen once.
 *
 * Write-backs and prefetches: write-backs train and count nothing, their hits change nothing; all
 * pointers lead to the way that they fill. A prefetch that hits changes nothing; one that misses is
 * as a demand miss with a code address of its own, but does not vote.
 */
#include "memhier/archive.h"
#include "memhier/duel.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/sample.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>
#include <string.h>

#define FEATURES      16u
#define WEIGHTS       256u
#define WEIGHT_MAX    31
#define WEIGHT_MIN    (-32)
#define SUM_MAX       255
#define SUM_MIN       (-256)
#define DEAD          128
#define SURE_DEAD     109
#define SURE_ALIVE    (-135)
#define NO_PROMOTION  82
#define PLACE_MIDDLE  35
#define PLACE_LAST    44
#define BYPASS        56
#define ENTRIES       18u
#define HARTS         256u
#define HISTORY       16u
#define LEAVES        16u
#define PREFETCH_MARK UINT64_C(0x5a5a5a5a)

enum feature_type { PC, OFFSET, BIAS, BURST, INSERT, LASTMISS };

static const struct feature {
    uint8_t type, assoc, begin, end, which, with_pc;
} features[FEATURES] = {
    {OFFSET, 15, 1, 6, 0, 1}, {PC, 7, 14, 43, 11, 0},    {PC, 16, 3, 11, 16, 1},
    {INSERT, 16, 0, 0, 0, 1}, {OFFSET, 10, 0, 6, 0, 1},  {PC, 10, 1, 53, 10, 0},
    {BIAS, 16, 0, 0, 0, 0},   {INSERT, 8, 0, 0, 0, 1},   {PC, 17, 6, 20, 0, 1},
    {BURST, 6, 0, 0, 0, 0},   {LASTMISS, 9, 0, 0, 0, 0}, {PC, 17, 6, 20, 0, 1},
    {INSERT, 16, 0, 0, 0, 0}, {INSERT, 17, 0, 0, 0, 1},  {PC, 16, 8, 16, 5, 0},
    {PC, 17, 6, 20, 14, 1},
};

struct picked {
    uint8_t index[FEATURES];
};

struct entry {
    uint16_t tag;
    uint8_t valid;
    int16_t sum;
    struct picked picked;
};

struct sampler_row {
    struct entry entry[ENTRIES]; /* most recent first */
};

struct mpppb_set {
    uint16_t tree;
    uint8_t missed; /* the last access */
};

struct mpppb {
    uint32_t ways, leaves, set_bits;
    uint16_t missing; /* nodes of the tree whose right half has no way */
    struct duel duel;
    struct sample sample;
    int8_t weight[FEATURES][WEIGHTS];
    uint64_t history[HARTS][HISTORY]; /* code addresses, a ring */
    uint8_t last[HARTS];              /* where the latest is */
    struct sampler_row row[SAMPLE_SETS];
    struct mpppb_set set[];
};

/* The lowest way under a node. */
static uint32_t first_way(const struct mpppb *m, uint32_t node)
{
    while (node < m->leaves)
        node *= 2;
    return node - m->leaves;
}

static void *mpppb_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct mpppb *m = policy_alloc(sizeof *m + cfg->sets * sizeof m->set[0], err, errlen);
    if (!m)
        return NULL;
    m->ways = cfg->ways;
    m->set_bits = (uint32_t)__builtin_ctz(cfg->sets);
    duel_start(&m->duel, cfg->sets);
    sample_start(&m->sample, cfg->sets, SAMPLE_SETS);
    memset(m->weight, 1, sizeof m->weight);
    for (m->leaves = 1; m->leaves < cfg->ways;)
        m->leaves *= 2;
    for (uint32_t node = 1; node < m->leaves; node++)
        if (first_way(m, 2 * node + 1) >= cfg->ways)
            m->missing = (uint16_t)(m->missing | 1u << node);
    return m;
}

/* ---- features ---- */

static inline uint8_t fold(uint64_t v)
{
    v ^= v >> 32;
    v ^= v >> 16;
    return (uint8_t)(v ^ v >> 8);
}

static inline uint64_t bits(uint64_t v, unsigned begin, unsigned end)
{
    return v >> begin & ((UINT64_C(1) << (end - begin)) - 1);
}

struct circumstances {
    uint64_t pc;
    uint32_t hart;
    uint8_t offset, burst, insert, lastmiss;
};

static uint64_t pc_before(const struct mpppb *m, const struct circumstances *c, uint32_t which)
{
    if (which == 0)
        return c->pc;
    return m->history[c->hart][(m->last[c->hart] + HISTORY + 1 - which) % HISTORY];
}

static struct picked pick(const struct mpppb *m, const struct circumstances *c)
{
    struct picked p;
    const uint8_t pc = fold(c->pc);
    for (uint32_t i = 0; i < FEATURES; i++) {
        const struct feature *f = &features[i];
        uint64_t v = 0;
        switch ((enum feature_type)f->type) {
        case PC:
            v = bits(pc_before(m, c, f->which), f->begin, f->end);
            break;
        case OFFSET:
            v = bits(c->offset, f->begin, f->end);
            break;
        case BIAS:
            break;
        case BURST:
            v = c->burst;
            break;
        case INSERT:
            v = c->insert;
            break;
        case LASTMISS:
            v = c->lastmiss;
            break;
        }
        p.index[i] = (uint8_t)(fold(v) ^ (f->with_pc ? pc : 0));
    }
    return p;
}

static int sum_of(const struct mpppb *m, const struct picked *p)
{
    int sum = 0;
    for (uint32_t i = 0; i < FEATURES; i++)
        sum += m->weight[i][p->index[i]];
    return sum > SUM_MAX ? SUM_MAX : sum < SUM_MIN ? SUM_MIN : sum;
}

/* ---- the sampler ---- */

static int is_taught(int sum, int dead)
{
    if ((sum >= DEAD) != dead)
        return 1;
    return sum < 0 ? sum > SURE_ALIVE : sum < SURE_DEAD;
}

static void teach_dead(struct mpppb *m, const struct entry *e, uint32_t position)
{
    if (!e->valid || !is_taught(e->sum, 1))
        return;
    for (uint32_t i = 0; i < FEATURES; i++) {
        int8_t *w = &m->weight[i][e->picked.index[i]];
        if (features[i].assoc == position && *w < WEIGHT_MAX)
            ++*w;
    }
}

static void teach_alive(struct mpppb *m, const struct entry *e, uint32_t position)
{
    if (!is_taught(e->sum, 0))
        return;
    for (uint32_t i = 0; i < FEATURES; i++) {
        int8_t *w = &m->weight[i][e->picked.index[i]];
        if (features[i].assoc > position && *w > WEIGHT_MIN)
            --*w;
    }
}

static void observe(struct mpppb *m, const struct policy_access *a, struct circumstances c)
{
    const uint32_t at = sample_row(&m->sample, a->set);
    if (at == SAMPLE_NONE)
        return;
    struct entry *e = m->row[at].entry;
    const uint16_t tag = (uint16_t)(a->line >> m->set_bits);
    uint32_t p = 0;
    while (p < ENTRIES && !(e[p].valid && e[p].tag == tag))
        p++;
    c.burst = p == 0;
    c.insert = p == ENTRIES;
    if (p < ENTRIES)
        teach_alive(m, &e[p], p);
    else
        p = ENTRIES - 1; /* no feature looks at the position that this one is pushed to */
    for (uint32_t i = p; i > 0; i--) {
        e[i] = e[i - 1];
        teach_dead(m, &e[i], i);
    }
    e[0] = (struct entry){.tag = tag, .valid = 1, .picked = pick(m, &c)};
    e[0].sum = (int16_t)sum_of(m, &e[0].picked);
}

/* ---- the tree ---- */

/* Point the `levels` nodes nearest the leaf of its path to the way, all others away. */
static void place(struct mpppb *m, uint16_t *tree, uint32_t way, uint32_t levels)
{
    for (uint32_t node = m->leaves + way, i = 0; node > 1; node /= 2, i++) {
        const uint32_t towards = i < levels, bit = (node & 1) == towards;
        *tree = (uint16_t)((*tree & ~(1u << node / 2)) | bit << node / 2);
    }
}

/* Whether the pointer at the way's leaf points to it, so that a promotion would turn it. */
static int would_turn(const struct mpppb *m, uint16_t tree, uint32_t way)
{
    const uint32_t node = m->leaves + way;
    return node > 1 && (tree >> node / 2 & 1) == (node & 1);
}

static void promote(const struct mpppb *m, uint16_t *tree, uint32_t way)
{
    for (uint32_t node = m->leaves + way; node > 1; node /= 2) {
        if ((*tree >> node / 2 & 1) != (node & 1))
            return;
        *tree = (uint16_t)(*tree ^ 1u << node / 2);
    }
}

/* ---- the policy ---- */

static struct circumstances describe(const struct mpppb *m, const struct policy_access *a, int hit)
{
    return (struct circumstances){.pc = a->kind == MEM_PREFETCH ? a->pc ^ PREFETCH_MARK : a->pc,
                                  .hart = a->hart,
                                  .offset = a->offset,
                                  .burst = hit && !would_turn(m, m->set[a->set].tree, a->way),
                                  .insert = !hit,
                                  .lastmiss = m->set[a->set].missed};
}

/* After everything else about an access. */
static void remember(struct mpppb *m, const struct policy_access *a, const struct circumstances *c)
{
    m->last[a->hart] = (uint8_t)((m->last[a->hart] + 1) % HISTORY);
    m->history[a->hart][m->last[a->hart]] = c->pc;
    m->set[a->set].missed = c->insert;
}

static void vote(struct mpppb *m, const struct policy_access *a)
{
    (void)duel_policy(&m->duel, a->set, kind_is_demand(a->kind));
}

static void mpppb_hit(void *state, const struct policy_access *a)
{
    struct mpppb *m = state;
    if (!kind_is_demand(a->kind))
        return;
    const struct circumstances c = describe(m, a, 1);
    observe(m, a, c);
    const struct picked p = pick(m, &c);
    if (sum_of(m, &p) <= NO_PROMOTION)
        promote(m, &m->set[a->set].tree, a->way);
    remember(m, a, &c);
}

static void mpppb_fill(void *state, const struct policy_access *a)
{
    struct mpppb *m = state;
    if (a->kind == MEM_WRITEBACK) {
        place(m, &m->set[a->set].tree, a->way, LEAVES);
        return;
    }
    const struct circumstances c = describe(m, a, 0);
    vote(m, a);
    observe(m, a, c);
    const struct picked p = pick(m, &c);
    const int sum = sum_of(m, &p);
    place(m, &m->set[a->set].tree, a->way,
          sum >= PLACE_LAST     ? LEAVES
          : sum >= PLACE_MIDDLE ? 2
                                : 0);
    remember(m, a, &c);
}

static uint32_t mpppb_victim(void *state, const struct policy_access *a)
{
    struct mpppb *m = state;
    if (a->kind != MEM_WRITEBACK && !duel_policy(&m->duel, a->set, 0)) {
        const struct circumstances c = describe(m, a, 0);
        const struct picked p = pick(m, &c);
        if (sum_of(m, &p) >= BYPASS) { /* the only call for an access that bypasses */
            vote(m, a);
            observe(m, a, c);
            remember(m, a, &c);
            return POLICY_BYPASS;
        }
    }
    const uint32_t tree = m->set[a->set].tree & ~(uint32_t)m->missing;
    uint32_t node = 1;
    while (node < m->leaves)
        node = 2 * node + (tree >> node & 1);
    return node - m->leaves;
}

/* ---- checkpoints ---- */

static void entry_archive(struct entry *e, struct archive *a)
{
    uint16_t above = (uint16_t)(e->sum - SUM_MIN);
    archive_u16(a, &e->tag);
    archive_u8_below(a, &e->valid, 2);
    archive_u16_below(a, &above, SUM_MAX - SUM_MIN + 1);
    archive_raw(a, e->picked.index, FEATURES);
    e->sum = (int16_t)(above + SUM_MIN);
}

static void weights_archive(struct mpppb *m, struct archive *a)
{
    for (uint32_t i = 0; i < FEATURES; i++)
        for (uint32_t k = 0; k < WEIGHTS; k++) {
            uint8_t above = (uint8_t)(m->weight[i][k] - WEIGHT_MIN);
            archive_u8_below(a, &above, WEIGHT_MAX - WEIGHT_MIN + 1);
            m->weight[i][k] = (int8_t)(above + WEIGHT_MIN);
        }
}

static void mpppb_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct mpppb *m = state;
    archive_section(a, "MPPB", 1);
    archive_u32_below(a, &m->duel.psel, DUEL_MAX + 1);
    weights_archive(m, a);
    for (uint32_t i = 0; i < HARTS; i++) {
        archive_u64s(a, m->history[i], HISTORY);
        archive_u8_below(a, &m->last[i], HISTORY);
    }
    for (uint32_t i = 0; i < SAMPLE_SETS; i++)
        for (uint32_t k = 0; k < ENTRIES; k++)
            entry_archive(&m->row[i].entry[k], a);
    for (uint32_t i = 0; i < cfg->sets; i++) {
        archive_u16(a, &m->set[i].tree);
        archive_u8_below(a, &m->set[i].missed, 2);
    }
}

const struct policy policy_mpppb = {
    .abi = POLICY_ABI,
    .name = "mpppb",
    .meaning = "multiperspective perceptron: placement, promotion and bypass by 16 features",
    .make = mpppb_make,
    .drop = free,
    .hit = mpppb_hit,
    .fill = mpppb_fill,
    .victim = mpppb_victim,
    .evict = policy_evict_nothing,
    .archive = mpppb_archive,
};

STREAM_INLINED uint32_t mpppb_stream(struct stream_store *s, const struct stream_access *v,
                                     uint32_t n)
{
    return stream_loop(s, &policy_mpppb, v, n, NULL);
}
