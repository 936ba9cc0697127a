/* stackmap.h - where lowered code keeps the locals and operands of wasm at a point of execution. */
#ifndef WASMCORE_STACKMAP_H
#define WASMCORE_STACKMAP_H

#include "wasmcore/state.h"

/*
 * A point is a place between two operators at which a block of lowered code begins: there, and only
 * there, can a thread be described in wasm's own terms. It is named by the offset of the operator
 * that is executed next; in the code of an import that is an instruction, by 0 (not executed yet)
 * or 1 (executed).
 *
 * Nothing is kept for this in memory: maps are made when they are asked for, by lowering the
 * functions that they are in once more, each one once. (A table made at load would be quadratic in
 * the size of some modules, and a cost for all.)
 */
struct map_value {
    uint8_t type;  /* enum valtype */
    uint8_t fixed; /* it is the constant `bits`, in no slot */
    uint16_t slot;
    uint64_t bits;
};

struct stack_map {
    uint32_t insn;   /* the IN_BLOCK */
    uint32_t offset; /* name of the point */
    uint32_t nlocals, height;
    uint32_t temps;            /* slot of the operand at height 0, if it is in one of its own */
    struct map_value values[]; /* locals, then operands, the lowest first */
};

/* A map that is wanted. */
struct map_key {
    const struct unit *unit;
    uint32_t func; /* index in the module */
    uint32_t key;  /* by_offset: name of the point; else number of its IN_BLOCK in the code */
    uint32_t most; /* no map if there are more values than this */
    struct stack_map *map;
};

struct map_set {
    struct map_key *v;
    uint32_t n, cap;
    uint8_t by_offset, failed;
};

/* Ask for a map. */
void map_want(struct map_set *s, const struct unit *u, uint32_t func, uint32_t key, uint32_t most);
/* Make all maps that were asked for. 0, or -1 without memory. */
int map_make(struct map_set *s, struct store *st);
/* After map_make: the map, or NULL when there is no such point. */
const struct stack_map *map_find(const struct map_set *s, const struct unit *u, uint32_t func,
                                 uint32_t key);
void map_free(struct map_set *s);

/* lower.c: lower a function once more and call see at each of its points, in the builder's state
 * there. Nothing is added to the store. 0, or -1. */
struct builder;
typedef void map_see(void *arg, const struct builder *b, uint32_t offset);
int lower_again(struct store *st, struct unit *u, uint32_t func, map_see *see, void *arg);

#endif
