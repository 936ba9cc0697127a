/* pmsites.c - call stacks, and places of the guest as numbers. */
#include "sim/pmsites.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"

#define NONE      0u
#define MOST_DEEP 64u /* frames of a back trace */

struct node {
    uint32_t parent, call_block, func, depth;
};

struct site {
    uint32_t node, block, uop;
    struct pmsite_kind kind;
};

static const char wanted[] = "following persistent memory";

/* ---- nodes and sites ---- */

static uint32_t hash3(uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t h = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29 ^ c) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(h >> 32);
}

static void index_double(struct pmindex *x, uint32_t (*hash)(const struct pmsites *, uint32_t),
                         const struct pmsites *w)
{
    uint32_t *old = x->v;
    const uint32_t n = x->size;
    x->size = n ? 2 * n : 256;
    x->v = hostmem_new(x->size, sizeof *x->v, wanted);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = old[i] ? hash(w, old[i]) & (x->size - 1) : 0;
        while (old[i] && x->v[k])
            k = (k + 1) & (x->size - 1);
        if (old[i])
            x->v[k] = old[i];
    }
    free(old);
}

static uint32_t node_hash(const struct pmsites *w, uint32_t i)
{
    return hash3(w->nodes[i].parent, w->nodes[i].call_block, w->nodes[i].func);
}

static uint32_t site_hash(const struct pmsites *w, uint32_t i)
{
    return hash3(w->sites[i].node, w->sites[i].block, w->sites[i].uop);
}

static uint32_t node_of(struct pmsites *w, uint32_t parent, uint32_t call_block, uint32_t func)
{
    if (2 * (w->by_node.n + 1) > w->by_node.size)
        index_double(&w->by_node, node_hash, w);
    uint32_t k = hash3(parent, call_block, func) & (w->by_node.size - 1);
    for (uint32_t i; (i = w->by_node.v[k]); k = (k + 1) & (w->by_node.size - 1))
        if (w->nodes[i].parent == parent && w->nodes[i].call_block == call_block &&
            w->nodes[i].func == func)
            return i;
    if (w->nnodes == w->nodes_cap) {
        w->nodes_cap *= 2;
        w->nodes = hostmem_resize(w->nodes, w->nodes_cap, sizeof *w->nodes, wanted);
    }
    w->nodes[w->nnodes] = (struct node){parent, call_block, func, w->nodes[parent].depth + 1};
    w->by_node.v[k] = w->nnodes;
    w->by_node.n++;
    return w->nnodes++;
}

static uint32_t top_node(struct pmsites *w, struct pmstack *s)
{
    const uint32_t from = s->n > MOST_DEEP ? s->n - MOST_DEEP : 0;
    if (s->v[s->n - 1].node)
        return s->v[s->n - 1].node;
    for (uint32_t i = from; i < s->n; i++) {
        struct pmframe *f = &s->v[i];
        if (!f->node || (i == from && from))
            f->node = node_of(w, i > from ? f[-1].node : NONE, i > from ? f[-1].block : 0, f->func);
    }
    return s->v[s->n - 1].node;
}

uint32_t pmsites_at(struct pmsites *w, uint32_t thread, uint32_t block, uint32_t uop)
{
    struct pmstack *s = &w->stacks[thread];
    if (!s->n)
        return 0;
    const uint32_t node = top_node(w, s);
    if (2 * (w->by_site.n + 1) > w->by_site.size)
        index_double(&w->by_site, site_hash, w);
    uint32_t k = hash3(node, block, uop) & (w->by_site.size - 1);
    for (uint32_t i; (i = w->by_site.v[k]); k = (k + 1) & (w->by_site.size - 1))
        if (w->sites[i].node == node && w->sites[i].block == block && w->sites[i].uop == uop)
            return i;
    if (w->nsites == w->sites_cap) {
        w->sites_cap *= 2;
        w->sites = hostmem_resize(w->sites, w->sites_cap, sizeof *w->sites, wanted);
    }
    w->sites[w->nsites] = (struct site){.node = node, .block = block, .uop = uop};
    w->by_site.v[k] = w->nsites;
    w->by_site.n++;
    return w->nsites++;
}

static struct watch_frame describe(const struct pmsites *w, uint32_t func, uint32_t block)
{
    const struct code_view v = store_code(w->store);
    const struct code_func *f = &v.funcs[func];
    return (struct watch_frame){.module = store_module_name(w->store, (int)f->module),
                                .func = f->name,
                                .offset = store_block_offset(w->store, block)};
}

uint32_t pmsites_backtrace(const struct pmsites *w, uint32_t site, struct watch_frame *out,
                           uint32_t n)
{
    uint32_t depth = 0;
    if (site == 0 || site >= w->nsites)
        return 0;
    uint32_t block = w->sites[site].block;
    for (uint32_t i = w->sites[site].node; i; i = w->nodes[i].parent) {
        if (depth < n)
            out[depth] = describe(w, w->nodes[i].func, block);
        depth++;
        block = w->nodes[i].call_block;
    }
    return depth;
}

struct pmsite_kind *pmsites_kind(struct pmsites *w, uint32_t site)
{
    return &w->sites[site].kind;
}

/* ---- call stacks ---- */

static void push(struct pmstack *s, uint32_t fp, uint32_t func)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 32;
        s->v = hostmem_resize(s->v, s->cap, sizeof *s->v, wanted);
    }
    s->v[s->n++] = (struct pmframe){.fp = fp, .func = func};
}

struct pmframe *pmsites_move(struct pmstack *s, uint32_t fp, uint32_t func)
{
    while (s->n && s->v[s->n - 1].fp > fp)
        s->n--;
    if (!s->n || s->v[s->n - 1].fp < fp)
        push(s, fp, func);
    else if (s->v[s->n - 1].func != func)
        s->v[s->n - 1] = (struct pmframe){.fp = fp, .func = func};
    return &s->v[s->n - 1];
}

void pmsites_thread(struct pmsites *w, uint32_t thread)
{
    if (thread < w->nstacks)
        return;
    w->stacks = hostmem_resize(w->stacks, thread + 1, sizeof *w->stacks, wanted);
    memset(w->stacks + w->nstacks, 0, (thread + 1 - w->nstacks) * sizeof *w->stacks);
    w->nstacks = thread + 1;
}

/* ---- the whole ---- */

struct pmsites *pmsites_new(struct store *store)
{
    struct pmsites *w = hostmem_new(1, sizeof *w, wanted);
    w->store = store;
    w->nodes_cap = w->sites_cap = 256;
    w->nodes = hostmem_new(w->nodes_cap, sizeof *w->nodes, wanted);
    w->sites = hostmem_new(w->sites_cap, sizeof *w->sites, wanted);
    w->nnodes = w->nsites = 1;
    pmsites_thread(w, 0);
    return w;
}

void pmsites_free(struct pmsites *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->nstacks; i++)
        free(w->stacks[i].v);
    free(w->stacks);
    free(w->nodes);
    free(w->sites);
    free(w->by_node.v);
    free(w->by_site.v);
    free(w);
}
