/* ooo_replay.c - an out-of-order core in place of a real one: a trace's gaps and dependences in
 * time.
 */
/*
 * Time is counted in slots, `width` to a cycle: the instruction after one that is dispatched or
 * retired in slot s has slot s + 1 if nothing holds it up. Only steps of the trace are looked at.
 * What lies between two of them follows from the first: an instruction n places behind a step that
 * retires in slot r retires in r + n or later, and so holds the ROB's place. (It retires `width`
 * slots after its dispatch or later, too; but whoever gets its place is dispatched `rob` slots
 * after it in any case, which is no less than 2 * width.)
 */
#include "traces/ooo_replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "memhier/kind.h"
#include "memhier/mshr.h"
#include "memhier/router.h"

#define PAST    65536u /* steps whose data's arrival is remembered: FILTER_WINDOW */
#define HOLDERS (2 * OOO_REPLAY_MOST)
#define BUFFERS 16u /* WRITEBACK_SLOTS of hierarchy_parts.h */

/* A step that has a place in the ROB. */
struct holder {
    uint64_t at;      /* number of its instruction */
    uint64_t retired; /* slot */
};

struct window {
    const struct ooo_replay_config *cfg;
    struct ooo_replay_result *result;
    struct router router;
    struct mshr_file l1, l2;
    uint64_t at;       /* number of the present instruction */
    uint64_t dispatch; /* its slot */
    struct holder holder[HOLDERS];
    uint32_t first, end;              /* of them, numbers without end */
    struct holder last;               /* the youngest step */
    uint64_t commit[OOO_REPLAY_MOST]; /* cycles, a ring */
    uint32_t stores;
    uint64_t committed, accepted; /* cycles: of all stores; of all flushes */
    ps_t came;                    /* the last line that was read */
    ps_t buffer[BUFFERS];
    uint32_t next_buffer;
    uint64_t ready[PAST]; /* cycle in which a load's data is there */
};

static inline uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t cycle_of(const struct window *w, ps_t t)
{
    return (t + w->cfg->period - 1) / w->cfg->period;
}

/* ---- memory ---- */

static inline uint64_t place(const struct window *w, uint64_t addr)
{
    return w->cfg->base + addr % w->cfg->bytes;
}

static ps_t read_memory(struct window *w, const struct stream_access *a, ps_t at)
{
    const struct mem_req req = {.pc = a->pc, .kind = a->kind, .hart = 0};
    const ps_t done = router_read(&w->router, place(w, a->line << LINE_SHIFT), at, &req).done;
    w->result->reads++;
    w->result->read_cycles += (done - at) / w->cfg->period;
    return done;
}

static void write_memory(struct window *w, uint64_t line, ps_t at)
{
    const struct mem_req nobody = {.kind = MEM_WRITEBACK};
    ps_t *slot = &w->buffer[w->next_buffer++ & (BUFFERS - 1)];
    *slot = router_write(&w->router, place(w, line << LINE_SHIFT), later(at, *slot), MEM_WRITEBACK,
                         &nobody)
                .done;
    w->result->writes++;
}

/* An LLC access whose fill pushed a dirty line out. */
static inline void push_out(struct window *w, uint64_t outcome, ps_t at)
{
    if (outcome & STREAM_WROTE)
        write_memory(w, outcome >> STREAM_LINE, at);
}

/* ---- a step's way through the levels ---- */

/* A read that leaves the L1 at `at`, its lookup done: when the data is there. */
static ps_t read_below(struct window *w, const struct llc_step *step, const struct stream_access *a,
                       const uint64_t *outcome, ps_t at)
{
    const ps_t start = mshr_when(&w->l1, at), found = start + w->cfg->l2;
    ps_t done = found;
    if (step->accesses && a->kind != MEM_WRITEBACK) {
        const ps_t ask = mshr_when(&w->l2, found);
        done = ask + w->cfg->llc;
        if (!(*outcome & STREAM_HIT))
            done = read_memory(w, a, done);
        push_out(w, *outcome, done);
        mshr_hold(&w->l2, found, ask, done);
    }
    mshr_hold(&w->l1, at, start, done);
    w->came = done;
    return done;
}

static ps_t read_all(struct window *w, const struct llc_step *step, const struct stream_access *a,
                     const uint64_t *outcome, ps_t at)
{
    at += w->cfg->l1;
    return step->in_l1 ? at : read_below(w, step, a, outcome, at);
}

/* The write-backs that the step sent to the LLC, when its line had come. */
static void write_backs(struct window *w, const struct llc_step *step,
                        const struct stream_access *a, const uint64_t *outcome)
{
    for (uint32_t i = 0; i < step->accesses; i++)
        if (a[i].kind == MEM_WRITEBACK)
            push_out(w, outcome[i], w->came);
}

/* A flush or non-temporal store: when the memory, or a cache with nothing to write, has taken it.
 */
static ps_t flush(struct window *w, const struct stream_access *a, uint64_t outcome, ps_t at)
{
    const struct mem_req req = {.pc = a->pc, .kind = a->kind};
    at += w->cfg->l1 + w->cfg->l2 + w->cfg->llc;
    if (a->kind == MEM_NTSTORE)
        push_out(w, outcome, at);
    else if (!(outcome & STREAM_WROTE))
        return at;
    w->result->writes++;
    return router_write(&w->router, place(w, a->line << LINE_SHIFT), at, a->kind, &req).done;
}

/* ---- the window ---- */

