/* test_policy_mockingjay.c - Mockingjay against a plain model. */
#include "tests/policy_rig.h"

struct sampled {
    int used, sig;
    uint64_t tag; /* 14 bits: 4 choose the sub-set, 10 are kept */
    int time;
};

struct mockingjay_model {
    int distance[2048]; /* -1: unknown */
    int row[2048];      /* of sampled sets; -1 */
    int now[32], accesses[2048];
    struct sampled sampler[32][16][5];
};

static void mockingjay_start(struct ref_model *m)
{
    struct mockingjay_model *x = m->own = calloc(1, sizeof *x);
    const int samples = m->sets < 32 ? m->sets : 32, run = m->sets / samples;
    for (int i = 0; i < 2048; i++)
        x->distance[i] = x->row[i] = -1;
    for (int i = 0; i < samples; i++)
        x->row[i * run + i % run] = i;
}

static int signature(const struct ref_access *a, int hit)
{
    const uint64_t v = a->pc * 4 + (uint64_t)(2 * hit + (a->kind == MEM_PREFETCH));
    return (int)((v * 11400714819323198485u) >> 53);
}

static void never_again(struct mockingjay_model *x, struct sampled *e)
{
    int *d = &x->distance[e->sig];
    *d = *d < 0 || *d == 127 ? 127 : *d + 1;
    e->used = 0;
}

/* Time stamps have 8 bits. */
static int age_of(const struct sampled *e, int now)
{
    return (now - e->time) % 256;
}

static void sample(struct ref_model *m, const struct ref_access *a, int sig)
{
    struct mockingjay_model *x = m->own;
    const int row = x->row[a->set];
    const uint64_t tag = a->line / (uint64_t)m->sets % 16384;
    if (row < 0)
        return;
    struct sampled *sub = x->sampler[row][tag % 16], *e = NULL;
    const int now = x->now[row]++;
    for (int i = 0; i < 5; i++)
        if (sub[i].used && age_of(&sub[i], now) > 127)
            never_again(x, &sub[i]);
    for (int i = 0; i < 5; i++)
        if (sub[i].used && sub[i].tag == tag)
            e = &sub[i];
    if (e) {
        int *d = &x->distance[e->sig];
        const int seen = age_of(e, now);
        if (*d < 0)
            *d = seen;
        else if (abs(seen - *d) >= 16)
            *d += seen > *d ? 1 : -1;
    }
    for (int i = 0; i < 5 && !e; i++)
        if (!sub[i].used)
            e = &sub[i];
    if (!e) {
        e = sub;
        for (int i = 1; i < 5; i++)
            if (age_of(&sub[i], now) > age_of(e, now))
                e = &sub[i];
        never_again(x, e);
    }
    *e = (struct sampled){1, sig, tag, now};
}

/* rrpv is the ETR. */
static void pass(struct ref_model *m, const struct ref_access *a, int sig)
{
    struct mockingjay_model *x = m->own;
    sample(m, a, sig);
    if (++x->accesses[a->set] % 8)
        return;
    for (int w = 0; w < m->ways; w++) {
        struct ref_line *l = &m->lines[a->set * m->ways + w];
        if (l->rrpv > -15 && l->rrpv < 15)
            l->rrpv--;
    }
}

static int remaining(const struct ref_model *m, int sig)
{
    const struct mockingjay_model *x = m->own;
    if (x->distance[sig] < 0)
        return 0;
    return x->distance[sig] > 105 ? 15 : x->distance[sig] / 8;
}

static void mockingjay_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->kind == MEM_WRITEBACK)
        return;
    pass(m, a, signature(a, 1));
    if (a->demand)
        l->rrpv = remaining(m, signature(a, 1));
}

static void mockingjay_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->kind != MEM_WRITEBACK)
        pass(m, a, signature(a, 0));
    l->rrpv = a->kind == MEM_WRITEBACK ? -15 : remaining(m, signature(a, 0));
}

static int mockingjay_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    const struct mockingjay_model *x = m->own;
    const int d = x->distance[signature(a, 0)];
    int furthest = 0, way = REF_BYPASS;
    for (int w = 0; w < m->ways; w++)
        if (abs(set[w].rrpv) > furthest)
            furthest = abs(set[w].rrpv);
    if (a->kind != MEM_WRITEBACK && (d > 105 || (d >= 0 && d / 8 > furthest))) {
        pass(m, a, signature(a, 0));
        return REF_BYPASS;
    }
    for (int w = 0; w < m->ways && way < 0; w++)
        if (set[w].rrpv == -furthest)
            way = w;
    for (int w = 0; w < m->ways && way < 0; w++)
        if (set[w].rrpv == furthest)
            way = w;
    return way;
}

Test(policy_mockingjay, mockingjay, .timeout = 120)
{
    const struct reference r = {"mockingjay",      mockingjay_start, mockingjay_hit,
                                mockingjay_victim, mockingjay_fill,  NULL};
    rig_compare_all("mockingjay", &r);
}

/* A loop larger than the cache: the model alone would not notice if nothing ever bypassed. */
Test(policy_mockingjay, bypasses_and_keeps_part_of_a_loop)
{
    struct cache *c = rig_cache(&policy_mockingjay, 64, 4, 1);
    int hit, hits = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        rig_touch(c, (struct rig_step){i % (64 * 6), 4, MEM_LOAD, 0}, &hit);
        hits += hit;
    }
    cr_assert_gt(hits, 20000, "%d", hits); /* LRU: none; OPT with bypass: 66,666 */
    cache_free(c);
}
