/* core.h - the core-model seam: a core turns the log of one hart into time. */
#ifndef CPU_CORE_H
#define CPU_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/archive.h"
#include "memhier/counter.h"
#include "memhier/hierarchy.h"
#include "wasmcore/engine.h"

/* Where cycles go. Every cycle of a hart is in exactly one of these, for user and kernel apart. */
#define CPI_PARTS(X)                                                                               \
    X(BASE, base, "issuing micro-ops, or waiting for results of arithmetic")                       \
    X(FRONTEND, frontend, "instruction fetch that missed the L1I")                                 \
    X(BRANCH, branch, "refilling the pipeline after a misprediction")                              \
    X(L1, l1, "waiting for loads that hit the L1D")                                                \
    X(L2, l2, "waiting for loads that hit the L2")                                                 \
    X(LLC, llc, "waiting for loads that hit the LLC")                                              \
    X(COHERENCE, coherence, "waiting for lines that another hart had")                             \
    X(DRAM, dram, "waiting for loads from DRAM")                                                   \
    X(NVDIMM, nvdimm, "waiting for loads from the NVDIMM")                                         \
    X(STORE, store, "store buffer full")                                                           \
    X(WPQ, wpq, "fences and flushes while the write pending queue was full")                       \
    X(FLUSH, flush, "flush instructions")                                                          \
    X(FENCE, fence, "fences waiting for flushes and non-temporal stores")                          \
    X(TRANSLATION, translation, "TLB misses and page walks")                                       \
    X(BOUNDARY, boundary, "crossing between user and kernel")                                      \
    X(IDLE, idle, "waiting for devices")

enum cpi_part {
#define X(id, name, meaning) CPI_##id,
    CPI_PARTS(X)
#undef X
        CPI_COUNT
};
extern const char *const cpi_part_names[CPI_COUNT];

enum boundary_kind { BOUNDARY_CALL, BOUNDARY_TRAP };

/*
 * What lies between user and kernel (design §1). `call`: a direct call that switches the instance
 * pointer, translation by a small TLB of 64 KiB pages. `trap`: drain, microcode, registers saved
 * and restored as stores and loads, 4 KiB pages with walks through the caches, mitigations. What
 * each crossing consists of is written down in boundary.h.
 */
struct boundary_config {
    uint8_t kind;                                         /* enum boundary_kind */
    uint8_t kpti, pcid, ibpb, retpoline, l1d_flush, verw; /* switches; of trap only */
    uint32_t entry_cycles, exit_cycles; /* microcode of syscall and sysret, swapgs included */
    uint32_t saved_registers;           /* stored at entry, loaded at exit; in both forms, saved and
                                           loaded at a switch of threads */
    uint32_t cr3_cycles;                /* write of the page-table base, each way under kpti */
    uint32_t ibpb_cycles;               /* at a switch of thread between instances */
    uint32_t retpoline_cycles;          /* for each indirect branch in the kernel */
    uint32_t l1d_flush_cycles, verw_cycles; /* at each exit */
    uint32_t bounds_check_cycles;           /* call: 0 to 2, added to the latency of each access to
                                               linear memory */
};

/* Size of pages: 64 KiB under `call`, 4 KiB under `trap`, or what is asked for. NONE: translation
 * costs nothing. */
enum tlb_page { TLB_PAGE_USUAL, TLB_PAGE_4K, TLB_PAGE_2M, TLB_PAGE_NONE };

/* The first level exists twice, for instructions and for data. */
struct tlb_config {
    uint32_t l1_entries, l1_ways; /* entries / ways is a power of two */
    uint32_t l2_entries, l2_ways; /* not with pages of 64 KiB; entries 0: none */
    uint32_t l2_cycles;           /* of a hit in the second level */
    uint8_t page;                 /* enum tlb_page */
};

enum predictor { PREDICTOR_GSHARE, PREDICTOR_STATIC, PREDICTOR_BIMODAL, PREDICTOR_TAGE };

struct branch_config {
    uint8_t predictor;        /* enum predictor: of conditional branches */
    uint8_t target_history;   /* indirect targets by what was before them, too */
    uint32_t target_branches; /* which is so many taken branches, 0 to 16; 0: indirect targets */
    uint32_t history_bits;    /* 2^bits counters (tage: of its base; a quarter of that a table) */
    uint32_t target_entries;  /* indirect targets (of each table), power of two */
    uint32_t return_entries;  /* return stack */
    uint32_t mispredict_cycles;
    uint32_t indirect_cycles; /* the same of indirect branches; 0: mispredict_cycles */
    uint32_t btb_entries; /* ooo: taken direct branches that are known when fetched; power of two,
                             0: all */
    uint32_t btb_cycles;  /* ooo: until the target of another one is decoded */
};

