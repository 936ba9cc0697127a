/* copies.c - SIZE thousand copies of 1 to 64 bytes between places of 256 KiB, by a loop of bytes.
 */
#include "tests/validate/kernel.h"

#define ROOM (256u * 1024)

static uint8_t *room;
static uint32_t thousands;

void prepare(uint32_t size)
{
    thousands = size;
    room = kernel_memory(ROOM + 64);
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        uint64_t random = 41;
        for (uint32_t i = 0; i < thousands * 1000; i++) {
            const uint64_t x = random_next(&random);
            uint8_t *to = room + (x >> 20) % ROOM;
            const uint8_t *from = room + (x >> 42) % ROOM;
            const uint32_t bytes = 1 + (uint32_t)(x >> 10 & 63);
            for (uint32_t k = 0; k < bytes; k++)
                to[k] = from[k];
            sum = sum * 3 + to[bytes - 1];
        }
    }
    return sum;
}
