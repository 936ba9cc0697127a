/* domain_archive.c - the persistence domain in a checkpoint, of either kind. */
#include "memhier/archive.h"
#include "nvdimm/domain_parts.h"

struct kept {
    uint64_t addr, old_word, new_word, durable, pc;
    uint8_t mask, hart, nontemporal;
};

static void archive_kept(struct archive *a, struct kept *k)
{
    archive_u64(a, &k->addr);
    archive_u64(a, &k->old_word);
    archive_u64(a, &k->new_word);
    archive_u8(a, &k->mask);
    archive_u8(a, &k->hart);
    archive_u8(a, &k->nontemporal);
    archive_u64(a, &k->durable);
    archive_u64(a, &k->pc);
}

/* From when on it is durable if nothing that is under way comes to anything else. */
static uint64_t durable_after(const struct domain *d, const struct record *r, ps_t now)
{
    const int arrives = d->point == DOMAIN_EADR || (r->flags & (CARRIED | NONTEMPORAL));
    if (r->durable == DOMAIN_NEVER)
        return arrives ? 0 : DOMAIN_NEVER;
    return r->durable > now ? r->durable - now : 0;
}

struct writing {
    const struct domain *d;
    struct archive *a;
    ps_t now;
    uint32_t n;
    int counting;
};

static void write_line(void *arg, uint64_t addr)
{
    struct writing *w = arg;
    const struct line *l = domain_find(w->d, addr);
    if (w->counting) {
        w->n += l->n;
        return;
    }
    uint64_t latest = 0; /* of ordinary stores, whose times ascend */
    for (uint32_t i = l->head; i != NONE; i = w->d->records[i].next) {
        const struct record *r = &w->d->records[i];
        struct kept k = {.addr = addr + 8u * r->word,
                         .old_word = r->old_word,
                         .new_word = r->new_word,
                         .durable = durable_after(w->d, r, w->now),
                         .pc = r->pc,
                         .mask = r->mask,
                         .hart = r->hart,
                         .nontemporal = r->flags & NONTEMPORAL};
        if (!k.nontemporal)
            latest = k.durable = k.durable > latest ? k.durable : latest;
        archive_kept(w->a, &k);
    }
}

static void take_kept(struct domain *d, const struct kept *k)
{
    const uint64_t addr = domain_line_addr(k->addr);
    struct line *l = domain_track(d, addr);
    const uint32_t i = domain_record_new(d);
    const uint8_t carried = k->durable == DOMAIN_NEVER ? 0 : CARRIED;
    d->records[i] = (struct record){
        .old_word = k->old_word,
        .new_word = k->new_word,
        .durable = k->durable,
        .pc = k->pc,
        .next = NONE,
        .prev = l->tail,
        .word = (uint8_t)(k->addr >> 3 & 7),
        .mask = k->mask,
        .hart = k->hart,
        .flags = (uint8_t)(VISIBLE | carried | (k->nontemporal ? NONTEMPORAL : 0))};
    if (l->tail == NONE)
        l->head = i;
    else
        d->records[l->tail].next = i;
    l->tail = i;
    l->n++;
    l->nt += k->nontemporal;
    if (carried)
        domain_due_push(d, addr, k->durable);
}

/* Of ordinary stores to one line durable times ascend: what was read must keep to it. */
static int in_order(const struct domain *d, const struct kept *k)
{
    const struct line *l = domain_find(d, domain_line_addr(k->addr));
    uint32_t i = l ? l->tail : NONE;
    while (i != NONE && (d->records[i].flags & NONTEMPORAL))
        i = d->records[i].prev;
    return k->nontemporal || i == NONE || d->records[i].durable <= k->durable;
}

static int plausible(const struct kept *k)
{
    return k->addr % 8 == 0 && addr_is_nvdimm(k->addr) && k->addr < NVDIMM_BASE * 17 && k->mask &&
           k->nontemporal <= 1 && !(k->nontemporal && k->durable == DOMAIN_NEVER);
}

static void read_kept(struct domain *d, struct archive *a)
{
    struct kept k = {0};
    archive_kept(a, &k);
    if (a->failed || !d)
        return;
    if (!plausible(&k) || !in_order(d, &k))
        archive_fail(a, "damaged: stores that are not durable");
    else
        take_kept(d, &k);
}

void domain_archive(struct domain *d, struct archive *a, ps_t now)
{
    struct writing w = {.d = d, .a = a, .now = now, .counting = 1};
    const uint8_t point = archive_put8(a, (uint8_t)(d ? d->point : DOMAIN_NONE));
    if (a->writing && d)
        domain_each(d, write_line, &w);
    archive_count(a, &w.n, UINT32_MAX, 43);
    if (!a->writing && w.n && d && point != d->point)
        archive_fail(a, "it has stores under way to the durable state of another nvdimm.domain");
    w.counting = 0;
    if (a->writing && d)
        domain_each(d, write_line, &w);
    for (uint32_t i = 0; !a->writing && i < w.n && !a->failed; i++)
        read_kept(d, a);
    if (!a->writing && d)
        d->counters.carries = 0;
}

