/* checker_lines.c - what the checker keeps: lines that are not durable, and findings. */
/*
 * Lines are found by page: a hash table of pages of 4 KiB, each with a pointer for each of its
 * lines. Programs work on few lines at a time, so that the page used last is mostly the right one;
 * and a line whose stores are all durable is retired, so that the records in use stay few and near.
 * That a retired line was ever flushed stays known (P6 is of lines that never were).
 */
#include "nvdimm/checker_parts.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"

#define MOST_FINDING 4096u
#define PAGE_SHIFT   12
#define PAGE_LINES   (1u << (PAGE_SHIFT - LINE_SHIFT))
#define SLAB         256u /* records that are allocated at once */

struct cpage {
    uint64_t number;  /* addr >> PAGE_SHIFT */
    uint64_t flushed; /* bit i: line i was flushed before it was retired */
    struct cline *line[PAGE_LINES];
};

/* ---- memory ---- */

const char checker_memory[] = "the persistency checker";

void *checker_room(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? 2 * *cap : 16;
    return hostmem_resize(p, *cap, size, checker_memory);
}

void u64s_add(struct u64s *l, uint64_t v)
{
    l->v = checker_room(l->v, l->n, &l->cap, sizeof *l->v);
    l->v[l->n++] = v;
}

/* ---- pages ---- */

static struct cpage **place(const struct checker_lines *k, uint64_t number)
{
    uint32_t i = (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> k->shift);
    while (k->pages[i] && k->pages[i]->number != number)
        i = (i + 1) & (k->size - 1);
    return &k->pages[i];
}

static void table_new(struct checker_lines *k, uint32_t size)
{
    k->size = size;
    k->shift = 64u - (unsigned)__builtin_ctz(size);
    k->pages = hostmem_new(size, sizeof *k->pages, checker_memory);
}

static void table_double(struct checker_lines *k)
{
    struct cpage **old = k->pages;
    const uint32_t n = k->size;
    table_new(k, 2 * n);
    for (uint32_t i = 0; i < n; i++)
        if (old[i])
            *place(k, old[i]->number) = old[i];
    free(old);
}

static struct cpage *page_made(struct checker_lines *k, uint64_t number)
{
    if (2 * (k->npages + 1) > k->size)
        table_double(k);
    struct cpage **at = place(k, number);
    if (!*at) {
        *at = hostmem_new(1, sizeof **at, checker_memory);
        (*at)->number = number;
        k->npages++;
    }
    return k->last = *at;
}

void checker_lines_new(struct checker *c)
{
    table_new(&c->lines, 64);
    c->lines.last = page_made(&c->lines, 0);
}

void checker_lines_free(struct checker *c)
{
    for (uint32_t i = 0; i < c->lines.size; i++)
        free(c->lines.pages[i]);
    free(c->lines.pages);
    while (c->lines.slabs) {
        struct cline *next = c->lines.slabs->next;
        free(c->lines.slabs);
        c->lines.slabs = next;
    }
}

/* ---- lines ---- */

uint64_t checker_line_of(uint64_t addr)
{
    return addr & ~(uint64_t)(LINE_BYTES - 1);
}

static unsigned line_in_page(uint64_t addr)
{
    return (unsigned)(addr >> LINE_SHIFT) & (PAGE_LINES - 1);
}

struct cline *checker_known(const struct checker *c, uint64_t addr)
{
    const struct cpage *p = c->lines.last;
    if (p->number != addr >> PAGE_SHIFT && !(p = *place(&c->lines, addr >> PAGE_SHIFT)))
        return NULL;
    return p->line[line_in_page(addr)];
}

/* A slab's first record only links the slabs. */
static struct cline *record_new(struct checker_lines *k)
{
    if (!k->free) {
        struct cline *slab = hostmem_resize(NULL, SLAB, sizeof *slab, checker_memory);
        slab->next = k->slabs;
        k->slabs = slab;
        for (uint32_t i = 1; i < SLAB; i++) {
            slab[i].next = k->free;
            k->free = &slab[i];
        }
    }
    struct cline *l = k->free;
    k->free = l->next;
    return l;
}

