/* hart.c - what all core models share: making, translation, what the persistence domain hears. */
#include "cpu/hart.h"

#include <stdlib.h>
#include <string.h>

#include "nvdimm/domain.h"

const uint8_t core_part_of[MEM_SOURCES] = {[SRC_L1] = CPI_L1,       [SRC_L2] = CPI_L2,
                                           [SRC_LLC] = CPI_LLC,     [SRC_COHERENCE] = CPI_COHERENCE,
                                           [SRC_DRAM] = CPI_DRAM,   [SRC_NVDIMM] = CPI_NVDIMM,
                                           [SRC_WPQ_FULL] = CPI_WPQ};

/* ---- making ---- */

int core_init(struct core *c, const struct core_config *cfg, const struct core_env *env,
              const struct core_model *model)
{
    const int trap = cfg->boundary.kind == BOUNDARY_TRAP;
    c->model = model;
    c->env = *env;
    c->hierarchy = env->hierarchy;
    c->domain = env->domain;
    c->boundary = cfg->boundary;
    c->period = cfg->period;
    c->hit_ps = UINT64_MAX;
    c->vector_bytes = cfg->vector_bytes ? cfg->vector_bytes : 16;
    c->penalty.cfg = cfg->penalty;
    c->bounds_check = trap ? 0 : cfg->boundary.bounds_check_cycles;
    c->req.hart = env->hart;
    c->fetched = NO_LINE;
    c->combining.line = NO_LINE;
    c->ending.end = END_UNKNOWN;
    c->instance = c->process = NO_INSTANCE;
    c->tag_physical = tlb_tag(0, TLB_PHYSICAL);
    inflight_init(&c->flushes, cfg->flushes);
    c->profile = profile_new();
    c->functions = functions_new();
    if (!c->functions || !c->profile)
        return -1;
    c->no_stack = cfg->no_stack;
    if (c->no_stack)
        profile_stop(c->profile);
    core_enter_function(c, NO_FUNCTION);
    c->shootdown_cycles = cfg->shootdown_cycles;
    if (cfg->pollution && !(c->shadow = shadow_new(cfg, c->hierarchy, env->hart)))
        return -1;
    return branch_init(&c->branch, &cfg->branch) ||
                   tlb_init(&c->tlb, trap ? &cfg->tlb_trap : &cfg->tlb_call, cfg->boundary.kind)
               ? -1
               : 0;
}

void core_release(struct core *c)
{
    branch_free(&c->branch);
    layout_free(&c->layout);
    tlb_free(&c->tlb);
    profile_free(c->profile);
    functions_free(c->functions);
    shadow_free(c->shadow);
    free(c->pasts);
}

void core_look_at_code(struct core *c)
{
    c->code = c->env.view ? c->env.view->code : store_code(c->env.store);
    if (c->branch.by_branches)
        layout_look(&c->layout, &c->code);
    for (uint32_t i = 1; !c->uop_bytes && i < c->code.nblocks; i++)
        if (c->code.blocks[i].nuops)
            c->uop_bytes = c->code.blocks[i].code_bytes / c->code.blocks[i].nuops;
}

char *core_folded(const struct core *c)
{
    uint32_t n;
    char **names = core_function_names(&c->env, &n);
    char *text = names ? profile_folded(c->profile, c->cycle, names, n) : NULL;
    free(names);
    return text;
}

char *core_functions(const struct core *c)
{
    uint32_t n;
    char **names = core_function_names(&c->env, &n);
    char *text = names ? functions_csv(c->functions, &c->n, names, n) : NULL;
    free(names);
    return text;
}

void core_enter_function(struct core *c, uint32_t func)
{
    c->func = func;
    c->cpi = functions_enter(c->functions, &c->n, c->no_stack ? NO_FUNCTION : func, c->kernel_side);
}

/* ---- translation ---- */

uint64_t core_walk(struct core *c, uint64_t key, uint64_t at)
{
    uint64_t reads[TLB_LEVELS];
    const uint32_t n = tlb_walk(&c->tlb, key, c->space ? c->space->table_addr : 0, reads);
    for (uint32_t i = 0; i < n; i++)
        at += core_cycles(c, core_request(c, MEM_WALK, reads[i], 8, 0, at), at);
    c->n.walk_loads += n;
    return at;
}

