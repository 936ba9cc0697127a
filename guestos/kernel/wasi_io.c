/* wasi_io.c - reading and writing through file descriptors. */
#include "console.h"
#include "tree.h"
#include "uaccess.h"
#include "wasi.h"

/*
 * Buffers come as an array of (address, length). The array is copied in and checked a batch at a
 * time; the usual call has one batch. A call that has moved some bytes before it meets a bad buffer
 * reports those bytes, as a short read or write; the error would come with the next call.
 */
#define IOVECS_MAX     1024u
#define IOVECS_AT_ONCE 16u
#define BOUNCE_BYTES   1024u

/* Moves bytes between one buffer of the program and an open file: how many, or -errno. Fewer than
 * asked for ends the call. */
typedef int32_t move_bytes(const struct process *p, struct handle *h, uint64_t *at, uint32_t buf,
                           uint32_t len);

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

/* One batch. *total grows by what was moved; 1: go on, 0: the file gave or took less, or -errno. */
static int move_batch(const struct process *p, struct handle *h, uint64_t *at, move_bytes *move,
                      const struct wasi_iovec *iov, uint32_t n, uint32_t *total)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t moved;
        if (iov[i].len == 0)
            continue;
        if (iov[i].len > INT32_MAX - *total)
            return -EINVAL;
        moved = move(p, h, at, iov[i].buf, iov[i].len);
        if (moved < 0)
            return moved;
        *total += (uint32_t)moved;
        if ((uint32_t)moved < iov[i].len)
            return 0;
    }
    return 1;
}

static int move_all(const struct process *p, struct handle *h, uint64_t *at, move_bytes *move,
                    uint32_t iovs, uint32_t count, uint32_t *total)
{
    struct wasi_iovec batch[IOVECS_AT_ONCE];
    int more = 1;
    *total = 0;
    if (count > IOVECS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count && more > 0; i += IOVECS_AT_ONCE) {
        uint32_t n = count - i < IOVECS_AT_ONCE ? count - i : IOVECS_AT_ONCE;
        more = iovecs_read(p, iovs, i, n, batch);
        if (more == 0)
            more = move_batch(p, h, at, move, batch, n, total);
    }
    return more < 0 && *total == 0 ? more : 0;
}

/* ---- what is moved ---- */

static int32_t file_read(const struct process *p, struct handle *h, uint64_t *at, uint32_t buf,
                         uint32_t len)
{
    const struct node *n = h->node;
    uint64_t left = *at < n->size ? n->size - *at : 0;
    int err;
    if (len > left)
        len = (uint32_t)left;
    err = user_write(p, buf, n->bytes + *at, len);
    if (err < 0)
        return err;
    *at += len;
    return (int32_t)len;
}

/* As a terminal does, gives what is there and does not wait to fill the buffer. */
static int32_t console_read(const struct process *p, struct handle *h, uint64_t *at, uint32_t buf,
                            uint32_t len)
{
    const char *data;
    int32_t there = console_peek(&data);
    int err;
    (void)h, (void)at;
    if (there <= 0)
        return there;
    if (len > (uint32_t)there)
        len = (uint32_t)there;
    err = user_write(p, buf, data, len);
    if (err < 0)
        return err;
    console_take(len);
    return (int32_t)len;
}

static int32_t console_write(const struct process *p, struct handle *h, uint64_t *at, uint32_t buf,
                             uint32_t len)
{
    char bounce[BOUNCE_BYTES];
    uint32_t done = 0;
    (void)at;
    while (done < len) {
        uint32_t n = len - done < BOUNCE_BYTES ? len - done : BOUNCE_BYTES, from;
        int32_t wrote = user_element(buf, done, 1, &from);
        if (wrote == 0)
            wrote = user_read(p, bounce, from, n);
        if (wrote == 0)
            wrote = machine_console_write(h->stream, bounce, n);
        if (wrote < 0)
            return done ? (int32_t)done : wrote;
        done += (uint32_t)wrote;
        if ((uint32_t)wrote < n)
            break;
    }
    return (int32_t)done;
}

/* ---- calls ---- */

/* The open file if it has the right: 0 or -errno. */
static int handle_use(const struct process *p, uint32_t fd, uint64_t right, struct handle **out)
{
    struct handle *h = handle_get(&p->handles, fd);
    if (!h)
        return -EBADF;
    if (h->kind == HANDLE_DIRECTORY)
        return -EISDIR;
    *out = h;
    return h->rights & right ? 0 : -ENOTCAPABLE;
}

WASI_EXPORT(fd_read)
uint32_t wasi_fd_read(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nread)
{
    const struct process *p = process_self();
    struct handle *h;
    uint32_t total;
    int err = handle_use(p, fd, RIGHT_FD_READ, &h);
    if (err < 0)
        return wasi_result(err);
    err = move_all(p, h, &h->at, h->kind == HANDLE_FILE ? file_read : console_read, iovs, count,
                   &total);
    return wasi_result(err < 0 ? err : user_put32(p, nread, total));
}

WASI_EXPORT(fd_pread)
uint32_t wasi_fd_pread(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset, uint32_t nread)
{
    const struct process *p = process_self();
    struct handle *h;
    uint32_t total;
    int err = handle_use(p, fd, RIGHT_FD_READ, &h);
    if (err < 0)
        return wasi_result(err);
    if (h->kind != HANDLE_FILE)
        return ESPIPE;
    err = move_all(p, h, &offset, file_read, iovs, count, &total);
    return wasi_result(err < 0 ? err : user_put32(p, nread, total));
}

WASI_EXPORT(fd_write)
uint32_t wasi_fd_write(uint32_t fd, uint32_t iovs, uint32_t count, uint32_t nwritten)
{
    const struct process *p = process_self();
    struct handle *h;
    uint32_t total;
    int err = handle_use(p, fd, RIGHT_FD_WRITE, &h);
    if (err < 0)
        return wasi_result(err);
    err = move_all(p, h, &h->at, console_write, iovs, count, &total);
    return wasi_result(err < 0 ? err : user_put32(p, nwritten, total));
}

/* Only the console may be written, and it has no offsets. */
WASI_EXPORT(fd_pwrite)
uint32_t wasi_fd_pwrite(uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t nwritten)
{
    struct handle *h;
    int err = handle_use(process_self(), fd, RIGHT_FD_WRITE, &h);
    (void)iovs, (void)count, (void)offset, (void)nwritten;
    return err < 0 ? wasi_result(err) : ESPIPE;
}
