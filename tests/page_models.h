/* page_models.h - page policies in the plainest way: arrays in order, linear search. */
#ifndef TESTS_PAGE_MODELS_H
#define TESTS_PAGE_MODELS_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "memhier/page_policy.h"

#define ROW_LIMIT 8192

/* An ordered row of pages, [0] the oldest; with each page what a policy may note. */
struct item {
    uint64_t page, time, last;
    int flag;
    unsigned freq;
};

struct row {
    size_t n;
    struct item v[ROW_LIMIT];
};

static inline int row_at(const struct row *r, uint64_t page)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].page == page)
            return (int)i;
    return -1;
}

static inline struct item row_remove(struct row *r, size_t i)
{
    const struct item x = r->v[i];
    cr_assert_lt(i, r->n);
    memmove(&r->v[i], &r->v[i + 1], (r->n - i - 1) * sizeof x);
    r->n--;
    return x;
}

static inline void row_append(struct row *r, struct item x)
{
    cr_assert_lt(r->n, ROW_LIMIT);
    r->v[r->n++] = x;
}

static inline struct item row_find_remove(struct row *r, uint64_t page)
{
    return row_remove(r, (size_t)row_at(r, page));
}

struct model {
    uint32_t c;
    uint64_t seed, now;
    struct row a, b, d, e; /* what they are is the model's business */
    uint64_t p;
    uint64_t victim;
    size_t hand;
    void *more;
    const uint64_t *future;
    size_t requests;
};

typedef enum page_result model_access(struct model *m, uint64_t page);

static inline enum page_result gone(struct model *m, uint64_t page)
{
    m->victim = page;
    return PAGE_EVICTED;
}

model_access model_fifo, model_lru, model_clock, model_sieve, model_slru, model_2q, model_arc,
    model_s3fifo, model_lirs, model_wtinylfu, model_belady, model_lecar, model_cacheus;

#endif
