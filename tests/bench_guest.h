/* bench_guest.h - programs that import nothing, ready to run in the engine: for its benchmarks. */
#ifndef TESTS_BENCH_GUEST_H
#define TESTS_BENCH_GUEST_H

#include <stdio.h>
#include <stdlib.h>

#include "tests/bench.h"
#include "wasmcore/state.h"

#define DRAM_BYTES (UINT64_C(64) << 20)

/* BUILD/alone/NAME.wasm; the large one, Lua, is there after `make bench-large`. */
static const char *const programs[] = {"coremark", "matmul", "sha256", "fib", "lua"};
#define PROGRAMS (sizeof programs / sizeof programs[0])

static inline _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

struct bytes {
    uint8_t *at;
    size_t n;
};

/* at is NULL if there is no such file. */
static inline struct bytes read_file(const char *path)
{
    struct bytes b = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return b;
    fseek(f, 0, SEEK_END);
    b.n = (size_t)ftell(f);
    rewind(f);
    b.at = malloc(b.n + 1);
    if (!b.at || fread(b.at, 1, b.n, f) != b.n)
        die("a file cannot be read");
    fclose(f);
    return b;
}

/* Static, until the next call. */
static inline const char *program_path(const char *build, size_t program)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/alone/%s.wasm", build, programs[program]);
    return path;
}

/* at is NULL, after a message, if it has not been built. */
static inline struct bytes read_program(const char *build, size_t program)
{
    struct bytes wasm = read_file(program_path(build, program));
    if (!wasm.at)
        fprintf(stderr, "bench: no %s; `make bench-large` builds it\n", programs[program]);
    return wasm;
}

struct guest {
    struct physmem *pm;
    struct store *store;
    struct thread *thread;
    struct func *run; /* a checksum of what the program prints */
};

/* With its thread at the beginning of run(). */
static inline struct guest guest_new(struct bytes wasm)
{
    struct guest g = {.pm = physmem_new(DRAM_BYTES, 0)};
    struct wasm_error err;
    struct instance *in;
    struct external ex;
    g.store = g.pm ? store_new(g.pm, &store_default_config) : NULL;
    g.thread = g.store ? thread_new(g.store, 0) : NULL;
    if (!g.thread)
        die("out of memory");
    const struct instance_options opt = {0};
    int module = store_load(g.store, "alone", wasm.at, wasm.n, &err);
    if (module < 0 || instance_new(g.store, module, NULL, &opt, &in, &err) != LINK_OK)
        die(err.text);
    if (instance_export(in, "run", &ex) || ex.kind != EXT_FUNC)
        die("a program has no run()");
    g.run = ex.func;
    thread_call(g.thread, g.run, NULL);
    return g;
}

static inline void guest_free(struct guest *g)
{
    store_free(g->store);
    physmem_free(g->pm);
}

#endif
