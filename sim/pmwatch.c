/* pmwatch.c - turns what the engine logs into events on persistent memory, with call stacks. */
#include "sim/pmwatch.h"

#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "memhier/port.h"
#include "sim/pmsites.h"
#include "sim/pmstatics.h"

#define SPECIAL    1u /* flushes, fences or stores non-temporally */
#define LOADS      2u
#define STACK_SPAN 8192u /* where a pointer to a variable on the guest's stack points */

/* What is under way on a hart. */
struct reader {
    uint32_t thread, instance;
    const struct space *space;
    uint64_t nv_lo, nv_span;
    uint32_t block, uop; /* the block word last read, its micro-op under way */
    uint32_t execution;  /* of that block */
    uint32_t tx_what, tx_addr;
    uint8_t kernel, loads;
};

/* What the way through the log needs of each block. */
struct brief {
    uint32_t func;
    uint8_t flags; /* SPECIAL, LOADS */
};

struct watch {
    struct store *store;
    uint32_t kernel;
    int all_loads;
    struct code_view code;
    struct brief *brief; /* by block */
    uint32_t nbrief;
    struct reader *readers;
    uint32_t nreaders;
    struct pmsites *sites;
    struct pmstatics **statics; /* by module; NULL: not looked at yet */
    uint32_t nstatics;
    uint32_t executions;
    uint32_t writer; /* thread + 1 that has stored to the NVDIMM; UINT32_MAX: several have */
    struct pm_event *events;
    size_t nevents, events_cap;
    struct watch_cut *cuts;
    uint32_t ncuts, cuts_cap;
};

static const char wanted[] = "following persistent memory";

/* ---- harts ---- */

static int wants_loads(const struct watch *w, const struct reader *r)
{
    return w->all_loads || (w->writer && w->writer != r->thread + 1);
}

static void look_at_space(struct watch *w, struct reader *r, const struct space *s)
{
    r->space = s;
    r->nv_lo = s ? s->nv_lo : 0;
    r->nv_span = s ? s->nv_span : 0;
    r->loads = r->nv_span && wants_loads(w, r);
}

/* Memory `k` of the instance under way. */
static void use_memory(struct watch *w, struct reader *r, uint32_t k)
{
    const struct instance *in = store_instance(w->store, r->instance);
    look_at_space(w, r, in ? instance_memory(in, k) : NULL);
}

/* ---- events ---- */

static struct pm_event *event(struct watch *w, const struct reader *r, enum pm_kind kind,
                              uint32_t uop)
{
    if (w->nevents == w->events_cap) {
        w->events_cap = w->events_cap ? 2 * w->events_cap : 1024;
        w->events = hostmem_resize(w->events, w->events_cap, sizeof *w->events, wanted);
    }
    struct pm_event *e = &w->events[w->nevents++];
    *e = (struct pm_event){.kind = (uint8_t)kind,
                           .site = pmsites_at(w->sites, r->thread, r->block, uop),
                           .code = r->block * PM_CODE_UOPS + uop,
                           .block = r->execution,
                           .thread = (uint16_t)r->thread,
                           .flags = r->kernel ? PM_KERNEL : 0};
    return e;
}

/* Physical address of a linear one, 0 when it is not inside. */
static uint64_t phys_of(const struct reader *r, uint64_t addr)
{
    return r->space && space_holds(r->space, addr, 1) ? space_phys(r->space, addr) : 0;
}

static uint32_t word_at(const struct space *s, uint64_t addr)
{
    uint32_t v;
    memcpy(&v, s->base + addr, sizeof v);
    return v;
}

/* Is it what malloc of wasi-libc (dlmalloc) gave: size and flags in the word before, which the next
 * chunk's flags confirm? */
static int is_chunk(const struct space *s, uint64_t v)
{
    if (v & 7 || v < 2048)
        return 0;
    const uint32_t head = word_at(s, v - 4), size = head & ~7u;
    if (!(head & 2) || size < 16 || !space_holds(s, v + size - 8, 8))
        return 0;
    return (word_at(s, v + size - 4) & 1) != 0;
}

/* Does it point to a variable on the stack? Global 0 is the stack pointer in what clang makes; it
 * begins at the top. */
