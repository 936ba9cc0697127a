/* regalloc.c - which slots of a function live in registers, and its micro-ops with their cost. */
#include "wasmcore/regalloc.h"

#include <assert.h>
#include <string.h>

#define SCRATCH       2u
#define CALLEE_SAVED  6u
#define INT_ARGS      6u
#define VECTOR_ARGS   8u
#define MAX_DEPTH     7u
#define MAX_BLOCK_UOP 65535u
#define MAX_REGISTERS 256u /* of a file */

enum { INT_FILE, VECTOR_FILE, FILES = REG_FILES };

struct weight {
    uint64_t w;
    uint32_t slot;
};

/* A value in a scratch register. */
struct scratch {
    uint16_t slot; /* REG_NONE: free */
    uint8_t dirty;
    uint8_t wide; /* a v128 */
};

struct pass {
    struct store *st;
    const struct regalloc *ra;
    uint64_t (*weight)[REG_NONE + 1u];     /* by file and slot; if they were weighed */
    uint8_t (*in_register)[REG_NONE + 1u]; /* by file and slot; of REG_NONE: yes */
    uint32_t registers[FILES], saved[FILES];
    struct scratch scratch[FILES][SCRATCH]; /* most recently used first */
    uint8_t scratched;                      /* a scratch register may hold something */
    uint8_t short_of;                       /* not every slot that is used has a register */
    int failed;
};

/* ---- who gets a register ---- */

/* All parameters come in registers. */
static int all_arrive(const struct regalloc *ra)
{
    return ra->type->nparams <= (INT_ARGS < VECTOR_ARGS ? INT_ARGS : VECTOR_ARGS);
}

static inline unsigned file_of(const struct raw_uop *u, unsigned bit)
{
    return (u->files & bit) != 0;
}

/* Registers of a file that need not be saved. */
static uint32_t free_registers(const struct pass *p, unsigned file)
{
    const uint32_t usable = p->registers[file] - SCRATCH;
    return p->ra->leaf && usable > CALLEE_SAVED ? usable - CALLEE_SAVED : 0;
}

/* Where registers are enough for each of `most` slots: when so many are seen to be used, it is
 * known how many registers are saved, and nothing else depends on it. */
static uint32_t slots_to_see(const struct pass *p, uint32_t most)
{
    const uint32_t spared = free_registers(p, INT_FILE);
    if (!all_arrive(p->ra))
        return UINT32_MAX; /* the prologue asks which are used */
    return most > spared ? spared + CALLEE_SAVED : 0;
}

/* Eight slots at a time: of each byte, which is 0 or 1, the product's highest has the sum. */
static uint32_t count_used(const struct pass *p)
{
    uint64_t n = 0, eight;
    for (uint32_t s = 0; s < p->ra->nslots; s += sizeof(eight)) {
        memcpy(&eight, &p->in_register[INT_FILE][s], sizeof(eight));
        n += eight * UINT64_C(0x0101010101010101) >> 56;
    }
    return (uint32_t)n;
}

/* Where there are no vectors, and registers enough for each of `most` slots: those that are used
 * have one. How many, as far as that matters. */
#define AT_ONCE 32u /* micro-ops before one looks whether there is more to see */
static uint32_t mark_ints(struct pass *p, uint32_t most)
{
    const struct raw_uop *u = p->ra->uops, *const end = u + p->ra->nuops;
    uint8_t *const ints = p->in_register[INT_FILE];
    const uint32_t to_see = slots_to_see(p, most);
    uint32_t n = 0;
    while (u < end && n < to_see) {
        const struct raw_uop *const stop = end - u > AT_ONCE ? u + AT_ONCE : end;
        for (; u < stop; u++) {
            ints[u->dst] = 1;
            ints[u->a] = 1;
            ints[u->b] = 1;
        }
        n = count_used(p);
    }
    return n;
}

static void weigh(struct pass *p, const struct raw_uop *u, const struct raw_uop *end, uint64_t w)
{
    uint64_t *ints = p->weight[INT_FILE];
    if (p->ra->vectors) {
        for (; u < end; u++) {
            p->weight[file_of(u, FILE_DST)][u->dst] += w;
            p->weight[file_of(u, FILE_A)][u->a] += w;
            p->weight[file_of(u, FILE_B)][u->b] += w;
        }
    } else {
        for (; u < end; u++) {
            ints[u->dst] += w;
            ints[u->a] += w;
            ints[u->b] += w;
        }
    }
}

