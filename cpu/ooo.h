/* ooo.h - inside of the out-of-order core: the instruction window as a few rings of times. */
#ifndef CPU_OOO_H
#define CPU_OOO_H

#include "cpu/hart.h"
#include "memhier/calendar.h"

/*
 * Nothing is ticked. Micro-ops are taken in program order, and for each the cycle of every step is
 * worked out from those of others before it:
 *
 *   fetch     `fetch_width` a cycle, a taken branch ends the cycle, and so may a line of code; not
 *             before code has arrived, the front end was redirected, and there is room in the fetch
 *             queue
 *   dispatch  `width` a cycle, in order; with a place in the ROB (free the cycle after its holder
 *             has retired), the scheduler (after issue), the load queue (after retirement) or the
 *             store queue (after commit)
 *   issue     not before the cycle after dispatch, with all sources ready, in the first cycle that
 *             has a port of its class free, whatever has been dispatched before it
 *   complete  after its latency
 *   retire    in order, `retire_width` a cycle
 *   commit    stores: after retirement, in order, one a cycle, or `line_commits` to one line
 *
 * The hart's clock (core.cycle) is retirement. A cycle in which something retired is BASE; those
 * between two retirements belong to what held up the younger micro-op, then the oldest: they are
 * dealt out to its steps in their order (ooo_charge).
 */
#define OOO_CYCLES 4096u /* cycles ahead of dispatch whose ports are known; power of two */
#define OOO_WINDOW 1024u /* most micro-ops in the ROB and in the fetch queue; power of two */
#define OOO_PORTS  16u
/* For ports, these are classes of their own: shifts, accesses of vector registers. */
#define OOO_SHIFTS        UOP_CLASSES
#define OOO_VECTOR_LOADS  (UOP_CLASSES + 1u)
#define OOO_VECTOR_STORES (UOP_CLASSES + 2u)
#define OOO_CLASSES       (UOP_CLASSES + 3u)
#define OOO_WALKS         8u   /* page walks under way that are remembered; power of two */
#define OOO_PENDING       512u /* entries for words with stores under way; power of two */

/* Ports taken in a cycle, and micro-ops that leave the scheduler in it. Valid for one cycle; the
 * place is another cycle's when that differs. */
struct ooo_slot {
    uint32_t cycle;
    uint16_t busy, leaving;
};

/* Cycles [from, to) that have no port free for a class: found out once. */
struct ooo_full {
    uint64_t from, to;
};

struct ooo_past {
    uint64_t dispatch, retire;
};

/* The youngest store to an aligned 8-byte word. */
struct ooo_pending {
    uint64_t word;          /* physical address / 8 */
    uint64_t ready, commit; /* its data; when it is in the cache */
    uint8_t bytes;          /* bit i: writes byte i */
};

struct ooo_walk {
    uint64_t key, until;
};

/* A page's translation, and how a micro-op came to be complete: what ooo_retire is told. */
struct ooo_op {
    uint64_t dispatch, issue;
    when_t held;     /* dispatch waited for the store queue until then, 0: no */
    when_t fused;    /* the load that is part of it, 0: none */
    uint64_t paged;  /* translated at; 0: at once */
    when_t complete; /* and what that was: a level's, BASE, or a fence */
    when_t full;     /* a second thing that it waited for: a full queue, or 0 */
};

struct ooo {
    struct core core;

    /* Front end. Cycles until which it waited for a redirect, a page, a line, in this order. */
    uint64_t fetch, code_page, code_line;
    when_t redirect;
    uint32_t fetch_left, fetch_width, fetch_queue;
    uint32_t mispredict_cycles, indirect_cycles, btb_cycles;
    uint64_t branch_done; /* when the last branch is resolved */

