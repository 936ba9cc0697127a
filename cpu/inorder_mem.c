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

#include <string.h>

#include "nvdimm/domain.h"

static const uint8_t part_of[MEM_SOURCES] = {
    [SRC_L1] = CPI_L1,     [SRC_L2] = CPI_L2,         [SRC_LLC] = CPI_LLC,
    [SRC_DRAM] = CPI_DRAM, [SRC_NVDIMM] = CPI_NVDIMM, [SRC_WPQ_FULL] = CPI_WPQ};

static inline uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t line_of(uint64_t addr)
{
    return addr & ~(uint64_t)(LINE_BYTES - 1);
}

static inline uint32_t left_in_line(uint64_t addr)
{
    return LINE_BYTES - (uint32_t)(addr & (LINE_BYTES - 1));
}

/* ---- translation and fetch ---- */

void core_translate_slowly(struct core *c, struct tlb_level *first, uint64_t key)
{
    uint64_t reads[TLB_LEVELS], at = c->cycle;
    const enum tlb_found found = tlb_lookup(&c->tlb, first, key);
    if (found == TLB_L1)
        return;
    c->n.tlb_misses++;
    if (found == TLB_L2) {
        c->n.tlb_l2_hits++;
        core_stall(c, c->cycle + c->tlb.l2_cycles, CPI_TRANSLATION);
        return;
    }
    const uint32_t n = tlb_walk(&c->tlb, key, c->space ? c->space->table_addr : 0, reads);
    for (uint32_t i = 0; i < n; i++)
        at += core_cycles(c, core_request(c, MEM_WALK, reads[i], 8, 0, at), at);
    c->n.walk_loads += n;
    core_stall(c, at, CPI_TRANSLATION);
}

static void fetch_line(struct core *c, uint64_t line, uint64_t *done)
{
    const uint64_t key = tlb_key(&c->tlb, c->tag_physical, line);
    c->n.tlb_lookups++;
    if (unlikely(!tlb_again(&c->tlb.code, key)))
        core_translate_slowly(c, &c->tlb.code, key);
    const struct mem_reply r = core_request(c, MEM_FETCH, line, LINE_BYTES, line, c->cycle);
    if (unlikely(r.source != SRC_L1))
        *done = later(*done, c->cycle + core_cycles(c, r, c->cycle));
    c->fetched = line;
}

/* Lines of a block are asked for together; hits are hidden by fetching ahead. */
void core_fetch(struct core *c, const struct block *b)
{
    const uint64_t end = b->code_addr + b->code_bytes;
    uint64_t done = 0;
    for (uint64_t line = line_of(b->code_addr); line < end; line += LINE_BYTES)
        if (line != c->fetched)
            fetch_line(c, line, &done);
    if (done > c->cycle)
        core_stall(c, done, CPI_FRONTEND);
}

/* ---- things under way ---- */

/* The place that is free first; the line's own if it has one. */
static uint32_t place_for(const struct inflight *f, uint64_t line, uint64_t now)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < f->size; i++) {
        if (f->line[i] == line && WHEN_CYCLE(f->until[i]) > now)
            return i;
        if (f->until[i] < f->until[best])
            best = i;
    }
    return best;
}

static void put(struct inflight *f, uint32_t place, uint64_t line, when_t until)
{
    f->line[place] = line;
    f->until[place] = until;
}

/* A load missed the L1D. When all places are taken it could only have started later: the core waits
 * for one, and the load is done later by as much. */
when_t core_load_missed(struct core *c, struct mem_reply reply, uint64_t phys, uint64_t start)
{
    const uint64_t line = line_of(phys);
    const uint64_t took = core_cycles(c, reply, start) + c->latency[UOP_LOAD];
    const unsigned part = part_of[reply.source];
    if (!c->misses.size)
        return WHEN(start + took, part);
    const uint32_t i = place_for(&c->misses, line, c->cycle);
    if (c->misses.line[i] == line && WHEN_CYCLE(c->misses.until[i]) > c->cycle)
        return later(WHEN(start + took, part), c->misses.until[i]);
    const uint64_t before = c->cycle;
    core_wait(c, c->misses.until[i]);
    const when_t done = WHEN(start + took + (c->cycle - before), part);
    put(&c->misses, i, line, done);
    return done;
}

