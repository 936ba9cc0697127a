/* calls.c - functions called by pointers, chosen by data: indirect calls. A round is 1,000 calls.
 */
#include "tests/validate/kernel.h"

typedef uint32_t step(uint32_t x);
static uint32_t add(uint32_t x)
{
    return x + 12345;
}
static uint32_t turn(uint32_t x)
{
    return x << 7 | x >> 25;
}
static uint32_t mix(uint32_t x)
{
    return x ^ x >> 15;
}
static uint32_t times(uint32_t x)
{
    return x * 0x2c1b3c6du;
}
static step *const steps[4] = {add, turn, mix, times};
static uint8_t *order;
static uint32_t n;

/* size: how many choices until they repeat */
void prepare(uint32_t size)
{
    uint64_t random = 11;
    n = size;
    order = kernel_memory(n + 64);
    for (uint32_t i = 0; i < n; i++)
        order[i] = (uint8_t)(random_next(&random) & 3);
}

uint32_t run(uint32_t rounds)
{
    uint32_t x = 1, at = 0;
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        x = steps[order[at]](x);
        at = at + 1 == n ? 0 : at + 1;
    }
    return x;
}
