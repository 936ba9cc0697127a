/* opt.c - OPT: evicts the line whose next fetch lies furthest ahead; told the future. */
/*
 * Source: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
 * Journal 5(2), 1966; Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage
 * hierarchies", IBM Systems Journal 9(2), 1970. Two passes: the first finds for each access when
 * its line is fetched again (opt.h), the second replaces.
 *
 * `opt` takes every line in. `opt-bypass` keeps a line out when none of the set is fetched later
 * than it; write-backs cannot be kept out. Each has the fewest fetches of all policies with the
 * same rights: an interval from an access to the next fetch of its line is either kept, and saves
 * one fetch, or not, and giving up the interval that ends last leaves most room for others. It does
 * not have the fewest write-backs. Ties, which only lines have that are never fetched again: the
 * lowest way.
 *
 * Write-backs and prefetches: a write-back fetches nothing, so a line that is written back next
 * counts as never fetched again; prefetches count as demands.
 */
#include "memhier/opt.h"
#include "memhier/hugepage.h"
#include "memhier/kind.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdio.h>
#include <stdlib.h>

#define WAYS 16u

struct opt_set {
    uint32_t next[WAYS];
};

struct opt {
    uint32_t ways;
    int bypasses;
    struct policy_future future;
    uint32_t now; /* number of the access that comes */
    struct opt_set set[];
};

static void *make(const struct policy_config *cfg, int bypasses, char *err, size_t errlen)
{
    if (!cfg->future) {
        snprintf(err, errlen,
                 "OPT must know all accesses beforehand: it works in policy-only "
                 "replay (pwsim replay --llc), not in a run");
        return NULL;
    }
    struct opt *o = policy_alloc(sizeof *o + cfg->sets * sizeof o->set[0], err, errlen);
    if (!o)
        return NULL;
    o->ways = cfg->ways;
    o->bypasses = bypasses;
    o->future = *cfg->future;
    return o;
}

static void *opt_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    return make(cfg, 0, err, errlen);
}

static void *opt_bypass_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    return make(cfg, 1, err, errlen);
}

static inline uint32_t next_of(const struct opt *o)
{
    return o->now < o->future.n ? o->future.next[o->now] : OPT_NEVER;
}

static void opt_touch(void *state, const struct policy_access *a)
{
    struct opt *o = state;
    o->set[a->set].next[a->way] = next_of(o);
    o->now++;
}

static uint32_t opt_victim(void *state, const struct policy_access *a)
{
    struct opt *o = state;
    const uint32_t *next = o->set[a->set].next;
    uint32_t furthest = 0;
    for (uint32_t w = 1; w < o->ways; w++)
        furthest = next[w] > next[furthest] ? w : furthest;
    if (!o->bypasses || a->kind == MEM_WRITEBACK || next_of(o) < next[furthest])
        return furthest;
    o->now++;
    return POLICY_BYPASS;
}

const struct policy policy_opt = {
    .abi = POLICY_ABI,
    .name = "opt",
    .meaning = "Belady's OPT, every line taken in: fewest fetches; in policy-only replay",
    .foresees = 1,
    .make = opt_make,
    .drop = free,
    .hit = opt_touch,
    .fill = opt_touch,
    .victim = opt_victim,
    .evict = policy_evict_nothing,
};

const struct policy policy_opt_bypass = {
    .abi = POLICY_ABI,
    .name = "opt-bypass",
    .meaning = "Belady's OPT that may keep lines out: fewest fetches; in policy-only replay",
    .foresees = 1,
    .make = opt_bypass_make,
    .drop = free,
    .hit = opt_touch,
    .fill = opt_touch,
    .victim = opt_victim,
    .evict = policy_evict_nothing,
};

STREAM_INLINED uint32_t opt_stream(struct stream_store *s, const struct stream_access *v,
                                   uint32_t n)
{
    return stream_loop(s, &policy_opt, v, n, NULL);
}

STREAM_INLINED uint32_t opt_bypass_stream(struct stream_store *s, const struct stream_access *v,
                                          uint32_t n)
{
    return stream_loop(s, &policy_opt_bypass, v, n, NULL);
}

/* ---- the first pass ---- */

struct seen {
    uint64_t line; /* and 1: an empty slot is 0 */
    uint32_t next;
};

struct opt_seen {
    uint64_t mask;
    struct seen slot[];
};

struct opt_seen *opt_seen_new(uint32_t events)
{
    uint64_t slots = 1024;
    while (slots < 2 * (uint64_t)events)
        slots *= 2;
    struct opt_seen *s = calloc(1, sizeof *s + slots * sizeof s->slot[0]);
    if (!s)
        return NULL;
    hugepage_advise(s, sizeof *s + slots * sizeof s->slot[0]);
    s->mask = slots - 1;
    return s;
}

void opt_seen_free(struct opt_seen *s)
{
    free(s);
}

static inline uint64_t first_slot(const struct opt_seen *s, uint64_t line)
{
    return (line * UINT64_C(0x9e3779b97f4a7c15) >> 24) & s->mask;
}

void opt_seen_prefetch(const struct opt_seen *s, uint64_t line)
{
    __builtin_prefetch(&s->slot[first_slot(s, line)], 1);
}

static struct seen *slot_of(struct opt_seen *s, uint64_t line)
{
    uint64_t at = first_slot(s, line);
    while (s->slot[at].line && s->slot[at].line != line + 1)
        at = (at + 1) & s->mask;
    return &s->slot[at];
}

uint32_t opt_seen_access(struct opt_seen *s, uint32_t number, uint64_t line, unsigned kind)
{
    struct seen *e = slot_of(s, line);
    const uint32_t next = e->line ? e->next : OPT_NEVER;
    *e = (struct seen){.line = line + 1, .next = kind == MEM_WRITEBACK ? OPT_NEVER : number};
    return next;
}

void opt_seen_drop(struct opt_seen *s, uint64_t line)
{
    *slot_of(s, line) = (struct seen){.line = line + 1, .next = OPT_NEVER};
}
