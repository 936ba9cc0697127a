/* series.c - counters over time: one row of differences for each epoch, in series.csv.gz. */
#include "sim/series.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "memhier/hostmem.h"
#include "sim/error.h"

#define GZIP_WINDOW (15 + 16) /* zlib: largest window, gzip wrapping */
#define GZIP_OS     255       /* unknown */
#define CELL_TEXT   24        /* a comma or line end, a sign, 20 digits */
#define CHUNK       16384

struct series {
    const struct stats *stats;
    size_t columns;
    uint64_t *before, *row; /* counters at the last sample; differences */
    char *line;             /* columns * CELL_TEXT */
    char *path;             /* NULL: no file, and the fields below unused */
    FILE *file;
    z_stream z;
    gz_header header;
    int failed; /* errno of the first failure */
};

static const char wanted[] = "the series of counters";

/* ---- writing ---- */

static void pump(struct series *s, const char *text, size_t n, int flush)
{
    unsigned char out[CHUNK];
    int result;
    s->z.next_in = (Bytef *)(uintptr_t)text;
    s->z.avail_in = (uInt)n;
    do {
        s->z.next_out = out;
        s->z.avail_out = sizeof out;
        result = deflate(&s->z, flush);
        size_t have = sizeof out - s->z.avail_out;
        /* cppcheck-suppress uninitvar ; deflate has filled it */
        if (s->failed == 0 && fwrite(out, 1, have, s->file) != have) {
            s->failed = errno;
        }
    } while (s->z.avail_out == 0 && result != Z_STREAM_END);
}

static void write_names(struct series *s)
{
    pump(s, "ps", 2, Z_NO_FLUSH);
    for (size_t i = 1; i < s->columns; i++) {
        const char *name = series_name(s, i);
        pump(s, ",", 1, Z_NO_FLUSH);
        pump(s, name, strlen(name), Z_NO_FLUSH);
    }
    pump(s, "\n", 1, Z_NO_FLUSH);
}

static int open_file(struct series *s, const char *path, char *err, size_t errlen)
{
    s->file = fopen(path, "w+be");
    if (s->file == NULL) {
        return fail(err, errlen, "%s: %s", path, strerror(errno));
    }
    if (deflateInit2(&s->z, 6, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        fclose(s->file);
        return fail(err, errlen, "%s: out of host memory to compress it", path);
    }
    s->path = hostmem_text(path, wanted);
    s->header.os = GZIP_OS;
    deflateSetHeader(&s->z, &s->header);
    write_names(s);
    return 0;
}

static void drop(struct series *s)
{
    free(s->before);
    free(s->row);
    free(s->line);
    free(s->path);
    free(s);
}

struct series *series_open(const char *path, const struct stats *stats, char *err, size_t errlen)
{
    struct series *s = hostmem_new(1, sizeof *s, wanted);
    s->stats = stats;
    s->columns = stats_count(stats) + 1;
    assert(s->columns <= SERIES_MAX_COLUMNS);
    s->before = hostmem_new(s->columns, sizeof *s->before, wanted);
    s->row = hostmem_new(s->columns, sizeof *s->row, wanted);
    s->line = hostmem_resize(NULL, s->columns * CELL_TEXT, 1, wanted);
    for (size_t i = 1; i < s->columns; i++) {
        s->before[i] = stats_value(stats, i - 1);
    }
    if (path != NULL && open_file(s, path, err, errlen) != 0) {
        drop(s);
        return NULL;
    }
    return s;
}

static void write_row(struct series *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->columns; i++) {
        char *at = s->line + n;
        n += (size_t)(i == 0 ? snprintf(at, CELL_TEXT, "%" PRIu64, s->row[0])
                             : snprintf(at, CELL_TEXT, ",%" PRId64, (int64_t)s->row[i]));
    }
    s->line[n++] = '\n';
    pump(s, s->line, n, Z_NO_FLUSH);
}

void series_sample(struct series *s, uint64_t ps)
{
    assert(stats_count(s->stats) + 1 == s->columns);
    s->row[0] = ps;
    for (size_t i = 1; i < s->columns; i++) {
        uint64_t now = stats_value(s->stats, i - 1);
        s->row[i] = now - s->before[i];
        s->before[i] = now;
    }
    if (s->path != NULL) {
        write_row(s);
    }
}

size_t series_columns(const struct series *s)
{
    return s->columns;
}

const char *series_name(const struct series *s, size_t column)
{
    assert(column < s->columns);
    return column == 0 ? "ps" : stats_name(s->stats, column - 1);
}

const uint64_t *series_last(const struct series *s)
{
    return s->row;
}

int series_close(struct series *s, char *err, size_t errlen)
{
    int bad = 0;
    if (s->path != NULL) {
        pump(s, "", 0, Z_FINISH);
        deflateEnd(&s->z);
        if (fclose(s->file) != 0 && s->failed == 0) {
            s->failed = errno;
        }
        if (s->failed != 0) {
            bad = fail(err, errlen, "%s: cannot write: %s", s->path, strerror(s->failed));
        }
    }
    drop(s);
    return bad;
}

