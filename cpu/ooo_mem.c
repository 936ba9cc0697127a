/* ooo_mem.c - what micro-ops of the out-of-order core do to memory. */
/*
 * Loads: a request when the address is ready, the page known and a port free, whatever older stores
 * still wait for (addresses never have to be guessed again: disambiguation is perfect). A load
 * whose bytes an older store that is not in the cache yet has written takes them from the store
 * queue, `forward_cycles` after the data is there; if that store has only some of them, the load
 * starts when it has committed. Loads that missed the L1D hold one of `load_misses` places.
 *
 * Stores: complete when address and data are there; a request (read for ownership) at retirement,
 * and the commit in order, one a cycle (TSO), or `line_commits` of those that follow each other to
 * one line. Flushes and non-temporal stores take places in the
 * store queue, too, and leave it when older stores have committed and one of `flushes` places is
 * free. clflush is a store to what follows it. Non-temporal stores combine as in the in-order core.
 *
 * sfence retires when older stores have committed, and flushes and non-temporal stores have been
 * accepted; younger loads go on meanwhile, as far as the window reaches. A full fence (that of
 * locked instructions) holds up younger loads, too.
 *
 * Pages: the TLB is looked up in program order; a miss delays only what needs the page, and waits
 * for one of `walkers`.
 *
 * For NVDIMM the order of calls is what counts: the persistence domain hears of a store before the
 * cache does, and of a flush from the memory that it reaches.
 */
#include "cpu/ooo.h"

/* ---- translation and fetch ---- */

static uint64_t walk(struct ooo *c, uint64_t key, uint64_t start)
{
    uint64_t *walker = &c->walkers[0];
    for (uint32_t i = 1; i < c->nwalkers; i++)
        if (c->walkers[i] < *walker)
            walker = &c->walkers[i];
    const uint64_t until = core_walk(&c->core, key, later(start, *walker));
    *walker = until;
    c->walks[c->walk_at++ & (OOO_WALKS - 1)] = (struct ooo_walk){key, until};
    c->walk_until = later(c->walk_until, until);
    return until;
}

/* The page is there unless it is still being walked to. */
static uint64_t under_way(const struct ooo *c, uint64_t key, uint64_t start)
{
    for (uint32_t i = 0; i < OOO_WALKS; i++)
        if (c->walks[i].key == key)
            start = later(start, c->walks[i].until);
    return start;
}

static __attribute__((noinline)) uint64_t find_page(struct ooo *c, struct tlb_level *first,
                                                    uint64_t key, uint64_t start)
{
    if (c->core.tlb.none)
        return start;
    const enum tlb_found found = tlb_lookup(&c->core.tlb, first, key);
    core_shadow_found(&c->core, found);
    if (found != TLB_L1)
        c->core.n.tlb_misses++;
    if (found == TLB_MISS)
        return walk(c, key, start);
    if (found == TLB_L2) {
        c->core.n.tlb_l2_hits++;
        start += c->core.tlb.l2_cycles;
    }
    return under_way(c, key, start);
}

/* When a page can be used by what needs it at `start`. */
static inline uint64_t translate(struct ooo *c, struct tlb_level *first, uint64_t tag,
                                 uint64_t addr, uint64_t start)
{
    const uint64_t key = tlb_key(&c->core.tlb, tag, addr);
    c->core.n.tlb_lookups++;
    core_shadow_page(&c->core, first, key);
    if (unlikely(!tlb_again(first, key)))
        return find_page(c, first, key, start);
    return likely(start >= c->walk_until) ? start : under_way(c, key, start);
}

void ooo_fetch_line(struct ooo *c, uint64_t line)
{
    ooo_hold_fetch(c, c->past[(c->sequence - c->fetch_queue) & (OOO_WINDOW - 1)].dispatch);
    const uint64_t page = translate(c, &c->core.tlb.code, c->core.tag_physical, line, c->fetch);
    if (unlikely(page > c->fetch)) {
        c->code_page = page;
        ooo_hold_fetch(c, page);
    }
    const struct mem_reply r = core_request(&c->core, MEM_FETCH, line, LINE_BYTES, line, c->fetch);
    if (unlikely(r.source != SRC_L1))
        c->code_line = later(c->code_line, c->fetch + core_cycles(&c->core, r, c->fetch));
    c->core.fetched = line;
}

