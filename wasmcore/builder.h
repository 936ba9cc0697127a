/* builder.h - a function while it is lowered: code, blocks, labels and the stack of descriptors. */
#ifndef WASMCORE_BUILDER_H
#define WASMCORE_BUILDER_H

#include <assert.h>

#include "wasmcore/operator.h"
#include "wasmcore/regalloc.h"
#include "wasmcore/stackmap.h"

/* What is known of a slot on the operand stack. See lower.h and slots.h. */
enum entry_kind { E_TEMP, E_LOCAL, E_CONST };
struct entry {
    uint8_t kind, type;
    uint16_t local;
    uint32_t below; /* E_LOCAL: next lower entry of the same local + 1, 0: none */
    uint64_t bits;  /* E_CONST */
};

enum control_kind { C_FUNC, C_BLOCK, C_LOOP, C_IF, C_ELSE };
struct control {
    uint8_t kind;
    uint32_t height;      /* of the stack below its parameters */
    struct functype type; /* by slot */
    uint32_t refs;        /* branches to its end, + 1 */
    uint32_t if_false;    /* C_IF: the branch that skips the first arm, + 1 */
    uint32_t insn, block; /* C_LOOP: where it begins */
    uint32_t table;       /* number of the latest br_table that needs values moved to come here, */
    uint32_t stub;        /* and the IN_BLOCK where that is done */
};

/* A branch whose target is not known yet. */
struct pending {
    uint32_t insn;
    uint32_t block; /* whose `taken` it is, or NO_BLOCK */
    uint32_t next;  /* + 1 */
};
#define NO_BLOCK UINT32_MAX
#define NO_INSN  UINT32_MAX

/* What most operators touch comes first, where the host's short instructions reach: 128 bytes. */
struct builder {
    struct insn *insns;
    struct raw_uop *uops;
    struct entry *stack;
    uint32_t *heads; /* by local: topmost entry + 1, 0: none */
    uint8_t *local_types;
    struct raw_block *blocks;
    uint32_t ninsns, nuops, nblocks;
    uint32_t spare;    /* so many more of each array of code_more_room may be made unchecked */
    uint32_t producer; /* the instruction that made the topmost temporary, if its dst may change */
    uint32_t producer_uop;
    uint32_t height;  /* of the stack */
    uint32_t flushed; /* no E_LOCAL below this height */
    uint32_t most_height;
    uint32_t temps;       /* slots: locals below nlocals, temporary h at temps + h */
    uint32_t block;       /* under way */
    uint32_t ops, logged; /* of the block so far */
    /* A block is under way: PLAIN_OPS; 0: code is unreachable, or the builder has failed. */
    uint32_t open;
    const char *failed;  /* why it cannot be lowered */
    const uint8_t *wide; /* set: values may take two slots */
    uint8_t wide_locals; /* local_slots is in use */
    uint8_t vectors;     /* raw_uop.files of all of them, those taken back too */
    uint8_t calls;
    uint8_t keeps_pos; /* pos is wanted: of each instruction */
    uint32_t nfree;    /* micro-ops that cost nothing */
    uint32_t nlocals;  /* slots */
    uint32_t depth;    /* of loops */
    uint32_t dead;     /* so many blocks have begun in code that is not reached */
    uint32_t at;       /* offset of the operator under way */

    struct store *st;
    struct unit *unit;
    const struct module *module; /* of unit */
    const struct function *fn;
    const struct functype *type; /* by slot */
    struct insn_pos *pos;
    struct pending *pending;
    struct control *controls;
    struct regalloc_room *registers;
    uint32_t *local_slots; /* by local, if there are v128 among them; else a local is its slot */
    uint32_t npending, ncontrols;
    uint32_t insns_cap, pos_cap, uops_cap, blocks_cap, pending_cap, stack_cap, heads_cap, types_cap,
        local_slots_cap, controls_cap;
    uint32_t first_block;   /* number of the first in the store */
    uint32_t most_operands; /* slots on the operand stack, at most, as far as is known */
    uint32_t tables;        /* br_tables so far */
    uint64_t code_left;     /* instructions and micro-ops that the unit may still take */

    struct function wrapper; /* of an import that is an instruction */
    map_see *see;            /* called at each point; NULL: nobody looks */
    void *see_arg;
    uint8_t at_point; /* what comes next may be a point */
};

/* Prepare for a function; the builder's arrays are used again. The stack of controls holds the
 * function itself. Nothing is emitted. type and fn outlive the builder's work. */
void builder_start(struct builder *b, const struct function *fn, const struct functype *type);
void builder_free(struct builder *b);
__attribute__((cold)) static inline void builder_fail(struct builder *b, const char *why)
{
    b->failed = why;
    b->open = 0;
}
/* Room for an operand stack of so many slots; the builder fails if a frame has not. */
void builder_operands(struct builder *b, uint32_t slots);

/* ---- code ---- */

