/* regalloc.c - which slots of a function live in registers, and its micro-ops with their cost. */
#include "wasmcore/regalloc.h"

#include <string.h>

#define SCRATCH       2u
#define CALLEE_SAVED  6u
#define INT_ARGS      6u
#define VECTOR_ARGS   8u
#define MAX_DEPTH     7u
#define MAX_BLOCK_UOP 65535u
#define MAX_REGISTERS 256u /* of a file */

enum { INT_FILE, VECTOR_FILE, FILES };

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
    uint64_t *weight[FILES];     /* by slot */
    uint8_t *in_register[FILES]; /* by slot; of REG_NONE, at nslots: yes */
    uint32_t used[FILES], saved[FILES];
    uint8_t files; /* all that the micro-ops say: 0: the vector file is not used */
    struct scratch scratch[FILES][SCRATCH]; /* most recently used first */
    int failed;
};

/* ---- who gets a register ---- */

static void weigh(struct pass *p, unsigned file, uint16_t slot, uint64_t w)
{
    if (slot != REG_NONE)
        p->weight[file][slot] += w;
}

static void weigh_all(struct pass *p)
{
    const struct regalloc *ra = p->ra;
    for (uint32_t i = 0; i < ra->nblocks; i++) {
        const struct raw_block *b = &ra->blocks[i];
        uint32_t end = i + 1 < ra->nblocks ? ra->blocks[i + 1].uop : ra->nuops;
        uint64_t w = UINT64_C(1) << 3 * (b->depth < MAX_DEPTH ? b->depth : MAX_DEPTH);
        for (uint32_t k = b->uop; k < end; k++) {
            const struct raw_uop *u = &ra->uops[k];
            p->files |= u->files;
            weigh(p, (u->files & FILE_DST) != 0, u->dst, w);
            weigh(p, (u->files & FILE_A) != 0, u->a, w);
            weigh(p, (u->files & FILE_B) != 0, u->b, w);
        }
    }
}