/* ---- loads ---- */

static when_t load_piece(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc)
{
    if (!core_in_space(c, addr))
        return 0;
    core_translate(c, c->tag_linear, addr);
    return core_load_line(c, space_phys(c->space, addr), bytes, pc, c->cycle + c->bounds_check);
}

when_t core_load(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc)
{
    const uint32_t first = left_in_line(addr);
    if (bytes <= first)
        return load_piece(c, addr, bytes, pc);
    const when_t a = load_piece(c, addr, first, pc);
    return later(a, load_piece(c, addr + first, bytes - first, pc));
}

/* ---- stores ---- */

/* Tell the persistence domain of a store to NVDIMM, in pieces that lie in aligned words. words:
 * pairs (old, new), of the whole aligned words when `aligned`, else one of the bytes from addr on.
 */
static void list_word(struct core *c, uint64_t addr, uint32_t bytes, uint64_t old_bytes,
                      uint64_t new_bytes, uint64_t pc, int nontemporal)
{
    domain_store(c->domain, &(struct domain_store){.addr = addr,
                                                   .old_bytes = old_bytes,
                                                   .new_bytes = new_bytes,
                                                   .at = c->cycle * c->period,
                                                   .pc = pc,
                                                   .bytes = (uint8_t)bytes,
                                                   .hart = c->req.hart,
                                                   .nontemporal = (uint8_t)nontemporal});
}

/* bytes from byte `skip` of the store's operand on, at addr. */
static void list_operand(struct core *c, uint64_t addr, uint32_t bytes, uint32_t skip,
                         const uint64_t *words, uint64_t pc, int nontemporal)
{
    while (bytes) {
        uint32_t n = 8 - (uint32_t)(addr & 7);
        n = n < bytes ? n : bytes;
        list_word(c, addr, n, words[0] >> 8 * skip, words[1] >> 8 * skip, pc, nontemporal);
        addr += n;
        skip += n;
        bytes -= n;
    }
}

/* [addr, addr + n) of a bulk operation; pairs: those of its aligned words from addr's on. */
static void list_pairs(struct core *c, uint64_t addr, uint32_t n, const uint64_t *pairs,
                       uint64_t pc)
{
    for (; n; pairs += 2) {
        const uint32_t skip = (uint32_t)(addr & 7);
        const uint32_t piece = n < 8 - skip ? n : 8 - skip;
        list_word(c, addr, piece, pairs[0] >> 8 * skip, pairs[1] >> 8 * skip, pc, 0);
        addr += piece;
        n -= piece;
    }
}

static int tracked(const struct core *c, uint64_t phys)
{
    return c->domain && addr_is_nvdimm(phys);
}

/* A place in the store buffer; other ways to touch a line that is being combined close it. */
static void before_store(struct core *c, uint64_t phys)
{
    if (unlikely(line_of(phys) == c->combining.line))
        core_close_combining(c);
    core_wait(c, c->stores[c->store_at]);
}

static void commit(struct core *c, uint64_t done, when_t data)
{
    const uint64_t at = later(done, WHEN_CYCLE(c->store_last) + 1);
    c->store_last = later(WHEN(at, CPI_STORE), data);
    c->stores[c->store_at] = c->store_last;
    c->store_at = c->store_at + 1 == c->store_buffer ? 0 : c->store_at + 1;
}

static void store_line(struct core *c, uint64_t phys, uint32_t bytes, uint64_t pc, uint64_t start,
                       when_t data)
{
    const struct mem_reply reply = core_request(c, MEM_STORE, phys, bytes, pc, start);
    commit(c, start + core_cycles(c, reply, start), data);
}

