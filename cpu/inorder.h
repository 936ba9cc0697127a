/* inorder.h - inside of the in-order core: its state, and what its three files share. */
#ifndef CPU_INORDER_H
#define CPU_INORDER_H

#include <stdint.h>

#include "cpu/boundary.h"
#include "cpu/branch.h"
#include "cpu/core.h"
#include "cpu/profile.h"
#include "cpu/tlb.h"

/*
 * inorder.c walks blocks and issues micro-ops, inorder_mem.c does what they do to memory, and
 * inorder_cross.c does events: crossings, switches of thread, devices.
 *
 * A `when` is a cycle with the CPI part that is to blame if anyone has to wait for it:
 * cycle << 4 | part. The later of two is the greater.
 */
typedef uint64_t when_t;
#define WHEN_SHIFT     4u
#define WHEN(cycle, p) ((uint64_t)(cycle) << WHEN_SHIFT | (uint64_t)(p))
#define WHEN_CYCLE(w)  ((w) >> WHEN_SHIFT)
#define WHEN_PART(w)   ((unsigned)(w)&15u)
_Static_assert(CPI_COUNT <= 16, "a CPI part fits four bits");

#define REGISTERS     4096u /* frame slots that are remembered; older ones are ready long since */
#define NO_REGISTER   REGISTERS       /* source that is always ready */
#define SINK          (REGISTERS + 1) /* destination that nobody reads */
#define MOST_INFLIGHT 128u
#define NO_LINE       UINT64_MAX

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)

/* A few things under way, in no order: flushes, or loads that missed. size 0: no limit, unused. */
struct inflight {
    uint32_t size;
    when_t until[MOST_INFLIGHT];
    uint64_t line[MOST_INFLIGHT];
};

/* How the last block of a thread ended; what it led to is in the next block word. */
struct ending {
    uint64_t pc;
    uint32_t taken, next, func;
    uint8_t end;         /* enum block_end, or END_UNKNOWN */
    uint8_t kernel_side; /* of the block */
    uint8_t crossed;     /* a trap came between: neither a branch nor predicted */
};
#define END_UNKNOWN 0xffu /* nothing ran before, or the block was left early */

/* What is kept of a thread that does not run. */
struct past {
    struct ending ending;
    uint8_t in_call;
};

/* The line that non-temporal stores are being combined in. */
struct combining {
    uint64_t line; /* address, NO_LINE: none */
    uint64_t mask; /* bytes written */
    uint64_t pc;
};

struct core {
    /* Issue. `used` has four bits a class and four for the width: each starts at 8 - limit, so
     * that bit 3 says that the cycle has no more. */
    uint64_t cycle, used, fresh;
    uint64_t *cpi; /* of the side that runs */
    uint64_t full[UOP_CLASSES], one[UOP_CLASSES];
    uint32_t latency[UOP_CLASSES];
    uint32_t mispredict_cycles;
    when_t last;          /* when all results so far are ready */
    uint64_t branch_done; /* when the block's branch is resolved */

    /* Memory. */
    struct hierarchy *hierarchy;
    struct domain *domain;
    ps_t period, hit_ps; /* hit_ps: what an L1 hit took last, in cycles: hit_cycles */
    uint64_t hit_cycles;
    struct mem_req req; /* hart and side are always set */
    uint64_t requests;  /* made so far */
    uint64_t origin; /* of the micro-op under way: number of the latest load that it needs, or 0 */
    uint32_t bounds_check;
    const struct space *space; /* of the current instance, or NULL */
    uint64_t frame_addr;       /* of the current thread */
    uint64_t tag_linear, tag_physical;
    struct tlb tlb;
    uint64_t fetched; /* line that was fetched last */
    when_t *stores;   /* commit times of the last `store_buffer` stores, a ring */
    uint32_t store_buffer, store_at;
    when_t store_last; /* of the youngest store: commits are in order */
    struct inflight flushes, misses;
    struct combining combining;

    /* The log. */
    struct code_view code;
    uint32_t uop_bytes; /* of code */
    uint32_t block;     /* of which micro-ops are still to come, 0: none */
    uint32_t next_uop, fp;
    uint8_t bulk_issued; /* next_uop is a bulk operation that has issued */
    struct ending ending;
    struct branch branch;
    struct profile *profile;

    /* Who runs. */
    struct core_env env;
    struct boundary_config boundary;
    uint32_t instance, process, thread; /* process: the user instance that ran last */
    uint8_t kernel_side, has_thread;
    uint8_t roi;
    uint64_t roi_cycle, roi_instructions;
    uint64_t side_instructions; /* counted when the side was last changed */
    uint8_t in_call;            /* the thread is in a kernel call that it made */
    uint64_t call_cycle;        /* counted when call_cycles was last brought up to date */
    struct past *pasts;         /* by thread */
    uint32_t npasts;

    struct core_counters n;
    when_t ready[REGISTERS + 2];
    uint64_t origins[REGISTERS + 2]; /* the same for each register; kept when env.dependences */
};

/* ---- time ---- */

