/* hart.c - the harts of a machine take turns: which one goes next, and what it does then. */
/*
 * The hart whose time is least goes next; of several, the one with the lowest number. In a turn it
 * does one of these: it times a block of its log, it has a call of the kernel's served, or, when
 * all that it has executed is timed, it executes more. So whatever harts do to one another (memory
 * that they share, caches, kernel calls) happens in the order of simulated time.
 *
 * How much it executes ahead of its time depends on who could see it. Code whose memory nobody
 * else reaches runs ahead by the quantum: its log is timed in the order above all the same, and it
 * stops where it enters the kernel. Everything else stops at the next taken branch or call. Nothing
 * that is simulated depends on the quantum.
 *
 * A hart that another one interrupts, or whose time slice is over, gives up its thread in user
 * code, at the first place where it looks: at each stop, but code that runs ahead looks only at the
 * first stop behind each multiple of LOOK_EVERY operators, which no run goes beyond; all that it
 * has executed is timed there.
 *
 * With one hart there is nobody to take turns with: it executes until the log is full.
 */
#include "sim/energy.h"
#include "sim/machine_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "memhier/hostmem.h"
#include "sim/error.h"
#include "wasmcore/snapshot.h"

#define LOG_WORDS (4u * LOG_SLACK)

int harts_make(struct machine *m, char *err, size_t errlen)
{
    m->nharts = (uint32_t)m->cfg->harts;
    m->harts = calloc(m->nharts, sizeof *m->harts);
    if (!m->harts)
        return fail(err, errlen, "out of memory");
    for (uint32_t i = 0; i < m->nharts; i++) {
        struct hart *h = &m->harts[i];
        *h = (struct hart){.boot = NO_THREAD,
                           .current = NO_THREAD,
                           .idle = 1,
                           .alarm = HART_FOR_EVER,
                           .interrupt = HART_FOR_EVER,
                           .slice_end = HART_FOR_EVER};
        h->log.cap = LOG_WORDS;
        h->log.words = malloc(LOG_WORDS * sizeof *h->log.words);
        if (!h->log.words)
            return fail(err, errlen, "out of memory");
    }
    m->hart = m->harts;
    return 0;
}

void harts_drop(struct machine *m)
{
    for (uint32_t i = 0; i < m->nharts && m->harts; i++) {
        if (m->harts[i].core)
            m->ops->drop(m->harts[i].core);
        free(m->harts[i].log.words);
    }
    free(m->harts);
}

/* ---- time and the log ---- */

ps_t hart_now(const struct machine *m, const struct hart *h)
{
    if (!h->core)
        return h->executed * m->period + h->stall_ps;
    assert(m->ops);
    return m->ops->now(h->core);
}

ps_t machine_now(const struct machine *m)
{
    return hart_now(m, m->hart);
}

ps_t machine_guest_time(const struct machine *m)
{
    return m->origin_ps + machine_now(m);
}

uint64_t machine_cycles(const struct machine *m)
{
    return machine_now(m) / m->period;
}

static void time_words(struct machine *m, struct hart *h, uint32_t n)
{
    if (m->follow)
        pmfollow_words(m, h, h->log.words + h->eaten, n);
    else
        m->ops->consume(h->core, h->log.words + h->eaten, n);
    h->eaten += n;
    if (h->eaten == h->log.n)
        h->eaten = h->log.n = 0;
}

/* Nothing will happen before the hart at work's time, as it is the least; so what the persistence
 * domain holds of the past can be settled, but for what follows a power cut. */
static void settle(struct machine *m)
{
    const ps_t now = machine_now(m);
    if (m->mem.domain)
        domain_settle(m->mem.domain, now < m->cut_ps ? now : m->cut_ps);
}

void machine_consume(struct machine *m)
{
    struct hart *h = m->hart;
    if (!h->core && !m->follow)
        return;
    time_words(m, h, h->log.n - h->eaten);
    if (m->nharts == 1)
        settle(m);
}

void machine_time_log(struct machine *m)
{
    struct hart *h = m->hart;
    if (m->follow && h->eaten < h->log.n)
        pmfollow_words(m, h, h->log.words + h->eaten, h->log.n - h->eaten);
    else if (h->core && h->eaten < h->log.n)
        m->ops->consume(h->core, h->log.words + h->eaten, h->log.n - h->eaten);
    h->eaten = h->log.n;
}

/* The record of the log that begins with word i ends before this one. */
static uint32_t past_record(const struct log *l, uint32_t i)
{
    const uint64_t w = l->words[i];
    if (LOG_TAG(w) == LOG_ADDR)
        return i + (w & LOG_NV ? 3 : 1);
    if (LOG_TAG(w) != LOG_BULK)
        return i + 1;
    const uint32_t skew = l->words[i + 1] & 7;
    return i + 3 + (w & LOG_BULK_NV ? 2 * ((skew + (uint32_t)LOG_ARG(w) + 7) / 8) : 0);
}

