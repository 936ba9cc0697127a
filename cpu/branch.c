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
                         .mask = counters - 1,
                         .target_mask = cfg->target_entries - 1,
                         .return_entries = cfg->return_entries};
    if (!b->counters || !b->targets || !b->returns) {
        branch_free(b);
        return -1;
    }
    memset(b->counters, 1, counters);
    return 0;
}

void branch_free(struct branch *b)
{
    free(b->counters);
    free(b->targets);
    free(b->returns);
    *b = (struct branch){0};
}

void branch_barrier(struct branch *b)
{
    memset(b->targets, 0, ((size_t)b->target_mask + 1) * sizeof *b->targets);
    b->depth = 0;
}
