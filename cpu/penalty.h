/* penalty.h - what code that came from wasm has more of than native code: extra micro-ops. */
#ifndef CPU_PENALTY_H
#define CPU_PENALTY_H

#include <stdint.h>

#include "cpu/core.h"

/*
 * Lowering here is that of a good compiler with free bounds checks (guard pages): the micro-ops of
 * native code, nearly. Real compilers of wasm do worse. Jangda, Powers, Berger and Guha ("Not So
 * Fast", USENIX ATC 2019, table 4) counted on SPEC CPU, Chrome over native code, in geometric
 * means: 1.80 times the instructions, 2.02 times the loads, 2.30 times the stores and 1.75 times
 * the branches retired (spills, checks of the stack and of indirect calls, unused addressing
 * modes). penalty_block says how many micro-ops of each kind a block has more by such ratios; what
 * has no source among loads, stores and branches is arithmetic. Fractions are carried over.
 *
 * The extra micro-ops depend on nothing and nothing on them: loads and stores go to the thread's
 * frame, branches are not taken and predicted. So they take the width of the machine, its ports and
 * queues, and no latency: the least that so many can cost. The growth of code is apart
 * (store_config.code_bytes_per_uop).
 */
#define PENALTY_ONE 100000u /* a micro-op: thousandths, of which some percent are charged */

struct penalty {
    struct penalty_config cfg;
    uint32_t carried[4]; /* of a micro-op: all, loads, stores, branches */
};

struct penalty_uops {
    uint32_t alus, loads, stores, branches;
};

static inline int penalty_is_on(const struct penalty *p)
{
    return p->cfg.percent != 0;
}

struct penalty_uops penalty_block(struct penalty *p, const struct uop *uops, uint32_t n);

#endif
