/* test_scale.c - zoom and pan stay within the run, ticks are round and few, numbers read well. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ui/scale.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

Test(scale, zoom_and_pan_by_hand)
{
    struct range r = range_zoom((struct range){0, 1000}, 1, 2, 500, 1, 1000);
    cr_expect(r.from == 250 && r.to == 750);
    r = range_zoom(r, 1, 2, 250, 1, 1000); /* the left end stays */
    cr_expect(r.from == 250 && r.to == 500);
    r = range_pan(r, -1, 5, 1000);
    cr_expect(r.from == 200 && r.to == 450);
    r = range_pan(r, -5, 1, 1000); /* not before the start */
    cr_expect(r.from == 0 && r.to == 250);
    r = range_pan(r, 9, 1, 1000); /* not past the end */
    cr_expect(r.from == 750 && r.to == 1000);
    r = range_zoom(r, 100, 1, 800, 1, 1000);
    cr_expect(r.from == 0 && r.to == 1000);
    r = range_zoom(r, 1, 1000, 400, 50, 1000); /* not shorter than told */
    cr_expect_eq(r.to - r.from, 50);
    r = range_zoom((struct range){0, 0}, 1, 2, 0, 1, 0); /* an empty run */
    cr_expect(r.from == 0 && r.to == 0);
    r = range_pan(r, 1, 2, 0);
    cr_expect(r.from == 0 && r.to == 0);
}

Test(scale, zoom_and_pan_stay_inside)
{
    uint64_t seed = 1;
    static const uint64_t ends[] = {1, 3, 1000, UINT64_C(1000000000000), UINT64_MAX};
    for (size_t e = 0; e < COUNT(ends); e++) {
        uint64_t end = ends[e];
        struct range r = {0, end};
        for (int i = 0; i < 2000; i++) {
            uint64_t v = next_random(&seed);
            if (v % 3 == 0)
                r = range_pan(r, (int)(v % 17) - 8, 4, end);
            else
                r = range_zoom(r, v % 3 == 1 ? 2 : 3, v % 3 == 1 ? 3 : 2, next_random(&seed) % end,
                               1, end);
            cr_assert(r.from < r.to && r.to <= end, "%" PRIu64 " to %" PRIu64 " of %" PRIu64,
                      r.from, r.to, end);
        }
    }
}

static int is_round(uint64_t step)
{
    while (step % 10 == 0)
        step /= 10;
    return step == 1 || step == 2 || step == 5;
}

Test(scale, time_ticks)
{
    static const struct {
        struct range r;
        unsigned most;
        uint64_t step;
        const char *unit, *at, *text;
        uint64_t tick;
    } cases[] = {
        {{0, 2300000000}, 5, 500000000, "ms", "", "0.5", 500000000},
        {{0, 2300000000}, 5, 500000000, "ms", "", "0.0", 0},
        {{0, UINT64_C(272727000000)}, 8, UINT64_C(50000000000), "ms", "", "250", 250000000000},
        {{0, UINT64_C(4090000000000)}, 8, UINT64_C(1000000000000), "s", "", "4", 4000000000000},
        {{UINT64_C(9123400000), UINT64_C(9123500000)}, 5, 20000, "µs", "", "9,123.42", 9123420000},
        {{0, 7}, 10, 1, "ps", "", "7", 7},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct time_ticks t = time_ticks(cases[i].r, cases[i].most);
        char text[SCALE_TEXT];
        time_tick_text(text, &t, cases[i].tick);
        cr_expect_eq(t.step, cases[i].step, "case %zu: step %" PRIu64, i, t.step);
        cr_expect_str_eq(t.unit_name, cases[i].unit, "case %zu: %s", i, t.unit_name);
        cr_expect_str_eq(text, cases[i].text, "case %zu: %s", i, text);
    }
    uint64_t seed = 7;
    for (int i = 0; i < 5000; i++) {
        uint64_t end = next_random(&seed) >> (next_random(&seed) % 40), from = end / 3;
        unsigned most = 1 + (unsigned)(next_random(&seed) % 12);
        struct time_ticks t = time_ticks((struct range){from, end + 1}, most);
        cr_assert(is_round(t.step) && (end + 1 - from + t.step - 1) / t.step <= most);
        /* Decimals say all of a tick: the unit divides into steps of the last digit. */
        cr_assert_eq(t.step * (t.decimals == 2 ? 100 : t.decimals == 1 ? 10 : 1) % t.unit, 0);
    }
    struct time_ticks t = time_ticks((struct range){0, UINT64_MAX}, 1);
    cr_expect_geq(t.step,
                  UINT64_C(5000000000000000000)); /* the largest step, and no endless loop */
}