/* ---- exactly as it is ---- */

static void record_archive(struct archive *a, struct record *r)
{
    archive_u64(a, &r->old_word);
    archive_u64(a, &r->new_word);
    archive_time(a, &r->at);
    archive_u64(a, &r->durable);
    archive_u64(a, &r->pc);
    archive_u8_below(a, &r->word, 8);
    archive_u8(a, &r->mask);
    archive_u8(a, &r->hart);
    archive_u8_below(a, &r->flags, (NONTEMPORAL | VISIBLE | CARRIED) + 1);
}

/* Put what was read at the end of its line. */
static void append(struct domain *d, struct line *l, const struct record *r)
{
    const uint32_t i = domain_record_new(d);
    d->records[i] = *r;
    d->records[i].next = NONE;
    d->records[i].prev = l->tail;
    if (l->tail == NONE)
        l->head = i;
    else
        d->records[l->tail].next = i;
    l->tail = i;
    l->n++;
    if (r->flags & NONTEMPORAL) {
        l->nt++;
        l->nt_hidden += !(r->flags & VISIBLE);
        l->nt_waiting += !(r->flags & CARRIED);
    } else if (l->hidden == NONE && !(r->flags & VISIBLE)) {
        l->hidden = i;
    }
}

/* What domain.c relies on: of ordinary stores the visible ones come first, and their durable times
 * ascend (under eADR they are when each became visible, in any order). `last` is the ordinary one
 * before, or NULL. */
static int follows(const struct domain *d, const struct record *last, const struct record *r)
{
    if (!r->mask || (r->durable != DOMAIN_NEVER && r->durable >= ARCHIVE_TIME_LIMIT))
        return 0;
    if (!last || (r->flags & NONTEMPORAL))
        return 1;
    return (last->flags & VISIBLE) >= (r->flags & VISIBLE) &&
           (d->point == DOMAIN_EADR || last->durable <= r->durable);
}

static void read_line(struct domain *d, struct archive *a)
{
    struct record r = {0}, last = {0};
    uint64_t addr = archive_put64(a, 0);
    uint32_t n = 0;
    int any = 0;
    archive_count(a, &n, UINT32_MAX, 43);
    if (a->failed)
        return;
    if (!addr_is_nvdimm(addr) || addr >= NVDIMM_BASE * 2 || addr % LINE_BYTES ||
        domain_find(d, addr)) {
        archive_fail(a, "damaged: a line that is not durable");
        return;
    }
    domain_track(d, addr);
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        record_archive(a, &r);
        if (!a->failed && !follows(d, any ? &last : NULL, &r))
            archive_fail(a, "damaged: stores that are not durable");
        if (a->failed)
            return;
        append(d, domain_find(d, addr), &r);
        if (!(r.flags & NONTEMPORAL)) {
            last = r;
            any = 1;
        }
    }
}

static void write_line_whole(void *arg, uint64_t addr)
{
    struct writing *w = arg;
    const struct line *l = domain_find(w->d, addr);
    w->n++;
    if (w->counting)
        return;
    archive_put64(w->a, addr);
    archive_put32(w->a, l->n);
    for (uint32_t i = l->head; i != NONE; i = w->d->records[i].next)
        record_archive(w->a, &w->d->records[i]);
}

static void due_archive(struct domain *d, struct archive *a)
{
    uint32_t n = (uint32_t)d->due_n;
    archive_count(a, &n, UINT32_MAX, 16);
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        struct due e = {0};
        if (a->writing)
            e = d->due[(d->due_first + i) & (d->due_size - 1)];
        archive_u64(a, &e.addr);
        archive_time(a, &e.at);
        if (!a->writing)
            domain_due_push(d, e.addr, e.at);
    }
}

void domain_archive_whole(struct domain *d, struct archive *a)
{
    struct writing w = {.d = d, .a = a, .counting = 1};
    struct domain_counters counters = d->counters;
    archive_section(a, "DOMW", 1);
    archive_same(a, d->point);
    archive_time(a, &d->settled);
    if (a->writing)
        domain_each(d, write_line_whole, &w);
    archive_count(a, &w.n, UINT32_MAX, 12);
    w.counting = 0;
    if (a->writing)
        domain_each(d, write_line_whole, &w);
    for (uint32_t i = 0; i < w.n && !a->writing && !a->failed; i++)
        read_line(d, a);
    due_archive(d, a);
    archive_u64s(a, (uint64_t *)&counters, sizeof counters / sizeof(uint64_t));
    if (counters.lines_now != d->counters.lines_now)
        archive_fail(a, "damaged: lines that are not durable");
    counters.lines_now = d->counters.lines_now;
    d->counters = counters;
}
