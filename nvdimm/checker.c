/* checker.c - finds persistency bugs that one execution shows: lines, flushes, fences. */
/*
 * What is wrong with a store is known in three places: at a flush (it had nothing to do), at a
 * fence (it completes less than what was meant), and at the end (what is still not durable).
 * checker_lines.c keeps the lines, checker_tx.c judges transactions, checker_torn.c stores that are
 * not atomic.
 */
#include "nvdimm/checker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "nvdimm/checker_parts.h"

#define SCRATCH    8u /* P6: bytes stored for each byte touched, at least */
#define MEDIA_LINE 256u

static const struct {
    const char *name, *text;
} rows[CHECKER_ROWS] = {
    [ROW_C1] = {"C1", "store is never flushed"},
    [ROW_C2] = {"C2", "flushed, but never fenced"},
    [ROW_C3] = {"C3", "non-temporal store without a fence"},
    [ROW_C4] = {"C4", "store to a line after its flush and before the fence"},
    [ROW_C6] = {"C6", "the flush covers only a part of what was written"},
    [ROW_C8] = {"C8", "write inside a transaction to a range that was not logged"},
    [ROW_C9] = {"C9", "log and data, or commit mark and entries, in the wrong order"},
    [ROW_C10] = {"C10", "the abort path does not make its stores durable"},
    [ROW_C15] = {"C15", "more than 8 bytes updated in place can be torn"},
    [ROW_C16] = {"C16", "persistent pointer to volatile memory"},
    [ROW_C20] = {"C20", "made durable after reading another thread's store that is not"},
    [ROW_P1] = {"P1", "the same line flushed twice before a fence"},
    [ROW_P2] = {"P2", "flush of a line with no store since its last flush"},
    [ROW_P3] = {"P3", "fence with nothing pending"},
    [ROW_P4] = {"P4", "the same range logged twice"},
    [ROW_P5] = {"P5", "flush of a volatile range"},
    [ROW_P6] = {"P6", "stored again and again, never flushed: scratch in persistent memory, or "
                      "a bug (C1) if recovery reads it"},
    [ROW_P7] = {"P7", "a 256-byte media line made durable in four pieces of 64 bytes"},
};

const char *checker_row_name(enum checker_row row)
{
    return rows[row].name;
}

const char *checker_row_text(enum checker_row row)
{
    return rows[row].text;
}

int checker_row_is_bug(enum checker_row row)
{
    return row < ROW_P1;
}

/* ---- stores ---- */

static void note_wrote(struct cthread *t, struct cline *l, uint64_t m)
{
    if (l->wrote_epoch != t->epoch) {
        l->wrote_epoch = t->epoch;
        l->wrote = 0;
        u64s_add(&t->wrote, l->addr);
    }
    l->wrote |= m;
}

static void cached_store(const struct checker *c, const struct cthread *t, struct cline *l,
                         uint64_t m)
{
    l->fresh |= m;
    l->nt &= ~m;
    if (c->point == DOMAIN_EADR)
        return;
    l->dirty |= m;
    l->pending &= ~m;
    if (l->flush_epoch == t->epoch)
        l->late |= m;
    else
        l->late &= ~m;
}

static void store(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    struct cline *l = checker_line(c, e->addr);
    const uint64_t m = checker_mask(e->addr, e->bytes);
    const uint32_t word = (uint32_t)(e->addr >> 3) & 7;
    checker_torn_store(c, t, e);
    note_wrote(t, l, m);
    l->c4 &= ~m;
    l->c6 &= ~m;
    l->c10 &= ~m;
    l->said &= ~m;
    l->site[word] = e->site;
    l->code[word] = e->code;
    l->thread = e->thread;
    l->stored += e->bytes;
    l->touched |= m;
    if (e->kind == PM_NTSTORE) {
        l->nt |= m;
        l->dirty &= ~m;
        l->pending &= ~m;
        u64s_add(&t->pending, l->addr);
    } else {
        cached_store(c, t, l, m);
    }
    if (e->flags & PM_POINTER)
        checker_report(c, ROW_C16, e->site, 0, 0, e->addr, e->bytes);
    if (e->flags & PM_NUMBER)
        checker_take_back(c, ROW_C16, e->site);
    if (t->foreign && t->nderived < sizeof t->derived / sizeof t->derived[0])
        t->derived[t->nderived++] = l->addr;
    checker_tx_store(c, t, e);
}

