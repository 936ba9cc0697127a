/* test_policy_classic.c - classic replacement policies against models with stamps and lists. */
#include "tests/policy_rig.h"

#define EACH(l, set, m) for (struct ref_line *l = (set); l < (set) + (m)->ways; l++)

static void start_plain(struct ref_model *m)
{
    (void)m;
}

static void nothing(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)m;
    (void)l;
    (void)a;
}

/* ---- time stamps: the line with the lowest goes ---- */

static void stamp_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)a;
    l->stamp = m->clock;
}

static void stamp_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->demand)
        l->stamp = m->clock;
}

static int oldest(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    struct ref_line *v = set;
    (void)a;
    EACH(l, set, m)
    if (l->stamp < v->stamp)
        v = l;
    return (int)(v - set);
}

Test(policy_classic, lru)
{
    const struct reference r = {"lru", start_plain, stamp_hit, oldest, stamp_fill, NULL};
    rig_compare_all("lru", &r);
}

Test(policy_classic, fifo)
{
    const struct reference r = {"fifo", start_plain, nothing, oldest, stamp_fill, NULL};
    rig_compare_all("fifo", &r);
}

/* ---- LFU ---- */

static void lfu_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->demand) {
        l->count++;
        l->stamp = m->clock;
    }
}

static void lfu_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    l->count = a->kind == MEM_WRITEBACK ? 0 : 1;
    l->stamp = m->clock;
}

static int rarest(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    struct ref_line *v = set;
    (void)a;
    EACH(l, set, m)
    if (l->count < v->count || (l->count == v->count && l->stamp < v->stamp))
        v = l;
    return (int)(v - set);
}

Test(policy_classic, lfu)
{
    const struct reference r = {"lfu", start_plain, lfu_hit, rarest, lfu_fill, NULL};
    rig_compare_all("lfu", &r);
}

Test(policy_classic, lfu_counts_stay_at_their_limit)
{
    struct cache *c = rig_cache(policy_find("lfu"), 8, 2, 1);
    int hit;
    for (int i = 0; i < 65536 + 10; i++)
        rig_touch(c, (struct rig_step){.line = 0, .kind = MEM_LOAD}, &hit);
    for (int i = 0; i < 1000; i++) /* more than 10, and far from the limit */
        rig_touch(c, (struct rig_step){.line = 8, .kind = MEM_LOAD}, &hit);
    const struct cache_victim v = rig_touch(c, (struct rig_step){.line = 16, .kind = MEM_LOAD},
                                            &hit);
    cr_assert(v.valid && v.line == 8);
    cache_free(c);
}

/* ---- NRU: rrpv 1 is "not recently used" ---- */

static void nru_start(struct ref_model *m)
{
    for (int i = 0; i < m->sets * m->ways; i++)
        m->lines[i].rrpv = 1;
}

static void nru_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)m;
    if (a->demand)
        l->rrpv = 0;
}

static void nru_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)m;
    l->rrpv = a->kind == MEM_WRITEBACK;
}

static int nru_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)a;
    for (;;) {
        EACH(l, set, m)
        if (l->rrpv)
            return (int)(l - set);
        EACH(l, set, m)
        l->rrpv = 1;
    }
}

Test(policy_classic, nru)
{
    const struct reference r = {"nru", nru_start, nru_hit, nru_victim, nru_fill, NULL};
    rig_compare_all("nru", &r);
}

/* ---- tree-PLRU by recursion over halves; bit (lo, hi) is 1: the right half is older ---- */

struct trees {
    int older_is_right[2048][17][17];
};

static void plru_start(struct ref_model *m)
{
    m->own = calloc(1, sizeof(struct trees));
}

static int round_up(int ways)
{
    int n = 1;
    while (n < ways)
        n += n;
    return n;
}

static void plru_use(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct trees *t = m->own;
    const int way = (int)(l - m->lines) % m->ways;
    int lo = 0, hi = round_up(m->ways);
    while (hi - lo > 1) {
        const int mid = (lo + hi) / 2;
        t->older_is_right[a->set][lo][hi] = way < mid;
        if (way < mid)
            hi = mid;
        else
            lo = mid;
    }
}

static void plru_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->demand)
        plru_use(m, l, a);
}

static int plru_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    struct trees *t = m->own;
    int lo = 0, hi = round_up(m->ways);
    (void)set;
    while (hi - lo > 1) {
        const int mid = (lo + hi) / 2;
        if (mid < m->ways && t->older_is_right[a->set][lo][hi])
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

Test(policy_classic, plru)
{
    const struct reference r = {"plru", plru_start, plru_hit, plru_victim, plru_use, NULL};
    rig_compare_all("plru", &r);
}

/* ---- random: splitmix64, as its paper prints it ---- */

static int random_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)set;
    (void)a;
    m->seed += 0x9e3779b97f4a7c15u;
    uint64_t z = m->seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z = z ^ (z >> 31);
    return (int)(((z >> 32) * (uint64_t)m->ways) >> 32);
}

