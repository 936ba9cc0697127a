/* lower.h - function bodies to lowered code, basic blocks and micro-ops. */
#ifndef WASMCORE_LOWER_H
#define WASMCORE_LOWER_H

#include "wasmcore/state.h"

/*
 * Each function is validated and lowered in one pass over its body, operator by operator:
 * validate.h decodes one and checks it, then it is lowered. Lowering keeps a stack of descriptors
 * in place of operands: a local, a constant, or a temporary. local.get and constants only push a
 * descriptor, so they cost nothing; the instruction that uses them names the local's slot or holds
 * the constant.
 *
 * A frame is an array of 64-bit slots:
 *
 *     parameters | declared locals | 1 + 6 slots for return address and saved registers |
 * temporaries
 *
 * The value at height h of the operand stack has exactly one place, temporary h, if it is not a
 * local or a constant. A v128 takes two slots, and two places on the stack: see slots.h. A callee's
 * frame begins at the temporary of its first argument, and its results are put where its arguments
 * were.
 *
 * Invariants that the rest relies upon:
 * - A local that is on the stack of descriptors is copied to its temporary before the local is
 *   written, and below the entry of every block, loop and if there are no locals, only temporaries
 *   and constants: so all ways to a label agree where the values are.
 * - Every branch target is an IN_BLOCK, and so is what follows a branch, call or bulk operation.
 * - A block has at most BLOCK_OPS operators (more are split), so it logs less than LOG_SLACK words.
 * - Only an instruction at whose wasm operator something can trap, trap; it is in the place of that
 *   operator, so that counts are exact.
 */
#define FRAME_SAVE 7u /* slots for the return address and saved registers */
#define BLOCK_OPS  2000u
#define PLAIN_OPS  (BLOCK_OPS / 4) /* up to here nobody has to look: none logs more than 4 words */
#define MAX_SLOTS  65000u

/* Validate and lower all of a unit whose module, type_ids and builtin are set; appends to the
 * store's arrays. 0 or -1 with err filled. On failure what was appended is left to the caller to
 * cut off. */
int lower_unit(struct store *st, struct unit *u, struct wasm_error *err);

#endif
