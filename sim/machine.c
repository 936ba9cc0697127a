/* machine.c - the whole simulated computer: builds it from a config, owns it, runs it. */
/*
 * Harts run guest threads (hart.c). Each hart has a boot thread, the only one that may resume
 * others there; a thread that gives up, ends or traps returns to it. Hart 0's is the kernel's
 * boot(). The engine runs a thread until it needs the machine; whatever it logged is timed by the
 * core before the machine does anything, so that clocks, sleeps and copies see the right time.
 */
#include "sim/machine_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/functions.h"
#include "memhier/hostmem.h"
#include "sim/coreside.h"
#include "sim/energy.h"
#include "sim/error.h"
#include "sim/pmobjects.h"
#include "sim/quantity.h"
#include "wasmcore/snapshot.h"

#define TRACE_DEPTH 32u

/* ---- threads ---- */

static uint32_t free_place(struct machine *m)
{
    for (uint32_t i = 0; i < m->nthreads; i++)
        if (!m->threads[i].thread)
            return i;
    m->threads = hostmem_resize(m->threads, m->nthreads + 1, sizeof *m->threads, "a guest thread");
    m->threads[m->nthreads] = (struct guest_thread){0};
    return m->nthreads++;
}

uint32_t machine_stack_frames(const struct machine *m)
{
    return (uint32_t)((m->cfg->stack_bytes + FRAME_BYTES - 1) / FRAME_BYTES);
}

int32_t machine_thread_new(struct machine *m, struct instance *in, struct func *f,
                           const uint32_t args[2], uint32_t kernel_stack, uint32_t cookie)
{
    const uint32_t n = machine_stack_frames(m);
    const uint32_t frames = physmem_alloc(m->pm, n);
    if (frames == FRAME_NONE)
        return -1;
    struct thread *t = hostmem_must(thread_new(m->store, frame_addr(TIER_DRAM, frames)), 0,
                                    "a guest thread");
    const uint32_t place = free_place(m);
    struct func *start = instance_start(in);
    const uint64_t slots[2] = {args[0], args[1]};
    m->threads[place] = (struct guest_thread){.thread = t,
                                              .args = {args[0], args[1]},
                                              .next = start ? f : NULL,
                                              .instance = instance_id(in),
                                              .cookie = cookie,
                                              .kernel_sp = kernel_stack,
                                              .frames = frames};
    thread_call(t, start ? start : f, slots);
    return (int32_t)place;
}

void machine_thread_drop(struct machine *m, uint32_t handle)
{
    struct guest_thread *g = &m->threads[handle];
    const uint32_t n = machine_stack_frames(m);
    thread_drop(g->thread);
    physmem_release(m->pm, g->frames, n);
    *g = (struct guest_thread){0};
}

/* Where the thread began: the module of its outermost activation. */
static const char *began_in(const struct thread *t, uint32_t depth)
{
    struct trap_frame *all = calloc(depth + 1, sizeof *all);
    const char *name = NULL;
    if (all && depth) {
        thread_backtrace(t, all, depth);
        name = all[depth - 1].module;
    }
    free(all);
    return name ? name : "a program";
}

void machine_report_trap(struct machine *m, const struct guest_thread *g, const char *whose)
{
    struct trap_frame f[TRACE_DEPTH];
    FILE *to = m->ports.log;
    if (!to)
        return;
    const uint32_t n = thread_backtrace(g->thread, f, TRACE_DEPTH);
    fprintf(to, "pwsim: %s trapped: %s\n", whose ? whose : began_in(g->thread, n),
            trap_text(thread_trap(g->thread)));
    for (uint32_t i = 0; i < n && i < TRACE_DEPTH; i++)
        fprintf(to, "    #%-2u %s (%s+0x%x)\n", i, f[i].func, f[i].module, f[i].offset);
    if (n > TRACE_DEPTH)
        fprintf(to, "    ... %u more frames\n", n - TRACE_DEPTH);
}

/* ---- building ---- */

void machine_add_code(struct machine *m, struct code_place p)
{
    m->code = hostmem_resize(m->code, m->ncode + 1, sizeof *m->code, "places of code");
    m->code[m->ncode++] = p;
}

int machine_place_code(struct machine *m, int module)
{
    const uint64_t bytes = store_code_bytes(m->store, module);
    const uint32_t n = bytes ? (uint32_t)((bytes + FRAME_BYTES - 1) / FRAME_BYTES) : 1;
    const uint32_t first = physmem_alloc(m->pm, n);
    machine_add_code(m, (struct code_place){first, first == FRAME_NONE ? 0 : n});
    if (first == FRAME_NONE)
        return -1;
    store_place_code(m->store, module, frame_addr(TIER_DRAM, first));
    return 0;
}

