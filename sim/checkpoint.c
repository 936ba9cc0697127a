/* checkpoint.c - the whole machine in a file: what both kinds have, and files. */
#include "sim/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/digest.h"
#include "sim/error.h"
#include "sim/file.h"
#include "sim/machine_state.h"
#include "sim/unfinished.h"
#include "wasmcore/snapshot.h"

#define MOST_TEXT  (1u << 20)
#define MOST_BYTES (UINT64_C(1) << 38)
#define MOST_HERE  (1u << 20) /* guest threads, modules */

/* What the guest is made of, or can ask for. */
static const char *const architecture[] = {
    "machine.dram",       "machine.harts",   "machine.stack",       "machine.call_depth",
    "machine.wall_clock", "nvdimm.size",     "program.name",        "program.args",
    "program.env",        "program.pages",   "kernel.kernel_stack", "kernel.data_tier",
    "program.preopens",   "program.handles", "program.threads",     "kernel.time_slice",
    "program.stack",      "wasm.functions",  "wasm.module_bytes",   "wasm.table_entries",
    "wasm.block_depth",   "wasm.locals",     "wasm.operands",       "wasm.pages",
};

/* What changes nothing of a run but where its files are: full checkpoints have all other keys. */
static const char *const outside[] = {"name", "boot.image", "nvdimm.image", "nvdimm.commit"};

static int is_one_of(const char *const *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], path) == 0)
            return 1;
    return 0;
}

static int has_key(enum checkpoint_kind kind, const char *path)
{
    if (kind == CHECKPOINT_FULL)
        return !is_one_of(outside, sizeof outside / sizeof outside[0], path);
    return is_one_of(architecture, sizeof architecture / sizeof architecture[0], path);
}

static const char *const kinds[CHECKPOINT_KINDS] = {"architectural", "full"};

int checkpoint_kind(const char *text, enum checkpoint_kind *out, char *err, size_t errlen)
{
    for (unsigned i = 0; i < CHECKPOINT_KINDS; i++) {
        if (strcmp(text, kinds[i]) == 0) {
            *out = (enum checkpoint_kind)i;
            return 0;
        }
    }
    return fail(err, errlen, "%s: expected architectural or full", text);
}

int checkpoint_point(const char *text, struct machine_point *out, char *err, size_t errlen)
{
    static const struct {
        const char *word;
        enum point_kind kind;
    } points[] = {
        {"instructions=", POINT_INSTRUCTIONS}, {"cycles=", POINT_CYCLES}, {"mark=", POINT_MARK}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        const size_t len = strlen(points[i].word);
        char *end;
        if (strncmp(text, points[i].word, len) != 0)
            continue;
        errno = 0;
        const uint64_t n = strtoull(text + len, &end, 10);
        if (text[len] < '0' || text[len] > '9' || *end || errno ||
            (points[i].kind == POINT_MARK && n > UINT32_MAX))
            break;
        *out = (struct machine_point){points[i].kind, n};
        return 0;
    }
    return fail(err, errlen,
                "%s: expected instructions=N, cycles=N or mark=N with a decimal number", text);
}

/* ---- what a checkpoint says of itself ---- */

/* Text of at most MOST_TEXT bytes; a reader's is allocated. NULL when it could not be had. */
static char *text(struct archive *a, char *t)
{
    uint32_t n = t ? (uint32_t)strlen(t) : 0;
    archive_count(a, &n, MOST_TEXT, 1);
    if (!a->writing && !(t = calloc(n + 1u, 1))) {
        archive_fail(a, "out of memory");
        return NULL;
    }
    archive_raw(a, t, n);
    return t;
}

static int same_image(struct archive *a, const char *which, struct digest d, char *err,
                      size_t errlen)
{
    struct digest was = d;
    archive_raw(a, was.b, sizeof was.b);
    if (a->failed || memcmp(was.b, d.b, sizeof d.b) == 0)
        return 0;
    return fail(err, errlen, "made with another %s", which);
}

