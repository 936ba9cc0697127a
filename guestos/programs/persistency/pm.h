/* pm.h - what the small persistency programs share: an object, and which version is asked for. */
#ifndef PERSISTENCY_PM_H
#define PERSISTENCY_PM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmem.h"
#include "pwk.h"

/* Each program is run as NAME broken, NAME correct, or NAME check; the last says by its exit code
 * whether what is in the object after a power cut is consistent. */
static inline int pm_is(int argc, char **argv, const char *what)
{
    return argc > 1 && strcmp(argv[1], what) == 0;
}

/* The named object, mapped; it is made, zeroed, when it is not there. */
static inline void *pm_open(const char *name, uint32_t bytes)
{
    const int32_t fd = pwk_pmem_open(name, (uint32_t)strlen(name), bytes);
    const int32_t at = fd < 0 ? fd : pwk_map(fd, 0, bytes, PWK_MAP_SHARED);
    if (pwk_failed(at)) {
        fprintf(stderr, "%s: cannot be mapped: error %d\n", name, -at);
        exit(9);
    }
    return pwk_pointer(at);
}

/* For checks: say what is wrong, and end. */
static inline _Noreturn void pm_inconsistent(const char *what)
{
    fprintf(stderr, "inconsistent: %s\n", what);
    exit(1);
}

#endif
