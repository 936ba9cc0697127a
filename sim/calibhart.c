/* calibhart.c - a simulated hart that only loads, stores, flushes and fences, for calibration. */
#include "sim/calibhart.h"

#include <string.h>

#define PAGE_LINES 64u

static ps_t later(ps_t a, ps_t b)
{
    return a > b ? a : b;
}

void calib_hart_init(struct calib_hart *h, const struct calib_core *core,
                     struct hierarchy *hierarchy, uint32_t hart, uint32_t stream)
{
    memset(h, 0, sizeof *h);
    h->core = core;
    h->hierarchy = hierarchy;
    h->req.hart = (uint8_t)hart;
    h->random = hart;
    h->fills.n = core->fills;
    h->stores.n = core->stores;
    h->flushes.n = core->flushes;
    h->prefetches.n = stream;
    h->line = UINT64_MAX - 1;
}

static struct mem_reply ask(struct calib_hart *h, enum mem_kind kind, uint64_t addr, uint32_t bytes,
                            ps_t at)
{
    h->req.kind = (uint8_t)kind;
    h->req.addr = addr;
    h->req.bytes = (uint16_t)bytes;
    h->req.at = at;
    return hierarchy_access(h->hierarchy, &h->req);
}

static ps_t *first_free(struct calib_slots *s)
{
    ps_t *best = s->until;
    for (uint32_t i = 1; i < s->n; i++) {
        if (s->until[i] < *best)
            best = &s->until[i];
    }
    return best;
}

/* An ascending stream: prefetch ahead of it as long as there is a free slot. */
static void run_ahead(struct calib_hart *h, uint64_t addr, ps_t at)
{
    const uint64_t line = addr >> LINE_SHIFT;
    const int ascends = line == h->line + 1;
    if (line == h->line || !h->prefetches.n)
        return;
    h->line = line;
    if (!ascends) {
        h->far = line;
        return;
    }
    h->far = h->far > line ? h->far : line;
    while (h->far < line + h->prefetches.n && (h->far + 1) / PAGE_LINES == line / PAGE_LINES) {
        ps_t *slot = first_free(&h->prefetches);
        if (*slot > at)
            return;
        h->far++;
        *slot = ask(h, MEM_PREFETCH, h->far << LINE_SHIFT, LINE_BYTES, at).done;
    }
}

void calib_load(struct calib_hart *h, uint64_t addr, uint32_t bytes)
{
    ps_t *fill = first_free(&h->fills);
    const ps_t at = later(h->now, addr >> LINE_SHIFT == h->line ? 0 : *fill);
    const struct mem_reply r = ask(h, MEM_LOAD, addr, bytes, at);
    if (r.source != SRC_L1)
        *fill = r.done;
    h->loaded = later(h->loaded, r.done);
    run_ahead(h, addr, at);
    h->now = at + h->core->issue;
}

void calib_store(struct calib_hart *h, uint64_t addr, uint32_t bytes)
{
    ps_t *place = &h->stores.until[h->store_at], *fill = first_free(&h->fills);
    h->store_at = h->store_at + 1 == h->stores.n ? 0 : h->store_at + 1;
    h->now = later(h->now, *place);
    const ps_t at = later(h->now, addr >> LINE_SHIFT == h->line ? 0 : *fill);
    const struct mem_reply r = ask(h, MEM_STORE, addr, bytes, at);
    if (r.source != SRC_L1)
        *fill = r.done;
    *place = h->committed = later(h->committed, r.done);
    run_ahead(h, addr, at);
    h->now += h->core->issue;
}

/* One of the non-temporal stores that are held leaves. */
static void nt_leave(struct calib_hart *h, uint32_t which)
{
    const struct calib_core *c = h->core;
    const struct calib_piece p = h->held[which];
    h->held[which] = h->held[--h->nheld];
    h->nt_last = later(h->now, h->nt_last + c->nt_interval);
    const ps_t done = ask(h, MEM_NTSTORE, p.addr, p.bytes, h->nt_last + c->nt_path).done;
    *first_free(&h->fills) = done + c->nt_release;
    h->accepted = later(h->accepted, done);
    h->released = later(h->released, done + c->nt_release);
}

static void nt_leave_all(struct calib_hart *h)
{
    while (h->nheld)
        nt_leave(h, 0);
}

void calib_ntstore(struct calib_hart *h, uint64_t addr, uint32_t bytes)
{
    const ps_t free = *first_free(&h->fills);
    const uint32_t keep = free > h->now ? h->core->nt_buffers : 0;
    h->now = later(later(h->now, h->nt_from), free);
    h->held[h->nheld++] = (struct calib_piece){addr, bytes};
    while (h->nheld > keep) {
        h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        nt_leave(h, keep ? (uint32_t)((h->random >> 32) * h->nheld >> 32) : 0);
    }
    h->now += h->core->issue;
}

void calib_clwb(struct calib_hart *h, uint64_t addr)
{
    ps_t *slot = first_free(&h->flushes);
    h->now = later(h->now, *slot);
    h->flushed = later(later(h->now, h->committed), h->flushed + h->core->flush_interval);
    const ps_t done = ask(h, MEM_CLWB, addr, LINE_BYTES, h->flushed).done;
    *slot = done;
    h->accepted = later(h->accepted, done);
    h->now += h->core->issue;
}

void calib_depend(struct calib_hart *h)
{
    h->now = later(h->now, h->loaded);
}

ps_t calib_sfence(struct calib_hart *h)
{
    nt_leave_all(h);
    const ps_t over = later(later(h->now, h->committed), h->accepted) + h->core->sfence;
    h->now = over + h->core->restart;
    h->nt_from = later(h->nt_from, h->released);
    return over;
}

void calib_mfence(struct calib_hart *h)
{
    nt_leave_all(h);
    const ps_t over = later(later(h->now, h->committed), later(h->accepted, h->loaded));
    h->now = later(over + h->core->mfence, h->released);
}
