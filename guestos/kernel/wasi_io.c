/* wasi_io.c - reading and writing through file descriptors. */
#include "channel.h"
#include "hart.h"
#include "console.h"
#include "pipe.h"
#include "sched.h"
#include "uaccess.h"
#include "vfs.h"
#include "wasi.h"

/*
 * Buffers come as an array of (address, length). The array is copied in and checked a batch at a
 * time; the usual call has one batch. A call that has moved some bytes before it meets a bad buffer
 * reports those bytes, as a short read or write; the error would come with the next call. Only the
 * first bytes are waited for.
 */
#define IOVECS_MAX     1024u
#define IOVECS_AT_ONCE 16u
#define BOUNCE_BYTES   1024u

/* A transfer under way. */
struct transfer {
    const struct process *process;
    struct handle *file;
    uint64_t *at;   /* offset in a file */
    uint32_t total; /* bytes moved so far */
};

/* Moves bytes between one buffer of the program and an open file: how many, or -errno. Fewer than
 * asked for ends the call. */
typedef int32_t move_bytes(struct transfer *t, uint32_t buf, uint32_t len);

static int iovecs_read(const struct process *p, uint32_t iovs, uint32_t first, uint32_t n,
                       struct wasi_iovec *out)
{
    uint32_t at, last;
    uint64_t sum = 0;
    if (user_element(iovs, first, sizeof *out, &at) < 0 ||
        user_element(iovs, first + n - 1, sizeof *out, &last) < 0)
        return -EFAULT;
    int err = user_read(p, out, at, n * (uint32_t)sizeof *out);
    if (err < 0)
        return err;
    for (uint32_t i = 0; i < n; i++)
        sum += out[i].len;
    return sum > INT32_MAX ? -EINVAL : 0;
}

/* One batch. 1: go on, 0: the file gave or took less, or -errno. */
static int move_batch(struct transfer *t, move_bytes *move, const struct wasi_iovec *iov,
                      uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t moved;
        if (iov[i].len == 0)
            continue;
        if (iov[i].len > INT32_MAX - t->total)
            return -EINVAL;
        if ((uint64_t)iov[i].buf + iov[i].len > (uint64_t)UINT32_MAX + 1)
            return -EFAULT;
        moved = move(t, iov[i].buf, iov[i].len);
        if (moved < 0)
            return moved;
        t->total += (uint32_t)moved;
        if ((uint32_t)moved < iov[i].len)
            return 0;
    }
    return 1;
}

static int move_all(struct transfer *t, move_bytes *move, uint32_t iovs, uint32_t count)
{
    struct wasi_iovec batch[IOVECS_AT_ONCE];
    int more = 1;
    if (count > IOVECS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count && more > 0; i += IOVECS_AT_ONCE) {
        uint32_t n = count - i < IOVECS_AT_ONCE ? count - i : IOVECS_AT_ONCE;
        more = iovecs_read(t->process, iovs, i, n, batch);
        if (more == 0)
            more = move_batch(t, move, batch, n);
    }
    return more < 0 && t->total == 0 ? more : 0;
}

/* ---- what is moved ---- */

static int32_t file_read(struct transfer *t, uint32_t buf, uint32_t len)
{
    struct inode *n = t->file->node;
    int32_t got = n->fs->read(n, t->process, *t->at, buf, len);
    if (got > 0)
        *t->at += (uint32_t)got;
    return got;
}

static int32_t file_write(struct transfer *t, uint32_t buf, uint32_t len)
{
    struct inode *n = t->file->node;
    int32_t put = n->fs->write(n, t->process, *t->at, buf, len);
    if (put > 0)
        *t->at += (uint32_t)put;
    return put;
}

/* Does the call wait? Once it has moved something, it does not. */
static int waits(const struct transfer *t)
{
    return t->total == 0 && !(t->file->flags & FDFLAG_NONBLOCK);
}

/* As a terminal does, gives what is there and does not wait to fill the buffer. */
static int32_t console_read(struct transfer *t, uint32_t buf, uint32_t len)
{
    const char *data;
    int32_t there;
    int err;
    if (t->total)
        return 0;
    while ((there = console_peek(&data)) == -EAGAIN && waits(t))
        console_read_wait();
    if (there <= 0)
        return there;
    if (len > (uint32_t)there)
        len = (uint32_t)there;
    err = user_write(t->process, buf, data, len);
    if (err < 0)
        return err;
    console_take(len);
    return (int32_t)len;
}

