/* inorder_mem.c - what micro-ops of the in-order core do to memory. */
/*
 * Loads: a request at issue; the core goes on and waits when the value is used. Loads that missed
 * the L1D hold one of `load_misses` places until they are done, one for each line.
 *
 * Stores: a request at issue (the read for ownership overlaps with those of other stores), then the
 * store commits from the store buffer, in order (TSO), one a cycle. Flushes leave through the store
 * buffer too: they start when older stores have committed. A clflush is a store to what follows it.
 *
 * Non-temporal stores combine in one line-sized buffer; the line goes to memory when it is full,
 * when another line is begun, when it is touched in another way, and at fences.
 *
 * A page that is not in the TLB stops the core until it is (the walker blocks).
 *
 * For NVDIMM the order of calls is what counts: the persistence domain hears of a store before the
 * cache does, and of a flush from the memory that it reaches.
 */
#include "cpu/inorder.h"

/* ---- translation and fetch ---- */

void inorder_translate_slowly(struct inorder *c, struct tlb_level *first, uint64_t key)
{
    const uint64_t at = core_find_page(&c->core, first, key, c->core.cycle);
    if (at > c->core.cycle)
        inorder_stall(c, at, CPI_TRANSLATION);
}

static void fetch_line(struct inorder *c, uint64_t line, uint64_t *done)
{
    const uint64_t key = tlb_key(&c->core.tlb, c->core.tag_physical, line);
    c->core.n.tlb_lookups++;
    core_shadow_page(&c->core, &c->core.tlb.code, key);
    if (unlikely(!tlb_again(&c->core.tlb.code, key)))
        inorder_translate_slowly(c, &c->core.tlb.code, key);
    const struct mem_reply r = core_request(&c->core, MEM_FETCH, line, LINE_BYTES, line,
                                            c->core.cycle);
    if (unlikely(r.source != SRC_L1))
        *done = later(*done, c->core.cycle + core_cycles(&c->core, r, c->core.cycle));
    c->core.fetched = line;
}

/* Lines of a block are asked for together; hits are hidden by fetching ahead. */
void inorder_fetch(struct inorder *c, const struct block *b)
{
    const uint64_t end = b->code_addr + b->code_bytes;
    uint64_t done = 0;
    for (uint64_t line = line_of(b->code_addr); line < end; line += LINE_BYTES)
        if (line != c->core.fetched)
            fetch_line(c, line, &done);
    if (done > c->core.cycle)
        inorder_stall(c, done, CPI_FRONTEND);
}

/* ---- loads ---- */

/* A load missed the L1D. When all places are taken it could only have started later: the core waits
 * for one, and the load is done later by as much. */
when_t inorder_load_missed(struct inorder *c, struct mem_reply reply, uint64_t phys, uint64_t start)
{
    const uint64_t line = line_of(phys);
    const uint64_t took = core_cycles(&c->core, reply, start) + c->latency[UOP_LOAD];
    const unsigned part = core_part_of[reply.source];
    if (!c->misses.size)
        return WHEN(start + took, part);
    const uint32_t i = inflight_place(&c->misses, line, c->core.cycle);
    if (c->misses.line[i] == line && WHEN_CYCLE(c->misses.until[i]) > c->core.cycle)
        return later(WHEN(start + took, part), c->misses.until[i]);
    const uint64_t before = c->core.cycle;
    inorder_wait(c, c->misses.until[i]);
    const when_t done = WHEN(start + took + (c->core.cycle - before), part);
    inflight_put(&c->misses, i, line, done);
    return done;
}

static when_t load_piece(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc)
{
    if (!core_in_space(&c->core, addr))
        return 0;
    inorder_translate(c, c->core.tag_linear, addr);
    return inorder_load_line(c, space_phys(c->core.space, addr), bytes, pc,
                             c->core.cycle + c->core.bounds_check);
}

when_t inorder_load(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc)
{
    const uint32_t first = left_in_line(addr);
    if (bytes <= first)
        return load_piece(c, addr, bytes, pc);
    const when_t a = load_piece(c, addr, first, pc);
    return later(a, load_piece(c, addr + first, bytes - first, pc));
}

/* ---- stores ---- */

/* A place in the store buffer; other ways to touch a line that is being combined close it. */
static void before_store(struct inorder *c, uint64_t phys)
{
    if (unlikely(line_of(phys) == c->core.combining.line))
        inorder_close_combining(c);
    inorder_wait(c, c->stores[c->store_at]);
}

