/* ref_hierarchy.h - caches and directory said again: arrays, linear search, no directory at all. */
#ifndef TESTS_REF_HIERARCHY_H
#define TESTS_REF_HIERARCHY_H

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hierarchy.h"

/*
 * Written from hierarchy.h, README.md and the words at the head of hierarchy_levels.c and
 * hierarchy_share.c. Who has a line is found by looking into every cache; LRU is a time stamp; the
 * snoop filter is a list of time stamps. There is no time: each access is over before the next.
 */
#define REF_LINES  1200u /* of one cache, at most */
#define REF_EVENTS 256u

struct event {
    uint64_t addr;
    unsigned kind, bytes;
};

struct events {
    struct event e[REF_EVENTS];
    size_t n;
};

static inline void note(struct events *log, unsigned kind, uint64_t addr, unsigned bytes)
{
    cr_assert_lt(log->n, REF_EVENTS);
    log->e[log->n++] = (struct event){.addr = addr, .kind = kind, .bytes = bytes};
}

struct mline {
    uint64_t line, used;
    int valid, dirty, own;
};

struct mcache {
    struct mline lines[REF_LINES];
    uint64_t sets, ways;
    int through, no_allocate;
    struct cache_counters n;
};

struct mentry { /* of the snoop filter */
    uint64_t line, used;
};

struct model {
    uint32_t harts;
    enum llc_inclusion inclusion;
    struct mcache c[8][3]; /* L1I, L1D, L2 of each hart */
    struct mcache llc;
    struct coherence_counters n[8];
    struct mentry filter[4096];
    uint64_t filter_sets, filter_ways;
    int has_directory;
    uint64_t clock;
    uint32_t hart;   /* whose access it is */
    unsigned source; /* where it was served */
    struct events log;
};

static inline struct mcache *m_cache(struct model *m, int level, uint32_t hart)
{
    return level == CACHE_LLC ? &m->llc : &m->c[hart][level];
}

static inline struct model *model_make(const struct hierarchy_config *cfg)
{
    struct model *m = calloc(1, sizeof *m);
    m->harts = cfg->harts;
    m->inclusion = cfg->inclusion;
    m->filter_sets = cfg->directory_sets;
    m->filter_ways = cfg->directory_ways;
    m->has_directory = cfg->harts > 1 || cfg->directory_sets;
    cr_assert_leq(m->filter_sets * m->filter_ways, 4096);
    for (uint32_t i = 0; i < cfg->harts; i++)
        for (int l = 0; l < CACHE_LEVELS; l++) {
            struct mcache *c = m_cache(m, l, i);
            c->ways = cfg->level[l].ways;
            c->sets = cfg->level[l].bytes / 64 / cfg->level[l].ways;
            c->through = cfg->level[l].through;
            c->no_allocate = cfg->level[l].no_allocate;
            cr_assert_leq(c->sets * c->ways, REF_LINES);
        }
    return m;
}

static inline struct mline *m_set(struct mcache *c, uint64_t line)
{
    return &c->lines[line % c->sets * c->ways];
}

static inline struct mline *m_find(struct mcache *c, uint64_t line)
{
    for (uint64_t w = 0; w < c->ways; w++)
        if (m_set(c, line)[w].valid && m_set(c, line)[w].line == line)
            return &m_set(c, line)[w];
    return NULL;
}

static inline struct mline *m_look(struct model *m, int level, uint64_t line, unsigned kind)
{
    struct mcache *c = m_cache(m, level, m->hart);
    struct mline *l = m_find(c, line);
    c->n.accesses[kind]++;
    c->n.misses[kind] += !l;
    if (l && kind != MEM_WRITEBACK && kind != MEM_PREFETCH)
        l->used = ++m->clock;
    return l;
}

/* ---- who has it ---- */

static inline int m_has(struct model *m, uint32_t hart, uint64_t line)
{
    return m_find(&m->c[hart][0], line) || m_find(&m->c[hart][1], line) ||
           m_find(&m->c[hart][2], line);
}

static inline int m_owns(struct model *m, uint32_t hart, uint64_t line)
{
    for (int l = 0; l < 3; l++)
        if (m_find(&m->c[hart][l], line))
            return m_find(&m->c[hart][l], line)->own;
    return 0;
}

static inline int m_dirty(struct model *m, int level, uint32_t hart, uint64_t line)
{
    struct mline *l = m_find(m_cache(m, level, hart), line);
    return l && l->dirty;
}

static inline int m_others(struct model *m, uint64_t line)
{
    int n = 0;
    for (uint32_t i = 0; i < m->harts; i++)
        n += i != m->hart && m_has(m, i, line);
    return n;
}

