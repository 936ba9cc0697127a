/* search.c - looks up numbers in a sorted array of SIZE KiB by halving: branches and misses that
 * depend on each other. A round is 1,000 look-ups. */
#include "tests/validate/kernel.h"

static uint32_t *keys;
static uint32_t n;
static uint64_t state = 5;

void prepare(uint32_t size)
{
    n = size * 256;
    keys = kernel_memory((size_t)n * sizeof *keys);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = i * 3;
}

uint32_t run(uint32_t rounds)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rounds * 1000; i++) {
        const uint32_t key = (uint32_t)(random_next(&state) % (n * 3));
        uint32_t low = 0, high = n;
        while (low < high) {
            const uint32_t middle = (low + high) / 2;
            if (keys[middle] == key)
                break;
            if (keys[middle] < key)
                low = middle + 1;
            else
                high = middle;
        }
        sum += low ^ high;
    }
    return sum;
}
