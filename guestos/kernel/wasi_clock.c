/* wasi_clock.c - clocks, waiting, yielding and the end of a program. */
#include "sched.h"
#include "uaccess.h"
#include "wasi.h"

/* Simulated time is 64-bit picoseconds. Programs may wait until this long after power-on (53 days),
 * a quarter of what that can hold. */
#define TIME_LIMIT_NS ((1ull << 62) / 1000)

static int clock_read(uint32_t id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
        *ns = (uint64_t)machine_clock(1);
        return 0;
    case CLOCK_MONOTONIC:
        *ns = (uint64_t)machine_clock(0);
        return 0;
    case CLOCK_PROCESS_CPU:
        *ns = process_cpu_ns(process_self());
        return 0;
    case CLOCK_THREAD_CPU:
        *ns = thread_cpu_ns(thread_self());
        return 0;
    default:
        return -EINVAL;
    }
}

WASI_EXPORT(clock_res_get) uint32_t wasi_clock_res_get(uint32_t id, uint32_t resolution)
{
    if (id > CLOCK_THREAD_CPU)
        return EINVAL;
    return wasi_result(user_put64(process_self(), resolution, 1));
}

WASI_EXPORT(clock_time_get)
uint32_t wasi_clock_time_get(uint32_t id, uint64_t precision, uint32_t time)
{
    uint64_t ns;
    int err = clock_read(id, &ns);
    (void)precision;
    return wasi_result(err < 0 ? err : user_put64(process_self(), time, ns));
}

/* ---- poll_oneoff ---- */

/*
 * What a poll waits for. Descriptors are always ready: files are in memory, and the console has no
 * way to ask it whether input is there, so reading it may wait. A poll thus sleeps only when it has
 * nothing but clocks, until the earliest of them. Two passes over the subscriptions, which stay in
 * the program's memory: find out how long, then write the events that have occurred.
 */
struct poll {
    const struct process *process;
    uint64_t start_ns[2]; /* realtime, monotonic: when the poll began */
    uint64_t wait_ns;     /* until the earliest clock; UINT64_MAX: none */
    uint64_t slept_ns;
    uint32_t ready; /* subscriptions that are ready, or wrong, at once */
};

/* Nanoseconds from the start of the poll to a clock subscription's time: 0 or -errno. */
static int clock_wait(const struct poll *poll, const struct wasi_subscription *s, uint64_t *ns)
{
    uint64_t timeout = s->clock.timeout, now;
    if (s->clock.id > CLOCK_MONOTONIC)
        return s->clock.id > CLOCK_THREAD_CPU ? -EINVAL : -ENOTSUP;
    if (s->clock.flags & ~SUBCLOCK_FLAGS_ALL)
        return -EINVAL;
    if (s->clock.flags & SUBCLOCK_ABSTIME) {
        now = poll->start_ns[s->clock.id];
        timeout = timeout > now ? timeout - now : 0;
    }
    if (timeout > TIME_LIMIT_NS || poll->start_ns[CLOCK_MONOTONIC] > TIME_LIMIT_NS - timeout)
        return -EOVERFLOW;
    *ns = timeout;
    return 0;
}

static int descriptor_ready(const struct poll *poll, const struct wasi_subscription *s)
{
    const struct handle *h = handle_get(&poll->process->handles, s->fd);
    if (!h)
        return -EBADF;
    return h->rights & RIGHT_POLL_FD_READWRITE ? 0 : -ENOTCAPABLE;
}

static int subscription_read(const struct poll *poll, uint32_t in, uint32_t i,
                             struct wasi_subscription *s)
{
    uint32_t at;
    int err = user_element(in, i, sizeof *s, &at);
    return err < 0 ? err : user_read(poll->process, s, at, sizeof *s);
}

/* How long to wait. */
static int poll_scan(struct poll *poll, uint32_t in, uint32_t n)
{
    struct wasi_subscription s;
    uint64_t ns;
    for (uint32_t i = 0; i < n; i++) {
        int err = subscription_read(poll, in, i, &s);
        if (err < 0)
            return err;
        if (s.tag > EVENT_FD_WRITE)
            return -EINVAL;
        if (s.tag != EVENT_CLOCK || clock_wait(poll, &s, &ns) < 0)
            poll->ready++;
        else if (ns < poll->wait_ns)
            poll->wait_ns = ns;
    }
    return 0;
}

/* Has it occurred? Fills the event if so. */
static int event_make(const struct poll *poll, const struct wasi_subscription *s,
                      struct wasi_event *event)
{
    uint64_t ns = 0;
    int err = s->tag == EVENT_CLOCK ? clock_wait(poll, s, &ns) : descriptor_ready(poll, s);
    if (err == 0 && ns > poll->slept_ns)
        return 0;
    *event = (struct wasi_event){.userdata = s->userdata, .error = (uint16_t)-err, .type = s->tag};
    if (err == 0 && s->tag != EVENT_CLOCK)
        event->nbytes = 1;
    return 1;
}

static int poll_report(const struct poll *poll, uint32_t in, uint32_t out, uint32_t n,
                       uint32_t *events)
{
    struct wasi_subscription s;
    struct wasi_event event;
    uint32_t at;
    *events = 0;
    for (uint32_t i = 0; i < n; i++) {
        int err = subscription_read(poll, in, i, &s);
        if (err < 0)
            return err;
        if (!event_make(poll, &s, &event))
            continue;
        err = user_element(out, *events, sizeof event, &at);
        if (err == 0)
            err = user_write(poll->process, at, &event, sizeof event);
        if (err < 0)
            return err;
        ++*events;
    }
    return 0;
}

WASI_EXPORT(poll_oneoff)
uint32_t wasi_poll_oneoff(uint32_t in, uint32_t out, uint32_t n, uint32_t nevents)
{
    struct poll poll = {.process = process_self(), .wait_ns = UINT64_MAX};
    uint32_t events;
    int err;
    if (n == 0)
        return EINVAL;
    poll.start_ns[CLOCK_REALTIME] = (uint64_t)machine_clock(1);
    poll.start_ns[CLOCK_MONOTONIC] = (uint64_t)machine_clock(0);
    err = poll_scan(&poll, in, n);
    if (err < 0)
        return wasi_result(err);
    if (poll.ready == 0) {
        sched_sleep(poll.wait_ns);
        poll.slept_ns = poll.wait_ns;
    }
    err = poll_report(&poll, in, out, n, &events);
    return wasi_result(err < 0 ? err : user_put32(poll.process, nevents, events));
}

WASI_EXPORT(sched_yield) uint32_t wasi_sched_yield(void)
{
    sched_yield();
    return 0;
}

/* ---- ends ---- */

WASI_EXPORT(proc_exit) _Noreturn void wasi_proc_exit(uint32_t code)
{
    machine_thread_exit((int32_t)code);
}

/* There are no signals. */
WASI_EXPORT(proc_raise) uint32_t wasi_proc_raise(uint32_t signal)
{
    (void)signal;
    return ENOTSUP;
}