/* One key, written or compared. */
static int same_key(struct archive *a, enum checkpoint_kind kind, const struct config *cfg,
                    const char *path, char *err, size_t errlen)
{
    char *now = config_text(cfg, config_find_key(path));
    const char *const hint = kind == CHECKPOINT_FULL ? "; a full one goes on as it was" : "";
    const int writing = a->writing;
    char *key = text(a, writing ? (char *)(uintptr_t)path : NULL);
    char *was = text(a, writing ? now : NULL);
    int bad = 0;
    if (!a->failed && now && key && was && strcmp(key, path) != 0)
        archive_fail(a, "damaged: its configuration");
    else if (!a->failed && now && was && strcmp(was, now) != 0)
        bad = fail(err, errlen, "made with %s = %.200s, here it is %.200s%s", path, was, now, hint);
    if (!now)
        archive_fail(a, "out of memory");
    if (!writing) {
        free(key);
        free(was);
    }
    free(now);
    return bad;
}

static int same_config(struct archive *a, enum checkpoint_kind kind, const struct config *cfg,
                       char *err, size_t errlen)
{
    uint32_t n = 0;
    archive_mark(a, "CONF");
    for (size_t i = 0; i < config_key_count; i++)
        n += (uint32_t)has_key(kind, config_keys[i].path);
    if (archive_put32(a, n) != n && !a->failed)
        return fail(err, errlen, "made by another version of pwsim: it has other keys");
    for (size_t i = 0; i < config_key_count && !a->failed; i++)
        if (has_key(kind, config_keys[i].path) &&
            same_key(a, kind, cfg, config_keys[i].path, err, errlen))
            return -1;
    return 0;
}

static int same_guest(struct archive *a, enum checkpoint_kind kind, const struct config *cfg,
                      const struct image *image, char *err, size_t errlen)
{
    struct digest nvdimm = {{0}};
    if (same_config(a, kind, cfg, err, errlen))
        return -1;
    if (kind != CHECKPOINT_SUSPENDED && *cfg->nvdimm_image &&
        digest_file(cfg->nvdimm_image, &nvdimm, NULL, err, errlen))
        return -1;
    if (same_image(a, "boot image", image_digest(image, NULL), err, errlen) ||
        same_image(a, "nvdimm.image", nvdimm, err, errlen))
        return -1;
    return 0;
}

/* ---- the machine's own state ---- */

static uint32_t ref_of(const struct func *f)
{
    return (uint32_t)func_ref(f);
}

static void write_guest(struct archive *a, const struct guest_thread *g)
{
    archive_put32(a, g->thread ? thread_id(g->thread) + 1 : 0);
    if (!g->thread)
        return;
    archive_put32(a, ref_of(g->next));
    archive_put32(a, g->args[0]);
    archive_put32(a, g->args[1]);
    archive_put32(a, g->instance);
    archive_put32(a, g->cookie);
    archive_put32(a, g->kernel_sp);
    archive_put32(a, g->frames);
    archive_put32(a, (uint32_t)g->value);
    archive_put8(a, g->over);
}

static int stack_there(const struct machine *m, const struct guest_thread *g)
{
    const uint64_t frames = physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES;
    return g->frames < frames && machine_stack_frames(m) <= frames - g->frames &&
           thread_frame_addr(g->thread) == frame_addr(TIER_DRAM, g->frames);
}

static void read_guest(struct archive *a, const struct machine *m, struct guest_thread *g)
{
    const uint32_t id = archive_put32(a, 0);
    *g = (struct guest_thread){0};
    if (id == 0)
        return;
    const uint32_t next = archive_put32(a, 0);
    g->args[0] = archive_put32(a, 0);
    g->args[1] = archive_put32(a, 0);
    g->thread = store_thread(m->store, id - 1);
    g->next = next ? store_func(m->store, next) : NULL;
    archive_u32(a, &g->instance);
    archive_u32(a, &g->cookie);
    archive_u32(a, &g->kernel_sp);
    archive_u32(a, &g->frames);
    g->value = (int32_t)archive_put32(a, 0);
    g->over = archive_put8(a, 0) != 0;
    if (a->failed || !g->thread || (next && !g->next) || !stack_there(m, g) ||
        (g->next && func_type(g->next)->nparams > 2))
        archive_fail(a, "damaged: a guest thread");
    for (const struct guest_thread *h = m->threads; h < g; h++)
        if (g->thread && h->thread == g->thread)
            archive_fail(a, "damaged: a guest thread");
}

