/* lower.c - lowering: functions one after the other, while they are validated, into the store. */
#include "wasmcore/lower.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "wasmcore/lower_ops.h"
#include "wasmcore/stackmap.h"
#include "wasmcore/validate.h"

/* ---- a function ---- */

static void begin_function(struct builder *b)
{
    struct control *c = push_control(b, C_FUNC);
    if (c) {
        c->type = *b->type;
        code_begin_block(b);
    }
}

/* ---- into the store ---- */

/* All but the micro-ops, which are there. Code lies at 0 until somebody places it. */
static void place_blocks(const struct builder *b, struct block *out, uint32_t func)
{
    for (uint32_t i = 0; i < b->nblocks; i++) {
        const struct raw_block *k = &b->blocks[i];
        const uint32_t bytes = out[i].nuops * b->st->cfg.code_bytes_per_uop;
        out[i] = (struct block){
            .uops = out[i].uops,
            .nuops = out[i].nuops,
            .nops = k->nops,
            .code_addr = b->unit->code_bytes,
            .code_bytes = bytes,
            .func = func,
            .taken = k->taken,
            .next = k->next,
            .end = k->end,
            .loop_head = k->loop_head,
        };
        b->unit->code_bytes += bytes;
    }
}

/* Hand the finished instructions over. */
static int take_code(const struct builder *b, struct code *code)
{
    const size_t bytes = b->ninsns * sizeof(*b->insns);
    code->insns = unit_code_room(b->unit, bytes);
    if (!code->insns)
        return -1;
    memcpy(code->insns, b->insns, bytes);
    code->ninsns = b->ninsns;
    code->wide = b->module->has_v128;
    return 0;
}

static int finish_function(struct builder *b, struct code *code)
{
    struct store *st = b->st;
    uint32_t first = b->first_block, frame = b->temps + b->most_height;
    struct regalloc ra = {.uops = b->uops,
                          .nuops = b->nuops,
                          .blocks = b->blocks,
                          .nblocks = b->nblocks,
                          .type = b->type,
                          .nlocals = b->nlocals,
                          .temps = b->temps,
                          .nslots = b->temps + b->most_operands + 2,
                          .leaf = !b->calls,
                          .vectors = b->vectors,
                          .room = b->registers};
    if (GROW(st->blocks, st->blocks_cap, st->nblocks, b->nblocks + 1) ||
        first + (uint64_t)b->nblocks > 0x0fffffffu)
        return -1;
    if (regalloc_run(st, &ra, &st->blocks[first]))
        return -1;
    place_blocks(b, &st->blocks[first], code->func);
    st->nblocks += b->nblocks;
    code->frame_slots = frame > b->type->nresults ? frame : b->type->nresults;
    code->zero_at = b->type->nparams;
    code->zero_n = b->nlocals - b->type->nparams;
    st->funcs[code->func].first_block = first;
    st->funcs[code->func].nblocks = b->nblocks;
    st->funcs[code->func].frame_slots = code->frame_slots;
    st->funcs[code->func].temps = b->temps;
    return take_code(b, code);
}

/* The code of an import that is an instruction, as if its body were a call of itself: for tables
 * and exports. */
static void lower_wrapper(struct builder *b, uint32_t index)
{
    begin_function(b);
    if (b->see)
        watch_point(b, 0);
    for (uint32_t i = 0; i < b->type->nparams; i++)
        stack_push_local(b, i, b->local_types[i]);
    b->at = 0;
    call_function(b, index);
    if (b->see && b->block > 0)
        watch_point(b, 1);
    if (!b->failed)
        emit_return(b);
}

/* Where the bodies come from: whoever validates them, and what is to be said if that fails. */
struct source {
    struct validator *validator;
    struct wasm_error *err;
};

static int cannot_lower(const struct builder *b, uint32_t index, struct wasm_error *err)
{
    err->offset = b->fn->body;
    snprintf(err->text, sizeof(err->text), "function %u cannot be lowered: %s", index, b->failed);
    return -1;
}

/* All of a function's code into the builder. 0, or -1 with the error set. */
static int build_function(struct builder *b, uint32_t index, const struct source *from)
{
    struct module *m = b->unit->module;
    struct function *fn = &m->funcs[index];
    const struct functype *type = &b->unit->slot_types[fn->type];
    int builtin = index < m->nimported[EXT_FUNC];
    if (builtin) {
        b->wrapper = (struct function){
            .type = fn->type, .max_height = type->nparams + type->nresults, .max_depth = 1};
        fn = &b->wrapper;
    }
    builder_start(b, fn, type);
    if (!b->failed && builtin) {
        lower_wrapper(b, index);
    } else if (!b->failed) {
        begin_function(b);
        if (lower_body(b, from->validator, fn))
            return -1;
    }
    return b->failed ? cannot_lower(b, index, from->err) : 0;
}

