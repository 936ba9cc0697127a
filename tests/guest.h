/* guest.h - any module made to run without a machine: imports are invented, exports called in turn.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <stdlib.h>
#include <string.h>

#include "wasmcore/engine.h"

/*
 * Imported functions have their places among the imports as numbers and return zeros, imported
 * globals are zero, imported tables and memories have their least size. A guest belongs to one
 * store of its own; two of them made from the same bytes go the same way. Limits are small, so that
 * nothing a module asks for takes long.
 */
struct guest {
    struct physmem *pm;
    struct store *store;
    struct thread *thread;
    struct instance *in;
    const struct module *module;
    struct space *imported_space;
    struct log log;
    int observed;
};

#define GUEST_LOG_WORDS (2u * LOG_SLACK)

static inline struct wasm_limits guest_limits(void)
{
    struct wasm_limits l = wasm_default_limits;
    l.module_bytes = 1u << 22;
    l.table_entries = 100000;
    l.pages = 256;
    return l;
}

static inline int guest_import(struct guest *g, const struct import *im, struct external *out)
{
    out->kind = im->kind;
    switch (im->kind) {
    case EXT_FUNC:
        out->func = store_host_func(g->store, (uint32_t)(im - g->module->imports) % HOST_RESERVED,
                                    &g->module->types[im->func_type]);
        return out->func ? 0 : -1;
    case EXT_TABLE:
        out->table = store_host_table(g->store, im->table);
        return out->table ? 0 : -1;
    case EXT_MEMORY:
        out->memory = g->imported_space = store_host_memory(g->store, im->memory);
        return out->memory ? 0 : -1;
    default:
        out->global = store_host_global(g->store, im->global, 0);
        return out->global ? 0 : -1;
    }
}

static inline void guest_drop(struct guest *g)
{
    if (g->store)
        store_free(g->store);
    if (g->pm)
        physmem_free(g->pm);
    free(g->log.words);
    memset(g, 0, sizeof(*g));
}

/* Load, link, instantiate; the start function is not run. 0, or -1: it cannot be, with err filled.
 */
static inline int guest_make(struct guest *g, const uint8_t *bytes, size_t n,
                             const struct store_config *cfg, int observed, struct wasm_error *err)
{
    struct external *imports = NULL;
    int module = -1, linked = -1;
    memset(g, 0, sizeof(*g));
    g->observed = observed;
    g->pm = physmem_new(UINT64_C(64) << 20, 0);
    g->store = g->pm ? store_new(g->pm, cfg) : NULL;
    g->thread = g->store ? thread_new(g->store, 0) : NULL;
    g->log = (struct log){malloc(GUEST_LOG_WORDS * sizeof(uint64_t)), 0, GUEST_LOG_WORDS};
    *err = (struct wasm_error){0, "it cannot be linked"};
    if (g->thread && g->log.words)
        module = store_load(g->store, "guest", bytes, n, err);
    g->module = module < 0 ? NULL : store_module(g->store, module);
    if (g->module)
        imports = calloc(g->module->nimports + 1u, sizeof(*imports));
    if (imports) {
        const struct instance_options opt = {0, 256};
        linked = 0;
        for (uint32_t i = 0; i < g->module->nimports && !linked; i++)
            linked = guest_import(g, &g->module->imports[i], &imports[i]);
        if (!linked)
            linked = instance_new(g->store, module, imports, &opt, &g->in, err) == LINK_OK ? 0 : -1;
    }
    free(imports);
    if (linked)
        guest_drop(g);
    return linked;
}

static inline enum run_reason guest_run_once(struct guest *g)
{
    if (!g->observed)
        return engine_run_functional(g->thread);
    g->log.n = 0;
    return engine_run_observed(g->thread, &g->log);
}

/* Until it is done, has trapped, or is stopped by what the caller has set. */
static inline enum run_reason guest_run(struct guest *g)
{
    for (;;) {
        enum run_reason r = guest_run_once(g);
        if (r == RUN_HOST) {
            if (thread_host(g->thread) < HOST_RESERVED)
                thread_host_slots(g->thread)[0] = 0;
            else
                thread_host_slots(g->thread)[0] = 1; /* pmem.cycles */
        } else if (r != RUN_LOG) {
            return r;
        }
    }
}

static inline uint64_t guest_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static inline uint64_t guest_space_digest(const struct space *s, uint64_t h)
{
    uint64_t v;
    for (uint64_t at = 0; s && at < (uint64_t)s->pages * WASM_PAGE_BYTES; at += sizeof(v)) {
        memcpy(&v, s->base + at, sizeof(v));
        h = v || (at & 0xffff) == 0 ? guest_mix(h, v ^ at << 1) : h;
    }
    return h;
}

/* Of the sizes and contents of all memories. */
static inline uint64_t guest_memory_digest(const struct guest *g)
{
    const struct space *s = g->imported_space;
    uint64_t h = 0;
    for (uint32_t i = 0; g->in && i < 64 && (s = instance_memory(g->in, i)); i++)
        h = guest_space_digest(s, guest_mix(h, s->pages));
    return g->in ? h : guest_space_digest(s, s ? s->pages : 0);
}

#endif
