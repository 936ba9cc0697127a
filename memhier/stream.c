/* stream.c - a policy alone: tags, valid and dirty bits, and the protocol of policy.h. */
#include "memhier/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/kind.h"
#include "memhier/lru.h"

#define WAYS      16u
#define LOOKAHEAD 12u /* accesses ahead whose set is brought near */
#define SETS_MIN  8u
#define SETS_MAX  (1u << 20)

/* Tags of 32 bits hold lines below SETS_MIN << 32; those above are refused. */
#define LINE_LIMIT ((uint64_t)SETS_MIN << 32)

struct set {
    uint32_t tag[WAYS];
    uint16_t valid, dirty;
    uint64_t order; /* lru.h; only for the policy LRU */
} __attribute__((aligned(16)));

struct store {
    struct set *sets;
    uint32_t set_mask, set_bits, ways, full;
    const struct policy *policy;
    void *state;
    struct stream_counts *counts;
    uint64_t *outcome; /* of the present access; NULL: nobody wants to know */
};

/* `noting`: a constant of the caller, as `lru` is. */
static inline void note(const struct store *s, int noting, uint64_t what)
{
    if (noting)
        *s->outcome |= what;
}

static inline void note_written(const struct store *s, int noting, uint64_t line, uint64_t wrote)
{
    note(s, noting, wrote ? STREAM_WROTE | line << STREAM_LINE : 0);
}

typedef uint32_t four __attribute__((vector_size(16)));

static inline uint32_t match(const uint32_t *tags, uint32_t tag)
{
    const four *t = (const four *)(const void *)tags;
    const four key = {tag, tag, tag, tag}, bit = {1, 2, 4, 8};
    const four found = ((four)(t[0] == key) & bit) | ((four)(t[1] == key) & bit << 4) |
                       ((four)(t[2] == key) & bit << 8) | ((four)(t[3] == key) & bit << 12);
    return found[0] | found[1] | found[2] | found[3];
}

static inline struct policy_access describe(const struct stream_access *a, uint32_t set,
                                            uint32_t way)
{
    const int ours = a->kind != MEM_WRITEBACK;
    return (struct policy_access){.line = a->line,
                                  .pc = ours ? a->pc : 0,
                                  .set = set,
                                  .way = way,
                                  .kind = a->kind,
                                  .hart = a->hart,
                                  .dirty = !ours,
                                  .offset = ours ? a->offset : 0};
}

static uint32_t ask_victim(struct store *s, const struct stream_access *a, uint32_t set)
{
    struct policy_access p = describe(a, set, 0);
    p.dirty = 0;
    const uint32_t way = s->policy->victim(s->state, &p);
    if (way < s->ways || (way == POLICY_BYPASS && a->kind != MEM_WRITEBACK))
        return way;
    s->counts->policy_errors++;
    return 0;
}

static void tell_evict(struct store *s, const struct stream_access *a, uint32_t set, uint32_t way)
{
    const struct set *at = &s->sets[set];
    struct policy_access p = describe(a, set, way);
    p.line = (uint64_t)at->tag[way] << s->set_bits | set;
    p.dirty = at->dirty >> way & 1;
    s->policy->evict(s->state, &p);
}

/* `lru`: a constant of the caller, so that the policy every cache has costs no call. */
static inline __attribute__((always_inline)) void
fill(struct store *s, const struct stream_access *a, uint32_t set, int lru, int noting)
{
    struct set *at = &s->sets[set];
    const uint32_t invalid = ~(uint32_t)at->valid & s->full, writes = a->kind == MEM_WRITEBACK;
    uint32_t way;
    if (invalid) {
        way = (uint32_t)__builtin_ctz(invalid);
    } else {
        way = lru ? lru_victim(at->order, s->ways) : ask_victim(s, a, set);
        if (!lru && way == POLICY_BYPASS) {
            s->counts->bypasses++;
            return;
        }
        const uint32_t wrote = at->dirty >> way & 1;
        s->counts->writebacks += wrote;
        note_written(s, noting, (uint64_t)at->tag[way] << s->set_bits | set, wrote);
        if (!lru)
            tell_evict(s, a, set, way);
    }
    at->tag[way] = (uint32_t)(a->line >> s->set_bits);
    at->valid = (uint16_t)(at->valid | 1u << way);
    at->dirty = (uint16_t)((at->dirty & ~(1u << way)) | writes << way);
    if (lru) {
        at->order = lru_on_fill(at->order, way);
        return;
    }
    const struct policy_access p = describe(a, set, way);
    s->policy->fill(s->state, &p);
}

