/* filter.c - a first-level cache in front of a trace: its misses, write-backs and flushes. */
#include "traces/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/cache.h"

struct trace_filter {
    struct trace_writer *writer;
    struct cache *l1[2]; /* [0] fetches, [1] everything else */
    struct cache *l2;
    uint64_t gap; /* instructions since the last record that came out */
    uint64_t requests, records;
    /* For each of the last requests 1 + the record of the load that its result needs; 0: none. */
    uint64_t origin[FILTER_WINDOW];
};

static struct cache *make_cache(uint64_t bytes, uint32_t ways, char *err, size_t errlen)
{
    const struct cache_config cfg = {.bytes = bytes, .ways = ways};
    return cache_new(&cfg, NULL, 0, err, errlen);
}

struct trace_filter *trace_filter_new(struct trace_writer *w, char *err, size_t errlen)
{
    struct trace_filter *f = calloc(1, sizeof *f);
    if (!f) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    f->writer = w;
    f->l1[0] = make_cache(FILTER_L1_BYTES, FILTER_L1_WAYS, err, errlen);
    f->l1[1] = make_cache(FILTER_L1_BYTES, FILTER_L1_WAYS, err, errlen);
    f->l2 = make_cache(FILTER_L2_BYTES, FILTER_L2_WAYS, err, errlen);
    if (f->l1[0] && f->l1[1] && f->l2) {
        trace_pack_tightly(w);
        return f;
    }
    trace_filter_free(f);
    return NULL;
}

void trace_filter_free(struct trace_filter *f)
{
    if (!f)
        return;
    cache_free(f->l1[0]);
    cache_free(f->l1[1]);
    cache_free(f->l2);
    free(f);
}

/* ---- out ---- */

/* The L2 that only counts. Bytes say nothing here: all but flushes and fences ask for a line. */
static void touch_l2(struct trace_filter *f, const struct trace_record *r)
{
    const uint64_t line = r->addr >> LINE_SHIFT;
    const struct mem_req req = {.addr = r->addr, .kind = r->kind};
    if (r->kind == MEM_FENCE)
        return;
    if (r->kind >= MEM_NTSTORE && r->kind <= MEM_CLFLUSH) {
        (void)cache_clean(f->l2, line, r->kind != MEM_CLWB, &req);
        return;
    }
    if (cache_lookup(f->l2, line, r->kind, &req) < 0)
        (void)cache_fill(f->l2, line, r->kind, 0, &req);
}

/* depends: 1 + the record that this one needs, 0: none. */
static int emit(struct trace_filter *f, struct trace_record *r, uint64_t depends)
{
    const uint64_t distance = depends ? f->records + 1 - depends : 0;
    r->gap = f->gap > UINT32_MAX ? UINT32_MAX : (uint32_t)f->gap;
    r->depends = distance > UINT32_MAX ? 0 : (uint32_t)distance;
    if (trace_put(f->writer, r))
        return -1;
    f->gap -= r->gap;
    f->records++;
    touch_l2(f, r);
    return 0;
}

static int emit_writeback(struct trace_filter *f, uint64_t line, const struct trace_record *by)
{
    struct trace_record r = {.addr = line << LINE_SHIFT,
                             .bytes = LINE_BYTES,
                             .kind = MEM_WRITEBACK,
                             .side = by->side,
                             .tier = (uint8_t)addr_is_nvdimm(line << LINE_SHIFT)};
    return emit(f, &r, 0);
}

/* ---- in ---- */

static uint64_t origin_of(const struct trace_filter *f, uint32_t depends)
{
    const int known = depends && depends <= f->requests && depends < FILTER_WINDOW;
    return known ? f->origin[(f->requests - depends) % FILTER_WINDOW] : 0;
}

