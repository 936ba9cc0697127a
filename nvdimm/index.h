/* index.h - where in an array the entry with a given key is; entries with one hash are chained. */
#ifndef NVDIMM_INDEX_H
#define NVDIMM_INDEX_H

#include <stdint.h>

/* Entries are numbered 0 to entries - 1 and each is in the index at most once. The owner compares
 * keys: it walks from index_first by index_next until INDEX_NONE. */
#define INDEX_NONE UINT32_MAX

struct index {
    uint32_t *head, *next;
    unsigned shift; /* 64 - log2(heads) */
};

/* 0, or -1 when out of memory; index_free is right in both cases. */
int index_init(struct index *x, uint32_t entries);
void index_free(struct index *x);

static inline uint32_t *index_chain(const struct index *x, uint64_t key)
{
    return &x->head[key * UINT64_C(0x9e3779b97f4a7c15) >> x->shift];
}

static inline uint32_t index_first(const struct index *x, uint64_t key)
{
    return *index_chain(x, key);
}

static inline uint32_t index_next(const struct index *x, uint32_t entry)
{
    return x->next[entry];
}

static inline void index_add(struct index *x, uint64_t key, uint32_t entry)
{
    uint32_t *p = index_chain(x, key);
    x->next[entry] = *p;
    *p = entry;
}

static inline void index_remove(struct index *x, uint64_t key, uint32_t entry)
{
    uint32_t *p = index_chain(x, key);
    while (*p != entry)
        p = &x->next[*p];
    *p = x->next[entry];
}

#endif
