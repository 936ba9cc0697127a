/* test_mshr.c - misses under way: against a list of all of them. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "memhier/mshr.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

#define MISSES 1000

/* The first instant from `at` on at which fewer than `limit` of the n holds are open. */
static ps_t when(const struct mshr_hold *all, int n, uint32_t limit, ps_t at)
{
    for (ps_t t = at;; t++) {
        uint32_t open = 0;
        for (int i = 0; i < n; i++)
            open += all[i].start <= t && t < all[i].end;
        if (open < limit)
            return t;
    }
}

/* Times ascend, with steps back of less than `back`. */
static void against_a_list(uint32_t limit, ps_t back, ps_t longest)
{
    static struct mshr_hold all[MISSES];
    struct mshr_file f;
    uint64_t rng = limit + back;
    ps_t now = back;
    cr_assert_eq(mshr_init(&f, limit), 0);
    for (int n = 0; n < MISSES; n++) {
        now += draw(&rng) % (2 * longest / limit + 2);
        const ps_t at = now - (back ? draw(&rng) % back : 0);
        const ps_t start = mshr_when(&f, at), end = start + 1 + draw(&rng) % longest;
        const int from = n > 400 ? n - 400 : 0;
        cr_assert_eq(start, when(all + from, n - from, limit, at), "limit %u, miss %d", limit, n);
        mshr_hold(&f, at, start, end);
        all[n] = (struct mshr_hold){start, end};
    }
    mshr_drop(&f);
}

Test(mshr, misses_in_order_start_when_a_register_is_free)
{
    for (uint32_t limit = 1; limit <= 16; limit = limit * 2 + 1)
        against_a_list(limit, 0, 50);
}

/* Each search goes on from where the one before ended, if that is still right: against one from the
 * beginning, in bursts and with steps back. */
static void against_a_search(uint32_t limit, ps_t back, uint64_t burst)
{
    struct mshr_file f;
    uint64_t rng = limit + back + burst;
    ps_t now = back, at = 0;
    cr_assert_eq(mshr_init(&f, limit), 0);
    for (int n = 0; n < MISSES; n++) {
        if (draw(&rng) % burst == 0) {
            now += draw(&rng) % (burst * 100 / limit + 2);
            at = now - draw(&rng) % back;
        }
        const ps_t start = mshr_when(&f, at), first = at > f.floor ? at : f.floor;
        cr_assert_eq(start, when(f.holds, (int)f.size, limit, first),
                     "limit %u, back %lu, burst %lu, miss %d", limit, (unsigned long)back,
                     (unsigned long)burst, n);
        mshr_hold(&f, at, start, start + 1 + draw(&rng) % 50);
    }
    mshr_drop(&f);
}

Test(mshr, a_search_may_go_on_where_one_ended)
{
    for (uint32_t limit = 1; limit <= 16; limit = limit * 2 + 1)
        for (uint64_t burst = 1; burst <= 64; burst *= 4) {
            against_a_search(limit, 1, burst);
            against_a_search(limit, 20, burst);
            against_a_search(limit, 300, burst);
        }
}

Test(mshr, one_from_the_past_does_not_wait_for_the_future)
{
    struct mshr_file f;
    cr_assert_eq(mshr_init(&f, 2), 0);
    mshr_hold(&f, 1000, 1000, 1100);
    mshr_hold(&f, 1000, 1000, 1200);
    cr_assert_eq(mshr_when(&f, 1050), 1100);
    cr_assert_eq(mshr_when(&f, 100), 100);
    mshr_hold(&f, 100, 100, 150);
    mshr_hold(&f, 100, 100, 160);
    cr_assert_eq(mshr_when(&f, 120), 150);
    cr_assert_eq(mshr_when(&f, 155), 155);
    mshr_drop(&f);
}

Test(mshr, any_number_at_once_go_in_turns)
{
    struct mshr_file f;
    cr_assert_eq(mshr_init(&f, 4), 0);
    for (ps_t i = 0; i < 100; i++) {
        const ps_t start = mshr_when(&f, 0);
        cr_assert_eq(start, i / 4 * 70);
        mshr_hold(&f, 0, start, start + 70);
    }
    mshr_drop(&f);
    cr_assert_eq(mshr_init(&f, 0), 0);
    for (ps_t i = 0; i < 100; i++) {
        cr_assert_eq(mshr_when(&f, i), i);
        mshr_hold(&f, i, i, 1000);
    }
    mshr_drop(&f);
}