static inline uint16_t stack_temp_slot(const struct builder *b, uint32_t pos)
{
    return (uint16_t)(b->temps + pos);
}

static inline int is_vector(uint8_t type)
{
    return type == VT_F32 || type == VT_F64 || type == VT_V128;
}

/* A bit of raw_uop.files if a value of that type is in the vector file, with how wide it is. */
static inline unsigned file_bits(uint8_t type, unsigned bit)
{
    return type == VT_V128 ? bit * FILE_BOTH_HALVES : is_vector(type) ? bit : 0;
}

/* Room for one more of everything; where the next instruction comes from is noted if that is
 * wanted. When there is none the builder fails, and goes on overwriting the last one until the
 * driver looks. */
__attribute__((cold)) int code_more_room(struct builder *b);
static inline int code_room(struct builder *b)
{
    if (b->spare == 0)
        return code_more_room(b);
    b->spare--;
    return 1;
}

/* Where the code under way comes from. */
static inline struct insn_pos code_pos(const struct builder *b)
{
    return (struct insn_pos){b->at, (uint16_t)b->ops, (uint16_t)b->logged};
}

/*
 * Where there is room. Both are inline so that fields go where they belong one by one: put together
 * elsewhere and copied as words, they make the host wait for its store buffer.
 */
static inline void put_insn(struct builder *b, struct insn in)
{
    struct insn *to = &b->insns[b->ninsns];
    to->op = in.op;
    to->dst = in.dst;
    to->a = in.a;
    to->b = in.b;
    to->imm = in.imm;
    b->ninsns++;
    b->producer = NO_INSN;
    b->producer_uop = b->nuops;
}

static inline void put_uop(struct builder *b, struct raw_uop u)
{
    struct raw_uop *to = &b->uops[b->nuops++];
    to->class = u.class;
    to->flags = (uint8_t)(u.flags | (u.files ? UOP_VECTOR : 0));
    to->bytes = u.bytes;
    to->info = u.info;
    to->files = u.files;
    b->vectors |= u.files;
    to->dst = u.dst;
    to->a = u.a;
    to->b = u.b;
    to->slot = u.slot;
}

/* Append an instruction; its number. The producer is forgotten. */
static inline uint32_t code_emit(struct builder *b, struct insn in)
{
    if (!code_room(b)) {
        b->producer = NO_INSN;
        return 0;
    }
    put_insn(b, in);
    return b->ninsns - 1;
}

static inline void code_uop(struct builder *b, struct raw_uop u)
{
    if (code_room(b))
        put_uop(b, u);
}

/* Append an instruction and the micro-op that it costs. */
static inline void code_step(struct builder *b, struct insn in, struct raw_uop u)
{
    if (code_room(b)) {
        put_insn(b, in);
        put_uop(b, u);
    }
}

/* The usual micro-op: class, file bits, dst and sources. */
static inline void code_alu(struct builder *b, unsigned class, unsigned files, uint16_t dst,
                            uint16_t x, uint16_t y)
{
    code_uop(b, (struct raw_uop){.class = (uint8_t) class,
                                 .files = (uint8_t)files,
                                 .dst = dst,
                                 .a = x,
                                 .b = y,
                                 .slot = REG_NONE});
}

/* One that costs nothing: RAW_USE of x or RAW_DEF of dst. */
static inline void code_free(struct builder *b, unsigned class, unsigned files, uint16_t dst,
                             uint16_t x)
{
    code_alu(b, class, files, dst, x, REG_NONE);
    b->nfree++;
}

/* One of class UOP_ALU. */
static inline struct raw_uop alu_uop(enum alu_kind kind, unsigned files, uint16_t dst, uint16_t x,
                                     uint16_t y)
{
    return (struct raw_uop){.class = UOP_ALU,
                            .info = (uint8_t)kind,
                            .files = (uint8_t)files,
                            .dst = dst,
                            .a = x,
                            .b = y,
                            .slot = REG_NONE};
}
void code_move(struct builder *b, uint8_t type, uint16_t dst, uint16_t from);
void code_const(struct builder *b, uint8_t type, uint16_t dst, uint64_t bits);

/* Begin a block. A block still open falls into it. */
uint32_t code_begin_block(struct builder *b);
/* End the one under way. live: height of the stack whose values are used after it. */
void code_end_block(struct builder *b, enum block_end how, uint32_t live);
/* The same, and begin another, which is its `next`. */
void code_next_block(struct builder *b, enum block_end how, uint32_t live);

/* A load of 8 bytes of memory that is near (see regalloc.h) at an index, from a table. */
static inline struct raw_uop near_load(const struct builder *b, uint16_t dst, uint16_t index)
{
    return (struct raw_uop){.class = UOP_LOAD,
                            .flags = UOP_ON_FRAME,
                            .bytes = 8,
                            .dst = dst,
                            .a = index,
                            .b = REG_NONE,
                            .slot = (uint16_t)b->nlocals};
}

/* ---- labels ---- */

