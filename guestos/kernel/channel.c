/* channel.c - channels: messages in both directions, each of bytes and handles. */
#include "channel.h"
#include "heap.h"
#include "poll.h"
#include "sched.h"
#include "uaccess.h"

struct message {
    struct message *next;
    uint32_t len, handles;
    struct slot slots[MESSAGE_HANDLES_MOST];
    uint8_t bytes[];
};

/* What was sent to this end and not received yet. */
struct channel_end {
    struct channel_end *peer; /* NULL: gone */
    struct message *head, *tail;
    uint32_t count;
    struct wait_queue can_receive, can_send; /* can_send: who sends to this end */
};

/* Static: a handle that travels in a circle of channels is never freed, so their number is limited.
 */
static struct {
    uint32_t count;
    struct message *doomed; /* to be freed by whoever is freeing */
    uint8_t freeing;
} channels;

int channel_new(struct channel_end *ends[2])
{
    if (channels.count == CHANNELS_MOST)
        return -ENFILE;
    ends[0] = kalloc(sizeof *ends[0]);
    ends[1] = kalloc(sizeof *ends[1]);
    if (!ends[0] || !ends[1]) {
        kfree(ends[0]);
        kfree(ends[1]);
        return -ENOMEM;
    }
    ends[0]->peer = ends[1];
    ends[1]->peer = ends[0];
    channels.count++;
    return 0;
}

void message_free(struct message *m)
{
    for (uint32_t i = 0; i < m->handles; i++)
        handle_drop(m->slots[i].file);
    kfree(m);
}

/* Messages hold handles, also of channels, so freeing one may close the next channel: they are
 * freed in a loop, however deep that goes. */
static void messages_free(struct message *m)
{
    while (m) {
        struct message *next = m->next;
        m->next = channels.doomed;
        channels.doomed = m;
        m = next;
    }
    if (channels.freeing)
        return;
    channels.freeing = 1;
    while ((m = channels.doomed)) {
        channels.doomed = m->next;
        message_free(m);
    }
    channels.freeing = 0;
}

void channel_close(struct channel_end *end)
{
    struct channel_end *peer = end->peer;
    struct message *m = end->head;
    sched_wake_all(&end->can_send);
    if (peer) {
        peer->peer = NULL;
        sched_wake_all(&peer->can_receive);
        poll_changed();
    } else {
        channels.count--;
    }
    kfree(end);
    messages_free(m);
}

int message_new(const struct process *p, uint32_t buf, uint32_t len, struct message **out)
{
    struct message *m;
    int err;
    if (len > MESSAGE_BYTES_MOST)
        return -EMSGSIZE;
    m = kalloc(sizeof *m + len);
    if (!m)
        return -ENOMEM;
    m->len = len;
    err = user_read(p, m->bytes, buf, len);
    if (err < 0) {
        kfree(m);
        return err;
    }
    *out = m;
    return 0;
}

int message_attach(struct message *m, const struct slot *slot)
{
    if (m->handles == MESSAGE_HANDLES_MOST)
        return -EINVAL;
    m->slots[m->handles] = *slot;
    handle_hold(slot->file);
    m->handles++;
    return 0;
}

static int carries(const struct message *m, const struct channel_end *end)
{
    for (uint32_t i = 0; i < m->handles; i++) {
        const struct handle *h = m->slots[i].file;
        if (h->kind == HANDLE_CHANNEL && (h->end == end || h->end == end->peer))
            return 1;
    }
    return 0;
}

int channel_send(struct channel_end *end, struct message *m)
{
    struct channel_end *to = end->peer;
    int err = carries(m, end) ? -ELOOP : !to ? -EPIPE : to->count == MESSAGES_MOST ? -EAGAIN : 0;
    if (err < 0) {
        message_free(m);
        return err;
    }
    m->next = NULL;
    if (to->head)
        to->tail->next = m;
    else
        to->head = m;
    to->tail = m;
    to->count++;
    sched_wake_all(&to->can_receive);
    poll_changed();
    return 0;
}

int channel_wait_room(struct channel_end *end, int wait)
{
    while (end->peer && end->peer->count == MESSAGES_MOST) {
        if (!wait)
            return -EAGAIN;
        sched_block(&end->peer->can_send, SCHED_FOREVER);
    }
    return end->peer ? 0 : -EPIPE;
}

int channel_peek(struct channel_end *end, int wait, struct message **out)
{
    while (!end->head) {
        if (!end->peer)
            return 0;
        if (!wait)
            return -EAGAIN;
        sched_block(&end->can_receive, SCHED_FOREVER);
    }
    *out = end->head;
    return 1;
}

uint32_t message_bytes(const struct message *m, const uint8_t **bytes)
{
    *bytes = m->bytes;
    return m->len;
}

uint32_t message_handles(const struct message *m, struct slot **slots)
{
    *slots = (struct slot *)(uintptr_t)m->slots;
    return m->handles;
}

void channel_take(struct channel_end *end)
{
    end->head = end->head->next;
    end->count--;
    sched_wake_all(&end->can_send);
    poll_changed();
}

int channel_readable(const struct channel_end *end, int *hangup)
{
    *hangup = !end->peer;
    return end->head != NULL;
}

int channel_writable(const struct channel_end *end, int *hangup)
{
    *hangup = !end->peer;
    return !end->peer || end->peer->count < MESSAGES_MOST;
}
