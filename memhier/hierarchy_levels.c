/* hierarchy_levels.c - L2 and LLC: reads and their fills, and what becomes of victims and writes.
 */
/*
 * A read that misses fills every level that it went through, in the order LLC, L2, L1, and each
 * fill may push out a victim. A clean victim is dropped; a dirty one is a write to the next level.
 *
 * A write (a dirty victim from above, a store that a write-through cache above passes on) makes the
 * copy dirty, or is put in without a fetch, or with no_allocate goes on to the next level if there
 * is no copy; with `through` it goes on in any case and leaves the copy clean. Below the LLC is
 * memory, by WRITEBACK_SLOTS buffers: when all wait for a memory to accept their line, the fill
 * that pushed the victim out waits too, and so writers are held to the speed of the memory.
 *
 * A dirty copy may be older than one nearer to the core, which has been stored to since. Such a
 * victim is dropped: the memory must not be told that the newer stores have been carried.
 *
 * Exclusive LLC: it is filled by the victims of the L2s alone, clean or dirty, when no other hart
 * has the line; a read that hits takes the line out. So no line is in it and in a private cache. A
 * dirty copy that another hart reads has no place but the memory to go to.
 */
#include "memhier/hierarchy_parts.h"

void level_visible(struct hierarchy *h, const struct mem_req *req, ps_t at)
{
    (void)router_pass(&h->router, req, at, MEM_VISIBLE);
}

static void visible(struct hierarchy *h, const struct mem_req *req, ps_t at)
{
    if (addr_is_nvdimm(req->addr))
        level_visible(h, req, at);
}

static struct answer await(struct cache *c, uint64_t line, struct answer a)
{
    struct mem_reply r = cache_await(c, line, reply_of(a));
    a.done = r.done;
    a.source = (uint8_t)r.source;
    return a;
}

/* A write leaves the copy in `way` dirty, if this is not a write-through cache. */
static void written(struct cache *c, uint64_t line, int way)
{
    cache_set_dirty(c, line, way, !c->through);
}

/* ---- LLC ---- */

ps_t level_write_memory(struct hierarchy *h, uint64_t line, ps_t at, const struct mem_req *req)
{
    ps_t *slot = &h->slot[h->next_slot++ & (WRITEBACK_SLOTS - 1)];
    ps_t start = later(at, *slot);
    *slot = router_write(&h->router, line << LINE_SHIFT, start, MEM_WRITEBACK, req).done;
    return start;
}

/* What cache_fill has counted as sent down, and is not. */
static void superseded(struct cache *c)
{
    c->counters.writebacks--;
    c->counters.superseded++;
}

static ps_t evict_llc(struct hierarchy *h, struct cache_victim v, ps_t at,
                      const struct mem_req *req)
{
    int dirty = v.dirty;
    if (!v.valid)
        return at;
    if (unlikely(h->inclusion == LLC_INCLUSIVE)) {
        if (share_drop_included(h, v.line) && !dirty) {
            h->llc->counters.writebacks++;
            dirty = 1;
        }
    } else if (dirty && share_newer_above(h, v.line)) {
        superseded(h->llc);
        dirty = 0;
    }
    return dirty ? level_write_memory(h, v.line, at, req) : at;
}

ps_t level_write_llc(struct hierarchy *h, uint64_t line, int dirty, ps_t at,
                     const struct mem_req *req)
{
    struct cache *c = h->llc;
    (void)cache_port(c, line, at);
    int way = cache_lookup(c, line, MEM_WRITEBACK, req);
    int present = way >= 0 || !c->no_allocate;
    if (way >= 0) {
        if (dirty)
            written(c, line, way);
    } else if (present) {
        struct cache_victim v = cache_fill(c, line, MEM_WRITEBACK, dirty && !c->through, req);
        at = evict_llc(h, v, at, req);
    }
    return dirty && (c->through || !present) ? level_write_memory(h, line, at, req) : at;
}

/* A dirty copy of another hart was read: its data is the LLC's now, or the memory's. */
static ps_t keep_data(struct hierarchy *h, uint64_t line, int way, ps_t at,
                      const struct mem_req *req)
{
    if (way < 0 || h->llc->through)
        return level_write_memory(h, line, at, req);
    written(h->llc, line, way);
    return at;
}

