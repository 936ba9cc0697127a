/* page_pool.c - the pages that a page policy knows: making and growing the table. */
#include "memhier/page_pool.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_NODES 64u

static void rehash(struct page_pool *p, uint32_t first, uint32_t nodes)
{
    for (uint32_t x = first; x < nodes; x++) {
        uint32_t *b = page_bucket(p, p->node[x].page);
        p->node[x].chain = *b;
        *b = x;
    }
}

/* Nodes from `from` on become the free ones; only called when there is none. */
static void spare_from(struct page_pool *p, uint32_t from)
{
    for (uint32_t x = p->nodes; x-- > from;) {
        p->node[x].chain = p->spare;
        p->spare = x;
    }
}

int page_pool_init(struct page_pool *p, uint32_t lists)
{
    assert(lists + 1 < FIRST_NODES);
    *p = (struct page_pool){.nodes = FIRST_NODES, .buckets = 2 * FIRST_NODES};
    p->first = lists + 1;
    p->shift = 64 - (unsigned)__builtin_ctz(p->buckets);
    p->node = calloc(p->nodes, sizeof *p->node);
    p->bucket = calloc(p->buckets, sizeof *p->bucket);
    if (!p->node || !p->bucket)
        return -1;
    for (uint32_t x = 1; x <= lists; x++)
        for (int k = 0; k < 2; k++)
            p->node[x].link[k] = (struct page_link){x, x};
    spare_from(p, lists + 1);
    return 0;
}

void page_pool_free(struct page_pool *p)
{
    free(p->node);
    free(p->bucket);
}

int page_pool_grow(struct page_pool *p)
{
    const uint32_t old = p->nodes, first = p->first; /* all from there on are in use */
    if (old > UINT32_MAX / 4)
        return -1;
    struct page_node *node = realloc(p->node, 2 * (size_t)old * sizeof *node);
    if (!node)
        return -1;
    p->node = node;
    uint32_t *bucket = calloc(2 * (size_t)p->buckets, sizeof *bucket);
    if (!bucket)
        return -1;
    free(p->bucket);
    p->bucket = bucket;
    p->buckets *= 2;
    p->shift--;
    p->nodes *= 2;
    rehash(p, first, old);
    spare_from(p, old);
    return 0;
}
