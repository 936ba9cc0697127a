/* native.c - drives a kernel on the host: `KERNEL SIZE ROUNDS` prints cycles and the checksum. */
/*
 * Cycles are CPU time over the time of a cycle just before and just after. With WASM2C the kernel
 * is what wasm2c made of its module: functions and types that begin with Z_kernel.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/validate/clock.h"

#ifdef WASM2C
#include "kernel_wasm2c.h"
#include "wasm-rt-impl.h"
static Z_kernel_instance_t instance;
#define prepare(size) Z_kernelZ_prepare(&instance, size)
#define run(rounds)   Z_kernelZ_run(&instance, rounds)
#else
#include "tests/validate/kernel.h"
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
    const double before = clock_cycle_ns(), began = clock_now();
    const uint32_t sum = run(number(argv[2]));
    const double took = clock_now() - began, after = clock_cycle_ns();
    printf("%.0f %08" PRIx32 "\n", took * 2 / (before + after), sum);
    return 0;
}