struct cline *checker_line(struct checker *c, uint64_t addr)
{
    struct checker_lines *k = &c->lines;
    struct cpage *p = k->last;
    const unsigned i = line_in_page(addr);
    if (p->number != addr >> PAGE_SHIFT)
        p = page_made(k, addr >> PAGE_SHIFT);
    if (!p->line[i]) {
        struct cline *l = p->line[i] = record_new(k);
        memset(l, 0, sizeof *l);
        l->addr = checker_line_of(addr);
        l->flushes = p->flushed >> i & 1;
    }
    return p->line[i];
}

void checker_retire(struct checker *c, uint64_t addr)
{
    struct cpage *p = *place(&c->lines, addr >> PAGE_SHIFT);
    const unsigned i = line_in_page(addr);
    struct cline *l = p->line[i];
    p->flushed |= (uint64_t)(l->flushes != 0) << i;
    p->line[i] = NULL;
    l->next = c->lines.free;
    c->lines.free = l;
}

int checker_was_flushed(const struct checker *c, uint64_t addr)
{
    const struct cpage *p = *place(&c->lines, addr >> PAGE_SHIFT);
    const unsigned i = line_in_page(addr);
    return p && (p->line[i] ? p->line[i]->flushes != 0 : (int)(p->flushed >> i & 1));
}

void checker_all_lines(const struct checker *c, struct u64s *to)
{
    for (uint32_t i = 0; i < c->lines.size; i++)
        for (unsigned j = 0; c->lines.pages[i] && j < PAGE_LINES; j++)
            if (c->lines.pages[i]->line[j])
                u64s_add(to, c->lines.pages[i]->line[j]->addr);
}

uint64_t checker_mask(uint64_t addr, uint32_t n)
{
    const uint64_t ones = n >= LINE_BYTES ? UINT64_MAX : (UINT64_C(1) << n) - 1;
    return ones << (addr & (LINE_BYTES - 1));
}

int checker_open(const struct checker *c, uint64_t addr, uint32_t n)
{
    const struct cline *l = checker_known(c, addr);
    return l && ((l->dirty | l->pending | l->nt) & checker_mask(addr, n));
}

/* ---- findings ---- */

static int same_place(const struct finding *f, enum checker_row row, uint32_t store_site,
                      uint32_t flush_site, uint32_t fence_site)
{
    if (f->row != row)
        return 0;
    if (store_site)
        return f->store_site == store_site;
    return flush_site ? f->flush_site == flush_site : f->fence_site == fence_site;
}

struct finding *checker_report(struct checker *c, enum checker_row row, uint32_t store_site,
                               uint32_t flush_site, uint32_t fence_site, uint64_t addr,
                               uint32_t bytes)
{
    if (c->recent < c->nfindings &&
        same_place(&c->findings[c->recent], row, store_site, flush_site, fence_site)) {
        c->findings[c->recent].count++;
        return &c->findings[c->recent];
    }
    for (size_t i = 0; i < c->nfindings; i++)
        if (same_place(&c->findings[i], row, store_site, flush_site, fence_site) ||
            (i + 1 == MOST_FINDING && c->nfindings == MOST_FINDING)) {
            c->recent = i;
            c->findings[i].count++;
            return &c->findings[i];
        }
    c->findings = checker_room(c->findings, c->nfindings, &c->findings_cap, sizeof *c->findings);
    c->recent = c->nfindings;
    c->findings[c->nfindings] = (struct finding){.row = row,
                                                 .store_site = store_site,
                                                 .flush_site = flush_site,
                                                 .fence_site = fence_site,
                                                 .bytes = bytes,
                                                 .addr = addr,
                                                 .count = 1};
    return &c->findings[c->nfindings++];
}

/* The finding was a mistake. Its place stays, so that numbers of findings do. */
void checker_take_back(struct checker *c, enum checker_row row, uint32_t store_site)
{
    for (size_t i = 0; i < c->nfindings; i++)
        if (same_place(&c->findings[i], row, store_site, 0, 0))
            c->findings[i].count = 0;
}
