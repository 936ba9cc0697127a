/* series.h - counters over time: one row of differences for each epoch, in series.csv.gz. */
#ifndef SIM_SERIES_H
#define SIM_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "sim/stats.h"

/*
 * The file is one gzip member (no time, name or host in its header) of comma-separated text: a line
 * of column names, then a line for each epoch. Column 0 is "ps", the simulated time at which the
 * epoch ended; the others are the counters of the registry in its order, each as the change since
 * the line before (the first: since series_open). A number that can fall, such as a fill level, has
 * negative changes: they are written with a sign and held as two's complement.
 */
struct series;

/* Watch all counters that are registered now (none may be added later). path NULL: rows are only
 * kept for series_last. NULL and a message when the file cannot be made. */
struct series *series_open(const char *path, const struct stats *stats, char *err, size_t errlen);
/* End an epoch at time ps. Errors of writing are remembered until series_close. */
void series_sample(struct series *s, uint64_t ps);
/* Columns with "ps", their names, and the row of the last sample (zeros before the first). */
size_t series_columns(const struct series *s);
const char *series_name(const struct series *s, size_t column);
const uint64_t *series_last(const struct series *s);
/* Finish the file; s is gone either way. */
int series_close(struct series *s, char *err, size_t errlen);

/*
 * What a full checkpoint keeps of a series, so that one that goes on from there is as if it had
 * never stopped: counters and row of the last sample, and a gzip member of the text so far (n 0:
 * the series had no file).
 */
struct series_past {
    size_t columns;
    uint64_t *before, *row;
    uint8_t *gz;
    size_t n;
};
/* Free it with series_past_free. NULL: out of memory, or the file cannot be read back. */
struct series_past *series_past(struct series *s);
void series_past_free(struct series_past *p); /* NULL is fine */
/* Put it in front of a series that has no row yet. -1: it is not that of such a series. */
int series_resume(struct series *s, const struct series_past *past);

/* A whole file in memory, row after row. */
struct series_table {
    size_t columns, rows;
    char **names;
    uint64_t *cells; /* cells[row * columns + column] */
};
#define SERIES_MAX_COLUMNS 32768u /* 64 harts have some 16,000 */
#define SERIES_MAX_CELLS   (1u << 25)

/* NULL and "FILE: what is wrong" for a file that is damaged, cut off or larger than the limits. */
struct series_table *series_read(const char *path, char *err, size_t errlen);
/* Column of that name, or -1. */
long series_find(const struct series_table *t, const char *name);
void series_table_free(struct series_table *t);

#endif
