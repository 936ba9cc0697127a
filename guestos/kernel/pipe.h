/* pipe.h - pipes: bytes from who writes to who reads, in order. */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "proc.h"

/* A write of up to this many bytes is one piece: never mixed with another's, never done by half. */
#define PIPE_ATOMIC 4096u

struct pipe;

/* A pipe with one end of each kind, or NULL. */
struct pipe *pipe_new(void);
/* One of its ends is gone. */
void pipe_close(struct pipe *pipe, int writing);

/*
 * Bytes moved, or -errno. Reading waits for the first byte, unless wait is 0 (-EAGAIN); 0: nobody
 * can write any more. Writing waits for room for all, or moves what fits when wait is 0; -EPIPE:
 * nobody can read. The caller's handle is held by thread.held while it waits.
 */
int32_t pipe_read(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t len, int wait);
int32_t pipe_write(struct pipe *pipe, const struct process *p, uint32_t buf, uint32_t len,
                   int wait);

/* For poll: bytes that can be moved at once, and whether the other end is gone. */
uint32_t pipe_readable(const struct pipe *pipe, int *hangup);
uint32_t pipe_writable(const struct pipe *pipe, int *hangup);

#endif