static void guests(struct archive *a, struct machine *m)
{
    archive_count(a, &m->nthreads, MOST_HERE, 4);
    if (!a->writing && !(m->threads = calloc(m->nthreads + 1u, sizeof *m->threads))) {
        archive_fail(a, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < m->nthreads && !a->failed; i++) {
        if (a->writing)
            write_guest(a, &m->threads[i]);
        else
            read_guest(a, m, &m->threads[i]);
    }
}

/* Modules that came from the guest's memory: before the store, which asks for their bytes. */
static void kept_modules(struct archive *a, struct machine *m)
{
    uint32_t n = m->nkept;
    archive_mark(a, "KEPT");
    archive_count(a, &n, MOST_HERE, 12);
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        const struct kept_module none = {0}, *k = a->writing ? &m->kept[i] : &none;
        uint32_t bytes = (uint32_t)k->n, module = archive_put32(a, (uint32_t)k->module);
        char *name = text(a, k->name);
        archive_count(a, &bytes, 1u << 30, 1);
        uint8_t *copy = a->failed || a->writing ? NULL : malloc(bytes + 1u);
        archive_raw(a, a->writing ? k->bytes : copy, bytes);
        if (!a->writing &&
            (!copy || a->failed || hostmodule_keep(m, name, copy, bytes, (int)module)))
            archive_fail(a, "damaged: its modules");
        if (!a->writing)
            free(name);
        free(copy);
    }
    n = m->nlent;
    archive_count(a, &n, MOST_HERE, 8);
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        const struct lent_memory l = a->writing ? m->lent[i] : (struct lent_memory){0};
        const uint32_t from = archive_put32(a, l.from), to = archive_put32(a, l.to);
        if (!a->writing && hostmodule_lend(m, from, to))
            archive_fail(a, "out of memory");
    }
}

/* Code may be longer than where it came from, when there are fewer registers: it moves then. */
static int put_code(struct machine *m, uint32_t module, struct code_place was)
{
    const uint64_t frames = physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES;
    const uint64_t bytes = store_code_bytes(m->store, (int)module);
    if (was.first == FRAME_NONE) {
        machine_add_code(m, was);
        return 0;
    }
    if (was.first >= frames || was.frames > frames - was.first)
        return -1;
    if (bytes > (uint64_t)was.frames * FRAME_BYTES) {
        physmem_release(m->pm, was.first, was.frames);
        return machine_place_code(m, (int)module);
    }
    store_place_code(m->store, (int)module, frame_addr(TIER_DRAM, was.first));
    machine_add_code(m, was);
    return 0;
}

static void code_places(struct archive *a, struct machine *m)
{
    uint32_t n = m->ncode;
    archive_count(a, &n, MOST_HERE, 8);
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        struct code_place p = a->writing ? m->code[i] : (struct code_place){0};
        archive_u32(a, &p.first);
        archive_u32(a, &p.frames);
        if (!a->writing && (a->failed || !store_module(m->store, (int)i) || put_code(m, i, p)))
            archive_fail(a, "there is no room for the code of its modules");
    }
    if (!a->writing && !a->failed && store_module(m->store, (int)n))
        archive_fail(a, "damaged: its modules");
}

/* Guests go on at the time of the hart that was latest; in a full one each has its own. */
static ps_t latest(const struct machine *m)
{
    ps_t most = 0;
    for (uint32_t i = 0; i < m->nharts; i++)
        most = hart_now(m, &m->harts[i]) > most ? hart_now(m, &m->harts[i]) : most;
    return m->origin_ps + most;
}

