/* ip_stride.h - the inside of the ip-stride prefetcher, for L1 hits that train it without a call.
 */
#ifndef MEMHIER_IP_STRIDE_H
#define MEMHIER_IP_STRIDE_H

#include <stdint.h>

/*
 * Chen & Baer, "Effective hardware-based data prefetching for high-performance processors", IEEE
 * Transactions on Computers 44(5), 1995: a reference prediction table, by code address, of the last
 * address, a stride and what is thought of it. Here in lines, direct-mapped, with a counter of two
 * bits instead of the paper's four states: the same stride again raises it, another one lowers it
 * and is taken over at 0; from IP_STRIDE_SURE on the `degree` next strides are fetched. Accesses to
 * the same line as before say nothing.
 */
#define IP_STRIDE_ENTRIES 256u
#define IP_STRIDE_SURE    2u
#define IP_STRIDE_MOST    3u

struct ip_stride_entry {
    uint64_t pc; /* 0: empty */
    uint64_t line;
    int64_t stride;
    uint32_t confidence;
};

struct ip_stride {
    uint32_t degree;
    struct ip_stride_entry entries[IP_STRIDE_ENTRIES];
};

static inline void ip_stride_count(struct ip_stride_entry *e, int64_t stride)
{
    if (stride == e->stride)
        e->confidence += e->confidence < IP_STRIDE_MOST;
    else if (e->confidence)
        e->confidence--;
    if (!e->confidence)
        e->stride = stride;
}

/* An access to `line` by the code at `pc`: the stride to fetch ahead by, 0: none. */
static inline int64_t ip_stride_learn(struct ip_stride *p, uint64_t pc, uint64_t line)
{
    struct ip_stride_entry *e = &p->entries[(pc ^ pc >> 8) % IP_STRIDE_ENTRIES];
    if (!pc)
        return 0;
    if (e->pc != pc) {
        *e = (struct ip_stride_entry){.pc = pc, .line = line};
        return 0;
    }
    const int64_t stride = (int64_t)(line - e->line);
    if (!stride)
        return 0;
    ip_stride_count(e, stride);
    e->line = line;
    return e->confidence >= IP_STRIDE_SURE && e->stride == stride ? stride : 0;
}

/* The lines to fetch then; how many. */
static inline uint32_t ip_stride_wishes(const struct ip_stride *p, uint64_t line, int64_t stride,
                                        uint64_t *out)
{
    for (uint32_t i = 0; i < p->degree; i++)
        out[i] = line + (uint64_t)stride * (i + 1);
    return p->degree;
}

#endif
