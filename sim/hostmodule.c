/* hostmodule.c - the kernel's calls about modules and instances of user programs. */
/*
 * A module comes from the boot image or from the kernel's memory. Those from memory are kept with
 * their bytes: the same name and bytes are the same module, and a checkpoint holds them, since they
 * are nowhere else.
 *
 * A program that imports its memory (WASI threads do) gets one from a module made here, which has
 * nothing else: that instance belongs to the first one of the program, and goes with it.
 */
#include "sim/hostcall.h"

#include <stdlib.h>
#include <string.h>

#define MOST_KEPT 4096u /* modules from memory */

static void complain(const struct machine *m, const char *name, const struct wasm_error *err)
{
    if (m->ports.log)
        fprintf(m->ports.log, "pwsim: %s: offset %u: %s\n",
                *name ? name : "a module without a name", err->offset, err->text);
}

int64_t hostcall_module_load(struct machine *m, const uint64_t *a)
{
    const struct image_section *s = section(m, a[0]);
    struct wasm_error err;
    if (!s)
        return -E_INVAL;
    const char *slash = strrchr(s->name, '/');
    const char *name = slash ? slash + 1 : s->name;
    const int module = store_load(m->store, name, s->bytes, s->n, &err);
    if (module < 0) {
        complain(m, name, &err);
        return -E_NOEXEC;
    }
    return machine_place_code(m, module) ? -E_NOMEM : module;
}

/* ---- modules from memory ---- */

int hostmodule_keep(struct machine *m, const char *name, const uint8_t *bytes, size_t n, int module)
{
    struct kept_module *more = realloc(m->kept, (m->nkept + 1) * sizeof *more);
    if (!more)
        return -1;
    m->kept = more;
    struct kept_module *k = &more[m->nkept];
    *k = (struct kept_module){
        .name = strdup(name), .bytes = malloc(n + 1), .n = n, .module = module};
    if (!k->name || !k->bytes) {
        free(k->name);
        free(k->bytes);
        return -1;
    }
    memcpy(k->bytes, bytes, n);
    m->nkept++;
    return 0;
}

void hostmodule_drop(struct machine *m)
{
    for (uint32_t i = 0; i < m->nkept; i++) {
        free(m->kept[i].name);
        free(m->kept[i].bytes);
    }
    free(m->kept);
    free(m->lent);
}

/* The module of that name and bytes, loaded if it is not yet: its number or -errno. */
static int64_t load_bytes(struct machine *m, const char *name, const uint8_t *bytes, size_t n)
{
    struct wasm_error err;
    for (uint32_t i = 0; i < m->nkept; i++) {
        const struct kept_module *k = &m->kept[i];
        if (k->n == n && strcmp(k->name, name) == 0 && memcmp(k->bytes, bytes, n) == 0)
            return k->module;
    }
    if (m->nkept == MOST_KEPT)
        return -E_NOMEM;
    const int module = store_load(m->store, name, bytes, n, &err);
    if (module < 0) {
        complain(m, name, &err);
        return -E_NOEXEC;
    }
    if (machine_place_code(m, module) || hostmodule_keep(m, name, bytes, n, module))
        return -E_NOMEM;
    return module;
}

/* A name from the kernel as people and back traces see it. */
static int take_name(const struct machine *m, uint64_t at, uint64_t len, char text[256])
{
    const uint8_t *name = kernel_bytes(m, at, (uint32_t)len);
    if (!name)
        return -E_FAULT;
    if ((uint32_t)len >= 256)
        return -E_INVAL;
    memcpy(text, name, (uint32_t)len);
    text_mask(text, (uint32_t)len);
    text[(uint32_t)len] = 0;
    char *dot = strrchr(text, '.');
    if (dot && dot > text && strcmp(dot, ".wasm") == 0)
        *dot = 0;
    return 0;
}

int64_t hostcall_module_load_bytes(struct machine *m, const uint64_t *a)
{
    const uint8_t *bytes = kernel_bytes(m, a[2], (uint32_t)a[3]);
    char name[256];
    const int bad = bytes ? take_name(m, a[0], a[1], name) : -E_FAULT;
    return bad ? bad : load_bytes(m, name, bytes, (uint32_t)a[3]);
}

/* ---- memories that programs import ---- */

static uint8_t *leb(uint8_t *p, uint64_t n)
{
    do {
        *p = (uint8_t)(n & 0x7f);
        n >>= 7;
        *p++ |= n ? 0x80 : 0;
    } while (n);
    return p;
}

/* (module (memory (export "m") ...)) with these limits. */
static size_t memory_module(const struct limits *l, uint8_t out[64])
{
    static const uint8_t head[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 5};
    static const uint8_t tail[] = {7, 5, 1, 1, 'm', 2, 0};
    uint8_t *p = out + sizeof head, *size = p++;
    memcpy(out, head, sizeof head);
    *p++ = 1;
    *p++ = (uint8_t)((l->has_max ? 1 : 0) | (l->shared ? 2 : 0) | (l->is64 ? 4 : 0));
    p = leb(p, l->min);
    if (l->has_max)
        p = leb(p, l->max);
    *size = (uint8_t)(p - size - 1);
    memcpy(p, tail, sizeof tail);
    return (size_t)(p - out) + sizeof tail;
}

