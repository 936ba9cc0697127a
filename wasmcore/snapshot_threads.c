/* snapshot_threads.c - guest threads in a snapshot: activations with their locals and operands. */
#include <stdlib.h>
#include <string.h>

#include "wasmcore/slots.h"
#include "wasmcore/snapshot_parts.h"

/*
 * Reading goes through the threads twice: first only to find out which maps are needed, so that
 * each function is lowered once for all of them.
 */
#define VALUE_BYTES  9u
#define MOST_RESULTS 2000u /* slots; decoding does not let a function have more */

static int is_running(uint8_t state)
{
    return state == THREAD_BLOCK || state == THREAD_HOST;
}

static uint32_t depth_of(const struct thread *t)
{
    return (uint32_t)(t->rec - t->frames);
}

/* Where activation k (1: outermost) goes on. */
static const struct insn *resume_of(const struct thread *t, uint32_t k)
{
    return k == depth_of(t) ? t->ip : t->frames[k + 1].ret;
}

static const uint64_t *fp_of(const struct thread *t, uint32_t k)
{
    return k == depth_of(t) ? t->fp : t->frames[k + 1].fp;
}

static const struct stack_map *map_of(const struct snap *s, const struct thread *t, uint32_t k)
{
    const struct frame *f = &t->frames[k];
    return map_find(&s->maps, f->inst->unit, f->code->index,
                    (uint32_t)(resume_of(t, k) - f->code->insns));
}

static void want_maps(struct map_set *maps, const struct thread *t, uint32_t from)
{
    for (uint32_t k = from; is_running(t->state) && k <= depth_of(t); k++) {
        const struct frame *f = &t->frames[k];
        map_want(maps, f->inst->unit, f->code->index, (uint32_t)(resume_of(t, k) - f->code->insns),
                 UINT32_MAX);
    }
}

int thread_at_point(const struct thread *t)
{
    struct map_set maps = {0};
    struct snap s = {.st = t->store};
    if (t->state == THREAD_BULK)
        return 0;
    if (!is_running(t->state) || depth_of(t) == 0)
        return 1;
    want_maps(&maps, t, depth_of(t));
    int made = map_make(&maps, t->store) == 0;
    s.maps = maps;
    int there = made && map_of(&s, t, depth_of(t)) != NULL;
    map_free(&maps);
    return there;
}

/* ---- numbers and slots ---- */

static uint32_t callable_place(const struct store *st, const struct func *f)
{
    for (uint32_t i = 0; f && i < st->ncallable; i++)
        if (st->callable[i] == f)
            return i + 1;
    return 0;
}

/* Slots that a call of that type takes or gives, whichever are more. */
static uint32_t more_of(const struct functype *type)
{
    const uint64_t in = slots_of(type->types, type->nparams);
    const uint64_t out = slots_of(type->types + type->nparams, type->nresults);
    return (uint32_t)(in > out ? in : out); /* decoding limits both */
}

/* n slots, as they are. */
static void raw_slots(struct snap *s, uint64_t *slots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        archive_u64(s->a, &slots[i]);
}

static uint64_t value_of(const struct map_value *v, const uint64_t *fp)
{
    return v->fixed ? v->bits : fp[v->slot];
}

/* ---- writing ---- */

static void write_values(struct snap *s, const struct map_value *v, uint32_t n, const uint64_t *fp)
{
    archive_put32(s->a, n);
    for (uint32_t i = 0; i < n; i++) {
        archive_put8(s->a, v[i].type);
        archive_put64(s->a, value_of(&v[i], fp));
    }
}

/* How many operands there are below what a call takes or gives. */
static uint32_t operands_of(const struct thread *t, uint32_t k, const struct stack_map *m)
{
    const uint64_t *fp = fp_of(t, k);
    if (k < depth_of(t))
        return (uint32_t)(fp_of(t, k + 1) - fp) - m->temps;
    return t->state == THREAD_HOST ? t->host_base - m->temps : m->height;
}

static void write_activation(struct snap *s, const struct thread *t, uint32_t k)
{
    const struct stack_map *m = map_of(s, t, k);
    if (!m) {
        archive_fail(s->a, "a thread is at no point between operators");
        return;
    }
    archive_put32(s->a, t->frames[k].inst->id);
    archive_put32(s->a, t->frames[k].code->index);
    archive_put32(s->a, m->offset);
    write_values(s, m->values, m->nlocals, fp_of(t, k));
    write_values(s, m->values + m->nlocals, operands_of(t, k, m), fp_of(t, k));
}

