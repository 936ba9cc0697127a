/* test_stats.c - counters by name, formulas over them, stats.json, and their series over time. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "sim/series.h"
#include "sim/stats.h"
#include "tests/scratch.h"

struct counters {
    uint64_t hits, misses, by_kind[3];
};

static const struct counter table[] = {
    {"hits", "lines", "found", offsetof(struct counters, hits)},
    {"misses", "lines", "not found", offsetof(struct counters, misses)},
    {"kind.load", "1", "loads", offsetof(struct counters, by_kind[0])},
    {"kind.store", "1", "stores", offsetof(struct counters, by_kind[1])},
    {"kind.other", "1", "others", offsetof(struct counters, by_kind[2])},
    {NULL, NULL, NULL, 0},
};

static struct stats *sample(struct counters *a, struct counters *b, uint64_t *cycles)
{
    struct stats *s = stats_new();
    stats_add_value(s, "cycles", "cycles", "time", cycles);
    stats_add(s, "hart0.l1d.", table, a);
    stats_add(s, "llc.", table, b);
    stats_add_ratio(s, "miss_rate", "1", "misses of accesses",
                    "hart0.l1d.misses / hart0.l1d.misses + hart0.l1d.hits", 4);
    stats_add_ratio(s, "nothing", "1", "has no value", "llc.hits / llc.misses", 2);
    return s;
}

Test(stats, names_and_values)
{
    struct counters a = {10, 20, {1, 2, 3}}, b = {0, 0, {0, 0, 7}};
    uint64_t cycles = 99, v = 0;
    struct stats *s = sample(&a, &b, &cycles);
    cr_assert_eq(stats_count(s), 11);
    cr_expect_str_eq(stats_name(s, 0), "cycles");
    cr_expect_str_eq(stats_name(s, 1), "hart0.l1d.hits");
    cr_expect_str_eq(stats_name(s, 10), "llc.kind.other");
    cr_expect_eq(stats_value(s, 10), 7);
    a.misses = 77; /* the component goes on counting */
    cr_expect(stats_lookup(s, "hart0.l1d.misses", &v) && v == 77);
    cr_expect_not(stats_lookup(s, "hart0.l1d", &v));
    cr_expect_not(stats_lookup(s, "miss_rate", &v));

    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    stats_list(s, f);
    fclose(f);
    cr_expect(strstr(text, "\nllc.misses            lines   not found\n") != NULL, "%s", text);
    cr_expect(strstr(text, "misses of accesses = hart0.l1d.misses / ") != NULL, "%s", text);
    free(text);
    stats_free(s);
}

Test(stats, a_second_name_is_our_mistake, .signal = SIGABRT)
{
    uint64_t v = 0;
    struct stats *s = stats_new();
    stats_add_value(s, "twice", "1", "", &v);
    stats_add_value(s, "twice", "1", "", &v);
}