static int is_on_stack(const struct watch *w, const struct reader *r, uint64_t v)
{
    const struct block *b = &w->code.blocks[r->block];
    const struct module *m = store_module(w->store, (int)w->code.funcs[b->func].module);
    if (!m || !m->nglobals || v & 3 || (v & (v - 1)) == 0)
        return 0;
    const struct global *g = &m->globals[0];
    if (g->type.type != VT_I32 || g->init.kind != CONST_VALUE)
        return 0;
    const uint32_t top = (uint32_t)g->init.bits;
    return v < top && top - v <= STACK_SPAN;
}

/* Is it the address of a static variable that the module's code names? */
static int is_static(struct watch *w, const struct reader *r, uint64_t v)
{
    const uint32_t n = w->code.funcs[w->code.blocks[r->block].func].module;
    if (n >= w->nstatics) {
        w->statics = hostmem_resize(w->statics, n + 1, sizeof *w->statics, wanted);
        memset(w->statics + w->nstatics, 0, (n + 1 - w->nstatics) * sizeof *w->statics);
        w->nstatics = n + 1;
    }
    if (!w->statics[n]) {
        const struct module *m = store_module(w->store, (int)n);
        w->statics[n] = hostmem_new(1, sizeof **w->statics, wanted);
        if (m)
            *w->statics[n] = pmstatics_of(m);
    }
    return pmstatics_has(w->statics[n], v);
}

static int is_volatile_pointer(struct watch *w, const struct reader *r, uint64_t v)
{
    const struct space *s = r->space;
    if (r->kernel || v < 1024 || v > UINT32_MAX || !space_holds(s, v, 16))
        return 0;
    if (addr_is_nvdimm(space_phys(s, v)))
        return 0;
    return is_chunk(s, v) || is_on_stack(w, r, v) || is_static(w, r, v);
}

/* Pointers are told from numbers by where they point, and by what the same place stores otherwise:
 * a place that has stored a number stores no pointers. */
static uint8_t pointer_flags(struct watch *w, const struct reader *r, uint32_t site, uint64_t v)
{
    struct pmsite_kind *s = pmsites_kind(w->sites, site);
    const struct space *sp = r->space;
    if (r->kernel || s->numbers || v == 0)
        return 0;
    if (is_volatile_pointer(w, r, v)) {
        s->pointers = 1;
        return PM_POINTER;
    }
    if (v <= UINT32_MAX && space_holds(sp, v, 1) && addr_is_nvdimm(space_phys(sp, v)))
        return 0;
    s->numbers = 1;
    return s->pointers ? PM_NUMBER : 0;
}

static void note_writer(struct watch *w, struct reader *r)
{
    if (w->writer == r->thread + 1)
        return;
    w->writer = w->writer ? UINT32_MAX : r->thread + 1;
    for (uint32_t i = 0; i < w->nreaders; i++)
        w->readers[i].loads = w->readers[i].nv_span && wants_loads(w, &w->readers[i]);
}

/* One store of n bytes, in pieces that lie in aligned words; those in the NVDIMM are events. */
static void store_event(struct watch *w, struct reader *r, const struct uop *u, uint32_t uop,
                        uint64_t addr, const uint64_t *words)
{
    const int wide = (addr & 7) + u->bytes > 8;
    for (uint32_t skip = 0, n; skip < u->bytes; skip += n) {
        const uint64_t at = addr + skip, phys = phys_of(r, at);
        n = 8 - (uint32_t)(at & 7);
        n = n < u->bytes - skip ? n : u->bytes - skip;
        if (!addr_is_nvdimm(phys))
            continue;
        struct pm_event *e = event(w, r, u->class == UOP_NTSTORE ? PM_NTSTORE : PM_STORE, uop);
        e->addr = phys;
        e->linear = at;
        e->bytes = (uint8_t)n;
        e->old_bytes = words[0] >> 8 * skip;
        e->new_bytes = words[1] >> 8 * skip;
        e->flags |= wide ? PM_WIDE : 0;
        if (u->bytes >= 4 && !wide && !(u->flags & UOP_VECTOR))
            e->flags |= pointer_flags(w, r, e->site, words[1]);
        if (!r->kernel)
            note_writer(w, r);
    }
}

