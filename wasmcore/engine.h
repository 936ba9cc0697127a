/* engine.h - stores, instances and guest threads; running them, with or without a log. */
#ifndef WASMCORE_ENGINE_H
#define WASMCORE_ENGINE_H

#include "wasmcore/block.h"
#include "wasmcore/module.h"
#include "wasmcore/space.h"

/*
 * A store owns everything that modules of one machine share: function types made comparable, code
 * (blocks, micro-ops), instances, spaces and threads, each with a small number that never changes.
 * A guest thread is plain data; running one uses a fixed amount of the host's stack.
 */
struct store;
struct instance;
struct thread;
struct func; /* something that can be called: wasm code in an instance, or the machine (host) */

/*
 * Values are 64-bit slots: i32 and f32 as their bits in the low half, the high half zero; a v128
 * takes two, lanes from low to high, wherever parameters and results are in slots. A funcref
 * is func_ref() of it; an externref is whatever number the machine chose but REF_NULL, which is the
 * null of both.
 */
#define REF_NULL UINT64_C(0)

struct store_config {
    const struct wasm_limits *limits;         /* NULL: defaults; borrowed */
    uint32_t stack_slots;                     /* of a thread, 8 bytes each; past it: TRAP_STACK */
    uint32_t call_depth;                      /* frames of a thread; past it: TRAP_STACK */
    uint32_t int_registers, vector_registers; /* architectural, 4 to 64 each */
    uint32_t code_bytes_per_uop;
};
extern const struct store_config store_default_config;

struct store *store_new(struct physmem *pm, const struct store_config *cfg);
void store_free(struct store *st);

/* Decode, validate and lower. name is for messages and back traces (copied). The module's number,
 * or -1 with err filled. The store owns the module. Imports of module "pmem", and pwk.roi, .mark
 * and .tx, become single instructions if their types are those of design §8, else it is an error.
 */
int store_load(struct store *st, const char *name, const uint8_t *bytes, size_t n,
               struct wasm_error *err);
const struct module *store_module(const struct store *st, int module);
/* The name given to store_load, or NULL. */
const char *store_module_name(const struct store *st, int module);
/* Bytes of code that the module's blocks take, and where in physical memory they are put. */
uint64_t store_code_bytes(const struct store *st, int module);
void store_place_code(struct store *st, int module, uint64_t addr);

/* What a import is bound to, or what an export is. */
struct external {
    uint8_t kind; /* enum extern_kind */
    union {
        struct func *func;
        struct table *table;
        struct space *memory;
        struct gcell *global;
    };
};

/* Numbers of host functions from HOST_RESERVED on are the engine's own: what the machine must do
 * for instructions that need it. HOST_CYCLES: pmem.cycles, put an i64 into slot 0. */
#define HOST_RESERVED 0xff00u
#define HOST_CYCLES   0xff00u
/*
 * HOST_WAIT: memory.atomic.wait32 or .wait64 has found the value that it expects, and the thread
 * is to sleep. Slot 0: the address with HOST_WAIT_PLACE above it, 1: the value expected, 2: the
 * time-out in nanoseconds as an int64_t, negative: none. Put 0 (woken), 1 (not the value any more)
 * or 2 (timed out) into slot 0.
 * HOST_NOTIFY: memory.atomic.notify on a shared memory. Slot 0: the address, 1: how many threads to
 * wake, with the number of the space above bit 32. Put how many were woken into slot 0.
 */
#define HOST_WAIT   0xff01u
#define HOST_NOTIFY 0xff02u
/* Which memory of the instance, and bytes of the value. */
#define HOST_WAIT_PLACE(memory, bytes) ((uint64_t)(memory) << 48 | (uint64_t)((bytes) == 8) << 63)
#define HOST_WAIT_ADDR(slot)           ((slot) & ((UINT64_C(1) << 48) - 1))
#define HOST_WAIT_MEMORY(slot)         ((uint32_t)((slot) >> 48) & 0x7fff)
#define HOST_WAIT_BYTES(slot)          ((slot) >> 63 ? 8u : 4u)

/* A host function: running it makes engine_run return RUN_HOST with this number. type is copied. */
struct func *store_host_func(struct store *st, uint32_t number, const struct functype *type);
/* Host-made imports, for tests: a global cell, a table, a memory. Owned by the store. */
struct gcell *store_host_global(struct store *st, struct global_type type, uint64_t bits);
struct table *store_host_table(struct store *st, struct table_type type);
struct space *store_host_memory(struct store *st, struct limits limits);