static const struct raw_uop *block_end(const struct regalloc *ra, uint32_t block)
{
    return ra->uops + (block + 1 < ra->nblocks ? ra->blocks[block + 1].uop : ra->nuops);
}

/* Blocks one after the other that are as deep are one run. */
static void weigh_all(struct pass *p)
{
    const struct regalloc *ra = p->ra;
    for (unsigned f = 0; f < FILES; f++)
        memset(p->weight[f], 0, ra->nslots * sizeof(p->weight[f][0]));
    for (uint32_t i = 0, next; i < ra->nblocks; i = next) {
        const unsigned depth = ra->blocks[i].depth;
        for (next = i + 1; next < ra->nblocks && ra->blocks[next].depth == depth; next++)
            ;
        uint64_t w = UINT64_C(1) << 3 * (depth < MAX_DEPTH ? depth : MAX_DEPTH);
        weigh(p, ra->uops + ra->blocks[i].uop, block_end(ra, next - 1), w);
    }
}

/* The heaviest slots, `usable` of them, get a register. */
static void assign_heaviest(struct pass *p, unsigned file, uint32_t usable)
{
    uint32_t n = 0;
    struct weight list[MAX_REGISTERS]; /* the heaviest so far, in their order */
    assert(usable > 0);
    for (uint32_t s = 0; s < p->ra->nslots; s++) {
        uint64_t w = p->weight[file][s];
        if (!w || (n == usable && w <= list[n - 1].w))
            continue;
        uint32_t at = n < usable ? n++ : n - 1;
        for (; at > 0 && list[at - 1].w < w; at--)
            list[at] = list[at - 1];
        list[at] = (struct weight){w, s};
    }
    for (uint32_t i = 0; i < n; i++)
        p->in_register[file][list[i].slot] = 1;
}

/* Where slots are weighed: those that are used get a register, or the heaviest if they are too
 * many. How many get one. */
static uint32_t assign_by_weight(struct pass *p, unsigned file)
{
    const uint32_t usable = p->registers[file] - SCRATCH;
    uint32_t n = 0;
    for (uint32_t s = 0; s < p->ra->nslots; s++) {
        const uint8_t used = p->weight[file][s] != 0;
        p->in_register[file][s] = used;
        n += used;
    }
    if (n <= usable)
        return n;
    p->short_of = 1;
    memset(p->in_register[file], 0, p->ra->nslots);
    assign_heaviest(p, file, usable);
    return usable;
}

static void assign_all(struct pass *p)
{
    const struct regalloc *ra = p->ra;
    const uint32_t most = ra->nlocals + ra->nslots - ra->temps; /* slots that may be used */
    uint32_t given[FILES] = {0, 0};
    for (unsigned f = 0; f < FILES; f++) {
        memset(p->in_register[f], 0, ra->nslots + sizeof(uint64_t)); /* see count_used */
        p->in_register[f][REG_NONE] = 1;
    }
    if (!ra->vectors && most <= p->registers[INT_FILE] - SCRATCH) {
        given[INT_FILE] = mark_ints(p, most);
    } else {
        weigh_all(p);
        for (unsigned f = 0; f < (ra->vectors ? FILES : INT_FILE + 1); f++)
            given[f] = assign_by_weight(p, f);
    }
    for (unsigned f = 0; f < FILES; f++) {
        const uint32_t spared = free_registers(p, f);
        const uint32_t to_save = given[f] > spared ? given[f] - spared : 0;
        p->saved[f] = to_save < CALLEE_SAVED ? to_save : CALLEE_SAVED;
    }
}

/* Is it used at all? */
static int is_used(const struct pass *p, unsigned file, uint32_t slot)
{
    return p->short_of ? p->weight[file][slot] != 0 : p->in_register[file][slot];
}

/* ---- writing micro-ops ---- */

/* Room for what one raw micro-op can become: itself, two operands fetched and three values stored,
 * all of two halves, the end of a block and of a function. */
#define ROOM_FOR_ONE 64u

static int make_room(struct pass *p, uint32_t n)
{
    if (GROW(p->st->uops, p->st->uops_cap, p->st->nuops, n))
        p->failed = 1;
    return !p->failed;
}

