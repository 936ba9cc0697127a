/* boundary.h - what crossing between user and kernel consists of, as steps for a core to carry out.
 */
#ifndef CPU_BOUNDARY_H
#define CPU_BOUNDARY_H

#include <stdint.h>

#include "cpu/core.h"

/*
 * A crossing is a short list of steps. The core that carries them out gives them their time: stores
 * and loads go through its TLB and caches, waits end when what is under way has ended; only CYCLES
 * steps have a fixed cost, and each comes from the configuration. The lists:
 *
 *   enter, call   store the instance pointer; two loads from the caller's instance record (code and
 *                 record of the callee), wait; one from the callee's (its memory), wait; one ALU
 *   leave, call   load the instance pointer, wait; one load from that instance's record, wait
 *   enter, trap   drain, entry microcode; kpti: store buffer empty, page-table base written,
 * without pcid the TLB flushed; registers stored leave, trap   registers loaded; l1d_flush: a
 * buffer of 64 KiB read over the L1D, fixed part; verw; kpti as above; exit microcode process trap,
 * before leaving to another instance than the last: page-table base written, without pcid the TLB
 * flushed (global entries stay, unless kpti); ibpb thread        both forms: registers stored for
 * the old thread, loaded for the new one
 *
 * Entry waits for results, not for the store buffer: SYSCALL lets earlier stores become visible
 * later (Intel SDM vol. 2, SYSCALL), a write of CR3 is serialising and does not (vol. 3A, 8.3).
 */
enum boundary_step_kind {
    STEP_DRAIN,        /* wait for the results of everything issued */
    STEP_DRAIN_STORES, /* wait until the store buffer is empty */
    STEP_CYCLES,       /* nothing else for n cycles */
    STEP_ALU,          /* n independent integer operations */
    STEP_STORES,       /* n stores of 8 bytes, from addr on, `stride` apart */
    STEP_LOADS,        /* n loads of 8 bytes */
    STEP_WAIT,         /* wait for the loads of these steps */
    STEP_FLUSH_TLB,    /* n: 1 global entries too */
    STEP_BARRIER       /* indirect branch predictions are forgotten */
};

struct boundary_step {
    uint8_t kind; /* enum boundary_step_kind */
    uint32_t n, stride;
    uint64_t addr; /* physical */
};

#define BOUNDARY_STEPS     12u  /* most in a list */
#define BOUNDARY_REGISTERS 256u /* most that are saved: half of a thread's page */

/*
 * The machine's own data for crossings, physical memory that guests have no frames in: a page a
 * thread for its saved registers, a line an instance for its record (pointers to code and memory),
 * and the buffer that displaces the L1D (the software sequence against L1TF reads 64 KiB).
 */
#define CROSSING_AREA          (PAGE_TABLE_BASE + (UINT64_C(1) << 38) + (UINT64_C(1) << 36))
#define CROSSING_RECORDS       (CROSSING_AREA + (UINT64_C(1) << 33))
#define CROSSING_FLUSH_BUFFER  (CROSSING_AREA + (UINT64_C(1) << 34))
#define CROSSING_THREAD_BYTES  4096u
#define CROSSING_SWITCH_OFFSET 2048u /* in a thread's page: registers at a switch of threads */
#define CROSSING_FLUSH_BYTES   65536u

static inline uint64_t crossing_thread(uint32_t thread)
{
    return CROSSING_AREA + (uint64_t)(thread & 0xfffffu) * CROSSING_THREAD_BYTES;
}

static inline uint64_t crossing_record(uint32_t instance)
{
    return CROSSING_RECORDS + (uint64_t)(instance & 0xffffffu) * LINE_BYTES;
}

/* Each fills `out` and returns the number of steps. user, kernel: instances; thread: the running
 * one. */
uint32_t boundary_enter(const struct boundary_config *cfg, uint32_t user, uint32_t kernel,
                        uint32_t thread, struct boundary_step out[BOUNDARY_STEPS]);
uint32_t boundary_leave(const struct boundary_config *cfg, uint32_t user, uint32_t thread,
                        struct boundary_step out[BOUNDARY_STEPS]);
uint32_t boundary_process(const struct boundary_config *cfg,
                          struct boundary_step out[BOUNDARY_STEPS]);
uint32_t boundary_thread(const struct boundary_config *cfg, uint32_t from, uint32_t to,
                         struct boundary_step out[BOUNDARY_STEPS]);

/*
 * The tag of TLB entries made while user code of `process` runs, or the kernel on its behalf.
 * `call`: one address space. `trap`: the kernel's are global; under kpti they are not, and each
 * process has two tags.
 */
uint32_t boundary_asid(const struct boundary_config *cfg, uint32_t process, int kernel_side);

#endif
