/* worker.c - a program for tests of several harts: walks memory of its own and calls the kernel. */
#include <stdint.h>

__attribute__((import_module("env"), import_name("tick"))) int32_t tick(int32_t value);

/* 160 KiB: more than an L1, and of several harts together more than the LLC of the test. */
#define WORDS 20000u

static uint64_t data[WORDS];

__attribute__((export_name("_start"))) void start(void)
{
    uint64_t x = (uint64_t)tick(0);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < WORDS / 4; i++) {
            x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
            data[(uint32_t)(x >> 40) % WORDS] += x;
        }
        tick((int32_t)x);
    }
}
