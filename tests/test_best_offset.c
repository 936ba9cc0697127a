/* test_best_offset.c - the best-offset prefetcher against a plain one, access by access. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "memhier/prefetcher.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* ---- Michaud's rules as he states them: lists, and no counters that wrap ---- */

enum { OFFSETS = 52, RECENT = 256, WAITING = 64, BEST_SCORE = 31, ROUNDS = 100 };

struct plain {
    uint64_t offsets[OFFSETS], scores[OFFSETS];
    uint64_t recent[RECENT]; /* what of a line is kept, and 1 */
    uint64_t waiting[WAITING];
    ps_t ready[WAITING];
    uint32_t nwaiting, tests; /* tests: in this phase */
    uint64_t offset;
    int on;
};

static void plain_make(struct plain *p)
{
    uint32_t n = 0;
    *p = (struct plain){.offset = 1, .on = 1};
    for (uint64_t d = 1; d <= 256; d++) {
        uint64_t left = d;
        while (left % 2 == 0 || left % 3 == 0 || left % 5 == 0)
            left /= left % 2 == 0 ? 2 : left % 3 == 0 ? 3 : 5;
        if (left == 1)
            p->offsets[n++] = d;
    }
    cr_assert_eq(n, OFFSETS);
}

static uint64_t kept(uint64_t line)
{
    return (line / 256 % 4096) + 1;
}

static uint64_t *place(struct plain *p, uint64_t line)
{
    return &p->recent[(line ^ line / 256) % RECENT];
}

static void plain_arrive(struct plain *p)
{
    *place(p, p->waiting[0]) = kept(p->waiting[0]);
    p->nwaiting--;
    memmove(p->waiting, p->waiting + 1, p->nwaiting * sizeof p->waiting[0]);
    memmove(p->ready, p->ready + 1, p->nwaiting * sizeof p->ready[0]);
}

static void plain_fill(struct plain *p, uint64_t line, int prefetched, ps_t ready)
{
    if (p->on && !prefetched) /* what was asked for counts only while nothing is fetched ahead */
        return;
    if (p->nwaiting == WAITING)
        plain_arrive(p);
    p->ready[p->nwaiting] = ready;
    p->waiting[p->nwaiting++] = line - (p->on ? p->offset : 0);
}

static void plain_learn(struct plain *p, uint64_t line)
{
    const uint32_t i = p->tests++ % OFFSETS;
    const uint64_t base = line - p->offsets[i];
    p->scores[i] += *place(p, base) == kept(base);
    if (p->scores[i] < BEST_SCORE && p->tests < ROUNDS * OFFSETS)
        return;
    uint64_t best = 0;
    for (uint32_t k = OFFSETS; k-- > 0;) /* of equals the least */
        if (p->scores[k] >= best) {
            best = p->scores[k];
            p->offset = p->offsets[k];
        }
    p->on = best > 1;
    p->tests = 0;
    memset(p->scores, 0, sizeof p->scores);
}

static uint32_t plain_access(struct plain *p, const struct prefetch_access *a, uint32_t degree,
                             uint64_t *out)
{
    while (p->nwaiting && p->ready[0] <= a->at)
        plain_arrive(p);
    if (a->hit && !a->first_use)
        return 0;
    plain_learn(p, a->line);
    for (uint32_t i = 0; p->on && i < degree; i++)
        out[i] = a->line + p->offset * (i + 1);
    return p->on ? degree : 0;
}

/* ---- both, on strides that change, noise, and times that meet ---- */

struct walk {
    uint64_t line, stride;
    int noise; /* in 8 */
};

static struct prefetch_access next_access(struct walk *w, uint64_t *rng, ps_t at)
{
    if (draw(rng) % 9000 == 0)
        *w = (struct walk){draw(rng), draw(rng) % 3 ? 1 + draw(rng) % 60 : 0, (int)(draw(rng) % 9)};
    w->line += w->stride;
    const int away = (int)(draw(rng) % 8) < w->noise, hit = draw(rng) % 4 == 0;
    return (struct prefetch_access){.line = away ? draw(rng) : w->line,
                                    .at = at,
                                    .hit = (uint8_t)hit,
                                    .first_use = (uint8_t)(hit && draw(rng) % 2)};
}

Test(best_offset, does_as_a_plain_one_does)
{
    for (uint32_t degree = 1; degree <= 3; degree += 2) {
        const struct prefetcher_config cfg = {.degree = degree};
        const struct prefetcher_ops *ops = prefetcher_find("best-offset");
        char err[100];
        void *state = ops->make(&cfg, err, sizeof err);
        struct plain plain;
        struct walk w = {.line = 1 << 20, .stride = 3};
        uint64_t rng = degree, offs = 0, changes = 0, offset = 1;
        cr_assert_not_null(state);
        plain_make(&plain);
        for (uint32_t i = 0; i < 400000; i++) {
            uint64_t out[PREFETCH_MOST], want[PREFETCH_MOST];
            const struct prefetch_access a = next_access(&w, &rng, i * UINT64_C(10));
            const uint32_t n = ops->access(state, &a, out);
            cr_assert_eq(n, plain_access(&plain, &a, degree, want), "access %u", i);
            cr_assert_eq(memcmp(out, want, n * sizeof *out), 0, "access %u", i);
            for (uint32_t k = 0; k <= n; k++) { /* some are there already, or are never fetched */
                const ps_t ready = a.at + draw(&rng) % 80 * 10;
                if (draw(&rng) % 4 == 0)
                    continue;
                ops->fill(state, k ? out[k - 1] : a.line, k > 0, ready);
                plain_fill(&plain, k ? want[k - 1] : a.line, k > 0, ready);
            }
            offs += !plain.on;
            changes += plain.offset != offset;
            offset = plain.offset;
        }
        cr_assert(offs > 10000 && changes > 30, "off %lu times, %lu offsets", (unsigned long)offs,
                  (unsigned long)changes);
        ops->drop(state);
    }
}
