/* validate_simd.c - are SIMD instructions well-typed? By the columns of simd.def alone. */
#include "wasmcore/validate_common.h"
#include "wasmcore/validate_ops.h"

static int check_lane(struct validator *v, uint8_t lane)
{
    const struct op_info *info = v->op.info;
    if (lane >= info->lanes)
        return FAIL(v, "invalid lane index %u: %s has %u lanes", lane, info->name, info->lanes);
    return 0;
}

static int check_shuffle(struct validator *v)
{
    for (unsigned i = 0; i < 16; i++)
        if (check_lane(v, v->op.bytes[i]))
            return -1;
    return 0;
}

/* *arg: the type of the operands, or of the address. */
static int immediate(struct validator *v, uint8_t *arg)
{
    switch (v->op.info->imm) {
    case IMM_LANE:
        return check_lane(v, v->op.lane);
    case IMM_MEMARG:
        return memarg_type(v, arg);
    case IMM_MEMARG_LANE:
        return memarg_type(v, arg) || check_lane(v, v->op.lane) ? -1 : 0;
    case IMM_SHUFFLE:
        return check_shuffle(v);
    default:
        return 0;
    }
}

int check_simd(struct validator *v)
{
    const struct op_info *info = v->op.info;
    uint8_t arg = info->arg;
    v->m->has_v128 = 1;
    if (immediate(v, &arg) || (info->last != VT_NONE && ts_pop(v, info->last)))
        return -1;
    for (unsigned i = 0; i < info->nargs; i++)
        if (ts_pop(v, arg))
            return -1;
    return info->result != VT_NONE ? ts_push(v, info->result) : 0;
}
