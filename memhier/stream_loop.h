/* stream_loop.h - what stream.c does for each access; a policy's file inlines its own calls. */
#ifndef MEMHIER_STREAM_LOOP_H
#define MEMHIER_STREAM_LOOP_H

#include "memhier/kind.h"
#include "memhier/match.h"
#include "memhier/policy.h"
#include "memhier/stream.h"

/*
 * The loop is written once, against the seam. Given a policy that the compiler knows, it becomes a
 * loop of that policy alone, with hit, victim, evict and fill inside:
 *
 *     STREAM_INLINED uint32_t x_stream(struct stream_store *s, const struct stream_access *v,
 *                                      uint32_t n)
 *     {
 *         return stream_loop(s, &policy_x, v, n, NULL);
 *     }
 *
 * stream.c takes that one for the policies in the tree, and passes a user's through its table.
 * Neither can differ from the other: they are the same code.
 */
#define STREAM_INLINED __attribute__((flatten))
#define STREAM_WAYS    16u
#define STREAM_AHEAD   12u /* accesses ahead whose set is brought near */

/* Tags of 32 bits in the fewest sets hold lines below this. */
#define STREAM_SETS_MIN 8u
#define STREAM_LINES    ((uint64_t)STREAM_SETS_MIN << 32)

enum stream_class { STREAM_PLAIN, STREAM_FLUSH, STREAM_WRONG };

struct stream_marks {
    uint16_t valid, dirty; /* a bit a way */
};

struct stream_store {
    uint32_t *tags;             /* STREAM_WAYS a set, one cache line of the host */
    struct stream_marks *marks; /* one a set */
    uint32_t set_mask, set_bits, ways, full;
    const uint8_t *class_of; /* enum stream_class of each of the 256 kinds that one can write */
    void *state;             /* the policy's */
    /* What stream_counts are made of. */
    uint64_t missed[MEM_KINDS], hit[MEM_KINDS]; /* accesses by kind */
    uint64_t writebacks, bypasses, policy_errors;
};

typedef uint32_t stream_loop_fn(struct stream_store *s, const struct stream_access *v, uint32_t n);

stream_loop_fn lru_stream, plru_stream, nru_stream, fifo_stream, random_stream, lfu_stream,
    lip_stream, bip_stream, dip_stream, srrip_stream, brrip_stream, drrip_stream, ship_stream,
    shippp_stream, hawkeye_stream, glider_stream, mockingjay_stream, mpppb_stream, opt_stream,
    opt_bypass_stream;

/* outcome: NULL where nobody wants to know. */
static inline void stream_note(uint64_t *outcome, uint64_t what)
{
    if (outcome)
        *outcome |= what;
}

static inline void stream_note_written(uint64_t *outcome, uint64_t line, uint64_t wrote)
{
    stream_note(outcome, wrote ? STREAM_WROTE | line << STREAM_LINE : 0);
}

static inline uint32_t *stream_tags(const struct stream_store *s, uint32_t set)
{
    return s->tags + (size_t)set * STREAM_WAYS;
}

static inline uint64_t stream_line_in(const struct stream_store *s, uint32_t set, uint32_t way)
{
    return (uint64_t)stream_tags(s, set)[way] << s->set_bits | set;
}

/* As a policy is told: a write-back is nobody's access. */
static inline struct policy_access stream_describe(const struct stream_access *a, uint32_t set,
                                                   uint32_t way, uint32_t dirty)
{
    const uint64_t ours = 0 - (uint64_t)(a->kind != MEM_WRITEBACK);
    return (struct policy_access){.line = a->line,
                                  .pc = a->pc & ours,
                                  .set = set,
                                  .way = way,
                                  .kind = a->kind,
                                  .hart = a->hart,
                                  .dirty = (uint8_t)dirty,
                                  .offset = (uint8_t)(a->offset & ours)};
}

/* A way or POLICY_BYPASS. Any other answer is counted, and way 0 is taken. */
static inline uint32_t stream_ask_victim(struct stream_store *s, const struct policy *p,
                                         const struct stream_access *a, uint32_t set)
{
    const struct policy_access asked = stream_describe(a, set, 0, 0);
    const uint32_t way = p->victim(s->state, &asked);
    if (way < s->ways || (way == POLICY_BYPASS && a->kind != MEM_WRITEBACK))
        return way;
    s->policy_errors++;
    return 0;
}

static inline void stream_tell_evict(struct stream_store *s, const struct policy *p,
                                     const struct stream_access *a, uint32_t set, uint32_t way)
{
    struct policy_access out = stream_describe(a, set, way, s->marks[set].dirty >> way & 1);
    out.line = stream_line_in(s, set, way);
    p->evict(s->state, &out);
}