static void assign(struct pass *p, unsigned file, uint32_t registers)
{
    uint32_t n = 0, usable = registers - SCRATCH;
    struct weight list[MAX_REGISTERS]; /* the heaviest so far, in their order */
    for (uint32_t s = 0; s < p->ra->nslots; s++) {
        uint64_t w = p->weight[file][s];
        if (!w || (n == usable && w <= list[n - 1].w))
            continue;
        uint32_t at = n < usable ? n++ : n - 1;
        for (; at > 0 && list[at - 1].w < w; at--)
            list[at] = list[at - 1];
        list[at] = (struct weight){w, s};
    }
    p->used[file] = n;
    for (uint32_t i = 0; i < n; i++)
        p->in_register[file][list[i].slot] = 1;
    uint32_t free_ones = 0;
    if (p->ra->leaf)
        free_ones = usable > CALLEE_SAVED ? usable - CALLEE_SAVED : 0;
    uint32_t to_save = p->used[file] > free_ones ? p->used[file] - free_ones : 0;
    p->saved[file] = to_save < CALLEE_SAVED ? to_save : CALLEE_SAVED;
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

/* Where there is room: see make_room. Field by field: see code_emit. */
static inline void put(struct pass *p, struct uop u)
{
    struct store *st = p->st;
    struct uop *to = &st->uops[st->nuops++];
    to->class = u.class;
    to->flags = u.flags;
    to->bytes = u.bytes;
    to->info = u.info;
    to->dst = u.dst;
    to->a = u.a;
    to->b = u.b;
    to->slot = u.slot;
}

static void frame_load(struct pass *p, unsigned file, unsigned wide, uint16_t dst, uint32_t slot)
{
    uint8_t flags = UOP_ON_FRAME | (file == VECTOR_FILE ? UOP_VECTOR : 0);
    for (uint32_t i = 0; i < 1 + wide; i++)
        put(p, (struct uop){UOP_LOAD, flags, 8, 0, dst, REG_NONE, REG_NONE, (uint16_t)(slot + i)});
}

static void frame_store(struct pass *p, unsigned file, unsigned wide, uint16_t from, uint32_t slot)
{
    uint8_t flags = UOP_ON_FRAME | (file == VECTOR_FILE ? UOP_VECTOR : 0);
    for (uint32_t i = 0; i < 1 + wide; i++)
        put(p,
            (struct uop){UOP_STORE, flags, 8, 0, REG_NONE, REG_NONE, from, (uint16_t)(slot + i)});
}

/* Make room in front of the scratch list; where[SCRATCH - 1] gives way. */
static void scratch_push(struct pass *p, unsigned file, unsigned wide, uint16_t slot, uint8_t dirty)
{
    struct scratch *s = p->scratch[file], *last = &s[SCRATCH - 1];
    if (last->slot != REG_NONE && last->dirty)
        frame_store(p, file, last->wide, last->slot, last->slot);
    for (unsigned i = SCRATCH - 1; i > 0; i--)
        s[i] = s[i - 1];
    s[0] = (struct scratch){slot, dirty, (uint8_t)wide};
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

static void use(struct pass *p, unsigned file, unsigned wide, uint16_t slot)
{
    uint8_t dirty = 0;
    if (slot == REG_NONE || p->in_register[file][slot])
        return;
    int there = scratch_take(p, file, slot, &dirty);
    if (slot >= p->ra->temps) {
        if (!there)
            frame_load(p, file, wide, slot, slot);
        return; /* used up */
    }
    scratch_push(p, file, wide, slot, dirty);
    if (!there)
        frame_load(p, file, wide, slot, slot);
}

static void define(struct pass *p, unsigned file, unsigned wide, uint16_t slot)
{
    uint8_t dirty;
    if (slot == REG_NONE || p->in_register[file][slot])
        return;
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
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned i = 0; i < SCRATCH; i++) {
            struct scratch *s = &p->scratch[f][i];
            int lives = s->slot != REG_NONE && !leaves_frame(b) && s->slot < b->live;
            if (lives && s->dirty)
                frame_store(p, f, s->wide, s->slot, s->slot);
            s->slot = REG_NONE;
        }
    }
}

static void prologue(struct pass *p)
{
    const struct regalloc *ra = p->ra;
    uint32_t nth[FILES] = {0, 0};
    static const uint32_t in_args[FILES] = {INT_ARGS, VECTOR_ARGS};
    frame_store(p, INT_FILE, 0, REG_NONE, ra->nlocals);
    for (unsigned f = 0; f < FILES; f++) {
        for (uint32_t i = 0; i < p->saved[f]; i++)
            frame_store(p, f, 0, REG_NONE, ra->nlocals + 1 + i);
    }
    for (uint32_t i = 0; i < ra->type->nparams; i++) {
        uint8_t t = ra->type->types[i];
        unsigned f = t == VT_F32 || t == VT_F64 || t == VT_V128, wide = t == VT_V128;
        if (t == VT_HIGH)
            continue;
        int arrives = nth[f]++ < in_args[f], stays = p->in_register[f][i];
        if (!p->weight[f][i] || arrives == stays)
            continue;
        if (arrives)
            frame_store(p, f, wide, (uint16_t)i, i);
        else
            frame_load(p, f, wide, (uint16_t)i, i);
    }
}

static void epilogue(struct pass *p, const struct raw_block *b)
{
    uint32_t at = p->ra->nlocals;
    for (unsigned f = 0; f < FILES; f++) {
        for (uint32_t i = 0; i < p->saved[f]; i++)
            frame_load(p, f, 0, REG_NONE, at + 1 + i);
    }
    if (b->end == END_RETURN) /* a tail call leaves the return address where it is */
        frame_load(p, INT_FILE, 0, (uint16_t)at, at);
}