/* ---- stores that are not in the cache yet ---- */

static inline struct ooo_pending *pending(struct ooo *c, uint64_t word)
{
    return &c->pending[(word ^ word >> 9) & (OOO_PENDING - 1)];
}

static inline uint32_t bytes_of_word(uint64_t addr, uint32_t n)
{
    return (uint32_t)((1u << n) - 1) << (addr & 7);
}

static inline uint32_t left_in_word(uint64_t addr, uint32_t n)
{
    const uint32_t left = 8 - (uint32_t)(addr & 7);
    return n < left ? n : left;
}

/* A younger store to other bytes of the word joins the older one while that is under way. */
static inline void note_store(struct ooo *c, uint64_t phys, uint32_t bytes, uint64_t ready,
                              uint64_t commit)
{
    while (bytes) {
        const uint32_t n = left_in_word(phys, bytes), mask = bytes_of_word(phys, n);
        struct ooo_pending *p = pending(c, phys >> 3);
        if (p->word == phys >> 3 && p->commit > ready && !(p->bytes & mask)) {
            p->bytes = (uint8_t)(p->bytes | mask);
            p->ready = later(p->ready, ready);
            p->commit = commit;
        } else {
            *p = (struct ooo_pending){phys >> 3, ready, commit, (uint8_t)mask};
        }
        phys += n;
        bytes -= n;
    }
}

/* What a load of some bytes at `start` gets from stores under way. */
struct forward {
    uint64_t start; /* of its access to the cache: after a commit if it cannot be forwarded to */
    uint64_t ready; /* data of all bytes comes from the store queue then; 0: it does not */
};

static inline struct forward look_at_stores(struct ooo *c, uint64_t phys, uint32_t bytes,
                                            uint64_t start)
{
    struct forward f = {start, 0};
    uint64_t ready = 0, commit = 0;
    int covered = 1;
    while (bytes) {
        const uint32_t n = left_in_word(phys, bytes);
        const struct ooo_pending *p = pending(c, phys >> 3);
        if (p->word == phys >> 3 && p->commit > start) {
            const uint32_t mask = bytes_of_word(phys, n);
            if (p->bytes & mask) {
                commit = later(commit, p->commit);
                ready = later(ready, p->ready);
            }
            covered &= (p->bytes & mask) == mask;
        } else {
            covered = 0;
        }
        phys += n;
        bytes -= n;
    }
    if (commit && covered)
        f.ready = later(ready, start);
    else if (commit)
        f.start = commit;
    return f;
}

/* ---- loads ---- */

/* All places for misses may be taken: then it could only have started later, and is done later by
 * as much. */
static __attribute__((noinline)) when_t load_missed(struct ooo *c, struct mem_reply reply,
                                                    uint64_t phys, uint64_t start)
{
    const uint64_t line = line_of(phys);
    const uint64_t took = core_cycles(&c->core, reply, start) + c->latency[UOP_LOAD];
    when_t done = WHEN(start + took, core_part_of[reply.source]);
    if (!c->misses.size)
        return done;
    const uint32_t i = inflight_place(&c->misses, line, start);
    const when_t until = c->misses.until[i];
    if (WHEN_CYCLE(until) > start) {
        if (c->misses.line[i] == line)
            return later(done, until);
        done += WHEN(WHEN_CYCLE(until) - start, 0);
    }
    inflight_put(&c->misses, i, line, done);
    return done;
}

/* Within a physical line. */
static inline when_t load_line(struct ooo *c, uint64_t phys, uint32_t bytes, uint64_t pc,
                               uint64_t start)
{
    if (unlikely(line_of(phys) == c->core.combining.line))
        start = ooo_close_combining(c, start);
    const struct forward f = look_at_stores(c, phys, bytes, start);
    const struct mem_reply reply = core_request(&c->core, MEM_LOAD, phys, bytes, pc, f.start);
    if (f.ready) {
        c->core.n.forwards++;
        return WHEN(f.ready + c->forward_cycles, CPI_L1);
    }
    if (unlikely(reply.source != SRC_L1))
        return load_missed(c, reply, phys, f.start);
    return WHEN(f.start + core_cycles(&c->core, reply, f.start) + c->latency[UOP_LOAD], CPI_L1);
}