Test(stats, formulas)
{
    struct counters a = {10, 20, {1, 2, 3}}, b = {UINT64_MAX, 1, {5, 6, 7}};
    uint64_t cycles = 1000;
    char err[300];
    struct ratio r;
    struct stats *s = sample(&a, &b, &cycles);
    static const struct {
        const char *text;
        uint64_t num, den;
    } good[] = {
        {"cycles", 1000, 1},
        {" hart0.l1d.hits+hart0.l1d.misses ", 30, 1},
        {"hart0.l1d.kind.*", 6, 1},
        {"hart0.l1d.*", 36, 1},
        {"3*cycles + 5 / 2 * hart0.l1d.hits", 3005, 20},
        {"1000 * llc.kind.* / cycles", 18000, 1000},
        {"llc.hits", UINT64_MAX, 1},
        {"cycles / 0", 1000, 0},
        {"hart0.l1d.kind.* - hart0.l1d.kind.load + 1", 6, 1},
        {"1 - cycles / cycles - 1", 0, 999},
        {"18446744073709551615", UINT64_MAX, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(stats_formula(s, good[i].text, &r, err, sizeof err), 0, "%s: %s", good[i].text,
                     err);
        cr_expect(r.num == good[i].num && r.den == good[i].den, "%s: %" PRIu64 " / %" PRIu64,
                  good[i].text, r.num, r.den);
    }
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "ends where a name"},
        {"cycles +", "ends where a name"},
        {"cycles / ", "ends where a name"},
        {"cycle", "no counter \"cycle\""},
        {"miss_rate", "no counter \"miss_rate\""},
        {"l3.*", "no counter begins with \"l3.\""},
        {"cycles cycles", "expected \"+\""},
        {"cycles / cycles / cycles", "expected \"+\""},
        {"- cycles", "expected the name"},
        {"(cycles)", "expected the name"},
        {"llc.hits + 1", "passes 2^64"},
        {"2 * llc.hits", "passes 2^64"},
        {"18446744073709551616", "too large"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err[0] = '\0';
        cr_expect_eq(stats_formula(s, bad[i].text, &r, err, sizeof err), -1, "%s", bad[i].text);
        cr_expect(strstr(err, bad[i].said) != NULL, "%s: %s", bad[i].text, err);
    }
    char longest[1000];
    for (size_t terms = 256; terms <= 257; terms++) {
        memset(longest, '1', sizeof longest);
        for (size_t i = 1; i < 2 * terms - 1; i += 2)
            longest[i] = '+';
        longest[2 * terms - 1] = '\0';
        cr_expect_eq(stats_formula(s, longest, &r, err, sizeof err), terms > 256 ? -1 : 0);
        cr_expect(terms > 256 ? strstr(err, "more than 256 terms") != NULL : r.num == 256, "%s",
                  err);
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    cr_expect_eq(stats_formula(s, longest, &r, err, sizeof err), -1);
    stats_free(s);
}

Test(stats, ratios_are_rounded_exactly)
{
    static const struct {
        struct ratio r;
        unsigned decimals;
        int64_t expected;
    } cases[] = {
        {{1, 3}, 4, 3333},
        {{2, 3}, 4, 6667},
        {{1, 2}, 0, 1},
        {{5, 1000}, 2, 1},
        {{4, 1000}, 2, 0},
        {{7, 1}, 6, 7000000},
        {{UINT64_MAX, 1}, 0, INT64_MAX},
        {{UINT64_MAX, UINT64_MAX}, 6, 1000000},
        {{1, 0}, 2, -1},
        {{0, 5}, 3, 0},
        {{UINT64_MAX, 2}, 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(ratio_fixed(cases[i].r, cases[i].decimals), cases[i].expected, "case %zu: %ld",
                     i, (long)ratio_fixed(cases[i].r, cases[i].decimals));
    }
    struct ratio q = ratio_divide((struct ratio){30, 4}, (struct ratio){5, 2});
    cr_expect_eq(ratio_fixed(q, 3), 3000);
    q = ratio_divide((struct ratio){UINT64_MAX, 3}, (struct ratio){UINT64_MAX / 2, 3});
    cr_expect_eq(ratio_fixed(q, 3), 2000);
    q = ratio_divide((struct ratio){1, UINT64_MAX}, (struct ratio){UINT64_MAX, 1});
    cr_expect_eq(ratio_fixed(q, 6), 0);
    cr_expect_eq(ratio_divide((struct ratio){1, 1}, (struct ratio){0, 1}).den, 0);
    cr_expect_eq(ratio_divide((struct ratio){1, 0}, (struct ratio){1, 1}).den, 0);
}

Test(stats, json)
{
    struct counters a = {2, 1, {1, 2, 3}}, b = {5, 0, {0, 0, 0}};
    uint64_t cycles = UINT64_C(9007199254740993); /* not a double */
    struct stats *s = sample(&a, &b, &cycles);
    char *text = NULL, *again = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(stats_write_json(s, f), 0);
    fclose(f);
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(j);
    cr_expect_eq(json_object_size(j), 13);
    cr_expect_eq(json_integer_value(json_object_get(j, "cycles")), 9007199254740993);
    cr_expect_eq(json_integer_value(json_object_get(j, "llc.hits")), 5);
    cr_expect(json_is_null(json_object_get(j, "nothing")));
    cr_expect(strstr(text, "\"miss_rate\": 0.3333,") != NULL, "%s", text);
    cr_expect(strncmp(text, "{\n  \"cycles\": 9007199254740993,\n  \"hart0.l1d.hits\": 2,", 50) ==
              0);
    json_decref(j);
    f = open_memstream(&again, &n);
    stats_write_json(s, f);
    fclose(f);
    cr_expect_str_eq(text, again);
    free(text);
    free(again);
    f = fopen("/dev/full", "w");
    setvbuf(f, NULL, _IONBF, 0);
    cr_expect_eq(stats_write_json(s, f), -1);
    fclose(f);
    stats_free(s);
}

/* ---- series ---- */

TestSuite(series, .init = scratch_enter, .fini = scratch_leave);

static size_t bytes_of(const char *path, unsigned char *buf, size_t cap)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f != NULL);
    size_t n = fread(buf, 1, cap, f);
    fclose(f);
    return n;
}

