/* page_2q.c - 2Q, full version (Johnson and Shasha, VLDB 1994): Kin 25 %, Kout 50 %.
 *
 * A new page enters the queue A1in, in which a hit changes nothing. From A1in pages go to the ghost
 * queue A1out; a miss on a page there enters Am, which is an LRU list. When room is needed, A1in
 * gives its oldest page if it holds more than Kin, else Am does, without a ghost. A ghost that is
 * asked for leaves A1out before room is made. Kin and Kout are at least 1; while Am is empty, A1in
 * gives the page whatever it holds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_policy.h"
#include "memhier/page_pool.h"

enum { A1IN, A1OUT, AM, QUEUES };

struct two_queues {
    struct page_pool pool;
    struct page_list list[QUEUES];
    uint32_t capacity, kin, kout;
};

static void two_drop(void *state)
{
    struct two_queues *s = state;
    if (s)
        page_pool_free(&s->pool);
    free(s);
}

static void *two_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct two_queues *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, QUEUES)) {
        two_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < QUEUES; i++)
        s->list[i].end = i + 1;
    s->capacity = cfg->capacity;
    s->kin = cfg->capacity > 4 ? cfg->capacity / 4 : 1;
    s->kout = cfg->capacity > 2 ? cfg->capacity / 2 : 1;
    return s;
}

static void two_put(struct two_queues *s, uint32_t x, unsigned queue)
{
    s->pool.node[x].list = (uint8_t)queue;
    page_push(&s->pool, &s->list[queue], x);
}

/* Room for one page: as reclaimfor of the paper. */
static enum page_result two_reclaim(struct two_queues *s, uint64_t *victim)
{
    if (s->list[A1IN].n + s->list[AM].n < s->capacity)
        return PAGE_MISS;
    if (s->list[A1IN].n > s->kin || !s->list[AM].n) {
        const uint32_t x = page_pop(&s->pool, &s->list[A1IN]);
        *victim = s->pool.node[x].page;
        two_put(s, x, A1OUT);
        if (s->list[A1OUT].n > s->kout)
            page_expel(&s->pool, &s->list[A1OUT]);
    } else {
        *victim = page_expel(&s->pool, &s->list[AM]);
    }
    return PAGE_EVICTED;
}

static enum page_result two_access(void *state, uint64_t page, uint64_t *victim)
{
    struct two_queues *s = state;
    uint32_t x = page_find(&s->pool, page);
    const unsigned from = x ? s->pool.node[x].list : QUEUES;
    if (from == AM)
        page_renew(&s->pool, &s->list[AM], x);
    if (from == AM || from == A1IN)
        return PAGE_HIT;
    if (from == A1OUT)
        page_take(&s->pool, &s->list[A1OUT], x);
    else
        x = page_add(&s->pool, page);
    if (!x)
        return PAGE_FAILED;
    const enum page_result result = two_reclaim(s, victim);
    two_put(s, x, from == A1OUT ? AM : A1IN);
    return result;
}

const struct page_policy page_2q = {
    .name = "2q",
    .meaning = "2Q, full version: Kin 25 %, Kout 50 %",
    .make = two_make,
    .drop = two_drop,
    .access = two_access,
};