static void device(struct checker *c, const struct pm_event *e)
{
    struct cline *l = checker_known(c, e->addr);
    const uint64_t m = checker_mask(e->addr, e->bytes);
    if (!l)
        return;
    l->dirty &= ~m;
    l->pending &= ~m;
    l->nt &= ~m;
}

static void load(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    const struct cline *l = checker_known(c, e->addr);
    if (!l || l->thread == e->thread || t->foreign || !checker_open(c, e->addr, e->bytes))
        return;
    t->foreign = e->addr;
    t->foreign_bytes = e->bytes;
    t->foreign_load = e->site;
    t->nderived = 0;
}

/* ---- flushes ---- */

/* The flush had nothing to do; what it costs is known at the fence. */
static void useless_flush(struct checker *c, struct cthread *t, enum checker_row row,
                          const struct pm_event *e)
{
    const struct finding *f = checker_report(c, row, 0, e->site, 0, e->addr, LINE_BYTES);
    u64s_add(&t->useless, (uint64_t)(f - c->findings));
    if (row == ROW_P2 && t->nidle < sizeof t->idle / sizeof t->idle[0])
        t->idle[t->nidle++] = (struct idle_flush){checker_line_of(e->addr), e->site};
}

static void flush(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    t->flushes++;
    t->epoch_cycles += e->cycles;
    checker_torn_flush(c, t); /* what comes behind it is another statement's */
    if (!addr_is_nvdimm(e->addr)) {
        useless_flush(c, t, ROW_P5, e);
        return;
    }
    struct cline *l = checker_line(c, e->addr);
    if (l->flush_epoch == t->epoch && !(l->by_clflush && l->fresh)) {
        useless_flush(c, t, ROW_P1, e);
        checker_torn_apart(t, e->addr);
    } else if (!l->fresh && !l->nt)
        useless_flush(c, t, ROW_P2, e);
    l->fresh = 0;
    l->late = 0;
    l->flushes++;
    l->flush_site = e->site;
    l->flush_epoch = t->epoch;
    l->by_clflush = e->what == MEM_CLFLUSH;
    l->pending |= l->dirty;
    l->dirty = 0;
    u64s_add(&t->pending, l->addr);
    if (e->what == MEM_CLFLUSH) {
        t->clflushes++;
        l->pending = 0;
        l->c4 = l->c6 = l->c10 = 0;
        checker_tx_fence(c, t, e->site);
    }
}

/* ---- fences ---- */

/* Stores after a flush that this thread's last fence but one did not cover, nor this one. */
static void confirm_c4(struct checker *c, struct cthread *t)
{
    for (size_t i = 0; i < t->suspects.n; i++) {
        struct cline *l = checker_known(c, t->suspects.v[i]);
        const uint64_t bits = l ? l->c4 & (l->dirty | l->pending) & ~l->said : 0;
        if (!bits)
            continue;
        const uint32_t at = (uint32_t)__builtin_ctzll(bits);
        checker_report(c, ROW_C4, l->site[at / 8], l->flush_site, l->c4_fence, l->addr + at,
                       (uint32_t)__builtin_popcountll(bits));
        l->said |= bits;
    }
    t->suspects.n = 0;
}

static void complete(struct cthread *t, struct cline *l, uint32_t fence)
{
    const uint64_t late = l->late & l->dirty;
    l->pending = 0;
    l->nt = 0;
    l->c4 &= l->dirty;
    l->c6 &= l->dirty;
    l->c10 &= l->dirty;
    if (!late)
        return;
    l->c4 |= late;
    l->c4_fence = fence;
    l->late = 0;
    u64s_add(&t->suspects, l->addr);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_unique(struct u64s *l)
{
    size_t n = 0;
    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, ascending);
    for (size_t i = 0; i < l->n; i++)
        if (i == 0 || l->v[i] != l->v[i - 1])
            l->v[n++] = l->v[i];
    l->n = n;
}

static int share_code(const struct cline *a, const struct cline *b)
{
    for (unsigned i = 0; i < 8; i++)
        for (unsigned k = 0; k < 8; k++)
            if ((a->wrote >> 8 * i & 255) && (b->wrote >> 8 * k & 255) && a->code[i] == b->code[k])
                return 1;
    return 0;
}

/* Was b, the line behind a, written together with it, as one range? */
static int one_range(const struct cline *a, const struct cline *b)
{
    if (b->addr != a->addr + LINE_BYTES)
        return 0;
    return ((a->wrote >> 63) && (b->wrote & 1)) || share_code(a, b);
}