static void own_state(struct archive *a, struct machine *m, enum checkpoint_kind kind)
{
    archive_section(a, "MACH", 2);
    const uint32_t kernel = archive_put32(a, m->kernel ? instance_id(m->kernel) : 0);
    m->kernel_module = (int)archive_put32(a, (uint32_t)m->kernel_module);
    archive_u64(a, &m->instructions);
    const ps_t time = archive_put64(a, a->writing ? latest(m) : 0);
    archive_u64(a, &m->random);
    archive_u64(a, &m->written[0]);
    archive_u64(a, &m->written[1]);
    archive_u64(a, &m->input_read);
    if (!a->writing) {
        m->kernel = store_instance(m->store, kernel);
        m->origin_ps = time;
        if (!m->kernel || !store_module(m->store, m->kernel_module))
            archive_fail(a, "damaged: it has no kernel");
    }
    code_places(a, m);
    guests(a, m);
    if (!a->failed)
        checkpoint_harts(m, a, kind == CHECKPOINT_FULL);
}

static int is_functional(const struct config *cfg)
{
    char model[32];
    return strcmp(config_choice("core.model", cfg->core_model, model, sizeof model),
                  "functional") == 0;
}

/* ---- saving ---- */

int checkpoint_save(struct machine *m, enum checkpoint_kind kind, struct archive *a, char *err,
                    size_t errlen)
{
    archive_begin(a); /* the caller frees it in any case */
    if (m->mem.tiering)
        return fail(err, errlen, "tier.mode: there are no checkpoints of a machine that migrates");
    hart_put_to_work(m, m->harts);
    archive_mark(a, "KIND");
    archive_put32(a, kind);
    if (same_guest(a, kind, m->cfg, m->ports.image, err, errlen))
        return -1;
    kept_modules(a, m);
    snapshot_write(m->store, a);
    if (kind == CHECKPOINT_SUSPENDED)
        physmem_archive_use(m->pm, a);
    else
        physmem_archive(m->pm, a);
    if (kind == CHECKPOINT_FULL)
        machine_time_log(m); /* the guest's time is that of all that was executed */
    own_state(a, m, kind);
    if (kind == CHECKPOINT_FULL) {
        checkpoint_full(m, a);
    } else if (kind == CHECKPOINT_ARCHITECTURAL) {
        archive_mark(a, "DOMN");
        domain_archive(m->mem.domain, a, machine_now(m));
    }
    if (archive_seal(a) == 0)
        return 0;
    return fail(err, errlen, "no checkpoint can be made here: %s", a->failed);
}

static int write_all(const struct archive *a, const char *path, char *err, size_t errlen)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    const int bad = fwrite(a->bytes, 1, a->n, f) != a->n || fflush(f) || fsync(fileno(f));
    const int why = errno;
    if (fclose(f) || bad) {
        unlink(path);
        return fail(err, errlen, "%s: cannot write: %s", path, strerror(bad ? why : errno));
    }
    return 0;
}

