/* pmsites.h - call stacks, and places of the guest as numbers. */
#ifndef SIM_PMSITES_H
#define SIM_PMSITES_H

#include <stddef.h>
#include <stdint.h>

#include "sim/pmwatch.h"

/*
 * A thread's call stack is followed by the frame positions in the log's block words: deeper is a
 * call, less deep a return, the same with another function a tail call. Frames become nodes of a
 * tree (caller, block that calls, function) only when an event asks for its site. Number 0 is no
 * node and no site. The structs are here for pmsites_enter alone.
 */
struct pmframe {
    uint32_t fp, func;
    uint32_t node;  /* 0: not known yet */
    uint32_t block; /* executed last in it */
};

struct pmstack {
    struct pmframe *v;
    uint32_t n, cap;
};

/* Open addressing: numbers of nodes or sites, 0: free. */
struct pmindex {
    uint32_t *v;
    uint32_t size, n;
};

struct pmsites {
    struct store *store;
    struct pmstack *stacks; /* by thread */
    uint32_t nstacks;
    struct node *nodes;
    uint32_t nnodes, nodes_cap;
    struct site *sites;
    uint32_t nsites, sites_cap;
    struct pmindex by_node, by_site;
};

/* What a place has stored. */
struct pmsite_kind {
    uint8_t pointers, numbers;
};

struct pmsites *pmsites_new(struct store *store);
void pmsites_free(struct pmsites *w);
/* The thread exists from now on; thread 0 does from the beginning. */
void pmsites_thread(struct pmsites *w, uint32_t thread);
struct pmframe *pmsites_move(struct pmstack *s, uint32_t fp, uint32_t func);
/* The micro-op of the block that the thread is in. */
uint32_t pmsites_at(struct pmsites *w, uint32_t thread, uint32_t block, uint32_t uop);
struct pmsite_kind *pmsites_kind(struct pmsites *w, uint32_t site);
uint32_t pmsites_backtrace(const struct pmsites *w, uint32_t site, struct watch_frame *out,
                           uint32_t n);

/* The thread executes a block of this function with its frame at fp. */
static inline void pmsites_enter(struct pmsites *w, uint32_t thread, uint32_t fp, uint32_t func,
                                 uint32_t block)
{
    struct pmstack *s = &w->stacks[thread];
    struct pmframe *top = s->n ? &s->v[s->n - 1] : NULL;
    if (!top || top->fp != fp || top->func != func)
        top = pmsites_move(s, fp, func);
    top->block = block;
}

#endif
