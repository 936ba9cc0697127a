/* domain_parts.h - the insides of the persistence domain, shared by its files only. See domain.c.
 */
#ifndef NVDIMM_DOMAIN_PARTS_H
#define NVDIMM_DOMAIN_PARTS_H

#include "nvdimm/domain.h"

#define NONE UINT32_MAX

enum { NONTEMPORAL = 1, VISIBLE = 2, CARRIED = 4 };

struct record {
    uint64_t old_word, new_word;
    ps_t at, durable;
    uint64_t pc;
    uint32_t next, prev; /* towards newer, towards older; `next` links free records too */
    uint8_t word, mask;  /* word 0 to 7 of the line; bit i: byte i of the word counts */
    uint8_t hart, flags;
};

struct line {
    uint64_t addr; /* 0: a free place in the table */
    uint32_t head, tail;
    uint32_t hidden;     /* the oldest ordinary store that is not visible, or NONE */
    uint32_t n;          /* records */
    uint32_t nt;         /* those of them that are non-temporal */
    uint32_t nt_hidden;  /* non-temporal and not visible yet */
    uint32_t nt_waiting; /* non-temporal and not carried yet */
};

struct due {
    uint64_t addr;
    ps_t at;
};

struct domain {
    enum domain_point point;
    ps_t settled;
    struct line *lines;
    uint32_t size;  /* of the table, a power of two, at least twice the tracked lines */
    unsigned shift; /* 64 - log2(size) */
    struct record *records;
    uint32_t nrecords, free_record; /* size of the pool; first of the free list */
    struct due *due;                /* ring */
    size_t due_first, due_n, due_size;
    struct domain_counters counters;
};

uint64_t domain_line_addr(uint64_t addr);
/* The tracked line, or NULL; the same, tracked from now on. */
struct line *domain_find(const struct domain *d, uint64_t addr);
struct line *domain_track(struct domain *d, uint64_t addr);
/* A record that is in no list. */
uint32_t domain_record_new(struct domain *d);
/* Look at the line again when time `at` has come. */
void domain_due_push(struct domain *d, uint64_t addr, ps_t at);

#endif
