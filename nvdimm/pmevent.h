/* pmevent.h - what a guest did to persistent memory: one record for each event, in execution order.
 */
#ifndef NVDIMM_PMEVENT_H
#define NVDIMM_PMEVENT_H

#include <stdint.h>

/*
 * The common input of the checker (checker.h) and of crash histories (history.h). Whoever makes the
 * records has cut each store into pieces that lie in one aligned 8-byte word each.
 */
enum pm_kind {
    PM_STORE,   /* to the NVDIMM, through the caches */
    PM_NTSTORE, /* non-temporal store to the NVDIMM */
    PM_DEVICE,  /* a device wrote to the NVDIMM: durable at once */
    PM_FLUSH,   /* `what`: MEM_CLWB, MEM_CLFLUSHOPT or MEM_CLFLUSH; addr may be volatile memory */
    PM_FENCE,   /* `what`: 1 if it is part of an atomic access */
    PM_LOAD,    /* from the NVDIMM; only where somebody asked for loads */
    PM_TX,      /* `what`: enum pm_tx; addr 0 and length 0 when no range was given */
    PM_MARK     /* addr: number of the mark */
};

enum pm_tx { PM_TX_BEGIN, PM_TX_LOGGED, PM_TX_COMMIT, PM_TX_ABORT };

#define PM_WIDE    1u /* a piece of one store instruction that touches more than one aligned word */
#define PM_BULK    2u /* a piece of memory.copy, .fill or .init, or of a copy by the kernel */
#define PM_POINTER 4u /* new_bytes is the address of an object in volatile memory */
#define PM_KERNEL  8u /* the kernel's code did it */
#define PM_VECTOR  16u /* a half of a 16-byte store */
#define PM_NUMBER                                                                                  \
    32u /* this place has stored a PM_POINTER before, but now something that is none */

#define PM_CODE_UOPS 4096u /* pm_event.code is number of block * this + micro-op */

struct pm_event {
    uint64_t addr;                 /* physical */
    uint64_t old_bytes, new_bytes; /* of stores: `bytes` of them count, from addr on */
    uint64_t source; /* PM_BULK: physical address where new_bytes came from, 0: nowhere */
    uint64_t linear; /* of stores: addr as the guest names it */
    uint32_t site;   /* where in the guest: a number that its maker can turn into a back trace */
    uint32_t code;   /* the instruction alone: equal for all call paths to it */
    uint32_t length; /* PM_TX: bytes of the range */
    uint32_t block;  /* execution of a basic block: stores of one execution share the number */
    uint32_t cycles; /* of flushes and fences, timed: what the hart waited in them */
    uint16_t thread; /* guest thread */
    uint8_t kind;    /* enum pm_kind */
    uint8_t what, bytes, flags;
};

#endif
