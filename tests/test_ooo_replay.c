/* test_ooo_replay.c - a trace through a window: closed forms, and instruction by instruction. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/kind.h"
#include "memhier/mshr.h"
#include "traces/ooo_replay.h"

#define STEPS  4000u
#define PERIOD 500u
#define READ   50000u
#define ACCEPT 9000u

/* A memory without state, that remembers what it was asked. */
struct asked {
    uint64_t hash, n;
};

static void remember(struct asked *m, uint64_t x)
{
    m->hash = (m->hash ^ x) * UINT64_C(0x100000001b3);
}

static struct mem_reply answer(void *self, const struct mem_req *req)
{
    struct asked *m = self;
    const int write = req->kind == MEM_WRITEBACK || kind_is_flush(req->kind);
    m->n++;
    remember(m, req->addr);
    remember(m, req->at);
    remember(m, req->kind);
    return (struct mem_reply){.done = req->at + (write ? ACCEPT : READ) +
                                      (req->addr >> 6) % 7 * 900};
}

static struct ooo_replay_config shape(struct asked *m)
{
    *m = (struct asked){0};
    return (struct ooo_replay_config){.period = PERIOD,
                                      .width = 4,
                                      .rob = 64,
                                      .stores = 8,
                                      .l1_misses = 4,
                                      .l2_misses = 6,
                                      .l1 = 4 * PERIOD,
                                      .l2 = 10 * PERIOD,
                                      .llc = 30 * PERIOD,
                                      .bytes = 1 << 20,
                                      .memory = {answer, m}};
}

/* ---- traces by hand ---- */

struct made {
    struct llc_step step[STEPS];
    struct stream_access v[2 * STEPS];
    uint64_t outcome[2 * STEPS];
    struct llc_stream s;
};

static struct made *begin(void)
{
    struct made *t = calloc(1, sizeof *t);
    t->s.v = t->v;
    t->s.step = t->step;
    return t;
}

static void add_access(struct made *t, unsigned kind, uint64_t line, uint64_t outcome)
{
    t->v[t->s.n] = (struct stream_access){.line = line, .kind = (uint8_t)kind};
    t->outcome[t->s.n++] = outcome;
    t->step[t->s.steps - 1].accesses++;
}

static void add_step(struct made *t, unsigned kind, uint32_t gap, uint32_t depends)
{
    t->step[t->s.steps++] = (struct llc_step){
        .kind = (uint8_t)kind, .gap = gap, .depends = depends};
}

/* A load from memory, always 7 lines apart: all take as long. */
static void add_load(struct made *t, uint32_t gap, uint32_t depends)
{
    add_step(t, MEM_LOAD, gap, depends);
    add_access(t, MEM_LOAD, 7 * t->s.n, 0);
}

static struct ooo_replay_result run(const struct ooo_replay_config *cfg, const struct made *t)
{
    struct ooo_replay_result r;
    char err[300] = "";
    cr_assert_eq(ooo_replay_run(cfg, &t->s, t->outcome, &r, err, sizeof err), 0, "%s", err);
    return r;
}

/* ---- closed forms ---- */

#define TRIP (44u + READ / PERIOD) /* cycles of a load from memory: L1, L2, LLC, memory */

Test(ooo_replay, loads_that_wait_for_each_other)
{
    struct asked m;
    const struct ooo_replay_config cfg = shape(&m);
    struct made *t = begin();
    for (uint32_t i = 0; i < 100; i++)
        add_load(t, 1, i ? 1 : 0);
    const struct ooo_replay_result r = run(&cfg, t);
    cr_expect_eq(r.cycles, 1 + 100 * TRIP);
    cr_expect_eq(r.instructions, 100);
    cr_expect_eq(r.reads, 100);
    cr_expect_eq(r.read_cycles, 100 * READ / PERIOD);
    free(t);
}

/* Registers of the L1 are the limit: a load of each round starts when one of the last is done. */
Test(ooo_replay, misses_overlap_up_to_the_registers)
{
    struct asked m;
    for (uint32_t limit = 1; limit <= 6; limit++) {
        struct ooo_replay_config cfg = shape(&m);
        struct made *t = begin();
        cfg.l1_misses = limit;
        cfg.width = 8;
        for (uint32_t i = 0; i < 60; i++)
            add_load(t, i ? 0 : 1, 0);
        const uint64_t round = TRIP - 4;
        cr_expect_eq(run(&cfg, t).cycles, 1 + 4 + 60 / limit * round, "%u registers", limit);
        free(t);
    }
}

