/* run.c - fuzz target: whatever validates is lowered and run, functional against observed. */
/*
 * Both modes must agree on results, traps, operator counts and memory. Fuel ends what does not end
 * by itself, and the functional run is stopped once on its way at a count that the input chooses.
 */
#include <stdio.h>

#include "tests/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define FUEL      20000u
#define MAX_CALLS 8u
#define MAX_ARGS  16u

static void agree(int same, const char *what)
{
    if (same)
        return;
    fprintf(stderr, "functional and observed differ in %s\n", what);
    __builtin_trap();
}

static enum run_reason run_to(struct guest *g, uint64_t count)
{
    if (thread_fuel(g->thread, count))
        abort();
    return guest_run(g);
}

static uint32_t slots_of(const uint8_t *types, uint32_t n)
{
    uint32_t slots = n;
    for (uint32_t i = 0; i < n; i++)
        slots += types[i] == VT_V128;
    return slots;
}

/* Numbers that are different in each slot; no references. */
static void invent(const struct functype *type, uint64_t *args)
{
    for (uint32_t i = 0; i < type->nparams; i++) {
        *args++ = type->types[i] == VT_FUNCREF || type->types[i] == VT_EXTERNREF
                      ? REF_NULL
                      : (uint64_t)(i * 3 + 1);
        if (type->types[i] == VT_V128)
            *args++ = UINT64_C(0x0102030480ff7f00) * (i + 1);
    }
}

static void call_both(struct guest *g, struct func *const *f, uint64_t seed)
{
    uint64_t args[2 * MAX_ARGS], from = thread_instructions(g[0].thread), stop = from + seed % 97;
    const struct functype *type = func_type(f[0]);
    enum run_reason r[2];
    if (type->nparams > MAX_ARGS)
        return;
    invent(type, args);
    for (int k = 0; k < 2; k++)
        thread_call(g[k].thread, f[k], args);
    r[0] = run_to(&g[0], stop);
    if (r[0] == RUN_FUEL) {
        agree(thread_instructions(g[0].thread) == stop, "the count at a stop");
        r[0] = run_to(&g[0], from + FUEL);
    }
    r[1] = run_to(&g[1], from + FUEL);
    agree(r[0] == r[1], "how they end");
    agree(thread_instructions(g[0].thread) == thread_instructions(g[1].thread), "counts");
    agree(thread_trap(g[0].thread) == thread_trap(g[1].thread), "traps");
    agree(guest_memory_digest(&g[0]) == guest_memory_digest(&g[1]), "memory");
    if (r[0] == RUN_DONE)
        agree(memcmp(thread_results(g[0].thread), thread_results(g[1].thread),
                     slots_of(type->types + type->nparams, type->nresults) * sizeof(uint64_t)) == 0,
              "results");
}

static void call_exports(struct guest *g)
{
    const struct module *m = g[0].module;
    uint32_t calls = 0;
    for (uint32_t i = 0; i < m->nexports && calls < MAX_CALLS; i++) {
        struct external e[2];
        char name[64];
        const struct name n = m->exports[i].name;
        if (m->exports[i].kind != EXT_FUNC || n.len >= sizeof(name) || memchr(n.text, 0, n.len))
            continue;
        memcpy(name, n.text, n.len);
        name[n.len] = 0;
        if (instance_export(g[0].in, name, &e[0]) || instance_export(g[1].in, name, &e[1]))
            abort();
        call_both(g, (struct func *[]){e[0].func, e[1].func}, i * 31 + m->nbytes);
        calls++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct wasm_limits limits = guest_limits();
    struct store_config cfg = store_default_config;
    struct guest g[2];
    struct wasm_error err;
    cfg.limits = &limits;
    cfg.stack_slots = 16384;
    cfg.call_depth = 200;
    if (guest_make(&g[0], bytes, n, &cfg, 0, &err))
        return 0;
    agree(guest_make(&g[1], bytes, n, &cfg, 1, &err) == 0, "whether they can be made");
    struct func *start[2] = {instance_start(g[0].in), instance_start(g[1].in)};
    if (start[0])
        call_both(g, start, n);
    call_exports(g);
    guest_drop(&g[0]);
    guest_drop(&g[1]);
    return 0;
}