static int demand(struct trace_filter *f, const struct trace_record *r, uint64_t *origin)
{
    struct cache *l1 = f->l1[r->kind != MEM_FETCH];
    const uint64_t line = r->addr >> LINE_SHIFT;
    const int dirty = r->kind == MEM_STORE;
    const struct mem_req req = {.addr = r->addr, .pc = r->pc, .kind = r->kind};
    const int way = cache_lookup(l1, line, r->kind, &req);
    if (way >= 0) {
        cache_set_dirty(l1, line, way, dirty);
        return 0;
    }
    struct trace_record out = *r;
    if (emit(f, &out, *origin))
        return -1;
    if (r->kind == MEM_LOAD)
        *origin = f->records;
    const struct cache_victim v = cache_fill(l1, line, r->kind, dirty, &req);
    return v.dirty ? emit_writeback(f, v.line, r) : 0;
}

static int pass(struct trace_filter *f, const struct trace_record *r, uint64_t origin)
{
    struct trace_record out = *r;
    if (r->kind >= MEM_NTSTORE && r->kind <= MEM_CLFLUSH) {
        const uint64_t line = r->addr >> LINE_SHIFT;
        const struct mem_req req = {.addr = r->addr, .kind = r->kind};
        const int drop = r->kind != MEM_CLWB;
        if (drop)
            (void)cache_clean(f->l1[0], line, drop, &req);
        if (cache_clean(f->l1[1], line, drop, &req) == 3 && emit_writeback(f, line, r))
            return -1;
    }
    return emit(f, &out, origin);
}

int trace_filter_put(struct trace_filter *f, const struct trace_record *r)
{
    const uint32_t demands = 1u << MEM_FETCH | 1u << MEM_LOAD | 1u << MEM_STORE | 1u << MEM_WALK;
    uint64_t origin = origin_of(f, r->depends);
    if (r->kind >= MEM_WRITEBACK && r->kind != MEM_PREFETCH)
        return -1;
    if (r->hart || r->addr >= HIERARCHY_ADDR_LIMIT)
        return -1;
    f->gap += r->gap;
    if (demands >> r->kind & 1 ? demand(f, r, &origin) : pass(f, r, origin))
        return -1;
    f->origin[f->requests++ % FILTER_WINDOW] = origin;
    return 0;
}

static int is_enough(const struct trace_filter *f, uint64_t misses)
{
    return misses && trace_filter_l2_misses(f) >= misses;
}

int trace_filter_put_tap(struct trace_filter *f, struct mem_tap *tap, uint64_t misses,
                         uint64_t *count)
{
    int bad = tap->lost;
    for (size_t i = 0; i < tap->n && !bad && !is_enough(f, misses); i++) {
        const struct mem_req *q = &tap->reqs[i];
        const int fence = q->kind == MEM_FENCE;
        if (!f->requests && tap->counts[i] < *count)
            continue; /* passed over */
        const uint64_t gap = tap->counts[i] > *count ? tap->counts[i] - *count : 0;
        const struct trace_record r = {.addr = fence ? 0 : q->addr,
                                       .pc = q->pc,
                                       .gap = gap > UINT32_MAX ? UINT32_MAX : (uint32_t)gap,
                                       .depends = q->depends,
                                       .bytes = fence ? 0 : q->bytes,
                                       .kind = q->kind,
                                       .hart = q->hart,
                                       .tier = !fence && addr_is_nvdimm(q->addr),
                                       .side = q->side};
        *count += r.gap;
        bad = trace_filter_put(f, &r);
    }
    tap->n = 0;
    return bad ? -1 : is_enough(f, misses);
}

uint64_t trace_filter_records(const struct trace_filter *f)
{
    return f->records;
}

uint64_t trace_filter_l2_misses(const struct trace_filter *f)
{
    const uint64_t *m = f->l2->counters.misses;
    return m[MEM_FETCH] + m[MEM_LOAD] + m[MEM_STORE] + m[MEM_WALK] + m[MEM_PREFETCH];
}

int trace_is_filtered(const struct trace_header *hdr)
{
    return strncmp(hdr->machine, FILTER_MACHINE, strlen(FILTER_MACHINE)) == 0;
}
