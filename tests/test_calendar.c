/* test_calendar.c - reservations against a bitmap of time. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "memhier/calendar.h"

#define HORIZON 8192u

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The first stretch of `duration` free instants (0: one) at or after `at`, looked for one by one.
 */
static ps_t first_free(const unsigned char *busy, ps_t at, ps_t duration)
{
    ps_t run = 0, need = duration ? duration : 1;
    for (ps_t t = at; t < HORIZON; t++) {
        run = busy[t] ? 0 : run + 1;
        if (run == need)
            return t + 1 - need;
    }
    return HORIZON;
}

static void book(unsigned char *busy, ps_t start, ps_t duration)
{
    for (ps_t t = start; t < start + duration; t++) {
        cr_assert(!busy[t], "instant %lu is given twice", (unsigned long)t);
        busy[t] = 1;
    }
}

Test(calendar, agrees_with_a_bitmap)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        unsigned char busy[HORIZON] = {0};
        struct calendar cal;
        uint64_t rng = seed * 0x9e3779b97f4a7c15u;
        ps_t now = 0;
        calendar_init(&cal);
        /* Odd seeds stay in a narrow window, so that gaps fill; even ones move on and forget. */
        for (int i = 0; i < 300 && now < HORIZON - 400; i++) {
            ps_t back = draw(&rng) % 200;
            ps_t at = now > back ? now - back : 0;
            ps_t duration = draw(&rng) % 12;
            ps_t when = calendar_when(&cal, at, duration);
            ps_t start = calendar_reserve(&cal, at, duration);
            memset(busy, 1, cal.floor);
            cr_assert_eq(start, first_free(busy, at, duration), "seed %lu step %d",
                         (unsigned long)seed, i);
            /* What was free before a reservation forgot something may be gone after it. */
            cr_assert_leq(when, start);
            book(busy, start, duration);
            now += seed & 1 ? draw(&rng) % 4 : draw(&rng) % 40;
        }
    }
}

Test(calendar, the_past_does_not_wait_for_the_future)
{
    struct calendar cal = {0};
    cr_assert_eq(calendar_reserve(&cal, 1000, 50), 1000);
    cr_assert_eq(calendar_reserve(&cal, 100, 50), 100);
    cr_assert_eq(calendar_reserve(&cal, 120, 50), 150);  /* joins its left neighbour */
    cr_assert_eq(calendar_reserve(&cal, 960, 40), 960);  /* joins its right neighbour */
    cr_assert_eq(calendar_reserve(&cal, 950, 50), 1050); /* 950 to 960 is too short */
    cr_assert_eq(calendar_reserve(&cal, 950, 10), 950);
    cr_assert_eq(calendar_end(&cal), 1100);
    cr_assert_eq(calendar_when(&cal, 0, 100), 0);
    cr_assert_eq(calendar_when(&cal, 0, 101), 200);
    cr_assert_eq(calendar_reserve(&cal, 200, 750), 200); /* fills the gap exactly */
    cr_assert_eq(cal.count, 1);
    cr_assert_eq(calendar_when(&cal, 300, 0), 1100);
    cr_assert_eq(calendar_when(&cal, 99, 0), 99);
}

Test(calendar, forgets_the_oldest_only)
{
    struct calendar cal = {0};
    for (ps_t i = 0; i < CALENDAR_SLOTS; i++)
        calendar_reserve(&cal, 100 + 10 * i, 5);
    cr_assert_eq(cal.floor, 0);
    cr_assert_eq(calendar_when(&cal, 0, 100), 0);
    calendar_reserve(&cal, 1000, 5);
    cr_assert_eq(cal.floor, 105);
    cr_assert_eq(calendar_when(&cal, 0, 5), 105);
    cr_assert_eq(calendar_when(&cal, 0, 6), 255);
}
