/* slots.h - function types counted by slots of a frame, of which a v128 takes two. */
#ifndef WASMCORE_SLOTS_H
#define WASMCORE_SLOTS_H

#include "wasmcore/module.h"

/*
 * Lowering never deals with values of 128 bits where it moves them: parameters, results, block
 * values and locals are halves, each with a slot and an entry on the stack of descriptors of its
 * own. The lower one has type VT_V128, the one after it VT_HIGH (regalloc.h), and whatever is done
 * to one half is done to the other, so both are always of the same kind and side by side. In types
 * by slot, functype.types holds both.
 */
static inline uint32_t slot_width(uint8_t type)
{
    return type == VT_V128 ? 2 : 1;
}

static inline uint64_t slots_of(const uint8_t *types, uint32_t n)
{
    uint64_t slots = n;
    for (uint32_t i = 0; i < n; i++)
        slots += types[i] == VT_V128;
    return slots;
}

/* Slots of a function's declared locals. */
uint32_t slots_of_locals(const struct function *fn);

/* All function types of a module by slot; they live as long as the module. NULL: out of memory. */
const struct functype *slots_types(struct module *m);

#endif
