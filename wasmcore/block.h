/* block.h - basic blocks of lowered code as timing models see them, and the log that execution
 * writes. */
#ifndef WASMCORE_BLOCK_H
#define WASMCORE_BLOCK_H

#include <stdint.h>

/* Timing classes of micro-ops. */
enum uop_class {
    UOP_ALU,
    UOP_MUL,
    UOP_DIV,
    UOP_FADD,
    UOP_FMUL,
    UOP_FDIV,
    UOP_FSQRT, /* square roots: the same unit as FDIV */
    UOP_FCVT,  /* conversions, moves between register files, compares of floats */
    UOP_LOAD,
    UOP_STORE,
    UOP_BRANCH,
    UOP_FLUSH, /* info: the enum mem_kind of the flush */
    UOP_FENCE, /* info 1: of a locked instruction, loads wait too; 0: sfence */
    UOP_NTSTORE,
    UOP_BULK, /* memory.copy, .fill, .init: the log says what was touched */
    UOP_CLASSES
};

/* UOP_ALU: what it is where a core may want to know (uop.info). */
enum alu_kind {
    ALU_USUAL,
    ALU_COPY,  /* dst = a, or its low half */
    ALU_SHIFT, /* shift or rotation */
    ALU_SCALE, /* shift to the left by the constant 1, 2 or 3 */
    ALU_ADD,
    ALU_ADD_SHORT /* of a constant from -1024 to 1023 */
};

#define REG_NONE 0xffffu

/*
 * Registers are frame slots of the function. Whether a slot lives in an architectural register or
 * in frame memory was decided when the code was lowered: for those in memory, the list holds
 * explicit UOP_LOAD and UOP_STORE micro-ops with UOP_ON_FRAME.
 */
#define UOP_ON_FRAME 1u /* address is the frame's memory at `slot`, not from the log */
#define UOP_VECTOR   2u /* uses the floating-point and vector register file */

struct uop {
    uint8_t class;
    uint8_t flags;
    uint8_t bytes;      /* of a memory access */
    uint8_t info;       /* UOP_FLUSH: which; UOP_BULK: see log; UOP_ALU: enum alu_kind */
    uint16_t dst, a, b; /* slots or REG_NONE; memory accesses: a is the address, b the data */
    uint16_t slot;      /* UOP_ON_FRAME; slots of callee frames lie past the caller's */
};

/* How a block ends. */
enum block_end {
    END_FALL,          /* into `next` */
    END_JUMP,          /* to `taken` */
    END_COND,          /* to `taken` or `next` */
    END_TABLE,         /* br_table: one of many; follow the log */
    END_CALL,          /* direct call; `next` is where it returns to */
    END_CALL_INDIRECT, /* as END_CALL, target from a table, or a call into another instance */
    END_RETURN,
    END_HOST,         /* leaves the engine for the machine, continues at `next` */
    END_TRAP,         /* unreachable */
    END_TAIL,         /* tail call: the callee takes this function's frame and place */
    END_TAIL_INDIRECT /* the same through a table or import; `next` is where a host function that
                         was called so returns to */
};

/* Blocks are numbered through all modules of a store; block 0 does not exist. */
struct block {
    uint32_t uops; /* index of the first micro-op in the store's array */
    uint16_t nuops;
    uint16_t nops; /* wasm operators, as the binary has them (block, loop, end, else, nop apart) */
    uint64_t code_addr; /* physical address of its code */
    uint32_t code_bytes;
    uint32_t func;        /* index in the store's array of functions */
    uint32_t taken, next; /* blocks; 0 where there is none or it is not known */
    uint8_t end;          /* enum block_end */
    uint8_t loop_head;
};

/* A function as reports see it. Indexed by block.func. */
struct code_func {
    const char *name; /* owned by the store: name section, export name or "module.func[12]" */
    uint32_t module;  /* number of the module in the store */
    uint32_t index;   /* function index in the module */
    uint32_t first_block, nblocks;
    uint32_t frame_slots;
    uint32_t temps; /* first slot of operand temporaries, each used once after it was set */
};