/* ---- going on after a checkpoint ---- */

void series_past_free(struct series_past *p)
{
    if (p == NULL) {
        return;
    }
    free(p->before);
    free(p->row);
    free(p->gz);
    free(p);
}

/* The file so far, then what the compressor still holds: the end is that of a copy of it. */
static int read_back(struct series *s, struct series_past *p)
{
    z_stream z;
    if (fflush(s->file) != 0) {
        return -1;
    }
    const off_t have = ftello(s->file);
    if (have < 0 || deflateCopy(&z, &s->z) != Z_OK) {
        return -1;
    }
    const size_t rest = deflateBound(&z, 0) + CHUNK + (1u << 18); /* a window and what is pending */
    p->gz = malloc((size_t)have + rest);
    int bad = p->gz == NULL || pread(fileno(s->file), p->gz, (size_t)have, 0) != (ssize_t)have;
    if (!bad) {
        z.next_in = NULL;
        z.avail_in = 0;
        z.next_out = p->gz + have;
        z.avail_out = (uInt)rest;
        bad = deflate(&z, Z_FINISH) != Z_STREAM_END;
        p->n = (size_t)have + rest - z.avail_out;
    }
    deflateEnd(&z);
    return bad ? -1 : 0;
}

struct series_past *series_past(struct series *s)
{
    struct series_past *p = hostmem_new(1, sizeof *p, wanted);
    p->columns = s->columns;
    p->before = hostmem_resize(NULL, s->columns, sizeof *p->before, wanted);
    p->row = hostmem_resize(NULL, s->columns, sizeof *p->row, wanted);
    memcpy(p->before, s->before, s->columns * sizeof *p->before);
    memcpy(p->row, s->row, s->columns * sizeof *p->row);
    if (s->path != NULL && read_back(s, p) != 0) {
        series_past_free(p);
        return NULL;
    }
    return p;
}

/* The line of names, which s has written, must be the same; the rows are written. */
struct names_left {
    struct series *s;
    size_t column, at; /* in the text that is expected */
    int done, bad;
};

static void expect(struct names_left *l, char c)
{
    const char *name = series_name(l->s, l->column);
    const int last = l->column + 1 == l->s->columns;
    if (name[l->at] != '\0') {
        l->bad |= name[l->at++] != c;
        return;
    }
    l->bad |= c != (last ? '\n' : ',');
    l->done = last;
    l->column += !last;
    l->at = 0;
}

static void take_text(struct names_left *l, const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && !l->done && !l->bad) {
        expect(l, text[i++]);
    }
    if (!l->bad && i < n) {
        pump(l->s, text + i, n - i, Z_NO_FLUSH);
    }
}

int series_resume(struct series *s, const struct series_past *past)
{
    struct names_left left = {.s = s};
    unsigned char out[CHUNK];
    z_stream z = {.next_in = past->gz, .avail_in = (uInt)past->n};
    int result = Z_OK;
    if (past->columns != s->columns || past->n > UINT32_MAX) {
        return -1;
    }
    memcpy(s->before, past->before, s->columns * sizeof *s->before);
    memcpy(s->row, past->row, s->columns * sizeof *s->row);
    if (s->path == NULL || past->n == 0) {
        return 0;
    }
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
        hostmem_end(wanted, 0);
    }
    while (result == Z_OK && !left.bad) {
        z.next_out = out;
        z.avail_out = sizeof out;
        result = inflate(&z, Z_NO_FLUSH);
        take_text(&left, (const char *)out, sizeof out - z.avail_out);
    }
    inflateEnd(&z);
    return result == Z_STREAM_END && !left.bad && left.done ? 0 : -1;
}

/* ---- reading ---- */

/* The inflated text as a stream of characters. */
struct text {
    const char *path;
    FILE *file;
    z_stream z;
    unsigned char in[CHUNK], out[CHUNK];
    size_t at, n;  /* in out */
    int ended;     /* the member is complete */
    uint64_t line; /* for messages */
    char *err;
    size_t errlen;
};

#define END_OF_TEXT (-1)
#define BAD_TEXT    (-2)

static int complain(struct text *t, const char *what)
{
    fail(t->err, t->errlen, "%s: %s", t->path, what);
    return BAD_TEXT;
}

/* More text into out: 0, END_OF_TEXT or BAD_TEXT. */
static int refill(struct text *t)
{
    t->at = t->n = 0;
    while (t->n == 0 && !t->ended) {
        if (t->z.avail_in == 0) {
            t->z.next_in = t->in;
            t->z.avail_in = (uInt)fread(t->in, 1, sizeof t->in, t->file);
            if (t->z.avail_in == 0) {
                return complain(t, ferror(t->file) ? "cannot read" : "the file is cut off");
            }
        }
        t->z.next_out = t->out;
        t->z.avail_out = sizeof t->out;
        int result = inflate(&t->z, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END) {
            return complain(t, "not a gzip file, or damaged");
        }
        t->n = sizeof t->out - t->z.avail_out;
        t->ended = result == Z_STREAM_END;
        if (t->ended && (t->z.avail_in > 0 || fgetc(t->file) != EOF)) {
            return complain(t, "something follows the end of the data");
        }
    }
    return t->n > 0 ? 0 : END_OF_TEXT;
}

