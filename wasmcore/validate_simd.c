/* validate_simd.c - are SIMD instructions well-typed? By the columns of simd.def alone. */
#include "wasmcore/typestack.h"

static int read_lane(struct validator *v)
{
    uint8_t lane = reader_u8(&v->r);
    if (v->r.error || lane >= v->info->lanes)
        return FAIL(v, "invalid lane index %u: %s has %u lanes", lane, v->info->name,
                    v->info->lanes);
    return 0;
}

/* *arg: the type of the operands, or of the address. */
static int immediate(struct validator *v, uint8_t *arg)
{
    switch (v->info->imm) {
    case IMM_LANE:
        return read_lane(v);
    case IMM_MEMARG:
        return ts_memarg(v, arg);
    case IMM_MEMARG_LANE:
        return ts_memarg(v, arg) || read_lane(v) ? -1 : 0;
    case IMM_SHUFFLE:
        for (unsigned i = 0; i < 16; i++)
            if (read_lane(v))
                return -1;
        return 0;
    case IMM_V128:
        reader_bytes(&v->r, 16);
        return 0;
    default:
        return 0;
    }
}

int validate_simd(struct validator *v)
{
    const struct op_info *info = v->info;
    uint8_t arg = info->arg;
    v->m->has_v128 = 1;
    if (immediate(v, &arg) || (info->last != VT_NONE && ts_pop(v, info->last)))
        return -1;
    for (unsigned i = 0; i < info->nargs; i++)
        if (ts_pop(v, arg))
            return -1;
    return info->result != VT_NONE ? ts_push(v, info->result) : 0;
}
