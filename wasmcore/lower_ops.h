/* lower_ops.h - who lowers which operator: private to lower.c and the lower_*.c. */
#ifndef WASMCORE_LOWER_OPS_H
#define WASMCORE_LOWER_OPS_H

#include "wasmcore/builder.h"

struct validator;

/* Of what is rare beside what is common in the same function, so that this has less to keep. */
#define APART __attribute__((noinline))

/* Lowers one operator of reachable code, which has been found valid. */
typedef void lower_fn(struct builder *b, const struct op *o);

/* ---- rows of ops.def as lowering needs them ---- */

struct lower_row {
    uint16_t insn;  /* first form */
    uint8_t files;  /* raw_uop.files, by the types of operands and result */
    uint8_t result; /* its type */
    union {         /* of the micro-op */
        struct {
            uint8_t class; /* enum uop_class */
            uint8_t flags;
            uint8_t bytes; /* of an access to memory */
            uint8_t info;  /* UOP_ALU: enum alu_kind, if no operand is a constant */
        };
        uint32_t head;
    };
};

/* lower_compute.c: UN, UNT, BIN, BINT, CMP, LOAD and STORE rows. */
extern const struct lower_row lower_rows[];
#define OP_ROWS_FC   64u
#define OP_ROW(code) ((code) < 0x100 ? (code) : 0x100u + ((code)-0xfc00u))
static inline const struct lower_row *lower_row(uint32_t code)
{
    return &lower_rows[OP_ROW(code)];
}

/*
 * Append an instruction of a row, for the caller to fill, and its micro-op, with that info and
 * operands x and y, just after code_room has said that there is room, and noted the position. What
 * is read of the builder is read first, since any byte that is written might be one of it.
 */
static inline struct insn *put_row(struct builder *b, const struct lower_row *row, uint8_t info,
                                   uint16_t dst, uint16_t x, uint16_t y)
{
    const uint32_t n = b->ninsns, k = b->nuops;
    struct insn *const in = &b->insns[n];
    struct raw_uop *const to = &b->uops[k];
    b->ninsns = n + 1;
    b->nuops = k + 1;
    b->producer = n;
    b->producer_uop = k;
    b->vectors |= row->files;
    to->head = row->head;
    to->info = info;
    to->dst = dst;
    to->a = x;
    to->b = y;
    to->slot = REG_NONE;
    to->files = row->files;
    return in;
}

/* The slot of an operand that is about to be taken off the stack, from the top on: a local, or a
 * temporary, which is in `slot`. */
static inline uint16_t take_operand(struct builder *b, const struct entry *e, uint16_t slot)
{
    if (e->kind != E_LOCAL)
        return slot;
    b->heads[e->local] = e->below;
    return e->local;
}

/* The operands from entry `at` on, which have been taken off, give way to their result. */
static inline void push_at(struct builder *b, uint32_t at, uint8_t type)
{
    struct entry *const e = &b->stack[at];
    b->height = at + 1;
    if (b->flushed > at)
        b->flushed = at;
    e->kind = E_TEMP;
    e->type = type;
}

/* ---- lower_control.c ---- */
lower_fn lower_unreachable, lower_enter, lower_else, lower_end, lower_br, lower_br_if,
    lower_br_table, lower_return;
/* One more control, for the caller to fill; NULL: the builder has failed. */
struct control *push_control(struct builder *b, uint8_t kind);
/* Return from the function with the topmost values; the block ends. */
void emit_return(struct builder *b);

/* ---- lower_calls.c ---- */
lower_fn lower_call, lower_call_indirect, lower_return_call, lower_return_call_indirect;
void call_function(struct builder *b, uint32_t func);
/* The call's instruction is emitted: its block ends, results are on the stack in the next one. */
void finish_call(struct builder *b, const struct functype *type, enum block_end how);

/* ---- lower_compute.c ---- */
lower_fn lower_unary, lower_eqz, lower_extend_u, lower_binary, lower_select, lower_is_null;
/* Pop the condition: a branch that is taken when it is `sense`, not yet emitted. */
struct condition {
    struct insn in;
    struct raw_uop compare; /* of floats: a micro-op before the branch; else class is UOP_CLASSES */
    uint16_t a, b;          /* what the branch depends on */
};
struct condition lower_condition(struct builder *b, int sense);
uint32_t code_condition(struct builder *b, const struct condition *c);
/* Both at once. */
uint32_t code_branch_if(struct builder *b, int sense);
/* Can an instruction hold the constant in 32 bits? See insn.h. */
int fits_32(uint8_t type, uint64_t bits, uint32_t *x);

/* ---- lower_memory.c ---- */
lower_fn lower_load, lower_store, lower_memory_size, lower_memory_grow, lower_memory_bulk,
    lower_data_drop;
/* Three operands in slots, no result. */
struct insn three_operands(struct builder *b, uint16_t op, uint32_t x, uint32_t y);
/* A load or store of memory that is near: see regalloc.h. */
void near_memory(struct builder *b, unsigned class, uint8_t type, uint16_t dst, uint16_t from);
/* The instruction of an access of which the depth-th operand is the address; op: the far form. */
struct insn far_insn(struct builder *b, uint16_t op, uint32_t depth, const struct memarg *arg);

/* ---- lower_tables.c ---- */
lower_fn lower_table_value, lower_table_set, lower_table_bulk, lower_elem_drop, lower_ref_null,
    lower_ref_func;

/* ---- lower_atomic.c: all with prefix 0xfe ---- */
lower_fn lower_atomic;

/* ---- lower_simd.c: SIMD instructions, and what others do to a v128 ---- */
lower_fn lower_simd;
/* The slots that hold the value at entries pos and pos + 1: the first of the two. */
uint16_t v128_slot(struct builder *b, uint32_t pos);
void v128_select(struct builder *b);
void v128_local_set(struct builder *b, uint32_t slot);
/* in: as for other types. */
void v128_global_op(struct builder *b, uint32_t op, struct insn in);

/* ---- lower_ops.c ---- */
lower_fn lower_local_get, lower_local_set, lower_local_tee;
/* Put the topmost n values into their temporaries. */
void settle_arguments(struct builder *b, uint32_t n);
extern lower_fn *const lower_handlers[]; /* by OP_ROW */
static inline lower_fn *lower_handler(const struct op *o)
{
    if (o->code < 0x100) /* most of them */
        return lower_handlers[o->code];
    if (o->code >= OP_SIMD)
        return lower_simd;
    return o->code < 0xfe00 ? lower_handlers[OP_ROW(o->code)] : lower_atomic;
}

/* ---- lower_body.c ---- */
/* Validate and lower a body. 0; or -1, it is not valid: the validator's error is set. Otherwise it
 * may be that b has failed. */
int lower_body(struct builder *b, struct validator *v, struct function *fn);
/* Between two operators. If nothing but an IN_BLOCK has been emitted for what comes, this is a
 * point: see stackmap.h. */
void watch_point(struct builder *b, uint32_t offset);

#endif