    /* Window. */
    uint64_t dispatch;
    uint32_t dispatch_left, width;
    uint32_t sequence; /* of micro-ops (fused ones: one) */
    uint32_t rob, scheduler, waiting;
    uint64_t swept; /* what left the scheduler up to this cycle has been counted */
    uint32_t retire_width, retire_left;
    uint32_t latency[UOP_CLASSES];
    uint16_t ports[OOO_CLASSES];
    struct ooo_full full[OOO_CLASSES];
    struct calendar divider[2]; /* of cycles: integer, floating point */
    uint32_t divide_busy[UOP_FSQRT + 1];
    uint8_t fuse_loads, fuse_branches, rename_copies, rename_sums, fetch_lines;
    uint32_t scale_add, vector_load;
    uint8_t bulk_begun; /* next_uop is a bulk operation that has issued */

    /* Memory. */
    when_t *stores; /* commit times of the last `store_queue` stores, a ring */
    uint32_t store_queue, store_at;
    when_t store_last;   /* of the youngest */
    uint64_t store_line; /* its line, when more stores to it may commit in that cycle: so many */
    uint32_t store_left, line_commits;
    uint64_t *loads; /* retirement of the last `load_queue` loads, a ring */
    uint32_t load_queue, load_at;
    uint64_t load_barrier; /* no load starts before: after a full fence */
    uint64_t step_ready;   /* steps of a crossing wait for this */
    uint32_t forward_cycles;
    struct inflight misses;
    uint64_t walkers[8]; /* free again */
    uint32_t nwalkers;
    uint64_t walk_until; /* no walk is under way from then on */
    uint32_t walk_at;
    struct ooo_walk walks[OOO_WALKS];

    uint8_t *marks;             /* by micro-op of the store: OOO_FUSE and so on */
    uint32_t marks_cap, marked; /* marked: blocks below have been looked at */

    struct ooo_slot slots[OOO_CYCLES];
    struct ooo_past past[OOO_WINDOW];
    struct ooo_pending pending[OOO_PENDING];
    uint64_t ready[REGISTERS + 2];
};

#define OOO_FUSE  1u  /* the load and the micro-op after it are one until issue and after it */
#define OOO_COPY  2u  /* renamed: of a register, or with a short constant added */
#define OOO_SHIFT 4u  /* uses the ports of shifts */
#define OOO_SCALE 8u  /* the shift and the addition after it are one micro-op */
#define OOO_LINE  16u /* ends in another line of code than the one before it, and that matters */

/* The class whose ports a load or store uses. */
static inline unsigned ooo_load_class(const struct uop *u)
{
    return u->flags & UOP_VECTOR ? OOO_VECTOR_LOADS : (unsigned)UOP_LOAD;
}

static inline unsigned ooo_store_class(const struct uop *u)
{
    return u->flags & UOP_VECTOR ? OOO_VECTOR_STORES : (unsigned)UOP_STORE;
}

static inline struct ooo *ooo_of(struct core *c)
{
    return (struct ooo *)c;
}

/* ---- front end and dispatch ---- */

/* Nothing is fetched before `to`. */
static inline void ooo_hold_fetch(struct ooo *c, uint64_t to)
{
    if (to > c->fetch) {
        c->fetch = to;
        c->fetch_left = c->fetch_width;
    }
}

static inline void ooo_hold_dispatch(struct ooo *c, uint64_t to)
{
    if (to > c->dispatch) {
        c->dispatch = to;
        c->dispatch_left = c->width;
    }
}

/* What comes is of another line of code: no more is fetched in this cycle if something was. */
static inline void ooo_next_line(struct ooo *c)
{
    if (c->fetch_left < c->fetch_width)
        c->fetch_left = 0;
}

/* The scheduler is full, as it seems: count what has left, wait for a place. */
void ooo_wait_for_scheduler(struct ooo *c);

/* A place in the scheduler: each micro-op takes one, fused or not. */
static inline void ooo_schedule(struct ooo *c)
{
    if (unlikely(c->waiting >= c->scheduler))
        ooo_wait_for_scheduler(c);
    c->waiting++;
}

