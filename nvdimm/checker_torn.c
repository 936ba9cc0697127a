/* checker_torn.c - stores that are not atomic: C15. */
/*
 * The crash atom is an aligned word of 8 bytes. Torn is only what was meant to change at once, and
 * one execution does not say what was. Taken for that are
 *
 *   - one store instruction, not one of a copy's, that touches two words (unaligned, or 16 bytes
 *     wide);
 *   - stores to adjacent words in one execution of a basic block, which is what a compiler makes of
 *     the assignment of a structure, if at least two of the words held something else before that
 *     is not zero and came from an earlier epoch: an update in place. A shift by one word is none.
 *
 * Either is right when it is only a payload, which something published later: a store to a single
 * other word in a later epoch of the thread. So is a range that the transaction has logged.
 */
#include "nvdimm/checker_parts.h"

#define MOST_UNIT (sizeof((struct cthread *)0)->unit / sizeof(struct pm_event))
#define MOST_TORN (sizeof((struct cthread *)0)->torn / sizeof(struct torn))

static uint64_t word_of(uint64_t addr)
{
    return addr & ~UINT64_C(7);
}

static uint64_t low(uint64_t v, uint32_t bytes)
{
    return bytes >= 8 ? v : v & ((UINT64_C(1) << 8 * bytes) - 1);
}

/* Under eADR nothing is open: has the thread stored there since its last fence? */
static int is_fresh(const struct checker *c, const struct cthread *t, const struct pm_event *e)
{
    const struct cline *l = c->point == DOMAIN_EADR ? checker_known(c, e->addr) : NULL;
    return l && l->wrote_epoch == t->epoch && (l->wrote & checker_mask(e->addr, e->bytes));
}

/* `what` of a noted store: its bytes were not durable before. */
void checker_torn_store(struct checker *c, struct cthread *t, const struct pm_event *e)
{
    t->unit_block = e->block;
    if (t->nunit < MOST_UNIT) {
        t->unit[t->nunit] = *e;
        t->unit[t->nunit].what = (uint8_t)(checker_open(c, e->addr, e->bytes) || is_fresh(c, t, e));
    }
    t->nunit++;
}

static void report(struct checker *c, const struct torn *x)
{
    checker_report(c, ROW_C15, x->site, 0, x->fence_site, x->addr, (uint32_t)x->bytes);
}

static void remove_torn(struct cthread *t, uint32_t i)
{
    t->torn[i] = t->torn[--t->ntorn];
}

/* A single word was stored: what is behind an earlier fence has been published by it. */
static void publish(struct cthread *t, uint64_t addr)
{
    for (uint32_t i = t->ntorn; i-- > 0;)
        if (t->torn[i].ended && addr - t->torn[i].addr >= t->torn[i].bytes)
            remove_torn(t, i);
}

static void suspect(struct checker *c, struct cthread *t, const struct torn *x)
{
    for (uint32_t i = t->ntorn; i-- > 0;) {
        const struct torn *old = &t->torn[i];
        if (old->addr >= x->addr + x->bytes || x->addr >= old->addr + old->bytes)
            continue;
        if (old->ended)
            report(c, old);
        remove_torn(t, i);
    }
    if (t->ntorn == MOST_TORN) {
        if (t->torn[0].ended)
            report(c, &t->torn[0]);
        remove_torn(t, 0);
    }
    t->torn[t->ntorn++] = *x;
}

/* Words of the group [g, end) that held something else before. */
static uint32_t live_words(const struct pm_event *g, const struct pm_event *end)
{
    uint32_t n = 0;
    for (const struct pm_event *e = g; e < end; e++) {
        const uint64_t was = low(e->old_bytes, e->bytes);
        n += !e->what && was != 0 && was != low(e->new_bytes, e->bytes) &&
             (e == g || word_of(e->addr) != word_of(e[-1].addr));
    }
    return n;
}

/* Does a word get what its neighbour held, or holds? */
static int is_shift(const struct pm_event *g, const struct pm_event *end)
{
    for (const struct pm_event *e = g; e + 1 < end; e++)
        if (e[1].new_bytes == e->old_bytes || e->new_bytes == e[1].old_bytes)
            return 1;
    return 0;
}

static void judge_group(struct checker *c, struct cthread *t, const struct pm_event *g,
                        const struct pm_event *end)
{
    uint64_t first = UINT64_MAX, last = 0;
    unsigned wide = 0, changed = 0, alone = 1;
    for (const struct pm_event *e = g; e < end; e++) {
        first = e->addr < first ? e->addr : first;
        last = e->addr + e->bytes > last ? e->addr + e->bytes : last;
        wide |= e->flags & (PM_WIDE | PM_VECTOR);
        changed += low(e->old_bytes, e->bytes) != low(e->new_bytes, e->bytes);
        alone &= e->code - g->code < 2; /* the halves of a vector have two numbers */
    }
    if (word_of(first) == word_of(last - 1)) {
        publish(t, first);
        return;
    }
    if (checker_tx_logged(t, first, (uint32_t)(last - first)))
        return;
    if (!(wide && alone && changed > 1) && (live_words(g, end) < 2 || is_shift(g, end)))
        return;
    const struct torn x = {
        .addr = first, .bytes = last - first, .site = g->site, .epoch = t->epoch};
    suspect(c, t, &x);
}

static int adjacent(const struct pm_event *a, const struct pm_event *b)
{
    const uint64_t x = word_of(a->addr), y = word_of(b->addr);
    return y == x || y == x + 8 || y + 8 == x;
}

void checker_torn_flush(struct checker *c, struct cthread *t)
{
    const uint32_t n = t->nunit;
    t->nunit = 0;
    if (n > MOST_UNIT)
        return; /* so much is a payload */
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && adjacent(&t->unit[to - 1], &t->unit[to]); to++)
            ;
        judge_group(c, t, &t->unit[from], &t->unit[to]);
    }
}

/* Whoever flushes one word of a line, and then another, does not take the two for one. */
void checker_torn_apart(struct cthread *t, uint64_t addr)
{
    for (uint32_t i = t->ntorn; i-- > 0;)
        if (!t->torn[i].ended && word_of(addr) > word_of(t->torn[i].addr) &&
            addr - t->torn[i].addr < t->torn[i].bytes)
            remove_torn(t, i);
}

void checker_torn_fence(struct cthread *t, uint32_t site)
{
    for (uint32_t i = 0; i < t->ntorn; i++) {
        if (t->torn[i].ended)
            continue;
        t->torn[i].ended = 1;
        t->torn[i].fence_site = site;
    }
}

void checker_torn_end(struct checker *c, struct cthread *t)
{
    checker_torn_flush(c, t);
    for (uint32_t i = 0; i < t->ntorn; i++)
        if (t->torn[i].ended || c->point == DOMAIN_EADR)
            report(c, &t->torn[i]);
    t->ntorn = 0;
}
