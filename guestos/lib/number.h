/* number.h - numeric arguments of guest programs, read strictly. */
#ifndef GUESTOS_NUMBER_H
#define GUESTOS_NUMBER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A decimal number from low to high; anything else is said on stderr and ends the program with 2.
 */
static inline uint32_t number_argument(const char *text, const char *what, uint32_t low,
                                       uint32_t high)
{
    uint64_t n = 0;
    int good = *text != 0;
    for (const char *c = text; *c && good; c++) {
        n = n * 10 + (uint64_t)(*c - '0');
        good = *c >= '0' && *c <= '9' && n <= UINT32_MAX;
    }
    if (good && n >= low && n <= high)
        return (uint32_t)n;
    fprintf(stderr, "%s is '%s', expected a number from %u to %u\n", what, text, (unsigned)low,
            (unsigned)high);
    exit(2);
}

/* The same for argument i, if there are so many. */
static inline uint32_t number_argument_or(int argc, char **argv, int i, const char *what,
                                          uint32_t fallback, uint32_t low, uint32_t high)
{
    return i < argc ? number_argument(argv[i], what, low, high) : fallback;
}

#endif
