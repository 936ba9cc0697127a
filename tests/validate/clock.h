/* clock.h - CPU time, and how long a cycle of this processor takes. */
#ifndef TESTS_VALIDATE_CLOCK_H
#define TESTS_VALIDATE_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * Counters of the processor are not there in most virtual machines. So a cycle is the time that one
 * of a chain of dependent additions takes: those of two registers take a cycle on every processor
 * that these tests may see. Of several pieces of the chain the fastest counts, which nobody
 * disturbed. A piece is so long that asking for the time, 2,500 cycles in a virtual machine, is
 * nothing beside it.
 */
#define CLOCK_CHAIN  640000u
#define CLOCK_PIECES 12

/* Of this thread, in nanoseconds. */
static inline double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define CLOCK_ADD                                                                                  \
    x += y;                                                                                        \
    __asm__ volatile("" : "+r"(x), "+r"(y));
#define CLOCK_ADD8 CLOCK_ADD CLOCK_ADD CLOCK_ADD CLOCK_ADD CLOCK_ADD CLOCK_ADD CLOCK_ADD CLOCK_ADD

static inline double clock_addition_ns(void)
{
    uint64_t x = 1, y = 3;
    const double began = clock_now();
    for (uint32_t i = 0; i < CLOCK_CHAIN / 32; i++) {
        CLOCK_ADD8 CLOCK_ADD8 CLOCK_ADD8 CLOCK_ADD8
    }
    return (clock_now() - began) / (CLOCK_CHAIN / 32 * 32);
}

static inline double clock_cycle_ns(void)
{
    double best = clock_addition_ns();
    for (int i = 0; i < CLOCK_PIECES; i++) {
        const double t = clock_addition_ns();
        best = t < best ? t : best;
    }
    return best;
}

#endif