static void store_piece(struct core *c, uint64_t addr, uint32_t bytes, uint32_t skip, uint64_t pc,
                        const uint64_t *words)
{
    if (!core_in_space(c, addr))
        return;
    core_translate(c, c->tag_linear, addr);
    const uint64_t phys = space_phys(c->space, addr);
    before_store(c, phys);
    if (words && tracked(c, phys))
        list_operand(c, phys, bytes, skip, words, pc, 0);
    store_line(c, phys, bytes, pc, c->cycle + c->bounds_check, 0);
}

void core_store(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc, const uint64_t *words)
{
    const uint32_t first = left_in_line(addr);
    if (likely(bytes <= first)) {
        store_piece(c, addr, bytes, 0, pc, words);
        return;
    }
    store_piece(c, addr, first, 0, pc, words);
    store_piece(c, addr + first, bytes - first, first, pc, words);
}

void core_store_physical(struct core *c, uint64_t phys, uint32_t bytes, uint64_t pc)
{
    core_translate(c, c->tag_physical, phys);
    before_store(c, phys);
    store_line(c, phys, bytes, pc, c->cycle, 0);
}

/* ---- flushes, non-temporal stores, fences ---- */

when_t core_flush_room(const struct core *c)
{
    return c->flushes.until[place_for(&c->flushes, NO_LINE, c->cycle)];
}

/* Wait for a place among the flushes under way. */
static uint32_t flush_place(struct core *c)
{
    const uint32_t i = place_for(&c->flushes, NO_LINE, c->cycle);
    core_wait(c, c->flushes.until[i]);
    return i;
}

static uint64_t send(struct core *c, uint32_t place, enum mem_kind kind, uint64_t phys,
                     uint32_t bytes, uint64_t pc, uint64_t start)
{
    const struct mem_reply r = core_request(c, kind, phys, bytes, pc, start);
    const uint64_t done = start + core_cycles(c, r, start);
    const when_t until = WHEN(done, r.source == SRC_WPQ_FULL ? CPI_WPQ : CPI_FLUSH);
    put(&c->flushes, place, line_of(phys), later(until, c->flushes.until[place]));
    return done;
}

void core_flush(struct core *c, enum mem_kind kind, uint64_t addr, uint64_t pc)
{
    if (!core_in_space(c, addr))
        return;
    core_translate(c, c->tag_linear, addr);
    const uint64_t phys = space_phys(c->space, addr);
    if (line_of(phys) == c->combining.line)
        core_close_combining(c);
    const uint32_t place = flush_place(c);
    const uint64_t start = later(c->cycle, WHEN_CYCLE(c->store_last));
    const uint64_t done = send(c, place, kind, line_of(phys), LINE_BYTES, pc, start);
    if (kind == MEM_CLFLUSH)
        c->store_last = later(c->store_last, WHEN(done, CPI_FLUSH));
}

/* Each run of bytes that were written is one request. They share a place. */
void core_close_combining(struct core *c)
{
    const struct combining w = c->combining;
    if (w.line == NO_LINE)
        return;
    c->combining = (struct combining){.line = NO_LINE};
    const uint32_t place = flush_place(c);
    for (uint32_t at = 0; at < LINE_BYTES;) {
        const uint64_t rest = w.mask >> at;
        if (!rest)
            break;
        const uint32_t skip = (uint32_t)__builtin_ctzll(rest);
        const uint64_t run = ~(rest >> skip);
        const uint32_t n = run ? (uint32_t)__builtin_ctzll(run) : LINE_BYTES;
        (void)send(c, place, MEM_NTSTORE, w.line + at + skip, n, w.pc, c->cycle);
        at += skip + n;
    }
}

void core_store_nontemporal(struct core *c, uint64_t addr, uint32_t bytes, uint64_t pc,
                            const uint64_t *words)
{
    if (!core_in_space(c, addr) || bytes > left_in_line(addr))
        return; /* the engine has trapped what is not aligned */
    core_translate(c, c->tag_linear, addr);
    const uint64_t phys = space_phys(c->space, addr);
    struct combining *w = &c->combining;
    if (line_of(phys) != w->line)
        core_close_combining(c);
    if (words && tracked(c, phys))
        list_operand(c, phys, bytes, 0, words, pc, 1);
    w->line = line_of(phys);
    w->mask |= ((UINT64_C(1) << bytes) - 1) << (phys & (LINE_BYTES - 1));
    w->pc = pc;
    if (w->mask == UINT64_MAX)
        core_close_combining(c);
}

