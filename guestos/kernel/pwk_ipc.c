/* pwk_ipc.c - kernel calls between processes: pipes and channels (include/pwk.h). */
#include "channel.h"
#include "hart.h"
#include "pipe.h"
#include "uaccess.h"
#include "pwk_export.h"

/* Two descriptors of the calling process for two open files, which are taken over; their numbers go
 * to `out`. 0, or -errno and neither is open. */
static int install_pair(struct handle *a, struct handle *b, uint32_t out)
{
    struct process *p = process_self();
    int32_t fds[2];
    int err;
    fds[0] = handle_install(&p->handles, a, RIGHTS_ALL, 0);
    if (fds[0] < 0) {
        handle_drop(b);
        return fds[0];
    }
    fds[1] = handle_install(&p->handles, b, RIGHTS_ALL, 0);
    err = fds[1] < 0 ? fds[1] : user_write(p, out, fds, sizeof fds);
    if (err < 0) {
        handle_close(&p->handles, (uint32_t)fds[0]);
        if (fds[1] >= 0)
            handle_close(&p->handles, (uint32_t)fds[1]);
    }
    return err;
}

static int handle_pair(enum handle_kind a, enum handle_kind b, struct handle *out[2])
{
    out[0] = handle_new(a);
    out[1] = handle_new(b);
    if (out[0] && out[1])
        return 0;
    for (int i = 0; i < 2; i++) {
        if (out[i])
            handle_drop(out[i]);
    }
    return -ENOMEM;
}

PWK_EXPORT(pipe) int32_t kernel_pipe(uint32_t fds)
{
    KERNEL_CALL();
    struct handle *h[2];
    struct pipe *pipe;
    int err = handle_pair(HANDLE_PIPE_READ, HANDLE_PIPE_WRITE, h);
    if (err < 0)
        return err;
    pipe = pipe_new();
    if (!pipe) {
        handle_drop(h[0]);
        handle_drop(h[1]);
        return -ENOMEM;
    }
    h[0]->pipe = h[1]->pipe = pipe;
    return install_pair(h[0], h[1], fds);
}

PWK_EXPORT(channel) int32_t kernel_channel(uint32_t fds)
{
    KERNEL_CALL();
    struct channel_end *ends[2];
    struct handle *h[2];
    int err = handle_pair(HANDLE_CHANNEL, HANDLE_CHANNEL, h);
    if (err < 0)
        return err;
    err = channel_new(ends);
    if (err < 0) {
        handle_drop(h[0]);
        handle_drop(h[1]);
        return err;
    }
    h[0]->end = ends[0];
    h[1]->end = ends[1];
    return install_pair(h[0], h[1], fds);
}

/* ---- messages ---- */

/* struct pwk_message in a program's memory. */
struct user_message {
    uint32_t bytes, len, fds, nfds;
};

static int channel_of(const struct process *p, uint32_t fd, uint64_t right, struct handle **out)
{
    struct slot *s;
    int err = handle_use(&p->handles, fd, right, &s);
    if (err < 0)
        return err;
    *out = s->file;
    return s->file->kind == HANDLE_CHANNEL ? 0 : -EINVAL;
}

static int attach(const struct process *p, const struct user_message *u, struct message *m)
{
    int32_t fds[MESSAGE_HANDLES_MOST];
    int err = u->nfds > MESSAGE_HANDLES_MOST
                  ? -EINVAL
                  : user_read(p, fds, u->fds, u->nfds * (uint32_t)sizeof *fds);
    for (uint32_t i = 0; err == 0 && i < u->nfds; i++) {
        struct slot *s;
        err = handle_use(&p->handles, (uint32_t)fds[i], 0, &s);
        if (err == 0)
            err = message_attach(m, s);
    }
    return err;
}

static int send(const struct process *p, struct handle *h, const struct user_message *u)
{
    struct message *m;
    int err = channel_wait_room(h->end, !(h->flags & FDFLAG_NONBLOCK));
    if (err == 0)
        err = message_new(p, u->bytes, u->len, &m);
    if (err < 0)
        return err;
    err = attach(p, u, m);
    if (err < 0) {
        message_free(m);
        return err;
    }
    return channel_send(h->end, m);
}

PWK_EXPORT(send) int32_t kernel_send(uint32_t fd, uint32_t message)
{
    KERNEL_CALL();
    struct thread *t = thread_self();
    struct user_message u;
    struct handle *h;
    int err = channel_of(t->process, fd, RIGHT_FD_WRITE, &h);
    if (err == 0)
        err = user_read(t->process, &u, message, sizeof u);
    if (err < 0)
        return err;
    t->held = handle_hold(h);
    err = send(t->process, h, &u);
    t->held = NULL;
    handle_drop(h);
    return err;
}

/* Descriptors for what came: 0, or -errno and none is open. */
static int unpack(struct process *p, struct slot *slots, uint32_t n, uint32_t out)
{
    int32_t fds[MESSAGE_HANDLES_MOST];
    uint32_t done = 0;
    int err = 0;
    for (; err == 0 && done < n; done++) {
        fds[done] = handle_install(&p->handles, handle_hold(slots[done].file), slots[done].rights,
                                   slots[done].inheriting);
        if (fds[done] < 0) {
            err = fds[done];
            break;
        }
    }
    if (err == 0)
        err = user_write(p, out, fds, n * (uint32_t)sizeof *fds);
    while (err < 0 && done)
        handle_close(&p->handles, (uint32_t)fds[--done]);
    return err;
}

/* The message stays in the queue until all of it has arrived. */
static int receive(struct process *p, struct handle *h, uint32_t message, struct user_message *u)
{
    const uint8_t *bytes;
    struct slot *slots;
    struct message *m;
    uint32_t len, n;
    int fits, err = channel_peek(h->end, !(h->flags & FDFLAG_NONBLOCK), &m);
    if (err <= 0)
        return err;
    len = message_bytes(m, &bytes);
    n = message_handles(m, &slots);
    fits = len <= u->len && n <= u->nfds;
    u->len = len;
    u->nfds = n;
    err = user_write(p, message, u, sizeof *u);
    if (err == 0 && !fits)
        err = -EMSGSIZE;
    if (err == 0)
        err = user_write(p, u->bytes, bytes, len);
    if (err == 0)
        err = unpack(p, slots, n, u->fds);
    if (err < 0)
        return err;
    channel_take(h->end);
    message_free(m);
    return 1;
}

PWK_EXPORT(receive) int32_t kernel_receive(uint32_t fd, uint32_t message)
{
    KERNEL_CALL();
    struct thread *t = thread_self();
    struct user_message u;
    struct handle *h;
    int err = channel_of(t->process, fd, RIGHT_FD_READ, &h);
    if (err == 0)
        err = user_read(t->process, &u, message, sizeof u);
    if (err < 0)
        return err;
    t->held = handle_hold(h);
    err = receive(t->process, h, message, &u);
    t->held = NULL;
    handle_drop(h);
    return err;
}
