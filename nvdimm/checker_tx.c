/* checker_tx.c - what transactions do in the wrong order, or not at all: C8, C9, C10, P4. */
/*
 * The guest says where a transaction begins and ends, and which ranges it has logged; it does not
 * say where its log is. A store inside a transaction that goes to no logged range is taken for one
 * to the log
 *
 *   - if it was durable before the next PM_TX_LOGGED: entries come first;
 *   - if, before the first store to a logged word, the same bytes were stored that the word held
 *     (undo), or durably those that it gets (redo), or were copied from there: that is the entry,
 *     and so is everything since the last store to logged data;
 *   - if it goes to a line that was found to hold log before, or PM_TX_BEGIN named the range;
 *   - if it is the last one, alone, beside such a line, when all data is durable: the mark.
 *
 * Stores to memory whose address, or offset, the transaction puts into logged data are a new
 * object, which needs no log. All others are C8.
 */
#include <stdlib.h>
#include <string.h>

#include "nvdimm/checker_parts.h"

#define MOST_STORES 4096u
#define BEFORE      64u /* stores kept from before a transaction */
#define NEW_OBJECT  4096u
#define PAGE        65536u

static uint64_t low(uint64_t v, uint32_t bytes)
{
    return bytes >= 8 ? v : v & ((UINT64_C(1) << 8 * bytes) - 1);
}

int checker_tx_logged(const struct cthread *t, uint64_t addr, uint32_t n)
{
    for (size_t i = 0; t->in_tx && i < t->nranges; i++)
        if (addr >= t->ranges[i].addr && addr + n <= t->ranges[i].addr + t->ranges[i].bytes)
            return 1;
    return 0;
}

static int touches_range(const struct cthread *t, uint64_t line)
{
    for (size_t i = 0; i < t->nranges; i++)
        if (line < t->ranges[i].addr + t->ranges[i].bytes && t->ranges[i].addr < line + LINE_BYTES)
            return 1;
    return 0;
}

static int near_log(const struct checker *c, uint64_t line, uint64_t distance)
{
    for (size_t i = c->log_lines.n; i-- > 0;) {
        const uint64_t l = c->log_lines.v[i];
        if ((l > line ? l - line : line - l) <= distance)
            return 1;
    }
    return 0;
}

static void add_log_line(struct checker *c, uint64_t line)
{
    if (!near_log(c, line, 0) && c->log_lines.n < MOST_STORES)
        u64s_add(&c->log_lines, line);
}

static void is_log(struct checker *c, struct tx_store *s)
{
    s->log = 1;
    add_log_line(c, checker_line_of(s->addr));
}

/* ---- stores ---- */

/* Is s the log entry of the first store to a word, d? */
static int is_entry(const struct tx_store *s, const struct tx_data *d)
{
    if (s->source && s->source < d->addr + d->bytes && d->addr < s->source + s->bytes)
        return 1;
    const uint32_t n = s->bytes < d->bytes ? s->bytes : d->bytes;
    if (n < 4 && n < d->bytes)
        return 0;
    if (low(s->new_bytes, n) == low(d->old_bytes, n))
        return 1;
    return s->durable != DOMAIN_NEVER && d->new_bytes &&
           low(s->new_bytes, n) == low(d->new_bytes, n);
}

static void wrong_order(struct checker *c, uint32_t store_site, uint32_t before_site, uint64_t addr,
                        uint32_t bytes)
{
    struct finding *f = checker_report(c, ROW_C9, store_site, before_site, 0, addr, bytes);
    if (!f->flush_site)
        f->flush_site = before_site;
}

/* The entry must be durable before the data is stored: an eviction may take the data any time. And
 * what was stored behind the entry must not have become durable before it. */
static void judge_entry(struct checker *c, struct cthread *t, const struct tx_store *s,
                        const struct tx_data *d)
{
    if (checker_line_of(s->addr) != checker_line_of(d->addr) &&
        checker_open(c, s->addr, s->bytes)) {
        wrong_order(c, d->site, s->site, d->addr, d->bytes);
        return;
    }
    for (size_t i = 0; i < t->nstores; i++) {
        const struct tx_store *m = &t->stores[i];
        if (m->log && m->seq > s->seq && m->durable < s->durable &&
            checker_line_of(m->addr) != checker_line_of(s->addr)) {
            wrong_order(c, m->site, s->site, m->addr, m->bytes);
            return;
        }
    }
}

static void find_entry(struct checker *c, struct cthread *t, struct tx_data *d)
{
    const struct tx_store *entry = NULL;
    for (size_t i = t->nstores; i-- > 0 && !entry;)
        if (is_entry(&t->stores[i], d))
            entry = &t->stores[i];
    if (!entry)
        return;
    d->matched = 1;
    for (size_t i = 0; i < t->nstores; i++)
        if (t->stores[i].seq > t->data_seq || &t->stores[i] == entry)
            is_log(c, &t->stores[i]);
    judge_entry(c, t, entry, d);
}

