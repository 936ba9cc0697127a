/* page_pool.h - the pages that a page policy knows: a hash table of nodes, and lists of them. */
#ifndef MEMHIER_PAGE_POOL_H
#define MEMHIER_PAGE_POOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Nodes are named by their index, as the array moves when it grows; 0 names no node. Nodes 1 to
 * `lists` are the ends of lists, so that lists are rings and linking needs no branch. A node is on
 * at most one list of each of its two links. The policy says in `list` where a node is and has
 * `mark`, `count` and `time` for itself.
 *
 * Invariant: the buckets' chains hold exactly the nodes that page_add made and page_drop did not
 * yet take back, each once; there are at least as many buckets as nodes.
 */
struct page_link {
    uint32_t newer, older; /* of a list's end: its oldest and its newest node */
};

struct page_node {
    uint64_t page, time;
    struct page_link link[2];
    uint32_t chain; /* next of the same bucket, or of the free nodes */
    uint16_t count;
    uint8_t list, mark;
};

struct page_pool {
    struct page_node *node;
    uint32_t *bucket;
    uint32_t nodes, buckets; /* buckets: power of two */
    uint32_t spare;          /* one of the free nodes, 0: none */
    uint32_t first;          /* the first node that is no end of a list */
    unsigned shift;
};

struct page_list {
    uint32_t end, n;
};

/* 0, or -1 out of memory; free in both cases. */
int page_pool_init(struct page_pool *p, uint32_t lists);
void page_pool_free(struct page_pool *p);
/* Twice the nodes. 0, or -1 out of memory and nothing changed. */
int page_pool_grow(struct page_pool *p);

static inline uint32_t *page_bucket(const struct page_pool *p, uint64_t page)
{
    return &p->bucket[page * UINT64_C(0x9e3779b97f4a7c15) >> p->shift];
}

static inline uint32_t page_find(const struct page_pool *p, uint64_t page)
{
    uint32_t x = *page_bucket(p, page);
    while (x && p->node[x].page != page)
        x = p->node[x].chain;
    return x;
}

/* A node for a page that has none, on no list; 0 when memory is out, and nothing has changed. */
static inline uint32_t page_add(struct page_pool *p, uint64_t page)
{
    if (!p->spare && page_pool_grow(p))
        return 0;
    const uint32_t x = p->spare;
    struct page_node *n = &p->node[x];
    uint32_t *b = page_bucket(p, page);
    p->spare = n->chain;
    *n = (struct page_node){.page = page, .chain = *b};
    *b = x;
    return x;
}

/* Forget a node that is on no list. */
static inline void page_drop(struct page_pool *p, uint32_t x)
{
    uint32_t *at = page_bucket(p, p->node[x].page);
    while (*at != x)
        at = &p->node[*at].chain;
    *at = p->node[x].chain;
    p->node[x].chain = p->spare;
    p->spare = x;
}

/* Lists on link k; the plain names are those of link 0. */
static inline void page_push_on(struct page_pool *p, struct page_list *l, uint32_t x, int k)
{
    struct page_node *v = p->node;
    const uint32_t old = v[l->end].link[k].older;
    v[x].link[k] = (struct page_link){.newer = l->end, .older = old};
    v[old].link[k].newer = x;
    v[l->end].link[k].older = x;
    l->n++;
}

static inline void page_take_from(struct page_pool *p, struct page_list *l, uint32_t x, int k)
{
    struct page_node *v = p->node;
    const struct page_link at = v[x].link[k];
    assert(l->n);
    v[at.newer].link[k].older = at.older;
    v[at.older].link[k].newer = at.newer;
    l->n--;
}

/* 0 of an empty list. */
static inline uint32_t page_oldest_on(const struct page_pool *p, const struct page_list *l, int k)
{
    return l->n ? p->node[l->end].link[k].newer : 0;
}

/* As the newest. */
static inline void page_push(struct page_pool *p, struct page_list *l, uint32_t x)
{
    page_push_on(p, l, x, 0);
}

static inline void page_take(struct page_pool *p, struct page_list *l, uint32_t x)
{
    page_take_from(p, l, x, 0);
}

static inline uint32_t page_oldest(const struct page_pool *p, const struct page_list *l)
{
    return page_oldest_on(p, l, 0);
}

static inline void page_renew(struct page_pool *p, struct page_list *l, uint32_t x)
{
    page_take(p, l, x);
    page_push(p, l, x);
}

/* The next node towards the newest, 0 after it. */
static inline uint32_t page_newer(const struct page_pool *p, const struct page_list *l, uint32_t x)
{
    const uint32_t next = p->node[x].link[0].newer;
    return next == l->end ? 0 : next;
}

/* Take the oldest off a list that is not empty. */
static inline uint32_t page_pop(struct page_pool *p, struct page_list *l)
{
    const uint32_t x = page_oldest(p, l);
    page_take(p, l, x);
    return x;
}

/* The oldest leaves the list and the pool; which page it was. */
static inline uint64_t page_expel(struct page_pool *p, struct page_list *l)
{
    const uint32_t x = page_pop(p, l);
    const uint64_t page = p->node[x].page;
    page_drop(p, x);
    return page;
}

#endif