static void load_event(struct watch *w, struct reader *r, const struct uop *u, uint32_t uop,
                       uint64_t addr)
{
    if (addr - r->nv_lo >= r->nv_span)
        return;
    for (uint32_t skip = 0, n; skip < u->bytes; skip += n) {
        const uint64_t at = addr + skip, phys = phys_of(r, at);
        n = 8 - (uint32_t)(at & 7);
        n = n < u->bytes - skip ? n : u->bytes - skip;
        if (!addr_is_nvdimm(phys))
            continue;
        struct pm_event *e = event(w, r, PM_LOAD, uop);
        e->addr = phys;
        e->linear = at;
        e->bytes = (uint8_t)n;
    }
}

/* Two stores of 8 bytes that are the halves of a vector. */
static void join_halves(struct watch *w)
{
    struct pm_event *e = w->nevents > 1 ? &w->events[w->nevents - 2] : NULL;
    if (!e || e[0].block != e[1].block || e[1].linear != e[0].linear + 8 ||
        e[1].code != e[0].code + 1)
        return;
    e[0].flags |= PM_VECTOR;
    e[1].flags |= PM_VECTOR;
}

/* ---- bulk operations ---- */

static void bulk_loads(struct watch *w, struct reader *r, uint64_t src, uint32_t n)
{
    for (uint64_t at = src & ~UINT64_C(7); at < src + n; at += 8) {
        struct pm_event *e = event(w, r, PM_LOAD, r->uop);
        e->addr = at;
        e->bytes = 8;
        e->flags |= PM_BULK;
    }
}

/* The number of words of the record at p, 0 when it is cut off. */
static uint32_t bulk(struct watch *w, struct reader *r, const uint64_t *p, const uint64_t *end)
{
    if (end - p < 3)
        return 0;
    const uint32_t n = (uint32_t)LOG_ARG(p[0]), skew = (uint32_t)(p[1] & 7);
    const int nv = (p[0] & LOG_BULK_NV) != 0;
    const uint32_t size = nv ? 3 + 2 * ((skew + n + 7) / 8) : 3;
    if ((uint64_t)(end - p) < size)
        return 0;
    if (p[2] && addr_is_nvdimm(p[2]) && wants_loads(w, r))
        bulk_loads(w, r, p[2], n);
    const uint64_t *pair = p + 3;
    for (uint32_t done = 0; nv && addr_is_nvdimm(p[1]) && done < n; pair += 2) {
        const uint64_t at = p[1] + done;
        const uint32_t skip = (uint32_t)(at & 7), left = n - done;
        const uint32_t piece = left < 8 - skip ? left : 8 - skip;
        struct pm_event *e = event(w, r, PM_STORE, r->uop);
        e->addr = at;
        e->bytes = (uint8_t)piece;
        e->old_bytes = pair[0] >> 8 * skip;
        e->new_bytes = pair[1] >> 8 * skip;
        e->source = p[2] ? p[2] + done : 0;
        e->flags |= PM_BULK;
        done += piece;
        if (!r->kernel)
            note_writer(w, r);
    }
    return size;
}

/* ---- blocks ---- */

static void tx_event(struct watch *w, struct reader *r, uint32_t bytes)
{
    struct pm_event *e = event(w, r, PM_TX, 0);
    e->what = (uint8_t)r->tx_what;
    e->addr = bytes ? phys_of(r, r->tx_addr) : 0;
    e->linear = r->tx_addr;
    e->length = e->addr ? bytes : 0;
}

static void log_event(struct watch *w, struct reader *r, uint64_t word)
{
    const uint64_t arg = LOG_ARG(word);
    switch (LOG_EVENT_CODE(word)) {
    case EV_THREAD:
        r->thread = (uint32_t)arg;
        pmsites_thread(w->sites, r->thread);
        break;
    case EV_INSTANCE: {
        const struct instance *in = store_instance(w->store, (uint32_t)arg);
        r->instance = (uint32_t)arg;
        r->kernel = r->instance == w->kernel;
        look_at_space(w, r, in ? instance_space(in) : NULL);
        break;
    }
    case EV_MARK:
        event(w, r, PM_MARK, 0)->addr = arg;
        break;
    case EV_TX:
        r->tx_what = (uint32_t)arg;
        break;
    case EV_TX_ADDR:
        r->tx_addr = (uint32_t)arg;
        break;
    case EV_TX_BYTES:
        tx_event(w, r, (uint32_t)arg);
        break;
    default:
        break;
    }
}