static inline when_t load_piece(struct ooo *c, struct ooo_op *op, uint64_t addr, uint32_t bytes,
                                uint64_t pc, uint64_t start)
{
    if (unlikely(!core_in_space(&c->core, addr)))
        return WHEN(start, CPI_L1);
    const uint64_t at = translate(c, &c->core.tlb.data, c->core.tag_linear, addr, start);
    op->paged = later(op->paged, at > start ? at : 0);
    return load_line(c, space_phys(c->core.space, addr), bytes, pc, at);
}

void ooo_load(struct ooo *c, struct ooo_op *op, unsigned class, uint64_t addr, uint32_t bytes,
              uint64_t pc, uint64_t ready)
{
    const uint32_t first = left_in_line(addr);
    op->issue = ooo_issue(c, class, later(ready, c->load_barrier));
    const uint64_t start = op->issue + c->core.bounds_check;
    op->complete = load_piece(c, op, addr, bytes < first ? bytes : first, pc, start);
    if (unlikely(bytes > first))
        op->complete = later(op->complete,
                             load_piece(c, op, addr + first, bytes - first, pc, start));
}

void ooo_load_physical(struct ooo *c, struct ooo_op *op, unsigned class, uint64_t phys,
                       uint32_t bytes, uint64_t pc, uint64_t ready)
{
    op->issue = ooo_issue(c, class, later(ready, c->load_barrier));
    const uint64_t at = translate(c, &c->core.tlb.data, c->core.tag_physical, phys, op->issue);
    op->paged = at > op->issue ? at : 0;
    op->complete = load_line(c, phys, bytes, pc, at);
}

/* ---- stores ---- */

/* Dispatch and issue what takes a place in the store queue. */
static inline struct ooo_op begin_store(struct ooo *c, unsigned class, uint64_t address)
{
    struct ooo_op op = {.held = ooo_take_store(c)};
    op.dispatch = ooo_dispatch(c);
    op.issue = ooo_issue(c, class, later(op.dispatch + 1, address));
    return op;
}

/* It has left the store queue. */
static inline void commit(struct ooo *c, when_t at)
{
    c->store_last = later(c->store_last, at);
    c->stores[c->store_at] = c->store_last;
    c->store_at = c->store_at + 1 == c->store_queue ? 0 : c->store_at + 1;
}

/* A retired store asks for its line: when it has it. */
static inline uint64_t store_line(struct ooo *c, uint64_t phys, uint32_t bytes, uint64_t pc,
                                  uint64_t retired)
{
    if (unlikely(line_of(phys) == c->core.combining.line))
        ooo_close_combining(c, retired);
    const struct mem_reply r = core_request(&c->core, MEM_STORE, phys, bytes, pc, retired);
    return retired + core_cycles(&c->core, r, retired);
}

static inline uint64_t next_commit(const struct ooo *c, uint64_t done)
{
    return later(done, WHEN_CYCLE(c->store_last) + 1);
}

/* Of a store to a physical line: in the cycle of the one before it, if that was to the line, too,
 * and not too many were. */
static inline uint64_t next_commit_to(struct ooo *c, uint64_t line, uint64_t done)
{
    if (line == c->store_line && c->store_left && done <= WHEN_CYCLE(c->store_last)) {
        c->store_left--;
        return WHEN_CYCLE(c->store_last);
    }
    c->store_line = line;
    c->store_left = c->line_commits - 1;
    return next_commit(c, done);
}

/* What has left the store queue since was no store. */
static inline void end_of_line(struct ooo *c)
{
    c->store_left = 0;
}

