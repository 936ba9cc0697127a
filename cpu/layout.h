/* layout.h - where branches would lie in compiled code, as far as predictors look: low bits. */
#ifndef CPU_LAYOUT_H
#define CPU_LAYOUT_H

#include <stdint.h>

#include "wasmcore/engine.h"

/*
 * Simulated code has micro-ops of one size, and no gaps (store_place_code). Compiled code has
 * neither: instructions have lengths of their own, functions begin at multiples of 16 bytes, and so
 * do blocks that are reached by jumps only and heads of loops, if that takes at most 10 bytes, else
 * at multiples of 8 (gcc's -falign-functions, -falign-jumps and -falign-loops for x86, 16:11:8). So
 * many branches have the low bits of their addresses in common, returns of short functions above
 * all, which matters to a predictor that sees no others (branch.h).
 *
 * Lengths are those of the usual x86-64 encodings: short displacements, no 64-bit prefixes, and a
 * move in front of an operation whose result is in neither operand's register. A return address
 * takes no instruction to be stored or loaded.
 */
struct layout {
    uint8_t *last; /* by block: low LAYOUT_BITS of the address of its last byte */
    uint32_t cap, seen;
};
#define LAYOUT_BITS 4u

/* Look at blocks that are new. Without memory the process ends (memhier/hostmem.h). */
void layout_look(struct layout *l, const struct code_view *code);
void layout_free(struct layout *l);

#endif