static void flush(struct store *s, const struct stream_access *a, uint32_t set, uint32_t hit,
                  int lru, int noting)
{
    struct set *at = &s->sets[set];
    const uint32_t wrote = a->dirty || (at->dirty & hit);
    s->counts->writebacks += wrote;
    note_written(s, noting, a->line, wrote);
    if (!hit)
        return;
    if (a->kind != MEM_CLWB) {
        if (!lru)
            tell_evict(s, a, set, (uint32_t)__builtin_ctz(hit));
        at->valid = (uint16_t)(at->valid & ~hit);
    }
    at->dirty = (uint16_t)(at->dirty & ~hit);
}

static inline __attribute__((always_inline)) void
access_one(struct store *s, const struct stream_access *a, int lru, int noting)
{
    const uint32_t set = (uint32_t)a->line & s->set_mask;
    struct set *at = &s->sets[set];
    const uint32_t hit = match(at->tag, (uint32_t)(a->line >> s->set_bits)) & at->valid;
    const uint32_t writes = a->kind == MEM_WRITEBACK;
    if (__builtin_expect(kind_is_flush(a->kind), 0)) {
        flush(s, a, set, hit, lru, noting);
        return;
    }
    s->counts->accesses++;
    if (!hit) {
        s->counts->misses += !writes;
        s->counts->writeback_misses += writes;
        s->counts->demand_misses += (uint64_t)kind_is_demand(a->kind);
        fill(s, a, set, lru, noting);
        return;
    }
    note(s, noting, STREAM_HIT);
    s->counts->hits += !writes;
    s->counts->writeback_hits += writes;
    const uint32_t way = (uint32_t)__builtin_ctz(hit);
    at->dirty = (uint16_t)(at->dirty | writes << way);
    if (lru) {
        at->order = lru_on_hit(at->order, way, a->kind);
        return;
    }
    struct policy_access p = describe(a, set, way);
    p.dirty = 0;
    s->policy->hit(s->state, &p);
}

static inline __attribute__((always_inline)) void
run_all(struct store *s, const struct stream_access *v, uint32_t n, int lru, int noting)
{
    for (uint32_t i = 0; i < n; i++) {
        __builtin_prefetch(&s->sets[v[i + LOOKAHEAD < n ? i + LOOKAHEAD : i].line & s->set_mask]);
        if (noting)
            *s->outcome = 0;
        access_one(s, &v[i], lru, noting);
        if (noting)
            s->outcome++;
    }
}

static void run_lru(struct store *s, const struct stream_access *v, uint32_t n)
{
    if (s->outcome)
        run_all(s, v, n, 1, 1);
    else
        run_all(s, v, n, 1, 0);
}

static void run_policy(struct store *s, const struct stream_access *v, uint32_t n)
{
    if (s->outcome)
        run_all(s, v, n, 0, 1);
    else
        run_all(s, v, n, 0, 0);
}

/* ---- the whole ---- */

