/* bulk.c - memory.copy, memory.fill and memory.init, in pieces that can be logged one by one. */
#include <string.h>

#include "memhier/port.h"
#include "wasmcore/state.h"

/*
 * A piece lies within one frame at its destination and at its source and has at most PIECE_BYTES,
 * so one pair of physical addresses describes it and its words fit into the slack of a log. Both
 * modes go piece by piece in the same order: where a frame is mapped twice they see the same bytes.
 */
#define PIECE_BYTES 4096u
#define PIECE_WORDS (3 + 2 * (PIECE_BYTES / 8 + 1))

struct operation {
    struct space *space, *from;
    const uint8_t *source; /* of an init: the segment's bytes; else NULL */
    uint64_t d, s, n;      /* copy: linear addresses */
    uint8_t op;            /* IN_MEMORY_ */
    uint8_t fill;
    uint8_t backward; /* the ranges overlap so that the end must go first */
};

struct piece {
    uint64_t d, s, n;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Bytes to the end of the frame that holds addr, and bytes of the frame up to it, itself included.
 */
static uint64_t frame_left(uint64_t addr)
{
    return FRAME_BYTES - (addr & (FRAME_BYTES - 1));
}

static uint64_t frame_upto(uint64_t addr)
{
    return (addr & (FRAME_BYTES - 1)) + 1;
}

static struct piece next_piece(const struct operation *o, uint64_t done)
{
    uint64_t left = o->n - done, n = least(left, PIECE_BYTES);
    if (o->backward) {
        n = least(n, frame_upto(o->d + left - 1));
        n = least(n, frame_upto(o->s + left - 1));
        return (struct piece){o->d + left - n, o->s + left - n, n};
    }
    n = least(n, frame_left(o->d + done));
    if (o->op == IN_MEMORY_COPY)
        n = least(n, frame_left(o->s + done));
    return (struct piece){o->d + done, o->s + done, n};
}

static void do_piece(const struct operation *o, const struct piece *p)
{
    uint8_t *to = o->space->base + p->d;
    if (o->op == IN_MEMORY_COPY)
        memmove(to, o->from->base + p->s, p->n);
    else if (o->source)
        memcpy(to, o->source + p->s, p->n);
    else
        memset(to, o->fill, p->n);
}

/* The aligned words around a range, each into every other word of `to`. */
static uint64_t snapshot(const uint8_t *base, uint64_t from, uint64_t n, uint64_t *to)
{
    uint64_t first = from & ~UINT64_C(7), words = 0;
    for (uint64_t a = first; a < from + n; a += 8, words++)
        memcpy(&to[2 * words], base + a, 8);
    return words;
}

static void log_piece(const struct operation *o, const struct piece *p, struct log *log)
{
    uint64_t *w = log->words + log->n;
    uint64_t dst = space_phys(o->space, p->d), kind = BULK_COPY;
    if (o->op == IN_MEMORY_FILL)
        kind = BULK_FILL;
    w[0] = LOG_WORD(LOG_BULK, kind << 58 | p->n);
    w[1] = dst;
    w[2] = o->op == IN_MEMORY_COPY ? space_phys(o->from, p->s) : 0;
    log->n += 3;
    if (!addr_is_nvdimm(dst)) {
        do_piece(o, p);
        return;
    }
    w[0] |= LOG_BULK_NV;
    snapshot(o->space->base, p->d, p->n, w + 3);
    do_piece(o, p);
    log->n += (uint32_t)(2 * snapshot(o->space->base, p->d, p->n, w + 4));
}

/* Operands out of the frame. 0, or -1 when they are out of bounds. */
static int set_up(const struct thread *t, const uint64_t *fp, struct operation *o)
{
    const struct insn *ip = t->ip;
    const struct instance *in = t->inst;
    uint64_t s = fp[ip->a]; /* i32 operands have no high half */
    *o = (struct operation){.space = in->spaces[ip->op == IN_MEMORY_INIT ? ip->y : ip->x],
                            .d = fp[ip->dst],
                            .s = s,
                            .n = fp[ip->b],
                            .op = (uint8_t)ip->op,
                            .fill = (uint8_t)s};
    if (!space_holds(o->space, o->d, o->n))
        return -1;
    if (o->op == IN_MEMORY_COPY) {
        o->from = in->spaces[ip->y];
        o->backward = o->from == o->space && o->d > o->s && o->d < o->s + o->n;
        return space_holds(o->from, o->s, o->n) ? 0 : -1;
    }
    if (o->op == IN_MEMORY_INIT) {
        const struct data_segment *seg = &in->unit->module->datas[ip->x];
        uint32_t size = in->data_dropped[ip->x] ? 0 : seg->n;
        o->source = in->unit->module->bytes + seg->at;
        return o->s + o->n <= size ? 0 : -1;
    }
    return 0;
}

int bulk_run(struct thread *t, const uint64_t *fp, struct log *log)
{
    struct operation o;
    if (set_up(t, fp, &o)) /* when resumed: as before, since memories only grow */
        return -1;
    while (t->bulk_done < o.n) {
        struct piece p = next_piece(&o, t->bulk_done);
        if (log && log->cap - log->n < PIECE_WORDS)
            return 1;
        if (log)
            log_piece(&o, &p, log);
        else
            do_piece(&o, &p);
        t->bulk_done += p.n;
    }
    t->bulk_done = 0;
    return 0;
}
