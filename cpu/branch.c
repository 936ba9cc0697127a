/* branch.c - branch prediction: the tables; what happens on a branch is inline in branch.h. */
#include "cpu/branch.h"

#include <stdlib.h>
#include <string.h>

int branch_init(struct branch *b, const struct branch_config *cfg)
{
    const uint32_t counters = 1u << cfg->history_bits;
    *b = (struct branch){.counters = malloc(counters),
                         .targets = calloc(cfg->target_entries, sizeof *b->targets),
                         .returns = calloc(cfg->return_entries, sizeof *b->returns),
                         .btb = cfg->btb_entries ? calloc(cfg->btb_entries, sizeof *b->btb) : NULL,
                         .btb_mask = cfg->btb_entries - 1,
                         .mask = counters - 1,
                         .target_mask = cfg->target_entries - 1,
                         .return_entries = cfg->return_entries};
    if ((cfg->btb_entries && !b->btb) || !b->counters || !b->targets || !b->returns) {
        branch_free(b);
        return -1;
    }
    memset(b->counters, 1, counters);
    return 0;
}

void branch_free(struct branch *b)
{
    free(b->counters);
    free(b->btb);
    free(b->targets);
    free(b->returns);
    *b = (struct branch){0};
}

void branch_barrier(struct branch *b)
{
    memset(b->targets, 0, ((size_t)b->target_mask + 1) * sizeof *b->targets);
    b->depth = 0;
}

void branch_archive(struct branch *b, struct archive *a)
{
    archive_section(a, "BRCH", 1);
    archive_same(a, b->mask);
    archive_same(a, (uint64_t)b->target_mask << 32 | b->return_entries);
    archive_u8s(a, b->counters, (size_t)b->mask + 1, 4);
    for (uint32_t i = 0; i <= b->target_mask && !a->failed; i++) {
        struct branch_target *t = &b->targets[i];
        archive_u64(a, &t->pc);
        archive_u32(a, &t->to);
        archive_u32_below(a, &t->valid, 2);
    }
    archive_u32s(a, b->returns, b->return_entries, 0);
    archive_u32_below(a, &b->history, (uint64_t)b->mask + 1);
    archive_u32_below(a, &b->top, b->return_entries);
    archive_u32_below(a, &b->depth, (uint64_t)b->return_entries + 1);
}
