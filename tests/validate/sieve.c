/* sieve.c - primes below SIZE by Eratosthenes' sieve: stores at strides. */
#include "tests/validate/kernel.h"

static uint8_t *composite;
static uint32_t n;

void prepare(uint32_t size)
{
    n = size;
    composite = kernel_memory(n);
}

uint32_t run(uint32_t rounds)
{
    uint32_t primes = 0;
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < n; i++)
            composite[i] = 0;
        for (uint32_t i = 2; i < n; i++) {
            if (composite[i])
                continue;
            primes++;
            for (uint64_t k = (uint64_t)i * i; k < n; k += i)
                composite[k] = 1;
        }
    }
    return primes;
}