/* Fetch and dispatch one micro-op, which takes a place in the scheduler or is not executed at all:
 * the cycle. */
static inline uint64_t ooo_enter(struct ooo *c, int executes)
{
    const uint32_t i = c->sequence;
    ooo_hold_fetch(c, c->past[(i - c->fetch_queue) & (OOO_WINDOW - 1)].dispatch);
    if (c->fetch_left == 0) {
        c->fetch++;
        c->fetch_left = c->fetch_width;
    }
    c->fetch_left--;
    ooo_hold_dispatch(c, c->fetch);
    ooo_hold_dispatch(c, c->past[(i - c->rob) & (OOO_WINDOW - 1)].retire + 1);
    if (executes)
        ooo_schedule(c);
    if (c->dispatch_left == 0) {
        c->dispatch++;
        c->dispatch_left = c->width;
    }
    c->dispatch_left--;
    c->past[i & (OOO_WINDOW - 1)].dispatch = c->dispatch;
    return c->dispatch;
}

static inline uint64_t ooo_dispatch(struct ooo *c)
{
    return ooo_enter(c, 1);
}

/* A load's or store's place in its queue; before ooo_dispatch. Returns what held it up, or 0. */
static inline void ooo_take_load(struct ooo *c)
{
    ooo_hold_dispatch(c, c->loads[c->load_at] + 1);
}

static inline when_t ooo_take_store(struct ooo *c)
{
    const when_t w = c->stores[c->store_at];
    if (likely(WHEN_CYCLE(w) < c->dispatch))
        return 0;
    ooo_hold_dispatch(c, WHEN_CYCLE(w) + 1);
    return w;
}

/* Mispredicted: fetch goes on `cycles` after the last branch was resolved. */
void ooo_redirect(struct ooo *c, uint64_t cycles, enum cpi_part part);
/* A taken branch whose target is found when it is decoded. */
void ooo_unknown_target(struct ooo *c);

/* A branch that is taken, as predicted, ends a cycle of fetch. */
static inline void ooo_taken(struct ooo *c, uint64_t pc, int direct)
{
    c->fetch_left = 0;
    if (direct && unlikely(!branch_target_known(&c->core.branch, pc)))
        ooo_unknown_target(c);
}

/* ---- issue ---- */

static inline struct ooo_slot *ooo_slot(struct ooo *c, uint64_t cycle)
{
    struct ooo_slot *s = &c->slots[cycle & (OOO_CYCLES - 1)];
    if (s->cycle != (uint32_t)cycle) {
        c->waiting -= s->leaving;
        *s = (struct ooo_slot){.cycle = (uint32_t)cycle};
    }
    return s;
}

/* The first cycle from `ready` on with a port for the class; there is none at `ready`. */
uint64_t ooo_issue_later(struct ooo *c, unsigned class, uint64_t ready);

/* Whether the place was another cycle's nobody foresees: no branch. */
static inline uint64_t ooo_issue(struct ooo *c, unsigned class, uint64_t ready)
{
    if (likely(ready - c->dispatch < OOO_CYCLES - 1)) {
        struct ooo_slot *s = &c->slots[ready & (OOO_CYCLES - 1)];
        const uint32_t keep = -(uint32_t)(s->cycle == (uint32_t)ready);
        const uint32_t busy = s->busy & keep, leaving = s->leaving & keep;
        const uint32_t free_ports = c->ports[class] & ~busy;
        if (likely(free_ports)) {
            c->waiting -= s->leaving & ~keep;
            *s = (struct ooo_slot){
                .cycle = (uint32_t)ready,
                .busy = (uint16_t)(busy | 0x80000000u >> __builtin_clz(free_ports)),
                .leaving = (uint16_t)(leaving + 1)};
            return ready;
        }
    }
    return ooo_issue_later(c, class, ready);
}

/* ---- retirement ---- */

/* Deal out the cycles after the hart's clock, up to `to`, to the steps of a micro-op. */
void ooo_charge(struct ooo *c, const struct ooo_op *op, uint64_t to);

