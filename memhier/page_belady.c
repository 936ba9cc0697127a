/* page_belady.c - the optimum (Belady 1966; Mattson et al. 1970), with forced insertion: of the
 * resident pages the one leaves whose next use is farthest.
 *
 * First pass, backwards over the requests: when is each one's page asked for next? Second pass:
 * the resident pages are the set of the times of their next uses, all different, so that a request
 * hits if its own time is in the set, and the victim is the greatest. A page that is never asked
 * for again gets n plus the time of its last use: of several such pages the one used last leaves;
 * which of them it is cannot matter to the misses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_bits.h"
#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

struct belady {
    const uint64_t *page;
    uint32_t *next; /* below n: a request; else n + the request itself */
    uint32_t n, now, capacity, used;
    struct page_bits resident;
};

static void belady_drop(void *state)
{
    struct belady *s = state;
    if (s) {
        free(s->next);
        page_bits_free(&s->resident);
    }
    free(s);
}

/* The first pass. -1: out of memory. */
static int look_ahead(struct belady *s)
{
    struct page_pool seen;
    int bad = page_pool_init(&seen, 0);
    for (uint32_t i = s->n; i-- && !bad;) {
        uint32_t x = page_find(&seen, s->page[i]);
        s->next[i] = x ? (uint32_t)seen.node[x].time : s->n + i;
        x = x ? x : page_add(&seen, s->page[i]);
        bad = !x;
        seen.node[x].time = i;
    }
    page_pool_free(&seen);
    return bad ? -1 : 0;
}

static void *belady_make(const struct page_config *cfg, char *err, size_t errlen)
{
    if ((!cfg->future && cfg->requests) || cfg->requests > PAGE_REQUESTS_LIMIT) {
        snprintf(err, errlen, "belady: needs all requests beforehand, at most %u",
                 PAGE_REQUESTS_LIMIT);
        return NULL;
    }
    struct belady *s = calloc(1, sizeof *s);
    if (s) {
        s->page = cfg->future;
        s->n = (uint32_t)cfg->requests;
        s->capacity = cfg->capacity;
        s->next = malloc((s->n + (size_t)1) * sizeof *s->next);
    }
    if (!s || !s->next || page_bits_init(&s->resident, 2 * (uint64_t)s->n + 1) || look_ahead(s)) {
        belady_drop(s);
        snprintf(err, errlen, "out of memory for %zu requests", cfg->requests);
        return NULL;
    }
    return s;
}

static enum page_result belady_access(void *state, uint64_t page, uint64_t *victim)
{
    struct belady *s = state;
    const uint32_t now = s->now;
    enum page_result result = PAGE_MISS;
    if (now == s->n || s->page[now] != page)
        return PAGE_FAILED; /* not what was told */
    s->now++;
    if (page_bits_test(&s->resident, now)) {
        page_bits_clear(&s->resident, now);
        result = PAGE_HIT;
    } else if (s->used == s->capacity) {
        const uint64_t far = page_bits_greatest(&s->resident);
        page_bits_clear(&s->resident, far);
        *victim = s->page[far < s->n ? far : far - s->n];
        result = PAGE_EVICTED;
    } else {
        s->used++;
    }
    page_bits_set(&s->resident, s->next[now]);
    return result;
}

const struct page_policy page_belady = {
    .name = "belady",
    .meaning = "the optimum, forced insertion: the farthest next use leaves (two passes)",
    .foresees = 1,
    .make = belady_make,
    .drop = belady_drop,
    .access = belady_access,
};
