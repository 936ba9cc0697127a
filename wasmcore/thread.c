/* thread.c - guest threads as data: calls, running them, arguments and results, back traces. */
#include <stdlib.h>
#include <string.h>

#include "wasmcore/slots.h"
#include "wasmcore/state.h"
#include "wasmcore/trap.h"

static void thread_free(struct thread *t)
{
    free(t->slots);
    free(t->frames);
    free(t->step);
    free(t);
}

struct thread *thread_new(struct store *st, uint64_t frame_addr)
{
    struct thread *t = calloc(1, sizeof(*t));
    if (!t || GROW(st->threads, st->threads_cap, st->nthreads, 1)) {
        free(t);
        return NULL;
    }
    t->store = st;
    t->frame_addr = frame_addr;
    t->slots = calloc((size_t)st->cfg.stack_slots + 1, sizeof(*t->slots));
    t->frames = calloc((size_t)st->cfg.call_depth + 2, sizeof(*t->frames));
    if (!t->slots || !t->frames) {
        thread_free(t);
        return NULL;
    }
    t->slots_end = t->slots + st->cfg.stack_slots;
    t->frames_end = t->frames + st->cfg.call_depth + 1;
    t->rec = t->frames;
    t->fp = t->slots;
    t->stop = t->limit = INT64_MAX;
    t->fuel = UINT64_MAX;
    t->id = st->nthreads;
    st->threads[st->nthreads++] = t;
    return t;
}

void thread_limit_stack(struct thread *t, uint32_t slots)
{
    /* what it has begun with stays below the end, or the checks of calls would not hold */
    const uint32_t least = t->first && t->first->code ? t->first->code->frame_slots : 0;
    const uint32_t most = slots > least ? slots : least;
    if (most < t->store->cfg.stack_slots)
        t->slots_end = t->slots + most;
}

uint32_t thread_stack_limit(const struct thread *t)
{
    const uint32_t slots = (uint32_t)(t->slots_end - t->slots);
    return slots < t->store->cfg.stack_slots ? slots : UINT32_MAX;
}

void thread_drop(struct thread *t)
{
    t->store->threads[t->id] = NULL;
    thread_free(t);
}

uint32_t thread_id(const struct thread *t)
{
    return t->id;
}

struct thread *store_thread(const struct store *st, uint32_t id)
{
    return id < st->nthreads ? st->threads[id] : NULL;
}

uint64_t thread_frame_addr(const struct thread *t)
{
    return t->frame_addr;
}

/* i32 and f32 have a zero high half, whoever made them. */
static void copy_values(uint64_t *to, const uint64_t *from, const uint8_t *types, uint32_t n)
{
    for (uint32_t i = 0, at = 0; i < n; i++, at++) {
        to[at] = types[i] == VT_I32 || types[i] == VT_F32 ? (uint32_t)from[at] : from[at];
        if (types[i] == VT_V128) {
            at++;
            to[at] = from[at];
        }
    }
}

static void enter_frame(struct thread *t, const struct func *f)
{
    if (!f->code)
        return;
    *++t->rec = (struct frame){f->code, f->inst, NULL, NULL};
    t->ip = f->code->insns;
}

void thread_call(struct thread *t, struct func *f, const uint64_t *args)
{
    const struct functype *type = f->type;
    uint32_t size = (uint32_t)(t->slots_end - t->slots);
    uint32_t want = f->code ? f->code->frame_slots : 0;
    t->first = f;
    t->fp = t->slots;
    t->rec = t->frames;
    t->bulk_done = 0;
    t->trap = TRAP_NONE;
    t->ip = NULL;
    if (want > size || slots_of(type->types, type->nparams) > size ||
        slots_of(type->types + type->nparams, type->nresults) > size) {
        t->state = THREAD_TRAPPED;
        t->trap = TRAP_STACK;
        enter_frame(t, f); /* for its back trace, which begins behind the IN_BLOCK */
        if (t->ip)
            t->ip++;
        return;
    }
    copy_values(t->slots, args, type->types, type->nparams);
    t->inst = f->inst;
    if (!f->code) {
        t->state = THREAD_FIRST_HOST;
        return;
    }
    memset(t->slots + f->code->zero_at, 0, f->code->zero_n * sizeof(*t->slots));
    enter_frame(t, f);
    t->state = THREAD_BLOCK;
}

const uint64_t *thread_results(const struct thread *t)
{
    return t->slots;
}

uint32_t thread_host(const struct thread *t)
{
    return t->host;
}

int thread_in_host(const struct thread *t)
{
    return t->state == THREAD_HOST || t->state == THREAD_ONLY_HOST;
}

uint64_t *thread_host_slots(struct thread *t)
{
    return t->fp + t->host_base;
}

void thread_fail(struct thread *t, enum trap_kind kind)
{
    if (t->state == THREAD_HOST)
        t->ip--; /* the instruction that left the engine */
    t->state = THREAD_TRAPPED;
    t->trap = (uint8_t)kind;
}

struct instance *thread_instance(const struct thread *t)
{
    return t->inst;
}