/* The LLC has not got the line: from another hart, which `s` has asked, or from memory. */
static struct answer miss_llc(struct hierarchy *h, struct answer a, const struct sharing *s,
                              const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req);
    const int keep = s->dirty && !s->own;
    if (!s->snooped) {
        const ps_t start = cache_miss(c, a.done);
        const struct mem_reply r = router_read(&h->router, req->addr, start, req);
        mshr_hold(&c->mshrs, a.done, start, r.done);
        a.done = r.done;
        a.source = (uint8_t)r.source;
    }
    if (h->inclusion == LLC_EXCLUSIVE) {
        if (keep)
            (void)keep_data(h, line, -1, a.done, req);
        return a;
    }
    struct cache_victim v = cache_fill(c, line, req->kind, keep && !c->through, req);
    a.done = evict_llc(h, v, a.done, req);
    if (keep && (v.bypassed || c->through))
        a.done = keep_data(h, line, -1, a.done, req);
    if (!v.bypassed)
        cache_note_flight(c, line, a.done, a.source);
    return a;
}

static struct answer read_llc(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req);
    const ps_t found = cache_port(c, line, at);
    int way = cache_lookup(c, line, req->kind, req);
    const struct sharing s = share_ask(h, req, req->kind == MEM_STORE, way >= 0, found);
    if (unlikely(s.moved))
        way = cache_find(c, line);
    struct answer a = {.done = s.at, .source = s.snooped ? SRC_COHERENCE : SRC_LLC, .own = s.own};
    if (way < 0) {
        a = miss_llc(h, a, &s, req);
    } else {
        a = await(c, line, a);
        if (s.dirty && !s.own)
            a.done = keep_data(h, line, way, a.done, req);
        if (h->inclusion == LLC_EXCLUSIVE)
            a.dirty = cache_take(c, line) == 3;
    }
    share_settle(&s, a.done);
    return a;
}

/* ---- the LLC alone, as if an L2 that no hart has had asked: nobody's copies are touched ---- */

static NOINLINE struct mem_reply read_llc_alone(struct hierarchy *h, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req);
    const struct sharing nobody = {.own = 1};
    struct answer a = {.done = cache_port(c, line, req->at), .source = SRC_LLC, .own = 1};
    const int way = cache_lookup(c, line, req->kind, req);
    if (way < 0)
        return reply_of(miss_llc(h, a, &nobody, req));
    a = await(c, line, a);
    if (h->inclusion == LLC_EXCLUSIVE)
        (void)cache_take(c, line);
    return reply_of(a);
}

static NOINLINE struct mem_reply access_llc_slowly(struct hierarchy *h, const struct mem_req *req)
{
    if (req->kind != MEM_WRITEBACK)
        return read_llc_alone(h, req);
    return (struct mem_reply){.done = level_write_llc(h, line_of(req), 1, req->at, req),
                              .source = SRC_LLC};
}

/* cache_fill_lru, for a cache without a prefetcher. The line pushed out, if it has to be written to
 * memory or looked for above; else NO_LINE. */
#define NO_LINE UINT64_MAX
static inline uint64_t fill_llc_alone(struct cache *c, uint64_t line, uint64_t write, int inclusive)
{
    const uint32_t set = cache_set_of(c, line);
    struct cache_set *s = &c->sets[set];
    uint32_t *tags = c->tags + ((size_t)set << c->stride_shift);
    const uint32_t invalid = ~set_ways(s, CACHE_VALID) & c->full;
    const uint32_t way = unlikely(invalid) ? (uint32_t)__builtin_ctz(invalid)
                                           : lru_victim(s->order, c->ways);
    const uint64_t full = invalid == 0, dirty = full & s->state >> (CACHE_DIRTY + way);
    const uint64_t old = (uint64_t)tags[way] << c->set_bits | set;
    c->counters.evictions += full;
    c->counters.writebacks += dirty;
    cache_enter(c, s, tags, line, way, (int)write);
    s->order = lru_on_fill(s->order, way);
    return unlikely(dirty | (full & (uint64_t)inclusive)) ? old << 1 | dirty : NO_LINE;
}