/* Is the file an image of an NVDIMM, as far as its beginning tells? */
static int check_image(const struct machine *m, char *err, size_t errlen)
{
    uint8_t first[8] = {0};
    if (pread(nvfile_fd(m->nvfile), first, sizeof first, 0) < 0)
        return fail(err, errlen, "nvdimm.image: %s: %s", m->cfg->nvdimm_image, strerror(errno));
    if (pmobjects_may_begin(first))
        return 0;
    return fail(err, errlen,
                "nvdimm.image: %s is no image of an NVDIMM: expected zeros or a directory of "
                "objects at its beginning",
                m->cfg->nvdimm_image);
}

/* A size that the physical memory can have. */
static int check_size(const char *key, uint64_t bytes, char *err, size_t errlen)
{
    char text[QUANTITY_TEXT];
    return bytes % FRAME_BYTES ? fail(err, errlen, "%s: %s is not a multiple of 64 KiB", key,
                                      quantity_format(QUANTITY_BYTES, bytes, text))
                               : 0;
}

static int make_memory(struct machine *m, char *err, size_t errlen)
{
    const struct config *cfg = m->cfg;
    if (check_size("machine.dram", cfg->dram_bytes, err, errlen) ||
        check_size("nvdimm.size", cfg->nvdimm_bytes, err, errlen))
        return -1;
    m->pm = physmem_new(cfg->dram_bytes, cfg->nvdimm_bytes);
    if (!m->pm)
        return fail(err, errlen, "the host refuses memory for machine.dram and nvdimm.size: %s",
                    strerror(errno));
    if (*cfg->nvdimm_image) {
        m->nvfile = nvfile_open(cfg->nvdimm_image, cfg->nvdimm_bytes, cfg->nvdimm_commit, err,
                                errlen);
        if (!m->nvfile || check_image(m, err, errlen))
            return -1;
        physmem_back(m->pm, nvfile_fd(m->nvfile));
    } else if (cfg->nvdimm_commit) {
        snprintf(err, errlen, "nvdimm.commit: there is no nvdimm.image to replace");
        return -1;
    }
    return memside_make(&m->mem, cfg, 1, err, errlen);
}

static int make_cores(struct machine *m, char *err, size_t errlen)
{
    struct core_config cc;
    struct core_env env = {.store = m->store,
                           .hierarchy = m->mem.hierarchy,
                           .domain = m->mem.domain,
                           .kernel_instance = instance_id(m->kernel),
                           .dependences = m->ports.tap != NULL};
    m->ops = core_model_of(m->cfg);
    if (!m->ops)
        return 0; /* functional: nothing is timed */
    if (core_config_of(m->cfg, &cc, err, errlen))
        return -1;
    for (uint32_t i = 0; i < m->nharts; i++) {
        env.hart = (uint8_t)i;
        m->harts[i].core = core_make(m->cfg, &cc, &env, err, errlen);
        if (!m->harts[i].core)
            return -1;
    }
    return 0;
}

/* Of a micro-op's code: with what wasm has more of, spread over those that are there. */
static uint32_t code_bytes(const struct config *c)
{
    const uint64_t all = c->code_bytes * (100000 + c->isa_instructions * c->wasm_penalty);
    return (uint32_t)((all + 50000) / 100000);
}
struct wasm_limits machine_limits(const struct config *c)
{
    struct wasm_limits l = wasm_default_limits;
    l.module_bytes = (uint32_t)c->wasm_module_bytes;
    l.functions = (uint32_t)c->wasm_functions;
    l.locals = (uint32_t)c->wasm_locals;
    l.block_depth = (uint32_t)c->wasm_block_depth;
    l.operands = (uint32_t)c->wasm_operands;
    l.table_entries = (uint32_t)c->wasm_table_entries;
    l.pages = (uint32_t)c->wasm_pages;
    return l;
}

static int make_store(struct machine *m, char *err, size_t errlen)
{
    struct store_config sc = store_default_config;
    sc.stack_slots = (uint32_t)(m->cfg->stack_bytes / 8);
    sc.call_depth = (uint32_t)m->cfg->call_depth;
    sc.int_registers = (uint32_t)m->cfg->int_registers;
    sc.vector_registers = (uint32_t)m->cfg->vector_registers;
    sc.code_bytes_per_uop = code_bytes(m->cfg);
    m->limits = machine_limits(m->cfg);
    sc.limits = &m->limits;
    m->store = store_new(m->pm, &sc);
    if (!m->store)
        snprintf(err, errlen, "out of memory");
    return m->store ? 0 : -1;
}