static uint64_t store_piece(struct ooo *c, uint64_t addr, uint32_t bytes, uint32_t skip,
                            uint64_t pc, uint64_t retired, const uint64_t *words)
{
    if (!core_in_space(&c->core, addr))
        return retired;
    const uint64_t phys = space_phys(c->core.space, addr);
    if (words && core_tracked(&c->core, phys))
        core_list_operand(&c->core, phys, bytes, skip, words, pc, 0, retired);
    return store_line(c, phys, bytes, pc, retired);
}

/* When the page (or the two) of a store is known. */
static inline uint64_t store_pages(struct ooo *c, uint64_t addr, uint32_t bytes, uint64_t start)
{
    if (unlikely(!core_in_space(&c->core, addr)))
        return start;
    uint64_t at = translate(c, &c->core.tlb.data, c->core.tag_linear, addr, start);
    const uint64_t last = addr + bytes - 1;
    if (unlikely(line_of(last) != line_of(addr)) && core_in_space(&c->core, last))
        at = later(at, translate(c, &c->core.tlb.data, c->core.tag_linear, last, start));
    return at;
}

static inline void note_linear(struct ooo *c, uint64_t addr, uint32_t bytes, uint64_t ready,
                               uint64_t committed)
{
    if (likely(core_in_space(&c->core, addr)))
        note_store(c, space_phys(c->core.space, addr), bytes, ready, committed);
}

void ooo_store(struct ooo *c, unsigned class, uint64_t addr, uint32_t bytes, uint64_t pc,
               uint64_t address, uint64_t data, const uint64_t *words)
{
    const uint32_t left = left_in_line(addr), first = bytes < left ? bytes : left;
    struct ooo_op op = begin_store(c, class, address);
    const uint64_t start = op.issue + c->core.bounds_check;
    op.paged = store_pages(c, addr, bytes, start);
    const uint64_t ready = later(start + 1, data);
    op.complete = WHEN(later(op.paged + 1, ready), CPI_BASE);
    const uint64_t t = ooo_retire(c, &op);
    uint64_t done = store_piece(c, addr, first, 0, pc, t, words);
    if (unlikely(bytes > first))
        done = later(done, store_piece(c, addr + first, bytes - first, first, pc, t, words));
    if (likely(c->line_commits == 1 || bytes > first || !core_in_space(&c->core, addr))) {
        done = next_commit(c, done);
        end_of_line(c);
    } else {
        done = next_commit_to(c, line_of(space_phys(c->core.space, addr)), done);
    }
    commit(c, WHEN(done, CPI_STORE));
    note_linear(c, addr, first, ready, done);
    if (unlikely(bytes > first))
        note_linear(c, addr + first, bytes - first, ready, done);
}

void ooo_store_physical(struct ooo *c, unsigned class, uint64_t phys, uint32_t bytes, uint64_t pc,
                        uint64_t address, uint64_t data)
{
    struct ooo_op op = begin_store(c, class, address);
    op.paged = translate(c, &c->core.tlb.data, c->core.tag_physical, phys, op.issue);
    const uint64_t ready = later(op.issue + 1, data);
    op.complete = WHEN(later(op.paged + 1, ready), CPI_BASE);
    const uint64_t t = ooo_retire(c, &op);
    const uint64_t there = store_line(c, phys, bytes, pc, t);
    const uint64_t done = next_commit_to(c, line_of(phys), there);
    commit(c, WHEN(done, CPI_STORE));
    note_store(c, phys, bytes, ready, done);
}

/* ---- flushes, non-temporal stores, fences ---- */

static uint64_t send(struct ooo *c, uint32_t place, enum mem_kind kind, uint64_t phys,
                     uint32_t bytes, uint64_t pc, uint64_t start)
{
    struct inflight *f = &c->core.flushes;
    const struct mem_reply r = core_request(&c->core, kind, phys, bytes, pc, start);
    const uint64_t done = start + core_cycles(&c->core, r, start);
    const when_t until = WHEN(done, r.source == SRC_WPQ_FULL ? CPI_WPQ : CPI_FLUSH);
    inflight_put(f, place, line_of(phys), later(until, f->until[place]));
    return done;
}