/*
 * A v128 in memory that is loaded is one UOP_LOAD of 16 bytes; one that is stored is two UOP_STORE
 * of 8 bytes, each with an address of its own, since a store's old and new bytes are one word each.
 *
 * The log: 64-bit words in execution order. A block word stands before the words of the block's
 * memory accesses, one for each UOP_LOAD, UOP_STORE, UOP_FLUSH, UOP_NTSTORE without UOP_ON_FRAME,
 * in the order of its micro-ops. A block that traps or leaves early is followed by fewer addresses
 * than it has accesses: the next block or event word ends it.
 *
 *   tag (63..60)
 *   LOG_ADDR   bit 59 NV: two more words follow, old and new bytes of a store to a page range that
 *              holds NVDIMM; bits 58..48 number of the memory in the current instance; bits 47..0
 *              linear address in it. Memories other than memory 0 have a TLB tag of their own
 *   LOG_BLOCK  bits 59..32 block number, bits 31..0 frame position fp (slots from the stack's base)
 *   LOG_EVENT  bits 59..48 enum log_event, bits 47..0 argument
 *   LOG_BULK   bits 59..58 kind (enum log_bulk), bits 47..0 byte count; two words follow,
 *              physical destination and source address (source 0: none), each range within one
 *              frame; then, if bit 57 is set, pairs (old, new) for each aligned 8-byte word that
 *              the destination range touches
 */
enum log_tag { LOG_ADDR, LOG_BLOCK, LOG_EVENT, LOG_BULK };
#define LOG_TAG(w)                ((unsigned)((w) >> 60))
#define LOG_NV                    (UINT64_C(1) << 59)
#define LOG_BULK_NV               (UINT64_C(1) << 57)
#define LOG_FAR(memory, addr)     ((uint64_t)(memory) << 48 | (addr))
#define LOG_MEMORY(w)             ((uint32_t)((w) >> 48) & 0x7ffu) /* of LOG_ADDR */
#define LOG_ARG(w)                ((w)&UINT64_C(0xffffffffffff))
#define LOG_BLOCK_ID(w)           ((uint32_t)((w) >> 32) & 0x0fffffffu)
#define LOG_BLOCK_FP(w)           ((uint32_t)(w))
#define LOG_EVENT_CODE(w)         ((unsigned)((w) >> 48) & 0xfffu)
#define LOG_BULK_KIND(w)          ((unsigned)((w) >> 58) & 3u)
#define LOG_WORD(tag, rest)       ((uint64_t)(tag) << 60 | (rest))
#define LOG_EVENT_WORD(code, arg) (LOG_WORD(LOG_EVENT, (uint64_t)(code) << 48) | (uint64_t)(arg))

enum log_event {
    EV_INSTANCE, /* what follows runs in instance `arg` (also after a return into it) */
    EV_ENTER,    /* user code calls the kernel: instance `arg`; the call's block stands before it */
    EV_LEAVE,    /* the kernel returns to user instance `arg` */
    EV_THREAD,   /* the hart switches to guest thread `arg`; EV_INSTANCE follows */
    EV_STALL,    /* the hart waits `arg` nanoseconds for a device */
    EV_ROI,      /* region of interest: 1 begins, 0 ends */
    EV_MARK,     /* pwk.mark */
    EV_TX,       /* pwk.tx: what; EV_TX_ADDR and EV_TX_BYTES follow with its other arguments */
    EV_TX_ADDR,
    EV_TX_BYTES,
    EV_SHOOTDOWN /* a page lies elsewhere now: bits 47..17 the memory, 16..0 its page of 64 KiB */
};

enum log_bulk { BULK_COPY, BULK_FILL };

/* Room that the engine needs before it enters a block; a log is at least twice this. */
#define LOG_SLACK 8192u

struct log {
    uint64_t *words;
    uint32_t n, cap;
};

#endif