/* Retire the micro-op that was dispatched last: the cycle. */
static inline uint64_t ooo_retire(struct ooo *c, const struct ooo_op *op)
{
    const uint64_t done = later(WHEN_CYCLE(op->complete), WHEN_CYCLE(op->full));
    uint64_t t = c->core.cycle;
    if (done > t) {
        if (done > t + 1)
            ooo_charge(c, op, done - 1);
        t = done;
        c->retire_left = c->retire_width;
        c->core.cpi[CPI_BASE]++;
    } else if (c->retire_left == 0) {
        t++;
        c->retire_left = c->retire_width;
        c->core.cpi[CPI_BASE]++;
    }
    c->retire_left--;
    c->core.cycle = t;
    c->past[c->sequence++ & (OOO_WINDOW - 1)].retire = t;
    return t;
}

static inline void ooo_retire_load(struct ooo *c, const struct ooo_op *op)
{
    const uint64_t t = ooo_retire(c, op);
    c->loads[c->load_at] = t;
    c->load_at = c->load_at + 1 == c->load_queue ? 0 : c->load_at + 1;
}

/* Everything waits until `to`, which is `part`'s time. */
static inline void ooo_stall(struct ooo *c, uint64_t to, enum cpi_part part)
{
    if (to <= c->core.cycle)
        return;
    c->core.cpi[part] += to - c->core.cycle;
    c->core.cycle = to;
    c->retire_left = 0;
}

/* What follows is fetched when everything before it has retired. */
static inline void ooo_serialise(struct ooo *c)
{
    ooo_hold_fetch(c, c->core.cycle);
}

/* ---- memory (ooo_mem.c) ---- */

/*
 * A load (op's dispatch is set) whose address is ready at `ready`: sets issue, paged and complete.
 * Of the current space (linear) or of physical memory within a line. class: whose ports it uses.
 */
void ooo_load(struct ooo *c, struct ooo_op *op, unsigned class, uint64_t addr, uint32_t bytes,
              uint64_t pc, uint64_t ready);
void ooo_load_physical(struct ooo *c, struct ooo_op *op, unsigned class, uint64_t phys,
                       uint32_t bytes, uint64_t pc, uint64_t ready);

/* Stores and flushes as a whole: dispatch to commit. address, data: ready at. words: old and new
 * bytes as the log has them, or NULL. */
void ooo_store(struct ooo *c, unsigned class, uint64_t addr, uint32_t bytes, uint64_t pc,
               uint64_t address, uint64_t data, const uint64_t *words);
void ooo_store_physical(struct ooo *c, unsigned class, uint64_t phys, uint32_t bytes, uint64_t pc,
                        uint64_t address, uint64_t data);
void ooo_store_nontemporal(struct ooo *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                           uint64_t address, uint64_t data, const uint64_t *words);
void ooo_flush(struct ooo *c, enum mem_kind kind, uint64_t addr, uint64_t pc, uint64_t address);
/* full: loads after it wait, too. */
void ooo_fence(struct ooo *c, uint64_t pc, int full);
/* Send combined non-temporal stores on their way at `at`: when their place was free. */
uint64_t ooo_close_combining(struct ooo *c, uint64_t at);
/* As struct log_reader has it. */
uint32_t ooo_bulk(struct core *core, const uint64_t *words, uint32_t n, uint64_t pc);
/* To or from a checkpoint (ooo_archive.c): whoever adds a field that outlives a log adds it there.
 */
void ooo_archive(struct core *c, struct archive *a);
/* Words of the log (ooo_blocks.c). */
void ooo_consume(struct core *c, const uint64_t *words, uint32_t n);
/* Instructions of a trace (ooo_stream.c). */
void ooo_stream(struct core *c, const struct stream_op *ops, uint32_t n);
/* Fetch a line of code: holds the front end until it is there. */
void ooo_fetch_line(struct ooo *c, uint64_t line);

#endif
