/* times.h - setting the times of a file. */
#ifndef KERNEL_TIMES_H
#define KERNEL_TIMES_H

#include "machine_import.h"
#include "vfs.h"

/* enum wasi_fstflags: 0, or -EINVAL for what does not exist or contradicts itself. */
static inline int times_check(uint32_t flags)
{
    const uint32_t both_a = FST_ATIM | FST_ATIM_NOW, both_m = FST_MTIM | FST_MTIM_NOW;
    return (flags & ~FSTFLAGS_ALL) || (flags & both_a) == both_a || (flags & both_m) == both_m
               ? -EINVAL
               : 0;
}

static inline void times_set(struct inode *n, uint64_t atim, uint64_t mtim, uint32_t flags)
{
    uint64_t now = (uint64_t)machine_clock(1);
    if (flags & (FST_ATIM | FST_ATIM_NOW))
        n->atim = flags & FST_ATIM ? atim : now;
    if (flags & (FST_MTIM | FST_MTIM_NOW))
        n->mtim = flags & FST_MTIM ? mtim : now;
    n->ctim = now;
}

#endif
