/* runall.c - run every exported function of modules that takes nothing, and say what came of it. */
/*
 * runall FILE.wasm...: for each module its name, then a line for each call and for each call of an
 * import, as `wasm-interp --run-all-exports --dummy-import-func` of wabt writes them; imports
 * return zeros. Traps have the words of the specification. Exit 1 when the functional and the
 * observed build of the engine do not agree (tests/random.sh compares with wasm-interp).
 *
 * runall --again NAME AS FILE.wasm...: the function that each module exports as NAME is exported as
 * AS, too, behind all others, so that it is called once more in the end; files are written anew.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/guest.h"

#define FUEL UINT64_C(50000000)

static void print_value(FILE *out, uint8_t type, const uint64_t *v)
{
    float f;
    double d;
    memcpy(&f, v, sizeof f);
    memcpy(&d, v, sizeof d);
    switch (type) {
    case VT_I32:
        fprintf(out, "i32:%" PRIu32, (uint32_t)*v);
        break;
    case VT_I64:
        fprintf(out, "i64:%" PRIu64, *v);
        break;
    case VT_F32:
        fprintf(out, "f32:%f", (double)f);
        break;
    case VT_F64:
        fprintf(out, "f64:%f", d);
        break;
    case VT_V128:
        fprintf(out, "v128 i32x4:0x%08x 0x%08x 0x%08x 0x%08x", (uint32_t)v[0],
                (uint32_t)(v[0] >> 32), (uint32_t)v[1], (uint32_t)(v[1] >> 32));
        break;
    default:
        fprintf(out, "ref");
    }
}

static uint32_t slots_of(uint8_t type)
{
    return type == VT_V128 ? 2 : 1;
}

static void print_values(FILE *out, const uint8_t *types, uint32_t n, const uint64_t *v)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            fputs(", ", out);
        print_value(out, types[i], v);
        v += slots_of(types[i]);
    }
}

/* An import is called: say so, return zeros. */
static void serve(struct guest *g, FILE *out)
{
    static const uint64_t zeros[64];
    uint64_t *slots = thread_host_slots(g->thread);
    if (thread_host(g->thread) >= HOST_RESERVED) { /* a wait has timed out, notify woke nobody */
        slots[0] = thread_host(g->thread) == HOST_WAIT ? 2 : 0;
        return;
    }
    const struct import *im = &g->module->imports[thread_host(g->thread)];
    const struct functype *t = &g->module->types[im->func_type];
    uint32_t n = 0;
    fprintf(out, "called host %.*s.%.*s(", (int)im->module.len, im->module.text, (int)im->field.len,
            im->field.text);
    print_values(out, t->types, t->nparams, slots);
    fputs(") =>", out);
    if (t->nresults)
        fputc(' ', out);
    print_values(out, t->types + t->nparams, t->nresults, zeros);
    fputc('\n', out);
    for (uint32_t i = 0; i < t->nresults && n < 62; i++)
        n += slots_of(t->types[t->nparams + i]);
    memcpy(slots, zeros, n * sizeof *slots);
}

static void call(struct guest *g, struct name name, struct func *f, FILE *out)
{
    const struct functype *t = func_type(f);
    enum run_reason r;
    if (t->nparams)
        return;
    thread_call(g->thread, f, NULL);
    if (thread_fuel(g->thread, thread_instructions(g->thread) + FUEL))
        abort();
    while ((r = guest_run_once(g)) == RUN_HOST || r == RUN_LOG)
        if (r == RUN_HOST)
            serve(g, out);
    fprintf(out, "%.*s() =>", (int)name.len, name.text);
    if (r == RUN_TRAP)
        fprintf(out, " error: %s", trap_text(thread_trap(g->thread)));
    else if (r == RUN_FUEL)
        fputs(" error: does not end", out);
    else if (t->nresults)
        fputc(' ', out);
    if (r == RUN_DONE)
        print_values(out, t->types, t->nresults, thread_results(g->thread));
    fputc('\n', out);
}

