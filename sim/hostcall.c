/* hostcall.c - what the machine does for its kernel: the functions of guestos/include/machine.h. */
/*
 * Each row of MACHINE_CALLS has a function do_ID here. It gets the argument slots and returns the
 * result; pointers are checked against the kernel's memory, so that a wrong kernel gets -EFAULT and
 * not the simulator's memory. Everything that moves guest data between memories goes through
 * move_bytes, which also logs it: the core times it as micro-ops and the persistence domain learns
 * of it. Device transfers (section_read) are written behind the caches' back and are durable at
 * once.
 */
#include "sim/hostcall.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memhier/hostmem.h"

#define DMA_PIECE  4096u
#define COPY_PIECE 4096u

static uint32_t lower_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- boot parameters and the boot image ---- */

struct param {
    const char *text;
    size_t n;
};

static size_t join(const struct strs *list, char *buf, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const size_t len = strlen(list->v[i]) + 1;
        if (buf && n + len <= cap)
            memcpy(buf + n, list->v[i], len);
        n += len;
    }
    return n;
}

static int64_t give(const struct machine *m, uint64_t to, uint64_t cap, const char *text, size_t n)
{
    uint8_t *p = kernel_bytes(m, to, (uint32_t)cap);
    if (!p)
        return -E_FAULT;
    memcpy(p, text, n < (uint32_t)cap ? n : (uint32_t)cap);
    return (int64_t)n;
}

/* argv[0] is the program's name. */
static int64_t give_list(const struct machine *m, const uint64_t *a, const char *first,
                         const struct strs *list)
{
    const size_t head = first ? strlen(first) + 1 : 0;
    const size_t n = head + join(list, NULL, 0);
    char *text = hostmem_resize(NULL, n + 1, 1, "a program's arguments");
    if (first)
        memcpy(text, first, head);
    join(list, text + head, n - head);
    const int64_t got = give(m, a[2], a[3], text, n);
    free(text);
    return got;
}

/* The key's choices are "host", then the sets of streams in the order of their bits. What the
 * host's streams are is never simulated state by itself: `exec` has put it into the config. */
static unsigned terminals(const struct config *cfg)
{
    return cfg->terminals == TERMINALS_HOST ? 7u : (unsigned)cfg->terminals - 1u;
}

int64_t hostcall_param(struct machine *m, const uint64_t *a)
{
    const struct config *cfg = m->cfg;
    char number[24];
    const uint8_t *name = kernel_bytes(m, a[0], (uint32_t)a[1]);
    if (!name)
        return -E_FAULT;
#define IS(text) ((uint32_t)a[1] == sizeof(text) - 1 && memcmp(name, text, sizeof(text) - 1) == 0)
    if (IS(PARAM_PROGRAM))
        return give(m, a[2], a[3], cfg->program, strlen(cfg->program));
    if (IS(PARAM_ARGV))
        return give_list(m, a, cfg->program, &cfg->args);
    if (IS(PARAM_ENV))
        return give_list(m, a, NULL, &cfg->env);
    if (IS(PARAM_PREOPENS))
        return give_list(m, a, NULL, &cfg->preopens);
    if (IS(PARAM_EXPORT))
        return give_list(m, a, NULL, &m->ports.exports);
    if (IS(PARAM_DATA_TIER)) {
        const int nvdimm = cfg->data_tier == TIER_NVDIMM || m->follow;
        const char *tier = nvdimm ? "nvdimm" : "dram";
        return give(m, a[2], a[3], tier, strlen(tier));
    }
    if (IS(PARAM_STACK_TOP))
        snprintf(number, sizeof number, "%" PRIu64, cfg->kernel_stack);
    else if (IS(PARAM_PROGRAM_PAGES))
        snprintf(number, sizeof number, "%" PRIu64, cfg->program_pages);
    else if (IS(PARAM_HANDLES))
        snprintf(number, sizeof number, "%" PRIu64, cfg->handles);
    else if (IS(PARAM_THREADS))
        snprintf(number, sizeof number, "%" PRIu64, cfg->program_threads);
    else if (IS(PARAM_STACK))
        snprintf(number, sizeof number, "%" PRIu64, cfg->program_stack);
    else if (IS(PARAM_TERMINALS))
        snprintf(number, sizeof number, "%u", terminals(cfg));
    else if (IS(PARAM_SLICE_NS))
        snprintf(number, sizeof number, "%" PRIu64, cfg->time_slice / 1000);
    else if (cfg->tier_mode && IS(PARAM_TIER_PERIOD))
        snprintf(number, sizeof number, "%" PRIu64, cfg->tier_period / 1000);
    else if (cfg->tier_mode && IS(PARAM_TIER_DRAM))
        snprintf(number, sizeof number, "%" PRIu64, cfg->tier_dram / FRAME_BYTES);
    else if (cfg->tier_mode && IS(PARAM_TIER_THRESHOLD))
        snprintf(number, sizeof number, "%" PRIu64, cfg->tier_threshold);
    else if (cfg->tier_mode && IS(PARAM_TIER_LIMIT))
        snprintf(number, sizeof number, "%" PRIu64, cfg->tier_limit);
    else
        return -E_NOENT;
#undef IS
    return give(m, a[2], a[3], number, strlen(number));
}

