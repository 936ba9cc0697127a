/* stream.c - a policy alone: tags, valid and dirty bits, and the protocol of policy.h. */
#include "memhier/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/stream_loop.h"

#define SETS_MAX (1u << 20)
#define FORESEEN 16u /* accesses before the present one whose place is brought near */

/* ---- the loop ---- */

static const struct {
    const struct policy *policy;
    stream_loop_fn *loop;
} inlined[] = {
    {&policy_lru, lru_stream},
    {&policy_plru, plru_stream},
    {&policy_nru, nru_stream},
    {&policy_fifo, fifo_stream},
    {&policy_random, random_stream},
    {&policy_lfu, lfu_stream},
    {&policy_lip, lip_stream},
    {&policy_bip, bip_stream},
    {&policy_dip, dip_stream},
    {&policy_srrip, srrip_stream},
    {&policy_brrip, brrip_stream},
    {&policy_drrip, drrip_stream},
    {&policy_ship, ship_stream},
    {&policy_shippp, shippp_stream},
    {&policy_hawkeye, hawkeye_stream},
    {&policy_glider, glider_stream},
    {&policy_mockingjay, mockingjay_stream},
    {&policy_mpppb, mpppb_stream},
    {&policy_opt, opt_stream},
    {&policy_opt_bypass, opt_bypass_stream},
};

/* NULL: through its table. */
static stream_loop_fn *loop_of(const struct policy *p)
{
    for (size_t i = 0; i < sizeof inlined / sizeof inlined[0]; i++)
        if (inlined[i].policy == p)
            return inlined[i].loop;
    return NULL;
}

static void classify(uint8_t class_of[256])
{
    for (unsigned kind = 0; kind < 256; kind++)
        class_of[kind] = kind >= MEM_VISIBLE || kind == MEM_FENCE ? STREAM_WRONG
                         : kind_is_flush(kind)                    ? STREAM_FLUSH
                                                                  : STREAM_PLAIN;
}

/* How many of n were done, as stream_loop. */
static uint32_t run_part(struct stream_store *s, const struct policy *p,
                         const struct stream_access *v, uint32_t n, uint64_t *outcome)
{
    stream_loop_fn *loop = loop_of(p);
    if (outcome)
        return stream_loop(s, p, v, n, outcome);
    return loop ? loop(s, v, n) : stream_loop(s, p, v, n, NULL);
}

/* The last ones from a copy: the loop looks STREAM_AHEAD further. */
static int run(struct stream_store *s, const struct policy *p, const struct stream_access *v,
               uint32_t n, uint64_t *outcome, char *err, size_t errlen)
{
    struct stream_access last[2 * STREAM_AHEAD] = {0};
    const uint32_t rest = n < STREAM_AHEAD ? n : STREAM_AHEAD, most = n - rest;
    uint32_t done = run_part(s, p, v, most, outcome);
    for (uint32_t i = 0; i < rest; i++)
        last[i] = v[most + i];
    if (done == most)
        done += run_part(s, p, last, rest, outcome ? outcome + most : NULL);
    if (done == n)
        return 0;
    snprintf(err, errlen, "access %u of the stream is none that a cache gets", done);
    return -1;
}

static struct stream_counts counts_of(const struct stream_store *s)
{
    struct stream_counts c = {.writeback_hits = s->hit[MEM_WRITEBACK],
                              .writeback_misses = s->missed[MEM_WRITEBACK],
                              .writebacks = s->writebacks,
                              .bypasses = s->bypasses,
                              .policy_errors = s->policy_errors};
    for (unsigned kind = 0; kind < MEM_KINDS; kind++) {
        c.accesses += s->hit[kind] + s->missed[kind];
        c.demand_misses += kind_is_demand(kind) ? s->missed[kind] : 0;
        c.hits += kind == MEM_WRITEBACK ? 0 : s->hit[kind];
        c.misses += kind == MEM_WRITEBACK ? 0 : s->missed[kind];
    }
    return c;
}

/* ---- the whole ---- */

static int check_shape(const struct stream_config *cfg, uint32_t *sets, char *err, size_t errlen)
{
    const uint64_t way_bytes = cfg->ways * (uint64_t)LINE_BYTES;
    const uint64_t count = cfg->ways >= 1 && cfg->ways <= STREAM_WAYS ? cfg->bytes / way_bytes : 0;
    if (!count || cfg->bytes % way_bytes || (count & (count - 1)) || count < STREAM_SETS_MIN ||
        count > SETS_MAX) {
        snprintf(err, errlen,
                 "%llu bytes in %u ways are no power of two of sets from %u to %u; ways are 1 to "
                 "16",
                 (unsigned long long)cfg->bytes, cfg->ways, STREAM_SETS_MIN, SETS_MAX);
        return -1;
    }
    *sets = (uint32_t)count;
    return 0;
}

static int attach(struct stream_store *s, const struct policy *policy,
                  const struct stream_config *cfg, const struct policy_future *future, char *err,
                  size_t errlen)
{
    const struct policy_config pc = {
        .seed = cfg->seed, .sets = s->set_mask + 1, .ways = s->ways, .future = future};
    if (policy->abi != POLICY_ABI) {
        snprintf(err, errlen, "a policy built for interface %u; this is %u", policy->abi,
                 POLICY_ABI);
        return -1;
    }
    s->state = policy->make(&pc, err, errlen);
    return s->state ? 0 : -1;
}

int stream_run_noting(const struct stream_access *v, uint32_t n, const struct policy *policy,
                      const struct stream_config *cfg, const struct policy_future *future,
                      struct stream_counts *counts, uint64_t *outcome, char *err, size_t errlen)
{
    uint32_t sets;
    if (check_shape(cfg, &sets, err, errlen))
        return -1;
    uint8_t class_of[256];
    struct stream_store s = {.set_mask = sets - 1,
                             .set_bits = (uint32_t)__builtin_ctz(sets),
                             .ways = cfg->ways,
                             .full = (1u << cfg->ways) - 1,
                             .class_of = class_of};
    int bad = -1;
    classify(class_of);
    s.tags = policy_alloc(sets * STREAM_WAYS * sizeof *s.tags, err, errlen);
    s.marks = policy_alloc(sets * sizeof *s.marks, err, errlen);
    if (s.tags && s.marks && !attach(&s, policy, cfg, future, err, errlen)) {
        bad = run(&s, policy, v, n, outcome, err, errlen);
        policy->drop(s.state);
    }
    free(s.tags);
    free(s.marks);
    *counts = counts_of(&s);
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
        opt_seen_prefetch(seen, v[i > FORESEEN ? i - FORESEEN : 0].line);
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