static int32_t console_write(struct transfer *t, uint32_t buf, uint32_t len)
{
    char bounce[BOUNCE_BYTES];
    uint32_t done = 0;
    while (done < len) {
        uint32_t n = len - done < BOUNCE_BYTES ? len - done : BOUNCE_BYTES;
        int32_t wrote = user_read(t->process, bounce, buf + done, n);
        if (wrote == 0)
            wrote = machine_console_write(t->file->stream, bounce, n);
        if (wrote < 0)
            return done ? (int32_t)done : wrote;
        done += (uint32_t)wrote;
    }
    return (int32_t)done;
}

static int32_t pipe_in(struct transfer *t, uint32_t buf, uint32_t len)
{
    int32_t n = pipe_read(t->file->pipe, t->process, buf, len, waits(t));
    return n == -EAGAIN && t->total ? 0 : n;
}

/* All of a blocking write waits, not only its first bytes. */
static int32_t pipe_out(struct transfer *t, uint32_t buf, uint32_t len)
{
    return pipe_write(t->file->pipe, t->process, buf, len, !(t->file->flags & FDFLAG_NONBLOCK));
}

static move_bytes *reader(const struct handle *h)
{
    switch ((enum handle_kind)h->kind) {
    case HANDLE_FILE:
        return file_read;
    case HANDLE_CONSOLE:
        return console_read;
    case HANDLE_PIPE_READ:
        return pipe_in;
    default:
        return NULL;
    }
}

static move_bytes *writer(const struct handle *h)
{
    switch ((enum handle_kind)h->kind) {
    case HANDLE_FILE:
        return file_write;
    case HANDLE_CONSOLE:
        return console_write;
    case HANDLE_PIPE_WRITE:
        return pipe_out;
    default:
        return NULL;
    }
}

/* ---- the calls ---- */

static int cannot(const struct handle *h)
{
    return h->kind == HANDLE_DIRECTORY ? -EISDIR : -EBADF;
}

/* An open file for reading or writing, with the right: 0 or -errno. */
static int usable(const struct process *p, uint32_t fd, uint64_t rights, struct handle **out)
{
    struct slot *s = handle_slot(&p->handles, fd);
    if (!s)
        return -EBADF;
    if (s->file->kind == HANDLE_DIRECTORY)
        return -EISDIR;
    *out = s->file;
    return (s->rights & rights) == rights ? 0 : -ENOTCAPABLE;
}

/* What may block holds the open file, so that another thread's close does not free it. */
static int transfer(struct handle *h, uint64_t *at, move_bytes *move, uint32_t iovs, uint32_t count,
                    uint32_t result)
{
    struct thread *self = thread_self();
    struct transfer t = {.process = self->process, .file = h, .at = at};
    int err;
    if (!move)
        return cannot(h);
    self->held = handle_hold(h);
    err = move_all(&t, move, iovs, count);
    self->held = NULL;
    handle_drop(h);
    return err < 0 ? err : user_put32(self->process, result, t.total);
}

WASI_EXPORT(fd_read)
uint32_t wasi_fd_read(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nread)
{
    KERNEL_CALL();
    struct handle *h;
    int err = usable(process_self(), fd, RIGHT_FD_READ, &h);
    return wasi_result(err < 0 ? err : transfer(h, &h->at, reader(h), iovs, count, nread));
}

WASI_EXPORT(fd_pread)
uint32_t wasi_fd_pread(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t nread)
{
    KERNEL_CALL();
    struct handle *h;
    int err = usable(process_self(), fd, RIGHT_FD_READ, &h);
    if (err < 0)
        return wasi_result(err);
    if (h->kind != HANDLE_FILE)
        return ESPIPE;
    err = usable(process_self(), fd, RIGHT_FD_READ | RIGHT_FD_SEEK, &h);
    return wasi_result(err < 0 ? err : transfer(h, &offset, file_read, iovs, count, nread));
}

WASI_EXPORT(fd_write)
uint32_t wasi_fd_write(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nwritten)
{
    KERNEL_CALL();
    struct handle *h;
    int err = usable(process_self(), fd, RIGHT_FD_WRITE, &h);
    if (err < 0)
        return wasi_result(err);
    if (h->kind == HANDLE_FILE && (h->flags & FDFLAG_APPEND))
        h->at = h->node->size;
    return wasi_result(transfer(h, &h->at, writer(h), iovs, count, nwritten));
}

WASI_EXPORT(fd_pwrite)
uint32_t wasi_fd_pwrite(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t nwritten)
{
    KERNEL_CALL();
    struct handle *h;
    int err = usable(process_self(), fd, RIGHT_FD_WRITE, &h);
    if (err < 0)
        return wasi_result(err);
    if (h->kind != HANDLE_FILE)
        return ESPIPE;
    err = usable(process_self(), fd, RIGHT_FD_WRITE | RIGHT_FD_SEEK, &h);
    return wasi_result(err < 0 ? err : transfer(h, &offset, file_write, iovs, count, nwritten));
}
