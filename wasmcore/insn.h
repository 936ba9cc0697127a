/* insn.h - lowered code: fixed-size instructions on frame slots, as the engine runs them. */
#ifndef WASMCORE_INSN_H
#define WASMCORE_INSN_H

#include <stdint.h>

/*
 * Operands are slots of the function's frame (see lower.h) or constants in the instruction. What
 * the fields mean depends on the form, the last part of an instruction's name:
 *
 *   rr, ri, ir    dst = a op b; a op imm; imm op b
 *   bt, bf        BT_*, BF_*: compare as rr, or a with x (see below), and go to `y` if true / false
 *   LOAD          dst = memory[a + imm];  _c: memory[imm]
 *   STORE         memory[a + imm] = b;    _c: memory[imm] = b;  _i: memory[a + x] = constant y
 *   ... _x        at (u32)(a + b) + imm; a STORE has its value in slot dst
 *   ... _o        at (u32)(a + x) + y
 *   ... _f        far: at the 64-bit a + x in the memory whose number is y >> 16, checked; a STORE
 *                 has its value in b
 *
 * A v128 is in the slot that is named and the next one. The rows of simd.def have one form each:
 *
 *   V1, V2, V3       dst = a; a, b; a, b, slot x       VSHIFT, VREPLACE   the scalar is b
 *   VLOAD, VSTORE    dst = memory[a + x]; memory[a + x] = b       lanes, also of memory: number y
 *
 * Atomic accesses are addressed as the far forms, on aligned addresses only: dst = old value, b =
 * operand; a cmpxchg expects b and has its replacement in slot y & 0xffff.
 *
 * Branch targets (y) count instructions from the branch itself and always name an IN_BLOCK.
 *
 * A 64-bit constant has only 32 bits in x or y: an i64 is sign-extended, an f64 has only its high
 * half (constants for which that does not do are put into a slot first).
 */
struct insn {
    uint16_t op, dst, a, b;
    union {
        uint64_t imm;
        struct {
            uint32_t x, y;
        };
    };
};
_Static_assert(sizeof(struct insn) == 16, "instructions are 16 bytes");

/*
 * Instructions that have no row of their own in ops.def.
 *
 * IN_BLOCK stands before the first instruction of each block: dst is the block's number of wasm
 * operators, imm its log word without the frame position. Branches read it and skip it; it is
 * executed only when the block before falls into it.
 */
#define INSN_CONTROL(X)                                                                            \
    X(BLOCK)                                                                                       \
    X(UNREACHABLE)                                                                                 \
    X(JUMP)  /* to y */                                                                            \
    X(BNZ32) /* to y if a is not zero */                                                           \
    X(BZ32)                                                                                        \
    X(BZ64)                                                                                        \
    X(BNZ64)                                                                                       \
    X(TABLE) /* br_table: index a, x entries follow, each an IN_JUMP that is only read */          \
    X(RETURN)                                                                                      \
    X(RETURN_R)      /* slot 0 = a, return */                                                      \
    X(RETURN_I)      /* slot 0 = imm, return */                                                    \
    X(CALL)          /* frame at dst, imm: the host's address of the struct code */                \
    X(CALL_IMPORT)   /* frame at dst, function x of the instance */                                \
    X(CALL_INDIRECT) /* frame at dst, index a, type x, table y */                                  \
    /* The same from the frame's own place: b arguments at dst become the callee's parameters. */  \
    X(TAIL_CALL)                                                                                   \
    X(TAIL_CALL_IMPORT)                                                                            \
    X(TAIL_CALL_INDIRECT)                                                                          \
    X(HOST)       /* leave the engine with number x, argument slots at dst */                      \
    X(MOVE)       /* dst = a */                                                                    \
    X(CONST)      /* dst = imm */                                                                  \
    X(SELECT)     /* dst = slot x ? a : b */                                                       \
    X(SELECT_RI)  /* dst = slot x ? a : constant y, its high half zero */                          \
    X(SELECT_IR)  /* dst = slot x ? constant y : b */                                              \
    X(GLOBAL_GET) /* dst = global x of this module */                                              \
    X(GLOBAL_SET) /* global x of this module = a */                                                \
    X(GLOBAL_GET_IMPORT)                                                                           \
    X(GLOBAL_SET_IMPORT)                                                                           \
    X(ADDRESS)     /* dst = a + imm, which must not wrap */                                        \
    X(MEMORY_SIZE) /* dst = pages of memory x */                                                   \
    X(GROW_STOP)   /* the block of a memory.grow follows: harts that take turns stop here */       \
    X(MEMORY_GROW) /* dst = grow memory x by a; y: its addresses are 64-bit */                     \
    X(MEMORY_COPY) /* operands in slots dst, a, b; to memory x from memory y */                    \
    X(MEMORY_FILL) /* operands in slots dst, a, b; memory x */                                     \
    X(MEMORY_INIT) /* operands in slots dst, a, b; from data segment x to memory y */              \
    /* Addressed as the far forms; operands in consecutive slots from dst, which is a too. May     \
     * leave the engine: see HOST_WAIT */                                                          \
    X(NOTIFY)                                                                                      \
    X(WAIT32)                                                                                      \
    X(WAIT64)                                                                                      \
    X(DATA_DROP)  /* x */                                                                          \
    X(TABLE_GET)  /* dst = table y [a] */                                                          \
    X(TABLE_SET)  /* table y [a] = b */                                                            \
    X(TABLE_SIZE) /* dst = size of table y */                                                      \
    X(TABLE_GROW) /* dst = grow table y with value a by b */                                       \
    X(TABLE_FILL) /* table y [slot dst ..] = a, b entries */                                       \
    X(TABLE_COPY) /* operands in slots dst, a, b; from table x to table y */                       \
    X(TABLE_INIT) /* operands in slots dst, a, b; from segment x to table y */                     \
    X(ELEM_DROP)  /* x */                                                                          \
    X(REF_FUNC)   /* dst = reference to function x of the instance */                              \
    X(FLUSH)      /* the line at a */                                                              \
    X(FENCE)                                                                                       \
    X(NTSTORE32) /* memory[a] = b */                                                               \
    X(NTSTORE64)                                                                                   \
    X(EVENT)       /* log event x with argument a */                                               \
    X(MOVE_V128)   /* slots dst, dst + 1 = a, a + 1; so all that follow */                         \
    X(SELECT_V128) /* dst = slot x ? a : b */                                                      \
    X(GLOBAL_GET_V128)                                                                             \
    X(GLOBAL_SET_V128)                                                                             \
    X(GLOBAL_GET_IMPORT_V128)                                                                      \
    X(GLOBAL_SET_IMPORT_V128)                                                                      \
    X(SHUFFLE)      /* lanes 0 to 7 of its immediate, as bytes; 8 to 15 in the next instruction */ \
    X(SHUFFLE_HIGH) /* that one: only read */                                                      \
    X(STOP)         /* stands in for another while a block is stepped through: fuel.c */           \
    /* b bytes, far: the next instruction is the access, only read but for its address */          \
    X(FAR_LOAD_V128)                                                                               \
    X(FAR_STORE_V128)

