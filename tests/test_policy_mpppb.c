/* test_policy_mpppb.c - the multiperspective perceptron against a plain model. */
#include <stdio.h>

#include "tests/policy_rig.h"

/*
 * One list of features as text, parsed here, so that a slip in the policy's table shows; positions
 * of the tree by walking it from the root, where the policy goes from the leaf.
 */
static const char *const feature_list[16] = {
    "offset 15 1 6 X", "pc 7 14 43 11", "pc 16 3 11 16 X", "insert 16 X",
    "offset 10 0 6 X", "pc 10 1 53 10", "bias 16",         "insert 8 X",
    "pc 17 6 20 0 X",  "burst 6",       "lastmiss 9",      "pc 17 6 20 0 X",
    "insert 16",       "insert 17 X",   "pc 16 8 16 5",    "pc 17 6 20 14 X",
};

struct feature_model {
    char what[16];
    int a, b, e, w, x;
};

struct tagged {
    int used, sum, index[16];
    uint64_t tag;
};

struct mpppb_model {
    struct feature_model f[16];
    int weight[16][256];
    uint64_t pcs[3][150000]; /* all code addresses ever of each hart, the latest last */
    int n[3];
    int row[2048], missed[2048], psel;
    struct tagged sampler[64][18];
    int tree[2048][16]; /* pointer of each node: 0 left, 1 right */
};

static void parse(struct feature_model *f, const char *text)
{
    int v[4] = {0}, n = 0, used = 0;
    sscanf(text, "%15s%n", f->what, &used);
    for (text += used; sscanf(text, "%d%n", &v[n], &used) == 1; text += used)
        n++;
    f->a = v[0];
    f->b = v[1];
    f->e = v[2];
    f->w = v[3];
    f->x = strchr(text, 'X') != NULL;
}

static void mpppb_start(struct ref_model *m)
{
    struct mpppb_model *x = m->own = calloc(1, sizeof *x);
    const int samples = m->sets < 64 ? m->sets : 64, run = m->sets / samples;
    for (int i = 0; i < 16; i++) {
        parse(&x->f[i], feature_list[i]);
        for (int k = 0; k < 256; k++)
            x->weight[i][k] = 1;
    }
    for (int s = 0; s < m->sets; s++)
        x->row[s] = -1;
    for (int i = 0; i < samples; i++)
        x->row[i * run + i % run] = i;
    x->psel = 512;
}

static int xor_of_bytes(uint64_t v)
{
    int r = 0;
    for (; v; v /= 256)
        r ^= (int)(v % 256);
    return r;
}

static uint64_t cut(uint64_t v, int b, int e)
{
    for (int i = 0; i < b; i++)
        v /= 2;
    return v % (UINT64_C(1) << (e - b));
}

static uint64_t own_pc(const struct ref_access *a)
{
    return a->kind == MEM_PREFETCH ? a->pc ^ 0x5a5a5a5a : a->pc;
}

struct moment {
    int burst, insert, lastmiss;
};

static void indices(const struct mpppb_model *x, const struct ref_access *a, struct moment now,
                    int *index)
{
    for (int i = 0; i < 16; i++) {
        const struct feature_model *f = &x->f[i];
        uint64_t v = 0;
        if (!strcmp(f->what, "pc") && f->w == 0)
            v = cut(own_pc(a), f->b, f->e);
        else if (!strcmp(f->what, "pc"))
            v = x->n[a->hart] >= f->w ? cut(x->pcs[a->hart][x->n[a->hart] - f->w], f->b, f->e) : 0;
        else if (!strcmp(f->what, "offset"))
            v = cut(a->addr % 64, f->b, f->e);
        else if (!strcmp(f->what, "burst"))
            v = (uint64_t)now.burst;
        else if (!strcmp(f->what, "insert"))
            v = (uint64_t)now.insert;
        else if (!strcmp(f->what, "lastmiss"))
            v = (uint64_t)now.lastmiss;
        index[i] = xor_of_bytes(v) ^ (f->x ? xor_of_bytes(own_pc(a)) : 0);
    }
}

static int total(const struct mpppb_model *x, const int *index)
{
    int sum = 0;
    for (int i = 0; i < 16; i++)
        sum += x->weight[i][index[i]];
    return sum > 255 ? 255 : sum < -256 ? -256 : sum;
}

static int confidence(const struct mpppb_model *x, const struct ref_access *a, struct moment now)
{
    int index[16];
    indices(x, a, now, index);
    return total(x, index);
}

static void teach(struct mpppb_model *x, const struct tagged *t, int position, int dead)
{
    const int said_dead = t->sum >= 128;
    const int unsure = t->sum < 0 ? t->sum > -135 : t->sum < 109;
    if (!t->used || (said_dead == dead && !unsure))
        return;
    for (int i = 0; i < 16; i++) {
        int *w = &x->weight[i][t->index[i]];
        if (dead && x->f[i].a == position && *w < 31)
            ++*w;
        if (!dead && x->f[i].a > position && *w > -32)
            --*w;
    }
}

