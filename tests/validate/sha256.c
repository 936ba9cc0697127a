/* sha256.c - SHA-256 of SIZE KiB (the program sha256's). */
#include "tests/validate/program.h"
#include "guestos/programs/bench/sha256.c"
#include "tests/validate/kernel.h"

static uint8_t *data;
static uint32_t blocks;

void prepare(uint32_t size)
{
    blocks = size * 16;
    data = kernel_memory((size_t)blocks * 64);
}

uint32_t run(uint32_t rounds)
{
    uint32_t h[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < blocks; i++)
            compress(h, data + (size_t)i * 64);
    return h[0];
}
