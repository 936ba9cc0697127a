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
 *
 * With a distance it runs further ahead the longer it has been right: by `degree` strides for each
 * of the same in a row, up to the distance; only those that it has not asked for yet are fetched.
 */
#define IP_STRIDE_ENTRIES 256u
#define IP_STRIDE_SURE    2u
#define IP_STRIDE_MOST    3u

struct ip_stride_entry {
    uint64_t pc; /* 0: empty */
    uint64_t line;
    int64_t stride;
    uint32_t confidence;
    uint32_t ahead; /* strides asked for beyond the line, with a distance */
};

struct ip_stride {
    uint32_t degree, distance; /* distance 0: always `degree` ahead */
    uint32_t first, last;      /* the strides to fetch now, after ip_stride_learn has said so */
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

/* The stride was right: further ahead. What has been asked for is a stride nearer now. */
static inline void ip_stride_run(struct ip_stride *p, struct ip_stride_entry *e)
{
    const uint32_t ahead = e->ahead + p->degree;
    p->first = e->ahead ? e->ahead : 1;
    p->last = e->ahead = ahead < p->distance ? ahead : p->distance;
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
    if (e->confidence < IP_STRIDE_SURE || e->stride != stride) {
        e->ahead = 0;
        return 0;
    }
    if (p->distance)
        ip_stride_run(p, e);
    return stride;
}

/* The lines to fetch then; how many. */
static inline uint32_t ip_stride_wishes(const struct ip_stride *p, uint64_t line, int64_t stride,
                                        uint64_t *out)
{
    uint32_t n = 0;
    for (uint32_t i = p->first; i <= p->last; i++)
        out[n++] = line + (uint64_t)stride * i;
    return n;
}

#endif
