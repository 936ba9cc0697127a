/* poll.h - (in wasi_poll.c) whether a descriptor can be read or written, and who waits to hear of
 * it. */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#include "handle.h"

/* Something that a poll looks at has changed: everybody who polls looks again. */
void poll_changed(void);

/* Does anybody wait for that? */
int poll_waits(void);

/* Can it be read (or written) without waiting? Then 1, with how many bytes and whether the other
 * end is gone; 0: not now. */
int poll_ready(const struct handle *h, int writing, uint64_t *bytes, int *hangup);

#endif
