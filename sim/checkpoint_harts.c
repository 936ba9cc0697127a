/* checkpoint_harts.c - what a checkpoint has of each hart: its threads, and what it waits for. */
/*
 * Behind the guest threads, u32 number of harts, then for each:
 *
 *   u32 its boot thread + 1 (0: it was never started, nothing follows), u32 the thread that runs,
 *   u32 the kernel's stack pointer (but for hart 0), u8 flags, u8 why the engine has stopped;
 *   u64 picoseconds until its alarm, until an interrupt is there, until its time slice ends, all
 *   ones: never; u64 operators until it looks at the slice, and for an interrupt; u32 pages whose
 *   translations it has to drop, u32 memory, u32 first page, u64 picoseconds until it has to
 *
 * Times are left to go, as another core may begin at another one: in a full checkpoint from the
 * hart's own time, else from that of the machine, at which all harts go on.
 */
#include "sim/checkpoint.h"
#include "sim/machine_state.h"

enum flags { IDLE = 1, WOKEN = 2, STOPPED = 4, MARKED = 8, FLAGS = 15 };

static void time_left(struct archive *a, ps_t *t, ps_t now)
{
    *t = archive_put64(a, *t == HART_FOR_EVER ? *t : *t > now ? *t - now : 0);
    if (!a->writing && *t != HART_FOR_EVER && *t > ARCHIVE_TIME_LIMIT)
        archive_fail(a, "damaged: the time of a hart");
}

static void operators_left(struct archive *a, uint64_t *n, uint64_t executed)
{
    *n = archive_put64(a, *n > executed ? *n - executed : 0);
    if (!a->writing && *n > ARCHIVE_TIME_LIMIT)
        archive_fail(a, "damaged: the time of a hart");
}

static void flags(struct archive *a, struct hart *h)
{
    uint8_t f = (uint8_t)((h->idle ? IDLE : 0) | (h->woken ? WOKEN : 0) |
                          (h->stopped ? STOPPED : 0) | (h->marked ? MARKED : 0));
    archive_u8_below(a, &f, FLAGS + 1);
    archive_u8_below(a, &h->why, RUN_FUEL);
    if (a->writing)
        return;
    h->idle = (f & IDLE) != 0;
    h->woken = (f & WOKEN) != 0;
    h->stopped = (f & STOPPED) != 0;
    h->marked = (f & MARKED) != 0;
}

/* A copy is written: the machine goes on. */
static void one_hart(struct archive *a, struct hart *h, ps_t now)
{
    archive_u32(a, &h->current);
    archive_u32(a, &h->kernel_sp);
    flags(a, h);
    time_left(a, &h->alarm, now);
    time_left(a, &h->interrupt, now);
    time_left(a, &h->slice_end, now);
    operators_left(a, &h->slice_look, h->executed);
    operators_left(a, &h->look, h->executed);
    archive_u32_below(a, &h->shootdown.n, SPACE_MAX_PAGES + 1);
    archive_u32(a, &h->shootdown.space);
    archive_u32_below(a, &h->shootdown.page, SPACE_MAX_PAGES);
    time_left(a, &h->shootdown.at, now);
}

/* ---- what was read ---- */

static struct guest_thread *free_thread(struct machine *m, uint32_t place)
{
    if (place >= m->nthreads || !m->threads[place].thread || m->threads[place].busy ||
        m->threads[place].over)
        return NULL;
    return &m->threads[place];
}

/* Has the engine stopped as it says? */
static int stopped_so(const struct hart *h, const struct thread *t)
{
    if (!h->stopped)
        return 1;
    if (h->why == RUN_TRAP)
        return thread_trap(t) != TRAP_NONE;
    return (h->why == RUN_HOST) == thread_in_host(t);
}

/* A thread that another one waits for in its host call of resume, or the boot thread itself. */
static int take_threads(struct machine *m, struct hart *h)
{
    struct guest_thread *boot = free_thread(m, h->boot), *runs = free_thread(m, h->current);
    if (!boot || !runs || boot->boots || (runs != boot && runs->boots))
        return 0;
    if (runs != boot && !thread_in_host(boot->thread))
        return 0;
    boot->boots = 1;
    runs->busy = 1;
    h->counted = thread_instructions(runs->thread);
    return stopped_so(h, runs->thread) && !(h->idle && h->stopped);
}

void checkpoint_harts(struct machine *m, struct archive *a, int full)
{
    ps_t latest = 0;
    archive_same(a, m->nharts);
    for (uint32_t i = 0; a->writing && i < m->nharts; i++)
        latest = hart_now(m, &m->harts[i]) > latest ? hart_now(m, &m->harts[i]) : latest;
    for (uint32_t i = 0; i < m->nharts && !a->failed; i++) {
        struct hart copy = m->harts[i], *h = a->writing ? &copy : &m->harts[i];
        const uint32_t boot = archive_put32(a, h->boot == NO_THREAD ? 0 : h->boot + 1);
        if (boot == 0 && i > 0)
            continue;
        h->boot = boot - 1;
        one_hart(a, h, a->writing && full ? hart_now(m, &m->harts[i]) : latest);
        if (!a->writing && !a->failed && !take_threads(m, h))
            archive_fail(a, "damaged: what runs on a hart");
    }
}

static void goes_on(ps_t *t, ps_t now)
{
    if (*t != HART_FOR_EVER)
        *t += now;
}

void checkpoint_harts_go_on(struct machine *m)
{
    for (struct hart *h = m->harts; h < m->harts + m->nharts; h++) {
        const ps_t now = hart_now(m, h);
        goes_on(&h->alarm, now);
        goes_on(&h->interrupt, now);
        goes_on(&h->slice_end, now);
        goes_on(&h->shootdown.at, now);
        h->slice_look += h->executed;
        h->look += h->executed;
    }
}