static int flushed_now(const struct cthread *t, const struct cline *l)
{
    return l->flush_epoch == t->epoch;
}

/* A flush of this epoch that had nothing to do, beside the range [first, last]? Its site, or 0. */
static uint32_t idle_beside(const struct cthread *t, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < t->nidle; i++)
        if (t->idle[i].line + LINE_BYTES == first || t->idle[i].line == last + LINE_BYTES)
            return t->idle[i].site;
    return 0;
}

/* Lines wrote[from, to) are one range. If some of it was flushed in this epoch, or something right
 * beside it, the rest was meant to be. */
static void judge_range(struct checker *c, struct cthread *t, size_t from, size_t to)
{
    uint32_t site = 0;
    for (size_t i = from; i < to && !site; i++) {
        const struct cline *l = checker_known(c, t->wrote.v[i]);
        if (flushed_now(t, l))
            site = l->flush_site;
    }
    if (!site) {
        site = idle_beside(t, t->wrote.v[from], t->wrote.v[to - 1]);
        if (!site)
            return;
    }
    for (size_t i = from; i < to; i++) {
        struct cline *l = checker_known(c, t->wrote.v[i]);
        if (flushed_now(t, l))
            continue;
        l->c6 |= l->dirty & l->wrote;
        l->c6_flush = site;
    }
}

/* Lines that another thread's fence has retired meanwhile are durable: nothing is left to judge. */
static void drop_unknown(const struct checker *c, struct u64s *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (checker_known(c, l->v[i]))
            l->v[n++] = l->v[i];
    l->n = n;
}

static void judge_ranges(struct checker *c, struct cthread *t)
{
    int left = 0;
    sort_unique(&t->wrote);
    drop_unknown(c, &t->wrote);
    for (size_t i = 0; i < t->wrote.n && !left; i++) {
        const struct cline *l = checker_known(c, t->wrote.v[i]);
        left = l->dirty && !flushed_now(t, l);
    }
    for (size_t from = 0, to; left && from < t->wrote.n; from = to) {
        for (to = from + 1; to < t->wrote.n; to++)
            if (!one_range(checker_known(c, t->wrote.v[to - 1]), checker_known(c, t->wrote.v[to])))
                break;
        judge_range(c, t, from, to);
    }
}

/* Do the last epochs take turns in what they do: a payload, its flag, a payload, its flag? */
static int in_turns(const struct cthread *t)
{
    return t->media_sites[0] == t->media_sites[2] && t->media_sites[0] != t->media_sites[1];
}

/* Four epochs in a row, each of which did nothing but the same to one quarter of one media line. */
static void judge_quarters(struct checker *c, struct cthread *t, uint32_t fence)
{
    if (t->pending.n == 0)
        return;
    const uint64_t line = t->pending.v[0], media = line & ~(uint64_t)(MEDIA_LINE - 1);
    const unsigned quarter = 1u << ((line >> LINE_SHIFT) & 3);
    if (t->pending.n > 1) {
        t->media_line = 0;
        return;
    }
    const struct cline *l = checker_known(c, line);
    const uint64_t wrote = l && l->wrote_epoch == t->epoch ? l->wrote : 0;
    memmove(t->media_sites + 1, t->media_sites, 2 * sizeof t->media_sites[0]);
    t->media_sites[0] = l ? l->flush_site : 0;
    if (t->media_line != media || (t->media_mask & quarter) || wrote != t->media_wrote) {
        t->media_line = media;
        t->media_mask = 0;
        t->media_cycles = 0;
        t->media_wrote = wrote;
    }
    t->media_mask |= (uint8_t)quarter;
    t->media_cycles += t->epoch_cycles;
    if (t->media_mask != 15 || in_turns(t))
        return;
    struct finding *f = checker_report(c, ROW_P7, 0, l ? l->flush_site : 0, fence, media,
                                       MEDIA_LINE);
    f->cycles += t->media_cycles * 3 / 4;
    f->store_site = l ? l->site[0] : 0;
    t->media_line = 0;
}

/* Has something that was stored after the other thread's bytes were read become durable? */
static int derived_is_durable(const struct checker *c, const struct cthread *t)
{
    for (uint32_t i = 0; i < t->nderived; i++)
        if (!checker_open(c, t->derived[i], LINE_BYTES))
            return 1;
    return 0;
}

