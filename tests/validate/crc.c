/* crc.c - CRC-32 of SIZE KiB by a table, a byte at a time: a chain through the L1. */
#include "tests/validate/kernel.h"

static uint32_t table[256];
static uint8_t *data;
static uint32_t n;

void prepare(uint32_t size)
{
    uint64_t random = 9;
    n = size * 1024;
    data = kernel_memory(n);
    for (uint32_t i = 0; i < n; i++)
        data[i] = (uint8_t)random_next(&random);
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int k = 0; k < 8; k++)
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320u : table[i] >> 1;
    }
}

uint32_t run(uint32_t rounds)
{
    uint32_t crc = ~0u;
    for (uint32_t r = 0; r < rounds; r++)
        for (uint32_t i = 0; i < n; i++)
            crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    return crc;
}