enum link_error { LINK_OK, LINK_TYPE, LINK_MEMORY, LINK_TRAP };
/*
 * Link imports[0 .. nimports) (in the module's order; entries for instructions such as pmem.clwb
 * are ignored), allocate and initialise. An active segment out of bounds is LINK_TRAP, as the
 * specification has it, its words in err: what was written before stays. The start function is not
 * run: call instance_start and run that. privileged: may be entered as the kernel; calls from an
 * instance that is not, into one that is, are logged as EV_ENTER and EV_LEAVE,
 * and trap (TRAP_STACK) in the caller when little of the stack is left.
 */
struct instance_options {
    uint8_t privileged;
    uint32_t max_pages; /* limit on each of its memories, 0: the module's own */
};
enum link_error instance_new(struct store *st, int module, const struct external *imports,
                             const struct instance_options *opt, struct instance **out,
                             struct wasm_error *err);
uint32_t instance_id(const struct instance *in);
struct instance *store_instance(const struct store *st, uint32_t id);
/* Memory 0, or any of them; NULL when there is none. */
struct space *instance_space(const struct instance *in);
/* The name given to store_load for its module. */
const char *instance_module_name(const struct instance *in);
struct space *instance_memory(const struct instance *in, uint32_t memory);
/* 0 and *out, or -1 when there is no such export. */
int instance_export(const struct instance *in, const char *name, struct external *out);
/* The same for any name: those of wasm may hold a NUL. */
int instance_export_name(const struct instance *in, struct name name, struct external *out);
struct func *instance_start(const struct instance *in); /* NULL: none */
/* Drop it and everything that only it owns; threads must not be in it any more. Its number is not
 * used again. */
void instance_drop(struct instance *in);

/* Is all that its code can reach without a call into a privileged instance its own: memories that
 * are not shared, hold no frames from elsewhere, and neither they nor tables are another's? */
int instance_private(const struct instance *in);

const struct functype *func_type(const struct func *f);
/* The value of type funcref that stands for f, and back; NULL for REF_NULL and for what is gone. */
uint64_t func_ref(const struct func *f);
struct func *store_func(const struct store *st, uint64_t ref);
uint64_t gcell_get(const struct gcell *g);
void gcell_set(struct gcell *g, uint64_t bits);
/* The high half of a v128; 0 for other types. */
uint64_t gcell_get_high(const struct gcell *g);
void gcell_set_high(struct gcell *g, uint64_t bits);
struct global_type gcell_type(const struct gcell *g);

/* ---- threads ---- */

enum trap_kind {
    TRAP_NONE,
    TRAP_UNREACHABLE,
    TRAP_MEMORY,     /* out of bounds memory access */
    TRAP_TABLE,      /* out of bounds table access */
    TRAP_UNDEFINED,  /* undefined element */
    TRAP_NULL,       /* uninitialized element */
    TRAP_SIGNATURE,  /* indirect call type mismatch */
    TRAP_DIVIDE,     /* integer divide by zero */
    TRAP_OVERFLOW,   /* integer overflow */
    TRAP_CONVERSION, /* invalid conversion to integer */
    TRAP_STACK,      /* call stack exhausted */
    TRAP_UNALIGNED,  /* non-temporal store or atomic on an unaligned address */
    TRAP_SHARED,     /* expected shared memory */
    TRAP_DEADLOCK,   /* waits for ever: nothing can wake it */
    TRAP_KINDS
};
/* The specification's words for it: "integer divide by zero". */
const char *trap_text(enum trap_kind kind);

enum run_reason {
    RUN_DONE,    /* the function that the thread began with has returned */
    RUN_TRAP,    /* thread_trap says what; the thread can only be dropped or restarted */
    RUN_HOST,    /* a host function: thread_host, then run again */
    RUN_LOG,     /* the log is full: empty it and run again */
    RUN_PREEMPT, /* thread_preempt was called: run again when it pleases */
    RUN_FUEL     /* thread_fuel's count is reached: give more and run again */
};

/* A thread with an empty stack. frame_addr: physical address of stack_slots * 8 bytes for its
 * frames (timing only). */