/* Does something begin there that another hart may come before? */
static int can_wait(uint64_t word)
{
    return LOG_TAG(word) == LOG_BLOCK || LOG_TAG(word) == LOG_BULK;
}

/* Up to the next block, or the next piece of a bulk operation: a long one would else have all that
 * harts share for itself. */
static void time_block(struct machine *m, struct hart *h)
{
    uint32_t end = past_record(&h->log, h->eaten);
    while (end < h->log.n && !can_wait(h->log.words[end]))
        end = past_record(&h->log, end);
    settle(m);
    time_words(m, h, end - h->eaten);
}

void machine_event(struct machine *m, enum log_event code, uint64_t arg)
{
    struct hart *h = m->hart;
    if (!h->core && code == EV_STALL)
        h->stall_ps += arg * 1000;
    if (!h->core && (!m->follow || code == EV_STALL))
        return;
    h->log.words[h->log.n++] = LOG_EVENT_WORD(code, arg);
    if (h->log.n == h->log.cap || code == EV_STALL)
        machine_consume(m);
}

/* The registry shows each hart's own time. */
static void note_cycles(struct machine *m)
{
    for (uint32_t i = 0; i < m->nharts; i++)
        m->harts[i].cycles = hart_now(m, &m->harts[i]) / m->period;
    energy_update(&m->mem, m->cfg, machine_guest_time(m));
}

static void sample_epoch(struct machine *m)
{
    if (!m->series || machine_cycles(m) < m->next_epoch)
        return;
    note_cycles(m);
    series_sample(m->series, machine_now(m));
    m->sampled = 1;
    m->next_epoch = (machine_cycles(m) / m->cfg->epoch_cycles + 1) * m->cfg->epoch_cycles;
}

/* ---- limits of a run ---- */

/* What the fuel leaves for the current thread. */
static void give_fuel(struct machine *m, struct thread *t)
{
    const uint64_t counted = m->hart->counted;
    if (m->ports.fuel && thread_fuel(t, counted + (m->ports.fuel - m->instructions)))
        hostmem_end("the fuel of a thread", 0);
}

