/* poll.c - whether a descriptor can be read or written, and who waits to hear of it. */
#include "poll.h"
#include "hart.h"
#include "channel.h"
#include "console.h"
#include "pipe.h"
#include "sched.h"
#include "uaccess.h"
#include "vfs.h"
#include "wasi.h"

/* Simulated time is 64-bit picoseconds. Programs may wait until this long after power-on (53 days),
 * a quarter of what that can hold. */
#define TIME_LIMIT_NS ((1ull << 62) / 1000)

/* Static: all who wait in poll_oneoff for a descriptor. Whenever one may have become ready all of
 * them look again. */
static struct {
    struct wait_queue waiting;
} pollers;

void poll_changed(void)
{
    if (pollers.waiting.head)
        sched_wake_all(&pollers.waiting);
}

int poll_waits(void)
{
    return pollers.waiting.head != NULL;
}

int poll_ready(const struct handle *h, int writing, uint64_t *bytes, int *hangup)
{
    const char *data;
    int32_t n;
    *bytes = 1;
    *hangup = 0;
    switch ((enum handle_kind)h->kind) {
    case HANDLE_FILE:
        if (!writing)
            *bytes = h->at < h->node->size ? h->node->size - h->at : 0;
        return 1;
    case HANDLE_CONSOLE:
        if (writing)
            return 1;
        n = console_peek(&data);
        *bytes = n > 0 ? (uint64_t)n : 0;
        return n != -EAGAIN;
    case HANDLE_PIPE_READ:
        *bytes = pipe_readable(h->pipe, hangup);
        return !writing && (*bytes || *hangup);
    case HANDLE_PIPE_WRITE:
        *bytes = pipe_writable(h->pipe, hangup);
        return writing && (*bytes || *hangup);
    case HANDLE_CHANNEL:
        return writing ? channel_writable(h->end, hangup)
                       : channel_readable(h->end, hangup) || *hangup;
    default:
        return 1;
    }
}

/* ---- poll_oneoff ---- */

/*
 * Each turn is one pass over the subscriptions, which stay in the program's memory: it writes the
 * events that have occurred and finds out how long to wait for the next clock. It ends when there
 * is an event.
 */
struct poll {
    const struct process *process;
    uint64_t start_ns[2]; /* realtime, monotonic: when the poll began */
    uint64_t passed_ns;   /* since then */
    uint64_t wait_ns;     /* from the start until the earliest clock; UINT64_MAX: none */
    uint32_t events;
    uint8_t descriptors; /* it has subscriptions to some */
    uint8_t unstable;    /* subscriptions are struct unstable_subscription */
};

/* As WASI's first snapshot has it: a clock has a user datum more. */
struct unstable_subscription {
    uint64_t userdata;
    uint8_t tag;
    union {
        struct {
            uint64_t identifier;
            uint32_t id;
            uint64_t timeout, precision;
            uint16_t flags;
        } clock;
        uint32_t fd;
    };
};
_Static_assert(sizeof(struct unstable_subscription) == 56, "unstable subscription");

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

/* Each of these: 1, the event has occurred (or is an error); 0, not yet. */
static int clock_event(struct poll *poll, const struct wasi_subscription *s,
                       struct wasi_event *event)
{
    uint64_t ns;
    int err = clock_wait(poll, s, &ns);
    if (err == 0 && ns > poll->passed_ns) {
        poll->wait_ns = ns < poll->wait_ns ? ns : poll->wait_ns;
        return 0;
    }
    event->error = (uint16_t)-err;
    return 1;
}

static int descriptor_event(struct poll *poll, const struct wasi_subscription *s,
                            struct wasi_event *event)
{
    struct slot *slot;
    int hangup, err = handle_use(&poll->process->handles, s->fd, RIGHT_POLL_FD_READWRITE, &slot);
    if (err == 0) {
        if (!poll_ready(slot->file, s->tag == EVENT_FD_WRITE, &event->nbytes, &hangup)) {
            poll->descriptors = 1;
            return 0;
        }
        event->flags = hangup ? EVENT_HANGUP : 0;
    }
    event->error = (uint16_t)-err;
    return 1;
}

