/* prefetch_ip_stride.c - each instruction's own stride. */
/*
 * Chen & Baer, "Effective hardware-based data prefetching for high-performance processors", IEEE
 * Transactions on Computers 44(5), 1995: a reference prediction table, by code address, of the last
 * address, a stride and what is thought of it. Here in lines, 256 entries, direct-mapped, with a
 * counter of two bits instead of the paper's four states: the same stride again raises it, another
 * one lowers it and is taken over at 0; from 2 on the `degree` next strides are fetched. Accesses
 * to the same line as before say nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/archive.h"
#include "memhier/prefetcher.h"

#define ENTRIES 256u
#define SURE    2u
#define MOST    3u

struct entry {
    uint64_t pc; /* 0: empty */
    uint64_t line;
    int64_t stride;
    uint32_t confidence;
};

struct ip_stride {
    uint32_t degree;
    struct entry entries[ENTRIES];
};

static void *make(const struct prefetcher_config *cfg, char *err, size_t errlen)
{
    struct ip_stride *p = calloc(1, sizeof *p);
    if (p)
        p->degree = cfg->degree;
    else
        snprintf(err, errlen, "out of memory");
    return p;
}

static void learn(struct entry *e, int64_t stride)
{
    if (stride == e->stride)
        e->confidence += e->confidence < MOST;
    else if (e->confidence)
        e->confidence--;
    if (!e->confidence)
        e->stride = stride;
}

static uint32_t access(void *state, const struct prefetch_access *a, uint64_t *out)
{
    struct ip_stride *p = state;
    struct entry *e = &p->entries[(a->pc ^ a->pc >> 8) % ENTRIES];
    if (!a->pc)
        return 0;
    if (e->pc != a->pc) {
        *e = (struct entry){.pc = a->pc, .line = a->line};
        return 0;
    }
    const int64_t stride = (int64_t)(a->line - e->line);
    if (!stride)
        return 0;
    learn(e, stride);
    e->line = a->line;
    if (e->confidence < SURE || e->stride != stride)
        return 0;
    for (uint32_t i = 0; i < p->degree; i++)
        out[i] = a->line + (uint64_t)stride * (i + 1);
    return p->degree;
}

static void archive(void *state, struct archive *a)
{
    struct ip_stride *p = state;
    archive_section(a, "PIPS", 1);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        struct entry *e = &p->entries[i];
        uint64_t stride = (uint64_t)e->stride;
        archive_u64(a, &e->pc);
        archive_u64(a, &e->line);
        archive_u64(a, &stride);
        archive_u32_below(a, &e->confidence, MOST + 1);
        e->stride = (int64_t)stride;
    }
}

const struct prefetcher_ops prefetcher_ip_stride = {
    .name = "ip-stride",
    .meaning = "the next strides of each instruction (reference prediction table)",
    .make = make,
    .drop = free,
    .access = access,
    .archive = archive};
