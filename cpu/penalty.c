/* penalty.c - extra micro-ops of code that came from wasm. */
#include "cpu/penalty.h"

/* n micro-ops at so many thousandths more: how many, with what earlier ones left over. */
static uint32_t more(const struct penalty *p, uint32_t *carried, uint32_t n, uint32_t permille)
{
    const uint64_t all = *carried + (uint64_t)n * permille * p->cfg.percent;
    *carried = (uint32_t)(all % PENALTY_ONE);
    return (uint32_t)(all / PENALTY_ONE);
}

struct penalty_uops penalty_block(struct penalty *p, const struct uop *uops, uint32_t n)
{
    uint32_t loads = 0, stores = 0, branches = 0;
    for (uint32_t i = 0; i < n; i++) {
        loads += uops[i].class == UOP_LOAD;
        stores += uops[i].class == UOP_STORE;
        branches += uops[i].class == UOP_BRANCH;
    }
    struct penalty_uops x = {
        .loads = more(p, &p->carried[1], loads, p->cfg.loads),
        .stores = more(p, &p->carried[2], stores, p->cfg.stores),
        .branches = more(p, &p->carried[3], branches, p->cfg.branches),
    };
    const uint32_t all = more(p, &p->carried[0], n, p->cfg.instructions);
    const uint32_t told = x.loads + x.stores + x.branches;
    x.alus = all > told ? all - told : 0;
    return x;
}