/* The usual LLC (LRU, written back) has not got the line. */
static NOINLINE struct mem_reply write_llc_alone(struct hierarchy *h, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t old = fill_llc_alone(c, line_of(req), 1, h->inclusion == LLC_INCLUSIVE);
    const struct cache_victim v = {.line = old >> 1, .valid = 1, .dirty = old & 1};
    c->counters.misses[MEM_WRITEBACK]++;
    return (struct mem_reply){.done = old == NO_LINE ? req->at : evict_llc(h, v, req->at, req),
                              .source = SRC_LLC};
}

static NOINLINE struct mem_reply miss_llc_alone(struct hierarchy *h, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req);
    if (req->kind == MEM_WRITEBACK)
        return write_llc_alone(h, req);
    const ps_t found = req->at + c->latency, start = cache_miss(c, found);
    struct mem_reply r = router_read(&h->router, req->addr, start, req);
    c->counters.misses[req->kind]++;
    mshr_hold(&c->mshrs, found, start, r.done);
    const uint64_t old = fill_llc_alone(c, line, 0, h->inclusion == LLC_INCLUSIVE);
    if (old != NO_LINE) {
        const struct cache_victim v = {.line = old >> 1, .valid = 1, .dirty = old & 1};
        r.done = evict_llc(h, v, r.done, req);
    }
    cache_note_flight(c, line, r.done, r.source);
    return r;
}

/* cache_await for a read, without branches: whether a line is under way is anybody's guess here. */
static inline __attribute__((always_inline)) struct mem_reply
await_always(struct cache *c, uint64_t line, uint64_t write, struct mem_reply r)
{
    const struct cache_flights *f = &c->flights[line & (CACHE_FLIGHTS - 1)];
    const uint32_t second = f->line[1] == line; /* never both: cache_note_flight */
    const uint64_t waits = (f->line[second] == line) & (f->ready[second] > r.done) & (write ^ 1);
    const uint64_t mask = -waits;
    c->counters.merges += waits;
    r.done = (f->ready[second] & mask) | (r.done & ~mask);
    r.source = (f->source[second] & (uint32_t)mask) | (r.source & ~(uint32_t)mask);
    return r;
}

/* As demand in hierarchy.c: what is not a plain hit is left to a function that is called last. */
static inline __attribute__((always_inline)) struct mem_reply
access_llc_alone(struct hierarchy *h, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req), write = req->kind == MEM_WRITEBACK;
    if (unlikely(h->llc_slow))
        return access_llc_slowly(h, req);
    const uint32_t set = cache_plain_set(c, line);
    struct cache_set *s = &c->sets[set];
    const uint32_t hit = match_tags(c->tags + ((size_t)set << c->stride_shift), c->stride_shift,
                                    (uint32_t)(line >> c->set_bits)) &
                         set_ways(s, CACHE_VALID);
    c->counters.accesses[req->kind]++;
    if (!hit)
        return miss_llc_alone(h, req);
    const uint32_t way = (uint32_t)__builtin_ctz(hit);
    s->order = lru_on_hit(s->order, way, req->kind);
    s->state |= write << (CACHE_DIRTY + way);
    const struct mem_reply r = {.done = req->at + (c->latency & (write - 1)), .source = SRC_LLC};
    return await_always(c, line, write, r);
}

static NOINLINE struct mem_reply recorded_llc_alone(struct hierarchy *h, const struct mem_req *req)
{
    hierarchy_record(h->tap, req);
    return access_llc_alone(h, req);
}

struct mem_reply hierarchy_llc_access(struct hierarchy *h, const struct mem_req *req)
{
    const unsigned served = DEMANDS | KIND(PREFETCH) | KIND(WRITEBACK);
    if (unlikely(!(served >> req->kind & 1)))
        return hierarchy_access(h, req);
    check_request(h, req);
    return unlikely(h->tap != NULL) ? recorded_llc_alone(h, req) : access_llc_alone(h, req);
}

