/* check.h - checks of guest test programs: says what failed, and how many were made. */
#ifndef GUEST_CHECK_H
#define GUEST_CHECK_H

#include <inttypes.h>
#include <stdio.h>

/*
 * A test program prints one line for each check that fails and closes with check_end, whose line,
 * with the number of checks, stands in NAME.expected. A name without a check is a test that can not
 * fail, so the number matters.
 */
struct checks {
    int made, failed;
};

#define CHECK(c, good)         check_true(c, good, __LINE__, #good)
#define CHECK_EQ(c, got, want) check_equal(c, (int64_t)(got), (int64_t)(want), __LINE__, #got)

static inline void check_true(struct checks *c, int good, int line, const char *text)
{
    c->made++;
    if (good)
        return;
    c->failed++;
    printf("line %d: not so: %s\n", line, text);
}

static inline void check_equal(struct checks *c, int64_t got, int64_t want, int line,
                               const char *text)
{
    c->made++;
    if (got == want)
        return;
    c->failed++;
    printf("line %d: %s is %" PRId64 ", expected %" PRId64 "\n", line, text, got, want);
}

static inline int check_end(const struct checks *c)
{
    printf("%d checks, %d failed\n", c->made, c->failed);
    return c->failed != 0;
}

#endif
