/* test_bulk.c - memory.copy, .fill and .init, and all that the log says of stores to the NVDIMM. */
#include <criterion/criterion.h>

#include "tests/wasm_scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct fn_import imports[] = {{"pmem", "ntstore32", T_II_V},
                                           {"pmem", "ntstore64", T_IL_V},
                                           {"pwk", "mark", T_I_V},
                                           {"pwk", "tx", T_III_V},
                                           {"pmem", "sfence", T_V}};
static const struct fn fns[] = {
    FN(T_III_V, "copy", "\0\x20\0\x20\1\x20\2\xfc\x0a\0\0\x0b"),
    FN(T_III_V, "fill", "\0\x20\0\x20\1\x20\2\xfc\x0b\0\x0b"),
    FN(T_III_V, "init", "\0\x20\0\x20\1\x20\2\xfc\x08\0\0\x0b"),
    FN(T_II_V, "store8", "\0\x20\0\x20\1\x3a\0\0\x0b"),
    FN(T_IL_V, "store64", "\0\x20\0\x20\1\x37\0\0\x0b"),
    FN(T_IL_V, "const64", "\0\x20\0\x42\x7f\x37\0\4\x0b"), /* at + 4: -1 */
    FN(T_II_V, "nt32", "\0\x20\0\x20\1\x10\0\x0b"),
    FN(T_IL_V, "nt64", "\0\x20\0\x20\1\x10\1\x0b"),
    FN(T_I_V, "mark", "\0\x20\0\x10\2\x41\1\x41\2\x41\3\x10\3\x10\4\x41\7\x10\2\x0b"),
};
static const char data[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const struct scene_module module = {.fns = fns,
                                           .nfns = COUNT(fns),
                                           .imports = imports,
                                           .nimports = COUNT(imports),
                                           .pages = 2,
                                           .data = data,
                                           .ndata = sizeof(data) - 1};

/* Two pages of DRAM, then `nvdimm` pages from NVDIMM frame 3 on, all filled with a pattern. */
static struct scene scene(uint32_t nvdimm)
{
    struct scene s = scene_new(NULL, &module);
    struct space *sp = instance_space(s.in);
    if (nvdimm)
        cr_assert_eq(space_grow_map(sp, TIER_NVDIMM, 3, nvdimm), 2);
    for (uint32_t i = 0; i < sp->pages * WASM_PAGE_BYTES; i++)
        sp->base[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
    return s;
}

/* ---- bulk operations ---- */

/* What memory must hold, by the log or by the specification. */
struct model {
    const struct space *space;
    uint8_t *bytes;
    uint32_t size;
};

static struct model model_of(const struct scene *s)
{
    struct model m = {.space = instance_space(s->in)};
    m.size = m.space->pages * WASM_PAGE_BYTES;
    m.bytes = malloc(m.size);
    memcpy(m.bytes, m.space->base, m.size);
    return m;
}

/* The linear address of a physical one, which must be mapped. */
static uint32_t linear(const struct model *m, uint64_t phys)
{
    for (uint32_t p = 0; p < m->space->pages; p++) {
        if (m->space->frame[p] == (phys & ~(uint64_t)(FRAME_BYTES - 1)))
            return p * WASM_PAGE_BYTES + (uint32_t)(phys & (FRAME_BYTES - 1));
    }
    cr_assert(0, "no page has physical address %lx", (unsigned long)phys);
    return 0;
}

static uint64_t word_at(const struct model *m, uint32_t at)
{
    uint64_t w;
    memcpy(&w, m->bytes + at, 8);
    return w;
}

/* The pairs of a piece. `which`: 0 its old words, 1 its new ones. Returns how many words. */
static uint32_t check_pairs(const struct model *m, const uint64_t *pairs, uint32_t d, uint64_t n,
                            int which)
{
    uint32_t k = 0;
    for (uint32_t a = d & ~7u; a < d + n; a += 8, k++)
        cr_assert_eq(pairs[2 * k + (uint32_t)which], word_at(m, a), "word at %x, %d", a, which);
    return k;
}

/* Do what the log says to the model, and check each piece on the way. */
static void replay(struct model *m, const struct log *log, const uint8_t *init, uint8_t fill,
                   uint64_t *done)
{
    for (uint32_t i = 0; i < log->n; i++) {
        uint64_t w = log->words[i], n = LOG_ARG(w);
        if (LOG_TAG(w) != LOG_BULK)
            continue;
        uint64_t dst = log->words[i + 1], src = log->words[i + 2];
        uint32_t d = linear(m, dst);
        int nv = (w & LOG_BULK_NV) != 0;
        cr_assert(n > 0 && n <= 4096);
        cr_assert_eq(dst >> FRAME_SHIFT, (dst + n - 1) >> FRAME_SHIFT);
        cr_assert_eq(src >> FRAME_SHIFT, (src + n - 1) >> FRAME_SHIFT);
        cr_assert_eq(nv, addr_is_nvdimm(dst));
        cr_assert_eq(LOG_BULK_KIND(w), init || src ? BULK_COPY : BULK_FILL);
        if (nv)
            check_pairs(m, &log->words[i + 3], d, n, 0);
        if (init)
            memcpy(m->bytes + d, init + *done, n);
        else if (src)
            memmove(m->bytes + d, m->bytes + linear(m, src), n);
        else
            memset(m->bytes + d, fill, n);
        *done += n;
        i += 2;
        if (nv)
            i += 2 * check_pairs(m, &log->words[i + 1], d, n, 1);
    }
}

struct bulk_case {
    const char *name;
    uint32_t d, s, n; /* s: value, or offset in the segment */
};
#define PAGE 65536u
static const struct bulk_case bulk_cases[] = {
    {"copy", 3 * PAGE + 5, PAGE - 3, 100000},     /* DRAM and NVDIMM to NVDIMM */
    {"copy", 100, 4 * PAGE + 77, 60000},          /* NVDIMM to DRAM */
    {"copy", 2 * PAGE + 1, 2 * PAGE + 9, 300000}, /* overlap, forward */
    {"copy", 2 * PAGE + 9, 2 * PAGE + 1, 300000}, /* overlap, backward */
    {"copy", PAGE, PAGE, 70000},
    {"copy", 10 * PAGE, 0, 0},
    {"fill", PAGE - 100, 0x1a5, 500000},
    {"fill", 2 * PAGE + 3, 0, 2},
    {"init", 2 * PAGE - 11, 3, 33},
    {"init", 36, 36, 0},
};

static void reference(struct model *m, const struct bulk_case *c)
{
    if (c->name[0] == 'c')
        memmove(m->bytes + c->d, m->bytes + c->s, c->n);
    else if (c->name[0] == 'f')
        memset(m->bytes + c->d, (uint8_t)c->s, c->n);
    else
        memcpy(m->bytes + c->d, data + c->s, c->n);
}

/* Run observed, with a change to functional mode after `change` full logs. */
static uint32_t run_bulk(struct scene *s, const struct bulk_case *c, uint32_t change)
{
    struct model by_log = model_of(s), by_spec = model_of(s);
    const uint8_t *init = c->name[0] == 'i' ? (const uint8_t *)data + c->s : NULL;
    uint64_t args[] = {c->d, c->s, c->n}, done = 0, before = thread_instructions(s->t);
    uint32_t full = 0;
    enum run_reason r;
    reference(&by_spec, c);
    thread_call(s->t, scene_func(s->in, c->name), args);
    do {
        s->log.n = 0;
        r = full < change ? engine_run_observed(s->t, &s->log) : engine_run_functional(s->t);
        replay(&by_log, &s->log, init, (uint8_t)c->s, &done);
        full += r == RUN_LOG;
    } while (r == RUN_LOG);
    cr_assert_eq(r, RUN_DONE);
    cr_assert_eq(thread_instructions(s->t) - before, 4);
    cr_assert_eq(memcmp(by_spec.bytes, by_spec.space->base, by_spec.size), 0, "%s", c->name);
    if (full < change) {
        cr_assert_eq(done, c->n);
        cr_assert_eq(memcmp(by_log.bytes, by_log.space->base, by_log.size), 0, "%s", c->name);
    }
    free(by_log.bytes);
    free(by_spec.bytes);
    return full;
}

Test(bulk, the_log_tells_all_that_was_written)
{
    struct scene s = scene(8);
    uint32_t full = 0;
    for (size_t i = 0; i < COUNT(bulk_cases); i++)
        full += run_bulk(&s, &bulk_cases[i], UINT32_MAX);
    cr_assert_gt(full, 10, "some logs were full in the midst: %u", full);
    scene_drop(&s);
}

Test(bulk, a_rest_may_be_done_without_a_log)
{
    struct scene s = scene(8);
    for (size_t i = 0; i < COUNT(bulk_cases); i++) {
        run_bulk(&s, &bulk_cases[i], 0);
        run_bulk(&s, &bulk_cases[i], 1);
        run_bulk(&s, &bulk_cases[i], 2);
    }
    scene_drop(&s);
}

/* Bounds are checked before anything is written. */
Test(bulk, out_of_bounds_writes_nothing)
{
    static const struct bulk_case bad[] = {
        {"copy", 0, 2 * PAGE - 5, 6},
        {"copy", 2 * PAGE - 5, 0, 6},
        {"fill", 1, 0, 2 * PAGE},
        {"init", 0, 30, 7},
        {"init", 2 * PAGE - 1, 0, 2},
        {"copy", 2 * PAGE + 1, 0, 0},
        {"copy", 0, UINT32_MAX, UINT32_MAX},
        {"fill", UINT32_MAX, 0, UINT32_MAX},
    };
    struct scene s = scene(0);
    struct model before = model_of(&s);
    for (size_t i = 0; i < 2 * COUNT(bad); i++) {
        const struct bulk_case *c = &bad[i / 2];
        struct outcome o = scene_call(&s, (int)i % 2, c->name, c->d, c->s, c->n);
        cr_assert_eq(o.trap, TRAP_MEMORY, "%s %u", c->name, c->d);
        cr_assert_eq(o.check.bulk_bytes, 0);
    }
    cr_assert_eq(memcmp(before.bytes, before.space->base, before.size), 0);
    free(before.bytes);
    scene_drop(&s);
}

/* ---- single stores ---- */

struct store_case {
    const char *name;
    uint32_t at;
    uint64_t value;
    uint32_t address; /* that is logged */
    uint32_t bytes;
    int nv;
};
#define V UINT64_C(0x1122334455667788)
static const struct store_case store_cases[] = {
    {"store64", 2 * PAGE, V, 2 * PAGE, 8, 1},
    {"store64", 2 * PAGE + 13, V, 2 * PAGE + 13, 8, 1},
    {"store64", 2 * PAGE - 3, V, 2 * PAGE - 3, 8, 1},  /* reaches into the NVDIMM */
    {"store64", 2 * PAGE - 8, V, 2 * PAGE - 8, 8, -1}, /* does not, but may be said to */
    {"store64", 2 * PAGE - 15, V, 2 * PAGE - 15, 8, 0},
    {"store64", 8, V, 8, 8, 0},
    {"store8", 3 * PAGE - 1, 0x7f, 3 * PAGE - 1, 1, 1},
    {"store8", 0, 0x7f, 0, 1, 0},
    {"const64", 2 * PAGE, UINT64_MAX, 2 * PAGE + 4, 8, 1},
    {"nt32", 2 * PAGE + 4, 0x55667788, 2 * PAGE + 4, 4, 1},
    {"nt64", 2 * PAGE + 8, V, 2 * PAGE + 8, 8, 1},
    {"nt64", 16, V, 16, 8, 0},
};

static void check_store(struct scene *s, const struct store_case *c)
{
    const struct space *sp = instance_space(s->in);
    uint64_t args[] = {c->at, c->value}, old = 0, now = 0;
    memcpy(&old, sp->base + c->address, c->bytes);
    thread_call(s->t, scene_func(s->in, c->name), args);
    s->log.n = 0;
    cr_assert_eq(engine_run_observed(s->t, &s->log), RUN_DONE);
    memcpy(&now, sp->base + c->address, c->bytes);
    cr_assert_eq(now, c->value);
    const uint64_t *w = s->log.words + 2; /* behind instance and block */
    int nv = (w[0] & LOG_NV) != 0;
    cr_assert_eq(LOG_TAG(w[0]), LOG_ADDR);
    cr_assert_eq(LOG_ARG(w[0]), c->address);
    cr_assert_eq(s->log.n, nv ? 5u : 3u);
    if (c->nv >= 0)
        cr_assert_eq(nv, c->nv, "%s at %x", c->name, c->at);
    if (nv) {
        cr_assert_eq(w[1], old);
        cr_assert_eq(w[2], c->value);
    }
}

Test(bulk, stores_to_the_nvdimm_are_logged_with_old_and_new_bytes)
{
    struct scene s = scene(2);
    for (size_t i = 0; i < COUNT(store_cases); i++)
        check_store(&s, &store_cases[i]);
    scene_drop(&s);
    s = scene(0); /* no NVDIMM: nothing is flagged */
    uint64_t args[] = {2 * PAGE - 8, V};
    thread_call(s.t, scene_func(s.in, "store64"), args);
    cr_assert_eq(engine_run_observed(s.t, &s.log), RUN_DONE);
    cr_assert_eq(s.log.n, 3);
    cr_assert_eq(s.log.words[2], 2 * PAGE - 8);
    scene_drop(&s);
}

Test(bulk, marks_are_events_and_cost_nothing)
{
    struct scene s = scene(0);
    struct outcome o = scene_call(&s, 1, "mark", 5, 0, 0);
    struct code_view v = store_code(s.st);
    cr_assert_eq(o.reason, RUN_DONE);
    cr_assert_eq(o.count, 9);
    cr_assert_eq(o.check.events[EV_MARK], 2);
    cr_assert_eq(o.check.last_arg[EV_MARK], 7);
    cr_assert_eq(o.check.events[EV_TX], 1);
    cr_assert_eq(o.check.events[EV_TX_ADDR], 1);
    cr_assert_eq(o.check.events[EV_TX_BYTES], 1);
    const struct code_func *f = NULL;
    for (uint32_t i = 0; i < v.nfuncs; i++) {
        if (strcmp(v.funcs[i].name, "mark") == 0)
            f = &v.funcs[i];
    }
    cr_assert_not_null(f);
    for (uint32_t b = 0; b < f->nblocks; b++) {
        const struct block *k = &v.blocks[f->first_block + b];
        for (uint32_t i = 0; i < k->nuops; i++) {
            const struct uop *u = &v.uops[k->uops + i];
            cr_assert(u->class == UOP_FENCE || u->class == UOP_BRANCH || (u->flags & UOP_ON_FRAME));
        }
    }
    scene_drop(&s);
}