static int lower_function(struct builder *b, uint32_t index, const struct source *from)
{
    struct unit *u = b->unit;
    uint32_t first_call = u->nimport_calls;
    b->first_block = b->st->nblocks;
    if (build_function(b, index, from))
        return -1;
    for (uint32_t i = first_call; i < u->nimport_calls; i++)
        u->import_calls[i].block += b->first_block;
    b->code_left -= b->ninsns + b->nuops;
    if (!finish_function(b, &u->codes[index]))
        return 0;
    builder_fail(b, "out of memory");
    return cannot_lower(b, index, from->err);
}

/* A branch with many values is a few bytes in the module and many copies here, so the size of the
 * code is limited too. What compilers make takes about 1 for each byte. */
#define CODE_LEAST    (UINT64_C(1) << 20)
#define CODE_PER_BYTE UINT64_C(24)

/* Locals are declared by the run, in a few bytes; their sum is limited so that time and memory
 * remain in proportion to the module. */
static int too_many_locals(const struct module *m)
{
    uint64_t n = 0;
    for (uint32_t i = m->nimported[EXT_FUNC]; i < m->nfuncs; i++)
        n += m->funcs[i].nlocals;
    return n > (UINT64_C(16) << 20) + UINT64_C(16) * m->nbytes;
}

/* What compilers make takes less, so that the store's arrays do not move again and again. */
#define BYTES_PER_UOP   3u
#define BYTES_PER_BLOCK 12u

/* The functions of a unit; err says what is wrong. */
static int lower_functions(struct builder *b, const struct source *from)
{
    struct unit *u = b->unit;
    const struct module *m = u->module;
    for (uint32_t i = 0; i < m->nfuncs; i++) {
        struct code *code = &u->codes[i];
        code->func = u->first_func + i;
        code->index = i;
        if ((i >= m->nimported[EXT_FUNC] || u->builtin[i] != BI_NONE) && lower_function(b, i, from))
            return -1;
    }
    return 0;
}

int lower_unit(struct store *st, struct unit *u, struct wasm_error *err)
{
    struct module *m = u->module;
    struct builder b = {.st = st,
                        .unit = u,
                        .module = u->module,
                        .wide = &m->has_v128,
                        .code_left = CODE_LEAST + CODE_PER_BYTE * m->nbytes};
    *err = (struct wasm_error){0, "out of memory"};
    if (too_many_locals(m)) {
        *err = (struct wasm_error){0, "the functions declare too many locals"};
        return -1;
    }
    if (GROW(st->uops, st->uops_cap, st->nuops, m->nbytes / BYTES_PER_UOP) ||
        GROW(st->blocks, st->blocks_cap, st->nblocks, m->nbytes / BYTES_PER_BLOCK))
        return -1;
    const struct source from = {validator_new(m, st->cfg.limits, err), err};
    b.registers = malloc(sizeof(*b.registers));
    int rc = from.validator && b.registers ? lower_functions(&b, &from) : -1;
    validator_free(from.validator);
    builder_free(&b);
    return rc;
}

/* Once more, into a builder that takes nothing to the store. */
static int build_again(struct builder *b, const struct wasm_limits *limits, uint32_t func)
{
    struct unit *u = b->unit;
    const uint32_t calls = u->nimport_calls;
    struct wasm_error err;
    const struct source from = {validator_new(u->module, limits, &err), &err};
    b->module = u->module;
    b->wide = &u->codes[func].wide;
    b->code_left = UINT64_MAX;
    int rc = from.validator ? build_function(b, func, &from) : -1;
    u->nimport_calls = calls; /* its calls through imports were noted the first time */
    validator_free(from.validator);
    return rc;
}

int lower_again(struct store *st, struct unit *u, uint32_t func, map_see *see, void *arg)
{
    struct builder b = {.unit = u, .see = see, .see_arg = arg};
    int rc = build_again(&b, st->cfg.limits, func);
    builder_free(&b);
    return rc;
}

const struct insn_pos *code_positions(const struct store *st, const struct code *code)
{
    if (code->pos)
        return code->pos;
    struct unit *u = st->units[st->funcs[code->func].module];
    struct builder b = {.unit = u, .keeps_pos = 1};
    const size_t bytes = code->ninsns * sizeof(*b.pos);
    const int failed = build_again(&b, st->cfg.limits, code->index);
    struct insn_pos *pos = hostmem_must(failed ? NULL : unit_code_room(u, bytes), bytes,
                                        "positions of instructions");
    assert(b.ninsns == code->ninsns);
    memcpy(pos, b.pos, bytes);
    builder_free(&b);
    return u->codes[code->index].pos = pos;
}
