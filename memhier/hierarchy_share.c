/* hierarchy_share.c - what one hart's requests do to the copies of others; flushes. */
/*
 * MESI, with a directory at the LLC that knows exactly who has copies (directory.h). Of a hart's
 * copies in L1I, L1D and L2 all are owned or none is; a dirty one is owned. The directory does not
 * know whether an owner has written (E or M), so it has to ask it.
 *
 *   read, others have it    the owner, if any, is asked, and keeps a clean copy in S. Data: from
 *                           it if dirty, else from the LLC, else from a hart that has a copy. A
 *                           dirty line becomes the LLC's to write back
 *   read, nobody has it     the reader becomes the owner (E)
 *   store, others have it   they drop their copies; data as above; dirtiness moves with it
 *   store to a line in S    the others drop their copies: no data moves
 *
 * Asking takes `snoop` from when the directory has been looked up and the last change of owner of
 * that line is over; all harts are asked at once. A read of a line that others have in S, and that
 * the LLC has, asks nobody.
 */
#include "memhier/hierarchy_parts.h"

static uint64_t bit_of(uint32_t hart)
{
    return UINT64_C(1) << hart;
}

/* ---- one hart's copies ---- */

int share_drop_l1s(struct hierarchy *h, uint32_t hart, uint64_t line)
{
    struct hart_caches *hc = &h->hart[hart];
    (void)cache_take(hc->l1[0], line);
    return cache_take(hc->l1[1], line) == 3;
}

static int drop_copies(struct hierarchy *h, uint32_t hart, uint64_t line)
{
    int dirty = share_drop_l1s(h, hart, line);
    return (cache_take(h->hart[hart].l2, line) == 3) | dirty;
}

static int has_copy(const struct hierarchy *h, uint32_t hart, uint64_t line)
{
    const struct hart_caches *hc = &h->hart[hart];
    return cache_find(hc->l2, line) >= 0 || cache_find(hc->l1[1], line) >= 0 ||
           cache_find(hc->l1[0], line) >= 0;
}

static int is_dirty_in(const struct cache *c, uint64_t line)
{
    const int way = cache_find(c, line);
    return way >= 0 && cache_is(c, line, way, CACHE_DIRTY);
}

/* Owned or not, by all copies; no longer owned: also clean. Whether one was dirty. */
static int set_ownership(struct hierarchy *h, uint32_t hart, uint64_t line, int own)
{
    struct hart_caches *hc = &h->hart[hart];
    struct cache *const caches[] = {hc->l1[0], hc->l1[1], hc->l2};
    int dirty = 0;
    for (int i = 0; i < 3; i++) {
        const int way = cache_find(caches[i], line);
        if (way < 0)
            continue;
        cache_put(caches[i], line, way, CACHE_OWN, own);
        if (!own) {
            dirty |= cache_is(caches[i], line, way, CACHE_DIRTY);
            cache_put(caches[i], line, way, CACHE_DIRTY, 0);
        }
    }
    return dirty;
}

/* ---- the directory ---- */

/* Drop the copies of all harts in the mask. Whether one was dirty. */
static int drop_all(struct hierarchy *h, uint64_t line, uint64_t mask, size_t counter)
{
    int dirty = 0;
    for (; mask; mask &= mask - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(mask);
        dirty |= drop_copies(h, i, line);
        ++*(uint64_t *)(void *)((char *)&h->hart[i].n + counter);
    }
    return dirty;
}

#define LOST_TO(reason) offsetof(struct coherence_counters, reason)

/* A new entry. A full snoop filter makes room: all copies of its victim go. */
static struct dir_entry *claim(struct hierarchy *h, uint64_t line, ps_t at,
                               const struct mem_req *req, uint8_t *moved)
{
    struct dir_entry *v = directory_victim(h->dir, line);
    if (v) {
        const uint64_t gone = v->line;
        const int dirty = drop_all(h, gone, v->sharers, LOST_TO(filtered));
        directory_remove(h->dir, gone);
        *moved = (uint8_t)dirty;
        if (dirty)
            (void)level_write_llc(h, gone, 1, at, req);
    }
    return directory_add(h->dir, line);
}

static void count_snoop(struct hierarchy *h, uint32_t hart, int dirty, int in_llc)
{
    struct coherence_counters *n = &h->hart[hart].n;
    n->snoops++;
    n->forwards_dirty += (uint64_t)dirty;
    n->forwards_clean += (uint64_t)(!dirty && !in_llc);
}

