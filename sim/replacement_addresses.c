/* replacement_addresses.c - how much the address of code tells of what OPT keeps. */
/*
 * OPT decides of each read of a line whether it is still there at the next one. A policy that knows
 * an access by its code address alone can at best guess the same every time for one address: right
 * as often as the address's commoner decision. Decisions are collected by address, and by address
 * and that of the read before, in a hash table each.
 */
#include <stdlib.h>

#include "memhier/kind.h"
#include "sim/replacement_parts.h"

#define SPREAD   UINT64_C(0x9e3779b97f4a7c15)
#define TABLE(n) (UINT64_C(4) << (63 - __builtin_clzll((n) | 1))) /* at most half full */

struct tally {
    uint64_t key; /* + 1; 0: free */
    uint64_t kept, lost;
};

struct tallies {
    struct tally *v;
    uint64_t mask;
};

static int tallies_make(struct tallies *t, uint64_t most)
{
    t->mask = TABLE(most) - 1;
    t->v = calloc(t->mask + 1, sizeof *t->v);
    return t->v ? 0 : -1;
}

static struct tally *tally_of(const struct tallies *t, uint64_t key)
{
    uint64_t i = (key + 1) * SPREAD >> 20 & t->mask;
    while (t->v[i].key && t->v[i].key != key + 1)
        i = (i + 1) & t->mask;
    t->v[i].key = key + 1;
    return &t->v[i];
}

static int is_read(const struct stream_access *a)
{
    return a->kind != MEM_WRITEBACK && !kind_is_flush(a->kind);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t right_of(const struct tallies *t)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i <= t->mask; i++)
        right += larger(t->v[i].kept, t->v[i].lost);
    return right;
}

static int by_weight(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    const uint64_t n = x->kept + x->lost, m = y->kept + y->lost;
    return (n < m) - (n > m);
}

/* Addresses, and how many of the commonest make nine reads in ten. Sorts the table. */
static void count_addresses(const struct tallies *t, struct address_facts *f)
{
    uint64_t so_far = 0;
    qsort(t->v, t->mask + 1, sizeof *t->v, by_weight);
    for (uint64_t i = 0; i <= t->mask && t->v[i].key; i++) {
        f->most += so_far < f->reads * 9 / 10;
        f->addresses++;
        so_far += t->v[i].kept + t->v[i].lost;
    }
}

/* For each read, whether its line is a hit at the next one. NULL when memory runs out. */
static uint8_t *decisions(const struct stream_access *v, uint32_t n, const uint64_t *outcome)
{
    uint8_t *kept = calloc(n + 1ul, 1);
    struct tallies last; /* of a line: `kept` is the number of its last read, + 1 */
    if (!kept || tallies_make(&last, n)) {
        free(kept);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!is_read(&v[i]))
            continue;
        struct tally *t = tally_of(&last, v[i].line);
        if (t->kept && (outcome[i] & STREAM_HIT))
            kept[t->kept - 1] = 1;
        t->kept = i + 1ul;
    }
    free(last.v);
    return kept;
}

int replacement_addresses(const struct stream_access *v, uint32_t n, const uint64_t *outcome,
                          struct address_facts *f)
{
    struct tallies one = {0}, two = {0};
    uint8_t *kept = decisions(v, n, outcome);
    uint64_t before = 0;
    const int bad = !kept || tallies_make(&one, n) || tallies_make(&two, n);
    *f = (struct address_facts){0};
    for (uint32_t i = 0; i < n && !bad; i++) {
        if (!is_read(&v[i]))
            continue;
        struct tally *a = tally_of(&one, v[i].pc), *b = tally_of(&two, v[i].pc ^ before * SPREAD);
        *(kept[i] ? &a->kept : &a->lost) += 1;
        *(kept[i] ? &b->kept : &b->lost) += 1;
        f->kept += kept[i];
        f->reads++;
        before = v[i].pc;
    }
    if (!bad) {
        f->right = right_of(&one);
        f->right_by_two = right_of(&two);
        count_addresses(&one, f);
    }
    free(kept);
    free(one.v);
    free(two.v);
    return bad ? -1 : 0;
}