/* A store for which no private cache allocates. */
static struct answer store_llc(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->llc;
    const uint64_t line = line_of(req);
    const ps_t found = cache_port(c, line, at);
    int way = cache_lookup(c, line, MEM_STORE, req);
    const struct sharing s = share_ask(h, req, 1, way >= 0, found);
    if (unlikely(s.moved))
        way = cache_find(c, line);
    struct answer a = {.done = s.at, .source = s.snooped ? SRC_COHERENCE : SRC_LLC, .own = 1};
    struct cache_victim v = {.bypassed = 1};
    if (way >= 0) {
        a = await(c, line, a);
    } else if (!c->no_allocate) {
        if (!s.snooped) {
            const ps_t start = cache_miss(c, a.done);
            const struct mem_reply r = router_read(&h->router, req->addr, start, req);
            mshr_hold(&c->mshrs, a.done, start, r.done);
            a.done = r.done;
            a.source = (uint8_t)r.source;
        }
        v = cache_fill(c, line, MEM_STORE, 0, req);
        a.done = evict_llc(h, v, a.done, req);
        if (!v.bypassed) {
            way = v.way;
            cache_note_flight(c, line, a.done, a.source);
        }
    }
    visible(h, req, a.done);
    if (way >= 0)
        written(c, line, way);
    if (way < 0 || c->through)
        a.done = level_write_memory(h, line, a.done, req);
    share_settle(&s, a.done);
    share_left(h, req->hart, line);
    return a;
}

/* ---- L2 ---- */

static ps_t evict_l2(struct hierarchy *h, struct cache_victim v, ps_t at, const struct mem_req *req)
{
    struct hart_caches *hc = &h->hart[req->hart];
    int dirty = v.dirty;
    if (!v.valid)
        return at;
    if (h->inclusion == LLC_EXCLUSIVE) {
        if (share_drop_l1s(h, req->hart, v.line) && !dirty) {
            hc->l2->counters.writebacks++;
            dirty = 1;
        }
        if (!dirty && share_is_last(h, req->hart, v.line))
            at = level_write_llc(h, v.line, 0, at, req);
    } else if (dirty) {
        const int way = cache_find(hc->l1[1], v.line);
        if (way >= 0 && cache_is(hc->l1[1], v.line, way, CACHE_DIRTY)) {
            superseded(hc->l2);
            dirty = 0;
        }
    }
    if (dirty)
        at = level_write_llc(h, v.line, 1, at, req);
    share_left(h, req->hart, v.line);
    return at;
}

ps_t level_write_l2(struct hierarchy *h, uint64_t line, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->hart[req->hart].l2;
    (void)cache_port(c, line, at);
    int way = cache_plain_lookup(c, line, MEM_WRITEBACK, req);
    const int present = way >= 0 || !c->no_allocate;
    if (way >= 0) {
        written(c, line, way);
    } else if (present) {
        struct cache_victim v = cache_plain_fill(c, line, MEM_WRITEBACK, !c->through, req);
        at = evict_l2(h, v, at, req);
    }
    return c->through || !present ? level_write_llc(h, line, 1, at, req) : at;
}

ps_t level_evict_l1(struct hierarchy *h, struct cache_victim v, ps_t at, const struct mem_req *req)
{
    if (v.dirty)
        at = level_write_l2(h, v.line, at, req);
    if (v.valid)
        share_left(h, req->hart, v.line);
    return at;
}

/* An L2 hit, for a read that wants to write: the others have to give up their copies. */
static struct answer own_l2(struct hierarchy *h, struct answer a, int way,
                            const struct mem_req *req)
{
    a.own = (uint8_t)cache_plain_is(h->hart[req->hart].l2, line_of(req), way, CACHE_OWN);
    if (req->kind == MEM_STORE && unlikely(!a.own)) {
        a.done = share_upgrade(h, req, a.done);
        a.source = SRC_COHERENCE;
        a.own = 1;
    }
    return a;
}

/* A line is to come into the L2: the line that it will push out may be written to the LLC. */
static inline void expect_victim(const struct hierarchy *h, const struct cache *l2, uint64_t line)
{
    const uint32_t set = cache_plain_set(l2, line), way = lru_victim(l2->sets[set].order, l2->ways);
    if (set_get(&l2->sets[set], CACHE_DIRTY, way))
        cache_expect(h->llc, cache_line_in(l2, set, way));
}

