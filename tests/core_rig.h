/* core_rig.h - for tests of cores: a machine of hand-made blocks, spaces and memories that answer
 * in a fixed time, and the log that a test writes. */
#ifndef TESTS_CORE_RIG_H
#define TESTS_CORE_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/boundary.h"
#include "cpu/core.h"
#include "nvdimm/domain.h"
#include "wasmcore/space.h"

/* The machine: a cycle is 500 ps; lookups take 4, 14 and 48 cycles, DRAM 200, an NVDIMM read 300,
 * its acceptance of a write 60 (100 when the queue is full). */
#define PERIOD  500u
#define L1      4u
#define L2      (4u + 14u)
#define LLC     (4u + 14u + 48u)
#define DRAM    (LLC + 200u)
#define ACCEPT  60u
#define FULL    100u
#define FRAMES  (UINT64_C(1) << 28) /* where call frames are */
#define CODE    (UINT64_C(1) << 24)
#define USER    3u
#define OTHER   4u
#define KERNEL  1u
#define THREADS 4u

struct rig {
    const struct core_ops *ops; /* the model under test */
    struct core_config cfg;
    struct hierarchy *h;
    struct domain *domain;
    struct core *core;
    struct core_view view;
    struct space spaces[8];
    const struct space *space_of[8];
    uint64_t frames[8][64], frame_addrs[THREADS];
    struct block blocks[64];
    struct uop uops[8192];
    struct code_func funcs[4];
    uint32_t nblocks, nuops;
    uint64_t log[65536];
    uint32_t nlog;
    /* what the memories saw */
    struct mem_req last[MEM_KINDS];
    unsigned seen[MEM_KINDS];
    int wpq_full;
    uint32_t listed; /* stores in the domain at the last MEM_VISIBLE or MEM_NTSTORE */
};

static inline struct mem_reply memory_access(void *self, const struct mem_req *req)
{
    struct rig *r = self;
    r->last[req->kind] = *req;
    r->seen[req->kind]++;
    if (req->kind == MEM_VISIBLE || req->kind == MEM_NTSTORE)
        r->listed = (uint32_t)domain_line_stores(r->domain, req->addr, NULL, 0);
    const int nv = addr_is_nvdimm(req->addr);
    struct mem_reply reply = {req->at + 200 * PERIOD, SRC_DRAM};
    switch (req->kind) {
    case MEM_VISIBLE:
        domain_visible_bytes(r->domain, req->addr, req->bytes, req->at);
        reply.done = req->at;
        break;
    case MEM_NTSTORE:
        domain_carry_nontemporal(r->domain, req->addr, req->bytes, req->at);
        /* fall through */
    case MEM_CLWB:
    case MEM_CLFLUSH:
    case MEM_CLFLUSHOPT:
    case MEM_WRITEBACK:
        reply.done = req->at + (r->wpq_full ? FULL : ACCEPT) * PERIOD;
        reply.source = r->wpq_full ? SRC_WPQ_FULL : nv ? SRC_NVDIMM : SRC_DRAM;
        break;
    default:
        if (nv)
            reply = (struct mem_reply){req->at + 300 * PERIOD, SRC_NVDIMM};
        break;
    }
    return reply;
}

static inline void rig_core(struct rig *r)
{
    char err[200] = "";
    const struct cache_config level[CACHE_LEVELS] = {
        [CACHE_L1I] = {32768, 8, 1 * PERIOD, "lru"},
        [CACHE_L1D] = {32768, 8, 4 * PERIOD, "lru"},
        [CACHE_L2] = {1 << 20, 16, 14 * PERIOD, "lru"},
        [CACHE_LLC] = {2 << 20, 16, 48 * PERIOD, "lru"}};
    struct hierarchy_config hc = {
        .harts = 1, .dram = {memory_access, r}, .nvdimm = {memory_access, r}, .seed = 1};
    memcpy(hc.level, level, sizeof level);
    if (r->core)
        r->ops->drop(r->core);
    if (r->h)
        hierarchy_free(r->h);
    if (r->domain)
        domain_free(r->domain);
    r->domain = domain_new(DOMAIN_ADR);
    r->h = hierarchy_new(&hc, err, sizeof err);
    cr_assert_not_null(r->h, "%s", err);
    const struct core_env env = {
        .view = &r->view, .hierarchy = r->h, .domain = r->domain, .kernel_instance = KERNEL};
    r->core = r->ops->make(&r->cfg, &env, err, sizeof err);
    cr_assert_not_null(r->core, "%s", err);
}

