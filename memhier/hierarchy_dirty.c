/* hierarchy_dirty.c - which lines the caches hold dirty: what is lost, or to be flushed, when the
 * power fails. */
#include <stdlib.h>

#include "memhier/hierarchy_parts.h"

struct lines {
    uint64_t *v;
    size_t n, cap;
    int lost; /* no memory */
};

static void add(struct lines *l, uint64_t line)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 1024;
        uint64_t *more = realloc(l->v, cap * sizeof *more);
        if (!more) {
            l->lost = 1;
            return;
        }
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = line << LINE_SHIFT;
}

static void add_cache(struct lines *l, const struct cache *c)
{
    for (uint32_t set = 0; set <= c->set_mask; set++) {
        uint32_t dirty = set_ways(&c->sets[set], CACHE_VALID) &
                         set_ways(&c->sets[set], CACHE_DIRTY) & c->full;
        for (; dirty; dirty &= dirty - 1) {
            const uint32_t way = (uint32_t)__builtin_ctz(dirty);
            const uint64_t tag = c->tags[((size_t)set << c->stride_shift) + way];
            add(l, tag << c->set_bits | set);
        }
    }
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t *hierarchy_dirty(const struct hierarchy *h, size_t *n)
{
    struct lines l = {0};
    *n = 0;
    for (uint32_t i = 0; i < h->harts; i++) {
        add_cache(&l, h->hart[i].l1[1]);
        add_cache(&l, h->hart[i].l2);
    }
    add_cache(&l, h->llc);
    if (l.lost || !l.v) {
        free(l.v);
        return l.lost ? NULL : calloc(1, sizeof *l.v);
    }
    qsort(l.v, l.n, sizeof *l.v, ascending);
    for (size_t i = 0; i < l.n; i++)
        if (i == 0 || l.v[i] != l.v[i - 1])
            l.v[(*n)++] = l.v[i];
    return l.v;
}