static struct answer miss_l2(struct hierarchy *h, ps_t at, const struct mem_req *req,
                             int prefetched, struct cache_victim *v)
{
    struct cache *c = h->hart[req->hart].l2;
    const uint64_t line = line_of(req);
    const ps_t start = cache_miss(c, at);
    expect_victim(h, c, line);
    struct answer a = read_llc(h, start, req);
    h->used = 1;
    *v = cache_plain_fill(c, line, req->kind, a.dirty, req);
    if (!v->bypassed) {
        if (!a.own)
            cache_put(c, line, v->way, CACHE_OWN, 0);
        a.done = evict_l2(h, *v, a.done, req);
        cache_note_flight(c, line, a.done, a.source);
        prefetch_came(c, line, prefetched, *v, a.done);
    }
    mshr_hold(&c->mshrs, at, start, a.done);
    return a;
}

/* A hit by a request from above. */
static void hit_l2(struct hierarchy *h, struct cache *c, int way, ps_t found,
                   const struct mem_req *req)
{
    const int first = cache_first_use(c, line_of(req), way, found);
    prefetch_learn(h, c, CACHE_L2, req, found, 1, first);
}

struct answer level_read_l2(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->hart[req->hart].l2;
    const uint64_t line = line_of(req);
    struct answer a = {.done = cache_port(c, line, at), .source = SRC_L2};
    const ps_t found = a.done;
    struct cache_victim v;
    const int way = cache_plain_lookup(c, line, req->kind, req);
    if (way < 0) {
        prefetch_learn(h, c, CACHE_L2, req, found, 0, 0);
        return miss_l2(h, found, req, 0, &v);
    }
    hit_l2(h, c, way, found, req);
    a = await(c, line, a);
    return own_l2(h, a, way, req);
}

struct answer level_prefetch_l2(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->hart[req->hart].l2;
    const uint64_t line = line_of(req);
    struct answer a = {.done = cache_port(c, line, at), .source = SRC_L2};
    struct cache_victim v;
    const int way = cache_plain_lookup(c, line, MEM_PREFETCH, req);
    if (way >= 0) {
        c->counters.prefetch.present++;
        return own_l2(h, await(c, line, a), way, req);
    }
    c->counters.prefetch.issued++;
    a = miss_l2(h, a.done, req, 1, &v);
    if (v.bypassed)
        share_left(h, req->hart, line);
    else
        cache_put(c, line, v.way, CACHE_PREFETCHED, 1);
    return a;
}

struct answer level_read_l1(struct hierarchy *h, struct cache *l1, ps_t start,
                            const struct mem_req *req, struct cache_victim *v)
{
    const uint64_t line = line_of(req);
    struct answer a = level_read_l2(h, start, req);
    *v = cache_plain_fill(l1, line, req->kind, req->kind == MEM_STORE && !l1->through, req);
    if (!v->bypassed) {
        if (unlikely(!a.own))
            cache_put(l1, line, v->way, CACHE_OWN, 0);
        a.done = level_evict_l1(h, *v, a.done, req);
        cache_note_flight(l1, line, a.done, a.source);
    }
    return a;
}

struct answer level_store_l2(struct hierarchy *h, ps_t at, const struct mem_req *req)
{
    struct cache *c = h->hart[req->hart].l2;
    const uint64_t line = line_of(req);
    struct answer a = {.done = cache_port(c, line, at), .source = SRC_L2};
    struct cache_victim v;
    int way = cache_plain_lookup(c, line, MEM_STORE, req);
    if (way >= 0) {
        hit_l2(h, c, way, a.done, req);
        a = await(c, line, a);
        a = own_l2(h, a, way, req);
    } else {
        prefetch_learn(h, c, CACHE_L2, req, a.done, 0, 0);
        if (c->no_allocate) {
            const ps_t found = a.done, start = cache_miss(c, found);
            a = store_llc(h, start, req);
            mshr_hold(&c->mshrs, found, start, a.done);
            return a;
        }
        a = miss_l2(h, a.done, req, 0, &v);
        way = v.bypassed ? -1 : v.way;
    }
    visible(h, req, a.done);
    if (way >= 0)
        written(c, line, way);
    if (way < 0 || c->through)
        a.done = level_write_llc(h, line, 1, a.done, req);
    if (way < 0)
        share_left(h, req->hart, line);
    return a;
}