/* Of the engine's own calls there is no type: as many slots as the frame has, up to 8. */
static void write_host_call(struct snap *s, struct thread *t)
{
    const struct store *st = s->st;
    uint32_t i = 0, n = t->rec->code->frame_slots - t->host_base;
    while (t->host_type && i < st->nhost_funcs &&
           (st->host_funcs[i]->host != t->host || st->host_funcs[i]->type != t->host_type))
        i++;
    if (t->host_type && i == st->nhost_funcs)
        archive_fail(s->a, "a thread is in a host call that is not known");
    if (s->a->failed)
        return;
    archive_put32(s->a, t->host_type ? st->host_funcs[i]->id + 1 : 0);
    if (!t->host_type)
        archive_put32(s->a, t->host);
    if (t->host_type)
        n = more_of(t->host_type);
    else
        n = n < 8 ? n : 8;
    archive_put32(s->a, n);
    raw_slots(s, thread_host_slots(t), n);
}

static void write_trapped(struct snap *s, const struct thread *t)
{
    uint32_t n = t->ip ? depth_of(t) : 0;
    for (uint32_t k = 1; k <= n; k++)
        if (!snap_owner_lives(s->st, t->frames[k].inst))
            n = 0;
    archive_put32(s->a, n);
    for (uint32_t k = 1; k <= n; k++) {
        const struct code *code = t->frames[k].code;
        const struct insn *at = resume_of(t, k) - (k < depth_of(t));
        archive_put32(s->a, t->frames[k].inst->id);
        archive_put32(s->a, code->index);
        archive_put32(s->a, code_offset(s->st, code, (size_t)(at - code->insns)));
    }
}

static void write_thread(struct snap *s, struct thread *t)
{
    uint32_t first = callable_place(s->st, t->first), n;
    archive_put32(s->a, t->id);
    archive_put64(s->a, t->frame_addr);
    archive_put64(s->a, t->count);
    archive_put8(s->a, t->state);
    archive_put8(s->a, t->trap);
    archive_put32(s->a, first);
    archive_put32(s->a, thread_stack_limit(t));
    switch ((enum thread_state)t->state) {
    case THREAD_EMPTY:
        break;
    case THREAD_FIRST_HOST:
    case THREAD_ONLY_HOST:
    case THREAD_DONE:
        n = archive_put32(s->a, first ? more_of(t->first->type) : 0);
        raw_slots(s, t->slots, n);
        break;
    case THREAD_TRAPPED:
        write_trapped(s, t);
        break;
    case THREAD_BULK:
        archive_fail(s->a, "a thread is in the midst of a bulk operation");
        break;
    case THREAD_WITHIN:
        archive_fail(s->a, "a thread has run out of fuel in the midst of a block");
        break;
    case THREAD_BLOCK:
    case THREAD_HOST:
        archive_put32(s->a, depth_of(t));
        for (uint32_t k = 1; k <= depth_of(t) && !s->a->failed; k++)
            write_activation(s, t, k);
        if (t->state == THREAD_HOST && !s->a->failed)
            write_host_call(s, t);
        break;
    }
}

static void write_threads(struct snap *s, uint32_t n)
{
    struct store *st = s->st;
    for (uint32_t i = 0; i < st->nthreads; i++)
        if (st->threads[i])
            want_maps(&s->maps, st->threads[i], 1);
    if (map_make(&s->maps, st))
        archive_fail(s->a, "out of memory");
    archive_put32(s->a, st->nthreads);
    archive_put32(s->a, n);
    for (uint32_t i = 0; i < st->nthreads && !s->a->failed; i++)
        if (st->threads[i])
            write_thread(s, st->threads[i]);
}

/* ---- reading ---- */

#define DAMAGED "damaged: a thread"

/* An activation's place: its instance and function, or NULL. */
static const struct code *read_place(struct snap *s, struct instance **in, uint32_t *offset)
{
    *in = store_instance(s->st, archive_put32(s->a, 0));
    const uint32_t func = archive_put32(s->a, 0);
    *offset = archive_put32(s->a, 0);
    if (!s->a->failed && *in && func < (*in)->unit->module->nfuncs &&
        (*in)->unit->codes[func].insns)
        return &(*in)->unit->codes[func];
    archive_fail(s->a, DAMAGED);
    return NULL;
}

static int fits_type(uint8_t type, uint64_t bits)
{
    return (type != VT_I32 && type != VT_F32) || bits <= UINT32_MAX;
}