/* Nothing issues until `to`. The cycle so far, if anything issued in it, is BASE. */
static inline void core_stall(struct core *c, uint64_t to, unsigned part)
{
    const uint64_t base = c->used != c->fresh;
    c->cpi[CPI_BASE] += base;
    c->cpi[part] += to - c->cycle - base;
    c->cycle = to;
    c->used = c->fresh;
}

static inline void core_wait(struct core *c, when_t w)
{
    if (WHEN_CYCLE(w) > c->cycle)
        core_stall(c, WHEN_CYCLE(w), WHEN_PART(w));
}

/* Issue one micro-op of a class whose sources are ready at w. */
static inline void core_issue(struct core *c, unsigned class, when_t w)
{
    core_wait(c, w);
    if (c->used & c->full[class])
        core_stall(c, c->cycle + 1, CPI_BASE);
    c->used += c->one[class];
}

static inline void core_result(struct core *c, unsigned reg, when_t w)
{
    c->ready[reg] = w;
    if (w > c->last)
        c->last = w;
}

/* ---- memory (inorder_mem.c) ---- */

void core_translate_slowly(struct core *c, struct tlb_level *first, uint64_t key);
when_t core_load_missed(struct core *c, struct mem_reply reply, uint64_t phys, uint64_t start);
void core_fetch(struct core *c, const struct block *b);

/* A load or store of the current space (linear) or of physical memory, any alignment. A load's
 * result is ready at the value. words: old and new bytes of a store as the log has them, or NULL.
 */
when_t core_load(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc);
void core_store(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc, const uint64_t *words);
/* A store within a physical line. */
void core_store_physical(struct core *c, uint64_t phys, uint32_t bytes, uint64_t pc);
void core_store_nontemporal(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                            const uint64_t *words);
/* When a flush may start, so that it does not exceed those under way. */
when_t core_flush_room(const struct core *c);
void core_flush(struct core *c, enum mem_kind kind, uint64_t addr, uint64_t pc);
void core_fence(struct core *c, uint64_t pc);
/* Send combined non-temporal stores on their way. */
void core_close_combining(struct core *c);
/* One LOG_BULK of which n words are there: how many it has, 0 when it is cut off. */
uint32_t core_bulk(struct core *c, const uint64_t *words, uint32_t n, uint64_t pc);

/* Make sure that a page of data is in the TLB. */
static inline void core_translate(struct core *c, uint64_t tag, uint64_t addr)
{
    const uint64_t key = tlb_key(&c->tlb, tag, addr);
    c->n.tlb_lookups++;
    if (unlikely(!tlb_again(&c->tlb.data, key)))
        core_translate_slowly(c, &c->tlb.data, key);
}

static inline struct mem_reply core_request(struct core *c, enum mem_kind kind, uint64_t phys,
                                            uint32_t bytes, uint64_t pc, uint64_t start)
{
    c->req.addr = phys;
    c->req.at = start * c->period;
    c->req.pc = pc;
    c->req.bytes = (uint16_t)bytes;
    c->req.kind = (uint8_t)kind;
    c->requests++;
    c->req.depends = c->origin ? (uint32_t)(c->requests - c->origin) : 0;
    return hierarchy_access(c->hierarchy, &c->req);
}

/* Cycles that a request took. What an L1 hit takes is remembered: no division for it. */
static inline uint64_t core_cycles(struct core *c, struct mem_reply reply, uint64_t start)
{
    const ps_t took = reply.done - start * c->period;
    if (likely(took == c->hit_ps))
        return c->hit_cycles;
    const uint64_t cycles = (took + c->period - 1) / c->period;
    if (reply.source == SRC_L1) {
        c->hit_ps = took;
        c->hit_cycles = cycles;
    }
    return cycles;
}

/* A load within a physical line, `start` being no earlier than now. */
static inline when_t core_load_line(struct core *c, uint64_t phys, uint32_t bytes, uint64_t pc,
                                    uint64_t start)
{
    if (unlikely((phys & ~(uint64_t)(LINE_BYTES - 1)) == c->combining.line))
        core_close_combining(c);
    const struct mem_reply reply = core_request(c, MEM_LOAD, phys, bytes, pc, start);
    if (unlikely(reply.source != SRC_L1))
        return core_load_missed(c, reply, phys, start);
    return WHEN(start + core_cycles(c, reply, start) + c->latency[UOP_LOAD], CPI_L1);
}

static inline int core_in_space(const struct core *c, uint64_t addr)
{
    return c->space && addr >> FRAME_SHIFT < c->space->pages;
}

/* The common case of core_load inline: one line of the current space. */
static inline when_t core_load_linear(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc)
{
    if (unlikely((addr & (LINE_BYTES - 1)) + bytes > LINE_BYTES || !core_in_space(c, addr)))
        return core_load(c, addr, bytes, pc);
    core_translate(c, c->tag_linear, addr);
    return core_load_line(c, space_phys(c->space, addr), bytes, pc, c->cycle + c->bounds_check);
}

/* ---- events (inorder_cross.c) ---- */

void core_event(struct core *c, uint64_t word);
/* Accesses from now on are of that memory of the current instance. */
void core_use_memory(struct core *c, uint32_t memory);
/* Bring the counters up to date. */
void core_settle(struct core *c);

#endif