static void put_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f != NULL);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_series(const char *path, unsigned rows)
{
    struct counters a = {100, 0, {0, 0, 0}}, b = {0, 50, {0, 0, 0}};
    uint64_t cycles = 3;
    char err[300] = "";
    struct stats *s = sample(&a, &b, &cycles);
    struct series *series = series_open(path, s, err, sizeof err);
    cr_assert(series != NULL, "%s", err);
    cr_assert_eq(series_columns(series), 12);
    cr_expect_str_eq(series_name(series, 0), "ps");
    cr_expect_str_eq(series_name(series, 1), "cycles");
    for (unsigned i = 0; i < rows; i++) {
        cycles += 10;
        a.hits += i;
        b.misses -= i < 5; /* a level that falls */
        series_sample(series, 1000 * (i + 1));
        cr_expect_eq(series_last(series)[0], 1000 * (i + 1));
        cr_expect_eq(series_last(series)[1], 10);
        cr_expect_eq(series_last(series)[2], i);
        cr_expect_eq((int64_t)series_last(series)[8], i < 5 ? -1 : 0);
    }
    cr_assert_eq(series_close(series, err, sizeof err), 0, "%s", err);
    stats_free(s);
}

Test(series, what_was_written_is_read)
{
    char err[300] = "";
    write_series("a.gz", 500);
    struct series_table *t = series_read("a.gz", err, sizeof err);
    cr_assert(t != NULL, "%s", err);
    cr_expect(t->columns == 12 && t->rows == 500);
    long hits = series_find(t, "hart0.l1d.hits"), misses = series_find(t, "llc.misses");
    cr_assert(hits == 2 && misses == 8);
    cr_expect_eq(series_find(t, "llc"), -1);
    for (size_t i = 0; i < 500; i++) {
        const uint64_t *row = t->cells + i * t->columns;
        cr_assert(row[0] == 1000 * (i + 1) && row[1] == 10 && row[hits] == i);
        cr_assert_eq((int64_t)row[misses], i < 5 ? -1 : 0);
    }
    series_table_free(t);

    write_series("none.gz", 0);
    t = series_read("none.gz", err, sizeof err);
    cr_assert(t != NULL && t->rows == 0 && t->columns == 12);
    series_table_free(t);

    /* Any other reader of gzip agrees; the header is free of time, name and host. */
    unsigned char raw[20000];
    cr_assert_gt(bytes_of("a.gz", raw, sizeof raw), 18);
    cr_expect_arr_eq(raw, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8);
    cr_expect_eq(raw[9], 255);
    char line[200] = "";
    gzFile g = gzopen("a.gz", "rb");
    gzgets(g, line, sizeof line);
    cr_expect(strncmp(line, "ps,cycles,hart0.l1d.hits,", 25) == 0);
    gzgets(g, line, sizeof line);
    cr_expect_str_eq(line, "1000,10,0,0,0,0,0,0,-1,0,0,0\n");
    gzclose(g);
}

Test(series, same_counts_same_bytes)
{
    static unsigned char one[20000], two[20000];
    write_series("a.gz", 300);
    write_series("b.gz", 300);
    size_t n = bytes_of("a.gz", one, sizeof one);
    cr_assert_eq(bytes_of("b.gz", two, sizeof two), n);
    cr_expect_arr_eq(one, two, n);
}

static struct series_table *read_or_die(const char *path)
{
    char err[300] = "";
    struct series_table *t = series_read(path, err, sizeof err);
    cr_assert(t != NULL, "%s", err);
    return t;
}