static inline void rig_free(struct rig *r)
{
    r->ops->drop(r->core);
    hierarchy_free(r->h);
    domain_free(r->domain);
    free(r);
}

/* Spaces of 64 pages: DRAM, but the upper half of USER's is NVDIMM. */
static inline struct rig *rig_new_of(const struct core_ops *ops)
{
    struct rig *r = calloc(1, sizeof *r);
    cr_assert_not_null(r);
    r->ops = ops;
    for (uint32_t i = 0; i < 8; i++) {
        struct space *s = &r->spaces[i];
        for (uint32_t p = 0; p < 64; p++)
            r->frames[i][p] = ((uint64_t)i << 22) + ((uint64_t)p << 16) +
                              (i == USER && p >= 32 ? NVDIMM_BASE : 0);
        *s = (struct space){.pages = 64, .frame = r->frames[i], .id = i};
        s->table_addr = PAGE_TABLE_BASE + ((uint64_t)i << 24);
        r->space_of[i] = i == 7 ? NULL : s;
    }
    for (uint32_t i = 0; i < THREADS; i++)
        r->frame_addrs[i] = FRAMES + ((uint64_t)i << 20);
    static const char *const functions[] = {"main", "f", "read", "boot"};
    for (uint32_t i = 0; i < 4; i++)
        r->funcs[i] = (struct code_func){.name = functions[i], .module = i / 2};
    static const char *const modules[] = {"app", "kernel"};
    r->view = (struct core_view){.code = {r->blocks, r->uops, r->funcs, 1, 0, 4},
                                 .spaces = r->space_of,
                                 .frame_addrs = r->frame_addrs,
                                 .module_names = modules,
                                 .nspaces = 8,
                                 .nthreads = THREADS,
                                 .nmodules = 2};
    r->nblocks = 1;
    struct core_config *c = &r->cfg;
    *c = (struct core_config){.period = PERIOD,
                              .width = 2,
                              .latency = {[UOP_ALU] = 1,
                                          [UOP_MUL] = 3,
                                          [UOP_DIV] = 20,
                                          [UOP_FADD] = 4,
                                          [UOP_FMUL] = 4,
                                          [UOP_FDIV] = 14,
                                          [UOP_FSQRT] = 19,
                                          [UOP_FCVT] = 5,
                                          [UOP_BRANCH] = 1},
                              .store_buffer = 16,
                              .flushes = 12,
                              .load_misses = 10,
                              .branch = {.history_bits = 10,
                                         .target_entries = 64,
                                         .return_entries = 8,
                                         .mispredict_cycles = 14},
                              .window = {.fetch_width = 8,
                                         .retire_width = 8,
                                         .fetch_queue = 64,
                                         .rob = 128,
                                         .load_queue = 64,
                                         .scheduler = 64,
                                         .div_busy = 20,
                                         .fdiv_busy = 14,
                                         .fsqrt_busy = 16,
                                         .forward_cycles = 5,
                                         .walkers = 1,
                                         .fuse_branches = 1},
                              .boundary = {.pcid = 1,
                                           .entry_cycles = 80,
                                           .exit_cycles = 70,
                                           .saved_registers = 16,
                                           .cr3_cycles = 180,
                                           .ibpb_cycles = 1300,
                                           .retpoline_cycles = 30,
                                           .l1d_flush_cycles = 500,
                                           .verw_cycles = 450},
                              .tlb_call = {64, 4, 0, 0, 0},
                              .tlb_trap = {64, 4, 1536, 12, 7}};
    for (unsigned i = 0; i < UOP_CLASSES; i++)
        c->units[i] = 1, c->window.ports[i] = (uint16_t)(1u << i);
    c->units[UOP_ALU] = 2;
    c->window.ports[UOP_ALU] = 1u | 1u << 15;
    c->window.ports[UOP_LOAD] = 1u << UOP_LOAD | 1u << 14;
    rig_core(r);
    return r;
}

static inline struct rig *rig_new(void)
{
    return rig_new_of(&core_inorder);
}

/* ---- blocks and logs ---- */

static inline uint32_t block(struct rig *r, enum block_end end, uint32_t func)
{
    const uint32_t id = r->nblocks++;
    r->blocks[id] = (struct block){.uops = r->nuops,
                                   .code_addr = CODE + 4 * (uint64_t)r->nuops,
                                   .end = (uint8_t)end,
                                   .func = func};
    r->view.code.nblocks = r->nblocks;
    return id;
}

