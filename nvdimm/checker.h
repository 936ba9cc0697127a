/* checker.h - finds persistency bugs that one execution shows. */
#ifndef NVDIMM_CHECKER_H
#define NVDIMM_CHECKER_H

#include <stddef.h>
#include <stdint.h>

#include "nvdimm/domain.h"
#include "nvdimm/pmevent.h"

/*
 * Rows are named as in the table of nvdimm/README.md, which says what each one means under ADR and
 * eADR and which patterns one execution cannot decide. Pure: it knows events and nothing else.
 *
 * A byte of the NVDIMM is clean, dirty (stored, not flushed), pending (flushed, not fenced) or
 * non-temporal (stored past the caches, not fenced). A fence of a thread completes what that thread
 * has flushed and stored non-temporally; clflush completes its line by itself. Under eADR stores
 * through the caches are never dirty. An epoch of a thread ends with each of its fences.
 */
enum checker_row {
    ROW_C1,
    ROW_C2,
    ROW_C3,
    ROW_C4,
    ROW_C6,
    ROW_C8,
    ROW_C9,
    ROW_C10,
    ROW_C15,
    ROW_C16,
    ROW_C20,
    ROW_P1,
    ROW_P2,
    ROW_P3,
    ROW_P4,
    ROW_P5,
    ROW_P6,
    ROW_P7,
    CHECKER_ROWS
};
const char *checker_row_name(enum checker_row row); /* "C1" */
const char *checker_row_text(enum checker_row row); /* what is wrong, in a few words */
/* Wrong after a power cut (C), rather than slow (P)? */
int checker_row_is_bug(enum checker_row row);

/* One finding for each row and place; sites are those of the events, 0: none. */
struct finding {
    enum checker_row row;
    uint32_t store_site, flush_site, fence_site;
    uint32_t bytes;     /* of the first occurrence */
    uint64_t addr;      /* of the first occurrence; 0: none */
    uint64_t count;     /* occurrences */
    uint64_t cycles;    /* P rows of timed runs: what it cost, all occurrences together */
    uint64_t evictions; /* P6 */
};

struct checker;

struct checker *checker_new(enum domain_point point);
void checker_free(struct checker *c);

void checker_consume(struct checker *c, const struct pm_event *e, size_t n);
/* A cache wrote the line back although nobody had flushed it: what P6 costs. */
void checker_evicted(struct checker *c, uint64_t addr, uint64_t cycles);

struct checker_range {
    uint64_t addr, bytes;
};
/* The run is over: judge what is left. keep (NULL: all of it): the parts of the NVDIMM that are
 * meant to survive; stores elsewhere were not for keeping. Nothing may follow. */
void checker_finish(struct checker *c, const struct checker_range *keep, size_t n);

/* In order of rows, then of first occurrence. Until the next call of anything. */
const struct finding *checker_findings(struct checker *c, size_t *n);

#endif
