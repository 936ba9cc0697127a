/* fifo.c - first in, first out. */
/*
 * Source: textbook. The victim is the line that was filled first; hits change nothing.
 * Write-backs and prefetches: every fill is the newest, whatever its kind.
 */
#include "memhier/archive.h"
#include "memhier/lru.h"
#include "memhier/policy.h"
#include "memhier/stream_loop.h"

#include <stdlib.h>

struct fifo {
    uint32_t ways;
    uint64_t order[]; /* lru.h, of fills alone */
};

static void *fifo_make(const struct policy_config *cfg, char *err, size_t errlen)
{
    struct fifo *f = policy_alloc(sizeof *f + cfg->sets * sizeof f->order[0], err, errlen);
    if (!f)
        return NULL;
    f->ways = cfg->ways;
    for (uint32_t set = 0; set < cfg->sets; set++)
        f->order[set] = LRU_START;
    return f;
}

static void fifo_hit(void *state, const struct policy_access *a)
{
    (void)state;
    (void)a;
}

static void fifo_fill(void *state, const struct policy_access *a)
{
    struct fifo *f = state;
    f->order[a->set] = lru_promote(f->order[a->set], a->way);
}

static uint32_t fifo_victim(void *state, const struct policy_access *a)
{
    const struct fifo *f = state;
    return lru_victim(f->order[a->set], f->ways);
}

static void fifo_archive(void *state, const struct policy_config *cfg, struct archive *a)
{
    struct fifo *f = state;
    archive_section(a, "FIFO", 1);
    lru_archive_orders(a, f->order, cfg->sets, cfg->ways);
}

const struct policy policy_fifo = {
    .abi = POLICY_ABI,
    .name = "fifo",
    .meaning = "first in, first out",
    .make = fifo_make,
    .drop = free,
    .hit = fifo_hit,
    .fill = fifo_fill,
    .victim = fifo_victim,
    .evict = policy_evict_nothing,
    .archive = fifo_archive,
};

STREAM_INLINED uint32_t fifo_stream(struct stream_store *s, const struct stream_access *v,
                                    uint32_t n)
{
    return stream_loop(s, &policy_fifo, v, n, NULL);
}