/* Two loads further apart than the ROB is long do not overlap; nearer ones do. */
Test(ooo_replay, the_rob_ends_overlap)
{
    struct asked m;
    struct ooo_replay_config cfg = shape(&m);
    cfg.rob = 32;
    for (uint32_t gap = 31; gap <= 32; gap++) {
        struct made *t = begin();
        add_load(t, 1, 0);
        add_load(t, gap, 0);
        const uint64_t cycles = run(&cfg, t).cycles;
        if (gap == 31)
            cr_expect(cycles < TRIP + 20);
        else /* retired at 1 + TRIP; dispatched in the cycle after, started one later */
            cr_expect_eq(cycles, 1 + TRIP + 1 + 1 + TRIP);
        free(t);
    }
}

Test(ooo_replay, instructions_pass_at_the_width)
{
    struct asked m;
    struct ooo_replay_config cfg = shape(&m);
    struct made *t = begin();
    add_step(t, MEM_LOAD, 40000, 0);
    t->step[0].in_l1 = 1;
    const struct ooo_replay_result r = run(&cfg, t);
    cr_expect_eq(r.instructions, 40000);
    cr_expect_eq(r.cycles, 40000 / 4 + 1 + 4);
    free(t);
}

/* A store holds up whoever needs its place in the queue, and nobody else. */
Test(ooo_replay, stores_wait_for_the_queue_only)
{
    struct asked m;
    struct ooo_replay_config cfg = shape(&m);
    for (cfg.stores = 1; cfg.stores <= 2; cfg.stores++) {
        struct made *t = begin();
        for (uint32_t i = 0; i < 2; i++) {
            add_step(t, MEM_STORE, 1, 0);
            add_access(t, MEM_STORE, 7 * i, 0);
        }
        const uint64_t cycles = run(&cfg, t).cycles;
        cr_expect_eq(cycles, cfg.stores == 1 ? 2 * TRIP + 3 : TRIP + 2);
        free(t);
    }
}

/* A fence waits for the write-back that a clwb made, and a load behind the ROB for the fence. */
Test(ooo_replay, a_fence_waits_for_flushes)
{
    struct asked m;
    const struct ooo_replay_config cfg = shape(&m);
    struct made *t = begin();
    add_step(t, MEM_CLWB, 1, 0);
    add_access(t, MEM_CLWB, 0, STREAM_WROTE);
    add_step(t, MEM_FENCE, 1, 0);
    const struct ooo_replay_result r = run(&cfg, t);
    cr_expect_eq(r.cycles, 1 + 44 + ACCEPT / PERIOD);
    cr_expect_eq(r.writes, 1);
    free(t);
}

Test(ooo_replay, shapes_that_cannot_be)
{
    struct asked m;
    struct made *t = begin();
    char err[300];
    struct ooo_replay_result r;
    struct ooo_replay_config bad[8];
    for (int i = 0; i < 8; i++)
        bad[i] = shape(&m);
    bad[0].width = 0;
    bad[1].width = 65;
    bad[2].rob = 7;
    bad[3].rob = OOO_REPLAY_MOST + 1;
    bad[4].stores = 0;
    bad[5].l1_misses = MSHR_MAX + 1;
    bad[6].bytes = 100;
    bad[7].period = 0;
    for (int i = 0; i < 8; i++) {
        err[0] = 0;
        cr_expect_eq(ooo_replay_run(&bad[i], &t->s, t->outcome, &r, err, sizeof err), -1, "%d", i);
        cr_expect(strstr(err, "window"));
    }
    free(t);
}

/* ---- a plain model: every instruction by itself, in arrays ---- */

#define INSTRUCTIONS 60000u