/* What the machine wants of its kernel's instance. */
int machine_find_kernel(struct machine *m, char *err, size_t errlen)
{
    struct external boot, sp;
    if (!instance_space(m->kernel) || instance_export(m->kernel, "boot", &boot) ||
        boot.kind != EXT_FUNC || func_type(boot.func)->nparams ||
        instance_export(m->kernel, "__stack_pointer", &sp) || sp.kind != EXT_GLOBAL ||
        gcell_type(sp.global).type != VT_I32)
        return fail(err, errlen, "%s: expected a memory, boot () -> () and __stack_pointer as i32",
                    SECTION_KERNEL);
    m->kernel_sp = sp.global;
    return 0;
}

/* The kernel's module, instance and boot thread. */
static int make_kernel(struct machine *m, char *err, size_t errlen)
{
    const struct image_section *s = image_find(m->ports.image, SECTION_KERNEL);
    const struct instance_options opt = {.privileged = 1};
    struct wasm_error we;
    struct external boot;

    if (!s) {
        snprintf(err, errlen, "the boot image has no section %s", SECTION_KERNEL);
        return -1;
    }
    const int module = store_load(m->store, "kernel", s->bytes, s->n, &we);
    if (module < 0) {
        snprintf(err, errlen, "%s: offset %u: %s", SECTION_KERNEL, we.offset, we.text);
        return -1;
    }
    m->kernel_module = module;
    struct external *imports = hostcall_link(m, module, 1, NULL, err, errlen);
    if (!imports)
        return -1;
    const enum link_error link = instance_new(m->store, module, imports, &opt, &m->kernel, &we);
    free(imports);
    if (link != LINK_OK) {
        snprintf(err, errlen, "%s: %s", SECTION_KERNEL, we.text);
        return -1;
    }
    if (machine_place_code(m, module))
        return fail(err, errlen, "machine.dram: too small for the kernel's code");
    if (machine_find_kernel(m, err, errlen))
        return -1;
    instance_export(m->kernel, "boot", &boot);
    const int32_t thread = machine_thread_new(m, m->kernel, boot.func, (const uint32_t[2]){0, 0},
                                              (uint32_t)gcell_get(m->kernel_sp), 0);
    if (thread < 0) {
        snprintf(err, errlen, "machine.dram: too small for the kernel's stack");
        return -1;
    }
    m->threads[thread].boots = m->threads[thread].busy = 1;
    m->harts[0].boot = m->harts[0].current = (uint32_t)thread;
    m->harts[0].idle = 0;
    return 0;
}

/* What the kernel would find out later, said before anything runs. */
static int check_program(const struct machine *m, char *err, size_t errlen)
{
    char name[256];
    struct module *module;
    struct wasm_error we;

    if (!*m->cfg->program)
        return fail(err, errlen,
                    "program.name: no program is named; `pwsim list programs` lists them");
    for (size_t i = 0; i < m->cfg->env.n; i++) {
        const char *equals = strchr(m->cfg->env.v[i], '=');
        if (!equals || equals == m->cfg->env.v[i])
            return fail(err, errlen, "program.env: \"%s\": expected NAME=VALUE", m->cfg->env.v[i]);
    }
    snprintf(name, sizeof name, SECTION_PROGRAM "%s", m->cfg->program);
    const struct image_section *s = image_find(m->ports.image, name);
    if (!s)
        return fail(err, errlen, "program.name: the boot image has no program \"%s\"",
                    m->cfg->program);
    if (m->ports.program_valid)
        return 0;
    const struct wasm_limits limits = machine_limits(m->cfg);
    if (module_decode(s->bytes, s->n, &limits, &module, &we))
        return fail(err, errlen, "%s: not a module that can run: offset %u: %s", name, we.offset,
                    we.text);
    module_free(module);
    return 0;
}

/* 0, or -1: no memory. */
static int make_stats(struct machine *m)
{
    struct hart_counts *counts = calloc(m->nharts, sizeof *counts);
    if (!counts)
        return -1;
    for (uint32_t i = 0; i < m->nharts; i++) {
        const struct hart *h = &m->harts[i];
        counts[i] = (struct hart_counts){.cycles = &h->cycles,
                                         .executed = &h->executed,
                                         .core = h->core ? m->ops->counters(h->core) : NULL};
    }
    m->stats = stats_new();
    machine_register_stats(m->stats, m->cfg, counts, m->nharts, &m->mem);
    stats_add(m->stats, "holdup.", holdup_counter_table, &m->holdup);
    stats_add(m->stats, "suspend.", suspend_counter_table, &m->suspend);
    free(counts);
    return 0;
}