static void judge_foreign(struct checker *c, struct cthread *t, uint32_t fence)
{
    if (!t->foreign)
        return;
    const struct cline *l = checker_known(c, t->foreign);
    if (!checker_open(c, t->foreign, t->foreign_bytes)) {
        t->foreign = 0;
    } else if (derived_is_durable(c, t)) {
        struct finding *f = checker_report(c, ROW_C20, l->site[(t->foreign >> 3) & 7],
                                           t->foreign_load, fence, t->foreign, t->foreign_bytes);
        f->flush_site = t->foreign_load;
        t->foreign = 0;
    }
}

static void pay(struct checker *c, struct cthread *t)
{
    for (size_t i = 0; i < t->useless.n; i++)
        c->findings[t->useless.v[i]].cycles += t->epoch_cycles / t->flushes;
    t->useless.n = 0;
}

/* Lines of which only this thread has had to do in this epoch, and all is durable: nothing that may
 * follow asks what they were. */
static void retire(struct checker *c, const struct cthread *t)
{
    for (size_t i = 0; i < t->pending.n; i++) {
        const struct cline *l = checker_known(c, t->pending.v[i]);
        if (l && !(l->dirty | l->pending | l->nt | l->fresh) && l->wrote_epoch == t->epoch &&
            (l->flush_epoch == t->epoch || !l->flushes))
            checker_retire(c, l->addr);
    }
}

static void fence(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    t->epoch_cycles += e->cycles;
    c->cycles += e->cycles;
    if (!e->what && !t->flushes && !t->pending.n)
        checker_report(c, ROW_P3, 0, 0, e->site, 0, 0)->cycles += e->cycles;
    sort_unique(&t->pending);
    judge_ranges(c, t);
    struct u64s old = t->suspects;
    t->suspects = (struct u64s){0};
    for (size_t i = 0; i < t->pending.n; i++)
        complete(t, checker_known(c, t->pending.v[i]), e->site);
    struct u64s fresh = t->suspects;
    t->suspects = old;
    confirm_c4(c, t);
    free(t->suspects.v);
    t->suspects = fresh;
    checker_torn_flush(c, t);
    checker_torn_fence(t, e->site);
    checker_tx_fence(c, t, e->site);
    judge_quarters(c, t, e->site);
    judge_foreign(c, t, e->site);
    pay(c, t);
    retire(c, t);
    t->pending.n = t->wrote.n = 0;
    t->flushes = t->clflushes = t->nidle = 0;
    t->epoch_cycles = 0;
    t->epoch = ++c->epochs;
}

/* ---- the end ---- */

static int kept(const struct checker_range *keep, size_t n, uint64_t addr)
{
    if (!keep)
        return 1;
    for (size_t i = 0; i < n; i++)
        if (addr - keep[i].addr < keep[i].bytes)
            return 1;
    return 0;
}

/* Stored again and again, and never flushed. A single word beside what is flushed is rather a
 * counter that was forgotten. */
static int is_scratch(const struct checker *c, const struct cline *l)
{
    const uint64_t touched = (uint64_t)__builtin_popcountll(l->touched);
    if (l->flushes || l->stored < SCRATCH * touched)
        return 0;
    return touched > 8 || (!checker_was_flushed(c, l->addr - LINE_BYTES) &&
                           !checker_was_flushed(c, l->addr + LINE_BYTES));
}

/* Why the byte, which is not durable, is not. */
static enum checker_row reason(const struct checker *c, const struct cline *l, unsigned byte)
{
    const uint64_t bit = UINT64_C(1) << byte;
    if (l->nt & bit)
        return ROW_C3;
    if (l->c10 & bit)
        return ROW_C10;
    if (l->pending & bit)
        return ROW_C2;
    if ((l->late | l->c4) & bit)
        return ROW_C4;
    if (l->c6 & bit)
        return ROW_C6;
    return is_scratch(c, l) ? ROW_P6 : ROW_C1;
}

static void report_bytes(struct checker *c, const struct cline *l, enum checker_row row,
                         unsigned at, uint32_t n)
{
    const uint32_t store_site = l->site[at / 8];
    uint32_t flush_site = 0, fence_site = 0;
    if (row == ROW_C2 || row == ROW_C4)
        flush_site = l->flush_site;
    if (row == ROW_C6)
        flush_site = l->c6_flush;
    if (row == ROW_C4)
        fence_site = l->c4_fence;
    struct finding *f = checker_report(c, row, store_site, flush_site, fence_site, l->addr + at, n);
    if (row == ROW_P6) {
        f->evictions += l->evictions;
        f->cycles += l->eviction_cycles;
    }
}