uint64_t core_find_page(struct core *c, struct tlb_level *first, uint64_t key, uint64_t at)
{
    const enum tlb_found found = c->tlb.none ? TLB_L1 : tlb_lookup(&c->tlb, first, key);
    core_shadow_found(c, found);
    if (found == TLB_L1)
        return at;
    c->n.tlb_misses++;
    if (found == TLB_L2) {
        c->n.tlb_l2_hits++;
        return at + c->tlb.l2_cycles;
    }
    return core_walk(c, key, at);
}

/* ---- the persistence domain ---- */

static void list_word(struct core *c, uint64_t addr, uint32_t bytes, uint64_t old_bytes,
                      uint64_t new_bytes, uint64_t pc, int nontemporal, uint64_t at)
{
    domain_store(c->domain, &(struct domain_store){.addr = addr,
                                                   .old_bytes = old_bytes,
                                                   .new_bytes = new_bytes,
                                                   .at = at * c->period,
                                                   .pc = pc,
                                                   .bytes = (uint8_t)bytes,
                                                   .hart = c->req.hart,
                                                   .nontemporal = (uint8_t)nontemporal});
}

void core_list_operand(struct core *c, uint64_t addr, uint32_t bytes, uint32_t skip,
                       const uint64_t *words, uint64_t pc, int nontemporal, uint64_t at)
{
    while (bytes) {
        uint32_t n = 8 - (uint32_t)(addr & 7);
        n = n < bytes ? n : bytes;
        list_word(c, addr, n, words[0] >> 8 * skip, words[1] >> 8 * skip, pc, nontemporal, at);
        addr += n;
        skip += n;
        bytes -= n;
    }
}

void core_list_pairs(struct core *c, uint64_t addr, uint32_t n, const uint64_t *pairs, uint64_t pc,
                     uint64_t at)
{
    for (; n; pairs += 2) {
        const uint32_t skip = (uint32_t)(addr & 7);
        const uint32_t piece = n < 8 - skip ? n : 8 - skip;
        list_word(c, addr, piece, pairs[0] >> 8 * skip, pairs[1] >> 8 * skip, pc, 0, at);
        addr += piece;
        n -= piece;
    }
}

/* ---- things under way ---- */

void inflight_init(struct inflight *f, uint32_t size)
{
    f->size = size;
    for (uint32_t i = 0; i < MOST_INFLIGHT; i++)
        f->line[i] = NO_LINE;
}

uint32_t inflight_place(const struct inflight *f, uint64_t line, uint64_t now)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < f->size; i++) {
        if (f->line[i] == line && WHEN_CYCLE(f->until[i]) > now)
            return i;
        if (f->until[i] < f->until[best])
            best = i;
    }
    return best;
}

/* ---- bulk operations ---- */

uint32_t core_bulk_uops(uint64_t addr, uint32_t n, uint32_t vector)
{
    uint32_t uops = 0;
    while (n) {
        uint32_t step = (addr & 15) == 0 && n >= 16 ? 16 : 8 - (uint32_t)(addr & 7);
        if ((addr & (vector - 1)) == 0 && n >= vector)
            step = vector;
        step = step < n ? step : n;
        addr += step;
        n -= step;
        uops++;
    }
    return uops;
}

struct bulk core_read_bulk(struct core *c, const uint64_t *words, uint32_t n)
{
    const uint64_t bytes = LOG_ARG(words[0]);
    struct bulk b = {.bytes = (uint32_t)bytes};
    if (n < 3 || bytes > FRAME_BYTES)
        return b;
    b.dst = words[1];
    b.src = words[2];
    const int nv = (words[0] & LOG_BULK_NV) != 0;
    const uint32_t size = nv ? 3 + 2 * (uint32_t)(((b.dst & 7) + bytes + 7) / 8) : 3;
    if (n < size)
        return b;
    b.words = size;
    b.pairs = nv ? words + 3 : NULL;
    c->n.bulk_bytes += bytes;
    return b;
}