static void commit(struct inorder *c, uint64_t done, when_t data)
{
    const uint64_t at = later(done, WHEN_CYCLE(c->store_last) + 1);
    c->store_last = later(WHEN(at, CPI_STORE), data);
    c->stores[c->store_at] = c->store_last;
    c->store_at = c->store_at + 1 == c->store_buffer ? 0 : c->store_at + 1;
}

static void store_line(struct inorder *c, uint64_t phys, uint32_t bytes, uint64_t pc,
                       uint64_t start, when_t data)
{
    const struct mem_reply reply = core_request(&c->core, MEM_STORE, phys, bytes, pc, start);
    commit(c, start + core_cycles(&c->core, reply, start), data);
}

static void store_piece(struct inorder *c, uint64_t addr, uint32_t bytes, uint32_t skip,
                        uint64_t pc, const uint64_t *words)
{
    if (!core_in_space(&c->core, addr))
        return;
    inorder_translate(c, c->core.tag_linear, addr);
    const uint64_t phys = space_phys(c->core.space, addr);
    before_store(c, phys);
    if (words && core_tracked(&c->core, phys))
        core_list_operand(&c->core, phys, bytes, skip, words, pc, 0, c->core.cycle);
    store_line(c, phys, bytes, pc, c->core.cycle + c->core.bounds_check, 0);
}

void inorder_store(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                   const uint64_t *words)
{
    const uint32_t first = left_in_line(addr);
    if (likely(bytes <= first)) {
        store_piece(c, addr, bytes, 0, pc, words);
        return;
    }
    store_piece(c, addr, first, 0, pc, words);
    store_piece(c, addr + first, bytes - first, first, pc, words);
}

void inorder_store_physical(struct inorder *c, uint64_t phys, uint32_t bytes, uint64_t pc)
{
    inorder_translate(c, c->core.tag_physical, phys);
    before_store(c, phys);
    store_line(c, phys, bytes, pc, c->core.cycle, 0);
}

/* ---- flushes, non-temporal stores, fences ---- */

when_t inorder_flush_room(const struct inorder *c)
{
    return c->core.flushes.until[inflight_place(&c->core.flushes, NO_LINE, c->core.cycle)];
}

/* Wait for a place among the flushes under way. */
static uint32_t flush_place(struct inorder *c)
{
    const uint32_t i = inflight_place(&c->core.flushes, NO_LINE, c->core.cycle);
    inorder_wait(c, c->core.flushes.until[i]);
    return i;
}

static uint64_t send(struct inorder *c, uint32_t place, enum mem_kind kind, uint64_t phys,
                     uint32_t bytes, uint64_t pc, uint64_t start)
{
    const struct mem_reply r = core_request(&c->core, kind, phys, bytes, pc, start);
    const uint64_t done = start + core_cycles(&c->core, r, start);
    const when_t until = WHEN(done, r.source == SRC_WPQ_FULL ? CPI_WPQ : CPI_FLUSH);
    inflight_put(&c->core.flushes, place, line_of(phys),
                 later(until, c->core.flushes.until[place]));
    return done;
}

void inorder_flush(struct inorder *c, enum mem_kind kind, uint64_t addr, uint64_t pc)
{
    if (!core_in_space(&c->core, addr))
        return;
    inorder_translate(c, c->core.tag_linear, addr);
    const uint64_t phys = space_phys(c->core.space, addr);
    if (line_of(phys) == c->core.combining.line)
        inorder_close_combining(c);
    const uint32_t place = flush_place(c);
    const uint64_t start = later(c->core.cycle, WHEN_CYCLE(c->store_last));
    const uint64_t done = send(c, place, kind, line_of(phys), LINE_BYTES, pc, start);
    if (kind == MEM_CLFLUSH)
        c->store_last = later(c->store_last, WHEN(done, CPI_FLUSH));
}

/* Each run of bytes that were written is one request. They share a place. */
void inorder_close_combining(struct inorder *c)
{
    const struct combining w = c->core.combining;
    if (w.line == NO_LINE)
        return;
    c->core.combining = (struct combining){.line = NO_LINE};
    const uint32_t place = flush_place(c);
    for (uint32_t at = 0; at < LINE_BYTES;) {
        const uint64_t rest = w.mask >> at;
        if (!rest)
            break;
        const uint32_t skip = (uint32_t)__builtin_ctzll(rest);
        const uint64_t run = ~(rest >> skip);
        const uint32_t n = run ? (uint32_t)__builtin_ctzll(run) : LINE_BYTES;
        (void)send(c, place, MEM_NTSTORE, w.line + at + skip, n, w.pc, c->core.cycle);
        at += skip + n;
    }
}

