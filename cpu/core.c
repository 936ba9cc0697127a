/* core.c - what all core models share: names, counters, checks of the configuration. */
#include "cpu/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/boundary.h"
#include "wasmcore/module.h"

const char *const cpi_part_names[CPI_COUNT] = {
#define X(id, name, meaning) #name,
    CPI_PARTS(X)
#undef X
};

const struct core_ops *const core_models[] = {&core_inorder, &core_ooo, NULL};

#define COUNT(field, unit, meaning)                                                                \
    {                                                                                              \
#field, unit, meaning, offsetof(struct core_counters, field)                               \
    }
#define CPI(id, side) offsetof(struct core_counters, side##_cycles[CPI_##id])

const struct counter core_counter_table[] = {
    COUNT(instructions, "1", "wasm operators executed; of a block that traps, all"),
    COUNT(user_instructions, "1", "of these, in user code"),
    COUNT(kernel_instructions, "1", "of these, in the kernel"),
    COUNT(uops, "1", "micro-ops of blocks"),
    COUNT(penalty_uops, "1", "micro-ops of isa.wasm_penalty, besides those of blocks"),
    COUNT(blocks, "1", "basic blocks entered"),
    COUNT(branches, "1", "conditional and indirect branches and returns: those that are predicted"),
    COUNT(mispredictions, "1", "of these, predicted wrongly"),
    COUNT(btb_misses, "1", "taken direct branches whose target was not known when fetched (ooo)"),
    COUNT(fused, "1", "loads that were one micro-op with the arithmetic behind them (ooo)"),
    COUNT(forwards, "1", "loads that got their data from an older store under way (ooo)"),
    COUNT(loads, "1", "load micro-ops, those of frames apart"),
    COUNT(stores, "1", "store micro-ops, those of frames apart"),
    COUNT(frame_loads, "1", "load micro-ops of spills and call frames"),
    COUNT(frame_stores, "1", "store micro-ops of spills and call frames"),
    COUNT(bulk_bytes, "bytes", "written by memory.copy, .fill, .init and the machine's copies"),
    COUNT(flushes, "1", "clwb, clflushopt and clflush"),
    COUNT(fences, "1", "sfence"),
    COUNT(fences_waiting, "1", "fences that had to wait for something"),
    COUNT(nt_stores, "1", "non-temporal stores"),
    COUNT(kernel_calls, "1", "calls from user code into the kernel"),
    COUNT(call_cycles, "cycles", "in these calls, both crossings included, waits for devices not"),
    COUNT(thread_switches, "1", "switches of guest thread"),
    COUNT(tlb_lookups, "1", "translations"),
    COUNT(tlb_misses, "1", "translations that missed the first level"),
    COUNT(tlb_l2_hits, "1", "of these, found in the second level"),
    COUNT(walk_loads, "1", "reads of page or frame tables"),
    COUNT(persist_cycles, "cycles", "CPI parts wpq, flush and fence together, user and kernel"),
#define X(id, name, unit, meaning)                                                                 \
    {"roi_" #name, unit, meaning, offsetof(struct core_counters, roi[ROI_##id])},
    ROI_COUNTERS(X)
#undef X
        COUNT(polluted_l1i, "1", "there, L1I misses of user code that it would not have had alone"),
    COUNT(polluted_l1d, "1", "the same of the L1D"),
    COUNT(polluted_l2, "1", "the same of the L2"),
    COUNT(polluted_tlb, "1", "the same of the first-level TLBs"),
    COUNT(polluted_walks, "1", "the same of all TLBs: page walks"),
    COUNT(polluted_branches, "1", "the same of branch prediction: wrong, and right alone"),
    COUNT(helped_branches, "1", "the reverse: right, and wrong alone"),
#define X(id, name, meaning) {"cpi.user." #name, "cycles", "user code: " meaning, CPI(id, user)},
    CPI_PARTS(X)
#undef X
#define X(id, name, meaning) {"cpi.kernel." #name, "cycles", "kernel: " meaning, CPI(id, kernel)},
        CPI_PARTS(X)
#undef X
            {NULL, NULL, NULL, 0},
};

/* ---- configuration ---- */

/* One message for all that is out of range. */
struct check {
    char *err;
    size_t errlen;
    int bad;
};

/* Is this the first that is wrong? Then its message is wanted. */
static int refused(struct check *k)
{
    const int first = !k->bad;
    k->bad = 1;
    return first;
}

static void range(struct check *k, const char *what, uint64_t value, uint64_t low, uint64_t high)
{
    if ((value < low || value > high) && refused(k))
        snprintf(k->err, k->errlen, "%s is %llu, expected %llu to %llu", what,
                 (unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
}

static int power_of_two(uint64_t n)
{
    return n && !(n & (n - 1));
}

static void check_level(struct check *k, const char *what, uint32_t entries, uint32_t ways)
{
    range(k, what, entries, 1, 1u << 20);
    const int fits = ways && ways <= 64 && entries % ways == 0 && power_of_two(entries / ways);
    if (!fits && refused(k))
        snprintf(k->err, k->errlen,
                 "%s: %u entries in %u ways, expected 1 to 64 ways and a power of two of sets",
                 what, entries, ways);
}

static void check_tlb(struct check *k, const struct core_config *cfg)
{
    const int call = cfg->boundary.kind == BOUNDARY_CALL;
    const struct tlb_config *t = call ? &cfg->tlb_call : &cfg->tlb_trap;
    range(k, "kind of page", t->page, TLB_PAGE_USUAL, TLB_PAGE_NONE);
    check_level(k, "tlb: first level", t->l1_entries, t->l1_ways);
    if (call && t->page == TLB_PAGE_USUAL)
        return;
    if (t->l2_entries)
        check_level(k, "tlb: second level", t->l2_entries, t->l2_ways);
    range(k, "cycles of a second-level TLB hit", t->l2_cycles, 0, 1000);
}

static void check_boundary(struct check *k, const struct boundary_config *b)
{
    const uint32_t most = 1000000;
    range(k, "kind of boundary", b->kind, BOUNDARY_CALL, BOUNDARY_TRAP);
    range(k, "entry cycles", b->entry_cycles, 0, most);
    range(k, "exit cycles", b->exit_cycles, 0, most);
    range(k, "saved registers", b->saved_registers, 0, BOUNDARY_REGISTERS);
    range(k, "cycles to write the page-table base", b->cr3_cycles, 0, most);
    range(k, "cycles of a branch prediction barrier", b->ibpb_cycles, 0, most);
    range(k, "cycles of a retpoline", b->retpoline_cycles, 0, most);
    range(k, "cycles of an L1D flush", b->l1d_flush_cycles, 0, most);
    range(k, "cycles of verw", b->verw_cycles, 0, most);
    range(k, "cycles of a bounds check", b->bounds_check_cycles, 0, 2);
}

static void check_branch(struct check *k, const struct branch_config *b)
{
    range(k, "kind of branch predictor", b->predictor, PREDICTOR_GSHARE, PREDICTOR_TAGE);
    range(k, "bits of branch history", b->history_bits, 4, 20);
    range(k, "indirect targets", b->target_entries, 1, 1u << 20);
    if (!power_of_two(b->target_entries) && refused(k))
        snprintf(k->err, k->errlen, "core: %u indirect targets, expected a power of two",
                 b->target_entries);
    if (b->btb_entries && !power_of_two(b->btb_entries) && refused(k))
        snprintf(k->err, k->errlen,
                 "core: %u targets of direct branches, expected a power of two or 0",
                 b->btb_entries);
    range(k, "targets of direct branches", b->btb_entries, 0, 1u << 20);
    range(k, "cycles of a target that is not known", b->btb_cycles, 0, 1000);
    range(k, "entries of the return stack", b->return_entries, 1, 4096);
    range(k, "branches before an indirect target", b->target_branches, 0, 16);
    range(k, "cycles of a misprediction", b->mispredict_cycles, 0, 1000);
    range(k, "cycles of an indirect one", b->indirect_cycles, 0, 1000);
}

static const char *const class_names[UOP_CLASSES] = {
    "ALU",     "multiply", "divide", "FP add", "FP multiply", "FP divide", "square root",
    "convert", "load",     "store",  "branch", "flush",       "fence",     "non-temporal store",
    "bulk"};

int core_window_check(const struct core_config *cfg, char *err, size_t errlen)
{
    const struct window_config *w = &cfg->window;
    struct check k = {err, errlen, 0};
    char what[64];
    range(&k, "fetch width", w->fetch_width, 1, 16);
    range(&k, "retire width", w->retire_width, 1, 16);
    range(&k, "micro-ops in the fetch queue", w->fetch_queue, 1, 1023);
    range(&k, "micro-ops in the ROB", w->rob, 1, 1023);
    range(&k, "loads in the load queue", w->load_queue, 1, 1023);
    range(&k, "micro-ops in the scheduler", w->scheduler, 1, 1023);
    range(&k, "cycles of an integer division", w->div_busy, 1, 1000);
    range(&k, "cycles of a floating-point division", w->fdiv_busy, 1, 1000);
    range(&k, "cycles of a square root", w->fsqrt_busy, 1, 1000);
    range(&k, "cycles of store-to-load forwarding", w->forward_cycles, 0, 1000);
    range(&k, "page walkers", w->walkers, 1, 8);
    range(&k, "cycles of a shift and addition", w->scale_add, 0, 1000);
    range(&k, "more cycles of a load into a vector register", w->vector_load, 0, 1000);
    range(&k, "stores to one line that commit in a cycle", w->line_commits, 0, 8);
    for (unsigned i = 0; i < UOP_CLASSES; i++) {
        snprintf(what, sizeof what, "ports of class %s", class_names[i]);
        range(&k, what, w->ports[i], 1, 0xffff);
    }
    return k.bad ? -1 : 0;
}

int core_config_check(const struct core_config *cfg, char *err, size_t errlen)
{
    struct check k = {err, errlen, 0};
    char what[64];
    range(&k, "picoseconds of a cycle", cfg->period, 1, 1000000);
    range(&k, "width", cfg->width, 1, 8);
    for (unsigned i = 0; i < UOP_CLASSES; i++) {
        snprintf(what, sizeof what, "%s units", class_names[i]);
        range(&k, what, cfg->units[i], 1, 8);
        snprintf(what, sizeof what, "%s latency in cycles", class_names[i]);
        range(&k, what, cfg->latency[i], 0, 1000);
    }
    range(&k, "stores under way", cfg->store_buffer, 1, 128);
    range(&k, "flushes under way", cfg->flushes, 1, 128);
    range(&k, "load misses under way", cfg->load_misses, 0, 64);
    check_branch(&k, &cfg->branch);
    check_boundary(&k, &cfg->boundary);
    check_tlb(&k, cfg);
    return k.bad ? -1 : 0;
}

/* ---- names of functions ---- */

/* The name of a module in reports. */
static const char *module_label(const struct core_env *env, uint32_t module)
{
    const struct core_view *v = env->view;
    const char *name = v ? (module < v->nmodules ? v->module_names[module] : NULL)
                         : store_module_name(env->store, (int)module);
    return name ? name : "?";
}

char **core_function_names(const struct core_env *env, uint32_t *n)
{
    const struct code_view code = env->view ? env->view->code : store_code(env->store);
    size_t room = code.nfuncs * sizeof(char *) + 1;
    for (uint32_t i = 0; i < code.nfuncs; i++) {
        room += strlen(module_label(env, code.funcs[i].module)) + strlen(code.funcs[i].name) + 2;
    }
    char **names = malloc(room);
    if (!names)
        return NULL;
    char *at = (char *)(names + code.nfuncs);
    for (uint32_t i = 0; i < code.nfuncs; i++) {
        names[i] = at;
        const char *label = module_label(env, code.funcs[i].module);
        at += sprintf(at, "%s`%s", label, code.funcs[i].name) + 1;
    }
    *n = code.nfuncs;
    return names;
}
