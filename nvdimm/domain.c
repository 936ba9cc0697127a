/* domain.c - the persistence domain: lists of stores by line, and from when on each is durable. */
/*
 * Tracked lines live in a hash table (open addressing, linear probing). Each heads a list of store
 * records, oldest first, linked by index into one pool. A record describes bytes of one aligned
 * 8-byte word: the word before and after, and a mask of the bytes that count.
 *
 * Invariants:
 * - Visible ordinary stores are a prefix of the line's ordinary stores, and their `durable` times
 *   ascend: a carry lowers the times of all visible ones to its own. So a carry walks back from the
 *   newest store and may stop at the first ordinary one that was durable before it.
 * - A record leaves the list only when it is durable at the settled time and no older record of the
 *   line is left (or none of its word, when a long list is compacted): undoing needs the newer
 *   durable stores of a byte to know that older ones must not be undone.
 *
 * Each carry that made something durable is put into a queue, from which domain_settle takes the
 * lines to look at. Entries wait behind one with a later time; they are only forgotten later.
 */
#include "nvdimm/domain.h"

#include <assert.h>
#include <stdlib.h>

#include "memhier/hostmem.h"
#include "nvdimm/domain_parts.h"

#define COMPACT_EVERY 4096u /* stores listed for a line */

const struct counter domain_counter_table[] = {
    {"stores", "stores", "stores to the NVDIMM that were tracked",
     offsetof(struct domain_counters, stores)},
    {"carries", "lines", "times a line reached the point of persistence with new stores",
     offsetof(struct domain_counters, carries)},
    {"lines", "lines", "lines with stores that may not be durable",
     offsetof(struct domain_counters, lines_now)},
    {"lines.peak", "lines", "most such lines at once",
     offsetof(struct domain_counters, lines_peak)},
    {NULL, NULL, NULL, 0},
};

static const char wanted[] = "the persistence domain";

static void *grow(void *p, size_t n, size_t size)
{
    return hostmem_resize(p, n, size, wanted);
}

/* ---- the table of lines ---- */

uint64_t domain_line_addr(uint64_t addr)
{
    return addr & ~(uint64_t)(LINE_BYTES - 1);
}

static uint32_t home(const struct domain *d, uint64_t addr)
{
    return (uint32_t)((addr >> LINE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >> d->shift);
}

/* Where the line is, or the free place where it would be. */
static struct line *place(const struct domain *d, uint64_t addr)
{
    uint32_t i = home(d, addr);
    while (d->lines[i].addr && d->lines[i].addr != addr)
        i = (i + 1) & (d->size - 1);
    return &d->lines[i];
}

struct line *domain_find(const struct domain *d, uint64_t addr)
{
    struct line *l = place(d, domain_line_addr(addr));
    return l->addr ? l : NULL;
}

static void table_new(struct domain *d, uint32_t size)
{
    d->size = size;
    d->shift = 64u - (unsigned)__builtin_ctz(size);
    d->lines = hostmem_new(size, sizeof *d->lines, wanted);
}

static void table_double(struct domain *d)
{
    struct line *old = d->lines;
    uint32_t n = d->size;
    table_new(d, 2 * n);
    for (uint32_t i = 0; i < n; i++) {
        if (old[i].addr)
            *place(d, old[i].addr) = old[i];
    }
    free(old);
}

struct line *domain_track(struct domain *d, uint64_t addr)
{
    struct line *l = place(d, addr);
    if (l->addr)
        return l;
    if (2 * (d->counters.lines_now + 1) > d->size) {
        table_double(d);
        l = place(d, addr);
    }
    *l = (struct line){.addr = addr, .head = NONE, .tail = NONE, .hidden = NONE};
    if (++d->counters.lines_now > d->counters.lines_peak)
        d->counters.lines_peak = d->counters.lines_now;
    return l;
}

/* Free the place and move up those that probed past it. */
static void untrack(struct domain *d, struct line *l)
{
    uint32_t mask = d->size - 1, hole = (uint32_t)(l - d->lines);
    for (uint32_t i = (hole + 1) & mask; d->lines[i].addr; i = (i + 1) & mask) {
        uint32_t want = home(d, d->lines[i].addr);
        if (((i - want) & mask) < ((i - hole) & mask))
            continue;
        d->lines[hole] = d->lines[i];
        hole = i;
    }
    d->lines[hole].addr = 0;
    d->counters.lines_now--;
}

/* ---- records ---- */

uint32_t domain_record_new(struct domain *d)
{
    if (d->free_record == NONE) {
        uint32_t n = d->nrecords ? d->nrecords * 2 : 1024;
        d->records = grow(d->records, n, sizeof *d->records);
        for (uint32_t i = n; i-- > d->nrecords;) {
            d->records[i].next = d->free_record;
            d->free_record = i;
        }
        d->nrecords = n;
    }
    uint32_t r = d->free_record;
    d->free_record = d->records[r].next;
    return r;
}

static void unlink_record(struct domain *d, struct line *l, uint32_t i)
{
    struct record *r = &d->records[i];
    if (r->prev == NONE)
        l->head = r->next;
    else
        d->records[r->prev].next = r->next;
    if (r->next == NONE)
        l->tail = r->prev;
    else
        d->records[r->next].prev = r->prev;
    l->n--;
    l->nt -= r->flags & NONTEMPORAL;
    l->nt_waiting -= (r->flags & (NONTEMPORAL | CARRIED)) == NONTEMPORAL;
    r->next = d->free_record;
    d->free_record = i;
}

/* Bit i of the mask becomes byte i of the word. */
static uint64_t spread(uint8_t mask)
{
    uint64_t bits = (uint64_t)mask * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    return ((bits + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101)) * 255;
}

static uint64_t blend(uint64_t a, uint64_t b, uint8_t mask)
{
    uint64_t m = spread(mask);
    return (a & ~m) | (b & m);
}

/* ---- long lists ---- */

/* Can these two stores to one word only become durable at the same time? */
static int same_fate(const struct domain *d, const struct record *a, const struct record *b)
{
    int flags = d->point == DOMAIN_NONE && (a->flags & CARRIED) ? VISIBLE | CARRIED : ~0;
    int alone = (a->flags & (NONTEMPORAL | CARRIED)) == NONTEMPORAL;
    return (a->flags & VISIBLE) && !alone && a->durable == b->durable &&
           !((a->flags ^ b->flags) & flags);
}

/* Merge stores to the same word that share their fate, and forget settled ones. What is durable at
 * any time is as before. */
static void compact(struct domain *d, struct line *l)
{
    uint32_t last[8] = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE};
    for (uint32_t i = l->head, next; i != NONE; i = next) {
        struct record *r = &d->records[i];
        next = r->next;
        uint32_t before = last[r->word];
        if (before == NONE && r->durable <= d->settled) {
            unlink_record(d, l, i);
        } else if (before != NONE && same_fate(d, &d->records[before], r)) {
            struct record *into = &d->records[before];
            r->old_word = blend(r->old_word, into->old_word, into->mask);
            r->new_word = blend(into->new_word, r->new_word, r->mask);
            r->mask |= into->mask;
            unlink_record(d, l, before);
            last[r->word] = i;
        } else {
            last[r->word] = i;
        }
    }
}