void inorder_store_nontemporal(struct inorder *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                               const uint64_t *words)
{
    if (!core_in_space(&c->core, addr) || bytes > left_in_line(addr))
        return; /* the engine has trapped what is not aligned */
    inorder_translate(c, c->core.tag_linear, addr);
    const uint64_t phys = space_phys(c->core.space, addr);
    struct combining *w = &c->core.combining;
    if (line_of(phys) != w->line)
        inorder_close_combining(c);
    if (words && core_tracked(&c->core, phys))
        core_list_operand(&c->core, phys, bytes, 0, words, pc, 1, c->core.cycle);
    w->line = line_of(phys);
    w->mask |= ((UINT64_C(1) << bytes) - 1) << (phys & (LINE_BYTES - 1));
    w->pc = pc;
    if (w->mask == UINT64_MAX)
        inorder_close_combining(c);
}

void inorder_fence(struct inorder *c, uint64_t pc)
{
    inorder_close_combining(c);
    uint64_t plain = WHEN_CYCLE(c->store_last), full = 0;
    for (uint32_t i = 0; i < c->core.flushes.size; i++) {
        const when_t w = c->core.flushes.until[i];
        if (WHEN_PART(w) == CPI_WPQ)
            full = later(full, WHEN_CYCLE(w));
        else
            plain = later(plain, WHEN_CYCLE(w));
    }
    c->core.n.fences++;
    c->core.n.fences_waiting += later(plain, full) > c->core.cycle;
    inorder_wait(c, WHEN(plain, CPI_FENCE));
    inorder_wait(c, WHEN(full, CPI_WPQ));
    (void)core_request(&c->core, MEM_FENCE, 0, 0, pc, c->core.cycle);
}

/* ---- bulk operations ---- */

/* Loads and stores in turn, as in a copy loop that is unrolled and scheduled: stores do not wait
 * for their data here but in the store buffer. */
static void issue_bulk(struct inorder *c, uint32_t uops, int loads)
{
    for (uint32_t i = 0; i < uops; i++) {
        if (loads)
            inorder_issue(c, UOP_LOAD, 0);
        inorder_issue(c, UOP_STORE, c->stores[c->store_at]);
    }
    c->core.n.loads += loads ? uops : 0;
    c->core.n.stores += uops;
}

/* One request for the line, a place in the store buffer for each micro-op. */
static void bulk_store(struct inorder *c, uint64_t dst, uint32_t n, uint32_t uops, uint64_t pc,
                       when_t data, const uint64_t *pairs)
{
    before_store(c, dst);
    if (pairs && core_tracked(&c->core, dst))
        core_list_pairs(&c->core, dst, n, pairs, pc, c->core.cycle);
    store_line(c, dst, n, pc, c->core.cycle, data);
    for (uint32_t i = 1; i < uops; i++) {
        inorder_wait(c, c->stores[c->store_at]);
        commit(c, c->core.cycle, data);
    }
}

/* Piece by piece, each within one destination line and one source line. */
static void bulk_lines(struct inorder *c, uint64_t dst, uint64_t src, uint32_t n, uint64_t pc,
                       const uint64_t *pairs)
{
    const uint64_t first_word = dst >> 3;
    uint64_t loaded = NO_LINE;
    when_t data = 0;
    while (n) {
        uint32_t piece = left_in_line(dst);
        if (src && left_in_line(src) < piece)
            piece = left_in_line(src);
        piece = piece < n ? piece : n;
        const uint32_t uops = core_bulk_uops(dst, piece, c->core.vector_bytes);
        inorder_translate(c, c->core.tag_physical, dst);
        if (src) {
            inorder_translate(c, c->core.tag_physical, src);
            if (line_of(src) != loaded) {
                const uint32_t all = left_in_line(src) < n ? left_in_line(src) : n;
                data = inorder_load_line(c, src, all, pc, c->core.cycle);
                loaded = line_of(src);
            }
            src += piece;
        }
        issue_bulk(c, uops, src != 0);
        bulk_store(c, dst, piece, uops, pc, data,
                   pairs ? pairs + 2 * ((dst >> 3) - first_word) : NULL);
        dst += piece;
        n -= piece;
    }
}

uint32_t inorder_bulk(struct core *core, const uint64_t *words, uint32_t n, uint64_t pc)
{
    const struct bulk b = core_read_bulk(core, words, n);
    if (b.words)
        bulk_lines(inorder_of(core), b.dst, b.src, b.bytes, pc, b.pairs);
    return b.words;
}