/* Values into their slots; with v NULL they are only gone over. */
static uint32_t read_values(struct snap *s, const struct map_value *v, uint32_t most, uint64_t *fp)
{
    uint32_t n = 0;
    archive_count(s->a, &n, most, VALUE_BYTES);
    for (uint32_t i = 0; i < n && !s->a->failed; i++) {
        const uint8_t type = archive_put8(s->a, 0);
        const uint64_t bits = archive_put64(s->a, 0);
        if (!v)
            continue;
        if (v[i].type != type || !fits_type(type, bits) || (v[i].fixed && v[i].bits != bits)) {
            archive_fail(s->a, DAMAGED);
            return n;
        }
        if (!v[i].fixed)
            fp[v[i].slot] = bits;
    }
    return n;
}

/* Go over an activation to see which map it needs. */
static void scan_activation(struct snap *s)
{
    struct instance *in;
    uint32_t offset;
    const struct code *code = read_place(s, &in, &offset);
    uint32_t n = read_values(s, NULL, UINT32_MAX, NULL);
    n += read_values(s, NULL, UINT32_MAX, NULL);
    if (code && !s->a->failed)
        map_want(&s->maps, in->unit, code->index, offset, n + MOST_RESULTS);
}

/* One more activation on top. `base`: operands below what it calls. */
static const struct stack_map *read_activation(struct snap *s, struct thread *t, uint64_t **fp,
                                               uint32_t *base)
{
    struct instance *in;
    uint32_t offset;
    const struct code *code = read_place(s, &in, &offset);
    const struct stack_map *m = code ? map_find(&s->maps, in->unit, code->index, offset) : NULL;
    if (!m || code->frame_slots > (size_t)(t->slots_end - *fp) || t->rec + 1 == t->frames_end) {
        archive_fail(s->a, DAMAGED);
        return NULL;
    }
    *++t->rec = (struct frame){.code = code, .inst = in, .ret = t->ip, .fp = t->fp};
    t->ip = code->insns + m->insn;
    t->fp = *fp;
    t->inst = in;
    if (read_values(s, m->values, m->nlocals, *fp) != m->nlocals)
        archive_fail(s->a, DAMAGED);
    *base = read_values(s, m->values + m->nlocals, m->height, *fp);
    *fp += m->temps + *base;
    return m;
}

static void read_host_call(struct snap *s, struct thread *t, uint32_t base)
{
    const uint32_t ref = archive_put32(s->a, 0);
    const struct func *f = ref ? store_func(s->st, ref) : NULL;
    uint32_t n = 0;
    t->host = f ? f->host : 0;
    t->host_type = f ? f->type : NULL;
    t->host_base = base;
    if (!ref)
        archive_u32(s->a, &t->host);
    archive_count(s->a, &n, MOST_RESULTS, 8);
    const size_t room = (size_t)(t->slots_end - t->fp) - base;
    if (s->a->failed || (ref && (!f || f->code || n != more_of(f->type))) ||
        (!ref && (t->host < HOST_RESERVED || n > 8)) || n > room) {
        archive_fail(s->a, DAMAGED);
        return;
    }
    raw_slots(s, thread_host_slots(t), n);
}

static void read_running(struct snap *s, struct thread *t)
{
    const struct stack_map *m = NULL;
    uint64_t *fp = t ? t->slots : NULL;
    uint32_t n = 0, base = 0;
    archive_count(s->a, &n, s->st->cfg.call_depth, 20);
    for (uint32_t i = 0; i < n && !s->a->failed; i++) {
        if (t)
            m = read_activation(s, t, &fp, &base);
        else
            scan_activation(s);
    }
    if (!t || s->a->failed)
        return;
    if (!m || (t->state == THREAD_BLOCK && base != m->height))
        archive_fail(s->a, DAMAGED);
    else if (t->state == THREAD_HOST)
        read_host_call(s, t, m->temps + base);
}

/* The host call of a thread that is only gone over. */
static void scan_host_call(struct snap *s)
{
    uint32_t n = 0;
    if (archive_put32(s->a, 0) == 0)
        archive_put32(s->a, 0);
    archive_count(s->a, &n, MOST_RESULTS, 8);
    for (uint32_t i = 0; i < n; i++)
        archive_put64(s->a, 0);
}