/* A cache loses a line; whether it was dirty. */
static inline int m_lose(struct mcache *c, uint64_t line)
{
    struct mline *l = m_find(c, line);
    if (!l)
        return 0;
    l->valid = 0;
    c->n.invalidations++;
    return l->dirty;
}

static inline int m_lose_all(struct model *m, uint32_t hart, uint64_t line)
{
    int dirty = 0;
    for (int l = 0; l < 3; l++)
        dirty |= m_lose(&m->c[hart][l], line);
    return dirty;
}

/* ---- fills, victims, writes ---- */

static inline void m_memory(struct model *m, uint64_t line)
{
    note(&m->log, MEM_WRITEBACK, line * 64, 64);
}

static inline void m_write(struct model *m, int level, uint64_t line, int dirty);

static inline void m_victim(struct model *m, int level, struct mline out)
{
    struct mcache *c = m_cache(m, level, m->hart);
    int dirty = out.dirty, newer = 0;
    if (level == CACHE_LLC) {
        for (uint32_t i = 0; i < m->harts; i++) {
            if (m->inclusion == LLC_INCLUSIVE && m_has(m, i, out.line)) {
                dirty |= m_lose_all(m, i, out.line);
                m->n[i].included++;
            }
            newer |= m_dirty(m, CACHE_L1D, i, out.line) | m_dirty(m, CACHE_L2, i, out.line);
        }
    } else if (level == CACHE_L2 && m->inclusion == LLC_EXCLUSIVE) {
        m_lose(&m->c[m->hart][CACHE_L1I], out.line);
        dirty |= m_lose(&m->c[m->hart][CACHE_L1D], out.line);
    } else if (level == CACHE_L2) {
        newer = m_dirty(m, CACHE_L1D, m->hart, out.line);
    }
    if (dirty && newer) {
        c->n.superseded++;
    } else if (dirty) {
        c->n.writebacks++;
        m_write(m, level + 1, out.line, 1);
    } else if (level == CACHE_L2 && m->inclusion == LLC_EXCLUSIVE && !m_others(m, out.line)) {
        m_write(m, CACHE_LLC, out.line, 0);
    }
}

static inline void m_fill(struct model *m, int level, uint64_t line, int dirty, int own)
{
    struct mcache *c = m_cache(m, level, m->hart);
    struct mline *set = m_set(c, line), *to = NULL, out = {0};
    for (uint64_t w = 0; w < c->ways && !to; w++)
        if (!set[w].valid)
            to = &set[w];
    if (!to) {
        to = set;
        for (uint64_t w = 1; w < c->ways; w++)
            if (set[w].used < to->used)
                to = &set[w];
        out = *to;
    }
    *to = (struct mline){line, ++m->clock, 1, dirty && !c->through, own};
    c->n.fills++;
    c->n.evictions += (uint64_t)out.valid;
    if (out.valid)
        m_victim(m, level, out);
}

/* A write from the level above (dirty), or a clean line that an exclusive LLC takes in. */
static inline void m_write(struct model *m, int level, uint64_t line, int dirty)
{
    if (level == CACHE_LEVELS) {
        m_memory(m, line);
        return;
    }
    struct mcache *c = m_cache(m, level, m->hart);
    struct mline *l = m_look(m, level, line, MEM_WRITEBACK);
    if (l && dirty)
        l->dirty = !c->through;
    if (!l && !c->no_allocate)
        m_fill(m, level, line, dirty, 1);
    if (dirty && (c->through || (!l && c->no_allocate)))
        m_write(m, level + 1, line, 1);
}

/* ---- what other harts have to do ---- */

struct masked {
    int own, asked, dirty;
};

static inline struct mentry *m_entry(struct model *m, uint64_t line)
{
    struct mentry *set = &m->filter[line % m->filter_sets * m->filter_ways], *to = NULL;
    for (uint64_t w = 0; w < m->filter_ways; w++)
        if (set[w].used && set[w].line == line)
            return &set[w];
    for (uint64_t w = 0; w < m->filter_ways && !to; w++) {
        int live = 0;
        for (uint32_t i = 0; i < m->harts; i++)
            live |= set[w].used && m_has(m, i, set[w].line);
        if (!live)
            to = &set[w];
    }
    if (to)
        return to;
    to = set;
    for (uint64_t w = 1; w < m->filter_ways; w++)
        if (set[w].used < to->used)
            to = &set[w];
    return to;
}

/* The snoop filter needs an entry for the line. */
static inline void m_filter(struct model *m, uint64_t line)
{
    if (!m->filter_sets)
        return;
    struct mentry *e = m_entry(m, line);
    const uint64_t gone = e->line;
    int dirty = 0;
    if (e->used && gone != line)
        for (uint32_t i = 0; i < m->harts; i++)
            if (m_has(m, i, gone)) {
                dirty |= m_lose_all(m, i, gone);
                m->n[i].filtered++;
            }
    *e = (struct mentry){line, ++m->clock};
    if (dirty)
        m_write(m, CACHE_LLC, gone, 1);
}

