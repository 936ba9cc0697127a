/* hart.h - what every core model keeps of the hart that it times: who runs, where the log stands,
 * how it reaches memory. */
#ifndef CPU_HART_H
#define CPU_HART_H

#include <stdint.h>

#include "cpu/boundary.h"
#include "cpu/branch.h"
#include "cpu/core.h"
#include "cpu/functions.h"
#include "cpu/layout.h"
#include "cpu/penalty.h"
#include "cpu/profile.h"
#include "cpu/shadow.h"
#include "cpu/tlb.h"

/*
 * A model's own struct begins with a struct core. cross.c does events (crossings, switches of
 * thread, devices), hart.c what all models do to memory, follow.h where a block's end led to, and
 * log.h reads the log. `cycle` is the model's clock: never back, and every cycle up to it is in one
 * part of the CPI stack of one side.
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
    uint8_t backward;    /* END_COND: its target lies before it */
    uint8_t crossed;     /* a trap came between: neither a branch nor predicted */
    uint8_t place; /* of its last byte in compiled code (layout.h), if predictors ask for it */
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

/* What cross.c asks of a model. */
struct core_model {
    /* What follows begins a new cycle: it may belong to another side or thread. */
    void (*close)(struct core *c);
    /* Nothing happens for so many cycles, which are `part`; called after close. */
    void (*stall)(struct core *c, uint64_t cycles, enum cpi_part part);
    /* Carry out steps of a crossing (boundary.h). */
    void (*steps)(struct core *c, const struct boundary_step *s, uint32_t n);
};

struct core {
    const struct core_model *model;
    uint64_t cycle;
    uint64_t *cpi; /* of the function and side that run */

    /* Memory. */
    struct hierarchy *hierarchy;
    struct domain *domain;
    ps_t period, hit_ps; /* hit_ps: what an L1 hit took last, in cycles: hit_cycles */
    uint64_t hit_cycles;
    struct mem_req req; /* hart and side are always set */
    uint64_t requests;  /* made so far */
    uint64_t origin; /* of the micro-op under way: number of the latest load that it needs, or 0 */
    uint32_t bounds_check;
    uint32_t vector_bytes; /* of a micro-op of a bulk operation */
    struct penalty penalty;
    const struct space *space; /* of the current instance, or NULL */
    uint64_t frame_addr;       /* of the current thread */
    uint64_t tag_linear, tag_physical;
    struct tlb tlb;
    uint32_t shootdown_cycles;
    uint64_t fetched; /* line that was fetched last */
    struct inflight flushes;
    struct combining combining;

    /* The log. */
    struct code_view code;
    uint32_t uop_bytes; /* of code */
    uint32_t block;     /* of which micro-ops are still to come, 0: none */
    uint32_t next_uop, fp;
    struct ending ending;
    struct branch branch;
    struct layout layout; /* of the code, for branch.by_branches */
    struct profile *profile;
    struct functions *functions;
    uint32_t func; /* that runs: cpi is its stack */
    uint8_t no_stack;

    /* Who runs. */
    struct core_env env;
    struct boundary_config boundary;
    uint32_t instance, process, thread; /* process: the user instance that ran last */
    uint8_t kernel_side, has_thread;
    uint8_t roi;
    uint64_t marks;
    uint64_t
        roi_from[ROI_COUNT]; /* the totals when the ROI's counters were last brought up to date */
    uint64_t side_instructions; /* counted when the side was last changed */
    uint8_t in_call;            /* the thread is in a kernel call that it made */
    uint64_t call_cycle;        /* counted when call_cycles was last brought up to date */
    struct past *pasts;         /* by thread */
    uint32_t npasts;

    struct shadow *shadow; /* NULL: pollution is not counted */
    struct core_counters n;
    uint64_t origins[REGISTERS + 2]; /* `origin` of each register; kept when env.dependences */
};

/* ---- making (hart.c) ---- */

/* The zero-filled common part; cfg has been checked. 0, or -1: no memory. */
int core_init(struct core *c, const struct core_config *cfg, const struct core_env *env,
              const struct core_model *model);
/* What core_init and the run have allocated; not c itself. */
void core_release(struct core *c);
void core_look_at_code(struct core *c);
char *core_folded(const struct core *c);
char *core_functions(const struct core *c);
/* The block of another function, or of another side, begins: cycles are its. */
void core_enter_function(struct core *c, uint32_t func);

/* ---- registers ---- */

static inline unsigned core_source(uint32_t fp, uint16_t slot)
{
    return slot == REG_NONE ? NO_REGISTER : (fp + slot) & (REGISTERS - 1);
}

static inline unsigned core_destination(uint32_t fp, uint16_t slot)
{
    return slot == REG_NONE ? SINK : (fp + slot) & (REGISTERS - 1);
}

/* Where the slot of a micro-op on the frame lies. */
static inline uint64_t core_frame_word(const struct core *c, uint32_t fp, const struct uop *u)
{
    return c->frame_addr + ((uint64_t)fp + u->slot) * 8;
}