Test(policy_classic, random)
{
    const struct reference r = {"random", start_plain, nothing, random_victim, nothing, NULL};
    rig_compare_all("random", &r);
}

/* Ten thousand victims of each of 1 to 16 ways: each way within 5 standard deviations. */
Test(policy_classic, random_takes_each_way_equally_often)
{
    for (uint32_t ways = 2; ways <= 16; ways++) {
        const struct policy_config cfg = {.seed = 5, .sets = 8, .ways = ways};
        const struct policy_access a = {.line = 1};
        char err[100];
        int seen[16] = {0};
        void *state = policy_random.make(&cfg, err, sizeof err);
        for (int i = 0; i < 10000; i++)
            seen[policy_random.victim(state, &a)]++;
        for (uint32_t w = 0; w < ways; w++) {
            const double mean = 10000.0 / ways, off = seen[w] - mean;
            cr_assert_lt(off * off, 25 * mean, "%u ways, way %u: %d", ways, w, seen[w]);
        }
        policy_random.drop(state);
    }
}

/* ---- LIP, BIP, DIP: stamps that may also run downwards, below all others ---- */

struct insertion {
    int64_t low; /* stamp for the next LRU insertion, then one less */
    int fills, psel;
    int leads[2048]; /* 1: LRU, 2: BIP, 0: follows */
};

static void insertion_start(struct ref_model *m)
{
    struct insertion *x = m->own = calloc(1, sizeof *x);
    const int each = m->sets < 128 ? m->sets / 4 : 32, run = m->sets / each;
    x->psel = 512;
    x->low = (int64_t)1 << 40;
    m->clock = (uint64_t)1 << 41;
    for (int i = 0; i < each; i++) {
        const int at = i % run;
        x->leads[i * run + at] = 1;
        x->leads[i * run + run - 1 - at] = 2;
    }
}

static void insert_low(struct ref_model *m, struct ref_line *l)
{
    struct insertion *x = m->own;
    l->stamp = (uint64_t)x->low--;
}

static void lip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)a;
    insert_low(m, l);
}

static void bip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct insertion *x = m->own;
    insert_low(m, l);
    if (a->kind != MEM_WRITEBACK && ++x->fills % 32 == 0)
        l->stamp = m->clock;
}

static int second_policy(struct ref_model *m, const struct ref_access *a)
{
    struct insertion *x = m->own;
    if (a->demand && x->leads[a->set] == 1 && x->psel < 1023)
        x->psel++;
    if (a->demand && x->leads[a->set] == 2 && x->psel > 0)
        x->psel--;
    return x->leads[a->set] ? x->leads[a->set] == 2 : x->psel >= 512;
}

static void dip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (second_policy(m, a))
        bip_fill(m, l, a);
    else
        l->stamp = m->clock;
}

Test(policy_classic, lip)
{
    const struct reference r = {"lip", insertion_start, stamp_hit, oldest, lip_fill, NULL};
    rig_compare_all("lip", &r);
}

Test(policy_classic, bip)
{
    const struct reference r = {"bip", insertion_start, stamp_hit, oldest, bip_fill, NULL};
    rig_compare_all("bip", &r);
}

Test(policy_classic, dip)
{
    const struct reference r = {"dip", insertion_start, stamp_hit, oldest, dip_fill, NULL};
    rig_compare_all("dip", &r);
}

/* ---- SRRIP, BRRIP, DRRIP ---- */

static void rrip_start_all(struct ref_model *m)
{
    insertion_start(m);
    for (int i = 0; i < m->sets * m->ways; i++)
        m->lines[i].rrpv = 3;
}

static int first_at_3(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)a;
    for (;;) {
        EACH(l, set, m)
        if (l->rrpv == 3)
            return (int)(l - set);
        EACH(l, set, m)
        l->rrpv++;
    }
}

static void srrip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    (void)m;
    (void)a;
    l->rrpv = 2;
}

static void brrip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct insertion *x = m->own;
    l->rrpv = 3;
    if (a->kind == MEM_WRITEBACK || ++x->fills % 32 == 0)
        l->rrpv = 2;
}

static void drrip_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (second_policy(m, a))
        brrip_fill(m, l, a);
    else
        l->rrpv = 2;
}

Test(policy_classic, srrip)
{
    const struct reference r = {"srrip", rrip_start_all, nru_hit, first_at_3, srrip_fill, NULL};
    rig_compare_all("srrip", &r);
}

Test(policy_classic, brrip)
{
    const struct reference r = {"brrip", rrip_start_all, nru_hit, first_at_3, brrip_fill, NULL};
    rig_compare_all("brrip", &r);
}

Test(policy_classic, drrip)
{
    const struct reference r = {"drrip", rrip_start_all, nru_hit, first_at_3, drrip_fill, NULL};
    rig_compare_all("drrip", &r);
}