static int next_char(struct text *t)
{
    if (t->at == t->n) {
        int state = refill(t);
        if (state != 0) {
            return state;
        }
    }
    return t->out[t->at++];
}

static int bad_line(struct text *t, const char *what)
{
    fail(t->err, t->errlen, "%s:%" PRIu64 ": %s", t->path, t->line, what);
    return -1;
}

static int add_name(struct text *t, struct series_table *table, const char *name)
{
    if (*name == '\0' || table->columns == SERIES_MAX_COLUMNS) {
        return bad_line(t, *name == '\0' ? "a column without a name" : "too many columns");
    }
    table->names = hostmem_resize(table->names, table->columns + 1, sizeof *table->names, wanted);
    table->names[table->columns++] = hostmem_text(name, wanted);
    return 0;
}

static int read_names(struct text *t, struct series_table *table)
{
    char name[128];
    size_t n = 0;
    for (;;) {
        int c = next_char(t);
        if (c == BAD_TEXT) {
            return -1;
        }
        if (c == ',' || c == '\n') {
            name[n] = '\0';
            n = 0;
            if (add_name(t, table, name) != 0) {
                return -1;
            }
            if (c == '\n') {
                break;
            }
        } else if (c <= ' ' || c >= 0x7f || n + 1 == sizeof name) {
            return bad_line(t, "expected the names of columns");
        } else {
            name[n++] = (char)c;
        }
    }
    return strcmp(table->names[0], "ps") == 0 ? 0 : bad_line(t, "the first column is not \"ps\"");
}

/* One number; returns the character behind it, or BAD_TEXT. `c` is its first character. */
static int read_cell(struct text *t, int c, uint64_t *out)
{
    int negative = c == '-', digits = 0;
    unsigned __int128 v = 0;
    for (c = negative ? next_char(t) : c; c >= '0' && c <= '9'; c = next_char(t)) {
        v = v * 10 + (unsigned)(c - '0');
        if (++digits > 20 || v > UINT64_MAX) {
            bad_line(t, "a number of more than 64 bits");
            return BAD_TEXT;
        }
    }
    if (c == BAD_TEXT) {
        return c;
    }
    if (digits == 0) {
        bad_line(t, "expected a number");
        return BAD_TEXT;
    }
    *out = negative ? -(uint64_t)v : (uint64_t)v;
    return c;
}

/* Room for one more row; -1 past the limit. */
static int grow(struct text *t, struct series_table *table, size_t *cap)
{
    if (table->rows < *cap) {
        return 0;
    }
    *cap = *cap ? *cap * 2 : 64;
    if ((table->rows + 1) * table->columns > SERIES_MAX_CELLS) {
        return bad_line(t, "too many rows");
    }
    size_t most = SERIES_MAX_CELLS / table->columns;
    *cap = *cap < most ? *cap : most;
    table->cells = hostmem_resize(table->cells, *cap * table->columns, sizeof *table->cells,
                                  wanted);
    return 0;
}

static int read_rows(struct text *t, struct series_table *table)
{
    size_t cap = 0;
    int c;
    for (t->line = 2; (c = next_char(t)) != END_OF_TEXT; t->line++) {
        if (c == BAD_TEXT || grow(t, table, &cap) != 0) {
            return -1;
        }
        uint64_t *row = table->cells + table->rows * table->columns;
        for (size_t i = 0; i < table->columns; i++) {
            int expected = i + 1 == table->columns ? '\n' : ',';
            c = read_cell(t, i == 0 ? c : next_char(t), &row[i]);
            if (c == BAD_TEXT) {
                return -1;
            }
            if (c != expected) {
                return bad_line(t, "not one number for each column");
            }
        }
        table->rows++;
    }
    return 0;
}

struct series_table *series_read(const char *path, char *err, size_t errlen)
{
    struct series_table *table = hostmem_new(1, sizeof *table, wanted);
    struct text *t = hostmem_new(1, sizeof *t, wanted);
    int bad = -1;
    t->path = path;
    t->line = 1;
    t->err = err;
    t->errlen = errlen;
    t->file = fopen(path, "rbe");
    if (t->file == NULL) {
        fail(err, errlen, "%s: %s", path, strerror(errno));
    } else if (inflateInit2(&t->z, GZIP_WINDOW) != Z_OK) {
        fail(err, errlen, "%s: out of host memory to inflate it", path);
        fclose(t->file);
    } else {
        bad = read_names(t, table) != 0 || read_rows(t, table) != 0;
        inflateEnd(&t->z);
        fclose(t->file);
    }
    free(t);
    if (bad) {
        series_table_free(table);
        return NULL;
    }
    return table;
}

long series_find(const struct series_table *t, const char *name)
{
    for (size_t i = 0; i < t->columns; i++) {
        if (strcmp(t->names[i], name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

void series_table_free(struct series_table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->columns; i++) {
        free(t->names[i]);
    }
    free(t->names);
    free(t->cells);
    free(t);
}
