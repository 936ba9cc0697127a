/* hart_signal.c - what harts do to one another: start, wake, interrupt, take translations back. */
#include "sim/machine_state.h"

/* ---- starting, waiting, waking ---- */

void hart_start(struct machine *m, struct hart *h, uint32_t boot)
{
    struct guest_thread *g = &m->threads[boot];
    struct hart *const starter = m->hart;
    const ps_t now = machine_now(m);
    g->boots = g->busy = 1;
    h->boot = h->current = boot;
    h->counted = thread_instructions(g->thread);
    h->alarm = now;
    hart_put_to_work(m, h);
    gcell_set(m->kernel_sp, g->kernel_sp);
    machine_event(m, EV_THREAD, thread_id(g->thread));
    machine_event(m, EV_INSTANCE, instance_id(m->kernel));
    hart_put_to_work(m, starter);
}

static int nobody_else_is_awake(const struct machine *m)
{
    for (const struct hart *h = m->harts; h < m->harts + m->nharts; h++)
        if (h != m->hart && (!h->idle || h->alarm != HART_FOR_EVER))
            return 0;
    return 1;
}

void hart_stop_idling(struct machine *m, struct hart *h)
{
    const ps_t now = hart_now(m, h);
    h->idle = 0;
    if (h->alarm > now)
        machine_event(m, EV_STALL, (h->alarm - now + 999) / 1000);
}

int hart_idle(struct machine *m, int64_t ns)
{
    struct hart *h = m->hart;
    const int woken = h->woken;
    h->woken = 0;
    if (woken)
        return 0;
    if (ns < 0 && nobody_else_is_awake(m))
        return 1;
    const ps_t most = UINT64_C(86400000000000) * 1000; /* a day; it may end early */
    const ps_t wait = ns < 0 || (uint64_t)ns > most / 1000 ? most : (uint64_t)ns * 1000;
    h->idle = 1;
    h->alarm = ns < 0 ? HART_FOR_EVER : machine_now(m) + wait;
    if (m->nharts == 1)
        hart_stop_idling(m, h);
    return 0;
}

void hart_wake(struct machine *m, uint32_t id)
{
    struct hart *h = &m->harts[id];
    const ps_t at = machine_now(m) + m->cfg->wake_latency;
    if (!h->idle)
        h->woken = 1;
    else if (h->boot != NO_THREAD && h->alarm > at)
        h->alarm = at;
}

void hart_interrupt(struct machine *m, uint32_t id)
{
    struct hart *h = &m->harts[id];
    const ps_t at = machine_now(m) + m->cfg->interrupt_latency;
    if (h->idle)
        hart_wake(m, id);
    else if (h->interrupt > at)
        h->interrupt = at;
}

/* ---- translations that another hart takes back ---- */

static void drop_translations(struct machine *m, uint32_t space, uint32_t page, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        machine_event(m, EV_SHOOTDOWN, (uint64_t)space << 17 | (page + i));
}

int hart_must_drop(const struct machine *m, const struct hart *h)
{
    return h->shootdown.n && h->shootdown.at <= hart_now(m, h);
}

void hart_drop_pages(struct machine *m, struct hart *h)
{
    const struct shootdown d = h->shootdown;
    h->shootdown.n = 0;
    drop_translations(m, d.space, d.page, d.n);
}

static int runs_in(const struct machine *m, const struct hart *h, const struct space *s)
{
    const struct instance *in;
    if (h->idle || h->boot == NO_THREAD)
        return 0;
    in = store_instance(m->store, m->threads[h->current].instance);
    return in && instance_space(in) == s;
}

/* One that has not been taken yet grows to hold both. */
static void add_pages(struct shootdown *d, uint32_t space, uint32_t page, uint32_t n)
{
    if (d->n && d->space == space) {
        const uint32_t end = d->page + d->n > page + n ? d->page + d->n : page + n;
        page = d->page < page ? d->page : page;
        n = end - page;
    }
    d->space = space;
    d->page = page;
    d->n = n;
}

void hart_shootdown(struct machine *m, const struct space *s, uint32_t page, uint32_t n)
{
    const ps_t at = machine_now(m) + m->cfg->interrupt_latency;
    int others = 0;
    for (struct hart *h = m->harts; h < m->harts + m->nharts; h++) {
        if (h == m->hart || !runs_in(m, h, s))
            continue;
        add_pages(&h->shootdown, s->id, page, n);
        h->shootdown.at = at;
        others = 1;
    }
    drop_translations(m, s->id, page, n);
    if (others) /* there and back */
        machine_event(m, EV_STALL, 2 * m->cfg->interrupt_latency / 1000);
}
