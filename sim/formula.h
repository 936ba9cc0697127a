/* formula.h - ratios of sums of counters, in exact integers. */
#ifndef SIM_FORMULA_H
#define SIM_FORMULA_H

#include <stddef.h>
#include <stdint.h>

/*
 *   formula := sum [ "/" sum ]        sum := term { ( "+" | "-" ) term }
 *   term    := [ NUMBER "*" ] name | NUMBER
 *
 * A name that ends in "*" is the sum of all counters that begin so ("llc.misses.*"); it must match
 * at least one. A sum below 0 counts as 0. Blanks count for nothing. One "/" divides everything
 * before it by everything after it. At most 256 terms (those of a machine of 64 harts are 67), and
 * sums that do not pass 2^64.
 */
struct ratio {
    uint64_t num, den; /* den 0: there is no value */
};

/* Where names come from: fill *value and return 1, or return 0. names(self, i) walks all, NULL
 * ends. */
struct formula_source {
    const void *self;
    int (*lookup)(const void *self, const char *name, uint64_t *value);
    const char *(*name)(const void *self, size_t i);
};

/* 0, or -1 and what is wrong. */
int formula_eval(const char *formula, const struct formula_source *from, struct ratio *out,
                 char *err, size_t errlen);

/* a / b as a ratio; terms are scaled down together where they would not fit. */
struct ratio ratio_divide(struct ratio a, struct ratio b);
/* The value times 10^decimals (0 to 6), rounded half up, saturating at INT64_MAX; -1 when den is 0.
 */
int64_t ratio_fixed(struct ratio r, unsigned decimals);

#endif