static int check(const struct stream_access *v, uint32_t n, const struct stream_config *cfg,
                 uint32_t *sets, char *err, size_t errlen)
{
    const uint64_t way_bytes = cfg->ways * (uint64_t)LINE_BYTES;
    const uint64_t count = cfg->ways >= 1 && cfg->ways <= WAYS ? cfg->bytes / way_bytes : 0;
    if (!count || cfg->bytes % way_bytes || (count & (count - 1)) || count < SETS_MIN ||
        count > SETS_MAX) {
        snprintf(err, errlen,
                 "%llu bytes in %u ways are no power of two of sets from %u to %u; ways are 1 to "
                 "16",
                 (unsigned long long)cfg->bytes, cfg->ways, SETS_MIN, SETS_MAX);
        return -1;
    }
    for (uint32_t i = 0; i < n; i++)
        if (v[i].line >= LINE_LIMIT || v[i].kind >= MEM_VISIBLE || v[i].kind == MEM_FENCE) {
            snprintf(err, errlen, "access %u of the stream is none that a cache gets", i);
            return -1;
        }
    *sets = (uint32_t)count;
    return 0;
}

static int attach(struct store *s, const struct policy *policy, const struct stream_config *cfg,
                  const struct policy_future *future, char *err, size_t errlen)
{
    const struct policy_config pc = {
        .seed = cfg->seed, .sets = s->set_mask + 1, .ways = s->ways, .future = future};
    if (policy->abi != POLICY_ABI) {
        snprintf(err, errlen, "a policy built for interface %u; this is %u", policy->abi,
                 POLICY_ABI);
        return -1;
    }
    s->policy = policy;
    s->state = policy->make(&pc, err, errlen);
    return s->state ? 0 : -1;
}

int stream_run_noting(const struct stream_access *v, uint32_t n, const struct policy *policy,
                      const struct stream_config *cfg, const struct policy_future *future,
                      struct stream_counts *counts, uint64_t *outcome, char *err, size_t errlen)
{
    uint32_t sets;
    struct stream_counts c = {0};
    if (check(v, n, cfg, &sets, err, errlen))
        return -1;
    struct store s = {.set_mask = sets - 1,
                      .set_bits = (uint32_t)__builtin_ctz(sets),
                      .ways = cfg->ways,
                      .full = (1u << cfg->ways) - 1,
                      .counts = &c,
                      .outcome = outcome};
    s.sets = policy_alloc(sets * sizeof *s.sets, err, errlen);
    if (!s.sets)
        return -1;
    for (uint32_t i = 0; i < sets; i++)
        s.sets[i].order = LRU_START;
    int bad = 0;
    if (policy == &policy_lru) {
        run_lru(&s, v, n);
    } else if (!(bad = attach(&s, policy, cfg, future, err, errlen))) {
        run_policy(&s, v, n);
        policy->drop(s.state);
    }
    free(s.sets);
    *counts = c;
    return bad;
}

int stream_run(const struct stream_access *v, uint32_t n, const struct policy *policy,
               const struct stream_config *cfg, const struct policy_future *future,
               struct stream_counts *counts, char *err, size_t errlen)
{
    return stream_run_noting(v, n, policy, cfg, future, counts, NULL, err, errlen);
}

int stream_foresee(const struct stream_access *v, uint32_t n, uint32_t **next,
                   struct policy_future *future)
{
    struct opt_seen *seen = opt_seen_new(n);
    uint32_t *to = malloc((n + 1ul) * sizeof *to);
    uint32_t count = 0;
    if (!seen || !to) {
        opt_seen_free(seen);
        free(to);
        return -1;
    }
    for (uint32_t i = 0; i < n; i++)
        count += !kind_is_flush(v[i].kind);
    for (uint32_t i = n, number = count; i-- > 0;) {
        if (!kind_is_flush(v[i].kind)) {
            number--;
            to[number] = opt_seen_access(seen, number, v[i].line, v[i].kind);
        } else if (v[i].kind != MEM_CLWB) {
            opt_seen_drop(seen, v[i].line);
        }
    }
    opt_seen_free(seen);
    *next = to;
    *future = (struct policy_future){.next = to, .n = count};
    return 0;
}