static void put_raw(struct pass *p, const struct raw_uop *r, const struct raw_block *b, int last)
{
    int ends = last && b->end != END_FALL && b->end != END_TRAP;
    unsigned wide = FILE_WIDE(r->files);
    use(p, (r->files & FILE_A) != 0, (wide & FILE_A) != 0, r->a);
    use(p, (r->files & FILE_B) != 0, (wide & FILE_B) != 0, r->b);
    if (ends) {
        settle(p, b);
        if (leaves_frame(b))
            epilogue(p, b);
    }
    if (r->class < UOP_CLASSES) {
        uint8_t flags = (uint8_t)(r->flags | (r->files ? UOP_VECTOR : 0));
        uint16_t a = ends && b->end == END_RETURN ? (uint16_t)p->ra->nlocals : r->a;
        put(p, (struct uop){r->class, flags, r->bytes, r->info, r->dst, a, r->b, r->slot});
    }
    define(p, (r->files & FILE_DST) != 0, (wide & FILE_DST) != 0, r->dst);
}

/* Nothing has to be fetched for a micro-op, and its result stays where it is made. */
static inline int stays_in_registers(const struct pass *p, const struct raw_uop *r)
{
    const uint32_t none = p->ra->nslots;
    const uint8_t *a = p->in_register[(r->files & FILE_A) != 0];
    const uint8_t *b = p->in_register[(r->files & FILE_B) != 0];
    const uint8_t *dst = p->in_register[(r->files & FILE_DST) != 0];
    return r->class < UOP_CLASSES && a[r->a < none ? r->a : none] & b[r->b < none ? r->b : none] &
                                         dst[r->dst < none ? r->dst : none];
}

static inline void put_as_is(struct pass *p, const struct raw_uop *r)
{
    struct uop *to = &p->st->uops[p->st->nuops++];
    memcpy(to, r, sizeof(*to));
    if (r->files)
        to->flags |= UOP_VECTOR;
}

static void put_block(struct pass *p, uint32_t i, struct block *out)
{
    const struct regalloc *ra = p->ra;
    const struct raw_block *b = &ra->blocks[i];
    uint32_t end = i + 1 < ra->nblocks ? ra->blocks[i + 1].uop : ra->nuops;
    out->uops = p->st->nuops;
    if (i == 0 && make_room(p, ROOM_FOR_ONE + 2 * ra->type->nparams))
        prologue(p);
    for (uint32_t k = b->uop; k < end && make_room(p, ROOM_FOR_ONE); k++) {
        const struct raw_uop *r = &ra->uops[k];
        if (k + 1 < end && stays_in_registers(p, r))
            put_as_is(p, r);
        else
            put_raw(p, r, b, k + 1 == end);
    }
    if (make_room(p, ROOM_FOR_ONE))
        settle(p, b);
    uint32_t n = p->st->nuops - out->uops;
    if (n > MAX_BLOCK_UOP) { /* lowering's limits on blocks keep it far below */
        p->failed = 1;
        n = MAX_BLOCK_UOP;
    }
    out->nuops = (uint16_t)n;
}

int regalloc_run(struct store *st, const struct regalloc *ra, struct block *out)
{
    struct pass p = {.st = st, .ra = ra};
    uint8_t *flags = (uint8_t *)(ra->room + (size_t)FILES * ra->nslots);
    memset(ra->room, 0, regalloc_words(ra->nslots) * sizeof(*ra->room));
    for (unsigned f = 0; f < FILES; f++) {
        p.weight[f] = ra->room + (size_t)f * ra->nslots;
        p.in_register[f] = flags + (size_t)f * (ra->nslots + 1);
        p.in_register[f][ra->nslots] = 1;
        for (unsigned i = 0; i < SCRATCH; i++)
            p.scratch[f][i].slot = REG_NONE;
    }
    weigh_all(&p);
    assign(&p, INT_FILE, st->cfg.int_registers);
    if (p.files)
        assign(&p, VECTOR_FILE, st->cfg.vector_registers);
    for (uint32_t i = 0; i < ra->nblocks && !p.failed; i++)
        put_block(&p, i, &out[i]);
    return p.failed ? -1 : 0;
}
