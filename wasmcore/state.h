/* state.h - the insides of stores, instances and threads, shared by the files of the engine only.
 */
#ifndef WASMCORE_STATE_H
#define WASMCORE_STATE_H

#include "wasmcore/engine.h"
#include "wasmcore/insn.h"

/* Of one instruction: where it comes from, and what of its block is over once it has begun. */
struct insn_pos {
    uint32_t offset; /* in the module's bytes */
    uint16_t ops;    /* operators of its block up to it, itself included */
    uint16_t logged; /* words of addresses (each NVDIMM store as one) and events before it */
};

/* A lowered function body. Shared by the instances of its module. */
struct code {
    struct insn *insns;   /* [0] is an IN_BLOCK; NULL: an imported function */
    struct insn_pos *pos; /* NULL: nobody has asked yet, see code_positions */
    uint32_t ninsns;
    uint32_t frame_slots;     /* parameters to deepest temporary */
    uint32_t zero_at, zero_n; /* declared locals: slots to clear */
    uint32_t func;            /* in the store's functions */
    uint32_t index;           /* in the module */
    uint8_t wide;             /* the module was known to have v128 when this was lowered */
};

/* Calls that a block makes through an import: its end depends on what the import is bound to. */
struct import_call {
    uint32_t import, block;
};

/* A module in a store. */
struct unit {
    struct module *module;
    char *name;
    uint32_t number;
    uint32_t *type_ids; /* of the module's types */
    struct code *codes; /* by function index; those of imports only if built in */
    uint8_t *builtin;   /* by imported function: enum builtin */
    char *func_names;   /* all of them, for the store's functions */
    /* the module's types by slot: see slots.h */
    const struct functype *slot_types;
    struct import_call *import_calls;
    uint32_t nimport_calls, import_calls_cap;
    uint32_t first_block, nblocks;
    uint64_t code_bytes;            /* of its blocks */
    uint32_t first_func;            /* in the store's functions */
    struct code_chunk *code_chunks; /* store.c's own */
    uint8_t linked;                 /* import_calls have been settled */
};

/* Imports that are instructions. */
enum builtin {
    BI_NONE,
    BI_CLWB,
    BI_CLFLUSHOPT,
    BI_CLFLUSH,
    BI_SFENCE,
    BI_NTSTORE32,
    BI_NTSTORE64,
    BI_CYCLES,
    BI_ROI,
    BI_MARK,
    BI_TX
};

struct func {
    const struct code *code; /* NULL: a host function */
    struct instance *inst;   /* NULL: a host function */
    const struct functype *type;
    uint32_t type_id; /* interned: equal types, equal ids */
    uint32_t id;      /* in the store */
    uint32_t host;
};

struct gcell {
    uint64_t bits;
    struct global_type type;
    struct instance *owner; /* NULL: the store */
    uint64_t high;          /* of a v128 */
};

/* Elements are funcs of this store (or NULL), or externrefs. */
struct table {
    union {
        struct func **funcs;
        uint64_t *externs;
    };
    uint32_t size, cap;
    struct table_type type;
    struct instance *owner;    /* NULL: the store */
    struct table *next, *prev; /* all tables of the store */
};

struct instance {
    struct store *store;
    struct unit *unit;
    uint32_t id;
    uint32_t uses; /* itself until dropped, and instances that import from it */
    uint8_t privileged, dropped;
    struct space *space;            /* memory 0, or NULL */
    struct space **spaces;          /* by memory index */
    struct instance **space_owners; /* of each; NULL: the store; itself or another */
    struct func **funcs;    /* by function index; NULL: a built-in never needed as a value */
    struct func *own_funcs; /* those not imported */
    uint32_t nown_funcs;
    struct gcell **imported_globals;
    struct gcell *globals; /* own */
    struct table **tables;
    uint32_t nown_tables;
    uint8_t *data_dropped, *elem_dropped; /* by segment */
    struct instance **needs;              /* instances that it imports from, each counted in uses */
    uint32_t nneeds;
};

