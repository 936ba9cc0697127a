/* kind.h - what replacement policies and memories ask about the kind of an access. */
#ifndef MEMHIER_KIND_H
#define MEMHIER_KIND_H

#include <stdint.h>

#include "memhier/port.h"

/* A program asks for the line now: fetch, load, store or page walk. */
static inline int kind_is_demand(unsigned kind)
{
    const uint32_t demands = 1u << MEM_FETCH | 1u << MEM_LOAD | 1u << MEM_STORE | 1u << MEM_WALK;
    return (int)(demands >> kind & 1);
}

/* A line leaves because it was flushed or overwritten from outside, not to make room. */
static inline int kind_is_flush(unsigned kind)
{
    const uint32_t flushes = 1u << MEM_NTSTORE | 1u << MEM_CLWB | 1u << MEM_CLFLUSHOPT |
                             1u << MEM_CLFLUSH;
    return (int)(flushes >> kind & 1);
}

/* A memory hands a line out; or takes one in. Fences and MEM_VISIBLE do neither. */
static inline int kind_reads(unsigned kind)
{
    return kind_is_demand(kind) || kind == MEM_PREFETCH;
}

static inline int kind_writes(unsigned kind)
{
    return kind_is_flush(kind) || kind == MEM_WRITEBACK;
}

#endif