/* Bytes of one line that share reason and store site are one occurrence. */
static void judge_line(struct checker *c, const struct cline *l)
{
    const uint64_t open = (l->dirty | l->pending | l->nt) & ~l->said;
    for (unsigned at = 0; at < LINE_BYTES;) {
        if (!(open >> at & 1)) {
            at++;
            continue;
        }
        const enum checker_row row = reason(c, l, at);
        unsigned end = at, last = at;
        uint32_t n = 0;
        for (; end < LINE_BYTES; end++) {
            if (!(open >> end & 1))
                continue;
            if (reason(c, l, end) != row || l->site[end / 8] != l->site[at / 8])
                break;
            n++;
            last = end;
        }
        report_bytes(c, l, row, at, n);
        at = last + 1;
    }
}

static int by_row(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->store_site != y->store_site)
        return x->store_site < y->store_site ? -1 : 1;
    return x->flush_site < y->flush_site ? -1 : x->flush_site > y->flush_site;
}

void checker_finish(struct checker *c, const struct checker_range *keep, size_t n)
{
    struct u64s all = {0};
    if (c->finished)
        return;
    c->finished = 1;
    for (uint32_t i = 0; i < c->nthreads; i++) {
        judge_ranges(c, &c->threads[i]);
        checker_tx_end(c, &c->threads[i]);
        checker_torn_end(c, &c->threads[i]);
    }
    checker_all_lines(c, &all);
    sort_unique(&all);
    for (size_t i = 0; i < all.n; i++)
        if (kept(keep, n, all.v[i]))
            judge_line(c, checker_known(c, all.v[i]));
    free(all.v);
    size_t left = 0;
    for (size_t i = 0; i < c->nfindings; i++)
        if (c->findings[i].count)
            c->findings[left++] = c->findings[i];
    c->nfindings = left;
    if (c->nfindings > 1)
        qsort(c->findings, c->nfindings, sizeof *c->findings, by_row);
}

const struct finding *checker_findings(struct checker *c, size_t *n)
{
    *n = c->nfindings;
    return c->findings;
}

/* ---- the whole ---- */

static struct cthread *thread_of(struct checker *c, uint32_t id)
{
    if (id < c->nthreads)
        return &c->threads[id];
    c->threads = hostmem_resize(c->threads, id + 1, sizeof *c->threads, checker_memory);
    for (; c->nthreads <= id; c->nthreads++)
        c->threads[c->nthreads] = (struct cthread){.epoch = ++c->epochs};
    return &c->threads[id];
}

void checker_consume(struct checker *c, const struct pm_event *e, size_t n)
{
    for (const struct pm_event *end = e + n; e < end; e++) {
        struct cthread *t = thread_of(c, e->thread);
        c->seq++;
        if (t->nunit && e->block != t->unit_block)
            checker_torn_flush(c, t);
        switch (e->kind) {
        case PM_STORE:
        case PM_NTSTORE:
            store(c, t, e);
            break;
        case PM_DEVICE:
            device(c, e);
            break;
        case PM_FLUSH:
            flush(c, t, e);
            break;
        case PM_FENCE:
            fence(c, t, e);
            break;
        case PM_LOAD:
            load(c, t, e);
            break;
        case PM_TX:
            checker_tx(c, t, e);
            break;
        default:
            break;
        }
    }
}

void checker_evicted(struct checker *c, uint64_t addr, uint64_t cycles)
{
    struct cline *l = checker_known(c, addr);
    if (!l)
        return;
    l->evictions++;
    l->eviction_cycles += cycles;
}

struct checker *checker_new(enum domain_point point)
{
    struct checker *c = hostmem_new(1, sizeof *c, checker_memory);
    c->point = point;
    checker_lines_new(c);
    return c;
}

void checker_free(struct checker *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->nthreads; i++) {
        struct cthread *t = &c->threads[i];
        free(t->pending.v);
        free(t->wrote.v);
        free(t->suspects.v);
        free(t->useless.v);
        free(t->tx_lines.v);
        free(t->aborted.v);
        free(t->ranges);
        free(t->stores);
        free(t->data);
    }
    free(c->threads);
    free(c->log_lines.v);
    free(c->findings);
    checker_lines_free(c);
    free(c);
}
