/* quantity.c - sizes, times and frequencies as text with units, in exact integers. */
#include "sim/quantity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/error.h"

struct unit {
    const char *name;
    uint64_t scale;
};

/* Largest first: formatting takes the first that fits. */
static const struct unit byte_units[] = {
    {"TiB", UINT64_C(1) << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20},
    {"KiB", 1 << 10},           {"B", 1},         {NULL, 0}};
static const struct unit time_units[] = {{"s", UINT64_C(1000000000000)},
                                         {"ms", 1000000000},
                                         {"us", 1000000},
                                         {"ns", 1000},
                                         {"ps", 1},
                                         {NULL, 0}};
static const struct unit freq_units[] = {
    {"GHz", 1000000000}, {"MHz", 1000000}, {"kHz", 1000}, {"Hz", 1}, {NULL, 0}};

static const struct kind {
    const char *what, *whole, *example, *units;
    const struct unit *table;
} kinds[] = {
    [QUANTITY_BYTES] = {"size", "bytes", "32 KiB", "B, KiB, MiB, GiB, TiB", byte_units},
    [QUANTITY_TIME] = {"time", "picoseconds", "305 ns", "ps, ns, us, ms, s", time_units},
    [QUANTITY_FREQUENCY] = {"frequency", "hertz", "3.6 GHz", "Hz, kHz, MHz, GHz", freq_units},
};

/* digits without the point, and how many of them stood behind it. */
struct decimal {
    unsigned __int128 digits;
    unsigned behind;
    const char *rest;
};

#define MAX_DIGITS 30

static int parse_decimal(const char *text, struct decimal *d)
{
    unsigned seen = 0, total = 0;
    int point = 0;
    *d = (struct decimal){.rest = text};
    for (;; d->rest++) {
        char c = *d->rest;
        if (c == '.' && !point) {
            point = 1;
        } else if (c >= '0' && c <= '9') {
            if (d->digits != 0 || c != '0') {
                total++;
            }
            if (total > MAX_DIGITS) {
                return -1;
            }
            d->digits = d->digits * 10 + (unsigned)(c - '0');
            d->behind += (unsigned)point;
            seen++;
        } else {
            break;
        }
        if (d->behind > MAX_DIGITS) {
            return -1;
        }
    }
    return seen > 0 && d->rest[-1] != '.' ? 0 : -1;
}

static const struct unit *find_unit(const struct unit *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

static int bad_unit(const struct kind *k, const char *unit, char *err, size_t errlen)
{
    if (*unit == '\0') {
        return fail(err, errlen, "a %s needs a unit (%s), as in \"%s\"", k->what, k->units,
                    k->example);
    }
    if (k->table == byte_units && strchr("kKMGT", *unit) != NULL && strcmp(unit + 1, "B") == 0) {
        return fail(err, errlen, "\"%s\" is read both ways: write %ciB for powers of 1024", unit,
                    *unit == 'k' ? 'K' : *unit);
    }
    return fail(err, errlen, "\"%.16s\" is no unit of %s: expected one of %s", unit, k->what,
                k->units);
}

int quantity_parse(enum quantity kind, const char *text, uint64_t *out, char *err, size_t errlen)
{
    const struct kind *k = &kinds[kind];
    struct decimal d;
    if (parse_decimal(text, &d) != 0) {
        return fail(err, errlen, "\"%.40s\" is no %s: expected a number and a unit, as in \"%s\"",
                    text, k->what, k->example);
    }
    if (d.digits == 0 && *d.rest == '\0') {
        *out = 0;
        return 0;
    }
    const char *name = *d.rest == ' ' ? d.rest + 1 : d.rest;
    const struct unit *u = find_unit(k->table, strcmp(name, "\xc2\xb5s") == 0 ? "us" : name);
    if (u == NULL) {
        return bad_unit(k, name, err, errlen);
    }
    unsigned __int128 value = d.digits;
    /* Past 2^64 already: multiplying could wrap, and fractions only matter below. */
    if (value >> 86 != 0) {
        return fail(err, errlen, "\"%.40s\" has too many digits", text);
    }
    value *= u->scale;
    for (; d.behind > 0; d.behind--) {
        if (value % 10 != 0) {
            return fail(err, errlen, "\"%.40s\" is not a whole number of %s", text, k->whole);
        }
        value /= 10;
    }
    if (value > UINT64_MAX) {
        return fail(err, errlen, "\"%.40s\" is too large", text);
    }
    *out = (uint64_t)value;
    return 0;
}

const char *quantity_format(enum quantity kind, uint64_t value, char buf[QUANTITY_TEXT])
{
    const struct unit *u = kinds[kind].table;
    /* A unit fits if at most three decimals are left over (bytes: none). */
    for (;; u++) {
        uint64_t grain = kind == QUANTITY_BYTES || u->scale < 1000 ? u->scale : u->scale / 1000;
        if (u->scale == 1 || (value >= u->scale && value % grain == 0)) {
            break;
        }
    }
    int n = snprintf(buf, QUANTITY_TEXT, "%" PRIu64, value / u->scale);
    if (value % u->scale != 0) {
        n += snprintf(buf + n, QUANTITY_TEXT - (size_t)n, ".%03" PRIu64,
                      value % u->scale / (u->scale / 1000));
        while (buf[n - 1] == '0') {
            n--;
        }
    }
    snprintf(buf + n, QUANTITY_TEXT - (size_t)n, " %s", u->name);
    return buf;
}

const char *quantity_group(uint64_t value, char buf[QUANTITY_TEXT])
{
    char plain[24];
    int n = snprintf(plain, sizeof plain, "%" PRIu64, value);
    char *to = buf;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = plain[i];
    }
    *to = '\0';
    assert(to - buf < QUANTITY_TEXT);
    return buf;
}
