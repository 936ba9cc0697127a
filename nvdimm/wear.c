/* wear.c - write counts of 256-byte lines: an open-addressed table of pages of sixteen. */
#include "nvdimm/wear.h"

#include <stdlib.h>

#include "memhier/archive.h"

#define LINES      16u /* of a page */
#define LINE_BITS  4u
#define FIRST_SIZE 64u
#define MOST_PAGES (1u << 26) /* 256 GiB of 4 KiB pages */

/* `key` is the page's number + 1, 0: an empty place. `recent` counts in window number `window`. */
struct page {
    uint64_t key, window;
    uint32_t total[LINES], recent[LINES];
};

struct wear {
    struct wear_config cfg;
    struct page *pages;
    uint32_t size, used; /* size: a power of two, at most half of it used */
    uint64_t writes;     /* of the module, in this window */
    uint64_t window;     /* its number */
    struct wear_counters *counters;
};

static struct page *place_of(const struct wear *w, uint64_t key)
{
    uint64_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    while (w->pages[i & (w->size - 1)].key && w->pages[i & (w->size - 1)].key != key)
        i++;
    return &w->pages[i & (w->size - 1)];
}

static int grow(struct wear *w)
{
    struct page *old = w->pages;
    const uint32_t n = w->size;
    struct page *pages = n < 2 * MOST_PAGES ? calloc(2 * (size_t)n, sizeof *pages) : NULL;
    if (!pages)
        return -1;
    w->pages = pages;
    w->size = 2 * n;
    for (uint32_t i = 0; i < n; i++) {
        if (old[i].key)
            *place_of(w, old[i].key) = old[i];
    }
    free(old);
    return 0;
}

struct wear *wear_new(const struct wear_config *cfg, struct wear_counters *counters)
{
    struct wear *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->cfg = *cfg;
    w->counters = counters;
    w->size = FIRST_SIZE;
    w->pages = calloc(w->size, sizeof *w->pages);
    if (w->pages)
        return w;
    free(w);
    return NULL;
}

void wear_free(struct wear *w)
{
    if (!w)
        return;
    free(w->pages);
    free(w);
}

/* The page with this key, made if need be; NULL when there is no memory. */
static struct page *find_or_add(struct wear *w, uint64_t key)
{
    struct page *p = place_of(w, key);
    if (p->key)
        return p;
    if (2 * (w->used + 1) > w->size) {
        if (grow(w))
            return NULL;
        p = place_of(w, key);
    }
    w->used++;
    p->key = key;
    return p;
}

static void count(struct wear *w, struct page *p, unsigned line)
{
    if (p->window != w->window) {
        p->window = w->window;
        for (unsigned i = 0; i < LINES; i++)
            p->recent[i] = 0;
    }
    p->recent[line]++;
    w->counters->lines += p->total[line] == 0;
    p->total[line] += p->total[line] != UINT32_MAX;
    if (p->total[line] > w->counters->most)
        w->counters->most = p->total[line];
}

int wear_write(struct wear *w, uint64_t xpline)
{
    struct page *p = find_or_add(w, (xpline >> LINE_BITS) + 1);
    const unsigned line = xpline & (LINES - 1);
    if (++w->writes > w->cfg.window) {
        w->writes = 1;
        w->window++;
    }
    if (!p) {
        w->counters->lost++;
        return 0;
    }
    count(w, p, line);
    if (!w->cfg.threshold || p->recent[line] < w->cfg.threshold)
        return 0;
    p->recent[line] = 0;
    w->counters->migrations++;
    return 1;
}

uint64_t wear_of(const struct wear *w, uint64_t xpline)
{
    const struct page *p = place_of(w, (xpline >> LINE_BITS) + 1);
    return p->key ? p->total[xpline & (LINES - 1)] : 0;
}

/* ---- checkpoints ---- */

static void archive_page(struct archive *a, struct page *p)
{
    archive_u64(a, &p->window);
    for (unsigned i = 0; i < LINES; i++) {
        archive_u32(a, &p->total[i]);
        archive_u32(a, &p->recent[i]);
    }
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = (*(struct page *const *)a)->key, y = (*(struct page *const *)b)->key;
    return (x > y) - (x < y);
}

/* In the order of addresses: the table's own depends on when it grew. */
static void write_pages(struct wear *w, struct archive *a)
{
    struct page **sorted = malloc((w->used + 1) * sizeof *sorted);
    uint32_t n = 0;
    if (!sorted) {
        archive_fail(a, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < w->size; i++) {
        if (w->pages[i].key)
            sorted[n++] = &w->pages[i];
    }
    qsort(sorted, n, sizeof *sorted, by_key);
    for (uint32_t i = 0; i < n; i++) {
        archive_u64(a, &sorted[i]->key);
        archive_page(a, sorted[i]);
    }
    free(sorted);
}

void wear_archive(struct wear *w, struct archive *a)
{
    uint32_t n = w->used;
    archive_u64(a, &w->writes);
    archive_u64(a, &w->window);
    archive_count(a, &n, MOST_PAGES, 16 + 8 * LINES);
    if (a->writing) {
        write_pages(w, a);
        return;
    }
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        const uint64_t key = archive_put64(a, 0);
        struct page *p = key ? find_or_add(w, key) : NULL;
        if (p)
            archive_page(a, p);
        else
            archive_fail(a, "a page of the wear table is damaged or does not fit");
    }
}
