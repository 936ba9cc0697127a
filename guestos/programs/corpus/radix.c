/* radix.c - sorts records by their keys, digit by digit, and merges equal ones. */
#include <stdio.h>
#include <stdlib.h>

#include "guestos/lib/hash.h"
#include "guestos/lib/number.h"

/*
 *   radix ROUNDS
 *
 * 200,000 records of 16 bytes. Each round draws their keys, skewed towards small ones, sorts by
 * four digits of 8 bits, least significant first, and sums up runs of equal keys. Prints a
 * checksum.
 */
#define RECORDS 200000u
#define DIGITS  256u

struct record {
    uint32_t key, count;
    uint64_t sum;
};

static void pass(const struct record *from, struct record *to, uint32_t shift)
{
    uint32_t at[DIGITS] = {0}, sum = 0;
    for (uint32_t i = 0; i < RECORDS; i++)
        at[from[i].key >> shift & (DIGITS - 1)]++;
    for (uint32_t d = 0; d < DIGITS; d++) {
        const uint32_t n = at[d];
        at[d] = sum;
        sum += n;
    }
    for (uint32_t i = 0; i < RECORDS; i++)
        to[at[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

/* Runs of equal keys become one record each; how many are left. */
static uint32_t merge(struct record *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        if (n && v[n - 1].key == v[i].key) {
            v[n - 1].count += v[i].count;
            v[n - 1].sum += v[i].sum;
        } else {
            v[n++] = v[i];
        }
    }
    return n;
}

int main(int argc, char **argv)
{
    const uint32_t rounds = number_argument_or(argc, argv, 1, "radix: ROUNDS", 1, 1, 1000000);
    struct record *v = malloc(RECORDS * sizeof *v), *w = malloc(RECORDS * sizeof *w);
    uint64_t random = 1, total = 0;
    if (!v || !w) {
        fprintf(stderr, "radix: out of memory\n");
        return 1;
    }
    for (uint32_t r = 0; r < rounds; r++) {
        for (uint32_t i = 0; i < RECORDS; i++) {
            const uint64_t x = random_next(&random);
            v[i] = (struct record){(uint32_t)x >> (x >> 32) % 20, 1, x >> 40};
        }
        for (uint32_t shift = 0; shift < 32; shift += 16) {
            pass(v, w, shift);
            pass(w, v, shift + 8);
        }
        const uint32_t n = merge(v);
        for (uint32_t i = 0; i < n; i++)
            total += v[i].sum ^ v[i].count;
    }
    printf("radix: checksum %llu\n", (unsigned long long)total);
    return 0;
}
