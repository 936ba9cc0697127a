/* page_cacheus.c - CACHEUS (Rodriguez et al., FAST 2021): the experts SR-LRU and CR-LFU, and a
 * learning rate that adapts itself.
 *
 * SR-LRU keeps reused pages in S and the others in Q, both LRU lists; S + Q = capacity N, Q at
 * first 1 % of N (rounded, at least 1). A page enters S while Q is empty and S has not its share;
 * else Q. It is "new" if it entered Q when there was no room. A hit moves a page to S; S over its
 * share demotes its oldest to Q. A hit on a demoted page in Q lets S grow by new / demoted; a miss
 * on a new page in LRU's history lets Q grow by demoted / new (counts of pages so marked in that
 * history and in Q; at least 1; rounded to nearest, at least 1; neither share over N - 1). The page
 * is new no more, nor demoted. CR-LFU names the least often used page, of several the most recently
 * used. SR-LRU names the oldest of Q (Q empty, which needs N = 1: of S).
 *
 * A victim goes to the history, of N / 2 pages, of the expert that was drawn; to none when both
 * name the same, and then nothing is drawn. A miss on a page of a history multiplies that expert's
 * weight by e^-rate (page_fixed.h holds it within 0.01 to 0.99); the page enters S, and its count
 * goes on, this use included. (The authors' code loses that use, and demotes from S already when it
 * just has its share; the paper does neither.)
 *
 * The rate begins at sqrt(2 ln 2 / N). After every N requests, with the change of hits and that of
 * the rate from the window before to this one: both of one sign, rate + |rate * change|; of
 * opposite signs, minus. If one is 0: when hits fell or there were none at all, that is a bad
 * window; the tenth since the last such move resets the rate; else, if hits fell, it goes 25 % up
 * or down at random (from 1: to 0.9, from 0.001: to 0.005). It stays within 0.001 to 1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_fixed.h"
#include "memhier/page_freq.h"
#include "memhier/page_policy.h"

enum { S, Q, OF_LRU, OF_LFU, LISTS };

#define DEMOTED   1u /* node->mark */
#define NEW       2u
#define LOG2_E    UINT64_C(6196328019)          /* 32 binary places */
#define HALF_LN2  UINT64_C(6393154322601327830) /* 2 ln 2 / 4, 64 binary places */
#define LEAST     (FIXED_ONE / 1000)
#define BAD_LIMIT 10u

struct rate {
    uint64_t now, start;
    int64_t before;
    uint64_t hits, hits_before;
    uint32_t requests;
    unsigned bad;
};

struct cacheus {
    struct page_pool pool;
    struct page_freq freq;
    struct page_list list[LISTS];
    uint32_t n, history, s_limit;
    uint32_t demoted, fresh;
    uint64_t lru; /* SR-LRU's weight */
    uint64_t random;
    struct rate rate;
};

static void cacheus_drop(void *state)
{
    struct cacheus *s = state;
    if (s) {
        page_pool_free(&s->pool);
        page_freq_free(&s->freq);
    }
    free(s);
}

static uint64_t within(uint64_t rate)
{
    if (rate < LEAST)
        return LEAST;
    return rate > FIXED_ONE ? FIXED_ONE : rate;
}

static void *cacheus_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct cacheus *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, LISTS) || page_freq_init(&s->freq)) {
        cacheus_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < LISTS; i++)
        s->list[i].end = i + 1;
    s->n = cfg->capacity;
    s->history = s->n / 2;
    s->s_limit = s->n - ((s->n + 50) / 100 ? (s->n + 50) / 100 : 1);
    s->lru = FIXED_ONE / 2;
    s->random = cfg->seed;
    s->rate.start = s->rate.now = within(2 * fixed_sqrt(HALF_LN2 / s->n));
    return s;
}

/* ---- the learning rate ---- */

static void rate_wander(struct cacheus *s)
{
    struct rate *r = &s->rate;
    if (r->now >= FIXED_ONE)
        r->now = FIXED_ONE / 10 * 9;
    else if (r->now <= LEAST)
        r->now = 5 * LEAST;
    else if (page_draw(&s->random) >> 63)
        r->now = within(r->now / 4 * 5);
    else
        r->now = within(r->now / 4 * 3);
}

static void rate_bad(struct cacheus *s, int fell)
{
    struct rate *r = &s->rate;
    if (!fell && r->hits)
        return;
    if (++r->bad >= BAD_LIMIT) {
        r->bad = 0;
        r->now = r->start;
    } else if (fell) {
        rate_wander(s);
    }
}

static void rate_adapt(struct cacheus *s)
{
    struct rate *r = &s->rate;
    const uint64_t was = r->now;
    const int64_t change = (int64_t)was - r->before;
    const int up = (change > 0) - (change < 0);
    const int better = (r->hits > r->hits_before) - (r->hits < r->hits_before);
    const uint64_t size = (uint64_t)(change < 0 ? -change : change), step = was * (size >> 1) >> 31;
    const int agree = up * better;
    if (agree > 0)
        r->now = within(was + step);
    else if (agree < 0)
        r->now = within(was > step ? was - step : 0);
    else if (better <= 0)
        rate_bad(s, better < 0);
    if (agree != 0)
        r->bad = 0;
    r->before = (int64_t)was;
    r->hits_before = r->hits;
    r->hits = 0;
    r->requests = 0;
}

