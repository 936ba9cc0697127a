/* counter.h - how a component names its counters, so that whoever owns the machine can list them.
 */
#ifndef MEMHIER_COUNTER_H
#define MEMHIER_COUNTER_H

#include <stddef.h>
#include <stdint.h>

/*
 * A component keeps its counters as uint64_t fields of one plain struct and describes them in a
 * static array ended by a NULL name. sim/stats registers such an array once per instance of the
 * component, under a prefix ("l1d."); nothing else knows the fields by position.
 */
struct counter {
    const char *name;    /* lower case, dots for structure: "misses.load" */
    const char *unit;    /* "lines", "cycles", "ps", "1" … */
    const char *meaning; /* one line */
    size_t offset;       /* of the uint64_t in the component's counters struct */
};

#endif