void ooo_flush(struct ooo *c, enum mem_kind kind, uint64_t addr, uint64_t pc, uint64_t address)
{
    struct ooo_op op = begin_store(c, UOP_FLUSH, address);
    op.paged = store_pages(c, addr, 1, op.issue);
    op.complete = WHEN(op.paged + 1, CPI_BASE);
    const uint64_t t = ooo_retire(c, &op);
    when_t leaves = later(WHEN(t, CPI_FLUSH), c->store_last);
    end_of_line(c);
    if (core_in_space(&c->core, addr)) {
        const uint64_t phys = space_phys(c->core.space, addr);
        if (line_of(phys) == c->core.combining.line)
            ooo_close_combining(c, t);
        const uint32_t place = inflight_place(&c->core.flushes, NO_LINE, t);
        leaves = later(leaves, c->core.flushes.until[place]);
        const uint64_t done = send(c, place, kind, line_of(phys), LINE_BYTES, pc,
                                   WHEN_CYCLE(leaves));
        if (kind == MEM_CLFLUSH)
            leaves = WHEN(done, CPI_FLUSH);
    }
    commit(c, leaves);
}

/* Each run of bytes that were written is one request. They share a place. */
uint64_t ooo_close_combining(struct ooo *c, uint64_t at)
{
    const struct combining w = c->core.combining;
    if (w.line == NO_LINE)
        return at;
    c->core.combining = (struct combining){.line = NO_LINE};
    const uint32_t place = inflight_place(&c->core.flushes, NO_LINE, at);
    at = later(at, WHEN_CYCLE(c->core.flushes.until[place]));
    for (uint32_t from = 0; from < LINE_BYTES;) {
        const uint64_t rest = w.mask >> from;
        if (!rest)
            break;
        const uint32_t skip = (uint32_t)__builtin_ctzll(rest);
        const uint64_t run = ~(rest >> skip);
        const uint32_t n = run ? (uint32_t)__builtin_ctzll(run) : LINE_BYTES;
        (void)send(c, place, MEM_NTSTORE, w.line + from + skip, n, w.pc, at);
        from += skip + n;
    }
    return at;
}

/* A non-temporal store leaves the store queue into the combining buffer: when. */
static uint64_t combine(struct ooo *c, uint64_t phys, uint32_t bytes, uint64_t pc, uint64_t at,
                        const uint64_t *words)
{
    struct combining *w = &c->core.combining;
    if (line_of(phys) != w->line)
        at = ooo_close_combining(c, at);
    if (words && core_tracked(&c->core, phys))
        core_list_operand(&c->core, phys, bytes, 0, words, pc, 1, at);
    w->line = line_of(phys);
    w->mask |= ((UINT64_C(1) << bytes) - 1) << (phys & (LINE_BYTES - 1));
    w->pc = pc;
    if (w->mask == UINT64_MAX)
        at = ooo_close_combining(c, at);
    return at;
}

void ooo_store_nontemporal(struct ooo *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                           uint64_t address, uint64_t data, const uint64_t *words)
{
    struct ooo_op op = begin_store(c, UOP_NTSTORE, address);
    op.paged = store_pages(c, addr, bytes, op.issue);
    op.complete = WHEN(later(op.paged + 1, data), CPI_BASE);
    const uint64_t t = next_commit(c, ooo_retire(c, &op));
    end_of_line(c);
    uint64_t at = t;
    if (core_in_space(&c->core, addr) && bytes <= left_in_line(addr))
        at = combine(c, space_phys(c->core.space, addr), bytes, pc, t, words);
    commit(c, WHEN(at, at > t ? CPI_FLUSH : CPI_STORE));
}

