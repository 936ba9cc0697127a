/* inorder.h - inside of the in-order core: its state, and what its three files share. */
#ifndef CPU_INORDER_H
#define CPU_INORDER_H

#include "cpu/hart.h"

/* inorder.c walks blocks, issues micro-ops and carries out crossings; inorder_mem.c does what
 * micro-ops do to memory; inorder_archive.c puts it into checkpoints: whoever adds a field that
 * outlives a log adds it there, too. */
struct inorder {
    struct core core; /* its cycle: the one in which micro-ops issue */

    /* Issue. `used` has four bits a class and four for the width: each starts at 8 - limit, so
     * that bit 3 says that the cycle has no more. */
    uint64_t used, fresh;
    uint64_t full[UOP_CLASSES], one[UOP_CLASSES];
    uint32_t latency[UOP_CLASSES];
    uint32_t mispredict_cycles, indirect_cycles;
    when_t last;          /* when all results so far are ready */
    uint64_t branch_done; /* when the block's branch is resolved */
    uint8_t bulk_issued;  /* next_uop is a bulk operation that has issued */

    when_t *stores; /* commit times of the last `store_buffer` stores, a ring */
    uint32_t store_buffer, store_at;
    when_t store_last; /* of the youngest store: commits are in order */
    struct inflight misses;

    when_t ready[REGISTERS + 2];
};

static inline struct inorder *inorder_of(struct core *c)
{
    return (struct inorder *)c;
}

/* ---- time ---- */

/* Nothing issues until `to`. The cycle so far, if anything issued in it, is BASE. */
static inline void inorder_stall(struct inorder *c, uint64_t to, unsigned part)
{
    const uint64_t base = c->used != c->fresh;
    c->core.cpi[CPI_BASE] += base;
    c->core.cpi[part] += to - c->core.cycle - base;
    c->core.cycle = to;
    c->used = c->fresh;
}

static inline void inorder_wait(struct inorder *c, when_t w)
{
    if (WHEN_CYCLE(w) > c->core.cycle)
        inorder_stall(c, WHEN_CYCLE(w), WHEN_PART(w));
}

/* Issue one micro-op of a class whose sources are ready at w. */
static inline void inorder_issue(struct inorder *c, unsigned class, when_t w)
{
    inorder_wait(c, w);
    if (c->used & c->full[class])
        inorder_stall(c, c->core.cycle + 1, CPI_BASE);
    c->used += c->one[class];
}

static inline void inorder_result(struct inorder *c, unsigned reg, when_t w)
{
    c->ready[reg] = w;
    if (w > c->last)
        c->last = w;
}

/* ---- memory (inorder_mem.c) ---- */

void inorder_translate_slowly(struct inorder *c, struct tlb_level *first, uint64_t key);
when_t inorder_load_missed(struct inorder *c, struct mem_reply reply, uint64_t phys,
                           uint64_t start);
void inorder_fetch(struct inorder *c, const struct block *b);

/* A load or store of the current space (linear) or of physical memory, any alignment. A load's
 * result is ready at the value. words: old and new bytes of a store as the log has them, or NULL.
 */
when_t inorder_load(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc);
void inorder_store(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                   const uint64_t *words);
/* A store within a physical line. */
void inorder_store_physical(struct inorder *c, uint64_t phys, uint32_t bytes, uint64_t pc);
void inorder_store_nontemporal(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                               const uint64_t *words);
/* When a flush may start, so that it does not exceed those under way. */
when_t inorder_flush_room(const struct inorder *c);
void inorder_flush(struct inorder *c, enum mem_kind kind, uint64_t addr, uint64_t pc);
void inorder_fence(struct inorder *c, uint64_t pc);
/* Send combined non-temporal stores on their way. */
void inorder_close_combining(struct inorder *c);
/* As struct log_reader has it. */
uint32_t inorder_bulk(struct core *core, const uint64_t *words, uint32_t n, uint64_t pc);

/* Make sure that a page of data is in the TLB. */
static inline void inorder_translate(struct inorder *c, uint64_t tag, uint64_t addr)
{
    const uint64_t key = tlb_key(&c->core.tlb, tag, addr);
    c->core.n.tlb_lookups++;
    core_shadow_page(&c->core, &c->core.tlb.data, key);
    if (unlikely(!tlb_again(&c->core.tlb.data, key)))
        inorder_translate_slowly(c, &c->core.tlb.data, key);
}

/* A load within a physical line, `start` being no earlier than now. */
static inline when_t inorder_load_line(struct inorder *c, uint64_t phys, uint32_t bytes,
                                       uint64_t pc, uint64_t start)
{
    if (unlikely(line_of(phys) == c->core.combining.line))
        inorder_close_combining(c);
    const struct mem_reply reply = core_request(&c->core, MEM_LOAD, phys, bytes, pc, start);
    if (unlikely(reply.source != SRC_L1))
        return inorder_load_missed(c, reply, phys, start);
    return WHEN(start + core_cycles(&c->core, reply, start) + c->latency[UOP_LOAD], CPI_L1);
}

/* The common case of inorder_load inline: one line of the current space. */
static inline when_t inorder_load_linear(struct inorder *c, uint64_t addr, uint32_t bytes,
                                         uint64_t pc)
{
    if (unlikely((addr & (LINE_BYTES - 1)) + bytes > LINE_BYTES || !core_in_space(&c->core, addr)))
        return inorder_load(c, addr, bytes, pc);
    inorder_translate(c, c->core.tag_linear, addr);
    return inorder_load_line(c, space_phys(c->core.space, addr), bytes, pc,
                             c->core.cycle + c->core.bounds_check);
}

/* ---- checkpoints (inorder_archive.c) ---- */

void inorder_archive(struct core *c, struct archive *a);

#endif
