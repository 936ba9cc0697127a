/* calibhart.c - a simulated hart that only loads, stores, flushes and fences, for calibration. */
#include "sim/calibhart.h"

#include <string.h>

#define PAGE_LINES   64u
#define STREAM_START 4u /* steps to the next line that make a stream */

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
    h->credits.n = core->credits;
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

static void leave_line(struct calib_hart *h, uint64_t addr);

/* A stream of ascending lines: prefetch ahead of it as long as there is a free slot. */
static void run_ahead(struct calib_hart *h, uint64_t addr, ps_t at)
{
    const uint64_t line = addr >> LINE_SHIFT;
    const int ascends = line == h->line + 1;
    if (line == h->line || !h->prefetches.n)
        return;
    h->line = line;
    h->run = ascends ? h->run + 1 : 0;
    if (h->run < STREAM_START) {
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
    leave_line(h, addr);
    h->now = later(h->now, *place);
    const ps_t at = later(h->now, addr >> LINE_SHIFT == h->line ? 0 : *fill);
    const struct mem_reply r = ask(h, MEM_STORE, addr, bytes, at);
    if (r.source != SRC_L1)
        *fill = r.done;
    *place = h->committed = later(h->committed, r.done);
    run_ahead(h, addr, at);
    h->now += h->core->issue;
}

/* ---- writes on their way to the memory ---- */

/* One of those that wait leaves, as soon as there is a credit. */
static void leave(struct calib_hart *h, uint32_t which)
{
    const struct calib_core *c = h->core;
    const struct calib_write w = h->waiting[which];
    ps_t *credit = first_free(&h->credits), at = later(w.made, *credit), done;
    for (h->nwaiting--; which < h->nwaiting; which++)
        h->waiting[which] = h->waiting[which + 1];
    if (w.kind == MEM_NTSTORE) {
        h->nt_last = later(at, h->nt_last + c->nt_interval);
        done = ask(h, MEM_NTSTORE, w.addr, w.bytes, h->nt_last + c->nt_path).done;
        *first_free(&h->fills) = done + c->nt_release;
        h->released = later(h->released, done + c->nt_release);
    } else {
        done = ask(h, w.kind, w.addr, w.bytes, at).done;
        *first_free(&h->flushes) = done;
    }
    *credit = done;
    h->accepted = later(h->accepted, done);
}

/* Any of the oldest. */
static void leave_some(struct calib_hart *h)
{
    const uint64_t among = h->nwaiting < h->core->any ? h->nwaiting : h->core->any;
    h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    leave(h, (uint32_t)((h->random >> 32) * among >> 32));
}

/* Those that may leave by now. */
static void advance(struct calib_hart *h)
{
    while (h->nwaiting && *first_free(&h->credits) <= later(h->now, h->waiting[0].made))
        leave_some(h);
}

static void leave_all(struct calib_hart *h)
{
    while (h->nwaiting)
        leave_some(h);
}

/* Stores to one line, and its flushes, stay in order. */
static void leave_line(struct calib_hart *h, uint64_t addr)
{
    for (uint32_t i = 0; i < h->nwaiting; i++) {
        if (h->waiting[i].addr >> LINE_SHIFT == addr >> LINE_SHIFT)
            leave(h, i--);
    }
}

/* Wait until there is a place in s, which those that have not left need, too. */
static void await_place(struct calib_hart *h, const struct calib_slots *s, enum mem_kind kind)
{
    for (;;) {
        uint32_t busy = 0;
        ps_t next = h->nwaiting ? *first_free(&h->credits) : UINT64_MAX;
        for (uint32_t i = 0; i < h->nwaiting; i++)
            busy += h->waiting[i].kind == kind;
        for (uint32_t i = 0; i < s->n; i++) {
            busy += s->until[i] > h->now;
            next = s->until[i] > h->now && s->until[i] < next ? s->until[i] : next;
        }
        if (busy < s->n)
            return;
        h->now = later(h->now, next);
        advance(h);
    }
}

void calib_ntstore(struct calib_hart *h, uint64_t addr, uint32_t bytes)
{
    h->now = later(h->now, h->nt_from);
    advance(h);
    await_place(h, &h->fills, MEM_NTSTORE);
    leave_line(h, addr);
    h->waiting[h->nwaiting++] = (struct calib_write){addr, h->now, bytes, MEM_NTSTORE};
    advance(h);
    h->now += h->core->issue;
}

void calib_clwb(struct calib_hart *h, uint64_t addr)
{
    advance(h);
    await_place(h, &h->flushes, MEM_CLWB);
    leave_line(h, addr);
    h->flushed = later(later(h->now, h->committed), h->flushed + h->core->flush_interval);
    h->waiting[h->nwaiting++] = (struct calib_write){addr, h->flushed, LINE_BYTES, MEM_CLWB};
    advance(h);
    h->now += h->core->issue;
}

void calib_depend(struct calib_hart *h)
{
    h->now = later(h->now, h->loaded);
}

ps_t calib_sfence(struct calib_hart *h)
{
    leave_all(h);
    const ps_t over = later(later(h->now, h->committed), h->accepted) + h->core->sfence;
    h->now = over + h->core->restart;
    h->nt_from = later(h->nt_from, h->released);
    return over;
}

void calib_mfence(struct calib_hart *h)
{
    leave_all(h);
    const ps_t over = later(later(h->now, h->committed), later(h->accepted, h->loaded));
    h->now = later(over + h->core->mfence, h->released);
}