/* The next word, events apart. */
static const uint64_t *past_events(struct watch *w, struct reader *r, const uint64_t *p,
                                   const uint64_t *end)
{
    while (p < end && LOG_TAG(*p) == LOG_EVENT && LOG_EVENT_CODE(*p) >= EV_ROI)
        log_event(w, r, *p++);
    return p;
}

static void memory_event(struct watch *w, struct reader *r, const struct uop *u, uint32_t uop,
                         const uint64_t *p)
{
    const uint64_t addr = *p & ((UINT64_C(1) << 48) - 1);
    if (u->class == UOP_FLUSH) {
        struct pm_event *e = event(w, r, PM_FLUSH, uop);
        e->addr = phys_of(r, addr);
        e->linear = addr;
        e->what = u->info;
    } else if (u->class == UOP_LOAD) {
        if (r->loads)
            load_event(w, r, u, uop, addr);
    } else if (*p & LOG_NV) {
        store_event(w, r, u, uop, addr, p + 1);
        if ((u->flags & UOP_VECTOR) && u->bytes == 8)
            join_halves(w);
    }
}

/* All micro-ops of the block, with the words behind it: what is left of the log. */
static const uint64_t *walk(struct watch *w, struct reader *r, const uint64_t *p,
                            const uint64_t *end)
{
    const struct block *b = &w->code.blocks[r->block];
    for (uint32_t i = 0; i < b->nuops; i++) {
        const struct uop *u = &w->code.uops[b->uops + i];
        r->uop = i;
        if (u->class == UOP_FENCE) {
            event(w, r, PM_FENCE, i)->what = u->info != 0;
        } else if (u->class == UOP_BULK) {
            p = past_events(w, r, p, end);
            for (uint32_t n; p < end && LOG_TAG(*p) == LOG_BULK && (n = bulk(w, r, p, end)); p += n)
                ;
        } else if ((u->class == UOP_LOAD || u->class == UOP_STORE || u->class == UOP_FLUSH ||
                    u->class == UOP_NTSTORE) &&
                   !(u->flags & UOP_ON_FRAME)) {
            p = past_events(w, r, p, end);
            if (p == end || LOG_TAG(*p) != LOG_ADDR || ((*p & LOG_NV) && end - p < 3))
                return p; /* it trapped here */
            if (LOG_MEMORY(*p & ~LOG_NV))
                use_memory(w, r, LOG_MEMORY(*p & ~LOG_NV));
            memory_event(w, r, u, i, p);
            if (LOG_MEMORY(*p & ~LOG_NV))
                use_memory(w, r, 0);
            p += *p & LOG_NV ? 3 : 1;
        }
    }
    return p;
}

static uint8_t flags_of(const struct watch *w, const struct block *b)
{
    uint8_t flags = 0;
    for (uint32_t i = 0; i < b->nuops; i++) {
        const uint8_t class = w->code.uops[b->uops + i].class;
        if (class == UOP_FLUSH || class == UOP_FENCE || class == UOP_NTSTORE || class == UOP_BULK)
            flags |= SPECIAL;
        if (class == UOP_LOAD)
            flags |= LOADS;
    }
    return flags;
}

static void look_at_code(struct watch *w)
{
    w->code = store_code(w->store);
    if (w->nbrief >= w->code.nblocks)
        return;
    w->brief = hostmem_resize(w->brief, w->code.nblocks, sizeof *w->brief, wanted);
    for (uint32_t i = w->nbrief; i < w->code.nblocks; i++) {
        const struct block *b = &w->code.blocks[i];
        w->brief[i] = (struct brief){b->func, i ? flags_of(w, b) : 0};
    }
    w->nbrief = w->code.nblocks;
}

