/* table.h - result tables: aligned for a terminal, or as JSON. */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Cells are set row by row in any order; a cell that was never set has no value ("-", null). */
struct table;

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table *table_new(void);
void table_free(struct table *t); /* NULL is fine */
/* All columns before the first cell. Returns its number, from 0 on. */
size_t table_column(struct table *t, const char *title, enum table_align align);
/* A new empty row; returns its number. */
size_t table_row(struct table *t);
/* A thin rule above that row (groups). */
void table_rule(struct table *t, size_t row);
void table_text(struct table *t, size_t row, size_t column, const char *text);
/* scaled / 10^decimals; suffix ("%", "") follows it on the terminal only. */
void table_fixed(struct table *t, size_t row, size_t column, int64_t scaled, unsigned decimals,
                 const char *suffix);
/* UTF-8; numbers of four and more digits are grouped by commas. */
void table_print(const struct table *t, FILE *f);
/* An array with one object for each row, keyed by the titles. -1 when f fails. */
int table_print_json(const struct table *t, FILE *f);

#endif
