/* shadow.h - caches, TLB and predictor as they were if user code ran alone: what crossings cost it.
 */
#ifndef CPU_SHADOW_H
#define CPU_SHADOW_H

#include <stdint.h>

#include "cpu/branch.h"
#include "cpu/core.h"
#include "cpu/tlb.h"

/*
 * Soares and Stumm (FlexSC, OSDI 2010) call it pollution: what a system call has displaced is
 * missing when user code goes on. Here it is counted one by one. A second set of tags, as large as
 * the real ones, sees the accesses of user code alone, of all processes of the hart, and neither
 * the kernel's nor those of crossings. A miss of user code in the real structure that is a hit in
 * its shadow is pollution: of the L1I, the L1D, the L2 (the line was in the shadow's L1 or L2 and
 * came from farther away), the first-level TLBs (L2 hits too), of all TLBs (a walk), and of the
 * branch predictor (wrong, where its shadow was right). Two predictors that have once differed go
 * on to differ by chance, so helped_branches counts the reverse, and the difference is what tells.
 *
 * The shadow's caches are LRU and fetch nothing ahead; where the real ones do, a line that a
 * prefetch displaced counts as well, and one that was prefetched in time never does. What another
 * hart took away counts, too. Lines that the kernel brought in for user code (a buffer that was
 * read into) are a gain that is not set off.
 *
 * Counted in the region of interest only. Changes no time. Costs a second lookup an access, so it
 * is made only where `core.pollution` asks for it.
 */
struct shadow_cache {
    uint64_t *lines; /* set s at s * ways, most recently used first; NO_LINE */
    uint32_t ways, set_mask;
};

struct shadow {
    struct shadow_cache l1[2], l2; /* l1: code, data */
    const struct cache_counters *real_l1[2], *real_l2;
    struct tlb tlb;
    struct branch branch;
    uint8_t page;  /* enum tlb_found of the latest translation */
    uint8_t wrong; /* of the latest branch */
};

struct core;
/* NULL when there is no memory. */
struct shadow *shadow_new(const struct core_config *cfg, const struct hierarchy *h, uint32_t hart);
void shadow_free(struct shadow *s); /* NULL is fine */
void shadow_archive(struct shadow *s, struct archive *a);

/* An access of user code, in the real caches (core.req). */
struct mem_reply shadow_request(struct core *c);
/* And in the shadow's: `missed` says in which of the real ones it missed, below. */
#define MISSED_L1 1u
#define MISSED_L2 2u
void shadow_access(struct core *c, enum mem_kind kind, uint64_t addr, unsigned missed);
/* It looks a page up, and was found like that in the real TLB. */
void shadow_page(struct core *c, int code, uint64_t key);
void shadow_page_found(struct core *c, enum tlb_found found);
/* The current block is `id`: how did the shadow predict what led there? */
void shadow_branch(struct core *c, uint32_t id);

#endif