static void data_store(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    for (size_t i = 0; i < t->ndata; i++)
        if (t->data[i].addr == e->addr) {
            t->data_seq = c->seq;
            return;
        }
    if (t->ndata < MOST_STORES) {
        t->data = checker_room(t->data, t->ndata, &t->data_cap, sizeof *t->data);
        t->data[t->ndata] = (struct tx_data){.addr = e->addr,
                                             .old_bytes = e->old_bytes,
                                             .new_bytes = low(e->new_bytes, e->bytes),
                                             .site = e->site,
                                             .bytes = e->bytes};
        find_entry(c, t, &t->data[t->ndata++]);
    }
    t->data_seq = c->seq;
}

/* Data of the transaction on another line that is not durable, or NULL. */
static const struct tx_data *open_data(const struct checker *c, const struct cthread *t,
                                       uint64_t line)
{
    for (size_t i = 0; i < t->ndata; i++)
        if (checker_line_of(t->data[i].addr) != line &&
            checker_open(c, t->data[i].addr, t->data[i].bytes))
            return &t->data[i];
    return NULL;
}

/* An entry that comes after the data that it is to save. */
static void late_entry(struct checker *c, struct cthread *t, const struct tx_store *s)
{
    for (size_t i = 0; i < t->ndata; i++) {
        struct tx_data *d = &t->data[i];
        const uint32_t n = s->bytes < d->bytes ? s->bytes : d->bytes;
        if (d->matched || n < 4 || !low(d->old_bytes, n) ||
            low(d->old_bytes, n) != low(s->new_bytes, n))
            continue;
        d->matched = 1;
        wrong_order(c, d->site, s->site, d->addr, d->bytes);
        t->stores[t->nstores - 1].log = 1;
        add_log_line(c, checker_line_of(s->addr));
        return;
    }
}

static void other_store(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    if (!t->in_tx && t->nstores >= 2 * BEFORE) {
        memmove(t->stores, t->stores + BEFORE, (t->nstores - BEFORE) * sizeof *t->stores);
        t->nstores -= BEFORE;
    }
    if (t->nstores == MOST_STORES)
        return;
    t->stores = checker_room(t->stores, t->nstores, &t->stores_cap, sizeof *t->stores);
    struct tx_store *s = &t->stores[t->nstores++];
    *s = (struct tx_store){.addr = e->addr,
                           .new_bytes = e->new_bytes,
                           .source = e->source,
                           .linear = e->linear,
                           .seq = c->seq,
                           .durable = DOMAIN_NEVER,
                           .site = e->site,
                           .bytes = e->bytes,
                           .inside = t->in_tx != 0};
    if (near_log(c, checker_line_of(e->addr), 0))
        s->log = 1;
    const struct tx_data *d = open_data(c, t, checker_line_of(e->addr));
    if (d) {
        s->ahead = 1;
        s->ahead_site = d->site;
    }
    if (t->in_tx)
        late_entry(c, t, s);
}

void checker_tx_store(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    if (t->aborting) {
        struct cline *l = checker_line(c, e->addr);
        l->c10 |= checker_mask(e->addr, e->bytes);
        u64s_add(&t->aborted, l->addr);
    }
    if (!c->tx_used)
        return;
    if (t->in_tx)
        u64s_add(&t->tx_lines, checker_line_of(e->addr));
    if (checker_tx_logged(t, e->addr, e->bytes))
        data_store(c, t, e);
    else
        other_store(c, t, e);
}

void checker_tx_fence(struct checker *c, struct cthread *t, uint32_t site)
{
    (void)site;
    t->aborting = 0;
    for (size_t i = 0; i < t->nstores; i++) {
        struct tx_store *s = &t->stores[i];
        if (s->durable == DOMAIN_NEVER && !checker_open(c, s->addr, s->bytes))
            s->durable = c->seq;
    }
}

/* ---- the end of a transaction ---- */

/* Does a store to logged data hold the address, or the offset in its object, of what s writes? */
static int is_new_object(const struct cthread *t, const struct tx_store *s)
{
    for (size_t i = 0; i < t->ndata; i++) {
        const uint64_t v = t->data[i].new_bytes, offset = s->linear & (PAGE - 1);
        if (t->data[i].bytes < 4 || v < 64 || (v & 7))
            continue;
        if (s->linear - v < NEW_OBJECT || (v <= offset && offset - v < LINE_BYTES * 4))
            return 1;
    }
    return 0;
}

