/* llc_stream.c - the caches above an LLC, without time: L1s where needed, one L2. */
#include "traces/llc_stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/cache.h"
#include "memhier/hugepage.h"
#include "memhier/kind.h"
#include "traces/filter.h"

#define BATCH 512u       /* records */
#define MOST  3u         /* accesses of one record: a read that misses L1 and L2, two victims */
#define AHEAD 8u         /* records ahead whose set of the L2 is brought near */
#define ROOM  (1u << 24) /* at first at most; what is not used takes no memory */

struct levels {
    struct cache *l1[2]; /* [0] fetches, [1] everything else; NULL: the trace is behind them */
    struct cache *l2;    /* NULL: none */
    struct llc_stream *to;
    size_t room, step_room;
    uint8_t hit_l1; /* the present record */
    int failed;     /* no memory, or more accesses than a stream may have */
};

static int is_flush(unsigned kind)
{
    return kind_is_flush(kind);
}

/* ---- out ---- */

/* Room for what a batch can make. `expected`: so many accesses are likely to be all. */
static void reserve(struct levels *c, uint64_t expected)
{
    struct llc_stream *s = c->to;
    if (s->n + BATCH * MOST <= c->room)
        return;
    const size_t first = (expected < ROOM ? (size_t)expected : ROOM) + BATCH * MOST;
    const size_t room = c->room ? 2 * c->room : first;
    struct stream_access *v = room <= STREAM_LIMIT ? realloc(s->v, room * sizeof *v) : NULL;
    if (!v) {
        c->failed = 1;
        return;
    }
    hugepage_advise(v, room * sizeof *v);
    s->v = v;
    c->room = room;
}

/* One access more if `is` is 1, none if it is 0; written down in either case, since nobody foresees
 * which. */
static inline void put(struct levels *c, uint64_t line, unsigned kind, const struct trace_record *r,
                       int dirty, uint32_t is)
{
    struct llc_stream *s = c->to;
    const uint64_t ours = 0 - (uint64_t)(kind != MEM_WRITEBACK);
    s->v[s->n] = (struct stream_access){.line = line,
                                        .pc = r->pc & ours,
                                        .kind = (uint8_t)kind,
                                        .hart = r->hart,
                                        .offset = (uint8_t)(r->addr & (LINE_BYTES - 1) & ours),
                                        .dirty = (uint8_t)dirty};
    s->n += is;
    s->reads += is & (uint32_t)ours & (uint32_t)!is_flush(kind);
}

/* ---- L2 ---- */

/* All caches here have the LRU that is built in, which does not ask who requests. */
static inline int look_up(struct cache *c, uint64_t line, unsigned kind)
{
    return cache_plain_lookup(c, line, kind, NULL);
}

static inline struct cache_victim take_in(struct cache *c, uint64_t line, int dirty)
{
    return cache_fill_lru(c, cache_plain_set(c, line), line, dirty);
}

static inline __attribute__((always_inline)) void
l2_access(struct levels *c, uint64_t line, unsigned kind, const struct trace_record *r)
{
    const int writes = kind == MEM_WRITEBACK;
    if (!c->l2) {
        put(c, line, kind, r, 0, 1);
        return;
    }
    const int way = look_up(c->l2, line, kind);
    if (way >= 0) {
        cache_set_dirty(c->l2, line, way, writes);
        return;
    }
    put(c, line, kind, r, 0, !writes);
    const struct cache_victim v = take_in(c->l2, line, writes);
    put(c, v.line, MEM_WRITEBACK, r, 0, v.dirty);
}

/* ---- L1 ---- */

static __attribute__((noinline)) void l1_access(struct levels *c, uint64_t line,
                                                const struct trace_record *r)
{
    struct cache *l1 = c->l1[r->kind != MEM_FETCH];
    const int writes = r->kind == MEM_STORE;
    const int way = look_up(l1, line, r->kind);
    if (way >= 0) {
        c->hit_l1 = 1;
        cache_set_dirty(l1, line, way, writes);
        return;
    }
    l2_access(c, line, r->kind, r);
    const struct cache_victim v = take_in(l1, line, writes);
    if (v.dirty)
        l2_access(c, v.line, MEM_WRITEBACK, r);
}

static __attribute__((noinline)) void flush(struct levels *c, uint64_t line,
                                            const struct trace_record *r)
{
    const struct mem_req req = {.addr = r->addr, .pc = r->pc, .kind = r->kind, .hart = r->hart};
    const int drop = r->kind != MEM_CLWB;
    int dirty = 0;
    if (c->l1[0] && drop)
        (void)cache_clean(c->l1[0], line, drop, &req);
    if (c->l1[1])
        dirty |= cache_clean(c->l1[1], line, drop, &req) == 3;
    if (c->l2)
        dirty |= cache_clean(c->l2, line, drop, &req) == 3;
    put(c, line, r->kind, r, dirty, 1);
}

