/* stream.h - instructions as a trace front end describes them to a core. */
#ifndef CPU_STREAM_H
#define CPU_STREAM_H

#include <stdint.h>

#define STREAM_LOADS     4u
#define STREAM_STORES    2u
#define STREAM_SOURCES   4u
#define STREAM_RESULTS   2u
#define STREAM_BYTES     8u  /* of an access; cut at the end of its line */
#define STREAM_RETURN_TO 15u /* a return goes back to at most so many bytes behind its call */

enum stream_branch {
    STREAM_NONE,
    STREAM_COND,
    STREAM_JUMP,
    STREAM_INDIRECT,
    STREAM_CALL,
    STREAM_CALL_INDIRECT,
    STREAM_RETURN
};

/*
 * One instruction of any machine. It is a load for each address that it reads, then, unless it does
 * nothing but load or store, one micro-op of arithmetic (for branches: a branch), then a store for
 * each address that it writes. Every load and every store address waits for all sources, arithmetic
 * for the loads, too, store data for the arithmetic. Registers are numbers from 1 to 255; 0: none.
 * Addresses are physical and below PAGE_TABLE_BASE; registers that a front end does not want waited
 * for (instruction pointer, stack pointer) it leaves out.
 */
struct stream_op {
    uint64_t pc, next; /* next: of the instruction that followed */
    uint64_t load[STREAM_LOADS], store[STREAM_STORES];
    uint8_t source[STREAM_SOURCES], result[STREAM_RESULTS];
    uint8_t loads, stores;
    uint8_t branch; /* enum stream_branch */
    uint8_t taken;
};

#endif
