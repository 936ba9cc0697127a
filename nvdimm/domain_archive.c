/* domain_archive.c - the persistence domain in a checkpoint. */
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