/* ---- in ---- */

static inline __attribute__((always_inline)) void one(struct levels *c,
                                                      const struct trace_record *r)
{
    const uint64_t line = r->addr >> LINE_SHIFT;
    if (r->kind == MEM_FENCE)
        return;
    if (is_flush(r->kind))
        flush(c, line, r);
    else if (c->l1[1] && kind_is_demand(r->kind))
        l1_access(c, line, r);
    else
        l2_access(c, line, r->kind, r);
}

/* A record that has gone through, from the access numbered `first` on. */
static void keep(struct levels *c, const struct trace_record *r, uint32_t first)
{
    struct llc_stream *s = c->to;
    if (s->steps == c->step_room) {
        const size_t room = c->step_room ? 2 * c->step_room : BATCH;
        struct llc_step *step = realloc(s->step, room * sizeof *step);
        if (!step) {
            c->failed = 1;
            return;
        }
        s->step = step;
        c->step_room = room;
    }
    s->step[s->steps++] = (struct llc_step){.gap = r->gap,
                                            .depends = r->depends,
                                            .kind = r->kind,
                                            .accesses = (uint8_t)(s->n - first),
                                            .in_l1 = c->hit_l1};
}

static inline void one_kept(struct levels *c, const struct trace_record *r)
{
    const uint32_t first = c->to->n;
    c->hit_l1 = 0;
    one(c, r);
    keep(c, r, first);
}

/* n records, in front of which s->records were read. 0, or -1 with a message. */
static int take_batch(struct levels *c, const struct trace_reader *r,
                      const struct trace_record *batch, size_t n, int keep_steps, char *err,
                      size_t errlen)
{
    struct llc_stream *s = c->to;
    uint64_t instructions = 0;
    for (size_t i = 0; i < n; i++) {
        if (batch[i].addr >= HIERARCHY_ADDR_LIMIT) {
            const unsigned long long at = trace_tell(r) - n + i;
            snprintf(err, errlen, "%s: record %llu: an address beyond the physical memory",
                     trace_reader_path(r), at);
            return -1;
        }
        if (c->l2)
            cache_plain_prefetch(c->l2, batch[i + AHEAD < n ? i + AHEAD : i].addr >> LINE_SHIFT);
        if (keep_steps)
            one_kept(c, &batch[i]);
        else
            one(c, &batch[i]);
        instructions += batch[i].gap;
    }
    s->records += n;
    s->instructions += instructions;
    return 0;
}

static int read_all(struct trace_reader *r, struct levels *c, const struct llc_stream_options *opt,
                    char *err, size_t errlen)
{
    const uint64_t most = opt->records, all = trace_reader_header(r)->records;
    const uint64_t expected = most && most < all ? most : all;
    const struct trace_record *batch;
    struct llc_stream *s = c->to;
    int64_t n = 1;
    while (n > 0 && (!most || s->records < most)) {
        const uint64_t left = most ? most - s->records : BATCH;
        n = trace_next(r, &batch, left < BATCH ? (size_t)left : BATCH, err, errlen);
        reserve(c, expected);
        if (!c->failed && n > 0 && take_batch(c, r, batch, (size_t)n, opt->keep_steps, err, errlen))
            return -1;
        if (c->failed) {
            snprintf(err, errlen, "%s: no memory for more than %u accesses to the LLC",
                     trace_reader_path(r), s->n);
            return -1;
        }
    }
    return n < 0 ? -1 : 0;
}

static struct cache *make_cache(uint64_t bytes, uint32_t ways, const char *name, char *err,
                                size_t errlen)
{
    const struct cache_config cfg = {.bytes = bytes, .ways = ways};
    char why[200];
    struct cache *c = cache_new(&cfg, NULL, 0, why, sizeof why);
    if (!c)
        snprintf(err, errlen, "%s: %s", name, why);
    return c;
}

int llc_stream_read(struct trace_reader *r, const struct llc_stream_options *opt,
                    struct llc_stream *s, char *err, size_t errlen)
{
    struct levels c = {.to = s};
    int bad = 0;
    *s = (struct llc_stream){0};
    for (int i = 0; i < 2 && !trace_is_filtered(trace_reader_header(r)) && !bad; i++)
        bad = !(c.l1[i] = make_cache(FILTER_L1_BYTES, FILTER_L1_WAYS, "l1", err, errlen));
    if (!bad && opt->l2_bytes)
        bad = !(c.l2 = make_cache(opt->l2_bytes, opt->l2_ways, "l2", err, errlen));
    if (!bad)
        bad = read_all(r, &c, opt, err, errlen);
    cache_free(c.l1[0]);
    cache_free(c.l1[1]);
    cache_free(c.l2);
    if (!bad)
        return 0;
    free(s->v);
    free(s->step);
    *s = (struct llc_stream){0};
    return -1;
}