Test(series, damage_is_an_error)
{
    static unsigned char raw[20000];
    char err[300];
    write_series("a.gz", 20);
    size_t n = bytes_of("a.gz", raw, sizeof raw);
    for (size_t i = 0; i < n; i++) { /* cut off at every length */
        put_bytes("b.gz", raw, i);
        cr_assert_null(series_read("b.gz", err, sizeof err), "%zu bytes of %zu", i, n);
        cr_assert(strncmp(err, "b.gz: ", 6) == 0, "%s", err);
    }
    raw[n] = 0;
    put_bytes("b.gz", raw, n + 1);
    cr_expect_null(series_read("b.gz", err, sizeof err));
    /* Past gzip's header, where time and host's name would be, no changed bit changes a number:
     * only the filling bits behind deflate's last code may differ without an error. */
    struct series_table *good = read_or_die("a.gz");
    size_t accepted = 0;
    for (size_t i = 10 * 8; i < n * 8; i++) {
        raw[i / 8] ^= (unsigned char)(1u << i % 8);
        put_bytes("b.gz", raw, n);
        struct series_table *t = series_read("b.gz", err, sizeof err);
        if (t != NULL) {
            accepted++;
            cr_assert(t->rows == good->rows && t->columns == good->columns);
            cr_assert_arr_eq(t->cells, good->cells, t->rows * t->columns * sizeof *t->cells);
        }
        series_table_free(t);
        raw[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    cr_expect_lt(accepted, 8, "%zu flipped bits went unseen", accepted);
    series_table_free(good);
    cr_expect_null(series_read("none", err, sizeof err));
    cr_expect_null(series_read("/", err, sizeof err));
}

static void put_text(const char *path, const char *text)
{
    gzFile g = gzopen(path, "wb");
    gzputs(g, text);
    gzclose(g);
}

Test(series, text_of_others)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", ":1: "},
        {"ps", ":1: "},
        {"a,b\n1,2\n", "not \"ps\""},
        {"ps,\n1,2\n", "without a name"},
        {"ps,a b\n", "names of columns"},
        {"ps,a\n1\n", ":2: not one number for each column"},
        {"ps,a\n1,2,3\n", ":2: not one number"},
        {"ps,a\n1,2\n1,x\n", ":3: expected a number"},
        {"ps,a\n1,2\n\n", ":3: expected a number"},
        {"ps,a\n1,2", "not one number"},
        {"ps,a\n1,-\n", "expected a number"},
        {"ps,a\n1,18446744073709551616\n", "more than 64 bits"},
        {"ps,a\n1,000000000000000000000001\n", "more than 64 bits"},
    };
    char err[300];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_text("a.gz", bad[i].text);
        err[0] = '\0';
        cr_expect_null(series_read("a.gz", err, sizeof err), "%s", bad[i].text);
        cr_expect(strstr(err, bad[i].said) != NULL, "%s: %s", bad[i].text, err);
    }
    gzFile g = gzopen("a.gz", "wb");
    gzputs(g, "ps");
    for (unsigned i = 0; i <= SERIES_MAX_COLUMNS; i++) {
        gzprintf(g, ",c%u", i);
    }
    gzclose(g);
    cr_expect_null(series_read("a.gz", err, sizeof err));
    cr_expect(strstr(err, "too many columns") != NULL, "%s", err);
    put_text("a.gz", "ps,a\n18446744073709551615,-5\n");
    struct series_table *t = series_read("a.gz", err, sizeof err);
    cr_assert(t != NULL && t->rows == 1);
    cr_expect(t->cells[0] == UINT64_MAX && t->cells[1] == (uint64_t)-5);
    series_table_free(t);
}

Test(series, a_full_disk_is_reported)
{
    uint64_t v = 0;
    char err[300] = "";
    struct stats *s = stats_new();
    stats_add_value(s, "v", "1", "", &v);
    struct series *series = series_open("/dev/full", s, err, sizeof err);
    cr_assert_not_null(series);
    for (unsigned i = 0; i < 10000; i++) {
        v += i * 7919;
        series_sample(series, i);
    }
    cr_expect_eq(series_close(series, err, sizeof err), -1);
    cr_expect(strstr(err, "No space left") != NULL, "%s", err);
    cr_expect_null(series_open("no/such/folder", s, err, sizeof err));
    series = series_open(NULL, s, err, sizeof err); /* rows without a file */
    v += 5;
    series_sample(series, 1);
    cr_expect_eq(series_last(series)[1], 5);
    cr_expect_eq(series_close(series, err, sizeof err), 0);
    stats_free(s);
}