/* ---- settling ---- */

void domain_due_push(struct domain *d, uint64_t addr, ps_t at)
{
    if (d->due_n == d->due_size) {
        size_t old = d->due_size;
        d->due_size = old ? old * 2 : 1024;
        d->due = grow(d->due, d->due_size, sizeof *d->due);
        for (size_t i = 0; i < d->due_first; i++)
            d->due[old + i] = d->due[i]; /* the part that had wrapped round */
    }
    d->due[(d->due_first + d->due_n++) & (d->due_size - 1)] = (struct due){addr, at};
    d->counters.carries++;
}

static void settle_line(struct domain *d, uint64_t addr)
{
    struct line *l = domain_find(d, addr);
    if (!l)
        return;
    while (l->head != NONE && d->records[l->head].durable <= d->settled)
        unlink_record(d, l, l->head);
    if (l->head == NONE)
        untrack(d, l);
}

void domain_settle(struct domain *d, ps_t t)
{
    if (t > d->settled)
        d->settled = t;
    while (d->due_n && d->due[d->due_first].at <= d->settled) {
        uint64_t addr = d->due[d->due_first].addr;
        d->due_first = (d->due_first + 1) & (d->due_size - 1);
        d->due_n--;
        settle_line(d, addr);
    }
}

/* ---- events ---- */

struct domain *domain_new(enum domain_point point)
{
    struct domain *d = hostmem_new(1, sizeof *d, wanted);
    d->point = point;
    d->free_record = NONE;
    table_new(d, 1024);
    return d;
}

void domain_free(struct domain *d)
{
    if (!d)
        return;
    free(d->lines);
    free(d->records);
    free(d->due);
    free(d);
}

enum domain_point domain_point(const struct domain *d)
{
    return d->point;
}