void ooo_fence(struct ooo *c, uint64_t pc, int full)
{
    struct ooo_op op = {.dispatch = ooo_dispatch(c)};
    op.issue = ooo_issue(c, UOP_FENCE, op.dispatch + 1);
    ooo_close_combining(c, later(c->core.cycle, WHEN_CYCLE(c->store_last)));
    uint64_t plain = WHEN_CYCLE(c->store_last), queued = 0;
    for (uint32_t i = 0; i < c->core.flushes.size; i++) {
        const when_t w = c->core.flushes.until[i];
        if (WHEN_PART(w) == CPI_WPQ)
            queued = later(queued, WHEN_CYCLE(w));
        else
            plain = later(plain, WHEN_CYCLE(w));
    }
    c->core.n.fences++;
    c->core.n.fences_waiting += later(plain, queued) > c->core.cycle;
    op.complete = later(WHEN(op.issue + 1, CPI_BASE), WHEN(plain, CPI_FENCE));
    op.full = WHEN(queued, CPI_WPQ);
    const uint64_t t = ooo_retire(c, &op);
    c->store_last = later(c->store_last, WHEN(t, CPI_FENCE));
    end_of_line(c);
    if (full)
        c->load_barrier = t;
    (void)core_request(&c->core, MEM_FENCE, 0, 0, pc, t);
}

/* ---- bulk operations ---- */

/* The source as it is read: a request for each line, when its data is there. */
struct bulk_source {
    uint64_t at, end, line;
    when_t ready;
};

static uint64_t bulk_load(struct ooo *c, struct bulk_source *s, uint64_t pc)
{
    struct ooo_op op = {0};
    ooo_take_load(c);
    op.dispatch = ooo_dispatch(c);
    if (line_of(s->at) != s->line) {
        const uint64_t left = left_in_line(s->at), rest = s->end - s->at;
        ooo_load_physical(c, &op, OOO_VECTOR_LOADS, s->at, (uint32_t)(left < rest ? left : rest),
                          pc, op.dispatch + 1);
        s->line = line_of(s->at);
        s->ready = op.complete;
    } else {
        op.issue = ooo_issue(c, OOO_VECTOR_LOADS, op.dispatch + 1);
        op.complete = later(WHEN(op.issue + c->core.hit_cycles, CPI_L1), s->ready);
    }
    c->core.n.loads++;
    ooo_retire_load(c, &op);
    return WHEN_CYCLE(op.complete);
}

/* `uops` stores to n bytes of one line, each after its load: one request. */
static void bulk_piece(struct ooo *c, uint64_t dst, uint32_t n, struct bulk_source *s, uint64_t pc,
                       const uint64_t *pairs)
{
    const uint32_t uops = core_bulk_uops(dst, n, c->core.vector_bytes);
    uint64_t line = 0, data = 0, done = 0;
    for (uint32_t i = 0; i < uops; i++) {
        if (s->end)
            data = bulk_load(c, s, pc);
        struct ooo_op op = begin_store(c, OOO_VECTOR_STORES, 0);
        if (i == 0)
            op.paged = translate(c, &c->core.tlb.data, c->core.tag_physical, dst, op.issue);
        op.complete = WHEN(later(later(op.paged, op.issue) + 1, data), CPI_BASE);
        const uint64_t t = ooo_retire(c, &op);
        if (i == 0) {
            if (pairs && core_tracked(&c->core, dst))
                core_list_pairs(&c->core, dst, n, pairs, pc, t);
            line = store_line(c, dst, n, pc, t);
        }
        done = next_commit_to(c, line_of(dst), later(line, t));
        commit(c, WHEN(done, CPI_STORE));
        c->core.n.stores++;
    }
    note_store(c, dst, n, data, done);
}

uint32_t ooo_bulk(struct core *core, const uint64_t *words, uint32_t n, uint64_t pc)
{
    struct ooo *c = ooo_of(core);
    const struct bulk b = core_read_bulk(core, words, n);
    struct bulk_source s = {.at = b.src, .end = b.src ? b.src + b.bytes : 0, .line = NO_LINE};
    uint64_t dst = b.dst;
    for (uint32_t left = b.words ? b.bytes : 0; left;) {
        uint32_t piece = left_in_line(dst);
        if (s.end && left_in_line(s.at) < piece)
            piece = left_in_line(s.at);
        piece = piece < left ? piece : left;
        bulk_piece(c, dst, piece, &s, pc,
                   b.pairs ? b.pairs + 2 * ((dst >> 3) - (b.dst >> 3)) : NULL);
        s.at += s.end ? piece : 0;
        dst += piece;
        left -= piece;
    }
    return b.words;
}
