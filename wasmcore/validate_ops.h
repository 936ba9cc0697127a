/* validate_ops.h - who checks which operator: private to validate.c and the validate_*.c. */
#ifndef WASMCORE_VALIDATE_OPS_H
#define WASMCORE_VALIDATE_OPS_H

#include "wasmcore/typestack.h"

/* Checks the operator in v->op, its immediate included, and does to the stacks what it does. 0, or
 * -1 with the error set. */
typedef int check_fn(struct validator *v);

/* ---- validate_control.c ---- */
check_fn check_unreachable, check_block, check_else, check_end, check_br, check_br_table,
    check_return, check_call, check_call_indirect;

/* ---- validate_memory.c ---- */
/* Is there such a table? Its element type goes to *elem. */
int table_type(struct validator *v, uint32_t index, uint8_t *elem);
check_fn check_table, check_table_move, check_elem_drop;
check_fn check_memory, check_memory_copy, check_memory_init, check_data_drop;
check_fn check_atomic, check_wait, check_fence;

/* ---- validate_simd.c: all with prefix 0xfd ---- */
check_fn check_simd;

#endif