/* All that one build of the engine says of a module, on the heap. */
static char *run_module(const uint8_t *bytes, size_t n, int observed)
{
    const struct wasm_limits limits = guest_limits();
    struct store_config cfg = store_default_config;
    struct guest g;
    struct wasm_error err;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    cfg.limits = &limits;
    if (guest_make(&g, bytes, n, &cfg, observed, &err)) {
        fprintf(out, "error: offset %u: %s\n", err.offset, err.text);
    } else {
        for (uint32_t i = 0; i < g.module->nexports; i++) {
            struct external e;
            if (g.module->exports[i].kind == EXT_FUNC &&
                instance_export_name(g.in, g.module->exports[i].name, &e) == 0)
                call(&g, g.module->exports[i].name, e.func, out);
        }
        guest_drop(&g);
    }
    fclose(out);
    return text;
}

/* ---- one more export ---- */

static uint32_t get_leb(const uint8_t **p)
{
    uint32_t x = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        const uint8_t b = *(*p)++;
        x |= (uint32_t)(b & 127) << shift;
        if (b < 128)
            break;
    }
    return x;
}

static void put_leb(FILE *f, uint32_t x)
{
    for (; x > 127; x >>= 7)
        fputc((int)(x & 127) | 128, f);
    fputc((int)x, f);
}

/* The contents of an export section, with one more entry when there is a function of that name. */
static void add_export(FILE *f, const uint8_t *p, uint32_t size, const char *name, const char *as)
{
    const uint8_t *const end = p + size;
    const uint32_t n = get_leb(&p);
    const uint8_t *const entries = p;
    uint32_t index = 0, found = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t len = get_leb(&p);
        const uint8_t *text = p;
        p += len;
        const uint8_t kind = *p++;
        const uint32_t at = get_leb(&p);
        if (kind == EXT_FUNC && len == strlen(name) && memcmp(text, name, len) == 0) {
            index = at;
            found = 1;
        }
    }
    put_leb(f, n + found);
    fwrite(entries, 1, (size_t)(end - entries), f);
    if (found) {
        put_leb(f, (uint32_t)strlen(as));
        fputs(as, f);
        fputc(EXT_FUNC, f);
        put_leb(f, index);
    }
}

/* The module is a valid one. */
static void export_again(FILE *f, const uint8_t *bytes, size_t n, const char *name, const char *as)
{
    const uint8_t *p = bytes + 8, *const end = bytes + n;
    fwrite(bytes, 1, 8, f);
    while (p < end) {
        const uint8_t id = *p++;
        const uint32_t size = get_leb(&p);
        char *text = NULL;
        size_t length = 0;
        FILE *section = open_memstream(&text, &length);
        if (id == 7)
            add_export(section, p, size, name, as);
        else
            fwrite(p, 1, size, section);
        fclose(section);
        fputc(id, f);
        put_leb(f, (uint32_t)length);
        fwrite(text, 1, length, f);
        free(text);
        p += size;
    }
}

/* ---- files ---- */

#define MOST_BYTES (1u << 22)

static size_t read_file(const char *path, uint8_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    const size_t n = fread(bytes, 1, MOST_BYTES, f);
    fclose(f);
    return n;
}

static int rewrite(char **paths, uint8_t *bytes, const char *name, const char *as)
{
    for (; *paths; paths++) {
        const size_t n = read_file(*paths, bytes);
        FILE *f = n > 8 ? fopen(*paths, "wb") : NULL;
        if (f)
            export_again(f, bytes, n, name, as);
        if (!f || fclose(f))
            return 1;
    }
    return 0;
}

/* 1 when the two builds differ. */
static int run_file(const char *path, uint8_t *bytes)
{
    const size_t n = read_file(path, bytes);
    char *functional = run_module(bytes, n, 0), *observed = run_module(bytes, n, 1);
    const int differ = strcmp(functional, observed) != 0;
    printf("%s\n%s", path, functional);
    if (differ)
        printf("the observed build says\n%s", observed);
    free(functional);
    free(observed);
    return differ;
}

int main(int argc, char **argv)
{
    uint8_t *bytes = malloc(MOST_BYTES);
    int bad = 0;
    if (!bytes)
        return 1;
    if (argc > 3 && strcmp(argv[1], "--again") == 0)
        bad = rewrite(argv + 4, bytes, argv[2], argv[3]);
    else
        for (int i = 1; i < argc; i++)
            bad |= run_file(argv[i], bytes);
    free(bytes);
    return bad;
}