enum insn_op {
#define X(id) IN_##id,
    INSN_CONTROL(X)
#undef X
#define UN(code, id, ...)   IN_##id,
#define UNT(code, id, ...)  IN_##id,
#define BIN(code, id, ...)  IN_##id##_rr, IN_##id##_ri, IN_##id##_ir,
#define BINT(code, id, ...) IN_##id##_rr, IN_##id##_ri,
#define CMP(code, id, ...)                                                                         \
    IN_##id##_rr, IN_##id##_ri, BT_##id##_rr, BT_##id##_ri, BF_##id##_rr, BF_##id##_ri,
#define LOAD(code, id, ...) IN_##id, IN_##id##_c, IN_##id##_x, IN_##id##_o, IN_##id##_f,
#define STORE(code, id, ...)                                                                       \
    IN_##id, IN_##id##_c, IN_##id##_x, IN_##id##_o, IN_##id##_f, IN_##id##_i,
#define ALOAD(code, id, ...)   IN_##id,
#define ASTORE(code, id, ...)  IN_##id,
#define RMW(code, id, ...)     IN_##id,
#define CMPXCHG(code, id, ...) IN_##id,
#include "wasmcore/ops.def"
/* simd.def: what is computed, then loads, then stores */
#define FIRST(range)       range, range##_BEFORE = range - 1,
#define ROW(code, id, ...) IN_##id,
        FIRST(INSN_SIMD)
#define V1       ROW
#define V2       ROW
#define V3       ROW
#define VSHIFT   ROW
#define VTEST    ROW
#define VSPLAT   ROW
#define VEXTRACT ROW
#define VREPLACE ROW
#include "wasmcore/simd.def"
            FIRST(INSN_SIMD_LOADS)
#define VLOAD     ROW
#define VLOADLANE ROW
#include "wasmcore/simd.def"
                FIRST(INSN_SIMD_STORES)
#define VSTORE     ROW
#define VSTORELANE ROW
#include "wasmcore/simd.def"
#undef FIRST
#undef ROW
                    INSN_COUNT
};

/* Where the forms of a row lie relative to its first. */
enum { FORM_RR, FORM_RI, FORM_IR };
enum { FORM_BT_RR = 2, FORM_BT_RI, FORM_BF_RR, FORM_BF_RI };
enum { FORM_MEM, FORM_CONST_ADDRESS, FORM_INDEXED, FORM_ADDED, FORM_FAR, FORM_CONST_VALUE };

#endif
