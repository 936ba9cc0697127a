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

/* What code addresses tell of OPT with bypass: of one trace and size. */
struct address_facts {
    uint64_t reads, kept; /* of the LLC; lines that OPT still has when they are read again */
    uint64_t right, right_by_two; /* reads of which the best guess for their address, or for their
                                   * address and the one before, says rightly whether OPT keeps */
    uint64_t addresses, most;     /* of code; as many of them make 90 % of the reads */
};

struct replacement {
    struct replacement_config c;
    struct trace_facts facts[REPLACEMENT_TRACES];
    struct cell *cell; /* [trace][size][policy] */
    struct address_facts addresses[REPLACEMENT_TRACES][REPLACEMENT_SIZES];
};

static inline struct cell *cell_of(const struct replacement *r, size_t trace, size_t size,
                                   size_t policy)
{
    return &r->cell[(trace * r->c.sizes + size) * r->c.policies + policy];
}

/* Of a stream with the outcomes of OPT. -1: out of memory. */
int replacement_addresses(const struct stream_access *v, uint32_t n, const uint64_t *outcome,
                          struct address_facts *f);

/* All tables, on standard output. */
void replacement_print(const struct replacement *r);

#endif
