/* scale.c - which part of the run is seen, where ticks go on an axis, and numbers as text. */
#include "ui/scale.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef unsigned __int128 u128;

static const struct {
    uint64_t ps;
    const char *name;
} units[] = {
    {UINT64_C(1000000000000), "s"}, {1000000000, "ms"}, {1000000, "µs"}, {1000, "ns"}, {1, "ps"},
};
enum { UNITS = sizeof units / sizeof *units };

/* ---- range ---- */

static struct range range_at(u128 from, u128 length, uint64_t end)
{
    if (length > end)
        length = end;
    if (from > end - length)
        from = end - length;
    return (struct range){(uint64_t)from, (uint64_t)(from + length)};
}

struct range range_zoom(struct range r, unsigned num, unsigned den, uint64_t anchor, uint64_t least,
                        uint64_t end)
{
    uint64_t length = r.to - r.from;
    u128 longer = (u128)length * num / den;
    if (longer < least)
        longer = least;
    if (length == 0 || longer > end)
        return (struct range){0, end};
    if (anchor < r.from || anchor > r.to)
        anchor = r.from + length / 2;
    u128 before = (u128)(anchor - r.from) * longer / length;
    return range_at(before > anchor ? 0 : anchor - before, longer, end);
}

struct range range_pan(struct range r, int num, unsigned den, uint64_t end)
{
    uint64_t length = r.to - r.from;
    u128 by = (u128)length * (unsigned)(num < 0 ? -num : num) / den;
    if (num >= 0)
        return range_at(r.from + by, length, end);
    return range_at(by > r.from ? 0 : r.from - by, length, end);
}

/* ---- ticks ---- */

/* The smallest of 1, 2, 5, 10, 20 … that is at least v; the largest that fits, if none is. */
static uint64_t round_step(uint64_t v)
{
    static const uint64_t digits[] = {1, 2, 5};
    uint64_t ten = 1;
    for (;; ten *= 10) {
        for (size_t i = 0; i < 3; i++)
            if (ten * digits[i] >= v)
                return ten * digits[i];
        if (ten == UINT64_C(1000000000000000000))
            return ten * 5;
    }
}

struct time_ticks time_ticks(struct range r, unsigned most)
{
    assert(most >= 1);
    uint64_t length = r.to - r.from;
    uint64_t step = round_step(length / most + (length % most != 0));
    size_t u = 0;
    while (u + 1 < UNITS && (units[u].ps / 100 > step || units[u].ps > r.to))
        u++;
    struct time_ticks t = {step, units[u].ps, units[u].name, 0};
    for (uint64_t s = step; s % t.unit != 0 && t.decimals < 2; s *= 10)
        t.decimals++;
    return t;
}

void time_tick_text(char text[SCALE_TEXT], const struct time_ticks *t, uint64_t ps)
{
    text_count(text, ps / t->unit);
    if (t->decimals == 0)
        return;
    uint64_t fraction = ps % t->unit * (t->decimals == 1 ? 10 : 100) / t->unit;
    size_t n = strlen(text);
    snprintf(text + n, SCALE_TEXT - n, ".%0*" PRIu64, t->decimals, fraction);
}

struct value_ticks value_ticks(double max, unsigned most)
{
    assert(most >= 1);
    static const double digits[] = {1, 2, 5, 10};
    if (!(max > 0) || isinf(max))
        max = 1;
    double rough = max / most, ten = pow(10, floor(log10(rough)));
    struct value_ticks t = {.step = 10 * ten};
    for (size_t i = 0; i < 4; i++) {
        if (digits[i] * ten * most >= max * (1 - 1e-9)) {
            t.step = digits[i] * ten;
            break;
        }
    }
    t.top = ceil(max / t.step - 1e-9) * t.step;
    double exponent = floor(log10(t.step) + 1e-9);
    t.decimals = exponent < 0 ? (int)-exponent : 0;
    return t;
}

struct value_ticks value_decades(double bottom, double top)
{
    return (struct value_ticks){.bottom = bottom, .top = top};
}

unsigned value_tick_count(const struct value_ticks *t)
{
    if (t->bottom > 0)
        return (unsigned)(log10(t->top / t->bottom) + 1.5);
    return (unsigned)(t->top / t->step + 1.5);
}

double value_tick(const struct value_ticks *t, unsigned i)
{
    return t->bottom > 0 ? t->bottom * pow(10, i) : i * t->step;
}

double value_place(const struct value_ticks *t, double value)
{
    double place;
    if (t->bottom > 0)
        place = value > 0 ? log10(value / t->bottom) / log10(t->top / t->bottom) : 0;
    else
        place = value / t->top;
    return place > 1 ? 1 : place > 0 ? place : 0;
}

void value_tick_text(char text[SCALE_TEXT], const struct value_ticks *t, unsigned i)
{
    if (t->bottom > 0)
        snprintf(text, SCALE_TEXT, "%g", value_tick(t, i));
    else
        snprintf(text, SCALE_TEXT, "%.*f", t->decimals, value_tick(t, i));
}

/* ---- text ---- */

void text_count(char text[SCALE_TEXT], uint64_t n)
{
    if (n >= UINT64_C(1000000000000)) {
        text_count(text, n / 1000000000);
        size_t used = strlen(text);
        snprintf(text + used, SCALE_TEXT - used, ".%03" PRIu64 " G", n / 1000000 % 1000);
        return;
    }
    char plain[24];
    int len = snprintf(plain, sizeof plain, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *text++ = ',';
        *text++ = plain[i];
    }
    *text = 0;
}

void text_time(char text[SCALE_TEXT], uint64_t ps, int digits)
{
    size_t u = 0;
    while (u + 1 < UNITS && units[u].ps > ps)
        u++;
    text_count(text, ps / units[u].ps);
    size_t n = strlen(text);
    uint64_t thousandth = units[u].ps / 1000, rest = ps % units[u].ps;
    if (thousandth >= 1000 && digits > 3)
        n += (size_t)snprintf(text + n, SCALE_TEXT - n, ".%06" PRIu64, rest / (thousandth / 1000));
    else if (thousandth)
        n += (size_t)snprintf(text + n, SCALE_TEXT - n, ".%03" PRIu64, rest / thousandth);
    snprintf(text + n, SCALE_TEXT - n, " %s", units[u].name);
}

void text_ratio(char text[SCALE_TEXT], double v)
{
    if (v != 0 && v < 0.0001)
        snprintf(text, SCALE_TEXT, "<0.0001");
    else if (v >= 1e9)
        snprintf(text, SCALE_TEXT, "%.3e", v);
    else if (v >= 1000)
        snprintf(text, SCALE_TEXT, "%.0f", v);
    else
        snprintf(text, SCALE_TEXT, "%.*f", v < 1 ? 4 : v < 10 ? 3 : v < 100 ? 2 : 1, v);
}

void text_percent(char text[SCALE_TEXT], double share)
{
    if (share > 0 && share < 0.0005)
        snprintf(text, SCALE_TEXT, "<0.1%%");
    else
        snprintf(text, SCALE_TEXT, "%.1f%%", share * 100);
}