struct plain {
    const struct ooo_replay_config *cfg;
    uint64_t dispatch[INSTRUCTIONS], retire[INSTRUCTIONS]; /* slots */
    uint64_t ready[STEPS];
    uint64_t commit[STEPS];
    uint32_t stores;
    uint64_t committed, accepted;
    struct mshr_file l1, l2;
    uint64_t buffer[16];
    uint32_t buffers;
    uint64_t came;
};

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t ask(struct plain *p, unsigned kind, uint64_t line, uint64_t at)
{
    const struct mem_req req = {.addr = line * 64 % p->cfg->bytes, .at = at, .kind = (uint8_t)kind};
    return answer(p->cfg->memory.self, &req).done;
}

static void write_back(struct plain *p, uint64_t outcome, uint64_t at)
{
    if (!(outcome & STREAM_WROTE))
        return;
    uint64_t *b = &p->buffer[p->buffers++ % 16];
    *b = ask(p, MEM_WRITEBACK, outcome >> STREAM_LINE, most(at, *b));
}

static uint64_t way_down(struct plain *p, const struct llc_step *s, const struct stream_access *a,
                         const uint64_t *o, uint64_t cycle)
{
    const struct ooo_replay_config *c = p->cfg;
    const uint64_t at = cycle * PERIOD + c->l1;
    if (s->in_l1)
        return at;
    const uint64_t start = mshr_when(&p->l1, at);
    uint64_t done = start + c->l2;
    if (s->accesses && a->kind != MEM_WRITEBACK) {
        const uint64_t found = done, go = mshr_when(&p->l2, found);
        done = go + c->llc;
        if (!(*o & STREAM_HIT))
            done = ask(p, a->kind, a->line, done);
        write_back(p, *o, done);
        mshr_hold(&p->l2, found, go, done);
    }
    mshr_hold(&p->l1, at, start, done);
    return p->came = done;
}

static uint64_t up(uint64_t t)
{
    return (t + PERIOD - 1) / PERIOD;
}

static void retire_at(struct plain *p, uint32_t i, uint64_t cycle)
{
    p->retire[i] = most(most(p->retire[i], cycle * p->cfg->width), p->dispatch[i] + p->cfg->width);
    if (i)
        p->retire[i] = most(p->retire[i], p->retire[i - 1] + 1);
}

static void step_plain(struct plain *p, const struct made *t, uint32_t k, uint32_t i,
                       const struct stream_access *a, const uint64_t *o)
{
    const struct llc_step *s = &t->step[k];
    const uint64_t w = p->cfg->width, known = s->depends ? p->ready[k - s->depends] : 0;
    const uint64_t next = most(p->dispatch[i] / w + 1, known);
    switch (s->kind) {
    case MEM_LOAD:
    case MEM_WALK:
        p->ready[k] = up(way_down(p, s, a, o, next));
        retire_at(p, i, p->ready[k]);
        break;
    case MEM_STORE: {
        const uint32_t q = p->cfg->stores, n = p->stores++;
        if (n >= q)
            p->dispatch[i] = most(p->dispatch[i], (p->commit[n - q] + 1) * w);
        retire_at(p, i, most(p->dispatch[i] / w + 1, known));
        p->committed = most(p->committed + 1, up(way_down(p, s, a, o, p->retire[i] / w)));
        p->commit[n] = p->committed;
        break;
    }
    case MEM_FETCH: {
        const uint64_t done = way_down(p, s, a, o, p->dispatch[i] / w);
        if (!s->in_l1)
            p->dispatch[i] = most(p->dispatch[i], up(done) * w);
        break;
    }
    case MEM_PREFETCH:
        (void)way_down(p, s, a, o, p->dispatch[i] / w);
        break;
    case MEM_CLWB:
    case MEM_NTSTORE: {
        retire_at(p, i, next);
        uint64_t at = p->retire[i] / w * PERIOD + p->cfg->l1 + p->cfg->l2 + p->cfg->llc;
        if (s->kind == MEM_NTSTORE)
            write_back(p, *o, at);
        if (s->kind == MEM_NTSTORE || (*o & STREAM_WROTE))
            at = ask(p, s->kind, a->line, at);
        p->accepted = most(p->accepted, up(at));
        break;
    }
    case MEM_FENCE:
        retire_at(p, i, most(p->committed, p->accepted));
        break;
    default:
        break;
    }
    for (uint32_t n = 0; n < s->accesses; n++)
        if (a[n].kind == MEM_WRITEBACK)
            write_back(p, o[n], p->came);
}

