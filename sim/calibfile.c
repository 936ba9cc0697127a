/* calibfile.c - reading calibration files: fields, words, ranges. */
#include "sim/calibfile.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/error.h"
#include "sim/file.h"

#define COLUMNS   13u
#define MOST_ROWS 100000u
#define MOST_LINE 65536u
#define GIB       (UINT64_C(1) << 30)

const char *const calib_columns[COLUMNS] = {
    "group",        "tier",        "dimms", "threads", "op",   "pattern", "access_bytes",
    "region_bytes", "fence_bytes", "stat",  "value",   "unit", "source"};

enum { GROUP, TIER, DIMMS, THREADS, OP, PATTERN, ACCESS, REGION, FENCE, STAT, VALUE, UNIT, SOURCE };

const char *const calib_group_names[CALIB_GROUPS] = {
    "chase",           "idle-latency",   "bandwidth",    "write-amplification",
    "persist-latency", "fence-interval", "tail-latency", "effective-write-ratio",
    "overwrite-stall"};
static const char *const ops[] = {"read",  "ntstore", "store+clwb", "store+clwb-late",
                                  "store", NULL};
static const char *const patterns[] = {"sequential", "random", "chase", "half-lines", NULL};
static const char *const tiers[] = {"nvdimm", "dram", NULL};
static const char *const groups[] = {"chase",           "idle-latency",
                                     "bandwidth",       "write-amplification",
                                     "persist-latency", "fence-interval",
                                     "tail-latency",    "effective-write-ratio",
                                     "overwrite-stall", NULL};

/* Stats by name, and their unit. */
static const struct {
    const char *name, *unit;
} stats[] = {{"per-line", "ns"},        {"mean", "ns"},
             {"throughput", "GB/s"},    {"media/issued", "ratio"},
             {"issued/media", "ratio"}, {"p", "ns"},
             {"stall", "ns"},           {"writes-between-stalls", "writes"}};

struct reader {
    const char *path;
    unsigned line;
    char *err;
    size_t errlen;
};

static int complain(const struct reader *r, const char *column, const char *got,
                    const char *expected)
{
    snprintf(r->err, r->errlen, "%s:%u: %s is \"%s\", expected %s", r->path, r->line, column, got,
             expected);
    return -1;
}

static int word(const struct reader *r, const struct calib_row *row, unsigned column,
                const char *const *words)
{
    char all[300] = "";
    for (int i = 0; words[i]; i++) {
        if (strcmp(row->text[column], words[i]) == 0)
            return i;
        const size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", words[i]);
    }
    return complain(r, calib_columns[column], row->text[column], all);
}

static int whole(const struct reader *r, const struct calib_row *row, unsigned column, uint64_t low,
                 uint64_t high, uint64_t *out)
{
    char expected[80], *end;
    const char *text = row->text[column];
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *out >= low && *out <= high)
        return 0;
    snprintf(expected, sizeof expected, "a number from %" PRIu64 " to %" PRIu64, low, high);
    return complain(r, calib_columns[column], text, expected);
}

static int read_stat(const struct reader *r, struct calib_row *row)
{
    const char *text = row->text[STAT];
    int found = -1;
    char *end;
    for (unsigned i = 0; i < sizeof stats / sizeof stats[0]; i++)
        found = strcmp(text, stats[i].name) == 0 ? (int)i : found;
    if (text[0] == 'p' && text[1] >= '0' && text[1] <= '9') {
        const double p = strtod(text + 1, &end);
        if (*end || !(p > 0 && p < 100))
            return complain(r, "stat", text, "a percentile between p0 and p100");
        row->percentile = (uint32_t)lround(p * 1000);
        found = CALIB_PERCENTILE;
    } else if (found < 0 || found == CALIB_PERCENTILE) {
        return complain(r, "stat", text,
                        "per-line, mean, throughput, media/issued, issued/media, p50 (any "
                        "percentile), stall or writes-between-stalls");
    }
    row->stat = (enum calib_stat)found;
    if (strcmp(row->text[UNIT], stats[found].unit))
        return complain(r, "unit", row->text[UNIT], stats[found].unit);
    row->value = strtod(row->text[VALUE], &end);
    if (end == row->text[VALUE] || *end || !(row->value > 0) || !isfinite(row->value))
        return complain(r, "value", row->text[VALUE], "a number above 0");
    return 0;
}

/* What would not make sense together. */
static int check_row(const struct reader *r, const struct calib_row *row)
{
    if (row->access % 8 || (row->access > 64 && row->access % 64))
        return complain(r, "access_bytes", row->text[ACCESS],
                        "a multiple of 8, and of 64 from there on");
    if (row->region && row->region < row->access)
        return complain(r, "region_bytes", row->text[REGION], "at least access_bytes");
    if (row->pattern == CALIB_HALF_LINES &&
        (row->access != 128 || row->region % 256 || !row->region))
        return complain(r, "pattern", row->text[PATTERN],
                        "access_bytes 128 and a region of 256-byte lines with it");
    if (row->pattern == CALIB_CHASE && (!row->region || row->region % row->access))
        return complain(r, "region_bytes", row->text[REGION], "a multiple of access_bytes");
    if (row->fence && row->fence % row->access && row->access % row->fence)
        return complain(r, "fence_bytes", row->text[FENCE],
                        "a multiple or a divisor of access_bytes");
    if ((row->stat == CALIB_MEDIA_PER_ISSUED || row->stat == CALIB_ISSUED_PER_MEDIA) &&
        (row->dram || row->op == CALIB_READ))
        return complain(r, "stat", row->text[STAT], "writes to the nvdimm tier with it");
    if ((row->stat == CALIB_STALL || row->stat == CALIB_WRITES_BETWEEN) && row->op == CALIB_READ)
        return complain(r, "stat", row->text[STAT], "writes with it");
    return 0;
}

