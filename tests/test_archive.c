/* test_archive.c - the memory side in checkpoints: what comes back answers as what was saved. */
/*
 * A dense stream of requests, most of them under way at once, is cut at many points: the state is
 * written, read into a new memory side, and both are given the rest. Every answer must be the same,
 * and what they write in the end. Caches, queues and buffers are tiny, so that all of them are
 * full.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/policy.h"
#include "sim/memside.h"

#define REQUESTS 3000u
#define BEHIND   400u /* requests behind a cut that are compared */

static char err[1000];

static struct config *tiny(const char *policy, const char *domain)
{
    char p[3][64], d[64];
    struct config *cfg;
    snprintf(p[0], sizeof p[0], "l1d.policy=%s", policy);
    snprintf(p[1], sizeof p[1], "l2.policy=%s", policy);
    snprintf(p[2], sizeof p[2], "llc.policy=%s", policy);
    snprintf(d, sizeof d, "nvdimm.domain=%s", domain);
    const char *const sets[] = {"l1i.size=2 KiB",
                                "l1i.ways=4",
                                "l1d.size=2 KiB",
                                "l1d.ways=4",
                                "l2.size=4 KiB",
                                "l2.ways=8",
                                "llc.size=8 KiB",
                                "llc.ways=16",
                                "nvdimm.size=64 MiB",
                                "nvdimm.wpq=4",
                                "nvdimm.buffer=4",
                                p[0],
                                p[1],
                                p[2],
                                d};
    cr_assert_eq(config_load(NULL, sets, sizeof sets / sizeof sets[0], &cfg, err, sizeof err), 0,
                 "%s", err);
    return cfg;
}

static uint64_t draw(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *random >> 33;
}

/* Request i of the stream: about one a nanosecond, a few from the past, in both memories. */
static struct mem_req request(uint64_t *random, ps_t *at)
{
    static const uint8_t kinds[] = {MEM_LOAD,  MEM_LOAD,  MEM_STORE,   MEM_STORE,
                                    MEM_STORE, MEM_FETCH, MEM_CLWB,    MEM_CLFLUSHOPT,
                                    MEM_WALK,  MEM_STORE, MEM_NTSTORE, MEM_NTSTORE};
    const uint64_t r = draw(random);
    struct mem_req q = {.kind = kinds[r % sizeof kinds], .bytes = 8, .pc = (r >> 4 & 63) * 4};
    *at += draw(random) % 2000;
    q.at = *at - (r & 7 ? 0 : draw(random) % 20000) % *at;
    q.addr = (draw(random) % 700) * 8 * (r & 16 ? 8 : 1024);
    if ((r & 32 && q.kind != MEM_FETCH && q.kind != MEM_WALK) || q.kind == MEM_NTSTORE)
        q.addr += NVDIMM_BASE;
    return q;
}

/* As a core does: the domain hears of a store before the caches. */
static struct mem_reply give(struct memside *side, const struct mem_req *q, uint64_t value)
{
    if (addr_is_nvdimm(q->addr) && (q->kind == MEM_STORE || q->kind == MEM_NTSTORE))
        domain_store(side->domain, &(struct domain_store){.addr = q->addr,
                                                          .old_bytes = value,
                                                          .new_bytes = value + 1,
                                                          .at = q->at,
                                                          .pc = q->pc,
                                                          .bytes = 8,
                                                          .nontemporal = q->kind == MEM_NTSTORE});
    return hierarchy_access(side->hierarchy, q);
}

static struct archive saved(struct memside *side)
{
    struct archive a;
    archive_begin(&a);
    memside_archive(side, &a);
    cr_assert_eq(archive_seal(&a), 0, "%s", a.failed);
    return a;
}

/* From here on both sides answer alike. */
static void follow(struct memside *a, const struct config *cfg, uint64_t random, ps_t at,
                   const char *what)
{
    struct memside b;
    struct archive first = saved(a), in, one, two;
    cr_assert_eq(memside_make(&b, cfg, 1, err, sizeof err), 0, "%s", err);
    cr_assert_eq(archive_open(&in, first.bytes, first.n), 0);
    memside_archive(&b, &in);
    cr_assert_null(in.failed, "%s", in.failed);
    cr_assert_eq(archive_left(&in), 0);
    for (uint32_t i = 0; i < BEHIND; i++) {
        const struct mem_req q = request(&random, &at);
        const struct mem_reply x = give(a, &q, i), y = give(&b, &q, i);
        cr_assert(x.done == y.done && x.source == y.source,
                  "%s: request %u: %lu from %u, %lu "
                  "from %u",
                  what, i, x.done, x.source, y.done, y.source);
        if (i % 16 == 0) {
            domain_settle(a->domain, at > 100000 ? at - 100000 : 0);
            domain_settle(b.domain, at > 100000 ? at - 100000 : 0);
        }
    }
    cr_assert_eq(nvdimm_drain(a->nvdimm, at), nvdimm_drain(b.nvdimm, at), "%s", what);
    one = saved(a);
    two = saved(&b);
    cr_assert_eq(one.n, two.n, "%s", what);
    cr_assert_arr_eq(one.bytes, two.bytes, one.n, "%s", what);
    archive_free(&first);
    archive_free(&one);
    archive_free(&two);
    memside_drop(&b);
}

/* Cut somewhere behind `from` requests. */
static void cut(const struct config *cfg, uint32_t from, const char *what)
{
    struct memside a;
    uint64_t random = from;
    ps_t at = 1000000;
    cr_assert_eq(memside_make(&a, cfg, 1, err, sizeof err), 0, "%s", err);
    for (uint32_t i = 0; i < from; i++) {
        const struct mem_req q = request(&random, &at);
        (void)give(&a, &q, i);
    }
    follow(&a, cfg, random, at, what);
    memside_drop(&a);
}

/* Can a cache of a machine have it? */
static int makes_one(const struct policy *p)
{
    const struct policy_config cfg = {.seed = 1, .sets = 8, .ways = 4};
    void *state = p->make(&cfg, err, sizeof err);
    if (state)
        p->drop(state);
    return state != NULL;
}

Test(archive, every_policy_and_all_that_is_under_way_come_back, .timeout = 120)
{
    static const char *const domains[] = {"none", "adr", "eadr"};
    uint32_t k = 0;
    for (const struct policy *const *p = policy_table; *p; p++, k++) {
        if (!makes_one(*p))
            continue; /* in replays only */
        struct config *cfg = tiny((*p)->name, domains[k % 3]);
        for (uint32_t from = 100 + k; from < REQUESTS; from += 700)
            cut(cfg, from, (*p)->name);
        config_free(cfg);
    }
}
