/* regress.c - goldens: reading, comparing, writing. The points are worked out in regress_run.c. */
#include "sim/regress.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/error.h"
#include "sim/file.h"
#include "sim/quantity.h"
#include "sim/table.h"

#define FILE_LIMIT   (16u << 20)
#define POINTS_LIMIT 10000u

/* ---- reading ---- */

/* Cut a line at its tabs; how many parts, at most `most`. */
static size_t cut(char *line, char **part, size_t most)
{
    size_t n = 0;
    for (char *p = line; p && n < most; n++) {
        part[n] = p;
        p = strchr(p, '\t');
        if (p)
            *p++ = 0;
        else
            return n + 1;
    }
    return most + 1; /* more than there may be */
}

static int add_point(struct regress *r, char **part)
{
    if (r->n == POINTS_LIMIT)
        return -1;
    struct regress_point *more = realloc(r->points, (r->n + 1) * sizeof *more);
    if (!more)
        return -1;
    r->points = more;
    r->points[r->n++] = (struct regress_point){
        .kind = part[1], .trace = part[2], .machine = part[3], .policy = part[4]};
    return 0;
}

static int add_value(struct regress_point *p, const char *name, const char *text)
{
    struct regress_value *v = &p->golden[p->n_golden];
    if (p->n_golden == REGRESS_FIGURES || strlen(name) >= sizeof v->name || !*text ||
        strspn(text, "0123456789") != strlen(text))
        return -1;
    snprintf(v->name, sizeof v->name, "%s", name);
    errno = 0;
    v->value = strtoull(text, NULL, 10);
    p->n_golden++;
    return errno ? -1 : 0;
}

static int read_line(struct regress *r, char *line)
{
    char *part[6];
    if (!*line || *line == '#')
        return 0;
    const size_t n = cut(line, part, 5);
    if (n == 5 && strcmp(part[0], "point") == 0)
        return add_point(r, part);
    if (n == 3 && !*part[0] && r->n)
        return add_value(&r->points[r->n - 1], part[1], part[2]);
    return -1;
}

int regress_read(struct regress *r, const char *path, char *err, size_t errlen)
{
    size_t bytes, number = 0;
    *r = (struct regress){.text = (char *)file_read(path, FILE_LIMIT, &bytes, err, errlen)};
    if (!r->text)
        return -1;
    char *copy = strdup(path);
    r->folder = copy ? strdup(dirname(copy)) : NULL;
    free(copy);
    if (strlen(r->text) != bytes) {
        regress_free(r);
        return fail(err, errlen, "%s: a zero byte: not a text file", path);
    }
    for (char *line = r->text, *next; line; line = next) {
        number++;
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (!r->folder || read_line(r, line)) {
            regress_free(r);
            return fail(err, errlen,
                        "%s:%zu: expected \"point\", kind, trace, machine and policy, or a name "
                        "and a number (at most %u), with tabs between them",
                        path, number, REGRESS_FIGURES);
        }
    }
    if (!r->n) {
        regress_free(r);
        return fail(err, errlen, "%s: expected at least one line that begins with \"point\"", path);
    }
    return 0;
}

void regress_free(struct regress *r)
{
    free(r->text);
    free(r->folder);
    free(r->points);
    *r = (struct regress){0};
}

/* ---- comparing ---- */

static const struct regress_value *find(const struct regress_value *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    return NULL;
}

static void put_row(struct table *t, const struct regress_point *p, const char *name,
                    const struct regress_value *was, const struct regress_value *is)
{
    const size_t row = table_row(t);
    char point[256];
    snprintf(point, sizeof point, "%s %s %s %s", p->kind, p->trace, p->machine, p->policy);
    table_text(t, row, 0, point);
    table_text(t, row, 1, name);
    if (was)
        table_fixed(t, row, 2, (int64_t)was->value, 0, "");
    if (is)
        table_fixed(t, row, 3, (int64_t)is->value, 0, "");
    if (was && is && was->value) {
        const int64_t by = (int64_t)(is->value - was->value);
        table_fixed(t, row, 4, (int64_t)((double)by * 1e4 / (double)was->value), 2, " %");
    }
}

size_t regress_moved(const struct regress *r)
{
    static const char *const titles[] = {"golden", "now", "change"};
    struct table *t = table_new();
    size_t moved = 0;
    table_column(t, "point", TABLE_LEFT);
    table_column(t, "value", TABLE_LEFT);
    for (size_t i = 0; i < 3; i++)
        table_column(t, titles[i], TABLE_RIGHT);
    for (size_t i = 0; i < r->n; i++) {
        const struct regress_point *p = &r->points[i];
        for (size_t k = 0; k < p->n_now; k++) {
            const struct regress_value *was = find(p->golden, p->n_golden, p->now[k].name);
            if (was && was->value == p->now[k].value)
                continue;
            put_row(t, p, p->now[k].name, was, &p->now[k]);
            moved++;
        }
        for (size_t k = 0; k < p->n_golden; k++)
            if (!find(p->now, p->n_now, p->golden[k].name)) {
                put_row(t, p, p->golden[k].name, &p->golden[k], NULL);
                moved++;
            }
    }
    if (moved)
        table_print(t, stdout);
    table_free(t);
    return moved;
}

/* ---- writing ---- */

static void write_point(const struct regress_point *p, FILE *f)
{
    fprintf(f, "point\t%s\t%s\t%s\t%s\n", p->kind, p->trace, p->machine, p->policy);
    for (size_t i = 0; i < p->n_now; i++)
        fprintf(f, "\t%s\t%" PRIu64 "\n", p->now[i].name, p->now[i].value);
}

/* The old file line by line: what is no point and no value stays. */
static void write_all(const struct regress *r, char *old, FILE *f)
{
    size_t point = 0;
    for (char *line = old, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (*line == '\t' || (!next && !*line))
            continue;
        if (strncmp(line, "point\t", 6) == 0)
            write_point(&r->points[point++], f);
        else
            fprintf(f, "%s\n", line);
    }
}

int regress_write(const struct regress *r, const char *path, char *err, size_t errlen)
{
    size_t bytes;
    char *old = (char *)file_read(path, FILE_LIMIT, &bytes, err, errlen), *part = NULL;
    FILE *f = NULL;
    int bad = -1;
    if (!old)
        return -1;
    if (asprintf(&part, "%s.part", path) < 0) {
        part = NULL;
        (void)fail(err, errlen, "%s: out of memory", path);
        goto out;
    }
    f = fopen(part, "wbe");
    if (f)
        write_all(r, old, f);
    bad = !f || ferror(f);
    if (f && fclose(f))
        bad = -1;
    if (bad || rename(part, path))
        bad = fail(err, errlen, "%s: %s", path, strerror(errno));
    if (bad)
        unlink(part);
out:
    free(part);
    free(old);
    return bad;
}
