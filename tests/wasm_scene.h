/* wasm_scene.h - for tests of the engine: modules of a few functions, a machine to run them, and a
 * reader of logs that checks what block.h promises. */
#ifndef TESTS_WASM_SCENE_H
#define TESTS_WASM_SCENE_H

#include <criterion/criterion.h>
#include <stdio.h>

#include "memhier/port.h"
#include "tests/wasm_bytes.h"
#include "wasmcore/engine.h"

/* ---- modules ---- */

/* Types that functions may have, by number. */
enum {
    T_V,      /* () -> () */
    T_I_I,    /* (i32) -> i32 */
    T_II_I,   /* (i32 i32) -> i32 */
    T_I,      /* () -> i32 */
    T_III_V,  /* (i32 i32 i32) -> () */
    T_I_V,    /* (i32) -> () */
    T_II_V,   /* (i32 i32) -> () */
    T_IL_V,   /* (i32 i64) -> () */
    T_L,      /* () -> i64 */
    T_L_L,    /* (i64) -> i64 */
    T_V_IL,   /* () -> i32 i64 */
    T_EIGHT_I /* (i32 x 8) -> i32 */
};
static const char scene_types[] = "\x0c"
                                  "\x60\0\0"
                                  "\x60\1\x7f\1\x7f"
                                  "\x60\2\x7f\x7f\1\x7f"
                                  "\x60\0\1\x7f"
                                  "\x60\3\x7f\x7f\x7f\0"
                                  "\x60\1\x7f\0"
                                  "\x60\2\x7f\x7f\0"
                                  "\x60\2\x7f\x7e\0"
                                  "\x60\0\1\x7e"
                                  "\x60\1\x7e\1\x7e"
                                  "\x60\0\2\x7f\x7e"
                                  "\x60\x08\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\1\x7f";

/* A function: its code is declarations of locals, instructions, end. */
struct fn {
    unsigned type;
    const char *export; /* NULL: none */
    const void *code;
    size_t n;
};
#define FN(type, export, literal)                                                                  \
    {                                                                                              \
        type, export, literal, sizeof(literal) - 1                                                 \
    }

struct fn_import {
    const char *module, *field;
    unsigned type;
};

/* A module with memory 0 (exported as "memory"), table 0 of funcref (exported as "table") that
 * holds all functions, imported ones first, and 4 empty entries, and passive data segment 0. */
struct scene_module {
    const struct fn *fns;
    size_t nfns;
    const struct fn_import *imports;
    size_t nimports;
    unsigned pages;
    const char *data;
    size_t ndata;
};

static inline void put_name(struct bytes *b, const char *name)
{
    put_u32(b, (uint32_t)strlen(name));
    put(b, name, strlen(name));
}

static inline void put_export(struct bytes *b, const char *name, unsigned kind, size_t index)
{
    put_name(b, name);
    put_byte(b, kind);
    put_u32(b, (uint32_t)index);
}

static inline void take_section(struct bytes *b, unsigned id, struct bytes *contents)
{
    put_section(b, id, contents->at, contents->n);
    contents->n = 0;
}

static inline void put_declarations(struct bytes *b, const struct scene_module *m)
{
    struct bytes s = {0};
    put_u32(&s, (uint32_t)m->nimports);
    for (size_t i = 0; i < m->nimports; i++) {
        put_name(&s, m->imports[i].module);
        put_name(&s, m->imports[i].field);
        put_byte(&s, 0);
        put_u32(&s, m->imports[i].type);
    }
    take_section(b, 2, &s);
    put_u32(&s, (uint32_t)m->nfns);
    for (size_t i = 0; i < m->nfns; i++)
        put_u32(&s, m->fns[i].type);
    take_section(b, 3, &s);
    PUT(&s, "\1\x70\0");
    put_u32(&s, (uint32_t)(m->nimports + m->nfns + 4));
    take_section(b, 4, &s);
    PUT(&s, "\1\0");
    put_u32(&s, m->pages);
    take_section(b, 5, &s);
    free(s.at);
}

static inline void put_exports(struct bytes *b, const struct scene_module *m)
{
    struct bytes s = {0};
    uint32_t n = 2;
    for (size_t i = 0; i < m->nfns; i++)
        n += m->fns[i].export != NULL;
    put_u32(&s, n);
    put_export(&s, "memory", 2, 0);
    put_export(&s, "table", 1, 0);
    for (size_t i = 0; i < m->nfns; i++) {
        if (m->fns[i].export)
            put_export(&s, m->fns[i].export, 0, m->nimports + i);
    }
    take_section(b, 7, &s);
    PUT(&s, "\1\0\x41\0\x0b");
    put_u32(&s, (uint32_t)(m->nimports + m->nfns));
    for (size_t i = 0; i < m->nimports + m->nfns; i++)
        put_u32(&s, (uint32_t)i);
    take_section(b, 9, &s);
    PUT(&s, "\1");
    take_section(b, 12, &s);
    free(s.at);
}