int checkpoint_write(struct machine *m, enum checkpoint_kind kind, const char *path, char *err,
                     size_t errlen)
{
    struct archive a;
    char part[4096];
    int bad = checkpoint_save(m, kind, &a, err, errlen);
    if (!bad && snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        bad = fail(err, errlen, "%.200s…: the name is too long", path);
    const int unfinished = bad ? -1 : unfinished_add(part, "");
    if (!bad)
        bad = write_all(&a, part, err, errlen);
    archive_free(&a);
    if (!bad && rename(part, path)) {
        bad = fail(err, errlen, "%s: %s", path, strerror(errno));
        unlink(part);
    }
    unfinished_done(unfinished);
    return bad;
}

/* ---- loading ---- */

/* Sections of the boot image, and what was kept, by their contents. */
static const uint8_t *find_module(void *arg, const char *name, uint64_t n, const uint8_t digest[16])
{
    const struct machine *m = arg;
    const struct image *image = m->ports.image;
    (void)name;
    for (size_t i = 0; i < image_count(image); i++) {
        const struct image_section *s = image_section(image, i);
        if (s->n == n && memcmp(digest_bytes(s->bytes, n).b, digest, 16) == 0)
            return s->bytes;
    }
    for (uint32_t i = 0; i < m->nkept; i++) {
        const struct kept_module *k = &m->kept[i];
        if (k->n == n && memcmp(digest_bytes(k->bytes, n).b, digest, 16) == 0)
            return k->bytes;
    }
    return NULL;
}

/* Which threads run: a full one has that. */
static void tell_cores(struct machine *m)
{
    for (uint32_t i = 0; i < m->nharts; i++) {
        if (m->harts[i].boot == NO_THREAD)
            continue;
        hart_put_to_work(m, &m->harts[i]);
        machine_event(m, EV_THREAD, thread_id(m->threads[m->hart->current].thread));
    }
    hart_put_to_work(m, m->harts);
}

/* Behind the machine's own state, when its core has been made: 0, or -1 with a failed. */
static int restore_rest(struct machine *m, enum checkpoint_kind kind, struct archive *a)
{
    if (kind == CHECKPOINT_FULL) {
        checkpoint_full(m, a);
    } else {
        if (kind == CHECKPOINT_ARCHITECTURAL)
            archive_mark(a, "DOMN");
        if (kind == CHECKPOINT_ARCHITECTURAL && !a->failed)
            domain_archive(is_functional(m->cfg) ? NULL : m->mem.domain, a, 0);
        tell_cores(m);
    }
    if (!a->failed && archive_left(a))
        archive_fail(a, "damaged: there is something behind its end");
    return a->failed ? -1 : 0;
}

static int restore(struct machine *m, enum checkpoint_kind kind, struct archive *a, char *err,
                   size_t errlen)
{
    const struct snapshot_source source = {find_module, m};
    if (same_guest(a, kind, m->cfg, m->ports.image, err, errlen))
        return -1;
    if (!a->failed)
        kept_modules(a, m);
    if (!a->failed)
        snapshot_read(m->store, a, &source);
    if (!a->failed && kind == CHECKPOINT_SUSPENDED)
        physmem_archive_use(m->pm, a);
    else if (!a->failed)
        physmem_archive(m->pm, a);
    if (!a->failed)
        own_state(a, m, kind);
    if (a->failed)
        return fail(err, errlen, "%s", a->failed);
    if (machine_find_kernel(m, err, errlen) || machine_ready(m, err, errlen))
        return -1;
    if (restore_rest(m, kind, a))
        return fail(err, errlen, "%s", a->failed);
    checkpoint_harts_go_on(m);
    return 0;
}

/* 0, or -1 with a message. */
static int open_kind(struct archive *a, const uint8_t *bytes, size_t n, enum checkpoint_kind *kind,
                     char *err, size_t errlen)
{
    *kind = CHECKPOINT_ARCHITECTURAL;
    if (archive_open(a, bytes, n) == 0) {
        archive_mark(a, "KIND");
        *kind = (enum checkpoint_kind)archive_put32(a, 0);
        if (!a->failed && (uint32_t)*kind > CHECKPOINT_SUSPENDED)
            archive_fail(a, "damaged: its kind");
    }
    return a->failed ? fail(err, errlen, "%s", a->failed) : 0;
}

int checkpoint_into(struct machine *m, enum checkpoint_kind kind, const uint8_t *bytes, size_t n,
                    char *err, size_t errlen)
{
    struct archive a;
    enum checkpoint_kind is;
    if (open_kind(&a, bytes, n, &is, err, errlen))
        return -1;
    if (is != kind)
        return fail(err, errlen, "a checkpoint of another kind");
    return restore(m, kind, &a, err, errlen);
}

struct machine *checkpoint_load(const struct config *cfg, const struct machine_ports *ports,
                                const uint8_t *bytes, size_t n, char *err, size_t errlen)
{
    struct archive a;
    enum checkpoint_kind kind;
    if (open_kind(&a, bytes, n, &kind, err, errlen))
        return NULL;
    if (kind >= CHECKPOINT_KINDS) {
        error_format(err, errlen, "damaged: its kind");
        return NULL;
    }
    struct machine *m = machine_frame(cfg, ports, err, errlen);
    if (m && restore(m, kind, &a, err, errlen)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

struct machine *checkpoint_read(const struct config *cfg, const struct machine_ports *ports,
                                const char *path, char *err, size_t errlen)
{
    char why[800];
    size_t n;
    uint8_t *bytes = file_read(path, MOST_BYTES, &n, err, errlen);
    if (!bytes)
        return NULL;
    struct machine *m = checkpoint_load(cfg, ports, bytes, n, why, sizeof why);
    free(bytes);
    if (!m)
        error_format(err, errlen, "%s: %s", path, why);
    return m;
}
