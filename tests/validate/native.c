/* native.c - drives a kernel on the host: `KERNEL SIZE ROUNDS` prints the checksum, and of each
 * piece of the rounds (kernel.h) its cycles and whether it was alone on its core, 1 or 0: nobody
 * else was seen there before it and after it. A piece of no rounds was. */
/*
 * Cycles are CPU time over the time of a cycle just before and just after. With WASM2C the kernel
 * is what wasm2c made of its module: functions and types that begin with Z_kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/validate/clock.h"
#include "tests/validate/kernel.h"
#include "tests/validate/pieces.h"

#define MOST_WAIT_NS 100e6 /* for a core of one's own, in all */

#ifdef WASM2C
#include "kernel_wasm2c.h"
#include "wasm-rt-impl.h"
static Z_kernel_instance_t instance;
#define prepare(size) Z_kernelZ_prepare(&instance, size)
#define run(rounds)   Z_kernelZ_run(&instance, rounds)
#endif

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
#ifdef WASM2C
    wasm_rt_init();
    Z_kernel_init_module();
    Z_kernel_instantiate(&instance);
    /* as glibc is told to do for the native build */
    if (getenv("VALIDATE_HUGE"))
        (void)madvise(instance.w2c_memory.data, UINT64_C(1) << 32, MADV_HUGEPAGE);
#endif
    prepare(number(argv[1]));
    (void)run(1);
    const uint32_t rounds = number(argv[2]);
    double took[KERNEL_PIECES] = {0};
    int alone[KERNEL_PIECES];
    uint32_t sum = 0;
    const double before = clock_cycle_ns(), waits = clock_now() + MOST_WAIT_NS;
    for (uint32_t i = 0; i < KERNEL_PIECES; i++) {
        const uint32_t n = kernel_piece(rounds, i);
        alone[i] = 1;
        if (n) {
            alone[i] = clock_wait_alone(before, waits);
            const double began = clock_now();
            sum = kernel_sum(sum, run(n));
            took[i] = clock_now() - began;
            alone[i] &= clock_alone(before);
        }
    }
    const double cycle = (before + clock_cycle_ns()) / 2;
    printf("%08" PRIx32, sum);
    for (uint32_t i = 0; i < KERNEL_PIECES; i++)
        printf(" %.0f %d", took[i] / cycle, alone[i]);
    printf("\n");
    return 0;
}
