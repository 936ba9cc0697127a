/* policy_rig.h - drives a replacement policy in a real cache beside a reference model of it. */
#ifndef TESTS_POLICY_RIG_H
#define TESTS_POLICY_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/cache.h"

/*
 * The reference has a cache of its own: an array of lines, searched from the first to the last. The
 * policy of it is a struct reference, which reads and writes whatever fields of the lines it likes.
 * Nothing here is shared with memhier/ but the numbers of the kinds.
 */
struct ref_line {
    int valid, dirty;
    uint64_t line;
    uint64_t stamp;                      /* free use: when used, when filled … */
    int rrpv, count, prefetched, reused; /* free use */
    int64_t sig;                         /* free use */
};

struct ref_model {
    int sets, ways;
    uint64_t clock, seed;
    struct ref_line *lines;
    void *own; /* the reference's, one malloc */
};

struct ref_access {
    int set, kind, demand, flush, hart;
    uint64_t line, pc;
    uint64_t addr; /* of the first byte asked for */
};

struct reference {
    const char *name;
    void (*start)(struct ref_model *m);
    void (*hit)(struct ref_model *m, struct ref_line *l, const struct ref_access *a);
    int (*victim)(struct ref_model *m, struct ref_line *set, const struct ref_access *a);
    void (*fill)(struct ref_model *m, struct ref_line *l, const struct ref_access *a);
    void (*evict)(struct ref_model *m, struct ref_line *l, const struct ref_access *a);
};

#define REF_BYPASS (-1)

static inline uint64_t rig_draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* An access. */
struct rig_step {
    uint64_t line, pc;
    int kind, hart;
};

/* ---- the reference's cache ---- */

struct ref_result {
    int hit, bypassed, valid, dirty;
    uint64_t line; /* of the victim */
};

static inline struct ref_model ref_new(const struct reference *r, int sets, int ways, uint64_t seed)
{
    struct ref_model m = {.sets = sets, .ways = ways, .seed = seed};
    m.lines = calloc((size_t)(sets * ways), sizeof *m.lines);
    r->start(&m);
    return m;
}

static inline void ref_free(struct ref_model *m)
{
    free(m->lines);
    free(m->own);
}

/* Which byte of the line a step asks for: any, and the same in both caches. */
static inline uint64_t rig_offset(uint64_t line, uint64_t pc)
{
    return (line * 7 + pc / 4) % 61;
}

static inline struct ref_access ref_describe(const struct ref_model *m, struct rig_step st)
{
    const int kind = st.kind;
    return (struct ref_access){
        .set = (int)(st.line % (uint64_t)m->sets),
        .kind = kind,
        .line = st.line,
        .addr = st.line * 64 + (kind == MEM_WRITEBACK ? 0 : rig_offset(st.line, st.pc)),
        .pc = kind == MEM_WRITEBACK ? 0 : st.pc,
        .hart = st.hart,
        .demand = kind == MEM_LOAD || kind == MEM_STORE || kind == MEM_FETCH || kind == MEM_WALK,
        .flush = kind == MEM_CLFLUSH || kind == MEM_CLFLUSHOPT || kind == MEM_NTSTORE};
}

static inline struct ref_result ref_touch(struct ref_model *m, const struct reference *r,
                                          struct rig_step st)
{
    const struct ref_access a = ref_describe(m, st);
    struct ref_line *set = m->lines + a.set * m->ways, *to = NULL;
    const int writes = st.kind == MEM_STORE || st.kind == MEM_WRITEBACK;
    struct ref_result result = {0};
    m->clock++;
    for (int w = 0; w < m->ways; w++)
        if (set[w].valid && set[w].line == st.line) {
            set[w].dirty |= writes;
            r->hit(m, &set[w], &a);
            result.hit = 1;
            return result;
        }
    for (int w = 0; w < m->ways && !to; w++)
        if (!set[w].valid)
            to = &set[w];
    if (!to) {
        const int way = r->victim(m, set, &a);
        if (way == REF_BYPASS) {
            result.bypassed = 1;
            return result;
        }
        to = &set[way];
        result = (struct ref_result){.valid = 1, .dirty = to->dirty, .line = to->line};
        if (r->evict)
            r->evict(m, to, &a);
    }
    to->valid = 1;
    to->dirty = writes;
    to->line = st.line;
    r->fill(m, to, &a);
    return result;
}

