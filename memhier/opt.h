/* opt.h - what OPT is told: for each access to a cache, when its line is fetched again. */
#ifndef MEMHIER_OPT_H
#define MEMHIER_OPT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The accesses to a cache are numbered from 0, without flushes, as its policy sees them. next[i] is
 * the number of the next access to the line of access i if keeping the line until then saves a
 * fetch: it is a demand or a prefetch, and nothing drops the line before. Else OPT_NEVER; so before
 * a write-back, which brings the line itself.
 *
 * Found from the end to the start, with a hash table of the lines seen, which the struct holds.
 */
#define OPT_NEVER UINT32_MAX

struct policy_future {
    const uint32_t *next;
    uint32_t n;
};

struct opt_seen; /* of one pass */

/* For a stream of so many events (accesses and flushes). NULL when memory runs out. */
struct opt_seen *opt_seen_new(uint32_t events);
void opt_seen_free(struct opt_seen *s);

/* The line will be asked for soon: bring its place near. */
void opt_seen_prefetch(const struct opt_seen *s, uint64_t line);
/* The last access first: its number, line and kind. Returns its next. */
uint32_t opt_seen_access(struct opt_seen *s, uint32_t number, uint64_t line, unsigned kind);
/* A flush or non-temporal store drops the line here. */
void opt_seen_drop(struct opt_seen *s, uint64_t line);

#endif