static void cut(struct watch *w, uint32_t words, size_t from)
{
    size_t last = w->nevents;
    while (last > from && w->events[last - 1].kind != PM_FLUSH &&
           w->events[last - 1].kind != PM_FENCE && w->events[last - 1].kind != PM_MARK)
        last--;
    if (last == from)
        return;
    if (w->ncuts == w->cuts_cap) {
        w->cuts_cap = w->cuts_cap ? 2 * w->cuts_cap : 64;
        w->cuts = hostmem_resize(w->cuts, w->cuts_cap, sizeof *w->cuts, wanted);
    }
    w->cuts[w->ncuts++] = (struct watch_cut){words, (uint32_t)(last - 1)};
}

static const uint64_t *start_block(struct watch *w, struct reader *r, const uint64_t *words,
                                   const uint64_t *p, const uint64_t *end)
{
    const uint32_t id = LOG_BLOCK_ID(*p);
    if (id == 0 || id >= w->code.nblocks)
        return p + 1;
    r->block = id;
    r->execution = ++w->executions;
    const struct brief b = w->brief[id];
    pmsites_enter(w->sites, r->thread, LOG_BLOCK_FP(*p), b.func, id);
    const uint64_t *q = p + 1;
    if (!(b.flags & (SPECIAL | (r->loads ? LOADS : 0)))) {
        while (q < end && *q >> 59 == 0)
            q++;
        if (q == end || LOG_TAG(*q) != LOG_ADDR)
            return q;
    }
    const size_t before = w->nevents;
    q = walk(w, r, p + 1, end);
    if (w->nevents > before)
        cut(w, (uint32_t)(q - words), before);
    return q;
}

void watch_scan(struct watch *w, uint32_t hart, const uint64_t *words, uint32_t n)
{
    struct reader *r = &w->readers[hart];
    const uint64_t *p = words, *const end = words + n;
    look_at_code(w);
    if (r->space)
        use_memory(w, r, 0); /* it may have grown, or got frames of the NVDIMM */
    w->ncuts = 0;
    while (p < end) {
        switch (LOG_TAG(*p)) {
        case LOG_BLOCK:
            p = start_block(w, r, words, p, end);
            break;
        case LOG_EVENT: {
            const size_t before = w->nevents;
            log_event(w, r, *p++);
            if (w->nevents > before)
                cut(w, (uint32_t)(p - words), before);
            break;
        }
        case LOG_BULK: {
            const uint32_t used = bulk(w, r, p, end);
            p = used ? p + used : end;
            break;
        }
        default:
            p += *p & LOG_NV && end - p >= 3 ? 3 : 1;
            break;
        }
    }
}

void watch_device(struct watch *w, uint64_t addr, uint64_t old_bytes, uint64_t new_bytes)
{
    struct pm_event *e = event(w, &w->readers[0], PM_DEVICE, 0);
    e->addr = addr;
    e->bytes = 8;
    e->old_bytes = old_bytes;
    e->new_bytes = new_bytes;
}

struct pm_event *watch_events(struct watch *w, size_t *n)
{
    *n = w->nevents;
    return w->events;
}

void watch_clear(struct watch *w)
{
    w->nevents = 0;
    w->ncuts = 0;
}

const struct watch_cut *watch_cuts(const struct watch *w, uint32_t *n)
{
    *n = w->ncuts;
    return w->cuts;
}

uint32_t watch_backtrace(const struct watch *w, uint32_t site, struct watch_frame *out, uint32_t n)
{
    return pmsites_backtrace(w->sites, site, out, n);
}

struct watch *watch_new(struct store *store, uint32_t kernel_instance, uint32_t nharts, int loads)
{
    struct watch *w = hostmem_new(1, sizeof *w, wanted);
    w->store = store;
    w->kernel = kernel_instance;
    w->all_loads = loads;
    w->nreaders = nharts;
    w->readers = hostmem_new(nharts, sizeof *w->readers, wanted);
    w->sites = pmsites_new(store);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    pmsites_free(w->sites);
    for (uint32_t i = 0; i < w->nstatics; i++) {
        if (w->statics[i])
            pmstatics_free(w->statics[i]);
        free(w->statics[i]);
    }
    free(w->statics);
    free(w->readers);
    free(w->brief);
    free(w->events);
    free(w->cuts);
    free(w);
}