static inline struct bytes scene_bytes(const struct scene_module *m)
{
    struct bytes b = {0}, s = {0};
    put_header(&b);
    put_section(&b, 1, scene_types, sizeof(scene_types) - 1);
    put_declarations(&b, m);
    put_exports(&b, m);
    put_u32(&s, (uint32_t)m->nfns);
    for (size_t i = 0; i < m->nfns; i++) {
        put_u32(&s, (uint32_t)m->fns[i].n);
        put(&s, m->fns[i].code, m->fns[i].n);
    }
    take_section(&b, 10, &s);
    PUT(&s, "\1\1");
    put_u32(&s, (uint32_t)m->ndata);
    put(&s, m->data, m->ndata);
    take_section(&b, 11, &s);
    free(s.at);
    return b;
}

/* ---- a machine ---- */

struct scene {
    struct physmem *pm;
    struct store *st;
    struct instance *in;
    struct thread *t;
    struct log log;
    int module;
};

static inline struct scene scene_empty(const struct store_config *cfg)
{
    struct scene s = {.pm = physmem_new(64u << 20, 4u << 20)};
    cr_assert_not_null(s.pm);
    s.st = store_new(s.pm, cfg ? cfg : &store_default_config);
    s.t = thread_new(s.st, 0x10000000);
    s.log.cap = 2 * LOG_SLACK;
    s.log.words = malloc(s.log.cap * sizeof(uint64_t));
    return s;
}

static inline void scene_drop(struct scene *s)
{
    store_free(s->st);
    physmem_free(s->pm);
    free(s->log.words);
}

/* Load bytes; functions that are imported become host functions with the import's number. */
static inline struct instance *scene_load(struct scene *s, const char *name, const uint8_t *at,
                                          size_t n)
{
    struct wasm_error err = {0, ""};
    struct instance *in = NULL;
    s->module = store_load(s->st, name, at, n, &err);
    cr_assert_geq(s->module, 0, "%s", err.text);
    const struct module *m = store_module(s->st, s->module);
    struct external *imports = calloc(m->nimports + 1, sizeof(*imports));
    for (uint32_t i = 0; i < m->nimports; i++) {
        imports[i].kind = EXT_FUNC;
        imports[i].func = store_host_func(s->st, i, &m->types[m->imports[i].func_type]);
    }
    cr_assert_eq(instance_new(s->st, s->module, imports, NULL, &in, &err), LINK_OK, "%s", err.text);
    free(imports);
    return in;
}

static inline struct scene scene_new(const struct store_config *cfg, const struct scene_module *m)
{
    struct scene s = scene_empty(cfg);
    struct bytes b = scene_bytes(m);
    s.in = scene_load(&s, "scene", b.at, b.n);
    free(b.at);
    return s;
}

static inline struct func *scene_func(const struct instance *in, const char *name)
{
    struct external x;
    cr_assert_eq(instance_export(in, name, &x), 0, "%s", name);
    cr_assert_eq(x.kind, EXT_FUNC);
    return x.func;
}

/* ---- reading logs ---- */

/*
 * Follows a log word by word. Each block must be one that the block before it leads to, each return
 * must go back behind its call, and each block must be followed by one address for each micro-op
 * that has one.
 */
struct log_check {
    const struct store *st;
    uint32_t block; /* the last one, 0: none */
    uint32_t fp;
    uint32_t expected, seen; /* addresses of the block */
    uint32_t depth;
    struct {
        uint32_t next, fp;
    } calls[256];
    uint64_t nops, blocks, addresses, bulk_bytes;
    uint64_t events[EV_TX_BYTES + 1], last_arg[EV_TX_BYTES + 1];
    uint64_t instance; /* of the last EV_INSTANCE */
};

static inline uint32_t count_logged(const struct code_view *v, const struct block *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->nuops; i++) {
        const struct uop *u = &v->uops[b->uops + i];
        n += !(u->flags & UOP_ON_FRAME) && (u->class == UOP_LOAD || u->class == UOP_STORE ||
                                            u->class == UOP_FLUSH || u->class == UOP_NTSTORE);
    }
    return n;
}