Test(scale, value_ticks)
{
    static const struct {
        double max;
        unsigned most;
        double step, top;
        const char *last;
    } cases[] = {
        {6.4, 10, 1, 7, "7"},
        {6.4, 4, 2, 8, "8"},
        {0.037, 5, 0.01, 0.04, "0.04"},
        {100, 5, 20, 100, "100"},
        {0, 10, 0.1, 1, "1.0"},
        {2.5, 5, 0.5, 2.5, "2.5"},
        {847000, 5, 200000, 1e6, "1000000"},
        {-1, 1, 1, 1, "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct value_ticks t = value_ticks(cases[i].max, cases[i].most);
        char text[SCALE_TEXT];
        unsigned n = value_tick_count(&t);
        value_tick_text(text, &t, n - 1);
        cr_expect_float_eq(t.step, cases[i].step, cases[i].step * 1e-9, "case %zu", i);
        cr_expect_float_eq(t.top, cases[i].top, cases[i].top * 1e-9, "case %zu: %g", i, t.top);
        cr_expect_str_eq(text, cases[i].last, "case %zu: %s", i, text);
        cr_expect_float_eq(value_place(&t, cases[i].top / 4), 0.25, 1e-9);
        cr_expect_eq(value_place(&t, 2 * cases[i].top), 1);
        cr_expect_eq(value_place(&t, -1), 0);
    }
    for (double max = 1e-9; max < 1e18; max *= 1.37) {
        for (unsigned most = 1; most < 12; most++) {
            struct value_ticks t = value_ticks(max, most);
            cr_assert(t.top >= max * (1 - 1e-8) && value_tick_count(&t) <= most + 1, "%g in %u",
                      max, most);
        }
    }
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(odd); i++)
        cr_expect_eq(value_ticks(odd[i], 5).top, 1);
}

Test(scale, decades)
{
    struct value_ticks t = value_decades(0.01, 100);
    static const char *const texts[] = {"0.01", "0.1", "1", "10", "100"};
    cr_assert_eq(value_tick_count(&t), COUNT(texts));
    for (unsigned i = 0; i < COUNT(texts); i++) {
        char text[SCALE_TEXT];
        value_tick_text(text, &t, i);
        cr_expect_str_eq(text, texts[i]);
        cr_expect_float_eq(value_place(&t, value_tick(&t, i)), i / 4.0, 1e-9);
    }
    cr_expect_eq(value_place(&t, 0), 0);
    cr_expect_eq(value_place(&t, 0.001), 0);
}

Test(scale, texts)
{
    char text[SCALE_TEXT];
    static const struct {
        uint64_t n;
        const char *count, *time, *fine;
    } cases[] = {
        {0, "0", "0 ps", "0 ps"},
        {999, "999", "999 ps", "999 ps"},
        {1234, "1,234", "1.234 ns", "1.234 ns"},
        {1234567, "1,234,567", "1.234 µs", "1.234567 µs"},
        {75454545454, "75,454,545,454", "75.454 ms", "75.454545 ms"},
        {UINT64_C(12345678901234), "12,345.678 G", "12.345 s", "12.345678 s"},
        {UINT64_MAX, "18,446,744,073.709 G", "18,446,744.073 s", "18,446,744.073709 s"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        text_count(text, cases[i].n);
        cr_expect_str_eq(text, cases[i].count);
        text_time(text, cases[i].n, 3);
        cr_expect_str_eq(text, cases[i].time);
        text_time(text, cases[i].n, 6);
        cr_expect_str_eq(text, cases[i].fine);
    }
    static const struct {
        double v;
        const char *ratio, *percent;
    } ratios[] = {
        {0, "0.0000", "0.0%"},     {0.00001, "<0.0001", "<0.1%"}, {0.0312, "0.0312", "3.1%"},
        {1.25, "1.250", "125.0%"}, {12.348, "12.35", "1234.8%"},  {1, "1.000", "100.0%"},
        {847.66, "847.7", NULL},   {123456.4, "123456", NULL},    {1e300, "1.000e+300", NULL},
    };
    for (size_t i = 0; i < COUNT(ratios); i++) {
        text_ratio(text, ratios[i].v);
        cr_expect_str_eq(text, ratios[i].ratio, "%s", text);
        if (!ratios[i].percent)
            continue;
        text_percent(text, ratios[i].v);
        cr_expect_str_eq(text, ratios[i].percent, "%s", text);
    }
}
