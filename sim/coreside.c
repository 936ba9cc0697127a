/* coreside.c - the core of a machine as its configuration describes it. */
#include "sim/coreside.h"

#include <string.h>

#include "sim/error.h"
#include "sim/memside.h"

static struct boundary_config boundary_of(const struct config *cfg)
{
    return (struct boundary_config){.kind = (uint8_t)cfg->boundary,
                                    .kpti = cfg->kpti,
                                    .pcid = cfg->pcid,
                                    .ibpb = cfg->ibpb,
                                    .retpoline = cfg->retpoline,
                                    .l1d_flush = cfg->l1d_flush,
                                    .verw = cfg->verw,
                                    .entry_cycles = (uint32_t)cfg->entry_cycles,
                                    .exit_cycles = (uint32_t)cfg->exit_cycles,
                                    .saved_registers = (uint32_t)cfg->saved_registers,
                                    .cr3_cycles = (uint32_t)cfg->cr3_cycles,
                                    .ibpb_cycles = (uint32_t)cfg->ibpb_cycles,
                                    .retpoline_cycles = (uint32_t)cfg->retpoline_cycles,
                                    .l1d_flush_cycles = (uint32_t)cfg->l1d_flush_cycles,
                                    .verw_cycles = (uint32_t)cfg->verw_cycles,
                                    .bounds_check_cycles = (uint32_t)cfg->bounds_check};
}

static struct branch_config branch_of(const struct config *c)
{
    return (struct branch_config){.predictor = (uint8_t)c->predictor,
                                  .target_history = c->target_history,
                                  .target_branches = (uint32_t)c->target_branches,
                                  .history_bits = (uint32_t)c->history_bits,
                                  .target_entries = (uint32_t)c->target_entries,
                                  .return_entries = (uint32_t)c->return_entries,
                                  .mispredict_cycles = (uint32_t)c->mispredict,
                                  .indirect_cycles = (uint32_t)c->mispredict_indirect,
                                  .btb_entries = (uint32_t)c->btb_entries,
                                  .btb_cycles = (uint32_t)c->btb_miss};
}

static struct window_config window_of(const struct config *c)
{
    return (struct window_config){
        .fetch_width = (uint32_t)c->fetch_width,
        .retire_width = (uint32_t)c->retire_width,
        .fetch_queue = (uint32_t)c->fetch_queue,
        .rob = (uint32_t)c->rob,
        .load_queue = (uint32_t)c->load_queue,
        .scheduler = (uint32_t)c->scheduler,
        .div_busy = (uint32_t)c->div_busy,
        .fdiv_busy = (uint32_t)c->fdiv_busy,
        .fsqrt_busy = (uint32_t)(c->fsqrt_busy ? c->fsqrt_busy : c->fdiv_busy),
        .forward_cycles = (uint32_t)c->forward,
        .walkers = (uint32_t)c->walkers,
        .fuse_loads = c->fuse_loads,
        .fuse_branches = c->fuse_branches,
        .scale_add = (uint32_t)c->scale_add,
        .vector_load = (uint32_t)c->vector_load,
        .fetch_lines = c->fetch_lines,
        .line_commits = (uint32_t)c->line_commits,
        .rename_copies = c->rename_copies,
        .rename_sums = c->rename_sums};
}

/* tlb.page: 4k or 2m. */
static struct tlb_config tlb_of_trap(const struct config *c)
{
    return (struct tlb_config){.page = c->tlb_page ? TLB_PAGE_2M : TLB_PAGE_4K,
                               .l1_entries = (uint32_t)c->tlb_l1_entries,
                               .l1_ways = (uint32_t)c->tlb_l1_ways,
                               .l2_entries = (uint32_t)c->tlb_l2_entries,
                               .l2_ways = (uint32_t)c->tlb_l2_ways,
                               .l2_cycles = (uint32_t)c->tlb_l2_cycles};
}

/* tlb.call_page: 64k, none, 4k or 2m. With one of trap's pages, trap's TLBs. */
static struct tlb_config tlb_of_call(const struct config *c)
{
    static const uint8_t pages[] = {TLB_PAGE_USUAL, TLB_PAGE_NONE, TLB_PAGE_4K, TLB_PAGE_2M};
    struct tlb_config t = tlb_of_trap(c);
    t.page = pages[c->tlb_call_page];
    if (t.page == TLB_PAGE_USUAL || t.page == TLB_PAGE_NONE) {
        t = (struct tlb_config){.page = t.page,
                                .l1_entries = (uint32_t)c->tlb_call_entries,
                                .l1_ways = (uint32_t)c->tlb_call_ways};
    }
    return t;
}

/* "0156": a hexadecimal digit a port. */
static int parse_ports(const char *key, const char *text, uint16_t *out, char *err, size_t errlen)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    for (const char *p = text; *p; p++) {
        const char *digit = strchr(digits, *p);
        if (!digit)
            return fail(err, errlen, "%s: \"%s\", expected the digits of ports, 0 to 9 and a to f",
                        key, text);
        *out = (uint16_t)(*out | 1u << (digit - digits));
    }
    return *out ? 0 : fail(err, errlen, "%s: expected at least one port", key);
}

