/* pipe.c - pipes: bytes from who writes to who reads, in order. */
#include "pipe.h"
#include "heap.h"
#include "poll.h"
#include "sched.h"
#include "uaccess.h"

#define PIPE_BYTES 16384u

/* Bytes [at, at + used) of the ring, modulo its size. An end that several handles share counts once
 * a handle. */
struct pipe {
    uint32_t at, used;
    uint32_t readers, writers;
    struct wait_queue can_read, can_write;
    uint8_t ring[PIPE_BYTES];
};

struct pipe *pipe_new(void)
{
    struct pipe *pipe = kalloc(sizeof *pipe);
    if (pipe)
        pipe->readers = pipe->writers = 1;
    return pipe;
}

void pipe_close(struct pipe *pipe, int writing)
{
    if (writing)
        pipe->writers--;
    else
        pipe->readers--;
    sched_wake_all(&pipe->can_read);
    sched_wake_all(&pipe->can_write);
    poll_changed();
    if (pipe->readers + pipe->writers == 0)
        kfree(pipe);
}

uint32_t pipe_readable(const struct pipe *pipe, int *hangup)
{
    *hangup = pipe->writers == 0;
    return pipe->used;
}

uint32_t pipe_writable(const struct pipe *pipe, int *hangup)
{
    *hangup = pipe->readers == 0;
    return PIPE_BYTES - pipe->used;
}

static void pipe_changed(struct wait_queue *q)
{
    sched_wake_all(q);
    poll_changed();
}

/* Move up to n bytes out of the ring: how many, or -EFAULT. */
static int32_t ring_take(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t n)
{
    uint32_t first = PIPE_BYTES - pipe->at;
    int err;
    if (n > pipe->used)
        n = pipe->used;
    first = n < first ? n : first;
    err = user_write(p, buf, pipe->ring + pipe->at, first);
    if (err == 0)
        err = user_write(p, buf + first, pipe->ring, n - first);
    if (err < 0)
        return err;
    pipe->at = (pipe->at + n) % PIPE_BYTES;
    pipe->used -= n;
    pipe_changed(&pipe->can_write);
    return (int32_t)n;
}

static int32_t ring_put(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t n)
{
    uint32_t end = (pipe->at + pipe->used) % PIPE_BYTES, first = PIPE_BYTES - end;
    int err;
    if (n > PIPE_BYTES - pipe->used)
        n = PIPE_BYTES - pipe->used;
    first = n < first ? n : first;
    err = user_read(p, pipe->ring + end, buf, first);
    if (err == 0)
        err = user_read(p, pipe->ring, buf + first, n - first);
    if (err < 0)
        return err;
    pipe->used += n;
    pipe_changed(&pipe->can_read);
    return (int32_t)n;
}

int32_t pipe_read(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t len, int wait)
{
    while (pipe->used == 0) {
        if (pipe->writers == 0)
            return 0;
        if (!wait)
            return -EAGAIN;
        sched_block(&pipe->can_read, SCHED_FOREVER);
    }
    return ring_take(pipe, p, buf, len);
}

int32_t pipe_write(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t len, int wait)
{
    uint32_t done = 0;
    while (done < len) {
        uint32_t room = PIPE_BYTES - pipe->used, left = len - done;
        int32_t n;
        if (pipe->readers == 0)
            return done ? (int32_t)done : -EPIPE;
        if (room >= left || (room && len > PIPE_ATOMIC)) {
            n = ring_put(pipe, p, buf + done, left);
            if (n < 0)
                return done ? (int32_t)done : n;
            done += (uint32_t)n;
        } else if (!wait) {
            return done ? (int32_t)done : -EAGAIN;
        } else {
            sched_block(&pipe->can_write, SCHED_FOREVER);
        }
    }
    return (int32_t)done;
}
