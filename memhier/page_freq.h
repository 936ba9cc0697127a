/* page_freq.h - resident pages by how often they were used, for policies with an LFU expert. */
#ifndef MEMHIER_PAGE_FREQ_H
#define MEMHIER_PAGE_FREQ_H

#include "memhier/page_bits.h"
#include "memhier/page_pool.h"

/* One list for each node->count, on link 1, ended by 0, in the order of the last use. Counts stop
 * at FREQ_MOST: pages used more often than that count as equally often used. All operations are
 * O(1). */
#define FREQ_MOST 65535u

struct page_freq {
    uint32_t *newest, *oldest; /* by count */
    struct page_bits used;     /* counts with a page */
};

int page_freq_init(struct page_freq *f); /* -1: out of memory; free in both cases */
void page_freq_free(struct page_freq *f);

/* As the last one used of those with its count. */
static inline void page_freq_add(struct page_freq *f, struct page_pool *p, uint32_t x)
{
    const unsigned count = p->node[x].count;
    const uint32_t old = f->newest[count];
    p->node[x].link[1] = (struct page_link){.newer = 0, .older = old};
    f->newest[count] = x;
    if (old) {
        p->node[old].link[1].newer = x;
    } else {
        f->oldest[count] = x;
        page_bits_set(&f->used, count);
    }
}

static inline void page_freq_take(struct page_freq *f, struct page_pool *p, uint32_t x)
{
    const unsigned count = p->node[x].count;
    const struct page_link at = p->node[x].link[1];
    if (at.newer)
        p->node[at.newer].link[1].older = at.older;
    else
        f->newest[count] = at.older;
    if (at.older)
        p->node[at.older].link[1].newer = at.newer;
    else
        f->oldest[count] = at.newer;
    if (!f->newest[count])
        page_bits_clear(&f->used, count);
}

/* A use of a node that is on no list of f. */
static inline void page_freq_use(struct page_freq *f, struct page_pool *p, uint32_t x)
{
    if (p->node[x].count < FREQ_MOST)
        p->node[x].count++;
    page_freq_add(f, p, x);
}

#endif