/* What code from wasm has more of than native code, in thousandths: penalty.h. */
struct penalty_config {
    uint32_t percent;                               /* of it that is charged, 0: nothing; to 1000 */
    uint32_t instructions, loads, stores, branches; /* to 10000 */
};

#define CORE_PORTS 16u /* most that a core has */

/* The window of the out-of-order core; the in-order one has none. */
struct window_config {
    uint32_t fetch_width, retire_width; /* micro-ops a cycle, 1 to 16 */
    uint32_t fetch_queue;               /* micro-ops between fetch and dispatch, 1 to 1023 */
    uint32_t rob, load_queue;           /* 1 to 1023; stores: core_config.store_buffer */
    uint32_t scheduler;                 /* micro-ops that wait for issue, 1 to 1023 */
    uint16_t ports[UOP_CLASSES];        /* which a class may use, a bit each; not 0 */
    uint32_t div_busy, fdiv_busy;       /* cycles until a divider takes the next, 1 to 1000 */
    uint32_t fsqrt_busy;                /* the same after a square root */
    uint32_t forward_cycles;            /* from a store's data to a load of it, 0 to 1000 */
    uint32_t walkers;                   /* page walks at once, 1 to 8 */
    uint8_t fuse_loads;   /* a load and the arithmetic behind it are one micro-op but for issue */
    uint16_t ports_shift; /* of shifts and rotations; 0: those of UOP_ALU */
    uint32_t scale_add; /* a shift by 1 to 3 and the addition behind it are one micro-op of so many
                           cycles; 0: two, to 1000 */
    uint32_t vector_load; /* cycles that a load into a vector register takes more, 0 to 1000 */
    uint16_t ports_vector_load;  /* of loads into vector registers; 0: those of loads */
    uint16_t ports_vector_store; /* of stores from them; 0: those of stores */
    uint32_t line_commits;       /* stores to one line that commit in a cycle, to 8; 0: 1 */
    uint8_t fetch_lines;         /* a cycle of fetch takes micro-ops of one line of code */
    uint8_t rename_copies;       /* copies are renamed: they take no port and no time */
    uint8_t rename_sums;         /* so are sums of a register and a short constant */
    uint8_t fuse_branches; /* so are a compare and its branch, for issue too; 0: two micro-ops */
};

struct core_config {
    ps_t period;    /* of a cycle */
    uint32_t width; /* micro-ops issued (inorder) or dispatched (ooo) a cycle, 1 to 8 */
    uint32_t latency[UOP_CLASSES]; /* cycles until the result can be used; loads: added to L1 */
    uint32_t units[UOP_CLASSES];   /* how many of a class start in a cycle, 1 to 8 */
    uint32_t store_buffer;         /* stores under way, 1 to 128 */
    uint32_t flushes;              /* flushes and non-temporal stores under way, 1 to 128 */
    uint32_t load_misses;          /* loads under way that missed the L1D, 0: no limit, to 64 */
    uint8_t
        no_stack; /* cycles are not told apart: by side only, not by cause, function, call stack */
    struct window_config window;
    struct branch_config branch;
    struct boundary_config boundary;
    struct tlb_config tlb_call, tlb_trap; /* the boundary's kind chooses */
    struct penalty_config penalty;
    uint32_t vector_bytes;     /* of a micro-op of a bulk copy, 16 to 64; 0: 16 */
    uint32_t shootdown_cycles; /* to take a page's translation back */
    uint8_t pollution;         /* count it: shadow.h */
};

/*
 * What a core sees of a store, as plain data. Cores look it up in the store themselves; only tests,
 * which have hand-made blocks and no store, fill one in.
 */
struct core_view {
    struct code_view code;
    const struct space *const *spaces; /* by instance; NULL: has no memory */
    const uint64_t *frame_addrs;       /* by thread */
    const char *const *module_names;   /* by module */
    uint32_t nspaces, nthreads, nmodules;
};

#define NO_INSTANCE UINT32_MAX

/* Copied; what it points to is borrowed for the life of the core. */
struct domain;
struct core_env {
    struct store *store;
    const struct core_view *view; /* NULL: the store is asked */
    struct hierarchy *hierarchy;
    struct domain *domain;    /* NULL: nothing is persistent */
    uint32_t kernel_instance; /* its code is the kernel side; NO_INSTANCE: all is user code */
    uint8_t hart;
    uint8_t dependences; /* tell in each request on which earlier load it depends */
};