/* Note on which load a micro-op depends; its requests say so (mem_req.depends). */
static inline void core_trace_sources(struct core *c, uint32_t fp, const struct uop *u)
{
    const uint64_t a = c->origins[core_source(fp, u->a)], b = c->origins[core_source(fp, u->b)];
    c->origin = a > b ? a : b;
}

/* Its result depends on what it depends on; a load's, on the load. */
static inline void core_trace_result(struct core *c, uint32_t fp, const struct uop *u)
{
    c->origins[core_destination(fp, u->dst)] = u->class == UOP_LOAD ? c->requests : c->origin;
    c->origin = 0;
}

/* ---- memory ---- */

static inline uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t line_of(uint64_t addr)
{
    return addr & ~(uint64_t)(LINE_BYTES - 1);
}

static inline uint32_t left_in_line(uint64_t addr)
{
    return LINE_BYTES - (uint32_t)(addr & (LINE_BYTES - 1));
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
    if (unlikely(c->shadow != NULL) && !c->kernel_side)
        return shadow_request(c);
    return hierarchy_access(c->hierarchy, &c->req);
}

/* A page is looked up, in the real TLB next. */
static inline void core_shadow_page(struct core *c, const struct tlb_level *first, uint64_t key)
{
    if (unlikely(c->shadow != NULL) && !c->kernel_side && !c->tlb.none)
        shadow_page(c, first == &c->tlb.code, key);
}

/* Not in the first place that was looked at, but there. */
static inline void core_shadow_found(struct core *c, enum tlb_found found)
{
    if (unlikely(c->shadow != NULL) && !c->kernel_side && !c->tlb.none)
        shadow_page_found(c, found);
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

static inline int core_in_space(const struct core *c, uint64_t addr)
{
    return c->space && addr >> FRAME_SHIFT < c->space->pages;
}

/* Is a store there one that the persistence domain hears of? */
static inline int core_tracked(const struct core *c, uint64_t phys)
{
    return c->domain && addr_is_nvdimm(phys);
}

extern const uint8_t core_part_of[MEM_SOURCES]; /* the CPI part of a load from there */

/*
 * The page is not the entry that its set of `first` used last: look further. The cycle at which it
 * can be used, `at` if it was there; a walk's reads begin at `at`. Counts all but the lookup.
 */
uint64_t core_find_page(struct core *c, struct tlb_level *first, uint64_t key, uint64_t at);

/* The walk to a page, which was in no level: its reads begin at `at`. When it is there. */
uint64_t core_walk(struct core *c, uint64_t key, uint64_t at);

/* Tell the persistence domain of a store to NVDIMM at `at`, in pieces that lie in aligned words:
 * bytes from byte `skip` of the store's operand on, at addr; words: the operand, old and new. */
void core_list_operand(struct core *c, uint64_t addr, uint32_t bytes, uint32_t skip,
                       const uint64_t *words, uint64_t pc, int nontemporal, uint64_t at);
/* [addr, addr + n) of a bulk operation; pairs: those of its aligned words from addr's on. */
void core_list_pairs(struct core *c, uint64_t addr, uint32_t n, const uint64_t *pairs, uint64_t pc,
                     uint64_t at);

void inflight_init(struct inflight *f, uint32_t size);
/* The place that is free first; the line's own if it has one. */
uint32_t inflight_place(const struct inflight *f, uint64_t line, uint64_t now);

static inline void inflight_put(struct inflight *f, uint32_t place, uint64_t line, when_t until)
{
    f->line[place] = line;
    f->until[place] = until;
}

/* Micro-ops for n bytes from addr on: of `vector` bytes where aligned, else of 16, of up to 8 at
 * the edges. */
uint32_t core_bulk_uops(uint64_t addr, uint32_t n, uint32_t vector);

/* A LOG_BULK of which n words are there. words: how many it has, 0 when it is cut off. */
struct bulk {
    uint64_t dst, src;
    uint32_t bytes, words;
    const uint64_t *pairs; /* NULL: none */
};
struct bulk core_read_bulk(struct core *c, const uint64_t *words, uint32_t n);

/* ---- checkpoints (hart_archive.c) ---- */

/* A `when` to or from a checkpoint: its part must be one. */
void when_archive(struct archive *a, when_t *w);
void whens_archive(struct archive *a, when_t *w, uint32_t n);
void inflight_archive(struct inflight *f, struct archive *a);
/* All that a struct core keeps from log to log: each model's archive begins with it. Whoever adds a
 * field to it that outlives a log adds it there, too. */
void core_archive(struct core *c, struct archive *a);

/* ---- events (cross.c) ---- */

void core_event(struct core *c, uint64_t word);
/* Accesses from now on are of that memory of the current instance. */
void core_use_memory(struct core *c, uint32_t memory);
/* After instance, process, thread and side have been set at once: what follows from them. */
void core_resume(struct core *c);
/* Bring the counters up to date. */
void core_settle(struct core *c);

#endif