/* The first instruction of the operator at an offset; offsets ascend. */
static const struct insn *insn_at(const struct store *st, const struct code *code, uint32_t offset)
{
    const struct insn_pos *pos = code_positions(st, code);
    uint32_t lo = 0, hi = code->ninsns;
    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        if (pos[mid].offset < offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < code->ninsns && pos[lo].offset == offset ? code->insns + lo : NULL;
}

static void read_trapped(struct snap *s, struct thread *t)
{
    uint32_t n = 0;
    archive_count(s->a, &n, s->st->cfg.call_depth, 12);
    for (uint32_t i = 0; i < n && !s->a->failed; i++) {
        struct instance *in;
        uint32_t offset;
        const struct code *code = read_place(s, &in, &offset);
        const struct insn *at = code ? insn_at(s->st, code, offset) : NULL;
        if (!at) {
            archive_fail(s->a, DAMAGED);
            return;
        }
        if (!t)
            continue;
        *++t->rec = (struct frame){
            .code = code, .inst = in, .ret = t->ip ? t->ip + 1 : NULL, .fp = t->slots};
        t->ip = at;
        t->inst = in;
    }
}

static void read_values_of_host(struct snap *s, struct thread *t)
{
    uint32_t n = 0;
    const uint32_t want = t && t->first ? more_of(t->first->type) : 0;
    archive_count(s->a, &n, MOST_RESULTS, 8);
    if (t && (n != want || n > s->st->cfg.stack_slots ||
              (t->state != THREAD_DONE && (!t->first || t->first->code)))) {
        archive_fail(s->a, DAMAGED);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t x = archive_put64(s->a, 0);
        if (t)
            t->slots[i] = x;
    }
    if (t && t->state == THREAD_ONLY_HOST) {
        t->host = t->first->host;
        t->host_type = t->first->type;
    }
}

struct thread_head {
    uint32_t id, first, slots;
    uint64_t frame_addr, count;
    uint8_t state, trap;
};

static int read_head(struct snap *s, struct thread_head *h)
{
    *h = (struct thread_head){.id = archive_put32(s->a, 0)};
    archive_u64(s->a, &h->frame_addr);
    archive_u64(s->a, &h->count);
    archive_u8(s->a, &h->state);
    archive_u8(s->a, &h->trap);
    archive_u32(s->a, &h->first);
    archive_u32(s->a, &h->slots);
    if (s->a->failed || h->state > THREAD_TRAPPED || h->state == THREAD_BULK ||
        h->state == THREAD_WITHIN || h->trap >= TRAP_KINDS ||
        (h->state == THREAD_TRAPPED) != (h->trap != TRAP_NONE) || h->id >= MOST_NUMBERS)
        return archive_fail(s->a, DAMAGED);
    return 0;
}

static struct thread *make_thread(struct snap *s, const struct thread_head *h)
{
    struct store *st = s->st;
    if (h->id < st->nthreads ||
        GROW(st->threads, st->threads_cap, st->nthreads, h->id - st->nthreads + 1))
        return NULL;
    while (st->nthreads < h->id)
        st->threads[st->nthreads++] = NULL;
    struct thread *t = thread_new(st, h->frame_addr);
    if (!t)
        return NULL;
    thread_limit_stack(t, h->slots);
    t->count = h->count;
    t->state = h->state;
    t->trap = h->trap;
    t->first = store_func(st, h->first);
    t->ip = NULL;
    t->fp = NULL;
    return t;
}

/* make: build the thread; else only go over it. */
static void read_thread(struct snap *s, int make)
{
    struct thread_head h;
    struct thread *t = NULL;
    if (read_head(s, &h))
        return;
    if (make && !(t = make_thread(s, &h))) {
        archive_fail(s->a, DAMAGED);
        return;
    }
    if (h.state == THREAD_TRAPPED) {
        read_trapped(s, t);
    } else if (is_running(h.state)) {
        read_running(s, t);
        if (!t && h.state == THREAD_HOST)
            scan_host_call(s);
    } else if (h.state != THREAD_EMPTY) {
        read_values_of_host(s, t);
    }
    if (t && !t->fp)
        t->fp = t->slots;
}

static void read_threads(struct snap *s)
{
    struct store *st = s->st;
    uint32_t last = 0, n = 0;
    archive_u32(s->a, &last);
    archive_count(s->a, &n, MOST_NUMBERS, 30);
    const size_t from = s->a->at;
    for (int make = 0; make < 2; make++) {
        s->a->at = from;
        for (uint32_t i = 0; i < n && !s->a->failed; i++)
            read_thread(s, make);
        if (!make && !s->a->failed && map_make(&s->maps, st))
            archive_fail(s->a, "out of memory");
    }
    if (s->a->failed)
        return;
    if (last < st->nthreads || last > MOST_NUMBERS ||
        GROW(st->threads, st->threads_cap, st->nthreads, last - st->nthreads)) {
        archive_fail(s->a, DAMAGED);
        return;
    }
    while (st->nthreads < last)
        st->threads[st->nthreads++] = NULL;
}

void snap_threads(struct snap *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->st->nthreads; i++)
        n += s->st->threads[i] != NULL;
    if (s->a->writing)
        write_threads(s, n);
    else
        read_threads(s);
}
