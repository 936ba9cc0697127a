/* replacement_parts.h - what working out the table of policies and printing it share. */
#ifndef SIM_REPLACEMENT_PARTS_H
#define SIM_REPLACEMENT_PARTS_H

#include <stdint.h>

#include "sim/replacement_config.h"

/* Of one trace, size and policy; from the second line on only with a machine. */
enum measure {
    MISSES,
    WRITEBACKS,
    CYCLES_DRAM, /* all memory in DRAM */
    CYCLES_NVDIMM,
    MEDIA_WRITES, /* 256-byte lines, all memory in the NVDIMM */
    MEASURES
};

struct cell {
    uint64_t v[MEASURES];
};

struct trace_facts {
    uint64_t records, reads, instructions;
};

struct replacement {
    struct replacement_config c;
    struct trace_facts facts[REPLACEMENT_TRACES];
    struct cell *cell; /* [trace][size][policy] */
};

static inline struct cell *cell_of(const struct replacement *r, size_t trace, size_t size,
                                   size_t policy)
{
    return &r->cell[(trace * r->c.sizes + size) * r->c.policies + policy];
}

/* All tables, on standard output. */
void replacement_print(const struct replacement *r);

#endif