/* The next step is `gap` instructions further on: the slot in which it is dispatched. */
static void go_on(struct window *w, uint32_t gap)
{
    const uint64_t rob = w->cfg->rob, width = w->cfg->width;
    w->at += gap;
    w->dispatch += gap;
    while (w->first != w->end) {
        const struct holder *h = &w->holder[w->first & (HOLDERS - 1)];
        if (h->at + rob > w->at)
            break;
        w->dispatch = later(w->dispatch, h->retired + width + (w->at - h->at - rob));
        w->first++;
    }
}

/* The present step is complete in that cycle: the cycle in which it retires. */
static uint64_t retire(struct window *w, uint64_t complete)
{
    const uint64_t width = w->cfg->width;
    uint64_t slot = later(complete * width, w->dispatch + width);
    slot = later(slot, w->last.retired + (w->at - w->last.at));
    if (w->first != w->end && w->holder[(w->end - 1) & (HOLDERS - 1)].at == w->at)
        w->end--; /* two of one instruction */
    w->holder[w->end++ & (HOLDERS - 1)] = w->last = (struct holder){w->at, slot};
    return slot / width;
}

static uint64_t dispatched(const struct window *w)
{
    return w->dispatch / w->cfg->width;
}

static void hold_dispatch(struct window *w, uint64_t cycle)
{
    w->dispatch = later(w->dispatch, cycle * w->cfg->width);
}

static void store(struct window *w, const struct llc_step *step, const struct stream_access *a,
                  const uint64_t *outcome, uint64_t ready)
{
    uint64_t *oldest = &w->commit[w->stores++ % w->cfg->stores];
    hold_dispatch(w, *oldest ? *oldest + 1 : 0);
    const uint64_t t = retire(w, later(dispatched(w) + 1, ready));
    const uint64_t done = cycle_of(w, read_all(w, step, a, outcome, t * w->cfg->period));
    *oldest = w->committed = later(w->committed + 1, done);
}

static void one(struct window *w, const struct llc_step *step, uint64_t number,
                const struct stream_access *a, const uint64_t *outcome)
{
    const ps_t period = w->cfg->period;
    const uint64_t known = step->depends && step->depends < PAST && step->depends <= number;
    const uint64_t ready = known ? w->ready[(number - step->depends) & (PAST - 1)] : 0;
    uint64_t data = 0;
    go_on(w, step->gap);
    switch ((enum mem_kind)step->kind) {
    case MEM_LOAD:
    case MEM_WALK:
        data = later(dispatched(w) + 1, ready) * period;
        data = cycle_of(w, read_all(w, step, a, outcome, data));
        (void)retire(w, data);
        break;
    case MEM_STORE:
        store(w, step, a, outcome, ready);
        break;
    case MEM_FETCH: /* hits are hidden */
        data = read_all(w, step, a, outcome, dispatched(w) * period);
        hold_dispatch(w, step->in_l1 ? 0 : cycle_of(w, data));
        data = 0;
        break;
    case MEM_PREFETCH:
        (void)read_all(w, step, a, outcome, dispatched(w) * period);
        break;
    case MEM_NTSTORE:
    case MEM_CLWB:
    case MEM_CLFLUSHOPT:
    case MEM_CLFLUSH:
        data = retire(w, later(dispatched(w) + 1, ready)) * period;
        w->accepted = later(w->accepted, cycle_of(w, flush(w, a, *outcome, data)));
        data = 0;
        break;
    case MEM_FENCE:
        (void)retire(w, later(w->committed, w->accepted));
        break;
    default: /* a victim of the L1 */
        break;
    }
    w->ready[number & (PAST - 1)] = data;
    write_backs(w, step, a, outcome);
}

/* ---- the whole ---- */

static int check(const struct ooo_replay_config *c, char *err, size_t errlen)
{
    if (c->period && c->width >= 1 && c->width <= 64 && c->rob >= 2 * c->width &&
        c->rob <= OOO_REPLAY_MOST && c->stores >= 1 && c->stores <= OOO_REPLAY_MOST &&
        c->l1_misses <= MSHR_MAX && c->l2_misses <= MSHR_MAX && c->bytes >= LINE_BYTES &&
        c->bytes % LINE_BYTES == 0)
        return 0;
    snprintf(err, errlen,
             "a window needs a width of 1 to 64, a ROB of twice that to %u, a store queue of 1 to "
             "%u, at most %u registers for misses, and memory in whole lines",
             OOO_REPLAY_MOST, OOO_REPLAY_MOST, MSHR_MAX);
    return -1;
}

int ooo_replay_run(const struct ooo_replay_config *cfg, const struct llc_stream *s,
                   const uint64_t *outcome, struct ooo_replay_result *result, char *err,
                   size_t errlen)
{
    if (check(cfg, err, errlen))
        return -1;
    struct window *w = calloc(1, sizeof *w);
    int bad = !w || mshr_init(&w->l1, cfg->l1_misses) || mshr_init(&w->l2, cfg->l2_misses);
    *result = (struct ooo_replay_result){0};
    if (!bad) {
        uint64_t access = 0;
        w->cfg = cfg;
        w->result = result;
        w->router = (struct router){.dram = cfg->memory, .nvdimm = cfg->memory};
        for (uint64_t i = 0; i < s->steps; i++) {
            one(w, &s->step[i], i, s->v + access, outcome + access);
            access += s->step[i].accesses;
        }
        result->instructions = w->at;
        result->cycles = later((w->last.retired + (w->at - w->last.at)) / cfg->width,
                               dispatched(w) + 1);
        result->cycles = later(result->cycles, later(w->committed, w->accepted));
    } else {
        snprintf(err, errlen, "out of memory");
    }
    if (w) {
        mshr_drop(&w->l1);
        mshr_drop(&w->l2);
    }
    free(w);
    return bad ? -1 : 0;
}
