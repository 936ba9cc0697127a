/* test_quantity.c - sizes, times and frequencies as text. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "sim/quantity.h"

static void parses(enum quantity kind, const char *text, uint64_t expected)
{
    uint64_t v = 12345;
    char err[200] = "";
    cr_assert_eq(quantity_parse(kind, text, &v, err, sizeof err), 0, "%s: %s", text, err);
    cr_assert_eq(v, expected, "%s: %" PRIu64, text, v);
}

Test(quantity, exact_values)
{
    parses(QUANTITY_BYTES, "0", 0);
    parses(QUANTITY_BYTES, "64 B", 64);
    parses(QUANTITY_BYTES, "32 KiB", 32768);
    parses(QUANTITY_BYTES, "32KiB", 32768);
    parses(QUANTITY_BYTES, "1.5 MiB", 1572864);
    parses(QUANTITY_BYTES, "4 GiB", UINT64_C(4294967296));
    parses(QUANTITY_BYTES, "16777215 TiB", UINT64_C(18446742974197923840));
    parses(QUANTITY_BYTES, "0.0009765625 KiB", 1);
    parses(QUANTITY_TIME, "305 ns", 305000);
    parses(QUANTITY_TIME, "13.75 ns", 13750);
    parses(QUANTITY_TIME, "1 ps", 1);
    parses(QUANTITY_TIME, "2 us", 2000000);
    parses(QUANTITY_TIME, "2 \xc2\xb5s", 2000000);
    parses(QUANTITY_TIME, "1.000000000001 s", UINT64_C(1000000000001));
    parses(QUANTITY_FREQUENCY, "3.6 GHz", UINT64_C(3600000000));
    parses(QUANTITY_FREQUENCY, "2200 MHz", UINT64_C(2200000000));
    parses(QUANTITY_FREQUENCY, "1 Hz", 1);
}

Test(quantity, refusals)
{
    static const struct {
        enum quantity kind;
        const char *text, *said;
    } cases[] = {
        {QUANTITY_BYTES, "", "expected a number and a unit"},
        {QUANTITY_BYTES, "KiB", "expected a number and a unit"},
        {QUANTITY_BYTES, "-1 KiB", "expected a number and a unit"},
        {QUANTITY_BYTES, "1. KiB", "expected a number and a unit"},
        {QUANTITY_BYTES, "32", "needs a unit"},
        {QUANTITY_BYTES, "0 ", "needs a unit"},
        {QUANTITY_BYTES, "32 MB", "write MiB"},
        {QUANTITY_BYTES, "32 kB", "write KiB"},
        {QUANTITY_BYTES, "32  KiB", "no unit of size"},
        {QUANTITY_BYTES, "32 KiB ", "no unit of size"},
        {QUANTITY_BYTES, "32 ns", "no unit of size"},
        {QUANTITY_BYTES, "0.3 KiB", "whole number of bytes"},
        {QUANTITY_BYTES, "16777216 TiB", "too large"},
        {QUANTITY_BYTES, "99999999999999999999999999999 TiB", "too many digits"},
        {QUANTITY_BYTES, "1000000000000000000000000000000000000000 B", "expected a number"},
        {QUANTITY_TIME, "0.5 ps", "whole number of picoseconds"},
        {QUANTITY_TIME, "1 GHz", "no unit of time"},
        {QUANTITY_TIME, "1..5 ns", "expected a number"},
        {QUANTITY_FREQUENCY, "3.6 ghz", "no unit of frequency"},
        {QUANTITY_FREQUENCY, "3.6e9 Hz", "no unit of frequency"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 7;
        char err[200] = "";
        cr_expect_eq(quantity_parse(cases[i].kind, cases[i].text, &v, err, sizeof err), -1, "%s",
                     cases[i].text);
        cr_expect(strstr(err, cases[i].said) != NULL, "%s: %s", cases[i].text, err);
        cr_expect_eq(v, 7, "%s changed the result", cases[i].text);
    }
}

Test(quantity, canonical_text)
{
    static const struct {
        enum quantity kind;
        uint64_t value;
        const char *text;
    } cases[] = {
        {QUANTITY_BYTES, 0, "0 B"},
        {QUANTITY_BYTES, 32768, "32 KiB"},
        {QUANTITY_BYTES, 1572864, "1536 KiB"},
        {QUANTITY_BYTES, UINT64_C(1) << 40, "1 TiB"},
        {QUANTITY_BYTES, 1025, "1025 B"},
        {QUANTITY_TIME, 0, "0 ps"},
        {QUANTITY_TIME, 13750, "13.75 ns"},
        {QUANTITY_TIME, 305000, "305 ns"},
        {QUANTITY_TIME, 1000001, "1000.001 ns"},
        {QUANTITY_TIME, 750, "750 ps"},
        {QUANTITY_FREQUENCY, UINT64_C(2200000000), "2.2 GHz"},
        {QUANTITY_FREQUENCY, UINT64_C(2133333333), "2133333.333 kHz"},
    };
    char buf[QUANTITY_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_str_eq(quantity_format(cases[i].kind, cases[i].value, buf), cases[i].text);
    }
    cr_expect_str_eq(quantity_group(0, buf), "0");
    cr_expect_str_eq(quantity_group(999, buf), "999");
    cr_expect_str_eq(quantity_group(1000, buf), "1,000");
    cr_expect_str_eq(quantity_group(UINT64_MAX, buf), "18,446,744,073,709,551,615");
}

Test(quantity, format_then_parse)
{
    uint64_t x = 88172645463325252u; /* xorshift */
    for (int i = 0; i < 200000; i++) {
        char buf[QUANTITY_TEXT], err[200];
        uint64_t back = 0, v;
        enum quantity kind = (enum quantity)(i % 3);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        v = x >> (x % 64);
        v = i % 5 == 0 ? v / 1000 * 1000 : i % 7 == 0 ? v & ~UINT64_C(1023) : v;
        quantity_format(kind, v, buf);
        cr_assert_eq(quantity_parse(kind, buf, &back, err, sizeof err), 0, "%s: %s", buf, err);
        cr_assert_eq(back, v, "%s: %" PRIu64 " is not %" PRIu64, buf, back, v);
    }
}