/* Block `id` follows the last one. */
static inline void check_successor(struct log_check *c, const struct code_view *v, uint32_t id,
                                   uint32_t fp)
{
    const struct block *last = &v->blocks[c->block], *b = &v->blocks[id];
    int entry = id == v->funcs[b->func].first_block;
    switch ((enum block_end)last->end) {
    case END_FALL:
    case END_HOST:
        cr_assert_eq(id, last->next);
        break;
    case END_JUMP:
        cr_assert_eq(id, last->taken);
        break;
    case END_COND:
        cr_assert(id == last->taken || id == last->next);
        break;
    case END_TABLE:
        cr_assert_eq(b->func, last->func);
        break;
    case END_CALL:
    case END_CALL_INDIRECT:
        cr_assert(entry && fp > c->fp);
        cr_assert_lt(c->depth, 256);
        c->calls[c->depth].next = last->next;
        c->calls[c->depth++].fp = c->fp;
        return;
    case END_RETURN:
        cr_assert_gt(c->depth, 0);
        c->depth--;
        cr_assert_eq(id, c->calls[c->depth].next);
        cr_assert_eq(fp, c->calls[c->depth].fp);
        return;
    case END_TAIL:
    case END_TAIL_INDIRECT:
        cr_assert(entry || id == last->next);
        break;
    case END_TRAP:
        cr_assert(0, "a block follows a trap");
    }
    cr_assert_eq(fp, c->fp);
}

static inline void check_block(struct log_check *c, const struct code_view *v, uint64_t word)
{
    uint32_t id = LOG_BLOCK_ID(word), fp = LOG_BLOCK_FP(word);
    cr_assert(id > 0 && id < v->nblocks, "block %u of %u", id, v->nblocks);
    if (c->block)
        cr_assert_eq(c->seen, c->expected, "block %u: %u of %u", c->block, c->seen, c->expected);
    if (c->block)
        check_successor(c, v, id, fp);
    c->block = id;
    c->fp = fp;
    c->expected = count_logged(v, &v->blocks[id]);
    c->seen = 0;
    c->nops += v->blocks[id].nops;
    c->blocks++;
}

static inline void log_read(struct log_check *c, const struct log *log)
{
    struct code_view v = store_code(c->st);
    for (uint32_t i = 0; i < log->n; i++) {
        uint64_t w = log->words[i];
        switch (LOG_TAG(w)) {
        case LOG_BLOCK:
            check_block(c, &v, w);
            break;
        case LOG_ADDR:
            cr_assert_lt(c->seen, c->expected);
            c->seen++;
            c->addresses++;
            i += w & LOG_NV ? 2 : 0;
            break;
        case LOG_EVENT:
            cr_assert_leq(LOG_EVENT_CODE(w), EV_TX_BYTES);
            c->events[LOG_EVENT_CODE(w)]++;
            c->last_arg[LOG_EVENT_CODE(w)] = LOG_ARG(w);
            if (LOG_EVENT_CODE(w) == EV_INSTANCE)
                c->instance = LOG_ARG(w);
            break;
        default:
            cr_assert_eq(LOG_TAG(w), LOG_BULK);
            c->bulk_bytes += LOG_ARG(w);
            i += 2;
            if (w & LOG_BULK_NV)
                i += (uint32_t)(2 * (((log->words[i - 1] + LOG_ARG(w) + 7) >> 3) -
                                     (log->words[i - 1] >> 3)));
            break;
        }
        cr_assert_lt(i, log->n + 0u, "a word is cut off");
    }
}

/* ---- running ---- */

struct outcome {
    enum run_reason reason;
    enum trap_kind trap;
    uint64_t count; /* of this call */
    uint64_t result;
    struct log_check check;
};

/* Run what the thread has begun until it is done or trapped; host functions return 0. */
static inline struct outcome scene_finish(struct scene *s, int observed)
{
    struct outcome o = {.check.st = s->st};
    uint64_t before = thread_instructions(s->t);
    s->log.n = 0;
    do {
        o.reason = observed ? engine_run_observed(s->t, &s->log) : engine_run_functional(s->t);
        cr_assert_leq(s->log.n, s->log.cap);
        log_read(&o.check, &s->log);
        s->log.n = 0;
        if (o.reason == RUN_HOST)
            thread_host_slots(s->t)[0] = 0;
    } while (o.reason != RUN_DONE && o.reason != RUN_TRAP);
    o.trap = thread_trap(s->t);
    o.count = thread_instructions(s->t) - before;
    o.result = thread_results(s->t)[0];
    return o;
}

static inline struct outcome scene_call(struct scene *s, int observed, const char *name, uint64_t a,
                                        uint64_t b, uint64_t c)
{
    uint64_t args[8] = {a, b, c};
    thread_call(s->t, scene_func(s->in, name), args);
    return scene_finish(s, observed);
}

#endif