/* The others' copies, for a reader. */
static void ask_to_read(struct hierarchy *h, uint64_t line, int in_llc, struct sharing *s)
{
    struct dir_entry *e = s->entry;
    if (e->owner != NO_OWNER) {
        s->dirty = (uint8_t)set_ownership(h, e->owner, line, 0);
        h->hart[e->owner].n.downgrades++;
        e->owner = NO_OWNER;
        s->snooped = 1;
    } else {
        s->snooped = !in_llc;
    }
}

struct sharing share_ask_others(struct hierarchy *h, const struct mem_req *req, int want_own,
                                int in_llc, ps_t at)
{
    struct sharing s = {.at = at, .own = 1};
    const uint64_t line = line_of(req), self = bit_of(req->hart);
    struct dir_entry *e = directory_use(h->dir, line);
    if (!e)
        e = claim(h, line, at, req, &s.moved);
    s.entry = e;
    const uint64_t others = e->sharers & ~self;
    if (want_own) {
        s.snooped = others != 0;
        s.dirty = (uint8_t)drop_all(h, line, others, LOST_TO(invalidated));
        if (e->sharers & self)
            (void)set_ownership(h, req->hart, line, 1);
        e->sharers = self;
        e->owner = req->hart;
    } else if (others) {
        ask_to_read(h, line, in_llc, &s);
        s.own = 0;
    } else if (e->sharers) {
        s.own = e->owner == req->hart;
    } else {
        e->owner = req->hart;
    }
    e->sharers |= self;
    if (s.snooped) {
        s.at = later(at, e->ready) + h->snoop;
        count_snoop(h, req->hart, s.dirty, in_llc);
    }
    return s;
}

void share_settle(const struct sharing *s, ps_t done)
{
    if (s->entry && (s->own || s->snooped) && done > s->entry->ready)
        s->entry->ready = done;
}

ps_t share_upgrade(struct hierarchy *h, const struct mem_req *req, ps_t at)
{
    const uint64_t line = line_of(req);
    const ps_t found = cache_port(h->llc, line, at);
    struct sharing s = share_ask(h, req, 1, 1, found);
    h->hart[req->hart].n.upgrades++;
    share_settle(&s, s.at);
    return s.at;
}

void share_left_for_good(struct hierarchy *h, uint32_t hart, uint64_t line)
{
    if (has_copy(h, hart, line))
        return;
    struct dir_entry *e = directory_find(h->dir, line);
    if (!e)
        return;
    e->sharers &= ~bit_of(hart);
    if (e->owner == hart)
        e->owner = NO_OWNER;
    if (!e->sharers)
        directory_remove(h->dir, line);
}

int share_is_last(struct hierarchy *h, uint32_t hart, uint64_t line)
{
    const struct dir_entry *e = h->dir ? directory_find(h->dir, line) : NULL;
    return !e || !(e->sharers & ~bit_of(hart));
}

int share_drop_included(struct hierarchy *h, uint64_t line)
{
    if (!h->dir) {
        const uint64_t had = (uint64_t)has_copy(h, 0, line);
        return drop_all(h, line, had, LOST_TO(included));
    }
    const struct dir_entry *e = directory_find(h->dir, line);
    if (!e)
        return 0;
    const int dirty = drop_all(h, line, e->sharers, LOST_TO(included));
    directory_remove(h->dir, line);
    return dirty;
}

int share_newer_above(struct hierarchy *h, uint64_t line)
{
    uint32_t hart = 0;
    if (!h->used)
        return 0;
    if (h->dir) {
        const struct dir_entry *e = directory_find(h->dir, line);
        if (!e || e->owner == NO_OWNER)
            return 0;
        hart = e->owner;
    }
    return is_dirty_in(h->hart[hart].l2, line) || is_dirty_in(h->hart[hart].l1[1], line);
}

/* ---- flushes and non-temporal stores ---- */

/* Pass one cache. Returns whether its copy was dirty; *at moves to when the copy has arrived. */
static int clean_level(struct cache *c, const struct mem_req *req, int drop, ps_t *at)
{
    const uint64_t line = line_of(req);
    const int found = cache_clean(c, line, drop, req);
    if (found)
        *at = cache_await(c, line, (struct mem_reply){.done = *at}).done;
    return found == 3;
}