static int unstable_read(const struct poll *poll, uint32_t in, uint32_t i,
                         struct wasi_subscription *s)
{
    struct unstable_subscription u;
    uint32_t at;
    int err = user_element(in, i, sizeof u, &at);
    if (err == 0)
        err = user_read(poll->process, &u, at, sizeof u);
    if (err < 0)
        return err;
    *s = (struct wasi_subscription){.userdata = u.userdata, .tag = u.tag};
    if (u.tag == EVENT_CLOCK) {
        s->clock.id = u.clock.id;
        s->clock.timeout = u.clock.timeout;
        s->clock.flags = u.clock.flags;
    } else {
        s->fd = u.fd;
    }
    return 0;
}

static int subscription_read(const struct poll *poll, uint32_t in, uint32_t i,
                             struct wasi_subscription *s)
{
    uint32_t at;
    int err;
    if (poll->unstable) {
        err = unstable_read(poll, in, i, s);
    } else {
        err = user_element(in, i, sizeof *s, &at);
        if (err == 0)
            err = user_read(poll->process, s, at, sizeof *s);
    }
    return err == 0 && s->tag > EVENT_FD_WRITE ? -EINVAL : err;
}

static int event_write(struct poll *poll, uint32_t out, const struct wasi_event *event)
{
    uint32_t at;
    int err = user_element(out, poll->events, sizeof *event, &at);
    if (err == 0)
        err = user_write(poll->process, at, event, sizeof *event);
    poll->events++;
    return err;
}

static int poll_pass(struct poll *poll, uint32_t in, uint32_t out, uint32_t n)
{
    struct wasi_subscription s;
    poll->wait_ns = UINT64_MAX;
    poll->descriptors = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct wasi_event event;
        int err = subscription_read(poll, in, i, &s);
        if (err < 0)
            return err;
        event = (struct wasi_event){.userdata = s.userdata, .type = s.tag};
        if (s.tag == EVENT_CLOCK ? !clock_event(poll, &s, &event)
                                 : !descriptor_event(poll, &s, &event))
            continue;
        err = event_write(poll, out, &event);
        if (err < 0)
            return err;
    }
    return 0;
}

static int poll_run(struct poll *poll, uint32_t in, uint32_t out, uint32_t n, uint32_t nevents)
{
    int err;
    if (n == 0)
        return -EINVAL;
    poll->start_ns[CLOCK_REALTIME] = (uint64_t)machine_clock(1);
    poll->start_ns[CLOCK_MONOTONIC] = (uint64_t)machine_clock(0);
    while ((err = poll_pass(poll, in, out, n)) == 0 && poll->events == 0) {
        uint64_t start = poll->start_ns[CLOCK_MONOTONIC];
        sched_block(poll->descriptors ? &pollers.waiting : NULL,
                    poll->wait_ns == UINT64_MAX ? SCHED_FOREVER : start + poll->wait_ns);
        poll->passed_ns = (uint64_t)machine_clock(0) - start;
    }
    return err < 0 ? err : user_put32(poll->process, nevents, poll->events);
}

WASI_EXPORT(poll_oneoff)
uint32_t wasi_poll_oneoff(uint32_t in, uint32_t out, uint32_t n, uint32_t nevents)
{
    KERNEL_CALL();
    struct poll poll = {.process = process_self()};
    return wasi_result(poll_run(&poll, in, out, n, nevents));
}

UNSTABLE_EXPORT(poll_oneoff)
uint32_t unstable_poll_oneoff(uint32_t in, uint32_t out, uint32_t n, uint32_t nevents)
{
    KERNEL_CALL();
    struct poll poll = {.process = process_self(), .unstable = 1};
    return wasi_result(poll_run(&poll, in, out, n, nevents));
}