/* The line is absent. */
static inline __attribute__((always_inline)) void stream_fill(struct stream_store *s,
                                                              const struct policy *p,
                                                              const struct stream_access *a,
                                                              uint32_t set, uint64_t *outcome)
{
    struct stream_marks *m = &s->marks[set];
    const uint32_t invalid = ~(uint32_t)m->valid & s->full, writes = a->kind == MEM_WRITEBACK;
    uint32_t way;
    if (__builtin_expect(invalid != 0, 0)) {
        way = (uint32_t)__builtin_ctz(invalid);
        m->valid = (uint16_t)(m->valid | 1u << way);
    } else {
        way = stream_ask_victim(s, p, a, set);
        if (way == POLICY_BYPASS) {
            s->bypasses++;
            return;
        }
        const uint32_t wrote = m->dirty >> way & 1;
        s->writebacks += wrote;
        stream_note_written(outcome, stream_line_in(s, set, way), wrote);
        stream_tell_evict(s, p, a, set, way);
    }
    stream_tags(s, set)[way] = (uint32_t)(a->line >> s->set_bits);
    m->dirty = (uint16_t)((m->dirty & ~(1u << way)) | writes << way);
    const struct policy_access in = stream_describe(a, set, way, writes);
    p->fill(s->state, &in);
}

/* The bit of the way that holds the line, or 0. */
static inline uint32_t stream_look_up(const struct stream_store *s, const struct stream_access *a,
                                      uint32_t set)
{
    const uint32_t tag = (uint32_t)(a->line >> s->set_bits);
    return match_tags(stream_tags(s, set), 4, tag) & s->marks[set].valid;
}

static inline void stream_flush(struct stream_store *s, const struct policy *p,
                                const struct stream_access *a, uint64_t *outcome)
{
    const uint32_t set = (uint32_t)a->line & s->set_mask;
    const uint32_t hit = stream_look_up(s, a, set);
    struct stream_marks *m = &s->marks[set];
    const uint32_t wrote = a->dirty || (m->dirty & hit);
    s->writebacks += wrote;
    stream_note_written(outcome, a->line, wrote);
    if (!hit)
        return;
    if (a->kind != MEM_CLWB) {
        stream_tell_evict(s, p, a, set, (uint32_t)__builtin_ctz(hit));
        m->valid = (uint16_t)(m->valid & ~hit);
    }
    m->dirty = (uint16_t)(m->dirty & ~hit);
}

/* A demand, a prefetch or a write-back. */
static inline __attribute__((always_inline)) void stream_one(struct stream_store *s,
                                                             const struct policy *p,
                                                             const struct stream_access *a,
                                                             uint64_t *outcome)
{
    const uint32_t set = (uint32_t)a->line & s->set_mask;
    const uint32_t hit = stream_look_up(s, a, set);
    struct stream_marks *m = &s->marks[set];
    if (!hit) {
        s->missed[a->kind]++;
        stream_fill(s, p, a, set, outcome);
        return;
    }
    const uint32_t way = (uint32_t)__builtin_ctz(hit), writes = a->kind == MEM_WRITEBACK;
    s->hit[a->kind]++;
    stream_note(outcome, STREAM_HIT);
    m->dirty = (uint16_t)(m->dirty | writes << way);
    const struct policy_access found = stream_describe(a, set, way, 0);
    p->hit(s->state, &found);
}

/*
 * n accesses; STREAM_AHEAD more can be read, whatever they are. Returns how many were done: less
 * than n when the next is none that a cache gets. outcome: room for n, or NULL.
 */
static inline __attribute__((always_inline)) uint32_t stream_loop(struct stream_store *s,
                                                                  const struct policy *p,
                                                                  const struct stream_access *v,
                                                                  uint32_t n, uint64_t *outcome)
{
    const struct stream_access *a = v, *end = v + n;
    for (; a < end; a++) {
        const enum stream_class what = s->class_of[a->kind];
        uint64_t *told = outcome ? &outcome[a - v] : NULL;
        __builtin_prefetch(stream_tags(s, (uint32_t)a[STREAM_AHEAD].line & s->set_mask));
        if (told)
            *told = 0;
        if (__builtin_expect(a->line >= STREAM_LINES, 0))
            break;
        if (__builtin_expect(what == STREAM_PLAIN, 1))
            stream_one(s, p, a, told);
        else if (what == STREAM_FLUSH)
            stream_flush(s, p, a, told);
        else
            break;
    }
    return (uint32_t)(a - v);
}

#endif
