/* wear.c - write counts of 256-byte lines: blocks of sixteen, found by an open-addressed table. */
#include "nvdimm/wear.h"

#include <stdlib.h>

#include "memhier/archive.h"

#define LINES      (1u << WEAR_BLOCK_BITS)
#define FIRST_SIZE 64u
#define CHUNK      256u       /* pages that are allocated together */
#define MOST_PAGES (1u << 26) /* 256 GiB of 4 KiB pages */
#define TAG_SHIFT  27u /* of a slot: bits above are the hash's, below the page's number + 1 */
#define NUMBER     ((1u << TAG_SHIFT) - 1)

/* `key` is the block's number in the module + 1. `heat` is in 1 / cooling of a write, and was that
 * after `at` writes of the module. */
struct page {
    uint64_t key, heat, at;
    uint32_t total[LINES];
    uint8_t moved; /* at least once */
};

/* Pages are numbered in the order of their first write and never move; slots find them by key. */
struct wear {
    struct wear_config cfg;
    struct page **chunks;
    uint32_t *slots;     /* 0: empty */
    uint32_t size, used; /* slots: a power of two, at most half of it used; pages */
    uint64_t writes;     /* of the module */
    uint64_t random;
    uint64_t due, when; /* key of the block that moves next, 0: none; not before so many writes */
    uint32_t unmoved;   /* most writes of a line whose block has not moved */
    uint8_t stale;      /* that has to be looked for anew */
    struct wear_counters *counters;
};

static struct page *page_at(const struct wear *w, uint32_t i)
{
    return &w->chunks[i / CHUNK][i % CHUNK];
}

static uint64_t hash_of(uint64_t key)
{
    return key * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)hash & ~NUMBER;
}

/* The slot with this key, or the empty one where it belongs. */
static uint32_t *slot_of(const struct wear *w, uint64_t key)
{
    const uint64_t hash = hash_of(key);
    for (uint64_t i = hash;; i++) {
        uint32_t *slot = &w->slots[i & (w->size - 1)];
        if (!*slot)
            return slot;
        if ((*slot & ~NUMBER) == tag_of(hash) && page_at(w, (*slot & NUMBER) - 1)->key == key)
            return slot;
    }
}

/* Twice as many slots. 0, or -1: no memory. */
static int grow_slots(struct wear *w)
{
    uint32_t *old = w->slots;
    uint32_t *slots = calloc(2 * (size_t)w->size, sizeof *slots);
    if (!slots)
        return -1;
    w->slots = slots;
    w->size *= 2;
    for (uint32_t i = 0; i < w->used; i++) {
        const uint64_t key = page_at(w, i)->key;
        *slot_of(w, key) = (i + 1) | tag_of(hash_of(key));
    }
    free(old);
    return 0;
}

/* Room for one more page. 0, or -1: no memory. */
static int grow_pages(struct wear *w)
{
    const uint32_t n = w->used / CHUNK;
    if (w->used % CHUNK)
        return 0;
    if (w->used == MOST_PAGES)
        return -1;
    if (!(n & (n - 1))) {
        struct page **more = realloc(w->chunks, (n ? 2 * n : 1) * sizeof *more);
        if (!more)
            return -1;
        w->chunks = more;
    }
    return (w->chunks[n] = calloc(CHUNK, sizeof *w->chunks[n])) ? 0 : -1;
}

struct wear *wear_new(const struct wear_config *cfg, struct wear_counters *counters)
{
    struct wear *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->cfg = *cfg;
    w->random = cfg->seed;
    w->counters = counters;
    w->size = FIRST_SIZE;
    w->slots = calloc(w->size, sizeof *w->slots);
    if (w->slots)
        return w;
    free(w);
    return NULL;
}

void wear_free(struct wear *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->used; i += CHUNK)
        free(w->chunks[i / CHUNK]);
    free(w->chunks);
    free(w->slots);
    free(w);
}

/* The page with this key, made if need be; NULL when there is no memory. */
static struct page *find_or_add(struct wear *w, uint64_t key)
{
    uint32_t *slot = slot_of(w, key);
    if (*slot)
        return page_at(w, (*slot & NUMBER) - 1);
    if (2 * (w->used + 1) > w->size) {
        if (grow_slots(w))
            return NULL;
        slot = slot_of(w, key);
    }
    if (grow_pages(w))
        return NULL;
    struct page *p = page_at(w, w->used++);
    *slot = w->used | tag_of(hash_of(key));
    p->key = key;
    return p;
}

void wear_ahead(const struct wear *w, uint64_t xpline)
{
    const uint64_t hash = hash_of((xpline >> WEAR_BLOCK_BITS) + 1);
    const uint32_t slot = w->slots[hash & (w->size - 1)];
    if (!slot || (slot & ~NUMBER) != tag_of(hash))
        return;
    const struct page *p = page_at(w, (slot & NUMBER) - 1);
    __builtin_prefetch(p, 1);
    __builtin_prefetch(&p->total[xpline & (LINES - 1)], 1);
}