struct thread *thread_new(struct store *st, uint64_t frame_addr);
/* Before it is called: its stack may have no more than so many slots. The limit, or UINT32_MAX:
 * that of the store. */
void thread_limit_stack(struct thread *t, uint32_t slots);
uint32_t thread_stack_limit(const struct thread *t);
void thread_drop(struct thread *t);
uint32_t thread_id(const struct thread *t);
struct thread *store_thread(const struct store *st, uint32_t id);
uint64_t thread_frame_addr(const struct thread *t);

/* Begin f with its parameters in args; what the thread did before is forgotten. */
void thread_call(struct thread *t, struct func *f, const uint64_t *args);
/* Results of the function that the thread began with, after RUN_DONE. */
const uint64_t *thread_results(const struct thread *t);
/* In RUN_HOST: the number of the host function, and its argument slots, into which results go. */
uint32_t thread_host(const struct thread *t);
/* Is it in RUN_HOST, so that these mean anything? */
int thread_in_host(const struct thread *t);
uint64_t *thread_host_slots(struct thread *t);
/* In RUN_HOST: the call does not come back; the thread's next run ends with RUN_TRAP. */
void thread_fail(struct thread *t, enum trap_kind kind);
/* The instance whose code it runs; in RUN_HOST: that made the call. */
struct instance *thread_instance(const struct thread *t);

/*
 * The same semantics twice: without timing, and with a log of blocks and addresses. Both count. The
 * two may take turns on one thread. A log is appended to from log->n on; RUN_LOG comes when less
 * than LOG_SLACK words are left, or in the midst of a bulk operation: then the next log begins with
 * LOG_BULK words that belong to the last block of the one before. Each run logs EV_INSTANCE first
 * (after the rest of a bulk operation).
 */
enum run_reason engine_run_functional(struct thread *t);
enum run_reason engine_run_observed(struct thread *t, struct log *log);
/* Make the thread's next run end with RUN_PREEMPT at its first call or taken branch. Not while it
 * runs: what ends a run is a count, so that it is the same in every run of a program. */
void thread_preempt(struct thread *t);
/* Whether the thread's runs end with RUN_PREEMPT where it enters a privileged instance. */
void thread_gate(struct thread *t, int on);
/* The same at the first call or taken branch where thread_instructions is at least `count`, each
 * time that it runs; the same place in both modes. UINT64_MAX: never. */
void thread_limit(struct thread *t, uint64_t count);

/* Make a run end with RUN_PREEMPT, as thread_preempt does, when the thread next executes
 * pwk.mark(id); the same place in both modes. thread_marked then says 1, until this is called
 * again. */
void thread_stop_at_mark(struct thread *t, uint32_t id);
int thread_marked(const struct thread *t);

/*
 * Fuel: the thread stops with RUN_FUEL when thread_instructions is exactly `count` and another
 * operator is due, wherever that is, in both modes alike, and goes on from there when it is given
 * more. UINT64_MAX: no limit (and full speed). Call it while the thread is not running. 0, or -1:
 * no memory.
 */
int thread_fuel(struct thread *t, uint64_t count);
/* A log has no halves of blocks: what a block has logged before the stop is kept for the rest. If
 * there will be none, put that into a log that has room for LOG_SLACK words. */
void thread_log_kept(const struct thread *t, struct log *log);

/*
 * Wasm operators executed by the thread so far; exact whenever it is not running. Operators are
 * those of the binary but block, loop, end, else and nop; one that traps counts.
 */
uint64_t thread_instructions(const struct thread *t);

struct trap_frame {
    const char *module, *func; /* owned by the store */
    uint32_t func_index;
    uint32_t offset; /* of the instruction in the module's bytes */
};
enum trap_kind thread_trap(const struct thread *t);
/* Innermost first: fills up to n, returns how many frames there are. */
uint32_t thread_backtrace(const struct thread *t, struct trap_frame *out, uint32_t n);

/* ---- code, for timing models and reports ---- */

/* Arrays move when a module is loaded; fetch them anew after each engine_run. */
struct code_view {
    const struct block *blocks;
    const struct uop *uops;
    const struct code_func *funcs;
    uint32_t nblocks, nuops, nfuncs;
};
struct code_view store_code(const struct store *st);
/* Where a block's code begins in its module's bytes. Slow: for reports. */
uint32_t store_block_offset(const struct store *st, uint32_t block);

#endif
