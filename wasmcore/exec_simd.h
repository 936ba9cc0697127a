/* exec_simd.h - what SIMD instructions compute, for the engine's loop. */
#ifndef WASMCORE_EXEC_SIMD_H
#define WASMCORE_EXEC_SIMD_H

#include "wasmcore/insn.h"

/* Instruction INSN_SIMD + i. */
extern void (*const simd_functions[])(uint64_t *fp, const struct insn *ip);
/* Instruction INSN_SIMD_LOADS + i, from memory at `at`; a fault there leaves the frame as it was.
 */
extern void (*const simd_loads[])(uint64_t *fp, const struct insn *ip, const uint8_t *at);
/* IN_SHUFFLE */
void simd_shuffle(uint64_t *fp, const struct insn *ip);

#endif