/* One activation. Records are kept apart from the slots, which guests' values fill. */
struct frame {
    const struct code *code;
    struct instance *inst;
    const struct insn *ret; /* IN_BLOCK of the caller where it goes on */
    uint64_t *fp;           /* of the caller */
};

enum thread_state {
    THREAD_EMPTY,
    THREAD_BLOCK,      /* at an IN_BLOCK */
    THREAD_BULK,       /* in the midst of a bulk operation */
    THREAD_WITHIN,     /* stopped in the midst of a block: fuel.c */
    THREAD_HOST,       /* in RUN_HOST; then as THREAD_BLOCK */
    THREAD_FIRST_HOST, /* begun with a host function that has not been left to yet */
    THREAD_ONLY_HOST,  /* in that RUN_HOST; then done */
    THREAD_DONE,
    THREAD_TRAPPED
};

struct thread {
    /* hot: the engine writes these as it runs */
    const struct insn *ip; /* of the access under way, or where to go on */
    int64_t due;           /* while it runs: count - stop, as of the block under way */
    uint64_t stop;         /* count at which to leave: `limit`, or less when preempted */
    uint64_t count;        /* while it does not run */
    uint64_t *block_word;  /* observed: log word of the block under way */
    struct frame *rec;     /* of the innermost activation */
    uint64_t *fp;
    struct instance *inst;
    uint64_t *slots, *slots_end;
    struct frame *frames, *frames_end; /* frames[0] is a sentinel without instance */
    /* cold */
    struct store *store;
    uint64_t fuel;     /* count past which it does not go; UINT64_MAX: no limit */
    struct step *step; /* fuel.c's own; NULL: its fuel was never limited */
    uint64_t limit;    /* at most INT64_MAX: nobody counts so far */
    uint64_t frame_addr;
    struct func *first;
    uint32_t id;
    uint8_t state; /* enum thread_state */
    uint8_t trap;  /* enum trap_kind */
    uint32_t host;
    uint32_t host_base;               /* slot in fp where its arguments are */
    const struct functype *host_type; /* NULL: results need no care */
    uint64_t bulk_done;               /* bytes of the bulk operation under way */
    uint32_t mark;                    /* to stop at, if wants_mark */
    uint8_t wants_mark, marked;
    uint8_t gated; /* stop where a privileged instance is entered */
};

/* What a privileged instance finds free when it is entered: so it is the caller that runs out of
 * stack, and never what the others rely on. */
#define PRIVILEGED_SLOTS  2048
#define PRIVILEGED_FRAMES 64

static inline int stack_is_low(const struct thread *t, const struct instance *to,
                               const uint64_t *frame)
{
    return to->privileged &&
           (t->slots_end - frame < PRIVILEGED_SLOTS || t->frames_end - t->rec < PRIVILEGED_FRAMES);
}

/* Each has memory of its own: functions keep pointers to their types while modules are loaded. */
struct interned_type {
    struct functype type;
    uint64_t hash;
    uint8_t values[]; /* what type.types points to */
};

struct store {
    struct physmem *pm;
    struct store_config cfg;

    struct unit **units;
    uint32_t nunits, units_cap;

    struct interned_type **types;
    uint32_t ntypes, types_cap;
    uint32_t *type_table; /* hash table of type + 1; size a power of two */
    uint32_t type_table_size;

    struct block *blocks; /* [0] does not exist */
    struct uop *uops;
    struct code_func *funcs;
    uint32_t nblocks, nuops, nfuncs;
    uint32_t blocks_cap, uops_cap, funcs_cap;

    struct func **callable; /* by id; NULL: gone */
    uint32_t ncallable, callable_cap;
    struct instance **instances;
    uint32_t ninstances, instances_cap;
    struct thread **threads;
    uint32_t nthreads, threads_cap;
    struct table *tables;
    uint32_t grown_entries; /* of all tables, past what they began with */

