/* table.c - result tables: aligned for a terminal, or as JSON. */
#include "sim/table.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/hostmem.h"
#include "sim/quantity.h"

#define GAP 2 /* blanks between columns */

struct column {
    char *title;
    enum table_align align;
};

struct cell {
    enum { EMPTY, TEXT, FIXED } kind;
    char *text;
    int64_t scaled;
    unsigned decimals;
    char suffix[4];
};

struct table {
    struct column *columns;
    size_t ncolumns, nrows;
    struct cell *cells; /* nrows * ncolumns */
    uint8_t *ruled;     /* for each row */
};

static const char wanted[] = "a table";

struct table *table_new(void)
{
    return hostmem_new(1, sizeof(struct table), wanted);
}

void table_free(struct table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->ncolumns; i++) {
        free(t->columns[i].title);
    }
    for (size_t i = 0; i < t->nrows * t->ncolumns; i++) {
        free(t->cells[i].text);
    }
    free(t->columns);
    free(t->cells);
    free(t->ruled);
    free(t);
}

size_t table_column(struct table *t, const char *title, enum table_align align)
{
    assert(t->nrows == 0);
    t->columns = hostmem_resize(t->columns, t->ncolumns + 1, sizeof *t->columns, wanted);
    t->columns[t->ncolumns] = (struct column){hostmem_text(title, wanted), align};
    return t->ncolumns++;
}

size_t table_row(struct table *t)
{
    size_t n = t->nrows;
    assert(t->ncolumns > 0);
    t->cells = hostmem_resize(t->cells, (n + 1) * t->ncolumns, sizeof *t->cells, wanted);
    t->ruled = hostmem_resize(t->ruled, n + 1, 1, wanted);
    memset(t->cells + n * t->ncolumns, 0, t->ncolumns * sizeof *t->cells);
    t->ruled[n] = 0;
    return t->nrows++;
}

void table_rule(struct table *t, size_t row)
{
    assert(row < t->nrows);
    t->ruled[row] = 1;
}

static struct cell *cell_at(const struct table *t, size_t row, size_t column)
{
    assert(row < t->nrows && column < t->ncolumns);
    return &t->cells[row * t->ncolumns + column];
}

void table_text(struct table *t, size_t row, size_t column, const char *text)
{
    struct cell *c = cell_at(t, row, column);
    free(c->text);
    *c = (struct cell){.kind = TEXT, .text = hostmem_text(text, wanted)};
}

void table_fixed(struct table *t, size_t row, size_t column, int64_t scaled, unsigned decimals,
                 const char *suffix)
{
    struct cell *c = cell_at(t, row, column);
    assert(decimals <= 6 && strlen(suffix) < sizeof c->suffix);
    free(c->text);
    *c = (struct cell){.kind = FIXED, .scaled = scaled, .decimals = decimals};
    snprintf(c->suffix, sizeof c->suffix, "%s", suffix);
}

static uint64_t power_of_ten(unsigned n)
{
    uint64_t p = 1;
    while (n-- > 0) {
        p *= 10;
    }
    return p;
}

#define CELL_TEXT 64

static const char *cell_text(const struct cell *c, char buf[CELL_TEXT])
{
    if (c->kind == TEXT) {
        return c->text;
    }
    if (c->kind == EMPTY) {
        return "-";
    }
    char whole[QUANTITY_TEXT];
    uint64_t unit = power_of_ten(c->decimals);
    uint64_t size = c->scaled < 0 ? -(uint64_t)c->scaled : (uint64_t)c->scaled;
    quantity_group(size / unit, whole);
    int n = snprintf(buf, CELL_TEXT, "%s%s", c->scaled < 0 ? "-" : "", whole);
    if (c->decimals > 0) {
        n += snprintf(buf + n, CELL_TEXT - (size_t)n, ".%0*" PRIu64, (int)c->decimals, size % unit);
    }
    snprintf(buf + n, CELL_TEXT - (size_t)n, "%s", c->suffix);
    return buf;
}

/* Places on the terminal: one for each character of UTF-8. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static void put_line(FILE *f, size_t width)
{
    while (width-- > 0) {
        fputs("\xe2\x94\x80", f);
    }
    fputc('\n', f);
}

static void put_padded(FILE *f, const char *text, size_t width, enum table_align align, int last)
{
    int pad = (int)(width - width_of(text));
    if (align == TABLE_RIGHT) {
        fprintf(f, "%*s%s", pad, "", text);
    } else {
        fprintf(f, "%s%*s", text, last ? 0 : pad, "");
    }
    fprintf(f, "%*s", last ? 0 : GAP, "");
}

void table_print(const struct table *t, FILE *f)
{
    char buf[CELL_TEXT];
    size_t total = 0;
    size_t *width = hostmem_new(t->ncolumns + 1, sizeof *width, wanted);
    for (size_t c = 0; c < t->ncolumns; c++) {
        width[c] = width_of(t->columns[c].title);
        for (size_t r = 0; r < t->nrows; r++) {
            size_t w = width_of(cell_text(cell_at(t, r, c), buf));
            width[c] = w > width[c] ? w : width[c];
        }
        total += width[c] + (c > 0 ? GAP : 0);
    }
    for (size_t c = 0; c < t->ncolumns; c++) {
        put_padded(f, t->columns[c].title, width[c], t->columns[c].align, c + 1 == t->ncolumns);
    }
    fputc('\n', f);
    put_line(f, total);
    for (size_t r = 0; r < t->nrows; r++) {
        if (t->ruled[r] && r > 0) {
            put_line(f, total);
        }
        for (size_t c = 0; c < t->ncolumns; c++) {
            put_padded(f, cell_text(cell_at(t, r, c), buf), width[c], t->columns[c].align,
                       c + 1 == t->ncolumns);
        }
        fputc('\n', f);
    }
    free(width);
}

static json_t *cell_json(const struct cell *c)
{
    switch (c->kind) {
    case TEXT:
        return json_string(c->text);
    case FIXED:
        if (c->decimals == 0) {
            return json_integer(c->scaled);
        }
        return json_real((double)c->scaled / (double)power_of_ten(c->decimals));
    case EMPTY:
        break;
    }
    return json_null();
}

int table_print_json(const struct table *t, FILE *f)
{
    json_t *rows = hostmem_must(json_array(), 0, wanted);
    int bad = 0;
    for (size_t r = 0; r < t->nrows && !bad; r++) {
        json_t *row = hostmem_must(json_object(), 0, wanted);
        for (size_t c = 0; c < t->ncolumns && !bad; c++) {
            bad = json_object_set_new(row, t->columns[c].title, cell_json(cell_at(t, r, c)));
        }
        bad = json_array_append_new(rows, row) != 0 || bad;
    }
    bad = bad || json_dumpf(rows, f, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) != 0 ||
          fputc('\n', f) == EOF;
    json_decref(rows);
    return bad ? -1 : 0;
}
