/* boundary.c - what crossing between user and kernel consists of, as steps for a core to carry out.
 */
#include "cpu/boundary.h"

#include <assert.h>

struct list {
    struct boundary_step *at;
    uint32_t n;
};

static void add(struct list *l, enum boundary_step_kind kind, uint32_t n)
{
    assert(l->n < BOUNDARY_STEPS);
    l->at[l->n++] = (struct boundary_step){.kind = (uint8_t)kind, .n = n};
}

static void add_cycles(struct list *l, uint32_t n)
{
    if (n)
        add(l, STEP_CYCLES, n);
}

static void add_memory(struct list *l, enum boundary_step_kind kind, uint64_t addr, uint32_t n,
                       uint32_t stride)
{
    if (n == 0)
        return;
    add(l, kind, n);
    l->at[l->n - 1].addr = addr;
    l->at[l->n - 1].stride = stride;
}

/* Write the page-table base. */
static void add_tables(struct list *l, const struct boundary_config *cfg)
{
    add(l, STEP_DRAIN_STORES, 0);
    add_cycles(l, cfg->cr3_cycles);
    if (!cfg->pcid)
        add(l, STEP_FLUSH_TLB, cfg->kpti);
}

uint32_t boundary_enter(const struct boundary_config *cfg, uint32_t user, uint32_t kernel,
                        uint32_t thread, struct boundary_step out[BOUNDARY_STEPS])
{
    struct list l = {out, 0};
    if (cfg->kind == BOUNDARY_CALL) {
        add_memory(&l, STEP_STORES, crossing_thread(thread), 1, 8);
        add_memory(&l, STEP_LOADS, crossing_record(user), 2, 8);
        add(&l, STEP_WAIT, 0);
        add_memory(&l, STEP_LOADS, crossing_record(kernel) + 16, 1, 8);
        add(&l, STEP_WAIT, 0);
        add(&l, STEP_ALU, 1);
        return l.n;
    }
    add(&l, STEP_DRAIN, 0);
    add_cycles(&l, cfg->entry_cycles);
    if (cfg->kpti)
        add_tables(&l, cfg);
    add_memory(&l, STEP_STORES, crossing_thread(thread), cfg->saved_registers, 8);
    return l.n;
}

uint32_t boundary_leave(const struct boundary_config *cfg, uint32_t user, uint32_t thread,
                        struct boundary_step out[BOUNDARY_STEPS])
{
    struct list l = {out, 0};
    if (cfg->kind == BOUNDARY_CALL) {
        add_memory(&l, STEP_LOADS, crossing_thread(thread), 1, 8);
        add(&l, STEP_WAIT, 0);
        add_memory(&l, STEP_LOADS, crossing_record(user) + 16, 1, 8);
        add(&l, STEP_WAIT, 0);
        return l.n;
    }
    add_memory(&l, STEP_LOADS, crossing_thread(thread), cfg->saved_registers, 8);
    add(&l, STEP_DRAIN, 0);
    if (cfg->l1d_flush) {
        add_memory(&l, STEP_LOADS, CROSSING_FLUSH_BUFFER, CROSSING_FLUSH_BYTES / LINE_BYTES,
                   LINE_BYTES);
        add(&l, STEP_WAIT, 0);
        add_cycles(&l, cfg->l1d_flush_cycles);
    }
    if (cfg->verw)
        add_cycles(&l, cfg->verw_cycles);
    if (cfg->kpti)
        add_tables(&l, cfg);
    add_cycles(&l, cfg->exit_cycles);
    return l.n;
}

uint32_t boundary_process(const struct boundary_config *cfg,
                          struct boundary_step out[BOUNDARY_STEPS])
{
    struct list l = {out, 0};
    if (cfg->kind == BOUNDARY_CALL)
        return 0;
    add_tables(&l, cfg);
    if (cfg->ibpb) {
        add_cycles(&l, cfg->ibpb_cycles);
        add(&l, STEP_BARRIER, 0);
    }
    return l.n;
}

uint32_t boundary_thread(const struct boundary_config *cfg, uint32_t from, uint32_t to,
                         struct boundary_step out[BOUNDARY_STEPS])
{
    struct list l = {out, 0};
    add_memory(&l, STEP_STORES, crossing_thread(from) + CROSSING_SWITCH_OFFSET,
               cfg->saved_registers, 8);
    add_memory(&l, STEP_LOADS, crossing_thread(to) + CROSSING_SWITCH_OFFSET, cfg->saved_registers,
               8);
    add(&l, STEP_WAIT, 0);
    return l.n;
}

uint32_t boundary_asid(const struct boundary_config *cfg, uint32_t process, int kernel_side)
{
    if (cfg->kind == BOUNDARY_CALL)
        return 0;
    if (cfg->kpti)
        return 1 + ((process & 0x3fffu) << 1 | (uint32_t)kernel_side);
    return kernel_side ? 0 : 1 + (process & 0x7fffu);
}