void domain_store(struct domain *d, const struct domain_store *s)
{
    unsigned offset = (unsigned)s->addr & 7;
    assert(s->bytes >= 1 && offset + s->bytes <= 8 && addr_is_nvdimm(s->addr));
    struct line *l = domain_track(d, domain_line_addr(s->addr));
    uint32_t i = domain_record_new(d);
    struct record *r = &d->records[i];
    r->old_word = s->old_bytes << 8 * offset;
    r->new_word = s->new_bytes << 8 * offset;
    r->at = s->at;
    r->durable = DOMAIN_NEVER;
    r->pc = s->pc;
    r->next = NONE;
    r->prev = l->tail;
    r->word = (uint8_t)(s->addr >> 3 & 7);
    r->mask = (uint8_t)(0xffu >> (8 - s->bytes) << offset);
    r->hart = s->hart;
    r->flags = s->nontemporal ? NONTEMPORAL : 0;
    if (l->tail == NONE)
        l->head = i;
    else
        d->records[l->tail].next = i;
    l->tail = i;
    if (s->nontemporal) {
        l->nt++;
        l->nt_hidden++;
        l->nt_waiting++;
    } else if (l->hidden == NONE) {
        l->hidden = i;
    }
    d->counters.stores++;
    if (++l->n % COMPACT_EVERY == 0)
        compact(d, l);
}

/* Make a hidden store visible. */
static void show(struct domain *d, struct line *l, uint32_t i, ps_t at)
{
    struct record *r = &d->records[i];
    r->flags |= VISIBLE;
    if (d->point == DOMAIN_EADR)
        r->durable = at;
    if (r->flags & NONTEMPORAL) {
        l->nt_hidden--;
        return;
    }
    i = r->next;
    while (i != NONE && (d->records[i].flags & NONTEMPORAL))
        i = d->records[i].next;
    l->hidden = i;
}

/* The oldest hidden store of either kind, or NONE. Non-temporal ones are looked for from the newest
 * end, where they are found at once as a rule. */
static uint32_t oldest_hidden(const struct domain *d, const struct line *l)
{
    uint32_t i = l->tail, nt = l->nt_hidden, oldest = NONE;
    for (int passed = 0; nt; i = d->records[i].prev) {
        passed |= i == l->hidden;
        if ((d->records[i].flags & (NONTEMPORAL | VISIBLE)) != NONTEMPORAL)
            continue;
        nt--;
        oldest = passed || l->hidden == NONE ? i : l->hidden;
    }
    return oldest == NONE ? l->hidden : oldest;
}

void domain_visible(struct domain *d, uint64_t addr, ps_t at)
{
    struct line *l = domain_find(d, addr);
    uint32_t i = l ? oldest_hidden(d, l) : NONE;
    if (i == NONE)
        return;
    show(d, l, i, at);
    if (d->point == DOMAIN_EADR)
        domain_due_push(d, l->addr, at);
}

