/* glider.c - learns from OPT by an integer support vector machine over the history of code
 * addresses.
 */
/*
 * Source: Shi, Huang, Jain and Lin, "Applying deep learning to the cache replacement problem",
 * MICRO 2019, sections 4.3 and 4.4. Each hart has a register of the last 5 distinct code addresses
 * of its demand accesses (PCHR). The code address of an access, hashed to 11 bits together with
 * whether it is a prefetch, picks one of 2048 rows of 16 weights of 8 bits, 0 at the start; each
 * address of the history, hashed to 4 bits, picks a weight of the row. Their sum predicts: 60 or
 * more RRPV 0, below 0 RRPV 7, else 2. The history is that before the access, which then enters it.
 *
 * OPTgen (optgen.h) judges the accesses to 64 sampled sets. The row and history of the access that
 * began an interval are trained by 1, up when OPT kept the line, else down, unless the sum says so
 * already and is beyond a threshold. A line that leaves the sampler after more than the vector's
 * length counts as not kept, else lines that never come back would teach nothing. The threshold is
 * one of 0, 30, 100, 300 and 3000. The paper does not say how it is chosen; here each is tried for
 * 1024 verdicts, then that with the most right predictions (the lowest of equals) is used for
 * 16384, and so on.
 *
 * Lines have RRPVs of 3 bits as in hawkeye.c: 7 at the start; a fill or demand hit sets that of its
 * line; a fill that is not averse ages the others (friendly.h); the victim is the first of the
 * oldest. Evictions train nothing.
 *
 * Write-backs and prefetches: write-backs train nothing, their hits change nothing, their fills get
 * 6 and age nobody. A prefetch fill is as a demand fill, by rows of its own; a prefetch hit changes
 * no line; prefetches begin intervals, but do not end them, and do not enter the history.
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

#define HISTORY     5u
#define ROW_BITS    11u
#define WEIGHT_BITS 4u
#define WEIGHTS     (1u << WEIGHT_BITS)
#define SURE        60
#define UNSURE_RRPV 2u
#define HARTS       256u
#define THRESHOLDS  5u
#define TRIAL       1024u
#define SETTLED     16u /* trials */
#define WEIGHT_MAX  127
#define WEIGHT_MIN  (-128)
#define COUNT_SHIFT (HISTORY * WEIGHT_BITS)
#define ROW_SHIFT   32u

/* The last distinct code addresses, the latest first; and as a word: 5 weight numbers of 4 bits,
 * how many there are above them. */
struct history {
    uint64_t pc[HISTORY];
    uint32_t n, word;
};

struct tuner {
    uint32_t trial; /* number of the threshold on trial; THRESHOLDS: settled on best */
    uint32_t left;  /* verdicts until something changes */
    uint32_t best;
    uint32_t right[THRESHOLDS];
};

struct glider_set {
    uint8_t rrpv[FRIENDLY_WAYS];
};

struct glider {
    uint32_t ways;
    struct tuner tuner;
    int8_t weight[1u << ROW_BITS][WEIGHTS];
    struct history history[HARTS];
    struct optgen optgen;
    struct glider_set set[];
};

static void *glider_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct glider *g = policy_alloc(sizeof *g + cfg->sets * sizeof g->set[0], err, errlen);
    if (!g)
        return NULL;
    g->ways = cfg->ways;
    g->tuner.left = TRIAL;
    optgen_start(&g->optgen, cfg->sets, cfg->ways);
    memset(g->set, FRIENDLY_AVERSE, cfg->sets * sizeof g->set[0]);
    return g;
}

/* ---- history ---- */

static uint32_t word_of(const struct history *h)
{
    uint32_t word = h->n << COUNT_SHIFT;
    for (uint32_t i = 0; i < h->n; i++)
        word |= signature_of(h->pc[i], WEIGHT_BITS) << (i * WEIGHT_BITS);
    return word;
}

static void history_enter(struct history *h, uint64_t pc)
{
    uint32_t at = 0;
    if (h->n && h->pc[0] == pc)
        return;
    while (at < h->n && h->pc[at] != pc)
        at++;
    if (at == h->n) {
        h->n += h->n < HISTORY;
        at = h->n - 1;
    }
    for (; at > 0; at--)
        h->pc[at] = h->pc[at - 1];
    h->pc[0] = pc;
    h->word = word_of(h);
}

/* ---- the machine: `features` is a row's number above a history's word ---- */

static int sum_of(const struct glider *g, uint64_t features)
{
    const int8_t *weight = g->weight[features >> ROW_SHIFT];
    const uint32_t word = (uint32_t)features;
    int sum = 0;
    for (uint32_t i = 0; i < word >> COUNT_SHIFT; i++)
        sum += weight[word >> (i * WEIGHT_BITS) & (WEIGHTS - 1)];
    return sum;
}

static void move(struct glider *g, uint64_t features, int by)
{
    int8_t *weight = g->weight[features >> ROW_SHIFT];
    const uint32_t word = (uint32_t)features;
    for (uint32_t i = 0; i < word >> COUNT_SHIFT; i++) {
        int8_t *w = &weight[word >> (i * WEIGHT_BITS) & (WEIGHTS - 1)];
        const int moved = *w + by;
        if (moved >= WEIGHT_MIN && moved <= WEIGHT_MAX)
            *w = (int8_t)moved;
    }
}