/* Whether it was dirty. */
static inline int ref_flush(struct ref_model *m, const struct reference *r, uint64_t line)
{
    const struct ref_access a = ref_describe(m,
                                             (struct rig_step){.line = line, .kind = MEM_CLFLUSH});
    struct ref_line *set = m->lines + a.set * m->ways;
    for (int w = 0; w < m->ways; w++)
        if (set[w].valid && set[w].line == line) {
            if (r->evict)
                r->evict(m, &set[w], &a);
            set[w].valid = 0;
            return set[w].dirty;
        }
    return 0;
}

/* ---- streams: line, kind and code address of access i ---- */

enum stream {
    STREAM_RANDOM,
    STREAM_SCAN,
    STREAM_LOOP,
    STREAM_ZIPF,
    STREAM_MIXED,     /* a hot set and scans, told apart by their code addresses */
    STREAM_ADVERSARY, /* one set, one line more than it has ways: LRU never hits */
    STREAM_PHASES,
    STREAM_CODE,     /* thousands of code addresses, half of which scan; lines far apart */
    STREAM_ONE_CODE, /* a single one, whose lines come back in time for long, and then do not */
    STREAMS
};

/* The i-th of lines that are spread over 2^26, all different. Not by a product alone: hashes of
 * numbers in equal steps hardly ever collide. */
static inline uint64_t rig_spread(uint64_t i)
{
    const uint64_t lines = UINT64_C(1) << 26;
    i = i * 2654435761u % lines;
    return (i ^ i >> 13) * 2246822519u % lines;
}

static inline uint64_t rig_line(enum stream s, int i, uint64_t sets, uint64_t ways, uint64_t *rng,
                                uint64_t *pc)
{
    const uint64_t lines = sets * ways, n = (uint64_t)i;
    const uint64_t r = rig_draw(rng);
    *pc = 0x1000 + rig_draw(rng) % 24 * 4;
    switch (s) {
    case STREAM_RANDOM:
        return r % (lines * 2);
    case STREAM_SCAN:
        return n;
    case STREAM_LOOP:
        *pc = 0x2000 + n % 8 * 4;
        return n % (lines + lines / 4 + 1);
    case STREAM_ZIPF: { /* about as 1 / rank: a power of two, then uniform below it */
        uint64_t octave = UINT64_C(1) << r % 14;
        *pc = 0x3000 + r % 14 * 4;
        return octave + rig_draw(rng) % octave;
    }
    case STREAM_MIXED:
        if (n / 64 % 3 == 2) {
            *pc = 0x4000 + n % 3 * 4;
            return 100000 + n;
        }
        *pc = 0x5000 + r % 5 * 4;
        return r % (lines * 3 / 4 + 1);
    case STREAM_ADVERSARY:
        return n / 4 % (ways + 1) * sets + n % 4 % sets;
    case STREAM_CODE:
        *pc = r % 16 ? 0x400000 + (r % 3001) * (r % 3001) * 4 : 0;
        return rig_spread(r % 3001 % 2 ? lines + n : rig_draw(rng) % (lines * 3 / 4 + 1));
    case STREAM_ONE_CODE:
        *pc = 0x6000;
        return n % (n / 7000 % 2 ? lines * 3 : lines / 2 + 1);
    default:
        return n / 5000 % 2 ? n % (lines * 2) : r % (lines / 2 + 1);
    }
}

/* With `pure` only kinds that fetch; else write-backs and prefetches, too. */
static inline struct rig_step rig_step(enum stream s, int i, uint64_t sets, uint64_t ways, int pure,
                                       uint64_t *rng)
{
    static const int demands[] = {MEM_LOAD, MEM_LOAD, MEM_STORE, MEM_WALK, MEM_FETCH};
    struct rig_step st;
    st.line = rig_line(s, i, sets, ways, rng, &st.pc);
    const uint64_t r = rig_draw(rng) % 16;
    st.kind = demands[rig_draw(rng) % 5];
    if (!pure && r < 3)
        st.kind = MEM_WRITEBACK;
    else if (!pure && r < 6)
        st.kind = MEM_PREFETCH;
    st.hart = pure ? 0 : i / 50 % 3;
    /* Both tiers, so that line numbers use all their bits. */
    if (st.line & 8)
        st.line += CACHE_LINE_LIMIT / 2;
    return st;
}