/* What moves a value from and to the frame, but for the names of slots. Copied from here as words:
 * see code_emit. */
#define ON_FRAME(class, flags)                                                                     \
    {                                                                                              \
        class, UOP_ON_FRAME | (flags), 8, 0, REG_NONE, REG_NONE, REG_NONE, 0                       \
    }
static const struct uop frame_loads[FILES] = {ON_FRAME(UOP_LOAD, 0),
                                              ON_FRAME(UOP_LOAD, UOP_VECTOR)};
static const struct uop frame_stores[FILES] = {ON_FRAME(UOP_STORE, 0),
                                               ON_FRAME(UOP_STORE, UOP_VECTOR)};

/* n of them, at slots one after the other, where there is room: see make_room. */
static void frame_load(struct pass *p, unsigned file, uint32_t n, uint16_t dst, uint32_t slot)
{
    struct uop *to = &p->st->uops[p->st->nuops];
    p->st->nuops += n;
    for (; n > 0; n--, to++, slot++) {
        *to = frame_loads[file];
        to->dst = dst;
        to->slot = (uint16_t)slot;
    }
}

static void frame_store(struct pass *p, unsigned file, uint32_t n, uint16_t from, uint32_t slot)
{
    struct uop *to = &p->st->uops[p->st->nuops];
    p->st->nuops += n;
    for (; n > 0; n--, to++, slot++) {
        *to = frame_stores[file];
        to->b = from;
        to->slot = (uint16_t)slot;
    }
}

/* Make room in front of the scratch list; where[SCRATCH - 1] gives way. */
static void scratch_push(struct pass *p, unsigned file, unsigned wide, uint16_t slot, uint8_t dirty)
{
    struct scratch *s = p->scratch[file], *last = &s[SCRATCH - 1];
    if (last->slot != REG_NONE && last->dirty)
        frame_store(p, file, 1u + last->wide, last->slot, last->slot);
    for (unsigned i = SCRATCH - 1; i > 0; i--)
        s[i] = s[i - 1];
    s[0] = (struct scratch){slot, dirty, (uint8_t)wide};
    p->scratched = 1;
}

/* Take slot out of the list: 1 and *dirty if it was there. */
static int scratch_take(struct pass *p, unsigned file, uint16_t slot, uint8_t *dirty)
{
    struct scratch *s = p->scratch[file];
    for (unsigned i = 0; i < SCRATCH; i++) {
        if (s[i].slot != slot)
            continue;
        *dirty = s[i].dirty;
        for (; i + 1 < SCRATCH; i++)
            s[i] = s[i + 1];
        s[SCRATCH - 1].slot = REG_NONE;
        return 1;
    }
    return 0;
}

/* An operand that has no register. */
static void fetch(struct pass *p, unsigned file, unsigned wide, uint16_t slot)
{
    uint8_t dirty = 0;
    int there = scratch_take(p, file, slot, &dirty);
    if (slot >= p->ra->temps) {
        if (!there)
            frame_load(p, file, 1 + wide, slot, slot);
        return; /* used up */
    }
    scratch_push(p, file, wide, slot, dirty);
    if (!there)
        frame_load(p, file, 1 + wide, slot, slot);
}

/* A result that has none. */
static void keep(struct pass *p, unsigned file, unsigned wide, uint16_t slot)
{
    uint8_t dirty;
    scratch_take(p, file, slot, &dirty);
    scratch_push(p, file, wide, slot, 1);
}

static int leaves_frame(const struct raw_block *b)
{
    return b->end == END_RETURN || b->end == END_TAIL || b->end == END_TAIL_INDIRECT;
}

/* The block ends: what lives on and is not in the frame yet is stored. */
static void settle(struct pass *p, const struct raw_block *b)
{
    if (!p->scratched)
        return;
    p->scratched = 0;
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned i = 0; i < SCRATCH; i++) {
            struct scratch *s = &p->scratch[f][i];
            int lives = s->slot != REG_NONE && !leaves_frame(b) && s->slot < b->live;
            if (lives && s->dirty)
                frame_store(p, f, 1u + s->wide, s->slot, s->slot);
            s->slot = REG_NONE;
        }
    }
}