/* Remember that instruction insn goes to c's label (block: its `taken`, or NO_BLOCK). */
void label_refer(struct builder *b, struct control *c, uint32_t insn, uint32_t block);
/* The branches of a list go to the block under way. */
void label_bind(struct builder *b, uint32_t list);

/* ---- the stack of descriptors ---- */

static inline struct entry *stack_push(struct builder *b, uint8_t kind, uint8_t type)
{
    struct entry *e = &b->stack[b->height++];
    if (b->height > b->most_height)
        b->most_height = b->height;
    e->kind = kind;
    e->type = type;
    return e;
}

/* One slot. */
static inline void stack_push_temp(struct builder *b, uint8_t type)
{
    stack_push(b, E_TEMP, type);
}

/* The instruction just emitted has put the topmost value there. */
static inline void stack_is_result(struct builder *b)
{
    b->producer = b->ninsns - 1;
}

/* A value that it has put there; of a v128 both halves. */
static inline void stack_push_result(struct builder *b, uint8_t type)
{
    stack_push_temp(b, type);
    if (type == VT_V128)
        stack_push_temp(b, VT_HIGH);
    stack_is_result(b);
}

static inline void stack_push_const(struct builder *b, uint8_t type, uint64_t bits)
{
    stack_push(b, E_CONST, type)->bits = bits;
}

static inline void stack_push_local(struct builder *b, uint32_t slot, uint8_t type)
{
    struct entry *e = stack_push(b, E_LOCAL, type);
    e->local = (uint16_t)slot;
    e->below = b->heads[slot];
    b->heads[slot] = b->height;
}

/* The slot of a local by its index. */
static inline uint32_t local_slot(const struct builder *b, uint32_t local)
{
    return b->wide_locals ? b->local_slots[local] : local;
}
/* A local by its index and type; of a v128 both halves. */
static inline void push_local_of(struct builder *b, uint32_t local, uint8_t type)
{
    const uint32_t slot = local_slot(b, local);
    stack_push_local(b, slot, type);
    if (type == VT_V128)
        stack_push_local(b, slot + 1, VT_HIGH);
}
static inline void push_local(struct builder *b, uint32_t local)
{
    push_local_of(b, local, b->local_types[local_slot(b, local)]);
}
/* How many slots the topmost value takes. */
static inline uint32_t stack_top_width(const struct builder *b)
{
    return b->stack[b->height - 1].type == VT_HIGH ? 2 : 1;
}
static inline void stack_pop(struct builder *b, uint32_t n)
{
    for (; n > 0; n--) {
        const struct entry *e = &b->stack[--b->height];
        if (e->kind == E_LOCAL)
            b->heads[e->local] = e->below;
    }
    if (b->flushed > b->height)
        b->flushed = b->height;
}

static inline struct entry *stack_top(struct builder *b, uint32_t depth)
{
    return &b->stack[b->height - 1 - depth];
}
/* Put entry `pos` into its temporary. Entries above it must not be of the same local. */
void stack_settle(struct builder *b, uint32_t pos);
/* The slot that holds entry `pos`; a constant is put into one. */
static inline uint16_t stack_slot(struct builder *b, uint32_t pos)
{
    struct entry *e = &b->stack[pos];
    if (e->kind == E_LOCAL)
        return e->local;
    if (e->kind == E_CONST)
        stack_settle(b, pos);
    return stack_temp_slot(b, pos);
}

/* The same for the depth-th from the top. */
static inline uint16_t stack_top_slot(struct builder *b, uint32_t depth)
{
    return stack_slot(b, b->height - 1 - depth);
}
static inline void stack_settle_top(struct builder *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (stack_top(b, i)->kind != E_TEMP)
            stack_settle(b, b->height - 1 - i);
}
/* Put all locals on the stack into their temporaries. */
void stack_flush_some(struct builder *b);
static inline void stack_flush_locals(struct builder *b)
{
    if (b->flushed < b->height)
        stack_flush_some(b);
}
/* Put the entries of one local into theirs, since it is about to be written. */
void stack_save_some(struct builder *b, uint32_t local);
static inline void stack_save_local(struct builder *b, uint32_t local)
{
    if (b->heads[local])
        stack_save_some(b, local);
}
/* The instruction that made the depth-th entry if no other came since, or NULL. */
static inline struct insn *code_producer(struct builder *b, uint32_t depth)
{
    if (b->producer == NO_INSN || stack_top(b, depth)->kind != E_TEMP ||
        b->insns[b->producer].dst != stack_temp_slot(b, b->height - 1 - depth))
        return NULL;
    assert(b->producer == b->ninsns - 1);
    return &b->insns[b->producer];
}

/* Take it back; its entry stays. undo_producer takes back its micro-ops too. */
void code_undo_insn(struct builder *b);
void code_undo(struct builder *b);
/* Let it write dst instead. */
void code_redirect(struct builder *b, uint16_t dst);

#endif
