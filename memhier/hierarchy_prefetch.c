/* hierarchy_prefetch.c - what the prefetchers are told, and what becomes of their wishes. */
/*
 * Prefetchers learn while an access is on its way, and what they want is fetched when the access is
 * over and its line has filled all levels. So a prefetch never pushes out the line that it was
 * learned from before that line has arrived, and an access is reported to each policy before the
 * prefetches that it caused.
 */
#include "memhier/hierarchy_parts.h"
#include "memhier/ip_stride.h"

static uint64_t *filter_word(struct cache *c, uint64_t line, uint64_t *bit)
{
    const uint64_t at = (line ^ line >> 12) % PREFETCH_FILTER;
    *bit = UINT64_C(1) << at % 64;
    return &c->prefetch_filter[at / 64];
}

static struct cache *cache_at(struct hierarchy *h, uint32_t hart, unsigned level)
{
    return level == CACHE_L1D ? h->hart[hart].l1[1] : h->hart[hart].l2;
}

/* Lines of other pages are left out. */
static void wish(struct hierarchy *h, const struct cache *c, enum cache_level level,
                 const struct mem_req *req, ps_t at, const uint64_t *lines, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < PREFETCH_MOST && h->nwishes < PREFETCH_WISHES; i++)
        if (((lines[i] ^ line_of(req)) >> c->prefetch_page_shift) == 0)
            h->wishes[h->nwishes++] = (struct prefetch_wish){.line = lines[i],
                                                             .pc = req->pc,
                                                             .at = at,
                                                             .level = (uint8_t)level,
                                                             .hart = req->hart,
                                                             .side = req->side};
}

void prefetch_learn_from(struct hierarchy *h, struct cache *c, enum cache_level level,
                         const struct mem_req *req, ps_t at, int hit, int first_use)
{
    const uint64_t line = line_of(req);
    const struct prefetch_access a = {.line = line,
                                      .pc = req->pc,
                                      .at = at,
                                      .kind = req->kind,
                                      .hit = (uint8_t)hit,
                                      .first_use = (uint8_t)first_use};
    uint64_t lines[PREFETCH_MOST], bit;
    const uint64_t *word = filter_word(c, line, &bit);
    c->counters.prefetch.pollution += (uint64_t)(!hit && (*word & bit));
    const uint32_t n = c->prefetcher->access(c->prefetch_state, &a, lines);
    wish(h, c, level, req, at, lines, n);
}

void prefetch_wish_stride(struct hierarchy *h, const struct cache *c, const struct mem_req *req,
                          ps_t at, int64_t stride)
{
    uint64_t lines[PREFETCH_MOST];
    const uint32_t n = ip_stride_wishes(c->strides, line_of(req), stride, lines);
    wish(h, c, CACHE_L1D, req, at, lines, n);
}

void prefetch_came_in(struct cache *c, uint64_t line, int prefetched, struct cache_victim v,
                      ps_t ready)
{
    uint64_t bit;
    uint64_t *word = filter_word(c, line, &bit);
    *word &= ~bit;
    if (prefetched && v.valid) {
        word = filter_word(c, v.line, &bit);
        *word |= bit;
    }
    if (c->prefetcher->fill)
        c->prefetcher->fill(c->prefetch_state, line, prefetched, ready);
}

static void fetch_into_l1(struct hierarchy *h, struct cache *c, ps_t at, const struct mem_req *req)
{
    struct cache_victim v;
    c->counters.accesses[MEM_PREFETCH]++;
    c->counters.misses[MEM_PREFETCH]++;
    c->counters.prefetch.issued++;
    const struct answer a = level_read_l1(h, c, at, req, &v);
    if (!v.bypassed)
        cache_put(c, line_of(req), v.way, CACHE_PREFETCHED, 1);
    prefetch_came_in(c, line_of(req), 1, v, a.done);
    mshr_hold(&c->mshrs, at, at, a.done);
}

static void fetch(struct hierarchy *h, const struct prefetch_wish *w)
{
    struct cache *c = cache_at(h, w->hart, w->level);
    const struct mem_req req = {.addr = w->line << LINE_SHIFT,
                                .at = w->at,
                                .pc = w->pc,
                                .bytes = LINE_BYTES,
                                .kind = MEM_PREFETCH,
                                .hart = w->hart,
                                .side = w->side};
    if (cache_find(c, w->line) >= 0)
        c->counters.prefetch.present++;
    else if (mshr_when(&c->mshrs, w->at) > w->at)
        c->counters.prefetch.dropped++;
    else if (w->level == CACHE_L1D)
        fetch_into_l1(h, c, w->at, &req);
    else
        (void)level_prefetch_l2(h, w->at, &req);
}

void prefetch_fetch_all(struct hierarchy *h)
{
    /* an L1D's prefetch may add wishes of the L2 */
    for (uint32_t i = 0; i < h->nwishes; i++)
        fetch(h, &h->wishes[i]);
    h->nwishes = 0;
}
