/* sieve.c - counts the primes below N with the sieve of Eratosthenes: strided stores. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/number.h"

int main(int argc, char **argv)
{
    uint32_t n = number_argument_or(argc, argv, 1, "N", 2000000, 2, 1u << 30), primes = 0;
    uint64_t sum = 0;
    uint8_t *composite = calloc(n, 1);
    if (!composite) {
        fputs("sieve: out of memory\n", stderr);
        return 1;
    }
    for (uint32_t i = 2; i < n; i++) {
        if (composite[i])
            continue;
        primes++;
        sum += i;
        for (uint64_t k = (uint64_t)i * i; k < n; k += i)
            composite[k] = 1;
    }
    printf("sieve %u: %u primes, sum %llu\n", (unsigned)n, (unsigned)primes,
           (unsigned long long)sum);
    free(composite);
    return 0;
}
