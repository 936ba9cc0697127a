/* hart_archive.c - what every core model keeps of its hart, in a checkpoint. */
/*
 * Numbers of blocks, functions, instances and threads mean the same in the machine that reads: the
 * store comes out of a checkpoint with its modules lowered in their old order.
 */
#include <stdlib.h>

#include "cpu/hart.h"

#define MOST_PASTS (1u << 21)

void when_archive(struct archive *a, when_t *w)
{
    archive_u64_below(a, w, WHEN(ARCHIVE_TIME_LIMIT, 0));
    if (WHEN_PART(*w) >= CPI_COUNT) {
        archive_fail(a, "damaged: a part of the CPI stack");
        *w = 0;
    }
}

void whens_archive(struct archive *a, when_t *w, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        when_archive(a, &w[i]);
}

void inflight_archive(struct inflight *f, struct archive *a)
{
    archive_same(a, f->size);
    whens_archive(a, f->until, f->size);
    archive_u64s(a, f->line, f->size);
}

static void ending_archive(struct ending *e, struct archive *a)
{
    archive_u64(a, &e->pc);
    archive_u32(a, &e->taken);
    archive_u32(a, &e->next);
    archive_u32(a, &e->func);
    archive_u8(a, &e->end);
    archive_u8_below(a, &e->kernel_side, 2);
    archive_u8_below(a, &e->backward, 2);
    archive_u8_below(a, &e->crossed, 2);
    archive_u8_below(a, &e->place, 1u << LAYOUT_BITS);
}

static void pasts_archive(struct core *c, struct archive *a)
{
    uint32_t n = c->npasts;
    archive_count(a, &n, MOST_PASTS, 26);
    if (!a->writing && n && !a->failed) {
        c->pasts = calloc(n, sizeof *c->pasts);
        c->npasts = c->pasts ? n : 0;
        if (!c->pasts)
            archive_fail(a, "out of memory");
    }
    for (uint32_t i = 0; i < c->npasts && !a->failed; i++) {
        ending_archive(&c->pasts[i].ending, a);
        archive_u8_below(a, &c->pasts[i].in_call, 2);
    }
}

static void memory_archive(struct core *c, struct archive *a)
{
    archive_time(a, &c->cycle);
    archive_u64(a, &c->hit_ps);
    archive_u64_below(a, &c->hit_cycles, UINT64_C(1) << 32);
    archive_u64(a, &c->requests);
    archive_u64(a, &c->origin);
    archive_u64(a, &c->fetched);
    archive_u64s(a, c->origins, REGISTERS + 2);
    tlb_archive(&c->tlb, a);
    inflight_archive(&c->flushes, a);
}

static void combining_archive(struct core *c, struct archive *a)
{
    const uint64_t limit = hierarchy_has_nvdimm(c->hierarchy) ? HIERARCHY_ADDR_LIMIT : NVDIMM_BASE;
    struct combining *w = &c->combining;
    archive_u64(a, &w->line);
    archive_u64(a, &w->mask);
    archive_u64(a, &w->pc);
    if (w->line != NO_LINE && (w->line >= limit || w->line % LINE_BYTES)) {
        archive_fail(a, "damaged: a line of non-temporal stores");
        w->line = NO_LINE;
    }
}

/* Where in the log it is. */
static void place_archive(struct core *c, struct archive *a)
{
    const struct code_view code = c->env.view ? c->env.view->code : store_code(c->env.store);
    archive_u32(a, &c->uop_bytes);
    archive_u32_below(a, &c->block, code.nblocks ? code.nblocks : 1);
    archive_u32_below(a, &c->next_uop,
                      c->block && !a->failed ? code.blocks[c->block].nuops + 1u : UINT32_MAX);
    archive_u32(a, &c->fp);
    ending_archive(&c->ending, a);
    branch_archive(&c->branch, a);
    profile_archive(c->profile, a);
}

static void who_archive(struct core *c, struct archive *a)
{
    archive_u32(a, &c->instance);
    archive_u32(a, &c->process);
    archive_u32(a, &c->thread);
    archive_u8_below(a, &c->kernel_side, 2);
    archive_u8_below(a, &c->has_thread, 2);
    archive_u8_below(a, &c->roi, 2);
    archive_u64(a, &c->marks);
    for (unsigned i = 0; i < 4; i++)
        archive_u32_below(a, &c->penalty.carried[i], PENALTY_ONE);
    archive_u64s(a, c->roi_from, ROI_COUNT);
    archive_u64(a, &c->side_instructions);
    archive_u8_below(a, &c->in_call, 2);
    archive_time(a, &c->call_cycle);
    pasts_archive(c, a);
}

void core_archive(struct core *c, struct archive *a)
{
    archive_section(a, "CORE", 5);
    memory_archive(c, a);
    combining_archive(c, a);
    place_archive(c, a);
    who_archive(c, a);
    archive_u64s(a, (uint64_t *)&c->n, sizeof c->n / sizeof(uint64_t));
    archive_u32(a, &c->func);
    functions_archive(c->functions, &c->n, a);
    if (c->shadow)
        shadow_archive(c->shadow, a);
    if (!a->writing)
        core_resume(c);
}