static void prologue(struct pass *p)
{
    const struct regalloc *ra = p->ra;
    uint32_t nth[FILES] = {0, 0};
    static const uint32_t in_args[FILES] = {INT_ARGS, VECTOR_ARGS};
    frame_store(p, INT_FILE, 1, REG_NONE, ra->nlocals);
    for (unsigned f = 0; f < FILES; f++)
        frame_store(p, f, p->saved[f], REG_NONE, ra->nlocals + 1);
    if (!p->short_of && all_arrive(ra))
        return; /* and stay where they are */
    for (uint32_t i = 0; i < ra->type->nparams; i++) {
        uint8_t t = ra->type->types[i];
        unsigned f = t == VT_F32 || t == VT_F64 || t == VT_V128, wide = t == VT_V128;
        if (t == VT_HIGH)
            continue;
        int arrives = nth[f]++ < in_args[f], stays = p->in_register[f][i];
        if (!is_used(p, f, i) || arrives == stays)
            continue;
        if (arrives)
            frame_store(p, f, 1 + wide, (uint16_t)i, i);
        else
            frame_load(p, f, 1 + wide, (uint16_t)i, i);
    }
}

static void epilogue(struct pass *p, const struct raw_block *b)
{
    const uint32_t at = p->ra->nlocals;
    for (unsigned f = 0; f < FILES; f++)
        frame_load(p, f, p->saved[f], REG_NONE, at + 1);
    if (b->end == END_RETURN) /* a tail call leaves the return address where it is */
        frame_load(p, INT_FILE, 1, (uint16_t)at, at);
}

static inline void fetch_operands(struct pass *p, const struct raw_uop *r)
{
    unsigned a = file_of(r, FILE_A), b = file_of(r, FILE_B), wide = FILE_WIDE(r->files);
    if (!p->in_register[a][r->a])
        fetch(p, a, (wide & FILE_A) != 0, r->a);
    if (!p->in_register[b][r->b])
        fetch(p, b, (wide & FILE_B) != 0, r->b);
}

/* One as it is to a place where there is room for more than it takes; the place after it, or the
 * same: what costs nothing is overwritten by the next. Not a branch, which no host could predict.
 */
static inline struct uop *copy_uop(struct uop *to, const struct raw_uop *r)
{
    const size_t stays = 0 - (size_t)(r->class < UOP_CLASSES);
    memcpy(to, r, sizeof(*r));
    return (struct uop *)((char *)to + (stays & sizeof(*to)));
}

static inline void copied(struct pass *p, const struct uop *to)
{
    p->st->nuops = (uint32_t)(to - p->st->uops);
}

static void put_itself(struct pass *p, const struct raw_uop *r)
{
    unsigned dst = file_of(r, FILE_DST);
    copied(p, copy_uop(&p->st->uops[p->st->nuops], r));
    if (!p->in_register[dst][r->dst])
        keep(p, dst, (FILE_WIDE(r->files) & FILE_DST) != 0, r->dst);
}

/* The block's last one: what has to be in the frame goes there before it is left. */
static void put_last(struct pass *p, const struct raw_uop *r, const struct raw_block *b)
{
    fetch_operands(p, r);
    if (b->end != END_FALL && b->end != END_TRAP)
        settle(p, b);
    if (leaves_frame(b))
        epilogue(p, b);
    put_itself(p, r);
    if (b->end == END_RETURN)
        p->st->uops[p->st->nuops - 1].a = (uint16_t)p->ra->nlocals;
}

/* The same where all is in registers, in a block that leaves the frame. */
static void put_leaving(struct pass *p, const struct raw_uop *r, const struct raw_block *b)
{
    epilogue(p, b);
    struct uop *to = &p->st->uops[p->st->nuops++];
    memcpy(to, r, sizeof(*to));
    if (b->end == END_RETURN)
        to->a = (uint16_t)p->ra->nlocals;
}

/* Nothing has to be fetched for a micro-op, its result stays where it is made, and so does the
 * function's frame. */
static inline int stays_in_registers(const struct pass *p, const struct raw_uop *r)
{
    const uint8_t *ints = p->in_register[INT_FILE];
    if (!r->files)
        return ints[r->a] & ints[r->b] & ints[r->dst];
    return (r->files < FILES_LEAVING) & p->in_register[file_of(r, FILE_A)][r->a] &
           p->in_register[file_of(r, FILE_B)][r->b] & p->in_register[file_of(r, FILE_DST)][r->dst];
}