void core_fence(struct core *c, uint64_t pc)
{
    core_close_combining(c);
    uint64_t plain = WHEN_CYCLE(c->store_last), full = 0;
    for (uint32_t i = 0; i < c->flushes.size; i++) {
        const when_t w = c->flushes.until[i];
        if (WHEN_PART(w) == CPI_WPQ)
            full = later(full, WHEN_CYCLE(w));
        else
            plain = later(plain, WHEN_CYCLE(w));
    }
    c->n.fences++;
    c->n.fences_waiting += later(plain, full) > c->cycle;
    core_wait(c, WHEN(plain, CPI_FENCE));
    core_wait(c, WHEN(full, CPI_WPQ));
    (void)core_request(c, MEM_FENCE, 0, 0, pc, c->cycle);
}

/* ---- bulk operations ---- */

/* Micro-ops for n bytes from addr on: of 16 bytes where aligned, of up to 8 at the edges. */
static uint32_t bulk_uops(uint64_t addr, uint32_t n)
{
    uint32_t uops = 0;
    while (n) {
        uint32_t step = (addr & 15) == 0 && n >= 16 ? 16 : 8 - (uint32_t)(addr & 7);
        step = step < n ? step : n;
        addr += step;
        n -= step;
        uops++;
    }
    return uops;
}

/* Loads and stores in turn, as in a copy loop that is unrolled and scheduled: stores do not wait
 * for their data here but in the store buffer. */
static void issue_bulk(struct core *c, uint32_t uops, int loads)
{
    for (uint32_t i = 0; i < uops; i++) {
        if (loads)
            core_issue(c, UOP_LOAD, 0);
        core_issue(c, UOP_STORE, c->stores[c->store_at]);
    }
    c->n.loads += loads ? uops : 0;
    c->n.stores += uops;
}

/* One request for the line, a place in the store buffer for each micro-op. */
static void bulk_store(struct core *c, uint64_t dst, uint32_t n, uint32_t uops, uint64_t pc,
                       when_t data, const uint64_t *pairs)
{
    before_store(c, dst);
    if (pairs && tracked(c, dst))
        list_pairs(c, dst, n, pairs, pc);
    store_line(c, dst, n, pc, c->cycle, data);
    for (uint32_t i = 1; i < uops; i++) {
        core_wait(c, c->stores[c->store_at]);
        commit(c, c->cycle, data);
    }
}

/* Piece by piece, each within one destination line and one source line. */
static void bulk_lines(struct core *c, uint64_t dst, uint64_t src, uint32_t n, uint64_t pc,
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
        const uint32_t uops = bulk_uops(dst, piece);
        core_translate(c, c->tag_physical, dst);
        if (src) {
            core_translate(c, c->tag_physical, src);
            if (line_of(src) != loaded) {
                const uint32_t all = left_in_line(src) < n ? left_in_line(src) : n;
                data = core_load_line(c, src, all, pc, c->cycle);
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

uint32_t core_bulk(struct core *c, const uint64_t *words, uint32_t n, uint64_t pc)
{
    const uint64_t bytes = LOG_ARG(words[0]);
    if (n < 3 || bytes > FRAME_BYTES)
        return 0;
    const uint64_t dst = words[1], src = words[2];
    const int nv = (words[0] & LOG_BULK_NV) != 0;
    const uint32_t size = nv ? 3 + 2 * (uint32_t)(((dst & 7) + bytes + 7) / 8) : 3;
    if (n < size)
        return 0;
    c->n.bulk_bytes += bytes;
    bulk_lines(c, dst, src, (uint32_t)bytes, pc, nv ? words + 3 : NULL);
    return size;
}