static int read_row(const struct reader *r, struct calib_row *row)
{
    uint64_t dimms, threads;
    const int group = word(r, row, GROUP, groups);
    const int tier = group < 0 ? -1 : word(r, row, TIER, tiers);
    const int op = tier < 0 ? -1 : word(r, row, OP, ops);
    const int pattern = op < 0 ? -1 : word(r, row, PATTERN, patterns);
    if (pattern < 0 || whole(r, row, DIMMS, 1, 12, &dimms) ||
        whole(r, row, THREADS, 1, 64, &threads) ||
        whole(r, row, ACCESS, 8, 64 << 20, &row->access) ||
        (*row->text[REGION] && whole(r, row, REGION, 64, 64 * GIB, &row->region)) ||
        (*row->text[FENCE] && whole(r, row, FENCE, 8, GIB, &row->fence)) || read_stat(r, row))
        return -1;
    row->group = (enum calib_group)group;
    row->dram = (uint8_t)tier;
    row->op = (enum calib_op)op;
    row->pattern = (enum calib_pattern)pattern;
    row->dimms = (uint32_t)dimms;
    row->threads = (uint32_t)threads;
    row->line = r->line;
    return check_row(r, row);
}

/* Cut a line into fields, in place. Returns how many, or -1 for a quote without an end. */
static int split(char *s, char *field[COLUMNS + 1])
{
    unsigned n = 0;
    for (;;) {
        char *to = s;
        if (n == COLUMNS + 1)
            return (int)n;
        field[n++] = s;
        if (*s == '"') {
            char *end = strchr(s + 1, '"');
            if (!end)
                return -1;
            field[n - 1] = s + 1;
            *end = 0;
            to = end + 1;
        } else {
            to += strcspn(s, ",");
        }
        if (*to != ',')
            return (int)n;
        *to = 0;
        s = to + 1;
    }
}

static int add_row(const struct reader *r, struct calib_file *f, char *line)
{
    char *field[COLUMNS + 1];
    const int n = split(line, field);
    if (n != COLUMNS) {
        snprintf(r->err, r->errlen,
                 n < 0 ? "%s:%u: a quote has no end" : "%s:%u: %d fields, expected 13", r->path,
                 r->line, n);
        return -1;
    }
    if (f->n == MOST_ROWS) {
        snprintf(r->err, r->errlen, "%s:%u: more than %u rows", r->path, r->line, MOST_ROWS);
        return -1;
    }
    struct calib_row *rows = realloc(f->rows, (f->n + 1) * sizeof *rows);
    if (!rows) {
        snprintf(r->err, r->errlen, "out of memory");
        return -1;
    }
    f->rows = rows;
    struct calib_row *row = &rows[f->n];
    memset(row, 0, sizeof *row);
    for (unsigned i = 0; i < COLUMNS; i++)
        row->text[i] = strdup(field[i]);
    f->n++;
    return read_row(r, row);
}

static int check_header(const struct reader *r, char *line)
{
    char *field[COLUMNS + 1];
    const int n = split(line, field);
    for (int i = 0; i < n && i < (int)COLUMNS; i++) {
        if (strcmp(field[i], calib_columns[i]))
            return complain(r, "the header's column", field[i], calib_columns[i]);
    }
    if (n == COLUMNS)
        return 0;
    snprintf(r->err, r->errlen,
             "%s:%u: the header has %d columns, expected 13 (group,tier,…,source)", r->path,
             r->line, n);
    return -1;
}

int calib_read(const char *path, struct calib_file *out, char *err, size_t errlen)
{
    struct reader r = {path, 0, err, errlen};
    char line[MOST_LINE];
    int bad = 0, got;
    *out = (struct calib_file){0};
    FILE *f = fopen(path, "r");
    if (!f) {
        snprintf(err, errlen, "%s: %s", path, strerror(errno));
        return -1;
    }
    while (!bad && (got = file_line(f, line, sizeof line)) != 0) {
        r.line++;
        if (got < 0) {
            snprintf(err, errlen, "%s:%u: expected a line of text, of at most %zu characters", path,
                     r.line, sizeof line - 1);
            bad = -1;
        } else if (r.line == 1)
            bad = check_header(&r, line);
        else if (*line)
            bad = add_row(&r, out, line);
    }
    if (!bad && ferror(f)) {
        snprintf(err, errlen, "%s: %s", path, strerror(errno));
        bad = -1;
    }
    if (!bad && !out->n) {
        snprintf(err, errlen, "%s: expected a header and at least one row", path);
        bad = -1;
    }
    fclose(f);
    if (bad)
        calib_free(out);
    return bad;
}

void calib_free(struct calib_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        for (unsigned k = 0; k < COLUMNS; k++)
            free(f->rows[i].text[k]);
    }
    free(f->rows);
    *f = (struct calib_file){0};
}