/* Those from r on for which nothing has to be done are copied; the first other one, or stop. */
static const struct raw_uop *put_plain(struct pass *p, const struct raw_uop *r,
                                       const struct raw_uop *stop)
{
    struct uop *to = &p->st->uops[p->st->nuops];
    if (!p->short_of) {
        for (; r < stop && r->files < FILES_LEAVING; r++)
            to = copy_uop(to, r);
    } else {
        for (; r < stop && stays_in_registers(p, r); r++)
            to = copy_uop(to, r);
    }
    copied(p, to);
    return r;
}

/* What is left of a block, of which the first does not stay in registers or is its last. There is
 * always room for what is left as it is, and for one that is not. */
static void put_rest(struct pass *p, const struct raw_uop *r, const struct raw_uop *end,
                     const struct raw_block *b)
{
    const struct raw_uop *const last = end - 1;
    const int leaves = leaves_frame(b);
    while (make_room(p, (uint32_t)(end - r) + ROOM_FOR_ONE)) {
        r = put_plain(p, r, leaves || p->scratched ? last : end);
        if (r == end)
            break;
        if (r == last) {
            put_last(p, r, b);
            break;
        }
        fetch_operands(p, r);
        put_itself(p, r++);
    }
    if (p->scratched && make_room(p, ROOM_FOR_ONE))
        settle(p, b);
}

/* Where blocks lie among the micro-ops, so far. */
struct places {
    const struct raw_block *next, *end; /* the first one that has no place yet; after all */
    struct block *out;                  /* the one before it */
    uint32_t sizes;                     /* of all, one or another */
};

static inline void begin_block(struct places *at, uint32_t uop)
{
    struct block *const before = at->out++;
    const uint32_t n = uop - before->uops;
    at->sizes |= n;
    before->nuops = (uint16_t)n;
    at->out->uops = uop;
}

/*
 * Micro-ops are as they are up to the next one that needs something done, however many blocks that
 * are: where these begin is a matter of counting. The rest of that one's block goes step by step.
 */
static void put_blocks(struct pass *p, struct block *out)
{
    const struct regalloc *ra = p->ra;
    const struct raw_uop *const first = ra->uops, *const all = first + ra->nuops, *r = first;
    struct places at = {ra->blocks + 1, ra->blocks + ra->nblocks, out, 0};
    out->uops = p->st->nuops;
    if (!make_room(p, ROOM_FOR_ONE + 2 * ra->type->nparams))
        return;
    prologue(p);
    uint32_t more = p->st->nuops; /* what was put that is no copy */
    while (make_room(p, (uint32_t)(all - r) + ROOM_FOR_ONE)) {
        r = put_plain(p, r, all);
        for (const uint32_t done = (uint32_t)(r - first); at.next < at.end; at.next++) {
            if (at.next->uop > done)
                break;
            begin_block(&at, at.next->uop - at.next->free + more);
        }
        if (r == all)
            break;
        const struct raw_block *const b = at.next - 1;
        const struct raw_uop *const end = first + (at.next < at.end ? at.next->uop : ra->nuops);
        if (p->short_of)
            put_rest(p, r, end, b);
        else
            put_leaving(p, r, b);
        r = end;
        if (at.next < at.end)
            more = p->st->nuops - at.next->uop + at.next->free;
    }
    begin_block(&at, p->st->nuops);
    p->failed |= at.sizes > MAX_BLOCK_UOP; /* lowering's limits on blocks keep it far below */
}
_Static_assert((MAX_BLOCK_UOP & (MAX_BLOCK_UOP + 1)) == 0, "or of sizes is as good as the largest");

int regalloc_run(struct store *st, const struct regalloc *ra, struct block *out)
{
    struct pass p = {.st = st,
                     .ra = ra,
                     .weight = ra->room->weight,
                     .in_register = ra->room->in_register,
                     .registers = {st->cfg.int_registers, st->cfg.vector_registers}};
    for (unsigned f = 0; f < FILES; f++)
        for (unsigned i = 0; i < SCRATCH; i++)
            p.scratch[f][i].slot = REG_NONE;
    assign_all(&p);
    put_blocks(&p, out);
    return p.failed ? -1 : 0;
}