static uint64_t run_plain(const struct ooo_replay_config *cfg, const struct made *t)
{
    struct plain *p = calloc(1, sizeof *p);
    uint32_t at = 0, k = 0, access = 0, last = 0;
    for (uint32_t n = 0; n < t->s.steps; n++)
        last += t->step[n].gap;
    p->cfg = cfg;
    cr_assert(last < INSTRUCTIONS);
    cr_assert_eq(mshr_init(&p->l1, cfg->l1_misses) | mshr_init(&p->l2, cfg->l2_misses), 0);
    for (uint32_t i = 0; i <= last; i++) {
        if (i)
            p->dispatch[i] = p->dispatch[i - 1] + 1;
        if (i >= cfg->rob)
            p->dispatch[i] = most(p->dispatch[i], p->retire[i - cfg->rob] + cfg->width);
        for (; k < t->s.steps && at + t->step[k].gap == i; k++) {
            at = i;
            step_plain(p, t, k, i, t->v + access, t->outcome + access);
            access += t->step[k].accesses;
        }
        if (i)
            retire_at(p, i, 0);
    }
    const uint64_t cycles = most(p->retire[last] / cfg->width, p->dispatch[last] / cfg->width + 1);
    const uint64_t all = most(cycles, most(p->committed, p->accepted));
    mshr_drop(&p->l1);
    mshr_drop(&p->l2);
    free(p);
    return all;
}

static uint64_t rng;
static uint32_t draw(uint32_t n)
{
    rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(rng >> 33) % n;
}

static uint64_t outcome(int may_hit)
{
    const uint64_t line = draw(4000), bits = draw(4);
    return (bits & STREAM_WROTE ? line << STREAM_LINE | STREAM_WROTE : 0) |
           (may_hit ? bits & STREAM_HIT : 0);
}

static struct made *random_trace(uint32_t most_gap)
{
    static const uint8_t kinds[] = {MEM_LOAD,  MEM_LOAD,     MEM_LOAD,     MEM_LOAD, MEM_STORE,
                                    MEM_STORE, MEM_FETCH,    MEM_WALK,     MEM_CLWB, MEM_NTSTORE,
                                    MEM_FENCE, MEM_PREFETCH, MEM_LOAD,     MEM_LOAD, MEM_LOAD,
                                    MEM_STORE, MEM_LOAD,     MEM_WRITEBACK};
    struct made *t = begin();
    while (t->s.steps < STEPS - 1) {
        const uint8_t kind = kinds[draw(sizeof kinds)];
        const uint32_t back = draw(3) ? 0 : 1 + draw(6);
        const int flush = kind == MEM_CLWB || kind == MEM_NTSTORE;
        add_step(t, kind, draw(8) ? draw(most_gap) : 0, back <= t->s.steps ? back : 0);
        t->step[t->s.steps - 1].in_l1 = !flush && kind != MEM_WRITEBACK && draw(9) == 0;
        if (kind == MEM_FENCE || t->step[t->s.steps - 1].in_l1)
            continue;
        if (flush || (kind != MEM_WRITEBACK && draw(4)))
            add_access(t, kind, draw(4000), outcome(!flush));
        if (!flush && draw(3) == 0)
            add_access(t, MEM_WRITEBACK, draw(4000), outcome(1) & ~(uint64_t)STREAM_HIT);
    }
    return t;
}

Test(ooo_replay, as_every_instruction_by_itself, .timeout = 60)
{
    for (uint32_t round = 0; round < 60; round++) {
        struct asked m, plain;
        struct ooo_replay_config cfg = shape(&m);
        rng = round;
        cfg.width = 1 + draw(6);
        cfg.rob = 2 * cfg.width + draw(120);
        cfg.stores = 1 + draw(12);
        cfg.l1_misses = draw(8);
        cfg.l2_misses = draw(8);
        struct made *t = random_trace(2 + draw(20));
        const uint64_t cycles = run(&cfg, t).cycles;
        cfg.memory.self = &plain;
        plain = (struct asked){0};
        cr_expect_eq(run_plain(&cfg, t), cycles, "round %u", round);
        cr_expect_eq(m.hash, plain.hash, "round %u: other requests, or at other times", round);
        cr_expect(m.n > STEPS / 4);
        free(t);
    }
}
