/* ref_optgen.h - a plain model of OPTgen and its sampler, for the models of policies that learn. */
#ifndef TESTS_REF_OPTGEN_H
#define TESTS_REF_OPTGEN_H

#include "tests/policy_rig.h"

/*
 * Keeps all of a sampled set's past: for every access ever made, how many lines OPT keeps over the
 * step that begins with it.
 */
#define PAST 150000 /* more than any stream is long */

struct ref_owner {
    int v[8];
};

struct remembered {
    int used, time;
    uint64_t line;
    struct ref_owner owner;
};

struct set_past {
    int kept[PAST], n;
    struct remembered sampler[16][8];
};

struct ref_optgen {
    int row[2048]; /* of sampled sets; -1 */
    struct set_past past[64];
};

static inline void ref_optgen_start(struct ref_optgen *x, int sets)
{
    const int samples = sets < 64 ? sets : 64, run = sets / samples;
    for (int i = 0; i < sets; i++)
        x->row[i] = -1;
    for (int i = 0; i < samples; i++)
        x->row[i * run + i % run] = i;
}

static inline int ref_opt_keeps(struct set_past *p, int from, int ways)
{
    if (p->n - from > 8 * ways)
        return 0;
    for (int t = from; t < p->n; t++)
        if (p->kept[t] == ways)
            return 0;
    for (int t = from; t < p->n; t++)
        p->kept[t]++;
    return 1;
}

static inline struct remembered *ref_remember(struct set_past *p, uint64_t tag, uint64_t line,
                                              int ways)
{
    struct remembered *group = p->sampler[(tag * 2654435761u % 4294967296u) * (uint64_t)ways >> 32];
    struct remembered *lru = NULL;
    for (int i = 0; i < 8; i++)
        if (group[i].used && group[i].line == line)
            return &group[i];
    for (int i = 0; i < 8; i++)
        if (!group[i].used)
            return &group[i];
    for (int i = 0; i < 8; i++)
        if (!lru || group[i].time < lru->time)
            lru = &group[i];
    return lru;
}

/* 1: OPT kept the line since the access of *before; 0: it did not; -1: nothing to say; -2: not this
 * line, but the one forgotten for it, whose last access was *before, did not come back in time. */
static inline int ref_optgen_watch(struct ref_optgen *x, const struct ref_model *m,
                                   const struct ref_access *a, struct ref_owner me,
                                   struct ref_owner *before)
{
    int verdict = -1;
    if (x->row[a->set] < 0)
        return verdict;
    struct set_past *p = &x->past[x->row[a->set]];
    struct remembered *e = ref_remember(p, a->line / (uint64_t)m->sets, a->line, m->ways);
    *before = e->owner;
    if (e->used && e->line != a->line) {
        verdict = p->n - e->time > 8 * m->ways ? -2 : -1;
    } else if (e->used && a->demand) {
        verdict = ref_opt_keeps(p, e->time, m->ways);
    }
    *e = (struct remembered){1, p->n, a->line, me};
    p->kept[p->n++] = 0;
    return verdict;
}

/* The other friendly lines get older, 6 at most; none does while one of them is that old. */
static inline void ref_age_others(struct ref_model *m, const struct ref_line *l, int set)
{
    struct ref_line *lines = m->lines + set * m->ways;
    for (int w = 0; w < m->ways; w++)
        if (&lines[w] != l && lines[w].rrpv == 6)
            return;
    for (int w = 0; w < m->ways; w++)
        if (&lines[w] != l && lines[w].rrpv < 6)
            lines[w].rrpv++;
}

#endif