/* ---- both, side by side ---- */

static inline struct cache *rig_cache(const struct policy *p, int sets, int ways, uint64_t seed)
{
    struct cache_config cfg = {.bytes = (uint64_t)(sets * ways) * 64, .ways = (uint32_t)ways};
    char err[200] = "";
    struct cache *c = cache_new(&cfg, p, seed, err, sizeof err);
    cr_assert_not_null(c, "%s", err);
    return c;
}

static inline struct cache_victim rig_touch(struct cache *c, struct rig_step st, int *hit)
{
    const struct mem_req req = {.addr = st.line * 64 + rig_offset(st.line, st.pc),
                                .pc = st.pc,
                                .kind = (uint8_t)st.kind,
                                .hart = (uint8_t)st.hart};
    const int writes = st.kind == MEM_STORE || st.kind == MEM_WRITEBACK;
    const int way = cache_lookup(c, st.line, (unsigned)st.kind, &req);
    *hit = way >= 0;
    if (way < 0)
        return cache_fill(c, st.line, (unsigned)st.kind, writes, &req);
    if (writes)
        cache_set_dirty(c, st.line, way, 1);
    return (struct cache_victim){0};
}

static inline void rig_compare(const struct policy *p, const struct reference *r, enum stream s,
                               int sets, int ways, int accesses)
{
    const uint64_t seed = 40 + (uint64_t)ways;
    struct cache *c = rig_cache(p, sets, ways, seed);
    struct ref_model m = ref_new(r, sets, ways, seed);
    uint64_t rng = (uint64_t)s * 1000 + (uint64_t)(sets + ways);
    for (int i = 0; i < accesses; i++) {
        const struct rig_step st = rig_step(s, i, (uint64_t)sets, (uint64_t)ways, 0, &rng);
        int hit;
        const struct ref_result want = ref_touch(&m, r, st);
        const struct cache_victim got = rig_touch(c, st, &hit);
        if (hit != want.hit || got.bypassed != want.bypassed || got.valid != want.valid ||
            (got.valid && (got.line != want.line || got.dirty != want.dirty)))
            cr_assert_fail("%s, stream %d, %d sets, %d ways, access %d: hit %d, expected %d; "
                           "victim 0x%llx, expected 0x%llx",
                           p->name, s, sets, ways, i, hit, want.hit, (unsigned long long)got.line,
                           (unsigned long long)want.line);
        if (rig_draw(&rng) % 64 == 0) {
            const struct mem_req req = {.kind = MEM_CLFLUSH};
            cache_clean(c, st.line, 1, &req);
            ref_flush(&m, r, st.line);
        }
    }
    cr_assert_eq(c->counters.policy_errors, 0);
    ref_free(&m);
    cache_free(c);
}

/* Every stream, in caches of odd and usual shapes, and the 2 MiB of 16 ways. */
static inline void rig_compare_all(const char *name, const struct reference *r)
{
    static const int shapes[][3] = {{8, 1, 2000},     {8, 2, 3000},   {16, 3, 6000},
                                    {8, 7, 6000},     {64, 4, 15000}, {128, 8, 30000},
                                    {256, 13, 40000}, {64, 16, 40000}};
    const struct policy *p = policy_find(name);
    cr_assert_not_null(p, "%s", name);
    for (int s = 0; s < STREAMS; s++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            rig_compare(p, r, (enum stream)s, shapes[i][0], shapes[i][1], shapes[i][2]);
    rig_compare(p, r, STREAM_RANDOM, 2048, 16, 150000);
    rig_compare(p, r, STREAM_MIXED, 2048, 16, 150000);
    rig_compare(p, r, STREAM_LOOP, 2048, 16, 150000);
    rig_compare(p, r, STREAM_CODE, 2048, 16, 150000);
}

#endif
