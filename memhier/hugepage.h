/* hugepage.h - large arrays in the host's large pages, where it has them to give. */
#ifndef MEMHIER_HUGEPAGE_H
#define MEMHIER_HUGEPAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGEPAGE_BYTES ((size_t)2 << 20)

/* A hint, for arrays that are walked at random, or written once: else each 4 KiB of them costs a
 * fault, and most accesses a walk of the host's page tables. Of the memory from p on, what whole
 * large pages there are in it. */
static inline void hugepage_advise(void *p, size_t bytes)
{
    const uintptr_t at = (uintptr_t)p;
    const size_t skip = (HUGEPAGE_BYTES - at % HUGEPAGE_BYTES) % HUGEPAGE_BYTES;
    if (bytes >= skip + HUGEPAGE_BYTES)
        (void)madvise((char *)p + skip, (bytes - skip) / HUGEPAGE_BYTES * HUGEPAGE_BYTES,
                      MADV_HUGEPAGE);
}

#endif
