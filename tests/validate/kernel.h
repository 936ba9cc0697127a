/* kernel.h - a kernel of `make validate-host`: one source, built for the simulator, for the host,
 * and for the host by way of wasm2c. */
#ifndef TESTS_VALIDATE_KERNEL_H
#define TESTS_VALIDATE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guestos/lib/hash.h"

/*
 * A kernel is a file of this folder that defines the two functions below, and a point of
 * sim/configs/validate-kernels.cfg. It may allocate in prepare, and calls nothing that would enter
 * an operating system. Whoever drives it (guest.c, native.c) calls prepare(size), run(1) to warm
 * up, and run for each piece of the rounds, which are what is timed.
 */
#ifdef __wasm__
#define KERNEL(name) __attribute__((export_name(#name)))
#else
#define KERNEL(name)
#endif

/* Makes the data; what size means is the kernel's own. */
KERNEL(prepare) void prepare(uint32_t size);
/* The work, so many times; a checksum, equal in all builds. */
KERNEL(run) uint32_t run(uint32_t rounds);

/* Memory that holds the 64-bit words 0, 1, 2, ... */
static inline void *kernel_memory(size_t bytes)
{
    uint8_t *p = malloc(bytes + sizeof(uint64_t));
    if (!p)
        abort();
    for (uint64_t i = 0; i <= bytes / sizeof i; i++)
        memcpy(p + i * sizeof i, &i, sizeof i);
    return p;
}

#endif