/* The bytes of a line that [addr, addr + n) covers. */
static uint64_t range_mask(uint64_t addr, uint32_t n)
{
    unsigned offset = (unsigned)addr & (LINE_BYTES - 1);
    return (n >= LINE_BYTES ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << offset;
}

static uint64_t record_mask(const struct record *r)
{
    return (uint64_t)r->mask << 8 * r->word;
}

void domain_visible_bytes(struct domain *d, uint64_t addr, uint32_t n, ps_t at)
{
    struct line *l = domain_find(d, addr);
    if (!l)
        return;
    uint64_t left = range_mask(addr, n);
    int shown = 0;
    while (l->hidden != NONE) {
        uint64_t bytes = record_mask(&d->records[l->hidden]);
        if (bytes & ~left)
            break;
        left &= ~bytes;
        show(d, l, l->hidden, at);
        shown = 1;
    }
    if (shown && d->point == DOMAIN_EADR)
        domain_due_push(d, l->addr, at);
}

/* A visible store has come to the WPQ, its `durable` time is lowered if that counts; news? */
static int enter_wpq(struct domain *d, struct line *l, struct record *r, ps_t at)
{
    int news = d->point != DOMAIN_NONE && r->durable == DOMAIN_NEVER;
    if ((r->flags & (NONTEMPORAL | CARRIED)) == NONTEMPORAL)
        l->nt_waiting--;
    r->flags |= CARRIED;
    if (d->point != DOMAIN_NONE && at < r->durable)
        r->durable = at;
    return news;
}

/* All visible stores but non-temporal ones that were carried before. The walk ends at an ordinary
 * store for which nothing changes, when no non-temporal one is waiting behind it. */
static int carry_to_wpq(struct domain *d, struct line *l, ps_t at)
{
    int news = 0;
    uint32_t waiting = l->nt_waiting;
    for (uint32_t i = l->tail; i != NONE; i = d->records[i].prev) {
        struct record *r = &d->records[i];
        if (r->flags & NONTEMPORAL) {
            waiting -= !(r->flags & CARRIED);
            if (!(r->flags & CARRIED) && (r->flags & VISIBLE))
                news |= enter_wpq(d, l, r, at);
        } else if (r->flags & VISIBLE) {
            int same = d->point == DOMAIN_NONE ? r->flags & CARRIED : r->durable <= at;
            if (same && !waiting)
                break;
            news |= enter_wpq(d, l, r, at);
        }
    }
    return news;
}

/* All carried stores. The walk ends at an ordinary store that was durable before, when no
 * non-temporal one lies behind it. */
static int carry_to_media(struct domain *d, struct line *l, ps_t at)
{
    int news = 0;
    uint32_t nt = l->nt;
    for (uint32_t i = l->tail; i != NONE; i = d->records[i].prev) {
        struct record *r = &d->records[i];
        nt -= r->flags & NONTEMPORAL;
        if (!(r->flags & CARRIED))
            continue;
        if (at < r->durable) {
            news |= r->durable == DOMAIN_NEVER;
            r->durable = at;
        } else if (!nt && !(r->flags & NONTEMPORAL)) {
            break;
        }
    }
    return news;
}

void domain_carry(struct domain *d, uint64_t addr, ps_t at, enum domain_point reached)
{
    if (d->point == DOMAIN_EADR || reached == DOMAIN_EADR)
        return; /* durable when visible: nothing to add */
    struct line *l = domain_find(d, addr);
    if (!l)
        return;
    int news = carry_to_wpq(d, l, at);
    if (reached == DOMAIN_NONE && d->point == DOMAIN_NONE)
        news |= carry_to_media(d, l, at);
    if (news)
        domain_due_push(d, l->addr, at);
}

void domain_media(struct domain *d, uint64_t addr, ps_t at)
{
    if (d->point != DOMAIN_NONE)
        return;
    struct line *l = domain_find(d, addr);
    if (l && carry_to_media(d, l, at))
        domain_due_push(d, l->addr, at);
}

void domain_carry_nontemporal(struct domain *d, uint64_t addr, uint32_t n, ps_t at)
{
    struct line *l = domain_find(d, addr);
    if (!l)
        return;
    uint64_t range = range_mask(addr, n);
    uint32_t waiting = l->nt_waiting;
    int news = 0;
    for (uint32_t i = l->tail; waiting; i = d->records[i].prev) {
        struct record *r = &d->records[i];
        if ((r->flags & (NONTEMPORAL | CARRIED)) != NONTEMPORAL)
            continue;
        waiting--;
        if (record_mask(r) & ~range)
            continue;
        l->nt_hidden -= !(r->flags & VISIBLE);
        r->flags |= VISIBLE;
        news |= enter_wpq(d, l, r, at);
    }
    if (news)
        domain_due_push(d, l->addr, at);
}

/* ---- questions ---- */

static uint64_t load_word(const uint8_t *p)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static void store_word(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

int domain_durable_line(const struct domain *d, uint64_t addr, ps_t t, uint8_t line[64])
{
    const struct line *l = domain_find(d, addr);
    if (!l)
        return 0;
    uint8_t kept[8] = {0}; /* bytes of each word that a durable store has given their value */
    int undone = 0;
    for (uint32_t i = l->tail; i != NONE; i = d->records[i].prev) {
        const struct record *r = &d->records[i];
        uint8_t bytes = (uint8_t)(r->mask & ~kept[r->word]);
        if (r->durable <= t) {
            kept[r->word] |= r->mask;
        } else if (bytes) {
            uint8_t *p = line + 8 * r->word;
            store_word(p, blend(load_word(p), r->old_word, bytes));
            undone = 1;
        }
    }
    return undone;
}

static int by_address(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void domain_each(const struct domain *d, void (*fn)(void *arg, uint64_t line_addr), void *arg)
{
    size_t n = 0;
    uint64_t *addr = grow(NULL, d->counters.lines_now + 1, sizeof *addr);
    for (uint32_t i = 0; i < d->size; i++) {
        if (d->lines[i].addr)
            addr[n++] = d->lines[i].addr;
    }
    qsort(addr, n, sizeof *addr, by_address);
    for (size_t i = 0; i < n; i++)
        fn(arg, addr[i]);
    free(addr);
}

size_t domain_line_stores(const struct domain *d, uint64_t addr, struct domain_listed *out,
                          size_t n)
{
    const struct line *l = domain_find(d, addr);
    if (!l)
        return 0;
    uint32_t i = l->head;
    for (size_t k = 0; k < n && i != NONE; k++, i = d->records[i].next) {
        const struct record *r = &d->records[i];
        out[k] = (struct domain_listed){
            .word = l->addr + 8u * r->word,
            .old_bytes = r->old_word,
            .new_bytes = r->new_word,
            .at = r->at,
            .durable = r->durable,
            .pc = r->pc,
            .mask = r->mask,
            .hart = r->hart,
            .nontemporal = (r->flags & NONTEMPORAL) != 0,
            .visible = (r->flags & VISIBLE) != 0,
        };
    }
    return l->n;
}

const struct domain_counters *domain_counters(const struct domain *d)
{
    return &d->counters;
}