static int is_mark(const struct checker *c, const struct cthread *t, size_t i)
{
    const struct tx_store *s = &t->stores[i];
    const uint64_t line = checker_line_of(s->addr);
    if (i + 1 != t->nstores || s->seq < t->data_seq || s->ahead || !c->log_lines.n)
        return 0;
    return near_log(c, line, 2 * LINE_BYTES) && !touches_range(t, line);
}

static void judge_unlogged(struct checker *c, struct cthread *t)
{
    if (t->nranges && !t->ndata) { /* redo: the data comes after the commit */
        for (size_t i = 0; i < t->nstores; i++)
            is_log(c, &t->stores[i]);
        return;
    }
    for (size_t i = 0; i < t->nstores; i++) {
        const struct tx_store *s = &t->stores[i];
        if (!s->inside || s->log || near_log(c, checker_line_of(s->addr), 0) ||
            is_new_object(t, s) || is_mark(c, t, i))
            continue;
        checker_report(c, ROW_C8, s->site, 0, 0, s->addr, s->bytes);
    }
}

/* Stores to the log behind the last entry and the last data are marks: everything that they commit
 * must be durable. (After an abort, that is C10.) */
static void judge_marks(struct checker *c, struct cthread *t)
{
    for (size_t i = 0; i < t->nstores && !t->gave_up; i++) {
        const struct tx_store *s = &t->stores[i];
        if (s->ahead && s->seq > t->data_seq && s->seq > t->logged_seq &&
            (s->log || near_log(c, checker_line_of(s->addr), 0)))
            wrong_order(c, s->site, s->ahead_site, s->addr, s->bytes);
    }
}

/* Lines of an aborted transaction that are still not durable. */
static void judge_aborted(struct checker *c, struct cthread *t)
{
    for (size_t i = 0; i < t->aborted.n; i++) {
        struct cline *l = checker_known(c, t->aborted.v[i]);
        const uint64_t bits = l ? l->c10 & (l->dirty | l->pending | l->nt) & ~l->said : 0;
        if (!bits)
            continue;
        const uint32_t at = (uint32_t)__builtin_ctzll(bits);
        checker_report(c, ROW_C10, l->site[at / 8], 0, 0, l->addr + at,
                       (uint32_t)__builtin_popcountll(bits));
        l->said |= bits;
    }
    t->aborted.n = 0;
}

static void begin(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    judge_marks(c, t);
    judge_aborted(c, t);
    c->tx_used = 1;
    t->in_tx = 1;
    t->aborting = t->gave_up = 0;
    t->nranges = t->ndata = t->nstores = 0;
    t->tx_lines.n = 0;
    t->data_seq = t->logged_seq = 0;
    for (uint64_t at = checker_line_of(e->addr); e->length && at < e->addr + e->length;
         at += LINE_BYTES)
        add_log_line(c, at);
}

static void logged(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    for (size_t i = 0; i < t->nranges; i++) {
        const struct tx_range *r = &t->ranges[i];
        if (e->addr >= r->addr + r->bytes || r->addr >= e->addr + e->length)
            continue;
        checker_report(c, ROW_P4, e->site, 0, 0, e->addr, e->length)->cycles += c->cycles -
                                                                                t->tx_cycles;
        break;
    }
    for (size_t i = 0; i < t->nstores; i++)
        if (t->stores[i].inside && t->stores[i].durable != DOMAIN_NEVER)
            is_log(c, &t->stores[i]);
    t->ranges = checker_room(t->ranges, t->nranges, &t->ranges_cap, sizeof *t->ranges);
    t->ranges[t->nranges++] = (struct tx_range){e->addr, e->length};
    t->logged_seq = c->seq;
}

static void aborted(struct checker *c, struct cthread *t)
{
    for (size_t i = 0; i < t->tx_lines.n; i++) {
        struct cline *l = checker_known(c, t->tx_lines.v[i]);
        if (!l)
            continue; /* wholly durable */
        l->c10 |= l->dirty | l->pending | l->nt;
        u64s_add(&t->aborted, l->addr);
    }
    t->aborting = t->gave_up = 1;
}

void checker_tx(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    if (e->what == PM_TX_BEGIN) {
        begin(c, t, e);
    } else if (t->in_tx && e->what == PM_TX_LOGGED && e->length) {
        logged(c, t, e);
    } else if (t->in_tx && e->what != PM_TX_LOGGED) {
        judge_unlogged(c, t);
        if (e->what == PM_TX_ABORT)
            aborted(c, t);
        t->in_tx = 0;
    }
    t->tx_cycles = c->cycles;
}

void checker_tx_end(struct checker *c, struct cthread *t)
{
    if (t->in_tx)
        judge_unlogged(c, t);
    judge_marks(c, t);
    judge_aborted(c, t);
}