static inline struct masked m_ask(struct model *m, uint64_t line, int write)
{
    struct masked a = {.own = 1};
    if (!m->has_directory)
        return a;
    const int in_llc = m_find(&m->llc, line) != NULL, others = m_others(m, line);
    struct coherence_counters *me = &m->n[m->hart];
    m_filter(m, line);
    for (uint32_t i = 0; i < m->harts; i++) {
        if (i == m->hart || !m_has(m, i, line))
            continue;
        if (write) {
            a.asked = 1;
            a.dirty |= m_lose_all(m, i, line);
            m->n[i].invalidated++;
        } else if (m_owns(m, i, line)) {
            a.asked = 1;
            m->n[i].downgrades++;
            for (int l = 0; l < 3; l++) {
                struct mline *copy = m_find(&m->c[i][l], line);
                a.dirty |= copy && copy->dirty;
                if (copy)
                    copy->dirty = copy->own = 0;
            }
        }
    }
    if (!write && others && !in_llc)
        a.asked = 1;
    if (!write && others)
        a.own = 0;
    else if (!write && m_has(m, m->hart, line))
        a.own = m_owns(m, m->hart, line);
    for (int l = 0; write && l < 3; l++)
        if (m_find(&m->c[m->hart][l], line))
            m_find(&m->c[m->hart][l], line)->own = 1;
    me->snoops += (uint64_t)a.asked;
    me->forwards_dirty += (uint64_t)(a.asked && a.dirty);
    me->forwards_clean += (uint64_t)(a.asked && !a.dirty && !in_llc);
    return a;
}

static inline void m_upgrade(struct model *m, uint64_t line)
{
    /* the LLC is asked for no data: as if it had the line */
    struct coherence_counters *me = &m->n[m->hart];
    const uint64_t clean = me->forwards_clean;
    m_ask(m, line, 1);
    me->forwards_clean = clean;
    me->upgrades++;
    m->source = SRC_COHERENCE;
}

/* ---- requests ---- */

static inline unsigned m_memory_source(uint64_t line)
{
    return line * 64 >= NVDIMM_BASE ? SRC_NVDIMM : SRC_DRAM;
}

/* What the LLC answers: whether the reader owns the line, and whether it comes dirty. */
static inline int m_read_llc(struct model *m, uint64_t line, unsigned kind, int alone, int *dirty)
{
    struct mline *l = m_look(m, CACHE_LLC, line, kind);
    struct masked a = {.own = 1};
    if (!alone)
        a = m_ask(m, line, kind == MEM_STORE);
    l = m_find(&m->llc, line);
    m->source = a.asked ? SRC_COHERENCE : l ? SRC_LLC : m_memory_source(line);
    *dirty = 0;
    const int keep = a.dirty && kind != MEM_STORE;
    if (!l && !a.asked)
        note(&m->log, kind, line * 64, 64);
    if (m->inclusion == LLC_EXCLUSIVE) {
        if (l)
            *dirty = m_lose(&m->llc, line);
        else if (keep)
            m_memory(m, line);
        return a.own;
    }
    if (!l)
        m_fill(m, CACHE_LLC, line, keep, 1);
    else if (keep)
        l->dirty = !m->llc.through;
    if (keep && m->llc.through)
        m_memory(m, line);
    return a.own;
}

static inline int m_read_l2(struct model *m, uint64_t line, unsigned kind)
{
    struct mline *l = m_look(m, CACHE_L2, line, kind);
    int dirty;
    m->source = SRC_L2;
    if (l) {
        if (kind == MEM_STORE && !l->own)
            m_upgrade(m, line);
        return l->own;
    }
    const int own = m_read_llc(m, line, kind, 0, &dirty);
    m_fill(m, CACHE_L2, line, dirty, own);
    return own;
}

static inline void m_read_l1(struct model *m, int level, uint64_t line, unsigned kind)
{
    m->source = SRC_L1;
    if (m_look(m, level, line, kind))
        return;
    const int own = m_read_l2(m, line, kind);
    m_fill(m, level, line, kind == MEM_STORE, own);
}

static inline void m_visible(struct model *m, uint64_t addr, unsigned bytes)
{
    if (addr >= NVDIMM_BASE)
        note(&m->log, MEM_VISIBLE, addr, bytes);
}