static void count(struct wear *w, struct page *p, unsigned line)
{
    const uint64_t cooled = w->writes - p->at;
    p->heat = (p->heat > cooled ? p->heat - cooled : 0) + w->cfg.cooling;
    p->at = w->writes;
    w->counters->lines += p->total[line] == 0;
    p->total[line] += p->total[line] != UINT32_MAX;
    if (p->total[line] > w->unmoved && !p->moved)
        w->unmoved = p->total[line];
    if (p->total[line] > w->counters->most)
        w->counters->most = p->total[line];
}

static void make_due(struct wear *w, const struct page *p)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    w->due = p->key;
    w->when = w->writes + ((w->random >> 32) * w->cfg.delay >> 32);
}

/* The block that is due begins to move. */
static int move(struct wear *w, uint64_t *block)
{
    struct page *p = find_or_add(w, w->due);
    *block = w->due - 1;
    if (p) {
        p->heat = 0;
        w->stale |= !p->moved;
        p->moved = 1;
    }
    w->due = 0;
    w->counters->migrations++;
    return 1;
}

int wear_write(struct wear *w, uint64_t xpline, int may_move, uint64_t *block)
{
    struct page *p = find_or_add(w, (xpline >> WEAR_BLOCK_BITS) + 1);
    w->writes++;
    if (!p) {
        w->counters->lost++;
        return 0;
    }
    count(w, p, xpline & (LINES - 1));
    if (!w->due && w->cfg.threshold && p->heat >= (uint64_t)w->cfg.threshold * w->cfg.cooling)
        make_due(w, p);
    return w->due && may_move && w->writes >= w->when ? move(w, block) : 0;
}

uint64_t wear_unmoved(struct wear *w)
{
    if (!w->stale)
        return w->unmoved;
    w->stale = 0;
    w->unmoved = 0;
    for (uint32_t i = 0; i < w->used; i++) {
        const struct page *p = page_at(w, i);
        for (unsigned k = 0; k < LINES && !p->moved; k++)
            w->unmoved = p->total[k] > w->unmoved ? p->total[k] : w->unmoved;
    }
    return w->unmoved;
}

uint64_t wear_of(const struct wear *w, uint64_t xpline)
{
    const uint32_t slot = *slot_of(w, (xpline >> WEAR_BLOCK_BITS) + 1);
    return slot ? page_at(w, (slot & NUMBER) - 1)->total[xpline & (LINES - 1)] : 0;
}

/* ---- all of them ---- */

static int by_key(const void *a, const void *b)
{
    const uint64_t x = (*(struct page *const *)a)->key, y = (*(struct page *const *)b)->key;
    return (x > y) - (x < y);
}

/* All pages in the order of addresses; free it. NULL: no memory. */
static struct page **sorted(const struct wear *w)
{
    struct page **pages = malloc(((size_t)w->used + 1) * sizeof *pages);
    for (uint32_t i = 0; pages && i < w->used; i++)
        pages[i] = page_at(w, i);
    if (pages)
        qsort(pages, w->used, sizeof *pages, by_key);
    return pages;
}

int wear_each(const struct wear *w, void (*fn)(void *arg, uint64_t xpline, uint64_t writes),
              void *arg)
{
    struct page **pages = sorted(w);
    for (uint32_t i = 0; pages && i < w->used; i++) {
        for (unsigned k = 0; k < LINES; k++) {
            const uint64_t line = (pages[i]->key - 1) * LINES + k, writes = wear_of(w, line);
            if (writes)
                fn(arg, line, writes);
        }
    }
    free(pages);
    return pages ? 0 : -1;
}

/* ---- checkpoints ---- */

static void archive_page(struct archive *a, struct page *p)
{
    archive_u64(a, &p->heat);
    archive_u64(a, &p->at);
    archive_u32s(a, p->total, LINES, UINT64_MAX);
    archive_u8_below(a, &p->moved, 2);
}

static void write_pages(struct wear *w, struct archive *a)
{
    struct page **pages = sorted(w);
    if (!pages) {
        archive_fail(a, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < w->used; i++) {
        archive_u64(a, &pages[i]->key);
        archive_page(a, pages[i]);
    }
    free(pages);
}

void wear_archive(struct wear *w, struct archive *a)
{
    uint32_t n = w->used;
    archive_u64(a, &w->writes);
    archive_u64(a, &w->random);
    archive_u64_below(a, &w->due, UINT64_MAX);
    archive_u64(a, &w->when);
    archive_u32(a, &w->unmoved);
    archive_u8_below(a, &w->stale, 2);
    archive_count(a, &n, MOST_PAGES, 25 + 4 * LINES);
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