static int ports_of(const struct config *c, uint16_t ports[UOP_CLASSES], char *err, size_t errlen)
{
    const struct {
        const char *key, *text;
        enum uop_class class;
    } rows[] = {{"core.ports_alu", c->ports_alu, UOP_ALU},
                {"core.ports_alu", c->ports_alu, UOP_FENCE},
                {"core.ports_alu", c->ports_alu, UOP_BULK},
                {"core.ports_mul", c->ports_mul, UOP_MUL},
                {"core.ports_div", c->ports_div, UOP_DIV},
                {"core.ports_fadd", c->ports_fadd, UOP_FADD},
                {"core.ports_fmul", c->ports_fmul, UOP_FMUL},
                {"core.ports_fdiv", c->ports_fdiv, UOP_FDIV},
                {"core.ports_fdiv", c->ports_fdiv, UOP_FSQRT},
                {"core.ports_fcvt", c->ports_fcvt, UOP_FCVT},
                {"core.ports_load", c->ports_load, UOP_LOAD},
                {"core.ports_store", c->ports_store, UOP_STORE},
                {"core.ports_store", c->ports_store, UOP_FLUSH},
                {"core.ports_store", c->ports_store, UOP_NTSTORE},
                {"core.ports_branch", c->ports_branch, UOP_BRANCH}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (parse_ports(rows[i].key, rows[i].text, &ports[rows[i].class], err, errlen))
            return -1;
    return 0;
}

static int core_of(const struct config *c, struct core_config *out, char *err, size_t errlen)
{
    *out = (struct core_config){
        .period = config_period(c),
        .width = (uint32_t)c->width,
        .latency = {[UOP_ALU] = (uint32_t)c->lat_alu,
                    [UOP_MUL] = (uint32_t)c->lat_mul,
                    [UOP_DIV] = (uint32_t)c->lat_div,
                    [UOP_FADD] = (uint32_t)c->lat_fadd,
                    [UOP_FMUL] = (uint32_t)c->lat_fmul,
                    [UOP_FDIV] = (uint32_t)c->lat_fdiv,
                    [UOP_FSQRT] = (uint32_t)(c->lat_fsqrt ? c->lat_fsqrt : c->lat_fdiv),
                    [UOP_FCVT] = (uint32_t)c->lat_fcvt,
                    [UOP_BRANCH] = 1},
        .store_buffer = (uint32_t)c->store_buffer,
        .flushes = (uint32_t)c->flushes,
        .load_misses = (uint32_t)c->load_misses,
        .no_stack = !c->cpi_stack,
        .window = window_of(c),
        .branch = branch_of(c),
        .boundary = boundary_of(c),
        .tlb_call = tlb_of_call(c),
        .tlb_trap = tlb_of_trap(c),
        .penalty = {.percent = (uint32_t)c->wasm_penalty,
                    .instructions = (uint32_t)c->isa_instructions,
                    .loads = (uint32_t)c->isa_loads,
                    .stores = (uint32_t)c->isa_stores,
                    .branches = (uint32_t)c->isa_branches},
        .vector_bytes = (uint32_t)c->isa_vector,
        .shootdown_cycles = (uint32_t)c->tier_shootdown,
        .pollution = c->pollution};
    for (unsigned i = 0; i < UOP_CLASSES; i++)
        out->units[i] = 1;
    out->units[UOP_ALU] = (uint32_t)c->units_alu;
    out->units[UOP_LOAD] = (uint32_t)c->units_load;
    struct window_config *w = &out->window;
    if (parse_ports("core.ports_shift", c->ports_shift, &w->ports_shift, err, errlen) ||
        (*c->ports_vector_load && parse_ports("core.ports_vector_load", c->ports_vector_load,
                                              &w->ports_vector_load, err, errlen)) ||
        (*c->ports_vector_store && parse_ports("core.ports_vector_store", c->ports_vector_store,
                                               &w->ports_vector_store, err, errlen)))
        return -1;
    return ports_of(c, out->window.ports, err, errlen);
}

int core_config_of(const struct config *c, struct core_config *out, char *err, size_t errlen)
{
    return core_of(c, out, err, errlen) ? config_blame(c, err, errlen) : 0;
}

struct core *core_make(const struct config *c, const struct core_config *cc,
                       const struct core_env *env, char *err, size_t errlen)
{
    struct core *core = core_model_of(c)->make(cc, env, err, errlen);
    if (!core)
        config_blame(c, err, errlen);
    return core;
}

const struct core_ops *core_model_of(const struct config *cfg)
{
    char buf[32];
    const char *name = config_choice("core.model", cfg->core_model, buf, sizeof buf);
    for (const struct core_ops *const *ops = core_models; *ops; ops++)
        if (strcmp((*ops)->name, name) == 0)
            return *ops;
    return NULL;
}
