/* directory.h - which harts hold a line in their private caches: the table that the LLC asks. */
#ifndef MEMHIER_DIRECTORY_H
#define MEMHIER_DIRECTORY_H

#include <stddef.h>
#include <stdint.h>

#include "memhier/port.h"

/*
 * An entry for each line of which some hart has a private copy, and for no other: harts tell when
 * their last copy leaves, clean or not. The table is made of buckets with a list of entries each.
 * With sets and ways given it is a snoop filter: a bucket is a set, holds `ways` entries at most,
 * and whoever adds to a full one first takes out the least recently used. Without, there is room
 * for every line that the private caches can hold. Nothing is allocated after directory_new.
 */
#define DIRECTORY_HARTS 64u
#define NO_OWNER        UINT8_MAX

struct dir_entry {
    uint64_t line;
    uint64_t sharers; /* a bit for each hart that has a copy; never 0 in the table */
    ps_t ready;       /* the last change of owner is over; the next one waits for it */
    uint32_t next;    /* of the bucket, or of the free list; index + 1, 0: none */
    uint8_t owner;    /* the only sharer, who may write (M or E); NO_OWNER: all are in S */
};

struct directory;

/* sets 0: for `lines` lines, no limit of ways; else a power of two of sets of `ways`. NULL: no
 * memory. */
struct directory *directory_new(uint64_t lines, uint32_t sets, uint32_t ways);
void directory_free(struct directory *d);

/* NULL: no hart has the line. Entries stay where they are until they are removed. */
struct dir_entry *directory_find(const struct directory *d, uint64_t line);
/* The same, and makes the entry the most recent of its set. */
struct dir_entry *directory_use(struct directory *d, uint64_t line);
/* The entry that has to be removed before this line can be added; NULL: there is room. */
struct dir_entry *directory_victim(struct directory *d, uint64_t line);
/* Add a line that is absent and for which there is room: no sharers, no owner, ready at 0. */
struct dir_entry *directory_add(struct directory *d, uint64_t line);
void directory_remove(struct directory *d, uint64_t line);

/* To or from a checkpoint (memhier/archive.h). Lines in it have numbers below `lines`. Who is said
 * to have one is for the caller to check. */
struct archive;
void directory_archive(struct directory *d, uint64_t lines, struct archive *a);

/* Entry number i of those there is room for; NULL when it is not in use. For checks. */
const struct dir_entry *directory_entry(const struct directory *d, uint64_t i);
uint64_t directory_capacity(const struct directory *d);

#endif