struct machine *machine_frame(const struct config *cfg, const struct machine_ports *ports,
                              char *err, size_t errlen)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m) {
        snprintf(err, errlen, "out of memory");
        return NULL;
    }
    m->cfg = cfg;
    m->ports = *ports;
    m->period = config_period(cfg);
    m->next_epoch = cfg->epoch_cycles;
    m->random = cfg->seed;
    if (check_program(m, err, errlen) || suspend_check(cfg, err, errlen) ||
        make_memory(m, err, errlen) || make_store(m, err, errlen) || harts_make(m, err, errlen) ||
        (hostcall_make(m) && fail(err, errlen, "out of memory"))) {
        machine_free(m);
        return NULL;
    }
    return m;
}

/* When the power is to fail, where that is known from the beginning. */
static int make_cut(struct machine *m, char *err, size_t errlen)
{
    m->cut_ps = HART_FOR_EVER;
    if (power_cut_parse(m->cfg->power_fail_at, &m->cut, err, errlen))
        return -1;
    if (m->cut.kind != CUT_NONE && !m->ops)
        return fail(err, errlen,
                    "power.fail_at: the functional model has no time, all that it stores is "
                    "durable; choose another core.model");
    if (m->cfg->power_restore)
        return 0; /* but for fences, which nothing else counts: machine_fail_point */
    if (m->cut.kind == CUT_CYCLES)
        m->cut_ps = m->cut.n * m->period > m->origin_ps ? m->cut.n * m->period - m->origin_ps : 0;
    if (m->cut.kind == CUT_INSTRUCTIONS && (!m->ports.fuel || m->cut.n < m->ports.fuel))
        m->ports.fuel = m->cut.n;
    return 0;
}

uint64_t machine_cut_cycle(const struct machine *m)
{
    return (m->cfg->power_restore ? m->failed_ps : m->cut_ps) / m->period;
}

int machine_suspends(const struct machine *m)
{
    return m->cfg->power_restore && m->cut.kind != CUT_NONE;
}

struct machine_point machine_fail_point(const struct machine *m)
{
    static const enum point_kind kinds[] = {[CUT_CYCLES] = POINT_CYCLES,
                                            [CUT_INSTRUCTIONS] = POINT_INSTRUCTIONS,
                                            [CUT_MARK] = POINT_MARK};
    if (m->cut.kind == CUT_NONE || m->cut.kind == CUT_FENCE)
        return (struct machine_point){POINT_NONE, 0};
    return (struct machine_point){kinds[m->cut.kind], m->cut.n};
}

int machine_ready(struct machine *m, char *err, size_t errlen)
{
    struct mem_tap *const tap = m->ports.tap;
    if (make_cores(m, err, errlen))
        return -1;
    if (tap && m->ops)
        tap->instructions = &m->ops->counters(m->hart->core)->instructions;
    hierarchy_tap(m->mem.hierarchy, tap);
    if (make_cut(m, err, errlen))
        return -1;
    if (m->mem.tiering && m->ports.record)
        return fail(err, errlen, "tier.mode: images of a machine that migrates are not explored");
    m->follow = pmfollow_new(m);
    if (make_stats(m))
        return fail(err, errlen, "out of memory");
    return 0;
}

struct machine *machine_new(const struct config *cfg, const struct machine_ports *ports, char *err,
                            size_t errlen)
{
    struct machine *m = machine_frame(cfg, ports, err, errlen);
    if (m && (make_kernel(m, err, errlen) || machine_ready(m, err, errlen))) {
        machine_free(m);
        m = NULL;
    }
    if (!m) {
        config_blame(cfg, err, errlen);
    } else {
        machine_event(m, EV_THREAD, thread_id(m->threads[m->hart->current].thread));
        machine_event(m, EV_INSTANCE, instance_id(m->kernel));
    }
    return m;
}

void machine_own_config(struct machine *m, struct config *cfg)
{
    m->own_cfg = cfg;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    harts_drop(m);
    pmfollow_free(m->follow);
    if (m->store)
        store_free(m->store);
    memside_drop(&m->mem);
    if (m->nvfile)
        nvfile_close(m->nvfile);
    if (m->pm)
        physmem_free(m->pm);
    stats_free(m->stats);
    free(m->threads);
    hostmodule_drop(m);
    free(m->code);
    series_past_free(m->past);
    config_free(m->own_cfg);
    free(m);
}

/* ---- running ---- */

int machine_sample(struct machine *m, struct series *series)
{
    m->series = series;
    return m->past && series ? series_resume(series, m->past) : 0;
}

