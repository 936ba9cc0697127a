/* regalloc.h - which slots of a function live in registers, and its micro-ops with their cost. */
#ifndef WASMCORE_REGALLOC_H
#define WASMCORE_REGALLOC_H

#include <stddef.h>

#include "wasmcore/state.h"

/*
 * Lowering describes a function by raw micro-ops on slots, as if registers had no end. The machine
 * has few, so the heaviest slots get them and the others live in frame memory:
 *
 * - The weight of a slot is its number of uses and definitions, each counting 8 for every loop
 *   around it (at most 8^7), for the integer and the vector file apart. Two registers of each file
 *   are scratch; the other int_registers - 2 and vector_registers - 2 go to the heaviest slots for
 *   the whole function (ties: the lower slot).
 * - A slot without a register passes through the scratch registers: a use costs a UOP_LOAD with
 *   UOP_ON_FRAME unless the value is still in one of the two; a definition is stored (UOP_STORE,
 *   UOP_ON_FRAME) when its scratch register is needed for another value or the block ends. Operand
 *   temporaries are used once: one that was used before it had to give way is never stored.
 * - Calls: the first 6 integer and 8 vector arguments and all results pass in registers for free;
 *   later arguments are stored by the caller and loaded by the callee if it keeps them in
 *   registers. A parameter that has no register in the callee is stored at its entry.
 *   The return address is stored at entry and loaded at return. So are the registers that the
 *   function uses, at most 6 of each file (the callee-saved ones); a function that makes no calls
 *   takes the others first, so only what it uses past them is saved. Vector registers are saved in
 *   the same six places: their addresses matter for timing only.
 * - Constants are immediates. Copies cost one UOP_ALU where lowering could not do without.
 * - Globals and table entries are loads and stores of memory that is near: they are charged at the
 *   frame's place for the return address. The entry of a table of functions or of jumps is loaded
 *   when the index is known, and the branch waits for it.
 */

/* Operands in the vector file: bits of raw_uop.files. */
#define FILE_DST 1u
#define FILE_A   2u
#define FILE_B   4u
/* The same bits three higher: the operand is a v128, in the slot that is named and the next one.
 * Its halves go to and come from the frame by one micro-op each, since a line may end in between.
 */
#define FILE_BOTH_HALVES 9u /* a bit times this: in the vector file, and a v128 */
#define FILE_WIDE(files) ((files) >> 3)
/* One more: the function's frame is left after this one. */
#define FILES_LEAVING 0x80u

/* Type of the high half of a v128 where types are counted by slot: no enum valtype. */
#define VT_HIGH 1u

/* Begins like a struct uop, so that one that stays as it is can be copied. */
struct raw_uop {
    union {
        struct {
            uint8_t class; /* enum uop_class, or a RAW_ one that costs nothing */
            uint8_t flags; /* UOP_VECTOR if there are any files */
            uint8_t bytes, info;
        };
        uint32_t head; /* all of these */
    };
    uint16_t dst, a, b, slot;
    uint8_t files;
    uint8_t unused[3]; /* two host words are copied sooner than less */
};
_Static_assert(offsetof(struct raw_uop, slot) == offsetof(struct uop, slot), "the same order");
_Static_assert(sizeof(struct raw_uop) == 16, "two words");
#define RAW_USE (UOP_CLASSES + 0) /* a is consumed, by a call */
#define RAW_DEF (UOP_CLASSES + 1) /* dst gets its value, from a call */

struct raw_block {
    uint32_t insn;        /* of its IN_BLOCK */
    uint32_t uop;         /* first raw micro-op; they end where those of the next block begin */
    uint32_t free;        /* so many of the function's before it cost nothing */
    uint32_t taken, next; /* as in struct block */
    uint32_t live;        /* temporaries from this slot on are dead when it ends */
    uint16_t nops;
    uint8_t end, loop_head;
    uint8_t depth; /* of loops around it */
};

/* Room to work in, for one function after the other. Indexed by any slot, REG_NONE too, so that
 * nobody has to ask whether an operand is there; what no function gets to is never touched. */
#define REG_FILES 2u /* integer, vector */
struct regalloc_room {
    uint64_t weight[REG_FILES][REG_NONE + 1u];
    uint8_t in_register[REG_FILES][REG_NONE + 1u];
};

struct regalloc {
    const struct raw_uop *uops;
    uint32_t nuops;
    const struct raw_block *blocks;
    uint32_t nblocks;
    const struct functype *type;
    uint32_t nlocals; /* parameters and declared: the slots below the save area */
    uint32_t temps;   /* first slot of temporaries */
    uint32_t nslots;
    uint8_t leaf;    /* makes no calls */
    uint8_t vectors; /* 0: no micro-op has any raw_uop.files */
    struct regalloc_room *room;
};

/*
 * Append the function's micro-ops to the store's and set uops and nuops of out[0 .. nblocks), uops
 * of out[nblocks] too. 0, or -1 without memory.
 */
int regalloc_run(struct store *st, const struct regalloc *ra, struct block *out);

#endif