/* The machine has put results where the arguments were. */
static void take_host_results(struct thread *t)
{
    const struct functype *type = t->host_type;
    uint64_t *slots = thread_host_slots(t);
    if (type)
        copy_values(slots, slots, type->types + type->nparams, type->nresults);
}

/* Whatever is to be done before the loop runs. 1: there is a reason not to run it. */
static int before_run(struct thread *t, enum run_reason *reason)
{
    switch ((enum thread_state)t->state) {
    case THREAD_BLOCK:
    case THREAD_BULK:
    case THREAD_WITHIN:
        return 0;
    case THREAD_HOST:
        take_host_results(t);
        return 0;
    case THREAD_FIRST_HOST:
        t->host = t->first->host;
        t->host_base = 0;
        t->host_type = t->first->type;
        t->state = THREAD_ONLY_HOST;
        *reason = RUN_HOST;
        return 1;
    case THREAD_ONLY_HOST:
        take_host_results(t);
        t->state = THREAD_DONE;
        *reason = RUN_DONE;
        return 1;
    case THREAD_TRAPPED:
        *reason = RUN_TRAP;
        return 1;
    case THREAD_EMPTY:
    case THREAD_DONE:
        break;
    }
    *reason = RUN_DONE;
    return 1;
}

/* Of the instruction that trapped. */
static struct insn_pos trap_position(const struct thread *t)
{
    const struct code *code = t->rec->code;
    return code_positions(t->store, code)[t->ip - code->insns];
}

/* Operators of the block that come after the one that trapped were counted, but not executed. */
static void take_back_count(struct thread *t)
{
    const struct insn *block = t->ip;
    while (block->op != IN_BLOCK)
        block--;
    t->count -= block->dst - (uint32_t)trap_position(t).ops;
}

/* After a fault: the log ends behind the accesses of the block that were over. */
static void end_log(const struct thread *t, struct log *log)
{
    const uint64_t *w = t->block_word + 1;
    for (uint32_t n = trap_position(t).logged; n > 0; n--)
        w += LOG_TAG(*w) == LOG_ADDR && (*w & LOG_NV) ? 3 : 1;
    log->n = (uint32_t)(w - log->words);
}

enum run_reason thread_execute(struct thread *t, struct log *log, exec_fn *exec)
{
    struct trap_guard guard;
    enum run_reason reason;
    trap_enter(&guard);
    if (sigsetjmp(guard.env, 0) == 0) {
        reason = exec(t, log);
    } else {
        t->trap = TRAP_MEMORY;
        t->count = t->stop + (uint64_t)t->due;
        reason = RUN_TRAP;
        if (log)
            end_log(t, log);
    }
    trap_leave(&guard);
    if (reason == RUN_TRAP) {
        t->state = THREAD_TRAPPED;
        take_back_count(t);
    }
    return reason;
}

static enum run_reason run(struct thread *t, struct log *log)
{
    enum run_reason reason;
    if (before_run(t, &reason))
        return reason;
    if (t->fuel != UINT64_MAX || t->state == THREAD_WITHIN)
        return fuel_run(t, log);
    return thread_execute(t, log, log ? exec_observed : exec_functional);
}

enum run_reason engine_run_functional(struct thread *t)
{
    return run(t, NULL);
}

enum run_reason engine_run_observed(struct thread *t, struct log *log)
{
    return run(t, log);
}

void thread_preempt(struct thread *t)
{
    t->stop = 0;
}

void thread_gate(struct thread *t, int on)
{
    t->gated = on != 0;
}

void thread_limit(struct thread *t, uint64_t count)
{
    t->limit = count < INT64_MAX ? count : INT64_MAX;
    t->stop = t->limit;
}

void thread_stop_at_mark(struct thread *t, uint32_t id)
{
    t->mark = id;
    t->wants_mark = 1;
    t->marked = 0;
}

int thread_marked(const struct thread *t)
{
    return t->marked;
}

uint64_t thread_instructions(const struct thread *t)
{
    return t->count;
}

enum trap_kind thread_trap(const struct thread *t)
{
    return (enum trap_kind)t->trap;
}

static struct trap_frame describe(const struct store *st, const struct frame *rec,
                                  const struct insn *ip)
{
    const struct code_func *f = &st->funcs[rec->code->func];
    return (struct trap_frame){
        .module = rec->inst->unit->name,
        .func = f->name,
        .func_index = rec->code->index,
        .offset = code_offset(st, rec->code, (size_t)(ip - rec->code->insns))};
}

uint32_t thread_backtrace(const struct thread *t, struct trap_frame *out, uint32_t n)
{
    const struct insn *ip = t->ip;
    uint32_t depth = 0;
    int calling = t->state == THREAD_HOST; /* ip is behind the call that left the engine */
    if (!ip || t->state == THREAD_DONE)
        return 0;
    for (const struct frame *rec = t->rec; rec->inst; rec--, depth++) {
        if (depth < n)
            out[depth] = describe(t->store, rec, calling ? ip - 1 : ip);
        ip = rec->ret;
        calling = 1;
    }
    return depth;
}
