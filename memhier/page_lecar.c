/* page_lecar.c - LeCaR (Vietri et al., HotStorage 2018): LRU and LFU as two experts.
 *
 * A victim is that of LRU with the probability of its weight, else that of LFU (of equally often
 * used pages the least recently used). It goes to its expert's history, of half the capacity, with
 * its count; if both experts name the same page nobody is to blame, and it goes to none (as in the
 * authors' code), and nothing is drawn. A miss on a page that left t requests ago into a history
 * multiplies that expert's weight by e^(-0.45 r), r = 0.005^(t / capacity), and both are divided by
 * their sum and held within 0.01 to 0.99. Its count goes on from what it was, this use included.
 * Weights are fixed-point numbers of 32 binary places, at first one half each.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memhier/page_fixed.h"
#include "memhier/page_freq.h"
#include "memhier/page_policy.h"

enum { CONTENT, OF_LRU, OF_LFU, LISTS };

#define RATE     UINT64_C(2788347608)  /* 0.45 / ln 2, 32 binary places */
#define DISCOUNT UINT64_C(32830112350) /* -log2 0.005 */

struct lecar {
    struct page_pool pool;
    struct page_freq freq;
    struct page_list list[LISTS];
    uint32_t capacity, history;
    uint64_t lru; /* LRU's weight */
    uint64_t now, random;
};

static void lecar_drop(void *state)
{
    struct lecar *s = state;
    if (s) {
        page_pool_free(&s->pool);
        page_freq_free(&s->freq);
    }
    free(s);
}

static void *lecar_make(const struct page_config *cfg, char *err, size_t errlen)
{
    struct lecar *s = calloc(1, sizeof *s);
    if (!s || page_pool_init(&s->pool, LISTS) || page_freq_init(&s->freq)) {
        lecar_drop(s);
        snprintf(err, errlen, "out of memory for a page policy");
        return NULL;
    }
    for (uint32_t i = 0; i < LISTS; i++)
        s->list[i].end = i + 1;
    s->capacity = cfg->capacity;
    s->history = cfg->capacity / 2;
    s->lru = FIXED_ONE / 2;
    s->random = cfg->seed;
    return s;
}

/* A page left on an expert's word and was wanted after all. */
static void lecar_learn(struct lecar *s, uint32_t x)
{
    const uint64_t limit = 8 * (uint64_t)s->capacity, t = s->now - s->pool.node[x].time;
    const uint64_t r = t < limit ? fixed_exp2_neg(t * DISCOUNT / s->capacity) : 0;
    const uint64_t factor = fixed_exp2_neg(r * RATE >> 32);
    if (s->pool.node[x].list == OF_LRU)
        s->lru = fixed_punish(s->lru, factor);
    else
        s->lru = FIXED_ONE - fixed_punish(FIXED_ONE - s->lru, factor);
}

static uint64_t lecar_evict(struct lecar *s)
{
    const uint32_t lru = page_oldest(&s->pool, &s->list[CONTENT]);
    const uint32_t lfu = s->freq.oldest[page_bits_least(&s->freq.used)];
    const int blame_lru = lru != lfu && page_draw(&s->random) >> 32 < s->lru;
    const unsigned to = blame_lru ? OF_LRU : OF_LFU;
    const uint32_t x = blame_lru ? lru : lfu;
    const uint64_t page = s->pool.node[x].page;
    page_take(&s->pool, &s->list[CONTENT], x);
    page_freq_take(&s->freq, &s->pool, x);
    if (lru == lfu) {
        page_drop(&s->pool, x);
        return page;
    }
    s->pool.node[x].list = (uint8_t)to;
    s->pool.node[x].time = s->now;
    page_push(&s->pool, &s->list[to], x);
    if (s->list[to].n > s->history)
        page_expel(&s->pool, &s->list[to]);
    return page;
}

static enum page_result lecar_access(void *state, uint64_t page, uint64_t *victim)
{
    struct lecar *s = state;
    uint32_t x = page_find(&s->pool, page);
    s->now++;
    if (x && s->pool.node[x].list == CONTENT) {
        page_renew(&s->pool, &s->list[CONTENT], x);
        page_freq_take(&s->freq, &s->pool, x);
        page_freq_use(&s->freq, &s->pool, x);
        return PAGE_HIT;
    }
    if (x) {
        lecar_learn(s, x);
        page_take(&s->pool, &s->list[s->pool.node[x].list], x);
    } else if (!(x = page_add(&s->pool, page))) {
        return PAGE_FAILED;
    }
    const int full = s->list[CONTENT].n == s->capacity;
    if (full)
        *victim = lecar_evict(s);
    s->pool.node[x].list = CONTENT;
    page_push(&s->pool, &s->list[CONTENT], x);
    page_freq_use(&s->freq, &s->pool, x);
    return full ? PAGE_EVICTED : PAGE_MISS;
}

const struct page_policy page_lecar = {
    .name = "lecar",
    .meaning = "LeCaR: LRU or LFU, drawn by weights that are learned",
    .make = lecar_make,
    .drop = lecar_drop,
    .access = lecar_access,
};