/* Nothing goes on after this, so the core gets what was kept of a block for its rest. */
static void out_of_fuel(struct machine *m, const struct thread *t)
{
    if (m->ops || m->follow) {
        thread_log_kept(t, &m->hart->log);
        machine_consume(m);
    }
    if (m->cut.kind == CUT_INSTRUCTIONS && m->instructions >= m->cut.n) {
        m->cut_ps = machine_now(m);
        m->state = STATE_CUT;
        return;
    }
    if (m->ports.log)
        fprintf(m->ports.log, "pwsim: out of fuel: %" PRIu64 " wasm operators executed\n",
                m->instructions);
    m->state = STATE_FUEL;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t lower_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Operators that may be executed before looking whether the point is there. How many a cycle has is
 * not known before: cycles are approached in small steps. */
static uint64_t left_to_point(const struct machine *m)
{
    if (m->stop.kind == POINT_INSTRUCTIONS)
        return less(m->stop.n, m->instructions);
    if (m->stop.kind == POINT_CYCLES)
        return less(m->stop.n, machine_guest_time(m) / m->period) / 4;
    return UINT64_MAX;
}

/* Can no other hart see what the thread does before it enters the kernel? A kernel that migrates
 * can on any. */
static int alone(const struct machine *m, const struct thread *t)
{
    const struct instance *in = thread_instance(t);
    return in != m->kernel && instance_private(in) && !m->mem.tiering;
}

/* On the only hart: operators before it is worth to look whether the time slice is over. Without
 * timing that is exact; else a cycle is taken for an operator, but for the first and the last. */
#define SLICE_STEP 1000u
#define SLICE_MOST 16000u
#define SLICE_LATE 100u /* it is over, but the thread is in the kernel */

static void look_later(const struct machine *m, struct hart *h)
{
    const ps_t now = machine_now(m);
    uint64_t left = SLICE_LATE;
    if (h->slice_end > now)
        left = (h->slice_end - now + m->period - 1) / m->period;
    if (m->ops && left < SLICE_STEP)
        left = SLICE_STEP;
    else if (m->ops && left > SLICE_MOST)
        left = SLICE_MOST;
    h->slice_look = h->executed + left;
}

void hart_slice(struct machine *m, ps_t end)
{
    m->hart->slice_end = end;
    if (end != HART_FOR_EVER && m->nharts == 1)
        look_later(m, m->hart);
}

static uint64_t left_of_slice(const struct hart *h)
{
    return h->slice_end == HART_FOR_EVER ? UINT64_MAX : less(h->slice_look, h->executed);
}

#define LOOK_EVERY 1000u

/* Operators that one of several harts may execute before another takes its turn. Without timing
 * they are time, and none may be beyond an epoch that is sampled when the last hart is there. */
static uint64_t ahead(const struct machine *m, const struct thread *t)
{
    uint64_t most = lower_of(m->cfg->quantum, less(m->hart->look, m->hart->executed));
    if (!m->ops)
        most = lower_of(most, less(m->next_epoch, machine_cycles(m)));
    return alone(m, t) ? most : 0;
}

/* Operators that the hart at work may execute before it looks up. */
static uint64_t stride(const struct machine *m, const struct thread *t)
{
    uint64_t most = UINT64_MAX;
    if (m->nharts > 1)
        most = ahead(m, t);
    else if (!m->ops) /* a full log ends a timed run; this one ends at places that are as fixed */
        most = less(m->lap_end, m->executed);
    if (m->nharts == 1)
        most = lower_of(most, left_of_slice(m->hart));
    return m->reached ? most : lower_of(most, left_to_point(m));
}

/* Where the run under way has to look up. */
static void set_limits(struct machine *m, struct thread *t)
{
    const uint64_t most = stride(m, t);
    thread_limit(t, most == UINT64_MAX ? most : thread_instructions(t) + most);
    thread_gate(t, m->nharts > 1);
    if (m->stop.kind == POINT_MARK && !m->reached)
        thread_stop_at_mark(t, (uint32_t)m->stop.n);
    if (m->reached) /* but not at a place where it can be left: see machine_at_point */
        thread_preempt(t);
}

/* The hart has stopped: is it behind the point? */
static void look_for_point(struct machine *m, int marked)
{
    int there = marked;
    if (m->stop.kind == POINT_INSTRUCTIONS)
        there = m->instructions >= m->stop.n;
    else if (m->stop.kind == POINT_CYCLES)
        there = machine_guest_time(m) / m->period >= m->stop.n;
    if (there)
        m->reached = 1;
}

static int hart_at_point(const struct machine *m, const struct hart *h)
{
    return h->boot == NO_THREAD || thread_at_point(m->threads[h->current].thread);
}

/* Can all threads be described here? Of several harts nothing may be executed that is not timed:
 * such a moment comes soon, as all of them stop at each branch by now. */
static void is_this_the_point(struct machine *m)
{
    if (!m->reached || m->state != STATE_RUNNING)
        return;
    for (uint32_t i = 0; m->nharts > 1 && i < m->nharts; i++)
        if (m->harts[i].log.n)
            return;
    for (uint32_t i = 0; i < m->nharts; i++)
        if (!hart_at_point(m, &m->harts[i]))
            return;
    m->at_point = 1;
    m->stop.kind = POINT_NONE;
    m->reached = 0;
}

/* ---- turns ---- */

/* Is the time slice over? A thread gives up in user code, and where a checkpoint could describe it.
 * It is looked for at fixed counts of operators, so that other reasons to stop change nothing. */
static void look_at_slice(struct machine *m)
{
    struct hart *h = m->hart;
    const struct thread *t = m->threads[h->current].thread;
    if (h->slice_end == HART_FOR_EVER || h->executed < h->slice_look)
        return;
    if (machine_now(m) >= h->slice_end && thread_instance(t) != m->kernel && thread_at_point(t))
        hostthread_preempt(m);
    else
        look_later(m, h);
}

/* One of several: the same, or has another hart interrupted? */
static void look_up(struct machine *m)
{
    struct hart *h = m->hart;
    const struct thread *t = m->threads[h->current].thread;
    if (alone(m, t) && h->executed < h->look)
        return;
    h->look = (h->executed / LOOK_EVERY + 1) * LOOK_EVERY;
    if (lower_of(h->interrupt, h->slice_end) > machine_now(m))
        return;
    if (thread_instance(t) != m->kernel && thread_at_point(t))
        hostthread_preempt(m);
    else
        h->look = h->executed; /* in the kernel that is put off, but not for long */
}

static void serve(struct machine *m, enum run_reason why)
{
    switch (why) {
    case RUN_HOST:
        hostcall_serve(m);
        break;
    case RUN_DONE:
        hostcall_thread_done(m);
        break;
    case RUN_TRAP:
        hostcall_thread_trapped(m);
        break;
    case RUN_FUEL:
        out_of_fuel(m, m->threads[m->hart->current].thread);
        break;
    case RUN_LOG:
    case RUN_PREEMPT:
        if (m->nharts == 1)
            look_at_slice(m);
        else
            look_up(m);
        break;
    }
}

static void execute(struct machine *m)
{
    struct hart *h = m->hart;
    struct thread *t = m->threads[h->current].thread;
    set_limits(m, t);
    give_fuel(m, t);
    h->why = (uint8_t)(h->core || m->follow ? engine_run_observed(t, &h->log)
                                            : engine_run_functional(t));
    h->stopped = 1;
    h->marked = (uint8_t)thread_marked(t);
    const uint64_t more = thread_instructions(t) - h->counted;
    m->instructions += more;
    m->executed += more;
    h->executed += more;
    h->counted += more;
}

/* The power has failed. With power.restore the machine goes on to where it can be suspended. */
static void power_fails(struct machine *m)
{
    if (!m->cfg->power_restore) {
        m->state = STATE_CUT;
        return;
    }
    m->cut_ps = HART_FOR_EVER;
    m->stop = (struct machine_point){POINT_CYCLES, 0};
}

static void have_served(struct machine *m)
{
    struct hart *h = m->hart;
    if (machine_now(m) >= m->cut_ps)
        power_fails(m);
    if (m->state != STATE_RUNNING)
        return;
    if (m->ports.hold_nvdimm && h->why == RUN_HOST && hostcall_maps_nvdimm(m)) {
        m->holds = 1;
        return;
    }
    h->stopped = 0;
    serve(m, (enum run_reason)h->why);
    if (m->stop.kind != POINT_NONE) {
        look_for_point(m, h->marked);
        is_this_the_point(m);
    }
}

/* The run has stopped only because somebody looks for a point: the core gets the log, but nothing
 * else happens that would not have happened otherwise, and the log goes on where it would have. */
static int stopped_for_point(struct machine *m)
{
    struct hart *h = m->hart;
    if (!h->stopped || h->why != RUN_PREEMPT || (!m->ops && m->executed >= m->lap_end))
        return 0;
    machine_time_log(m);
    if (h->log.n) /* the next run says the instance once more */
        h->eaten = --h->log.n;
    return 1;
}

static void run_only_hart(struct machine *m)
{
    if (!m->hart->stopped) { /* else it goes on behind machine_release */
        if (m->lap_end == 0)
            m->lap_end = m->executed + m->cfg->epoch_cycles;
        execute(m);
        if (!stopped_for_point(m)) {
            m->lap_end = 0;
            machine_consume(m);
            sample_epoch(m);
        }
    }
    if (m->hart->stopped)
        have_served(m);
}

/* Its time, or when an idle hart will go on. */
static ps_t due(const struct machine *m, const struct hart *h)
{
    const ps_t now = hart_now(m, h);
    return h->idle && h->alarm > now ? h->alarm : now;
}

static struct hart *next_hart(const struct machine *m)
{
    struct hart *next = m->harts;
    ps_t least = due(m, next);
    for (struct hart *h = m->harts + 1; h < m->harts + m->nharts; h++) {
        const ps_t at = due(m, h);
        if (at < least) {
            least = at;
            next = h;
        }
    }
    return next;
}

/* The kernel's stack pointer is one global, which each hart has for itself. */
void hart_put_to_work(struct machine *m, struct hart *h)
{
    if (m->hart == h)
        return;
    m->hart->kernel_sp = (uint32_t)gcell_get(m->kernel_sp);
    gcell_set(m->kernel_sp, h->kernel_sp);
    m->hart = h;
    if (m->ports.tap && h->core)
        m->ports.tap->instructions = &m->ops->counters(h->core)->instructions;
}

static void turn(struct machine *m)
{
    struct hart *h = next_hart(m);
    hart_put_to_work(m, h);
    sample_epoch(m);
    if (h->idle)
        hart_stop_idling(m, h);
    else if (h->log.n)
        time_block(m, h), is_this_the_point(m);
    else if (h->stopped)
        have_served(m);
    else if (hart_must_drop(m, h))
        hart_drop_pages(m, h);
    else
        execute(m);
}

void harts_run(struct machine *m, uint64_t until)
{
    while (m->state == STATE_RUNNING && m->executed < until && !m->sampled && !m->at_point &&
           !m->holds) {
        if (m->nharts == 1)
            run_only_hart(m);
        else
            turn(m);
        if (machine_now(m) >= m->cut_ps && m->state == STATE_RUNNING)
            power_fails(m);
    }
}

void harts_finish(struct machine *m)
{
    ps_t end = 0;
    for (struct hart *h = m->harts; h < m->harts + m->nharts; h++) {
        hart_put_to_work(m, h);
        machine_consume(m);
        if (h->core)
            m->ops->drain(h->core);
        end = machine_now(m) > end ? machine_now(m) : end;
    }
    for (struct hart *h = m->harts; m->nharts > 1 && h < m->harts + m->nharts; h++) {
        hart_put_to_work(m, h);
        machine_event(m, EV_STALL, (end - machine_now(m)) / 1000);
    }
    hart_put_to_work(m, m->harts);
    note_cycles(m);
}