/* What is counted between pwk.roi(1) and pwk.roi(0), of whatever the hart runs meanwhile. */
#define ROI_COUNTERS(X)                                                                            \
    X(CYCLES, cycles, "cycles", "in the region of interest")                                       \
    X(INSTRUCTIONS, instructions, "1", "wasm operators in the region of interest")                 \
    X(USER_CYCLES, user_cycles, "cycles", "there, in user code")                                   \
    X(KERNEL_CYCLES, kernel_cycles, "cycles", "there, in the kernel, crossings and idling apart")  \
    X(BOUNDARY_CYCLES, boundary_cycles, "cycles", "there, in crossings and switches of thread")    \
    X(IDLE_CYCLES, idle_cycles, "cycles", "there, waiting for devices and other harts")            \
    X(USER_INSTRUCTIONS, user_instructions, "1", "there, wasm operators of user code")             \
    X(KERNEL_INSTRUCTIONS, kernel_instructions, "1", "there, wasm operators of the kernel")        \
    X(KERNEL_CALLS, kernel_calls, "1", "there, calls from user code into the kernel")              \
    X(THREAD_SWITCHES, thread_switches, "1", "there, switches of guest thread")                    \
    X(MISPREDICTIONS, mispredictions, "1", "there, branches predicted wrongly")                    \
    X(TLB_MISSES, tlb_misses, "1", "there, translations that missed the first level")              \
    X(WALK_LOADS, walk_loads, "1", "there, reads of page or frame tables")                         \
    X(MARKS, marks, "1", "there, pwk.mark: operations, by the program's own count")

enum roi_counter {
#define X(id, name, unit, meaning) ROI_##id,
    ROI_COUNTERS(X)
#undef X
        ROI_COUNT
};

struct core_counters {
    uint64_t instructions, uops, blocks;
    uint64_t user_instructions, kernel_instructions;
    uint64_t branches, mispredictions, btb_misses;
    uint64_t penalty_uops;
    uint64_t fused, forwards;
    uint64_t frame_loads, frame_stores; /* micro-ops of spills and of call frames */
    uint64_t loads, stores, bulk_bytes;
    uint64_t flushes, fences, fences_waiting, nt_stores;
    uint64_t kernel_calls, thread_switches;
    uint64_t call_cycles; /* from entry to return, the crossing included, waits for devices not */
    uint64_t tlb_lookups, tlb_misses, tlb_l2_hits, walk_loads;
    uint64_t persist_cycles; /* WPQ + FLUSH + FENCE together */
    uint64_t roi[ROI_COUNT]; /* between pwk.roi(1) and pwk.roi(0) */
    /* There, too: misses of user code that it would not have had alone (shadow.h). */
    uint64_t polluted_l1i, polluted_l1d, polluted_l2, polluted_tlb, polluted_walks;
    uint64_t polluted_branches, helped_branches;
    uint64_t user_cycles[CPI_COUNT], kernel_cycles[CPI_COUNT];
};

struct core; /* each model's own */
struct stream_op;

struct core_ops {
    const char *name, *meaning;
    /* NULL and a message when a value is out of range. */
    struct core *(*make)(const struct core_config *cfg, const struct core_env *env, char *err,
                         size_t errlen);
    void (*drop)(struct core *c);
    /* Time a log; it must end between blocks or with an access of the last block. Logs follow one
     * another without a gap, in execution order. */
    void (*consume)(struct core *c, const uint64_t *words, uint32_t n);
    /* Time at which the last micro-op so far has issued. */
    ps_t (*now)(const struct core *c);
    /* Wait for everything under way: the end of a run. */
    void (*drain)(struct core *c);
    const struct core_counters *(*counters)(const struct core *c);
    /* Cycles by guest call stack, "kernel`boot;app`main;app`f 123" lines, sorted. Caller frees. */
    char *(*folded)(const struct core *c);
    /* The CPI stack of each function: lines as functions.h has them. Caller frees. */
    char *(*functions)(const struct core *c);
    /* All that a later log can see, to or from a checkpoint (memhier/archive.h); between two logs,
     * counters included. What is read goes into a core that make has just made. NULL: machines with
     * this core have no full checkpoints. */
    void (*archive)(struct core *c, struct archive *a);
    /* Time instructions of a trace, in place of a log: cpu/stream.h. A core that is fed so gets no
     * logs. NULL: not with this model. */
    void (*stream)(struct core *c, const struct stream_op *ops, uint32_t n);
};

extern const struct core_ops core_inorder, core_ooo;
/* All models, NULL-terminated. */
extern const struct core_ops *const core_models[];
extern const struct counter core_counter_table[];
/* 0, or -1 and a message when a value is out of range: for the models' make. */
int core_config_check(const struct core_config *cfg, char *err, size_t errlen);
int core_window_check(const struct core_config *cfg, char *err, size_t errlen);
/* Names "module`function" of all functions, by number, for folded stacks: one allocation, the
 * caller frees. n: how many. NULL when there is no memory. */
char **core_function_names(const struct core_env *env, uint32_t *n);

#endif