static void sample(struct ref_model *m, const struct ref_access *a, int lastmiss)
{
    struct mpppb_model *x = m->own;
    const uint64_t tag = a->line / (uint64_t)m->sets % 65536;
    if (x->row[a->set] < 0)
        return;
    struct tagged *t = x->sampler[x->row[a->set]], mine = {.used = 1, .tag = tag};
    int at = -1;
    for (int i = 0; i < 18 && at < 0; i++)
        if (t[i].used && t[i].tag == tag)
            at = i;
    if (at >= 0)
        teach(x, &t[at], at, 0);
    for (int i = at >= 0 ? at : 17; i > 0; i--)
        t[i] = t[i - 1];
    for (int i = 1; i <= (at >= 0 ? at : 17); i++)
        teach(x, &t[i], i, 1);
    indices(x, a, (struct moment){at == 0, at < 0, lastmiss}, mine.index);
    mine.sum = total(x, mine.index);
    t[0] = mine;
}

/* Nodes from the root to the way, and which way each goes; how many. */
static int path(const struct ref_model *m, int way, int *node, int *right)
{
    int leaves = 1, n = 0, at = 1;
    while (leaves < m->ways)
        leaves *= 2;
    for (int low = 0, size = leaves; size > 1; n++) {
        size /= 2;
        node[n] = at;
        right[n] = way >= low + size;
        low += right[n] ? size : 0;
        at = 2 * at + right[n];
    }
    return n;
}

static int leader(const struct ref_model *m, int set)
{
    const int leaders = m->sets < 128 ? m->sets / 4 : 32, run = m->sets / leaders;
    if (set % run == set / run % run)
        return 0;
    return set % run == run - 1 - set / run % run ? 1 : -1;
}

static void after(struct ref_model *m, const struct ref_access *a, int miss)
{
    struct mpppb_model *x = m->own;
    if (miss && a->demand && leader(m, a->set) == 0 && x->psel < 1023)
        x->psel++;
    if (miss && a->demand && leader(m, a->set) == 1 && x->psel > 0)
        x->psel--;
    x->pcs[a->hart][x->n[a->hart]++] = own_pc(a);
    x->missed[a->set] = miss;
}

static void mpppb_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct mpppb_model *x = m->own;
    int node[4], right[4], *tree = x->tree[a->set], missed = x->missed[a->set];
    const int n = path(m, (int)(l - m->lines) % m->ways, node, right);
    if (!a->demand)
        return;
    const int burst = n == 0 || tree[node[n - 1]] != right[n - 1];
    sample(m, a, missed);
    if (confidence(x, a, (struct moment){burst, 0, missed}) <= 82)
        for (int i = n - 1; i >= 0 && tree[node[i]] == right[i]; i--)
            tree[node[i]] = !right[i];
    after(m, a, 0);
}

static void mpppb_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    struct mpppb_model *x = m->own;
    int node[4], right[4], levels = 4, *tree = x->tree[a->set];
    const int n = path(m, (int)(l - m->lines) % m->ways, node, right);
    if (a->kind != MEM_WRITEBACK) {
        const int missed = x->missed[a->set];
        sample(m, a, missed);
        const int sum = confidence(x, a, (struct moment){0, 1, missed});
        levels = sum >= 44 ? 4 : sum >= 35 ? 2 : 0;
        after(m, a, 1);
    }
    for (int i = 0; i < n; i++)
        tree[node[i]] = n - i <= levels ? right[i] : !right[i];
}

static int mpppb_victim(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    struct mpppb_model *x = m->own;
    const int side = leader(m, a->set), missed = x->missed[a->set];
    const int may_bypass = side == 0 || (side < 0 && x->psel < 512);
    int low = 0, size = 1, node = 1;
    (void)set;
    if (a->kind != MEM_WRITEBACK && may_bypass &&
        confidence(x, a, (struct moment){0, 1, missed}) >= 56) {
        sample(m, a, missed);
        after(m, a, 1);
        return REF_BYPASS;
    }
    while (size < m->ways)
        size *= 2;
    while (size > 1) {
        size /= 2;
        const int to_right = x->tree[a->set][node] && low + size < m->ways;
        low += to_right ? size : 0;
        node = 2 * node + to_right;
    }
    return low;
}

Test(policy_mpppb, agrees_with_its_model, .timeout = 120)
{
    const struct reference r = {"mpppb", mpppb_start, mpppb_hit, mpppb_victim, mpppb_fill, NULL};
    rig_compare_all("mpppb", &r);
}

/* Hot lines and a scan, told apart by their code: the scan is kept out. The duel begins on the side
 * that never bypasses, and must come off it. */
Test(policy_mpppb, keeps_a_scan_out)
{
    struct cache *c = rig_cache(&policy_mpppb, 256, 8, 1);
    struct cache *lru = rig_cache(&policy_lru, 256, 8, 1);
    int hit, hits = 0, plain = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        const uint64_t line = i % 4 ? 1000000 + i : i / 4 * 2654435761u % 1500;
        const struct rig_step st = {.line = line, .pc = i % 4 ? 0x40 : 0x80, .kind = MEM_LOAD};
        rig_touch(c, st, &hit);
        hits += hit;
        rig_touch(lru, st, &hit);
        plain += hit;
    }
    cr_assert_gt(c->counters.bypasses, 1000);
    cr_assert_gt(hits, 2 * plain, "%d hits, LRU %d", hits, plain);
    cache_free(c);
    cache_free(lru);
}