enum machine_state machine_step(struct machine *m, uint64_t instructions)
{
    const uint64_t until = m->executed + instructions;
    m->sampled = 0;
    m->at_point = 0;
    harts_run(m, until);
    return m->state;
}

void machine_stop_at(struct machine *m, struct machine_point p)
{
    m->stop = p;
    m->reached = m->at_point = 0;
}

int machine_is_past(const struct machine *m, struct machine_point p)
{
    return (p.kind == POINT_INSTRUCTIONS && m->instructions > p.n) ||
           (p.kind == POINT_CYCLES && machine_guest_time(m) / m->period > p.n);
}

int machine_holds(const struct machine *m)
{
    return m->holds;
}

void machine_release(struct machine *m)
{
    m->holds = 0;
    m->ports.hold_nvdimm = 0;
}

int machine_at_point(const struct machine *m)
{
    return m->at_point;
}

int machine_commit(struct machine *m, const char *path, char *err, size_t errlen)
{
    return m->cfg->nvdimm_commit ? nvfile_commit(m->nvfile, path, err, errlen) : 0;
}

/* What is durable goes to nvdimm_out; a commit without it needs a file of its own for a moment. The
 * machine halts in good order: what the module has accepted reaches its media first; but for a
 * power cut. */
static int write_nvdimm(struct machine *m, char *err, size_t errlen)
{
    char own[4096];
    const char *path = m->ports.nvdimm_out;
    if (!m->cfg->nvdimm_bytes || (!path && !m->cfg->nvdimm_commit))
        return 0;
    if (!path && snprintf(own, sizeof own, "%s.durable", m->cfg->nvdimm_image) >= (int)sizeof own)
        return fail(err, errlen, "nvdimm.image: the name is too long");
    path = path ? path : own;
    const int cut = m->state == STATE_CUT;
    const ps_t end = cut ? m->cut_ps : nvdimm_drain(m->mem.nvdimm, machine_now(m));
    if (cut)
        nvdimm_settle(m->mem.nvdimm, end);
    int bad = nvfile_write(m->pm, m->mem.domain, end, m->nvfile ? nvfile_fd(m->nvfile) : -1, path,
                           err, errlen);
    if (path != own)
        return bad;
    bad = bad || machine_commit(m, path, err, errlen);
    unlink(own);
    return bad ? -1 : 0;
}

int machine_finish(struct machine *m, char *err, size_t errlen)
{
    if (m->finished)
        return 0;
    m->finished = 1;
    harts_finish(m);
    pmfollow_finish(m);
    if (m->state == STATE_CUT && !m->cfg->power_restore &&
        m->cfg->domain == DOMAIN_EADR) /* else who suspended it has done that */
        holdup_flush(m, machine_now(m));
    const int failed = write_nvdimm(m, err, errlen);
    if (m->series) /* with what the module has done to hold it all */
        series_sample(m->series, machine_now(m));
    return failed || energy_write_wear(&m->mem, m->cfg, err, errlen) ? -1 : 0;
}

int machine_exit_code(const struct machine *m)
{
    return m->exit_code;
}

uint64_t machine_instructions(const struct machine *m)
{
    return m->executed;
}

const struct stats *machine_stats(const struct machine *m)
{
    return m->stats;
}

/* Lines of several harts, one hart after the other, each line with the hart in front. */
static char *folded_of_all(const struct machine *m)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    for (uint32_t i = 0; to && i < m->nharts; i++) {
        char *own = m->ops->folded(m->harts[i].core);
        char *rest = own;
        for (char *line; (line = strsep(&rest, "\n")) && *line;)
            fprintf(to, "hart%u;%s\n", i, line);
        free(own);
    }
    if (!to || fclose(to))
        return NULL;
    return text;
}

char *machine_functions(const struct machine *m)
{
    char *text = NULL;
    size_t size;
    FILE *to = m->ops ? open_memstream(&text, &size) : NULL;
    if (!to)
        return NULL;
    fprintf(to, "hart,%s\n", functions_header);
    for (uint32_t i = 0; i < m->nharts; i++) {
        char *own = m->ops->functions(m->harts[i].core);
        char *rest = own;
        for (char *line; (line = strsep(&rest, "\n")) && *line;)
            fprintf(to, "%u,%s\n", i, line);
        free(own);
    }
    return fclose(to) ? NULL : text;
}

char *machine_folded(const struct machine *m)
{
    if (!m->ops)
        return NULL;
    return m->nharts == 1 ? m->ops->folded(m->hart->core) : folded_of_all(m);
}