/* A store that misses an L1D that does not allocate for stores. */
static inline void m_store_around(struct model *m, uint64_t addr, unsigned bytes)
{
    const uint64_t line = addr / 64;
    struct mcache *l2 = &m->c[m->hart][CACHE_L2];
    if (m_find(l2, line) || !l2->no_allocate) {
        m_read_l2(m, line, MEM_STORE);
        m_visible(m, addr, bytes);
        m_find(l2, line)->dirty = !l2->through;
        if (l2->through)
            m_write(m, CACHE_LLC, line, 1);
        return;
    }
    m_look(m, CACHE_L2, line, MEM_STORE);
    m_look(m, CACHE_LLC, line, MEM_STORE);
    const struct masked a = m_ask(m, line, 1);
    m->source = a.asked || m_find(&m->llc, line) || m->llc.no_allocate
                    ? a.asked ? SRC_COHERENCE : SRC_LLC
                    : m_memory_source(line);
    if (!m_find(&m->llc, line) && !m->llc.no_allocate) {
        if (!a.asked)
            note(&m->log, MEM_STORE, line * 64, 64);
        m_fill(m, CACHE_LLC, line, 0, 1);
    }
    m_visible(m, addr, bytes);
    struct mline *l = m_find(&m->llc, line);
    if (l)
        l->dirty = !m->llc.through;
    if (!l || m->llc.through)
        m_memory(m, line);
}

static inline void m_store(struct model *m, uint64_t addr, unsigned bytes)
{
    const uint64_t line = addr / 64;
    struct mcache *l1d = &m->c[m->hart][CACHE_L1D];
    if (!m_find(l1d, line) && l1d->no_allocate) {
        m_look(m, CACHE_L1D, line, MEM_STORE);
        m_store_around(m, addr, bytes);
        return;
    }
    m_read_l1(m, CACHE_L1D, line, MEM_STORE);
    if (!m_find(l1d, line)->own)
        m_upgrade(m, line);
    m_find(l1d, line)->dirty = !l1d->through;
    m_visible(m, addr, bytes);
    if (l1d->through)
        m_write(m, CACHE_L2, line, 1);
}

static inline int m_clean_one(struct mcache *c, uint64_t line, unsigned kind, int *was_dirty)
{
    struct mline *l = m_find(c, line);
    c->n.accesses[kind]++;
    c->n.misses[kind] += !l;
    if (!l)
        return 0;
    if (l->dirty && !*was_dirty)
        c->n.writebacks++;
    *was_dirty |= l->dirty;
    l->dirty = 0;
    if (kind != MEM_CLWB) {
        l->valid = 0;
        c->n.invalidations++;
    }
    return 1;
}

/* Whether a copy was dirty: the requester's caches are looked at first, then those of others that
 * have the line, then the LLC. */
static inline int m_clean(struct model *m, uint64_t line, unsigned kind)
{
    int dirty = 0;
    for (uint32_t turn = 0; turn <= m->harts; turn++) {
        const uint32_t i = turn ? turn - 1 : m->hart;
        if (turn && (i == m->hart || !m_has(m, i, line)))
            continue;
        for (int l = kind == MEM_CLWB ? CACHE_L1D : CACHE_L1I; l < CACHE_LLC; l++)
            m_clean_one(&m->c[i][l], line, kind, &dirty);
        m->n[i].invalidated += turn && kind != MEM_CLWB;
    }
    m_clean_one(&m->llc, line, kind, &dirty);
    m->source = SRC_LLC;
    return dirty;
}

static inline void model_access(struct model *m, uint32_t hart, unsigned kind, uint64_t addr,
                                unsigned bytes)
{
    const uint64_t line = addr / 64;
    m->hart = hart;
    switch (kind) {
    case MEM_FETCH:
        m_read_l1(m, CACHE_L1I, line, kind);
        break;
    case MEM_LOAD:
    case MEM_WALK:
        m_read_l1(m, CACHE_L1D, line, kind);
        break;
    case MEM_STORE:
        m_store(m, addr, bytes);
        break;
    case MEM_PREFETCH:
        m_read_l2(m, line, kind);
        break;
    case MEM_FENCE:
        m->source = SRC_L1;
        break;
    case MEM_NTSTORE:
        if (m_clean(m, line, kind))
            m_memory(m, line);
        note(&m->log, kind, addr, bytes);
        m->source = m_memory_source(line);
        break;
    default:
        if (m_clean(m, line, kind)) {
            note(&m->log, kind, line * 64, 64);
            m->source = m_memory_source(line);
        }
    }
}

/* How a cache of the model holds a line, as hierarchy_held says it. */
static inline unsigned model_held(struct model *m, int level, uint32_t hart, uint64_t addr)
{
    const struct mline *l = m_find(m_cache(m, level, hart), addr / 64);
    if (!l)
        return 0;
    return HELD | (l->dirty ? HELD_DIRTY : 0) | (l->own && level != CACHE_LLC ? HELD_OWNED : 0);
}

#endif