static int threshold(const struct tuner *t)
{
    static const int of[THRESHOLDS] = {0, 30, 100, 300, 3000};
    return of[t->trial < THRESHOLDS ? t->trial : t->best];
}

static void tune(struct tuner *t, int right)
{
    if (t->trial < THRESHOLDS)
        t->right[t->trial] += (uint32_t)right;
    if (--t->left)
        return;
    t->left = TRIAL;
    if (t->trial == THRESHOLDS) {
        *t = (struct tuner){.left = TRIAL};
        return;
    }
    if (t->right[t->trial] > t->right[t->best])
        t->best = t->trial;
    if (++t->trial == THRESHOLDS)
        t->left = SETTLED * TRIAL;
}

static void learn(struct glider *g, uint64_t features, int kept)
{
    const int sum = sum_of(g, features), right = (sum >= 0) == kept;
    if (!right || abs(sum) <= threshold(&g->tuner))
        move(g, features, kept ? 1 : -1);
    tune(&g->tuner, right);
}

/* What this access predicts: the sum. OPTgen sees it if its set is sampled; the history then does.
 */
static int observe(struct glider *g, const struct policy_access *a)
{
    const uint32_t prefetch = a->kind == MEM_PREFETCH;
    struct history *h = &g->history[a->hart];
    const uint64_t features = (uint64_t)signature_of(a->pc * 2 + prefetch, ROW_BITS) << ROW_SHIFT |
                              h->word;
    const uint32_t row = sample_row(&g->optgen.sample, a->set);
    uint64_t before = 0;
    if (row != SAMPLE_NONE) {
        const enum optgen_verdict v = optgen_observe(&g->optgen, row, a->line, !prefetch, features,
                                                     &before);
        if (v != OPTGEN_SILENT)
            learn(g, before, v == OPTGEN_KEPT);
    }
    if (!prefetch)
        history_enter(h, a->pc);
    return sum_of(g, features);
}

static uint8_t prediction(int sum)
{
    return sum >= SURE ? 0 : sum < 0 ? FRIENDLY_AVERSE : UNSURE_RRPV;
}

/* ---- the policy ---- */

static void glider_hit(void *state, const struct policy_access *a)
{
    struct glider *g = state;
    if (a->kind == MEM_WRITEBACK)
        return;
    const int sum = observe(g, a);
    if (kind_is_demand(a->kind))
        g->set[a->set].rrpv[a->way] = prediction(sum);
}

static void glider_fill(void *state, const struct policy_access *a)
{
    struct glider *g = state;
    struct glider_set *set = &g->set[a->set];
    if (a->kind == MEM_WRITEBACK) {
        set->rrpv[a->way] = FRIENDLY_OLDEST;
        return;
    }
    const int sum = observe(g, a);
    if (sum >= 0)
        friendly_age(set->rrpv, a->way);
    set->rrpv[a->way] = prediction(sum);
}

static uint32_t glider_victim(void *state, const struct policy_access *a)
{
    const struct glider *g = state;
    return friendly_victim(g->set[a->set].rrpv, g->ways);
}

/* ---- checkpoints ---- */

static void history_archive(struct history *h, struct archive *a)
{
    archive_u32_below(a, &h->n, HISTORY + 1);
    archive_u64s(a, h->pc, HISTORY);
    h->word = word_of(h);
}

static void tuner_archive(struct tuner *t, struct archive *a)
{
    archive_u32_below(a, &t->trial, THRESHOLDS + 1);
    archive_u32_below(a, &t->left, SETTLED * TRIAL + 1);
    archive_u32_below(a, &t->best, THRESHOLDS);
    archive_u32s(a, t->right, THRESHOLDS, 0);
}

static int are_features(uint64_t owner)
{
    return owner >> ROW_SHIFT < 1u << ROW_BITS && (uint32_t)owner >> COUNT_SHIFT <= HISTORY;
}

static void glider_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct glider *g = state;
    archive_section(a, "GLID", 1);
    tuner_archive(&g->tuner, a);
    archive_raw(a, g->weight, sizeof g->weight);
    for (uint32_t i = 0; i < HARTS; i++)
        history_archive(&g->history[i], a);
    optgen_archive(&g->optgen, a);
    for (uint32_t i = 0; i < SAMPLE_SETS; i++)
        for (uint32_t k = 0; k < 16 * OPTGEN_GROUP; k++)
            if (!are_features(g->optgen.row[i].entry[k].owner))
                archive_fail(a, "damaged: what predicted a line");
    for (uint32_t i = 0; i < cfg->sets; i++)
        archive_u8s(a, g->set[i].rrpv, FRIENDLY_WAYS, FRIENDLY_AVERSE + 1);
}

const struct policy policy_glider = {
    .abi = POLICY_ABI,
    .name = "glider",
    .meaning = "Glider: integer SVM over the last code addresses, taught by OPT on sampled sets",
    .make = glider_make,
    .drop = free,
    .hit = glider_hit,
    .fill = glider_fill,
    .victim = glider_victim,
    .evict = policy_evict_nothing,
    .archive = glider_archive,
};

STREAM_INLINED uint32_t glider_stream(struct stream_store *s, const struct stream_access *v,
                                      uint32_t n)
{
    return stream_loop(s, &policy_glider, v, n, NULL);
}
