/* directory.c - which harts hold a line in their private caches: buckets of listed entries. */
#include "memhier/directory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "memhier/archive.h"

struct directory {
    uint32_t *head;            /* of each bucket: index + 1 of its most recent entry, 0: none */
    struct dir_entry *entries; /* sharers 0: free */
    uint64_t capacity;
    uint32_t bucket_mask;
    uint32_t ways; /* 0: no limit */
    uint32_t free; /* list */
};

/* All entries are free. */
static void clear(struct directory *d)
{
    memset(d->head, 0, (d->bucket_mask + 1ul) * sizeof *d->head);
    d->free = 0;
    for (uint32_t i = (uint32_t)d->capacity; i; i--) {
        d->entries[i - 1] = (struct dir_entry){.next = d->free};
        d->free = i;
    }
}

struct directory *directory_new(uint64_t lines, uint32_t sets, uint32_t ways)
{
    struct directory *d = calloc(1, sizeof *d);
    uint64_t buckets = sets;
    if (!d)
        return NULL;
    if (!sets)
        for (buckets = 1; buckets < lines; buckets *= 2)
            ;
    d->bucket_mask = (uint32_t)(buckets - 1);
    d->ways = sets ? ways : 0;
    d->capacity = sets ? (uint64_t)sets * ways : lines;
    assert(d->capacity < UINT32_MAX);
    d->head = calloc(buckets, sizeof *d->head);
    d->entries = calloc(d->capacity, sizeof *d->entries);
    if (!d->head || !d->entries) {
        directory_free(d);
        return NULL;
    }
    clear(d);
    return d;
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    free(d->head);
    free(d->entries);
    free(d);
}

/* A snoop filter's sets are taken from the low bits, as a cache's; else lines are spread. */
static uint32_t *bucket_of(const struct directory *d, uint64_t line)
{
    const uint64_t mixed = d->ways ? line : (line * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    return &d->head[mixed & d->bucket_mask];
}

struct dir_entry *directory_find(const struct directory *d, uint64_t line)
{
    for (uint32_t i = *bucket_of(d, line); i; i = d->entries[i - 1].next)
        if (d->entries[i - 1].line == line)
            return &d->entries[i - 1];
    return NULL;
}

struct dir_entry *directory_use(struct directory *d, uint64_t line)
{
    uint32_t *head = bucket_of(d, line);
    for (uint32_t *at = head; *at;) {
        const uint32_t i = *at;
        struct dir_entry *e = &d->entries[i - 1];
        if (e->line != line) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        e->next = *head;
        *head = i;
        return e;
    }
    return NULL;
}

struct dir_entry *directory_victim(struct directory *d, uint64_t line)
{
    uint32_t n = 0, last = 0;
    if (!d->ways)
        return NULL;
    for (uint32_t i = *bucket_of(d, line); i; i = d->entries[i - 1].next, n++)
        last = i;
    return n < d->ways ? NULL : &d->entries[last - 1];
}

struct dir_entry *directory_add(struct directory *d, uint64_t line)
{
    const uint32_t i = d->free;
    uint32_t *head = bucket_of(d, line);
    assert(i);
    struct dir_entry *e = &d->entries[i - 1];
    d->free = e->next;
    *e = (struct dir_entry){.line = line, .next = *head, .owner = NO_OWNER};
    *head = i;
    return e;
}

void directory_remove(struct directory *d, uint64_t line)
{
    uint32_t *at = bucket_of(d, line);
    while (*at && d->entries[*at - 1].line != line)
        at = &d->entries[*at - 1].next;
    if (!*at)
        return;
    const uint32_t i = *at;
    struct dir_entry *e = &d->entries[i - 1];
    *at = e->next;
    e->sharers = 0;
    e->next = d->free;
    d->free = i;
}

const struct dir_entry *directory_entry(const struct directory *d, uint64_t i)
{
    return i < d->capacity && d->entries[i].sharers ? &d->entries[i] : NULL;
}

uint64_t directory_capacity(const struct directory *d)
{
    return d->capacity;
}

/* ---- checkpoints: how many entries, then those of each bucket, the most recent first ---- */

static void entry_archive(struct dir_entry *e, uint64_t lines, struct archive *a)
{
    archive_u64_below(a, &e->line, lines);
    archive_u64(a, &e->sharers);
    archive_time(a, &e->ready);
    archive_u8(a, &e->owner);
    if (!e->sharers)
        archive_fail(a, "damaged: the directory");
}

static uint32_t count(const struct directory *d)
{
    uint32_t n = 0;
    for (uint64_t i = 0; i < d->capacity; i++)
        n += d->entries[i].sharers != 0;
    return n;
}

static void write_all(struct directory *d, uint64_t lines, struct archive *a)
{
    for (uint64_t b = 0; b <= d->bucket_mask; b++)
        for (uint32_t i = d->head[b]; i; i = d->entries[i - 1].next)
            entry_archive(&d->entries[i - 1], lines, a);
}

/* Entries come in with the least recent in front. */
static void turn_round(struct directory *d)
{
    for (uint64_t b = 0; b <= d->bucket_mask; b++) {
        uint32_t i = d->head[b], front = 0;
        while (i) {
            const uint32_t next = d->entries[i - 1].next;
            d->entries[i - 1].next = front;
            front = i;
            i = next;
        }
        d->head[b] = front;
    }
}

static void read_all(struct directory *d, uint32_t n, uint64_t lines, struct archive *a)
{
    for (uint32_t i = 0; i < n && !a->failed; i++) {
        struct dir_entry e = {0};
        entry_archive(&e, lines, a);
        if (!a->failed && (directory_find(d, e.line) || directory_victim(d, e.line)))
            archive_fail(a, "damaged: the directory");
        if (a->failed)
            break;
        struct dir_entry *to = directory_add(d, e.line);
        to->sharers = e.sharers;
        to->ready = e.ready;
        to->owner = e.owner;
    }
    turn_round(d);
}

void directory_archive(struct directory *d, uint64_t lines, struct archive *a)
{
    uint32_t n = a->writing ? count(d) : 0;
    archive_section(a, "DIRE", 1);
    archive_same(a, d->capacity);
    archive_count(a, &n, (uint32_t)d->capacity, 25);
    if (a->writing) {
        write_all(d, lines, a);
    } else {
        clear(d);
        read_all(d, n, lines, a);
    }
}