    struct func **host_funcs; /* owned */
    uint32_t nhost_funcs, host_funcs_cap;
    struct gcell **host_globals;
    uint32_t nhost_globals, host_globals_cap;
    struct space **host_spaces;
    uint32_t nhost_spaces, host_spaces_cap;
    uint32_t nspaces; /* numbers given out */
};

/*
 * Room for `more` further elements in a growing array: array, cap: the array and its capacity in
 * elements. 0, or -1 when there is no memory or past 2^31 elements.
 */
int store_grow_array(void **array, uint32_t *cap, uint32_t n, uint64_t more, size_t size);
#define GROW(array, cap, n, more)                                                                  \
    ((uint64_t)(n) + (more) <= (cap)                                                               \
         ? 0                                                                                       \
         : store_grow_array((void **)&(array), &(cap), n, more,                                    \
                            sizeof(*(array)))) /* NOLINT(bugprone-sizeof-expression) */

/*
 * lower.c: where each instruction comes from. Few functions are ever asked: for these it is found
 * out by lowering them once more, and kept. Ends the process where the host has no memory: counts
 * of operators would be wrong without.
 */
const struct insn_pos *code_positions(const struct store *st, const struct code *code);
/* The offset of an instruction's operator in the module's bytes. */
static inline uint32_t code_offset(const struct store *st, const struct code *code, size_t insn)
{
    return code_positions(st, code)[insn].offset;
}

/* store.c */
/* Room for code that lives as long as the unit, aligned for a struct insn. NULL: no memory. */
void *unit_code_room(struct unit *u, size_t bytes);
int store_intern(struct store *st, const struct functype *type, uint32_t *id);
const struct functype *store_type(const struct store *st, uint32_t id);
int store_add_callable(struct store *st, struct func *f);
struct table *reftable_new(struct store *st, struct table_type type, struct instance *owner);
void reftable_free(struct store *st, struct table *t);

/* reftable.c: what table instructions do. */
uint64_t reftable_read(const struct table *t, uint32_t i);
void reftable_write(struct store *st, struct table *t, uint32_t i, uint64_t ref);
uint32_t reftable_grow(struct store *st, struct table *t, uint64_t ref, uint32_t n); /* or -1 */
enum trap_kind reftable_fill(struct store *st, struct table *t, uint32_t at, uint64_t ref,
                             uint32_t n);
enum trap_kind reftable_copy(struct table *to, struct table *from, uint32_t d, uint32_t s,
                             uint32_t n);
enum trap_kind reftable_init(struct instance *in, uint32_t table, uint32_t seg, uint32_t d,
                             uint32_t s, uint32_t n);

/* constant.c: a constant expression in an instance; the high half of a v128. */
uint64_t instance_const(const struct instance *in, const struct const_expr *e);
uint64_t instance_const_high(const struct instance *in, const struct const_expr *e);

/* store.c: a space for a memory of that type, of at most max_pages unless that is 0. */
struct space *store_space(struct store *st, const struct limits *type, uint32_t max_pages);

/*
 * bulk.c: memory.copy, .fill and .init at t->ip, piece by piece. With a log: 1 when the log is full
 * (t->bulk_done says how far it is); 0 when all is done; -1 out of bounds, nothing done.
 */
int bulk_run(struct thread *t, const uint64_t *fp, struct log *log);

/* thread.c: run one of the builds, and turn a fault into a trap. */
typedef enum run_reason exec_fn(struct thread *t, struct log *log);
enum run_reason thread_execute(struct thread *t, struct log *log, exec_fn *exec);

/* fuel.c: run a thread whose fuel is limited, or that has stopped in the midst of a block; and, for
 * exec.inc, what that block has logged so far. */
exec_fn fuel_run;
const uint64_t *step_kept(const struct thread *t, uint32_t *n);

/* exec_*.c: run until there is a reason to stop; memory faults leave by trap_guard. */
exec_fn exec_functional, exec_observed, exec_functional_metered, exec_observed_metered;

#endif
