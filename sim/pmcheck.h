/* pmcheck.h - a machine's persistency checking: feeds the checker, reports what it found. */
#ifndef SIM_PMCHECK_H
#define SIM_PMCHECK_H

#include <stdint.h>
#include <stdio.h>

#include "nvdimm/checker.h"
#include "sim/pmwatch.h"

struct machine;
struct hart;

/* Events of a run, for whoever wants to keep them. */
struct pm_record {
    struct pm_event *v;
    size_t n, cap;
};

/* What follows persistent memory in a machine: pmem.check, or somebody's record. */
struct pmfollow {
    struct watch *watch;
    struct checker *checker;  /* NULL: nobody checks */
    struct pm_record *record; /* NULL: nobody records; borrowed */
};

/* NULL when nothing asks for it. */
struct pmfollow *pmfollow_new(const struct machine *m);
void pmfollow_free(struct pmfollow *f);
/* Time these words of a hart's log, if it has a core, and let the followers have their events. */
void pmfollow_words(struct machine *m, struct hart *h, const uint64_t *words, uint32_t n);
/* A device has written a word of the NVDIMM. */
void pmfollow_device(struct machine *m, uint64_t addr, uint64_t old_bytes, uint64_t new_bytes);
/* The run is over. */
void pmfollow_finish(struct machine *m);

/* The checker's findings as text, and as one JSON object. Nothing where nothing was checked. */
void pmcheck_print(const struct machine *m, FILE *to);
void pmcheck_print_json(const struct machine *m, FILE *to);
/* How many findings are bugs (rows C), how many all together. */
size_t pmcheck_bugs(const struct machine *m, size_t *all);
/* One line "NAME + 0x40" for an address in the NVDIMM, by the guest's directory. Returns buf. */
const char *pmcheck_object(const struct machine *m, uint64_t addr, char *buf, size_t n);

#endif
