/* stats.h - the registry of counters: registered once with name, unit and meaning, read by all. */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "memhier/counter.h"
#include "sim/formula.h"

/*
 * Counters live in the component that counts; the registry holds pointers to them and must not be
 * read after the component is gone. Names are unique (asserted), in order of registration, which is
 * the order of every output.
 */
struct stats;

struct stats *stats_new(void);
void stats_free(struct stats *s);

/* Every row of table (ended by a NULL name), named prefix + row name, at counters + offset.
 * prefix is copied; table must live on. */
void stats_add(struct stats *s, const char *prefix, const struct counter *table,
               const void *counters);
/* One number; all strings but the name must live on. */
void stats_add_value(struct stats *s, const char *name, const char *unit, const char *meaning,
                     const uint64_t *value);
/* A derived number: a formula (sim/formula.h) over names registered before (asserted), written with
 * that many decimals. Not in the series. Name and formula are copied, the other strings must live
 * on. */
void stats_add_ratio(struct stats *s, const char *name, const char *unit, const char *meaning,
                     const char *formula, unsigned decimals);

/* The counters (without derived ones), 0 to stats_count - 1. */
size_t stats_count(const struct stats *s);
const char *stats_name(const struct stats *s, size_t i);
uint64_t stats_value(const struct stats *s, size_t i);
/* 1 and the value, or 0 if there is no counter of that name. */
int stats_lookup(const struct stats *s, const char *name, uint64_t *value);
/* Evaluate a formula now. -1: unknown name or bad text, with a message. */
int stats_formula(const struct stats *s, const char *formula, struct ratio *out, char *err,
                  size_t errlen);

/* {"hart0.cycles": 123, …, "hart0.ipc": 0.87}: flat, in order; a derived number without a value
 * (x / 0) is null. -1 when f fails. */
int stats_write_json(const struct stats *s, FILE *f);
/* Name, unit, meaning: one aligned line each; derived ones with their formula. */
void stats_list(const struct stats *s, FILE *f);

#endif