int64_t hostcall_section_count(struct machine *m, const uint64_t *a)
{
    (void)a;
    return (int64_t)image_count(m->ports.image);
}

int64_t hostcall_section_name(struct machine *m, const uint64_t *a)
{
    const struct image_section *s = section(m, a[0]);
    return s ? give(m, a[1], a[2], s->name, strlen(s->name)) : -E_INVAL;
}

int64_t hostcall_section_size(struct machine *m, const uint64_t *a)
{
    const struct image_section *s = section(m, a[0]);
    return s ? (int64_t)s->n : -E_INVAL;
}

/* A word that the device wrote into NVDIMM: durable now, whatever the caches hold. */
static void dma_domain(struct machine *m, uint64_t addr, uint64_t old, uint64_t new)
{
    const struct domain_store s = {.addr = addr,
                                   .old_bytes = old,
                                   .new_bytes = new,
                                   .at = machine_now(m),
                                   .bytes = 8,
                                   .nontemporal = 1};
    domain_store(m->mem.domain, &s);
    domain_visible(m->mem.domain, addr, s.at);
    domain_carry(m->mem.domain, addr, s.at, DOMAIN_NONE);
    if (m->follow)
        pmfollow_device(m, addr, old, new);
}

static uint64_t word_at(const uint8_t *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Device bytes into one piece of kernel memory that lies in one frame. */
static void dma_piece(struct machine *m, uint64_t phys, uint8_t *to, const uint8_t *from, size_t n)
{
    uint64_t old[DMA_PIECE / 8 + 1];
    const size_t skew = phys & 7;
    const size_t words = (skew + n + 7) / 8;
    const int track = addr_is_nvdimm(phys) && m->mem.domain;

    if (track)
        memcpy(old, to - skew, words * 8);
    memcpy(to, from, n);
    if (track)
        for (size_t i = 0; i < words; i++)
            dma_domain(m, phys - skew + 8 * i, old[i], word_at(to - skew + 8 * i));
}

int64_t hostcall_section_read(struct machine *m, const uint64_t *a)
{
    const struct image_section *s = section(m, a[0]);
    const uint64_t offset = a[1];
    struct space *k = instance_space(m->kernel);
    if (!s || offset > s->n)
        return -E_INVAL;
    uint32_t n = (uint32_t)a[3];
    if (n > s->n - offset)
        n = (uint32_t)(s->n - offset);
    if (!kernel_bytes(m, a[2], n))
        return -E_FAULT;
    for (uint32_t done = 0; done < n;) {
        const uint64_t at = (uint32_t)a[2] + (uint64_t)done;
        uint32_t piece = lower_of(n - done, DMA_PIECE);
        piece = lower_of(piece, FRAME_BYTES - (uint32_t)(at & (FRAME_BYTES - 1)));
        dma_piece(m, space_phys(k, at), k->base + at, s->bytes + offset + done, piece);
        done += piece;
    }
    const ps_t ps = m->cfg->device_latency + (uint64_t)n * m->cfg->device_page / DMA_PIECE;
    machine_event(m, EV_STALL, ps / 1000);
    return n;
}

/* ---- memory ---- */

/* Log one piece of a copy; nv: the destination is NVDIMM and old[] its words before. */
static void log_piece(struct machine *m, uint64_t dst, uint64_t src, const uint8_t *now,
                      const uint64_t *old, uint32_t n)
{
    struct log *l = &m->hart->log;
    const uint32_t words = (uint32_t)(((dst & 7) + n + 7) / 8);
    if (l->n + 3 + 2 * words > l->cap)
        machine_consume(m);
    uint64_t *w = l->words + l->n;
    *w++ = LOG_WORD(LOG_BULK, (uint64_t)BULK_COPY << 58) | (old ? LOG_BULK_NV : 0) | n;
    *w++ = dst;
    *w++ = src;
    for (uint32_t i = 0; old && i < words; i++) {
        *w++ = old[i];
        *w++ = word_at(now - (dst & 7) + 8 * i);
    }
    l->n = (uint32_t)(w - l->words);
}

/* n bytes that lie in one frame on both sides: physical addresses, and where the host has them. */
static void copy_bytes(struct machine *m, uint64_t to, uint8_t *dst, uint64_t from,
                       const uint8_t *src, uint32_t n)
{
    uint64_t old[COPY_PIECE / 8 + 1];
    const int logs = m->ops || m->follow;
    const int track = logs && addr_is_nvdimm(to);

    if (track)
        memcpy(old, dst - (to & 7), ((to & 7) + n + 7) / 8 * 8);
    memmove(dst, src, n);
    if (logs)
        log_piece(m, to, from, dst, track ? old : NULL, n);
}

static void copy_piece(struct machine *m, struct space *ds, uint32_t dst, struct space *ss,
                       uint32_t src, uint32_t n)
{
    copy_bytes(m, space_phys(ds, dst), ds->base + dst, space_phys(ss, src), ss->base + src, n);
}

void hostcall_copy_frame(struct machine *m, uint64_t to, uint64_t from)
{
    uint8_t *dst = physmem_at(m->pm, to, FRAME_BYTES);
    const uint8_t *src = physmem_at(m->pm, from, FRAME_BYTES);
    if (!dst || !src)
        return; /* the image that backs the NVDIMM cannot be read any more */
    for (uint32_t at = 0; at < FRAME_BYTES; at += COPY_PIECE)
        copy_bytes(m, to + at, dst + at, from + at, src + at, COPY_PIECE);
}

/* Copy between two memories; both forms of the boundary pay for it alike. */
static int64_t move_bytes(struct machine *m, struct space *ds, uint64_t dst, struct space *ss,
                          uint64_t src, uint64_t len)
{
    uint32_t to = (uint32_t)dst, from = (uint32_t)src, left = (uint32_t)len;
    if (!ds || !ss || !space_holds(ds, to, left) || !space_holds(ss, from, left))
        return -E_FAULT;
    while (left) {
        uint32_t n = lower_of(left, COPY_PIECE);
        n = lower_of(n, FRAME_BYTES - (to & (FRAME_BYTES - 1)));
        n = lower_of(n, FRAME_BYTES - (from & (FRAME_BYTES - 1)));
        copy_piece(m, ds, to, ss, from, n);
        to += n;
        from += n;
        left -= n;
    }
    return 0;
}

int64_t hostcall_copy_in(struct machine *m, const uint64_t *a)
{
    return move_bytes(m, instance_space(m->kernel), a[2], space_of(m, (uint32_t)a[0]), a[1], a[3]);
}

int64_t hostcall_copy_out(struct machine *m, const uint64_t *a)
{
    return move_bytes(m, space_of(m, (uint32_t)a[0]), a[1], instance_space(m->kernel), a[2], a[3]);
}

/* As many as the guest has: of the NVDIMM, up to where a suspended machine goes. */
static uint64_t frames_of(const struct machine *m, enum tier tier)
{
    const uint64_t bytes = tier == TIER_NVDIMM ? suspend_area(m->cfg) - NVDIMM_BASE
                                               : physmem_bytes(m->pm, tier);
    return bytes / FRAME_BYTES;
}

int64_t hostcall_map(struct machine *m, const uint64_t *a)
{
    struct space *s = space_of(m, (uint32_t)a[0]);
    const uint32_t tier = (uint32_t)a[1], first = (uint32_t)a[2], n = (uint32_t)a[3];
    if (!s || tier >= TIERS || n == 0)
        return -E_INVAL;
    if ((uint64_t)first + n > frames_of(m, (enum tier)tier))
        return -E_INVAL;
    const int64_t page = space_grow_map(s, (enum tier)tier, first, n);
    return page < 0 ? -E_NOMEM : page * WASM_PAGE_BYTES;
}

int64_t hostcall_unmap(struct machine *m, const uint64_t *a)
{
    struct space *s = space_of(m, (uint32_t)a[0]);
    const uint32_t addr = (uint32_t)a[1], bytes = (uint32_t)a[2];
    if (!s || (addr | bytes) & (FRAME_BYTES - 1) || bytes == 0 || !space_holds(s, addr, bytes))
        return -E_INVAL;
    if (space_unmap(s, addr >> FRAME_SHIFT, bytes >> FRAME_SHIFT))
        return -E_NOMEM;
    hart_shootdown(m, s, addr >> FRAME_SHIFT, bytes >> FRAME_SHIFT);
    return 0;
}

int64_t hostcall_frames_alloc(struct machine *m, const uint64_t *a)
{
    const uint32_t first = (uint32_t)a[0] ? physmem_alloc(m->pm, (uint32_t)a[0]) : FRAME_NONE;
    return first == FRAME_NONE ? -E_NOMEM : (int64_t)first;
}

int64_t hostcall_frames_free(struct machine *m, const uint64_t *a)
{
    const uint64_t first = (uint32_t)a[0], n = (uint32_t)a[1];
    if (first + n > physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES)
        return -E_INVAL;
    physmem_release(m->pm, (uint32_t)first, (uint32_t)n);
    return 0;
}

int64_t hostcall_memory_bytes(struct machine *m, const uint64_t *a)
{
    const struct space *s = space_of(m, (uint32_t)a[0]);
    return s ? (int64_t)s->pages * WASM_PAGE_BYTES : 0;
}

int64_t hostcall_dram_frames(struct machine *m, const uint64_t *a)
{
    if ((uint32_t)a[0] == 1)
        return physmem_frames_free(m->pm);
    return (int64_t)(physmem_bytes(m->pm, TIER_DRAM) / FRAME_BYTES);
}

int64_t hostcall_nvdimm_frames(struct machine *m, const uint64_t *a)
{
    (void)a;
    return (int64_t)frames_of(m, TIER_NVDIMM);
}

/* ---- devices ---- */

int64_t hostcall_clock(struct machine *m, const uint64_t *a)
{
    const uint64_t ns = machine_guest_time(m) / 1000;
    return (int64_t)((uint32_t)a[0] == 1 ? ns + m->cfg->wall_clock * UINT64_C(1000000000) : ns);
}

int64_t hostcall_sleep(struct machine *m, const uint64_t *a)
{
    const uint64_t day_ns = UINT64_C(86400000000000);
    machine_event(m, EV_STALL, a[0] < day_ns ? a[0] : day_ns);
    return 0;
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t hostcall_entropy(struct machine *m, const uint64_t *a)
{
    uint8_t *p = kernel_bytes(m, a[0], (uint32_t)a[1]);
    if (!p)
        return -E_FAULT;
    for (uint32_t i = 0; i < (uint32_t)a[1]; i++)
        p[i] = (uint8_t)draw(&m->random);
    return 0;
}

int64_t hostcall_halt(struct machine *m, const uint64_t *a)
{
    m->exit_code = (int32_t)a[0];
    m->state = m->exit_code == MACHINE_HALT_TRAPPED   ? STATE_TRAPPED
               : m->exit_code == MACHINE_HALT_REFUSED ? STATE_REFUSED
                                                      : STATE_HALTED;
    return 0;
}

/* ---- binding and dispatch ---- */

static int64_t (*const serve[MACHINE_CALL_COUNT])(struct machine *, const uint64_t *) = {
#define X(id, result, params, text) [MACHINE_##id] = hostcall_##id,
    MACHINE_CALLS(X)
#undef X
};

static const struct {
    const char *name, *params;
    char result;
} calls[MACHINE_CALL_COUNT] = {
#define X(id, result, params, text) [MACHINE_##id] = {#id, params, #result[0]},
    MACHINE_CALLS(X)
#undef X
};

static uint8_t type_of(char c)
{
    return c == 'l' ? VT_I64 : VT_I32;
}

int hostcall_make(struct machine *m)
{
    for (uint32_t i = 0; i < MACHINE_CALL_COUNT; i++) {
        uint8_t types[10];
        const uint32_t n = (uint32_t)strlen(calls[i].params);
        for (uint32_t k = 0; k < n; k++)
            types[k] = type_of(calls[i].params[k]);
        types[n] = type_of(calls[i].result);
        const struct functype type = {
            .nparams = n, .nresults = calls[i].result != 'v', .types = types};
        m->calls[i] = store_host_func(m->store, i, &type);
        if (!m->calls[i])
            return -1;
    }
    return 0;
}

/* What instructions need of the machine; 0 when the number is a call of the kernel's. */
static int serve_instruction(struct machine *m, uint32_t number, uint64_t *slots)
{
    switch (number) {
    case HOST_CYCLES:
        slots[0] = machine_guest_time(m) / m->period;
        return 1;
    case HOST_WAIT:
        hostthread_hand_over(m, MACHINE_WAITS);
        return 1;
    case HOST_NOTIFY:
        hostthread_hand_over(m, MACHINE_NOTIFIES);
        return 1;
    default:
        return 0;
    }
}

int hostcall_maps_nvdimm(const struct machine *m)
{
    struct thread *t = m->threads[m->hart->current].thread;
    return thread_host(t) == MACHINE_map && (uint32_t)thread_host_slots(t)[1] == MACHINE_NVDIMM;
}

void hostcall_serve(struct machine *m)
{
    struct thread *t = m->threads[m->hart->current].thread;
    const uint32_t before = m->hart->current;
    const uint32_t number = thread_host(t);
    uint64_t *slots = thread_host_slots(t);

    if (serve_instruction(m, number, slots))
        return;
    const int64_t result = serve[number](m, slots);
    if (before == m->hart->current)
        slots[0] = calls[number].result == 'l' ? (uint64_t)result : (uint32_t)result;
}

static struct func *machine_import(const struct machine *m, const struct import *im)
{
    for (uint32_t i = 0; i < MACHINE_CALL_COUNT; i++)
        if (name_is(im->field, calls[i].name))
            return m->calls[i];
    return NULL;
}

static int is_instruction(const struct import *im)
{
    return name_is(im->module, "pmem") ||
           (name_is(im->module, "pwk") &&
            (name_is(im->field, "roi") || name_is(im->field, "mark") || name_is(im->field, "tx")));
}

/* A function that the kernel exports as "module.field"; what WASI's first snapshot has under its
 * own name and the kernel has not is that of preview 1. */
static int kernel_export(const struct machine *m, const struct import *im, struct external *out)
{
    char name[256];
    if (im->module.len + im->field.len + sizeof "wasi_snapshot_preview1." > sizeof name)
        return -1;
    snprintf(name, sizeof name, "%.*s.%.*s", (int)im->module.len, im->module.text,
             (int)im->field.len, im->field.text);
    if (instance_export(m->kernel, name, out) == 0)
        return out->kind == EXT_FUNC ? 0 : -1;
    if (!name_is(im->module, "wasi_unstable"))
        return -1;
    snprintf(name, sizeof name, "wasi_snapshot_preview1.%.*s", (int)im->field.len, im->field.text);
    return instance_export(m->kernel, name, out) == 0 && out->kind == EXT_FUNC ? 0 : -1;
}

/* One import: 0, or -1 when nobody offers it. memory: what a memory is bound to, or NULL. */
static int bind(const struct machine *m, const struct import *im, int privileged,
                const struct external *memory, struct external *out)
{
    if (im->kind == EXT_MEMORY && memory) {
        *out = *memory;
        return 0;
    }
    out->kind = EXT_FUNC;
    if (im->kind != EXT_FUNC)
        return -1;
    if (is_instruction(im))
        return 0;
    if (privileged)
        return name_is(im->module, "machine") && (out->func = machine_import(m, im)) ? 0 : -1;
    return kernel_export(m, im, out);
}

struct external *hostcall_link(struct machine *m, int module, int privileged,
                               const struct external *memory, char *err, size_t errlen)
{
    const struct module *mod = store_module(m->store, module);
    struct external *ext = calloc(mod->nimports + 1, sizeof *ext);
    for (uint32_t i = 0; ext && i < mod->nimports; i++) {
        const struct import *im = &mod->imports[i];
        if (bind(m, im, privileged, memory, &ext[i]) == 0)
            continue;
        snprintf(err, errlen, "import %.*s.%.*s is not offered by the %s",
                 (int)lower_of(im->module.len, 60), im->module.text,
                 (int)lower_of(im->field.len, 60), im->field.text,
                 privileged ? "machine" : "kernel");
        free(ext);
        return NULL;
    }
    if (!ext)
        snprintf(err, errlen, "out of memory");
    return ext;
}
