/* branch.c - branch prediction: the tables, and indirect targets; the rest is inline in branch.h.
 */
#include "cpu/branch.h"

#include <stdlib.h>
#include <string.h>

#define PATH_TARGET_BITS 5u /* bits of the path that a target moves out */
#define PATH_TARGETS     8u

static uint64_t path_mask(uint32_t branches)
{
    const uint32_t bits = branches ? branches * PATH_BRANCH_BITS : PATH_TARGETS * PATH_TARGET_BITS;
    return UINT64_MAX >> (64 - bits);
}

int branch_init(struct branch *b, const struct branch_config *cfg)
{
    const uint32_t counters = 1u << cfg->history_bits;
    const int tage = cfg->predictor == PREDICTOR_TAGE;
    *b = (struct branch){
        .kind = cfg->predictor,
        .counters = malloc(counters),
        .tage = tage ? tage_new(cfg->history_bits) : NULL,
        .paths = cfg->target_history ? calloc(cfg->target_entries, sizeof *b->paths) : NULL,
        .targets = calloc(cfg->target_entries, sizeof *b->targets),
        .returns = calloc(cfg->return_entries, sizeof *b->returns),
        .btb = cfg->btb_entries ? calloc(cfg->btb_entries, sizeof *b->btb) : NULL,
        .btb_mask = cfg->btb_entries - 1,
        .mask = counters - 1,
        .by_branches = cfg->target_branches > 0,
        .path_mask = path_mask(cfg->target_branches),
        .target_mask = cfg->target_entries - 1,
        .return_entries = cfg->return_entries};
    if ((tage && !b->tage) || (cfg->target_history && !b->paths) || (cfg->btb_entries && !b->btb) ||
        !b->counters || !b->targets || !b->returns) {
        branch_free(b);
        return -1;
    }
    memset(b->counters, 1, counters);
    return 0;
}

void branch_free(struct branch *b)
{
    free(b->counters);
    tage_free(b->tage);
    free(b->paths);
    free(b->btb);
    free(b->targets);
    free(b->returns);
    *b = (struct branch){0};
}

void branch_barrier(struct branch *b)
{
    memset(b->targets, 0, ((size_t)b->target_mask + 1) * sizeof *b->targets);
    if (b->paths)
        memset(b->paths, 0, ((size_t)b->target_mask + 1) * sizeof *b->paths);
    b->depth = 0;
}

static void targets_archive(struct branch_target *t, uint32_t n, struct archive *a)
{
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        archive_u64(a, &t[i].pc);
        archive_u32(a, &t[i].to);
        archive_u8_below(a, &t[i].valid, 2);
        archive_u8_below(a, &t[i].sure, 4);
    }
}

void branch_archive(struct branch *b, struct archive *a)
{
    archive_section(a, "BRCH", 3);
    archive_same(a, (uint64_t)b->kind << 40 | (uint64_t)(b->paths != NULL) << 32 |
                        (b->btb ? b->btb_mask + 1 : 0));
    archive_same(a, b->mask);
    archive_same(a, (uint64_t)b->by_branches << 32 ^ b->path_mask);
    archive_same(a, (uint64_t)b->target_mask << 32 | b->return_entries);
    archive_u8s(a, b->counters, (size_t)b->mask + 1, 4);
    targets_archive(b->targets, b->target_mask + 1, a);
    if (b->paths)
        targets_archive(b->paths, b->target_mask + 1, a);
    archive_u64(a, &b->path);
    if (b->btb)
        archive_u64s(a, b->btb, (size_t)b->btb_mask + 1);
    if (b->tage)
        tage_archive(b->tage, a);
    archive_u32s(a, b->returns, b->return_entries, 0);
    archive_u32_below(a, &b->history, (uint64_t)b->mask + 1);
    archive_u32_below(a, &b->top, b->return_entries);
    archive_u32_below(a, &b->depth, (uint64_t)b->return_entries + 1);
}

static int last_target(struct branch *b, uint64_t pc, uint32_t to)
{
    struct branch_target *t = &b->targets[(uint32_t)(pc >> 2) & b->target_mask];
    const int wrong = !t->valid || t->pc != pc || t->to != to;
    *t = (struct branch_target){.pc = pc, .to = to, .valid = 1};
    return wrong;
}

int branch_indirect(struct branch *b, uint64_t pc, uint32_t to)
{
    int wrong = last_target(b, pc, to);
    if (!b->paths)
        return wrong;
    const uint64_t path = b->path * UINT64_C(0x9e3779b97f4a7c15);
    struct branch_target *t =
        &b->paths[((uint32_t)(pc >> 2) ^ (uint32_t)(path >> 40)) & b->target_mask];
    const uint64_t tag = pc ^ b->path << 20;
    if (!b->by_branches)
        b->path = (b->path << PATH_TARGET_BITS ^ to * 0x9e3779b1u >> 16) & b->path_mask;
    if (t->valid && t->pc == tag) {
        const int right = t->to == to;
        if (t->sure)
            wrong = !right;
        if (!right && t->sure == 0)
            t->to = to;
        t->sure = (uint8_t)(right ? t->sure + (t->sure < 3) : t->sure - (t->sure > 0));
    } else if (wrong) {
        *t = (struct branch_target){.pc = tag, .to = to, .valid = 1, .sure = 1};
    }
    return wrong;
}