/* ---- the content ---- */

static void put(struct cacheus *s, uint32_t x, unsigned list)
{
    s->pool.node[x].list = (uint8_t)list;
    page_push(&s->pool, &s->list[list], x);
}

static void limit_s(struct cacheus *s)
{
    while (s->list[S].n > s->s_limit) {
        const uint32_t x = page_pop(&s->pool, &s->list[S]);
        s->pool.node[x].mark |= DEMOTED;
        s->demoted++;
        put(s, x, Q);
    }
}

/* a / b rounded to nearest, at least 1; b counts as at least 1. */
static uint32_t share(uint32_t a, uint32_t b)
{
    const uint64_t by = b ? b : 1, x = (2 * (uint64_t)a + by) / (2 * by);
    return x ? (uint32_t)x : 1;
}

static void grow_s(struct cacheus *s)
{
    const uint32_t limit = s->s_limit + share(s->fresh, s->demoted);
    s->s_limit = limit < s->n - 1 ? limit : s->n - 1;
}

static void grow_q(struct cacheus *s)
{
    const uint32_t limit = s->n - s->s_limit + share(s->demoted, s->fresh);
    s->s_limit = s->n - (limit < s->n - 1 ? limit : s->n - 1);
}

static void hit(struct cacheus *s, uint32_t x)
{
    struct page_node *node = &s->pool.node[x];
    page_freq_take(&s->freq, &s->pool, x);
    page_freq_use(&s->freq, &s->pool, x);
    page_take(&s->pool, &s->list[node->list], x);
    if (node->mark & DEMOTED) {
        grow_s(s);
        node->mark &= NEW;
        s->demoted--;
    }
    put(s, x, S);
    limit_s(s);
}

static void to_history(struct cacheus *s, uint32_t x, unsigned list)
{
    s->fresh += list == OF_LRU && (s->pool.node[x].mark & NEW);
    put(s, x, list);
    if (s->list[list].n <= s->history)
        return;
    const uint32_t old = page_pop(&s->pool, &s->list[list]);
    s->fresh -= list == OF_LRU && (s->pool.node[old].mark & NEW);
    page_drop(&s->pool, old);
}

static uint64_t evict(struct cacheus *s)
{
    const uint32_t lru = page_oldest(&s->pool, &s->list[s->list[Q].n ? Q : S]);
    const uint32_t lfu = s->freq.newest[page_bits_least(&s->freq.used)];
    const int is_lru = lru != lfu && page_draw(&s->random) >> 32 < s->lru;
    const uint32_t x = is_lru ? lru : lfu;
    struct page_node *node = &s->pool.node[x];
    const uint64_t page = node->page;
    page_take(&s->pool, &s->list[node->list], x);
    page_freq_take(&s->freq, &s->pool, x);
    s->demoted -= node->mark & DEMOTED;
    node->mark &= NEW;
    if (lru == lfu)
        page_drop(&s->pool, x);
    else
        to_history(s, x, is_lru ? OF_LRU : OF_LFU);
    return page;
}

/* A page of a history was wanted after all. */
static void learn(struct cacheus *s, uint32_t x)
{
    struct page_node *node = &s->pool.node[x];
    const uint64_t factor = fixed_exp2_neg((s->rate.now >> 1) * LOG2_E >> 31);
    page_take(&s->pool, &s->list[node->list], x);
    if (node->list == OF_LFU) {
        s->lru = FIXED_ONE - fixed_punish(FIXED_ONE - s->lru, factor);
    } else {
        s->lru = fixed_punish(s->lru, factor);
        if (node->mark & NEW) {
            s->fresh--;
            grow_q(s);
        }
    }
    node->mark = 0;
}

static enum page_result miss(struct cacheus *s, uint32_t x, int known, uint64_t *victim)
{
    const int full = s->list[S].n + s->list[Q].n == s->n;
    const int to_s = known || (!s->list[Q].n && s->list[S].n < s->s_limit);
    if (known)
        learn(s, x);
    if (full)
        *victim = evict(s);
    if (full && !known)
        s->pool.node[x].mark = NEW;
    put(s, x, to_s ? S : Q);
    page_freq_use(&s->freq, &s->pool, x);
    limit_s(s);
    return full ? PAGE_EVICTED : PAGE_MISS;
}

static enum page_result cacheus_access(void *state, uint64_t page, uint64_t *victim)
{
    struct cacheus *s = state;
    enum page_result result = PAGE_HIT;
    uint32_t x = page_find(&s->pool, page);
    const int known = x != 0;
    if (known && s->pool.node[x].list <= Q) {
        hit(s, x);
        s->rate.hits++;
    } else {
        x = known ? x : page_add(&s->pool, page);
        if (!x)
            return PAGE_FAILED;
        result = miss(s, x, known, victim);
    }
    if (++s->rate.requests == s->n)
        rate_adapt(s);
    return result;
}

const struct page_policy page_cacheus = {
    .name = "cacheus",
    .meaning = "CACHEUS: SR-LRU or CR-LFU, with a learning rate that adapts",
    .make = cacheus_make,
    .drop = cacheus_drop,
    .access = cacheus_access,
};