static const struct import *memory_import(const struct module *mod)
{
    for (uint32_t i = 0; i < mod->nimports; i++)
        if (mod->imports[i].kind == EXT_MEMORY)
            return &mod->imports[i];
    return NULL;
}

/* The instance that has the memory of this one, or NULL. */
static struct instance *lender_of(const struct machine *m, uint32_t instance)
{
    for (uint32_t i = 0; i < m->nlent; i++)
        if (m->lent[i].to == instance)
            return store_instance(m->store, m->lent[i].from);
    return NULL;
}

/* A new memory as the module wants it: an instance that exports it as "m", or NULL. */
static struct instance *lender_new(struct machine *m, const struct module *mod,
                                   const struct instance_options *opt)
{
    uint8_t bytes[64];
    const size_t n = memory_module(&memory_import(mod)->memory, bytes);
    const int64_t module = load_bytes(m, "memory", bytes, n);
    struct instance *in = NULL;
    struct wasm_error err;
    if (module < 0 || instance_new(m->store, (int)module, NULL, opt, &in, &err) != LINK_OK)
        return NULL;
    return in;
}

int hostmodule_lend(struct machine *m, uint32_t from, uint32_t to)
{
    struct lent_memory *more = realloc(m->lent, (m->nlent + 1) * sizeof *more);
    if (!more)
        return -1;
    m->lent = more;
    m->lent[m->nlent++] = (struct lent_memory){from, to};
    return 0;
}

static void take_back(struct machine *m, uint32_t to)
{
    for (uint32_t i = 0; i < m->nlent; i++) {
        if (m->lent[i].to != to)
            continue;
        struct instance *from = store_instance(m->store, m->lent[i].from);
        m->lent[i] = m->lent[--m->nlent];
        if (from)
            instance_drop(from);
        return;
    }
}

/* ---- instances ---- */

/* Link and allocate; memory NULL when the module imports none. */
static int64_t instantiate(struct machine *m, int module, struct instance *lender,
                           const struct instance_options *opt)
{
    struct external memory = {0};
    struct instance *in = NULL;
    struct wasm_error err;
    char text[300];
    if (lender)
        instance_export(lender, "m", &memory);
    struct external *imports = hostcall_link(m, module, 0, lender ? &memory : NULL, text,
                                             sizeof text);
    if (!imports) {
        if (m->ports.log)
            fprintf(m->ports.log, "pwsim: %s: %s\n", store_module_name(m->store, module), text);
        return -E_NOEXEC;
    }
    const enum link_error link = instance_new(m->store, module, imports, opt, &in, &err);
    free(imports);
    if (link == LINK_OK)
        return instance_id(in);
    if (in)
        instance_drop(in);
    if (m->ports.log)
        fprintf(m->ports.log, "pwsim: cannot link %s: %s\n", store_module_name(m->store, module),
                err.text);
    return link == LINK_MEMORY ? -E_NOMEM : -E_NOEXEC;
}

int64_t hostcall_instance_new(struct machine *m, const uint64_t *a)
{
    const int module = (int)(uint32_t)a[0];
    const struct instance_options opt = {.max_pages = (uint32_t)a[1]};
    const struct module *mod = module < 0 ? NULL : store_module(m->store, module);
    const uint32_t shares = (uint32_t)a[2];
    struct instance *lender = NULL;

    if (!mod)
        return -E_INVAL;
    if (memory_import(mod)) {
        lender = shares ? lender_of(m, shares) : lender_new(m, mod, &opt);
        if (!lender)
            return shares ? -E_INVAL : -E_NOMEM;
    } else if (shares) {
        return -E_INVAL; /* its memory is its own: there is nothing to share */
    }
    const int64_t in = instantiate(m, module, lender, &opt);
    if (!lender || shares)
        return in;
    if (in >= 0 && hostmodule_lend(m, instance_id(lender), (uint32_t)in) == 0)
        return in;
    if (in >= 0)
        instance_drop(store_instance(m->store, (uint32_t)in));
    instance_drop(lender);
    return in < 0 ? in : -E_NOMEM;
}

int64_t hostcall_instance_drop(struct machine *m, const uint64_t *a)
{
    struct instance *in = store_instance(m->store, (uint32_t)a[0]);
    if (!in || in == m->kernel)
        return -E_INVAL;
    for (uint32_t i = 0; i < m->nthreads; i++)
        if (m->threads[i].thread && m->threads[i].instance == (uint32_t)a[0])
            return -E_INVAL;
    instance_drop(in);
    take_back(m, (uint32_t)a[0]);
    return 0;
}
