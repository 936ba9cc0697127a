/* validate_common.h - the checks of the commonest operators, for those who want them inline. */
#ifndef WASMCORE_VALIDATE_COMMON_H
#define WASMCORE_VALIDATE_COMMON_H

#include "wasmcore/typestack.h"

/* Each is a check_fn (validate_ops.h): the operator is in v->op. What is wrong or rare is left to
 * functions out of line. */

/* ---- locals ---- */

/* validate.c: the type of any local that there is; and the error that there is none. */
uint8_t local_type(const struct validator *v, uint32_t index);
__attribute__((cold)) void no_such_local(struct validator *v);

static inline int take_local(struct validator *v, uint8_t *type)
{
    const uint32_t index = v->op.x;
    if (__builtin_expect(index < v->nnear, 1)) {
        *type = v->near_locals[index];
        return 0;
    }
    if (index >= v->nlocals) {
        no_such_local(v);
        return -1;
    }
    *type = local_type(v, index);
    return 0;
}

static inline int check_local_get(struct validator *v)
{
    uint8_t type;
    return take_local(v, &type) ? -1 : ts_push(v, type);
}

static inline int check_local_set(struct validator *v)
{
    uint8_t type;
    return take_local(v, &type) ? -1 : ts_pop(v, type);
}

static inline int check_local_tee(struct validator *v)
{
    uint8_t type;
    return take_local(v, &type) ? -1 : ts_replace(v, type, type);
}

/* ---- constants and arithmetic ---- */

static inline int check_i32_const(struct validator *v)
{
    return ts_push(v, VT_I32);
}

static inline int check_i64_const(struct validator *v)
{
    return ts_push(v, VT_I64);
}

static inline int check_unary(struct validator *v)
{
    return ts_replace(v, v->op.info->arg, v->op.info->result);
}

static inline int check_binary(struct validator *v)
{
    const struct op_info *info = v->op.info;
    return ts_pop(v, info->arg) ? -1 : ts_replace(v, info->arg, info->result);
}

/* ---- memory ---- */

static inline uint8_t address_type(const struct validator *v, uint32_t memory)
{
    return v->m->mems[memory].is64 ? VT_I64 : VT_I32;
}

/* validate_memory.c: the error in an operator's memarg. */
__attribute__((cold)) void bad_memarg(struct validator *v);

/* The memory and alignment of an access; the type of its address goes to *address. */
static inline int memarg_type(struct validator *v, uint8_t *address)
{
    const struct memarg *arg = &v->op.memarg;
    if (arg->memory >= v->m->nmems || arg->align > v->op.info->align) {
        bad_memarg(v);
        return -1;
    }
    *address = address_type(v, arg->memory);
    return 0;
}

static inline int check_load(struct validator *v)
{
    uint8_t type;
    return memarg_type(v, &type) ? -1 : ts_replace(v, type, v->op.info->result);
}

static inline int check_store(struct validator *v)
{
    uint8_t type;
    if (memarg_type(v, &type))
        return -1;
    return ts_pop(v, v->op.info->arg) || ts_pop(v, type) ? -1 : 0;
}

#endif
