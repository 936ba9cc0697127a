/* test_policy_glider.c - Glider against a plain model. */
#include "tests/ref_optgen.h"

#define HARTS 3

/* The last code addresses of a hart, distinct, the latest first. */
struct recent {
    uint64_t pc[5];
    int n;
};

/* Owner of an interval: v[0] the row, v[1] how many addresses, then the weight of each. */
struct glider_model {
    int weight[2048][16];
    struct recent recent[HARTS];
    int verdicts, right[5], best; /* since the trials began */
    struct ref_optgen optgen;
};

static void glider_start(struct ref_model *m)
{
    struct glider_model *x = m->own = calloc(1, sizeof *x);
    ref_optgen_start(&x->optgen, m->sets);
    for (int i = 0; i < m->sets * m->ways; i++)
        m->lines[i].rrpv = 7;
}

static int hash(uint64_t v, int bits)
{
    return (int)((v * 11400714819323198485u) >> (64 - bits));
}

static struct ref_owner owner_of(const struct glider_model *x, const struct ref_access *a)
{
    const struct recent *r = &x->recent[a->hart];
    struct ref_owner o = {{hash(2 * a->pc + (a->kind == MEM_PREFETCH), 11), r->n}};
    for (int i = 0; i < r->n; i++)
        o.v[2 + i] = hash(r->pc[i], 4);
    return o;
}

static int total(const struct glider_model *x, const struct ref_owner *o)
{
    int sum = 0;
    for (int i = 0; i < o->v[1]; i++)
        sum += x->weight[o->v[0]][o->v[2 + i]];
    return sum;
}

static int in_force(const struct glider_model *x)
{
    const int trial = x->verdicts / 1024;
    return trial < 5 ? trial : x->best;
}

static void count_verdict(struct glider_model *x, int right)
{
    if (x->verdicts < 5 * 1024)
        x->right[x->verdicts / 1024] += right;
    x->verdicts++;
    if (x->verdicts == 5 * 1024)
        for (int i = 1; i < 5; i++)
            if (x->right[i] > x->right[x->best])
                x->best = i;
    if (x->verdicts == (5 + 16) * 1024) {
        x->verdicts = 0;
        x->best = 0;
        memset(x->right, 0, sizeof x->right);
    }
}

static void learn(struct glider_model *x, const struct ref_owner *o, int kept)
{
    static const int thresholds[] = {0, 30, 100, 300, 3000};
    const int sum = total(x, o), right = kept ? sum >= 0 : sum < 0;
    const int beyond = sum > thresholds[in_force(x)] || -sum > thresholds[in_force(x)];
    for (int i = 0; i < o->v[1] && !(right && beyond); i++) {
        int *w = &x->weight[o->v[0]][o->v[2 + i]];
        *w += kept ? 1 : -1;
        if (*w > 127)
            *w = 127;
        if (*w < -128)
            *w = -128;
    }
    count_verdict(x, right);
}

static void enter(struct recent *r, uint64_t pc)
{
    uint64_t list[6] = {pc};
    int n = 1;
    for (int i = 0; i < r->n; i++)
        if (r->pc[i] != pc)
            list[n++] = r->pc[i];
    r->n = n < 5 ? n : 5;
    memcpy(r->pc, list, sizeof r->pc);
}

static int watch(struct ref_model *m, const struct ref_access *a)
{
    struct glider_model *x = m->own;
    const struct ref_owner me = owner_of(x, a);
    struct ref_owner before;
    const int kept = ref_optgen_watch(&x->optgen, m, a, me, &before);
    if (kept != -1)
        learn(x, &before, kept == 1);
    if (a->demand)
        enter(&x->recent[a->hart], a->pc);
    return total(x, &me);
}

static int predicted(int sum)
{
    if (sum >= 60)
        return 0;
    return sum < 0 ? 7 : 2;
}

static void glider_hit(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    if (a->kind == MEM_WRITEBACK)
        return;
    const int sum = watch(m, a);
    if (a->demand)
        l->rrpv = predicted(sum);
}

static void glider_fill(struct ref_model *m, struct ref_line *l, const struct ref_access *a)
{
    l->rrpv = 6;
    if (a->kind == MEM_WRITEBACK)
        return;
    const int sum = watch(m, a);
    if (sum >= 0)
        ref_age_others(m, l, a->set);
    l->rrpv = predicted(sum);
}

static int oldest(struct ref_model *m, struct ref_line *set, const struct ref_access *a)
{
    (void)a;
    for (int age = 7; age >= 0; age--)
        for (int w = 0; w < m->ways; w++)
            if (set[w].rrpv == age)
                return w;
    cr_assert_fail("no line has an age");
    return 0;
}

Test(policy_glider, glider, .timeout = 120)
{
    const struct reference r = {"glider", glider_start, glider_hit, oldest, glider_fill, NULL};
    rig_compare_all("glider", &r);
}

/* Long enough for all thresholds to be tried and one to be settled on, twice over. */
Test(policy_glider, through_all_trials, .timeout = 120)
{
    const struct reference r = {"glider", glider_start, glider_hit, oldest, glider_fill, NULL};
    rig_compare(&policy_glider, &r, STREAM_MIXED, 64, 8, 140000);
    rig_compare(&policy_glider, &r, STREAM_RANDOM, 8, 8, 140000);
    rig_compare(&policy_glider, &r, STREAM_ONE_CODE, 64, 8, 140000); /* weights at both limits */
}
