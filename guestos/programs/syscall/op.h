/* op.h - programs that measure operations: setting up outside the region of interest, a mark each.
 */
#ifndef SYSCALL_OP_H
#define SYSCALL_OP_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "pwk.h"

/* Operations in front of the region, so that caches and predictors know them. */
#define OP_WARM_UP 64u

/* Does an operation (a statement) `n` times in the region of interest, `i` counting them. */
#define OP_TIMES(n, ...)                                                                           \
    do {                                                                                           \
        for (uint32_t i = 0; i < OP_WARM_UP; i++) {                                                \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
        pwk_roi(1);                                                                                \
        for (uint32_t i = 0; i < (n); i++) {                                                       \
            __VA_ARGS__;                                                                           \
            pwk_mark(0);                                                                           \
        }                                                                                          \
        pwk_roi(0);                                                                                \
    } while (0)

static inline void op_check(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

#endif
