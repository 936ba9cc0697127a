/* clock.h - CPU time, how long a cycle of this processor takes, and whether a core is ours. */
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

/*
 * In a virtual machine another's thread may run on the same core. Two threads take turns in its
 * front end, so that a loop of one addition, which takes a cycle an iteration alone, takes up to
 * two.
 */
#define CLOCK_LOOP  16000u
#define CLOCK_ALONE 1.25 /* cycles an iteration */

static inline double clock_iteration_ns(void)
{
    uint32_t i = 0;
    const double began = clock_now();
    do {
        i++;
        __asm__ volatile("" : "+r"(i));
    } while (i < CLOCK_LOOP);
    return (clock_now() - began) / CLOCK_LOOP;
}

/* Nobody else is seen on this core. */
static inline int clock_alone(double cycle_ns)
{
    return clock_iteration_ns() <= CLOCK_ALONE * cycle_ns;
}

/* Wait for that, but not beyond `until` of clock_now: is it so? */
static inline int clock_wait_alone(double cycle_ns, double until)
{
    int alone;
    while (!(alone = clock_alone(cycle_ns)) && clock_now() < until)
        ;
    return alone;
}

#endif