/* Add a micro-op to the last block. */
static inline struct uop *put(struct rig *r, enum uop_class class, uint16_t dst, uint16_t a,
                              uint16_t b)
{
    struct block *last = &r->blocks[r->nblocks - 1];
    struct uop *u = &r->uops[r->nuops++];
    *u = (struct uop){.class = (uint8_t) class, .bytes = 8, .dst = dst, .a = a, .b = b};
    last->nuops++;
    r->view.code.nuops = r->nuops;
    last->nops++;
    last->code_bytes += 4;
    return u;
}

static inline struct uop *flush(struct rig *r, enum mem_kind kind)
{
    struct uop *u = put(r, UOP_FLUSH, REG_NONE, REG_NONE, REG_NONE);
    u->info = (uint8_t)kind;
    return u;
}

static inline void word(struct rig *r, uint64_t w)
{
    cr_assert_lt(r->nlog, sizeof r->log / sizeof *r->log);
    r->log[r->nlog++] = w;
}

static inline void enter(struct rig *r, uint32_t id)
{
    word(r, LOG_WORD(LOG_BLOCK, (uint64_t)id << 32));
}

static inline void event(struct rig *r, enum log_event e, uint64_t arg)
{
    word(r, LOG_EVENT_WORD(e, arg));
}

static inline void address(struct rig *r, uint64_t addr)
{
    word(r, LOG_WORD(LOG_ADDR, addr));
}

static inline void nv_store(struct rig *r, uint64_t addr, uint64_t old, uint64_t now)
{
    word(r, LOG_WORD(LOG_ADDR, addr) | LOG_NV);
    word(r, old);
    word(r, now);
}

static inline uint64_t now(const struct rig *r)
{
    const ps_t t = r->ops->now(r->core);
    cr_assert_eq(t % PERIOD, 0);
    return t / PERIOD;
}

static const struct core_counters *counters(const struct rig *r)
{
    return r->ops->counters(r->core);
}

static inline uint64_t total(const uint64_t parts[CPI_COUNT])
{
    uint64_t sum = 0;
    for (int i = 0; i < CPI_COUNT; i++)
        sum += parts[i];
    return sum;
}

static inline void check_sum(const struct rig *r)
{
    const struct core_counters *n = counters(r);
    cr_assert_eq(total(n->user_cycles) + total(n->kernel_cycles), now(r));
}

/* Consume the log and empty it: cycles that it took. */
static inline uint64_t consume(struct rig *r)
{
    const uint64_t before = now(r);
    r->ops->consume(r->core, r->log, r->nlog);
    r->nlog = 0;
    check_sum(r);
    return now(r) - before;
}

static inline void start_user(struct rig *r)
{
    event(r, EV_THREAD, 0);
    event(r, EV_INSTANCE, USER);
    consume(r);
}

/* Cycles of one more round of a block without addresses, when all is warm. */
static inline uint64_t steady(struct rig *r, uint32_t id)
{
    uint64_t cycles = 0;
    for (int i = 0; i < 5; i++) {
        enter(r, id);
        cycles = consume(r);
    }
    return cycles;
}

/* One round of `n` loads, each needing the one before, over lines `stride` apart. */
static inline uint64_t chase(struct rig *r, uint32_t id, uint32_t n, uint32_t stride)
{
    enter(r, id);
    for (uint32_t i = 0; i < n; i++)
        address(r, (uint64_t)i * stride);
    return consume(r);
}

static inline uint64_t l1d_accesses(const struct rig *r, enum mem_kind kind)
{
    const struct cache_counters *n = hierarchy_counters(r->h, CACHE_L1D, 0);
    return n->accesses[kind];
}

#define NV (UINT64_C(40) << 16) /* a page of USER's that is NVDIMM */

static inline void bulk(struct rig *r, uint64_t dst, uint64_t src, uint32_t n)
{
    const int nv = addr_is_nvdimm(dst);
    word(r, LOG_WORD(LOG_BULK, (uint64_t)(src ? BULK_COPY : BULK_FILL) << 58) |
                (nv ? LOG_BULK_NV : 0) | n);
    word(r, dst);
    word(r, src);
    for (uint64_t w = dst >> 3; nv && w <= (dst + n - 1) >> 3; w++) {
        word(r, w);
        word(r, ~w);
    }
}

#endif