/* The nearest cache of the hart whose copy was dirty, or NULL. */
static struct cache *clean_hart(struct hierarchy *h, uint32_t hart, const struct mem_req *req,
                                int drop, ps_t *at)
{
    struct hart_caches *hc = &h->hart[hart];
    struct cache *dirty = NULL;
    if (drop)
        (void)clean_level(hc->l1[0], req, drop, at);
    if (clean_level(hc->l1[1], req, drop, at))
        dirty = hc->l1[1];
    if (clean_level(hc->l2, req, drop, at) && !dirty)
        dirty = hc->l2;
    return dirty;
}

/* What a flush found: whether any cache had the line, and whether a copy was dirty. */
struct found {
    int held, dirty;
};

/* Clean or drop every copy: the requester looks everywhere, other harts are asked if they have one.
 * A dirty one counts as a write-back of the nearest such level; *end is when all have been looked
 * at. */
static struct found clean_everywhere(struct hierarchy *h, const struct mem_req *req, ps_t *end)
{
    const int drop = req->kind != MEM_CLWB, private = drop | h->clwb_to_llc;
    struct dir_entry *e = h->dir ? directory_find(h->dir, line_of(req)) : NULL;
    uint64_t others = e ? e->sharers & ~bit_of(req->hart) : 0;
    ps_t at = req->at;
    struct found f = {.held = has_copy(h, req->hart, line_of(req)) | (others != 0) |
                              (cache_find(h->llc, line_of(req)) >= 0)};
    struct cache *dirty = clean_hart(h, req->hart, req, private, &at);
    if (others)
        at = later(at, e->ready) + h->snoop;
    for (; others; others &= others - 1) {
        const uint32_t i = (uint32_t)__builtin_ctzll(others);
        struct cache *d = clean_hart(h, i, req, private, &at);
        dirty = dirty ? dirty : d;
        h->hart[i].n.invalidated += (uint64_t) private;
    }
    if (clean_level(h->llc, req, drop, &at) && !dirty)
        dirty = h->llc;
    if (e && private)
        directory_remove(h->dir, line_of(req));
    if (dirty)
        dirty->counters.writebacks++;
    f.dirty = dirty != NULL;
    *end = at + h->lookups;
    return f;
}

/* The order of flushes of one line: each waits until the one before it is over. */
static ps_t flush_turn(const struct hierarchy *h, uint64_t line, ps_t at)
{
    const uint32_t i = (uint32_t)line & (FLUSHES_KNOWN - 1);
    return h->home && h->flushed[i] == line ? later(at, h->flushed_at[i]) : at;
}

static void flush_over(struct hierarchy *h, uint64_t line, ps_t at)
{
    const uint32_t i = (uint32_t)line & (FLUSHES_KNOWN - 1);
    h->flushed[i] = line;
    h->flushed_at[i] = at;
}

/*
 * With a `home`: the flush goes there, which takes half of it; if a cache has the line, it is asked
 * (probe), and what was dirty goes on to the memory from there. The answer takes the other half; a
 * memory's acceptance comes with its own time. Without one everything is known at the LLC.
 */
struct mem_reply share_flush(struct hierarchy *h, const struct mem_req *req)
{
    const uint64_t line = line_of(req);
    ps_t at;
    const struct found f = clean_everywhere(h, req, &at);
    struct mem_reply r = {.source = SRC_LLC};
    at = flush_turn(h, line, at + h->home / 2) + (f.held ? h->probe : 0);
    if (f.dirty)
        r = router_write(&h->router, req->addr, at, req->kind, req);
    else
        r.done = at + h->home - h->home / 2;
    if (f.held && req->kind == MEM_CLWB && h->clwb_to_llc && cache_find(h->llc, line) < 0)
        (void)level_write_llc(h, line, 0, r.done, req);
    if (h->home)
        flush_over(h, line, r.done);
    return r;
}

struct mem_reply share_store_non_temporal(struct hierarchy *h, const struct mem_req *req)
{
    ps_t at;
    if (clean_everywhere(h, req, &at).dirty)
        at = router_write(&h->router, req->addr, at, MEM_WRITEBACK, req).done;
    at += h->home / 2;
    return router_pass(&h->router, req, at, MEM_NTSTORE);
}
